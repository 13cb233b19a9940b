"""Dumbbells: where a value stood before and where it stands after, with the change written out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kidney_evals.charts.dots import point, spread
from kidney_evals.charts.panel import (
    AXIS,
    PAD,
    WIDTH,
    Sign,
    axis,
    bar_sign,
    finish,
    footing,
    heading,
    inside,
    key,
    line_sign,
    no_values,
    upright,
)
from kidney_evals.charts.scales import NOTHING, Scale, decimal, interval
from kidney_evals.charts.svg import arrow, box, disc, mark, segment, text, titled
from kidney_evals.charts.words import clean, shorten_all, text_width

_STEP: Final = 40
_INSET: Final = 8
"""From the panel's edge to the axis' ends, beyond the padding: room for half a sign."""


@dataclass(frozen=True)
class ChangeRow:
    """One dumbbell.

    Attributes:
        label: What changed.
        before: NaN for none.
        after: NaN for none.
        low: Lower end of the change's interval; NaN for none.
        high: Upper end.
    """

    label: str
    before: float
    after: float
    low: float
    high: float


def change_panel(
    title: str,
    rows: Sequence[ChangeRow],
    *,
    low: float,
    high: float,
    people: float = math.nan,
    note: str = "",
    ticks: Sequence[float] | None = None,
    decimals: int = 2,
) -> str:
    """Draw values before and after, joined.

    The interval of the change is written beside the label and drawn around the value after, as
    far from the value before as it says.

    Args:
        title: Above the panel.
        rows: From the top.
        low: Where the axis begins.
        high: Where it ends.
        people: People's value, a line through all rows; NaN for none.
        note: Below the panel.
        ticks: Numbers at the axis; round ones if not given.
        decimals: Of the change as it is written.

    Returns:
        SVG without style sheet.

    Raises:
        ValueError: `low` is not below `high`.
    """
    parts, top = heading(title)
    bottom = top + max(len(rows), 1) * _STEP + 4
    left, right = PAD + _INSET, WIDTH - PAD - _INSET
    # Where the dumbbells are, not where the words are.
    spans = [(top + index * _STEP + 19, top + (index + 1) * _STEP) for index in range(len(rows))]
    lines, place = axis(low, high, left, right, spans, bottom, ticks)
    parts += lines
    if low <= people <= high:
        parts += upright("people line", place(people), spans)
    changes = [_change(row, decimals) for row in rows]
    room = WIDTH - 2 * PAD - 12 - max(map(text_width, changes), default=0)
    shown = shorten_all([row.label for row in rows], room)
    for index, (row, label, change) in enumerate(zip(rows, shown, changes, strict=True)):
        y = top + index * _STEP
        said = (
            f"{clean(row.label)}: {decimal(row.before, decimals)} before, "
            f"{decimal(row.after, decimals)} after; change {change}"
        )
        inner = [
            box("hit", 0, y, WIDTH, _STEP),
            text(PAD, y + 15, label),
            text(WIDTH - PAD, y + 15, change, anchor="end"),
            *_dumbbell(row, y + 29, place, (low, high)),
        ]
        parts.append(titled(said, inner))
    if not rows:
        parts.append(no_values(top + _STEP / 2 + 4))
    feet, bottom = key(_entries(rows, people, (low, high), decimals), bottom + AXIS)
    notes, bottom = footing(note, bottom)
    return finish(title, bottom, [*parts, *feet, *notes])


def _change(row: ChangeRow, decimals: int) -> str:
    value = decimal(row.after - row.before, decimals, signed=True)
    bounds = interval(row.low, row.high, decimals, signed=True)
    return f"{value} ({bounds})" if bounds and value != NOTHING else value


def _dumbbell(row: ChangeRow, y: float, place: Scale, ends: tuple[float, float]) -> list[str]:
    both = math.isfinite(row.before) and math.isfinite(row.after)
    parts: list[str] = []
    if both:
        start, end = (place(inside(one, *ends)) for one in (row.before, row.after))
        parts.append(segment("model line", start, y, end, y))
        low, high = row.before + row.low, row.before + row.high
        # Thin and in the text's ink, so that it is seen on the line that joins the values.
        parts += spread("thin", low, high, y, place, ends)
        for bound in (low, high):
            if ends[0] <= bound <= ends[1]:
                parts.append(segment("thin bar", place(bound), y - 5, place(bound), y + 5))
    if math.isfinite(row.before):
        parts += _before(row.before, y, place, ends)
    return [*parts, *point("model", row.after, y, place, ends)]


def _before(value: float, y: float, place: Scale, ends: tuple[float, float]) -> list[str]:
    if ends[0] <= value <= ends[1]:
        return [disc("model open", place(value), y, 4)]
    right = 1 if value > ends[1] else -1
    return [arrow("model", place(inside(value, *ends)), y, right=right)]


def _entries(
    rows: Sequence[ChangeRow], people: float, ends: tuple[float, float], decimals: int
) -> list[tuple[Sign, str]]:
    entries: list[tuple[Sign, str]] = [
        (lambda x, y: disc("model open", x, y, 4), "before"),
        (lambda x, y: mark("model", x, y), "after"),
    ]
    if any(_change(row, decimals).endswith(")") for row in rows):
        entries.append((bar_sign("thin"), "interval of the change"))
    if math.isfinite(people):
        beyond = "" if ends[0] <= people <= ends[1] else ", beyond the axis"
        entries.append((line_sign("people"), f"people {decimal(people, decimals)}{beyond}"))
    return entries
