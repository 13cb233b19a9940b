"""Unbiased squared distance of a model's answer shares from people's.

With few answers the squared distance of observed shares is biased upward: one answer has a positive
distance from p even if q = p. The product of two independent answers to a dilemma is unbiased: E
(y_1 - p)(y_2 - p) = (q - p)² for answers with shares q.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._resample import Shares, bootstrap, dot, human_variance
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import percentile
from kidney_evals.estimation.quantity import Quantity, undefined


def choice_distance(decisions: Decisions) -> Quantity:
    """Return the unbiased squared distance of answer shares, mean over dilemmas.

    For each dilemma Σ_c (y_1c - p_c)(y_2c - p_c), with y_1 and y_2 the answers in the two orders.
    With repeats the mean is over all pairs of answers, and each repeated order has weight ½: this
    estimates the squared distance of the shares pooled over orders. Without repeats a position bias
    makes the two answers of a dilemma differ, which lowers the estimate; see `side_correction`.
    Probabilities from log-probabilities are averaged over orders and need no bias correction.

    Dilemmas with a single answer do not count, since one answer does not determine the variance Σ_c
    q_c (1 - q_c) that has to be subtracted.

    Returns:
        The quantity; n counts dilemmas with two answers or more; NaN with n = 0 without any. The
        expected value is 0 for a respondent who draws answers from people's shares; `human` is NaN.
        The interval includes the error of people's shares.
    """
    run = _repeated(decisions)
    # Resampled people are V(p) farther from the model than the observed shares. The point estimate
    # takes the observed shares as fixed, so V(p) is subtracted once.
    return _distance(run, np.zeros(run.dilemmas))


def distance_value(decisions: Decisions) -> float:
    """Return the value of `choice_distance` alone."""
    run = _repeated(decisions)
    return float(_squared(run).mean()) if run.dilemmas else float("nan")


def side_correction(decisions: Decisions) -> float:
    """Return the amount by which a constant position bias lowers `choice_distance`.

    Without repeats the product of the answers in the two orders estimates the squared distance of
    the pooled shares minus Σ_c d_c² / 4, with d_c the difference of shares between the orders. The
    part of d that is the same in all dilemmas is estimated by ¼ (|mean d|² - its variance). A
    respondent who always answers A has the distance -Σ_c p_c (1 - p_c), below that of a random
    person; with the correction, the distance of a respondent who chooses each patient half of the
    time.

    Returns:
        The amount to add, at least 0; 0 if dilemmas were repeated within orders or probabilities
        were read; NaN if no dilemma has answers in both orders.
    """
    run = _repeated(decisions)
    if run.chances is not None:
        return 0.0
    sizes = run.counts.sum(axis=2)
    single = (sizes >= 1).all(axis=1) & ~(sizes >= 2).all(axis=1)
    if not single.any():
        return 0.0 if run.dilemmas else float("nan")
    shares = run.counts[single] / sizes[single][:, :, None]
    gap = shares[:, 0] - shares[:, 1]
    if len(gap) < 2:
        return float("nan")
    steady = (gap.mean(axis=0) ** 2 - gap.var(axis=0, ddof=1) / len(gap)).sum()
    return max(0.25 * float(steady) * float(single.mean()), 0.0)


def fixed_distance(decisions: Decisions, people: ArrayLike | None = None) -> Quantity:
    """Return the unbiased squared distance over a fixed list, orders as strata.

    Mean over questions of Σ_c [(s - p)² - s(1 - s)/(m - 1) - p(1 - p)/(n - 1)]: `choice_distance`
    minus the variance of people's shares, which are estimated from a few dozen people.

    Args:
        decisions: A run over a fixed list.
        people: Number of people who answered each question, shape (D,); None for the variance over
            people's bootstrap draws.

    Returns:
        The quantity; n counts questions with two answers or more; NaN with n = 0 without any. The
        expected value of another sample of people is 0; `human` is NaN.
    """
    mask = decisions.repeated
    run = decisions.at(mask)
    if run.dilemmas == 0:
        return undefined()
    if people is None:
        return _distance(run, human_variance(run))
    shape = (decisions.dilemmas,)
    count = _checks.shaped(people, shape, "people", 0, np.inf, missing=True)
    few = ~(count >= 2) & mask
    if few.any():
        row = int(np.argmax(few))
        raise InputError(f"people row {row} is {count[row]:g}: a variance needs two or more")
    return _distance(run, (run.shares * (1 - run.shares)).sum(axis=1) / (count[mask] - 1))


def expected_distance(decisions: Decisions, answers: ArrayLike) -> float:
    """Return the squared distance of a respondent with known answer shares on the same dilemmas.

    Args:
        decisions: The run; the dilemmas used are those of `choice_distance`.
        answers: Shares of each answer by dilemma, shape (D, K); NaN rows where unknown.
    """
    q = _checks.shares(answers, decisions.shares.shape, "answers")
    mask = decisions.repeated
    if not mask.any():
        return float("nan")
    return float(((q[mask] - decisions.shares[mask]) ** 2).sum(axis=1).mean())


def _repeated(decisions: Decisions) -> Decisions:
    return decisions.at(decisions.repeated)


def _squared(run: Decisions) -> Floats:
    strata = run.strata
    squared: Floats = ((strata.shares - run.shares) ** 2).sum(axis=1) - strata.variance.sum(axis=1)
    return squared


def _distance(run: Decisions, variance: Floats) -> Quantity:
    """Return the mean squared distance minus `variance`, shape (D,), with its interval."""
    if run.dilemmas == 0:
        return undefined()
    value = float((_squared(run) - variance).mean())
    # Resampled distances are too large by the variance of people and of the model, and on a fixed
    # list by that of resampling.
    noise: Floats = run.strata.variance.sum(axis=1)
    if run.fixed:
        noise = noise + run.strata.redrawn.sum(axis=1)
    off = variance + human_variance(run) + noise

    def terms(q: Shares, p: Shares) -> tuple[Shares, ...]:
        return dot(q - p, q - p) - off, np.ones((1, run.dilemmas))

    ends = percentile(bootstrap(run, terms, np.divide), None if run.fixed else run.dilemmas)
    return Quantity(value, ends.low, ends.high, n=run.dilemmas)
