"""Cluster-robust covariance of an estimator from the scores of its rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._checks import Floats, Ints


def cluster_sums(scores: Floats, index: Ints, count: int) -> Floats:
    """Return the (count, p) sums over clusters of the (n, p) scores."""
    return np.stack(
        [np.bincount(index, weights=column, minlength=count) for column in scores.T], axis=1
    )


def sandwich(bread: Floats, scores: Floats, index: Ints, count: int) -> Floats:
    """Return the (p, p) sandwich covariance with the usual small-sample factor.

    Args:
        bread: Inverse of the information, shape (p, p).
        scores: Gradient of each row's log-likelihood at the estimate, shape (n, p).
        index: Cluster of each row, 0 to `count` - 1.
        count: Number of clusters G.

    Returns:
        bread · (Σ_g s_g s_gᵀ) · bread · G/(G-1) · (n-1)/(n-p), all NaN where G < 2 or n ≤ p
        (Liang and Zeger 1986; the factor is that of Stata and statsmodels).
    """
    n, p = scores.shape
    if count < 2 or n <= p:
        return np.full((p, p), np.nan)
    sums = cluster_sums(scores, index, count)
    factor = count / (count - 1) * (n - 1) / (n - p)
    covariance: Floats = factor * (bread @ (sums.T @ sums) @ bread)
    return covariance


def robust(bread: Floats, scores: Floats, clusters: ArrayLike | None) -> tuple[Floats, int | None]:
    """Return the sandwich over `clusters` and their number, or `bread` and None without them."""
    if clusters is None:
        return bread, None
    index, count = _checks.groups(clusters, len(scores))
    return sandwich(bread, scores, index, count), count


def clumping(index: Ints) -> float:
    """Return Σ n_g² / Σ n_g, the design effect of clusters whose rows all agree."""
    sizes = np.bincount(index).astype(np.float64)
    return float((sizes**2).sum() / sizes.sum())
