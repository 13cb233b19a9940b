"""Paired differences between two runs on the same dilemmas.

Both runs must list the same dilemmas with the same human shares; otherwise the functions raise
`InputError`. Only dilemmas that both runs answered count. Answers of the two runs to a dilemma are
correlated, so differences are paired: drawn dilemmas are resampled jointly for both runs. On a
fixed list the answers of each run are resampled independently. In both cases each resample has the
same people for both runs.

All intervals have a positive width, even if two runs give the same answers, unless probabilities
were read on a fixed list. The changes of swap and retest disagreement have intervals as in
`indecision_change`.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kidney_evals.estimation import _checks, intervals
from kidney_evals.estimation._fit import cluster_sums, full_rank, inverse, leverage, logistic
from kidney_evals.estimation._resample import bootstrap, coin_gap, observed
from kidney_evals.estimation.agreement import _terms
from kidney_evals.estimation.arrays import Bools, Floats
from kidney_evals.estimation.calibration import EDGES, calibration_value
from kidney_evals.estimation.consistency import (
    across_orders,
    retest_disagreement,
    swap_disagreement,
    within_orders,
)
from kidney_evals.estimation.decisions import COIN, Decisions
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.importance import _slopes, estimate_importance
from kidney_evals.estimation.indecision import indecision_rate
from kidney_evals.estimation.intervals import DRAWS, NAN, NO_INTERVAL, Z95, Interval, student
from kidney_evals.estimation.logit import LogitFit, fit_logit
from kidney_evals.estimation.quantity import Quantity, undefined

_PRIOR = 0.5

_APART: Final = 10
"""Added to the key of the second run's resamples if the runs are resampled independently."""


class PairedDifference(NamedTuple):
    """The difference of a statistic between two runs on the same dilemmas.

    Attributes:
        change: Second run minus first, with its 95 % interval; `n` counts the shared dilemmas. NaN
            with n = 0 if either run has no value.
        first: The statistic of the first run, NaN without a value.
        second: The statistic of the second run, NaN without a value.
        p_value: Two-sided p-value of the hypothesis of no difference; NaN without an interval.
    """

    change: Quantity
    first: float
    second: float
    p_value: float


NOTHING = PairedDifference(undefined(), NAN, NAN, NAN)
"""A difference without a value, such as that of runs without a common dilemma."""


def changed(
    first: float, second: float, ends: Interval, dilemmas: int, p: float | None = None
) -> PairedDifference:
    """Return the difference second minus first of a statistic of two runs.

    Args:
        first: The statistic of the first run.
        second: The statistic of the second run.
        ends: 95 % interval of the difference.
        dilemmas: Number of shared dilemmas.
        p: Two-sided p-value. By default it follows from the interval: the distance from the
            difference to the end on the side of zero counts as 1.96 standard errors. NaN without an
            interval.
    """
    value = second - first
    if p is None:
        side = value - ends.low if value > 0 else ends.high - value
        if np.isnan(ends.low) or np.isnan(value):
            p = NAN
        elif value == 0:
            p = 1.0
        else:
            p = float(2 * special.ndtr(-Z95 * abs(value) / side)) if side > 0 else 0.0
    return PairedDifference(Quantity(value, *ends, n=dilemmas), first, second, p)


def independent_change(before: Quantity, after: Quantity, dilemmas: int) -> PairedDifference:
    """Return the difference after minus before of two independent estimates.

    The interval is from `intervals.difference`; `dilemmas` is the number of shared dilemmas.
    """
    return changed(before.value, after.value, intervals.difference(after, before), dilemmas)


def indecision_change(first: Decisions, second: Decisions) -> PairedDifference:
    """Return the change of `indecision_rate` over the dilemmas that both runs answered.

    For drawn dilemmas, the interval is Tango's (see `score_interval`) of the differences between
    the runs in each dilemma's share of coins. If dilemmas have different numbers n_i of answers, a
    dilemma's share c_i is replaced by r + n_i (c_i - r) / m, with r the run's rate and m the mean
    of n_i. For a fixed list, the interval is `intervals.difference` of the intervals of the two
    runs. `NOTHING` if no coin is on offer.
    """
    both = on_both(first, second, lambda run: run.answered & run.has_coin)
    return _proportion_change(*both, indecision_rate, _surplus_coins)


def swap_change(first: Decisions, second: Decisions) -> PairedDifference:
    """Return the change of `swap_disagreement`.

    Dilemmas count if both runs answered them in both orders.
    """
    both = on_both(first, second, lambda run: ~np.isnan(across_orders(run)))
    return _proportion_change(*both, swap_disagreement, across_orders)


def retest_change(first: Decisions, second: Decisions) -> PairedDifference:
    """Return the change of `retest_disagreement`.

    Dilemmas count if both runs answered them more than once in an order, or once if probabilities
    were read.
    """
    both = on_both(first, second, lambda run: ~np.isnan(within_orders(run)))
    return _proportion_change(*both, retest_disagreement, within_orders)


def share_change(first: ArrayLike, second: ArrayLike) -> PairedDifference:
    """Return the change of a mean share, such as the share of valid answers, over drawn dilemmas.

    The interval is Tango's, as in `indecision_change`. Dilemmas count if both shares are known.

    Args:
        first: The first run's share in each of D dilemmas, 0 to 1, NaN where undefined, shape (D,).
        second: The second run's shares of the same dilemmas, shape (D,).
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

    The interval is from resamples as in `agreement`. If dilemmas are drawn, they are resampled
    jointly for both runs, and the interval is `widened`.
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

    Only dilemmas that both runs answered count. In a resample, the squared gap between the coin
    rates of a run and of people is biased by twice its variance: once as in the estimate, and once
    by resampling. Twice the variance is subtracted, as in `flip_calibration`. `NOTHING` if no coin
    is on offer.
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


def importance_changes(
    first: Decisions, second: Decisions, ranges: ArrayLike
) -> tuple[PairedDifference, ...]:
    """Return the changes of the signed importance shares, one for each of k attributes.

    The logits are those behind the measures `imp_*`, fitted to the dilemmas that both runs decided.
    The covariance of the weights of the two runs is B_1 Σ_g s_1g s_2gᵀ B_2, where B_r is the
    inverse information of the logit of run r, and s_rg are its scores summed within dilemma g
    (seemingly unrelated estimation: Weesie 1999, Stata Technical Bulletin 52). The delta method
    gives the covariance of the shares. The covariance is set to 0, so that the variances are added,
    if the answers of a run are separated. All changes are NaN with n = 0 if a run has no `defined`
    shares (see `ImportanceEstimate`).

    Args:
        first: The first run.
        second: The second run.
        ranges: Each attribute's full range in the unit of the differences, shape (k,).

    Raises:
        FitError: A logit did not reach an optimum.
    """
    nothing: tuple[PairedDifference, ...] = (NOTHING,) * first.differences.shape[1]
    both = on_both(first, second, lambda run: run.decided.answered)
    runs = [run.decided for run in both]
    count = runs[0].dilemmas
    if count < 2:
        return nothing
    spans = _checks.numbers(ranges, "ranges")
    fits = [fit_logit(run.shown_differences, run.shown_first, clusters=run.dilemma) for run in runs]
    one, two = (estimate_importance(fit, spans) for fit in fits)
    if not (one.defined and two.defined):
        return nothing
    scores, swings = zip(*map(_moves, runs, fits, [spans] * 2), strict=True)
    # The small-sample factor of the two sandwiches, so that equal runs have equal blocks.
    factor = count / (count - 1)
    factor *= float(np.prod([(fit.n - 1) / (fit.n - fit.parameters) for fit in fits]) ** 0.5)
    cross = factor * (scores[0] * scores[1]).sum(axis=0)
    if any(fit.separated for fit in fits):
        cross = np.zeros_like(cross)
    variances = np.diag(one.covariance + two.covariance) - 2 * cross
    halves = student(count - 1) * np.sqrt(np.maximum(variances, 0.0))
    # Multiplied by the number of dilemmas, since a share is a sum over dilemmas, not a mean.
    unlike = (runs[0].counts != runs[1].counts).any(axis=(1, 2))[:, None]
    each = count * np.where(unlike, scores[1] - scores[0], 0.0)
    reach = count * np.sqrt(np.mean(np.square(swings), axis=(0, 1)))
    shares = one.shares.tolist(), two.shares.tolist()
    rows = zip(*shares, halves.tolist(), each.T, reach, strict=True)
    return tuple(linear_change(*row, most=2.0) for row in rows)


def on_both(
    first: Decisions, second: Decisions, usable: Callable[[Decisions], Bools]
) -> tuple[Decisions, Decisions]:
    """Return both runs, restricted to the dilemmas that are usable in both.

    Args:
        first: The first run.
        second: The second run.
        usable: Returns which of the D dilemmas of a run are usable, shape (D,).

    Raises:
        InputError: The runs do not list the same dilemmas with the same people.
    """
    for name in ("differences", "shares", "closeness", "share_draws", "fixed"):
        one, two = getattr(first, name), getattr(second, name)
        if one is not two and not np.array_equal(one, two, equal_nan=True):
            raise InputError(f"{name} differs between the two runs: list the same dilemmas in both")
    mask = usable(first) & usable(second)
    return first.at(mask), second.at(mask)


def score_interval(each: Floats, level: float = 0.95) -> tuple[Interval, float]:
    """Return the interval and the two-sided p-value of a mean of differences.

    It is Tango's score interval of a difference of paired proportions (Statistics in Medicine 1998,
    17: 891-908), whose test is McNemar's, for differences d of -1, 0 and 1. Fractional differences
    count as Σ|d| / s differences of size s = (Σ d² + ½) / (Σ |d| + ½). Their sum of squares is that
    of the data, except for the added ½, since a few small differences do not exclude large ones.
    The number of pairs is multiplied by (z/t)², with z and t the quantiles of the normal and of
    Student's distribution, as in `effective_size`. If all differences are 0, the ends
    are ± z² / (n + z²), as in Wilson's interval, with n the multiplied number of pairs. NaN with
    fewer than two pairs.

    Args:
        each: Difference of each pair, from -1 to 1, shape (pairs,).
        level: Coverage of the interval.
    """
    _checks.coverage(level)
    count = _checks.length(each, "each", 0)
    each = _checks.column(each, count, "each")
    if count < 2:
        return NO_INTERVAL, NAN
    moved = np.abs(each)
    size = (float((moved**2).sum()) + _PRIOR) / (float(moved.sum()) + _PRIOR)
    z = Z95 if level == 0.95 else float(special.ndtri((1 + level) / 2))
    shrink = (z / student(count - 1, level)) ** 2
    n = count * shrink
    gains = float(each[each > 0].sum()) / size * shrink
    losses = -float(each[each < 0].sum()) / size * shrink
    discordant = gains + losses
    score = (gains - losses) / np.sqrt(discordant) if discordant > 0 else 0.0
    low, high = (_end(gains, losses, n, towards, z) for towards in (-1.0, 1.0))
    return Interval(size * low, size * high), float(2 * special.ndtr(-abs(score)))


def linear_change(
    first: float, second: float, half: float, each: Floats, reach: float, most: float = np.inf
) -> PairedDifference:
    """Return the change of a statistic that is linear in the contributions of the dilemmas.

    The interval has the half width `half`, `widened` by `unseen_changes`.

    Args:
        first: The statistic of the first run.
        second: The statistic of the second run.
        half: Half width of the interval without unobserved changes.
        each: Contribution of each of D dilemmas to the change, which is about their mean, shape
            (D,).
        reach: Largest possible contribution.
        most: Largest absolute value of an end of the interval.
    """
    value = second - first
    ends = widened(Interval(value - half, value + half), value, unseen_changes(each, reach), most)
    return changed(first, second, ends, len(each))


def widened(ends: Interval, value: float, unseen: float, most: float = np.inf) -> Interval:
    """Return an interval with each half width h replaced by sqrt(h² + unseen²).

    Args:
        ends: The interval.
        value: The estimate within it.
        unseen: Possible effect of unobserved changes, from `unseen_changes`.
        most: Largest absolute value of the ends.
    """
    low = value - float(np.hypot(value - ends.low, unseen))
    high = value + float(np.hypot(ends.high - value, unseen))
    return Interval(max(low, -most), min(high, most))


def unseen_changes(each: Floats, reach: float) -> float:
    """Return how far changes that are too rare to be observed could move a mean over dilemmas.

    It is a share times a size. The share of further changed dilemmas is the upper end of Wilson's
    interval of a zero count. Their size is the root mean square of the observed changes together
    with half a change of the size `reach`.

    Args:
        each: Change in each dilemma, 0 if none was observed, shape (D,).
        reach: Largest possible change in a dilemma.
    """
    seen = int(np.count_nonzero(each))
    size = (float((each**2).sum()) + _PRIOR * reach**2) / (seen + _PRIOR)
    return float(np.sqrt(size)) * intervals.wilson(0.0, len(each)).high


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
    ends = intervals.percentile(intervals.recentred(draws, value), None if run.fixed else len(each))
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


def _moves(run: Decisions, fit: LogitFit, ranges: Floats) -> tuple[Floats, Floats]:
    """Return each dilemma's influence on the shares, (D, k), and its change if fully changed.

    A full change is that of every answer from the second-listed patient to the first.
    """
    x, chosen = run.shown_differences, run.shown_first.astype(np.float64)
    basis, design, _ = full_rank(x, intercept=True)
    probability = logistic(x @ fit.weights + fit.intercept)
    variance = probability * (1 - probability)
    bread = inverse((design * variance[:, None]).T @ design)
    residual = chosen - probability + leverage(design, variance, bread) * (0.5 - probability)
    slopes = _slopes(fit.weights, ranges)

    def moves(pull: Floats) -> Floats:
        sums = cluster_sums(design * pull[:, None], run.dilemma, run.dilemmas)
        return np.asarray((sums @ bread @ basis.T)[:, :-1] @ slopes.T)

    return moves(residual), moves(np.where(run.order == 0, 1.0, -1.0))


def _end(gains: float, losses: float, n: float, towards: float, z: float) -> float:
    """Return the difference between the estimate and -1 or 1 at which Tango's score is z."""
    from scipy.optimize import brentq

    def excess(difference: float) -> float:
        # The share of losses is its maximum-likelihood value at that difference.
        linear = -gains - losses + (2 * n - gains + losses) * difference
        constant = -losses * difference * (1 - difference)
        share = (np.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = n * (2 * share + difference * (1 - difference))
        # Multiplied by the standard error, which may be 0, to make the function continuous.
        return abs(gains - losses - n * difference) - z * float(np.sqrt(max(variance, 0.0)))

    value = (gains - losses) / n
    # If all differences are 0, both terms are 0 at the estimate itself.
    inside = value + 1e-12 * (towards - value)
    if excess(inside) * excess(towards) >= 0:
        return towards
    return float(brentq(excess, inside, towards, xtol=1e-15))
