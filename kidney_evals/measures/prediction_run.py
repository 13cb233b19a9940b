"""The predictions of a run of `predict_people` and people's answers, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.intervals import DRAWS, generator
from kidney_evals.measures.registry import AnyRun

if TYPE_CHECKING:
    from kidney_evals.measures.own_choices import OwnChoices

Block = Literal["fixed", "drawn"]
"""The fixed questions, or the drawn dilemmas."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_KEY = 11


@dataclass(frozen=True, eq=False)
class Predictions:
    """A model's predictions of people's shares in one study, and people's shares.

    The constructor sorts the predictions, so that results do not depend on the order in which
    samples finished.

    Attributes:
        dilemma: Index of each prediction's dilemma, shape (n,).
        order: 0 as listed, 1 swapped, shape (n,).
        shares: Predicted shares as listed (first, second and, with a coin, coin), shape (n, K).
        people: People's shares as listed, shape (D, K).
        draws: Shares of resampled people, drawn jointly over dilemmas, shape (B, D, K), B ≥ 2.
        asked: Number of people who answered each question, shape (D,), 2 or more; None if people's
            shares come from a model, whose variance is that of `draws`.
        fixed: Whether the dilemmas are a fixed list, which is not resampled.
    """

    dilemma: Ints
    order: Ints
    shares: Floats
    people: Floats
    draws: NDArray[np.floating]
    asked: Floats | None
    fixed: bool

    def __post_init__(self) -> None:
        rank = np.lexsort((*self.shares.T, self.order, self.dilemma))
        for name in ("dilemma", "order", "shares"):
            object.__setattr__(self, name, getattr(self, name)[rank])

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
        """Mean prediction, with equal weights for the orders asked, shape (D, K); NaN if none."""
        weights = self._weights[:, :, None]
        result: Floats = (weights * np.nan_to_num(self.by_order)).sum(axis=1)
        result[~self.predicted] = np.nan
        return result

    @cached_property
    def noise(self) -> Floats:
        """Variance over repetitions of the mean prediction, Σ_c Var, shape (D,); 0 if unknown.

        It is known if every order that was asked has two predictions or more.
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
        """Variance of people's shares, Σ_c Var, shape (D,).

        p(1 - p)/(n - 1) if `asked` is known, else the variance over `draws`.
        """
        if self.asked is None:
            return self.spread
        result: Floats = (self.people * (1 - self.people)).sum(axis=1) / (self.asked - 1)
        return result

    @cached_property
    def spread(self) -> Floats:
        """Variance of people's shares over `draws`, Σ_c Var, shape (D,)."""
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
        """Return mean predictions with repetitions resampled within orders, shape (draws, D, K).

        Each resample draws m - 1 of an order's m predictions, which makes the variance of the mean
        unbiased. The shape is (1, D, K) if the variance over repetitions is unknown.
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
        given: The parsed predictions.
        study: Shares predicted from the people of the other study, shape (D, K); None if unknown.
        own: The predictions with the model's own choices; None without a log of choices.
        other_model: Whether the log of choices is of another model.
    """

    given: Predictions
    study: Floats | None
    own: OwnChoices | None
    other_model: bool


@dataclass(frozen=True, eq=False)
class PredictionRun(AnyRun):
    """A run: its parts by block, and the outcomes of all samples.

    Attributes:
        parts: The fixed questions, and the drawn dilemmas where there are any.
        dilemma: Index of each sample's dilemma over both parts, shape (n,).
        order: 0 as listed, 1 swapped, shape (n,).
        outcomes: "prediction", another outcome, or "error", shape (n,).
    """

    task = "predict_people"
    parts: Mapping[Block, PredictionPart]
    dilemma: Ints
    order: Ints
    outcomes: NDArray[np.str_]

    @property
    def traits(self) -> frozenset[str]:
        """Which of `TRAITS` the run has: its blocks, a coin, and given choices."""
        flags = {"drawn": "drawn" in self.parts}
        for name, part in self.parts.items():
            flags[f"own_{name}"] = part.own is not None
            flags["coin"] = part.given.people.shape[1] == 3
        return frozenset(name for name, holds in flags.items() if holds)
