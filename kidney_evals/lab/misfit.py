"""Make `crowd.csv`, the misfit of the models, and `margins.csv`, how far halves of people differ.

A perfect crowd answers as people do, a new person for each answer. Its misfit is estimated from
people's own answers, scored with models of other people: the models are fitted without each fold of
people and without each pair of folds. A misfit in squares (`distance`, `flip_calib`) is the mean
product of the residuals of two people of different folds, less the variance of the predictions.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from scipy.special import logit

from kidney_evals.estimation.arrays import Bools
from kidney_evals.estimation.importance import importance_distance, importance_shares
from kidney_evals.estimation.logit import fit_logit, fit_logit_resamples
from kidney_evals.human.raw import COIN, Ints
from kidney_evals.human.sources import NEAR, ModelShares, uniforms
from kidney_evals.human.tables import Floats
from kidney_evals.lab.drawn_models import Group, flip_model, interval, share_model

_FOLDS, _FOLD_SEED = 11, 20216
_SPLITS, _SPLIT_SEED = 500, 20215


def crowd_table(data: Group, shares: ModelShares, bins: Ints | None) -> pd.DataFrame:
    """Return the rows of `crowd.csv` that have a value.

    Args:
        data: The answers.
        shares: The model of the shares, fitted to these answers.
        bins: Bin of each answer in the flip curve, shape (n,); None without a coin.

    Raises:
        FitError: A model has no fit to the answers of a part of the people.
    """
    predicted, fold = _predicted_by_others(data, shares)
    own, here = fold[data.person], np.arange(len(data.person))
    answers = np.eye(3)[data.choice][:, : predicted.shape[2]]
    residuals = answers - predicted
    # A model without two folds is fitted to 9 of 11 people.
    draws = shares.predict(data.first, data.second, draws=True)
    wider = _FOLDS / (_FOLDS - 2)
    noise = wider * draws.var(axis=0, ddof=1).sum(axis=1).mean()
    apart = fold[:, None] != fold
    p = predicted[own, here]
    rows = [
        ("distance", _means(*_alike_products(data, residuals, fold), data.counts) - noise),
        ("sharpness", _log(_slopes(data.decided(), _log_odds(p)[data.choice != COIN], 0))),
    ]
    if data.condition == "coin_flip" and bins is not None:
        gaps = np.zeros(1 + len(data.counts))
        for b in range(bins.max() + 1):
            inside = bins == b
            # Sums of residuals by person and by the other fold left out.
            sums = np.stack([data.by_person(inside * one) for one in residuals[:, :, COIN]])
            totals = sums[fold].T  # of a person (row) without the fold of another person (column)
            answered = data.by_person(inside.astype(np.float64))
            pairs = np.outer(answered, answered)
            rate = wider * draws[:, inside, COIN].mean(axis=1).var(ddof=1)
            gaps += inside.mean() * (
                _means(totals * totals.T * apart, pairs * apart, data.counts) - rate
            )
        own_residuals = data.by_person(answers[:, COIN] - p[:, COIN])
        asked = data.by_person(np.ones(len(data.choice)))
        weights = _weights(data.counts)
        coin = (weights @ own_residuals) / (weights @ asked)
        different = (data.first != data.second).any(axis=1)
        odds = logit(p[different, COIN])
        slopes = _slopes(data.at(different), odds, COIN, intercept=True)
        rows += [("flip_calib", gaps), ("flip_rate", coin), ("coin_slope", slopes - 1)]
    low, high = np.transpose([interval(values[1:]) for _, values in rows])
    table = {"quantity": [name for name, _ in rows], "value": [one[0] for _, one in rows]}
    return pd.DataFrame({**table, "low": low, "high": high}).dropna(subset="value")


def margin_table(data: Group) -> pd.DataFrame:
    """Return the rows of `margins.csv`: the differences between random halves of people.

    A margin is the difference that 95 % of pairs of halves stay within. It is left out if a slope
    in a half is not positive, so that it has no logarithm.

    Raises:
        FitError: A model has no fit to the answers of a half.
    """
    rows = data.decided()
    ranks = uniforms(_SPLIT_SEED, (_SPLITS, rows.people)).argsort(axis=1, kind="stable")
    half = (ranks.argsort(axis=1) < rows.people // 2).astype(np.float64)
    first, spans = rows.chose(0), np.array(rows.study.spans)

    def weights(people: Floats) -> Floats:
        fits = fit_logit_resamples(rows.x, first, people[:, rows.person], penalty="none")
        return importance_shares(fits[:, :-1], spans)

    # The other half's answers on the shares of each half.
    shares = ModelShares(rows.study, share_model(rows, half), np.zeros(rows.x.shape[1]))
    odds = _log_odds(shares.predict(rows.first, rows.second, draws=True))
    others = half[:, rows.person] == 0
    slopes = [
        float(fit_logit(x[o, None], first[o], intercept=False, penalty="none").weights[0])
        for x, o in zip(odds, others, strict=True)
    ]
    differences = {
        "share_dist": (importance_distance(weights(half), weights(1 - half)), rows),
        "sharpness": (_log(np.array(slopes)), rows),
    }
    if data.condition == "coin_flip":
        coins, answers = data.by_person(data.chose(COIN)), data.by_person(np.ones(len(data.choice)))
        one, two = ((part @ coins) / (part @ answers) for part in (half, 1 - half))
        differences["flip_rate"] = (one - two, data)
    return pd.DataFrame(
        [
            (name, np.quantile(np.abs(values), 0.95), len(of.choice), _SPLITS)
            for name, (values, of) in differences.items()
        ],
        columns=["quantity", "margin", "answers", "halves"],
    ).dropna()


def _predicted_by_others(data: Group, shares: ModelShares) -> tuple[Floats, Ints]:
    """Return predictions of each answer, shape (folds, n, K), and people's folds, shape (people,).

    The prediction at place b is by models without the fold of the answer's person and fold b.
    """
    fold: Ints = uniforms(_FOLD_SEED, (data.people,)).argsort(kind="stable").argsort() % _FOLDS
    pairs = list(combinations_with_replacement(range(_FOLDS), 2))
    kept = np.array([(fold != a) & (fold != b) for a, b in pairs], dtype=np.float64)
    flip = None
    if shares.flip is not None:
        people = shares.people
        if people is not None:
            repeated = np.broadcast_to(people.estimate, (len(kept), len(people.estimate)))
            people = replace(people, draws=repeated)
        flip = flip_model(data, shares.strict_weights, kept, people)
    choice = share_model(data.decided(), kept)
    fitted = ModelShares(data.study, choice, shares.strict_weights, flip).predict(
        data.first, data.second, draws=True
    )
    place = np.zeros((_FOLDS, _FOLDS), dtype=np.int64)
    for i, (a, b) in enumerate(pairs):
        place[a, b] = place[b, a] = i
    return fitted[place[:, fold[data.person]], np.arange(len(data.person))], fold


def _alike_products(data: Group, residuals: Floats, fold: Ints) -> tuple[Floats, Floats]:
    """Return sum and number of residual products over alike dilemmas, (people, people) each.

    Two dilemmas are alike if no value of a patient differs by more than a quarter of its range, as
    listed or with the patients of one exchanged. Only people of different folds are paired.
    """
    products, pairs = np.zeros((2, data.people, data.people))
    reach, own = NEAR * np.array(data.study.spans), fold[data.person]
    sides: Sequence[tuple[Floats, Floats, list[int]]] = (
        (data.first, data.second, [0, 1, 2]),
        (data.second, data.first, [1, 0, 2]),
    )
    for first, second, columns in sides:
        turned = residuals[:, :, columns[: residuals.shape[2]]]
        for i, person in enumerate(data.person):
            alike: Bools = (own != own[i]) & (
                (np.abs(first - data.first[i]) <= reach)
                & (np.abs(second - data.second[i]) <= reach)
            ).all(axis=1)
            j = np.flatnonzero(alike)
            both = (residuals[own[j], i] * turned[own[i], j]).sum(axis=1)
            products[person] += np.bincount(data.person[j], both, data.people)
            pairs[person] += np.bincount(data.person[j], minlength=data.people)
    return products, pairs


def _means(sums: Floats, numbers: Floats, counts: Floats) -> Floats:
    """Return the mean over pairs of people: of all people once, then resampled, (1 + draws,)."""
    weights = _weights(counts)
    total, number = (((weights @ one) * weights).sum(axis=1) for one in (sums, numbers))
    return np.asarray(total / number)


def _slopes(rows: Group, odds: Floats, option: int, intercept: bool = False) -> Floats:
    """Return slopes of logit P(option) on `odds`: of all people, then resampled, (1 + draws,)."""
    weights = _weights(rows.counts)[:, rows.person]
    fits = fit_logit_resamples(
        odds[:, None], rows.chose(option), weights, intercept=intercept, penalty="none"
    )
    return np.asarray(fits[:, 0])


def _log(slopes: Floats) -> Floats:
    """Return logarithms; NaN for a slope that is not positive."""
    return np.log(slopes, out=np.full_like(slopes, np.nan), where=slopes > 0)


def _weights(counts: Floats) -> Floats:
    """Return the weights of people: 1 each, then resampled, shape (1 + draws, people)."""
    return np.vstack([np.ones(counts.shape[1]), counts])


def _log_odds(shares: Floats) -> Floats:
    """Return the log-odds of the first against the second answer."""
    return np.log(shares[..., 0]) - np.log(shares[..., 1])
