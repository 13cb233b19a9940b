"""Pydantic models of the tables in a study's `reference/` folder, by file name."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from kidney_evals.input_files import (
    EMPTY,
    Cell,
    FileModel,
    Line,
    Number,
    Positive,
    Share,
    TableFile,
    Text,
    Whole,
)
from kidney_evals.studies import Condition

Count = Annotated[Whole, Field(ge=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Effective = Annotated[Positive, Field(le=1e10)]
Optional = Annotated[Number | None, EMPTY]
OptionalError = Annotated[NotNegative | None, EMPTY]
Upper = Annotated[Number, BeforeValidator(lambda text: math.inf if text == "inf" else text)]
"""Upper end of a bin: a number or `inf`."""

Row = TypeVar("Row", bound=BaseModel)


class _Row(FileModel):
    """A row of a table.

    Attributes:
        key: Columns that no two rows share.
        sums: Column that sums to 1 in each group of rows, and the columns that make a group.
    """

    key: ClassVar[tuple[str, ...]]
    sums: ClassVar[tuple[str, ...]] = ()


class _Estimate(_Row):
    """A row with an interval: empty cells where no interval is known."""

    low: Optional
    high: Optional

    @model_validator(mode="after")
    def _check(self) -> _Estimate:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"has an interval from {self.low:g} down to {self.high:g}")
        return self


class ModelRow(_Estimate):
    """`models.csv`: a parameter of a fitted model."""

    key = ("condition", "model", "parameter")
    condition: Condition
    model: Cell
    parameter: Cell
    estimate: Number
    se: OptionalError


class CovarianceRow(_Row):
    """`covariance.csv`: a covariance of two parameters."""

    key = ("condition", "model", "row", "column")
    condition: Condition
    model: Cell
    row: Cell
    column: Cell
    covariance: Number

    @model_validator(mode="after")
    def _check(self) -> CovarianceRow:
        if self.row == self.column and self.covariance < 0:
            raise ValueError(f"has the negative variance {self.covariance:g}")
        return self


class CountRow(_Row):
    """`counts.csv`: people's answers to a listed dilemma."""

    key = ("condition", "dilemma")
    condition: Condition
    dilemma: Line
    first: Count
    second: Count
    coin: Annotated[Count | None, EMPTY]

    @model_validator(mode="after")
    def _check(self) -> CountRow:
        if (self.condition == "coin_flip") != (self.coin is not None):
            raise ValueError("must have a number of coins in coin_flip and none in forced_choice")
        if self.first + self.second + (self.coin or 0) == 0:
            raise ValueError("has no answer")
        return self


class ProfileRow(_Row):
    """`profiles.csv`: the Bradley-Terry score of a patient, one column for each attribute."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number] = Field(init=False)

    key = ("condition", "profile")
    condition: Literal["forced_choice"]
    profile: Cell
    score: Annotated[Positive, Field(ge=1e-9, le=1e9)]


class ShareRow(_Row):
    """`shares.csv`: the published share of people who chose the first patient."""

    key = ("condition", "dilemma")
    condition: Literal["forced_choice"]
    dilemma: Line
    first: Share
    second: Annotated[Share | None, EMPTY] = None
    answers: Annotated[Effective | None, EMPTY] = None
    effective: Effective

    @model_validator(mode="after")
    def _check(self) -> ShareRow:
        if self.second is not None and abs(self.first + self.second - 1) > 0.01:
            raise ValueError(f"has shares that sum to {self.first + self.second:g}, not 1")
        return self


class CurveRow(_Row):
    """`flip_curve.csv`: how often people take the coin, by closeness."""

    key = ("bin",)
    sums = ("mass",)
    bin: Count
    start: Annotated[NotNegative, Field(alias="from")]
    to: Upper
    mass: Share
    answers: Count
    rate: Share
    variance: NotNegative
    low: Share
    high: Share

    @model_validator(mode="after")
    def _check(self) -> CurveRow:
        if not self.start < self.to:
            raise ValueError(f"has a bin from {self.start:g} to {self.to:g}")
        if self.low > self.high:
            raise ValueError(f"has an interval from {self.low:g} down to {self.high:g}")
        return self


class AnchorRow(_Estimate):
    """`anchors.csv`: what a known respondent gets on a quantity."""

    key = ("condition", "quantity", "respondent")
    condition: Condition
    quantity: Cell
    respondent: Cell
    value: Number


class DistanceRow(_Row):
    """`person_distances.csv`: a quantile of single people's distance to their group."""

    key = ("condition", "probability")
    condition: Condition
    answers: Annotated[Whole, Field(ge=1)]
    probability: Share
    distance: NotNegative


class LatentRow(_Row):
    """`latent_classes.csv`: a class of people, one column for each attribute's weight."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number] = Field(init=False)

    key = ("condition", "classes", "class_")
    sums = ("share", "condition", "classes")
    condition: Condition
    classes: Annotated[Whole, Field(ge=1, le=100)]
    used: Literal["0", "1"]
    bic: Number
    class_: Annotated[Whole, Field(ge=1, le=100, alias="class")]
    share: Share
    flip_intercept: Optional
    flip_slope: Optional


class BendRow(_Estimate):
    """`bends.csv`: how an attribute's effect bends."""

    key = ("condition", "attribute")
    condition: Condition
    attribute: Cell
    slope: Optional
    curvature: Optional
    wiggle: Optional
    upper_share: Optional
    p_value: Annotated[Share | None, EMPTY]


class CalibrationRow(_Estimate):
    """`calibration.csv`: predicted against observed rates."""

    key = ("condition", "model", "bin")
    condition: Condition
    model: Cell
    bin: Count
    start: Annotated[NotNegative, Field(alias="from")]
    to: NotNegative
    answers: Count
    predicted: Share
    observed: Share


class CoefficientRow(_Estimate):
    """`random_coefficients.csv`: how single people's weights are spread."""

    key = ("condition", "model", "form", "element", "row", "column")
    condition: Condition
    model: Cell
    form: Literal["diagonal", "correlated"]
    used: Literal["0", "1"]
    bic: Number
    element: Cell
    row: Cell
    column: Cell
    estimate: Number
    se: OptionalError
    people: Count
    answers: Count
    draws: Count
    seed: Whole


class DrawRow(_Row):
    """`draws_<condition>.csv`: estimates with people drawn again, one column for each."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number] = Field(init=False)

    key = ()


class About(FileModel):
    """`reference.json`."""

    version: Line
    aggregate: Text = ""
    repository: Line = ""
    commit: Line = ""
    source_licence: Line = ""
    source_sha256: Mapping[Line, Line] = Field(default_factory=dict)
    bootstrap_draws: Count = 0


ROWS: Mapping[str, type[_Row]] = {
    "models.csv": ModelRow,
    "covariance.csv": CovarianceRow,
    "counts.csv": CountRow,
    "profiles.csv": ProfileRow,
    "shares.csv": ShareRow,
    "flip_curve.csv": CurveRow,
    "anchors.csv": AnchorRow,
    "person_distances.csv": DistanceRow,
    "latent_classes.csv": LatentRow,
    "bends.csv": BendRow,
    "calibration.csv": CalibrationRow,
    "random_coefficients.csv": CoefficientRow,
}


def check_rows(table: TableFile, rows: Sequence[tuple[int, Mapping[str, str], _Row]]) -> None:
    """Record the problems that one row alone does not show: keys used twice, sums that are not 1.

    Args:
        table: Takes the problems.
        rows: Line, cells and model of each row.
    """
    seen: set[tuple[object, ...]] = set()
    groups: dict[tuple[object, ...], float] = defaultdict(float)
    last: dict[tuple[object, ...], int] = {}
    for line, _, row in rows:
        if row.key:
            key = tuple(getattr(row, name) for name in row.key)
            if isinstance(row, CovarianceRow):
                key = (row.condition, row.model, *sorted((row.row, row.column)))
            if key in seen:
                table.add((line,), f"repeats the row of {', '.join(map(str, key))}")
            seen.add(key)
        if row.sums:
            group = tuple(getattr(row, name) for name in row.sums[1:])
            groups[group] += getattr(row, row.sums[0])
            last[group] = line
    for group, total in groups.items():
        if abs(total - 1) > 0.01:
            of = f" of {', '.join(map(str, group))}" if group else ""
            table.add(
                (last[group],), f"ends a column of shares{of} that sums to {total:.4g}, not 1"
            )
