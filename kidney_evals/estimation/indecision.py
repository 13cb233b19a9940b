"""Rates of coin answers of a model and of people."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._resample import rate_of
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import COIN, Decisions
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import (
    NO_INTERVAL,
    Interval,
    difference,
    percentile,
    proportion,
    stratified_proportion,
)
from kidney_evals.estimation.quantity import Quantity, undefined


def indecision_rate(decisions: Decisions) -> Quantity:
    """Return the share of valid answers that are coins; n counts answers.

    NaN with n = 0 if no coin was on offer or there are no answers. `human` is people's rate on the
    same dilemmas, weighted by the number of the model's answers (NaN if people did not answer all
    of the dilemmas).
    """
    if not decisions.has_coin or len(decisions) == 0:
        return undefined()
    trials = decisions.counts.sum(axis=2)
    answers = trials.sum(axis=1)
    human = (answers * decisions.shares[:, COIN])[answers > 0].sum() / answers.sum()
    return rate_of(decisions, decisions.counts[:, :, COIN], trials, human=float(human))


def indecision_gap(decisions: Decisions) -> Quantity:
    """Return the indecision rate minus people's rate on the same dilemmas.

    The interval combines, by `intervals.difference`, the interval of the model's rate (Wilson's,
    with the variance of answers minus people's rates, since close dilemmas raise both rates) and
    the percentile interval of people's rate. `human` is NaN; n counts answers to dilemmas that
    people answered.
    """
    if not decisions.has_coin:
        return undefined()
    run = decisions.at(decisions.known)
    if len(run) == 0:
        return undefined()
    trials = run.counts.sum(axis=2)
    answers = trials.sum(axis=1)
    expected = answers * run.shares[:, COIN]
    human = float(expected.sum() / answers.sum())
    model = rate_of(run, run.counts[:, :, COIN], trials, expected=expected)
    ends = difference(
        model.value, Interval(model.low, model.high), human, human_interval(run, answers)
    )
    return Quantity(model.value - human, *ends, n=len(run))


def human_interval(run: Decisions, answers: ArrayLike) -> Interval:
    """Return the interval of people's coin rate on a run's dilemmas; NaN without draws of people.

    People must have answered every dilemma; `answers` is each dilemma's weight, shape (D,).
    """
    return NO_INTERVAL if run.share_draws is None else percentile(human_rates(run, answers))


def human_rates(run: Decisions, answers: ArrayLike) -> Floats:
    """Return people's coin rate in each draw, with dilemma weights (D,); empty without draws."""
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
    """Return the share of samples with an outcome `hit`, (n,), such as coverage; n counts samples.

    `dilemma` is the label of each sample's dilemma and `order` 0 as listed, 1 swapped, both (n,);
    `fixed` says that the questions are a fixed list. `human` is NaN.
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
    ends = (
        stratified_proportion(hits, trials)
        if fixed
        else proportion(hits.sum(axis=1), trials.sum(axis=1))
    )
    return Quantity(float(hits.sum() / n), *ends, n=n)
