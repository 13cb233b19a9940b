"""Measures that are means over dilemmas: the value of a run, and the change between two runs.

This module must not import numpy at the top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kidney_evals.estimation.quantity import Quantity, undefined

if TYPE_CHECKING:
    from kidney_evals.estimation.paired import PairedDifference
    from kidney_evals.measures.run import Run

Values = Callable[["Run"], tuple[Any, Any]]
"""Function of a run: a value in [0, 1] for each sample, shape (n,), and which samples count."""


def mean_over_dilemmas(run: Run, values: Values) -> Quantity:
    """Return the mean over dilemmas of each dilemma's mean value; n counts dilemmas.

    NaN with n = 0 if no sample counts. The interval is Wilson's, clustered by dilemma, or on a
    fixed list of dilemmas with variation of answers only.
    """
    import numpy as np

    from kidney_evals.estimation.intervals import proportion, wilson

    each, answers = _by_dilemma(run, values)
    known = answers > 0
    if not known.any():
        return undefined()
    value = float(each[known].mean())
    if run.study.draw is None:
        ends = wilson(value, int(answers[known].sum()))
    else:
        ends = proportion(each[known], np.ones(int(known.sum())))
    return Quantity(value, ends.low, ends.high, n=int(known.sum()))


def mean_change(values: Values) -> Callable[[Run, Run], PairedDifference]:
    """Return the change of `mean_over_dilemmas` as a function of two runs, for `Measure.change`."""

    def change(before: Run, after: Run) -> PairedDifference:
        from kidney_evals.estimation.intervals import Interval, difference
        from kidney_evals.estimation.paired import changed, share_change

        if before.study.draw is not None:
            return share_change(_by_dilemma(before, values)[0], _by_dilemma(after, values)[0])
        # On a fixed list only the answers vary, not the dilemmas.
        one, two = mean_over_dilemmas(before, values), mean_over_dilemmas(after, values)
        ends = difference(
            two.value, Interval(two.low, two.high), one.value, Interval(one.low, one.high)
        )
        return changed(one.value, two.value, ends, len(before.dilemmas))

    return change


def _by_dilemma(run: Run, values: Values) -> tuple[Any, Any]:
    """Return the mean value and the number of samples of each dilemma, (D,); NaN without any."""
    import numpy as np

    each, counted = values(run)
    size = len(run.dilemmas)
    count = np.bincount(run.dilemma[counted], minlength=size)
    weights = each[counted].astype(np.float64)
    total = np.bincount(run.dilemma[counted], weights=weights, minlength=size)
    return np.clip(total / np.where(count > 0, count, np.nan), 0, 1), count
