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
from kidney_evals.tasks import coin_flip

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


def readme(data: TrainingData) -> str:
    return (data.folder / "README.md").read_text(encoding="utf-8")


def shown(
    facts: Mapping[str, Any], names: Iterable[str] = NAMES
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the values of the two patients of a sample as shown."""
    a, b = (tuple(float(facts[f"{side}_{name}"]) for name in names) for side in "ab")
    return a, b


def pairs(examples: Iterable[Example], names: tuple[str, ...] = NAMES) -> set[Pair]:
    """Return the dilemmas of samples, whichever patient stands first."""
    return {frozenset(shown(one.facts, names)) for one in examples}


@lru_cache(maxsize=1)
def asked_by_default() -> frozenset[Pair]:
    """Return the dilemmas of the largest default run, from the task's own samples."""
    return frozenset(
        frozenset(shown(one.metadata or {})) for one in coin_flip(dilemmas=400).dataset
    )


def check_apart(data: TrainingData) -> None:
    """No dilemma is in both files or in the default evaluation."""
    train, heldout = pairs(data.train), pairs(data.heldout)
    assert train and heldout and not train & heldout
    assert not (train | heldout) & asked_by_default()
    assert data.card["excluded"]["overlap"] == 0


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
    cells: dict[str, object] = {}
    for side, values in {"a": a, "b": b}.items():
        cells |= {f"{side}_{name}": f"{value:g}" for name, value in zip(NAMES, values, strict=True)}
    return {**cells, "answer": answer, **more}
