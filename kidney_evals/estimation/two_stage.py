"""The two-stage model: coin or decision by closeness, then a logit of the decision.

logit P(coin) = a - b·|Δu|, and among decided answers logit P(first) = Δu with Δu = Σ_k w_k d_k. The
weights w are fitted to decisions and coins jointly.
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
    """A fitted two-stage model; the fields are those of `CoinFit`, and θ = (w, a, b)."""

    @property
    def flip_intercept(self) -> float:
        """The log-odds a of the coin between patients of equal value."""
        return self.level

    @property
    def flip_slope(self) -> float:
        """The decrease b of the log-odds of the coin per unit of |Δu|; positive for people."""
        return float(self.theta[-1])

    @property
    def thresholds(self) -> tuple[Quantity, Quantity]:
        """The coin and the half threshold in Δu (see the module `thresholds`)."""
        corner = self.covariance[-2:, -2:]
        return two_stage_thresholds(self.flip_intercept, self.flip_slope, corner)


class FlipSlope(NamedTuple):
    """The slope of logit P(coin) on |Δu|.

    `slope` is the change in log-odds per unit of |Δu| (negative for people), NaN without coins or
    with coins only; `intercept` the log-odds at |Δu| = 0; `separated` whether a threshold in |Δu|
    separates all coins from all decisions.
    """

    slope: float
    low: float
    high: float
    intercept: float
    separated: bool


def predict_two_stage(theta: ArrayLike, differences: ArrayLike) -> Floats:
    """Return P(first), P(second), P(coin), (n, 3), without the effect of the first position.

    `theta` is (w, a, b) and a last parameter that is not used, (k+3,); a = -inf gives no coins.
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
    """Fit logit P(coin) on |Δu|, `closeness`, with Firth's penalty; `flipped` is 1 for a coin.

    NaN if closeness or answers do not vary or there are no answers. The interval, clustered, is NaN
    if the answers cancel within each cluster (a coin in one order, a decision in the other).
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
    """Return the parameters (k+2,) at the maximum from a start `theta`, with row weights `counts`.

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
