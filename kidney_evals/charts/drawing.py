"""SVG elements, number formats, the style sheet and the frame of a panel, shared by all figures.

Only this module escapes text and addresses that come from outside. A panel has by default the width
of a phone screen; a page places as many panels in a row as fit.

The palette is that of Okabe and Ito (2008), which colour-blind readers can distinguish: blue for
people, vermillion for models, grey for baselines. Marks also differ in shape, so that nothing
depends on colour alone.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from kidney_evals.charts.words import LARGE, SIZE, SMALL, clean, escape, text_width, wrap

Kind: TypeAlias = Literal["people", "model", "baseline"]
"""Whether a value belongs to people, to a model, or to a baseline."""

Scale: TypeAlias = Callable[[float], float]

STYLE: Final = files("kidney_evals.charts").joinpath("charts.css").read_text(encoding="utf-8")
"""The style sheet: light colours, and dark colours for readers whose system prefers them."""

WIDTH: Final = 340
"""Width of a panel, pixels."""

PAD: Final = 10
"""Margin at the left and at the right, pixels."""

LINE: Final = 15
"""Distance between two lines of small type, pixels."""

NOTHING: Final = "–"

_HEAD: Final = '<svg xmlns="http://www.w3.org/2000/svg" class="kc"'


def text(
    x: float, y: float, words: str, kind: str = "", anchor: str = "start", size: float = SIZE
) -> str:
    """Return `words` as SVG with their `anchor` (start, middle or end) at (x, y); "" for no words.

    `kind` is the class in the style sheet.
    """
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text class="{kind}" {place}>{escape(words)}</text>' if words else ""


def _shape(tag: str, *names: str) -> Callable[..., str]:
    """Return a function that draws an SVG element, given its class and its places by `names`."""

    def draw(kind: str, *places: float) -> str:
        values = " ".join(f'{name}="{one:.1f}"' for name, one in zip(names, places, strict=True))
        return f'<{tag} class="{kind}" {values}/>'

    return draw


segment = _shape("line", "x1", "y1", "x2", "y2")
box = _shape("rect", "x", "y", "width", "height")
disc = _shape("circle", "cx", "cy", "r")


def path(kind: str, points: Iterable[tuple[float, float]], closed: bool = False) -> str:
    """Return SVG of a line through the points, or of the area inside if `closed`.

    `kind` is the class in the style sheet.
    """
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<{"polygon" if closed else "polyline"} class="{kind}" points="{places}"/>'


def mark(kind: str, x: float, y: float) -> str:
    """Return the mark of a value: a diamond for people, a ring for a baseline, else a disc."""
    if kind == "people":
        corners = [(x - 5.5, y), (x, y - 5.5), (x + 5.5, y), (x, y + 5.5)]
        return path("people mark", corners, closed=True)
    if kind == "baseline":
        return disc("baseline open", x, y, 3.5)
    return disc(f"{kind} mark", x, y, 4.5)


def tick(kind: str, x: float, y: float) -> str:
    """Return a short vertical line through (x, y)."""
    return segment(f"{kind} line", x, y - 7, x, y + 7)


def link(address: str, inner: str) -> str:
    """Return `inner` as a link; unchanged if the address is empty or has an unsafe scheme."""
    address = clean(address)
    scheme = re.match(r"([^/?#]*):", address)
    if not address or (scheme and scheme[1].lower() not in ("http", "https", "file")):
        return inner
    return f'<a href="{escape(address)}">{inner}</a>'


def titled(title: str, *parts: str) -> str:
    """Return a group of SVG elements with `title` as its tooltip."""
    return f"<g><title>{escape(title)}</title>{''.join(parts)}</g>"


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Return the scale that maps `low` to `start` and `high` to `end`.

    If `low` equals `high`, it maps this value to the middle.
    """
    if low == high:
        low, high = low - 0.5, high + 0.5
    return lambda value: start + (value - low) / (high - low) * (end - start)


def number(value: float) -> str:
    """Format a round number for an axis label."""
    return f"{value:.10g}"


def decimal(value: float, decimals: int, signed: bool = False) -> str:
    """Format with fixed decimals, from a million with an exponent; NaN and infinity are a dash.

    With `signed`, positive numbers have a plus sign. A number that is rounded to 0 has no sign.
    """
    if not math.isfinite(value):
        return NOTHING
    # A number with many digits would not leave enough width for the plot.
    form = f".{decimals}f" if abs(value) < 1e6 else f".{decimals}e"
    written = format(value, f"+{form}" if signed else form)
    return written if float(written) else f"{0:.{decimals}f}"


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return evenly spaced round values that enclose `low` and `high`, at most `most` + 2.

    If `low` equals `high`, 0 is among the values.
    """
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = (min(low, 0.0), max(high, 0.0)) if high else (0.0, 1.0)
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if span / (power * factor) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{index * step:.10g}") for index in range(first, last + 1)]


class Panel:
    """A figure that is drawn from top to bottom.

    Attributes:
        parts: SVG of the elements drawn so far.
        bottom: Height used so far, in pixels.
        width: Width of the figure, in pixels.
    """

    def __init__(self, title: str, width: float = WIDTH, size: int = LARGE) -> None:
        self.parts: list[str] = []
        self.bottom: float = 4
        self.width = width
        self._title = title
        # A line break stays a line break; each part may then have fewer lines.
        lines = title.split("\n")
        for line in lines:
            self.write(line, "title", size, most=3 if len(lines) == 1 else 2)

    def write(self, words: str, kind: str, size: int, most: int) -> None:
        """Add a paragraph of at most `most` lines; if shortened, a tooltip shows the full text."""
        # Bold characters are wider.
        wide = size * 1.15 if kind == "title" else size
        lines = wrap(words, self.width - 2 * PAD, wide, most)
        drawn = [
            text(PAD, self.bottom + (index + 1) * (size + 4) - 3, line, kind, size=size)
            for index, line in enumerate(lines)
        ]
        self.parts += drawn if " ".join(lines) == clean(words) else [titled(words, *drawn)]
        self.bottom += len(lines) * (size + 4) + 2 * bool(lines)

    def axis(
        self, low: float, high: float, start: float, end: float, top: float,
        own: Sequence[tuple[float, str]] = (), inset: float = 0,
    ) -> Scale:  # fmt: skip
        """Add a horizontal axis with grid lines at the panel's bottom; return its scale.

        The bottom of the panel moves below the labels.

        Args:
            low: The value `inset` pixels right of `start`.
            high: The value `inset` pixels left of `end`.
            start: Left end of the axis, in pixels.
            end: Right end of the axis, in pixels.
            top: Upper end of the grid lines, in pixels.
            own: Values with their labels. Every nth is shown, for the smallest n at which they
                fit. Without `own`, labels are round numbers.
            inset: Space at both ends, in pixels.
        """
        scale, bottom = linear(low, high, start + inset, end - inset), self.bottom

        def fit(labels: Sequence[tuple[float, str]]) -> bool:
            ends = [(scale(value), text_width(words, SMALL) / 2 + 4) for value, words in labels]
            return all(left + one < right - two for (left, one), (right, two) in pairwise(ends))

        choices = [own[::step] for step in range(1, len(own) + 1)] or [
            [(tick, number(tick)) for tick in ticks(low, high, most) if low <= tick <= high]
            for most in range(6, 0, -1)
        ]
        self.parts.append(segment("axis", start, bottom, end, bottom))
        for value, words in next(filter(fit, choices), []):
            x = scale(value)
            kind = "axis" if words == "0" and value > low else "grid"
            self.parts.append(segment(kind, x, top, x, bottom))
            self.parts.append(text(x, bottom + 14, words, "muted", "middle", SMALL))
        self.bottom += 20
        return scale

    def key(self, entries: Iterable[tuple[Callable[[float, float], str], str]]) -> None:
        """Add a legend; an entry is a function that draws a mark of about 20 pixels, and a text."""
        x, self.bottom = float(PAD), self.bottom + 14
        for draw, words in entries:
            wide = 24 + text_width(words, SMALL)
            if x > PAD and x + wide > self.width - PAD:
                x, self.bottom = float(PAD), self.bottom + 20
            self.parts.append(draw(x + 9, self.bottom))
            self.parts.append(text(x + 24, self.bottom + 4, words, "muted", size=SMALL))
            x += wide + 12
        self.bottom += 7

    def svg(self, note: str = "") -> str:
        """Return the panel with `note` below as SVG, without a style sheet."""
        self.write(note, "muted", SMALL, most=8)
        width, height = self.width, math.ceil(self.bottom) + 8
        head = (
            f'{_HEAD} viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="group" aria-label="{escape(self._title)}" font-size="{SIZE}">'
        )
        return "\n".join([head, *self.parts, "</svg>\n"])


def grid(panels: Sequence[str], title: str = "", note: str = "") -> str:
    """Return an SVG file of panels, at most three in a row, with `title` above and `note` below."""
    across, between = max(1, min(3, len(panels))), 20
    widths, heights = (
        [float(panel.split(f' {name}="', 1)[1].split('"', 1)[0]) for panel in panels]
        for name in ("width", "height")
    )
    step = max(widths, default=WIDTH) + between
    file = Panel(title, across * step - between, size=16)
    file.bottom += 6
    for start in range(0, len(panels), across):
        for index, panel in enumerate(panels[start : start + across]):
            place = f'<svg x="{index * step:.0f}" y="{file.bottom:.1f}"'
            file.parts.append(panel.replace(_HEAD, place, 1).rstrip())
        file.bottom += max(heights[start : start + across]) + between / 2
    return standalone(file.svg(note))


def standalone(svg: str) -> str:
    """Return a panel as an SVG file with its title, the style sheet and a background."""
    head, end, rest = svg.partition(">")
    title = head.partition('aria-label="')[2].partition('"')[0]
    page = '<rect class="page" width="100%" height="100%"/>'
    return f"{head}{end}\n<title>{title}</title>\n<style>{STYLE}</style>\n{page}{rest}"


def plain(svg: str) -> str:
    """Return an SVG file with literal light colours and without links.

    Programs that convert SVG to pictures support neither `@media` nor custom properties.
    """
    rules, colours = STYLE.split("/* Colours", 1)
    light = dict(re.findall(r"--kc-(\w+): (#\w+)", colours.split("@media")[0]))
    literal = re.sub(r"var\(--kc-(\w+)\)", lambda used: light[used[1]], rules)
    return re.sub(r"</?a\b[^>]*>", "", svg.replace(STYLE, literal))
