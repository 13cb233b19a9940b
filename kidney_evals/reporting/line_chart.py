"""A line chart as SVG: axes, lines with their intervals, labels at the lines' ends.

Text stays text, in ink that can be read on the chart's own page, light or dark as the reader's
screen is. The lines' colours can be told apart by the colour-blind (Okabe and Ito 2008).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Of the lines, in turn; on a dark page the two blues change places."""

_PLOT: Final = (430, 272)
"""Width and height of what the axes hold, pixels."""

_TOP, _BOTTOM, _LEFT = 40, 48, 64
"""Margins around it, the left one at least."""

_WIDTH: Final = 640
"""Least width of the whole."""

_LABEL: Final = 15
"""Pixels between two labels at the lines' ends."""

_LETTER: Final = 7.0
"""Pixels of a letter, at most in the mean."""

_GAP: Final = 8
"""Pixels between two numbers under an axis."""

_DASHES: Final = ' stroke-dasharray="5 4"'

_STYLE: Final = (
    "text{fill:#222}.page{fill:#fff}.axis{stroke:#888}.grid{stroke:#8884;stroke-width:.5}"
    + "".join(f".l{index}{{color:{colour}}}" for index, colour in enumerate(COLOURS))
    + "@media(prefers-color-scheme:dark){text{fill:#ddd}.page{fill:#14181f}"
    + f".l0{{color:{COLOURS[-1]}}}.l{len(COLOURS) - 1}{{color:{COLOURS[0]}}}}}"
)


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        label: What stands at its end.
        x: Where its points are, ascending.
        y: Their heights; NaN leaves a point out.
        low: Lower ends of their intervals; empty for none, NaN leaves one out.
        high: Upper ends.
        dashed: Whether it is a reference rather than something measured.
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
    ticks = _ticks(min(ys), max(ys))
    left = max(_LEFT, 32 + _wide(max(map(_number, ticks), key=len)))
    width, height = _PLOT
    right, bottom = left + width, _TOP + height
    across = _scale(_place(xs, doubling), xs, left, right)
    up = _linear(ticks[0], ticks[-1], bottom, _TOP)
    whole_width = max(
        _WIDTH,
        right + 36 + _wide(max((line.label for line in lines), key=len, default="")),
        left + 8 + _wide(title, 14),
    )
    middle, page = left + width / 2, f"{whole_width:.0f} {bottom + _BOTTOM}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {page}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(title)}</title>',
        f"<style>{_STYLE}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        f'<text x="{left:.0f}" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
        f'<text x="{middle:.1f}" y="{bottom + 38}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text transform="translate(16 {_TOP + height / 2:.1f}) rotate(-90)" '
        f'text-anchor="middle">{escape(y_label)}</text>',
    ]
    for tick in ticks:
        parts.append(
            f'<line class="grid" x1="{left:.1f}" x2="{right:.1f}" y1="{up(tick):.1f}" '
            f'y2="{up(tick):.1f}"/><text x="{left - 8:.1f}" y="{up(tick) + 4:.1f}" '
            f'text-anchor="end">{_number(tick)}</text>'
        )
    for mark in _marks(xs, across, doubling) if points else ():
        parts.append(
            f'<text x="{across(mark):.1f}" y="{bottom + 18}" text-anchor="middle">'
            f"{_number(mark)}</text>"
        )
    parts.append(
        f'<line class="axis" x1="{left:.1f}" x2="{right:.1f}" y1="{bottom}" y2="{bottom}"/>'
    )
    if not points:
        parts.append(
            f'<text x="{middle:.1f}" y="{_TOP + height / 2:.1f}" text-anchor="middle">'
            "no values</text>"
        )
    for index, line in enumerate(lines):
        parts += _drawn(line, index % len(COLOURS), across, up)
    ends = [up(line.points()[-1][1]) for line in lines]
    for index, (line, end) in enumerate(zip(lines, _apart(ends, bottom), strict=True)):
        parts.append(
            f'<line class="l{index % len(COLOURS)}" x1="{right + 12:.1f}" x2="{right + 26:.1f}" '
            f'y1="{end:.1f}" y2="{end:.1f}" stroke="currentColor" stroke-width="2"'
            f"{_DASHES * line.dashed}/>"
            f'<text x="{right + 30:.1f}" y="{end + 4:.1f}">{escape(line.label)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _drawn(
    line: Line, colour: int, across: Callable[[float], float], up: Callable[[float], float]
) -> list[str]:
    points = line.points()
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y, *_ in points)
    parts = [
        f'<g class="l{colour}" stroke="currentColor" fill="none">'
        f'<polyline points="{path}" stroke-width="2"{_DASHES * line.dashed}/>'
    ]
    for x, y, *ends in points:
        if ends and all(map(math.isfinite, ends)):
            parts.append(
                f'<line x1="{across(x):.1f}" x2="{across(x):.1f}" y1="{up(ends[0]):.1f}" '
                f'y2="{up(ends[1]):.1f}"/>'
            )
        if not line.dashed or len(points) == 1:
            parts.append(
                f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="2.5" fill="currentColor"/>'
            )
    return [*parts, "</g>"]


def _apart(heights: Sequence[float], bottom: float) -> list[float]:
    """Return heights moved just so far that labels stand apart and above the bottom."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    placed = dict.fromkeys(order, 0.0)
    last = -math.inf
    for index in order:
        last = placed[index] = max(heights[index], last + _LABEL)
    # From below, what was pushed out of the chart is pushed back into it.
    last = bottom + _LABEL
    for index in reversed(order):
        last = placed[index] = min(placed[index], last - _LABEL)
    return [placed[index] for index in range(len(heights))]


def _marks(xs: Sequence[float], across: Callable[[float], float], doubling: bool) -> list[float]:
    """Return the numbers under the x axis: those of the points, or round ones, as far as fit."""
    if doubling or len(xs) <= 6:
        marks = list(xs)
    else:
        marks = [tick for tick in _ticks(xs[0], xs[-1]) if xs[0] <= tick <= xs[-1]]
    kept: list[float] = []
    free = -math.inf
    for mark in marks:
        half = _wide(_number(mark)) / 2
        if across(mark) - half >= free:
            kept.append(mark)
            free = across(mark) + half + _GAP
    return kept


def _ticks(low: float, high: float) -> list[float]:
    """Return 4 to 8 round numbers that hold both ends; 0 is one of them where the two are equal."""
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = (min(low, 0.0), max(high, 0.0)) if high else (0.0, 1.0)
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / 5))
    step = next(power * one for one in (1, 2, 5, 10) if span / (power * one) <= 6)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{index * step:.10g}") for index in range(first, last + 1)]


def _place(xs: Sequence[float], doubling: bool) -> Callable[[float], float]:
    if not doubling:
        return lambda x: x
    least = min((x for x in xs if x > 0), default=1.0)
    return lambda x: math.log2(x) if x > 0 else math.log2(least) - 1


def _scale(
    place: Callable[[float], float], xs: Sequence[float], start: float, end: float
) -> Callable[[float], float]:
    if len(xs) == 1:
        return lambda x: (start + end) / 2
    inner = _linear(place(xs[0]), place(xs[-1]), start, end)
    return lambda x: inner(place(x))


def _linear(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _number(value: float) -> str:
    return f"{value:.10g}"


def _wide(text: str, size: int = 12) -> float:
    """Pixels that a text takes at most."""
    return len(text) * _LETTER * size / 12
