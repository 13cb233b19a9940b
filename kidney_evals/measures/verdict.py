"""Classify the difference between two runs relative to the human reference value."""

from __future__ import annotations

import math
from typing import Literal

from kidney_evals.estimation.paired import PairedDifference
from kidney_evals.estimation.quantity import Quantity

Verdict = Literal[
    "nearer", "farther", "higher", "lower", "unclear", "unchanged", "not known", "not measured"
]
"""What a change is, in a word."""


def edge_of(aim: str | float) -> int:
    """Return the side of the aim on which true values lie: 1 above, -1 below, 0 both.

    A number is the end of what is possible: no true distance is below 0, no share above 1. What
    is estimated beyond it is chance, and no step across it.

    Args:
        aim: The measure's `aim`.
    """
    if isinstance(aim, str):
        return 0
    return 1 if aim == 0 else -1


def moved(found: PairedDifference) -> bool:
    """Return whether the interval of a change excludes zero."""
    return found.change.low > 0 or found.change.high < 0


def verdict_of(
    found: PairedDifference,
    aim: float,
    levels: tuple[Quantity, Quantity],
    edge: int = 0,
    margin: float = math.nan,
) -> Verdict:
    """Return the class of a change.

    Within its margin a change is "unchanged", and otherwise "not known" where its interval holds
    zero; without a margin that is "unclear". Nearer and farther are from `aim`.

    Args:
        found: The change.
        aim: What people's own answers would get; NaN for nothing, and the change is then "higher"
            or "lower".
        levels: Both runs' own values with their intervals: a change across the aim is nearer or
            farther only where `closer` leaves no doubt, and otherwise "higher" or "lower".
        edge: See `edge_of`; other than 0, the direction decides.
        margin: How small a change counts as none; NaN where there is no such size.
    """
    change = found.change
    if math.isnan(change.value):
        return "not measured"
    if -margin <= change.low and change.high <= margin:
        return "unchanged"
    if not moved(found):
        return "unclear" if math.isnan(margin) else "not known"
    if math.isnan(aim):
        return "higher" if change.value > 0 else "lower"
    if edge:
        return "farther" if change.value * edge > 0 else "nearer"
    if not closer(found, aim, levels):
        return "higher" if change.value > 0 else "lower"
    return "nearer" if abs(found.second - aim) < abs(found.first - aim) else "farther"


def closer(found: PairedDifference, aim: float, levels: tuple[Quantity, Quantity]) -> bool:
    """Return whether it is clear which of two different values is nearer to `aim`.

    On one side of it their difference says so. With the aim between them it is the sign of
    first + second - 2 aim, whose interval has the sums of both values' ends: as wide as chance in
    both, however it goes together, can make it.

    Args:
        found: Their difference.
        aim: A number.
        levels: Both values with their intervals; without an interval nothing is clear.
    """
    if (found.first - aim) * (found.second - aim) >= 0:
        return True
    low = levels[0].low + levels[1].low - 2 * aim
    high = levels[0].high + levels[1].high - 2 * aim
    return bool(low > 0 or high < 0)
