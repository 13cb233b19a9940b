"""Rates of coin answers of a model and of people."""

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._resample import rate_of
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import COIN, Decisions
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import proportion, stratified_proportion
from kidney_evals.estimation.quantity import Quantity, undefined


def indecision_rate(decisions: Decisions) -> Quantity:
    """Return the share of valid answers that are coins; `n` counts answers.

    NaN with n = 0 if no coin was on offer or there are no answers. `human` is people's coin rate on
    the same dilemmas, weighted by the number of the model's answers. It is NaN if people did not
    answer all of these dilemmas.
    """
    if not decisions.has_coin or len(decisions) == 0:
        return undefined()
    trials = decisions.counts.sum(axis=2)
    answers = trials.sum(axis=1)
    human = (answers * decisions.shares[:, COIN])[answers > 0].sum() / answers.sum()
    return rate_of(decisions, decisions.counts[:, :, COIN], trials, float(human))


def human_rates(run: Decisions, answers: ArrayLike) -> Floats:
    """Return people's coin rate over the dilemmas in each draw of people, shape (draws,).

    `answers`, (D,), is the weight of each dilemma: the number of the model's answers. Empty if the
    run has no draws of people.
    """
    weight = _checks.column(answers, run.dilemmas, "answers", 0, np.inf)
    if not run.has_coin:
        raise InputError("the run has no coin on offer, and people no coin rate")
    if run.share_draws is None:
        return np.empty(0)
    if not weight.any():
        raise InputError("answers are all 0: no dilemma counts")
    return np.asarray((run.share_draws[:, :, COIN] @ weight) / weight.sum(), dtype=np.float64)


def outcome_share(
    dilemma: ArrayLike, order: ArrayLike, hit: ArrayLike, *, fixed: bool = False
) -> Quantity:
    """Return the share of samples with an outcome, such as a valid answer; `n` counts samples.

    `human` is NaN. Without samples the result is undefined.

    Args:
        dilemma: Label of each sample's dilemma, shape (n,).
        order: 0 as listed, 1 swapped, shape (n,).
        hit: 1 for a sample with the outcome, else 0, shape (n,).
        fixed: Whether the dilemmas are a fixed list, not a sample.
    """
    n = _checks.length(dilemma, "dilemma", 0)
    if n == 0:
        return undefined()
    index, count = _checks.groups(dilemma, n, "dilemma")
    cell = index * 2 + _checks.codes(order, n, "order", (0, 1))
    weights = _checks.codes(hit, n, "hit", (0, 1))
    trials, hits = (
        np.bincount(cell, weights=each, minlength=2 * count).reshape(count, 2)
        for each in (np.ones(n), weights)
    )
    by_dilemma = hits.sum(axis=1), trials.sum(axis=1)
    ends = stratified_proportion(hits, trials) if fixed else proportion(*by_dilemma)
    return Quantity(float(hits.sum() / n), *ends, n=n)
