"""Reading reference tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kidney_evals.human.table_rows import ROWS, DrawRow, check_rows
from kidney_evals.input_files import MAX_TABLE_BYTES, TableFile, read_bytes

Floats = NDArray[np.float64]

RANDOM_FILE = "random_coefficients.csv"
"""How the weights of single people are spread (see `kidney_evals.human.random_table`)."""

SHOWN_ONLY = frozenset({RANDOM_FILE})
"""Tables that no score reads. They stay out of the hash by which runs are told apart: what a
picture of people is drawn from may change where no figure does."""


def scored_tables(folder: Path) -> list[Path]:
    """Return the tables of a reference folder that scores can depend on, sorted."""
    return sorted(
        path
        for path in folder.glob("*")
        if path.suffix in (".csv", ".json") and path.name not in SHOWN_ONLY
    )


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the checked rows of a reference table by column name, as text.

    Raises:
        UserError: The table is not readable or does not fit the model of its name.
    """
    table = TableFile(str(path), read_bytes(path, MAX_TABLE_BYTES))
    form = ROWS.get(path.name, DrawRow)
    rows = table.rows(form)
    if not rows:
        table.add((), "has no row; delete the file if nothing is known")
    check_rows(table, rows)
    table.finish()
    return [cells for _, cells, _ in rows]


def number(text: str) -> float:
    """Return a cell as a number, NaN where it is empty."""
    return float(text) if text else float("nan")


def read_draws(path: Path) -> dict[str, Floats]:
    """Return the columns of a table of draws, each of shape (draws,)."""
    rows = read_rows(path)
    return {
        name: np.array([float(row[name]) for row in rows]) for name in (rows[0] if rows else ())
    }
