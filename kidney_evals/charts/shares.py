"""Bars of shares: how often each answer was given to one dilemma, by people and by models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kidney_evals.charts.panel import (
    LABEL,
    PAD,
    ROW,
    WIDTH,
    Sign,
    finish,
    footing,
    heading,
    key,
    label_lines,
    no_values,
    row_heights,
    row_labels,
)
from kidney_evals.charts.style import PARTS
from kidney_evals.charts.svg import Kind, box, link, mark, segment, text, titled
from kidney_evals.charts.words import SMALL, clean, text_width

_SIGN: Final = 14
_HEIGHT: Final = 15
_STEP: Final = 6
"""Between the strokes of a pattern."""


@dataclass(frozen=True)
class ShareRow:
    """One bar.

    Attributes:
        label: Who answered.
        shares: Of each answer, in the order of the labels; together at most 1. A NaN among them
            leaves the bar out.
        kind: Whose answers they are.
        n: How many there were; 0 where that is not known.
        href: Where the label leads; empty for nowhere.
    """

    label: str
    shares: tuple[float, ...]
    kind: Kind
    n: int
    href: str = ""


def share_panel(
    title: str, rows: Sequence[ShareRow], labels: Sequence[str], *, note: str = ""
) -> str:
    """Draw the shares of one dilemma's answers as parts of bars.

    Parts differ in colour and pattern and stand in the order of the labels.

    Args:
        title: Above the panel.
        rows: From the top.
        labels: What the parts are, four at most; an empty one for a part that was not on offer
            and keeps its colour free, so that the same answer looks the same in every panel.
        note: Below the panel.

    Returns:
        SVG without style sheet.

    Raises:
        ValueError: Too many labels, a row with another number of shares, shares below 0 or of
            more than 1 together.
    """
    if len(labels) > len(PARTS):
        raise ValueError(f"{len(labels)} parts; a bar can have {len(PARTS)}")
    for row in rows:
        _check(row, len(labels))
    parts, top = heading(title)
    shown = row_labels([row.label for row in rows], LABEL - _SIGN)
    heights = row_heights(shown)
    counts = [_count(row) for row in rows]
    widths = [text_width(line) for lines in shown for line in lines]
    left = PAD + _SIGN + max(widths, default=0) + 10
    right = WIDTH - PAD - max((text_width(one, SMALL) for one in counts), default=0) - 8
    bottom = top + 2
    for row, label, count, height in zip(rows, shown, counts, heights, strict=True):
        y = bottom + height / 2
        inner = [
            box("hit", 0, bottom, WIDTH, height),
            mark(row.kind, PAD + 5, y),
            link(row.href, "".join(label_lines(PAD + _SIGN, y, label))),
            *_bar(row, left, right, y),
            text(WIDTH - PAD, y + 4, count, kind="muted", anchor="end", size=SMALL),
        ]
        parts.append(titled(_said(row, labels), inner))
        bottom += height
    if not rows:
        bottom += ROW
        parts.append(no_values(top + 2 + ROW / 2 + 4))
    named = [(_swatch(i), label) for i, label in enumerate(labels) if label]
    feet, bottom = key(named, bottom + 4)
    notes, bottom = footing(note, bottom)
    return finish(title, bottom, [*parts, *feet, *notes])


def _check(row: ShareRow, parts: int) -> None:
    if len(row.shares) != parts:
        raise ValueError(f"{row.label!r}: {len(row.shares)} shares for {parts} labels")
    known = [share for share in row.shares if not math.isnan(share)]
    if any(share < 0 for share in known) or sum(known) > 1 + 1e-6:
        raise ValueError(f"{row.label!r}: shares {row.shares}; none below 0, at most 1 together")


def _said(row: ShareRow, labels: Sequence[str]) -> str:
    named = zip(labels, row.shares, strict=True)
    known = ", ".join(f"{clean(label)} {_percent(share)}" for label, share in named if label)
    count = f" ({_count(row)})" if row.n else ""
    return f"{clean(row.label)}: {'no value' if _unknown(row) else known}{count}"


def _count(row: ShareRow) -> str:
    return f"n = {row.n:,}" if row.n else ""


def _unknown(row: ShareRow) -> bool:
    return not row.shares or any(map(math.isnan, row.shares))


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _bar(row: ShareRow, left: float, right: float, y: float) -> list[str]:
    if _unknown(row):
        return [text(left, y + 4, "no value", kind="muted", size=SMALL)]
    drawn: list[str] = []
    start = left
    for index, share in enumerate(row.shares):
        width = share * (right - left)
        if share > 0:
            drawn += _part(index, start, y - _HEIGHT / 2, width, _HEIGHT)
        words = _percent(share)
        if width >= text_width(words, SMALL) + 6:
            drawn.append(
                text(
                    start + width / 2, y + 4, words, kind=f"on{index}", anchor="middle",
                    size=SMALL,
                )
            )  # fmt: skip
        start += width
    return drawn


def _part(index: int, x: float, y: float, width: float, height: float) -> list[str]:
    """Return a part of a bar: the second is hatched, the third ruled, the fourth left empty.

    The strokes are drawn one by one: an SVG `<pattern>` is found by an id, and the ids of several
    charts in one page would be the same.
    """
    strokes: list[str] = []
    if index == 1:
        # Rising strokes: of each x + y is the same, and it is cut off at the rectangle's sides.
        total = math.ceil((x + y) / _STEP) * _STEP
        while total < x + width + y + height:
            start, end = max(x, total - y - height), min(x + width, total - y)
            if end - start > 0.2:
                strokes.append(segment("hatch", start, total - start, end, total - end))
            total += _STEP
    if index == 2:
        heights = [y + height * part for part in (0.25, 0.5, 0.75)]
        strokes = [segment("hatch", x, one, x + width, one) for one in heights]
    return [box(f"part{index}", x, y, width, height), *strokes]


def _swatch(index: int) -> Sign:
    return lambda x, y: "".join(_part(index, x - 9, y - 6, 18, 12))
