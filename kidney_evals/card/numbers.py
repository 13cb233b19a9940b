"""Format numbers, intervals and lists as text."""

import math
from collections.abc import Callable, Sequence
from typing import Final

WIDTH: Final = 80
"""Columns of a terminal."""

NOTHING: Final = "–"
"""Printed in place of a missing number."""


def number(value: float) -> str:
    """Format a number with three decimals, NaN as a dash."""
    return NOTHING if math.isnan(value) else f"{value:.3f}"


def short(value: float, *, sign: bool = False, digits: int = 3) -> str:
    """Format a number without the zero before the point, NaN as a dash.

    It has `digits` decimals, or none if its size is 100 or more. With `sign` a positive number has
    a plus.
    """
    if math.isnan(value):
        return NOTHING
    text = f"{value:{'+' if sign else ''}.{digits if abs(value) < 100 else 0}f}"
    # −.00 is 0.
    text = text.lstrip("-") if not float(text) else text
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 else text


def interval(low: float, high: float, write: Callable[[float], str] = number) -> str:
    """Format an interval in brackets, each end with `write`; empty if an end is missing."""
    return "" if math.isnan(low) or math.isnan(high) else f"[{write(low)}, {write(high)}]"


def percent(share: float) -> str:
    """Format a share as a percentage: whole points, or one decimal below 1 % and above 99 %.

    Only 0 is "0 %", and only 1 is "100 %".
    """
    if math.isnan(share):
        return NOTHING
    if 0.01 <= share <= 0.99 or share in (0, 1):
        # A half is rounded up, as in ".17" for .165.
        return f"{math.floor(100 * share + 0.5):.0f} %"
    if 0.0005 <= share < 0.9995:
        return f"{100 * share:.1f} %"
    return "<0.1 %" if share < 0.5 else ">99.9 %"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return words as "a, b and c"; `last` is the word before the last."""
    return f" {last} ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
