"""Panels of rows: a label at the left, marks or a bar on a scale, a number at the right."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from kidney_evals.charts import drawing as svg
from kidney_evals.charts.words import SIZE, SMALL, clean, shorten, shorten_all, text_width

_GOLDEN: Final = 0.6180339887
"""Vertical step between dots as a share of the row, so that heights spread evenly."""


@dataclass(frozen=True)
class DotRow:
    """One row of a dot panel: a respondent's value with its interval; NaN where missing.

    Attributes:
        low: Lower end of the interval of `value`, or of the change from `before`.
        high: Upper end of the same interval.
        href: Link target of the label; empty for no link.
        people: Human value for this row alone, drawn as a tick.
        before: An earlier value, connected to `value` by a line.
    """

    label: str
    value: float
    low: float
    high: float
    kind: svg.Kind
    href: str = ""
    people: float = math.nan
    before: float = math.nan

    def ends(self) -> tuple[float, float]:
        """Return the ends of the interval; those of a change are added to `before`."""
        start = 0.0 if math.isnan(self.before) else self.before
        return start + self.low, start + self.high


@dataclass(frozen=True)
class ShareRow:
    """One bar of a share panel: a respondent's answers.

    Attributes:
        shares: Share of each answer, in the order of the panel's labels; their sum is at most 1. If
            one is NaN, no bar is drawn.
        n: Number of answers; 0 if unknown.
        href: Link target of the label; empty for no link.
    """

    label: str
    shares: tuple[float, ...]
    kind: svg.Kind
    n: int
    href: str = ""


class _Row(NamedTuple):
    """A row with `words` at the right, `spoken` as tooltip and a `second` line in small type."""

    label: str
    href: str
    words: str
    spoken: str
    draw: Callable[[svg.Scale, float], list[str]]
    second: str = ""
    kind: str = ""


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
    decimals: int = 2,
) -> str:
    """Draw values with their intervals on one axis, and changes from earlier values.

    The axis goes from `low` to `high` and is extended to contain every value; if `low` is below 0,
    values are printed with their sign. `line` is the human value and `band` its interval, drawn
    through all rows; `dots` are values of simulated people, drawn in a separate row. Returns SVG
    without a style sheet, with `note` below the rows.
    """
    panel = svg.Panel(title)
    drawn = []
    if dots := [value for value in dots if math.isfinite(value)]:
        drawn.append(_Row("simulated people", "", "", str(len(dots)), partial(_dots, dots)))
    for row in rows:
        words, before, people = (
            svg.decimal(value, decimals, low < 0) for value in (row.value, row.before, row.people)
        )
        spoken, change = words + svg.interval(row.low, row.high, decimals, low < 0), ""
        if words == svg.NOTHING:
            spoken = "no value"
        if before != svg.NOTHING:
            change = svg.decimal(row.value - row.before, decimals, True)
            change += svg.interval(row.low, row.high, decimals, True)
            spoken = f"{before} before, {words} after; change {change}"
        spoken += f"; people {people}" if people != svg.NOTHING else ""
        second = shorten(change, 150, SMALL)
        drawn.append(_Row(row.label, row.href, words, spoken, partial(_marks, row), second))
    values = [v for row in rows for v in (row.value, row.before, row.people, *row.ends())]
    known = [v for v in (low, high, line, *values, *dots) if math.isfinite(v)]
    _draw(panel, drawn, (min(known), max(known)), band, line)
    if any(row.second for row in drawn):
        entries: list[tuple[Callable[[float, float], str], str]] = [
            (lambda x, y: svg.disc("model open", x, y, 4), "before"),
            (lambda x, y: svg.mark("model", x, y), "after"),
            (lambda x, y: _bar("thin", x - 9, x + 9, y), "interval of the change"),
        ]
        if math.isfinite(line):
            entries.append((partial(_line, 7), f"people {svg.decimal(line, decimals)}"))
        panel.key(entries)
    return panel.svg(note)


def share_panel(title: str, rows: Sequence[ShareRow], labels: Sequence[str]) -> str:
    """Draw shares of answers as stacked bars, whose parts differ in colour and pattern.

    `labels` names the parts, at most four. An empty name is an answer that was not offered; its
    colour is skipped, so that an answer has the same colour in every panel. Returns SVG without a
    style sheet.
    """
    panel = svg.Panel(title)
    drawn = []
    for row in rows:
        count = f"n = {row.n:,}" if row.n else ""
        named = zip(labels, row.shares, strict=True)
        spoken = ", ".join(f"{label} {share:.0%}" for label, share in named if label)
        spoken = "no value" if math.isnan(sum(row.shares)) else spoken
        spoken += f" ({count})" if count else ""
        draw = partial(_parts, row.shares)
        drawn.append(_Row(row.label, row.href, count, spoken, draw, kind=row.kind))
    _draw(panel, drawn)
    panel.key((partial(_part, i, 18), label) for i, label in enumerate(labels) if label)
    return panel.svg()


def _draw(
    panel: svg.Panel,
    rows: Sequence[_Row],
    axis: tuple[float, float] | None = None,
    band: tuple[float, float] | None = None,
    people: float = math.nan,
) -> None:
    """Add rows to a panel, with the human values behind them, and an axis (without one: 0 to 1)."""
    indent = 14 * any(row.kind for row in rows)
    labels = _label_lines(rows, 130 - indent)
    widths = [text_width(line) for lines in labels for line in lines]
    widths += [text_width(row.second, SMALL) for row in rows]
    start, end = svg.PAD + indent, panel.width - svg.PAD
    left = start + max(widths, default=0) + 12
    size, muted = (SIZE, "") if axis else (SMALL, "muted")
    right = end - max((text_width(row.words, size) for row in rows), default=0) - 12
    heights = [34 if len(labels[i]) > 1 or row.second else 21 for i, row in enumerate(rows)]
    top = y = panel.bottom + 2
    panel.bottom = bottom = top + max(sum(heights), 21) + 2
    low, high = axis or (0, 1)
    scale = svg.linear(low, high, left, right)
    if band is not None:
        edge, width = scale(band[0]), scale(band[1]) - scale(band[0])
        panel.parts.append(svg.box("people band", edge, top, width, bottom - top))
    if axis:
        panel.axis(low, high, left, right, top)
    if math.isfinite(people):
        panel.parts.append(svg.segment("people line", scale(people), top, scale(people), bottom))
    for row, lines, height in zip(rows, labels, heights, strict=True):
        middle = y + height / 2
        first = middle + 4 - svg.LINE / 2 * (height > 21)
        label = [svg.text(start, first + svg.LINE * i, line) for i, line in enumerate(lines)]
        parts = [
            svg.box("hit", 0, y, panel.width, height),
            svg.mark(row.kind, svg.PAD + 5, middle) if row.kind else "",
            svg.link(row.href, "".join(label)),
            svg.text(start, first + svg.LINE, row.second, "muted", size=SMALL),
            *row.draw(scale, middle),
            svg.text(end, middle + 4, row.words, muted, "end", size),
        ]
        panel.parts.append(svg.titled(f"{row.label}: {row.spoken}", *parts))
        y += height
    if not rows:
        panel.parts.append(svg.text(panel.width / 2, top + 15, "no values", "muted", "middle"))


def _label_lines(rows: Sequence[_Row], room: float) -> list[list[str]]:
    """Return the lines of each label; if any label is too wide, each splits at its first comma.

    In a run's name, the text after the comma distinguishes runs of the same model.
    """
    labels = [clean(row.label) for row in rows]
    parts = [label.partition(", ") for label in labels]
    heads, tails = (shorten_all([one[i] for one in parts], room) for i in (0, 2))
    return [
        [short] if short == label or not tail or row.second else [f"{head},", tail]
        for row, label, short, head, tail in zip(
            rows, labels, shorten_all(labels, room), heads, tails, strict=True
        )
    ]


def _marks(row: DotRow, scale: svg.Scale, y: float) -> list[str]:
    people, before, value = scale(row.people), scale(row.before), scale(row.value)
    parts = [_line(8, people, y)] if math.isfinite(people) else []
    if math.isfinite(value):
        start, end = map(scale, row.ends())
        if math.isfinite(before):
            parts.append(svg.segment("model line", before, y, value, y))
            parts += [_bar("thin", start, end, y), svg.disc("model open", before, y, 4)]
        else:
            parts.append(_bar(row.kind, start, end, y))
        parts.append(svg.mark(row.kind, value, y))
    return parts


def _bar(kind: str, start: float, end: float, y: float) -> str:
    if not (math.isfinite(start) and math.isfinite(end)):
        return ""
    caps = [svg.segment(f"{kind} bar", x, y - 4, x, y + 4) for x in (start, end)]
    return svg.segment(f"{kind} bar", start, y, end, y) + "".join(caps)


def _line(half: float, x: float, y: float) -> str:
    return svg.segment("people line", x, y - half, x, y + half)


def _dots(dots: Sequence[float], scale: svg.Scale, y: float) -> list[str]:
    return [
        svg.disc("people dot", scale(value), y - 8 + index * _GOLDEN % 1 * 16, 2)
        for index, value in enumerate(dots)
    ]


def _parts(shares: Sequence[float], scale: svg.Scale, y: float) -> list[str]:
    if math.isnan(sum(shares)):
        return [svg.text(scale(0), y + 4, "no value", "muted", size=SMALL)]
    drawn, total = [], 0.0
    for index, share in enumerate(shares):
        width, middle = scale(share) - scale(0), scale(total + share / 2)
        total += share
        if share > 0:
            drawn.append(_part(index, width, middle, y))
        words = f"{share:.0%}"
        if width >= text_width(words, SMALL) + 6:
            drawn.append(svg.text(middle, y + 4, words, f"part{index} on", "middle", SMALL))
    return drawn


def _part(index: int, width: float, x: float, y: float) -> str:
    start = x - width / 2
    pattern = svg.segment(f"stroke{index}", start, y, start + width, y)
    return svg.box(f"part{index} part", start, y - 7.5, width, 15) + pattern
