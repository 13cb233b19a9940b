"""Reproducible bootstrap samples of people, and standard errors of simulated shares."""

from __future__ import annotations

import numpy as np

from kidney_evals.human.sources import DRAWS, uniforms
from kidney_evals.human.tables import Floats


def person_counts(seed: int, people: int) -> Floats:
    """Return how often each person is in each bootstrap sample, shape (draws, people)."""
    picks = np.floor(uniforms(seed, (DRAWS, people)) * people).astype(np.int64)
    return np.stack([np.bincount(row, minlength=people) for row in picks]).astype(np.float64)


def half_masks(seed: int, people: int, splits: int) -> Floats:
    """Return random halves of the people as 0/1, shape (splits, people)."""
    ranks = uniforms(seed, (splits, people)).argsort(axis=1, kind="stable").argsort(axis=1)
    return (ranks < people // 2).astype(np.float64)


def interval(draws: Floats) -> tuple[Floats, Floats]:
    """Return the 95 % percentile interval over the first axis."""
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    return low, high


def binomial_error(share: float, runs: int) -> float:
    """Return the standard error of a share of independent runs.

    Args:
        share: The share; for 0 or 1, the error is that of a share one run away.
        runs: Number of runs.
    """
    inside = min(max(share, 1 / runs), 1 - 1 / runs)
    return float((inside * (1 - inside) / runs) ** 0.5)
