"""Paired differences between two runs on the same dilemmas.

Both runs list the same dilemmas with the same people, or `InputError` is raised; only dilemmas that
both answered count. Answers of the two runs to a dilemma are correlated, so differences are paired:
drawn dilemmas are resampled jointly for both runs. On a fixed list the answers of each run are
resampled independently. People are the same draw for both runs in either case.

All intervals have a positive width, also if two runs give the same answers. The changes of swap and
retest disagreement have intervals as in `indecision_change`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._pairs import NOTHING as NOTHING
from kidney_evals.estimation._pairs import PairedDifference as PairedDifference
from kidney_evals.estimation._pairs import changed as changed
from kidney_evals.estimation._pairs import independent_change as independent_change
from kidney_evals.estimation._pairs import on_both, score_interval, unseen_changes, widened
from kidney_evals.estimation._resample import bootstrap, coin_gap, observed
from kidney_evals.estimation.agreement import _terms
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.calibration import EDGES, calibration_value
from kidney_evals.estimation.consistency import (
    _across,
    _in_both_orders,
    retest_disagreement,
    swap_disagreement,
    within_orders,
)
from kidney_evals.estimation.decisions import COIN, Decisions
from kidney_evals.estimation.indecision import indecision_rate
from kidney_evals.estimation.intervals import DRAWS, percentile, recentred
from kidney_evals.estimation.quantity import Quantity

_APART: Final = 10
"""Added to the key of the second run's resamples if the runs are resampled independently."""


def indecision_change(first: Decisions, second: Decisions) -> PairedDifference:
    """Return the change of `indecision_rate`.

    For drawn dilemmas: Tango's score interval (see `_pairs.score_interval`) of the differences
    between the dilemmas' shares of coins, or, if numbers of answers differ between dilemmas, of the
    linearised terms. For a fixed list: `intervals.difference` of the intervals of the two runs.
    """
    both = on_both(first, second, lambda run: run.answered & run.has_coin)
    return _proportion_change(*both, indecision_rate, _surplus_coins)


def swap_change(first: Decisions, second: Decisions) -> PairedDifference:
    """Return the change of `swap_disagreement`, over dilemmas that both answered in both orders."""
    both = on_both(first, second, _in_both_orders)
    return _proportion_change(*both, swap_disagreement, lambda run: _across(run.counts))


def retest_change(first: Decisions, second: Decisions) -> PairedDifference:
    """Return the change of `retest_disagreement`, over dilemmas that both runs repeated."""
    both = on_both(first, second, lambda run: ~np.isnan(within_orders(run)))
    return _proportion_change(*both, retest_disagreement, within_orders)


def share_change(first: ArrayLike, second: ArrayLike) -> PairedDifference:
    """Return the change of a mean share, such as coverage, over a sample of dilemmas.

    Tango's score interval, as in `indecision_change`. The shares of both runs by dilemma, shape
    (D,), are 0 to 1, NaN where undefined.
    """
    shape = (_checks.length(first, "first", least=0),)
    one = _checks.shares(first, shape, "first").clip(0, 1)
    two = _checks.shares(second, shape, "second").clip(0, 1)
    both = ~(np.isnan(one) | np.isnan(two))
    if not both.any():
        return NOTHING
    one, two = one[both], two[both]
    ends, p = score_interval(two - one)
    return changed(float(one.mean()), float(two.mean()), ends, len(one), p)


def agreement_change(first: Decisions, second: Decisions) -> PairedDifference:
    """Return the change of `agreement`, over the dilemmas that both runs decided.

    The interval resamples as that of `agreement`, jointly for both runs.
    """
    both = on_both(first, second, lambda run: run.decided.answered & run.decided.known)
    one, two = (run.decided for run in both)
    if one.dilemmas == 0:
        return NOTHING
    # The same people and, if drawn, dilemmas in both.
    draws = bootstrap(two, _terms, key=_APART if one.fixed else 0) - bootstrap(one, _terms)
    best = float(one.shares.max(axis=1).mean())
    each: Floats = ((two.strata.shares - one.strata.shares) * one.shares).sum(axis=1) / best
    values = observed(one, _terms), observed(two, _terms)
    span = one.shares.max(axis=1) - one.shares.min(axis=1)
    return _resampled(values, one, draws, each, float(np.sqrt((span**2).mean())) / best)


def calibration_change(first: Decisions, second: Decisions) -> PairedDifference:
    """Return the change of `flip_calibration`, over dilemmas of known closeness.

    In each bin and run the resampled squared gaps are biased by their variance, which is subtracted
    twice, as in `flip_calibration`.
    """
    one, two = on_both(
        first, second, lambda run: run.answered & run.known & ~np.isnan(run.closeness)
    )
    if not one.has_coin:
        return NOTHING
    noise, seen, reach = np.zeros(DRAWS), [np.empty(0)], 0.0
    place = np.searchsorted(EDGES, one.closeness, side="right") - 1
    for index in np.unique(place):
        inside = place == index
        size = int(inside.sum())
        if size < 2 and not one.fixed:
            continue
        parts = one.at(inside), two.at(inside)
        for run, sign in zip(parts, (-1, 1), strict=True):
            key = index + 1 + (_APART if run.fixed and sign == 1 else 0)
            gaps = bootstrap(run, coin_gap(run), key=key)
            noise += sign * size * (gaps**2 - 2 * gaps.var(ddof=1))
        # A change d of the coin rate changes the squared gap by d times the sum of both gaps.
        slope = sum(observed(run, coin_gap(run)) for run in parts)
        seen.append(slope * (_coins(two) - _coins(one))[inside])
        reach += size * slope**2
    each = np.concatenate(seen)
    if len(each) == 0:
        return NOTHING
    values = calibration_value(one), calibration_value(two)
    return _resampled(values, one, noise / len(each), each, float(np.sqrt(reach / len(each))))


def _proportion_change(
    one: Decisions,
    two: Decisions,
    estimate: Callable[[Decisions], Quantity],
    by_dilemma: Callable[[Decisions], Floats],
) -> PairedDifference:
    """Return the change of a rate; `by_dilemma` returns the rate's term in each dilemma, (D,)."""
    if one.dilemmas == 0:
        return NOTHING
    before, after = estimate(one), estimate(two)
    if one.fixed:
        return independent_change(before, after, one.dilemmas)
    ends, p = score_interval(by_dilemma(two) - by_dilemma(one))
    return changed(before.value, after.value, ends, one.dilemmas, p)


def _resampled(
    values: tuple[float, float], run: Decisions, draws: Floats, each: Floats, reach: float
) -> PairedDifference:
    """Return the difference with its percentile interval; if dilemmas are drawn, `widened`."""
    value = values[1] - values[0]
    ends = percentile(recentred(draws, value), None if run.fixed else len(each))
    if not run.fixed:
        ends = widened(ends, value, unseen_changes(each, reach))
    return changed(*values, ends, len(each))


def _coins(run: Decisions) -> Floats:
    return np.asarray(run.counts[:, :, COIN].sum(axis=1) / run.counts.sum(axis=(1, 2)))


def _surplus_coins(run: Decisions) -> Floats:
    """Return the rate of coins, plus each dilemma's linearised term h/N - r n/N."""
    answers, rate = run.counts.sum(axis=(1, 2)), indecision_rate(run).value
    surplus: Floats = answers * (_coins(run) - rate)
    return rate + surplus / float(answers.mean())
