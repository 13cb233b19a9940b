"""Line charts: values with their intervals over x, people's as a band, labels at the ends."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, groupby

from kidney_evals.charts.drawing import (
    LINE,
    PAD,
    WIDTH,
    Panel,
    Scale,
    linear,
    mark,
    number,
    path,
    segment,
    text,
    ticks,
    titled,
)
from kidney_evals.charts.style import standalone
from kidney_evals.charts.words import SMALL, shorten_all, text_width


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        label: At its end.
        x: Places of its points, ascending.
        y: Their heights; NaN for a gap.
        low: Lower ends of their intervals, NaN for none; empty if no point has one.
        high: Upper ends.
        people: Whether it is people's: blue, with a band for its intervals, or dashed and without
            marks if it has none.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    people: bool = False

    def points(self) -> list[tuple[float, float, float, float]]:
        """Return (x, y, low, high) of every point."""
        nothing = [math.nan] * len(self.x)
        return list(zip(self.x, self.y, self.low or nothing, self.high or nothing, strict=True))


def line_panel(
    title: str,
    x_label: str,
    y_label: str,
    lines: Sequence[Line],
    *,
    y_high: float | None = None,
    doubling: bool = False,
    width: float = WIDTH,
    height: float = 150,
) -> str:
    """Draw lines over one pair of axes; a line without values is named inside.

    Args:
        title: Above the panel.
        x_label: Under the x axis.
        y_label: Above the y axis.
        lines: At most one of them people's.
        y_high: End of a y axis that begins at 0 and is extended to hold every value; if not
            given, round numbers around the values are the ends.
        doubling: Whether equal steps of x are doublings. 0 stands one step left of the smallest
            other x.
        width: Of the panel, pixels.
        height: Of the plot, pixels.

    Returns:
        SVG without style sheet.
    """
    least = min((x for line in lines for x in line.x if x > 0), default=1.0)

    def place(x: float) -> float:
        return math.log2(x or least / 2) if doubling else x

    points = [point for line in lines for point in line.points() if math.isfinite(point[1])]
    xs = sorted({point[0] for point in points}) or [0.0]
    known = [v for point in points for v in point[1:] if math.isfinite(v)] or [0.0, 1.0]
    marks = ticks(min(known), max(known))
    low, high = marks[0], marks[-1]
    if y_high is not None:
        low, high = min(0.0, *known), max(y_high, *known)
        marks = [tick for tick in ticks(low, high, 4) if low <= tick <= high]
    panel = Panel(title, width)
    panel.parts.append(text(PAD, panel.bottom + 13, y_label, "muted", size=SMALL))
    top = panel.bottom + 24
    panel.bottom = bottom = top + height
    labels = shorten_all([line.label for line in lines], 0.3 * width)
    left = PAD + max(text_width(number(tick), SMALL) for tick in marks) + 6
    right = width - PAD - 20 - max(map(text_width, labels), default=0)
    up = linear(low, high, bottom, top)
    for tick in marks:
        panel.parts.append(segment("grid", left, up(tick), right, up(tick)))
        panel.parts.append(text(left - 6, up(tick) + 4, number(tick), "muted", "end", SMALL))
    counts = doubling or all(x == round(x) for x in xs)
    own = [(place(x), number(x)) for x in xs] if counts else []
    across = panel.axis(place(xs[0]), place(xs[-1]), left, right, top, own, inset=8)
    panel.parts.append(text(left, panel.bottom + 10, x_label, "muted", size=SMALL))
    panel.bottom += 14
    ends: list[tuple[float, str, str, str]] = []
    kinds = cycle(("model", "model2"))
    for index, (line, label) in enumerate(zip(lines, labels, strict=True)):
        kind = "people" if line.people else next(kinds)
        panel.parts += _drawn(line, kind, lambda x: across(place(x)), up)
        heights = [point[1] for point in line.points() if math.isfinite(point[1])]
        if heights:
            ends.append((up(heights[-1]), kind, label, line.label))
        else:
            panel.parts.append(text(left + 8, top + 16 * (index + 1), f"{label}: no value"))
    # From the lowest on, each label is moved as little as keeps it above the one before and leaves
    # room for those above it.
    last, least_y = bottom + LINE, top + LINE * len(ends)
    for wanted, kind, label, spoken in sorted(ends, reverse=True):
        least_y -= LINE
        last = min(max(wanted, least_y), last - LINE)
        sign = [mark(kind, right + 10, last), text(right + 20, last + 4, label)]
        panel.parts.append(titled(spoken, *sign))
    return panel.svg()


def line_chart(
    title: str, x_label: str, y_label: str, lines: Sequence[Line], *, doubling: bool = False
) -> str:
    """Draw lines as a file of its own, wider than a panel; see `line_panel`."""
    return standalone(
        line_panel(title, x_label, y_label, lines, doubling=doubling, width=640, height=272)
    )


def _drawn(line: Line, kind: str, across: Scale, up: Scale) -> Iterator[str]:
    """Yield the line, its intervals and its marks; nothing is drawn across a gap."""
    stroke = "line dashed" if line.people and not line.low else "line"
    for known, run in groupby(line.points(), lambda point: math.isfinite(point[1])):
        places = [(across(x), *map(up, ys)) for x, *ys in run] if known else []
        for bounded, part in groupby(places, lambda place: math.isfinite(place[2] + place[3])):
            ends = list(part) if bounded else []
            if line.people and len(ends) > 1:
                edge = [(x, high) for x, _, _, high in ends]
                edge += [(x, low) for x, _, low, _ in reversed(ends)]
                yield path("people band", edge, closed=True)
            else:
                yield from (segment(f"{kind} bar", x, low, x, high) for x, _, low, high in ends)
        if len(places) > 1:
            yield path(f"{kind} {stroke}", [(x, y) for x, y, *_ in places])
        if line.low or not line.people or len(places) == 1:
            yield from (mark(kind, x, y) for x, y, *_ in places)
