"""What the choice models with a coin share: two links per answer, and a law that reads them.

The parameters are θ = (w, λ, c): weights, shape (k,), level of the coin and pull of the first
place. With Δu = w·(first - second) and m = w·((first + second)/2 - origin), the links are

    φ = half·Δu + pull·c          for the first patient against the second
    κ = sign·λ + distance·|Δu| + mean·m          for the coin

and a `Law` turns (φ, κ) into P(first), P(second) and P(coin). `SHAPES` lists the constants of each
model. `dom` alone has other links: with the single-attribute advantages g_j = w_j·(first -
second)_j, its scores min g + c/2, min -g - c/2 and λ are, less the mean of the first two,
φ = (min g - min -g)/2 + c/2 and κ = λ - (min g + min -g)/2.

The corners of |Δu| and min are rounded off (`ROUNDING`), and so every likelihood has two
derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kidney_evals.estimation._checks import Floats
from kidney_evals.estimation._functions import (
    ROUNDING,
    log_logistic,
    logistic,
    rounded_abs,
    rounded_min,
)
from kidney_evals.estimation._newton import definite


class Rows(NamedTuple):
    """What each answer contributes, arrays of shape (n,).

    Attributes:
        logs: Log-probability of the answer; -inf where the model does not allow this κ.
        pulls: Its derivatives in φ and κ.
        bends: Minus its second derivatives in (φ, φ), (φ, κ) and (κ, κ).
    """

    logs: Floats
    pulls: tuple[Floats, Floats]
    bends: tuple[Floats, Floats, Floats]


@dataclass(frozen=True)
class Law:
    """How links become probabilities.

    Attributes:
        rows: From φ, κ and the one-hot answers, shape (3, n).
        shares: P(first), P(second), P(coin) from φ and κ, shape (n, 3).
    """

    rows: Callable[[Floats, Floats, Floats], Rows]
    shares: Callable[[Floats, Floats], Floats]


def _trinomial_shares(phi: Floats, kappa: Floats) -> Floats:
    top = np.maximum(np.abs(phi), kappa)
    power = np.exp(np.stack([phi - top, -phi - top, kappa - top], axis=1))
    result: Floats = power / power.sum(axis=1, keepdims=True)
    return result


def _trinomial_rows(phi: Floats, kappa: Floats, chosen: Floats) -> Rows:
    top = np.maximum(np.abs(phi), kappa)
    first, second, coin = np.exp(phi - top), np.exp(-phi - top), np.exp(kappa - top)
    total = first + second + coin
    lead, coin = (first - second) / total, coin / total
    side = chosen[0] - chosen[1]
    return Rows(
        side * phi + chosen[2] * kappa - top - np.log(total),
        (side - lead, chosen[2] - coin),
        (1 - coin - lead**2, -lead * coin, coin * (1 - coin)),
    )


def _ordered_shares(phi: Floats, kappa: Floats) -> Floats:
    first, second = logistic(phi - kappa), logistic(-phi - kappa)
    coin = (1 - first) * (1 - second) * -np.expm1(-2 * kappa)
    return np.column_stack([first, second, coin])


def _ordered_rows(phi: Floats, kappa: Floats, chosen: Floats) -> Rows:
    # P(coin) = L(κ - φ)·L(κ + φ)·(1 - exp(-2κ)), a product and not the difference of two logistics.
    if (kappa <= 0).any():
        nothing = np.full(len(phi), -np.inf)
        return Rows(nothing, (nothing, nothing), (nothing, nothing, nothing))
    first, second = logistic(phi - kappa), logistic(-phi - kappa)
    decay, rest = np.exp(-2 * kappa), -np.expm1(-2 * kappa)
    not_second, not_first = chosen[0] + chosen[2], chosen[1] + chosen[2]
    up, down = chosen[0] - not_second * first, chosen[1] - not_first * second
    bend_first = not_second * first * (1 - first)
    bend_second = not_first * second * (1 - second)
    return Rows(
        chosen[0] * log_logistic(phi - kappa)
        + chosen[1] * log_logistic(-phi - kappa)
        + chosen[2] * (log_logistic(kappa - phi) + log_logistic(kappa + phi) + np.log(rest)),
        (up - down, chosen[2] * 2 * decay / rest - up - down),
        (
            bend_first + bend_second,
            bend_second - bend_first,
            bend_first + bend_second + chosen[2] * 4 * decay / rest**2,
        ),
    )


def _independent_shares(phi: Floats, kappa: Floats) -> Floats:
    first, coin = logistic(phi), logistic(kappa)
    return np.column_stack([(1 - coin) * first, (1 - coin) * (1 - first), coin])


def _independent_rows(phi: Floats, kappa: Floats, chosen: Floats) -> Rows:
    first, coin = logistic(phi), logistic(kappa)
    decided = chosen[0] + chosen[1]
    return Rows(
        chosen[0] * log_logistic(phi)
        + chosen[1] * log_logistic(-phi)
        + chosen[2] * log_logistic(kappa)
        + decided * log_logistic(-kappa),
        (chosen[0] - decided * first, chosen[2] - coin),
        (decided * first * (1 - first), np.zeros(len(phi)), coin * (1 - coin)),
    )


TRINOMIAL = Law(_trinomial_rows, _trinomial_shares)
"""P(first) ∝ exp(φ), P(second) ∝ exp(-φ), P(coin) ∝ exp(κ)."""

ORDERED = Law(_ordered_rows, _ordered_shares)
"""P(first) = L(φ - κ) and P(second) = L(-φ - κ) with the logistic L; the coin has the rest."""

INDEPENDENT = Law(_independent_rows, _independent_shares)
"""P(coin) = L(κ); of what is decided the first patient gets L(φ)."""


@dataclass(frozen=True)
class Shape:
    """Constants of a model's links."""

    law: Law
    half: float
    pull: float = 0.5
    sign: float = 1.0
    distance: float = 0.0
    mean: float = 0.0


SHAPES = {
    "davidson": Shape(TRINOMIAL, half=0.5),
    "rao_kupper": Shape(ORDERED, half=1.0, pull=1.0),
    "random": Shape(INDEPENDENT, half=1.0, pull=1.0),
    "min_delta": Shape(TRINOMIAL, half=1.0),
    "max_delta": Shape(TRINOMIAL, half=1.0, sign=-1.0, distance=2.0),
    "min_u": Shape(TRINOMIAL, half=0.5, mean=-1.0),
    "max_u": Shape(TRINOMIAL, half=0.5, sign=-1.0, distance=-1.0, mean=1.0),
    "dom": Shape(TRINOMIAL, half=0.0),
}


class Links(NamedTuple):
    """Links at one θ.

    Attributes:
        phi: Shape (n,).
        kappa: Shape (n,).
        phi_slopes: Gradient of φ, shape (p, n).
        kappa_slopes: Gradient of κ, shape (p, n).
        bend: Gives Σ_rows pull_φ·∇²φ + pull_κ·∇²κ, shape (p, p), from the pulls; None where the
            links are linear.
    """

    phi: Floats
    kappa: Floats
    phi_slopes: Floats
    kappa_slopes: Floats
    bend: Callable[[Floats, Floats], Floats] | None


class Model:
    """The links of a named model on a set of pairs."""

    def __init__(self, name: str, x: Floats, mean: Floats) -> None:
        """Prepare the rows.

        Args:
            name: A key of `SHAPES`.
            x: First minus second patient, shape (n, k).
            mean: Half the sum of both patients, less the origin, shape (n, k).
        """
        self.name, self.shape = name, SHAPES[name]
        self.x, self.mean = np.ascontiguousarray(x.T), np.ascontiguousarray(mean.T)
        k, n = self.x.shape
        self._first = np.zeros((k + 2, n))
        self._first[:k] = self.shape.half * self.x
        self._first[k + 1] = self.shape.pull
        self._coin = np.zeros((k + 2, n))
        self._coin[:k] = self.shape.mean * self.mean
        self._coin[k] = self.shape.sign

    @property
    def linear(self) -> bool:
        """Whether the links are linear in θ, and the log-likelihood concave."""
        return self.name != "dom" and self.shape.distance == 0

    def shares(self, theta: Floats) -> Floats:
        """Return P(first), P(second), P(coin), shape (n, 3)."""
        links = self.links(theta)
        return self.shape.law.shares(links.phi, links.kappa)

    def links(self, theta: Floats) -> Links:
        """Return the links at θ, shape (k+2,)."""
        if self.name == "dom":
            return self._dominance(theta)
        phi, kappa = theta @ self._first, theta @ self._coin
        if self.linear:
            return Links(phi, kappa, self._first, self._coin, None)
        k = len(self.x)
        distance, turn, curve = rounded_abs(theta[:k] @ self.x)
        slopes = self._coin.copy()
        slopes[:k] += (self.shape.distance * turn) * self.x

        def bend(_: Floats, pull: Floats) -> Floats:
            second = np.zeros((k + 2, k + 2))
            second[:k, :k] = (self.x * (self.shape.distance * curve * pull)) @ self.x.T
            return second

        return Links(phi, kappa + self.shape.distance * distance, self._first, slopes, bend)

    def _dominance(self, theta: Floats) -> Links:
        k = len(self.x)
        gains = theta[:k, None] * self.x
        first, share = rounded_min(gains)
        second, other = rounded_min(-gains)
        up, down = share * self.x, -other * self.x
        phi_slopes, kappa_slopes = self._first.copy(), self._coin.copy()
        phi_slopes[:k] += 0.5 * (up - down)
        kappa_slopes[:k] -= 0.5 * (up + down)

        def bend(toward: Floats, pull: Floats) -> Floats:
            block = np.zeros((k, k))
            for slopes, weights, residual in (
                (up, share, 0.5 * (toward - pull)),
                (down, other, -0.5 * (toward + pull)),
            ):
                block += (residual * slopes) @ slopes.T
                block -= np.diag((residual * weights * self.x**2).sum(axis=1))
            second_derivatives = np.zeros((k + 2, k + 2))
            second_derivatives[:k, :k] = block / ROUNDING
            return second_derivatives

        phi = 0.5 * (first - second) + self.shape.pull * theta[k + 1]
        return Links(phi, theta[k] - 0.5 * (first + second), phi_slopes, kappa_slopes, bend)


def value_and_slopes(model: Model, theta: Floats, chosen: Floats) -> tuple[float, Floats, Floats]:
    """Return the log-likelihood, its gradient (p,) and the information (p, p).

    The information is minus the second derivatives where that is positive definite, else without
    the curvature of the links.
    """
    links = model.links(theta)
    rows = model.shape.law.rows(links.phi, links.kappa, chosen)
    value = float(rows.logs.sum())
    if not np.isfinite(value):
        return -np.inf, np.zeros(len(theta)), np.eye(len(theta))
    one, two = links.phi_slopes, links.kappa_slopes
    toward, pull = rows.pulls
    inner, cross, outer = rows.bends
    mixed = one @ (cross * two).T
    information = one @ (inner * one).T + mixed + mixed.T + two @ (outer * two).T
    if links.bend is not None:
        information = definite(information - links.bend(toward, pull), information)
    return value, one @ toward + two @ pull, information


def row_scores(model: Model, theta: Floats, chosen: Floats) -> Floats:
    """Return the gradient of each answer's log-probability, shape (n, p)."""
    links = model.links(theta)
    toward, pull = model.shape.law.rows(links.phi, links.kappa, chosen).pulls
    result: Floats = (toward * links.phi_slopes + pull * links.kappa_slopes).T
    return result
