"""Numbers as they are written and places that stand for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from kidney_evals.charts.words import SIZE, text_width

Scale: TypeAlias = Callable[[float], float]
"""From a value to its place in pixels."""

LINE: Final = 15
"""From one line of small type to the next, pixels."""

NOTHING: Final = "–"
"""Stands where there is no value."""

_LARGE: Final = 1e6
"""From here on numbers are written with their power of ten."""

_GAP: Final = 8
"""Between two numbers under an axis."""


def number(value: float) -> str:
    """Return a round number as it stands at an axis."""
    return f"{value:.10g}"


def decimal(value: float, decimals: int, signed: bool = False) -> str:
    """Return a value with its decimals, or a dash; what rounds to 0 has no sign."""
    if not math.isfinite(value):
        return NOTHING
    # A number of many digits would take the room of the chart.
    form = f".{decimals}f" if abs(value) < _LARGE else f".{decimals}e"
    written = format(value, f"+{form}" if signed else form)
    return written if float(written) else f"{0:.{decimals}f}"


def interval(low: float, high: float, decimals: int, signed: bool = False) -> str:
    """Return an interval in words, or nothing where it is not known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{decimal(low, decimals, signed)} to {decimal(high, decimals, signed)}"


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Return the scale that puts `low` at `start` and `high` at `end`.

    Raises:
        ValueError: `low` is not below `high`, or one of them is not a number.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"an axis from {low} to {high}: the first must be below the second")
    return lambda value: start + (value - low) / (high - low) * (end - start)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers in at most `most` steps, or two more, that hold both ends.

    0 is one of them where the two ends are equal.
    """
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = (min(low, 0.0), max(high, 0.0)) if high else (0.0, 1.0)
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * one for one in (1, 2, 5, 10, 20) if span / (power * one) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{index * step:.10g}") for index in range(first, last + 1)]


def apart_numbers(marks: Sequence[float], place: Scale, size: float = SIZE) -> list[float]:
    """Return those numbers, from the first on, that can be written under an axis side by side."""
    kept: list[float] = []
    free = -math.inf
    for mark in marks:
        half = text_width(number(mark), size) / 2
        if place(mark) - half >= free:
            kept.append(mark)
            free = place(mark) + half + _GAP
    return kept


def fitting_ticks(low: float, high: float, place: Scale, size: float) -> list[float]:
    """Return round numbers between two ends, as many as can be written side by side."""
    for most in range(6, 0, -1):
        found = [tick for tick in ticks(low, high, most) if low <= tick <= high]
        if len(found) > 1 and apart_numbers(found, place, size) == found:
            return found
    return apart_numbers([low, high], place, size)


def apart(heights: Sequence[float], bottom: float, gap: float = LINE) -> list[float]:
    """Return heights moved just so far that labels stand apart and above the bottom."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    placed = dict.fromkeys(order, 0.0)
    last = -math.inf
    for index in order:
        last = placed[index] = max(heights[index], last + gap)
    # From below, what was pushed out of the chart is pushed back into it.
    last = bottom + gap
    for index in reversed(order):
        last = placed[index] = min(placed[index], last - gap)
    return [placed[index] for index in range(len(heights))]
