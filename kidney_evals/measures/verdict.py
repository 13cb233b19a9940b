"""Classify the difference between two runs relative to the human reference value."""

import math
from typing import Literal

from kidney_evals.estimation.paired import PairedDifference
from kidney_evals.estimation.quantity import Quantity

Verdict = Literal[
    "nearer", "farther", "higher", "lower", "unclear", "unchanged", "not known", "not measured"
]
"""The class of a change."""


def moved(difference: PairedDifference) -> bool:
    """Return whether the interval of a change excludes zero."""
    return difference.change.low > 0 or difference.change.high < 0


def verdict_of(
    difference: PairedDifference,
    aim: float,
    levels: tuple[Quantity, Quantity],
    lowest: bool = False,
    margin: float = math.nan,
) -> Verdict:
    """Return the class of a change, the first of these that applies.

    - "not measured": the change is NaN.
    - "unchanged": its interval is within ±`margin`.
    - "not known", or "unclear" if `margin` is NaN: its interval includes zero.
    - "farther" or "nearer" by the sign of the change, if `lowest` and `aim` is known.
    - "higher" or "lower" by the sign of the change, if `aim` is NaN, or if it lies between the
      values of the runs and it is not significant which of them is nearer.
    - "nearer" or "farther": the value of the second run is nearer to `aim` than that of the first
      run, or farther from it.

    Args:
        difference: The change, with the values of both runs.
        aim: People's value.
        levels: The quantities of the first and the second run.
        lowest: Whether no true value is below `aim`.
        margin: Largest change that counts as none.
    """
    change = difference.change
    if math.isnan(change.value):
        return "not measured"
    if -margin <= change.low and change.high <= margin:
        return "unchanged"
    if not moved(difference):
        return "unclear" if math.isnan(margin) else "not known"
    if lowest and not math.isnan(aim):
        return "farther" if change.value > 0 else "nearer"
    first, second = difference.first - aim, difference.second - aim
    # With values on both sides of the aim, the interval of first + second has the sums of the ends
    # of both values, which is conservative.
    low, high = levels[0].low + levels[1].low, levels[0].high + levels[1].high
    one_is_nearer = first * second >= 0 or low > 2 * aim or high < 2 * aim
    if math.isnan(aim) or not one_is_nearer:
        return "higher" if change.value > 0 else "lower"
    return "nearer" if abs(second) < abs(first) else "farther"
