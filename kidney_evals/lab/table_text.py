"""The text of the shipped tables: the same numbers give the same bytes on every machine."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Cell = str | int | float

ESTIMATE_DIGITS = 5
"""Significant digits of estimates: fits agree to 1e-10 across machines, so these are stable."""

DRAW_DIGITS = 4
"""Significant digits of bootstrap draws, far below their own spread."""

LATENT_DIGITS = 4
"""Significant digits of latent classes, whose likelihood is flat."""


def table_text(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], digits: int = ESTIMATE_DIGITS
) -> str:
    """Return a CSV table with Unix line ends, floats at `digits` significant digits, NaN empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_cell(value, digits) for value in row])
    return stream.getvalue()


def draws_text(columns: Mapping[str, Floats]) -> str:
    """Return a table of bootstrap draws, one row per draw and one column per parameter."""
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return table_text(list(columns), rows, DRAW_DIGITS)


def _cell(value: Cell, digits: int) -> str:
    if not isinstance(value, float):
        return str(value)
    if np.isnan(value):
        return ""
    text = f"{value:.{digits}g}"
    # A value below this is the rounding dust of a zero, and differs between machines.
    return "0" if abs(value) < 1e-9 else text
