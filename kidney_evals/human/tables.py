"""Tables of a study's `reference/` folder: a pydantic model of each file's rows, and readers."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.input_files import (
    EMPTY,
    MAX_TABLE_BYTES,
    Cell,
    FileModel,
    Line,
    Number,
    Positive,
    Share,
    TableFile,
    Text,
    Whole,
    read_bytes,
)
from kidney_evals.studies import Condition

Floats = NDArray[np.float64]
Count = Annotated[Whole, Field(ge=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Effective = Annotated[Positive, Field(le=1e10)]
Optional = Annotated[Number, BeforeValidator(lambda text: math.nan if text == "" else text)]
"""A number, NaN where the cell is empty."""
OptionalError = Annotated[NotNegative | None, EMPTY]
Upper = Annotated[Number, BeforeValidator(lambda text: math.inf if text == "inf" else text)]
"""Upper end of a bin: a number or `inf`."""


class Row(FileModel):
    """A row of a table.

    Attributes:
        file: Name of the table.
        key: Columns whose values together are unique.
        sums: A column that sums to 1 within each group of rows, and the columns of the groups.
    """

    file: ClassVar[str]
    key: ClassVar[tuple[str, ...]] = ()
    sums: ClassVar[tuple[str, ...]] = ()


class _Wide(Row):
    """A row with further numeric columns, whose names depend on the study."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number] = Field(init=False)

    def values(self, columns: Sequence[str]) -> tuple[float, ...]:
        """Return the numbers in some of the further columns."""
        return tuple(self.__pydantic_extra__[name] for name in columns)


class _Estimate(Row):
    """A row with an interval; its cells are empty if no interval is known."""

    low: Optional
    high: Optional

    @model_validator(mode="after")
    def _check(self) -> _Estimate:
        if self.low > self.high:
            raise ValueError(f"has an interval from {self.low:g} down to {self.high:g}")
        return self

    def quantity_of(self, value: float, n: int = 0) -> Quantity:
        """Return `value` as a quantity with the row's interval."""
        return Quantity(value, self.low, self.high, n=n)


class ModelRow(_Estimate):
    """A parameter of a fitted model."""

    file = "models.csv"
    key = ("condition", "model", "parameter")
    condition: Condition
    model: Cell
    parameter: Cell
    estimate: Number
    se: OptionalError


class CovarianceRow(Row):
    """A covariance of two parameters."""

    file = "covariance.csv"
    key = ("condition", "model", "pair")
    condition: Condition
    model: Cell
    row: Cell
    column: Cell
    covariance: Number

    @property
    def pair(self) -> str:
        """Both parameters in alphabetical order."""
        return ", ".join(sorted((self.row, self.column)))

    @model_validator(mode="after")
    def _check(self) -> CovarianceRow:
        if self.row == self.column and self.covariance < 0:
            raise ValueError(f"has the negative variance {self.covariance:g}")
        return self


class CountRow(Row):
    """Counts of people's answers to a listed dilemma."""

    file = "counts.csv"
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
        if sum(self.counts) == 0:
            raise ValueError("has no answer")
        return self

    @property
    def counts(self) -> tuple[int, ...]:
        """Counts of first, second and, if offered, coin."""
        coin = () if self.coin is None else (self.coin,)
        return (self.first, self.second, *coin)


class ProfileRow(_Wide):
    """The Bradley-Terry score of a patient, one column for each attribute."""

    file = "profiles.csv"
    key = ("condition", "profile")
    condition: Literal["forced_choice"]
    profile: Cell
    score: Annotated[Positive, Field(ge=1e-9, le=1e9)]


class ShareRow(Row):
    """The published share of people who chose the first patient."""

    file = "shares.csv"
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


class CurveRow(_Estimate):
    """People's coin rate, by closeness."""

    file = "flip_curve.csv"
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
    def _check_bin(self) -> CurveRow:
        if not self.start < self.to:
            raise ValueError(f"has a bin from {self.start:g} to {self.to:g}")
        return self


class AnchorRow(_Estimate):
    """A known respondent's value of a quantity."""

    file = "anchors.csv"
    key = ("condition", "quantity", "respondent")
    condition: Condition
    quantity: Cell
    respondent: Cell
    value: Number


class DistanceRow(Row):
    """A quantile of single people's distance to their group."""

    file = "person_distances.csv"
    key = ("condition", "probability")
    condition: Condition
    answers: Annotated[Whole, Field(ge=1)]
    probability: Share
    distance: NotNegative


class LatentRow(_Wide):
    """A latent class of people, with a column for each attribute's weight."""

    file = "latent_classes.csv"
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
    """The nonlinearity of an attribute's effect."""

    file = "bends.csv"
    key = ("condition", "attribute")
    condition: Condition
    attribute: Cell
    slope: Optional
    curvature: Optional
    wiggle: Optional
    upper_share: Optional
    p_value: Annotated[Share | None, EMPTY]


class CalibrationRow(_Estimate):
    """A predicted and an observed rate."""

    file = "calibration.csv"
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
    """An element of the distribution of weights over people."""

    file = "random_coefficients.csv"
    key = ("condition", "model", "form", "element", "row", "column")
    condition: Condition
    model: Cell
    form: Cell
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


class DrawRow(_Wide):
    """Estimates under resampled people, one column per estimate (`draws_<condition>.csv`)."""


class About(FileModel):
    """The content of `reference.json`."""

    version: Line
    aggregate: Text = ""
    repository: Line = ""
    commit: Line = ""
    source_licence: Line = ""
    source_sha256: Mapping[Line, Line] = Field(default_factory=dict)
    bootstrap_draws: Count = 0


TABLES: tuple[type[Row], ...] = (
    ModelRow, CovarianceRow, CountRow, ProfileRow, ShareRow, CurveRow, AnchorRow, DistanceRow,
    LatentRow, BendRow, CalibrationRow, CoefficientRow,
)  # fmt: skip

RANDOM_FILE = CoefficientRow.file

SHOWN_ONLY = frozenset({RANDOM_FILE})
"""Tables that no score reads; the hash of a run's human reference excludes them."""

R = TypeVar("R", bound=Row)


def scored_tables(folder: Path) -> list[Path]:
    """Return the tables of a reference folder that scores can depend on, sorted."""
    return sorted(
        path
        for path in folder.glob("*")
        if path.suffix in (".csv", ".json") and path.name not in SHOWN_ONLY
    )


def read_rows(folder: Path, row: type[R], condition: Condition | None = None) -> list[R]:
    """Return the checked rows of a table; empty if the folder has no such table.

    Args:
        folder: The reference folder.
        row: The model of the rows, which names the table.
        condition: Only rows of this condition; None for all.

    Raises:
        UserError: The table is not readable or does not match its model.
    """
    path = folder / row.file
    if not os.path.lexists(path):
        return []
    rows = read_table(path, row)
    if condition is None:
        return rows
    return [one for one in rows if getattr(one, "condition", condition) == condition]


def read_draws(folder: Path, condition: Condition) -> dict[str, Floats]:
    """Return the columns of the condition's table of draws, each of shape (draws,).

    Raises:
        UserError: The table is not readable or does not fit its model.
    """
    path = folder / f"draws_{condition}.csv"
    if not os.path.lexists(path):
        return {}
    rows = read_table(path, DrawRow)
    return {
        name: np.array([one.__pydantic_extra__[name] for one in rows])
        for name in rows[0].__pydantic_extra__
    }


def read_table(path: Path, row: type[R]) -> list[R]:
    """Return all rows of a table, each checked alone and against the other rows.

    Raises:
        UserError: The table is not readable or does not match its model.
    """
    table = TableFile(str(path), read_bytes(path, MAX_TABLE_BYTES))
    rows = table.rows(row)
    if not rows:
        table.add((), "has no row; delete the file if nothing is known")
    _check_rows(table, row, rows)
    table.finish()
    return [one for _, _, one in rows]


def _check_rows(table: TableFile, form: type[R], rows: Sequence[tuple[int, object, R]]) -> None:
    """Record problems across rows: repeated keys, and sums that are not 1.

    Args:
        table: The table, which records the problems.
        form: The model of the rows.
        rows: Line, cells and model of each row.
    """
    seen: set[tuple[object, ...]] = set()
    groups: dict[tuple[object, ...], float] = defaultdict(float)
    last: dict[tuple[object, ...], int] = {}
    for line, _, row in rows:
        key = tuple(getattr(row, name) for name in form.key)
        if key and key in seen:
            table.add((line,), f"repeats the row of {', '.join(map(str, key))}")
        seen.add(key)
        if form.sums:
            group = tuple(getattr(row, name) for name in form.sums[1:])
            groups[group] += getattr(row, form.sums[0])
            last[group] = line
    for group, total in groups.items():
        if abs(total - 1) > 0.01:
            of = f" of {', '.join(map(str, group))}" if group else ""
            table.add(
                (last[group],), f"ends a column of shares{of} that sums to {total:.4g}, not 1"
            )
    curve = [(row.start, row.to) for _, _, row in rows if isinstance(row, CurveRow)]
    starts, ends = [0.0, *(to for _, to in curve)], [*(start for start, _ in curve), math.inf]
    if curve and starts != ends:
        table.add((), "bins must follow each other from 0 to inf")
