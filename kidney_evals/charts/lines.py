"""Line charts: values with intervals over x, with labels at the ends."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, groupby

from kidney_evals.charts import drawing as svg
from kidney_evals.charts.words import SMALL, shorten_all, text_width

_WIDTH = 640
"""Width of a chart, pixels."""


@dataclass(frozen=True)
class Line:
    """One line of a chart, with its label at the right end.

    Attributes:
        x: Ascending values.
        y: A value for each `x`; NaN leaves a gap.
        low: Lower end of each interval; NaN for no interval, empty if no point has one.
        high: Upper end of each interval, as `low`.
        people: Whether the line shows people: blue and dashed, with a mark on single points only.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    people: bool = False

    @property
    def points(self) -> list[tuple[float, float, float, float]]:
        """(x, y, low, high) of every point."""
        nothing = [math.nan] * len(self.x)
        return list(zip(self.x, self.y, self.low or nothing, self.high or nothing, strict=True))


def line_chart(
    title: str, x_label: str, y_label: str, lines: Sequence[Line], *, doubling: bool = False
) -> str:
    """Draw lines on one pair of axes; a line without values is left out.

    At most one of the lines is people's. `doubling` puts x on a log2 scale, with x = 0 one step
    left of the smallest other x. Returns an SVG file.
    """
    least = min((x for line in lines for x in line.x if x > 0), default=1.0)

    def place(x: float) -> float:
        return math.log2(x or least / 2) if doubling else x

    lines = [line for line in lines if any(map(math.isfinite, line.y))]
    points = [point for line in lines for point in line.points if math.isfinite(point[1])]
    xs = sorted({point[0] for point in points}) or [0.0]
    known = [v for _, *ys in points for v in ys if math.isfinite(v)] or [0.0, 1.0]
    marks = svg.ticks(min(known), max(known))
    low, high = marks[0], marks[-1]
    panel = svg.Panel(title, _WIDTH)
    panel.parts.append(svg.text(svg.PAD, panel.bottom + 13, y_label, "muted", size=SMALL))
    top = panel.bottom + 24
    panel.bottom = bottom = top + 272
    left = svg.PAD + max(text_width(svg.number(tick), SMALL) for tick in marks) + 6
    labels = shorten_all([line.label for line in lines], 0.3 * _WIDTH)
    right = _WIDTH - svg.PAD - 20 - max(map(text_width, labels), default=0)
    up = svg.linear(low, high, bottom, top)
    for tick in marks:
        panel.parts.append(svg.segment("grid", left, up(tick), right, up(tick)))
        panel.parts.append(
            svg.text(left - 6, up(tick) + 4, svg.number(tick), "muted", "end", SMALL)
        )
    counts = doubling or all(x == round(x) for x in xs)
    own = [(place(x), svg.number(x)) for x in xs] if counts else []
    across = panel.axis(place(xs[0]), place(xs[-1]), left, right, top, own, inset=8)
    panel.parts.append(svg.text(left, panel.bottom + 10, x_label, "muted", size=SMALL))
    panel.bottom += 14
    ends: list[tuple[float, str, str, str]] = []
    kinds = cycle(("model", "model2"))
    for line, label in zip(lines, labels, strict=True):
        kind = "people" if line.people else next(kinds)
        panel.parts += _drawn(line, kind, lambda x: across(place(x)), up)
        last = next(filter(math.isfinite, reversed(line.y)))
        ends.append((up(last), kind, label, line.label))
    # From the lowest label upwards, each is moved by the least distance that clears the label below
    # and leaves room for the labels above.
    last, least_y = bottom + svg.LINE, top + svg.LINE * len(ends)
    for wanted, kind, label, spoken in sorted(ends, reverse=True):
        least_y -= svg.LINE
        last = min(max(wanted, least_y), last - svg.LINE)
        sign = [svg.mark(kind, right + 10, last), svg.text(right + 20, last + 4, label)]
        panel.parts.append(svg.titled(spoken, *sign))
    return svg.standalone(panel.svg())


def _drawn(line: Line, kind: str, across: svg.Scale, up: svg.Scale) -> Iterator[str]:
    """Yield the SVG of the line, its intervals and its marks; a gap interrupts the line."""
    for known, run in groupby(line.points, lambda point: math.isfinite(point[1])):
        places = [(across(x), *map(up, ys)) for x, *ys in run] if known else []
        yield from (
            svg.segment(f"{kind} bar", x, low, x, high)
            for x, _, low, high in places
            if math.isfinite(low + high)
        )
        if len(places) > 1:
            stroke = "line dashed" if line.people else "line"
            yield svg.path(f"{kind} {stroke}", [(x, y) for x, y, *_ in places])
        if not line.people or len(places) == 1:
            yield from (svg.mark(kind, x, y) for x, y, *_ in places)
