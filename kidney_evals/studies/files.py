"""Pydantic models of the files in a study's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, RootModel, create_model, model_validator

from kidney_evals.input_files import (
    Cell,
    FileModel,
    Id,
    Line,
    Number,
    PromptLine,
    PromptText,
    Text,
    ValueTemplate,
    Whole,
    folded,
)
from kidney_evals.studies.draw import draw_limit
from kidney_evals.studies.model import Attribute, Condition, Draw, Level, Patient

MAX_VALUES = 10_000
"""Most values of one attribute."""

Bounded = Annotated[Number, Field(ge=-1e9, le=1e9)]
Unit = Annotated[Number, Field(ge=1e-6, le=1e9)]
PluralForm = Literal["zero", "one", "other"]
Phrases = dict[PluralForm, ValueTemplate]


class LevelFile(FileModel):
    """One entry of `levels`."""

    value: Bounded
    text: PromptLine


class AttributeFile(FileModel):
    """One entry of `attributes`."""

    id: Line
    label: PromptLine
    unit: Line = ""
    range: tuple[Bounded, Bounded] | None = None
    levels: Annotated[tuple[LevelFile, ...], Field(max_length=100)] = ()
    favoured: Literal["low", "high"]
    favoured_text: PromptLine
    scale: Unit = 1.0
    step: Unit = 1.0
    phrases: Phrases = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> AttributeFile:
        if not self.id.isidentifier():
            raise ValueError("must have a plain name as its id: letters, digits and _")
        if bool(self.range) == bool(self.levels):
            raise ValueError("must have either a range or levels")
        low, high = self._ends
        if not low < high:
            raise ValueError("must have a range, or levels, from low to high")
        if self.levels:
            values = [one.value for one in self.levels]
            if values != sorted(set(values)):
                raise ValueError("must have its levels in ascending order")
        else:
            steps = (high - low) / self.step
            if steps >= MAX_VALUES:
                raise ValueError(f"must have at most {MAX_VALUES:,} values, not {steps + 1:,.0f}")
            if abs(steps - round(steps)) > 1e-6:
                raise ValueError(f"must have a range that is a multiple of the step {self.step:g}")
            if "other" not in self.phrases:
                raise ValueError("lacks the phrase other")
        check_told_apart(self.attribute())
        return self

    @property
    def _ends(self) -> tuple[float, float]:
        return self.range or (self.levels[0].value, self.levels[-1].value)

    def attribute(self) -> Attribute:
        """Return the attribute."""
        low, high = self._ends
        return Attribute(
            low=low,
            high=high,
            levels=tuple(Level(one.value, one.text) for one in self.levels),
            **self.model_dump(exclude={"range", "levels"}),
        )


class DrawFile(FileModel):
    """The key `draw`."""

    seed: Whole
    count: Annotated[Whole, Field(ge=1)]
    sets: Annotated[list[Annotated[Whole, Field(ge=1)]], Field(max_length=100)]

    def draw(self) -> Draw:
        """Return the draw."""
        return Draw(seed=self.seed, count=self.count, sets=tuple(self.sets))


class StudyFile(FileModel):
    """`study.yaml`."""

    id: Id
    title: Line
    version: Line
    kind: Literal["drawn", "fixed", "profile", "repeated"]
    people: dict[Condition, Annotated[Whole, Field(ge=-1, le=10_000_000_000)]]
    scenario: dict[Line, PromptText]
    attributes: Annotated[list[AttributeFile], Field(min_length=1, max_length=50)]
    canary: Text
    citation: Text = ""
    source: Mapping[Line, Any] = Field(default_factory=dict)
    draw: DrawFile | None = None
    epochs: Annotated[Whole, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _check(self) -> StudyFile:
        if not self.scenario.get("situation", "").strip():
            raise ValueError("lacks the text scenario.situation")
        labels = [folded(one.label) for one in self.attributes]
        if len(set(labels)) < len(labels):
            raise ValueError("has two attributes with one label")
        if (self.kind == "drawn") != (self.draw is not None):
            raise ValueError("must have draw if, and only if, its kind is drawn")
        if self.draw:
            limit = draw_limit(tuple(one.attribute() for one in self.attributes))
            if (largest := max(self.draw.count, *self.draw.sets, 1)) > limit:
                raise ValueError(f"draws {largest} dilemmas of at most {limit}")
        return self


class DilemmaRow(FileModel):
    """A row of `dilemmas.csv`; its patients' columns depend on the attributes."""

    id: Id
    label: Cell = ""

    def patient(self, side: str, attributes: Sequence[str]) -> Patient:
        """Return the first or the second patient."""
        return Patient(tuple(getattr(self, f"{side}_{name}") for name in attributes))


class ControlRow(DilemmaRow):
    """A row of `controls.csv`."""

    kind: Literal["dominance", "identical"]


def with_patients(row: type[DilemmaRow], attributes: Sequence[str]) -> type[DilemmaRow]:
    """Return the model of a row with a column for each patient and attribute."""
    columns: dict[str, Any] = {
        f"{side}_{name}": (Number, ...) for side in ("first", "second") for name in attributes
    }
    return create_model(row.__name__, __base__=row, **columns)


class SpokenAttribute(FileModel):
    """The words of one attribute in `languages.yaml`."""

    label: PromptLine
    levels: Mapping[Line, PromptLine] = Field(default_factory=dict)
    phrases: Phrases = Field(default_factory=dict)


class SpokenStudy(FileModel):
    """The words of a study in one language."""

    situation: PromptText
    attributes: dict[Line, SpokenAttribute]


class LanguagesFile(RootModel[dict[Line, SpokenStudy]]):
    """`languages.yaml`."""


def check_told_apart(attribute: Attribute) -> None:
    """Check that two values of an attribute never read alike.

    Raises:
        ValueError: Two do.
    """
    seen: dict[str, float] = {}
    for value in attribute.values:
        text = attribute.describe(value)
        if (key := folded(text)) in seen:
            raise ValueError(f"shows the values {seen[key]:.12g} and {value:.12g} as {text!r}")
        seen[key] = value
