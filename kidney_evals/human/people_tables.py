"""Tables about people that only a description reads: models with errors, bends, calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import REFERENCE_FOLDER, Reference
from kidney_evals.human.tables import Floats, number, read_rows


@dataclass(frozen=True)
class PeopleModel:
    """A model fitted to people.

    Attributes:
        parameters: Their names.
        estimates: With 95 % intervals over resampled people, one for each parameter.
        covariance: Of the estimates, clustered by person, shape (p, p).
    """

    parameters: tuple[str, ...]
    estimates: tuple[Quantity, ...]
    covariance: Floats

    def __getitem__(self, parameter: str) -> Quantity:
        """Return one estimate."""
        return self.estimates[self.parameters.index(parameter)]


@dataclass(frozen=True)
class PeopleBend:
    """How one attribute's effect on people bends (see `kidney_evals.estimation.nonlinearity`).

    Attributes:
        upper_share: Share of the effect in the favoured half of the range, with its interval.
        p_value: Of the test that a straight line would do.
    """

    upper_share: Quantity
    p_value: float


@dataclass(frozen=True)
class CalibrationBin:
    """What a model of people predicts beside what people did, among dilemmas of like closeness.

    Attributes:
        start: Smallest |Δu| of the bin.
        predicted: Mean share that the model gives.
        observed: Share people gave, with its interval over resampled people; n counts answers.
    """

    start: float
    predicted: float
    observed: Quantity


def people_model(reference: Reference, name: str) -> PeopleModel | None:
    """Return a fitted model of the condition's people, None where the study ships none.

    Args:
        reference: The human side.
        name: As in the column `model` of `models.csv`.
    """
    rows = [row for row in _rows(reference, "models.csv") if row["model"] == name]
    if not rows:
        return None
    parameters = tuple(row["parameter"] for row in rows)
    covariance = np.full((len(rows), len(rows)), np.nan)
    for row in _rows(reference, "covariance.csv"):
        if row["model"] == name:
            i, j = parameters.index(row["row"]), parameters.index(row["column"])
            covariance[i, j] = covariance[j, i] = number(row["covariance"])
    return PeopleModel(parameters, tuple(_quantity(row, "estimate") for row in rows), covariance)


def people_bends(reference: Reference) -> dict[str, PeopleBend]:
    """Return how each attribute's effect bends, by attribute; empty where unknown."""
    return {
        row["attribute"]: PeopleBend(_quantity(row, "upper_share"), number(row["p_value"]))
        for row in _rows(reference, "bends.csv")
    }


def people_calibration(reference: Reference, model: str) -> tuple[CalibrationBin, ...]:
    """Return the calibration table of a model of people, nearest patients first.

    Args:
        reference: The human side.
        model: `shares` (the patient whom the logit favours, among decided answers), `logit` (the
            same) or `flip` (the coin).
    """
    return tuple(
        CalibrationBin(
            number(row["from"]),
            number(row["predicted"]),
            _quantity(row, "observed")._replace(n=int(row["answers"])),
        )
        for row in _rows(reference, "calibration.csv")
        if row["model"] == model
    )


def _rows(reference: Reference, name: str) -> list[dict[str, str]]:
    path = reference.study.path / REFERENCE_FOLDER / name
    if not path.exists():
        return []
    return [row for row in read_rows(path) if row["condition"] == reference.condition]


def _quantity(row: dict[str, str], value: str) -> Quantity:
    return Quantity(number(row[value]), number(row["low"]), number(row["high"]))
