"""The share model: a logit with a lapse rate.

P(first) = λ/2 + (1 - λ) · logistic(Σ_k b_k d_k)

with weights b and attribute differences d. The shares of people that a plain logit predicts are too
extreme at large differences. The lapse λ is the share of answers that do not depend on the
attributes (Wichmann and Hill 2001). A position effect is left out, since a dilemma has no first
position.
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

    Attributes:
        theta: The weights and, last, the lapse, shape (k+1,). The lapse is 0 if it was not fitted
            or if its optimum is 0.
        covariance: Covariance of `theta`, shape (k+1, k+1), 0 for a lapse of 0; clustered if
            clusters were given.
        log_likelihood: At the estimate.
        n: Number of rows.
    """

    theta: Floats
    covariance: Floats
    log_likelihood: float
    n: int


def predict_shares(theta: ArrayLike, differences: ArrayLike) -> Floats:
    """Return P(first) for each row of differences, shape (n,) or (draws, n).

    Args:
        theta: The weights and, last, the lapse, shape (k+1,) or (draws, k+1).
        differences: First minus second patient in each attribute, shape (n, k).
    """
    parameters = _checks.numbers(theta, "theta")
    x = _checks.matrix(differences, "differences")
    k = x.shape[1]
    shape = (k + 1,) if parameters.ndim != 2 else (len(parameters), k + 1)
    parameters = _checks.shaped(parameters, shape, "theta")
    lapse = parameters[..., k, None]
    return lapse / 2 + (1 - lapse) * logistic(parameters[..., :k] @ x.T)


def fit_lapse(
    differences: ArrayLike,
    chose_first: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    lapse: bool = True,
    frequencies: ArrayLike | None = None,
    start: ArrayLike | None = None,
    largest: float = np.inf,
) -> LapseFit:
    """Fit the share model by maximum likelihood.

    Args:
        differences: First minus second patient in each attribute, shape (n, k).
        chose_first: 1 for the first patient, 0 for the second, or a share, shape (n,).
        clusters: Labels of rows that belong together, for the covariance, shape (n,).
        lapse: Whether the lapse is fitted, from 0 to .9; otherwise it is 0.
        frequencies: Weights of the rows, shape (n,).
        start: Starting point in the order of `LapseFit.theta`, which speeds up a bootstrap.
        largest: Largest absolute weight. A weight with an infinite optimum gets this value.

    Raises:
        FitError: No optimum was reached, as under separation, or the answers do not determine every
            weight.
    """
    x = _checks.matrix(differences, "differences")
    n, k = x.shape
    y = _checks.column(chose_first, n, "chose_first", 0, 1)
    counts = _checks.row_weights(frequencies, n, "frequencies")
    if start is not None:
        begin = _checks.column(start, k + 1, "start")
    else:
        plain = fit_logit(x, y, intercept=False, penalty="firth")
        begin = np.append(plain.weights * 1.2, 0.1)

    def objective(point: Floats) -> tuple[float, Floats, Floats]:
        value, scores, observed, expected = _evaluate(x, y, counts, point)
        return value, scores.sum(axis=0), definite(observed, expected)

    def fit(point: Floats, most: float) -> tuple[Floats, bool]:
        """Maximise the likelihood over the slopes and a lapse of at most `most`."""
        free = np.full(k, largest)
        return climb(objective, point, box=(np.append(-free, 0.0), np.append(free, most)))

    point, converged = begin.copy(), True
    point[-1] = max(float(point[-1]), 10 * _FLOOR)
    if lapse:
        point, converged = fit(point, 0.9)
    if not lapse or point[-1] < _FLOOR:
        point, converged = fit(np.append(point[:-1], 0.0), 0.0)
    if not converged:
        raise FitError(
            "the share model did not converge: drop the lapse, or use fit_logit with "
            "penalty='firth' if the answers are separated"
        )
    value, scores, _, expected = _evaluate(x, y, counts, point)
    used = np.arange(k + (point[-1] > 0))
    covariance = np.zeros((k + 1, k + 1))
    bread = inverse(expected[np.ix_(used, used)])
    covariance[np.ix_(used, used)] = robust(bread, scores[:, used], clusters)[0]
    return LapseFit(theta=point, covariance=covariance, log_likelihood=value, n=n)


def _evaluate(
    x: Floats, y: Floats, counts: Floats, point: Floats
) -> tuple[float, Floats, Floats, Floats]:
    """Return the log-likelihood, each row's score, and observed and expected information."""
    rate, core = point[-1], logistic(x @ point[:-1])
    slope = (1 - rate) * core * (1 - core)
    p = np.clip(rate / 2 + (1 - rate) * core, 1e-12, 1 - 1e-12)
    rows = np.column_stack([x * slope[:, None], 0.5 - core])
    value = float(counts @ (y * np.log(p) + (1 - y) * np.log1p(-p)))
    pull = counts * (y - p) / (p * (1 - p))
    expected = (rows * (counts / (p * (1 - p)))[:, None]).T @ rows
    observed = (rows * (counts * (y / p**2 + (1 - y) / (1 - p) ** 2))[:, None]).T @ rows
    second = pull * slope * (1 - 2 * core)
    observed[:-1, :-1] -= (x * second[:, None]).T @ x
    mixed = (pull * core * (1 - core)) @ x
    observed[:-1, -1] += mixed
    observed[-1, :-1] += mixed
    return value, rows * pull[:, None], observed, expected
