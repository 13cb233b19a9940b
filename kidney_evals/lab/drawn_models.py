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
from kidney_evals.human.sources import DRAWS, FLIP_FEATURES, flip_features, uniforms
from kidney_evals.human.tables import Floats
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
    """The n answers of one group of people as arrays."""

    study: Study
    condition: Condition
    x: Floats  # left minus right in favoured scale units, shape (n, k)
    choice: Ints  # 0 left, 1 right, 2 coin
    person: Ints  # index of the person, from 0 to people - 1
    people: int
    counts: Floats  # bootstrap weights of the people, shape (draws, people)

    def decided(self) -> Group:
        """Return the rows whose answer is not the coin."""
        keep = self.choice != COIN
        return replace(self, x=self.x[keep], choice=self.choice[keep], person=self.person[keep])

    def chose(self, option: int) -> Floats:
        """Return 1 where the answer is `option`, else 0, shape (n,)."""
        return np.asarray(self.choice == option, dtype=np.float64)

    def by_person(self, values: Floats) -> Floats:
        """Return the sum of `values`, shape (n,), over each person's answers, shape (people,)."""
        return np.asarray(np.bincount(self.person, values, self.people), dtype=np.float64)


def person_counts(seed: int, people: int) -> Floats:
    """Return how often each person is in each bootstrap sample, shape (draws, people)."""
    picks = np.floor(uniforms(seed, (DRAWS, people)) * people).astype(np.int64)
    return np.stack([np.bincount(row, minlength=people) for row in picks]).astype(np.float64)


def interval(draws: Floats) -> tuple[Floats, Floats]:
    """Return the 95 % percentile interval over the first axis."""
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    return low, high


def favoured_values(study: Study, patients: Mapping[str, Iterable[float]]) -> Floats:
    """Return patients' values in scale units, with people favouring larger values, shape (n, k)."""
    columns = ([one.favour(value) for value in patients[one.id]] for one in study.attributes)
    return np.column_stack(list(columns))


def group(study: Study, condition: Condition, answers: Answers) -> Group:
    """Return a group's answers as arrays, with differences in favoured scale units."""
    x = favoured_values(study, answers.left) - favoured_values(study, answers.right)
    counts = person_counts(_SEEDS[condition], answers.people)
    return Group(study, condition, x, answers.choice, answers.person, answers.people, counts)


def choice_models(data: Group) -> list[Model]:
    """Fit the plain logit of decided answers, and the calibrated share model.

    Weights and importance shares derive from the logit. The share model has no effect of position.
    """
    rows, names = data.decided(), data.study.attribute_ids
    first = rows.chose(0)
    fit = fit_lapse(rows.x, first, clusters=rows.person, intercept=False)
    resampled = (
        fit_lapse(rows.x, first, intercept=False, frequencies=w[rows.person], start=fit.theta)
        for w in rows.counts
    )
    # The last parameter, the position effect, is not part of this model.
    draws = np.array([fitted.theta[:-1] for fitted in resampled])
    share_names = (*names, *(f"sign_{name}" for name in names), "lapse")
    return [
        _logit(rows, "logit", rows.x, (*names, "side"), first),
        Model("shares", share_names, fit.theta[:-1], fit.covariance[:-1, :-1], draws),
    ]


def coin_models(data: Group, utility: Floats) -> list[Model]:
    """Fit the models of the coin, with utilities Δu by the weights of the group without a coin.

    The share of coins on closeness |Δu|, ties and dominance; the slope of logit P(coin) on |Δu|;
    the half threshold; and the two-stage model, with utilities from the coin group itself.
    """
    closeness, coin = np.abs(utility), data.chose(COIN)
    half = fit_half_threshold(utility, data.choice, data.person)
    half_draws = fit_half_threshold_resamples(utility, data.choice, data.counts[:, data.person])
    half_estimate = np.array([half.value]), np.array([[((half.high - half.value) / Z95) ** 2]])
    two = fit_two_stage(data.x, data.choice, clusters=data.person)
    resampled = [maximise(data.x, data.choice, two.theta, w[data.person]) for w in data.counts]
    two_names = (*data.study.attribute_ids, "flip_intercept", "flip_slope")
    flip, names = flip_features(data.x, closeness), (*FLIP_FEATURES, "intercept")
    return [
        _logit(data, "flip", flip, names, coin),
        _logit(data, "slope", closeness[:, None], ("closeness", "intercept"), coin),
        Model("half_threshold", ("closeness",), *half_estimate, half_draws[:, None]),
        Model("two_stage", two_names, two.theta, two.covariance, np.array(resampled)),
    ]


def _logit(rows: Group, name: str, x: Floats, names: tuple[str, ...], hits: Floats) -> Model:
    fit = fit_logit(x, hits, clusters=rows.person, penalty="none")
    draws = fit_logit_resamples(x, hits, rows.counts[:, rows.person], penalty="none")
    return Model(name, names, np.append(fit.weights, fit.intercept), fit.covariance, draws)
