"""How far a model's shares of answers lie from people's, without the bias of few answers.

A single answer lies at a distance from p even where the model answers exactly as people do.
Products of two different answers to the same dilemma have no such bias:
E (y_1 - p)(y_2 - p) = (q - p)² for independent answers with shares q.
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

    For each dilemma Σ_c (y_1c - p_c)(y_2c - p_c), y_1 and y_2 the answers in the two orders. With
    repeats the products run over all pairs of answers, each order counting half where it was
    repeated, which estimates the squared distance of the shares pooled over orders. Without
    repeats a pull of the screen's sides makes the two answers of a dilemma differ, which lowers
    the figure: see `side_correction`.

    Where probabilities were read out, both orders' are averaged and nothing needs to be taken off.

    Dilemmas with a single answer do not count. One answer leaves Σ_c q_c (1 - q_c), the variance
    to be taken off, unknown, and any guess at it would decide the result.

    Returns:
        NaN with n = 0 where no dilemma has two answers. A respondent who draws answers from
        people's shares scores 0; `human` is NaN. n counts dilemmas with two answers or more. The
        interval is for the distance to the reference shares, whose own error it contains.
    """
    run = _repeated(decisions)
    # Redrawn people lie V(p) farther off than the shares of record; the point estimate takes
    # those as given, so that V(p) comes off once.
    return _distance(run, np.zeros(run.dilemmas))


def distance_value(decisions: Decisions) -> float:
    """Return the value of `choice_distance` alone."""
    run = _repeated(decisions)
    return float(_squared(run).mean()) if run.dilemmas else float("nan")


def side_correction(decisions: Decisions) -> float:
    """Return the amount that a steady pull to one side of the screen takes off `choice_distance`.

    Without repeats the cross product of the two orders estimates the squared distance of the
    pooled shares less Σ_c d_c² / 4, d_c being the difference of shares between the orders. The
    part of d that is the same in every dilemma can be estimated: ¼ (|mean d|² - its variance).
    A respondent who always answers A gets -Σ_c p_c (1 - p_c) for a distance (below a human draw),
    and with the correction the distance of an even answerer.

    Returns:
        The amount to add, at least 0; 0 where dilemmas were repeated within orders or
        probabilities read out; NaN where no dilemma has answers in both orders.
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
    less the variance of people's shares, which are shares of a few dozen people.

    Args:
        decisions: A run over a fixed list.
        people: How many people answered each question, shape (D,); None takes people's variance
            from their bootstrap draws.

    Returns:
        NaN with n = 0 where no question has two answers. A fresh crowd scores 0; `human` is NaN.
        n counts questions with two answers or more.
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
        decisions: The run that says which dilemmas count: those of `choice_distance`.
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
    """Return the mean squared distance less `variance`, shape (D,), with its interval."""
    if run.dilemmas == 0:
        return undefined()
    value = float((_squared(run) - variance).mean())
    # Redrawn distances are too large by the variance of people and of the model, and on a fixed
    # list by that of redrawing.
    noise: Floats = run.strata.variance.sum(axis=1)
    if run.fixed:
        noise = noise + run.strata.redrawn.sum(axis=1)
    off = variance + human_variance(run) + noise

    def terms(q: Shares, p: Shares) -> tuple[Shares, ...]:
        return dot(q - p, q - p) - off, np.ones((1, run.dilemmas))

    ends = percentile(bootstrap(run, terms, np.divide), None if run.fixed else run.dilemmas)
    return Quantity(value, ends.low, ends.high, n=run.dilemmas)
