"""Unbiased squared distances of a model's predictions from people's shares.

People's shares p̂ are estimated from sixty to a hundred people, or by a model fitted to such
answers. For a prediction q independent of these people E Σ_c (q_c - p̂_c)² = Σ_c (q_c - p_c)² + Σ_c
Var(p̂_c). The variance is subtracted, so that a prediction of the true shares scores 0 on average.
A prediction equal to the observed shares scores below 0.

A prediction is not a sampled answer, so no variance of answers is subtracted. If each order was
asked twice or more, the variance of the mean prediction over repetitions is subtracted. With one
prediction in each order this variance cannot be separated from an effect of the order and is not
subtracted: the distance is then an upper bound. Products of the two orders, as in the choice
distance, would favour a model whose predictions have a position bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.intervals import (
    DRAWS,
    NO_INTERVAL,
    Z95,
    Interval,
    mean_interval,
    percentile,
    weight_rows,
)
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures.prediction_run import Floats, Predictions


class Spread(NamedTuple):
    """A mean squared distance and its bootstrap draws.

    Attributes:
        value: Unbiased estimate.
        draws: Values in resampled runs, shape (B,); empty if nothing can be resampled.
        clusters: Number of resampled dilemmas; None if dilemmas are a fixed list.
    """

    value: float
    draws: Floats
    clusters: int | None

    @property
    def ends(self) -> Interval:
        """The 95 % interval."""
        return percentile(self.draws, self.clusters)


def prediction_distance(given: Predictions) -> Quantity:
    """Return the unbiased squared distance of the mean prediction from people's shares.

    Mean over dilemmas of Σ_c [(q_c - p_c)² - Var(q_c) - Var(p_c)]. The interval is for the
    distance to the true shares: people, repetitions and, unless they are a fixed list, dilemmas are
    resampled. Every variance term is subtracted once more (recentring), since resampling increases
    the distance by these variances.

    Returns:
        The distance; NaN with n = 0 if nothing was predicted. `human` is `half_of_people`; n counts
        dilemmas.
    """
    floor = half_of_people(given).value
    if not given.predicted.any():
        return undefined(human=floor)
    found = _spread_of(given, resample=not given.fixed)
    return Quantity(found.value, *found.ends, floor, int(given.predicted.sum()))


def always(given: Predictions, shares: Floats) -> Predictions:
    """Return the predictions of a respondent who always predicts `shares`, shape (D, K)."""
    rows = np.flatnonzero(given.predicted)
    return replace(
        given, dilemma=rows, order=np.zeros(len(rows), dtype=np.int64), shares=shares[rows]
    )


def half_of_people(given: Predictions) -> Quantity:
    """Return the expected `prediction_distance` of the shares of a random half of the people.

    It is the expected squared distance of the shares of half as many people from the true shares, 2
    Σ_c Var(p_c). (The expected squared distance of two halves from each other is twice that, since
    both halves have sampling error.) A model with at most this distance predicts people as well as
    a random half of them.

    Returns:
        The distance, without an interval; NaN with n = 0 if nothing was predicted.
    """
    rows = given.predicted
    if not rows.any():
        return undefined()
    return Quantity(2 * float(given.crowd[rows].mean()), n=int(rows.sum()))


def skill(given: Predictions) -> Quantity:
    """Return 1 - distance / distance of the uniform prediction; 1 for the true shares.

    Returns:
        The skill; NaN with n = 0 if nothing was predicted; n counts dilemmas.
    """
    if not given.predicted.any():
        return undefined()
    value, draws, clusters = _skill(given, resample=not given.fixed)
    return Quantity(value, *percentile(draws, clusters), n=int(given.predicted.sum()))


def contamination(fixed: Predictions, drawn: Predictions) -> Quantity:
    """Return 1 where the fixed questions are predicted better than the drawn ones, else 0.

    The result is 1 if the difference of the two skills is above 1.96 standard errors. Each `skill`
    is relative to the uniform prediction on its own dilemmas and at most 1, the skill of the true
    shares. People and dilemmas are resampled on both sides, also the fixed questions, since a model
    may be right about fourteen questions by chance. People's answers to the fixed questions are
    published, those to the drawn dilemmas are not.

    A model may also be better at one set because of its content: the flag suggests contamination
    but does not prove it.

    Returns:
        NaN with n = 0 where either has fewer than two dilemmas predicted; n counts both.
    """
    n = [int(one.predicted.sum()) for one in (fixed, drawn)]
    if min(n) < 2:
        return undefined()
    found = [_skill(one, resample=True) for one in (fixed, drawn)]
    gap = min(found[0][0], 1.0) - min(found[1][0], 1.0)
    error = float(np.sqrt(sum(float(np.var(draws, ddof=1)) for _, draws, _ in found)))
    return Quantity(float(gap > Z95 * error + 1e-9), n=sum(n))


def predicted_flips(given: Predictions) -> Quantity:
    """Return the mean predicted share of the coin; `human` is people's on the same dilemmas.

    Returns:
        NaN with n = 0 without a coin or a prediction. On a fixed list the interval holds the
        noise of repetitions alone, and there is none without them; n counts dilemmas.
    """
    if given.people.shape[1] < 3:
        return undefined()
    rows = given.predicted
    if not rows.any():
        return undefined()
    flips, people = given.mean[rows, 2], given.people[rows, 2]
    value = float(flips.mean())
    ends = mean_interval(flips)
    if given.fixed:
        repeated = given.redrawn()[:, rows, 2].mean(axis=1)
        ends = percentile(repeated) if len(repeated) > 1 else NO_INTERVAL
    elif len(flips) >= 2:
        ends = Interval(max(ends.low, 0.0), min(ends.high, 1.0))
    return Quantity(value, *ends, float(people.mean()), len(flips))


def swap_shift(parts: Sequence[Predictions]) -> Quantity:
    """Return the mean distance between the predictions in the two orders, ½ Σ_c |q_ab - q_ba|.

    Shares are as listed; the mean is over the dilemmas of all parts that were predicted in both
    orders. It includes the variation between repetitions.

    Returns:
        NaN with n = 0 where no dilemma was predicted in both orders; n counts those that were.
    """
    moved = []
    for one in parts:
        both = (one.sizes > 0).all(axis=1)
        moved += (0.5 * np.abs(one.by_order[both, 0] - one.by_order[both, 1]).sum(axis=1)).tolist()
    if not moved:
        return undefined()
    low, high = mean_interval(np.array(moved))
    return Quantity(float(np.mean(moved)), max(low, 0.0), min(high, 1.0), n=len(moved))


def majority(people: Floats) -> Floats:
    """Return 1 for people's most frequent answer and 0 for the other answers, shape (D, K).

    In a tie the first answer counts: a patient before the coin.
    """
    result: Floats = np.eye(people.shape[1])[np.round(people, 9).argmax(axis=1)]
    return result


def _spread_of(given: Predictions, *, resample: bool) -> Spread:
    """Return the distance and its bootstrap draws, with dilemmas resampled or not."""
    rows = given.predicted
    mean, people = given.mean[rows], given.people[rows]
    off = (given.crowd + given.noise)[rows]
    value = float((((mean - people) ** 2).sum(axis=1) - off).mean())
    if resample:
        # Repetitions are resampled with their dilemma, not separately.
        q, off = mean[None], off + given.spread[rows]
    else:
        q, off = given.redrawn()[:, rows], off + (given.spread + given.noise)[rows]
    each = _against(q, given, rows) - off
    if not resample:
        return Spread(value, each.mean(axis=1), None)
    count = int(rows.sum())
    if count < 2:
        return Spread(value, np.empty(0), count)
    weights = weight_rows(count, slice(0, DRAWS))
    sums = np.einsum("bd,bd->b", weights, each)
    return Spread(value, sums / weights.sum(axis=1), count)


def _against(q: Floats, given: Predictions, rows: NDArray[np.bool_]) -> Floats:
    """Return Σ_c (q_c - p_c)² for resampled people, shape (DRAWS, dilemmas)."""
    # Draws of people are used cyclically if there are fewer draws than resamples.
    turn = np.arange(DRAWS) % len(given.draws)
    people = given.draws[:, rows].astype(np.float64)
    if len(q) == 1:
        once: Floats = ((q - people) ** 2).sum(axis=2)[turn]
        return once
    result: Floats = ((q - people[turn]) ** 2).sum(axis=2)
    return result


def _skill(given: Predictions, *, resample: bool) -> tuple[float, Floats, int | None]:
    guess = always(given, np.full_like(given.people, 1 / given.people.shape[1]))
    own, uniform = (_spread_of(one, resample=resample) for one in (given, guess))
    # The same resampled people and dilemmas are used for both distances.
    # Rounded, so that a uniform prediction scores exactly 0.
    draws = np.round(1 - own.draws / uniform.draws, 12) + 0.0
    return round(1 - own.value / uniform.value, 12) + 0.0, draws, own.clusters
