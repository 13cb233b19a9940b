"""A dot plot: one value with its interval for each row, people's as a band behind all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kidney_evals.charts.panel import (
    AXIS,
    LABEL,
    PAD,
    ROW,
    WIDTH,
    axis,
    finish,
    footing,
    heading,
    inside,
    label_lines,
    no_values,
    row_heights,
    row_labels,
)
from kidney_evals.charts.scales import Scale, decimal, interval
from kidney_evals.charts.svg import Kind, arrow, box, disc, link, mark, segment, text, titled
from kidney_evals.charts.words import SMALL, clean, text_width

SIMULATED: Final = "simulated people"
"""What the strip of dots is called."""

_STRIP: Final = 24
_GOLDEN: Final = 0.6180339887
"""Of the strip's height, from one dot to the next: neighbours lie apart, no height is favoured."""


@dataclass(frozen=True)
class DotRow:
    """One line of a dot plot.

    Attributes:
        label: Who.
        value: NaN for none.
        low: Lower end of its interval; NaN for none.
        high: Upper end.
        kind: Whose it is.
        href: Where the label leads; empty for nowhere.
        people: People's value beside this row alone, a tick on it; NaN for none.
    """

    label: str
    value: float
    low: float
    high: float
    kind: Kind
    href: str = ""
    people: float = math.nan


def dot_panel(
    title: str,
    rows: Sequence[DotRow],
    *,
    low: float,
    high: float,
    band: tuple[float, float] | None = None,
    line: float = math.nan,
    dots: Sequence[float] = (),
    note: str = "",
    ticks: Sequence[float] | None = None,
    decimals: int = 2,
    signed: bool = False,
) -> str:
    """Draw values one below the other on one axis.

    What lies beyond the axis is drawn as an arrow at its end.

    Args:
        title: Above the panel.
        rows: From the top.
        low: Where the axis begins.
        high: Where it ends.
        band: People's interval, through all rows; None for none.
        line: People's value, through all rows; NaN for none.
        dots: Values of simulated individuals, in a strip of their own above the rows.
        note: Below the panel.
        ticks: Numbers at the axis; round ones if not given.
        decimals: Of the values as they are written at the right.
        signed: Whether values above 0 are written with their sign.

    Returns:
        SVG without style sheet.

    Raises:
        ValueError: `low` is not below `high`.
    """
    parts, top = heading(title)
    values = [decimal(row.value, decimals, signed) for row in rows]
    shown = row_labels([row.label for row in rows], LABEL)
    dots = [one for one in dots if math.isfinite(one)]
    labelled = [text_width(line) for lines in shown for line in lines]
    labelled += [text_width(SIMULATED, SMALL)] * bool(dots)
    left = PAD + max(labelled, default=0) + 12
    right = WIDTH - PAD - max((text_width(value) for value in values), default=0) - 12
    first = top + _STRIP * bool(dots) + 2
    heights = row_heights(shown)
    bottom = first + max(sum(heights), ROW) + 2
    lines, place = axis(low, high, left, right, [(top + 2, bottom)], bottom, ticks)
    if band is not None and all(map(math.isfinite, band)) and band[0] <= high and band[1] >= low:
        start, end = (place(inside(one, low, high)) for one in band)
        parts.append(box("people band", start, top + 2, end - start, bottom - top - 2))
    parts += lines
    if low <= line <= high:
        parts.append(segment("people line", place(line), top + 2, place(line), bottom))
    if dots:
        parts += _strip(dots, place, low, high, top + 2)
    y = first
    for row, label, value, height in zip(rows, shown, values, heights, strict=True):
        spot = (y, height)
        parts.append(_row(row, label, value, spot, place, (low, high), (decimals, signed)))
        y += height
    if not rows:
        parts.append(no_values(first + ROW / 2 + 4))
    feet, bottom = footing(note, bottom + AXIS)
    return finish(title, bottom, [*parts, *feet])


def _row(
    row: DotRow,
    label: Sequence[str],
    value: str,
    spot: tuple[float, float],
    place: Scale,
    ends: tuple[float, float],
    written: tuple[int, bool],
) -> str:
    (top, height), known = spot, math.isfinite(row.value)
    y = top + height / 2
    said = f"{clean(row.label)}: {value if known else 'no value'}"
    bounds = interval(row.low, row.high, *written)
    if known and bounds:
        said += f" ({bounds})"
    if math.isfinite(row.people):
        said += f"; people {decimal(row.people, *written)}"
    tick = place(inside(row.people, *ends)) if ends[0] <= row.people <= ends[1] else None
    parts = [
        box("hit", 0, top, WIDTH, height),
        link(row.href, "".join(label_lines(PAD, y, label))),
        *([segment("people line", tick, y - 8, tick, y + 8)] if tick is not None else ()),
        *(spread(row.kind, row.low, row.high, y, place, ends) if known else ()),
        *point(row.kind, row.value, y, place, ends),
        text(WIDTH - PAD, y + 4, value, anchor="end"),
    ]
    return titled(said, parts)


def spread(
    kind: str, low: float, high: float, y: float, place: Scale, ends: tuple[float, float]
) -> list[str]:
    """Return an interval as far as it is on the axis, with a barb where it goes on beyond."""
    if not (math.isfinite(low) and math.isfinite(high)) or low > ends[1] or high < ends[0]:
        return []
    start, end = place(inside(low, *ends)), place(inside(high, *ends))
    parts = [segment(f"{kind} bar", start, y, end, y)]
    for beyond, x, step in ((low < ends[0], start, 4), (high > ends[1], end, -4)):
        if beyond:
            parts += [segment(f"{kind} bar", x, y, x + step, y + up) for up in (-4, 4)]
    return parts


def point(kind: Kind, value: float, y: float, place: Scale, ends: tuple[float, float]) -> list[str]:
    """Return a value's sign, an arrow at the axis' end where it lies beyond, or nothing."""
    if not math.isfinite(value):
        return []
    if ends[0] <= value <= ends[1]:
        return [mark(kind, place(value), y)]
    right = 1 if value > ends[1] else -1
    return [arrow(kind, place(inside(value, *ends)), y, right=right)]


def _strip(dots: Sequence[float], place: Scale, low: float, high: float, top: float) -> list[str]:
    parts = [text(PAD, top + _STRIP / 2 + 4, SIMULATED, kind="muted", size=SMALL)]
    for index, one in enumerate(dots):
        if low <= one <= high:
            height = 4 + (index * _GOLDEN % 1) * (_STRIP - 8)
            parts.append(disc("people dot", place(one), top + height, 2))
    for beyond, end, right in (
        (sum(one < low for one in dots), low, -1),
        (sum(one > high for one in dots), high, 1),
    ):
        if beyond:
            said = f"{beyond} of {len(dots)} {SIMULATED} lie beyond the axis"
            sign = arrow("people", place(end), top + _STRIP / 2, right=right)
            parts.append(titled(said, [sign]))
    return parts
