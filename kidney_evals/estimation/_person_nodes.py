"""Integrals over one person's coefficients, by importance sampling near that person's posterior."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, ndtri

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import NO_COIN, Model
from kidney_evals.estimation.arrays import Floats, Ints
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.errors import InputError

RandomModel = Literal["logit", "davidson"]
"""`logit` is for decided answers, `davidson` for answers with a coin."""

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29)

_DEFENSIVE = 0.25
_WIDENING = 1.5


class Panel(NamedTuple):
    """Checked answers sorted by person: differences `x`, shape (n, k), and codes `choice`, (n,).

    `rows` holds the place of each person's answers. `size` is the number q of random coefficients:
    the weights and, with a coin, τ.
    """

    x: Floats
    choice: Ints
    rows: list[slice]
    coin: bool
    size: int


class Population(NamedTuple):
    """Normal distribution of coefficients over people, with covariance L Lᵀ, L of shape (q, q)."""

    means: Floats
    cholesky: Floats

    def standard(self, coefficients: Floats) -> Floats:
        """Return z of coefficients = means + L z, shape (..., q)."""
        return (coefficients - self.means) @ np.linalg.inv(self.cholesky).T

    def log_density(self, z: Floats) -> Floats:
        """Return the log-density of coefficients with the given z, shape (...)."""
        size = len(self.means)
        scale = np.log(np.diag(self.cholesky)).sum() + 0.5 * size * np.log(2 * np.pi)
        return np.asarray(-0.5 * (z**2).sum(axis=-1) - scale)


class Nodes(NamedTuple):
    """Draws of each person's coefficients, with importance weights for any population.

    A person's likelihood in a population with density f is the mean over R of
    exp(log_ratio) f(coefficients). `log_ratio`, shape (people, R), is the log of the likelihood of
    the person's answers over the density that the coefficients, (people, R, q), were drawn from.
    """

    coefficients: Floats
    log_ratio: Floats


def normal_draws(seed: int, people: int, draws: int, size: int) -> Floats:
    """Return quasi-random standard normal draws, shape (people, draws, size).

    The digits of each dimension's radical inverse are permuted at random (Owen 2017, "A randomized
    Halton algorithm in R"). Consecutive segments of the sequence go to consecutive people, so that
    their simulation errors are negatively correlated (Train 2009, section 9.3.3).
    `scipy.stats.qmc.Halton` has other permutations, which would change the shipped tables.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    count = people * draws
    points = np.zeros((count, size))
    for dimension, prime in enumerate(_PRIMES[:size]):
        rest = np.arange(count)
        place = 1.0 / prime
        while 1.0 - place < 1.0:
            digits = random.random(prime).argsort(kind="stable")
            points[:, dimension] += digits[rest % prime] * place
            rest //= prime
            place /= prime
    normal: Floats = ndtri(np.clip(points, 1e-15, 1 - 1e-15))
    return normal.reshape(people, draws, size)


def panel(
    differences: ArrayLike, choices: ArrayLike, persons: ArrayLike, model: RandomModel
) -> Panel:
    """Check answers and sort them by person; people are in the order of their labels."""
    if model not in ("logit", "davidson"):
        raise InputError(f"model is {model!r}, allowed are 'logit' and 'davidson'")
    x = _checks.matrix(differences, "differences")
    n, k = x.shape
    coin = model == "davidson"
    if not 1 <= k <= len(_PRIMES) - coin:
        raise InputError(f"differences has {k} attributes, allowed are 1 to {len(_PRIMES) - coin}")
    choice = _checks.codes(choices, n, "choices", (0, 1, COIN) if coin else (0, 1))
    person, people = _checks.groups(persons, n, "persons")
    # Rows of a person are sorted as well, so that their order changes no digit.
    rank = np.lexsort((choice, *x.T, person))
    bounds = np.searchsorted(person[rank], np.arange(people + 1)).tolist()
    return Panel(x[rank], choice[rank], list(map(slice, bounds, bounds[1:])), coin, k + coin)


def _log_likelihoods(answers: Panel, coefficients: Floats) -> Floats:
    """Return the log-likelihood of each person's answers under each draw (people, R, q)."""
    k = answers.x.shape[1]
    side = np.array([1.0, -1.0, 0.0])[answers.choice]
    result = np.empty(coefficients.shape[:2])
    for person, rows in enumerate(answers.rows):
        own = coefficients[person]
        half = 0.5 * answers.x[rows] @ own[:, :k].T
        tau = own[:, k] if answers.coin else np.full(len(own), NO_COIN)
        coins = int((answers.choice[rows] == COIN).sum())
        # The larger score of the two patients is subtracted from each, to keep exponentials finite.
        distance = np.abs(half)
        total = distance + np.log1p(np.exp(-2 * distance) + np.exp(tau - distance))
        result[person] = side[rows] @ half + coins * tau - total.sum(axis=0)
    return result


def person_nodes(answers: Panel, population: Population, normal: Floats) -> Nodes:
    """Return draws of each person's coefficients from a proposal near the person's posterior.

    Most draws from the population would have a negligible likelihood. A quarter of the draws are
    from the population; the others are from a normal distribution around the posterior mode, with
    1.5 times the covariance that the curvature there implies, so that the ratio of the population's
    density to that of the draws is at most 4 (defensive mixture, Hesterberg 1995). `normal` has
    shape (people, R, q).
    """
    inverse = np.linalg.inv(population.cholesky)
    prior = population.means, inverse.T @ inverse
    modes, curvatures = zip(*(_mode(answers, rows, prior) for rows in answers.rows), strict=True)
    centre = population.standard(np.stack(modes))
    # Curvature in units of z, whose prior part is the identity.
    curvature = population.cholesky.T @ np.stack(curvatures) @ population.cholesky
    root = np.linalg.cholesky(_WIDENING * np.linalg.inv(curvature))
    wide = max(1, round(_DEFENSIVE * normal.shape[1]))
    moved = centre[:, None] + normal[:, wide:] @ root.transpose(0, 2, 1)
    z = np.concatenate([normal[:, :wide], moved], axis=1)
    away = (z - centre[:, None]) @ np.linalg.inv(root).transpose(0, 2, 1)
    volume = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    share = wide / normal.shape[1]
    # Density of the second part of the mixture over that of the first.
    near = 0.5 * ((z**2).sum(axis=2) - (away**2).sum(axis=2)) - volume[:, None]
    mixture = np.logaddexp(np.log(share), np.log1p(-share) + near) + population.log_density(z)
    drawn = population.means + z @ population.cholesky.T
    return Nodes(drawn, _log_likelihoods(answers, drawn) - mixture)


def _mode(answers: Panel, rows: slice, prior: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return the mode of a person's posterior, (q,), and the curvature there, (q, q)."""
    model = Model("davidson", answers.x[rows], choice=answers.choice[rows])
    used = np.arange(model.size) < answers.size
    start = np.append(prior[0], NO_COIN)[: model.size]
    theta, _ = model.climb(start, used, prior=prior)
    curvature = model.log_likelihood(theta)[2][np.ix_(used, used)] + prior[1]
    return theta[used], curvature


def posterior(population: Population, nodes: Nodes) -> tuple[Floats, Floats]:
    """Return log-likelihoods (people,) and each node's posterior weight (people, R)."""
    z = population.standard(nodes.coefficients)
    logs = nodes.log_ratio + population.log_density(z)
    values = np.asarray(logsumexp(logs, axis=1))
    return values - np.log(logs.shape[1]), np.exp(logs - values[:, None])
