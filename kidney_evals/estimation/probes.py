"""Effect of an attribute that must not matter, from questions asked in both assignments of it.

Both candidates of a dilemma get a level of the attribute, the probe. The same dilemma is asked in
the same order with the levels exchanged. All estimates are means over dilemmas of contrasts between
answers to one dilemma in one order, so that the effects of dilemma, order and side cancel.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.intervals import Interval
from kidney_evals.estimation.paired import NOTHING, PairedDifference, changed, score_interval
from kidney_evals.estimation.quantity import Quantity, undefined

NO_LEVEL = -1
"""Code of a candidate without a level of the probe."""

_ROUNDING = 1e-4
"""Excess over 1 of a sum of rounded probabilities."""


@dataclass(frozen=True, eq=False)
class ProbeAnswers:
    """The answers of a run with a probe, arrays of shape (n,).

    Attributes:
        unit: Index of the dilemma. On a fixed list, where repetitions are independent, index of the
            dilemma and repetition.
        order: 0 as listed, 1 swapped.
        first: Index of the probe's level of the first-listed candidate, `NO_LEVEL` for none.
        second: Index of the probe's level of the second-listed candidate, `NO_LEVEL` for none.
        score: 1 if the first-listed candidate was chosen, 0 if not, ½ for the coin; the expected
            value if probabilities were read.
        coin: 1 for the coin, else 0; its probability if probabilities were read.
    """

    unit: Ints
    order: Ints
    first: Ints
    second: Ints
    score: Floats
    coin: Floats

    def __post_init__(self) -> None:
        """Check every array; raise `InputError` for values that are not allowed."""
        n = _checks.length(self.unit, "unit", 0)
        checked: dict[str, Any] = {
            "unit": _checks.places(self.unit, n, "unit"),
            "order": _checks.places(self.order, n, "order", 2),
            "first": _checks.places(self.first, n, "first", least=NO_LEVEL),
            "second": _checks.places(self.second, n, "second", least=NO_LEVEL),
            "score": _checks.column(self.score, n, "score", 0, 1 + _ROUNDING),
            "coin": _checks.column(self.coin, n, "coin", 0, 1 + _ROUNDING),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)


def level_effect(answers: ProbeAnswers, level: int, coverage: float = 0.95) -> Quantity:
    """Return the average marginal component effect of a level against the other levels.

    The effect is a candidate's probability of being chosen if this candidate alone has the level,
    minus the probability if the other candidate alone has it. It is a mean over dilemmas and,
    within a dilemma, over orders, of the contrasts between the two assignments (Hainmueller,
    Hopkins and Yamamoto 2014). A dilemma counts, also in `n`, if it has both assignments in an
    order. On a fixed list, each repetition of a dilemma counts as a dilemma.

    The interval is Tango's score interval over dilemmas (`paired.score_interval`), which has a
    positive width even if all contrasts are 0.

    Args:
        answers: The answers of a run.
        level: Index of the level.
        coverage: Coverage of the interval.
    """
    return contrast_mean(level_contrasts(answers, level), coverage)


def coin_difference(answers: ProbeAnswers, coverage: float = 0.95) -> Quantity:
    """Return the coin rate with different levels minus the coin rate with equal levels.

    It is a mean over dilemmas and, within a dilemma, over orders. The interval, `n` and `coverage`
    are as in `level_effect`.
    """
    return contrast_mean(coin_contrasts(answers), coverage)


def level_contrasts(answers: ProbeAnswers, level: int) -> Floats:
    """Return the contrast of a level in each unit, shape (largest unit + 1,).

    The contrast is the mean score if the first-listed candidate alone has the level, minus the mean
    score if the second-listed candidate alone has it, averaged over orders. NaN for a unit without
    a contrast.
    """
    has, other = answers.first == level, answers.second == level
    return _contrasts(answers, answers.score, has ^ other, has)


def coin_contrasts(answers: ProbeAnswers) -> Floats:
    """Return the contrast of coin rates in each unit, shape (largest unit + 1,).

    The contrast is the coin rate with different levels minus that with equal levels, averaged over
    orders. NaN for a unit without a contrast.
    """
    levels = answers.first != NO_LEVEL
    return _contrasts(answers, answers.coin, levels, answers.first != answers.second)


def contrast_mean(contrasts: ArrayLike, coverage: float = 0.95) -> Quantity:
    """Return the mean of contrasts with Tango's interval; `n` counts the units with a contrast.

    Args:
        contrasts: Contrast of each unit, -1 to 1, NaN for none, shape (units,).
        coverage: Coverage of the interval.
    """
    _checks.coverage(coverage, "coverage")
    each = _checks.vector(contrasts, "contrasts", -1, 1, 1e-9)
    each = each[~np.isnan(each)]
    if not len(each):
        return undefined()
    ends, _ = score_interval(each, coverage)
    return Quantity(float(each.mean()), *ends, n=len(each))


def contrast_change(first: ArrayLike, second: ArrayLike) -> PairedDifference:
    """Return the change of a mean of contrasts from one run to another on drawn dilemmas.

    Only dilemmas with a contrast in both runs count. The interval is Tango's interval of half the
    differences, times 2, since a difference of two contrasts is between -2 and 2.

    Args:
        first: The first run's contrast in each dilemma, NaN for none, shape (D,).
        second: The second run's contrasts. If it is shorter or longer, the missing dilemmas have
            none.
    """
    before = _checks.vector(first, "first", -1, 1, 1e-9)
    after = _checks.vector(second, "second", -1, 1, 1e-9)
    size = min(len(before), len(after))
    both = ~np.isnan(before[:size] + after[:size])
    if not both.any():
        return NOTHING
    one, two = before[:size][both], after[:size][both]
    ends, p = score_interval((two - one) / 2)
    doubled = Interval(2 * ends.low, 2 * ends.high)
    return changed(float(one.mean()), float(two.mean()), doubled, len(one), p)


def _contrasts(answers: ProbeAnswers, values: Floats, used: Bools, is_one: Bools) -> Floats:
    """Return, by unit, the mean over orders of mean value with `is_one` minus that without."""
    units = int(answers.unit.max(initial=-1)) + 1
    cell = ((answers.unit * 2 + answers.order) * 2 + is_one)[used]
    count = np.bincount(cell, minlength=4 * units).reshape(units, 2, 2)
    total = np.bincount(cell, values[used], minlength=4 * units).reshape(units, 2, 2)
    means = total / np.where(count > 0, count, np.nan)
    each = means[:, :, 1] - means[:, :, 0]
    known = ~np.isnan(each)
    orders = known.sum(axis=1)
    return np.asarray(np.where(known, each, 0).sum(axis=1) / np.where(orders > 0, orders, np.nan))
