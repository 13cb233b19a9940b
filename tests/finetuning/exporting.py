"""Calling `kidney-evals sft export`, and what its tests look for in a folder."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from kidney_evals.cli import main
from kidney_evals.finetuning.data import Example, TrainingData, read_data
from kidney_evals.tasks import coin_flip, forced_choice

NAMES = ("age", "drinks", "dependents")
Pair = frozenset[tuple[float, ...]]


def call(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, ["sft", "export", *map(str, arguments)])


def export(out: Path, *arguments: object) -> TrainingData:
    """Run the command and read what it wrote."""
    result = call("--out", out, *arguments)
    assert result.exit_code == 0, result.output
    return read_data(out)


def patients(facts: Mapping[str, Any], names: Iterable[str] = NAMES) -> Pair:
    """Return the two patients of a sample, whoever stands first."""
    return frozenset(tuple(float(facts[f"{side}_{name}"]) for name in names) for side in ("a", "b"))


def pairs(examples: Iterable[Example], names: Iterable[str] = NAMES) -> set[Pair]:
    """Return the dilemmas of samples."""
    return {patients(one.facts, tuple(names)) for one in examples}


def told(examples: Iterable[Example]) -> list[str]:
    """Return the last messages."""
    return [one.messages[-1]["content"] for one in examples]


@lru_cache(maxsize=1)
def asked_by_default() -> frozenset[Pair]:
    """Return every dilemma of default runs and quoted sizes, from the tasks' own samples."""
    tasks = [
        *(coin_flip(dilemmas=size) for size in (50, 100, 200, 400)),
        coin_flip(),
        forced_choice(),
    ]
    return frozenset(patients(one.metadata or {}) for task in tasks for one in task.dataset)


def write_answers(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """Write a table of answers."""
    listed = list(rows)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)
    return path


def row(a: Iterable[float], b: Iterable[float], answer: str, **more: object) -> dict[str, object]:
    """Return a row of a table of answers."""
    sides = {"a": a, "b": b}
    cells = {
        f"{side}_{name}": f"{value:g}"
        for side, values in sides.items()
        for name, value in zip(NAMES, values, strict=True)
    }
    return {**cells, "answer": answer, **more}
