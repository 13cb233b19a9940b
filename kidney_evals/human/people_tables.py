"""Models fitted to people, as the tables store them, and how individual people differ."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from kidney_evals.errors import UserError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.estimation.two_stage import predict_two_stage
from kidney_evals.human.sources import uniforms
from kidney_evals.human.tables import CoefficientRow, CovarianceRow, Floats, ModelRow, read_rows
from kidney_evals.studies import Condition

MEAN, ROOT, TAU = "mean", "cholesky", "coin"
"""Names in `random_coefficients.csv`.

`MEAN` and `ROOT` are elements: a mean, and an element of the Cholesky factor. `TAU` is the name of
the coefficient τ, the propensity to take the coin.
"""


@dataclass(frozen=True)
class PeopleModel:
    """A model fitted to people.

    Attributes:
        parameters: Estimates by name, with intervals over resampled people.
        covariance: Covariance of the p estimates, clustered by person, in the order of
            `parameters`, shape (p, p); NaN where unknown.
    """

    parameters: dict[str, Quantity]
    covariance: Floats

    def __getitem__(self, parameter: str) -> Quantity:
        """Return the estimate of a parameter."""
        return self.parameters[parameter]


@dataclass(frozen=True)
class LatentModel:
    """C latent classes of people; the answers of a class follow a two-stage model, or a logit.

    Δu is the utility difference of the patients by the weights of the class.

    Attributes:
        shares: Share of people in each class, shape (C,).
        weights: Logit weights per scale unit, shape (C, k).
        flip_intercept: Log-odds of the coin at |Δu| = 0, shape (C,); NaN in forced choice.
        flip_slope: Decrease of these log-odds per unit of |Δu|, shape (C,); NaN in forced choice.
    """

    shares: Floats
    weights: Floats
    flip_intercept: Floats
    flip_slope: Floats

    def predict(self, differences: Floats) -> Floats:
        """Return each class's P(first), P(second), P(coin), (C, n, 3); no coin in forced choice.

        Args:
            differences: First minus second patient in favoured scale units, shape (n, k).
        """
        intercept = np.nan_to_num(self.flip_intercept, nan=-np.inf)
        slope = np.nan_to_num(self.flip_slope, nan=0.0)
        theta = np.column_stack([self.weights, intercept, slope, np.zeros(len(slope))])
        return np.stack([predict_two_stage(row, differences) for row in theta])


@dataclass(frozen=True)
class PeopleSpread:
    """A normal distribution of coefficients over people.

    The coefficients are the weights of the k attributes and, if the distribution includes the coin,
    last the propensity to take it.

    Attributes:
        model: Model of a person's answers, `logit` or `davidson`; empty if the study published the
            distribution, `synthetic` if it was set, not fitted.
        means: Mean of each coefficient, shape (k,) or (k + 1,). Weights are per scale unit,
            positive where people favour.
        cholesky: L of the covariance L Lᵀ of the coefficients over people, as wide as `means`.
    """

    model: str
    means: Floats
    cholesky: Floats

    def draw(self, count: int, seed: int) -> Floats:
        """Return the coefficients of `count` simulated people, one row for each person.

        A Latin hypercube (McKay et al. 1979): each 1/count of every underlying standard normal
        contains one person. These normals depend on `count` and `seed` only, so they are the same
        on every machine and for every distribution.
        """
        order, within = uniforms(seed, (len(self.means), 2, count)).transpose(1, 2, 0)
        cells = (order.argsort(axis=0, kind="stable") + within) / count
        result: Floats = self.means + ndtri(np.clip(cells, 1e-15, 1 - 1e-15)) @ self.cholesky.T
        return result


def read_spread(
    folder: Path, condition: Condition, attributes: Sequence[str]
) -> PeopleSpread | None:
    """Read the distribution of weights over the people of a condition; None if it has none.

    The distribution is the fit that `random_coefficients.csv` marks as used. Without such a fit it
    is the study's published distribution: means in the rows `random_mean` of `models.csv`,
    covariances in the rows `random_people` of `covariance.csv`.

    Args:
        folder: The study's reference folder.
        condition: The condition in which the people answered.
        attributes: Ids of the attributes, in the order of the weights.

    Raises:
        UserError: A table is invalid.
    """
    try:
        return _fitted(folder, condition, attributes) or _published(folder, condition, attributes)
    except UserError:
        raise
    except (KeyError, ValueError) as error:
        raise UserError(
            f"the tables of people's spread in {folder} do not fit their form ({error!r})"
        ) from error


def _fitted(folder: Path, condition: Condition, attributes: Sequence[str]) -> PeopleSpread | None:
    rows = [row for row in read_rows(folder, CoefficientRow, condition) if row.used == "1"]
    if not rows:
        return None
    found = {(row.element, row.row, row.column): row.estimate for row in rows}
    names = [*attributes, *([TAU] if rows[0].model == "davidson" else ())]
    cholesky = np.diag([found[ROOT, name, name] for name in names])
    for i, j in zip(*np.tril_indices(len(names), -1), strict=True):
        cholesky[i, j] = found.get((ROOT, names[i], names[j]), 0.0)
    means = np.array([found[MEAN, name, ""] for name in names])
    return PeopleSpread(rows[0].model, means, cholesky)


def _published(
    folder: Path, condition: Condition, attributes: Sequence[str]
) -> PeopleSpread | None:
    models = read_rows(folder, ModelRow, condition)
    means = {row.parameter: row.estimate for row in models if row.model == "random_mean"}
    shared = read_rows(folder, CovarianceRow, condition)
    if not means or not any(row.model == "random_people" for row in shared):
        return None
    covariance = covariance_of(shared, "random_people", attributes)
    if np.isnan(covariance).any():
        raise ValueError("random_people lacks a covariance")
    cholesky = np.linalg.cholesky(covariance).astype(np.float64)
    return PeopleSpread("", np.array([means[name] for name in attributes]), cholesky)


def covariance_of(rows: Iterable[CovarianceRow], model: str, parameters: Sequence[str]) -> Floats:
    """Return the covariance matrix of p parameters of a model, shape (p, p).

    Rows and columns are in the order of `parameters`; NaN where the table has no row. `model` is
    the name in the column `model`.
    """
    place = {name: i for i, name in enumerate(parameters)}
    result = np.full((len(place), len(place)), np.nan)
    for row in rows:
        if row.model == model and row.row in place and row.column in place:
            i, j = place[row.row], place[row.column]
            result[i, j] = result[j, i] = row.covariance
    return result
