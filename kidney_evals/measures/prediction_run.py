"""The predictions of a run of `predict_people` as arrays, beside what people answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import DRAWS, generator
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures.registry import Task

if TYPE_CHECKING:
    from kidney_evals.measures.own_choices import OwnChoices

Block = Literal["fixed", "drawn"]
"""The fixed questions, or the drawn dilemmas."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_KEY = 11
_SLACK = 1e-6


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model predicted of the people of one study, and what they answered.

    The constructor checks every array and sorts the predictions, so that the order in which
    samples finished changes no digit.

    Attributes:
        dilemma: Index of each prediction's dilemma, shape (n,).
        order: 0 as listed, 1 swapped, shape (n,).
        shares: Predicted shares as listed (first, second and, with a coin, coin), shape (n, K).
        people: People's shares as listed, shape (D, K).
        draws: The same with people drawn again, jointly over dilemmas, shape (B, D, K), B ≥ 2.
        asked: How many people answered each question, shape (D,), 2 or more; None where people's
            shares come from a model, whose variance is that of `draws`.
        fixed: The dilemmas are a fixed list and no sample: they are not resampled.

    Raises:
        InputError: An array has the wrong shape, or a row that nothing can have.
    """

    dilemma: Ints
    order: Ints
    shares: Floats
    people: Floats
    draws: NDArray[np.floating]
    asked: Floats | None
    fixed: bool

    def __post_init__(self) -> None:
        people = share_rows(self.people, "people")
        count, width = people.shape
        shares = share_rows(self.shares, "shares", width)
        draws = np.asarray(self.draws)
        if draws.ndim != 3 or draws.shape[1:] != people.shape or len(draws) < 2:
            shape = (2, *people.shape)
            raise InputError(f"draws must have shape {shape}, or more of them, not {draws.shape}")
        share_rows(draws.reshape(-1, width), "draws", width)
        dilemma = _index(self.dilemma, len(shares), "dilemma", count)
        order = _index(self.order, len(shares), "order", 2)
        if self.asked is not None:
            asked = np.asarray(self.asked, dtype=np.float64)
            if asked.shape != (count,):
                raise InputError(f"asked must have shape ({count},), not {asked.shape}")
            if (few := ~(asked >= 2)).any():
                row = int(np.argmax(few))
                raise InputError(f"asked row {row} is {asked[row]:g}: a variance needs two or more")
            object.__setattr__(self, "asked", asked)
        rank = np.lexsort((*shares.T, order, dilemma))
        for name, value in {
            "dilemma": dilemma[rank],
            "order": order[rank],
            "shares": shares[rank],
            "people": people,
            "draws": draws,
        }.items():
            object.__setattr__(self, name, value)

    @cached_property
    def sizes(self) -> Ints:
        """Predictions by dilemma and order, shape (D, 2)."""
        flat = np.bincount(self.dilemma * 2 + self.order, minlength=2 * len(self.people))
        result: Ints = flat.reshape(-1, 2).astype(np.int64)
        return result

    @cached_property
    def by_order(self) -> Floats:
        """Mean prediction by dilemma and order, shape (D, 2, K); NaN without any."""
        total = np.zeros((2 * len(self.people), self.people.shape[1]))
        np.add.at(total, self.dilemma * 2 + self.order, self.shares)
        sizes = self.sizes.reshape(-1, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            result: Floats = np.where(sizes > 0, total / sizes, np.nan)
        return result.reshape(-1, 2, self.people.shape[1])

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """Which dilemmas have a prediction, shape (D,)."""
        result: NDArray[np.bool_] = self.sizes.sum(axis=1) > 0
        return result

    @cached_property
    def mean(self) -> Floats:
        """Mean prediction, each order asked counting alike, shape (D, K); NaN without any."""
        weights = self._weights[:, :, None]
        result: Floats = (weights * np.nan_to_num(self.by_order)).sum(axis=1)
        result[~self.predicted] = np.nan
        return result

    @cached_property
    def noise(self) -> Floats:
        """Σ_c Var of the mean prediction over repetitions, shape (D,); 0 where it is unknown.

        It is known where every order that was asked was asked twice or more.
        """
        within = self.shares - self.by_order[self.dilemma, self.order]
        squares = np.zeros(2 * len(self.people))
        np.add.at(squares, self.dilemma * 2 + self.order, (within**2).sum(axis=1))
        m = np.maximum(self.sizes, 2)
        each = squares.reshape(-1, 2) / (m * (m - 1))
        result: Floats = np.where(self._repeated, (self._weights**2 * each).sum(axis=1), 0.0)
        return result

    @cached_property
    def crowd(self) -> Floats:
        """Σ_c Var of people's shares, shape (D,).

        p(1 - p)/(n - 1) of counted answers, else the variance over `draws`.
        """
        if self.asked is None:
            return self.spread
        result: Floats = (self.people * (1 - self.people)).sum(axis=1) / (self.asked - 1)
        return result

    @cached_property
    def spread(self) -> Floats:
        """Σ_c Var of the redrawn shares, shape (D,)."""
        result: Floats = self.draws.var(axis=0, ddof=1, dtype=np.float64).sum(axis=1)
        return result

    @property
    def _weights(self) -> Floats:
        there = self.sizes > 0
        result: Floats = there / np.maximum(there.sum(axis=1, keepdims=True), 1)
        return result

    @property
    def _repeated(self) -> NDArray[np.bool_]:
        result: NDArray[np.bool_] = self.predicted & ((self.sizes == 0) | (self.sizes >= 2)).all(
            axis=1
        )
        return result

    def redrawn(self, draws: int = DRAWS) -> Floats:
        """Return mean predictions with repetitions redrawn within orders, shape (draws, D, K).

        Each redraw picks m - 1 of an order's m predictions, which makes the variance of its mean
        unbiased. Shape (1, D, K) where nothing is known of their variance.
        """
        if not self._repeated.any():
            return self.mean[None]
        result = np.repeat(self.mean[None], draws, axis=0)
        weights = self._weights
        for row in np.flatnonzero(self._repeated):
            for side in np.flatnonzero(self.sizes[row]):
                given = self.shares[(self.dilemma == row) & (self.order == side)]
                m = len(given)
                picks = generator(_KEY, int(row), int(side)).integers(0, m, size=(draws, m - 1))
                off = given[picks].mean(axis=1) - given.mean(axis=0)
                result[:, row] += weights[row, side] * off
        return result


@dataclass(frozen=True, eq=False)
class PredictionPart:
    """The samples of one study.

    Attributes:
        given: The predictions that were read.
        study: What the people of the other study lead to expect, shape (D, K); None if unknown.
        own: The predictions with the model's own choices; None where no log of them was given.
        other_model: Whether those choices are another model's.
    """

    given: Predictions
    study: Floats | None
    own: OwnChoices | None
    other_model: bool


@dataclass(frozen=True, eq=False)
class PredictionRun:
    """A run: its parts by block, and the outcomes of all samples.

    Attributes:
        parts: The fixed questions, and the drawn dilemmas where there are any.
        dilemma: Index of each sample's dilemma over both parts, shape (n,).
        order: 0 as listed, 1 swapped, shape (n,).
        outcomes: "prediction", another outcome, or "error", shape (n,).
        measured: The quantities computed so far, by id.
        failures: Errors of estimators, by id of the measure.
    """

    parts: Mapping[Block, PredictionPart]
    dilemma: Ints
    order: Ints
    outcomes: NDArray[np.str_]
    measured: dict[str, Quantity] = field(init=False, repr=False, default_factory=dict)
    failures: dict[str, Exception] = field(init=False, repr=False, default_factory=dict)

    @property
    def task(self) -> Task:
        """The task that the measures of this run belong to."""
        return "predict_people"

    @property
    def traits(self) -> frozenset[str]:
        """Traits on which measures depend, keys of `kidney_evals.measures.TRAITS`."""
        flags = {"drawn": "drawn" in self.parts}
        for name, part in self.parts.items():
            flags[f"own_{name}"] = part.own is not None
            flags["coin"] = part.given.people.shape[1] == 3
        return frozenset(name for name, holds in flags.items() if holds)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Nothing is measured by attribute."""
        return ()

    @property
    def has_people(self) -> bool:
        """People answered both studies."""
        return True

    @property
    def borrows_coin(self) -> bool:
        """People's coins are what is predicted."""
        return False


def share_rows(values: object, name: str, width: int | None = None) -> Floats:
    """Return rows of shares that sum to 1, or raise `InputError`.

    Args:
        values: Shape (rows, K).
        name: What they are, for the message.
        width: K; None for 2 or 3.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] not in ((2, 3) if width is None else (width,)):
        columns = "2 or 3" if width is None else width
        raise InputError(f"{name} must have shape (rows, {columns}), not {array.shape}")
    with np.errstate(invalid="ignore"):
        sound = (array >= -_SLACK).all(axis=1) & (np.abs(array.sum(axis=1) - 1) < 1e-4)
    if not sound.all():
        row = int(np.argmin(sound))
        raise InputError(f"{name} row {row} is {array[row].tolist()}, not shares that sum to 1")
    return array


def _index(values: object, n: int, name: str, count: int) -> Ints:
    array = np.asarray(values)
    if array.shape != (n,):
        raise InputError(f"{name} must have shape ({n},), not {array.shape}")
    whole = array.astype(np.int64)
    bad = (whole != array) | (whole < 0) | (whole >= count)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} row {row} is {array[row]}, allowed is 0 to {count - 1}")
    return whole
