"""Consistency of a model's answers between orders and repetitions of a dilemma."""

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._resample import rate_of
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.decisions import FIRST, SECOND, Counts, Decisions
from kidney_evals.estimation.intervals import NAN, Interval, proportion, wilson
from kidney_evals.estimation.quantity import Quantity, undefined


def swap_disagreement(decisions: Decisions, clusters: Ints | None = None) -> Quantity:
    """Return the share of dilemmas answered differently in the two orders.

    With repeats it is the share of differing pairs of answers, one from each order, averaged over
    dilemmas. A coin differs from either patient. The disagreement includes both the effect of the
    order and sampling variation. `human` is the rate at which two different people disagree, the
    mean of 1 - Σ_c p_c² with people's shares p. `n` counts dilemmas answered in both orders.

    If drawn dilemmas are dependent, `clusters`, (D,), has the index of each dilemma's cluster, and
    the interval is over these clusters. None if each dilemma is its own cluster.
    """
    variance = _across_variance(decisions.counts)
    return _mean_share(decisions, across_orders(decisions), variance, clusters)


def retest_disagreement(decisions: Decisions, clusters: Ints | None = None) -> Quantity:
    """Return the share of pairs of answers to one dilemma in the same order that differ.

    For m answers with shares s it is m/(m - 1) (1 - Σ_c s_c²), averaged over the repeated orders of
    a dilemma and then over dilemmas. Unlike `swap_disagreement` it contains sampling variation
    only. `n` counts dilemmas with a repeated order. If probabilities were read, the factor
    m/(m - 1) is 1 and a single answer counts as repeated. `human` and `clusters` are as in
    `swap_disagreement`.
    """
    shares, spread = _repetitions(decisions)
    variance = _delta(-2 * np.nan_to_num(spread)[:, :, None] * shares, decisions.counts)
    return _mean_share(decisions, within_orders(decisions), variance, clusters)


def across_orders(decisions: Decisions) -> Floats:
    """Return the share of differing pairs of answers, one from each order, by dilemma, shape (D,).

    NaN for a dilemma without answers in both orders.
    """
    counts = decisions.counts
    with np.errstate(invalid="ignore"):
        alike = counts.prod(axis=1).sum(axis=1) / counts.sum(axis=2).prod(axis=1)
    return np.asarray(1 - alike)


def within_orders(decisions: Decisions) -> Floats:
    """Return the share of differing pairs of answers in the same order, by dilemma, shape (D,).

    It is averaged over the repeated orders of a dilemma, NaN without a repeated order.
    """
    shares, spread = _repetitions(decisions)
    each: Floats = np.nansum(spread * (1 - (shares**2).sum(axis=2)), axis=1)
    each[np.isnan(spread).all(axis=1)] = np.nan
    return each


def swap_by_cluster(decisions: Decisions, clusters: ArrayLike, size: int) -> Floats:
    """Return the `swap_disagreement` within each of `size` clusters, shape (size,).

    NaN for a cluster without a dilemma that was answered in both orders. `clusters`, (D,), has the
    index of each dilemma's cluster.
    """
    return _cluster_means(across_orders(decisions), clusters, size)


def retest_by_cluster(decisions: Decisions, clusters: ArrayLike, size: int) -> Floats:
    """Return the `retest_disagreement` within each of `size` clusters, shape (size,).

    NaN for a cluster without a repeated order. The arguments are those of `swap_by_cluster`.
    """
    return _cluster_means(within_orders(decisions), clusters, size)


def _cluster_means(each: Floats, clusters: ArrayLike, size: int) -> Floats:
    size = _checks.whole(size, "size", 1)
    index = _checks.places(clusters, len(each), "clusters", size)
    known = ~np.isnan(each)
    count = np.bincount(index[known], minlength=size)
    total = np.bincount(index[known], each[known], minlength=size)
    return np.asarray(total / np.where(count > 0, count, np.nan))


def position_bias(decisions: Decisions) -> Quantity:
    """Return the share of decided answers for the patient shown as A, minus ½.

    On a fixed list only questions decided in both orders count, since otherwise the content of the
    questions would bias the estimate; in a random sample of dilemmas this averages out. `n` counts
    decided answers.
    """
    run = decisions.decided
    if run.fixed:
        run = run.at(_in_both_orders(run))
    counts = run.counts
    trials = counts.sum(axis=(1, 2))
    hits = counts[:, 0, FIRST] + counts[:, 1, SECOND]
    total = float(trials.sum())
    if total == 0:
        return undefined()
    n = round(total)
    rate = float(hits.sum() / total)
    if run.fixed:
        # Half of s_ab(first) - s_ba(first) has the variance of the first patient's share.
        variance = float(((trials / total) ** 2 * run.strata.redrawn[:, FIRST]).sum())
        ends = _fixed_ends(run, rate, variance, n)
    else:
        # Lower bound of the design effect: variance due to one dilemma over binomial variance.
        least, binomial = (float(trials.max()) / total) ** 2, rate * (1 - rate) / total
        least = min(least / binomial, 1.0) if binomial > 0 else 1.0
        ends = proportion(hits, trials, least_effect=least * run.least_effect)
    return Quantity(rate, *ends, n=n).shifted(-0.5)


def dominance(decisions: Decisions, *, weak: bool = False) -> Quantity:
    """Return the share of decided answers for the better patient in dominated dilemmas.

    A dilemma is dominated if one patient is better in every attribute; if `weak`, in at least one
    attribute and worse in none. `human` is the share among people who decided on the same dilemmas;
    `n` counts answers.
    """
    run = decisions.decided
    gap = run.differences
    better, worse = (gap >= 0, gap <= 0) if weak else (gap > 0, gap < 0)
    # The exclusive or excludes patients who are equal in every attribute.
    run = run.at((better.all(axis=1) ^ worse.all(axis=1)) & run.answered)
    if run.dilemmas == 0:
        return undefined()
    side = np.where(run.differences.sum(axis=1) > 0, FIRST, SECOND)
    rows = np.arange(run.dilemmas)
    trials, hits = run.counts.sum(axis=2), run.counts[rows, :, side]
    answers = trials.sum(axis=1)
    human = float((answers * run.shares[rows, side]).sum() / answers.sum())
    return rate_of(run, hits, trials, human)


def expected_swap_disagreement(decisions: Decisions, answers: ArrayLike) -> float:
    """Return the expected `swap_disagreement` of independent answers with known shares.

    `answers` are the shares of the K possible answers to each dilemma, (D, K). The mean is over the
    dilemmas answered in both orders; NaN without any.
    """
    q = _checks.shares(answers, decisions.shares.shape, "answers")
    known = q[_in_both_orders(decisions) & ~np.isnan(q).any(axis=1)]
    return float((1 - (known**2).sum(axis=1)).mean()) if len(known) else NAN


def _in_both_orders(decisions: Decisions) -> Bools:
    """Return which dilemmas have an answer in each order, shape (D,)."""
    return np.asarray((decisions.counts.sum(axis=2) > 0).all(axis=1))


def _repetitions(decisions: Decisions) -> tuple[Floats, Floats]:
    """Return shares by order, (D, 2, K), and the weights of repeated orders, (D, 2).

    A weight is m/(m - 1), or 1 for probabilities, over the number of repeated orders; else NaN.
    """
    sizes, exact = decisions.counts.sum(axis=2), decisions.chances is not None
    repeated = sizes > 0 if exact else sizes >= 2
    spread = 1.0 if exact else sizes / np.maximum(sizes - 1, 1)
    weight = repeated / np.maximum(repeated.sum(axis=1, keepdims=True), 1)
    shares = decisions.counts / np.maximum(sizes, 1)[:, :, None]
    return shares, np.where(repeated, weight * spread, np.nan)


def _across_variance(counts: Counts) -> Floats:
    """Return the variance of 1 - s·t in each of fixed dilemmas; s, t are shares by order."""
    sizes, smooth = np.maximum(counts.sum(axis=2), 1), _smooth(counts)
    linear = _delta(-(counts / sizes[:, :, None])[:, ::-1], counts)
    # Σ t'Var(s)t + s'Var(t)s with estimated s and t includes tr Var(s)Var(t) once too often.
    both = smooth.prod(axis=1)
    trace = (both * (1 - smooth).prod(axis=1) - both**2).sum(axis=1) + both.sum(axis=1) ** 2
    return np.asarray(np.maximum(linear - trace / sizes.prod(axis=1), 0.0))


def _delta(slope: Floats, counts: Counts) -> Floats:
    """Return the variance of Σ_o slope_o · s_o with smoothed multinomial shares s, shape (d,)."""
    smooth = _smooth(counts)
    mean = (slope * smooth).sum(axis=2)
    each = ((slope**2 * smooth).sum(axis=2) - mean**2) / np.maximum(counts.sum(axis=2), 1)
    return np.asarray(each.sum(axis=1))


def _smooth(counts: Counts) -> Floats:
    return np.asarray((counts + 1 / counts.shape[2]) / (counts.sum(axis=2) + 1)[:, :, None])


def _mean_share(run: Decisions, each: Floats, variance: Floats, clusters: Ints | None) -> Quantity:
    """Return the mean over dilemmas of shares of pairs, (D,) with NaN, and its interval.

    On a fixed list `variance` is that of each share. The mean over several pairs of one dilemma may
    have less than binomial variance, so the number of answers bounds the design effect. The human
    value is the rate at which two people differ.
    """
    used = ~np.isnan(each)
    each, n = each[used], int(used.sum())
    if n == 0:
        return undefined()
    value = float(each.mean())
    human = float((1 - (run.shares[used] ** 2).sum(axis=1)).mean())
    if run.fixed:
        ends = _fixed_ends(run, value, float(variance[used].sum()) / n**2, n)
    else:
        least = run.least_effect / float(run.counts[used].sum(axis=2).max() ** 2)
        where = np.arange(n) if clusters is None else clusters[used]
        hits = np.bincount(where, np.minimum(each, 1))
        ends = proportion(hits, np.bincount(where), least_effect=least)
    return Quantity(value, *ends, human=human, n=n)


def _fixed_ends(run: Decisions, value: float, variance: float, count: int) -> Interval:
    """Return the interval of a proportion over `count` answers or pairs to fixed questions."""
    if run.chances is not None:
        return Interval(value, value)
    # Over fixed questions Σ d(1-d) is at most the binomial variance, so the effective size is at
    # least `count`. The linearised variance is 0 where all shares are equal.
    level = (value * count + 0.5) / (count + 1)
    size = level * (1 - level) / variance if variance > 0 else 0.0
    return wilson(value, max(size, float(count)))
