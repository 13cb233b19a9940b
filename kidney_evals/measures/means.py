"""Measures that are means over dilemmas: the value of one run, and the change between two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.intervals import Interval, difference, proportion, wilson
from kidney_evals.estimation.paired import PairedDifference, changed, share_change
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures.run import Run

Floats = NDArray[np.float64]

Values = Callable[[Run], tuple[NDArray[np.floating] | NDArray[np.bool_], NDArray[np.bool_]]]
"""Function of a run: a value for each sample, shape (n,), and which samples count, shape (n,)."""


def mean_over_dilemmas(run: Run, values: Values) -> Quantity:
    """Return the mean over dilemmas of each dilemma's mean value.

    Args:
        run: The run.
        values: The values of the run's samples, between 0 and 1.

    Returns:
        The mean; n counts dilemmas; NaN with n = 0 if no sample counts. The interval is Wilson's,
        clustered by dilemma, or on a fixed list of dilemmas with variation of answers only.
    """
    each, answers = _by_dilemma(run, values)
    known = ~np.isnan(each)
    if not known.any():
        return undefined()
    value = float(each[known].mean())
    if run.study.draw is None:
        ends = wilson(value, int(answers[known].sum()))
    else:
        ends = proportion(each[known], np.ones(int(known.sum())))
    return Quantity(value, ends.low, ends.high, n=int(known.sum()))


def mean_change(before: Run, after: Run, values: Values) -> PairedDifference:
    """Return the change of `mean_over_dilemmas` between two runs that list the same dilemmas."""
    if before.study.draw is None:
        # On a fixed list only the answers vary, not the dilemmas.
        one, two = mean_over_dilemmas(before, values), mean_over_dilemmas(after, values)
        ends = difference(
            two.value, Interval(two.low, two.high), one.value, Interval(one.low, one.high)
        )
        return changed(one.value, two.value, ends, len(before.dilemmas))
    return share_change(_by_dilemma(before, values)[0], _by_dilemma(after, values)[0])


def _by_dilemma(run: Run, values: Values) -> tuple[Floats, NDArray[np.int64]]:
    """Return the mean value and the number of samples of each dilemma, (D,); NaN without any."""
    each, kept = values(run)
    size = len(run.dilemmas)
    count = np.bincount(run.dilemma[kept], minlength=size)
    total = np.bincount(run.dilemma[kept], weights=each[kept].astype(np.float64), minlength=size)
    with np.errstate(invalid="ignore"):
        means: Floats = np.clip(total / np.where(count > 0, count, np.nan), 0, 1)
    return means, count.astype(np.int64)
