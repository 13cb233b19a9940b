"""Resampled statistics of a run, and intervals of its rates.

Drawn dilemmas are resampled as clusters. On a fixed list all dilemmas are used and answers are
resampled within strata. Probabilities from log-probabilities are not resampled.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation import intervals
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import COIN, Counts, Decisions, Strata
from kidney_evals.estimation.intervals import DRAWS, Interval
from kidney_evals.estimation.quantity import Quantity

Shares = NDArray[np.floating]

Terms = Callable[[Shares, Shares], tuple[Shares, Shares]]
"""Maps the answer shares of the model and of people, each (b or 1, D, K), to the numerator and the
denominator of a statistic, (b or 1, D), which are summed over dilemmas."""


def human_variance(decisions: Decisions) -> Floats:
    """Return Σ_c Var(p_c) of people's shares by dilemma, shape (D,); 0 without draws."""
    draws = decisions.share_draws
    if draws is None or len(draws) < 2:
        return np.zeros(decisions.dilemmas)
    return np.asarray(draws.var(axis=0, ddof=1, dtype=np.float64).sum(axis=1))


def dot(left: Shares, right: Shares) -> Shares:
    """Return Σ_c left_c right_c over the last axis of shares, faster than by a reduction."""
    total: Shares = left[..., 0] * right[..., 0]
    for column in range(1, left.shape[-1]):
        total = total + left[..., column] * right[..., column]
    return total


def largest(shares: Shares) -> Shares:
    """Return the largest share over the last axis."""
    top: Shares = shares[..., 0]
    for column in range(1, shares.shape[-1]):
        top = np.maximum(top, shares[..., column])
    return top


def coin_gap(run: Decisions) -> Terms:
    """Return the terms of the coin rate minus people's coin rate, Σ n_i (q_i - p_i) / Σ n_i."""
    answers = run.counts.sum(axis=(1, 2)).astype(np.float64)[None]
    return lambda q, p: (answers * (q[..., COIN] - p[..., COIN]), answers)


def observed(decisions: Decisions, terms: Terms) -> float:
    """Return the ratio of the sums of two terms over the dilemmas, whose shares must be known."""
    above, below = terms(decisions.strata.shares[None], decisions.shares[None])
    return float((above.sum(axis=1) / below.sum(axis=1))[0])


def resampled_interval(run: Decisions, terms: Terms, value: float | None = None) -> Interval:
    """Return the percentile interval of `bootstrap`, its draws `recentred` on a given `value`."""
    draws = bootstrap(run, terms)
    draws = draws if value is None else intervals.recentred(draws, value)
    return intervals.percentile(draws, None if run.fixed else run.dilemmas)


def bootstrap(decisions: Decisions, terms: Terms, *, key: int = 0) -> Floats:
    """Return the ratio of the sums of two terms in resampled runs, (DRAWS,).

    Empty with fewer than two drawn dilemmas. If there are fewer draws of people than resamples they
    are used cyclically. Calls with different `key` are independent.
    """
    count, strata = decisions.dilemmas, decisions.strata
    if count < 2 and not decisions.fixed:
        return np.empty(0)
    draws = decisions.share_draws
    people: Shares = decisions.shares[None] if draws is None else draws
    # Drawn dilemmas have the same answer shares in all resamples, a fixed list has not.
    drawn = () if decisions.fixed else terms(strata.shares[None], people)

    def sums(rows: slice) -> list[Floats]:
        crowd = np.arange(rows.start, rows.stop) % len(people)
        if decisions.fixed:
            parts = terms(redrawn_shares(strata, rows, key=key), people[crowd])
            wide = (len(crowd), count)
            return [np.broadcast_to(part, wide).sum(axis=1, dtype=np.float64) for part in parts]
        weights = intervals.weight_rows(count, rows, key=key)
        return [
            weights @ part[0].astype(np.float64)
            if len(part) == 1
            else np.einsum("bd,bd->b", weights, part[crowd])
            for part in drawn
        ]

    width = 2 * decisions.shares.size if decisions.fixed else count
    parts = zip(*map(sums, intervals.blocks(DRAWS, width)), strict=True)
    return np.asarray(np.divide(*map(np.concatenate, parts)))


def redrawn_shares(strata: Strata, rows: slice, *, key: int = 0) -> Floats:
    """Return answer shares resampled within strata, shape (rows, D, K).

    Answers are drawn from the smoothed shares, and their deviation from these is added to the
    observed shares, so a share may lie outside [0, 1]. Probabilities are not resampled: (1, D, K).
    """
    if strata.counts is None:
        return strata.shares[None]
    sizes = strata.counts.sum(axis=2)
    drawn = intervals.generator(7, key, rows.start).multinomial(
        sizes, strata.smooth, size=(rows.stop - rows.start, *sizes.shape)
    )
    off = drawn / np.maximum(sizes, 1)[:, :, None] - strata.smooth
    return np.asarray(strata.shares + (strata.weights[:, :, None] * off).sum(axis=2))


def rate_of(run: Decisions, hits: Counts, trials: Counts, human: float) -> Quantity:
    """Return Σ hits / Σ trials, each (D, 2) by order, with its interval; n counts answers."""
    value = float(hits.sum() / trials.sum())
    if not run.fixed:
        by_dilemma = hits.sum(axis=1), trials.sum(axis=1)
        ends = intervals.proportion(*by_dilemma, least_effect=run.least_effect)
    elif run.chances is not None:
        ends = Interval(min(value, 1.0), min(value, 1.0))
    else:
        ends = intervals.stratified_proportion(hits, trials)
    return Quantity(value, *ends, human=human, n=len(run))
