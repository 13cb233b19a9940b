"""Panels of rows: a label at the left, marks on a scale, a number at the right."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kidney_evals.charts import drawing as svg
from kidney_evals.charts.words import clean, shorten_all, text_width


@dataclass(frozen=True)
class DotRow:
    """One row of a dot panel: a respondent's value with its interval; NaN where missing.

    `low` and `high` are the ends of the 95 % interval; `href` is the target of the label's link.
    """

    label: str
    value: float
    low: float
    high: float
    kind: svg.Kind
    href: str = ""


def dot_panel(
    title: str,
    rows: Sequence[DotRow],
    *,
    low: float,
    high: float,
    note: str = "",
    decimals: int = 2,
) -> str:
    """Draw values with their intervals on one axis.

    The axis goes from `low` to `high` and is extended to contain every value; if `low` is below 0,
    values are printed with their sign. Returns SVG without a style sheet, with `note` below the
    rows.
    """
    panel, signed = svg.Panel(title), low < 0
    numbers = [svg.decimal(row.value, decimals, signed) for row in rows]
    labels = _label_lines(rows)
    widths = [text_width(part) for lines in labels for part in lines]
    left, end = svg.PAD + max(widths, default=0) + 12, panel.width - svg.PAD
    right = end - max(map(text_width, numbers), default=0) - 12
    heights = [34 if len(lines) > 1 else 21 for lines in labels]
    top = y = panel.bottom + 2
    panel.bottom = top + max(sum(heights), 21) + 2
    values = [low, high, *(v for row in rows for v in (row.value, row.low, row.high))]
    finite = [v for v in values if math.isfinite(v)]
    scale = panel.axis(min(finite), max(finite), left, right, top)
    for row, number, lines, height in zip(rows, numbers, labels, heights, strict=True):
        middle = y + height / 2
        first = middle + 4 - svg.LINE / 2 * (height > 21)
        label = [svg.text(svg.PAD, first + svg.LINE * i, part) for i, part in enumerate(lines)]
        parts = [
            svg.box("hit", 0, y, panel.width, height),
            svg.link(row.href, "".join(label)),
            *_marks(row, scale, middle),
            svg.text(end, middle + 4, number, anchor="end"),
        ]
        ends = [svg.decimal(end, decimals, signed) for end in (row.low, row.high)]
        known = "" if svg.NOTHING in ends else f" ({' to '.join(ends)})"
        spoken = "no value" if number == svg.NOTHING else f"{number}{known}"
        panel.parts.append(svg.titled(f"{row.label}: {spoken}", *parts))
        y += height
    if not rows:
        panel.parts.append(svg.text(panel.width / 2, top + 15, "no values", "muted", "middle"))
    return panel.svg(note)


def _label_lines(rows: Sequence[DotRow]) -> list[list[str]]:
    """Return the lines of each label; if any label is too wide, each splits at its first comma.

    In a run's name, the text after the comma distinguishes runs of the same model.
    """
    room, labels = 130, [clean(row.label) for row in rows]
    parts = [label.partition(", ") for label in labels]
    heads, tails = (shorten_all([one[i] for one in parts], room) for i in (0, 2))
    return [
        [short] if short == label or not tail else [f"{head},", tail]
        for label, short, head, tail in zip(
            labels, shorten_all(labels, room), heads, tails, strict=True
        )
    ]


def _marks(row: DotRow, scale: svg.Scale, y: float) -> list[str]:
    if not math.isfinite(row.value):
        return []
    parts, mark = [], svg.mark(row.kind, scale(row.value), y)
    if math.isfinite(row.low) and math.isfinite(row.high):
        start, end = scale(row.low), scale(row.high)
        parts = [svg.segment(f"{row.kind} bar", x, y - 4, x, y + 4) for x in (start, end)]
        parts.append(svg.segment(f"{row.kind} bar", start, y, end, y))
    return [*parts, mark]
