"""A run under resampling: its answer shares, their sampling variance, and redrawn runs.

Orders are strata where each holds at least two answers of a dilemma; otherwise the answers of a
dilemma are one stratum, since a single answer shows nothing of its own variance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation._checks import Floats, Ints
from kidney_evals.estimation.decisions import Counts, Decisions
from kidney_evals.estimation.intervals import DRAWS, blocks, generator, weight_rows

_FIXED_KEY = 7

_PRIOR = 0.5


class Strata(NamedTuple):
    """Answers of each dilemma in the strata they are resampled in.

    Attributes:
        counts: Answers by dilemma, stratum and choice, shape (D, 2, K); an unused stratum is 0.
            None where probabilities were read out: there is nothing to redraw.
        weights: Weight of each stratum in its dilemma's answer shares, shape (D, 2), rows sum
            to 1, or to 0 where there is no answer.
        shares: Answer shares q, shape (D, K); NaN rows without answers.
        variance: Unbiased estimate of Var(q_c), shape (D, K); NaN with a single answer.
        smooth: Shares within strata, (count + a/K) / (m + a) with a = ½, shape (D, 2, K): what
            answers are redrawn from, since a few that agree do not show that all would.
        redrawn: Variance of shares redrawn from `smooth`, shape (D, K).
    """

    counts: Ints | None
    weights: Floats
    shares: Floats
    variance: Floats
    smooth: Floats
    redrawn: Floats


Terms = Callable[[NDArray[np.floating], NDArray[np.floating]], tuple[NDArray[np.floating], ...]]
"""From the model's answer shares and people's, each (b or 1, D, K), to what a statistic sums over
dilemmas: arrays of shape (b or 1, D)."""

Combine = Callable[..., Floats]
"""From those sums, each of shape (b,), to the statistic."""


def strata(decisions: Decisions) -> Strata:
    """Return the answers of each dilemma by stratum, with shares and variance."""
    if decisions.chances is not None:
        return _known(decisions.counts)
    counts = decisions.counts
    sizes = counts.sum(axis=2)
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


def _known(counts: Counts) -> Strata:
    """Return shares that were read out: each order asked counts alike, and nothing varies."""
    sizes = counts.sum(axis=2)
    asked = sizes > 0
    weights = asked / np.maximum(asked.sum(axis=1, keepdims=True), 1)
    within = counts / np.where(asked, sizes, 1)[:, :, None]
    shares = (weights[:, :, None] * within).sum(axis=1)
    shares[~asked.any(axis=1)] = np.nan
    nothing = np.where(np.isnan(shares), np.nan, 0.0)
    return Strata(None, weights, shares, nothing, within, np.nan_to_num(nothing))


def human_variance(decisions: Decisions) -> Floats:
    """Return Σ_c Var(p_c) of people's shares by dilemma, shape (D,); 0 without draws."""
    draws = decisions.share_draws
    if draws is None or len(draws) < 2:
        return np.zeros(decisions.dilemmas)
    result: Floats = draws.var(axis=0, ddof=1, dtype=np.float64).sum(axis=1)
    return result


def dot(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return Σ_c left_c right_c over the last axis of shares.

    Two or three columns: adding them up is many times faster than reducing over the axis.
    """
    total: NDArray[np.floating] = left[..., 0] * right[..., 0]
    for column in range(1, left.shape[-1]):
        total = total + left[..., column] * right[..., column]
    return total


def largest(shares: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the largest share over the last axis."""
    top: NDArray[np.floating] = shares[..., 0]
    for column in range(1, shares.shape[-1]):
        top = np.maximum(top, shares[..., column])
    return top


def observed(decisions: Decisions, terms: Terms, combine: Combine) -> float:
    """Return a statistic of the run as it is.

    Args:
        decisions: A run in which every listed dilemma has an answer and people's shares.
        terms: What it sums over dilemmas.
        combine: What it does with the sums.
    """
    parts = terms(strata(decisions).shares[None], decisions.shares[None])
    return float(combine(*(part.sum(axis=1) for part in parts))[0])


def bootstrap(
    decisions: Decisions,
    terms: Terms,
    combine: Combine,
    draws: int = DRAWS,
    *,
    key: int = 0,
) -> Floats:
    """Return a statistic of redrawn runs, shape (draws,); empty where nothing can be redrawn.

    Args:
        decisions: As in `observed`.
        terms: What the statistic sums over dilemmas.
        combine: What it does with the sums.
        draws: Number of resamples.
        key: Tells parts of one run apart that are redrawn independently of each other.
    """
    sums = bootstrap_sums(decisions, terms, draws, key=key)
    return combine(*sums) if sums else np.empty(0)


def bootstrap_sums(
    decisions: Decisions, terms: Terms, draws: int = DRAWS, *, key: int = 0
) -> tuple[Floats, ...]:
    """Return what terms sum to in redrawn runs, each of shape (draws,); none without dilemmas.

    A sample of dilemmas is redrawn dilemma by dilemma, with both orders and all epochs. On a
    fixed list every dilemma stays and answers are redrawn within strata (`redrawn_shares`).
    People are redrawn through their draws, used in turn where there are fewer of them than
    resamples. Arguments as in `bootstrap`.
    """
    kept = strata(decisions)
    totals: list[Floats] = []
    if decisions.fixed:
        for rows in blocks(draws, 2 * decisions.shares.size):
            parts = terms(redrawn_shares(kept, rows, key=key), _people(decisions, rows))
            totals = totals or [np.empty(draws) for _ in parts]
            for total, part in zip(totals, parts, strict=True):
                total[rows] = part.sum(axis=1, dtype=np.float64)
        return tuple(totals)
    if decisions.dilemmas < 2:
        return ()
    people = decisions.shares[None] if decisions.share_draws is None else decisions.share_draws
    for used, resamples in _turns(len(people), draws, decisions.dilemmas):
        parts = terms(kept.shares[None], people[used])
        totals = totals or [np.empty(draws) for _ in parts]
        for rows in resamples:
            weights = weight_rows(decisions.dilemmas, rows, draws, key=key)
            for total, part in zip(totals, parts, strict=True):
                total[rows] = _weighted(weights, part)
    return tuple(totals)


def _turns(people: int, draws: int, width: int) -> Iterator[tuple[slice, list[slice]]]:
    """Yield draws of people, a bounded block at a time, with the resamples whose turn they are.

    Draws are used in turn, so that terms are taken once for each, however many resamples use it.
    """
    if people == 1:
        yield slice(0, 1), list(blocks(draws, width))
        return
    for used in blocks(people, width):
        size = used.stop - used.start
        starts = range(used.start, draws, people)
        yield used, [slice(start, min(start + size, draws)) for start in starts]


def redrawn_shares(kept: Strata, rows: slice, *, key: int = 0) -> Floats:
    """Return answer shares redrawn within strata, shape (rows, D, K).

    What was read out as probabilities stays as it is, shape (1, D, K).

    As many answers as there are come from the smoothed shares, and their deviation from these is
    added to the observed shares. Redrawn shares have the observed ones for their mean and may
    leave [0, 1].
    """
    if kept.counts is None:
        return kept.shares[None]
    sizes = kept.counts.sum(axis=2)
    drawn = generator(_FIXED_KEY, key, rows.start).multinomial(
        sizes, kept.smooth, size=(rows.stop - rows.start, *sizes.shape)
    )
    off = drawn / np.maximum(sizes, 1)[:, :, None] - kept.smooth
    result: Floats = kept.shares + (kept.weights[:, :, None] * off).sum(axis=2)
    return result


def _people(decisions: Decisions, rows: slice) -> NDArray[np.floating]:
    draws = decisions.share_draws
    if draws is None:
        return decisions.shares[None]
    if rows.stop <= len(draws):
        return draws[rows]
    chosen: NDArray[np.floating] = draws[np.arange(rows.start, rows.stop) % len(draws)]
    return chosen


def _weighted(weights: Floats, part: NDArray[np.floating]) -> Floats:
    if len(part) == 1:
        single: Floats = weights @ part[0].astype(np.float64)
        return single
    total: Floats = np.einsum("bd,bd->b", weights, part[: len(weights)])
    return total
