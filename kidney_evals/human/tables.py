"""Tables of a study's `reference/` folder: a pydantic model of each file's rows, and readers."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, NamedTuple, Self, TypeVar

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
_Count = Annotated[Whole, Field(ge=0)]
_Counted = Annotated[Whole, Field(ge=1)]
_NotNegative = Annotated[Number, Field(ge=0)]
_Effective = Annotated[Positive, Field(le=1e10)]
_Error = Annotated[_NotNegative | None, EMPTY]
# A number, NaN where the cell is empty.
_Optional = Annotated[Number, BeforeValidator(lambda text: math.nan if text == "" else text)]


class Row(FileModel):
    """A row of a table.

    Attributes:
        file: Name of the table.
        key: Columns whose values together are unique.
        sums: A column that sums to 1 within each group of rows, and the columns of the groups.
    """

    file: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    sums: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, file: str = "", key: str = "", sums: str = "") -> None:
        cls.file, cls.key, cls.sums = file, tuple(key.split()), tuple(sums.split())


class _Wide(Row):
    """A row with further numeric columns, whose names depend on the study."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number] = Field(init=False)

    def values(self, columns: Sequence[str]) -> tuple[float, ...]:
        """Return the numbers in some of the further columns."""
        return tuple(self.__pydantic_extra__[name] for name in columns)


class _Estimate(Row):
    """A row with an interval; its cells are empty if no interval is known."""

    low: _Optional
    high: _Optional

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"has an interval from {self.low:g} down to {self.high:g}")
        return self

    def quantity_of(self, value: float, n: int = 0) -> Quantity:
        """Return `value` as a quantity with the row's interval."""
        return Quantity(value, self.low, self.high, n=n)


class ModelRow(_Estimate, file="models.csv", key="condition model parameter"):
    """A parameter of a fitted model."""

    condition: Condition
    model: Cell
    parameter: Cell
    estimate: Number
    se: _Error


class CovarianceRow(Row, file="covariance.csv", key="condition model pair"):
    """A covariance of two parameters."""

    condition: Condition
    model: Cell
    row: Cell
    column: Cell
    covariance: Number

    @property
    def pair(self) -> str:
        """The names of both parameters in alphabetical order, joined by a comma and a space."""
        return ", ".join(sorted((self.row, self.column)))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.row == self.column and self.covariance < 0:
            raise ValueError(f"has the negative variance {self.covariance:g}")
        return self


class CountRow(Row, file="counts.csv", key="condition dilemma"):
    """Counts of people's answers to a listed dilemma."""

    condition: Condition
    dilemma: Line
    first: _Count
    second: _Count
    coin: Annotated[_Count | None, EMPTY]

    @model_validator(mode="after")
    def _check(self) -> Self:
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


class ProfileRow(_Wide, file="profiles.csv", key="condition profile"):
    """The Bradley-Terry score of a patient, with a column for each attribute's value."""

    condition: Literal["forced_choice"]
    profile: Cell
    score: Annotated[Positive, Field(ge=1e-9, le=1e9)]


class ShareRow(Row, file="shares.csv", key="condition dilemma"):
    """The published share of people who chose the first patient.

    Attributes:
        answers: Number of answers.
        effective: Effective number of answers, which allows for several answers by one person.
    """

    condition: Literal["forced_choice"]
    dilemma: Line
    first: Share
    second: Annotated[Share | None, EMPTY] = None
    answers: Annotated[_Effective | None, EMPTY] = None
    effective: _Effective

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.second is not None and abs(self.first + self.second - 1) > 0.01:
            raise ValueError(f"has shares that sum to {self.first + self.second:g}, not 1")
        return self


class DistanceRow(Row, file="person_distances.csv", key="condition probability"):
    """A quantile of the distances of single people's importance shares from their group's.

    Attributes:
        answers: Mean number of a person's decisions.
    """

    condition: Condition
    answers: _Counted
    probability: Share
    distance: _NotNegative


class LatentRow(
    _Wide, file="latent_classes.csv", key="condition classes class_", sums="share condition classes"
):
    """A latent class of people, with a column for each attribute's weight."""

    condition: Condition
    classes: Annotated[_Counted, Field(le=100)]
    used: Literal["0", "1"]
    bic: Number
    class_: Annotated[_Counted, Field(le=100, alias="class")]
    share: Share
    flip_intercept: _Optional
    flip_slope: _Optional


class BendRow(_Estimate, file="bends.csv", key="condition attribute"):
    """The nonlinearity of an attribute's effect (see `estimation.nonlinearity`)."""

    condition: Condition
    attribute: Cell
    slope: _Optional
    curvature: _Optional
    wiggle: _Optional
    share: Annotated[_Optional, Field(alias="upper_share")]
    p_value: Annotated[Share | None, EMPTY]

    @property
    def upper_share(self) -> Quantity:
        """Share of the effect in the favoured half of the range, with its interval."""
        return self.quantity_of(self.share)


class CalibrationRow(_Estimate, file="calibration.csv", key="condition model pairs bin"):
    """A model's prediction and people's answers in a bin of closeness |Δu|.

    |Δu| is the absolute difference of utility between the patients.

    Attributes:
        pairs: Kind of pair: `all`, or `conflict_` or `dominance_` with the number of equal
            attributes. In `dominance_` one patient is at least as favoured on every attribute.
        bin: Number of the bin, from 0.
        start: Lower end of the bin in |Δu|.
        to: Upper end of the bin.
        answers: Number of answers in the bin.
        predicted: Share that the model predicts.
        rate: Share of people's answers.
    """

    condition: Condition
    model: Cell
    pairs: Cell = "all"
    bin: _Count
    start: Annotated[_NotNegative, Field(alias="from")]
    to: _NotNegative
    answers: _Count
    predicted: Share
    rate: Annotated[Share, Field(alias="observed")]

    @property
    def observed(self) -> Quantity:
        """Share of people's answers, with its interval over resampled people; n counts answers."""
        return self.quantity_of(self.rate, self.answers)


class CoefficientRow(
    _Estimate, file="random_coefficients.csv", key="condition model form element row column"
):
    """An element of the distribution of weights over people."""

    condition: Condition
    model: Cell
    form: Cell
    used: Literal["0", "1"]
    bic: Number
    element: Cell
    row: Cell
    column: Cell
    estimate: Number
    se: _Error
    people: _Count
    answers: _Count
    draws: _Count
    seed: Whole


class Band(NamedTuple):
    """The distribution of a measure over single persons: the median, 5 % and 95 % quantiles."""

    median: float = math.nan
    low: float = math.nan
    high: float = math.nan


NO_BAND: Final = Band()
"""The band of a measure for which none is known."""


class PersonRow(_Estimate, file="persons.csv", key="condition quantity"):
    """A measure's quantiles over simulated persons, each of whom answers everything."""

    condition: Condition
    quantity: Cell
    median: Number
    persons: _Counted

    @property
    def band(self) -> Band:
        """The row's quantiles."""
        return Band(self.median, self.low, self.high)


class MarginRow(Row, file="margins.csv", key="condition quantity"):
    """The largest difference of a measure between random halves of the people in 95 % of splits.

    Attributes:
        answers: Number of people's answers behind both halves.
        halves: Number of splits.
    """

    condition: Condition
    quantity: Cell
    margin: _NotNegative
    answers: _Counted
    halves: _Counted


class CrowdRow(_Estimate, file="crowd.csv", key="condition quantity"):
    """A measure's expected value for answers of people, each by a new person.

    It is 0 if the model of people's shares fits, and otherwise measures its misfit.
    """

    condition: Condition
    quantity: Cell
    value: Number


class About(FileModel):
    """The content of `reference.json`.

    `people` is the number of people by condition, in place of the number in the study's own file.
    """

    version: Line
    aggregate: Text = ""
    repository: Line = ""
    commit: Line = ""
    source_licence: Line = ""
    source_sha256: Mapping[Line, Line] = Field(default_factory=dict)
    bootstrap_draws: _Count = 0
    people: Mapping[Condition, _Count] = Field(default_factory=dict)


TABLES: tuple[type[Row], ...] = (
    ModelRow, CovarianceRow, CountRow, ProfileRow, ShareRow, DistanceRow, LatentRow,
    BendRow, CalibrationRow, CoefficientRow, PersonRow, MarginRow, CrowdRow,
)  # fmt: skip

RANDOM_FILE = CoefficientRow.file
"""The table that no measure reads; the hash of a run's human reference excludes it."""

R = TypeVar("R", bound=Row)


def scored_tables(folder: Path) -> list[Path]:
    """Return the tables of a reference folder that scores can depend on, sorted."""
    return sorted(
        path
        for path in folder.glob("*")
        if path.suffix in (".csv", ".json") and path.name != RANDOM_FILE
    )


def read_rows(folder: Path, row: type[R], condition: Condition | None = None) -> list[R]:
    """Return the checked rows of a table; empty if the folder has no such table.

    Args:
        folder: The reference folder of a study.
        row: Class of the rows, which names the table.
        condition: Condition of the rows; None for the rows of both.

    Raises:
        UserError: The table is invalid.
    """
    rows = _read(folder / row.file, row)
    return [one for one in rows if condition in (None, getattr(one, "condition", condition))]


def read_draws(folder: Path, condition: Condition) -> dict[str, Floats]:
    """Return the columns of the condition's table of draws by name, each of shape (draws,).

    Empty if the folder has no such table.

    Raises:
        UserError: The table is invalid.
    """
    rows = _read(folder / f"draws_{condition}.csv", _Wide)
    columns = rows[0].__pydantic_extra__ if rows else ()
    return {name: np.array([one.__pydantic_extra__[name] for one in rows]) for name in columns}


def _read(path: Path, form: type[R]) -> list[R]:
    """Return all rows of a table, each checked alone and against the other rows."""
    if not os.path.lexists(path):
        return []
    table = TableFile(str(path), read_bytes(path, MAX_TABLE_BYTES))
    rows = table.rows(form)
    if not rows:
        table.add((), "has no row; delete the file if nothing is known")
    keys: set[tuple[object, ...]] = set()
    sums: dict[tuple[object, ...], tuple[float, int]] = {}
    for line, _, row in rows:
        key = tuple(getattr(row, name) for name in form.key)
        if key and key in keys:
            table.add((line,), f"repeats the row of {', '.join(map(str, key))}")
        keys.add(key)
        if form.sums:
            share, *group = (getattr(row, name) for name in form.sums)
            sums[tuple(group)] = (sums.get(tuple(group), (0.0, 0))[0] + share, line)
    for named, (total, line) in sums.items():
        if abs(total - 1) > 0.01:
            of = f" of {', '.join(map(str, named))}" if named else ""
            table.add((line,), f"ends a column of shares{of} that sums to {total:.4g}, not 1")
    table.finish()
    return [row for _, _, row in rows]
