"""A few small finished logs, made once."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from inspect_ai import Task
from inspect_ai.log import EvalLog

from kidney_evals.cli import main
from kidney_evals.tasks import coin_flip, forced_choice
from reporting.making_logs import another, edited, killed, spec
from tasks import running
from viewer.required import require_browser


@dataclass(frozen=True)
class Made:
    """Finished logs by what they are of, each in a folder of its own."""

    coin: Path
    forced: Path
    other: Path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    def run(name: str, task: Task) -> Path:
        folder = tmp_path_factory.mktemp(name)
        # Each sample is flushed by itself, so that a kill can be played after any of them.
        running.run(task, folder, log_buffer=1, max_samples=1)
        (path,) = folder.glob("*.eval")
        return path

    def sums(log: EvalLog) -> None:
        log.eval.task, log.eval.metadata, log.samples = "sums", None, []

    forced = run("forced", forced_choice(dilemmas=4, controls=False))
    return Made(
        coin=run("coin", coin_flip(dilemmas=6)),
        forced=forced,
        other=edited(forced, tmp_path_factory.mktemp("other") / "other.eval", sums),
    )


@pytest.fixture(scope="session")
def mixed(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs of two conditions, of another model that was killed, and of another evaluation."""
    place = tmp_path_factory.mktemp("mixed")
    shutil.copy(made.coin, place / "1-coin.eval")
    shutil.copy(made.forced, place / "2-forced.eval")
    whole = edited(made.coin, place / "whole.eval", another(spec("model", "kidney/another")))
    killed(whole, place / "3-killed.eval")
    whole.unlink()
    shutil.copy(made.other, place / "4-other.eval")
    return place


@pytest.fixture
def kidney_evals() -> Callable[..., Result]:
    """Call the command line with the given arguments, in this process."""

    def call(*arguments: Any) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return call


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    require_browser()
    from viewer.browsing import chromium

    with chromium(tmp_path_factory.mktemp("home")) as browser:
        yield browser
