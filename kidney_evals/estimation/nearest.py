"""Classification of a respondent into known classes of people.

By Bayes' rule P(class | answers) ∝ share · Π P_class(answer), with known classes. With hundreds of
answers this posterior is near 0 or 1 even if no class fits and the answers to one dilemma are
dependent. Therefore the log-likelihood is scaled to the effective number of independent answers,
and the result includes the share of resamples of the dilemmas in which each class is the nearest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import cluster_sums
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import DRAWS, weight_blocks

_LEAST = 1e-300


class NearestClasses(NamedTuple):
    """The result of `nearest_classes`; the C classes are in the order of its arguments.

    Attributes:
        posterior: P(class | answers) at the effective number of answers, shape (C,).
        support: Share of resamples of the dilemmas in which each class is the nearest, shape (C,).
        log_likelihood: Mean log-probability of an answer in each class, shape (C,).
        expected: Expected mean log-probability of an answer by a member of each class, shape (C,).
            If the `log_likelihood` of the nearest class is far below this, the class does not fit.
        effective_answers: Effective number of independent answers for the comparison of the nearest
            class with the next; at most `answers`.
    """

    nearest: int
    posterior: Floats
    support: Floats
    log_likelihood: Floats
    expected: Floats
    answers: int
    effective_answers: float


def nearest_classes(
    shares: ArrayLike, class_shares: ArrayLike, choices: ArrayLike, dilemmas: ArrayLike
) -> NearestClasses:
    """Return the posterior over known classes of people, given a respondent's answers.

    `shares` are the shares of people in each class, above 0, (C,); `class_shares` is
    `LatentFit.predict` of the answers' differences, (C, n, K). There are two `dilemmas` or more.
    """
    predicted = _checks.numbers(class_shares, "class_shares")
    if predicted.ndim != 3 or 0 in predicted.shape or predicted.shape[2] not in (2, 3):
        raise InputError(
            f"class_shares must have shape (classes, answers, 2 or 3), not {predicted.shape}"
        )
    predicted = _checks.shaped(predicted, predicted.shape, "class_shares", 0, 1, slack=1e-6)
    classes, n, width = predicted.shape
    prior = _checks.column(shares, classes, "shares", _LEAST, 1)
    choice = _checks.codes(choices, n, "choices", tuple(range(width)))
    index, count = _checks.groups(dilemmas, n, "dilemmas")
    if count < 2:
        raise InputError("dilemmas names a single dilemma, which cannot tell classes apart")
    logs = np.log(np.maximum(predicted[:, np.arange(n), choice], _LEAST)).T
    start = np.log(prior / prior.sum())
    order = np.argsort(-(start + logs.sum(axis=0)), kind="stable")
    nearest = int(order[0])
    effective = float(n)
    if classes > 1:
        gap = logs[:, [nearest]] - logs[:, [order[1]]]
        # Variances of a sum over clusters and, as if answers were independent, over answers.
        clustered = float(count * cluster_sums(gap, index, count).var(ddof=1))
        independent = float(n * gap.var(ddof=1))
        if clustered > independent:
            effective = n * independent / clustered
    sums = cluster_sums(logs, index, count) * effective / n
    wins = np.zeros(classes)
    for _, weights in weight_blocks(count, DRAWS):
        wins += np.bincount((start + weights @ sums).argmax(axis=1), minlength=classes)
    return NearestClasses(
        nearest=nearest,
        posterior=special.softmax(start + logs.sum(axis=0) * effective / n),
        support=wins / wins.sum(),
        log_likelihood=logs.mean(axis=0),
        expected=(predicted * np.log(np.maximum(predicted, _LEAST))).sum(axis=2).mean(axis=1),
        answers=n,
        effective_answers=effective,
    )
