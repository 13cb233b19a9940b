"""Every figure that two runs are compared on: rows, and means over dilemmas that are no row."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.consistency import retest_disagreement
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.intervals import Interval, difference, proportion, wilson
from kidney_evals.estimation.paired import PairedDifference, changed, retest_change, share_change
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures.change import aligned, change
from kidney_evals.measures.rows import measure
from kidney_evals.measures.run import Run

Floats = NDArray[np.float64]

SHARES: Final = ("coverage", "answer_mass", "dominated_flips")
"""Figures that are means over dilemmas and have no paired difference of their own."""


def level(run: Run, row: str) -> Quantity:
    """Return a figure of one run, with people's value where there is one."""
    if row == "retest":
        return retest_disagreement(run.decisions, measure(run, "swap_diff").human)
    if row in SHARES:
        each, answers = _shares(run, row)
        known = ~np.isnan(each)
        if not known.any():
            return undefined()
        value = float(each[known].mean())
        if run.study.draw is None:
            ends = wilson(value, int(answers[known].sum()))
        else:
            ends = proportion(each[known], np.ones(int(known.sum())))
        return Quantity(value, ends.low, ends.high, n=int(known.sum()))
    return measure(run, row)


def figure_change(before: Run, after: Run, row: str) -> PairedDifference:
    """Return how much a figure changed over the dilemmas that two runs share.

    Args:
        before: One run.
        after: Another, see `kidney_evals.measures.change.change`.
        row: A row of that function, "retest" or one of `SHARES`.

    Raises:
        InputError: As there.
    """
    if row == "retest":
        return retest_change(*aligned(before, after))
    if row not in SHARES:
        return change(before, after, row)
    names = [one.id for one in before.dilemmas]
    theirs = {one.id: index for index, one in enumerate(after.dilemmas)}
    both = [index for index, name in enumerate(names) if name in theirs]
    there = [theirs[names[index]] for index in both]
    if before.study.draw is None:
        # On a fixed list only the answers could have been others.
        one, two = level(before, row), level(after, row)
        ends = difference(
            two.value, Interval(two.low, two.high), one.value, Interval(one.low, one.high)
        )
        return changed(one.value, two.value, ends, len(both))
    return share_change(_shares(before, row)[0][both], _shares(after, row)[0][there])


def _shares(run: Run, row: str) -> tuple[Floats, NDArray[np.int64]]:
    """Return a figure of every dilemma of a run and its answers, (D,); NaN where it has none."""
    kept = np.ones(len(run.choice), dtype=np.bool_)
    if row == "coverage":
        values = (run.choice >= 0).astype(np.float64)
    elif row == "dominated_flips":
        values = (run.choice == COIN).astype(np.float64)
        dominated = [run.study.dominating(one) is not None for one in run.dilemmas]
        kept = np.array(dominated, dtype=np.bool_)[run.dilemma] & (run.choice >= 0)
    else:
        assert run.outside is not None, "only a readout tells the mass on answers"
        values = 1 - run.outside
        kept = ~np.isnan(values)
    size = len(run.dilemmas)
    count = np.bincount(run.dilemma[kept], minlength=size)
    total = np.bincount(run.dilemma[kept], weights=values[kept], minlength=size)
    with np.errstate(invalid="ignore"):
        shares: Floats = np.clip(total / np.where(count > 0, count, np.nan), 0, 1)
    return shares, count.astype(np.int64)
