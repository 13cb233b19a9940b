"""Rows of `anchors.csv`: values of a study's quantities for people and for known respondents.

People's values are estimated from their answers. Values of known respondents are exact averages
over the study's questions: every dilemma that the drawn study can draw, or the fixed list.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from kidney_evals.estimation.importance import importance_distance, importance_shares
from kidney_evals.estimation.lapse import predict_shares
from kidney_evals.estimation.logit import fit_logit_resamples
from kidney_evals.human.raw import COIN
from kidney_evals.human.sources import flip_share, uniforms, with_coin
from kidney_evals.human.tables import Floats
from kidney_evals.lab.drawn_models import Group, Model, favoured_values, interval
from kidney_evals.respondents.definitions import Dilemmas, find_respondent
from kidney_evals.studies import Condition, Study

_SPLITS = 500
_SPLIT_SEED = 20215
_PERSON_PROBABILITIES = (np.arange(40) + 0.5) / 40

Row = tuple[str, str, float] | tuple[str, str, float, float, float]
"""Quantity, respondent, value and, where known, the ends of the 95 % interval."""


def anchor_table(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows of `anchors.csv`, without the condition."""
    return pd.DataFrame(
        [(*row, np.nan, np.nan)[:5] for row in rows],
        columns=["quantity", "respondent", "value", "low", "high"],
    )


def domain_differences(study: Study) -> Floats:
    """Return first minus second for all equally likely pairs of distinct patients, shape (n, k)."""
    columns = zip(*product(*(attribute.values for attribute in study.attributes)), strict=True)
    profiles = favoured_values(study, dict(zip(study.attribute_ids, columns, strict=True)))
    first, second = np.triu_indices(len(profiles), 1)
    differences: Floats = profiles[first] - profiles[second]
    return differences


def decided_shares(shares: Model, x: Floats) -> Floats:
    """Return P(first patient | decided) of the calibrated share model, shape (n,)."""
    return predict_shares(np.append(shares.estimate, 0.0), x)


def people_anchors(data: Group, logit: Model, shares: Model) -> list[Row]:
    """Return the rows for the people of one group, from their own answers."""
    rows = data.decided()
    first = rows.chose(0)
    p = decided_shares(shares, rows.x)
    likely, best = np.where(first == 1, p, 1 - p), np.maximum(p, 1 - p)
    agreement = rows.by_person(likely) / rows.by_person(best)
    low, median, high = np.quantile(agreement, [0.05, 0.5, 0.95])
    near, middle, far = np.quantile(person_distances(data, logit), [0.05, 0.5, 0.95])
    halves = np.quantile(_split_half_distances(rows), [0.5, 0.05, 0.95])
    signs = np.sign(rows.x)
    lead, unequal = signs.sum(axis=1), (signs != 0).sum(axis=1)
    strict = np.abs(lead) == signs.shape[1]
    weak = (np.abs(lead) == unequal) & (unequal > 0) & ~strict
    toward = (first == (lead > 0)).astype(np.float64)
    # A logit fitted to all other people predicts each person's answers.
    others = 1 - np.eye(rows.people)
    fits = fit_logit_resamples(rows.x, first, others[:, rows.person], penalty="none")
    predicted = (rows.x * fits[rows.person, :-1]).sum(axis=1) > 0
    hits = (predicted == (first == 1)).astype(np.float64)
    return [
        ("agreement_over_ceiling", "one_person", agreement.mean(), low, high),
        ("agreement_over_ceiling", "one_person_median", median),
        ("importance_distance", "one_person", middle, near, far),
        ("importance_distance", "split_half", *halves),
        _rate("dominance_strict", "people", rows, toward, strict),
        _rate("dominance_weak", "people", rows, toward, weak),
        _rate("left_share", "people", rows, first),
        _rate("predicts_person", "others_logit", rows, hits),
    ]


def indecision_anchors(strict: Group, offered: Group) -> list[Row]:
    """Return the rows for people with a coin: coin rates, and agreement with a yoked person."""
    coin = offered.chose(COIN)
    rates = offered.by_person(coin) / offered.by_person(np.ones(len(coin)))
    # Answers are in session order within a person, about forty per person.
    place = np.arange(len(coin)) - np.searchsorted(offered.person, offered.person)
    same = (strict.choice == offered.choice).astype(np.float64)
    return [
        _rate("predicts_person", "yoked_person", offered, same, coin == 0),
        _rate("indecision", "people", offered, coin),
        ("indecision", "never_flip_share", (rates == 0).mean()),
        _rate("indecision", "first_ten_answers", offered, coin, place < 10),
        _rate("indecision", "after_thirty_answers", offered, coin, place >= 30),
        *(
            ("indecision", f"one_person_q{q:02d}", np.quantile(rates, q / 100))
            for q in (10, 25, 50, 75, 90)
        ),
    ]


def known_anchors(condition: Condition, x: Floats, shares: Model, retest: float) -> list[Row]:
    """Return the rows of known respondents in forced choices, over the whole domain.

    `x` has the differences of every dilemma, `retest` is P(a person answers differently when asked
    again).
    """
    share = decided_shares(shares, x)
    p = np.column_stack([share, 1 - share])
    titles = ("majority", "human_sampler", "lexicographic", "uniform", "always_first")
    known = {title: known_shares(title, p, x) for title in titles}
    ceiling = p.max(axis=1).mean()
    rows: list[Row] = [
        ("agreement_over_ceiling", title, (q * p).sum(axis=1).mean() / ceiling)
        for title, q in known.items()
    ]
    rows.append(("importance_distance", "anti_human", 1.0))
    if condition == "coin_flip":
        return rows
    entropy = -(p * np.log(p)).sum(axis=1)
    gains = ("human_sampler", "majority", "uniform")
    return [
        *rows,
        *(_distance(title, known[title], p) for title in (*gains, "lexicographic")),
        # In this table, the answer against the majority.
        _distance("anti_human", known["majority"][:, ::-1], p),
        *_swaps(p, retest),
        *(
            ("log_score", title, ((known[title] * np.log(p)).sum(axis=1) + entropy).mean())
            for title in gains
        ),
    ]


def coin_anchors(
    x: Floats, strict_weights: Floats, models: dict[str, Model], curve: pd.DataFrame, retest: float
) -> list[Row]:
    """Return the rows of known respondents with a coin; closeness is |x w| by `strict_weights`."""
    decided = decided_shares(models["shares"], x)
    coin = flip_share(models["flip"].estimate, x, np.abs(x @ strict_weights))
    p = with_coin(decided, coin)
    bare = with_coin(decided, np.zeros(len(x)))
    known = {
        "human_sampler": p,
        "majority": known_shares("majority", p, x),
        "never_flips": bare,
        "never_flips_majority": known_shares("majority", bare, x),
        **{title: known_shares(title, p, x) for title in ("uniform", "always_coin")},
    }
    mass, human, variance = (curve[name].to_numpy() for name in ("mass", "rate", "variance"))
    # The human rates are estimates, whose variance is subtracted from every squared gap.
    rates = {"constant_rate": float(mass @ human), "never_flips": 0.0, "always_flips": 1.0}
    return [
        *(_distance(title, q, p) for title, q in known.items()),
        *(
            ("flip_calibration", title, mass @ ((rate - human) ** 2 - variance))
            for title, rate in rates.items()
        ),
        ("indecision", "domain", coin.mean()),
        *_swaps(p, retest),
        ("log_score", "human_sampler", 0.0),
    ]


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


def _split_half_distances(rows: Group) -> Floats:
    """Return importance distances between random halves of the people, shape (splits,)."""
    ranks = uniforms(_SPLIT_SEED, (_SPLITS, rows.people)).argsort(axis=1, kind="stable")
    half = (ranks.argsort(axis=1) < rows.people // 2).astype(np.float64)

    def shares(mask: Floats) -> Floats:
        weights = mask[:, rows.person]
        fits = fit_logit_resamples(rows.x, rows.chose(0), weights, penalty="none")
        return importance_shares(fits[:, :-1], np.array(rows.study.spans))

    return np.asarray(importance_distance(shares(half), shares(1 - half)))


def known_shares(title: str, p: Floats, x: Floats) -> Floats:
    """Return the answer probabilities of the respondent `title`, shape (n, K).

    They are means over both orders. `p` holds people's shares of the dilemmas, shape (n, K), and
    `x` the differences between the patients, shape (n, k).
    """
    names = {"human_sampler": "human", "always_first": "first", "always_coin": "coin"}
    answers: Floats = find_respondent(names.get(title, title)).define(Dilemmas(p, x))
    return np.asarray(answers[:, :, : p.shape[1]].mean(axis=1))


def _swaps(p: Floats, retest: float) -> list[Row]:
    return [
        ("swap_disagreement", "human_sampler", (1 - (p**2).sum(axis=1)).mean()),
        ("swap_disagreement", "one_person_simulated", retest),
    ]


def _distance(respondent: str, q: Floats, p: Floats) -> Row:
    return "choice_distance", respondent, ((q - p) ** 2).sum(axis=1).mean()


def _rate(
    quantity: str, respondent: str, rows: Group, hits: Floats, inside: ArrayLike = True
) -> Row:
    """Return the share of hits among `inside`, with a bootstrap interval over people."""
    mask = np.broadcast_to(inside, hits.shape).astype(np.float64)
    total, hit = rows.by_person(mask), rows.by_person(hits * mask)
    low, high = interval((rows.counts @ hit) / (rows.counts @ total))
    return quantity, respondent, hit.sum() / total.sum(), float(low), float(high)
