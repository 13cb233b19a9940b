"""What a logit is fitted on, and how much each dilemma moves the fit."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation._checks import Floats, Ints
from kidney_evals.estimation._functions import logistic
from kidney_evals.estimation._linear import inverse
from kidney_evals.estimation._sandwich import cluster_sums

FLATTEST: Final = 1e-6
"""Least variance of a direction of standardised differences in which a weight can be estimated.

Each attribute has variance 1, so a direction below this has a condition number of about 1000: two
attributes whose correlation is above .999999. Answers cannot tell the weights along it apart.
"""

_OUTSIDE = 1e-2
"""Largest component along a flat direction of an attribute whose weight counts as determined."""


class _Directions(NamedTuple):
    """Standardised differences and the directions in which they vary.

    Attributes:
        standard: Differences less `centre`, over `scale`, shape (n, k); 0 where constant.
        centre: Shape (k,).
        scale: Root mean square of each column, 1 where constant, shape (k,).
        vectors: Orthonormal directions, shape (k, k).
        keep: Whether the differences vary along each direction, shape (k,).
    """

    standard: Floats
    centre: Floats
    scale: Floats
    vectors: Floats
    keep: NDArray[np.bool_]


def _directions(x: Floats, intercept: bool) -> _Directions:
    n, k = x.shape
    centre = x.mean(axis=0) if intercept else np.zeros(k)
    centred = x - centre
    scale = np.sqrt((centred**2).mean(axis=0))
    # Rounding leaves a constant column with a spread of about 1e-16 of its size.
    flat = scale <= 1e-12 * np.abs(x).max(axis=0, initial=0.0)
    scale = np.where(flat, 1.0, scale)
    standard = np.where(flat, 0.0, centred / scale)
    values, vectors = np.linalg.eigh(standard.T @ standard / n)
    return _Directions(standard, centre, scale, vectors, values > FLATTEST)


def determined(x: Floats, *, intercept: bool) -> NDArray[np.bool_]:
    """Return whether the differences determine the weight of each attribute, shape (k,).

    Args:
        x: Differences, shape (n, k).
        intercept: Whether the pull of the first place is estimated too. An attribute that differs
            by the same amount in every row cannot be told from it.
    """
    found = _directions(x, intercept)
    result: NDArray[np.bool_] = (
        np.abs(found.vectors[:, ~found.keep]).max(axis=1, initial=0.0) < _OUTSIDE
    )
    return result


def full_rank(x: Floats, intercept: bool) -> tuple[Floats, Floats]:
    """Return (basis, design): a full-rank design and the map from its weights to (k+1) weights.

    Directions of `x` with a variance below `FLATTEST` (beyond the intercept) are left out, which
    gives them the weight 0. Firth's penalty and the likelihood do not depend on this change of
    coordinates.
    """
    n, k = x.shape
    standard, centre, scale, vectors, keep = _directions(x, intercept)
    directions = np.eye(k) if keep.all() else vectors[:, keep]
    slopes = directions / scale[:, None]
    rank = slopes.shape[1]
    basis = np.zeros((k + 1, rank + intercept))
    basis[:k, :rank] = slopes
    design = standard @ directions
    if intercept:
        basis[k, :rank] = -centre @ slopes
        basis[k, rank] = 1.0
        design = np.column_stack([design, np.ones(n)])
    return basis, design


def leverage(design: Floats, variance: Floats, bread: Floats) -> Floats:
    """Return the diagonal of V^½ X (XᵀVX)⁻¹ Xᵀ V^½, shape (n,)."""
    result: Floats = variance * ((design @ bread) * design).sum(axis=1)
    return result


class Influence(NamedTuple):
    """How clusters of answers move the estimate of a Firth logit with an intercept.

    Attributes:
        score: Bread times each cluster's score, shape (G, k+1), the intercept last: Σ_g ψ_g ψ_gᵀ is
            the sandwich without its small-sample factor, and Σ_g ψ_g φ_gᵀ the covariance of the
            estimates of two runs that share their clusters.
        swing: Bread times what the score gains where every answer of a cluster goes from the
            second-listed patient to the first, shape (G, k+1).
    """

    score: Floats
    swing: Floats


def influence(
    x: Floats, y: Floats, sign: Floats, theta: Floats, index: Ints, count: int
) -> Influence:
    """Return how each cluster moves a fit.

    Args:
        x: Differences as shown, shape (n, k).
        y: Whether the patient shown first was chosen, shape (n,).
        sign: 1 where patients are shown as listed, -1 where they are swapped, shape (n,).
        theta: The estimate, the intercept last, shape (k+1,).
        index: Cluster of each row, 0 to `count` - 1.
        count: Number of clusters G.
    """
    basis, design = full_rank(x, intercept=True)
    probability = logistic(x @ theta[:-1] + theta[-1])
    variance = probability * (1 - probability)
    bread = inverse((design * variance[:, None]).T @ design)
    residual = y - probability + leverage(design, variance, bread) * (0.5 - probability)
    return Influence(
        *(
            cluster_sums(design * pull[:, None], index, count) @ bread @ basis.T
            for pull in (residual, sign)
        )
    )
