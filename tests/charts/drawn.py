"""A chart as it is read back from its SVG."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from kidney_evals.charts.words import text_width

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = "<script>alert('1')</script> & \"x\" \x00\x07\ud800\ufffe\u202e]]>\n--"
"""Markup, quotes, signs that XML forbids, one that turns the direction of writing."""

SHOWN = "<script>alert('1')</script> & \"x\" ]]> --"
"""What of it is text."""


@dataclass(frozen=True)
class Words:
    """One text with the room it takes, by the module's own reckoning."""

    said: str
    x: float
    y: float
    left: float
    right: float
    top: float
    bottom: float

    def over(self, other: Words) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


class Drawn:
    """A panel.

    Attributes:
        root: The parsed SVG.
        width: Of its box.
        height: The same.
        words: Every text in order.
    """

    def __init__(self, svg: str) -> None:
        # What cannot be encoded cannot be written into a file.
        svg.encode("utf-8")
        self.root = ElementTree.fromstring(svg)
        _, _, self.width, self.height = map(float, self.root.get("viewBox", "").split())
        self.words = [_words(one) for one in self.root.iter(f"{SVG}text")]

    def said(self) -> list[str]:
        return [one.said for one in self.words]

    def place(self, said: str) -> Words:
        [found] = [one for one in self.words if one.said == said]
        return found

    def of(self, tag: str, *classes: str) -> list[Element]:
        """Return the elements of a tag that have all the classes."""
        return [
            one
            for one in self.root.iter(f"{SVG}{tag}")
            if set(classes) <= set(one.get("class", "").split())
        ]

    def titles(self) -> list[str]:
        return [str(one.text) for one in self.root.iter(f"{SVG}title")]

    def across(self, value: float) -> float:
        """Where a value stands, by the first and the last number under the axis."""
        foot = max(one.y for one in self.words if is_number(one.said))
        marks = {float(one.said): one.x for one in self.words if one.y == foot}
        return between(marks, value)

    def check_words(self) -> None:
        """Check that every text is inside and none over another."""
        for one in self.words:
            assert one.left >= 0 and one.right <= self.width + 0.05, (one, self.width)
            assert one.top >= 0 and one.bottom <= self.height, (one, self.height)
        for one, two in combinations(self.words, 2):
            assert not one.over(two), (one, two)


def _words(one: Element) -> Words:
    said = (one.text or "") + "".join(child.tail or "" for child in one)
    size = float(one.get("font-size", "12"))
    x, y = number(one, "x"), number(one, "y")
    wide = text_width(said, size, bold="title" in one.get("class", ""))
    left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[one.get("text-anchor", "start")]
    return Words(said, x, y, left, left + wide, y - 0.76 * size, y + 0.24 * size)


def number(one: Element, name: str) -> float:
    return float(one.get(name, "nan"))


def is_number(said: str) -> bool:
    return re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", said) is not None


def between(places: dict[float, float], value: float) -> float:
    low, high = min(places), max(places)
    return places[low] + (value - low) / (high - low) * (places[high] - places[low])


def corners(one: Element) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in one.get("points", "").split())
    return [(float(x), float(y)) for x, y in pairs]


def middle(one: Element) -> tuple[float, float]:
    """Return the middle of a mark: a disc, or a diamond."""
    if one.tag == f"{SVG}circle":
        return number(one, "cx"), number(one, "cy")
    points = corners(one)
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
