"""The two-stage model: coin or decision by closeness, then a logit of the decision.

logit P(coin) = a - b·|Δu|, and among decided answers logit P(first) = Δu + c with
Δu = Σ_k w_k d_k. The weights w are fitted to decisions and coins jointly. The closeness |Δu| does
not include the effect c of the first position. The corner of |Δu| at 0 is smoothed (see
`_coin_models.ROUNDING`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import rounded_abs
from kidney_evals.estimation._fit import (
    Criteria,
    climb,
    definite,
    inverse,
    log_logistic,
    logistic,
    robust,
)
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.estimation.intervals import NAN, Z95
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.thresholds import Threshold, two_stage_thresholds


@dataclass(frozen=True)
class TwoStageFit(Criteria):
    """A fitted two-stage model.

    Attributes:
        weights: w, shape (k,).
        flip_intercept: a, the log-odds of the coin between patients of equal value.
        flip_slope: b, the decrease of these log-odds per unit of |Δu|; positive for people.
        intercept: c, 0 if not fitted.
        covariance: Covariance of (w, a, b, c), shape (k+3, k+3), zeros for parameters that were not
            fitted; clustered if clusters were given.
        log_likelihood: Log-likelihood at the estimate.
        n: Number of answers.
        parameters: Number of estimated parameters.
    """

    weights: Floats
    flip_intercept: float
    flip_slope: float
    intercept: float
    covariance: Floats
    log_likelihood: float
    n: int
    parameters: int

    @property
    def theta(self) -> Floats:
        """All parameters in the order of `covariance`, shape (k+3,)."""
        return np.append(self.weights, [self.flip_intercept, self.flip_slope, self.intercept])

    @property
    def threshold(self) -> Threshold:
        """Δu at which the better patient and the coin are equally likely (see `thresholds`)."""
        return self._thresholds[0]

    @property
    def half_threshold(self) -> Threshold:
        """Δu at which the better patient gets half of all answers (see `thresholds`)."""
        return self._thresholds[1]

    @property
    def _thresholds(self) -> tuple[Threshold, Threshold]:
        corner = self.covariance[-3:-1, -3:-1]
        return two_stage_thresholds(self.flip_intercept, self.flip_slope, corner)

    def predict(self, differences: ArrayLike) -> Floats:
        """Return P(first), P(second), P(coin) without the effect of the first position, (n, 3)."""
        return predict_two_stage(self.theta, differences)


class FlipSlope(NamedTuple):
    """The slope of logit P(coin) on |Δu|.

    Attributes:
        slope: Change in log-odds per unit of |Δu| (negative for people); NaN without coins or with
            coins only.
        low: Lower end of the 95 % interval of the slope.
        high: Upper end.
        intercept: Log-odds of the coin at |Δu| = 0.
        separated: Whether a threshold in |Δu| separates all coins from all decisions.
    """

    slope: float
    low: float
    high: float
    intercept: float
    separated: bool


def predict_two_stage(theta: ArrayLike, differences: ArrayLike) -> Floats:
    """Return shares (first, second, coin) without the effect of the first position, shape (n, 3).

    Args:
        theta: Parameters in the order of `TwoStageFit.theta`, shape (k+3,); with a flip intercept
            of -inf P(coin) = 0.
        differences: Shape (n, k).
    """
    x = _checks.matrix(differences, "differences")
    k = x.shape[1]
    parameters = _checks.numbers(theta, "theta")
    if parameters.shape != (k + 3,):
        raise InputError(f"theta must have shape ({k + 3},), not {parameters.shape}")
    finite = np.delete(parameters, k) if parameters[k] == -np.inf else parameters
    _checks.column(finite, len(finite), "theta", -np.inf, np.inf)
    utility = x @ parameters[:k]
    eta = parameters[k] - parameters[k + 1] * rounded_abs(utility)[0]
    coin, first = logistic(eta), logistic(utility)
    return np.column_stack([(1 - coin) * first, (1 - coin) * (1 - first), coin])


def fit_two_stage(
    differences: ArrayLike,
    choices: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    intercept: bool = False,
) -> TwoStageFit:
    """Fit the two-stage model by maximum likelihood.

    Args:
        differences: First minus second patient, shape (n, k).
        choices: 0 first, 1 second, 2 coin, shape (n,).
        clusters: Labels of rows that belong together, shape (n,).
        intercept: Fit the effect of the first position.

    Raises:
        FitError: No coin, only coins, separated decisions or coins, or no optimum was reached.
    """
    x = _checks.matrix(differences, "differences")
    n, k = x.shape
    choice = _checks.answers_with_coin(choices, n, "the two-stage model")
    coin = choice == COIN
    used = np.append(np.ones(k + 2, dtype=bool), intercept)
    decided = fit_logit(x[~coin], choice[~coin] == 0, intercept=intercept, penalty="none")
    if not decided.determined.all():
        raise FitError(
            "an attribute never differs, or some move in step, so that the decisions do not "
            "determine every weight: leave one of their columns out"
        )
    flip = fit_logit(-np.abs(x @ decided.weights)[:, None], coin, penalty="firth")
    if flip.separated:
        # The likelihood then increases without bound in a and b at these weights.
        raise FitError(
            "a threshold in |Δu| explains every coin, so no finite flip slope exists",
            separated=True,
        )
    theta = np.concatenate([decided.weights, [flip.intercept], flip.weights, [decided.intercept]])
    theta = maximise(x, choice, theta, np.ones(n), used)
    value, scores, information = evaluate(x, choice, theta, np.ones(n))
    bread = inverse(information[np.ix_(used, used)])
    covariance = np.zeros((k + 3, k + 3))
    covariance[np.ix_(used, used)] = robust(bread, scores[:, used], clusters)[0]
    return TwoStageFit(
        weights=theta[:k],
        flip_intercept=float(theta[k]),
        flip_slope=float(theta[k + 1]),
        intercept=float(theta[k + 2]),
        covariance=covariance,
        log_likelihood=float(value.sum()),
        n=n,
        parameters=int(used.sum()),
    )


def fit_flip_slope(
    closeness: ArrayLike, flipped: ArrayLike, clusters: ArrayLike | None = None
) -> FlipSlope:
    """Fit logit P(coin) on |Δu| with Firth's penalty.

    Args:
        closeness: |Δu| of each answer's dilemma, shape (n,).
        flipped: 1 for the coin, 0 for a decision, shape (n,).
        clusters: Labels of rows that belong together (the dilemma), shape (n,).

    Returns:
        The slope with a clustered 95 % interval; NaN if closeness or answers do not vary or there
        are no answers. The interval is NaN if the answers cancel within each cluster, as with a
        coin in one order and a decision in the other.
    """
    n = _checks.length(flipped, "flipped", 0)
    coin = _checks.column(flipped, n, "flipped", 0, 1)
    distance = _checks.column(closeness, n, "closeness", 0, np.inf)
    if clusters is not None and n:
        clusters = _checks.groups(clusters, n)[0]
    if n == 0 or np.ptp(coin) == 0 or np.ptp(distance) == 0:
        return FlipSlope(NAN, NAN, NAN, NAN, False)
    fit = fit_logit(distance[:, None], coin, clusters=clusters)
    slope = float(fit.weights[0])
    # If answers cancel within each dilemma, the clustered variance is 0 and not valid.
    variance = float(fit.covariance[0, 0])
    half = Z95 * float(np.sqrt(variance)) if variance > 1e-12 else NAN
    return FlipSlope(slope, slope - half, slope + half, fit.intercept, fit.separated)


def row_terms(x: Floats, choice: Ints, theta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the log-probability of each answer and its derivatives in Δu, a and b, each (n,).

    a is the flip intercept and b the flip slope. For mixtures; without the derivative in c.
    """
    k = x.shape[1]
    utility = x @ theta[:k]
    distance, turn, _ = rounded_abs(utility)
    flip_eta = theta[k] - theta[k + 1] * distance
    first_eta = utility + theta[k + 2]
    coin = choice == COIN
    # One logistic of the signed log-odds gives the probability of the answer and, minus 1, the
    # derivative of its log-probability.
    chosen = logistic(np.where(choice == 0, first_eta, -first_eta))
    choice_pull = np.where(coin, 0.0, np.where(choice == 0, 1 - chosen, chosen - 1))
    done = logistic(np.where(coin, flip_eta, -flip_eta))
    flip_pull = np.where(coin, 1 - done, done - 1)
    logs = np.log(np.maximum(np.where(coin, done, done * chosen), 1e-300))
    toward = choice_pull - theta[k + 1] * turn * flip_pull
    return logs, toward, flip_pull, -distance * flip_pull


def evaluate(
    x: Floats, choice: Ints, theta: Floats, counts: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return weighted log-likelihoods (n,), scores (n, k+3) and the information (k+3, k+3).

    The information is minus the matrix of second derivatives where that is positive definite,
    else the sum over both stages of p(1-p)·gradient·gradientᵀ.
    """
    n, k = x.shape
    utility = x @ theta[:k]
    slope = theta[k + 1]
    distance, turn, bend = rounded_abs(utility)
    coin = (choice == COIN).astype(np.float64)
    flip_eta = theta[k] - slope * distance
    first_eta = utility + theta[k + 2]
    flip, first = logistic(flip_eta), logistic(first_eta)
    decided = counts * (1 - coin)
    log_flip = log_logistic(np.where(choice == COIN, flip_eta, -flip_eta))
    chosen = (choice == 0).astype(np.float64)
    log_choice = log_logistic(np.where(choice == 0, first_eta, -first_eta))
    # One row per parameter, since numpy is several times faster along the longer axis.
    flip_rows, choice_rows = np.zeros((2, k + 3, n))
    choice_rows[:k], choice_rows[k + 2] = x.T, 1.0
    flip_rows[:k] = (-slope * turn) * choice_rows[:k]
    flip_rows[k], flip_rows[k + 1] = 1.0, -distance
    flip_pull = counts * (coin - flip)
    scores = flip_rows * flip_pull + choice_rows * (decided * (chosen - first))
    expected = (flip_rows * (counts * flip * (1 - flip))) @ flip_rows.T
    expected += (choice_rows * (decided * first * (1 - first))) @ choice_rows.T
    observed = expected.copy()
    observed[:k, :k] += (choice_rows[:k] * (flip_pull * slope * bend)) @ x
    mixed = (flip_pull * turn) @ x
    observed[:k, k + 1] += mixed
    observed[k + 1, :k] += mixed
    return counts * log_flip + decided * log_choice, scores.T, definite(observed, expected)


def maximise(
    x: Floats,
    choice: Ints,
    theta: Floats,
    counts: Floats,
    used: Bools,
    *,
    ridge: float = 0.0,
    limit: int = 200,
    exact: bool = True,
) -> Floats:
    """Return the parameters at the maximum over those that are `used`, shape (k+3,).

    Args:
        x: Differences, shape (n, k).
        choice: Codes 0, 1, 2, shape (n,).
        theta: Start, shape (k+3,).
        counts: Weight of each row, shape (n,).
        used: Which parameters move, shape (k+3,).
        ridge: Precision of a normal prior around zero on every moving parameter.
        limit: Largest number of steps.
        exact: Raise `FitError` if the maximum is not reached; otherwise return the last point.
    """
    theta = theta.copy()

    def penalised(moving: Floats) -> tuple[float, Floats, Floats]:
        point = theta.copy()
        point[used] = moving
        value, scores, information = evaluate(x, choice, point, counts)
        gradient = scores.sum(axis=0)[used] - ridge * moving
        curvature = information[np.ix_(used, used)] + ridge * np.eye(len(moving))
        return float(value.sum()) - 0.5 * ridge * float(moving @ moving), gradient, curvature

    theta[used], found = climb(penalised, theta[used], limit=limit)
    if exact and not found:
        raise FitError(
            "the two-stage model did not converge: use more answers or fewer attributes, or fit "
            "the flip slope alone (fit_flip_slope)"
        )
    return theta
