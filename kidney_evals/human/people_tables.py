"""Models fitted to people, as the tables store them, and how individual people differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kidney_evals.errors import UserError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.estimation.two_stage import predict_two_stage
from kidney_evals.human.sources import uniforms
from kidney_evals.human.tables import (
    BendRow,
    CalibrationRow,
    CoefficientRow,
    CovarianceRow,
    Floats,
    LatentRow,
    ModelRow,
    read_rows,
)
from kidney_evals.studies import Condition

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference

MEAN, ROOT = "mean", "cholesky"
"""Elements of `random_coefficients.csv`."""


@dataclass(frozen=True)
class PeopleModel:
    """A model fitted to people.

    Attributes:
        parameters: Names of the parameters.
        estimates: Estimate of each parameter, with its 95 % interval over resampled people.
        covariance: Covariance of the estimates, clustered by person, shape (p, p); NaN where
            unknown.
    """

    parameters: tuple[str, ...]
    estimates: tuple[Quantity, ...]
    covariance: Floats

    def __getitem__(self, parameter: str) -> Quantity:
        """Return the estimate of a parameter."""
        return self.estimates[self.parameters.index(parameter)]


@dataclass(frozen=True)
class PeopleBend:
    """The nonlinearity of an attribute's effect (see `kidney_evals.estimation.nonlinearity`).

    Attributes:
        upper_share: Share of the effect in the favoured half of the range, with its interval.
        p_value: p-value of the test that the effect is linear.
    """

    upper_share: Quantity
    p_value: float


@dataclass(frozen=True)
class CalibrationBin:
    """A model's prediction and people's answers in a bin of closeness.

    Attributes:
        start: Smallest |Δu| of the bin.
        predicted: Mean share that the model predicts.
        observed: Share of people, with its interval over resampled people; n counts answers.
    """

    start: float
    predicted: float
    observed: Quantity


@dataclass(frozen=True)
class LatentModel:
    """Latent classes of people, each a two-stage model (without a coin, a logit).

    Attributes:
        shares: Share of people in each class, shape (C,), summing to 1.
        weights: Logit weights per scale unit, shape (C, k).
        flip_intercept: Log-odds of the coin at |Δu| = 0, shape (C,); NaN in forced choice.
        flip_slope: Decrease of these log-odds per unit of the class's own |Δu|, shape (C,).
    """

    shares: Floats
    weights: Floats
    flip_intercept: Floats
    flip_slope: Floats

    def predict(self, differences: Floats) -> Floats:
        """Return each class's (first, second, coin), shape (C, n, 3); coin 0 in forced choice."""
        theta = np.column_stack(
            [
                self.weights,
                np.nan_to_num(self.flip_intercept, nan=-np.inf),
                np.nan_to_num(self.flip_slope, nan=0.0),
                np.zeros(len(self.shares)),
            ]
        )
        return np.stack([predict_two_stage(row, differences) for row in theta])


@dataclass(frozen=True)
class PeopleSpread:
    """A normal distribution of weights over people.

    Attributes:
        model: Model of a person's answers, `logit` or `davidson`; empty for a distribution that
            the study published and that was not fitted here.
        correlated: Whether weights are correlated over people.
        people: Number of people in the fit; 0 if unknown.
        means: Weights per scale unit, positive where people favour, shape (k,).
        cholesky: L of the covariance L Lᵀ over people, shape (k, k).
    """

    model: str
    correlated: bool
    people: int
    means: Floats
    cholesky: Floats

    def draw(self, count: int, seed: int) -> Floats:
        """Return the weights of `count` simulated people, shape (count, k).

        A Latin hypercube (McKay et al. 1979): each person follows the distribution, and each
        1/count of every underlying standard normal contains one person.

        Args:
            count: Number of people.
            seed: Seed of the draw; the same seed gives the same people on every machine.
        """
        from scipy.special import ndtri

        size = len(self.means)
        order, within = uniforms(seed, (2, count, size))
        cells = (order.argsort(axis=0, kind="stable") + within) / count
        result: Floats = self.means + ndtri(np.clip(cells, 1e-15, 1 - 1e-15)) @ self.cholesky.T
        return result


def people_model(reference: Reference, name: str) -> PeopleModel | None:
    """Return a fitted model of the condition's people; None if the study ships no such model.

    Args:
        reference: The human reference.
        name: Name of the model, as in the column `model` of `models.csv`.
    """
    rows = [
        row
        for row in read_rows(reference.folder, ModelRow, reference.condition)
        if row.model == name
    ]
    if not rows:
        return None
    parameters = tuple(row.parameter for row in rows)
    return PeopleModel(
        parameters,
        tuple(row.quantity_of(row.estimate) for row in rows),
        _covariance(
            read_rows(reference.folder, CovarianceRow, reference.condition), name, parameters
        ),
    )


def people_bends(reference: Reference) -> dict[str, PeopleBend]:
    """Return the nonlinearity of each attribute's effect, by attribute; empty if unknown."""
    return {
        row.attribute: PeopleBend(
            row.quantity_of(row.upper_share), math.nan if row.p_value is None else row.p_value
        )
        for row in read_rows(reference.folder, BendRow, reference.condition)
    }


def people_calibration(reference: Reference, model: str) -> tuple[CalibrationBin, ...]:
    """Return the calibration table of a model of people, from the closest patients on.

    Args:
        reference: The human reference.
        model: `shares` (the patient whom the logit favours, among decided answers), `logit` (the
            same) or `flip` (the coin).
    """
    return tuple(
        CalibrationBin(row.start, row.predicted, row.quantity_of(row.observed, row.answers))
        for row in read_rows(reference.folder, CalibrationRow, reference.condition)
        if row.model == model
    )


def read_latent(
    folder: Path, condition: Condition, attributes: Sequence[str]
) -> LatentModel | None:
    """Read the latent classes of a condition that the table marks as used; None without classes.

    Args:
        folder: The study's reference folder.
        condition: The condition of the people.
        attributes: Ids, in the study's order.
    """
    rows = [row for row in read_rows(folder, LatentRow, condition) if row.used == "1"]
    if not rows:
        return None
    shares = np.array([row.share for row in rows])
    return LatentModel(
        shares=shares / shares.sum(),
        weights=np.array([row.values(attributes) for row in rows]),
        flip_intercept=np.array([row.flip_intercept for row in rows]),
        flip_slope=np.array([row.flip_slope for row in rows]),
    )


def read_spread(
    folder: Path, condition: Condition, attributes: Sequence[str]
) -> PeopleSpread | None:
    """Read the distribution of weights over the people of a condition.

    This is the fit that `random_coefficients.csv` marks as used, else the study's published
    distribution: the rows `random_mean` and `random_people` of `models.csv` and `covariance.csv`.

    Args:
        folder: The study's reference folder.
        condition: The condition of the people.
        attributes: Ids, in the study's order.

    Returns:
        The distribution; None without both sources.

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
    cholesky = np.zeros((len(attributes), len(attributes)))
    for i, name in enumerate(attributes):
        cholesky[i, i] = found[ROOT, name, name]
        for j, other in enumerate(attributes[:i]):
            cholesky[i, j] = found.get((ROOT, name, other), 0.0)
    return PeopleSpread(
        model=rows[0].model,
        correlated=rows[0].form == "correlated",
        people=rows[0].people,
        means=np.array([found[MEAN, name, ""] for name in attributes]),
        cholesky=cholesky,
    )


def _published(
    folder: Path, condition: Condition, attributes: Sequence[str]
) -> PeopleSpread | None:
    means = {
        row.parameter: row.estimate
        for row in read_rows(folder, ModelRow, condition)
        if row.model == "random_mean"
    }
    shared = read_rows(folder, CovarianceRow, condition)
    if not means or not any(row.model == "random_people" for row in shared):
        return None
    covariance = _covariance(shared, "random_people", attributes)
    if np.isnan(covariance).any():
        raise ValueError("random_people lacks a covariance")
    return PeopleSpread(
        model="",
        correlated=bool((covariance != np.diag(np.diag(covariance))).any()),
        people=0,
        means=np.array([means[name] for name in attributes]),
        cholesky=np.linalg.cholesky(covariance).astype(np.float64),
    )


def _covariance(rows: Iterable[CovarianceRow], model: str, parameters: Sequence[str]) -> Floats:
    """Return the covariance matrix of a model's parameters; NaN where the table has no row."""
    place = {name: i for i, name in enumerate(parameters)}
    result = np.full((len(place), len(place)), np.nan)
    for row in rows:
        if row.model == model and row.row in place and row.column in place:
            i, j = place[row.row], place[row.column]
            result[i, j] = result[j, i] = row.covariance
    return result
