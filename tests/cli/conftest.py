"""A few small logs that the commands read, made once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from inspect_ai import Task
from inspect_ai.dataset import Sample
from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match

from kidney_evals.cli import main
from kidney_evals.tasks import coin_flip, forced_choice
from tasks import running


@dataclass(frozen=True)
class Runs:
    """Logs by what they are of, each in a folder of its own.

    Attributes:
        coin: A run with controls.
        forced: A run without.
        other: A run of an evaluation that is not ours.
    """

    coin: Path
    forced: Path
    other: Path


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    def run(name: str, task: Task, model: str | Model) -> Path:
        folder = tmp_path_factory.mktemp(name)
        running.run(task, folder, model)
        (path,) = folder.glob("*.eval")
        return path

    said = ModelOutput.from_content("mockllm/model", "4")
    said.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    sums = Task(name="sums", dataset=[Sample(input="2 + 2", target="4")], scorer=match())
    return Runs(
        coin=run("coin", coin_flip(dilemmas=4), "kidney/human"),
        forced=run("forced", forced_choice(dilemmas=3, controls=False), "kidney/human"),
        other=run("other", sums, get_model("mockllm/model", custom_outputs=[said])),
    )


@pytest.fixture
def kidney_evals() -> Callable[..., Result]:
    """Call the command line with the given arguments, in this process."""

    def call(*arguments: Any) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return call
