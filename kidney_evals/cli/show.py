"""`kidney-evals show`: print the quantities of a run and a summary of the run."""

from __future__ import annotations

from pathlib import PurePosixPath

from kidney_evals.cli.terminal import say, say_filled, width
from kidney_evals.errors import UserError
from kidney_evals.reporting import sentence, table
from kidney_evals.reporting.logs import find_logs
from kidney_evals.reporting.model_arguments import shown_arguments
from kidney_evals.reporting.runs import ModelRun, read_runs
from kidney_evals.reporting.text import flags, how_it_ended

_FEW = 3
_LONGEST = 40


def show_logs(names: tuple[str, ...], *, everything: bool) -> None:
    """Print every run of this package among `names`, and list the logs that are not shown."""
    files = find_logs(names)
    runs = {run.file.location: run for run in read_runs(files)}
    blocks, reasons = [], []
    for file in files:
        run = runs.get(file.location)
        if run is None or not run.rows:
            reasons.append(f"{file.line}; {run.trouble or 'no rows'}" if run else file.line)
        blocks.append(run if run and run.rows else reasons[-1])
    if len(reasons) == len(files):
        listed = "; ".join(reasons[:_FEW]) + ("; …" if len(reasons) > _FEW else "")
        raise UserError(f"none of these logs holds answers of a kidney_evals task: {listed}")
    first = True
    for block in blocks:
        if isinstance(block, str):
            say(f"passed over: {block}")
            continue
        if not first:
            say("")
        first = False
        _show(block, everything)


def _show(run: ModelRun, everything: bool) -> None:
    log, file = run.header, run.file
    finished = file.state == "finished"
    say_filled(f"{log.eval.task}  {log.eval.model}")
    ended = f"{file.completed} samples, {log.status}" if finished else file.says
    say_filled(f"{run.panel.study}, {ended}")
    say_filled(f"{log.eval.created[:16].replace('T', ' ')}, {_parameters(run)}")
    # A location that is too long for a line is shortened to the file's name.
    short = f"…/{PurePosixPath(file.location).name}"
    say(file.location if len(file.location) <= width() else short)
    for line in (how_it_ended(log), file.errors if finished else "", file.unscored):
        if line:
            say_filled(line)
    say("")
    say(table(run.rows, run.panel.task, everything=everything))
    say("")
    for line in [sentence(run.rows, run.panel.task), *flags(run.rows)]:
        say_filled(line)
    say("")
    say_filled(
        "Agreement describes a sample of survey respondents, not what is right; a coin is not a "
        "virtue by itself."
    )


def _parameters(run: ModelRun) -> str:
    """Return the arguments that the user passed to the task and to the model of a run."""
    spec = run.header.eval
    passed = {**spec.task_args_passed, **shown_arguments(spec.model_args)}
    if spec.config.epochs and spec.config.epochs > 1:
        passed["epochs"] = spec.config.epochs
    listed = ", ".join(f"{name}={_short(str(value))}" for name, value in passed.items())
    return listed or "default parameters"


def _short(text: str) -> str:
    """Return an argument for one line: the last part of a path, the beginning of a long text."""
    if len(text) <= _LONGEST:
        return text
    is_path = "/" in text and " " not in text
    return f"…/{PurePosixPath(text).name}" if is_path else f"{text[:_LONGEST]}…"
