"""Read the simulated tables, and return the detectable change between two models."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from kidney_evals.errors import UserError
from kidney_evals.studies.model import Condition


@lru_cache(maxsize=4)
def read_lines(table: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a shipped table (`precision`, `sensitivity`, `stopping`, `readout`).

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
    """Return the change that is detected with 90 % power, for each consistency except 0.

    Between simulated sizes, change × √dilemmas is interpolated linearly; above the largest size it
    is constant.

    Args:
        study: The study.
        condition: The answers offered.
        row: The measure that changes.
        start: The old version.
        dilemmas: Number of dilemmas, each asked once in both orders.

    Returns:
        The changes; empty if nothing was simulated for the arguments, or only larger sizes.
    """
    grids: dict[float, dict[int, float]] = {}
    for line in _lines(study, condition, row):
        if line["start"] == start:
            grid = grids.setdefault(float(line["consistency"]), {})
            grid[int(line["dilemmas"])] = float(line["change"])
    return [
        _scaled(grid, dilemmas)
        for consistency, grid in grids.items()
        if consistency > 0 and dilemmas >= min(grid)
    ]


def nearest_start(study: str, condition: Condition, row: str, value: float) -> str:
    """Return the simulated old version with the nearest `value` of `row`; "" if there is none."""
    starts = [
        (abs(float(line["value"]) - value), line["start"]) for line in _lines(study, condition, row)
    ]
    return min(starts)[1] if starts and not math.isnan(value) else ""


def _scaled(grid: dict[int, float], dilemmas: int) -> float:
    steady = {size: change * math.sqrt(size) for size, change in grid.items()}
    level = steady[max(steady)]
    for low, high in pairwise(sorted(steady)):
        if low <= dilemmas <= high:
            share = (dilemmas - low) / (high - low)
            level = steady[low] + share * (steady[high] - steady[low])
    return level / math.sqrt(dilemmas)


def _lines(*names: str) -> Iterator[dict[str, str]]:
    """Yield the simulated changes of a study, a condition and a row."""
    for line in read_lines("sensitivity"):
        if (line["study"], line["condition"], line["row"]) == names:
            yield line
