"""Format tables as CSV, identical on every machine, and as Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence

Cell = str | int | float
Record = dict[str, Cell]
"""A row of a table by column."""

ESTIMATE_DIGITS = 5
"""Significant digits of estimates: fits agree to 1e-10 across machines, so these are stable."""

DRAW_DIGITS = 4
"""Significant digits of bootstrap draws, far below their spread."""

LATENT_DIGITS = 4
"""Significant digits of latent classes, whose likelihood is flat."""


def table_text(rows: Iterable[Mapping[str, Cell]], digits: int = ESTIMATE_DIGITS) -> str:
    """Format rows as CSV with Unix line ends.

    Args:
        rows: At least one row by column; all have the columns of the first.
        digits: Significant digits of numbers with a fraction. NaN becomes an empty cell.
    """
    listed = list(rows)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(listed[0]), lineterminator="\n")
    writer.writeheader()
    for row in listed:
        writer.writerow({name: _cell(value, digits) for name, value in row.items()})
    return stream.getvalue()


def markdown_table(head: Sequence[str], align: str, rows: Iterable[Sequence[object]]) -> str:
    """Format rows as a Markdown table.

    Args:
        head: Column heads.
        align: "l" or "r" for each column.
        rows: The cells.
    """
    rule = [{"l": "---", "r": "--:"}[one] for one in align]
    lines = [head, rule, *(list(map(str, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Cell, digits: int) -> str:
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    # A smaller value is a rounding error of zero, and differs between machines.
    return "0" if abs(value) < 1e-9 else f"{value:.{digits}g}"
