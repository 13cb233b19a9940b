"""Random-coefficient logit and Davidson models: every person has weights of their own.

One person's answers follow P(first) ∝ exp(Δu/2), P(second) ∝ exp(-Δu/2), P(coin) ∝ exp(τ), with
Δu = w·d (Davidson 1970, where exp(τ) is ν; without a coin the logit of Δu). Over people, w, and
with a coin τ too, are normal: mean + L z with z standard normal and L diagonal or lower
triangular. The probability of all answers of one person is averaged over draws, and the sum of
its log over people is maximised (maximum simulated likelihood, Train 2009, sections 6.7, 10.5).

Draws are importance draws near each person's posterior and stay fixed while the distribution
over people moves (Train 2009, section 9.2.7; Ackerberg 2009): with forty answers a person, draws
from the distribution over people need a hundred times their number for the same precision.
Where the best distribution and the draws that it places never agree, the draws move with it
(`_moving_draws`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kidney_evals.estimation import _checks
from kidney_evals.estimation._checks import Floats
from kidney_evals.estimation._criteria import PanelCriteria
from kidney_evals.estimation._halton import normal_draws
from kidney_evals.estimation._linear import inverse
from kidney_evals.estimation._link_fit import spread
from kidney_evals.estimation._moving_draws import MovingLikelihood
from kidney_evals.estimation._newton import climb, definite
from kidney_evals.estimation._person_nodes import (
    COIN,
    Nodes,
    Panel,
    Population,
    RandomModel,
    log_likelihoods,
    panel,
    person_nodes,
    posterior,
)
from kidney_evals.estimation._sandwich import sandwich
from kidney_evals.estimation.errors import FitError, InputError

DRAWS = 500
"""Draws for each person."""

_ROUGH = 100
_ROUNDS = 40
_FULL = 10
_WARM = 5
_SETTLED = 0.02
"""Rounds end when no parameter moves by more than this share of its standard error."""

_FLOOR = 0.1
"""Lowest deviation, in logits at an attribute's usual difference: people as good as alike."""

_ADVICE = (
    "try fewer attributes, correlated=False or more draws; weights without bound mean that the "
    "attributes decide nearly every answer"
)

Places = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and columns of the estimated elements of L."""

Box = tuple[Floats, Floats]
"""Lowest and highest allowed parameters."""

Found = tuple[Floats, float, Floats]
"""Parameters, log-likelihood and covariance at a maximum."""


@dataclass(frozen=True)
class RandomCoefficientFit(PanelCriteria):
    """Fitted distribution of coefficients over people; q = k, with a coin k + 1 (τ last).

    Attributes:
        model: Which model of a person's answers.
        means: Shape (q,).
        cholesky: L, lower triangular with a positive diagonal, shape (q, q).
        covariance: Of `theta`, shape (p, p): the sandwich with people as the units. NaN for an
            element of L's diagonal that is held at its floor, a tenth of a logit at the
            attribute's root mean square difference: no difference between people was found.
        log_likelihood: Joint over people, simulated.
        n: Number of answers.
        people: Number of people.
        parameters: How many were estimated.
        draws: For each person.
        correlated: Whether L has elements below its diagonal.
        converged: Always True; a fit that does not converge raises.
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
    converged: bool

    @property
    def deviations(self) -> Floats:
        """Standard deviations over people, shape (q,)."""
        result: Floats = np.sqrt((self.cholesky**2).sum(axis=1))
        return result

    @property
    def theta(self) -> Floats:
        """Means, then L row by row (only its diagonal if not `correlated`), shape (p,)."""
        size = len(self.means)
        return np.concatenate([self.means, self.cholesky[_places(size, self.correlated)]])


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

    Args:
        differences: First minus second patient, shape (n, k).
        choices: 0 first, 1 second and, in `davidson`, 2 coin, shape (n,).
        persons: Who answered, shape (n,).
        model: Of one person's answers.
        correlated: Let coefficients go together over people; otherwise L is diagonal.
        draws: For each person.
        seed: Of the draws.

    Raises:
        InputError: Wrong shapes or values, or not more people than parameters.
        FitError: No optimum was reached, attributes without variation or that move in step, or no
            coin, or only coins, where there should be both.
    """
    answers = panel(differences, choices, persons, model)
    places = _places(answers.size, correlated)
    parameters = answers.size + len(places[0])
    if answers.people <= parameters:
        raise InputError(
            f"persons names {answers.people} people, more than {parameters} are needed to tell "
            "how people differ"
        )
    draws, seed = _checks.whole(draws, "draws", _ROUGH), _checks.whole(seed, "seed", 0)
    coins = int((answers.choice == COIN).sum())
    if model == "davidson" and coins in (0, len(answers.choice)):
        which = "no" if coins == 0 else "every"
        raise FitError(f"{which} answer is the coin: try model='logit' on decided answers")
    scale = spread(answers.x)
    answers = replace(answers, x=answers.x / scale)
    normal = normal_draws(seed, answers.people, draws, answers.size)
    found = _with_fixed_draws(answers, normal, places) or _with_moving_draws(
        answers, normal, places
    )
    if found is None:
        raise FitError(f"the random-coefficient model did not converge: {_ADVICE}")
    theta, value, covariance = found
    units = np.append(1 / scale, np.ones(answers.size - len(scale)))
    units = np.concatenate([units, units[places[0]]])
    population = _population(theta * units, places)
    return RandomCoefficientFit(
        model=model,
        means=population.means,
        cholesky=population.cholesky,
        covariance=covariance * np.outer(units, units),
        log_likelihood=value,
        n=len(answers.choice),
        people=answers.people,
        parameters=parameters,
        draws=draws,
        correlated=correlated,
        converged=True,
    )


class SimulatedLikelihood:
    """The simulated log-likelihood as a function of `RandomCoefficientFit.theta`."""

    def __init__(self, nodes: Nodes, correlated: bool) -> None:
        """Take fixed draws of each person's coefficients."""
        self.nodes = nodes
        self.places = _places(nodes.coefficients.shape[2], correlated)

    def evaluate(self, theta: Floats) -> tuple[Floats, Floats]:
        """Return each person's log-likelihood (people,) and score (people, p).

        With posterior means over draws, the score is L⁻ᵀ E[z] in the means and the lower triangle
        of L⁻ᵀ (E[z zᵀ] - I) in L.
        """
        population = _population(theta, self.places)
        values, weight = posterior(population, self.nodes)
        z = population.standard(self.nodes.coefficients)
        first = np.einsum("pr,prq->pq", weight, z)
        second = (z * weight[:, :, None]).transpose(0, 2, 1) @ z
        back = inverse(population.cholesky)
        triangle = back.T @ (second - np.eye(len(back)))
        return values, np.hstack([first @ back, triangle[:, self.places[0], self.places[1]]])

    def objective(self, theta: Floats) -> tuple[float, Floats, Floats]:
        """Return value, gradient and the outer product of the scores (Berndt et al. 1974)."""
        values, scores = self.evaluate(theta)
        outer: Floats = scores.T @ scores
        return float(values.sum()), scores.sum(axis=0), outer

    def information(self, theta: Floats) -> Floats:
        """Return minus the second derivatives, by central differences of the gradient, (p, p)."""
        width = 1e-5
        rows = [
            self.evaluate(theta - shift)[1].sum(axis=0)
            - self.evaluate(theta + shift)[1].sum(axis=0)
            for shift in width * np.eye(len(theta))
        ]
        hessian = np.array(rows) / (2 * width)
        result: Floats = (hessian + hessian.T) / 2
        return result


def _with_fixed_draws(answers: Panel, normal: Floats, places: Places) -> Found | None:
    """Return the maximum over draws that are placed for it, or None where nothing settles."""
    try:
        theta, *_ = _rounds(answers, _start(answers, places), normal[:, :_ROUGH], places)
        theta, nodes, box, settled = _rounds(answers, theta, normal, places)
        likelihood = SimulatedLikelihood(nodes, len(places[0]) > answers.size)
        return _finish(likelihood, theta, box) if settled else None
    except np.linalg.LinAlgError:
        return None


def _with_moving_draws(answers: Panel, normal: Floats, places: Places) -> Found | None:
    """Return the maximum over draws that move with the population, or None without one.

    The start is a few rounds from the beginning: many that do not settle would amplify rounding,
    until the order of the rows decided where they stop.
    """
    box = _box(places)
    likelihood = MovingLikelihood(answers, normal, partial(_population, places=places))
    try:
        warm, *_ = _rounds(answers, _start(answers, places), normal[:, :_ROUGH], places, _WARM)
        top = likelihood.maximum(warm, box)
        if top is None:
            return None
        covariance = _covariance(top.theta, top.scores, top.information, box)
    except np.linalg.LinAlgError:
        return None
    return top.theta, float(top.values.sum()), covariance


def _rounds(
    answers: Panel, theta: Floats, normal: Floats, places: Places, rounds: int = _ROUNDS
) -> tuple[Floats, Nodes, Box, bool]:
    """Place draws and move the population in turn; the last result says whether both settled."""
    correlated = len(places[0]) > answers.size
    low, high = _box(places)
    for passed in range(rounds):
        nodes = person_nodes(answers, _population(theta, places), normal)
        likelihood = SimulatedLikelihood(nodes, correlated)
        moved, _ = climb(likelihood.objective, theta, limit=5, box=(low, high))
        outer = likelihood.objective(moved)[2]
        change = np.abs(moved - theta) * np.sqrt(np.diag(outer))
        # Half steps end a swing between two points.
        theta = moved if passed < _FULL else (theta + moved) / 2
        # A deviation that has come down to the floor would swing about it with the draws.
        high = np.where((passed > 2) & (theta <= low), low, high)
        if change.max() < _SETTLED:
            break
    return theta, nodes, (low, high), bool(change.max() < _SETTLED)


def _finish(likelihood: SimulatedLikelihood, theta: Floats, box: Box) -> Found | None:
    """Climb to the very top; returns theta, the log-likelihood and the covariance, or None."""
    curvature = definite(likelihood.information(theta), likelihood.objective(theta)[2])
    # So close to the maximum one curvature serves every step.
    theta, found = climb(
        lambda point: (*likelihood.objective(point)[:2], curvature), theta, box=box
    )
    free = theta > box[0]
    information = likelihood.information(theta)
    inside = information[np.ix_(free, free)]
    if not (found and np.isfinite(inside).all() and np.linalg.eigvalsh(inside)[0] > 0):
        return None
    values, scores = likelihood.evaluate(theta)
    return theta, float(values.sum()), _covariance(theta, scores, information, box)


def _covariance(theta: Floats, scores: Floats, information: Floats, box: Box) -> Floats:
    """Return the sandwich of people, NaN for parameters on the floor, shape (p, p)."""
    free = theta > box[0]
    inside = np.ix_(free, free)
    covariance = np.full(information.shape, np.nan)
    people = len(scores)
    covariance[inside] = sandwich(
        inverse(information[inside]), scores[:, free], np.arange(people), people
    )
    return covariance


def _box(places: Places) -> Box:
    """Keep the diagonal of L above the floor."""
    rows, columns = places
    size = int(rows[-1]) + 1
    low = np.concatenate([np.full(size, -np.inf), np.where(rows == columns, _FLOOR, -np.inf)])
    return low, np.full(len(low), np.inf)


def _start(answers: Panel, places: Places) -> Floats:
    """Means of the group's model, enlarged, and deviations of half their size.

    Averaging over people flattens: the weights of single people are larger than the group's.
    """
    k = answers.x.shape[1]

    def pooled(means: Floats) -> tuple[float, Floats, Floats]:
        width = 1e-4
        shifts = np.vstack([np.zeros(answers.size), width * np.eye(answers.size)])
        logs = log_likelihoods(answers, (means + np.vstack([shifts, -shifts[1:]]))[None])
        scores = (logs[:, 1 : answers.size + 1] - logs[:, answers.size + 1 :]) / (2 * width)
        return float(logs[:, 0].sum()), scores.sum(axis=0), scores.T @ scores

    means, _ = climb(pooled, np.zeros(answers.size), limit=30)
    means[:k] *= 1.5
    cholesky = np.diag(np.maximum(0.75 * np.abs(means), 0.25))
    return np.append(means, cholesky[places])


def _places(size: int, correlated: bool) -> Places:
    rows, columns = np.tril_indices(size) if correlated else np.diag_indices(size)
    return rows, columns


def _population(theta: Floats, places: Places) -> Population:
    size = int(places[0][-1]) + 1
    cholesky = np.zeros((size, size))
    cholesky[places] = theta[size:]
    return Population(theta[:size], cholesky)
