"""Attributes, patients, dilemmas, conditions and studies.

Standard library only. Numbers that describe a dilemma to an estimator come from
`Study.differences`, so that "favoured direction" and "unit of a weight" mean the same
everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

Condition = Literal["forced_choice", "coin_flip"]
"""`forced_choice` offers A and B, `coin_flip` a coin beside them."""

CONDITIONS: tuple[Condition, ...] = ("forced_choice", "coin_flip")

Order = Literal["ab", "ba"]
"""`ab` shows the patients as listed, `ba` the second-listed patient as A."""

Choice = Literal["first", "second", "coin"]
"""An answer in terms of the dilemma as listed."""

CHOICES: tuple[Choice, ...] = ("first", "second", "coin")
"""The answers in the order of their codes, from 0."""

Kind = Literal["drawn", "fixed", "profile", "repeated", "dominance", "identical"]
"""Where a dilemma comes from; `dominance` and `identical` are the control block."""

CONTROL_KINDS: frozenset[str] = frozenset({"dominance", "identical"})


@dataclass(frozen=True)
class Level:
    """One value of an attribute that is described in words."""

    value: float
    text: str


@dataclass(frozen=True)
class Attribute:
    """One patient attribute.

    Attributes:
        id: Short name used in columns and metadata ("age").
        label: What stands before the value in a list ("Age").
        unit: Unit of the numeric value, empty where levels say it all.
        low: Smallest value people were shown.
        high: Largest value people were shown.
        step: Distance between neighbouring values of a range.
        levels: The values in words; empty for a numeric range.
        favoured: The end of the range that people favour.
        scale: Size of the unit in which weights are reported (10 for "per 10 years").
        phrases: Templates for a numeric value by plural form: "zero", "one", "other".
        favoured_text: Who is favoured, in words ("the younger patient").
    """

    id: str
    label: str
    unit: str
    low: float
    high: float
    favoured: Literal["low", "high"]
    favoured_text: str
    scale: float = 1.0
    step: float = 1.0
    levels: tuple[Level, ...] = ()
    phrases: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> tuple[float, ...]:
        """Every value that a dilemma may use, ascending."""
        if self.levels:
            return tuple(level.value for level in self.levels)
        count = round((self.high - self.low) / self.step) + 1
        # Rounded, so that 0.1 + 2 * 0.1 is the 0.3 of a table.
        return tuple(round(self.low + self.step * index, 10) for index in range(count))

    @property
    def domain(self) -> str:
        """The values in words ("from 25 to 70 in steps of 1")."""
        if self.levels:
            return "one of " + ", ".join(f"{level.value:g}" for level in self.levels)
        return f"from {self.low:g} to {self.high:g} in steps of {self.step:g}"

    @property
    def span(self) -> float:
        """Range in scale units: the R of an importance share."""
        return (self.high - self.low) / self.scale

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the range: first what people favour least, then what they favour most."""
        return (self.low, self.high) if self.favoured == "high" else (self.high, self.low)

    def favour(self, value: float) -> float:
        """Return `value` in scale units, signed so that more is what people favour."""
        return (value if self.favoured == "high" else -value) / self.scale

    def describe(self, value: float) -> str:
        """Return `value` in words with its unit ("32 years")."""
        for level in self.levels:
            if level.value == value:
                return level.text
        form = {0: "zero", 1: "one"}.get(int(value), "other") if value == int(value) else "other"
        template = self.phrases.get(form) or self.phrases["other"]
        return template.format(value=f"{value:g}")


@dataclass(frozen=True)
class Patient:
    """One patient: a value for each attribute, in the study's attribute order."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Dilemma:
    """Two patients and one kidney.

    Attributes:
        id: Stable within a study and draw seed ("d017").
        first: The first-listed patient.
        second: The second-listed patient.
        kind: Where the dilemma comes from.
        label: The source's own name for it, if it has one ("hard_2").
    """

    id: str
    first: Patient
    second: Patient
    kind: Kind
    label: str = ""

    @property
    def is_control(self) -> bool:
        """Whether this dilemma belongs to the control block and to no rate."""
        return self.kind in CONTROL_KINDS

    def shown(self, order: Order) -> tuple[Patient, Patient]:
        """Return the patients as they appear: (Patient A, Patient B)."""
        return (self.first, self.second) if order == "ab" else (self.second, self.first)


@dataclass(frozen=True)
class Draw:
    """How a study without a fixed list draws its dilemmas.

    Attributes:
        seed: The default draw seed.
        count: How many dilemmas a default run uses.
        sets: The nested sizes that are quoted.
    """

    seed: int
    count: int
    sets: tuple[int, ...]


@dataclass(frozen=True)
class Study:
    """What people were asked, read from a study's folder.

    Attributes:
        id: The study's id, which is also the name of a shipped folder.
        title: One line.
        version: Bumped when a dilemma, an attribute or a wording of a value changes.
        source: What a task argument needs to find this study again: the id of a shipped
            study, an absolute path otherwise.
        path: The folder.
        attributes: In the order of every vector in this package.
        people: Number of people who answered in each condition; 0 where nobody did, -1 where
            people answered but their number was never published.
        scenario: Facts about the situation that a wording may use, by name.
        draw: How dilemmas are drawn; None for a fixed list.
        listed: The fixed dilemmas; empty where they are drawn.
        control_block: The controls; empty where the study has none.
        epochs: Repetitions of a default run.
        canary: The string that marks the study's text in training corpora.
        citation: Whom to cite.
        hash: SHA-256 (hex) of the files that decide what is asked.
    """

    id: str
    title: str
    version: str
    source: str
    path: Path
    attributes: tuple[Attribute, ...]
    people: Mapping[Condition, int]
    scenario: Mapping[str, str]
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
        """Range of each attribute in scale units."""
        return tuple(attribute.span for attribute in self.attributes)

    def differences(self, dilemma: Dilemma) -> tuple[float, ...]:
        """Return first minus second for each attribute, in favoured scale units.

        Positive means that this attribute speaks, for most people, for the first-listed
        patient.
        """
        return tuple(
            attribute.favour(one) - attribute.favour(two)
            for attribute, one, two in zip(
                self.attributes, dilemma.first.values, dilemma.second.values, strict=True
            )
        )

    def summary(self, patient: Patient) -> str:
        """Return one patient in a line ("64 years, 5 drinks a day, 1 child")."""
        return ", ".join(
            attribute.describe(value)
            for attribute, value in zip(self.attributes, patient.values, strict=True)
        )

    def dilemma_from(self, metadata: Mapping[str, Any]) -> Dilemma:
        """Rebuild a dilemma, as listed, from the flat metadata of a sample that shows it.

        Args:
            metadata: `dilemma`, `order`, `kind`, and `a_<attribute>`, `b_<attribute>` as shown.
        """
        a, b = (
            Patient(tuple(float(metadata[f"{side}_{name}"]) for name in self.attribute_ids))
            for side in ("a", "b")
        )
        first, second = (a, b) if metadata["order"] == "ab" else (b, a)
        return Dilemma(metadata["dilemma"], first, second, metadata["kind"])

    def dominating(
        self, dilemma: Dilemma, *, strict: bool = False
    ) -> Literal["first", "second"] | None:
        """Return which patient is at least as favoured on every attribute and more on one.

        Args:
            dilemma: The two patients.
            strict: Whether every attribute must speak for that patient.

        Returns:
            None where the attributes conflict, the patients are identical or, with `strict`,
            some attribute is equal.
        """
        signs = self.differences(dilemma)
        if not strict:
            signs = tuple(sign for sign in signs if sign != 0)
        if signs and all(sign > 0 for sign in signs):
            return "first"
        if signs and all(sign < 0 for sign in signs):
            return "second"
        return None

    def sample_id(self, dilemma: Dilemma, order: Order) -> str:
        """Return the id of the sample that shows `dilemma` in `order`.

        The last part hashes the study's content and the patients, so that a retried or
        merged log never mixes two versions of a study under one id.
        """
        content = repr((self.hash, dilemma.first.values, dilemma.second.values))
        return f"{dilemma.id}-{order}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
