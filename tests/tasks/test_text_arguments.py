"""Texts as task arguments arrive as they were typed, though Inspect splits them at commas."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import read_eval_log

from cli.calling import inspect
from kidney_evals.cli.plan import task_arguments
from kidney_evals.studies import datasets_dir
from kidney_evals.tasks import coin_flip, stated_values
from tasks.running import refused


def system_messages(task: Any) -> set[str]:
    return {sample.input[0].text for sample in task.dataset}


@pytest.mark.parametrize("task", [coin_flip, stated_values])
@pytest.mark.parametrize(
    "text", ["You are a doctor,be brief , please,", "A, B, or the coin: say one"]
)
def test_a_system_prompt_with_commas(task: Any, text: str) -> None:
    # As `inspect eval -T` reads it; a colon needs quotes, which YAML takes off.
    typed = f'system_prompt="{text}"' if ": " in text else f"system_prompt={text}"
    arguments = task_arguments([typed])
    assert isinstance(arguments["system_prompt"], list)
    assert system_messages(task(**arguments)) == {text}


@pytest.mark.parametrize("typed", ["1.50", "true", "2024-01-01", "Role: a doctor, brief", "[1, 2]"])
def test_a_system_prompt_that_yaml_reads_otherwise_is_refused(typed: str) -> None:
    says = "system_prompt must be a text that is not empty"
    refused(coin_flip, task_arguments([f"system_prompt={typed}"]), says)
    if typed[0] != "[":
        quoted = task_arguments([f'system_prompt="{typed}"'])
        assert system_messages(coin_flip(**quoted)) == {typed}


def test_paths_with_commas(tmp_path: Path) -> None:
    folder = tmp_path / "my study, second, version"
    shutil.copytree(datasets_dir() / "mcelfresh_2021_fixed", folder)
    arguments = task_arguments([f"study={folder}"])
    assert len(coin_flip(**arguments).dataset) == 28
    assert len(stated_values(**arguments).dataset) == 16

    missing = tmp_path / "a, b.eval"
    refused(stated_values, task_arguments([f"revealed={missing}"]), f"no log at '{missing}'")


@pytest.mark.slow
def test_the_command_line_hands_the_text_over(tmp_path: Path) -> None:
    done = inspect(
        *("eval", "kidney_evals/coin_flip", "--model", "kidney/human", "--limit", "1"),
        *("-T", "system_prompt=You are a doctor, be brief", "--log-dir", "logs"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = (tmp_path / "logs").iterdir()
    (sample,) = read_eval_log(str(log)).samples or []
    assert sample.messages[0].text == "You are a doctor, be brief"
