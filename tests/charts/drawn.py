"""A panel of given words and numbers, and a figure parsed from its SVG."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from kidney_evals.charts import DotRow, Kind, dot_panel
from kidney_evals.charts.words import text_width

SVG = "{http://www.w3.org/2000/svg}"
KINDS: tuple[Kind, ...] = ("people", "model", "baseline")


def dots(words: str, names: Sequence[str], values: Sequence[float]) -> str:
    """Return a panel with `words` as title and note, and a row for each name; values are cycled."""

    def value(index: int) -> float:
        return values[index % len(values)]

    rows = [
        DotRow(name, value(i), value(i + 1), value(i + 2), KINDS[i % 3], f"javascript:{words}")
        for i, name in enumerate(names)
    ]
    return dot_panel(words, rows, low=-0.5, high=1, note=words, decimals=3)


@dataclass(frozen=True)
class Words:
    """A text with its box in pixels, as wide as `text_width` estimates."""

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
    """A figure, parsed."""

    def __init__(self, svg: str) -> None:
        # What cannot be encoded cannot be written into a file.
        svg.encode("utf-8")
        self.root = ElementTree.fromstring(svg)
        _, _, self.width, self.height = map(float, self.root.get("viewBox", "").split())
        self.words = [_words(one) for one in self.of("text")]

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
        """Return the x of a value, interpolated between the lowest and highest x-axis number."""
        return between({float(one.said): one.x for one in self._numbers(under=True)}, value)

    def up(self, value: float) -> float:
        """Return the y of a value, from the y-axis numbers, whose baselines are 4 pixels lower."""
        return between({float(one.said): one.y - 4 for one in self._numbers(under=False)}, value)

    def _numbers(self, under: bool) -> list[Words]:
        """Return the numbers under the x axis, which are lowest, or all other numbers."""
        numbers = [one for one in self.words if re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", one.said)]
        lowest = max(one.y for one in numbers)
        return [one for one in numbers if (one.y == lowest) == under]

    def check_words(self) -> None:
        """Check that every text is inside and none covers another."""
        for one in self.words:
            assert one.left >= 0 and one.right <= self.width + 0.05, (one, self.width)
            assert one.top >= 0 and one.bottom <= self.height, (one, self.height)
        for one, two in combinations(self.words, 2):
            assert not one.over(two), (one, two)


def _words(one: Element) -> Words:
    said = one.text or ""
    size = float(one.get("font-size", "12"))
    x, y = number(one, "x"), number(one, "y")
    wide = text_width(said, size * (1.15 if "title" in one.get("class", "") else 1))
    left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[one.get("text-anchor", "start")]
    return Words(said, x, y, left, left + wide, y - 0.76 * size, y + 0.24 * size)


def number(one: Element, name: str) -> float:
    return float(one.get(name, "nan"))


def between(places: dict[float, float], value: float) -> float:
    low, high = min(places), max(places)
    return places[low] + (value - low) / (high - low) * (places[high] - places[low])


def corners(one: Element) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in one.get("points", "").split())
    return [(float(x), float(y)) for x, y in pairs]


def near(places: float | tuple[float, ...]) -> object:
    """Return an approximation of places, which are rounded to a tenth of a pixel."""
    return pytest.approx(places, abs=0.16)


def middle(one: Element) -> tuple[float, float]:
    """Return the middle of a mark: a disc, or a diamond."""
    if one.tag == f"{SVG}circle":
        return number(one, "cx"), number(one, "cy")
    points = corners(one)
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
