"""Integrals over one person's coefficients, by importance sampling near that person's posterior."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, ndtri

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import NO_COIN, one_hot_answers, trinomial
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

    Attributes:
        bounds: Index of each person's first row, then n, shape (people + 1,).
        size: Number q of random coefficients: the weights and, with a coin, τ.
    """

    x: Floats
    choice: Ints
    bounds: Ints
    coin: bool
    size: int

    @property
    def people(self) -> int:
        return len(self.bounds) - 1


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
        result: Floats = -0.5 * (z**2).sum(axis=-1) - scale
        return result


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
    bounds = np.searchsorted(person[rank], np.arange(people + 1)).astype(np.int64)
    return Panel(x[rank], choice[rank], bounds, coin, k + coin)


def log_likelihoods(answers: Panel, coefficients: Floats) -> Floats:
    """Return the log-likelihood of each person's answers under each draw (people, R, q)."""
    people, (_, draws, _) = answers.people, coefficients.shape
    k = answers.x.shape[1]
    half = 0.5 * answers.x
    sign = np.where(answers.choice == 0, 1.0, np.where(answers.choice == 1, -1.0, 0.0))
    result = np.empty((people, draws))
    for person in range(people):
        rows = slice(answers.bounds[person], answers.bounds[person + 1])
        own = coefficients[person]
        weights = own[:, :k].T
        distance = np.abs(half[rows] @ weights)
        total = np.exp(-2 * distance)
        total += 1
        if answers.coin:
            total += np.exp(own[:, k] - distance)
        # The larger score of the two patients is subtracted from each, to keep exponentials finite.
        distance += np.log(total)
        result[person] = (sign[rows] @ half[rows]) @ weights - distance.sum(axis=0)
        if answers.coin:
            result[person] += (answers.choice[rows] == COIN).sum() * own[:, k]
    return result


def person_nodes(answers: Panel, population: Population, normal: Floats) -> Nodes:
    """Return draws of each person's coefficients from a proposal near the person's posterior.

    Most draws from the population would have a negligible likelihood. A quarter of the draws are
    from the population; the others are from a normal distribution around the posterior mode, with
    1.5 times the covariance that the curvature there implies, so that the ratio of the population's
    density to that of the draws is at most 4 (defensive mixture, Hesterberg 1995). `normal` has
    shape (people, R, q).
    """
    mode, curvature = _modes(answers, population)
    centre = population.standard(mode)
    # Curvature in units of z, whose prior part is the identity.
    curvature = population.cholesky.T @ curvature @ population.cholesky
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
    return Nodes(drawn, log_likelihoods(answers, drawn) - mixture)


def _modes(answers: Panel, population: Population) -> tuple[Floats, Floats]:
    """Return each person's posterior mode (people, q) and the curvature there (people, q, q)."""
    starts = answers.bounds[:-1]
    person = np.repeat(np.arange(answers.people), np.diff(answers.bounds))
    k = answers.x.shape[1]
    whitening = np.linalg.inv(population.cholesky)
    precision = whitening.T @ whitening
    side = np.zeros((len(person), answers.size))
    side[:, :k] = 0.5 * answers.x
    tie = np.zeros(answers.size)
    tie[k:] = 1.0
    chosen = one_hot_answers(answers.choice)

    def terms(point: Floats) -> tuple[Floats, Floats, Floats]:
        phi = (side * point[person]).sum(axis=1)
        kappa = point[person, k] if answers.coin else np.full(len(phi), NO_COIN)
        rows = trinomial(phi, kappa, chosen)
        off = point - population.means
        value = np.add.reduceat(rows.logs, starts) - 0.5 * ((off @ precision) * off).sum(axis=1)
        pulls = rows.pulls[0][:, None] * side + rows.pulls[1][:, None] * tie
        gradient = np.add.reduceat(pulls, starts) - off @ precision
        inner, cross, outer = (bend[:, None, None] for bend in rows.bends)
        both = side[:, :, None] * tie
        bends = inner * side[:, :, None] * side[:, None, :] + outer * np.outer(tie, tie)
        bends += cross * (both + both.transpose(0, 2, 1))
        return value, gradient, np.add.reduceat(bends, starts) + precision

    point = np.tile(population.means, (answers.people, 1))
    value, gradient, curvature = terms(point)
    for _ in range(100):
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
        if (gradient * step).sum(axis=1).max() < 1e-10:
            break
        for _ in range(30):
            candidate = terms(point + step)
            worse = candidate[0] < value - 1e-9
            if not worse.any():
                break
            step[worse] /= 2
        point = point + step
        value, gradient, curvature = candidate
    return point, curvature


def posterior(population: Population, nodes: Nodes) -> tuple[Floats, Floats]:
    """Return log-likelihoods (people,) and each node's posterior weight (people, R)."""
    z = population.standard(nodes.coefficients)
    logs = nodes.log_ratio + population.log_density(z)
    values = np.asarray(logsumexp(logs, axis=1))
    return values - np.log(logs.shape[1]), np.exp(logs - values[:, None])
