"""Linear hypotheses about weights: which of them the rows determine, and tests that they hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation._checks import Floats

_FLAT = 1e-10
"""Directions with less than this share of the largest eigenvalue hold rounding dust."""


def row_space(gram: Floats) -> tuple[Floats, Floats]:
    """Return the positive eigenvalues (r,) of a Gram matrix (p, p) and their vectors (p, r)."""
    values, vectors = np.linalg.eigh(gram)
    keep = values > _FLAT * max(float(values[-1]), 0.0)
    return values[keep], vectors[:, keep]


def determined(vectors: Floats, contrasts: Floats) -> NDArray[np.bool_]:
    """Return which contrasts of the weights the rows determine, shape (m,).

    Args:
        vectors: Orthonormal basis of the rows' space, shape (p, r).
        contrasts: Shape (m, p). One that leaves the space could take any value without a change
            in what is fitted.
    """
    outside = contrasts - contrasts @ vectors @ vectors.T
    result: NDArray[np.bool_] = np.abs(outside).max(axis=1, initial=0.0) < 1e-6
    return result


def wald_p(estimate: Floats, covariance: Floats, freedom: int) -> float:
    """Return the p-value of Wald's test that every entry of `estimate` is zero.

    Args:
        estimate: Shape (q,).
        covariance: Shape (q, q); its rank r may be less than q.
        freedom: The statistic over r is referred to F(r, `freedom` - r).

    Returns:
        NaN where r is 0, the covariance unknown or `freedom` at most r + 1.
    """
    from scipy.special import fdtrc

    if len(estimate) == 0 or not np.isfinite(covariance).all():
        return float("nan")
    # A flat direction leaves rounding dust, which may be negative, on the diagonal.
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scale = np.where(scale > 0, scale, 1.0)
    standard = covariance / np.outer(scale, scale)
    rank = int(np.linalg.matrix_rank(standard, tol=1e-8, hermitian=True))
    if rank == 0 or freedom <= rank + 1:
        return float("nan")
    z = estimate / scale
    statistic = max(0.0, float(z @ np.linalg.pinv(standard, rcond=1e-8, hermitian=True) @ z))
    return float(fdtrc(rank, freedom - rank, statistic / rank))


def score_p(sums: Floats, freedom: int) -> float:
    """Return the p-value of a clustered score test.

    The statistic is T = sᵀM⁻¹s with s the total score and M the sum over clusters of squared
    scores. M is not centred, which bounds T by the number of clusters G: T / (G - T) times
    `freedom` / q is referred to F(q, `freedom`), as in Hotelling's test.

    Args:
        sums: Efficient scores of the tested weights by cluster, shape (G, q).
        freedom: Denominator degrees of freedom.

    Returns:
        NaN with nothing to test or too few clusters.
    """
    from scipy.special import fdtrc

    count, q = sums.shape
    if q == 0 or freedom < 1:
        return float("nan")
    # Answers that cancel within each dilemma leave exactly nothing, up to rounding.
    sums = np.where(np.abs(sums) < 1e-10, 0.0, sums)
    total = sums.sum(axis=0)
    meat = sums.T @ sums
    if np.linalg.matrix_rank(meat, hermitian=True) < q:
        return 1.0 if not total.any() else float("nan")
    statistic = float(total @ np.linalg.solve(meat, total))
    scaled = statistic / (count - statistic) * freedom / q if statistic < count else np.inf
    return float(fdtrc(q, freedom, scaled))
