"""Bounds on statistics of a run, by imputing answers of the unanswered samples.

A model that refuses to answer close dilemmas gets a better agreement with people. The bounds impute
the unanswered samples, once to lower a statistic and once to raise it, with no assumption on why
they are unanswered (Manski 1989). The exact bounds are the extremes over all possible answers.
`agreement_bounds` and `swap_bounds` may be wider. `calibration_bounds` and `distance_bounds` try
two imputations only and may be narrower. The bounds do not include sampling error.

Each function returns the observed value, the bounds as `low` and `high`, and as `n` the number of
unanswered samples (fewer in `agreement_bounds`).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation.agreement import agreement
from kidney_evals.estimation.arrays import Ints
from kidney_evals.estimation.calibration import calibration_value
from kidney_evals.estimation.decisions import COIN, FIRST, Decisions
from kidney_evals.estimation.distance import distance_value
from kidney_evals.estimation.intervals import NAN
from kidney_evals.estimation.quantity import Quantity, undefined


def agreement_bounds(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> Quantity:
    """Return the bounds on agreement over ceiling (Dinkelbach 1967); see `agreement`.

    With a coin on offer an unanswered sample may also be a coin, which does not count. The bounds
    are the extremes over all imputations; with a coin and three repeats or more they may be wider,
    never narrower. `n` counts the unanswered samples on dilemmas that people decided.

    Args:
        decisions: The answers that were read.
        dilemma: Index of each unanswered sample's dilemma, shape (u,).
        order: Order of each unanswered sample, 0 as listed or 1 swapped, shape (u,).
    """
    where, side = _unanswered(decisions, dilemma, order)
    value, _, _, human, _ = agreement(decisions)
    known = decisions.decided.known
    missing = np.zeros((len(known), 2), dtype=np.int64)
    np.add.at(missing, (where, side), 1)
    run, missing = decisions.decided.at(known), missing[known]
    ends = [value]
    if missing.any():
        ends += [_extreme(run, missing, sign, coin=decisions.has_coin) for sign in (-1.0, 1.0)]
    return _range(value, ends, int(missing.sum()))._replace(human=human)


def indecision_bounds(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> Quantity:
    """Return the bounds on the share of coin answers: none or all missing answers are coins.

    Undefined without a coin on offer or without samples.

    Args:
        decisions: The answers that were read.
        dilemma: Index of each unanswered sample's dilemma, shape (u,).
        order: Order of each unanswered sample, 0 as listed or 1 swapped, shape (u,).
    """
    where, _ = _unanswered(decisions, dilemma, order)
    coins, read, n = float(decisions.counts[:, :, COIN:].sum()), len(decisions), len(where)
    if not decisions.has_coin or read + n == 0:
        return undefined()
    value = coins / read if read else NAN
    return Quantity(value, coins / (read + n), (coins + n) / (read + n), n=n)


def swap_bounds(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> Quantity:
    """Return the bounds on swap disagreement: none or all incomplete pairs disagree.

    A pair is two answers to a dilemma, one from each order. It is incomplete if either answer is
    missing. With repeats the bounds may be wider than the extremes over all imputations, never
    narrower.

    Args:
        decisions: The answers that were read.
        dilemma: Index of each unanswered sample's dilemma, shape (u,).
        order: Order of each unanswered sample, 0 as listed or 1 swapped, shape (u,).
    """
    where, side = _unanswered(decisions, dilemma, order)
    counts = decisions.counts
    sizes = counts.sum(axis=2)
    missing = np.zeros_like(sizes)
    np.add.at(missing, (where, side), 1)
    read, pairs = sizes.prod(axis=1), (sizes + missing).prod(axis=1)
    differ = read - counts.prod(axis=1).sum(axis=1)
    both, full = read > 0, pairs > 0
    value = float((differ[both] / read[both]).mean()) if both.any() else NAN
    if not full.any():
        return Quantity(value, n=len(where))
    low = float((differ[full] / pairs[full]).mean())
    high = float(((differ + pairs - read)[full] / pairs[full]).mean())
    return Quantity(value, low, high, n=len(where))


def calibration_bounds(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> Quantity:
    """Return the range of flip calibration, if none or all of the missing answers are coins.

    It is the range of these two values and the observed value, not over all imputations. Undefined
    without a coin on offer.

    Args:
        decisions: The answers that were read.
        dilemma: Index of each unanswered sample's dilemma, shape (u,).
        order: Order of each unanswered sample, 0 as listed or 1 swapped, shape (u,).
    """
    where, side = _unanswered(decisions, dilemma, order)
    if not decisions.has_coin:
        return undefined()
    # Any patient may be imputed for "no coin": the coin rate is the same.
    ways = [np.full(len(where), answer) for answer in (FIRST, COIN)]
    return _imputed(calibration_value, decisions, where, side, ways)


def distance_bounds(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> Quantity:
    """Return the range of choice distance, imputing people's most or least frequent answer.

    It is the range of these two values and the observed value, not over all imputations.

    Args:
        decisions: The answers that were read.
        dilemma: Index of each unanswered sample's dilemma, shape (u,).
        order: Order of each unanswered sample, 0 as listed or 1 swapped, shape (u,).
    """
    where, side = _unanswered(decisions, dilemma, order)
    shares = np.nan_to_num(decisions.shares)
    ways = [shares.argmax(axis=1)[where], shares.argmin(axis=1)[where]]
    return _imputed(distance_value, decisions, where, side, ways)


def _imputed(
    figure: Callable[[Decisions], float],
    decisions: Decisions,
    where: Ints,
    side: Ints,
    ways: list[Ints],
) -> Quantity:
    """Return the range of a statistic over the run and the run with the imputations `ways`."""
    value = figure(decisions)
    filled = [figure(decisions.with_answers(where, side, way)) for way in ways if len(way)]
    return _range(value, [value, *filled], len(where))


def _range(value: float, values: list[float], n: int) -> Quantity:
    known = [value for value in values if not np.isnan(value)] or [NAN]
    return Quantity(value, min(known), max(known), n=n)


def _extreme(run: Decisions, missing: Ints, sign: float, *, coin: bool) -> float:
    """Return the largest (sign 1) or smallest (-1) Σ_i q_i·p_i / Σ_i max p_i over imputations.

    `missing` is by dilemma and order, (D, 2). With a `coin` a missing answer may be one, so a
    dilemma without answers may be left out, and the answers of both orders may be unequal in number
    or, as in `Strata`, pooled: the more extreme score counts.
    """
    p, read = run.shares, run.counts.sum(axis=2)
    top, total = p.max(axis=1), read + missing
    pick = top if sign > 0 else p.min(axis=1)
    met = (run.counts * p[:, None]).sum(axis=2) + missing * pick[:, None]
    pooled = met.sum(axis=1) / np.maximum(total.sum(axis=1), 1)
    apart = (met / np.maximum(total, 1)).mean(axis=1)
    score = np.where((total >= 2).all(axis=1), apart, pooled)
    score = sign * np.maximum(sign * score, sign * pooled) if coin else score
    read, total = read.sum(axis=1), total.sum(axis=1)
    chosen, ratio = total > 0, NAN
    for _ in range(20):
        below = float(top[chosen].sum())
        if below == 0:
            break
        previous, ratio = ratio, float(score[chosen].sum()) / below
        if ratio == previous or not coin:
            break
        chosen = (read > 0) | ((total > 0) & (sign * (score - ratio * top) > 0))
    return ratio


def _unanswered(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> tuple[Ints, Ints]:
    n = _checks.length(dilemma, "dilemma", 0)
    where = _checks.places(dilemma, n, "dilemma", decisions.dilemmas)
    return where, _checks.codes(order, n, "order", (0, 1))
