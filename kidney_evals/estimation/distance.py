"""Unbiased squared distance of a model's answer shares q from people's shares p.

With few answers the squared distance of observed shares is biased upward: one answer has a positive
distance from p even if q = p. The product for two independent answers to a dilemma is unbiased:

    E (y_1 - p)(y_2 - p) = (q - p)²

where y is 1 if the answer was given, else 0.
"""

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._resample import Shares, dot, human_variance, resampled_interval
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.intervals import NAN
from kidney_evals.estimation.quantity import Quantity, undefined


def choice_distance(decisions: Decisions) -> Quantity:
    """Return the unbiased squared distance of the answer shares from people's, mean over dilemmas.

    For each dilemma it is Σ_c (y_1c - p_c)(y_2c - p_c). p_c is people's share of answer c; y_1c and
    y_2c are 1 if the answer in the first and the second order is c, else 0. With repeats the mean
    is over all pairs of answers, and each repeated order has weight ½: this estimates the squared
    distance of the shares pooled over orders. Without repeats a position bias makes the two answers
    differ, which lowers the estimate; see `side_correction`. Probabilities are averaged over orders
    and need no bias correction.

    The expected value is 0 for a respondent who draws answers from people's shares. The interval
    includes the error of people's shares. `n` counts dilemmas with two answers or more.
    """
    run = decisions.at(decisions.repeated)
    return _distance(run, np.zeros(run.dilemmas))


def distance_value(decisions: Decisions) -> float:
    """Return the value of `choice_distance` alone, NaN if it is undefined."""
    run = decisions.at(decisions.repeated)
    return float(_squared(run).mean()) if run.dilemmas else NAN


def side_correction(decisions: Decisions) -> float:
    """Return the amount, at least 0, by which a position bias lowers `choice_distance`.

    Without repeats the product of the answers in the two orders estimates the squared distance of
    the pooled shares minus Σ_c d_c² / 4, with d_c the share of answer c in the first order minus
    its share in the second. The part of d that is the same in all dilemmas contributes
    ¼ Σ_c (m_c² - v_c), with m_c the mean of d_c and v_c the variance of this mean. The mean is over
    dilemmas with answers in both orders that are not repeated in both. The result is this
    contribution times the share of such dilemmas.

    0 without such a dilemma, or for probabilities. NaN with a single such dilemma, or if no dilemma
    has two answers.
    """
    run = decisions.at(decisions.repeated)
    if run.chances is not None:
        return 0.0
    sizes = run.counts.sum(axis=2)
    single = (sizes >= 1).all(axis=1) & ~(sizes >= 2).all(axis=1)
    if not single.any():
        return 0.0 if run.dilemmas else NAN
    shares = run.counts[single] / sizes[single][:, :, None]
    gap = shares[:, 0] - shares[:, 1]
    if len(gap) < 2:
        return NAN
    steady = (gap.mean(axis=0) ** 2 - gap.var(axis=0, ddof=1) / len(gap)).sum()
    return max(0.25 * float(steady) * float(single.mean()), 0.0)


def fixed_distance(decisions: Decisions, people: ArrayLike | None = None) -> Quantity:
    """Return the unbiased squared distance over a fixed list, orders as strata.

    It is `choice_distance` minus the variance of people's shares: the mean over questions of
    Σ_c [(s_c - p_c)² - s_c(1 - s_c)/(m - 1) - p_c(1 - p_c)/(n - 1)], with the shares s of m answers
    and the shares p of n people. The expected value of another sample of people is 0.

    `people` is the number n who answered each question, (D,). If it is None, the variance over the
    draws of people replaces p_c(1 - p_c)/(n - 1).
    """
    mask = decisions.repeated
    run = decisions.at(mask)
    if people is None or not mask.any():
        return _distance(run, human_variance(run))
    shape = (decisions.dilemmas,)
    count = _checks.shaped(people, shape, "people", 0, np.inf, missing=True)
    _checks.raise_if_any(~(count >= 2) & mask, count, "people", "a variance needs two or more")
    return _distance(run, (run.shares * (1 - run.shares)).sum(axis=1) / (count[mask] - 1))


def expected_distance(decisions: Decisions, answers: ArrayLike) -> float:
    """Return the expected `choice_distance` of a respondent with known answer shares.

    `answers` are the respondent's shares of the K possible answers to each dilemma, (D, K). NaN if
    `choice_distance` is undefined.
    """
    q = _checks.shares(answers, decisions.shares.shape, "answers")
    mask = decisions.repeated
    squares = (q[mask] - decisions.shares[mask]) ** 2
    return float(squares.sum(axis=1).mean()) if mask.any() else NAN


def _squared(run: Decisions) -> Floats:
    strata = run.strata
    return np.asarray(((strata.shares - run.shares) ** 2).sum(axis=1) - strata.variance.sum(axis=1))


def _distance(run: Decisions, variance: Floats) -> Quantity:
    """Return the mean squared distance minus `variance`, shape (D,)."""
    if run.dilemmas == 0:
        return undefined()
    value = float((_squared(run) - variance).mean())
    # Resampled distances are too large by the variance of people and of the model, and on a fixed
    # list by that of resampling.
    off: Floats = variance + human_variance(run) + run.strata.variance.sum(axis=1)
    if run.fixed:
        off = off + run.strata.redrawn.sum(axis=1)

    def terms(q: Shares, p: Shares) -> tuple[Shares, Shares]:
        return dot(q - p, q - p) - off, np.ones((1, run.dilemmas))

    return Quantity(value, *resampled_interval(run, terms), n=run.dilemmas)
