"""Bounds on the headline statistics over all possible answers of the unanswered samples.

A model that refuses to answer close dilemmas gets a better agreement with people. The bounds impute
the unanswered samples, once to lower a statistic and once to raise it, with no assumption on why
they are unanswered (Manski 1989). They do not include sampling error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation.agreement import agreement
from kidney_evals.estimation.arrays import Bools, Ints
from kidney_evals.estimation.calibration import calibration_value
from kidney_evals.estimation.decisions import COIN, FIRST, Decisions
from kidney_evals.estimation.distance import distance_value
from kidney_evals.estimation.intervals import NAN
from kidney_evals.estimation.quantity import Quantity, undefined

_STEPS = 20


def agreement_bounds(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> Quantity:
    """Return the smallest and largest agreement over ceiling over imputations of missing answers.

    With a coin on offer an unanswered sample may also be imputed as a coin, which does not count.
    The extreme over these imputations is exact (Dinkelbach 1967).

    Args:
        decisions: The answers that were read.
        dilemma: Index of each unanswered sample's dilemma, shape (u,).
        order: Order of each unanswered sample, 0 or 1, shape (u,).

    Returns:
        value: observed agreement; low and high: the bounds; n: number of unanswered samples on
            dilemmas that people answered. If n = 0 both bounds are the value.
    """
    where, _ = _unanswered(decisions, dilemma, order)
    run = decisions.decided
    known = run.known
    missing = np.bincount(where, minlength=run.dilemmas) * known
    observed = agreement(decisions)
    low = high = observed.value
    n = int(missing.sum())
    if n:
        low, high = (
            _extreme(run, missing, known, optional=decisions.has_coin, highest=highest)
            for highest in (False, True)
        )
        if observed.defined:
            low, high = min(low, observed.value), max(high, observed.value)
    return Quantity(observed.value, low, high, observed.human, n)


def indecision_bounds(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> Quantity:
    """Return the range of the indecision rate, with none or all missing answers imputed as coins.

    Arguments and result as in `agreement_bounds`; NaN without a coin on offer.
    """
    where, _ = _unanswered(decisions, dilemma, order)
    if not decisions.has_coin:
        return undefined()
    coins, read, n = float(decisions.counts[:, :, COIN].sum()), len(decisions), len(where)
    if read + n == 0:
        return undefined()
    value = coins / read if read else NAN
    return Quantity(value, coins / (read + n), (coins + n) / (read + n), n=n)


def swap_bounds(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> Quantity:
    """Return the range of swap disagreement, if no or every incomplete pair of answers disagrees.

    Arguments and result as in `agreement_bounds`. A pair is incomplete if either answer is missing.
    With repeats the range may be wider than the range over all imputations, never narrower.
    """
    where, side = _unanswered(decisions, dilemma, order)
    sizes = decisions.counts.sum(axis=2)
    missing = np.zeros_like(sizes)
    np.add.at(missing, (where, side), 1)
    counts = decisions.counts
    read = sizes[:, 0] * sizes[:, 1]
    pairs = (sizes + missing).prod(axis=1)
    differ = read - (counts[:, 0] * counts[:, 1]).sum(axis=1)
    both, full = read > 0, pairs > 0
    value = float((differ[both] / read[both]).mean()) if both.any() else NAN
    if not full.any():
        return Quantity(value, n=len(where))
    low = float((differ[full] / pairs[full]).mean())
    high = float(((differ + pairs - read)[full] / pairs[full]).mean())
    return Quantity(value, low, high, n=len(where))


def calibration_bounds(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> Quantity:
    """Return the range of flip calibration, with none or all missing answers imputed as coins.

    Arguments and result as in `agreement_bounds`; low and high are the smallest and the largest of
    these two values and the observed value, not the extremes over all imputations.
    """
    where, side = _unanswered(decisions, dilemma, order)
    if not decisions.has_coin:
        return undefined()
    # Any patient may be imputed for "no coin": the coin rate is the same.
    ways = [np.full(len(where), answer) for answer in (FIRST, COIN)]
    return _either(calibration_value, decisions, where, side, ways)


def distance_bounds(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> Quantity:
    """Return the range of choice distance, imputing people's most or least frequent answer.

    Arguments and result as in `agreement_bounds`; low and high are the smallest and the largest of
    these two values and the observed value, not the extremes over all imputations.
    """
    where, side = _unanswered(decisions, dilemma, order)
    shares = np.nan_to_num(decisions.shares[where])
    ways = [shares.argmax(axis=1), shares.argmin(axis=1)] if len(where) else []
    return _either(distance_value, decisions, where, side, ways)


def _either(
    figure: Callable[[Decisions], float],
    decisions: Decisions,
    where: Ints,
    side: Ints,
    ways: list[Ints],
) -> Quantity:
    value = figure(decisions)
    seen = [value]
    if len(where):
        seen += [figure(decisions.with_answers(where, side, way)) for way in ways]
    seen = [one for one in seen if not np.isnan(one)]
    low, high = (min(seen), max(seen)) if seen else (NAN, NAN)
    return Quantity(value, low, high, n=len(where))


def _extreme(
    run: Decisions, missing: Ints, known: Bools, *, optional: bool, highest: bool
) -> float:
    """Return the extreme Σ_i q_i·p_i / Σ_i max p_i over imputations of the missing answers."""
    sign = 1.0 if highest else -1.0
    p = np.where(known[:, None], run.shares, 0.0)
    counts = run.counts.sum(axis=1) * known[:, None]
    read = counts.sum(axis=1)
    top, bottom = p.max(axis=1), p.min(axis=1)
    met = (counts * p).sum(axis=1)
    pick = top if highest else bottom
    total = read + missing
    filled = (met + missing * pick) / np.maximum(total, 1)
    left_out = met / np.maximum(read, 1)
    ratio = NAN
    chosen = total > 0
    for _ in range(_STEPS):
        # If coins are possible, a dilemma without any answer may be left out.
        score = np.where(chosen, filled, 0.0)
        if optional:
            score = np.where(read > 0, np.maximum(sign * filled, sign * left_out) * sign, score)
        above, below = float(score[chosen].sum()), float(top[chosen].sum())
        if below == 0:
            return ratio
        previous, ratio = ratio, above / below
        if ratio == previous or not optional:
            return ratio
        gain = sign * (filled - ratio * top)
        chosen = (read > 0) | ((total > 0) & (gain > 0))
    return ratio


def _unanswered(decisions: Decisions, dilemma: ArrayLike, order: ArrayLike) -> tuple[Ints, Ints]:
    n = _checks.length(dilemma, "dilemma", 0)
    where = _checks.places(dilemma, n, "dilemma", decisions.dilemmas)
    side = _checks.codes(order, n, "order", (0, 1))
    return where, side
