"""Thresholds of a model with a coin: utility differences at which the better patient is chosen.

There are two thresholds in Δu, the utility difference of a fitted model without the effect of the
first position:

- the *coin threshold*, at which the better patient and the coin are equally likely. If it is
  negative, a *worse* patient by this amount is as likely as the coin; -inf if no patient is.
- the *half threshold*, at which the better patient gets half of all answers. It is positive if
  there are coins, so it can be compared between all respondents; 0 without coins.

Δu is in the logits of the fitted model. In Davidson's and the two-stage model a unit of Δu is a
unit of log-odds among decided answers; in Rao and Kupper's model this holds approximately.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import logistic
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import Z95

FARTHEST = 20.0
"""Largest half threshold in logits: no patients differ by more."""

_GRID = 401
_HALVINGS = 50


class Threshold(NamedTuple):
    """A threshold in Δu, in logits, with its 95 % interval by the delta method.

    `value` is infinite if there is none; `low` is NaN then or if the covariance is unknown.
    """

    value: float
    low: float
    high: float

    @classmethod
    def at_half(
        cls, theta: Sequence[float], covariance: Floats, farthest: float = FARTHEST
    ) -> Threshold:
        """Return the half threshold of θ = (a, b, s) and its interval; see `half_threshold`."""
        value = float(half_threshold(theta, farthest))
        if not math.isfinite(value):
            return cls(value, math.nan, math.nan)
        a, b, s = theta
        coin, worse = float(special.expit(a + b * value)), float(special.expit(-s * value))
        # Derivatives of the logarithm of the share, which is ½ on the curve.
        along = -coin * b + worse * s
        slopes = [coin / along, coin * value / along, -worse * value / along]
        return threshold_from(value, slopes, covariance)


def threshold_from(value: float, slopes: Sequence[float], covariance: Floats) -> Threshold:
    """Return a threshold with its interval, from its derivatives in q parameters, (q,)."""
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


def two_stage_thresholds(
    flip_intercept: float, flip_slope: float, covariance: Floats
) -> tuple[Threshold, Threshold]:
    """Return the coin and the half threshold of the two-stage model.

    They are the Δu with exp(a - b·|Δu|) = L(Δu), with L the logistic function, and the Δu ≥ 0 with
    (1 + exp(a - b·Δu))(1 + exp(-Δu)) = 2, where a is `flip_intercept`, b `flip_slope` and the
    covariance is that of (a, b). The coin threshold is inf if the coin is always more likely.
    """
    a, b = flip_intercept, flip_slope
    value = _coin_root(a, b)
    toward = -b * math.copysign(1.0, value) - float(special.expit(-value))
    # An infinite threshold has no slopes, and with b = 1 `toward` is 0.
    slopes = [-1 / toward, abs(value) / toward] if math.isfinite(value) else [math.nan] * 2
    coin = threshold_from(value, slopes, covariance)
    # With b > 0 the half threshold is at most the maximum.
    both = -math.log(math.sqrt(2) - 1)  # (1 + exp(-both))² = 2
    far = 2 * (max(both, (a + both) / b) if b > 0 else FARTHEST)
    spread = np.zeros((3, 3))
    spread[:2, :2] = np.asarray(covariance) * [[1, -1], [-1, 1]]
    return coin, Threshold.at_half([a, -b, 1.0], spread, far)


def half_threshold(theta: ArrayLike, farthest: float = FARTHEST) -> Floats:
    """Return the smallest u ≥ 0 with (1 - P(coin | u)) P(better | u) = ½, infinite if none.

    `theta` is (a, b, s), shape (..., 3): logit P(coin) = a + b·u, logit P(better) = s·u; the result
    is (...), NaN where it is NaN. `farthest` is the largest u.
    """
    parameters = _checks.numbers(theta, "theta")
    shape = parameters.shape
    if shape[-1:] != (3,):
        raise InputError(f"theta must have shape (..., 3), not {shape}")
    flat = _checks.shaped(parameters, shape, "theta", missing=True).reshape(-1, 3)
    grid = np.linspace(0.0, farthest, _GRID)
    reached = _better_share(flat[:, None, :], grid) >= 0.5
    place = reached.argmax(axis=1)
    low, high = grid[np.maximum(place - 1, 0)], grid[place]
    # Bisection of all resamples at once, which scipy 1.11 does not have.
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = _better_share(flat, middle) >= 0.5
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    value = np.where(reached.any(axis=1), high, np.inf)
    return np.where(np.isnan(flat).any(axis=1), np.nan, value).reshape(shape[:-1])


def _better_share(theta: Floats, u: Floats) -> Floats:
    coin = logistic(theta[..., 0] + theta[..., 1] * u)
    return (1 - coin) * logistic(theta[..., 2] * u)


def _coin_root(a: float, b: float) -> float:
    """Return the Δu with a - b·|Δu| = log L(Δu), infinite if there is none."""
    from scipy.optimize import brentq

    def excess(u: float) -> float:
        return a - b * abs(u) - float(special.log_expit(u))

    top = a + math.log(2)
    if top > 0 and b <= 0:
        return math.inf
    if top <= 0 and b >= 1:
        return -math.inf
    # For u < 0 the excess is at least a + (b - 1)·u, which is 0 at the far end.
    low, high = (0.0, top / b) if top > 0 else (a / (1 - b), 0.0)
    if excess(low) * excess(high) > 0:  # an end is the root, up to rounding
        return min(low, high, key=lambda u: abs(excess(u)))
    return float(brentq(excess, low, high, xtol=1e-15, maxiter=500))
