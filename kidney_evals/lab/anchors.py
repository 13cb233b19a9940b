"""What known respondents get on the drawn study, so that nobody guesses what a number means.

People's own values come from their answers; values of the human sampler, the majority and the
like are exact averages over every dilemma the study can draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kidney_evals.estimation.importance import importance_distance, importance_shares
from kidney_evals.estimation.lapse import predict_shares
from kidney_evals.estimation.logit import fit_logit_resamples
from kidney_evals.human.raw import COIN
from kidney_evals.human.sources import flip_share, with_coin
from kidney_evals.human.tables import Floats
from kidney_evals.lab.drawn_models import Group, Model
from kidney_evals.lab.resampling import half_masks, interval
from kidney_evals.lab.table_text import Cell
from kidney_evals.studies import Study

_SPLITS = 500
_SPLIT_SEED = 20215
_PERSON_PROBABILITIES = (np.arange(40) + 0.5) / 40


@dataclass(frozen=True)
class AnchorRow:
    """One row of the anchors: low and high are NaN where only the value is known."""

    quantity: str
    respondent: str
    value: float
    low: float = float("nan")
    high: float = float("nan")


def anchor_cells(condition: str, rows: list[AnchorRow]) -> list[list[Cell]]:
    """Return the rows as table cells."""
    return [[condition, row.quantity, row.respondent, row.value, row.low, row.high] for row in rows]


def people_anchors(study: Study, data: Group, logit: Model, shares: Model) -> list[AnchorRow]:
    """Return what the people of one group get, from their own answers."""
    rows = data.decided()
    first = rows.choice == 0
    p = predict_shares(np.append(shares.estimate, 0.0), rows.x)
    likely, best = np.where(first, p, 1 - p), np.maximum(p, 1 - p)
    person_agreement = _by_person(rows, likely) / _by_person(rows, best)
    distances = person_distances(study, data, logit)
    signs = np.sign(rows.x)
    unequal = (signs != 0).sum(axis=1)
    lead = signs.sum(axis=1)
    strict = np.abs(lead) == signs.shape[1]
    weak = (np.abs(lead) == unequal) & (unequal > 0) & ~strict
    toward = (first == (lead > 0)).astype(np.float64)
    low, median, high = np.quantile(person_agreement, [0.05, 0.5, 0.95])
    near, middle, far = np.quantile(distances, [0.05, 0.5, 0.95])
    halves = split_half_distances(study, rows)
    return [
        AnchorRow(
            "agreement_over_ceiling", "one_person", float(person_agreement.mean()), low, high
        ),
        AnchorRow("agreement_over_ceiling", "one_person_median", float(median)),
        AnchorRow("importance_distance", "one_person", float(middle), near, far),
        AnchorRow(
            "importance_distance", "split_half", float(np.median(halves)),
            float(np.quantile(halves, 0.05)), float(np.quantile(halves, 0.95)),
        ),
        _rate("dominance_strict", "people", rows, strict, toward),
        _rate("dominance_weak", "people", rows, weak, toward),
        _rate("left_share", "people", rows, np.ones(len(first), dtype=bool), first * 1.0),
        _rate(
            "predicts_person", "others_logit", rows, np.ones(len(first), dtype=bool),
            _left_out_hits(rows),
        ),
    ]  # fmt: skip


def yoked_anchor(strict: Group, offered: Group) -> AnchorRow:
    """Return how often the person who saw the same queries decided alike."""
    decided = offered.choice != COIN
    same = (strict.choice == offered.choice).astype(np.float64)
    return _rate("predicts_person", "yoked_person", offered, decided, same)


def indecision_anchors(data: Group) -> list[AnchorRow]:
    """Return people's coin rate and how it varies over people and within a session."""
    coin = (data.choice == COIN).astype(np.float64)
    everyone = np.ones(len(coin), dtype=bool)
    rates = _by_person(data, coin) / _by_person(data, np.ones(len(coin)))
    # Answers are in session order within a person, about forty each.
    place = np.arange(len(coin)) - np.searchsorted(data.person, data.person)
    rows = [
        _rate("indecision", "people", data, everyone, coin),
        AnchorRow("indecision", "never_flip_share", float((rates == 0).mean())),
        _rate("indecision", "first_ten_answers", data, place < 10, coin),
        _rate("indecision", "after_thirty_answers", data, place >= 30, coin),
    ]
    rows += [
        AnchorRow("indecision", f"one_person_q{q:02d}", float(np.quantile(rates, q / 100)))
        for q in (10, 25, 50, 75, 90)
    ]
    return rows


def known_anchors(
    data: Group, x: Floats, shares: Model, retest: float, lead: int
) -> list[AnchorRow]:
    """Return what the human sampler, the majority and others get in forced choices.

    Args:
        data: The group, for its condition.
        x: Differences of every dilemma of the domain, shape (n, k).
        shares: The calibrated share model.
        retest: P(a person answers differently when asked again), mean over dilemmas.
        lead: Index of the attribute that the lexicographic respondent follows.
    """
    p = predict_shares(np.append(shares.estimate, 0.0), x)
    best = np.maximum(p, 1 - p)
    # A respondent who looks at one attribute first and asks the others only when it is equal.
    order = [lead, *(j for j in range(x.shape[1]) if j != lead)]
    signs = np.sign(x[:, order])
    leading = signs[np.arange(len(x)), (signs != 0).argmax(axis=1)]
    follows = np.where(leading > 0, p, 1 - p)
    ceiling, spread = float(best.mean()), float((2 * p * (1 - p)).mean())
    rows = [
        AnchorRow("agreement_over_ceiling", "majority", 1.0),
        AnchorRow("agreement_over_ceiling", "human_sampler", (1 - spread) / ceiling),
        AnchorRow("agreement_over_ceiling", "lexicographic", float(follows.mean() / ceiling)),
        AnchorRow("agreement_over_ceiling", "uniform", float(0.5 / ceiling)),
        AnchorRow("agreement_over_ceiling", "always_first", float(0.5 / ceiling)),
        AnchorRow("importance_distance", "anti_human", 1.0),
    ]  # fmt: skip
    if data.condition == "forced_choice":
        rows += [
            AnchorRow("choice_distance", "human_sampler", 0.0),
            AnchorRow("choice_distance", "majority", float((2 * (1 - best) ** 2).mean())),
            AnchorRow("choice_distance", "uniform", float((2 * (p - 0.5) ** 2).mean())),
            AnchorRow("choice_distance", "lexicographic", float((2 * (1 - follows) ** 2).mean())),
            AnchorRow("choice_distance", "anti_human", float((2 * best**2).mean())),
            AnchorRow("swap_disagreement", "human_sampler", spread),
            AnchorRow("swap_disagreement", "one_person_simulated", retest),
            AnchorRow("log_score", "human_sampler", 0.0),
            AnchorRow("log_score", "majority", float((np.log(best) + _entropy(p)).mean())),
            AnchorRow("log_score", "uniform", _uniform_log_score(p)),
        ]  # fmt: skip
    return rows


def coin_anchors(
    x: Floats,
    strict_weights: Floats,
    shares: Model,
    flip: Model,
    curve: list[list[Cell]],
    retest: float,
) -> list[AnchorRow]:
    """Return what known respondents get where a coin is offered, over the whole domain."""
    decided = predict_shares(np.append(shares.estimate, 0.0), x)
    coin = flip_share(flip.estimate, x, np.abs(x @ strict_weights))
    p = with_coin(decided, coin)
    bare = with_coin(decided, np.zeros(len(x)))
    top = np.eye(3)[p.argmax(axis=1)]
    never = np.eye(3)[bare.argmax(axis=1)]
    known = {
        "human_sampler": p,
        "majority": top,
        "never_flips": bare,
        "never_flips_majority": never,
        "uniform": np.full(p.shape, 1 / 3),
        "always_coin": np.broadcast_to(np.eye(3)[2], p.shape),
    }
    rows = [
        AnchorRow("choice_distance", name, float(((q - p) ** 2).sum(axis=1).mean()))
        for name, q in known.items()
    ]
    mass, human, variance = (np.array([float(row[i]) for row in curve]) for i in (3, 5, 6))
    average = float(mass @ human)
    # The human rates are estimates: their variance is what chance adds to every squared gap.
    for name, rate in (("constant_rate", average), ("never_flips", 0.0), ("always_flips", 1.0)):
        value = float(mass @ ((rate - human) ** 2 - variance))
        rows.append(AnchorRow("flip_calibration", name, value))
    rows += [
        AnchorRow("indecision", "domain", float(coin.mean())),
        AnchorRow("swap_disagreement", "human_sampler", float((1 - (p**2).sum(axis=1)).mean())),
        AnchorRow("swap_disagreement", "one_person_simulated", retest),
        AnchorRow("log_score", "human_sampler", 0.0),
    ]
    return rows


def person_distances(study: Study, data: Group, logit: Model) -> Floats:
    """Return each person's importance distance to the group, shape (people,).

    One Firth-penalised logit without a pull of the first place per person, on the person's
    decided answers in the one order they saw; this is the estimator that a model must be brought
    to before it is compared.
    """
    rows = data.decided()
    spans = np.array(study.spans)
    group = importance_shares(logit.estimate[:-1], spans)
    mine = (rows.person == np.arange(data.people)[:, None]).astype(np.float64)
    fits = fit_logit_resamples(rows.x, rows.choice == 0, mine, intercept=False, penalty="firth")
    return np.asarray(importance_distance(importance_shares(fits[:, :-1], spans), group))


def person_distance_cells(study: Study, data: Group, logit: Model) -> list[list[Cell]]:
    """Return quantiles of the distances over people; too few and coarse to show a person.

    Beside them stands the mean number of decisions behind a person's distance.
    """
    answers = len(data.decided().choice) / data.people
    quantiles = np.quantile(person_distances(study, data, logit), _PERSON_PROBABILITIES)
    return [
        [data.condition, round(answers), float(probability), float(distance)]
        for probability, distance in zip(_PERSON_PROBABILITIES, quantiles, strict=True)
    ]


def split_half_distances(study: Study, rows: Group) -> Floats:
    """Return importance distances between random halves of the people, shape (splits,)."""
    masks = half_masks(_SPLIT_SEED, rows.people, _SPLITS)
    first = (rows.choice == 0).astype(np.float64)
    spans = np.array(study.spans)
    one, two = (
        importance_shares(
            fit_logit_resamples(rows.x, first, mask[:, rows.person], penalty="none")[:, :-1], spans
        )
        for mask in (masks, 1 - masks)
    )
    return np.asarray(importance_distance(one, two))


def _left_out_hits(rows: Group) -> Floats:
    """Return 1 where a logit fitted to everybody else predicts the answer, shape (n,)."""
    first = (rows.choice == 0).astype(np.float64)
    others = 1 - np.eye(rows.people)
    fits = fit_logit_resamples(rows.x, first, others[:, rows.person], penalty="none")
    utility = (rows.x * fits[rows.person, :-1]).sum(axis=1)
    return np.asarray((utility > 0) == (rows.choice == 0), dtype=np.float64)


def _by_person(rows: Group, values: Floats) -> Floats:
    sums = np.bincount(rows.person, weights=values, minlength=rows.people)
    return sums.astype(np.float64)


def _rate(
    quantity: str,
    respondent: str,
    rows: Group,
    inside: np.ndarray[tuple[int], np.dtype[np.bool_]],
    hits: Floats,
) -> AnchorRow:
    """Return the share of hits among `inside`, people resampled for the interval."""
    total = np.bincount(rows.person[inside], minlength=rows.people)
    hit = np.bincount(rows.person[inside], weights=hits[inside], minlength=rows.people)
    low, high = interval((rows.counts @ hit) / (rows.counts @ total))
    return AnchorRow(quantity, respondent, float(hit.sum() / total.sum()), float(low), float(high))


def _uniform_log_score(p: Floats) -> float:
    return float((0.5 * np.log(p * (1 - p)) + _entropy(p)).mean())


def _entropy(p: Floats) -> Floats:
    result: Floats = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    return result
