"""A line chart as SVG: axes, lines with their intervals, labels at the lines' ends.

Wider than a panel and a file of its own, for a folder of results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from kidney_evals.charts.scales import (
    Scale,
    apart,
    apart_numbers,
    linear,
    number,
    ticks,
)
from kidney_evals.charts.style import LINES, standalone
from kidney_evals.charts.svg import disc, document, element, path, segment, text
from kidney_evals.charts.words import clean, text_width

_PLOT: Final = (430, 272)
"""Width and height of what the axes hold, pixels."""

_TOP, _BOTTOM, _LEFT = 40, 48, 64
"""Margins around it, the left one at least."""

_WIDTH: Final = 640
"""Least width of the whole."""

_TITLE: Final = 14


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        label: What stands at its end.
        x: Where its points are, ascending.
        y: Their heights; NaN leaves a point out.
        low: Lower ends of their intervals; empty for none, NaN leaves one out.
        high: Upper ends.
        dashed: Whether it is a reference, people's, rather than something measured.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashed: bool = False

    def points(self) -> list[tuple[float, ...]]:
        """Return (x, y), or (x, y, low, high), of the points that are drawn."""
        rows: list[tuple[float, ...]]
        if self.low:
            rows = list(zip(self.x, self.y, self.low, self.high, strict=True))
        else:
            rows = list(zip(self.x, self.y, strict=True))
        return [row for row in rows if math.isfinite(row[1])]


def line_chart(
    title: str, x_label: str, y_label: str, lines: Sequence[Line], *, doubling: bool = False
) -> str:
    """Draw lines over one pair of axes.

    Args:
        title: Above the chart, and what a screen reader says.
        x_label: Under the x axis.
        y_label: Beside the y axis.
        lines: What to draw; one without points is left out, and where none has any the chart
            says so.
        doubling: Whether equal steps of x are doublings. 0, which no number of them reaches,
            stands one of them left of the smallest above it.

    Returns:
        SVG.
    """
    lines = [line for line in lines if line.points()]
    points = [point for line in lines for point in line.points()]
    xs = sorted({point[0] for point in points}) or [0.0]
    ys = [value for point in points for value in point[1:] if math.isfinite(value)] or [0.0, 1.0]
    heights = ticks(min(ys), max(ys))
    left = max(_LEFT, 32 + max(text_width(number(tick)) for tick in heights))
    width, height = _PLOT
    right, bottom = left + width, float(_TOP + height)
    across = _scale(_place(xs, doubling), xs, left, right)
    up = linear(heights[0], heights[-1], bottom, _TOP)
    labels = [clean(line.label) for line in lines]
    whole_width = max(
        _WIDTH,
        right + 36 + max(map(text_width, labels), default=0),
        left + 8 + text_width(clean(title), _TITLE, bold=True),
    )
    middle, half = left + width / 2, _TOP + height / 2
    beside = text(0, 0, y_label, anchor="middle")
    parts = [
        text(left, 20, title, kind="title", size=_TITLE),
        text(middle, bottom + 38, x_label, anchor="middle"),
        element("g", beside, transform=f"translate(16 {half:.1f}) rotate(-90)"),
    ]
    for tick in heights:
        parts.append(segment("grid", left, up(tick), right, up(tick)))
        parts.append(text(left - 8, up(tick) + 4, number(tick), anchor="end"))
    for mark in _marks(xs, across, doubling) if points else ():
        parts.append(text(across(mark), bottom + 18, number(mark), anchor="middle"))
    parts.append(segment("axis", left, bottom, right, bottom))
    if not points:
        parts.append(text(middle, half, "no values", anchor="middle"))
    colours = _colours(lines)
    for line, colour in zip(lines, colours, strict=True):
        parts.append(element("g", *_drawn(line, across, up), class_=colour))
    ends = apart([up(line.points()[-1][1]) for line in lines], bottom)
    for line, colour, end in zip(lines, colours, ends, strict=True):
        kind = f"{colour} {_kind(line)}"
        parts.append(segment(kind, right + 12, end, right + 26, end))
        parts.append(text(right + 30, end + 4, line.label))
    return standalone(document(math.ceil(whole_width), bottom + _BOTTOM, title, parts))


def _colours(lines: Sequence[Line]) -> list[str]:
    """Return people's colour for a reference, one after the other for what was measured."""
    turn = cycle(range(len(LINES)))
    return ["people" if line.dashed else f"line{next(turn)}" for line in lines]


def _kind(line: Line) -> str:
    return "line dashed" if line.dashed else "line"


def _drawn(line: Line, across: Scale, up: Scale) -> list[str]:
    points = line.points()
    parts = [path(_kind(line), [(across(x), up(y)) for x, y, *_ in points])]
    for x, y, *ends in points:
        if ends and all(map(math.isfinite, ends)):
            parts.append(segment("bar", across(x), up(ends[0]), across(x), up(ends[1])))
        if not line.dashed or len(points) == 1:
            parts.append(disc("mark", across(x), up(y), 3))
    return parts


def _marks(xs: Sequence[float], across: Scale, doubling: bool) -> list[float]:
    """Return the numbers under the x axis: those of the points, or round ones, as far as fit."""
    if doubling or len(xs) <= 6:
        return apart_numbers(xs, across)
    return apart_numbers([tick for tick in ticks(xs[0], xs[-1]) if xs[0] <= tick <= xs[-1]], across)


def _place(xs: Sequence[float], doubling: bool) -> Scale:
    if not doubling:
        return lambda x: x
    least = min((x for x in xs if x > 0), default=1.0)
    return lambda x: math.log2(x) if x > 0 else math.log2(least) - 1


def _scale(place: Scale, xs: Sequence[float], start: float, end: float) -> Scale:
    if len(xs) == 1:
        return lambda x: (start + end) / 2
    inner = linear(place(xs[0]), place(xs[-1]), start, end)
    return lambda x: inner(place(x))
