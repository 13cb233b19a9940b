"""Average marginal component effects of attribute levels on a patient's chance of the kidney.

The effect of a level is the chance of the kidney of a patient at that level minus that of a patient
at the base level, averaged over the patient's other attributes and the other patient (Hainmueller,
Hopkins and Yamamoto 2014, Political Analysis 22, eq. 5). The random draw of the dilemmas identifies
the effect, without a model of choice: if each patient's values are drawn independently and
uniformly, the effect is the difference of two means. It is a difference of probabilities, while the
weights of a logit are log-odds. On a fixed list the effect is valid for these dilemmas only.

A patient's outcome in an answer is the chance of getting the kidney: 1 if chosen, 0 if not chosen,
½ if the answer is the coin. Coin answers are not dropped, since this would condition on the
outcome. The levels of an attribute are its values if they are few, otherwise bands of values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import cluster_sums
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import NAN, NO_INTERVAL, Interval, percentile, student
from kidney_evals.estimation.quantity import Quantity, undefined

_CHANCES = np.array([1.0, 0.0, 0.5])


@dataclass(frozen=True)
class Levels:
    """The levels of one attribute: single values, or bands of values.

    Attributes:
        starts: Smallest value of each level, strictly ascending. A band ends before the start of
            the next band.
        end: Largest value of the last level.
        labels: Text of each level.
        exact: Whether each level is a single value. Other values are then not allowed.
    """

    starts: tuple[float, ...]
    end: float
    labels: tuple[str, ...]
    exact: bool

    def __post_init__(self) -> None:
        ends = _checks.numbers([*self.starts, self.end], "levels")
        ascending = np.diff(ends[:-1]) > 0
        sound = len(ends) > 1 and np.isfinite(ends).all() and ends[-1] >= ends[:-1].max()
        if not sound or not ascending.all():
            raise InputError(f"levels must ascend and be finite, not {ends.tolist()}")

    def __len__(self) -> int:
        return len(self.starts)

    def code(self, values: ArrayLike, name: str = "values") -> Ints:
        """Return the index of the level of each value, shape (n,).

        `name` is what an error calls the values.
        """
        _checks.length(values, name, 0)
        x = _checks.numbers(values, name)
        index = np.searchsorted(self.starts, x, side="right") - 1
        bad = ~((index >= 0) & (x <= self.end))
        if self.exact:
            bad |= np.asarray(self.starts)[index] != x
        _checks.raise_if_any(bad, x, name, f"in none of {list(self.labels)}")
        return index.astype(np.int64)


def attribute_levels(values: ArrayLike, *, most: int = 6, bands: int = 3) -> Levels:
    """Return the levels of an attribute: its values, or bands of equal width if there are many.

    Args:
        values: All values that the attribute can take, two different ones or more, in any order.
        most: Largest number of values that are levels themselves.
        bands: Number of bands if there are more values. Bands without a value are left out.
    """
    n = _checks.length(values, "values", 0)
    domain = np.unique(_checks.shaped(values, (n,), "values"))
    most, bands = _checks.whole(most, "most", 2), _checks.whole(bands, "bands", 2)
    if len(domain) < 2:
        raise InputError(f"an attribute needs two values or more, not {domain.tolist()}")
    if len(domain) <= most:
        each = tuple(domain.tolist())
        return Levels(each, each[-1], tuple(f"{value:g}" for value in each), exact=True)
    low, high = float(domain[0]), float(domain[-1])
    # Rounding must not move a value that lies on a cut into the band below it.
    position = np.floor((domain - low) / (high - low) * bands + 1e-9)
    band = np.minimum(position, bands - 1)
    parts = [domain[band == index] for index in np.unique(band)]
    labels = [f"{part[0]:g} to {part[-1]:g}" if len(part) > 1 else f"{part[0]:g}" for part in parts]
    return Levels(tuple(float(part[0]) for part in parts), high, tuple(labels), exact=False)


class MarginalEffect(NamedTuple):
    """The effect of one level, compared with the base level of the attribute.

    Attributes:
        attribute: Index of the attribute.
        level: Text of the level.
        base: Text of the base level, which is at the end that people favour least.
        effect: Difference in the chance of the kidney, by least squares, so that it may be outside
            -1 to 1. NaN with n = 0 if the answers do not determine it. `n` counts the answered
            dilemmas that show the level.
    """

    attribute: int
    level: str
    base: str
    effect: Quantity


def chances_of_choices(choices: ArrayLike) -> Floats:
    """Return the first-listed patient's chance of the kidney in each answer, (n,): 1, 0 or ½.

    Args:
        choices: 0 (first-listed patient), 1 (second-listed patient) or 2 (coin), shape (n,).
    """
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
) -> tuple[MarginalEffect, ...]:
    """Estimate the effects of all levels except the base levels from a respondent's answers.

    The effects are listed by attribute, and within an attribute from the level that people favour
    least to the most favoured level. The estimate is a least-squares fit of both patients' outcomes
    (two rows for each answer) on dummies of the patient's levels, with the covariance clustered by
    dilemma (Hainmueller et al. 2014, section 4). Intervals are Student's with m - 1 degrees of
    freedom; m is the smaller of two numbers: the answered dilemmas that show the level, and those
    that show its base.

    An effect is NaN if no answered dilemma shows the level or its base, or if it is collinear with
    other attributes. Only the interval is NaN if m < 2, or if the levels explain every answer
    exactly, since the residuals are then 0.

    Args:
        first: Values of the first-listed patient of each of the D dilemmas, shape (D, k).
        second: Values of the second-listed patient, shape (D, k).
        levels: The levels of each of the k attributes.
        favoured: 1 if people favour larger values of the attribute, -1 if smaller ones, shape (k,).
        dilemma: Index of the dilemma of each of the n answers, shape (n,).
        outcome: Chance of the first-listed patient in each answer, from `chances_of_choices`, shape
            (n,).
        weights: Weight of each answer, 0 or more, shape (n,); 1 by default.
    """
    x1, x2 = _checks.pair(first, second)
    n = _checks.length(dilemma, "dilemma", 0)
    index = _checks.places(dilemma, n, "dilemma", len(x1))
    y = _checks.column(outcome, n, "outcome", 0, 1)
    w = _checks.row_weights(weights, n, "weights")
    # Sorted, so that the order of answers cannot change a digit.
    order = np.lexsort((w, y, index))
    order = order[w[order] > 0]
    plan = _Plan(x1, x2, levels, favoured, index[order], w[order])
    effects = plan.effects(y[order])
    half = np.array([student(free) for free in plan.freedom]) * plan.errors(y[order])
    return plan.results(effects, map(Interval, effects - half, effects + half))


def human_marginal_effects(
    first: ArrayLike,
    second: ArrayLike,
    levels: Sequence[Levels],
    favoured: ArrayLike,
    outcome: ArrayLike,
    outcome_draws: ArrayLike,
    weights: ArrayLike | None = None,
) -> tuple[MarginalEffect, ...]:
    """Estimate people's effects on the dilemmas of a run, with intervals over people.

    The least squares of `marginal_effects` are applied to people's expected outcomes, one for each
    dilemma. The interval is the percentile interval over draws of people, with the dilemmas fixed.
    `n` of an effect counts the dilemmas of positive weight that show the level.

    Args:
        first: Values of the first-listed patient of each of the D dilemmas, shape (D, k).
        second: Values of the second-listed patient, shape (D, k).
        levels: The levels of each of the k attributes.
        favoured: 1 if people favour larger values of the attribute, -1 if smaller ones, shape (k,).
        outcome: People's expected chance of the first-listed patient in each dilemma, from
            `chances_of_shares`, shape (D,).
        outcome_draws: These chances for B draws of resampled people, shape (B, D). If B < 2,
            intervals are NaN.
        weights: Weight of each dilemma, such as the model's number of answers, shape (D,); 1 by
            default. A dilemma of weight 0 may have an outcome of NaN.
    """
    x1, x2 = _checks.pair(first, second)
    count = len(x1)
    w = _checks.row_weights(weights, count, "weights")
    used = w > 0
    y = _used_chances(outcome, (count,), used, "outcome")
    table = _checks.numbers(outcome_draws, "outcome_draws")
    draws = _used_chances(table, (*table.shape[:1], count), used, "outcome_draws")
    plan = _Plan(x1, x2, levels, favoured, np.flatnonzero(used), w[used])
    drawn = plan.effects(draws).T
    ends = (percentile(effect) if len(draws) > 1 else NO_INTERVAL for effect in drawn)
    return plan.results(plan.effects(y), ends)


def _used_chances(values: ArrayLike, shape: tuple[int, ...], used: Bools, name: str) -> Floats:
    """Return the probabilities at the `used` dilemmas; elsewhere `values`, (..., D), may be NaN."""
    x = _checks.numbers(values, name)
    filled = np.where(used, x, 0.5) if x.shape == shape else x
    return _checks.shaped(filled, shape, name, 0, 1, slack=1e-6)[..., used]


class _Plan:
    """Least squares of both patients' outcomes: n rows of first patients, then n of second ones.

    `to_weights`, (w, 2n), maps outcomes to the weights of the dummies, `to_effects`, (r, 2n), to
    the effects, with NaN for those that are not determined.
    """

    def __init__(
        self,
        first: Floats,
        second: Floats,
        levels: Sequence[Levels],
        favoured: ArrayLike,
        index: Ints,
        weights: Floats,
    ) -> None:
        k = first.shape[1]
        if len(levels) != k:
            raise InputError(f"levels has {len(levels)} entries for {k} attributes")
        sign = _checks.codes(favoured, k, "favoured", (-1, 1))
        if len(index) == 0:
            raise InputError("there is no answer to fit")
        offsets = np.cumsum([1, *map(len, levels)]).tolist()
        unit = np.eye(offsets[-1])

        def dummies(values: Floats, name: str) -> Floats:
            parts = [unit[np.zeros(len(values), dtype=int)]]
            for column, each in enumerate(levels):
                code = each.code(values[:, column], f"{name} attribute {column}")
                parts.append(unit[offsets[column] + code])
            return np.asarray(np.sum(parts, axis=0))

        one, two = dummies(first, "first"), dummies(second, "second")
        answered = np.unique(index)
        shown = np.maximum(one[answered], two[answered]).sum(axis=0).astype(np.int64)
        self.names, columns, bases = [], [], []
        for attribute, each in enumerate(levels):
            base, *others = range(len(each))[:: int(sign[attribute])]
            self.names += [(attribute, each.labels[level], each.labels[base]) for level in others]
            columns += [offsets[attribute] + level for level in others]
            bases += [offsets[attribute] + base for _ in others]
        contrasts = unit[columns] - unit[bases]
        self.design, self.dilemma = np.concatenate([one[index], two[index]]), np.tile(index, 2)
        root = np.sqrt(np.tile(weights, 2))
        # Directions with a smaller share of the largest singular value are rounding error.
        self.to_weights = np.linalg.pinv(self.design * root[:, None], rcond=1e-5) * root
        # A contrast outside the row space of the design is not identified.
        outside = contrasts - contrasts @ (self.to_weights @ self.design)
        known = np.abs(outside).max(axis=1, initial=0.0)[:, None] < 1e-6
        self.to_effects = np.where(known, contrasts @ self.to_weights, NAN)
        self.shown = shown[columns]  # answered dilemmas that show each effect's level
        # A mean of m dilemmas has m - 1 degrees of freedom, and a contrast at least the fewer of
        # two.
        fewest = np.minimum(self.shown, shown[bases])
        self.freedom = np.minimum(fewest - 1, len(answered) - 1).tolist()

    def effects(self, outcome: Floats) -> Floats:
        """Return effects from the first patients' outcomes (..., n), shape (..., r)."""
        return np.asarray(_both(outcome) @ self.to_effects.T)

    def errors(self, outcome: Floats) -> Floats:
        """Return the clustered standard errors of the effects, (r,); NaN where nothing varies."""
        n, rank = len(self.design), round(float(np.trace(self.to_weights @ self.design)))
        index, count = _checks.groups(self.dilemma, n)
        residual = _both(outcome) - self.design @ (self.to_weights @ _both(outcome))
        if np.abs(residual).max() < 1e-9 or count < 2 or n <= rank:
            return np.full(len(self.names), NAN)
        sums = cluster_sums((self.to_effects * residual).T, index, count)
        # The factor is that of Stata and statsmodels.
        factor = count / (count - 1) * (n - 1) / (n - rank)
        return np.asarray(np.sqrt(factor * (sums**2).sum(axis=0)))

    def results(self, effects: Floats, ends: Iterable[Interval]) -> tuple[MarginalEffect, ...]:
        rows = []
        for name, value, (low, high), n in zip(self.names, effects, ends, self.shown, strict=True):
            effect = Quantity(float(value), float(low), float(high), n=int(n))
            rows.append(MarginalEffect(*name, undefined() if np.isnan(value) else effect))
        return tuple(rows)


def _both(outcome: Floats) -> Floats:
    return np.concatenate([outcome, 1 - outcome], axis=-1)
