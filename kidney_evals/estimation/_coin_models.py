"""Choice models in which the coin is a third answer: probabilities and maximum likelihood.

The parameters are θ = (w, λ): weights, shape (k,), and level of the coin. With Δu = w·(first -
second) and m = w·((first + second)/2 - origin), each answer has two links

    φ = half·Δu          for the first patient against the second
    κ = sign·λ + distance·|Δu| + mean·m          for the coin

with the model's constants half, sign, distance and mean; a law maps (φ, κ) to P(first), P(second)
and P(coin). No model has an effect of the first position. In `two_stage` the distance is minus a
parameter b, and θ = (w, λ, b). In `dom` the scores are min g, min -g and λ, with the advantages g_j
= w_j·(first - second)_j in single attributes; hence φ = (min g - min -g)/2 and κ = λ - (min g + min
-g)/2. At the corners of |Δu| and min, smooth functions of width `ROUNDING` logits make every
likelihood twice differentiable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks, _fit
from kidney_evals.estimation._fit import UNBOUNDED, Box, log_logistic, logistic
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.errors import FitError, InputError

ROUNDING = 0.01
"""Width, in logits, over which the corners of |Δu| and min are smoothed."""

NO_COIN = -1e3
"""A score of the coin that gives it the probability 0: its exponential underflows."""


@dataclass(frozen=True)
class CoinFit:
    """A fitted choice model with a coin.

    `theta` are the weights per unit of the values as given, the level of the coin and, in
    `two_stage`, b, (p,). Their covariance, (p, p), is a clustered sandwich where clusters were
    given, else the inverse information; NaN for parameters at a bound. `origin`, (k,), are the
    values at which the patients' mean utility m is 0.
    """

    model: str
    theta: Floats
    covariance: Floats
    origin: Floats
    log_likelihood: float
    n: int

    @property
    def weights(self) -> Floats:
        """Weights w, shape (k,)."""
        return self.theta[: len(self.origin)]

    @property
    def level(self) -> float:
        """Level λ of the coin."""
        return float(self.theta[len(self.origin)])

    def shares(self, differences: Floats, mean: Floats) -> Floats:
        """Return P(first), P(second), P(coin), (n, 3), from (n, k) differences and means."""
        check_columns(differences, self.weights)
        return Model(self.model, differences, mean - self.origin).shares(self.theta)


class DifferenceFit(CoinFit):
    """A fit of a model that depends on the differences between the patients only."""

    def predict(self, differences: ArrayLike) -> Floats:
        """Return P(first), P(second), P(coin), shape (n, 3)."""
        x = _checks.matrix(differences, "differences")
        return self.shares(x, np.zeros_like(x))


Fit = TypeVar("Fit", bound=CoinFit)


_Law = Callable[[Floats, Floats, Floats], Floats]
"""Maps φ, κ and the one-hot answers, (3, n), to the contribution of each answer, (6, n).

The rows are the log-probability, -inf if the model does not allow some κ; its derivatives in φ and
κ; and minus its second derivatives in (φ, φ), (φ, κ) and (κ, κ).
"""


def _trinomial(phi: Floats, kappa: Floats, chosen: Floats) -> Floats:
    """P(first) ∝ exp(φ), P(second) ∝ exp(-φ), P(coin) ∝ exp(κ)."""
    top = np.maximum(np.abs(phi), kappa)
    first, second, coin = np.exp(phi - top), np.exp(-phi - top), np.exp(kappa - top)
    total = first + second + coin
    lead, coin = (first - second) / total, coin / total
    side = chosen[0] - chosen[1]
    log = side * phi + chosen[2] * kappa - top - np.log(total)
    bends = 1 - coin - lead**2, -lead * coin, coin * (1 - coin)
    return np.stack([log, side - lead, chosen[2] - coin, *bends])


def _logistic_product(
    factors: Sequence[tuple[int, int, int]], phi: Floats, kappa: Floats, chosen: Floats
) -> Floats:
    """P(answer) = Π L(a·φ + b·κ) over its factors (answer, a, b), with the logistic L."""
    rows = np.zeros((6, len(phi)))
    for answer, a, b in factors:
        eta = a * phi + b * kappa
        rest = chosen[answer] * logistic(-eta)
        bend = rest * logistic(eta)
        log = chosen[answer] * log_logistic(eta)
        rows += [log, a * rest, b * rest, a * a * bend, a * b * bend, b * b * bend]
    return rows


def _ordered(phi: Floats, kappa: Floats, chosen: Floats) -> Floats:
    """P(first) = L(φ - κ), P(second) = L(-φ - κ), P(coin) = L(κ - φ)·L(κ + φ)·(1 - exp(-2κ))."""
    if (kappa <= 0).any():
        return np.full((6, len(phi)), -np.inf)
    factors = (0, 1, -1), (1, -1, -1), (2, -1, 1), (2, 1, 1)
    rows = _logistic_product(factors, phi, kappa, chosen)
    decay, rest = np.exp(-2 * kappa), -np.expm1(-2 * kappa)
    rows[[0, 2, 5]] += chosen[2] * [np.log(rest), 2 * decay / rest, 4 * decay / rest**2]
    return rows


_independent = partial(
    _logistic_product, ((0, 1, 0), (0, 0, -1), (1, -1, 0), (1, 0, -1), (2, 0, 1))
)
"""P(coin) = L(κ) with the logistic L; among decided answers P(first) = L(φ)."""


class _Shape(NamedTuple):
    law: _Law
    half: float
    sign: float = 1.0
    distance: float = 0.0
    mean: float = 0.0


_SHAPES = {
    "davidson": _Shape(_trinomial, half=0.5),
    "rao_kupper": _Shape(_ordered, half=1.0),
    "two_stage": _Shape(_independent, half=1.0),
    "random": _Shape(_independent, half=1.0),
    "min_delta": _Shape(_trinomial, half=1.0),
    "max_delta": _Shape(_trinomial, half=1.0, sign=-1.0, distance=2.0),
    "min_u": _Shape(_trinomial, half=0.5, mean=-1.0),
    "max_u": _Shape(_trinomial, half=0.5, sign=-1.0, distance=-1.0, mean=1.0),
    "dom": _Shape(_trinomial, half=0.0),
}


_Links = tuple[Floats, Floats, Callable[[Floats, Floats], Floats] | None]
"""φ and κ, shape (2, n); their gradients in θ, (2, p, n); and, unless they are linear in θ, a
function of a and b, (n,), that returns Σ_rows a·∇²φ + b·∇²κ, (p, p)."""


class Model:
    """One model of `_SHAPES` on a set of pairs of patients, with the answers if given."""

    def __init__(
        self,
        name: str,
        x: Floats,
        mean: Floats | None = None,
        choice: Ints | None = None,
        counts: Floats | None = None,
    ) -> None:
        """Take first minus second patient, `x`, and their mean minus the origin, both (n, k).

        `choice` are the answers and `counts` their weights, both (n,).
        """
        self.name, self.shape = name, _SHAPES[name]
        self.x = np.ascontiguousarray(x.T)
        self.chosen = None if choice is None else np.eye(3)[:, choice]
        self.counts = np.ones(len(x)) if counts is None else counts
        k, n = self.x.shape
        self.size = k + 1 + (name == "two_stage")
        self._slopes = np.zeros((2, self.size, n))
        self._slopes[0, :k] = self.shape.half * self.x
        if mean is not None:
            self._slopes[1, :k] = self.shape.mean * mean.T
        self._slopes[1, k] = self.shape.sign

    def shares(self, theta: Floats) -> Floats:
        """Return P(first), P(second), P(coin), shape (n, 3)."""
        phi, kappa = self.links(theta)[0]
        logs = [self.shape.law(phi, kappa, answer[:, None])[0] for answer in np.eye(3)]
        return np.asarray(np.exp(np.stack(logs, axis=1)))

    def links(self, theta: Floats) -> _Links:
        """Return φ and κ at θ, (p,), with their derivatives in θ, as described at `_Links`."""
        if self.name == "dom":
            return self._dominance(theta)
        values = theta @ self._slopes
        k, two_stage = len(self.x), self.name == "two_stage"
        factor = -theta[k + 1] if two_stage else self.shape.distance
        if not two_stage and not factor:
            return values, self._slopes, None
        utility = theta[:k] @ self.x
        distance = np.sqrt(utility**2 + ROUNDING**2)
        turn, curve = utility / distance, ROUNDING**2 / distance**3
        values[1] += factor * distance
        slopes = self._slopes.copy()
        slopes[1, :k] += (factor * turn) * self.x
        if two_stage:
            slopes[1, k + 1] = -distance

        def bend(_: Floats, pull: Floats) -> Floats:
            second = np.zeros((self.size, self.size))
            second[:k, :k] = (self.x * (factor * curve * pull)) @ self.x.T
            if two_stage:
                second[:k, k + 1] = second[k + 1, :k] = -self.x @ (turn * pull)
            return second

        return values, slopes, bend

    def _dominance(self, theta: Floats) -> _Links:
        k = len(self.x)
        gains = theta[:k, None] * self.x
        low, weights = zip(_rounded_min(gains), _rounded_min(-gains), strict=True)
        gradients = weights[0] * self.x, -weights[1] * self.x
        mix = 0.5 * np.array([[1.0, -1.0], [-1.0, -1.0]])  # from min g and min -g to φ and κ - λ
        values = mix @ low
        values[1] += theta[k]
        slopes = self._slopes.copy()
        slopes[:, :k] += np.tensordot(mix, gradients, axes=1)

        def bend(toward: Floats, pull: Floats) -> Floats:
            second = np.zeros((k + 1, k + 1))
            pulls = mix @ np.stack([toward, pull]) / ROUNDING
            for pulled, gradient, weight in zip(pulls, gradients, weights, strict=True):
                second[:k, :k] += (pulled * gradient) @ gradient.T
                second[:k, :k] -= np.diag((pulled * weight * self.x**2).sum(axis=1))
            return second

        return values, slopes, bend

    def _rows(self, theta: Floats) -> tuple[_Links, Floats]:
        """Return the links at θ and each answer's contribution, (6, n), weighted by `counts`."""
        assert self.chosen is not None
        links = self.links(theta)
        phi, kappa = links[0]
        return links, self.counts * self.shape.law(phi, kappa, self.chosen)

    def scores(self, theta: Floats) -> tuple[Floats, Floats]:
        """Return each answer's weighted log-likelihood, (n,), and its gradient, (p, n)."""
        (_, slopes, _), (logs, toward, pull, *_) = self._rows(theta)
        return logs, toward * slopes[0] + pull * slopes[1]

    def log_likelihood(self, theta: Floats) -> tuple[float, Floats, Floats]:
        """Return the log-likelihood, its gradient (p,) and the information (p, p).

        The information is minus the second derivatives; if `_fit.definite` rejects it, the terms
        with second derivatives of φ and κ are omitted. For a likelihood of 0 the result is -inf, a
        zero gradient and the identity matrix.
        """
        (_, (phi, kappa), bend), (logs, toward, pull, inner, cross, outer) = self._rows(theta)
        value = float(logs.sum())
        if not np.isfinite(value):
            return -np.inf, np.zeros(len(theta)), np.eye(len(theta))
        mixed = phi @ (cross * kappa).T
        information = phi @ (inner * phi).T + mixed + mixed.T + kappa @ (outer * kappa).T
        if bend is not None:
            information = _fit.definite(information - bend(toward, pull), information)
        return value, phi @ toward + kappa @ pull, information

    def climb(
        self,
        start: Floats,
        used: Bools | None = None,
        *,
        limit: int = 80,
        box: Box = UNBOUNDED,
        prior: tuple[Floats, Floats] | None = None,
    ) -> tuple[Floats, bool]:
        """Return θ after Newton's steps in the `used` (or all) parameters; whether it is a maximum.

        `box` bounds the used parameters; `prior` is the mean and the precision matrix of a normal
        prior on them. Fits that have a maximum need about ten steps.
        """
        theta = start.copy()
        used = np.ones(len(theta), dtype=bool) if used is None else used
        size = int(used.sum())
        mean, precision = (np.zeros(size), np.zeros((size, size))) if prior is None else prior

        def objective(moving: Floats) -> tuple[float, Floats, Floats]:
            point = theta.copy()
            point[used] = moving
            value, gradient, information = self.log_likelihood(point)
            pull = precision @ (moving - mean)
            return (
                value - 0.5 * float((moving - mean) @ pull),
                gradient[used] - pull,
                information[np.ix_(used, used)] + precision,
            )

        theta[used], converged = _fit.climb(objective, theta[used], limit=limit, box=box)
        return theta, converged


def _rounded_min(values: Floats) -> tuple[Floats, Floats]:
    """Return the smooth minimum of each column, (n,), and its gradient, (m, n).

    -ROUNDING · log Σ_j exp(-v_j / ROUNDING) is at most ROUNDING · log m too small. With the
    gradient g the second derivatives are (g gᵀ - diag(g)) / ROUNDING.
    """
    low = values.min(axis=0)
    weight = np.exp((low - values) / ROUNDING)
    total = weight.sum(axis=0)
    return low - ROUNDING * np.log(total), weight / total


def spread(x: Floats) -> Floats:
    """Return the root mean square of each column; `FitError` if a column is 0 or collinear."""
    scale: Floats = np.sqrt((x**2).mean(axis=0))
    flat = np.flatnonzero(scale == 0)
    if len(flat):
        raise FitError(
            f"attribute {int(flat[0])} never differs within a dilemma: leave its column out"
        )
    if np.linalg.matrix_rank(x / scale) < x.shape[1]:
        raise FitError(
            "some attributes move in step, so that their weights cannot be told apart: leave one "
            "of their columns out or use more answers"
        )
    return scale


def fit_coin_model(
    kind: type[Fit],
    name: str,
    x: Floats,
    choice: Ints,
    starts: Sequence[Floats],
    *,
    clusters: ArrayLike | None = None,
    mean: Floats | None = None,
    origin: Floats | None = None,
    box: Box = UNBOUNDED,
) -> Fit:
    """Return the highest point from the starts as a `kind`; `FitError` if no finite maximum."""
    k = x.shape[1]
    unit = np.append(spread(x), np.ones(len(starts[0]) - k))
    model = Model(name, x / unit[:k], None if mean is None else mean / unit[:k], choice)
    limits = box[0] * unit, box[1] * unit
    reached = []
    for start in starts:
        point, converged = model.climb(start * unit, box=limits)
        reached.append((model.log_likelihood(point)[0], converged, point))
        if sum(not converged for _, converged, _ in reached) == 2:
            break  # after two failures the maximum is mostly at infinity
    value, converged, theta = max(reached, key=lambda result: result[0])
    _, gradient, information = model.log_likelihood(theta)
    held = _fit.pressed(theta, gradient, limits)
    free = np.ix_(~held, ~held)
    flattest = np.linalg.eigvalsh(information[free]).min(initial=np.inf)
    # With next to no information, per squared logit, a point is diverging, not a maximum.
    if not converged or flattest < 1e-9:
        raise FitError(
            f"the {name} model did not converge: the answers leave one of its parameters open, or "
            "are separated; use more answers, fewer attributes or more starts, or describe the "
            "decisions by fit_logit with penalty='firth' and the coins by fit_flip_slope"
        )
    scores = model.scores(theta)[1].T[:, ~held]
    covariance = np.full((model.size, model.size), np.nan)
    covariance[free] = _fit.robust(_fit.inverse(information[free]), scores, clusters)[0]
    return kind(
        model=name,
        theta=theta / unit,
        covariance=covariance / np.outer(unit, unit),
        origin=np.zeros(k) if origin is None else origin,
        log_likelihood=value,
        n=len(x),
    )


def check_columns(x: Floats, weights: Floats) -> None:
    """Raise `InputError` unless there is a column for each weight."""
    if x.shape[1] != len(weights):
        raise InputError(f"differences must have {len(weights)} columns, not {x.shape[1]}")
