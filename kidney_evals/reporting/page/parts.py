"""What a page is made of: sections of figures, each with its sentence, its panels, its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kidney_evals.reporting.table_formats import csv_text
from kidney_evals.reporting.text import number

Cell = str | float | int
"""What stands in a table: words, a count, or a figure."""

P_VALUE: Final = "adjusted p"
"""Head of a column of p-values, which are small and never 0."""


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
        return [
            [
                (_shown(cell, head), not isinstance(cell, str))
                for head, cell in zip(self.heads, row, strict=True)
            ]
            for row in self.rows
        ]

    def columns(self) -> list[tuple[str, bool]]:
        """Return the heads, with whether numbers stand below and nothing else."""
        return [
            (head, bool(self.rows) and not any(isinstance(row[index], str) for row in self.rows))
            for index, head in enumerate(self.heads)
        ]

    def csv(self) -> str:
        """Return the table with figures as exact as the log has them.

        No text in it is taken for a formula by a spreadsheet: see `csv_text`.
        """
        cells = (
            [_exact(cell, head) for head, cell in zip(self.heads, row, strict=True)]
            for row in self.rows
        )
        return csv_text([self.heads, *cells])


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


def _shown(cell: Cell, head: str) -> str:
    if isinstance(cell, float):
        # No p-value is 0.
        return "< 0.001" if head == P_VALUE and cell < 0.001 else number(cell)
    return f"{cell:,}" if isinstance(cell, int) else cell


def _exact(cell: Cell, head: str) -> Cell:
    if isinstance(cell, float):
        if math.isnan(cell):
            return ""
        return float(f"{cell:.3g}") if head == P_VALUE else round(cell, 6)
    return cell


def slug(*words: str) -> str:
    """Return words as one id: small letters, digits and hyphens."""
    text = "-".join(words).lower()
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)
    return "-".join(part for part in kept.split("-") if part)


def columns(rows: Sequence[Sequence[Cell]], *heads: str) -> Table:
    """Return a table of rows under heads."""
    return Table(heads, tuple(tuple(row) for row in rows))
