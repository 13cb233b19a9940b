"""Random-coefficient logit and Davidson models: weights are normally distributed over people.

One person's answers follow P(first) ∝ exp(Δu/2), P(second) ∝ exp(-Δu/2), P(coin) ∝ exp(τ), with
Δu = w·d, weights w and attribute differences d (Davidson 1970, where exp(τ) is ν). Without a coin,
P(first) is the logistic function of Δu. Over people, w is normally distributed; with a coin, w and
τ are jointly normal. They are mean + L z with z standard normal and L diagonal or lower triangular.
The probability of all answers of one person is averaged over draws, and the sum of its log over
people is maximised (maximum simulated likelihood, Train 2009, sections 6.7, 10.5).

The draws are from a proposal near each person's posterior (importance sampling) and stay fixed
while the distribution over people changes (Train 2009, section 9.2.7; Ackerberg 2009). With forty
answers per person, about a hundred times as many draws from the distribution over people would be
needed for the same precision. The proposal is computed again at the maximum, and the likelihood is
maximised again, until the parameters hardly change. If these rounds do not converge, `FitError` is
raised. This can happen where the likelihood is flat, mostly in a standard deviation near its lower
bound.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import NO_COIN, Model, spread
from kidney_evals.estimation._fit import PanelFit, climb, definite, hessian, inverse, robust
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.errors import FitError, InputError

RandomModel = Literal["logit", "davidson"]
"""`logit` is for decided answers, `davidson` for answers with a coin."""

DRAWS = 500
"""Number of draws for each person."""

_ROUGH = 100
_SETTLED = 0.02
"""The rounds converge when each parameter changes by less than this share of its standard error."""

_FLOOR = 0.1
"""Lower bound of a standard deviation, in logits at an attribute's root mean square difference."""

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29)

_ADVICE = (
    "the random-coefficient model did not converge: try fewer attributes, correlated=False or more "
    "draws; weights without bound mean that the attributes decide nearly every answer"
)


class _Panel(NamedTuple):
    """Checked answers sorted by person, whose `rows` are the places of each person's answers.

    `size` is the number q of random coefficients: the weights and, with a coin, τ.
    """

    x: Floats
    choice: Ints
    rows: list[slice]
    coin: bool
    size: int


class _Population(NamedTuple):
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


class _Nodes(NamedTuple):
    """Draws of each person's coefficients, with importance weights for any population.

    A person's likelihood in a population with density f is the mean over R of
    exp(log_ratio) f(coefficients). `log_ratio`, shape (people, R), is the log of the likelihood of
    the person's answers over the density that the coefficients, (people, R, q), were drawn from.
    """

    coefficients: Floats
    log_ratio: Floats


@dataclass(frozen=True)
class RandomCoefficientFit(PanelFit):
    """Fitted normal distribution of q coefficients over people.

    The coefficients are the weights of the k attributes and, in the model `davidson`, last the
    propensity τ to take the coin. L is the Cholesky factor of their covariance L Lᵀ over people.

    Attributes:
        model: The model of one person's answers.
        means: Mean of each coefficient over people, shape (q,).
        cholesky: L, lower triangular with a positive diagonal, shape (q, q).
        covariance: Covariance of the p estimates `theta`, the sandwich with people as clusters,
            shape (p, p). Rows and columns are NaN for a diagonal element of L at its lower bound:
            the answers then show no difference between people.
        draws: Number of draws for each person.
        correlated: Whether L may have elements below its diagonal.
    """

    model: RandomModel
    means: Floats
    cholesky: Floats
    covariance: Floats
    draws: int
    correlated: bool

    @property
    def deviations(self) -> Floats:
        """Standard deviations of the coefficients over people, shape (q,)."""
        return np.asarray(np.sqrt((self.cholesky**2).sum(axis=1)))

    @property
    def theta(self) -> Floats:
        """The estimates: means, then L row by row (only its diagonal unless `correlated`), (p,)."""
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

    Args:
        differences: First minus second patient of each answer, shape (n, k).
        choices: 0 first, 1 second and, in `davidson`, 2 coin, shape (n,).
        persons: Label of the person who gave each answer, shape (n,).
        model: Model of one person's answers.
        correlated: Whether coefficients may be correlated over people; otherwise L is diagonal.
        draws: Number of draws for each person.
        seed: Seed of the draws.

    Raises:
        FitError: No optimum was reached, attributes do not vary or are collinear, or in `davidson`
            there are no coins or only coins.
    """
    answers = _panel(differences, choices, persons, model)
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
    normal = _normal_draws(seed, people, draws, answers.size)
    least = np.where(np.eye(answers.size) > 0, _FLOOR, -np.inf)
    low = np.append(np.full(answers.size, -np.inf), least[estimated])
    try:
        theta, likelihood = _maximise(answers, normal, estimated, low)
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


class _Likelihood:
    """The simulated log-likelihood as a function of `RandomCoefficientFit.theta`."""

    def __init__(self, nodes: _Nodes, estimated: Bools) -> None:
        """Take which elements of L are estimated, shape (q, q)."""
        self.nodes, self.estimated = nodes, estimated

    def evaluate(self, theta: Floats) -> tuple[Floats, Floats]:
        """Return each person's log-likelihood (people,) and score (people, p).

        The score is L⁻ᵀ E[z] in the means and the lower triangle of L⁻ᵀ (E[z zᵀ] - I) in L.
        """
        population = _population(theta, self.estimated)
        values, weight = _posterior(population, self.nodes)
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
    answers: _Panel, normal: Floats, estimated: Bools, low: Floats
) -> tuple[Floats, _Likelihood]:
    """Return the maximum and the likelihood with a proposal computed there."""
    theta = _start(answers, estimated)
    for draws in (normal[:, :_ROUGH], normal):
        high = np.full(len(low), np.inf)
        for passed in range(40):
            nodes = _person_nodes(answers, _population(theta, estimated), draws)
            likelihood = _Likelihood(nodes, estimated)
            moved, _ = climb(likelihood.objective, theta, limit=5, box=(low, high))
            outer = likelihood.objective(moved)[2]
            change = np.abs(moved - theta) * np.sqrt(np.diag(outer))
            # Half steps prevent oscillation between two points.
            theta = moved if passed < 10 else (theta + moved) / 2
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


def _start(answers: _Panel, estimated: Bools) -> Floats:
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


def _population(theta: Floats, estimated: Bools) -> _Population:
    size = len(estimated)
    cholesky = np.zeros((size, size))
    cholesky[estimated] = theta[size:]
    return _Population(theta[:size], cholesky)


def _normal_draws(seed: int, people: int, draws: int, size: int) -> Floats:
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
    normal: Floats = special.ndtri(np.clip(points, 1e-15, 1 - 1e-15))
    return normal.reshape(people, draws, size)


def _panel(
    differences: ArrayLike, choices: ArrayLike, persons: ArrayLike, model: RandomModel
) -> _Panel:
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
    return _Panel(x[rank], choice[rank], list(map(slice, bounds, bounds[1:])), coin, k + coin)


def _log_likelihoods(answers: _Panel, coefficients: Floats) -> Floats:
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


def _person_nodes(answers: _Panel, population: _Population, normal: Floats) -> _Nodes:
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
    root = np.linalg.cholesky(1.5 * np.linalg.inv(curvature))
    wide = max(1, round(0.25 * normal.shape[1]))
    moved = centre[:, None] + normal[:, wide:] @ root.transpose(0, 2, 1)
    z = np.concatenate([normal[:, :wide], moved], axis=1)
    away = (z - centre[:, None]) @ np.linalg.inv(root).transpose(0, 2, 1)
    volume = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    share = wide / normal.shape[1]
    # Density of the second part of the mixture over that of the first.
    near = 0.5 * ((z**2).sum(axis=2) - (away**2).sum(axis=2)) - volume[:, None]
    mixture = np.logaddexp(np.log(share), np.log1p(-share) + near) + population.log_density(z)
    drawn = population.means + z @ population.cholesky.T
    return _Nodes(drawn, _log_likelihoods(answers, drawn) - mixture)


def _mode(answers: _Panel, rows: slice, prior: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return the mode of a person's posterior, (q,), and the curvature there, (q, q)."""
    model = Model("davidson", answers.x[rows], choice=answers.choice[rows])
    used = np.arange(model.size) < answers.size
    start = np.append(prior[0], NO_COIN)[: model.size]
    theta, _ = model.climb(start, used, prior=prior)
    curvature = model.log_likelihood(theta)[2][np.ix_(used, used)] + prior[1]
    return theta[used], curvature


def _posterior(population: _Population, nodes: _Nodes) -> tuple[Floats, Floats]:
    """Return log-likelihoods (people,) and each node's posterior weight (people, R)."""
    z = population.standard(nodes.coefficients)
    logs = nodes.log_ratio + population.log_density(z)
    values = np.asarray(special.logsumexp(logs, axis=1))
    return values - np.log(logs.shape[1]), np.exp(logs - values[:, None])
