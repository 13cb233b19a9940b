"""Signed importance shares: each attribute's effect over its full range, relative to all effects.

s_k = b_k R_k / Σ_j |b_j R_j|, with b_k the logit weight and R_k the range of attribute k. Shares do
not depend on the scale of the weights, so respondents with different noise can be compared. The
sign is positive if the respondent favours the same direction as people.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import wald_p
from kidney_evals.estimation.arrays import Bools, Floats
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import NAN, NO_INTERVAL, Z95, Interval
from kidney_evals.estimation.logit import LogitFit


@dataclass(frozen=True)
class ImportanceEstimate:
    """Importance shares with their interval and flags.

    Attributes:
        shares: Signed shares, shape (k,), whose absolute values sum to 1; NaN unless `defined`.
        low: Lower ends of 95 % intervals by the delta method, clipped to [-1, 1], shape (k,).
        high: Upper ends of these intervals, shape (k,).
        covariance: Delta-method covariance of the shares, shape (k, k); NaN unless `defined`.
        p_value: The p-value of `wald_signal`, the test that no attribute moves the choice.
        signal: Whether `p_value` is below .05.
        determined: Whether the answers determine each weight, shape (k,).
        separated: Whether a linear rule explains every answer.
    """

    shares: Floats
    low: Floats
    high: Floats
    covariance: Floats
    p_value: float
    signal: bool
    determined: Bools
    separated: bool

    @property
    def defined(self) -> bool:
        """Whether there is a signal and the answers determine every weight.

        Each share depends on all weights.
        """
        return self.signal and bool(self.determined.all())


def importance_shares(weights: ArrayLike, ranges: ArrayLike) -> Floats:
    """Return signed importance shares b_k R_k / Σ_j |b_j R_j|, NaN if all weights are zero.

    Args:
        weights: Logit weights b, shape (..., k). The result has the same shape.
        ranges: Full range R of each attribute, shape (k,).
    """
    b, r = _checked(weights, ranges)
    reach = b * r
    total = np.abs(reach).sum(axis=-1, keepdims=True)
    return reach / np.where(total > 0, total, np.nan)


def importance_covariance(weights: ArrayLike, covariance: ArrayLike, ranges: ArrayLike) -> Floats:
    """Return the delta-method covariance of the importance shares, shape (k, k).

    NaN if all weights are zero.

    Args:
        weights: Logit weights, shape (k,).
        covariance: Covariance of the weights, shape (k, k).
        ranges: Full range of each attribute, shape (k,).
    """
    b, r = _checked(weights, ranges)
    k = len(r)
    b = _checks.shaped(b, (k,), "weights", missing=True)
    block = _checks.shaped(covariance, (k, k), "covariance", missing=True)
    if not np.abs(b * r).sum() > 0:
        return np.full((k, k), np.nan)
    jacobian = _slopes(b, r)
    return np.asarray(jacobian @ block @ jacobian.T)


def importance_distance(shares: ArrayLike, reference: ArrayLike) -> Floats | float:
    """Return ½ Σ_k |s_k - h_k| over the last axis: 0 for equal, 1 for fully reversed shares.

    The shares s, `shares`, have shape (..., k); the shares h, `reference`, are (k,), or draws that
    broadcast with s. A number if both have shape (k,).
    """
    s, h = _checks.numbers(shares, "shares"), _checks.numbers(reference, "reference")
    try:
        np.broadcast_shapes(s.shape, h.shape)
    except ValueError:
        raise InputError(f"shares {s.shape} and reference {h.shape} do not fit together") from None
    if s.shape[-1:] != h.shape[-1:] or s.ndim == 0:
        raise InputError(f"shares {s.shape} and reference {h.shape} differ in attributes")
    for values, name in ((s, "shares"), (h, "reference")):
        _checks.shaped(values, values.shape, name, -1, 1, missing=True, slack=1e-6)
    result: Floats = 0.5 * np.abs(s - h).sum(axis=-1)
    return result if result.ndim else float(result)


def distance_interval(
    shares: ArrayLike, reference: ArrayLike, covariance: ArrayLike, level: float = 0.95
) -> Interval:
    """Return the interval of `importance_distance`, with coverage of at least `level`.

    With the shares s and the reference h, the distance is the maximum of ½ σ'(s - h) over the 2^k
    vectors of signs σ. The upper end is the maximum of the upper ends of these contrasts. The lower
    end is the maximum of their lower ends, which hold for all σ together, and at least 0.
    `covariance` is the covariance of s - h, shape (k, k). NaN if a share or a variance is unknown,
    or with more than 12 attributes.
    """
    s, h = _checks.numbers(shares, "shares"), _checks.numbers(reference, "reference")
    k = _checks.length(shares, "shares", 1)
    s = _checks.shaped(s, (k,), "shares", -1, 1, missing=True, slack=1e-6)
    h = _checks.shaped(h, (k,), "reference", -1, 1, missing=True, slack=1e-6)
    v = _checks.shaped(covariance, (k, k), "covariance", missing=True)
    _checks.coverage(level)
    if k > 12 or np.isnan(s - h).any() or np.isnan(v).any():
        return NO_INTERVAL
    signs = np.array(list(product((0.5, -0.5), repeat=k)))
    values, vectors = np.linalg.eigh((v + v.T) / 2)
    spread = signs @ (vectors * np.sqrt(np.maximum(values, 0.0)))
    errors = np.sqrt((spread**2).sum(axis=1))
    contrasts = signs @ (s - h)
    high = float((contrasts + special.ndtri((1 + level) / 2) * errors).max())
    moves = errors > 1e-9
    # The opposite of each contrast is a contrast too, so the largest is the largest absolute value.
    half = moves & (np.arange(len(signs)) < len(signs) // 2)
    if not half.any():
        return Interval(max(float(contrasts.max()), 0.0), min(high, 1.0))
    normal = _normal_points(k) @ (spread[half] / errors[half, None]).T
    reach = float(np.quantile(np.abs(normal).max(axis=1), (1 + level) / 2))
    low = float((contrasts - reach * errors).max())
    return Interval(max(low, 0.0), min(high, 1.0))


def distance_floor(covariance: ArrayLike) -> float:
    """Return the mean of ½ Σ_k |e_k| over normal errors e with mean 0 and `covariance`, (k, k).

    It is the distance that sampling error alone gives to a respondent with people's shares.
    """
    v = _checks.numbers(covariance, "covariance")
    k = len(v) if v.ndim else 1
    variances = np.diag(_checks.shaped(v, (k, k), "covariance", missing=True))
    return float(np.sqrt(np.maximum(variances, 0.0) / (2 * np.pi)).sum())


@lru_cache(maxsize=4)
def _normal_points(k: int) -> Floats:
    """Return quasi-random standard normal vectors, shape (4096, k), the same in every version.

    Kronecker's sequence with the powers of 1/g, where g^(k+1) = g + 1 (Roberts 2018).
    """
    g = 2.0
    for _ in range(60):
        g = (1 + g) ** (1 / (k + 1))
    steps = g ** -np.arange(1.0, k + 1)
    return np.asarray(special.ndtri((0.5 + np.arange(1, 4097)[:, None] * steps) % 1.0))


def wald_signal(fit: LogitFit) -> float:
    """Return the p-value of the test that no attribute moves the choice.

    It is the larger of two p-values. One is of a Wald test of weights = 0 with the fit's covariance
    of rank r, referred to F(r, G - r) with G clusters (rows, if no clusters were given). Used
    alone, this test rejects too often with few dilemmas. The other p-value is of the clustered
    score test. If the answers are separated only the score test is used, because a Wald statistic
    shrinks with the estimate's own error (Hauck and Donner 1977). NaN if the score test or the
    covariance is unknown.
    """
    # With a score of exactly zero the covariance is rounding error, so Wald's test is skipped.
    if fit.separated or not np.isfinite(fit.null_p) or fit.null_p == 1.0:
        return fit.null_p
    k = len(fit.weights)
    block = fit.covariance[:k, :k]
    if not np.isfinite(block).all():
        return NAN
    p_value = wald_p(fit.weights, block, fit.clusters if fit.clusters is not None else fit.n)
    return fit.null_p if np.isnan(p_value) else max(p_value, fit.null_p)


def estimate_importance(fit: LogitFit, ranges: ArrayLike) -> ImportanceEstimate:
    """Return importance shares, NaN if there is no signal or a weight is not determined.

    There is a signal if the p-value of `wald_signal` is below .05.

    Args:
        fit: A logit, clustered by dilemma and Firth-penalised for a run's answers.
        ranges: Full range of each attribute, in the unit of the fit's differences, shape (k,).
    """
    p_value = wald_signal(fit)
    signal = bool(p_value < 0.05)
    known = 1.0 if signal and fit.determined.all() else np.nan
    covariance = known * importance_covariance(fit.weights, fit.covariance[:-1, :-1], ranges)
    shares = known * importance_shares(fit.weights, ranges)
    half = Z95 * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return ImportanceEstimate(
        shares=shares,
        low=np.maximum(shares - half, -1.0),
        high=np.minimum(shares + half, 1.0),
        covariance=covariance,
        p_value=p_value,
        signal=signal,
        determined=fit.determined,
        separated=fit.separated,
    )


def _slopes(weights: Floats, ranges: Floats) -> Floats:
    """Return the derivatives of the shares in the weights, shape (k, k)."""
    reach = weights * ranges
    total = np.abs(reach).sum()
    return np.asarray(np.diag(ranges) / total - np.outer(reach, np.sign(reach) * ranges) / total**2)


def _checked(weights: ArrayLike, ranges: ArrayLike) -> tuple[Floats, Floats]:
    b, r = _checks.numbers(weights, "weights"), _checks.numbers(ranges, "ranges")
    if r.ndim != 1 or b.shape[-1:] != r.shape:
        raise InputError(f"weights {b.shape} and ranges {r.shape} differ in attributes")
    bad = ~((r > 0) & (r <= _checks.LARGEST))
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"ranges row {row} is {r[row]}: ranges must be positive and finite")
    return _checks.shaped(b, b.shape, "weights", missing=True), r
