"""Measures that are means over dilemmas: the value of a run, and the change between two runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures import estimators

if TYPE_CHECKING:
    from kidney_evals.estimation.paired import PairedDifference
    from kidney_evals.measures.run import Run

Values = Callable[["Run"], tuple[Any, Any]]
"""Function of a run that returns two arrays of shape (n,) over its n samples.

The first holds a value in [0, 1] of each sample, the second whether the sample counts.
"""


def mean_over_dilemmas(run: Run, values: Values) -> Quantity:
    """Return the mean over dilemmas of each dilemma's mean value; n counts dilemmas.

    The interval is Wilson's: clustered by dilemma, or on a fixed list over independent answers.
    Undefined if no sample counts.
    """
    each, answers = _by_dilemma(run, values)
    known = answers > 0
    if not known.any():
        return undefined()
    value, count = float(each[known].mean()), int(known.sum())
    if run.study.draw is None:
        ends = estimators.intervals.wilson(value, int(answers[known].sum()))
    else:
        ends = estimators.intervals.proportion(each[known], [1.0] * count)
    return Quantity(value, ends.low, ends.high, n=count)


def mean_change(values: Values) -> Callable[[Run, Run], PairedDifference]:
    """Return a function of two runs, for `Measure.change`: the change of `mean_over_dilemmas`."""

    def change(before: Run, after: Run) -> PairedDifference:
        paired = estimators.paired
        if before.study.draw is not None:
            one, two = (_by_dilemma(run, values)[0] for run in (before, after))
            return paired.share_change(one, two)
        # On a fixed list only the answers vary, not the dilemmas.
        first, second = (mean_over_dilemmas(run, values) for run in (before, after))
        return paired.independent_change(first, second, len(before.dilemmas))

    return change


def _by_dilemma(run: Run, values: Values) -> tuple[Any, Any]:
    """Return the mean value and the number of samples of each dilemma, (D,); NaN without any."""
    import numpy as np

    each, counted = values(run)
    size, where = len(run.dilemmas), run.dilemma[counted]
    count = np.bincount(where, minlength=size)
    total = np.bincount(where, weights=each[counted].astype(np.float64), minlength=size)
    return np.clip(total / np.where(count > 0, count, np.nan), 0, 1), count
