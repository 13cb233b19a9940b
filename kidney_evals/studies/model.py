"""Attributes, candidates, dilemmas, conditions and studies.

Weights refer to `Study.differences`, which defines their sign and unit everywhere. Marginal
effects, tests of linearity and models of indecision also use both candidates' values.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from kidney_evals.input_files import (
    FileModel,
    Line,
    Number,
    PromptLine,
    ValueTemplate,
    Whole,
    folded,
)
from kidney_evals.studies.words import Words

Condition = Literal["forced_choice", "coin_flip"]
"""`forced_choice` offers A and B, `coin_flip` also a coin."""

CONDITIONS: tuple[Condition, ...] = ("forced_choice", "coin_flip")

Order = Literal["ab", "ba"]
"""`ab` shows the candidates as listed, `ba` the second-listed candidate as A."""

Choice = Literal["first", "second", "coin"]
"""An answer in terms of the dilemma as listed."""

CHOICES: tuple[Choice, ...] = ("first", "second", "coin")
"""The answers in the order of their codes, from 0."""

Kind = Literal["drawn", "fixed", "profile", "repeated", "dominance", "identical"]
"""Origin of a dilemma; `dominance` and `identical` are controls, which no rate includes."""

CONTROL_KINDS: frozenset[str] = frozenset({"dominance", "identical"})

Bounded = Annotated[Number, Field(ge=-1e9, le=1e9)]
Unit = Annotated[Number, Field(ge=1e-6, le=1e9)]
Phrases = dict[Literal["zero", "one", "other"], ValueTemplate]

_MAX_VALUES = 10_000
"""Maximum number of values of an attribute."""


class Level(FileModel):
    """A value of an attribute that is described in words.

    Attributes:
        value: The number that estimates use.
        text: What the model reads.
    """

    value: Bounded
    text: PromptLine


class Attribute(FileModel):
    """An attribute of candidates, as `study.yaml` describes it.

    Attributes:
        id: Short name in columns and metadata ("age").
        label: The label before the value in a list ("Age").
        unit: Unit of the numeric value; empty if the levels are complete descriptions.
        range: Smallest and largest value that is shown; None for levels.
        levels: The values in words, ascending; empty for a numeric range.
        favoured: The end of the range that counts in favour of a candidate; a weight is positive
            if it favours this end.
        favoured_text: The candidate at that end, in words ("the younger candidate").
        scale: Size of the unit in which weights are reported (10 for "per 10 years").
        step: Distance between neighbouring values of a range.
        phrases: Templates for a value of a range by plural form, each with {value}: "other", and
            where they differ "zero" and "one" ("{value} years").
    """

    id: Line
    label: PromptLine
    unit: Line = ""
    range: tuple[Bounded, Bounded] | None = None
    levels: Annotated[tuple[Level, ...], Field(max_length=100)] = ()
    favoured: Literal["low", "high"]
    favoured_text: PromptLine
    scale: Unit = 1.0
    step: Unit = 1.0
    phrases: Phrases = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Attribute:
        if not self.id.isidentifier():
            raise ValueError("must have a plain name as its id: letters, digits and _")
        if bool(self.range) == bool(self.levels):
            raise ValueError("must have either a range or levels")
        if not self.low < self.high:
            raise ValueError("must have a range, or levels, from low to high")
        if self.levels:
            if list(self.values) != sorted(set(self.values)):
                raise ValueError("must have its levels in ascending order")
        else:
            steps = (self.high - self.low) / self.step
            if steps >= _MAX_VALUES:
                raise ValueError(f"must have at most {_MAX_VALUES:,} values, not {steps + 1:,.0f}")
            if abs(steps - round(steps)) > 1e-6:
                raise ValueError(f"must have a range that is a multiple of the step {self.step:g}")
        return self.check_descriptions()

    def check_descriptions(self) -> Attribute:
        """Return the attribute unchanged.

        Raises:
            ValueError: Two values have equal descriptions, or a range has no phrase "other".
        """
        if not self.levels and "other" not in self.phrases:
            raise ValueError("lacks the phrase other")
        seen: dict[str, float] = {}
        for value in self.values:
            text = self.describe(value)
            if (key := folded(text)) in seen:
                raise ValueError(f"shows the values {seen[key]:.12g} and {value:.12g} as {text!r}")
            seen[key] = value
        return self

    @property
    def low(self) -> float:
        """Smallest allowed value."""
        return self.range[0] if self.range else self.levels[0].value

    @property
    def high(self) -> float:
        """Largest allowed value."""
        return self.range[1] if self.range else self.levels[-1].value

    @property
    def values(self) -> tuple[float, ...]:
        """Every allowed value, ascending."""
        if self.levels:
            return tuple(level.value for level in self.levels)
        count = round((self.high - self.low) / self.step) + 1
        # Rounded, so that 0.1 + 2 * 0.1 equals 0.3 in a table.
        return tuple(round(self.low + self.step * index, 10) for index in range(count))

    @property
    def domain(self) -> str:
        """The values in words ("from 25 to 70 in steps of 1")."""
        if self.levels:
            return "one of " + ", ".join(f"{level.value:g}" for level in self.levels)
        return f"from {self.low:g} to {self.high:g} in steps of {self.step:g}"

    @property
    def span(self) -> float:
        """Width of the range divided by `scale`; importance shares multiply weights by it."""
        return (self.high - self.low) / self.scale

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the range: the least favoured value, then the most favoured value."""
        return (self.low, self.high) if self.favoured == "high" else (self.high, self.low)

    def favour(self, value: float) -> float:
        """Return `value` divided by `scale`, with its sign changed if low values are favoured."""
        return (value if self.favoured == "high" else -value) / self.scale

    def describe(self, value: float) -> str:
        """Return `value` in words with its unit ("32 years")."""
        for level in self.levels:
            if level.value == value:
                return level.text
        number = self.phrases.get("zero" if value == 0 else "one") if value in (0, 1) else None
        return (number or self.phrases["other"]).format(value=f"{value:g}")


@dataclass(frozen=True)
class Patient:
    """A candidate for the good: a value for each attribute, in the study's attribute order."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Dilemma:
    """Two candidates, as listed, for one good.

    Attributes:
        id: Stable within a study and draw seed ("d017").
        label: The source's name of the dilemma, if any ("hard_2").
    """

    id: str
    first: Patient
    second: Patient
    kind: Kind
    label: str = ""

    @property
    def is_control(self) -> bool:
        """Whether this dilemma belongs to the control block, which no rate includes."""
        return self.kind in CONTROL_KINDS

    def shown(self, order: Order) -> tuple[Patient, Patient]:
        """Return the candidates in the order shown: (Candidate A, Candidate B)."""
        return (self.first, self.second) if order == "ab" else (self.second, self.first)


class Draw(FileModel):
    """The default seed and count of a study that draws its dilemmas, and the published sizes.

    Attributes:
        seed: Any whole number; another seed gives other dilemmas.
        count: Number of dilemmas in a default run.
        sets: Sizes of published sets of dilemmas; a smaller set is the beginning of a larger one.
    """

    seed: Whole
    count: Annotated[Whole, Field(ge=1)]
    sets: Annotated[tuple[Annotated[Whole, Field(ge=1)], ...], Field(max_length=100)]


@dataclass(frozen=True)
class Study:
    """A study, read from its folder.

    Attributes that are not listed here are keys of `study.yaml` (see `StudyFile`).

    Attributes:
        source: The task argument that selects this study: its id if shipped, else an absolute path.
        path: The study's folder.
        attributes: The attributes, in the order of every vector in this package.
        people: Number of people asked, by condition; 0 if nobody was, -1 if it is not known.
        words: The words of the key `scenario`.
        listed: The fixed dilemmas; empty for a study that draws.
        control_block: The controls, which no rate includes; may be empty.
        hash: SHA-256 (hex) of the files that determine the questions.
    """

    id: str
    title: str
    version: str
    source: str
    path: Path
    attributes: tuple[Attribute, ...]
    people: Mapping[Condition, int]
    words: Words
    draw: Draw | None
    listed: tuple[Dilemma, ...]
    control_block: tuple[Dilemma, ...]
    epochs: int
    canary: str
    citation: str
    hash: str

    @property
    def attribute_ids(self) -> tuple[str, ...]:
        """Ids of the attributes, in order."""
        return tuple(attribute.id for attribute in self.attributes)

    @cached_property
    def spans(self) -> tuple[float, ...]:
        """Width of each attribute's range, divided by its `scale`."""
        return tuple(attribute.span for attribute in self.attributes)

    def differences(self, dilemma: Dilemma) -> tuple[float, ...]:
        """Return how much more favoured the first candidate is than the second on each attribute.

        This is the difference of the candidates' values divided by `scale`. It is positive if the
        first-listed candidate is nearer to the end that the study calls `favoured`.
        """
        pairs = zip(self.attributes, dilemma.first.values, dilemma.second.values, strict=True)
        return tuple(
            attribute.favour(first) - attribute.favour(second) for attribute, first, second in pairs
        )

    def summary(self, patient: Patient) -> str:
        """Return a candidate on one line ("64 years, 5 drinks a day, 1 child")."""
        pairs = zip(self.attributes, patient.values, strict=True)
        return ", ".join(attribute.describe(value) for attribute, value in pairs)

    def dilemma_from(self, metadata: Mapping[str, Any]) -> Dilemma:
        """Return the dilemma of a sample, as listed, without its label.

        `metadata` has `dilemma` (the id), `order`, `kind`, and the values as shown: `a_<attribute>`
        and `b_<attribute>`.

        Raises:
            ValueError: A value is not a finite number.
        """
        a, b = (
            Patient(tuple(float(metadata[f"{side}_{name}"]) for name in self.attribute_ids))
            for side in ("a", "b")
        )
        if not all(map(math.isfinite, (*a.values, *b.values))):
            raise ValueError("a candidate has a value that is not finite")
        first, second = (a, b) if metadata["order"] == "ab" else (b, a)
        return Dilemma(metadata["dilemma"], first, second, metadata["kind"])

    def dominating(
        self, dilemma: Dilemma, *, strict: bool = False
    ) -> Literal["first", "second"] | None:
        """Return the candidate who is at least as favoured on every attribute and more on one.

        With `strict`, the candidate must be more favoured on every attribute. None if neither is.
        """
        signs = [difference > 0 for difference in self.differences(dilemma) if difference != 0]
        if not signs or len(set(signs)) > 1 or (strict and len(signs) < len(self.attributes)):
            return None
        return "first" if signs[0] else "second"

    def sample_id(self, dilemma: Dilemma, order: Order) -> str:
        """Return the id of the sample that shows `dilemma` in `order`.

        The last part is a hash of the study's content and the candidates, so that a retried or
        merged log never mixes two versions of a study under the same id.
        """
        content = repr((self.hash, dilemma.first.values, dilemma.second.values))
        return f"{dilemma.id}-{order}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
