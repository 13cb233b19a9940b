"""Resampled statistics of a run, and intervals of its rates.

Drawn dilemmas are resampled as clusters. On a fixed list all dilemmas are kept and answers are
resampled within strata. Probabilities from log-probabilities are not resampled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import COIN, Counts, Decisions, Strata
from kidney_evals.estimation.intervals import (
    DRAWS,
    Interval,
    blocks,
    effective_size,
    generator,
    proportion,
    stratified_proportion,
    weight_rows,
    wilson,
)

_FIXED_KEY = 7

Shares = NDArray[np.floating]

Terms = Callable[[Shares, Shares], tuple[Shares, ...]]
"""Maps the answer shares of the model and of people, each (b or 1, D, K), to the arrays of shape
(b or 1, D) that a statistic sums over dilemmas."""

Combine = Callable[..., Floats]
"""Maps the sums over dilemmas, each of shape (b,), to the statistic."""


def human_variance(decisions: Decisions) -> Floats:
    """Return Σ_c Var(p_c) of people's shares by dilemma, shape (D,); 0 without draws."""
    draws = decisions.share_draws
    if draws is None or len(draws) < 2:
        return np.zeros(decisions.dilemmas)
    result: Floats = draws.var(axis=0, ddof=1, dtype=np.float64).sum(axis=1)
    return result


def dot(left: Shares, right: Shares) -> Shares:
    """Return Σ_c left_c right_c over the last axis of shares.

    With two or three columns, adding columns is many times faster than reducing over the axis.
    """
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

    def terms(q: Shares, p: Shares) -> tuple[Shares, ...]:
        return answers * (q[..., COIN] - p[..., COIN]), answers

    return terms


def observed(decisions: Decisions, terms: Terms, combine: Combine) -> float:
    """Return a statistic of the run, without resampling.

    Args:
        decisions: A run in which every listed dilemma has an answer and people's shares.
        terms: The terms that the statistic sums over dilemmas.
        combine: Maps the sums to the statistic.
    """
    parts = terms(decisions.strata.shares[None], decisions.shares[None])
    return float(combine(*(part.sum(axis=1) for part in parts))[0])


def bootstrap(decisions: Decisions, terms: Terms, combine: Combine, *, key: int = 0) -> Floats:
    """Return a statistic of resampled runs, shape (DRAWS,); empty if fewer than two are drawn.

    Arguments as in `observed`. Calls with different `key` are resampled independently.
    """
    sums = bootstrap_sums(decisions, terms, key=key)
    return combine(*sums) if sums else np.empty(0)


def bootstrap_sums(decisions: Decisions, terms: Terms, *, key: int = 0) -> tuple[Floats, ...]:
    """Return the sums of the terms in resampled runs, each (DRAWS,); () if nothing is resampled.

    Human shares come from `share_draws`, used cyclically if there are fewer draws than resamples.
    """
    strata = decisions.strata
    totals: list[Floats] = []
    if decisions.fixed:
        for rows in blocks(DRAWS, 2 * decisions.shares.size):
            parts = terms(redrawn_shares(strata, rows, key=key), _people(decisions, rows))
            totals = totals or [np.empty(DRAWS) for _ in parts]
            for total, part in zip(totals, parts, strict=True):
                total[rows] = part.sum(axis=1, dtype=np.float64)
        return tuple(totals)
    if decisions.dilemmas < 2:
        return ()
    people = decisions.shares[None] if decisions.share_draws is None else decisions.share_draws
    for used, resamples in _turns(len(people), decisions.dilemmas):
        parts = terms(strata.shares[None], people[used])
        totals = totals or [np.empty(DRAWS) for _ in parts]
        for rows in resamples:
            weights = weight_rows(decisions.dilemmas, rows, key=key)
            for total, part in zip(totals, parts, strict=True):
                total[rows] = _weighted(weights, part)
    return tuple(totals)


def _turns(people: int, width: int) -> Iterator[tuple[slice, list[slice]]]:
    """Yield blocks of human draws, each with the slices of resamples that use it.

    Draws are used cyclically, so the terms of each draw are computed once for all its resamples.
    """
    if people == 1:
        yield slice(0, 1), list(blocks(DRAWS, width))
        return
    for used in blocks(people, width):
        size = used.stop - used.start
        starts = range(used.start, DRAWS, people)
        yield used, [slice(start, min(start + size, DRAWS)) for start in starts]


def redrawn_shares(strata: Strata, rows: slice, *, key: int = 0) -> Floats:
    """Return answer shares resampled within strata, shape (rows, D, K).

    The observed number of answers is drawn from the smoothed shares, and the deviation of the draw
    from the smoothed shares is added to the observed shares. So the mean of resampled shares is the
    observed share, and a resampled share may lie outside [0, 1]. Probabilities from
    log-probabilities are returned unchanged, shape (1, D, K).
    """
    if strata.counts is None:
        return strata.shares[None]
    sizes = strata.counts.sum(axis=2)
    drawn = generator(_FIXED_KEY, key, rows.start).multinomial(
        sizes, strata.smooth, size=(rows.stop - rows.start, *sizes.shape)
    )
    off = drawn / np.maximum(sizes, 1)[:, :, None] - strata.smooth
    result: Floats = strata.shares + (strata.weights[:, :, None] * off).sum(axis=2)
    return result


def _people(decisions: Decisions, rows: slice) -> Shares:
    draws = decisions.share_draws
    if draws is None:
        return decisions.shares[None]
    if rows.stop <= len(draws):
        return draws[rows]
    chosen: Shares = draws[np.arange(rows.start, rows.stop) % len(draws)]
    return chosen


def _weighted(weights: Floats, part: Shares) -> Floats:
    if len(part) == 1:
        single: Floats = weights @ part[0].astype(np.float64)
        return single
    total: Floats = np.einsum("bd,bd->b", weights, part[: len(weights)])
    return total


def rate_interval(
    run: Decisions, hits: Counts, trials: Counts, expected: Floats | None = None
) -> Interval:
    """Return the interval of Σ hits / Σ trials, over a sample of dilemmas or a fixed list.

    Args:
        run: The run that hits and trials are counted in.
        hits: Hits by dilemma and order, shape (D, 2).
        trials: Answers by dilemma and order, shape (D, 2).
        expected: Hits at people's rates, shape (D,). If given, and dilemmas are a sample, the
            variance is that of hits minus expected hits.
    """
    if run.fixed:
        if run.chances is None:
            return stratified_proportion(hits, trials)
        rate = float(hits.sum() / trials.sum())
        return Interval(rate, rate)
    x, n = hits.sum(axis=1), trials.sum(axis=1)
    if expected is None:
        return proportion(x, n, least_effect=run.least_effect)
    size = effective_size(x, n, least_effect=run.least_effect, expected=expected)
    return wilson(min(float(x.sum() / n.sum()), 1.0), size)
