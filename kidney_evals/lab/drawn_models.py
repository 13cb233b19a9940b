"""Models of both groups of Study 2, with people resampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kidney_evals.estimation.half_threshold import (
    fit_half_threshold,
    fit_half_threshold_resamples,
)
from kidney_evals.estimation.intervals import Z95
from kidney_evals.estimation.lapse import LapseFit, fit_lapse
from kidney_evals.estimation.logit import LogitFit, fit_logit, fit_logit_resamples
from kidney_evals.estimation.two_stage import TwoStageFit, fit_two_stage, maximise
from kidney_evals.human.raw import COIN, Answers, Ints
from kidney_evals.human.sources import FLIP_FEATURES, flip_features
from kidney_evals.human.tables import Floats
from kidney_evals.lab.resampling import interval, person_counts
from kidney_evals.lab.table_text import Cell
from kidney_evals.studies import Condition, Study

CURVE_EDGES = (0.0, 0.5, 1.0, 1.5, 2.5, float("inf"))
"""Bins of |Δu|, in strict-group logit units, of the flip curve."""

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
    """One group of people as arrays.

    Attributes:
        condition: What they were offered.
        x: Left minus right in favoured scale units, shape (n, k).
        choice: 0 left, 1 right, 2 coin, shape (n,).
        person: 0 to people - 1, shape (n,).
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
        """Return the rows that are not the coin."""
        keep = self.choice != COIN
        return Group(
            self.condition,
            self.x[keep],
            self.choice[keep],
            self.person[keep],
            self.people,
            self.counts,
        )


def group(study: Study, condition: Condition, answers: Answers) -> Group:
    """Return raw answers as differences in the study's favoured scale units."""
    x = np.column_stack(
        [
            np.array([attribute.favour(value) for value in answers.left[attribute.id]])
            - np.array([attribute.favour(value) for value in answers.right[attribute.id]])
            for attribute in study.attributes
        ]
    )
    counts = person_counts(_SEEDS[condition], answers.people)
    return Group(condition, x, answers.choice, answers.person, answers.people, counts)


def logit_model(study: Study, data: Group) -> Model:
    """Fit the plain logit: the source of weights and importance shares."""
    rows = data.decided()
    first = (rows.choice == 0).astype(np.float64)
    fit: LogitFit = fit_logit(rows.x, first, clusters=rows.person, penalty="none")
    draws = fit_logit_resamples(rows.x, first, rows.counts[:, rows.person], penalty="none")
    names = (*study.attribute_ids, "side")
    return Model("logit", names, np.append(fit.weights, fit.intercept), fit.covariance, draws)


def share_model(study: Study, data: Group) -> Model:
    """Fit the calibrated share model, in which no patient is first."""
    rows = data.decided()
    first = (rows.choice == 0).astype(np.float64)
    fit: LapseFit = fit_lapse(rows.x, first, clusters=rows.person, intercept=False)
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
    # The last parameter, the pull of the first place, is not part of this model.
    return Model("shares", names, fit.theta[:-1], fit.covariance[:-1, :-1], draws[:, :-1])


def two_stage_model(study: Study, data: Group) -> Model:
    """Fit the two-stage flip model in the coin group's own units."""
    fit: TwoStageFit = fit_two_stage(data.x, data.choice, clusters=data.person)
    used = np.append(np.ones(len(fit.theta) - 1, dtype=bool), False)
    draws = np.array(
        [
            maximise(data.x, data.choice, fit.theta, weights[data.person], used)
            for weights in data.counts
        ]
    )
    names = (*study.attribute_ids, "flip_intercept", "flip_slope")
    return Model("two_stage", names, fit.theta[:-1], fit.covariance[:-1, :-1], draws[:, :-1])


def flip_model(data: Group, closeness: Floats) -> Model:
    """Fit the coin's share on closeness, ties and dominance."""
    return _coin_logit(data, "flip", flip_features(data.x, closeness), FLIP_FEATURES)


def slope_model(data: Group, closeness: Floats) -> Model:
    """Fit the slope of logit P(coin) on |Δu|."""
    return _coin_logit(data, "slope", closeness[:, None], ("closeness",))


def half_threshold_model(data: Group, utility: Floats) -> Model:
    """Fit the |Δu| at which the better patient gets half of all answers."""
    found = fit_half_threshold(utility, data.choice, data.person)
    draws = fit_half_threshold_resamples(utility, data.choice, data.counts[:, data.person])
    variance = ((found.high - found.value) / Z95) ** 2
    estimate, covariance = np.array([found.value]), np.array([[variance]])
    return Model("half_threshold", ("closeness",), estimate, covariance, draws[:, None])


def _coin_logit(data: Group, name: str, features: Floats, names: tuple[str, ...]) -> Model:
    coin = (data.choice == COIN).astype(np.float64)
    fit = fit_logit(features, coin, clusters=data.person, penalty="none")
    draws = fit_logit_resamples(features, coin, data.counts[:, data.person], penalty="none")
    estimate = np.append(fit.weights, fit.intercept)
    return Model(name, (*names, "intercept"), estimate, fit.covariance, draws)


def curve_rows(data: Group, closeness: Floats, domain: Floats) -> tuple[list[list[Cell]], Floats]:
    """Return the rows of the flip curve and its draws, shape (draws, bins).

    Args:
        data: The group with a coin.
        closeness: |Δu| of its answers, shape (n,).
        domain: |Δu| of every dilemma of the study, for the bins' masses.
    """
    coin = (data.choice == COIN).astype(np.float64)
    bins = np.digitize(closeness, CURVE_EDGES[1:-1])
    count = len(CURVE_EDGES) - 1
    cell = data.person * count + bins
    shape = (data.people, count)
    answers = np.bincount(cell, minlength=data.people * count).reshape(shape)
    coins = np.bincount(cell, weights=coin, minlength=data.people * count).reshape(shape)
    draws = (data.counts @ coins) / (data.counts @ answers)
    rate = coins.sum(axis=0) / answers.sum(axis=0)
    low, high = interval(draws)
    masses = np.bincount(np.digitize(domain, CURVE_EDGES[1:-1]), minlength=count) / len(domain)
    variance = draws.var(axis=0, ddof=1)
    rows: list[list[Cell]] = [
        [
            b, CURVE_EDGES[b], CURVE_EDGES[b + 1], float(masses[b]), int(answers[:, b].sum()),
            float(rate[b]), float(variance[b]), float(low[b]), float(high[b]),
        ]
        for b in range(count)
    ]  # fmt: skip
    return rows, draws


def calibration_rows(
    data: Group, name: str, predicted: Floats, observed: Floats, by: Floats, edges: Floats
) -> list[list[Cell]]:
    """Return predicted beside observed shares over bins of `by`, people resampled."""
    bins = np.digitize(by, edges)
    rows: list[list[Cell]] = []
    for b in range(len(edges) + 1):
        inside = bins == b
        totals = np.bincount(data.person[inside], minlength=data.people)
        hits = np.bincount(data.person[inside], weights=observed[inside], minlength=data.people)
        low, high = interval((data.counts @ hits) / (data.counts @ totals))
        rows.append(
            [
                data.condition, name, b, float(by[inside].min()), float(by[inside].max()),
                int(inside.sum()), float(predicted[inside].mean()),
                float(observed[inside].mean()), float(low), float(high),
            ]
        )  # fmt: skip
    return rows
