"""Small folders of training samples, and `kidney-evals sft`, which exports and submits them."""

import json
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from cli.calling import refused
from kidney_evals.cli.sft import sft
from kidney_evals.finetuning.data import Example, TrainingData, read_data, write_data
from kidney_evals.tasks import coin_flip

NAMES = ("age", "drinks", "dependents")
Pair = frozenset[tuple[float, ...]]


def call(*arguments: object) -> Result:
    """Run a command of `sft` in this process."""
    return CliRunner().invoke(sft, list(map(str, arguments)))


def pretend(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Let a package seem to be installed."""
    module: Any = SimpleNamespace(__spec__=SimpleNamespace(origin="somewhere"))
    monkeypatch.setitem(sys.modules, package, module)


# --- exports ---------------------------------------------------------------------------------


def export(out: Path, *arguments: object) -> TrainingData:
    """Run the command and read what it wrote; every sample has an id of its own."""
    result = call("export", "--out", out, *arguments)
    assert result.exit_code == 0, result.output
    data = read_data(out)
    samples = (*data.train, *data.heldout)
    assert len({one.facts["sample"] for one in samples}) == len(samples)
    return data


def not_exported(out: Path, *arguments: object) -> str:
    """Return the line with which an export is refused; check that nothing is written."""
    line = refused(call("export", "--out", out, *arguments))
    assert not out.exists()
    return line


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
    """Check that no dilemma is in both files or in the default evaluation."""
    train, heldout = pairs(data.train), pairs(data.heldout)
    assert train and heldout and not train & heldout
    assert not (train | heldout) & asked_by_default()
    assert data.card["excluded"]["overlap"] == 0


def write_answers(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """Write a table of answers."""
    pd.DataFrame(list(rows)).to_csv(path, index=False)
    return path


def row(a: Iterable[float], b: Iterable[float], answer: str, **more: object) -> dict[str, object]:
    """Return a row of a table of answers."""
    cells: dict[str, object] = {}
    for side, values in {"a": a, "b": b}.items():
        cells |= {f"{side}_{name}": f"{value:g}" for name, value in zip(NAMES, values, strict=True)}
    return {**cells, "answer": answer, **more}


# --- submissions -----------------------------------------------------------------------------


def small_folder(place: Path, train: int = 12, heldout: int = 4, **card: Any) -> Path:
    """A folder of samples as an export writes it; every dilemma has its own ages."""
    content = {
        "study": {"id": "mcelfresh_2021"},
        "source": {"kind": "reference", "target": "group"},
        "excluded": {"overlap": 0},
        "shuffled": False,
    } | card
    examples = [example(number) for number in range(train + heldout)]
    write_data(place, content, "What it is.\n", examples[:train], examples[train:])
    return place


def example(number: int, *, text: str = "") -> Example:
    question = text or f"Patient A is {25 + number} years old. Patient B is 70."
    messages = [
        {"role": "user", "content": question},
        {"role": "assistant", "content": "ANSWER: A"},
    ]
    return Example(tuple(messages), {"sample": f"s{number}", "answer": "A"})


def submitted(data: Path, *arguments: Any) -> Result:
    return call("submit", "--base", "gpt-4.1-mini", "--data", data, *arguments)


def record_of(data: Path, samples: int = 12, seed: int = 1) -> Path:
    return data.parent / f"{data.name}-gpt-4.1-mini-{samples}-{seed}.json"


def read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content
