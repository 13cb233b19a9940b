"""What every chart is drawn with: texts, lines, areas, and the signs of who a value is of.

Words and addresses that come from outside are cleaned and escaped here, nowhere else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from kidney_evals.charts.words import SIZE, clean, escape, shorten

Kind: TypeAlias = Literal["people", "model", "baseline"]
"""Whose a value is: people's, a model's, or that of a rule to compare with."""

Anchor: TypeAlias = Literal["start", "middle", "end"]

HEAD: Final = '<svg xmlns="http://www.w3.org/2000/svg" class="kc"'
"""How every panel begins."""

_ADDRESS: Final = re.compile(r"([^/?#]*):")
_FOLLOWED: Final = ("http", "https", "file")


def at(value: float) -> str:
    """Return a place in pixels, to a tenth."""
    return f"{round(value, 1) + 0.0:g}"


def element(tag: str, *inner: str, **attributes: str | float) -> str:
    """Return an element; numbers among its attributes are places, empty ones are left out.

    Args:
        tag: Its name.
        inner: What is in it, escaped.
        attributes: By name; `_` stands for `-`, and one at the end for nothing.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="'
        f'{escape(value) if isinstance(value, str) else at(value)}"'
        for name, value in attributes.items()
        if value != ""
    )
    return f"<{tag}{written}>{''.join(inner)}</{tag}>" if inner else f"<{tag}{written}/>"


def text(
    x: float,
    y: float,
    words: str,
    *,
    kind: str = "",
    anchor: Anchor = "start",
    size: float = SIZE,
    room: float = math.inf,
    said: str = "",
) -> str:
    """Return one line of text.

    Args:
        x: Where it starts, or its middle or end.
        y: Its base line.
        words: What it says.
        kind: Classes of the style sheet; `title` is bold.
        anchor: What `x` is.
        size: Height of type.
        room: Pixels it may take; where it had to be shortened, its `<title>` says the whole.
        said: What its `<title>` says, if not that.
    """
    whole = clean(words)
    shown = whole if room == math.inf else shorten(whole, room, size, "title" in kind.split())
    said = said or (whole if shown != whole else "")
    title = [element("title", escape(said))] if said else []
    return element(
        "text", *title, escape(shown), class_=kind, x=x, y=y,
        text_anchor="" if anchor == "start" else anchor,
        font_size="" if size == SIZE else size,
    )  # fmt: skip


def segment(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """Return a straight line."""
    return element("line", class_=kind, x1=x1, y1=y1, x2=x2, y2=y2)


def box(kind: str, x: float, y: float, width: float, height: float) -> str:
    """Return a rectangle."""
    return element("rect", class_=kind, x=x, y=y, width=width, height=height)


def disc(kind: str, x: float, y: float, radius: float) -> str:
    """Return a circle."""
    return element("circle", class_=kind, cx=x, cy=y, r=radius)


def path(kind: str, points: Iterable[tuple[float, float]], closed: bool = False) -> str:
    """Return a line through points, or the area within."""
    written = " ".join(f"{at(x)},{at(y)}" for x, y in points)
    return element("polygon" if closed else "polyline", class_=kind, points=written)


def mark(kind: Kind, x: float, y: float) -> str:
    """Return the sign of a value: people a diamond, a model a disc, a baseline a ring."""
    if kind == "people":
        corners = [(x - 5.5, y), (x, y - 5.5), (x + 5.5, y), (x, y + 5.5)]
        return path("people mark", corners, closed=True)
    if kind == "model":
        return disc("model mark", x, y, 4.5)
    return disc("baseline open", x, y, 3.5)


def arrow(kind: str, x: float, y: float, *, right: int = 0, down: int = 0) -> str:
    """Return the sign of a value beyond the edge.

    Args:
        kind: Classes.
        x: Where its tip is, on the edge.
        y: The same.
        right: 1 for one that points right, -1 for left.
        down: 1 for one that points down, -1 for up.
    """
    back, half = 9, 5.5
    foot = (x - right * back, y - down * back)
    aside = (abs(down) * half, abs(right) * half)
    corners = [
        (x, y),
        *((foot[0] + sign * aside[0], foot[1] + sign * aside[1]) for sign in (1, -1)),
    ]
    return path(f"{kind} mark beyond", corners, closed=True)


def link(address: str, inner: str) -> str:
    """Return something as a link, or as it is where the address is none that may be followed."""
    address = clean(address)
    scheme = _ADDRESS.match(address)
    if not address or (scheme and scheme[1].lower() not in _FOLLOWED):
        return inner
    return element("a", inner, href=address)


def titled(title: str, parts: Iterable[str]) -> str:
    """Return a group that says its title when pointed at."""
    return element("g", element("title", escape(title)), *parts)


def document(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """Return a chart without its style sheet, as a page takes it in."""
    size = f'width="{at(width)}" height="{at(height)}"'
    head = (
        f'{HEAD} viewBox="0 0 {at(width)} {at(height)}" {size} role="group" '
        f'aria-label="{escape(title)}" font-size="{SIZE}">'
    )
    return "\n".join([head, *parts, "</svg>\n"])
