"""The parts of a page: sections, figures and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

import yaml

from kidney_evals.reporting.table_formats import csv_text
from kidney_evals.reporting.text import number

Cell = str | float | int
"""A cell of a table: words, a count, or a number."""

P_VALUE: Final = "adjusted p"
"""Head of a column of p-values, which are never printed as 0."""


@dataclass(frozen=True)
class Table:
    """A table of the page, which is also written as a CSV file.

    Attributes:
        heads: Column heads.
        rows: The cells, one for each head.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def shown(self) -> list[list[tuple[str, bool]]]:
        """Return the cells as text, each with whether it is a number."""
        return [
            [
                (_shown(cell, head), not isinstance(cell, str))
                for head, cell in zip(self.heads, row, strict=True)
            ]
            for row in self.rows
        ]

    def columns(self) -> list[tuple[str, bool]]:
        """Return the heads, each with whether its column holds numbers only."""
        return [
            (head, bool(self.rows) and not any(isinstance(row[index], str) for row in self.rows))
            for index, head in enumerate(self.heads)
        ]

    def csv(self) -> str:
        """Return the table as CSV with six decimals and no formulas; see `csv_text`."""
        cells = ([_exact(*pair) for pair in zip(row, self.heads, strict=True)] for row in self.rows)
        return csv_text([self.heads, *cells])


@dataclass(frozen=True)
class Figure:
    """A figure: panels side by side, with the table of their numbers.

    Attributes:
        id: Name of its files and anchor on the page; letters, digits and hyphens.
        title: The title.
        says: How to read the figure: direction, human value, how it can be gamed.
        panels: SVG, placed side by side if there is room; empty for a table alone.
        table: The numbers of the figure.
        sentences: The findings, one sentence each.
    """

    id: str
    title: str
    says: str
    panels: tuple[str, ...]
    table: Table
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A section of the page; its texts are in `sections.yaml`.

    Attributes:
        id: Anchor on the page.
        figures: The figures.
        left_out: A line for each figure or run that could not be shown.
        remark: A further remark before the figures.
    """

    id: str
    figures: tuple[Figure, ...] = ()
    left_out: tuple[str, ...] = ()
    remark: str = ""

    @property
    def title(self) -> str:
        """The title: the question that the section answers."""
        return _texts()[self.id]["title"]

    @property
    def says(self) -> str:
        """The introduction before the figures."""
        says = _texts()[self.id]["says"]
        return f"{self.remark} {says}".strip() if self.figures else says

    @property
    def absent(self) -> str:
        """The reason why the section has no figures; empty if it has figures."""
        return "" if self.figures else _texts()[self.id]["absent"]


def section(id: str, figures: Sequence[Figure | None]) -> Section:
    """Return a section of the figures that are not None."""
    return Section(id, tuple(one for one in figures if one and (one.panels or one.table.rows)))


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Mapping[str, str]]:
    text = files("kidney_evals.reporting.page").joinpath("sections.yaml").read_text("utf-8")
    texts: Mapping[str, Mapping[str, str]] = yaml.safe_load(text)
    return texts


def _shown(cell: Cell, head: str) -> str:
    if isinstance(cell, float):
        # A p-value is never 0.
        return "< 0.001" if head == P_VALUE and cell < 0.001 else number(cell)
    return f"{cell:,}" if isinstance(cell, int) else cell


def _exact(cell: Cell, head: str) -> Cell:
    if not isinstance(cell, float):
        return cell
    if math.isnan(cell):
        return ""
    return float(f"{cell:.3g}") if head == P_VALUE else round(cell, 6)


def slug(*words: str) -> str:
    """Return the words as one id of lower-case letters, digits and hyphens."""
    text = "-".join(words).lower()
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)
    return "-".join(part for part in kept.split("-") if part)


def columns(rows: Sequence[Sequence[Cell]], *heads: str) -> Table:
    """Return a table of rows under heads."""
    return Table(heads, tuple(tuple(row) for row in rows))
