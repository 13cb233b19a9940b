"""Random-coefficient logit and Davidson models: weights are normally distributed over people.

One person's answers follow P(first) ∝ exp(Δu/2), P(second) ∝ exp(-Δu/2), P(coin) ∝ exp(τ), with
Δu = w·d (Davidson 1970, where exp(τ) is ν). Without a coin, P(first) is the logistic function of
Δu. Over people, w is normally distributed; with a coin, w and τ are jointly normal. They are
mean + L z with z standard normal and L diagonal or lower triangular. The probability of all answers
of one person is averaged over draws, and the sum of its log over people is maximised (maximum
simulated likelihood, Train 2009, sections 6.7, 10.5).

The draws are from a proposal near each person's posterior (importance sampling) and stay fixed
while the distribution over people changes (Train 2009, section 9.2.7; Ackerberg 2009). With forty
answers per person, about a hundred times as many draws from the distribution over people would be
needed for the same precision. The proposal is computed again at the maximum, and the likelihood is
maximised again, until the parameters hardly change. If these rounds do not converge, `FitError` is
raised. This can happen where the likelihood is flat, mostly in a standard deviation near its lower
bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import NO_COIN, Model, spread
from kidney_evals.estimation._fit import PanelFit, climb, definite, hessian, inverse, robust
from kidney_evals.estimation._person_nodes import (
    Nodes,
    Panel,
    Population,
    RandomModel,
    normal_draws,
    panel,
    person_nodes,
    posterior,
)
from kidney_evals.estimation.arrays import Bools, Floats
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.errors import FitError, InputError

DRAWS = 500
"""Number of draws for each person."""

_ROUGH = 100
_ROUNDS = 40
_FULL = 10
_SETTLED = 0.02
"""The rounds converge when each parameter changes by less than this share of its standard error."""

_FLOOR = 0.1
"""Lower bound of a standard deviation, in logits at an attribute's root mean square difference."""

_ADVICE = (
    "the random-coefficient model did not converge: try fewer attributes, correlated=False or more "
    "draws; weights without bound mean that the attributes decide nearly every answer"
)


@dataclass(frozen=True)
class RandomCoefficientFit(PanelFit):
    """Fitted distribution of coefficients over people; q = k, with a coin k + 1 (τ last).

    Attributes:
        means: Shape (q,).
        cholesky: L, lower triangular with a positive diagonal, shape (q, q).
        covariance: Of `theta`, (p, p): the sandwich with people as clusters. NaN for a diagonal
            element of L at its lower bound: the answers then show no difference between people.
        correlated: Whether L has elements below its diagonal.
    """

    model: RandomModel
    means: Floats
    cholesky: Floats
    covariance: Floats
    log_likelihood: float
    n: int
    people: int
    parameters: int
    draws: int
    correlated: bool

    @property
    def deviations(self) -> Floats:
        """Standard deviations over people, shape (q,)."""
        return np.asarray(np.sqrt((self.cholesky**2).sum(axis=1)))

    @property
    def theta(self) -> Floats:
        """Means, then L row by row (only its diagonal if not `correlated`), shape (p,)."""
        size = len(self.means)
        return np.concatenate([self.means, self.cholesky[_estimated(size, self.correlated)]])


def fit_random_coefficients(
    differences: ArrayLike,
    choices: ArrayLike,
    persons: ArrayLike,
    *,
    model: RandomModel,
    correlated: bool = False,
    draws: int = DRAWS,
    seed: int = 0,
) -> RandomCoefficientFit:
    """Fit the distribution of coefficients over people by maximum simulated likelihood.

    `choices` are 0 first, 1 second and, in `davidson`, 2 coin. L is diagonal unless `correlated`.
    `draws` is the number for each person.

    Raises:
        FitError: No optimum was reached, attributes do not vary or are collinear, or in `davidson`
            there are no coins or only coins.
    """
    answers = panel(differences, choices, persons, model)
    people, estimated = len(answers.rows), _estimated(answers.size, correlated)
    parameters = answers.size + int(estimated.sum())
    if people <= parameters:
        raise InputError(
            f"persons names {people} people, more than {parameters} are needed to tell "
            "how people differ"
        )
    draws, seed = _checks.whole(draws, "draws", _ROUGH), _checks.whole(seed, "seed", 0)
    coins = int((answers.choice == COIN).sum())
    if model == "davidson" and coins in (0, len(answers.choice)):
        which = "no" if coins == 0 else "every"
        raise FitError(f"{which} answer is the coin: try model='logit' on decided answers")
    scale = spread(answers.x)
    answers = answers._replace(x=answers.x / scale)
    normal = normal_draws(seed, people, draws, answers.size)
    least = np.where(np.eye(answers.size) > 0, _FLOOR, -np.inf)
    low = np.append(np.full(answers.size, -np.inf), least[estimated])
    try:
        theta, likelihood = _maximise(answers, normal, correlated, low)
    except np.linalg.LinAlgError:
        raise FitError(_ADVICE) from None
    values, scores = likelihood.evaluate(theta)
    free = theta > low
    inside = np.ix_(free, free)
    information = likelihood.information(theta)
    if not np.linalg.eigvalsh(information[inside])[0] > 0:
        raise FitError(_ADVICE)
    covariance = np.full(information.shape, np.nan)
    bread = inverse(information[inside])
    covariance[inside] = robust(bread, scores[:, free], np.arange(people))[0]
    units = np.append(1 / scale, np.ones(answers.size - len(scale)))
    units = np.append(units, (units[:, None] * estimated)[estimated])
    population = _population(theta * units, estimated)
    return RandomCoefficientFit(
        model=model,
        means=population.means,
        cholesky=population.cholesky,
        covariance=covariance * np.outer(units, units),
        log_likelihood=float(values.sum()),
        n=len(answers.choice),
        people=people,
        parameters=parameters,
        draws=draws,
        correlated=correlated,
    )


class SimulatedLikelihood:
    """The simulated log-likelihood as a function of `RandomCoefficientFit.theta`."""

    def __init__(self, nodes: Nodes, correlated: bool) -> None:
        self.nodes = nodes
        self.estimated = _estimated(nodes.coefficients.shape[2], correlated)

    def evaluate(self, theta: Floats) -> tuple[Floats, Floats]:
        """Return each person's log-likelihood (people,) and score (people, p).

        The score is L⁻ᵀ E[z] in the means and the lower triangle of L⁻ᵀ (E[z zᵀ] - I) in L.
        """
        population = _population(theta, self.estimated)
        values, weight = posterior(population, self.nodes)
        z = population.standard(self.nodes.coefficients)
        first = np.einsum("pr,prq->pq", weight, z)
        second = (z * weight[:, :, None]).transpose(0, 2, 1) @ z
        back = inverse(population.cholesky)
        triangle = back.T @ (second - np.eye(len(back)))
        return values, np.hstack([first @ back, triangle[:, self.estimated]])

    def objective(self, theta: Floats) -> tuple[float, Floats, Floats]:
        """Return value, gradient and the outer product of the scores (Berndt et al. 1974)."""
        values, scores = self.evaluate(theta)
        return float(values.sum()), scores.sum(axis=0), scores.T @ scores

    def information(self, theta: Floats) -> Floats:
        """Return minus the second derivatives, shape (p, p)."""
        return -hessian(lambda near: self.evaluate(near)[1].sum(axis=0), theta)


def _maximise(
    answers: Panel, normal: Floats, correlated: bool, low: Floats
) -> tuple[Floats, SimulatedLikelihood]:
    """Return the maximum and the likelihood with a proposal computed there."""
    estimated = _estimated(answers.size, correlated)
    theta = _start(answers, estimated)
    for draws in (normal[:, :_ROUGH], normal):
        high = np.full(len(low), np.inf)
        for passed in range(_ROUNDS):
            nodes = person_nodes(answers, _population(theta, estimated), draws)
            likelihood = SimulatedLikelihood(nodes, correlated)
            moved, _ = climb(likelihood.objective, theta, limit=5, box=(low, high))
            outer = likelihood.objective(moved)[2]
            change = np.abs(moved - theta) * np.sqrt(np.diag(outer))
            # Half steps prevent oscillation between two points.
            theta = moved if passed < _FULL else (theta + moved) / 2
            # A deviation at its lower bound would oscillate about it as the draws change.
            high = np.where((passed > 2) & (theta <= low), low, high)
            if change.max() < _SETTLED:
                break
    curvature = definite(likelihood.information(theta), likelihood.objective(theta)[2])
    theta, converged = climb(
        lambda point: (*likelihood.objective(point)[:2], curvature), theta, box=(low, high)
    )
    if not (converged and change.max() < _SETTLED):
        raise FitError(_ADVICE)
    return theta, likelihood


def _start(answers: Panel, estimated: Bools) -> Floats:
    """Return the group's weights, enlarged since they are attenuated, and half as deviations."""
    k = answers.x.shape[1]
    model = Model("davidson", answers.x, choice=answers.choice)
    begin = np.append(np.zeros(k), 0.0 if answers.coin else NO_COIN)
    pooled, _ = model.climb(begin, np.arange(k + 1) < answers.size)
    means = pooled[: answers.size]
    means[:k] *= 1.5
    cholesky = np.diag(np.maximum(0.75 * np.abs(means), 0.25))
    return np.append(means, cholesky[estimated])


def _estimated(size: int, correlated: bool) -> Bools:
    """Return which elements of L are estimated, shape (q, q)."""
    return np.tri(size, dtype=np.bool_) if correlated else np.eye(size, dtype=np.bool_)


def _population(theta: Floats, estimated: Bools) -> Population:
    size = len(estimated)
    cholesky = np.zeros((size, size))
    cholesky[estimated] = theta[size:]
    return Population(theta[:size], cholesky)
