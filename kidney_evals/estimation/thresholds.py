"""Thresholds of a model with a coin: utility differences at which the better patient is chosen.

There are two thresholds in Δu, the utility difference of a fitted model without the effect of the
first position:

- the *coin threshold*, at which the better patient and the coin are equally likely. It is negative
  if the coin is less likely than a patient even between equal patients: a *worse* patient by this
  amount is then as likely as the coin. It is -inf if no difference suffices.
- the *half threshold*, at which the better patient gets half of all answers. It is positive if
  there are coins, so it can be compared between all respondents; 0 without coins.

Δu is in the logits of the fitted model. In Davidson's and the two-stage model a unit of Δu is a
unit of log-odds among decided answers; in Rao and Kupper's model this holds approximately.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import Z95

_HALF_BOTH = -math.log(math.sqrt(2) - 1)
"""The z at which 1 + exp(-z) = √2, so that the product of two such factors is 2."""


class Threshold(NamedTuple):
    """A threshold in Δu with its 95 % interval by the delta method.

    Attributes:
        value: Threshold in logits; infinite if it does not exist.
        low: Lower end; NaN if `value` is infinite or the covariance is unknown.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def threshold_from(value: float, slopes: Sequence[float], covariance: Floats) -> Threshold:
    """Return a threshold with its interval.

    Args:
        value: The threshold.
        slopes: Derivatives of the threshold in the parameters, length q.
        covariance: Covariance of these parameters, shape (q, q); NaN if unknown.
    """
    q = _checks.length(slopes, "slopes")
    spread = _checks.shaped(covariance, (q, q), "covariance", missing=True)
    if not math.isfinite(value):
        return Threshold(value, math.nan, math.nan)
    gradient = _checks.column(slopes, q, "slopes", -np.inf, np.inf)
    variance = float(gradient @ spread @ gradient)
    if variance < 0:
        raise InputError(f"covariance {spread.tolist()} gives a variance of {variance}, below 0")
    half = Z95 * math.sqrt(variance)
    return Threshold(value, value - half, value + half)


def davidson_thresholds(log_nu: float, variance: float) -> tuple[Threshold, Threshold]:
    """Return the coin and the half threshold of Davidson's model from ln ν and its variance.

    exp(Δu/2) = ν at the coin threshold, 2 sinh(Δu/2) = ν at the half threshold.
    """
    spread = np.array([[variance]])
    half_nu = math.exp(log_nu) / 2
    return (
        threshold_from(2 * log_nu, [2.0], spread),
        threshold_from(2 * math.asinh(half_nu), [2 * half_nu / math.hypot(1, half_nu)], spread),
    )


def rao_kupper_thresholds(cut: float, variance: float) -> tuple[Threshold, Threshold]:
    """Return the coin and the half threshold of Rao and Kupper's model.

    With θ = exp(cut), exp(Δu) = (θ² - 2)/θ at the coin threshold and exp(Δu) = θ at the half
    threshold, which is the model's own parameter.

    Args:
        cut: ln θ, half the distance of the cut-points.
        variance: Of `cut`.
    """
    spread = np.array([[variance]])
    rest = 1 - 2 * math.exp(-2 * cut)
    value = cut + math.log(rest) if rest > 0 else -math.inf
    slope = 2 / rest - 1 if rest > 0 else math.nan
    return threshold_from(value, [slope], spread), threshold_from(cut, [1.0], spread)


def two_stage_thresholds(
    flip_intercept: float, flip_slope: float, covariance: Floats
) -> tuple[Threshold, Threshold]:
    """Return the coin and the half threshold of the two-stage model.

    Args:
        flip_intercept: a, the log-odds of the coin between patients of equal value.
        flip_slope: b, the decrease of these log-odds per unit of |Δu|.
        covariance: Covariance of (a, b), shape (2, 2).

    Returns:
        The Δu with exp(a - b·|Δu|) = L(Δu), with L the logistic function, and the Δu ≥ 0 with (1 +
        exp(a - b·Δu))(1 + exp(-Δu)) = 2. With b ≤ 0 the coin threshold is inf if the coin is always
        more likely than the better patient, and the half threshold is inf if the better patient
        never gets half.
    """
    a, b = flip_intercept, flip_slope
    value = _coin_root(a, b)
    size = abs(value)
    toward = -b * math.copysign(1.0, value) - float(special.expit(-value))
    coin = threshold_from(value, [-1 / toward, size / toward], covariance)
    value = _half_root(a, b)
    if not math.isfinite(value):
        return coin, Threshold(value, math.nan, math.nan)
    flip = float(special.expit(a - b * value))
    toward = -b * flip - float(special.expit(-value))
    return coin, threshold_from(value, [-flip / toward, value * flip / toward], covariance)


def _coin_root(a: float, b: float) -> float:
    if a + math.log(2) > 0:
        if b <= 0:
            return math.inf
        return _root(lambda d: a - b * d + _softplus(-d), 0.0, (a + math.log(2)) / b)
    if b >= 1:
        return -math.inf
    # For d < 0 the difference is at least a + (b - 1)·d, which is 0 at the far end.
    return _root(lambda d: a + b * d + _softplus(-d), a / (1 - b), 0.0)


def _half_root(a: float, b: float) -> float:
    def excess(d: float) -> float:
        return _softplus(a - b * d) + _softplus(-d) - math.log(2)

    if b > 0:
        return _root(excess, 0.0, max(_HALF_BOTH, (a + _HALF_BOTH) / b))
    below = next((d for d in np.linspace(0, 40, 4001).tolist() if excess(d) <= 0), None)
    return math.inf if below is None else _root(excess, 0.0, below)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the root between two ends of opposite sign, or an end that is 0 up to rounding."""
    from scipy.optimize import brentq

    ends = function(low), function(high)
    if ends[0] * ends[1] > 0:
        return low if abs(ends[0]) < abs(ends[1]) else high
    return float(brentq(function, low, high, xtol=1e-15, maxiter=500))


def _softplus(value: float) -> float:
    return -float(special.log_expit(-value))
