"""Scalar functions that the choice models share, with the derivatives their fits need."""

from __future__ import annotations

import numpy as np

from kidney_evals.estimation._checks import Floats

ROUNDING = 0.01
"""Width, in logits, over which the corners of |u| and min are rounded off.

A corner in a likelihood has no derivative to set to zero. In the limit of no rounding the slopes
below become, at a corner itself, the mean of the slopes on its sides: an element of the
sub-differential.
"""


def logistic(eta: Floats) -> Floats:
    """Return 1 / (1 + exp(-eta)) without overflow."""
    result: Floats = 0.5 * (1 + np.tanh(0.5 * eta))
    return result


def log_logistic(eta: Floats) -> Floats:
    """Return log(1 / (1 + exp(-eta))), finite wherever eta is."""
    # numpy's logaddexp says the same and takes eight times as long.
    result: Floats = np.minimum(eta, 0.0) - np.log1p(np.exp(-np.abs(eta)))
    return result


def rounded_abs(utility: Floats) -> tuple[Floats, Floats, Floats]:
    """Return sqrt(utility² + ROUNDING²) and its first two derivatives."""
    root = np.sqrt(utility**2 + ROUNDING**2)
    return root, utility / root, ROUNDING**2 / root**3


def rounded_min(values: Floats) -> tuple[Floats, Floats]:
    """Return the rounded-off smallest entry of each column and its gradient in the entries.

    It is -ROUNDING · log Σ_j exp(-v_j / ROUNDING), at most ROUNDING · log m too small; its
    gradient g holds shares that sum to one, and its second derivatives are
    (g gᵀ - diag(g)) / ROUNDING.

    Args:
        values: Shape (m, n).

    Returns:
        The minimum, shape (n,), and its gradient, shape (m, n).
    """
    low = values.min(axis=0)
    weight = np.exp((low - values) / ROUNDING)
    total = weight.sum(axis=0)
    return low - ROUNDING * np.log(total), weight / total
