"""The answers of one run in one condition, with human answers to the same dilemmas.

Choices are coded by the list order of the dilemma, not by the order shown: 0 is the first-listed
patient, 1 the second-listed patient, 2 the coin, whichever patient was shown as A. All quantities
of a run are computed from `Decisions.counts` and the human arrays, so they do not depend on the
order in which samples finished.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kidney_evals.estimation import _checks
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.errors import InputError

FIRST: Final = 0
"""The first-listed patient was chosen."""

SECOND: Final = 1
"""The second-listed patient was chosen."""

COIN: Final = 2
"""The coin was chosen."""

ORDERS: Final = ("ab", "ba")
"""Names of the codes of `Decisions.order`: 0 as listed, 1 swapped."""

Counts = NDArray[np.int64] | NDArray[np.float64]
"""Numbers of answers; not integers if probabilities were read instead of answers."""

DRAWN: Final = 40
"""Number of answers that replace the probabilities of one call in estimators that need answers."""

_NEVER = 1e-12
_GOLDEN = 0.6180339887498949
_SUM_TOLERANCE = 1e-4
_MOST = 2**53
_PRIOR = 0.5


class Strata(NamedTuple):
    """The answers of each dilemma, divided into the strata for resampling.

    The two orders of a dilemma are strata if each has at least two answers. Otherwise all answers
    of the dilemma are one stratum, since one answer does not determine a variance.

    Attributes:
        counts: Answers by dilemma, stratum and choice, shape (D, 2, K); 0 in an unused stratum.
            None if probabilities were read instead of answers, which are not resampled.
        weights: Weight of each stratum in its dilemma's answer shares, shape (D, 2), rows sum
            to 1, or to 0 where there is no answer.
        shares: Answer shares q, shape (D, K); NaN rows without answers.
        variance: Unbiased estimate of Var(q_c), shape (D, K); NaN with a single answer.
        smooth: Smoothed shares within strata, (count + a/K) / (m + a) with a = ½, shape (D, 2, K).
            Answers are resampled from these, since a few equal answers do not imply a share of 1.
        redrawn: Variance of shares resampled from `smooth`, shape (D, K).
    """

    counts: Ints | None
    weights: Floats
    shares: Floats
    variance: Floats
    smooth: Floats
    redrawn: Floats


@dataclass(frozen=True, eq=False)
class Decisions:
    """The parsed answers of one run in one condition.

    The constructor checks every array and keeps the answers sorted by dilemma, order, epoch and
    choice. Dilemmas must be listed in an order that does not depend on the samples (the study's
    order, or sorted by id), since the bootstrap assigns its weights in that order. Dilemmas without
    an answer may be listed or left out.

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
        fixed: Whether the dilemmas are a fixed list, not a sample. Intervals then resample answers
            within dilemma and order, and people through `share_draws`.
        chances: Probability of each answer in each call, shape (n, K), if log-probabilities were
            read; rows sum to 1, or in `decided` to the probability of a decision. `choice` is then
            the most probable answer, and counts are expected counts. None if answers were sampled.
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
        differences = _table(self.differences, "differences")
        count = len(differences)
        if count:
            differences = _checks.matrix(differences, "differences")
        shares = _known_shares(_table(self.shares, "shares"), count)
        width = shares.shape[1]
        draws = None if self.share_draws is None else _share_draws(self.share_draws, shares)
        closeness = _checks.shaped(self.closeness, (count,), "closeness", 0, np.inf, missing=True)
        dilemma = _integers(self.dilemma, None, "dilemma", 0, count - 1)
        n = len(dilemma)
        order = _integers(self.order, n, "order", 0, 1)
        epoch = _integers(self.epoch, n, "epoch", 0, None)
        choice = _integers(self.choice, n, "choice", 0, width - 1)
        chances = None if self.chances is None else _chances(self.chances, choice, width)
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
    def answered(self) -> Bools:
        """Which dilemmas have an answer, shape (D,)."""
        return np.asarray(self.counts.any(axis=(1, 2)))

    @property
    def known(self) -> Bools:
        """Which dilemmas have people's shares, shape (D,)."""
        return np.asarray(np.isfinite(self.shares).all(axis=1))

    @property
    def shown_first(self) -> Ints:
        """1 where the patient shown as A was chosen, 0 where B, 2 for the coin; shape (n,)."""
        chosen = (self.choice == self.order).astype(np.int64)
        return np.where(self.choice == COIN, COIN, chosen)

    @property
    def shown_differences(self) -> Floats:
        """Patient shown as A minus patient shown as B for each answer, shape (n, k)."""
        sign = np.where(self.order == 0, 1.0, -1.0)
        return self.differences[self.dilemma] * sign[:, None]

    @property
    def repeated(self) -> Bools:
        """Which dilemmas have people's shares and two answers or more, shape (D,).

        With `chances` one call is enough.
        """
        if self.chances is not None:
            return self.answered & self.known
        return np.asarray(self.known & (self.counts.sum(axis=(1, 2)) >= 2))

    @property
    def least_effect(self) -> float:
        """Lower bound of the design effect of a rate over dilemmas.

        It is 1 for sampled answers, which have at least binomial variance. A rate of probabilities
        has less if dilemmas have similar probabilities; the bound is then lower.
        """
        return 1.0 if self.chances is None else 1e-4

    @cached_property
    def counts(self) -> Counts:
        """Number of answers by dilemma, order and choice, (D, 2, K); expected with `chances`."""
        width = self.shares.shape[1]
        cell = self.dilemma * 2 + self.order
        if self.chances is not None:
            size = 2 * self.dilemmas
            columns = [np.bincount(cell, column, minlength=size) for column in self.chances.T]
            return np.stack(columns, axis=-1).reshape(self.dilemmas, 2, width)
        flat = np.bincount(cell * width + self.choice, minlength=self.dilemmas * 2 * width)
        return flat.astype(np.int64).reshape(self.dilemmas, 2, width)

    @cached_property
    def strata(self) -> Strata:
        """The answers of each dilemma by stratum, with shares and their variance."""
        counts = self.counts
        sizes = counts.sum(axis=2)
        if self.chances is not None:
            # Each order that was asked has the same weight, and the variance is 0.
            asked = sizes > 0
            weights = asked / np.maximum(asked.sum(axis=1, keepdims=True), 1)
            within = counts / np.where(asked, sizes, 1)[:, :, None]
            shares = (weights[:, :, None] * within).sum(axis=1)
            shares[~asked.any(axis=1)] = np.nan
            nothing = np.where(np.isnan(shares), np.nan, 0.0)
            return Strata(None, weights, shares, nothing, within, np.nan_to_num(nothing))
        apart = (sizes >= 2).all(axis=1)
        pooled = np.stack([counts.sum(axis=1), np.zeros_like(counts[:, 0])], axis=1)
        kept: Ints = np.where(apart[:, None, None], counts, pooled)
        m = kept.sum(axis=2).astype(np.float64)
        weights = np.where(apart[:, None], 0.5, [1.0, 0.0]) * (m.sum(axis=1, keepdims=True) > 0)
        within = kept / np.maximum(m, 1)[:, :, None]
        shares = (weights[:, :, None] * within).sum(axis=1)
        shares[m.sum(axis=1) == 0] = np.nan
        spread = within * (1 - within) / np.where(m > 1, m - 1, np.nan)[:, :, None]
        used = (weights > 0)[:, :, None]
        variance = np.where(used, weights[:, :, None] ** 2 * spread, 0.0).sum(axis=1)
        variance[m.sum(axis=1) == 0] = np.nan
        smooth = (kept + _PRIOR / kept.shape[2]) / (m + _PRIOR)[:, :, None]
        each = smooth * (1 - smooth) / np.maximum(m, 1)[:, :, None]
        redrawn = (weights[:, :, None] ** 2 * each).sum(axis=1)
        return Strata(kept, weights, shares, variance, smooth, redrawn)

    @cached_property
    def drawn(self) -> Decisions:
        """The run with sampled answers: the run itself, or with `chances` replaced by answers.

        Each call becomes `DRAWN` answers, drawn from its probabilities by systematic sampling: at
        even steps through the cumulative probabilities, with a start that differs between calls.
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
        """The run without coin answers, with shares among the people who decided.

        In forced choice this is the run itself. With a coin on offer, coin answers are left out and
        human shares are divided by the share of people who decided (NaN if it is 0).
        """
        if not self.has_coin:
            return self
        shares = _renormalised(self.shares).astype(np.float64)
        draws = self.share_draws
        if draws is not None:
            kept = _renormalised(draws)
            # If nobody decides in a draw of people, the observed shares are used.
            draws = np.where(np.isnan(kept) & ~np.isnan(shares), shares.astype(draws.dtype), kept)
        changes: dict[str, Any] = {"shares": shares, "share_draws": draws}
        if self.chances is None:
            return self._rows(self.choice != COIN, **changes)
        changes["choice"] = self.chances[:, :COIN].argmax(axis=1)
        changes["chances"] = self.chances[:, :COIN]
        return self._rows(self.chances[:, :COIN].sum(axis=1) > _NEVER, **changes)

    def take(self, rows: ArrayLike) -> Decisions:
        """Return the same dilemmas with the answers at `rows` (indices or a mask) only."""
        return self._rows(_selection(rows, len(self), "rows"))

    def at(self, dilemmas: ArrayLike) -> Decisions:
        """Return the run on some of its dilemmas, re-indexed in their listed order.

        Args:
            dilemmas: Mask of shape (D,), or indices, in any order.
        """
        mask = np.zeros(self.dilemmas, dtype=bool)
        mask[_selection(dilemmas, self.dilemmas, "dilemmas")] = True
        if mask.all():
            return self
        position = np.cumsum(mask) - 1
        return self._rows(
            mask[self.dilemma],
            dilemma=position[self.dilemma],
            differences=self.differences[mask],
            shares=self.shares[mask],
            share_draws=None if self.share_draws is None else self.share_draws[:, mask],
            closeness=self.closeness[mask],
        )

    def _rows(self, keep: Bools | Ints, **changes: Any) -> Decisions:
        """Return a copy with the answers at `keep` and the fields in `changes` replaced.

        The constructor's checks are skipped, since the arrays are checked already.
        """
        copy = object.__new__(Decisions)
        for field in fields(self):
            value = changes.get(field.name, getattr(self, field.name))
            if field.name in ("dilemma", "order", "epoch", "choice", "chances"):
                value = None if value is None else value[keep]
            object.__setattr__(copy, field.name, value)
        return copy

    def against(self, shares: Floats, share_draws: NDArray[np.floating] | None) -> Decisions:
        """Return a copy with other human shares."""
        return replace(self, shares=shares, share_draws=share_draws)

    def with_answers(self, dilemma: ArrayLike, order: ArrayLike, choice: ArrayLike) -> Decisions:
        """Return the run with further answers in a new epoch, to impute missing answers.

        Args:
            dilemma: Index of each answer's dilemma, shape (m,).
            order: 0 or 1, shape (m,).
            choice: Codes as in the run, shape (m,).
        """
        m, width = _checks.length(dilemma, "dilemma", 0), self.shares.shape[1]
        extra = _checks.places(dilemma, m, "dilemma", self.dilemmas)
        side = _checks.codes(order, m, "order", (0, 1))
        more = _checks.codes(choice, m, "choice", tuple(range(width)))
        epoch = int(self.epoch.max(initial=-1)) + 1
        chances = self.chances
        if chances is not None:
            chances = np.concatenate([chances, np.eye(width)[more]])
        return replace(
            self,
            dilemma=np.concatenate([self.dilemma, extra]),
            order=np.concatenate([self.order, side]),
            epoch=np.concatenate([self.epoch, np.full(m, epoch)]),
            choice=np.concatenate([self.choice, more]),
            chances=chances,
        )


def _renormalised(shares: NDArray[np.floating]) -> NDArray[np.floating]:
    kept = shares[..., :COIN]
    total = kept.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.floating] = np.where(total > 0, kept / total, np.nan)
    return result


def _selection(rows: ArrayLike, count: int, name: str) -> Bools | Ints:
    """Return `rows` as a mask of shape (count,) or as sorted indices."""
    chosen = np.asarray(rows) if _checks.length(rows, name, 0) else np.zeros(0, dtype=np.int64)
    if chosen.dtype != bool:
        return np.sort(_checks.places(chosen, len(chosen), name, count))
    if len(chosen) != count:
        raise InputError(f"{name} must have shape ({count},), not {chosen.shape}")
    return chosen


def _table(values: ArrayLike, name: str) -> Floats:
    array = _checks.numbers(values, name)
    if array.ndim != 2:
        raise InputError(f"{name} must have shape (dilemmas, columns), not {array.shape}")
    return array


def _known_shares(shares: Floats, count: int) -> Floats:
    """Return `shares` checked, shape (count, 2) or (count, 3); a row may be NaN."""
    if shares.shape[0] != count or shares.shape[1] not in (2, 3):
        raise InputError(f"shares must have shape ({count}, 2 or 3), not {shares.shape}")
    bad = _not_shares(shares)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"shares row {row} is {shares[row].tolist()}: neither shares that sum to 1 nor all NaN"
        )
    return shares


def _chances(given: ArrayLike, choice: Ints, width: int) -> Floats:
    """Return `given` checked: the largest probability of each row must be that of `choice`."""
    chances = _checks.shares(given, (len(choice), width), "chances")
    total = chances.sum(axis=1)
    best = chances[np.arange(len(choice)), choice] >= chances.max(axis=1, initial=0.0)
    bad = ~((total > 0) & (total < 1 + _SUM_TOLERANCE) & best)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"chances row {row} is {chances[row].tolist()} with choice {choice[row]}: not "
            "probabilities of which that of the choice is the largest"
        )
    return chances


def _share_draws(given: NDArray[np.floating], shares: Floats) -> NDArray[np.floating]:
    """Return `given` checked: draws must be known wherever `shares` are known."""
    draws = given if isinstance(given, np.ndarray) else _checks.numbers(given, "share_draws")
    if not np.issubdtype(draws.dtype, np.floating):
        draws = _checks.numbers(draws, "share_draws")
    if draws.ndim != 3 or draws.shape[1:] != shares.shape or len(draws) == 0:
        raise InputError(f"share_draws must have shape (draws, *{shares.shape}), not {draws.shape}")
    known = np.isfinite(shares).all(axis=1)
    for draw, values in enumerate(draws):
        bad = _not_shares(values) | (np.isnan(values).any(axis=1) & known)
        if bad.any():
            row = int(np.argmax(bad))
            raise InputError(
                f"share_draws draw {draw} row {row} is {values[row].tolist()}, not shares"
            )
    return draws


def _not_shares(values: NDArray[np.floating]) -> Bools:
    with np.errstate(invalid="ignore"):
        sound = (values >= -1e-9).all(axis=-1) & (np.abs(values.sum(axis=-1) - 1) < _SUM_TOLERANCE)
    result: Bools = ~(sound | np.isnan(values).all(axis=-1))
    return result


def _integers(values: ArrayLike, n: int | None, name: str, low: int, high: int | None) -> Ints:
    """Return whole numbers between `low` and `high` (None: no limit), or raise `InputError`."""
    size = _checks.length(values, name, 0)
    if n is not None and size != n:
        raise InputError(f"{name} must have shape ({n},), not {(size,)}")
    array = np.asarray(values)
    if size == 0:
        return np.zeros(0, dtype=np.int64)
    if not np.issubdtype(array.dtype, np.integer):
        real = _checks.column(_checks.numbers(values, name), size, name, -np.inf, np.inf)
        bad = (real != np.round(real)) | (np.abs(real) > _MOST)
        _checks.refuse(np.asarray(bad), array, name, "not a whole number")
    array = array.astype(np.int64)
    outside = (array < low) | (array > high if high is not None else False)
    span = f"{low} or more" if high is None else f"{low} to {high}"
    _checks.refuse(outside, array, name, f"allowed is {span}")
    return array
