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
"""Elements of `random_coefficients.csv`, and the name in it of τ, the propensity to flip."""


@dataclass(frozen=True)
class PeopleModel:
    """A model fitted to people: estimates by name, with intervals over resampled people.

    `covariance` is that of the estimates, clustered by person, shape (p, p); NaN where unknown.
    """

    parameters: dict[str, Quantity]
    covariance: Floats

    def __getitem__(self, parameter: str) -> Quantity:
        """Return the estimate of a parameter."""
        return self.parameters[parameter]


@dataclass(frozen=True)
class LatentModel:
    """Latent classes of people, two-stage or logit; shares (C,), weights per scale unit (C, k).

    Attributes:
        flip_intercept: Log-odds of the coin at |Δu| = 0, shape (C,); NaN in forced choice.
        flip_slope: Decrease of these log-odds per unit of the class's own |Δu|, shape (C,).
    """

    shares: Floats
    weights: Floats
    flip_intercept: Floats
    flip_slope: Floats

    def predict(self, differences: Floats) -> Floats:
        """Return each class's (first, second, coin), shape (C, n, 3); coin 0 in forced choice."""
        intercept = np.nan_to_num(self.flip_intercept, nan=-np.inf)
        slope = np.nan_to_num(self.flip_slope, nan=0.0)
        theta = np.column_stack([self.weights, intercept, slope, np.zeros(len(slope))])
        return np.stack([predict_two_stage(row, differences) for row in theta])


@dataclass(frozen=True)
class PeopleSpread:
    """A normal distribution of weights over people.

    Attributes:
        model: Model of a person's answers, `logit` or `davidson`; empty if the study published it.
        means: Weights per scale unit, positive where people favour, shape (k,); by `davidson`
            followed by the propensity to take the coin, shape (k + 1,).
        cholesky: L of the covariance L Lᵀ over people, as wide as `means`.
    """

    model: str
    means: Floats
    cholesky: Floats

    def draw(self, count: int, seed: int) -> Floats:
        """Return the coefficients of `count` simulated people, one row each.

        A Latin hypercube (McKay et al. 1979): each 1/count of every underlying standard normal
        contains one person. The normals are the same on every machine and for every distribution.
        """
        order, within = uniforms(seed, (len(self.means), 2, count)).transpose(1, 2, 0)
        cells = (order.argsort(axis=0, kind="stable") + within) / count
        result: Floats = self.means + ndtri(np.clip(cells, 1e-15, 1 - 1e-15)) @ self.cholesky.T
        return result


def read_spread(
    folder: Path, condition: Condition, attributes: Sequence[str]
) -> PeopleSpread | None:
    """Read the distribution of weights over the people of a condition; None without a source.

    It is the fit that `random_coefficients.csv` marks as used, else the study's published
    distribution: the rows `random_mean` and `random_people` of `models.csv` and `covariance.csv`.

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
    """Return the covariance matrix of a model's parameters; NaN where the table has no row."""
    place = {name: i for i, name in enumerate(parameters)}
    result = np.full((len(place), len(place)), np.nan)
    for row in rows:
        if row.model == model and row.row in place and row.column in place:
            i, j = place[row.row], place[row.column]
            result[i, j] = result[j, i] = row.covariance
    return result
