"""Suites as evaluation sets: one pass finishes them, a second one calls nobody."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval_set
from inspect_ai.analysis import evals_df
from inspect_ai.log import EvalLog

from kidney_evals.measures import headlines
from kidney_evals.respondents.provider import KidneyAPI
from kidney_evals.scorers import COLUMN
from kidney_evals.studies import CONDITIONS
from kidney_evals.tasks import SUITES, coin_flip, forced_choice

COLUMNS = ("n",)
"""Columns of every row, with a value or without."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The models called so far, one entry a call."""
    made: list[str] = []
    generate = KidneyAPI.generate

    async def counted(self: KidneyAPI, *arguments: Any, **options: Any) -> Any:
        made.append(self.model_name)
        return await generate(self, *arguments, **options)

    monkeypatch.setattr(KidneyAPI, "generate", counted)
    yield made


def run_twice(tasks: Callable[[], Any], folder: Path, calls: list[str], expected: int) -> None:
    """Run a set, and again in the same folder: nobody is called and no log is touched."""
    logs = run_set(tasks(), folder)
    assert all(log.status == "success" for log in logs)
    assert len(calls) == expected
    files = {path: path.read_bytes() for path in folder.glob("*.eval")}
    assert len(files) == len(logs)

    again = run_set(tasks(), folder)
    assert len(calls) == expected
    assert {path: path.read_bytes() for path in folder.glob("*.eval")} == files
    assert {log.eval.eval_id for log in again} == {log.eval.eval_id for log in logs}

    frame = evals_df(str(folder))
    assert len(frame) == len(logs)
    for condition in CONDITIONS:
        for row in headlines(condition):
            assert {f"score_{row.id}_{COLUMN}_{column}" for column in COLUMNS} <= set(frame.columns)


def run_set(tasks: Any, folder: Path) -> list[EvalLog]:
    success, logs = eval_set(tasks, log_dir=str(folder), model="kidney/human")
    assert success
    return logs


def test_a_finished_set_calls_nobody(tmp_path: Path, calls: list[str]) -> None:
    def tasks() -> list[Task]:
        return [coin_flip(dilemmas=2, controls=False), forced_choice(dilemmas=2)]

    # 2 dilemmas in both orders each, and the 10 controls once.
    run_twice(tasks, tmp_path, calls, 2 * 2 + 2 * 2 + 10)


@pytest.mark.slow
def test_smoke(tmp_path: Path, calls: list[str]) -> None:
    # In both conditions 50 dilemmas and 14 questions, in both orders; people answer readably, so
    # nobody is asked again.
    run_twice(
        lambda: [f"kidney_evals/{name}" for name in SUITES["smoke"]],
        tmp_path,
        calls,
        2 * (50 * 2 + 14 * 2),
    )
