"""One model's curve over people's: how often each answers so, by how far apart the patients are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kidney_evals.charts.panel import (
    AXIS,
    PAD,
    WIDTH,
    axis,
    finish,
    footing,
    heading,
    inside,
)
from kidney_evals.charts.scales import Scale, apart, apart_numbers, linear, number, ticks
from kidney_evals.charts.svg import Kind, arrow, mark, path, segment, text, titled
from kidney_evals.charts.words import SMALL, clean, shorten_all, text_width

_HEIGHT: Final = 150
_LABEL: Final = 100
"""Pixels that a curve's label may take at the right."""

_SIGN: Final = 20
"""From the plot to a label: the sign stands between."""

_INSET: Final = 8
"""From the plot's sides to the first and the last point."""


@dataclass(frozen=True)
class Curve:
    """One curve.

    Attributes:
        label: Whose it is.
        y: Heights at the panel's x; NaN leaves one out.
        low: Lower ends of their intervals; empty for none, NaN leaves one out.
        high: Upper ends.
    """

    label: str
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class _Point:
    index: int
    x: float
    y: float
    low: float
    high: float

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)


def curve_panel(
    title: str,
    x: Sequence[float],
    people: Curve,
    model: Curve,
    *,
    x_label: str,
    y_label: str,
    y_high: float,
    note: str = "",
) -> str:
    """Draw a model's curve over people's.

    People's intervals are a band, the model's are bars. What lies above `y_high` is drawn as an
    arrow at the top.

    Args:
        title: Above the panel.
        x: Where the points are, ascending.
        people: People's curve.
        model: The model's.
        x_label: Under the x axis.
        y_label: Above the y axis.
        y_high: Where the y axis, which begins at 0, ends.
        note: Below the panel.

    Returns:
        SVG without style sheet.

    Raises:
        ValueError: No x, `y_high` not above 0, a curve of another length than `x`.
    """
    curves: list[tuple[Kind, Curve, list[_Point]]] = [
        ("people", people, _points(x, people)),
        ("model", model, _points(x, model)),
    ]
    parts, top = heading(title)
    parts.append(text(PAD, top + 13, y_label, kind="muted", size=SMALL, room=WIDTH - 2 * PAD))
    top += 24
    bottom = top + _HEIGHT
    up = linear(0, y_high, bottom, top)
    marks = [tick for tick in ticks(0, y_high, 4) if tick <= y_high]
    left = PAD + max(text_width(number(tick), SMALL) for tick in marks) + 6
    labels = shorten_all([curve.label for _, curve, _ in curves], _LABEL)
    right = WIDTH - PAD - max(map(text_width, labels)) - _SIGN
    for tick in marks:
        parts.append(segment("grid", left, up(tick), right, up(tick)))
        parts.append(
            text(left - 6, up(tick) + 4, number(tick), kind="muted", anchor="end", size=SMALL)
        )
    lines, along = _along(x, left + _INSET, right - _INSET, top, bottom)
    parts += lines
    for kind, _, points in curves:
        parts += _drawn(kind, points, along, up, y_high)
    parts += _labels(curves, labels, right, up, y_high)
    missing = [curve.label for _, curve, points in curves if not points]
    for index, label in enumerate(missing):
        words, room = ": no value", right - left - 2 * _INSET
        words = shorten_all([label], room - text_width(words))[0] + words
        parts.append(
            text(left + _INSET, top + 16 * (index + 1), words, kind="over", said=clean(label))
        )
    room = WIDTH - PAD - left
    under = text(left, bottom + AXIS + 10, x_label, kind="muted", size=SMALL, room=room)
    feet, bottom = footing(note, bottom + AXIS + 14)
    return finish(title, bottom, [*parts, under, *feet])


def _points(x: Sequence[float], curve: Curve) -> list[_Point]:
    """Return the points that are drawn, each with its number among all."""
    nothing = [math.nan] * len(x)
    rows = zip(x, curve.y, curve.low or nothing, curve.high or nothing, strict=True)
    return [
        _Point(index, *row)
        for index, row in enumerate(rows)
        if math.isfinite(row[0]) and math.isfinite(row[1])
    ]


def _runs(points: Sequence[_Point]) -> list[list[_Point]]:
    """Return the points in runs without a gap: across one nothing is known, so nothing drawn."""
    runs: list[list[_Point]] = []
    for point in points:
        if runs and runs[-1][-1].index == point.index - 1:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _along(
    x: Sequence[float], left: float, right: float, top: float, bottom: float
) -> tuple[list[str], Scale]:
    known = [one for one in x if math.isfinite(one)]
    if not known:
        raise ValueError("no x to draw a curve over")
    low, high = min(known), max(known)
    if low == high:
        low, high = low - 0.5, high + 0.5
    # Numbers of the points themselves, where all can be written.
    all_fit = apart_numbers(known, linear(low, high, left, right), SMALL) == known
    spans = [(top, bottom)]
    return axis(low, high, left, right, spans, bottom, known if all_fit else None)


def _drawn(
    kind: Kind, points: Sequence[_Point], along: Scale, up: Scale, y_high: float
) -> Iterator[str]:
    def height(value: float) -> float:
        return up(inside(value, 0, y_high))

    alone: set[int] = set()
    for run in _runs([point for point in points if point.bounded]):
        if kind == "people" and len(run) > 1:
            edge = [(along(one.x), height(one.high)) for one in run]
            edge += [(along(one.x), height(one.low)) for one in reversed(run)]
            yield path("people band", edge, closed=True)
        else:
            alone.update(one.index for one in run)
    for run in _runs(points):
        if len(run) > 1:
            yield path(f"{kind} line", [(along(one.x), height(one.y)) for one in run])
    for one in points:
        at = along(one.x)
        if one.index in alone:
            yield segment(f"{kind} bar", at, height(one.low), at, height(one.high))
        if 0 <= one.y <= y_high:
            yield mark(kind, at, height(one.y))
        else:
            yield arrow(kind, at, height(one.y), down=-1 if one.y > y_high else 1)


def _labels(
    curves: Sequence[tuple[Kind, Curve, list[_Point]]],
    labels: Sequence[str],
    right: float,
    up: Scale,
    y_high: float,
) -> Iterator[str]:
    shown = [
        (kind, curve.label, label, up(inside(points[-1].y, 0, y_high)))
        for (kind, curve, points), label in zip(curves, labels, strict=True)
        if points
    ]
    heights = apart([height for *_, height in shown], up(0))
    for (kind, whole, label, _), y in zip(shown, heights, strict=True):
        yield titled(whole, [mark(kind, right + 10, y), text(right + _SIGN, y + 4, label)])
