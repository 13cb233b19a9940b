"""Fit the models of both groups of Study 2, with bootstrap draws over people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from kidney_evals.estimation.half_threshold import (
    fit_half_threshold,
    fit_half_threshold_resamples,
)
from kidney_evals.estimation.intervals import Z95
from kidney_evals.estimation.lapse import fit_lapse
from kidney_evals.estimation.logit import fit_logit, fit_logit_resamples
from kidney_evals.estimation.two_stage import fit_two_stage, maximise
from kidney_evals.human.raw import COIN, Answers, Ints
from kidney_evals.human.sources import FLIP_FEATURES, flip_features
from kidney_evals.human.tables import Floats
from kidney_evals.lab.resampling import person_counts
from kidney_evals.studies import Condition, Study

_SEEDS: dict[Condition, int] = {"forced_choice": 20210, "coin_flip": 20211}


@dataclass(frozen=True)
class Model:
    """A fitted model as the tables store it: names, estimates, covariance, draws (draws, p)."""

    name: str
    parameters: tuple[str, ...]
    estimate: Floats
    covariance: Floats
    draws: Floats


@dataclass(frozen=True)
class Group:
    """The answers of one group of people as arrays.

    Attributes:
        condition: The answers offered.
        x: Left minus right in favoured scale units, shape (n, k).
        choice: 0 left, 1 right, 2 coin, shape (n,).
        person: Index of the person, from 0 to people - 1, shape (n,).
        people: Number of people.
        counts: Bootstrap weights of the people, shape (draws, people).
    """

    condition: Condition
    x: Floats
    choice: Ints
    person: Ints
    people: int
    counts: Floats

    def decided(self) -> Group:
        """Return the rows whose answer is not the coin."""
        keep = self.choice != COIN
        return replace(self, x=self.x[keep], choice=self.choice[keep], person=self.person[keep])

    def left(self) -> Floats:
        """Return 1 where the left patient was chosen, shape (n,)."""
        return np.asarray(self.choice == 0, dtype=np.float64)

    def coin(self) -> Floats:
        """Return 1 where the coin was chosen, shape (n,)."""
        return np.asarray(self.choice == COIN, dtype=np.float64)


def favoured_values(study: Study, patients: Mapping[str, Iterable[float]]) -> Floats:
    """Return patients' values in favoured scale units, shape (n, k).

    Args:
        study: The study.
        patients: Values by attribute, each with one value per patient.
    """
    return np.array(
        [[one.favour(value) for value in patients[one.id]] for one in study.attributes]
    ).T


def group(study: Study, condition: Condition, answers: Answers) -> Group:
    """Return a group's answers as arrays, with differences in favoured scale units."""
    left, right = (favoured_values(study, side) for side in (answers.left, answers.right))
    counts = person_counts(_SEEDS[condition], answers.people)
    return Group(condition, left - right, answers.choice, answers.person, answers.people, counts)


def logit_model(study: Study, data: Group) -> Model:
    """Fit the plain logit, from which weights and importance shares derive."""
    rows = data.decided()
    return _logit(rows, "logit", rows.x, (*study.attribute_ids, "side"), rows.left())


def flip_model(data: Group, closeness: Floats) -> Model:
    """Fit the share of coins on closeness, ties and dominance."""
    names = (*FLIP_FEATURES, "intercept")
    return _logit(data, "flip", flip_features(data.x, closeness), names, data.coin())


def slope_model(data: Group, closeness: Floats) -> Model:
    """Fit the slope of logit P(coin) on |Δu|."""
    return _logit(data, "slope", closeness[:, None], ("closeness", "intercept"), data.coin())


def _logit(rows: Group, name: str, x: Floats, names: tuple[str, ...], hits: Floats) -> Model:
    fit = fit_logit(x, hits, clusters=rows.person, penalty="none")
    draws = fit_logit_resamples(x, hits, rows.counts[:, rows.person], penalty="none")
    return Model(name, names, np.append(fit.weights, fit.intercept), fit.covariance, draws)


def share_model(study: Study, data: Group) -> Model:
    """Fit the calibrated share model, which has no effect of position."""
    rows, first = data.decided(), data.decided().left()
    fit = fit_lapse(rows.x, first, clusters=rows.person, intercept=False)
    draws = np.array(
        [
            fit_lapse(
                rows.x, first, intercept=False, frequencies=weights[rows.person], start=fit.theta
            ).theta
            for weights in rows.counts
        ]
    )
    signs = tuple(f"sign_{name}" for name in study.attribute_ids)
    names = (*study.attribute_ids, *signs, "lapse")
    # The last parameter, the position effect, is not part of this model.
    return Model("shares", names, fit.theta[:-1], fit.covariance[:-1, :-1], draws[:, :-1])


def two_stage_model(study: Study, data: Group) -> Model:
    """Fit the two-stage flip model, with utilities estimated from the coin group itself."""
    fit = fit_two_stage(data.x, data.choice, clusters=data.person)
    draws = np.array(
        [maximise(data.x, data.choice, fit.theta, weights[data.person]) for weights in data.counts]
    )
    names = (*study.attribute_ids, "flip_intercept", "flip_slope")
    return Model("two_stage", names, fit.theta, fit.covariance, draws)


def half_threshold_model(data: Group, utility: Floats) -> Model:
    """Fit the |Δu| at which the better patient gets half of all answers, the coin included."""
    found = fit_half_threshold(utility, data.choice, data.person)
    draws = fit_half_threshold_resamples(utility, data.choice, data.counts[:, data.person])
    variance = ((found.high - found.value) / Z95) ** 2
    estimate, covariance = np.array([found.value]), np.array([[variance]])
    return Model("half_threshold", ("closeness",), estimate, covariance, draws[:, None])
