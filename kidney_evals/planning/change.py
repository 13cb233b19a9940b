"""Read the simulated tables, and return the detectable change between two models."""

from __future__ import annotations

import csv
import math
from functools import lru_cache
from pathlib import Path

import numpy as np

from kidney_evals.errors import UserError
from kidney_evals.studies.model import Condition


@lru_cache(maxsize=8)
def read_lines(table: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a shipped table.

    It is `precision`, `probe`, `readout`, `sensitivity` or `stopping`.

    Raises:
        UserError: The file is missing, so the installation is broken.
    """
    try:
        with Path(__file__).with_name(f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return tuple(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"the {table} table is missing; reinstall kidney-evals") from error


def paired_changes(
    study: str, condition: Condition, row: str, start: str, dilemmas: int
) -> list[float]:
    """Return the change in `row` that is detected with 90 % power, for each consistency except 0.

    `start` is the old version; each of the `dilemmas` is asked once in both orders. Between
    simulated sizes, change × √dilemmas is interpolated linearly; above the largest size it is
    constant. Empty if nothing was simulated for the arguments, or only larger sizes.
    """
    grids: dict[str, list[tuple[int, float]]] = {}
    for line in _lines(study, condition, row):
        if line["start"] == start and float(line["consistency"]) > 0:
            size = int(line["dilemmas"])
            level = float(line["change"]) * math.sqrt(size)
            grids.setdefault(line["consistency"], []).append((size, level))
    tables = (np.array(sorted(grid)) for grid in grids.values())
    return [
        float(np.interp(dilemmas, table[:, 0], table[:, 1])) / math.sqrt(dilemmas)
        for table in tables
        if dilemmas >= table[0, 0]
    ]


def nearest_start(study: str, condition: Condition, row: str, value: float) -> str:
    """Return the simulated old version with the nearest `value` of `row`; "" if there is none."""
    starts = [
        (abs(float(line["value"]) - value), line["start"]) for line in _lines(study, condition, row)
    ]
    return min(starts)[1] if starts and not math.isnan(value) else ""


def _lines(*names: str) -> list[dict[str, str]]:
    """Return the simulated changes of a study, a condition and a row."""
    lines = read_lines("sensitivity")
    return [line for line in lines if (line["study"], line["condition"], line["row"]) == names]
