"""Thresholds in Δu: where the better patient is as likely as the coin, or gets half of the answers.

Δu is the utility difference of the patients, without the effect of the first position. There are
two thresholds:

- the *coin threshold*, at which the better patient and the coin are equally likely. If it is
  negative, a *worse* patient by this amount is as likely as the coin; -inf if no patient is.
- the *half threshold*, at which the better patient gets half of all answers. It is positive if
  there are coins, so it can be compared between all respondents; 0 without coins.

In `two_stage_thresholds` Δu is in the logits of the fitted model, a unit of log-odds among decided
answers. In `fit_half_threshold` it is people's Δu, in logits of the people who had no coin on
offer, so that all respondents are measured on one scale. The half threshold then does not exist for
a respondent with coins who does not favour the patients that people favour.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import logistic
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import NAN, Z95, proportion
from kidney_evals.estimation.logit import fit_logit, fit_logit_resamples
from kidney_evals.estimation.quantity import Quantity, undefined

FARTHEST = 20.0
"""Largest half threshold that is searched for, in logits: patients do not differ by more."""


def threshold_from(value: float, slopes: Sequence[float], covariance: Floats) -> Quantity:
    """Return a threshold with its interval by the delta method.

    It has no interval if it is infinite or if the covariance is unknown.

    Args:
        value: The threshold.
        slopes: Its derivatives in q parameters, shape (q,).
        covariance: Covariance of the parameters, NaN if unknown, shape (q, q).
    """
    q = _checks.length(slopes, "slopes")
    spread = _checks.shaped(covariance, (q, q), "covariance", missing=True)
    if not math.isfinite(value):
        return Quantity(value)
    gradient = _checks.column(slopes, q, "slopes")
    variance = float(gradient @ spread @ gradient)
    if variance < 0:
        raise InputError(f"covariance {spread.tolist()} gives a variance of {variance}, below 0")
    half = Z95 * math.sqrt(variance)
    return Quantity(value, value - half, value + half)


def two_stage_thresholds(
    flip_intercept: float, flip_slope: float, covariance: Floats
) -> tuple[Quantity, Quantity]:
    """Return the coin threshold and the half threshold of the two-stage model.

    The coin threshold is the Δu with exp(a - b·|Δu|) = L(Δu), where L is the logistic function, a
    `flip_intercept` and b `flip_slope`. It is inf if the coin is always more likely than the better
    patient, and -inf if it is always less likely. The half threshold is the Δu ≥ 0 with
    (1 + exp(a - b·Δu))(1 + exp(-Δu)) = 2, or inf if there is none.

    Args:
        flip_intercept: Log-odds a of the coin at Δu = 0.
        flip_slope: Decrease b of these log-odds per unit of |Δu|.
        covariance: Covariance of (a, b), shape (2, 2).
    """
    a = float(_checks.shaped(flip_intercept, (), "flip_intercept"))
    b = float(_checks.shaped(flip_slope, (), "flip_slope"))
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
    return coin, _at_half([a, -b, 1.0], spread, far)


def half_threshold(theta: ArrayLike, farthest: float = FARTHEST) -> Floats:
    """Return the smallest u ≥ 0 with (1 - P(coin | u)) P(better | u) = ½, shape (...).

    The value is inf if there is no such u, and NaN where `theta` is NaN.

    Args:
        theta: (a, b, s) with logit P(coin) = a + b·u and logit P(better) = s·u, shape (..., 3).
        farthest: Largest u that is searched.
    """
    parameters = _checks.numbers(theta, "theta")
    shape = parameters.shape
    if shape[-1:] != (3,):
        raise InputError(f"theta must have shape (..., 3), not {shape}")
    flat = _checks.shaped(parameters, shape, "theta", missing=True).reshape(-1, 3)
    grid = np.linspace(0.0, farthest, 401)
    reached = _better_share(flat[:, None, :], grid) >= 0.5
    place = reached.argmax(axis=1)
    low, high = grid[np.maximum(place - 1, 0)], grid[place]
    # Bisection of all resamples at once, which scipy 1.11 does not have.
    for _ in range(50):
        middle = 0.5 * (low + high)
        above = _better_share(flat, middle) >= 0.5
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    value = np.where(reached.any(axis=1), high, np.inf)
    return np.where(np.isnan(flat).any(axis=1), np.nan, value).reshape(shape[:-1])


def fit_half_threshold(
    utility: ArrayLike, choices: ArrayLike, clusters: ArrayLike | None = None
) -> Quantity:
    """Estimate the half threshold from answers by two Firth-penalised logits.

    It is the u with (1 - P(coin | u)) P(better | u) = ½, where logit P(coin) = a + b·|u| and, among
    decided answers, logit P(better) = s·|u|. The interval is by the delta method, with the two
    logits independent. Without any coin the threshold is 0. Its upper end is then the threshold at
    a constant coin rate equal to the upper end of Wilson's interval.

    The threshold is infinite if the better patient does not reach half within the range of |Δu|. It
    is NaN if there are only coins, if |Δu| does not vary, or if a threshold in |Δu| separates coins
    from decisions.

    Args:
        utility: People's Δu of the dilemma of each answer, shape (n,).
        choices: 0 first, 1 second, 2 coin, shape (n,).
        clusters: Label of each answer's dilemma, shape (n,).

    Raises:
        FitError: A logit did not reach an optimum.
    """
    n = _checks.length(utility, "utility")
    u = _checks.column(utility, n, "utility")
    choice = _checks.codes(choices, n, "choices", (0, 1, 2))
    label = np.arange(n) if clusters is None else _checks.groups(clusters, n)[0]
    decided = choice != COIN
    if not decided.any() or np.ptp(np.abs(u)) == 0:
        return undefined()
    gap, better = u[decided, None], choice[decided] == 0
    stage = fit_logit(gap, better, clusters=label[decided], intercept=False)
    slope = float(stage.weights[0])
    if decided.all():
        answers = np.bincount(label)
        rate = proportion(0 * answers, answers).high
        share = 0.5 / (1 - rate) if rate < 0.5 else 1.0
        if slope <= 0 or share >= 1:
            return Quantity(0.0, 0.0, math.inf)
        return Quantity(0.0, 0.0, float(np.log(share / (1 - share)) / slope))
    flip = fit_logit(np.abs(u)[:, None], ~decided, clusters=label)
    if flip.separated:
        return undefined()
    covariance = np.zeros((3, 3))
    # The covariance of a fit lists its intercept last.
    covariance[:2, :2] = flip.covariance[::-1, ::-1]
    covariance[2, 2] = stage.covariance[0, 0]
    half = _at_half([flip.intercept, float(flip.weights[0]), slope], covariance)
    if not half.value <= np.abs(u).max():
        # A threshold above the largest |Δu| would be an extrapolation.
        return Quantity(math.inf)
    return half._replace(low=max(half.low, 0.0))


def fit_half_threshold_resamples(
    utility: ArrayLike, choices: ArrayLike, frequencies: ArrayLike
) -> Floats:
    """Return the half threshold in each resample, shape (draws,), infinite above `FARTHEST`.

    NaN if |Δu| does not vary, or where a resample has no finite estimate.

    Args:
        utility: People's Δu of the dilemma of each answer, shape (n,).
        choices: 0 first, 1 second, 2 coin, shape (n,).
        frequencies: How often each answer is in each resample, shape (draws, n).

    Raises:
        FitError: No coin, or only coins.
    """
    n = _checks.length(utility, "utility")
    u = _checks.column(utility, n, "utility")
    choice = _checks.answers_with_coin(choices, n, "a half threshold under resampling")
    counts = _checks.resample_counts(frequencies, n)
    if np.ptp(np.abs(u)) == 0:
        return np.full(len(counts), NAN)
    decided = choice != COIN
    slope = fit_logit_resamples(
        u[decided, None], choice[decided] == 0, counts[:, decided], intercept=False
    )[:, 0]
    flip = fit_logit_resamples(np.abs(u)[:, None], ~decided, counts)
    return half_threshold(np.column_stack([flip[:, 1], flip[:, 0], slope]))


def _at_half(theta: Sequence[float], covariance: Floats, farthest: float = FARTHEST) -> Quantity:
    """Return the half threshold of θ = (a, b, s) and its interval; see `half_threshold`."""
    value = float(half_threshold(theta, farthest))
    if not math.isfinite(value):
        return Quantity(value)
    a, b, s = theta
    coin, worse = float(special.expit(a + b * value)), float(special.expit(-s * value))
    # Derivatives of the logarithm of the share, which is ½ on the curve.
    along = -coin * b + worse * s
    slopes = [coin / along, coin * value / along, -worse * value / along]
    return threshold_from(value, slopes, covariance)


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
