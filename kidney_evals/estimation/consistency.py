"""Consistency of a model's answers between orders and repetitions of a dilemma."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._resample import rate_interval
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import FIRST, SECOND, Counts, Decisions
from kidney_evals.estimation.intervals import NAN, Interval, mean_interval, proportion, wilson
from kidney_evals.estimation.quantity import Quantity, undefined


def swap_disagreement(decisions: Decisions, human: float = NAN) -> Quantity:
    """Return the share of dilemmas answered differently in the two orders.

    With repeats, the share of differing pairs of one answer from each order, mean over dilemmas. It
    includes both the effect of the order and sampling variation; see `order_effect`.

    Args:
        decisions: A run; a coin answer differs from either patient.
        human: People's value, copied to the result.

    Returns:
        The quantity; n counts dilemmas answered in both orders; NaN with n = 0 without any.
    """
    counts, sizes = _both_orders(decisions, 1)
    if len(counts) == 0:
        return undefined(human=human)
    each = _across(counts, sizes)
    value = float(each.mean())
    if decisions.fixed:
        variance = _across_variance(counts, sizes) if decisions.chances is None else None
        ends = _fixed_ends(value, variance, len(each))
    else:
        # The mean of several pairs of one dilemma may have less than binomial variance.
        least = decisions.least_effect / float(np.max(sizes) ** 2)
        ends = proportion(each, np.ones(len(each)), least_effect=least)
    return Quantity(value, ends.low, ends.high, human, len(each))


def retest_disagreement(decisions: Decisions, human: float = NAN) -> Quantity:
    """Return the share of pairs of answers to one dilemma in the same order that differ.

    m/(m - 1) (1 - Σ_c s_c²) for m answers with shares s, averaged over the orders of a dilemma and
    over dilemmas. Unlike `swap_disagreement` it contains sampling variation only.

    Args:
        decisions: A run; a coin answer differs from either patient. With probabilities from
            log-probabilities no repetitions are needed.
        human: People's value, copied to the result.

    Returns:
        NaN with n = 0 where no order of a dilemma was repeated; n counts dilemmas.
    """
    known = decisions.chances is not None
    each = within_orders(decisions)
    keep = ~np.isnan(each)
    if not keep.any():
        return undefined(human=human)
    each, counts = each[keep], decisions.counts[keep]
    shares, sizes, weight, spread = _repetitions(counts, known)
    value = float(each.mean())
    if decisions.fixed:
        slope = -2 * (weight * spread)[:, :, None] * shares
        variance = float(_delta(slope, counts, np.maximum(sizes, 1)).sum()) / len(each) ** 2
        ends = _fixed_ends(value, None if known else variance, len(each))
    else:
        # The mean over pairs of many repetitions has less than binomial variance.
        least = decisions.least_effect / float(np.max(sizes) ** 2)
        ends = proportion(np.minimum(each, 1), np.ones(len(each)), least_effect=least)
    return Quantity(value, ends.low, ends.high, human, len(each))


def within_orders(decisions: Decisions) -> Floats:
    """Return the share of differing pairs in the same order for each dilemma, shape (D,).

    `retest_disagreement` is their mean; NaN where no order of a dilemma was repeated.
    """
    known = decisions.chances is not None
    sizes = decisions.counts.sum(axis=2)
    keep = (sizes > 0 if known else sizes >= 2).any(axis=1)
    shares, _, weight, spread = _repetitions(decisions.counts[keep], known)
    each = np.full(decisions.dilemmas, np.nan)
    each[keep] = (weight * spread * (1 - (shares**2).sum(axis=2))).sum(axis=1)
    return each


def order_effect(decisions: Decisions) -> Quantity:
    """Return disagreement between orders minus disagreement within an order.

    The expected value is 0 for a respondent whose choices do not depend on the order of the
    patients, whatever their variance. Each order of a dilemma needs two answers, or the
    probabilities of its answers.

    Returns:
        NaN with n = 0 without such repeats; `human` is NaN. n counts dilemmas repeated in both
        orders.
    """
    known = decisions.chances is not None
    counts, sizes = _both_orders(decisions, 2)
    if len(counts) == 0:
        return undefined()
    across = _across(counts, sizes)
    shares = counts / sizes[:, :, None]
    spread = 1.0 if known else sizes / (sizes - 1)
    within = (1 - (shares**2).sum(axis=2)) * spread
    effect = across - within.mean(axis=1)
    value = float(effect.mean())
    if decisions.fixed and known:
        ends = Interval(value, value)
    elif decisions.fixed:
        # Δ = 1 - s·t - ½ Σ_o m/(m-1) (1 - |s_o|²): linear in s with slope m/(m-1) s - t.
        slope = shares * (sizes / (sizes - 1))[:, :, None] - shares[:, ::-1]
        half = 1.96 * float(np.sqrt(_delta(slope, counts, sizes).sum())) / len(effect)
        ends = Interval(value - half, value + half)
    else:
        ends = mean_interval(effect)
    return Quantity(value, max(ends.low, -1.0), min(ends.high, 1.0), n=len(effect))


def position_bias(decisions: Decisions) -> Quantity:
    """Return the share of decided answers for the patient shown as A, minus ½.

    On a fixed list only questions decided in both orders count, since otherwise the content of the
    questions would bias the estimate; in a random sample of dilemmas this averages out.

    Returns:
        NaN with n = 0 without decided answers; `human` is NaN. n counts answers.
    """
    run = decisions.decided
    both = (run.counts.sum(axis=2) > 0).all(axis=1)
    counts = run.counts[both] if run.fixed else run.counts
    trials = counts.sum(axis=2)
    hits = np.stack([counts[:, 0, FIRST], counts[:, 1, SECOND]], axis=1)
    total = float(trials.sum())
    if total == 0:
        return undefined()
    n = round(total)
    rate = float(hits.sum() / total)
    if run.fixed:
        # Half of s_ab(first) - s_ba(first) has the variance of the first patient's share.
        weight = trials.sum(axis=1) / total
        variance = float((weight**2 * run.at(both).strata.redrawn[:, FIRST]).sum())
        ends = _fixed_ends(rate, variance if run.chances is None else None, n)
    else:
        least = _balance(trials, rate) * run.least_effect
        ends = proportion(hits.sum(axis=1), trials.sum(axis=1), least_effect=least)
    return Quantity(rate, ends.low, ends.high, n=n).shifted(-0.5)


def dominance(decisions: Decisions, *, weak: bool = False) -> Quantity:
    """Return the share of decided answers for a patient who is better in every attribute.

    Args:
        decisions: A run.
        weak: Also count dilemmas with weak dominance, where the patient is better in at least one
            attribute and worse in none. By default only strict dominance counts.

    Returns:
        The quantity; `human` is people's share on the same dilemmas; n counts answers.
    """
    run = decisions.decided
    gap = run.differences
    if weak:
        # The exclusive or excludes patients who are equal in every attribute.
        one_sided = (gap >= 0).all(axis=1) ^ (gap <= 0).all(axis=1)
    else:
        one_sided = (gap > 0).all(axis=1) | (gap < 0).all(axis=1)
    run = run.at(one_sided & run.answered)
    if run.dilemmas == 0:
        return undefined()
    better = np.where(run.differences.sum(axis=1) > 0, FIRST, SECOND)
    rows = np.arange(run.dilemmas)
    trials = run.counts.sum(axis=2)
    hits = run.counts[rows, :, better]
    answers = trials.sum(axis=1)
    ends = rate_interval(run, hits, trials)
    human = float((answers * run.shares[rows, better]).sum() / answers.sum())
    return Quantity(float(hits.sum() / answers.sum()), ends.low, ends.high, human, len(run))


def expected_swap_disagreement(decisions: Decisions, answers: ArrayLike) -> float:
    """Return the expected swap disagreement of a respondent with independent answers.

    Args:
        decisions: The run whose dilemmas answered in both orders are used.
        answers: Shares of each answer by dilemma, shape (D, K); NaN rows where unknown.
    """
    mask = (decisions.counts.sum(axis=2) > 0).all(axis=1)
    q = _checks.shares(answers, decisions.shares.shape, "answers")
    known = q[mask & ~np.isnan(q).any(axis=1)]
    return float((1 - (known**2).sum(axis=1)).mean()) if len(known) else NAN


def _repetitions(counts: Counts, known: bool) -> tuple[Floats, Counts, Floats, Floats]:
    """Return shares, sizes, weights of the orders, and m/(m - 1), of dilemmas with repetitions."""
    sizes = counts.sum(axis=2)
    used = sizes > 0 if known else sizes >= 2
    shares = counts / np.maximum(sizes, 1)[:, :, None]
    spread = np.ones(sizes.shape) if known else sizes / np.maximum(sizes - 1, 1)
    weight = used / used.sum(axis=1, keepdims=True)
    return shares, sizes, weight, spread


def _both_orders(decisions: Decisions, least: int) -> tuple[Counts, Counts]:
    """Return counts (d, 2, K) and sizes (d, 2) of dilemmas with `least` answers in each order.

    Probabilities from log-probabilities count as any number of answers.
    """
    sizes = decisions.counts.sum(axis=2)
    keep = (sizes > 0 if decisions.chances is not None else sizes >= least).all(axis=1)
    return decisions.counts[keep], sizes[keep]


def _across(counts: Counts, sizes: Counts) -> Floats:
    same = (counts[:, 0] * counts[:, 1]).sum(axis=1)
    result: Floats = 1 - same / (sizes[:, 0] * sizes[:, 1])
    return result


def _across_variance(counts: Counts, sizes: Counts) -> float:
    """Return the variance of the mean of 1 - s·t over fixed dilemmas; s, t are shares by order."""
    linear = _delta(-(counts / sizes[:, :, None])[:, ::-1], counts, sizes)
    # Σ t'Var(s)t + s'Var(t)s with estimated s and t includes tr Var(s)Var(t) once too often.
    smooth = _smooth(counts, sizes)
    both = smooth.prod(axis=1)
    trace = (both * (1 - smooth).prod(axis=1) - both**2).sum(axis=1) + both.sum(axis=1) ** 2
    each = np.maximum(linear - trace / sizes.prod(axis=1), 0.0)
    return float(each.sum()) / len(counts) ** 2


def _delta(slope: Floats, counts: Counts, sizes: Counts) -> Floats:
    """Return the variance of Σ_o slope_o · s_o with smoothed multinomial shares s, shape (d,)."""
    smooth = _smooth(counts, sizes)
    mean = (slope * smooth).sum(axis=2)
    each = ((slope**2 * smooth).sum(axis=2) - mean**2) / sizes
    result: Floats = each.sum(axis=1)
    return result


def _smooth(counts: Counts, sizes: Counts) -> Floats:
    result: Floats = (counts + 1 / counts.shape[2]) / (sizes + 1)[:, :, None]
    return result


def _fixed_ends(value: float, variance: float | None, count: int) -> Interval:
    """Return Wilson's interval of a proportion over `count` answers or pairs to fixed questions.

    Without a variance (None) the interval is the value itself.
    """
    if variance is None:
        return Interval(value, value)
    # Over fixed questions Σ d(1-d) is at most the binomial variance, so the effective size is at
    # least `count`. The linearised variance is 0 where all shares are equal.
    level = (value * count + 0.5) / (count + 1)
    size = level * (1 - level) / variance if variance > 0 else 0.0
    return wilson(value, max(size, float(count)))


def _balance(trials: Counts, rate: float) -> float:
    """Return the smallest design effect of A choices: the variance that one dilemma causes."""
    total = float(trials.sum())
    binomial = rate * (1 - rate) / total
    least = (float(trials.sum(axis=1).max()) / total) ** 2
    return min(least / binomial, 1.0) if binomial > 0 else 1.0
