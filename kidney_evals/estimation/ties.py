"""Choice models in which the coin is a third answer: Davidson, and Rao and Kupper.

Both are stated in Δu = Σ_k w_k d_k, with d the first minus the second patient, and both can add
the pull c of the first place.

**Davidson** (JASA 1970, section 2, his worths π = exp(u)):

    P(first) ∝ exp((Δu + c)/2)    P(second) ∝ exp(-(Δu + c)/2)    P(coin) ∝ ν

so that log P(first)/P(second) = Δu + c whatever ν is. Davidson and Beaver (Biometrics 1977) let
the order of presentation multiply a worth, which is c.

**Rao and Kupper** (JASA 1967, section 2): with θ ≥ 1,

    P(first) = π₁/(π₁ + θ π₂)    P(second) = π₂/(θ π₁ + π₂)

and the coin has the rest. In Δu this is an ordered logit, the answers being second, coin, first
and Δu plus logistic noise being cut at ±τ, τ = ln θ. Freeing both cut-points
(`asymmetric=True`) turns them into (-τ - c, τ - c): their half distance τ is still ln θ, and their
mean, with its sign turned, is the position bias c, by which the first place shifts Δu.

Neither likelihood needs more than one start: both are concave, Davidson's as a multinomial logit,
Rao and Kupper's because log P(coin) is log L(τ - Δu) + log L(τ + Δu) + log(1 - exp(-2τ)), a sum of
concave functions (L the logistic function).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._checks import Floats
from kidney_evals.estimation._criteria import Criteria
from kidney_evals.estimation._link_fit import Optimum, find_maximum
from kidney_evals.estimation._links import Model
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.thresholds import (
    Threshold,
    davidson_thresholds,
    rao_kupper_thresholds,
)


@dataclass(frozen=True)
class DavidsonFit(Criteria):
    """A fitted Davidson model.

    Attributes:
        weights: w, shape (k,).
        log_nu: ln ν, the coin's score between patients of equal value.
        intercept: c, the log-odds for the first place between equal patients; 0 if not fitted.
        covariance: Of (w, ln ν, c), shape (k+2, k+2), zeros for what was not fitted; clustered
            sandwich where clusters were given, else inverse information.
        log_likelihood: At the estimate.
        n: Number of answers.
        clusters: Number of clusters, None where none were given.
        parameters: How many were estimated.
        converged: Always True; a fit that does not converge raises.
    """

    weights: Floats
    log_nu: float
    intercept: float
    covariance: Floats
    log_likelihood: float
    n: int
    clusters: int | None
    parameters: int
    converged: bool

    @property
    def theta(self) -> Floats:
        """All parameters in the order of `covariance`, shape (k+2,)."""
        return np.append(self.weights, [self.log_nu, self.intercept])

    @property
    def threshold(self) -> Threshold:
        """Δu = 2 ln ν, at which the better patient and the coin are equally likely."""
        return davidson_thresholds(self.log_nu, self.covariance[-2, -2])[0]

    @property
    def half_threshold(self) -> Threshold:
        """Δu = 2 arsinh(ν/2), at which the better patient gets half of all answers."""
        return davidson_thresholds(self.log_nu, self.covariance[-2, -2])[1]

    def predict(self, differences: ArrayLike) -> Floats:
        """Return P(first), P(second), P(coin) without the pull of the first place, (n, 3)."""
        return _predict("davidson", self.weights, self.log_nu, differences)


@dataclass(frozen=True)
class RaoKupperFit(Criteria):
    """A fitted Rao–Kupper model, which is an ordered logit in Δu.

    Attributes:
        weights: w, shape (k,).
        cut: τ = ln θ, half the distance of the cut-points.
        intercept: c, the position bias; 0 if the cut-points were kept symmetric.
        covariance: Of (w, τ, c), shape (k+2, k+2), zeros for what was not fitted; clustered
            sandwich where clusters were given, else inverse information.
        log_likelihood: At the estimate.
        n: Number of answers.
        clusters: Number of clusters, None where none were given.
        parameters: How many were estimated.
        converged: Always True; a fit that does not converge raises.
    """

    weights: Floats
    cut: float
    intercept: float
    covariance: Floats
    log_likelihood: float
    n: int
    clusters: int | None
    parameters: int
    converged: bool

    @property
    def theta(self) -> Floats:
        """All parameters in the order of `covariance`, shape (k+2,)."""
        return np.append(self.weights, [self.cut, self.intercept])

    @property
    def tie_parameter(self) -> float:
        """Rao and Kupper's own θ = exp(τ)."""
        return float(np.exp(self.cut))

    @property
    def cut_points(self) -> tuple[float, float]:
        """Lower and upper cut-point of the ordered logit, (-τ - c, τ - c)."""
        return -self.cut - self.intercept, self.cut - self.intercept

    @property
    def threshold(self) -> Threshold:
        """Δu = ln((θ² - 2)/θ), at which the better patient and the coin are equally likely."""
        return rao_kupper_thresholds(self.cut, self.covariance[-2, -2])[0]

    @property
    def half_threshold(self) -> Threshold:
        """Δu = τ, at which the better patient gets half of all answers."""
        return rao_kupper_thresholds(self.cut, self.covariance[-2, -2])[1]

    def predict(self, differences: ArrayLike) -> Floats:
        """Return P(first), P(second), P(coin) without the pull of the first place, (n, 3)."""
        return _predict("rao_kupper", self.weights, self.cut, differences)


def fit_davidson(
    differences: ArrayLike,
    choices: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    intercept: bool = False,
) -> DavidsonFit:
    """Fit Davidson's model by maximum likelihood.

    Args:
        differences: First minus second patient, shape (n, k).
        choices: 0 first, 1 second, 2 coin, shape (n,).
        clusters: Labels of rows that belong together (the dilemma), shape (n,).
        intercept: Fit the pull of the first place.

    Raises:
        InputError: Wrong shapes or values.
        FitError: No coin, only coins, separated answers, attributes without variation, or no
            optimum was reached.
    """
    optimum, n = _fit("davidson", "Davidson's model", differences, choices, clusters, intercept)
    return DavidsonFit(
        weights=optimum.theta[:-2],
        log_nu=float(optimum.theta[-2]),
        intercept=float(optimum.theta[-1]),
        covariance=optimum.covariance,
        log_likelihood=optimum.log_likelihood,
        n=n,
        clusters=optimum.clusters,
        parameters=optimum.parameters,
        converged=True,
    )


def fit_rao_kupper(
    differences: ArrayLike,
    choices: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    asymmetric: bool = False,
) -> RaoKupperFit:
    """Fit Rao and Kupper's model by maximum likelihood.

    Args:
        differences: First minus second patient, shape (n, k).
        choices: 0 first, 1 second, 2 coin, shape (n,).
        clusters: Labels of rows that belong together (the dilemma), shape (n,).
        asymmetric: Free both cut-points, whose mean is the position bias.

    Raises:
        InputError: Wrong shapes or values.
        FitError: No coin, only coins, separated answers, attributes without variation, or no
            optimum was reached.
    """
    name = "Rao and Kupper's model"
    optimum, n = _fit("rao_kupper", name, differences, choices, clusters, asymmetric)
    return RaoKupperFit(
        weights=optimum.theta[:-2],
        cut=float(optimum.theta[-2]),
        intercept=float(optimum.theta[-1]),
        covariance=optimum.covariance,
        log_likelihood=optimum.log_likelihood,
        n=n,
        clusters=optimum.clusters,
        parameters=optimum.parameters,
        converged=True,
    )


def _fit(
    model: str,
    name: str,
    differences: ArrayLike,
    choices: ArrayLike,
    clusters: ArrayLike | None,
    intercept: bool,
) -> tuple[Optimum, int]:
    x = _checks.matrix(differences, "differences")
    n, k = x.shape
    choice = _checks.answers_with_coin(choices, n, name)
    coins = float((choice == 2).mean())
    start = np.zeros(k + 2)
    # The level at which the model without weights gives as many coins as there are.
    start[k] = (
        np.log(2 * coins / (1 - coins))
        if model == "davidson"
        else np.log((1 + coins) / (1 - coins))
    )
    mean = np.zeros_like(x)
    optimum = find_maximum(model, x, mean, choice, [start], intercept=intercept, clusters=clusters)
    return optimum, n


def _predict(model: str, weights: Floats, level: float, differences: ArrayLike) -> Floats:
    x = _checks.matrix(differences, "differences")
    if x.shape[1] != len(weights):
        raise InputError(f"differences must have {len(weights)} columns, not {x.shape[1]}")
    return Model(model, x, np.zeros_like(x)).shares(np.append(weights, [level, 0.0]))
