"""Rows of `anchors.csv`: values of a study's quantities for people and for known respondents.

People's values are estimated from their answers. Values of known respondents are exact averages
over the study's questions: every dilemma that the drawn study can draw, or the fixed list.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.importance import importance_distance, importance_shares
from kidney_evals.estimation.lapse import predict_shares
from kidney_evals.estimation.logit import fit_logit_resamples
from kidney_evals.human.sources import flip_share, with_coin
from kidney_evals.human.tables import Floats
from kidney_evals.lab.drawn_models import Group, Model, favoured_values
from kidney_evals.lab.resampling import half_masks, interval
from kidney_evals.lab.table_text import Record
from kidney_evals.studies import Condition, Study

_SPLITS = 500
_SPLIT_SEED = 20215
_PERSON_PROBABILITIES = (np.arange(40) + 0.5) / 40
_NAN = float("nan")

Row = tuple[str, str, float, float, float]
"""Quantity, respondent, value, low and high; low and high are NaN if unknown."""


def anchor_records(condition: Condition, rows: Iterable[Row]) -> list[Record]:
    """Return rows of `anchors.csv`."""
    return [
        {
            "condition": condition,
            "quantity": quantity,
            "respondent": respondent,
            "value": float(value),
            "low": float(low),
            "high": float(high),
        }
        for quantity, respondent, value, low, high in rows
    ]


def point(quantity: str, respondent: str, value: float) -> Row:
    """Return a row without an interval."""
    return quantity, respondent, value, _NAN, _NAN


def domain_differences(study: Study) -> Floats:
    """Return first minus second patient for all unordered pairs of distinct patients, shape (n, k).

    The pairs are equally likely, as in the study's draw.
    """
    columns = zip(*product(*(one.values for one in study.attributes)), strict=True)
    profiles = favoured_values(study, dict(zip(study.attribute_ids, columns, strict=True)))
    first, second = np.triu_indices(len(profiles), 1)
    differences: Floats = profiles[first] - profiles[second]
    return differences


def people_anchors(study: Study, data: Group, logit: Model, shares: Model) -> list[Row]:
    """Return the rows for the people of one group, from their own answers."""
    rows = data.decided()
    first = rows.left()
    p = predict_shares(np.append(shares.estimate, 0.0), rows.x)
    likely, best = np.where(first == 1, p, 1 - p), np.maximum(p, 1 - p)
    agreement = _by_person(rows, likely) / _by_person(rows, best)
    low, median, high = np.quantile(agreement, [0.05, 0.5, 0.95])
    near, middle, far = np.quantile(person_distances(study, data, logit), [0.05, 0.5, 0.95])
    halves = split_half_distances(study, rows)
    signs = np.sign(rows.x)
    unequal = (signs != 0).sum(axis=1)
    lead = signs.sum(axis=1)
    strict = np.abs(lead) == signs.shape[1]
    weak = (np.abs(lead) == unequal) & (unequal > 0) & ~strict
    toward = (first == (lead > 0)).astype(np.float64)
    everyone = np.ones(len(first), dtype=bool)
    return [
        ("agreement_over_ceiling", "one_person", agreement.mean(), low, high),
        point("agreement_over_ceiling", "one_person_median", median),
        ("importance_distance", "one_person", middle, near, far),
        (
            "importance_distance", "split_half", float(np.median(halves)),
            float(np.quantile(halves, 0.05)), float(np.quantile(halves, 0.95)),
        ),
        _rate("dominance_strict", "people", rows, strict, toward),
        _rate("dominance_weak", "people", rows, weak, toward),
        _rate("left_share", "people", rows, everyone, first),
        _rate("predicts_person", "others_logit", rows, everyone, _left_out_hits(rows)),
    ]  # fmt: skip


def indecision_anchors(strict: Group, offered: Group) -> list[Row]:
    """Return the rows for people with a coin: coin rates, and agreement with a yoked person.

    Args:
        strict: The people without a coin, who answered the same queries, row by row.
        offered: The people with a coin.
    """
    coin = offered.coin()
    everyone = np.ones(len(coin), dtype=bool)
    rates = _by_person(offered, coin) / _by_person(offered, np.ones(len(coin)))
    # Answers are in session order within a person, about forty per person.
    place = np.arange(len(coin)) - np.searchsorted(offered.person, offered.person)
    same = (strict.choice == offered.choice).astype(np.float64)
    return [
        _rate("predicts_person", "yoked_person", offered, coin == 0, same),
        _rate("indecision", "people", offered, everyone, coin),
        point("indecision", "never_flip_share", (rates == 0).mean()),
        _rate("indecision", "first_ten_answers", offered, place < 10, coin),
        _rate("indecision", "after_thirty_answers", offered, place >= 30, coin),
        *(
            point("indecision", f"one_person_q{q:02d}", float(np.quantile(rates, q / 100)))
            for q in (10, 25, 50, 75, 90)
        ),
    ]


def known_anchors(
    condition: Condition, x: Floats, shares: Model, retest: float, lead: int
) -> list[Row]:
    """Return the rows of known respondents (human sampler, majority and others) in forced choices.

    Args:
        condition: The condition of the people in the share model.
        x: Differences of every dilemma of the domain, shape (n, k).
        shares: The calibrated share model.
        retest: P(a person answers differently when asked again), mean over dilemmas.
        lead: Index of the attribute that the lexicographic respondent considers first.
    """
    p = predict_shares(np.append(shares.estimate, 0.0), x)
    best = np.maximum(p, 1 - p)
    # The lexicographic respondent uses the other attributes only if the first is equal.
    order = [lead, *(j for j in range(x.shape[1]) if j != lead)]
    signs = np.sign(x[:, order])
    leading = signs[np.arange(len(x)), (signs != 0).argmax(axis=1)]
    follows = np.where(leading > 0, p, 1 - p)
    ceiling, spread = float(best.mean()), float((2 * p * (1 - p)).mean())
    rows = [
        point("agreement_over_ceiling", "majority", 1.0),
        point("agreement_over_ceiling", "human_sampler", (1 - spread) / ceiling),
        point("agreement_over_ceiling", "lexicographic", follows.mean() / ceiling),
        point("agreement_over_ceiling", "uniform", 0.5 / ceiling),
        point("agreement_over_ceiling", "always_first", 0.5 / ceiling),
        point("importance_distance", "anti_human", 1.0),
    ]
    if condition == "forced_choice":
        entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p))
        rows += [
            point("choice_distance", "human_sampler", 0.0),
            point("choice_distance", "majority", (2 * (1 - best) ** 2).mean()),
            point("choice_distance", "uniform", (2 * (p - 0.5) ** 2).mean()),
            point("choice_distance", "lexicographic", (2 * (1 - follows) ** 2).mean()),
            point("choice_distance", "anti_human", (2 * best**2).mean()),
            point("swap_disagreement", "human_sampler", spread),
            point("swap_disagreement", "one_person_simulated", retest),
            point("log_score", "human_sampler", 0.0),
            point("log_score", "majority", (np.log(best) + entropy).mean()),
            point("log_score", "uniform", (0.5 * np.log(p * (1 - p)) + entropy).mean()),
        ]
    return rows


def coin_anchors(
    x: Floats,
    strict_weights: Floats,
    shares: Model,
    flip: Model,
    curve: list[Record],
    retest: float,
) -> list[Row]:
    """Return the rows of known respondents if a coin is offered, over the whole domain.

    Args:
        x: Differences of every dilemma of the domain, shape (n, k).
        strict_weights: Weights w of the closeness |Δu| = |x w|, shape (k,).
        shares: The calibrated share model.
        flip: The flip model.
        curve: Rows of `flip_curve.csv`.
        retest: P(a person answers differently when asked again), mean over dilemmas.
    """
    decided = predict_shares(np.append(shares.estimate, 0.0), x)
    coin = flip_share(flip.estimate, x, np.abs(x @ strict_weights))
    p = with_coin(decided, coin)
    bare = with_coin(decided, np.zeros(len(x)))
    answers = np.eye(3)
    known = {
        "human_sampler": p,
        "majority": answers[p.argmax(axis=1)],
        "never_flips": bare,
        "never_flips_majority": answers[bare.argmax(axis=1)],
        "uniform": np.full(p.shape, 1 / 3),
        "always_coin": np.broadcast_to(answers[2], p.shape),
    }
    rows = [
        point("choice_distance", name, ((q - p) ** 2).sum(axis=1).mean())
        for name, q in known.items()
    ]
    mass, human, variance = (
        np.array([float(row[name]) for row in curve]) for name in ("mass", "rate", "variance")
    )
    # The human rates are estimates, whose variance is subtracted from every squared gap.
    rates = {"constant_rate": float(mass @ human), "never_flips": 0.0, "always_flips": 1.0}
    rows += [
        point("flip_calibration", name, mass @ ((rate - human) ** 2 - variance))
        for name, rate in rates.items()
    ]
    return [
        *rows,
        point("indecision", "domain", coin.mean()),
        point("swap_disagreement", "human_sampler", (1 - (p**2).sum(axis=1)).mean()),
        point("swap_disagreement", "one_person_simulated", retest),
        point("log_score", "human_sampler", 0.0),
    ]


def person_distances(study: Study, data: Group, logit: Model) -> Floats:
    """Return each person's importance distance to the group, shape (people,).

    Each person gets a Firth-penalised logit without intercept, fitted to the decided answers in the
    one order that the person saw. A model must be reduced to the same estimator before it is
    compared with these distances.
    """
    rows = data.decided()
    spans = np.array(study.spans)
    group = importance_shares(logit.estimate[:-1], spans)
    mine = (rows.person == np.arange(data.people)[:, None]).astype(np.float64)
    fits = fit_logit_resamples(rows.x, rows.choice == 0, mine, intercept=False, penalty="firth")
    return np.asarray(importance_distance(importance_shares(fits[:, :-1], spans), group))


def person_distance_records(study: Study, data: Group, logit: Model) -> list[Record]:
    """Return quantiles of the distances over people, too few and too coarse to identify a person.

    Each row also has the mean number of decisions per person.
    """
    answers = round(len(data.decided().choice) / data.people)
    quantiles = np.quantile(person_distances(study, data, logit), _PERSON_PROBABILITIES)
    return [
        {
            "condition": data.condition,
            "answers": answers,
            "probability": float(probability),
            "distance": float(distance),
        }
        for probability, distance in zip(_PERSON_PROBABILITIES, quantiles, strict=True)
    ]


def split_half_distances(study: Study, rows: Group) -> Floats:
    """Return importance distances between random halves of the people, shape (splits,)."""
    masks = half_masks(_SPLIT_SEED, rows.people, _SPLITS)
    spans = np.array(study.spans)
    one, two = (
        importance_shares(
            fit_logit_resamples(rows.x, rows.left(), mask[:, rows.person], penalty="none")[:, :-1],
            spans,
        )
        for mask in (masks, 1 - masks)
    )
    return np.asarray(importance_distance(one, two))


def _left_out_hits(rows: Group) -> Floats:
    """Return 1 where a logit fitted to all other people predicts the answer, else 0, shape (n,)."""
    others = 1 - np.eye(rows.people)
    fits = fit_logit_resamples(rows.x, rows.left(), others[:, rows.person], penalty="none")
    utility = (rows.x * fits[rows.person, :-1]).sum(axis=1)
    return np.asarray((utility > 0) == (rows.choice == 0), dtype=np.float64)


def _by_person(rows: Group, values: Floats) -> Floats:
    sums = np.bincount(rows.person, weights=values, minlength=rows.people)
    return sums.astype(np.float64)


def _rate(
    quantity: str, respondent: str, rows: Group, inside: NDArray[np.bool_], hits: Floats
) -> Row:
    """Return the share of hits among `inside`, with a bootstrap interval over people."""
    total = np.bincount(rows.person[inside], minlength=rows.people)
    hit = np.bincount(rows.person[inside], weights=hits[inside], minlength=rows.people)
    low, high = interval((rows.counts @ hit) / (rows.counts @ total))
    return quantity, respondent, hit.sum() / total.sum(), float(low), float(high)
