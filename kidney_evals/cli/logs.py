"""Find and read the logs that a command names, with a progress bar."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from inspect_ai.log import EvalLog, read_eval_log
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars

from kidney_evals.errors import UserError
from kidney_evals.reporting.logs import Progress, find_logs, unreadable_samples
from kidney_evals.reporting.runs import as_written, installed


def read_run_log(name: str, *, any_reference: bool) -> EvalLog:
    """Read one log of this package with its samples.

    `any_reference` allows that the study or the human tables have changed since the run.

    Raises:
        UserError: `name` is not one log of this package with readable samples, or something changed
            that `any_reference` would allow.
    """
    found = find_logs((name,))
    if len(found) > 1:
        raise UserError(f"{name} is {len(found)} logs; give one log")
    if found[0].state == "unreadable":
        raise UserError(f"{found[0].location} {found[0].says}")
    try:
        log = read_eval_log(found[0].location)
    except Exception as error:
        # Inspect has no exception class for damaged samples.
        raise UserError(f"{found[0].location}: {unreadable_samples(error)}") from error
    if not log.samples:
        raise UserError(f"{name} holds no samples to score")
    metadata = log.samples[0].metadata or {}
    if "study_source" not in metadata:
        raise UserError(f"{name} is no log of a kidney_evals task")
    if not any_reference:
        names = ("study_source", "condition", "study_hash", "reference")
        with as_written(name):
            changed = installed(*(metadata[part] for part in names))[2]
        if changed:
            raise UserError(
                f"{name} was {changed}; install the version of kidney-evals that made it, or pass "
                "--any-reference"
            )
    return log


@contextmanager
def reading() -> Iterator[Progress]:
    """Yield a callback that shows the progress of reading on stderr, if stderr is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    screen, hidden = Console(file=sys.stderr), not sys.stderr.isatty()
    with Bars(*columns, console=screen, disable=hidden, transient=True) as bars:
        tasks: dict[str, int] = {}

        def progress(kind: str, done: int, of: int) -> None:
            if kind not in tasks:
                tasks[kind] = bars.add_task(f"reading {kind}", total=of)
            bars.update(tasks[kind], completed=done)  # type: ignore[arg-type]

        yield progress
