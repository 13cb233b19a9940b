"""Centrality of a model among people: the share of people farther from the group than the model.

The distance is `importance_distance` to the group's importance shares. One person's shares are
estimated from about forty answers, so sampling error alone moves a person away from the group. To
give the model the same error, forty of its answers to different dilemmas are drawn at random, many
times. Each draw is fitted by the estimator of people's distances (Firth-penalised logit without an
effect of the first position). The share is averaged over the draws.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import full_rank
from kidney_evals.estimation.arrays import Floats, Ints
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.importance import importance_distance, importance_shares
from kidney_evals.estimation.intervals import NAN, wilson
from kidney_evals.estimation.logit import fit_logit_resamples


class Centrality(NamedTuple):
    """Centrality with its interval.

    All are NaN if there are fewer dilemmas than answers of one person, if the answers do not
    determine a weight, or if fewer than two resamples could be fitted.

    Attributes:
        value: Share of people farther from the group than the model; .5 is expected of a person.
        low: Lower end of the 95 % interval of `value`.
        high: Upper end of the interval.
        distance: Mean distance of the resampled answers to the group.
    """

    value: float = NAN
    low: float = NAN
    high: float = NAN
    distance: float = NAN


def share_farther(distance: ArrayLike, distances: ArrayLike, probabilities: ArrayLike) -> Floats:
    """Return the share of people whose distance exceeds each `distance`, in its shape.

    People's distances are given by their quantiles `distances`, ascending, and the `probabilities`
    of these quantiles, ascending, both of shape (q,).
    """
    where = _checks.numbers(distance, "distance")
    quantiles, levels = _quantiles(distances, probabilities)
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
    answers: int = 40,
    resamples: int = 400,
    seed: int = 0,
) -> Centrality:
    """Return a model's centrality among people, from its decided answers.

    The standard error has two parts. The variance due to the model's answers is the infinitesimal
    jackknife over dilemmas for averages over subsamples, with its correction for a finite number of
    resamples (Wager, Hastie and Efron 2014, equations 5 and 7). The variance due to people is the
    variance of the value when people are resampled and the group's shares are fixed. The interval
    is Wilson's, with the number of people that gives the total standard error, and with all people
    if the value is 0 or 1.

    Args:
        differences: Attributes of the first minus the second patient for each answer, shape (n, k).
        chose_first: 1 where the first patient was chosen, 0 where the second, shape (n,).
        dilemmas: Label of each answer's dilemma, shape (n,).
        group: The group's signed importance shares, shape (k,).
        ranges: Full range of each attribute, in the unit of `differences`, shape (k,).
        distances: Quantiles of people's distances to the group, ascending, shape (q,).
        probabilities: Probabilities of these quantiles, ascending, shape (q,).
        people: Number of people behind `distances`.
        answers: Number of answers in each resample: as many decided answers as one person gave.
        resamples: Number of resamples.
        seed: Seed of the resamples.
    """
    x = _checks.matrix(differences, "differences")
    n, k = x.shape
    first = _checks.column(chose_first, n, "chose_first", 0, 1)
    index, count = _checks.groups(dilemmas, n, "dilemmas")
    centre = _checks.shaped(group, (k,), "group", -1, 1, slack=1e-6)
    quantiles, levels = _quantiles(distances, probabilities)
    people, answers = _checks.whole(people, "people", 2), _checks.whole(answers, "answers", 1)
    resamples, seed = _checks.whole(resamples, "resamples", 2), _checks.whole(seed, "seed", 0)
    importance_shares(np.ones(k), ranges)
    # Sorted by chosen minus other patient, so that neither the order of answers nor the order of
    # patients changes which answers are drawn.
    rank = np.lexsort((*(x * (2 * first - 1)[:, None]).T, index))
    x, first, index = x[rank], first[rank], index[rank]
    if count < answers or not full_rank(x, intercept=False)[2].all():
        return Centrality()
    random = np.random.Generator(np.random.PCG64(seed))
    chosen, rows = _subsamples(random, index, count, answers, resamples)
    shares = importance_shares(_fits(x, first, rows), ranges)
    away = np.asarray(importance_distance(shares, centre), dtype=np.float64)
    sound = np.isfinite(away)
    away, chosen = away[sound], chosen[sound]
    if len(away) < 2:
        return Centrality()
    farther = share_farther(away, quantiles, levels)
    value = float(farther.mean())
    # For each person, the share of resamples that are nearer to the group than the person.
    nearer = np.searchsorted(np.sort(away), quantiles) / len(away)
    error = float(np.sqrt(_jackknife(farther, chosen, count) + nearer.var() / people))
    # The size is at most the number of people, also if all of them are farther.
    size = people if error == 0 else min(people, value * (1 - value) / error**2)
    return Centrality(value, *wilson(value, size), float(away.mean()))


def _quantiles(distances: ArrayLike, probabilities: ArrayLike) -> tuple[Floats, Floats]:
    q = _checks.length(distances, "distances")
    quantiles = _checks.column(distances, q, "distances", 0, np.inf)
    levels = _checks.column(probabilities, q, "probabilities", 0, 1)
    for name, values, bad in (
        ("distances", quantiles, np.diff(quantiles) < 0),
        ("probabilities", levels, np.diff(levels) <= 0),
    ):
        if bad.any():
            row = int(np.argmax(bad)) + 1
            before = f"{name} row {row} is {values[row]} after {values[row - 1]}"
            raise InputError(f"{before}: they must be ascending")
    return quantiles, levels


def _subsamples(
    random: np.random.Generator, index: Ints, count: int, answers: int, resamples: int
) -> tuple[Ints, Ints]:
    """Return indices of drawn dilemmas and of one answer to each, both (resamples, answers)."""
    last = min(answers, count - 1)
    chosen = random.random((resamples, count)).argpartition(last, axis=1)[:, :answers]
    # Sorted by dilemma, so that the order within a partition does not matter.
    chosen.sort(axis=1)
    order = np.argsort(index, kind="stable")
    sizes = np.bincount(index, minlength=count)
    starts = np.cumsum(sizes) - sizes
    within = np.floor(random.random(chosen.shape) * sizes[chosen]).astype(np.int64)
    return chosen, order[starts[chosen] + within]


def _fits(x: Floats, first: Floats, rows: Ints) -> Floats:
    """Return the weights fitted to each resample's rows, (resamples, k), a few at a time."""
    weights = []
    together = max(25, 400_000 // len(x))
    for start in range(0, len(rows), together):
        some = rows[start : start + together]
        used, place = np.unique(some, return_inverse=True)
        counts = np.zeros((len(some), len(used)))
        np.put_along_axis(counts, place.reshape(some.shape), 1.0, axis=1)
        weights.append(
            fit_logit_resamples(x[used], first[used], counts, intercept=False, penalty="firth")
        )
    return np.concatenate(weights)[:, : x.shape[1]]


def _jackknife(values: Floats, chosen: Ints, count: int) -> float:
    """Return the jackknife variance over dilemmas of the mean of `values`, at least 0."""
    draws, answers = chosen.shape
    if count <= answers:
        return float(values.var())
    off = np.repeat(values - values.mean(), answers)
    covariance = np.bincount(chosen.ravel(), weights=off, minlength=count) / draws
    share = answers / count
    # Correction for a finite number of resamples, drawn without replacement.
    noise = count * share * (1 - share) * float(values.var()) / draws
    factor = (count - 1) / count * (1 / (1 - share)) ** 2
    return max(0.0, float(factor * (covariance @ covariance - noise)))
