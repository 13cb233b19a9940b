"""The answers of one run in one condition, with the people they are compared to.

Choices are coded in the terms of the dilemma, not of the screen: 0 is the first-listed patient, 1
the second-listed, 2 the coin, whichever of them was shown as A. Every quantity of a run is a
function of `Decisions.counts` and of the human arrays, so the order in which samples finished
cannot change a digit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kidney_evals.estimation import _checks
from kidney_evals.estimation import _decision_checks as _given
from kidney_evals.estimation._checks import Floats, Ints

FIRST: Final = 0
"""The first-listed patient was chosen."""

SECOND: Final = 1
"""The second-listed patient was chosen."""

COIN: Final = 2
"""The coin was chosen."""

ORDERS: Final = ("ab", "ba")
"""What `Decisions.order` codes as 0 (as listed) and 1 (swapped)."""

Counts = NDArray[np.int64] | NDArray[np.float64]
"""How many answers; fractions where probabilities were read out instead of answers."""

DRAWN: Final = 40
"""Answers that stand for one call's probabilities where an estimator needs answers."""

_NEVER = 1e-12
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, eq=False)
class Decisions:
    """The read answers of one run in one condition.

    The constructor checks every array and keeps the answers sorted by dilemma, order, epoch and
    choice. Dilemmas must be listed in an order that does not depend on the samples (the study's
    own, or sorted by id): the bootstrap deals its weights in that order. Dilemmas without an
    answer may be listed or left out.

    Attributes:
        dilemma: Index of each answer's dilemma, shape (n,).
        order: 0 as listed ("ab"), 1 swapped ("ba"), shape (n,).
        epoch: Repetition, shape (n,).
        choice: 0 first-listed patient, 1 second-listed, 2 coin, shape (n,).
        differences: First minus second patient in favoured scale units, shape (D, k).
        shares: Human shares as listed, shape (D, K); K = 2 in forced choice, 3 with a coin. A row
            is NaN where no people answered.
        share_draws: Participant-bootstrap draws of the shares, shape (B, D, K), or None.
        closeness: Human |utility difference| in logits of the forced-choice group, shape (D,);
            NaN where unknown.
        fixed: The questions are a fixed list and not a sample, so intervals resample answers
            within question and order, and people through `share_draws`.
        chances: Probability of each answer in each call, shape (n, K), where log-probabilities
            were read out; rows sum to 1, or to the probability of deciding in `decided`. `choice`
            is then the most probable answer, and counts are expected ones. None where answers
            were sampled.

    Raises:
        InputError: An array has the wrong shape or a row that no answer can have.
    """

    dilemma: Ints
    order: Ints
    epoch: Ints
    choice: Ints
    differences: Floats
    shares: Floats
    share_draws: NDArray[np.floating] | None
    closeness: Floats
    fixed: bool = False
    chances: Floats | None = None

    def __post_init__(self) -> None:
        differences = _given.table(self.differences, "differences")
        count = len(differences)
        if count:
            differences = _checks.matrix(differences, "differences")
        shares = _given.known_shares(_given.table(self.shares, "shares"), count)
        width = shares.shape[1]
        draws = None if self.share_draws is None else _given.share_draws(self.share_draws, shares)
        closeness = _checks.shaped(self.closeness, (count,), "closeness", 0, np.inf, missing=True)
        dilemma = _given.integers(self.dilemma, None, "dilemma", 0, count - 1)
        n = len(dilemma)
        order = _given.integers(self.order, n, "order", 0, 1)
        epoch = _given.integers(self.epoch, n, "epoch", 0, None)
        choice = _given.integers(self.choice, n, "choice", 0, width - 1)
        chances = (
            None if self.chances is None else _given.answer_chances(self.chances, choice, width)
        )
        ties = () if chances is None else tuple(chances.T)
        rank = np.lexsort((*ties, choice, epoch, order, dilemma))
        for name, value in {
            "dilemma": dilemma[rank],
            "order": order[rank],
            "epoch": epoch[rank],
            "choice": choice[rank],
            "chances": None if chances is None else chances[rank],
            "differences": differences,
            "shares": shares,
            "share_draws": draws,
            "closeness": closeness,
        }.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """Return the number of answers."""
        return len(self.choice)

    @property
    def dilemmas(self) -> int:
        """Number of listed dilemmas D, answered or not."""
        return len(self.differences)

    @property
    def has_coin(self) -> bool:
        """Whether a coin was on offer."""
        return bool(self.shares.shape[1] == 3)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Which dilemmas have an answer, shape (D,)."""
        return np.asarray(self.counts.any(axis=(1, 2)))

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which dilemmas have people's shares, shape (D,)."""
        return np.asarray(np.isfinite(self.shares).all(axis=1))

    @property
    def shown_first(self) -> Ints:
        """1 where the patient shown as A was chosen, 0 where B, 2 for the coin; shape (n,)."""
        chosen = (self.choice == self.order).astype(np.int64)
        result: Ints = np.where(self.choice == COIN, COIN, chosen)
        return result

    @property
    def shown_differences(self) -> Floats:
        """Patient shown as A minus patient shown as B for each answer, shape (n, k)."""
        sign = np.where(self.order == 0, 1.0, -1.0)
        result: Floats = self.differences[self.dilemma] * sign[:, None]
        return result

    @property
    def repeated(self) -> NDArray[np.bool_]:
        """Which dilemmas have people's shares and two answers or more, shape (D,).

        One call whose probabilities are known says more than many answers.
        """
        if self.chances is not None:
            return self.answered & self.known
        return np.asarray(self.known & (self.counts.sum(axis=(1, 2)) >= 2))

    @cached_property
    def counts(self) -> Counts:
        """Answers by dilemma, order and choice, shape (D, 2, K); expected ones of a readout."""
        width = self.shares.shape[1]
        cell = self.dilemma * 2 + self.order
        if self.chances is not None:
            size = 2 * self.dilemmas
            columns = [np.bincount(cell, column, minlength=size) for column in self.chances.T]
            return np.stack(columns, axis=-1).reshape(self.dilemmas, 2, width)
        flat = np.bincount(cell * width + self.choice, minlength=self.dilemmas * 2 * width)
        result: Ints = flat.astype(np.int64).reshape(self.dilemmas, 2, width)
        return result

    @property
    def least_effect(self) -> float:
        """Smallest design effect of a rate over dilemmas.

        Answers vary at least as much as tosses of a coin. Probabilities do not: over dilemmas of
        like probability a rate is known far better, up to what this allows for.
        """
        return 1.0 if self.chances is None else 1e-4

    @cached_property
    def drawn(self) -> Decisions:
        """The run as sampled answers: itself, or answers in the proportions of its probabilities.

        Each call stands for `DRAWN` answers, taken at even steps through its cumulated
        probabilities (systematic sampling), from a start that differs from call to call.
        """
        if self.chances is None:
            return self
        n = len(self)
        start = (np.arange(1, n + 1) * _GOLDEN) % 1.0
        point = (np.arange(DRAWN)[None, :] + start[:, None]) / DRAWN
        below = np.cumsum(self.chances, axis=1)
        below /= below[:, -1:]
        choice = (point[:, :, None] >= below[:, None, :-1]).sum(axis=2)
        return replace(
            self,
            dilemma=np.repeat(self.dilemma, DRAWN),
            order=np.repeat(self.order, DRAWN),
            epoch=np.repeat(self.epoch * DRAWN, DRAWN) + np.tile(np.arange(DRAWN), n),
            choice=choice.ravel(),
            chances=None,
        )

    @cached_property
    def decided(self) -> Decisions:
        """The decided answers alone, set against the shares of people who decided.

        In forced choice this is the run itself. With a coin on offer, coin answers are left out
        and human shares are divided by the share that decided (NaN where nobody did).
        """
        if not self.has_coin:
            return self
        chances = None
        if self.chances is None:
            keep, choice = self.choice != COIN, self.choice
        else:
            keep = self.chances[:, :COIN].sum(axis=1) > _NEVER
            chances = self.chances[keep, :COIN]
            choice = self.chances[:, :COIN].argmax(axis=1)
        shares = _renormalised(self.shares).astype(np.float64)
        draws = self.share_draws
        if draws is not None:
            kept = _renormalised(draws)
            # A redrawn crowd may hold nobody who decides: it says nothing, so the shares stand.
            draws = np.where(np.isnan(kept) & ~np.isnan(shares), shares.astype(draws.dtype), kept)
        return self._with(
            dilemma=self.dilemma[keep],
            order=self.order[keep],
            epoch=self.epoch[keep],
            choice=choice[keep],
            chances=chances,
            shares=shares,
            share_draws=draws,
        )

    def take(self, rows: ArrayLike) -> Decisions:
        """Return the same dilemmas with the answers at `rows` (indices or a mask) only.

        Raises:
            InputError: A mask of the wrong length, or an index that no answer has.
        """
        keep = _given.selection(rows, len(self), "rows")
        return self._with(
            dilemma=self.dilemma[keep],
            order=self.order[keep],
            epoch=self.epoch[keep],
            choice=self.choice[keep],
            chances=None if self.chances is None else self.chances[keep],
        )

    def at(self, dilemmas: ArrayLike) -> Decisions:
        """Return the run on some of its dilemmas, re-indexed in their listed order.

        Args:
            dilemmas: Mask of shape (D,), or indices, in any order.

        Raises:
            InputError: A mask of the wrong length, or an index that no dilemma has.
        """
        mask = np.zeros(self.dilemmas, dtype=bool)
        mask[_given.selection(dilemmas, self.dilemmas, "dilemmas")] = True
        if mask.all():
            return self
        position = np.cumsum(mask) - 1
        keep = mask[self.dilemma]
        return self._with(
            dilemma=position[self.dilemma[keep]],
            order=self.order[keep],
            epoch=self.epoch[keep],
            choice=self.choice[keep],
            chances=None if self.chances is None else self.chances[keep],
            differences=self.differences[mask],
            shares=self.shares[mask],
            share_draws=None if self.share_draws is None else self.share_draws[:, mask],
            closeness=self.closeness[mask],
        )

    def _with(self, **changes: object) -> Decisions:
        """A copy of checked arrays needs no second check, which would cost more than the copy."""
        copy = object.__new__(Decisions)
        for field in fields(self):
            object.__setattr__(copy, field.name, changes.get(field.name, getattr(self, field.name)))
        return copy

    def against(self, shares: Floats, share_draws: NDArray[np.floating] | None) -> Decisions:
        """Return the same answers set against other people's shares."""
        return replace(self, shares=shares, share_draws=share_draws)

    def with_answers(self, dilemma: ArrayLike, order: ArrayLike, choice: ArrayLike) -> Decisions:
        """Return the run with more answers, as an epoch of their own ("had they answered so").

        Args:
            dilemma: Index of each answer's dilemma, shape (m,).
            order: 0 or 1, shape (m,).
            choice: Codes as in the run, shape (m,).

        Raises:
            InputError: Wrong shapes or values.
        """
        m = _checks.length(dilemma, "dilemma", 0)
        extra = _checks.places(dilemma, m, "dilemma", self.dilemmas)
        side = _checks.codes(order, m, "order", (0, 1))
        more = _checks.codes(choice, m, "choice", tuple(range(self.shares.shape[1])))
        epoch = int(self.epoch.max(initial=-1)) + 1
        chances = self.chances
        if chances is not None:
            chances = np.concatenate([chances, np.eye(self.shares.shape[1])[more]])
        return replace(
            self,
            dilemma=np.concatenate([self.dilemma, extra]),
            order=np.concatenate([self.order, side]),
            epoch=np.concatenate([self.epoch, np.full(len(extra), epoch)]),
            choice=np.concatenate([self.choice, more]),
            chances=chances,
        )


def _renormalised(shares: NDArray[np.floating]) -> NDArray[np.floating]:
    kept = shares[..., :COIN]
    total = kept.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.floating] = np.where(total > 0, kept / total, np.nan)
    return result
