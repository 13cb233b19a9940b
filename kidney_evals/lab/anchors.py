"""Rows of `anchors.csv`: values of a study's quantities for people and for known respondents."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd

from kidney_evals.estimation.importance import importance_distance, importance_shares
from kidney_evals.estimation.logit import fit_logit_resamples
from kidney_evals.human.raw import COIN
from kidney_evals.human.sources import ModelShares
from kidney_evals.human.tables import Floats
from kidney_evals.lab.drawn_models import Group, Model, favoured_values, interval
from kidney_evals.respondents.definitions import Dilemmas, find_respondent
from kidney_evals.studies import Study

_PERSON_PROBABILITIES = (np.arange(40) + 0.5) / 40

Row = tuple[str, str, float] | tuple[str, str, float, float, float]
"""Quantity, respondent, value and, where known, the ends of the 95 % interval."""


def anchor_table(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows of `anchors.csv`, without the condition."""
    return pd.DataFrame(
        [(*row, np.nan, np.nan)[:5] for row in rows],
        columns=["quantity", "respondent", "value", "low", "high"],
    )


def domain(study: Study) -> tuple[Floats, Floats]:
    """Return the patients of all equally likely pairs of distinct patients, (n, k) each."""
    columns = zip(*product(*(attribute.values for attribute in study.attributes)), strict=True)
    profiles = favoured_values(study, dict(zip(study.attribute_ids, columns, strict=True)))
    first, second = np.triu_indices(len(profiles), 1)
    return profiles[first], profiles[second]


def people_anchors(data: Group, logit: Model, shares: ModelShares, retest: float) -> list[Row]:
    """Return the rows for the people of one group.

    `retest` is P(a person answers differently when asked again).
    """
    rows = data.decided()
    first = rows.chose(0)
    p = shares.predict(rows.first, rows.second)[:, :2]
    p = p / p.sum(axis=1, keepdims=True)
    likely = np.where(first == 1, p[:, 0], p[:, 1])
    agreement = rows.by_person(likely) / rows.by_person(p.max(axis=1))
    low, median, high = np.quantile(agreement, [0.05, 0.5, 0.95])
    near, middle, far = np.quantile(person_distances(data, logit), [0.05, 0.5, 0.95])
    found: list[Row] = [
        ("agreement_over_ceiling", "one_person", agreement.mean(), low, high),
        ("agreement_over_ceiling", "one_person_median", median),
        ("importance_distance", "one_person", middle, near, far),
        ("swap_disagreement", "one_person_simulated", retest),
    ]
    if data.condition == "coin_flip":
        coins, answers = data.by_person(data.chose(COIN)), data.by_person(np.ones(len(data.choice)))
        low, high = interval((data.counts @ coins) / (data.counts @ answers))
        rate = coins.sum() / answers.sum()
        found.append(("indecision", "people", rate, float(low), float(high)))
    return found


def person_distances(data: Group, logit: Model) -> Floats:
    """Return each person's importance distance to the group, shape (people,).

    From a Firth-penalised logit without intercept of the decided answers in the order that the
    person saw. A model must be reduced to the same estimator before it is compared with these
    distances.
    """
    rows, spans = data.decided(), np.array(data.study.spans)
    own = (rows.person == np.arange(data.people)[:, None]).astype(np.float64)
    fits = fit_logit_resamples(rows.x, rows.choice == 0, own, intercept=False, penalty="firth")
    people = importance_shares(logit.estimate[:-1], spans)
    return np.asarray(importance_distance(importance_shares(fits[:, :-1], spans), people))


def person_distance_table(data: Group, logit: Model) -> pd.DataFrame:
    """Return quantiles of the distances, too few and too coarse to identify a person."""
    table = {
        "answers": round(len(data.decided().choice) / data.people),
        "probability": _PERSON_PROBABILITIES,
        "distance": np.quantile(person_distances(data, logit), _PERSON_PROBABILITIES),
    }
    return pd.DataFrame(table)


def known_shares(title: str, p: Floats, x: Floats) -> Floats:
    """Return the answer probabilities of the respondent `title`, shape (n, K).

    They are means over both orders. `p` holds people's shares of the dilemmas, shape (n, K), and
    `x` the differences between the patients, shape (n, k).
    """
    names = {"human_sampler": "human", "always_first": "first", "always_coin": "coin"}
    answers: Floats = find_respondent(names.get(title, title)).define(Dilemmas(p, x))
    return np.asarray(answers[:, :, : p.shape[1]].mean(axis=1))
