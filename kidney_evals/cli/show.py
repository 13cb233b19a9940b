"""`kidney-evals show`: print a run's quantities and one plain sentence."""

from __future__ import annotations

from pathlib import PurePosixPath

from kidney_evals.cli.terminal import say, say_filled, width
from kidney_evals.errors import UserError
from kidney_evals.reporting import sentence, table
from kidney_evals.reporting.logs import LogFile, find_logs
from kidney_evals.reporting.model_arguments import shown_arguments
from kidney_evals.reporting.runs import ModelRun, read_runs
from kidney_evals.reporting.text import flags, how_it_ended

_FEW = 3
_LONGEST = 40


def show_logs(names: tuple[str, ...], *, everything: bool = False) -> None:
    """Print every run of this package among `names`, and list the logs that are not shown.

    Args:
        names: Log files, folders, patterns or URLs.
        everything: Whether to print every measure, not only those that the log stores.

    Raises:
        UserError: No log holds a run of this package.
    """
    found = find_logs(names)
    runs = {run.file.location: run for run in read_runs(found)}
    passed = [_why(one, runs.get(one.location)) for one in found]
    if all(passed):
        told = "; ".join(passed[:_FEW]) + ("; …" if len(passed) > _FEW else "")
        raise UserError(f"none of these logs holds answers of a kidney_evals task: {told}")
    shown = 0
    for one, line in zip(found, passed, strict=True):
        if line:
            say(f"passed over: {line}")
            continue
        if shown:
            say("")
        _show(runs[one.location], everything)
        shown += 1


def _why(found: LogFile, run: ModelRun | None) -> str:
    """Return why a log is not shown; empty if it is shown."""
    if run is None:
        return found.line
    return "" if run.rows else f"{found.line}; {run.trouble or 'no rows'}"


def _parameters(run: ModelRun) -> str:
    """Return the arguments that the user passed to the task and to the model of a run."""
    spec = run.header.eval
    given = {**spec.task_args_passed, **shown_arguments(spec.model_args)}
    if spec.config.epochs and spec.config.epochs > 1:
        given["epochs"] = spec.config.epochs
    return ", ".join(f"{name}={_short(value)}" for name, value in given.items())


def _short(value: object) -> str:
    """Return an argument for one line: the last part of a path, the beginning of a long text."""
    text = str(value)
    if "/" in text and " " not in text:
        text = f"…/{PurePosixPath(text).name}" if len(text) > _LONGEST else text
        return text
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _file(location: str) -> str:
    """Return the location of a log, or only its file name if it is too long for a line."""
    return location if len(location) <= width() else f"…/{PurePosixPath(location).name}"


def _show(run: ModelRun, everything: bool) -> None:
    log, asked = run.header, run.panel.task
    say_filled(f"{log.eval.task}  {log.eval.model}")
    ended = run.file.says
    if run.file.state == "finished":
        ended = f"{run.file.completed} samples, {log.status}"
    say_filled(f"{run.panel.study}, {ended}")
    started = log.eval.created[:16].replace("T", " ")
    parameters = _parameters(run) or "default parameters"
    say_filled(f"{started}, {parameters}")
    say(_file(run.file.location))
    if ending := how_it_ended(log):
        say_filled(ending)
    if run.file.state == "finished" and run.file.errors:
        say_filled(run.file.errors)
    if run.file.unscored:
        say_filled(run.file.unscored)
    say("")
    say(table(run.rows, asked, everything=everything))
    say("")
    for line in [sentence(run.rows, asked), *flags(run.rows)]:
        say_filled(line)
    say("")
    say_filled(
        "Agreement describes a sample of survey respondents, not what is right; a coin is not a "
        "virtue by itself."
    )
