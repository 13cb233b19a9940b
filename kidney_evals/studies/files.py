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
    Whole,
    folded,
)
from kidney_evals.studies.draw import draw_limit
from kidney_evals.studies.model import Attribute, Condition, Draw, Patient, Phrases


class StudyFile(FileModel):
    """`study.yaml`."""

    id: Id
    title: Line
    version: Line
    kind: Literal["drawn", "fixed", "profile", "repeated"]
    people: dict[Condition, Annotated[Whole, Field(ge=-1, le=10_000_000_000)]]
    scenario: dict[Line, PromptText]
    attributes: Annotated[list[Attribute], Field(min_length=1, max_length=50)]
    canary: Text
    citation: Text = ""
    source: Mapping[Line, Any] = Field(default_factory=dict)
    draw: Draw | None = None
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
            limit = draw_limit(tuple(self.attributes))
            if (largest := max(self.draw.count, *self.draw.sets, 1)) > limit:
                raise ValueError(f"draws {largest} dilemmas of at most {limit}")
        return self


class DilemmaRow(FileModel):
    """A row of `dilemmas.csv`; its patients' columns depend on the attributes."""

    id: Id
    label: Cell = ""

    def patient(self, side: str, attributes: Sequence[str]) -> Patient:
        """Return the patient on `side`, first or second."""
        return Patient(tuple(getattr(self, f"{side}_{name}") for name in attributes))


class ControlRow(DilemmaRow):
    """A row of `controls.csv`."""

    kind: Literal["dominance", "identical"]


def with_patients(row: type[DilemmaRow], attributes: Sequence[str]) -> type[DilemmaRow]:
    """Return a subclass of `row` with a column for each patient and attribute."""
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
