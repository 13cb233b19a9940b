"""What panels have in common: heading, notes, an axis with its numbers, a key; and the grid.

A panel is as wide as a phone shows without making its type smaller. A page lays panels out as its
width allows; `grid` does so for a file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from kidney_evals.charts.scales import (
    LINE,
    Scale,
    apart_numbers,
    fitting_ticks,
    linear,
    number,
)
from kidney_evals.charts.style import standalone
from kidney_evals.charts.svg import HEAD, at, document, segment, text
from kidney_evals.charts.words import LARGE, SMALL, clean, shorten_all, text_width, wrap

WIDTH: Final = 340
"""Width of a panel, pixels."""

PAD: Final = 10
"""What is left free at either side."""

ROW: Final = 21
"""From one row to the next."""

LABEL: Final = 130
"""Pixels that a row's label may take at the left."""

TALL: Final = 32
"""From one row to the next where the label has two lines."""

AXIS: Final = 20
"""Height of an axis' numbers."""

_TITLE_LINES: Final = 3
_PART_LINES: Final = 2
_NOTE_LINES: Final = 8
_BOTTOM: Final = 8
_HEAD: Final = 16
"""Height of type of a grid's title."""

_BETWEEN: Final = 20

Sign: TypeAlias = Callable[[float, float], str]
"""Draws a sign of the key with its middle at (x, y), within 18 by 14 pixels."""

_SIZED: Final = re.compile(r'viewBox="0 0 (\S+) (\S+)"')


def finish(title: str, bottom: float, parts: Iterable[str]) -> str:
    """Return the panel whose contents end at `bottom`."""
    return document(WIDTH, math.ceil(bottom) + _BOTTOM, title, parts)


def heading(title: str) -> tuple[list[str], float]:
    """Return the title in lines, and the height at which it ends.

    A line break in it is kept; each part then has fewer lines for itself.
    """
    drawn: list[str] = []
    bottom: float = 4
    parts = title.split("\n")
    for part in parts:
        most = _TITLE_LINES if len(parts) == 1 else _PART_LINES
        lines, bottom = _lines(part, bottom, "title", LARGE, LARGE + 4, most, WIDTH)
        drawn += lines
    return drawn, bottom


def row_labels(labels: Sequence[str], room: float) -> list[list[str]]:
    """Return the lines of each row's label: two where one would have to be cut.

    A label is parted at its first comma, as names are whose second part says what tells the run
    from others; what is still too long is shortened so that labels go on to differ.
    """
    short = shorten_all(labels, room)
    parts = [clean(label).partition(", ") for label in labels]
    heads = shorten_all([head for head, _, _ in parts], room)
    tails = shorten_all([tail for _, _, tail in parts], room)
    return [
        [one] if one == clean(label) or not tails[i] else [f"{heads[i]},", tails[i]]
        for i, (one, label) in enumerate(zip(short, labels, strict=True))
    ]


def row_heights(labels: Sequence[Sequence[str]]) -> list[int]:
    """Return how high each row is."""
    return [TALL if len(lines) > 1 else ROW for lines in labels]


def label_lines(x: float, y: float, lines: Sequence[str]) -> list[str]:
    """Return a row's label with its middle at `y`."""
    if len(lines) == 1:
        return [text(x, y + 4, lines[0])]
    return [text(x, y + 4 + LINE * (index - 0.5), line) for index, line in enumerate(lines)]


def footing(note: str, top: float, width: float = WIDTH) -> tuple[list[str], float]:
    """Return a note in lines, and the height at which it ends."""
    return _lines(note, top, "muted", SMALL, LINE, _NOTE_LINES, width)


def _lines(
    words: str, top: float, kind: str, size: int, step: int, most: int, width: float
) -> tuple[list[str], float]:
    lines = wrap(words, width - 2 * PAD, size, most, kind == "title")
    whole = clean(words)
    said = "" if " ".join(lines) == whole else whole
    parts = [
        text(PAD, top + (index + 1) * step - 3, line, kind=kind, size=size, said=said)
        for index, line in enumerate(lines)
    ]
    return parts, top + len(lines) * step + 2 * bool(lines)


def axis(
    low: float,
    high: float,
    left: float,
    right: float,
    spans: Sequence[tuple[float, float]],
    bottom: float,
    ticks: Sequence[float] | None = None,
) -> tuple[list[str], Scale]:
    """Return an axis along the bottom with the lines that go up from it, and its scale.

    Args:
        low: What stands at the left.
        high: What stands at the right.
        left: Pixels.
        right: Pixels.
        spans: From where to where the lines go: not through words.
        bottom: Where the axis is.
        ticks: What is written under it, ascending, as far as it fits; round numbers if not given.

    Raises:
        ValueError: `low` is not below `high`.
    """
    place = linear(low, high, left, right)

    def middle(value: float) -> float:
        half = text_width(number(value), SMALL) / 2
        return min(max(place(value), PAD + half), WIDTH - PAD - half)

    if ticks is None:
        marks = fitting_ticks(low, high, middle, SMALL)
    else:
        marks = apart_numbers([tick for tick in ticks if low <= tick <= high], middle, SMALL)
    parts = [segment("axis", left, bottom, right, bottom)]
    for tick in marks:
        kind = "axis" if tick == 0 and low < 0 < high else "grid"
        parts += upright(kind, place(tick), spans)
        words = number(tick)
        parts.append(
            text(middle(tick), bottom + 14, words, kind="muted", anchor="middle", size=SMALL)
        )
    return parts, place


def upright(kind: str, x: float, spans: Sequence[tuple[float, float]]) -> list[str]:
    """Return a line through all rows."""
    return [segment(kind, x, top, x, bottom) for top, bottom in spans]


def inside(value: float, low: float, high: float) -> float:
    """Return the value, or the end of the axis that it lies beyond."""
    return min(max(value, low), high)


def key(entries: Sequence[tuple[Sign, str]], top: float) -> tuple[list[str], float]:
    """Return signs with what they mean, in as many lines as they take, and where they end."""
    parts: list[str] = []
    x, y = float(PAD), top + 10
    for sign, words in entries:
        room = WIDTH - PAD - 24
        wide = 24 + min(text_width(clean(words), SMALL), room - PAD)
        if x > PAD and x + wide > WIDTH - PAD:
            x, y = float(PAD), y + 17
        parts.append(sign(x + 9, y))
        parts.append(text(x + 24, y + 4, words, kind="muted", size=SMALL, room=room - PAD))
        x += wide + 12
    return parts, y + 7 if entries else top


def bar_sign(kind: str) -> Sign:
    """Return the sign of an interval."""

    def drawn(x: float, y: float) -> str:
        ends = [segment(f"{kind} bar", x + end, y - 3, x + end, y + 3) for end in (-9, 9)]
        return "".join([segment(f"{kind} bar", x - 9, y, x + 9, y), *ends])

    return drawn


def line_sign(kind: str) -> Sign:
    """Return the sign of a value that goes through all rows."""
    return lambda x, y: segment(f"{kind} line", x, y - 7, x, y + 7)


def no_values(top: float) -> str:
    """Return what a panel says that has nothing to draw."""
    return text(WIDTH / 2, top, "no values", kind="muted", anchor="middle")


def grid(panels: Sequence[str], columns: int, title: str = "", note: str = "") -> str:
    """Put panels side by side, in a file of its own.

    Args:
        panels: Panels as the functions of this room return them, row by row.
        columns: How many stand in a row, at most.
        title: Above them; empty for none.
        note: Below them; empty for none.

    Returns:
        SVG with its style sheet.

    Raises:
        ValueError: There is no column, or one of the panels is none.
    """
    if columns < 1:
        raise ValueError(f"{columns} columns; at least 1 is needed")
    sizes = [_size(panel) for panel in panels]
    across = max(1, min(columns, len(panels)))
    width = across * WIDTH + (across - 1) * _BETWEEN
    parts, y = _lines(title, 8, "title", _HEAD, _HEAD + 5, _TITLE_LINES, width)
    y += 6 * bool(parts)
    for start in range(0, len(panels), across):
        row = sizes[start : start + across]
        for index, panel in enumerate(panels[start : start + across]):
            x = index * (WIDTH + _BETWEEN)
            parts.append(panel.replace(HEAD, f'<svg x="{at(x)}" y="{at(y)}"', 1).rstrip())
        y += max(size for _, size in row) + _BETWEEN / 2
    feet, y = footing(note, y, width)
    return standalone(document(width, math.ceil(y) + _BOTTOM, title, [*parts, *feet]))


def _size(panel: str) -> tuple[float, float]:
    found = _SIZED.search(panel) if panel.startswith(HEAD) else None
    if found is None or "<style>" in panel:
        raise ValueError(f"not a panel: {panel[:60]!r}")
    return float(found[1]), float(found[2])
