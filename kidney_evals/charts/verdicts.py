"""Verdicts on several runs: a row for each run, and a column for each question.

Each verdict has a value on a scale from 0, the crowd (another random person for every answer), to
1, guessing.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from kidney_evals.charts import drawing as svg
from kidney_evals.charts.words import SIZE, SMALL, shorten, wrap

_LOW, _HIGH = -0.6, 1.15
"""Ends of the scale; the crowd is at 0 and guessing at 1."""

_LABEL, _CELL = 260, 180
"""Widths in the figure of several runs, pixels."""

SCALE_WIDTH: Final = 170


@dataclass(frozen=True)
class Place:
    """A value, its 95 % interval and the 5–95 % range of single persons; NaN where missing.

    All are on the scale from 0 (crowd) to 1 (guessing).

    Attributes:
        spoken: The numbers as text, shown as a tooltip.
    """

    value: float
    low: float
    high: float
    band_low: float
    band_high: float
    spoken: str = ""


@dataclass(frozen=True)
class Verdict:
    """A cell of the figure: the verdict in words, the value as text, and its place."""

    words: str
    value: str
    place: Place


def scale_mark(place: Place) -> str:
    """Return SVG of a scale with `place` on it, as high as a line of text; "" without a value.

    The SVG has no style sheet.
    """
    if math.isnan(place.value):
        return ""
    return _line(SCALE_WIDTH, svg.titled(place.spoken, *_scale(place, 3, SCALE_WIDTH - 3, 10)))


def legend() -> list[tuple[str, str]]:
    """Return the legend: each mark of a scale, as SVG without a style sheet, and its meaning."""
    return [(_line(24, draw(12, 10)), words) for draw, words in _KEY]


def _line(width: float, part: str) -> str:
    """Return a panel as high as a line of text."""
    panel = svg.Panel("", width)
    panel.parts.append(part)
    panel.bottom = 12
    return panel.svg()


def verdict_panel(
    questions: Sequence[str], rows: Sequence[tuple[str, str, Sequence[Verdict | None]]]
) -> str:
    """Draw the verdicts on runs, a line for each run, as SVG without a style sheet.

    A row is the name of the run, a second line of text, and a cell for each question; None if the
    question was not asked.
    """
    panel = svg.Panel("", _LABEL + len(questions) * _CELL + svg.PAD)
    heads = [wrap(question, _CELL - 16, SIZE, 2) for question in questions]
    for column, lines in enumerate(heads):
        for index, line in enumerate(lines):
            x, y = _LABEL + column * _CELL, panel.bottom + 12 + index * svg.LINE
            panel.parts.append(svg.text(x, y, line))
    panel.bottom += 24 + svg.LINE
    for name, second, cells in rows:
        top = panel.bottom
        panel.parts.append(svg.segment("grid", svg.PAD, top, panel.width - svg.PAD, top))
        room = _LABEL - svg.PAD - 12
        label = svg.text(svg.PAD, top + 19, shorten(name, room))
        below = svg.text(svg.PAD, top + 37, shorten(second, room, SMALL), "muted", size=SMALL)
        panel.parts.append(svg.titled(f"{name}, {second}", label, below))
        for column, cell in enumerate(cells):
            x = _LABEL + column * _CELL
            if cell is not None:
                panel.parts.append(svg.text(x, top + 19, cell.words))
                end = x + SCALE_WIDTH - 6
                panel.parts.append(svg.text(end, top + 19, cell.value, "muted", "end"))
                marks = _scale(cell.place, x, end, top + 34)
                panel.parts.append(svg.titled(cell.place.spoken, *marks))
        panel.bottom = top + 48
    panel.key(_KEY)
    return panel.svg()


def _scale(place: Place, left: float, right: float, y: float) -> Iterator[str]:
    """Yield the marks of a scale from `left` to `right`; what lies beyond an end is cut there."""
    if math.isnan(place.value):
        return
    across = svg.linear(_LOW, _HIGH, left, right)

    def cut(value: float) -> float:
        return across(min(max(value, _LOW), _HIGH))

    if not math.isnan(place.band_low + place.band_high):
        start, end = sorted((cut(place.band_low), cut(place.band_high)))
        yield svg.box("people band", start, y - 7, end - start, 14)
    yield svg.segment("axis", left, y, right, y)
    yield svg.tick("people", across(0), y)
    yield svg.tick("baseline", across(1), y)
    if not math.isnan(place.low + place.high):
        yield svg.segment("model line", cut(place.low), y, cut(place.high), y)
    if _LOW <= place.value <= _HIGH:
        yield svg.mark("model", across(place.value), y)
    else:
        yield _beyond(cut(place.value), y, -9 if place.value > 0 else 9)


def _beyond(tip: float, y: float, back: float) -> str:
    corners = [(tip, y), (tip + back, y - 5), (tip + back, y + 5)]
    return svg.path("model mark", corners, closed=True)


def _run_mark(x: float, y: float) -> str:
    return svg.segment("model line", x - 10, y, x + 10, y) + svg.mark("model", x, y)


_KEY: Final[Sequence[tuple[Callable[[float, float], str], str]]] = (
    (partial(svg.tick, "people"), "the crowd: another random person for every answer"),
    (lambda x, y: svg.box("people band", x - 10, y - 7, 20, 14), "single persons, 5–95 %"),
    (partial(svg.tick, "baseline"), "guessing"),
    (_run_mark, "the run, with its 95 % interval"),
    (lambda x, y: _beyond(x + 5, y, -9), "beyond the scale"),
)
