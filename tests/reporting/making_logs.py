"""Small finished logs, and logs in every other state that a run can leave them in."""

import shutil
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log

from kidney_evals.reporting.logs import find_logs
from kidney_evals.reporting.runs import ModelRun, read_runs
from kidney_evals.tasks import coin_flip, forced_choice
from tasks import running

HOSTILE = "<b>|*_x_*|`$%&#~^\\{}\x1b[2J\u202ename"
"""Markup of every format that a name in a log might be put into, and a terminal's escapes."""

START = "_journal/start.json"
SUMMARIES = "_journal/summaries/"
WRITTEN_AT_THE_END = ("header.json", "summaries.json", "reductions.json")


@dataclass(frozen=True)
class Made:
    """Logs of two runs of `kidney/human` and of another evaluation, each in its own folder."""

    coin: Path
    """Six dilemmas in two orders, and ten controls."""
    forced: Path
    """Four dilemmas in two orders."""
    other: Path


def make_logs(mktemp: Callable[[str], Path]) -> Made:
    """Make the logs of `Made` in new folders."""

    def run(name: str, task: Task) -> Path:
        # Each sample is flushed by itself, so that a kill can be played after any of them.
        return Path(running.run(task, mktemp(name), log_buffer=1, max_samples=1).location)

    def sums(log: EvalLog) -> None:
        log.eval.task, log.eval.metadata = "sums", None
        for sample in log.samples or []:
            sample.metadata = {}

    coin = run("coin", coin_flip(dilemmas=6))
    forced = run("forced", forced_choice(dilemmas=4, controls=False))
    return Made(coin, forced, edited(forced, mktemp("other") / "other.eval", sums))


def killed(source: Path, target: Path, samples: int | None = None) -> Path:
    """Copy a log as a kill leaves it on disk: `samples` flushed samples (None: all), no header.

    `source` is a finished log, written with a buffer of one sample.
    """
    shutil.copy(source, target)
    with zipfile.ZipFile(target, "a") as archive:
        names = list(archive.NameToInfo)
        cut = set(WRITTEN_AT_THE_END)
        if samples is not None:
            # What is flushed: samples, then the summary of these.
            ends = [at for at, name in enumerate(names) if name.startswith(SUMMARIES)]
            last = ends[samples - 1] + 1 if samples else 0
            cut |= {name for name in names[last:] if name != START}
        for name in cut & set(names):
            archive.filelist.remove(archive.NameToInfo.pop(name))
        # Anything that makes it write its list of contents anew.
        archive.comment = b"cut"
    return target


def edited(source: Path, target: Path, edit: Callable[[EvalLog], object]) -> Path:
    """Copy a log with something in it changed."""
    log = read_eval_log(str(source))
    edit(log)
    write_eval_log(log, str(target))
    return target


def fact(name: str, value: Any) -> Callable[[EvalLog], None]:
    """Return an edit that sets an entry of a log's metadata."""

    def edit(log: EvalLog) -> None:
        log.eval.metadata = (log.eval.metadata or {}) | {name: value}

    return edit


def spec(name: str, value: Any) -> Callable[[EvalLog], None]:
    """Return an edit that sets a field of what was run: the model, the task, their arguments."""
    return lambda log: setattr(log.eval, name, value)


def unscored(log: EvalLog) -> None:
    """Remove the results of a log and the scores of its samples."""
    log.results = None
    for sample in log.samples or []:
        sample.scores = None


def cancelled(log: EvalLog) -> None:
    log.status, log.results = "cancelled", None


def of_another_run(log: EvalLog, number: int = 2) -> None:
    """Change the ids of a copied log, so that it counts as another run."""
    log.eval.eval_id += str(number)
    log.eval.task_id += str(number)


def another(*edits: Callable[[EvalLog], object], number: int = 2) -> Callable[[EvalLog], None]:
    """Return an edit that changes the ids of a copied log and then applies these edits."""

    def edit(log: EvalLog) -> None:
        of_another_run(log, number)
        for change in edits:
            change(log)

    return edit


def runs_in(*places: Path) -> tuple[ModelRun, ...]:
    """Return the runs of logs or folders of logs."""
    return read_runs(find_logs([str(place) for place in places]))


def quick(cases: Iterable[str], *names: str) -> list[Any]:
    """Return all cases as parameters; those not in `names` are slow, since each makes a log."""
    return [pytest.param(name, marks=[] if name in names else pytest.mark.slow) for name in cases]
