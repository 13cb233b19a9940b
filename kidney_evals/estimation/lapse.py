"""The calibrated share model: a logit with a lapse rate and with sign terms.

P(first) = λ/2 + (1 - λ) · logistic(Σ_k b_k d_k + Σ_k g_k sign(d_k) + c)

A plain logit predicts too extreme shares of people at large differences. The lapse λ is the share
of answers that do not depend on the attributes (Wichmann and Hill 2001). The sign terms give a
difference an effect that does not depend on its size. The intercept c is the effect of the first
position; predicted shares leave it out, since a dilemma has no first position.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import climb, definite, inverse, logistic, robust
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.logit import fit_logit

_FLOOR = 1e-4
"""A smaller lapse is set to zero."""


@dataclass(frozen=True)
class LapseFit:
    """A fitted share model.

    `theta` are the parameters (b, g, λ, c), shape (2k+2,), 0 if not fitted or for a λ whose optimum
    is 0. `covariance` is theirs, 0 if not fitted; clustered if clusters were given.
    """

    theta: Floats
    covariance: Floats
    log_likelihood: float
    n: int

    @property
    def weights(self) -> Floats:
        """The weights b, shape (k,)."""
        return self.theta[: len(self.theta) // 2 - 1]

    @property
    def intercept(self) -> float:
        """The effect c of the first position."""
        return float(self.theta[-1])


def predict_shares(theta: ArrayLike, differences: ArrayLike) -> Floats:
    """Return P(first), (n,) or (draws, n), from `LapseFit.theta`, (2k+2,) or (draws, 2k+2).

    The last parameter, the effect of the first position, is not used.
    """
    parameters = _checks.numbers(theta, "theta")
    x = _checks.matrix(differences, "differences")
    k = x.shape[1]
    shape = (2 * k + 2,) if parameters.ndim != 2 else (len(parameters), 2 * k + 2)
    parameters = _checks.shaped(parameters, shape, "theta")
    features = np.column_stack([x, np.sign(x)])
    lapse = parameters[..., 2 * k, None]
    core = logistic(parameters[..., : 2 * k] @ features.T)
    return lapse / 2 + (1 - lapse) * core


def fit_lapse(
    differences: ArrayLike,
    chose_first: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    signs: bool = True,
    lapse: bool = True,
    intercept: bool = True,
    frequencies: ArrayLike | None = None,
    start: ArrayLike | None = None,
    largest: float = np.inf,
) -> LapseFit:
    """Fit the calibrated share model by maximum likelihood.

    `signs`, `lapse` and `intercept` say which parameters are fitted; the others are 0.
    `frequencies` are weights of rows, (n,). `start`, in the order of `LapseFit.theta`, speeds up a
    bootstrap. Slopes lie between ∓`largest`, which a slope with an infinite optimum reaches.

    Raises:
        FitError: No optimum was reached, as under separation.
    """
    x = _checks.matrix(differences, "differences")
    n, k = x.shape
    y = _checks.column(chose_first, n, "chose_first", 0, 1)
    counts = _checks.row_weights(frequencies, n, "frequencies")
    if start is not None:
        begin = _checks.column(start, 2 * k + 2, "start")
    else:
        try:
            plain = fit_logit(x, y, intercept=intercept, penalty="firth")
        except FitError as error:
            raise FitError(f"no starting point for the share model: {error}") from error
        begin = np.concatenate([plain.weights * 1.2, np.zeros(k), [0.1, plain.intercept]])
    # Places in `theta` of the fitted slopes, and then of the lapse.
    slots = np.flatnonzero(np.concatenate([np.ones(k), np.full(k, signs), [False, intercept]]))
    design = np.column_stack([x, np.sign(x), np.zeros(n), np.ones(n)])[:, slots]
    slots = np.append(slots, 2 * k)

    def objective(point: Floats) -> tuple[float, Floats, Floats]:
        value, scores, observed, expected = _evaluate(design, y, counts, point)
        return value, scores.sum(axis=0), definite(observed, expected)

    def fit(point: Floats, most: float) -> tuple[Floats, bool]:
        """Maximise the likelihood over the slopes and a lapse of at most `most`."""
        free = np.full(len(slots) - 1, largest)
        return climb(objective, point, box=(np.append(-free, 0.0), np.append(free, most)))

    point, converged = begin[slots], True
    point[-1] = max(float(point[-1]), 10 * _FLOOR)
    if lapse:
        point, converged = fit(point, 0.9)
    if not lapse or point[-1] < _FLOOR:
        point, converged = fit(np.append(point[:-1], 0.0), 0.0)
    if not converged:
        raise FitError(
            "the share model did not converge: drop the sign terms or the lapse, or use fit_logit "
            "with penalty='firth' if the answers are separated"
        )
    value, scores, _, expected = _evaluate(design, y, counts, point)
    used = np.arange(len(slots) - (point[-1] == 0))
    bread = inverse(expected[np.ix_(used, used)])
    slots = slots[used]
    theta, covariance = np.zeros(2 * k + 2), np.zeros((2 * k + 2, 2 * k + 2))
    theta[slots] = point[used]
    covariance[np.ix_(slots, slots)] = robust(bread, scores[:, used], clusters)[0]
    return LapseFit(theta=theta, covariance=covariance, log_likelihood=value, n=n)


def _evaluate(
    design: Floats, y: Floats, counts: Floats, point: Floats
) -> tuple[float, Floats, Floats, Floats]:
    """Return the log-likelihood, each row's score, and observed and expected information."""
    rate, core = point[-1], logistic(design @ point[:-1])
    slope = (1 - rate) * core * (1 - core)
    p = np.clip(rate / 2 + (1 - rate) * core, 1e-12, 1 - 1e-12)
    rows = np.column_stack([design * slope[:, None], 0.5 - core])
    value = float(counts @ (y * np.log(p) + (1 - y) * np.log1p(-p)))
    pull = counts * (y - p) / (p * (1 - p))
    expected = (rows * (counts / (p * (1 - p)))[:, None]).T @ rows
    observed = (rows * (counts * (y / p**2 + (1 - y) / (1 - p) ** 2))[:, None]).T @ rows
    second = pull * slope * (1 - 2 * core)
    observed[:-1, :-1] -= (design * second[:, None]).T @ design
    mixed = (pull * core * (1 - core)) @ design
    observed[:-1, -1] += mixed
    observed[-1, :-1] += mixed
    return value, rows * pull[:, None], observed, expected
