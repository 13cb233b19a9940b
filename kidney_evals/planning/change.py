"""Which change between two versions of a model is found, by simulation (`sensitivity.csv`).

Whoever makes the table anew (`kidney_evals.planning.sensitivity`) changes no line here as long as
its columns stay.
"""

from __future__ import annotations

import csv
import math
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

from kidney_evals.errors import UserError
from kidney_evals.studies.model import Condition

COLUMNS: Final = (
    "study",
    "condition",
    "row",
    "start",
    "consistency",
    "calls",
    "dilemmas",
    "value",
    "change",
    "power",
    "power_se",
    "alarms",
    "alarms_se",
)

TABLE: Final = Path(__file__).with_name("sensitivity.csv")


def paired_changes(
    study: str, condition: Condition, row: str, start: str, dilemmas: int
) -> list[float]:
    """Return the change that is found with 90 % power, for each consistency but 0.

    Between simulated sizes, change times √dilemmas is interpolated; beyond the largest it stays.

    Args:
        study: The study.
        condition: What is offered.
        row: The row that changes.
        start: The old version.
        dilemmas: How many, each in both orders, once.

    Returns:
        Empty where nothing was simulated, or nothing as small.
    """
    grids = _table().get((study, condition, row, start), {})
    return [
        _scaled(grid, dilemmas)
        for consistency, grid in grids.items()
        if consistency > 0 and dilemmas >= min(grid)
    ]


def _scaled(grid: dict[int, float], dilemmas: int) -> float:
    steady = {size: change * math.sqrt(size) for size, change in grid.items()}
    level = steady[max(steady)]
    for low, high in pairwise(sorted(steady)):
        if low <= dilemmas <= high:
            share = (dilemmas - low) / (high - low)
            level = steady[low] + share * (steady[high] - steady[low])
    return level / math.sqrt(dilemmas)


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str, str, str], dict[float, dict[int, float]]]:
    try:
        with TABLE.open(encoding="utf-8", newline="") as stream:
            lines = list(csv.DictReader(stream))
    except OSError as error:
        raise UserError("the sensitivity table is missing; reinstall kidney-evals") from error
    table: dict[tuple[str, str, str, str], dict[float, dict[int, float]]] = {}
    for line in lines:
        key = (line["study"], line["condition"], line["row"], line["start"])
        grid = table.setdefault(key, {}).setdefault(float(line["consistency"]), {})
        grid[int(line["dilemmas"])] = float(line["change"])
    return table
