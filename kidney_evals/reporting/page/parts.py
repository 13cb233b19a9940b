"""What a page is made of: sections of figures, each with its sentence, its panels, its numbers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from kidney_evals.reporting.text import number

Cell = str | float | int
"""What stands in a table: words, a count, or a figure."""


@dataclass(frozen=True)
class Table:
    """Numbers, as the page, a CSV file or a reader without pictures takes them.

    Attributes:
        heads: What the columns hold.
        rows: A cell for each head.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def shown(self) -> list[list[tuple[str, bool]]]:
        """Return the cells as they are read, with whether each is a number."""
        return [[(_shown(cell), not isinstance(cell, str)) for cell in row] for row in self.rows]

    def csv(self) -> str:
        """Return the table with figures as exact as the log has them."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.heads)
        writer.writerows([[_exact(cell) for cell in row] for row in self.rows])
        return out.getvalue()


@dataclass(frozen=True)
class Figure:
    """A picture made of panels, with what it says and its numbers.

    Attributes:
        id: Name of its files, and where the page jumps to; letters, digits and hyphens.
        title: What it shows.
        says: How to read it: the direction, people's value, what would game it.
        panels: SVG, side by side where there is room; empty for a table alone.
        table: The numbers in it.
        sentences: What it says in words, one for each finding.
    """

    id: str
    title: str
    says: str
    panels: tuple[str, ...]
    table: Table
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        id: Where the page's own links lead.
        title: What it answers.
        says: What to know before looking.
        figures: What it shows.
        absent: Why it shows nothing; empty where it does.
        left_out: What it could not show, a line each.
    """

    id: str
    title: str
    says: str
    figures: tuple[Figure, ...] = ()
    absent: str = ""
    left_out: tuple[str, ...] = ()


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return number(cell)
    return f"{cell:,}" if isinstance(cell, int) else cell


def _exact(cell: Cell) -> Cell:
    if isinstance(cell, float):
        return "" if math.isnan(cell) else round(cell, 6)
    return cell


def slug(*words: str) -> str:
    """Return words as one id: small letters, digits and hyphens."""
    text = "-".join(words).lower()
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)
    return "-".join(part for part in kept.split("-") if part)


def columns(rows: Sequence[Sequence[Cell]], *heads: str) -> Table:
    """Return a table of rows under heads."""
    return Table(heads, tuple(tuple(row) for row in rows))
