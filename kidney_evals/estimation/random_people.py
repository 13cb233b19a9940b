"""Predictions of a random-coefficient model: for new people, and for people with known answers.

New people are drawn from the fitted normal distribution of coefficients. Averages over it use
quasi-random draws (scrambled Halton points) with a fixed seed, so that they are deterministic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from kidney_evals.estimation import _checks
from kidney_evals.estimation._person_nodes import (
    Population,
    normal_draws,
    panel,
    person_nodes,
    posterior,
)
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.random_coefficients import DRAWS, RandomCoefficientFit

PEOPLE = 2000
"""Number of quasi-random people in an average over the distribution."""


class PersonEstimates(NamedTuple):
    """Each person's coefficients, with people in the order of their labels.

    `log_likelihoods`, (people,), are integrated over the coefficients; `means` and `deviations` are
    posterior means and standard deviations, (people, q).
    """

    log_likelihoods: Floats
    means: Floats
    deviations: Floats


def estimate_people(
    fit: RandomCoefficientFit,
    differences: ArrayLike,
    choices: ArrayLike,
    persons: ArrayLike,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> PersonEstimates:
    """Return each person's posterior of the coefficients (Train 2009, equation 11.3).

    For people who are not in the data of the fit, `log_likelihoods` is the held-out joint
    log-likelihood.
    """
    answers = panel(differences, choices, persons, fit.model)
    if answers.size != len(fit.means):
        raise InputError(
            f"differences has {answers.x.shape[1]} attributes, the fit has "
            f"{len(fit.means) - answers.coin}"
        )
    draws, seed = _checks.whole(draws, "draws", 1), _checks.whole(seed, "seed", 0)
    population = Population(fit.means, fit.cholesky)
    nodes = person_nodes(
        answers, population, normal_draws(seed, len(answers.rows), draws, answers.size)
    )
    values, weight = posterior(population, nodes)
    means = np.einsum("pr,prq->pq", weight, nodes.coefficients)
    off = nodes.coefficients - means[:, None]
    return PersonEstimates(values, means, np.sqrt(np.einsum("pr,prq->pq", weight, off**2)))


def draw_people(fit: RandomCoefficientFit, people: int, rng: np.random.Generator) -> Floats:
    """Return the coefficients of new people, shape (people, q)."""
    people = _checks.whole(people, "people", 1)
    normal = rng.standard_normal((people, len(fit.means)))
    return fit.means + normal @ fit.cholesky.T


def person_shares(
    fit: RandomCoefficientFit, coefficients: ArrayLike, differences: ArrayLike
) -> Floats:
    """Return people's answer probabilities, (people, n, 2 or 3), from coefficients (people, q)."""
    own = _checks.matrix(coefficients, "coefficients")
    x = _checks.matrix(differences, "differences")
    k = len(fit.means) - (fit.model == "davidson")
    if own.shape[1] != len(fit.means) or x.shape[1] != k:
        raise InputError(
            f"coefficients {own.shape} and differences {x.shape} must have {len(fit.means)} and "
            f"{k} columns"
        )
    half = 0.5 * own[:, :k] @ x.T
    coin = [np.broadcast_to(tau[:, None], half.shape) for tau in own[:, k:].T]
    shares: Floats = softmax(np.stack([half, -half, *coin], axis=-1), axis=-1)
    return shares


def simulate_answers(
    fit: RandomCoefficientFit, differences: ArrayLike, people: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return answers of new people to the same dilemmas, coded as in the fit, (people, n)."""
    shares = person_shares(fit, draw_people(fit, people, rng), differences)
    edges = shares.cumsum(axis=-1)[..., :-1]
    picked = (rng.random(shares.shape[:2])[..., None] > edges).sum(axis=-1)
    return np.asarray(picked, dtype=np.int64)


def group_shares(
    fit: RandomCoefficientFit, differences: ArrayLike, *, people: int = PEOPLE, seed: int = 0
) -> Floats:
    """Return answer shares averaged over people, shape (n, 2), with a coin (n, 3)."""
    return _over_people(fit, differences, people, seed)[0]


def asked_twice(
    fit: RandomCoefficientFit, differences: ArrayLike, *, people: int = PEOPLE, seed: int = 0
) -> Floats:
    """Return P(one person's two independent answers to a dilemma differ), shape (n,).

    It is 1 - Σ_c P_c², averaged over people, in one order or two: order has no effect here.
    """
    return _over_people(fit, differences, people, seed)[1]


def _over_people(
    fit: RandomCoefficientFit, differences: ArrayLike, people: int, seed: int
) -> tuple[Floats, Floats]:
    x = _checks.matrix(differences, "differences")
    people, seed = _checks.whole(people, "people", 1), _checks.whole(seed, "seed", 0)
    normal = normal_draws(seed, 1, people, len(fit.means))[0]
    coefficients = fit.means + normal @ fit.cholesky.T
    mean = np.zeros((len(x), 3 if fit.model == "davidson" else 2))
    differ = np.zeros(len(x))
    # Blocks of people bound the memory for a large number of dilemmas.
    for block in np.array_split(coefficients, max(1, people * len(x) // 1_000_000)):
        shares = person_shares(fit, block, x)
        mean += shares.sum(axis=0)
        differ += (1 - (shares**2).sum(axis=-1)).sum(axis=0)
    return mean / people, differ / people
