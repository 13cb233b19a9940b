"""The answers of one run in one condition, with human answers to the same dilemmas.

Choices are coded by the list order of the dilemma, not by the order shown: 0 is the first-listed
patient, 1 the second-listed patient, 2 the coin, whichever patient was shown as A. The answers are
sorted, so no quantity of a run depends on the order in which samples finished.
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
SECOND: Final = 1
COIN: Final = 2

ORDERS: Final = ("ab", "ba")
"""Names of the codes of `Decisions.order`: 0 as listed, 1 swapped."""

Counts = NDArray[np.int64] | NDArray[np.float64]
"""Numbers of answers; not integers if probabilities were read instead of answers."""

DRAWN: Final = 40
"""Number of answers that replace the probabilities of one call in estimators that need answers."""

_NEVER = 1e-12
_SUM_TOLERANCE = 1e-4
_PRIOR = 0.5


class Strata(NamedTuple):
    """The answers of each of D dilemmas, divided into two strata for resampling.

    The two orders of a dilemma are strata if each has at least two answers, or if probabilities
    were read. Otherwise all answers of the dilemma are in the first stratum, since one answer does
    not determine a variance.

    Attributes:
        counts: Number of answers by dilemma, stratum and choice, shape (D, 2, K). None if
            probabilities were read, which are not resampled.
        weights: Weight of each stratum in the shares of its dilemma, shape (D, 2).
        shares: Share of each choice in the answers to a dilemma, shape (D, K); NaN without answers.
        variance: Unbiased estimate of the sampling variance of `shares`, shape (D, K); NaN without
            two answers, 0 for probabilities.
        smooth: Shares within strata from which answers are resampled, shape (D, 2, K):
            (count + a/K) / (m + a) for m answers, with a = ½, since a few equal answers do not
            imply a share of 1. If probabilities were read, the mean probabilities.
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
    """The parsed answers of one run in one condition: n answers to D dilemmas.

    The constructor checks every array and sorts the answers by dilemma, order, epoch and choice.
    Dilemmas must be listed in an order that does not depend on the samples (the study's order, or
    sorted by id), since the bootstrap assigns its weights in that order. Dilemmas without an answer
    may be listed or left out.

    Attributes:
        dilemma: Index of each answer's dilemma, shape (n,).
        order: 0 if the patients were shown as listed ("ab"), 1 if swapped ("ba"), shape (n,).
        epoch: Repetition of each answer, shape (n,).
        choice: Code of each answer, shape (n,): 0 first-listed patient, 1 second-listed, 2 coin.
        differences: First minus second patient in each of k attributes, in the study's scale units,
            positive where people favour the first patient's value, shape (D, k).
        shares: Human shares of the K possible answers to the dilemmas as listed, shape (D, K);
            K = 2 in forced choice, 3 with a coin. A row is NaN where no people answered.
        share_draws: The shares in B resamples of people, shape (B, D, K), or None.
        closeness: Absolute difference between the patients' utilities for people, 0 for equal
            patients, in logits of the people who had no coin on offer, shape (D,); NaN where
            unknown.
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
        differences = _checks.matrix(self.differences, "differences", least=0)
        count = len(differences)
        shares = _checked_shares(self.shares, count)
        width = shares.shape[1]
        n = _checks.length(self.dilemma, "dilemma", 0)
        limits = {"dilemma": count, "order": 2, "epoch": None, "choice": width}
        rows: dict[str, Any] = {
            name: _checks.places(getattr(self, name), n, name, limit)
            for name, limit in limits.items()
        }
        keys = [rows["choice"], rows["epoch"], rows["order"], rows["dilemma"]]
        if self.chances is not None:
            rows["chances"] = _checked_chances(self.chances, rows["choice"], width)
            keys = [*rows["chances"].T, *keys]
        far = _checks.shaped(self.closeness, (count,), "closeness", 0, np.inf, missing=True)
        values: dict[str, Any] = {"differences": differences, "shares": shares, "closeness": far}
        if self.share_draws is not None:
            values["share_draws"] = _checked_draws(self.share_draws, shares)
        rank = np.lexsort(keys)
        values |= {name: row[rank] for name, row in rows.items()}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
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
    def repeated(self) -> Bools:
        """Which dilemmas have people's shares and two answers or more, shape (D,).

        If probabilities were read, one answer is enough.
        """
        least = _NEVER if self.chances is not None else 2
        return np.asarray(self.known & (self.counts.sum(axis=(1, 2)) >= least))

    @property
    def shown_first(self) -> Ints:
        """1 where the patient shown as A was chosen, 0 where B, 2 for the coin; shape (n,)."""
        return np.where(self.choice == COIN, COIN, (self.choice == self.order).astype(np.int64))

    @property
    def shown_differences(self) -> Floats:
        """Attributes of the patient shown as A minus those of B for each answer, shape (n, k)."""
        return self.differences[self.dilemma] * np.where(self.order == 0, 1.0, -1.0)[:, None]

    @property
    def least_effect(self) -> float:
        """Lower bound of a rate's design effect over dilemmas: 1, or 1e-4 for probabilities."""
        return 1.0 if self.chances is None else 1e-4

    @cached_property
    def counts(self) -> Counts:
        """Number of answers by dilemma, order and choice, shape (D, 2, K).

        If probabilities were read (`chances`), the expected number.
        """
        shape = (self.dilemmas, 2, self.shares.shape[1])
        cell = self.dilemma * 2 + self.order
        if self.chances is None:
            flat = np.bincount(cell * shape[2] + self.choice, minlength=int(np.prod(shape)))
            return flat.astype(np.int64).reshape(shape)
        cells = 2 * self.dilemmas
        columns = [np.bincount(cell, column, minlength=cells) for column in self.chances.T]
        return np.stack(columns, axis=-1).reshape(shape)

    @cached_property
    def strata(self) -> Strata:
        """The answers of each dilemma by stratum, with shares and their variance; see `Strata`."""
        cells, known = self.counts, self.chances is not None
        if not known:
            apart = (cells.sum(axis=2) >= 2).all(axis=1)[:, None, None]
            pooled = np.stack([cells.sum(axis=1), np.zeros_like(cells[:, 0])], axis=1)
            cells = np.where(apart, cells, pooled)
        m = cells.sum(axis=2)
        used = m > 0
        weights = used / np.maximum(used.sum(axis=1, keepdims=True), 1)
        each, size = weights[:, :, None], np.where(used, m, 1)[:, :, None]
        within = cells / size
        shares = np.where(used.any(axis=1)[:, None], (each * within).sum(axis=1), np.nan)
        if known:
            # Probabilities have no variance.
            variance = 0 * shares
            return Strata(None, weights, shares, variance, within, np.nan_to_num(variance))
        spread = within * (1 - within) / np.where(size > 1, size - 1, np.nan)
        variance = np.where(each > 0, each**2 * spread, 0.0).sum(axis=1)
        variance[np.isnan(shares)] = np.nan
        smooth = (cells + _PRIOR / cells.shape[2]) / (m + _PRIOR)[:, :, None]
        redrawn = (each**2 * smooth * (1 - smooth) / size).sum(axis=1)
        return Strata(cells.astype(np.int64), weights, shares, variance, smooth, redrawn)

    @cached_property
    def drawn(self) -> Decisions:
        """The run with sampled answers only.

        If probabilities were read, each call has `DRAWN` answers instead, drawn by systematic
        sampling: at even steps through the cumulative probabilities, with a start that differs
        between calls (by the golden ratio). Otherwise it is the run itself.
        """
        if self.chances is None:
            return self
        n = len(self)
        start = (np.arange(1, n + 1) * 0.6180339887498949) % 1.0
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
        """The run without coin answers, with the shares among people who decided.

        These are NaN where nobody decided. Without a coin on offer it is the run itself.
        """
        if not self.has_coin:
            return self
        shares = _renormalised(self.shares).astype(np.float64)
        draws = self.share_draws
        if draws is not None:
            among = _renormalised(draws)
            # If nobody decides in a draw of people, the observed shares are used.
            draws = np.where(np.isnan(among) & ~np.isnan(shares), shares.astype(draws.dtype), among)
        changes: dict[str, Any] = {"shares": shares, "share_draws": draws}
        if self.chances is None:
            return self._rows(self.choice != COIN, **changes)
        changes["chances"] = self.chances[:, :COIN]
        changes["choice"] = changes["chances"].argmax(axis=1)
        return self._rows(changes["chances"].sum(axis=1) > _NEVER, **changes)

    def take(self, rows: ArrayLike) -> Decisions:
        """Return the same dilemmas with the answers at `rows` (indices or a mask) only."""
        return self._rows(_selection(rows, len(self), "rows"))

    def at(self, dilemmas: ArrayLike) -> Decisions:
        """Return the run on some dilemmas (indices or a mask), re-indexed in their listed order."""
        mask = np.zeros(self.dilemmas, dtype=bool)
        mask[_selection(dilemmas, self.dilemmas, "dilemmas")] = True
        if mask.all():
            return self
        return self._rows(
            mask[self.dilemma],
            dilemma=(np.cumsum(mask) - 1)[self.dilemma],
            differences=self.differences[mask],
            shares=self.shares[mask],
            share_draws=None if self.share_draws is None else self.share_draws[:, mask],
            closeness=self.closeness[mask],
        )

    def against(self, shares: Floats, share_draws: NDArray[np.floating] | None) -> Decisions:
        """Return a copy with other human shares."""
        return replace(self, shares=shares, share_draws=share_draws)

    def with_answers(self, dilemma: ArrayLike, order: ArrayLike, choice: ArrayLike) -> Decisions:
        """Return the run with m imputed answers in a new epoch; every argument has shape (m,)."""
        m, width = _checks.length(dilemma, "dilemma", 0), self.shares.shape[1]
        epoch = int(self.epoch.max(initial=-1)) + 1
        added: dict[str, Any] = {
            "dilemma": _checks.places(dilemma, m, "dilemma", self.dilemmas),
            "order": _checks.codes(order, m, "order", (0, 1)),
            "epoch": np.full(m, epoch),
            "choice": _checks.codes(choice, m, "choice", tuple(range(width))),
        }
        if self.chances is not None:
            added["chances"] = np.eye(width)[added["choice"]]
        for name, more in added.items():
            added[name] = np.concatenate([getattr(self, name), more])
        return replace(self, **added)

    def _rows(self, keep: Bools | Ints, **changes: Any) -> Decisions:
        """Return a copy with the answers at `keep` and with `changes`, without checks."""
        copy = object.__new__(Decisions)
        for field in fields(self):
            value = changes.get(field.name, getattr(self, field.name))
            if field.name in ("dilemma", "order", "epoch", "choice", "chances"):
                value = None if value is None else value[keep]
            object.__setattr__(copy, field.name, value)
        return copy


def _renormalised(shares: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the shares of the two patients among decided people, NaN where nobody decided."""
    total = shares[..., :COIN].sum(axis=-1, keepdims=True)
    return shares[..., :COIN] / np.where(total > 0, total, np.nan)


def _selection(rows: ArrayLike, count: int, name: str) -> Bools | Ints:
    """Return `rows` as a mask of shape (count,) or as sorted indices."""
    chosen = np.asarray(rows) if _checks.length(rows, name, 0) else np.zeros(0, dtype=np.int64)
    if chosen.dtype != bool:
        return np.sort(_checks.places(chosen, len(chosen), name, count))
    if len(chosen) != count:
        raise InputError(f"{name} must have shape ({count},), not {chosen.shape}")
    return chosen


def _checked_shares(values: ArrayLike, count: int) -> Floats:
    shares = _checks.numbers(values, "shares")
    if shares.shape not in ((count, 2), (count, 3)):
        raise InputError(f"shares must have shape ({count}, 2 or 3), not {shares.shape}")
    why = "neither shares that sum to 1 nor all NaN"
    _checks.raise_if_any(_not_shares(shares), shares, "shares", why)
    return shares


def _checked_draws(given: NDArray[np.floating], shares: Floats) -> NDArray[np.floating]:
    """Return draws in their own precision; they must be known wherever `shares` are."""
    real = isinstance(given, np.ndarray) and np.issubdtype(given.dtype, np.floating)
    draws = given if real else _checks.numbers(given, "share_draws")
    if draws.ndim != 3 or draws.shape[1:] != shares.shape or len(draws) == 0:
        raise InputError(f"share_draws must have shape (draws, *{shares.shape}), not {draws.shape}")
    unknown = np.isnan(draws).any(axis=2) & np.isfinite(shares).all(axis=1)
    _checks.raise_if_any(_not_shares(draws) | unknown, draws, "share_draws", "not shares")
    return draws


def _checked_chances(given: ArrayLike, choice: Ints, width: int) -> Floats:
    chances = _checks.shares(given, (len(choice), width), "chances")
    total = chances.sum(axis=1)
    best = chances[np.arange(len(choice)), choice] >= chances.max(axis=1, initial=0.0)
    bad = ~((total > 0) & (total < 1 + _SUM_TOLERANCE) & best)
    why = "not probabilities of which that of the choice is the largest"
    _checks.raise_if_any(bad, chances, "chances", why)
    return chances


def _not_shares(values: NDArray[np.floating]) -> Bools:
    """Return which rows, shape (..., K), are neither shares that sum to 1 nor all NaN."""
    with np.errstate(invalid="ignore"):
        sound = (values >= -1e-9).all(axis=-1) & (np.abs(values.sum(axis=-1) - 1) < _SUM_TOLERANCE)
    return np.asarray(~(sound | np.isnan(values).all(axis=-1)))
