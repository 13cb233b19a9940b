"""Intervals of a run's rates: over a sample of dilemmas, over a fixed list, or read out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.decisions import Counts, Decisions
from kidney_evals.estimation.intervals import (
    Interval,
    effective_size,
    proportion,
    stratified_proportion,
    wilson,
)


def rate_interval(run: Decisions, hits: Counts, trials: Counts) -> Interval:
    """Return the interval of Σ hits / Σ trials.

    Args:
        run: The answers counted: a sample of dilemmas or a fixed list.
        hits: By dilemma and order, shape (D, 2).
        trials: Shape (D, 2).
    """
    if run.fixed:
        return fixed_rate_interval(run, hits, trials)
    return proportion(hits.sum(axis=1), trials.sum(axis=1), least_effect=run.least_effect)


def surplus_interval(
    run: Decisions, hits: Counts, trials: Counts, expected: NDArray[np.float64]
) -> Interval:
    """Return the interval of a rate whose variance is that of hits less expected ones.

    Args:
        run: As in `rate_interval`.
        hits: The same.
        trials: The same.
        expected: Hits that people's rates lead to expect, shape (D,).
    """
    if run.fixed:
        return fixed_rate_interval(run, hits, trials)
    found, answers = hits.sum(axis=1), trials.sum(axis=1)
    size = effective_size(found, answers, least_effect=run.least_effect, expected=expected)
    return wilson(min(float(found.sum() / answers.sum()), 1.0), size)


def fixed_rate_interval(run: Decisions, hits: Counts, trials: Counts) -> Interval:
    """Return the interval of a rate over a fixed list, where only answers vary.

    Probabilities that were read out do not vary: the interval is the rate itself.
    """
    if run.chances is None:
        return stratified_proportion(hits, trials)
    rate = float(hits.sum() / trials.sum())
    return Interval(rate, rate)
