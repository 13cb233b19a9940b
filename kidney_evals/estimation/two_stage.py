"""The two-stage model: coin or decision by closeness, then a logit of the decision.

logit P(coin) = a - b·|Δu|, and among decided answers logit P(first) = Δu, with Δu = Σ_k w_k d_k,
weights w and d the first minus the second patient. The weights are fitted to decisions and coins
jointly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import DifferenceFit, Model, fit_coin_model
from kidney_evals.estimation.arrays import Floats, Ints
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.estimation.intervals import NAN, Z95
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.estimation.thresholds import two_stage_thresholds


class TwoStageFit(DifferenceFit):
    """A fitted two-stage model: logit P(coin) = a - b·|Δu|, with Δu the utility difference.

    The fields are those of `CoinFit`. `theta` has the weights, a and b, in this order.
    """

    @property
    def flip_intercept(self) -> float:
        """The log-odds a of the coin between patients of equal value."""
        return self.level

    @property
    def flip_slope(self) -> float:
        """The decrease b of the coin's log-odds per unit of |Δu|; positive for people."""
        return float(self.theta[-1])

    @property
    def thresholds(self) -> tuple[Quantity, Quantity]:
        """The coin threshold and the half threshold in Δu (see the module `thresholds`)."""
        corner = self.covariance[-2:, -2:]
        return two_stage_thresholds(self.flip_intercept, self.flip_slope, corner)


class FlipSlope(NamedTuple):
    """A logit of the coin on |Δu|, the absolute utility difference of the patients.

    All numbers are NaN if they could not be fitted, as with no coins or with coins only.

    Attributes:
        slope: Change in the coin's log-odds per unit of |Δu|; negative for people.
        low: Lower end of the 95 % interval of the slope, NaN if unknown.
        high: Upper end of the interval.
        intercept: Log-odds of the coin at |Δu| = 0.
        separated: Whether a threshold in |Δu| separates all coins from all decisions.
    """

    slope: float
    low: float
    high: float
    intercept: float
    separated: bool


def predict_two_stage(theta: ArrayLike, differences: ArrayLike) -> Floats:
    """Return P(first), P(second), P(coin), (n, 3), without the effect of the first position.

    Args:
        theta: The k weights, a, b, and a last parameter that is not used, shape (k+3,). With
            a = -inf there are no coins.
        differences: First minus second patient, shape (n, k).
    """
    x = _checks.matrix(differences, "differences")
    k = x.shape[1]
    parameters = _checks.numbers(theta, "theta")
    if parameters.shape != (k + 3,):
        raise InputError(f"theta must have shape ({k + 3},), not {parameters.shape}")
    finite = np.delete(parameters, k) if parameters[k] == -np.inf else parameters
    _checks.column(finite, len(finite), "theta")
    # -inf times 0 is NaN.
    return Model("two_stage", x).shares(np.maximum(parameters[:-1], -1e300))


def fit_two_stage(
    differences: ArrayLike, choices: ArrayLike, *, clusters: ArrayLike | None = None
) -> TwoStageFit:
    """Fit the two-stage model by maximum likelihood.

    Raises:
        FitError: No coin, only coins, separated decisions or coins, weights that the decisions do
            not determine, or no optimum was reached.
    """
    x = _checks.matrix(differences, "differences")
    choice = _checks.answers_with_coin(choices, len(x), "the two-stage model")
    coin = choice == COIN
    decided = fit_logit(x[~coin], choice[~coin] == 0, intercept=False, penalty="none")
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
    # |Δu| has a kink where the better candidate changes, and the likelihood may have a maximum on
    # each side: also start without a slope and with a steep one.
    level = float(np.log(coin.mean() / (1 - coin.mean())))
    flips = ((flip.intercept, *flip.weights), (level, 0.0), (flip.intercept, *(3 * flip.weights)))
    starts = [np.concatenate([decided.weights, one]) for one in flips]
    return fit_coin_model(TwoStageFit, "two_stage", x, choice, starts, clusters=clusters)


def fit_flip_slope(
    closeness: ArrayLike, flipped: ArrayLike, clusters: ArrayLike | None = None
) -> FlipSlope:
    """Fit a logit of the coin on |Δu| with Firth's penalty.

    All numbers are NaN if closeness or answers do not vary or there are no answers. The interval is
    NaN if the answers cancel within each cluster (a coin in one order, a decision in the other).

    Args:
        closeness: |Δu| of each answer's dilemma, shape (n,).
        flipped: 1 for a coin, 0 for a decision, shape (n,).
        clusters: Labels of the clusters of the interval, shape (n,).

    Raises:
        FitError: The logit did not reach an optimum.
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


def maximise(x: Floats, choice: Ints, theta: Floats, counts: Floats) -> Floats:
    """Return the parameters of the two-stage model at the maximum, shape (k+2,).

    Args:
        x: First minus second patient, shape (n, k).
        choice: 0 first, 1 second, 2 coin, shape (n,).
        theta: Parameters at which the search starts: the weights, a and b, shape (k+2,).
        counts: Weight of each row, shape (n,).

    Raises:
        FitError: The maximum was not reached.
    """
    theta, converged = Model("two_stage", x, None, choice, counts).climb(theta, limit=200)
    if not converged:
        raise FitError(
            "the two-stage model did not converge: use more answers or fewer attributes, or fit "
            "the flip slope alone (fit_flip_slope)"
        )
    return theta
