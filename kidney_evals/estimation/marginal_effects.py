"""Average marginal component effects of attribute levels on a patient's chance of the kidney.

The effect of a level is the chance of the kidney of a patient at that level minus that of a patient
at the base level, averaged over the patient's other attributes and the other patient (Hainmueller,
Hopkins and Yamamoto 2014, Political Analysis 22, eq. 5). It is identified by the random draw of the
dilemmas and needs no model of choice: if each patient's values are drawn independently and
uniformly, it is the difference of two means. It is a difference of probabilities, while the logit's
weights are log-odds. On a fixed list the effect is valid for these dilemmas only.

A patient's outcome in an answer is the chance of getting the kidney: 1 if chosen, 0 if not chosen,
½ if the answer is the coin. Coin answers are not dropped, since this would condition on the
outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import cluster_sums
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import NAN, NO_INTERVAL, Interval, percentile, student
from kidney_evals.estimation.levels import Levels
from kidney_evals.estimation.quantity import Quantity, undefined

_CHANCES = np.array([1.0, 0.0, 0.5])


class MarginalEffect(NamedTuple):
    """The effect of one level against the base level, the level that people favour least.

    `effect` is a difference in the chance of the kidney, -1 to 1; NaN with n = 0 if the answers do
    not determine it. `n` counts answered dilemmas that show the level.
    """

    attribute: int
    level: str
    base: str
    effect: Quantity


class MarginalEffects(NamedTuple):
    """Effects of all levels except the base levels, by attribute, from least to most favoured."""

    rows: tuple[MarginalEffect, ...]


def chances_of_choices(choices: ArrayLike) -> Floats:
    """Return the first-listed patient's chance in each answer: 1, 0, or ½ for the coin."""
    n = _checks.length(choices, "choices", 0)
    return _CHANCES[_checks.codes(choices, n, "choices", (0, 1, 2))]


def chances_of_shares(shares: ArrayLike) -> Floats:
    """Return p(first) + ½ p(coin) of shares (..., 2) or (..., 3), shape (...)."""
    each = _checks.numbers(shares, "shares")
    if each.ndim == 0 or each.shape[-1] not in (2, 3):
        raise InputError(f"shares must have shape (..., 2 or 3), not {each.shape}")
    each = _checks.shares(each, each.shape, "shares")
    return np.asarray(each @ _CHANCES[: each.shape[-1]])


def marginal_effects(
    first: ArrayLike,
    second: ArrayLike,
    levels: Sequence[Levels],
    favoured: ArrayLike,
    dilemma: ArrayLike,
    outcome: ArrayLike,
    weights: ArrayLike | None = None,
) -> MarginalEffects:
    """Estimate the effects of all levels from a respondent's answers.

    Least squares of both patients' outcomes (two rows for each answer) on dummies of the patient's
    levels, with the covariance clustered by dilemma (Hainmueller et al. 2014, section 4). Intervals
    are Student's. The degrees of freedom are the number of dilemmas minus 1, or fewer if few
    dilemmas show the level or its base, as in the comparison of two means with unequal variances.

    Args:
        first: First-listed patients' values by dilemma, shape (D, k).
        second: Second-listed patients' values, shape (D, k).
        levels: Of each attribute, length k.
        favoured: +1 where people favour larger values of the attribute, -1 smaller, shape (k,).
        dilemma: Index of each answer's dilemma, shape (n,).
        outcome: The first-listed patient's chance of the kidney, 0 to 1, shape (n,); from
            `chances_of_choices`. Each order of a dilemma is in terms of the dilemma as listed.
        weights: How much each answer counts, not negative, shape (n,); 1 by default.

    Returns:
        The effects. An effect is NaN if no answered dilemma shows the level or its base, or if it
        is collinear with other attributes. Only the interval is NaN if fewer than two dilemmas show
        the level, or if the levels explain every answer exactly, since the residuals are then 0.
    """
    x1, x2 = _checks.pair(first, second)
    n = _checks.length(dilemma, "dilemma", 0)
    index = _checks.places(dilemma, n, "dilemma", len(x1))
    y = _checks.column(outcome, n, "outcome", 0, 1)
    w = np.ones(n) if weights is None else _checks.column(weights, n, "weights", 0, np.inf)
    # Sorted, so that the order of answers cannot change a digit.
    order = np.lexsort((w, y, index))
    order = order[w[order] > 0]
    plan = _plan(x1, x2, levels, favoured, index[order], w[order])
    effects = plan.effects(y[order])
    halves = [
        student(free) * error if free > 0 else NAN
        for error, free in zip(plan.errors(y[order]), plan.freedom, strict=True)
    ]
    ends = (Interval(value - by, value + by) for value, by in zip(effects, halves, strict=True))
    return plan.results(effects, ends)


def human_marginal_effects(
    first: ArrayLike,
    second: ArrayLike,
    levels: Sequence[Levels],
    favoured: ArrayLike,
    outcome: ArrayLike,
    outcome_draws: ArrayLike,
    weights: ArrayLike | None = None,
) -> MarginalEffects:
    """Estimate people's effects on the same dilemmas, with intervals over people.

    The least squares of `marginal_effects`, applied to people's expected outcomes. The interval is
    the percentile interval over draws of people, with the dilemmas fixed.

    Args:
        first: First-listed patients' values by dilemma, shape (D, k).
        second: Second-listed patients' values, shape (D, k).
        levels: Of each attribute, length k.
        favoured: As in `marginal_effects`, shape (k,).
        outcome: People's expected chance of the first-listed patient, from `chances_of_shares`,
            (D,).
        outcome_draws: `outcome` for resampled people, shape (B, D); B may be 0.
        weights: Weight of each dilemma, shape (D,), such as the model's number of answers; 1 by
            default. A dilemma of weight 0 may have an outcome of NaN.
    """
    x1, x2 = _checks.pair(first, second)
    count = len(x1)
    w = np.ones(count) if weights is None else _checks.column(weights, count, "weights", 0, np.inf)
    used = w > 0
    y = _used_chances(outcome, (count,), used, "outcome")
    table = _checks.numbers(outcome_draws, "outcome_draws")
    draws = _used_chances(table, (*table.shape[:1], count), used, "outcome_draws")
    plan = _plan(x1, x2, levels, favoured, np.flatnonzero(used), w[used])
    drawn = plan.effects(draws).T
    ends = (percentile(effect) if len(draws) > 1 else NO_INTERVAL for effect in drawn)
    return plan.results(plan.effects(y), ends)


def _used_chances(values: ArrayLike, shape: tuple[int, ...], used: Bools, name: str) -> Floats:
    """Return the probabilities at the `used` dilemmas; elsewhere `values`, (..., D), may be NaN."""
    x = _checks.numbers(values, name)
    filled = np.where(used, x, 0.5) if x.shape == shape else x
    return _checks.shaped(filled, shape, name, 0, 1, slack=1e-6)[..., used]


class _Plan(NamedTuple):
    """Least squares of both patients' outcomes: n rows of first patients, then n of second ones.

    Attributes:
        weights_of: From outcomes to the weights of the w dummies, shape (w, 2n).
        effects_of: From outcomes to the r effects, shape (r, 2n); NaN rows are not determined.
        shown: Answered dilemmas that show each effect's level, shape (r,).
    """

    names: list[tuple[int, str, str]]
    weights_of: Floats
    effects_of: Floats
    design: Floats
    dilemma: Ints
    shown: Ints
    freedom: list[int]

    def effects(self, outcome: Floats) -> Floats:
        """Return effects from the first patients' outcomes (..., n), shape (..., r)."""
        return np.asarray(_both(outcome) @ self.effects_of.T)

    def errors(self, outcome: Floats) -> Floats:
        """Return the clustered standard errors of the effects, (r,); NaN where nothing varies."""
        n, rank = len(self.design), round(float(np.trace(self.weights_of @ self.design)))
        index, count = _checks.groups(self.dilemma, n)
        residual = _both(outcome) - self.design @ (self.weights_of @ _both(outcome))
        if np.abs(residual).max() < 1e-9 or count < 2 or n <= rank:
            return np.full(len(self.names), NAN)
        sums = cluster_sums((self.effects_of * residual).T, index, count)
        # The factor is that of Stata and statsmodels.
        factor = count / (count - 1) * (n - 1) / (n - rank)
        return np.asarray(np.sqrt(factor * (sums**2).sum(axis=0)))

    def results(self, effects: Floats, ends: Iterable[Interval]) -> MarginalEffects:
        rows = zip(self.names, effects.tolist(), ends, self.shown.tolist(), strict=True)
        return MarginalEffects(
            tuple(
                MarginalEffect(
                    *name,
                    undefined() if np.isnan(value) else Quantity(value, *each, n=shown),
                )
                for name, value, each, shown in rows
            )
        )


def _both(outcome: Floats) -> Floats:
    return np.concatenate([outcome, 1 - outcome], axis=-1)


def _plan(
    first: Floats,
    second: Floats,
    levels: Sequence[Levels],
    favoured: ArrayLike,
    index: Ints,
    weights: Floats,
) -> _Plan:
    k = first.shape[1]
    if len(levels) != k:
        raise InputError(f"levels has {len(levels)} entries for {k} attributes")
    sign = _checks.codes(favoured, k, "favoured", (-1, 1))
    if len(index) == 0:
        raise InputError("there is no answer to fit")
    offsets = np.cumsum([1, *(len(each) for each in levels)])
    width = int(offsets[-1])

    def dummies(values: Floats, name: str) -> Floats:
        design = np.zeros((len(values), width))
        design[:, 0] = 1.0
        for column, each in enumerate(levels):
            code = each.code(values[:, column], f"{name} attribute {column}")
            design[np.arange(len(values)), offsets[column] + code] = 1.0
        return design

    one, two = dummies(first, "first"), dummies(second, "second")
    answered = np.unique(index)
    shown = np.maximum(one[answered], two[answered]).sum(axis=0).astype(np.int64)
    names, columns, bases = [], [], []
    for attribute, each in enumerate(levels):
        base, *others = range(len(each))[:: int(sign[attribute])]
        for level in others:
            names.append((attribute, each.labels[level], each.labels[base]))
            columns.append(int(offsets[attribute]) + level)
            bases.append(int(offsets[attribute]) + base)
    contrasts = np.eye(width)[columns] - np.eye(width)[bases]
    design = np.concatenate([one[index], two[index]])
    root = np.sqrt(np.tile(weights, 2))
    # Directions with a smaller share of the largest singular value are rounding error.
    weights_of = np.linalg.pinv(design * root[:, None], rcond=1e-5) * root
    # A contrast outside the row space of the design is not identified.
    outside = contrasts - contrasts @ (weights_of @ design)
    known = np.abs(outside).max(axis=1, initial=0.0)[:, None] < 1e-6
    # A mean of m dilemmas has m - 1 degrees of freedom, and a contrast at least the fewer of two.
    fewest = np.minimum(shown[columns], shown[bases])
    return _Plan(
        names=names,
        weights_of=weights_of,
        effects_of=np.where(known, contrasts @ weights_of, NAN),
        design=design,
        dilemma=np.tile(index, 2),
        shown=shown[columns],
        freedom=np.minimum(fewest - 1, len(answered) - 1).tolist(),
    )
