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
    """Return the class of a change.

    "not measured" if it is NaN, "unchanged" if its interval is within ±`margin`, otherwise "not
    known" if the interval includes zero ("unclear" if `margin` is NaN), else relative to people's
    value `aim` "nearer" or "farther". It is "higher" or "lower" if the aim is NaN, or lies between
    the values of the runs (`levels`) and it is not significant which of them is nearer. If no true
    value is below the aim (`lowest`), the direction of the change decides.
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
