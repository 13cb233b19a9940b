"""Which change between two versions of a model is found, by simulation (`sensitivity.csv`).

Whoever makes the table anew (`kidney_evals.lab.sensitivity_table`) changes no line here as long as
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


def nearest_start(study: str, condition: Condition, row: str, value: float) -> str:
    """Return the simulated old version whose value on a row is nearest; "" where none was.

    Args:
        study: The study.
        condition: What is offered.
        row: The row that changes.
        value: What the old version gets.
    """
    starts = [
        (abs(float(line["value"]) - value), line["start"])
        for line in _lines()
        if (line["study"], line["condition"], line["row"]) == (study, condition, row)
    ]
    return min(starts)[1] if starts and not math.isnan(value) else ""


def sensitivity_table() -> str:
    """Return the simulated changes as a Markdown table, a line for each row and old version."""
    found: dict[tuple[str, str, str, str], dict[int, str]] = {}
    alarms: dict[tuple[str, str, str, str], list[float]] = {}
    for line in _lines():
        key = (line["condition"], line["row"], line["start"], line["consistency"])
        found.setdefault(key, {})[int(line["calls"])] = line["change"]
        alarms.setdefault(key, []).append(float(line["alarms"]))
    calls = sorted({size for sizes in found.values() for size in sizes})
    head = ["condition", "row", "old version", "consistency", *(f"{n} calls" for n in calls)]
    lines = [
        "| " + " | ".join([*head, "most false alarms"]) + " |",
        "|" + " --- |" * 4 + " --: |" * (len(calls) + 1),
    ]
    for (condition, row, start, consistency), sizes in found.items():
        cells = [condition, f"`{row}`", start.replace("_", " "), consistency]
        cells += [f"{float(sizes[n]):.3f}" if n in sizes else "–" for n in calls]
        worst = max(alarms[condition, row, start, consistency])
        lines.append("| " + " | ".join([*cells, f"{worst:.3f}"]) + " |")
    return "\n".join(lines)


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
    table: dict[tuple[str, str, str, str], dict[float, dict[int, float]]] = {}
    for line in _lines():
        key = (line["study"], line["condition"], line["row"], line["start"])
        grid = table.setdefault(key, {}).setdefault(float(line["consistency"]), {})
        grid[int(line["dilemmas"])] = float(line["change"])
    return table


def _lines() -> list[dict[str, str]]:
    try:
        with TABLE.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except OSError as error:
        raise UserError("the sensitivity table is missing; reinstall kidney-evals") from error
