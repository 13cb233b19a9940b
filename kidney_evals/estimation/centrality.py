"""How central a model is among people: the share of people farther from the group than it is.

Distance is that of importance shares. One person's shares rest on about forty answers and are
noisy, so a person lies far from the group by chance alone. The model is brought to the same noise:
forty of its answers, one to a dilemma, are resampled and fitted by the estimator that people's
distances come from (Firth-penalised logit without a pull of the first place), and what is counted
is averaged over resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._checks import Floats, Ints
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.importance import importance_distance, importance_shares
from kidney_evals.estimation.intervals import NAN, wilson
from kidney_evals.estimation.logit import fit_logit_resamples

ANSWERS = 40
"""How many answers a person gave."""

RESAMPLES = 400
"""How many times a person's worth of answers is drawn from the model's."""


@dataclass(frozen=True)
class Centrality:
    """How central a model is.

    Attributes:
        value: Share of people farther from the group than the model is; .5 is a person drawn at
            random, high means central (and not more human than people). NaN where fewer dilemmas
            were decided than a person answered.
        low: Lower end of the 95 % interval.
        high: Upper end.
        error: Standard error, of the model's answers and of which people were asked.
        distance: Mean distance of the resampled answers to the group.
        resamples: How many resamples could be fitted.
    """

    value: float
    low: float
    high: float
    error: float
    distance: float
    resamples: int


def share_farther(distance: ArrayLike, distances: ArrayLike, probabilities: ArrayLike) -> Floats:
    """Return the share of people who are farther than each distance, same shape.

    Args:
        distance: Of somebody to the group, any shape; NaN stays NaN.
        distances: Quantiles of people's distances, ascending, shape (q,).
        probabilities: Their probabilities, shape (q,).
    """
    where, quantiles, levels = (
        np.asarray(values, dtype=np.float64) for values in (distance, distances, probabilities)
    )
    near = np.interp(where, quantiles, levels, left=0.0, right=1.0)
    return np.asarray(1.0 - near, dtype=np.float64)


def centrality(
    differences: ArrayLike,
    chose_first: ArrayLike,
    dilemmas: ArrayLike,
    *,
    group: ArrayLike,
    ranges: ArrayLike,
    distances: ArrayLike,
    probabilities: ArrayLike,
    people: int,
    answers: int = ANSWERS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Centrality:
    """Return a model's centrality among people.

    The interval joins two errors. That of the model's answers is the infinitesimal jackknife over
    dilemmas for averages over subsamples, with its correction for a finite number of resamples
    (Wager, Hastie and Efron 2014, equations 5 and 7). That of people is the variance of the value
    when people are drawn again with the group's shares held. It is Wilson's with as many people as
    give the joint error, and with all people where nobody, or everybody, is farther.

    Args:
        differences: First minus second patient of the decided answers, shape (n, k).
        chose_first: 1 where the first was chosen, else 0, shape (n,).
        dilemmas: Label of each answer's dilemma, shape (n,).
        group: The group's signed importance shares, shape (k,).
        ranges: Full range of each attribute, shape (k,).
        distances: Quantiles over people of the distance of one person to the group, (q,).
        probabilities: Their probabilities, ascending, shape (q,).
        people: How many people these come from.
        answers: How many answers a person gave; where people also had a coin, how many decisions.
        resamples: How often `answers` answers are drawn.
        seed: Of the resamples.

    Raises:
        InputError: Wrong shapes or values.
    """
    x = _checks.matrix(differences, "differences")
    n, k = x.shape
    first = _checks.column(chose_first, n, "chose_first", 0, 1)
    index, count = _checks.groups(dilemmas, n, "dilemmas")
    centre = _checks.column(group, k, "group", -np.inf, np.inf)
    quantiles = np.asarray(distances, dtype=np.float64)
    levels = _checks.column(probabilities, len(quantiles), "probabilities", 0, 1)
    if (np.diff(quantiles) < 0).any() or (np.diff(levels) <= 0).any():
        raise InputError("distances and probabilities must be ascending")
    if people < 2 or answers < 1 or resamples < 2:
        raise InputError(
            f"people ({people}), answers ({answers}) and resamples ({resamples}) must be at least "
            "2, 1 and 2"
        )
    if count < answers:
        return Centrality(NAN, NAN, NAN, NAN, NAN, 0)
    random = np.random.Generator(np.random.PCG64(seed))
    rows, used = _subsamples(random, index, count, answers, resamples)
    weights = fit_logit_resamples(x, first, rows, intercept=False, penalty="firth")[:, :k]
    away = np.asarray(
        importance_distance(importance_shares(weights, ranges), centre), dtype=np.float64
    )
    sound = np.isfinite(away)
    away, used = away[sound], used[sound]
    if len(away) < 2:
        return Centrality(NAN, NAN, NAN, NAN, NAN, len(away))
    farther = share_farther(away, quantiles, levels)
    value = float(farther.mean())
    model = _jackknife(farther, used, answers)
    # Person by person, the share of resamples that are nearer to the group.
    nearer = np.searchsorted(np.sort(away), quantiles) / len(away)
    error = float(np.sqrt(model + nearer.var() / people))
    # Never worth more than as many people as there are, not even where all of them are farther.
    size = people if error == 0 else min(people, value * (1 - value) / error**2)
    interval = wilson(value, size)
    return Centrality(value, interval.low, interval.high, error, float(away.mean()), len(away))


def _subsamples(
    random: np.random.Generator, index: Ints, count: int, answers: int, resamples: int
) -> tuple[Floats, Floats]:
    """Draw dilemmas without replacement and one answer to each.

    Returns which rows (resamples, n) and which dilemmas (resamples, count) are drawn, as 0/1.
    """
    chosen = random.random((resamples, count)).argsort(axis=1, kind="stable")[:, :answers]
    order = np.argsort(index, kind="stable")
    sizes = np.bincount(index, minlength=count)
    starts = np.cumsum(sizes) - sizes
    within = np.floor(random.random(chosen.shape) * sizes[chosen]).astype(np.int64)
    rows = np.zeros((resamples, len(index)))
    np.put_along_axis(rows, order[starts[chosen] + within], 1.0, axis=1)
    used = np.zeros((resamples, count))
    np.put_along_axis(used, chosen, 1.0, axis=1)
    return rows, used


def _jackknife(values: Floats, used: Floats, answers: int) -> float:
    """Return the variance over dilemmas of the mean of values of subsamples, at least 0."""
    draws, count = used.shape
    if count <= answers:
        return float(values.var())
    off = values - values.mean()
    covariance = off @ (used - used.mean(axis=0)) / draws
    share = answers / count
    # What chance alone adds to the squares, for draws without replacement.
    noise = count * share * (1 - share) * float(values.var()) / draws
    factor = (count - 1) / count * (1 / (1 - share)) ** 2
    return max(0.0, float(factor * (covariance @ covariance - noise)))
