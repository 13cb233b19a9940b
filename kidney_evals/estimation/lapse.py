"""The calibrated share model: a logit with a lapse and with terms for signs.

P(first) = λ/2 + (1 - λ) · logistic(Σ_k b_k d_k + Σ_k g_k sign(d_k) + c)

A plain logit is over-confident about people at large differences. The lapse λ is the share of
answers that follow no attribute (Wichmann and Hill 2001); the sign terms let a small difference
count for more than its size. The intercept c is the pull of the first place; predicted shares
leave it out, since a dilemma has no first place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import Criteria, inverse, maximise_objective, sandwich
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.logit import fit_logit

_FLOOR = 1e-4
"""A smaller lapse is taken to be zero."""

_CEILING = 0.9


@dataclass(frozen=True)
class LapseFit(Criteria):
    """A fitted share model.

    Attributes:
        weights: b, shape (k,).
        sign_weights: g, shape (k,); zeros without sign terms.
        lapse: λ; 0 where the optimum lies on that boundary.
        intercept: c, 0 if not fitted.
        covariance: Of (b, g, λ, c), shape (2k+2, 2k+2), zeros for what was not fitted;
            clustered where clusters were given.
        log_likelihood: At the estimate.
        n: Number of answers.
        parameters: How many were estimated.
    """

    weights: Floats
    sign_weights: Floats
    lapse: float
    intercept: float
    covariance: Floats
    log_likelihood: float
    n: int
    parameters: int

    @property
    def theta(self) -> Floats:
        """All parameters in the order of `covariance`, shape (2k+2,)."""
        return np.concatenate([self.weights, self.sign_weights, [self.lapse, self.intercept]])


def predict_shares(theta: ArrayLike, differences: ArrayLike) -> Floats:
    """Return P(first) for parameters in the order of `LapseFit.theta`.

    Args:
        theta: Shape (2k+2,), or (draws, 2k+2). The last parameter, the pull of the first place, is
            not used.
        differences: Shape (n, k).

    Returns:
        Shape (n,), or (draws, n).

    Raises:
        InputError: Wrong shapes or values.
    """
    parameters = _checks.numbers(theta, "theta")
    x = _checks.matrix(differences, "differences")
    k = x.shape[1]
    shape = (2 * k + 2,) if parameters.ndim != 2 else (len(parameters), 2 * k + 2)
    parameters = _checks.shaped(parameters, shape, "theta")
    features = np.column_stack([x, np.sign(x)])
    lapse = parameters[..., 2 * k, None] if parameters.ndim > 1 else parameters[2 * k]
    # Not `expit`: the digits are those of the shipped shares.
    core = 0.5 * (1 + np.tanh(0.5 * (parameters[..., : 2 * k] @ features.T)))
    result: Floats = lapse / 2 + (1 - lapse) * core
    return result


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
) -> LapseFit:
    """Fit the calibrated share model by maximum likelihood.

    Args:
        differences: First minus second patient, shape (n, k).
        chose_first: 1 or 0, shape (n,).
        clusters: Labels of rows that belong together, shape (n,).
        signs: Fit the sign terms.
        lapse: Fit the lapse; otherwise it is 0.
        intercept: Fit the pull of the first place.
        frequencies: How often each row counts (a bootstrap weighting), shape (n,).
        start: Where to begin, in the order of `LapseFit.theta`; speeds up a bootstrap.

    Raises:
        InputError: Wrong shapes or values.
        FitError: No optimum was reached, as under separation.
    """
    x = _checks.matrix(differences, "differences")
    n, k = x.shape
    y = _checks.column(chose_first, n, "chose_first", 0, 1)
    weight = np.ones(n) if frequencies is None else frequencies
    counts = _checks.column(weight, n, "frequencies", 0, np.inf)
    begin = np.zeros(2 * k + 2)
    if start is None:
        try:
            plain = fit_logit(x, y, intercept=intercept, penalty="firth")
        except FitError as error:
            raise FitError(f"no starting point for the share model: {error}") from error
        begin[:k], begin[2 * k], begin[-1] = plain.weights * 1.2, 0.1, plain.intercept
    else:
        begin = _checks.column(start, 2 * k + 2, "start", -np.inf, np.inf)
    # Places in `theta` of the slopes that are fitted, and then of the lapse.
    slots = np.flatnonzero(np.concatenate([np.ones(k), np.full(k, signs), [False, intercept]]))
    design = np.column_stack([x, np.sign(x), np.zeros(n), np.ones(n)])[:, slots]
    beta, rate, found = begin[slots], max(float(begin[2 * k]), 10 * _FLOOR), True
    if lapse:
        beta, rate, found = _maximise(design, y, counts, beta, rate)
    if not lapse or rate < _FLOOR:
        beta, rate, found = _maximise(design, y, counts, beta, None)
    if not found:
        raise FitError(
            "the share model did not converge: drop the sign terms or the lapse, or use fit_logit "
            "with penalty='firth' if the answers are separated"
        )
    terms = _Terms(design, y, counts, beta, rate)
    jacobian = terms.jacobian if rate > 0 else terms.jacobian[:, :-1]
    scores = jacobian * terms.pull[:, None]
    expected = counts / (terms.probability * (1 - terms.probability))
    bread = inverse((jacobian * expected[:, None]).T @ jacobian)
    if clusters is not None:
        bread = sandwich(bread, scores, *_checks.groups(clusters, n))
    if rate > 0:
        slots = np.append(slots, 2 * k)
    theta = np.zeros(2 * k + 2)
    theta[slots] = np.append(beta, [rate] if rate > 0 else [])
    covariance = np.zeros((2 * k + 2, 2 * k + 2))
    covariance[np.ix_(slots, slots)] = bread
    return LapseFit(
        weights=theta[:k],
        sign_weights=theta[k : 2 * k],
        lapse=rate,
        intercept=float(theta[-1]),
        covariance=covariance,
        log_likelihood=terms.value,
        n=n,
        parameters=len(slots),
    )


def _maximise(
    design: Floats, y: Floats, counts: Floats, beta: Floats, rate: float | None
) -> tuple[Floats, float, bool]:
    """Return the slopes (p,), the lapse and whether they are a maximum; None fixes a lapse of 0."""
    if rate is None:

        def fixed(theta: Floats) -> tuple[float, Floats, Floats]:
            value, gradient, information = _Terms(design, y, counts, theta, 0.0).derivatives
            return value, gradient[:-1], information[:-1, :-1]

        beta, found = maximise_objective(fixed, beta)
        return beta, 0.0, found

    def free(theta: Floats) -> tuple[float, Floats, Floats]:
        # The lapse is `_CEILING` times the logistic of the last parameter.
        share = float(special.expit(theta[-1]))
        terms = _Terms(design, y, counts, theta[:-1], _CEILING * share)
        value, gradient, information = terms.derivatives
        slope = _CEILING * share * (1 - share)
        information[-1] *= slope
        information[:, -1] *= slope
        information[-1, -1] -= gradient[-1] * slope * (1 - 2 * share)
        gradient[-1] *= slope
        return value, gradient, information

    theta, found = maximise_objective(
        free, np.append(beta, special.logit(min(rate / _CEILING, 0.99)))
    )
    return theta[:-1], _CEILING * float(special.expit(theta[-1])), found


class _Terms:
    """The log-likelihood at one point, with its derivatives in the slopes and, last, the lapse."""

    def __init__(
        self, design: Floats, y: Floats, counts: Floats, beta: Floats, rate: float
    ) -> None:
        self.core = core = special.expit(design @ beta)
        slope = (1 - rate) * core * (1 - core)
        self.jacobian = np.column_stack([design * slope[:, None], 0.5 - core])
        self.probability = p = np.clip(rate / 2 + (1 - rate) * core, 1e-12, 1 - 1e-12)
        self.value = float(counts @ (y * np.log(p) + (1 - y) * np.log1p(-p)))
        self.pull = counts * (y - p) / (p * (1 - p))
        self.design, self.weight = design, counts * (y / p**2 + (1 - y) / (1 - p) ** 2)
        self.second = self.pull * slope * (1 - 2 * core)

    @property
    def derivatives(self) -> tuple[float, Floats, Floats]:
        """Value, gradient (p+1,) and minus the second derivatives (p+1, p+1)."""
        information = (self.jacobian * self.weight[:, None]).T @ self.jacobian
        information[:-1, :-1] -= (self.design * self.second[:, None]).T @ self.design
        mixed = (self.pull * self.core * (1 - self.core)) @ self.design
        information[:-1, -1] += mixed
        information[-1, :-1] += mixed
        return self.value, self.pull @ self.jacobian, information
