"""The calibrated share model: a logit with a lapse rate and with sign terms.

P(first) = λ/2 + (1 - λ) · logistic(Σ_k b_k d_k + Σ_k g_k sign(d_k) + c)

A plain logit predicts too extreme shares of people at large differences. The lapse λ is the share
of answers that do not depend on the attributes (Wichmann and Hill 2001). The sign terms give a
difference an effect that does not depend on its size. The intercept c is the effect of the first
position; predicted shares leave it out, since a dilemma has no first position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import Criteria, climb, definite, inverse, logistic, sandwich
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.logit import fit_logit

_FLOOR = 1e-4
"""A smaller lapse is set to zero."""

_CEILING = 0.9


@dataclass(frozen=True)
class LapseFit(Criteria):
    """A fitted share model.

    Attributes:
        weights: b, shape (k,).
        sign_weights: g, shape (k,); zeros without sign terms.
        lapse: λ; 0 where the optimum lies on that boundary.
        intercept: c, 0 if not fitted.
        covariance: Covariance of (b, g, λ, c), shape (2k+2, 2k+2), zeros for parameters that were
            not fitted; clustered if clusters were given.
        log_likelihood: Log-likelihood at the estimate.
        n: Number of answers.
        parameters: Number of estimated parameters.
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
        theta: Shape (2k+2,), or (draws, 2k+2). The last parameter is not used.
        differences: Shape (n, k).

    Returns:
        Shape (n,), or (draws, n).
    """
    parameters = _checks.numbers(theta, "theta")
    x = _checks.matrix(differences, "differences")
    k = x.shape[1]
    shape = (2 * k + 2,) if parameters.ndim != 2 else (len(parameters), 2 * k + 2)
    parameters = _checks.shaped(parameters, shape, "theta")
    features = np.column_stack([x, np.sign(x)])
    lapse = parameters[..., 2 * k, None] if parameters.ndim > 1 else parameters[2 * k]
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
) -> LapseFit:
    """Fit the calibrated share model by maximum likelihood.

    Args:
        differences: First minus second patient, shape (n, k).
        chose_first: 1 or 0, shape (n,).
        clusters: Labels of rows that belong together, shape (n,).
        signs: Fit the sign terms.
        lapse: Fit the lapse; otherwise it is 0.
        intercept: Fit the effect of the first position.
        frequencies: Frequency weight of each row (as in a bootstrap), shape (n,).
        start: Starting point, in the order of `LapseFit.theta`; speeds up a bootstrap.

    Raises:
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
    p = len(beta)
    if rate is None:
        beta, found = climb(lambda theta: _Terms(design, y, counts, theta, 0.0).objective(p), beta)
        return beta, 0.0, found
    infinite = np.full(p, np.inf)
    theta, found = climb(
        lambda theta: _Terms(design, y, counts, theta[:p], float(theta[p])).objective(p + 1),
        np.append(beta, rate),
        box=(np.append(-infinite, 0.0), np.append(infinite, _CEILING)),
    )
    return theta[:p], float(theta[p]), found


class _Terms:
    """The log-likelihood at one point, with its derivatives in the slopes and, last, the lapse."""

    def __init__(
        self, design: Floats, y: Floats, counts: Floats, beta: Floats, rate: float
    ) -> None:
        self.design, self.y, self.counts = design, y, counts
        self.core = core = logistic(design @ beta)
        self.slope = (1 - rate) * core * (1 - core)
        self.jacobian = np.column_stack([design * self.slope[:, None], 0.5 - core])
        self.probability = p = np.clip(rate / 2 + (1 - rate) * core, 1e-12, 1 - 1e-12)
        self.value = float(counts @ (y * np.log(p) + (1 - y) * np.log1p(-p)))
        self.pull = counts * (y - p) / (p * (1 - p))

    def objective(self, size: int) -> tuple[float, Floats, Floats]:
        """Return value, gradient and information in the first `size` parameters."""
        p, rows = self.probability, self.jacobian
        weight = self.counts * (self.y / p**2 + (1 - self.y) / (1 - p) ** 2)
        observed = (rows * weight[:, None]).T @ rows
        second = self.pull * self.slope * (1 - 2 * self.core)
        observed[:-1, :-1] -= (self.design * second[:, None]).T @ self.design
        mixed = (self.pull * self.core * (1 - self.core)) @ self.design
        observed[:-1, -1] += mixed
        observed[-1, :-1] += mixed
        expected = (rows * (self.counts / (p * (1 - p)))[:, None]).T @ rows
        curvature = definite(observed[:size, :size], expected[:size, :size])
        return self.value, (self.pull @ rows)[:size], curvature
