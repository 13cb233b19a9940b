"""Small folders of training samples, and the commands that submit them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from kidney_evals.cli.sft import sft
from kidney_evals.finetuning.data import Example, write_data


def folder(place: Path, train: int = 12, heldout: int = 4, **card: Any) -> Path:
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


def example(number: int, *, system: str = "", text: str = "") -> Example:
    question = text or f"Patient A is {25 + number} years old. Patient B is 70."
    messages = [
        *([{"role": "system", "content": system}] if system else []),
        {"role": "user", "content": question},
        {"role": "assistant", "content": "ANSWER: A"},
    ]
    return Example(tuple(messages), {"sample": f"s{number}", "answer": "A"})


def call(*arguments: Any) -> Result:
    return CliRunner().invoke(sft, [str(argument) for argument in arguments])


def submitted(data: Path, *arguments: Any) -> Result:
    return call("submit", "--base", "gpt-4.1-mini", "--data", data, *arguments)


def record_of(data: Path, samples: int = 12, seed: int = 1) -> Path:
    return data.parent / f"{data.name}-gpt-4.1-mini-{samples}-{seed}.json"


def read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content
