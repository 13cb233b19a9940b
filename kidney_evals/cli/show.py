"""`kidney-evals show`: print the card of each run and, with `--all`, every measure below it."""

import json
import math
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from kidney_evals.card import markdown_text, terminal_text
from kidney_evals.cli.terminal import say, say_filled, width
from kidney_evals.errors import UserError
from kidney_evals.reporting import sentence, table
from kidney_evals.reporting.logs import find_logs
from kidney_evals.reporting.model_arguments import shown_arguments
from kidney_evals.reporting.runs import ModelRun, read_runs, simulated
from kidney_evals.reporting.text import flags, how_it_ended

_FEW = 3
_LONGEST = 40


def show_logs(names: tuple[str, ...], *, everything: bool, form: str) -> None:
    """Print every run of this package among the logs `names`.

    Logs that are not shown are listed, except in JSON.

    Args:
        names: Files, folders, patterns or addresses of logs.
        everything: Whether text has every measure, not only the card.
        form: `json`, `md` or `text`.

    Raises:
        UserError: There is no log, or none holds answers.
    """
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
    if form == "json":
        shown = [_plain(run) for run in blocks if isinstance(run, ModelRun)]
        say(json.dumps(shown, ensure_ascii=False, indent=1))
        return
    show = _markdown if form == "md" else partial(_show, everything=everything)
    for place, block in enumerate(blocks):
        if isinstance(block, str):
            say(f"passed over: {block}")
            continue
        if place and not isinstance(blocks[place - 1], str):
            say("")
        show(block)


def _plain(run: ModelRun) -> dict[str, Any]:
    """Return a run as plain data: its card, or for other tasks its quantities."""
    spec = run.header.eval
    about = {"log": run.file.location, "task": spec.task, "model": spec.model}
    if run.card is not None:
        return {**about, "card": run.card.to_dict()}
    rows = {id: row._asdict() for id, row in run.rows.items() if row.defined}
    finite = {
        id: {name: value if math.isfinite(value) else None for name, value in row.items()}
        for id, row in rows.items()
    }
    return {**about, "measures": finite}


def _markdown(run: ModelRun) -> None:
    spec = run.header.eval
    say(f"## {spec.task}, {spec.model}\n\n{run.panel.study}, {_parameters(run)}\n")
    if run.card is not None:
        say(markdown_text(run.card))
    else:
        say(f"```\n{table(run.rows, run.panel.task)}\n```\n\n{sentence(run.rows, run.panel.task)}")


def _show(run: ModelRun, everything: bool) -> None:
    log, file = run.header, run.file
    finished = file.state == "finished"
    kind = " (simulated respondent)" if simulated(log.eval.model) else ""
    say_filled(f"{log.eval.task}  {log.eval.model}{kind}")
    ended = f"{file.completed} samples" if finished else file.says
    created = log.eval.created[:16].replace("T", " ")
    say_filled(f"{run.panel.study}, {ended}, {created}, {_parameters(run)}")
    # A location that is too long for a line is shortened to the file's name.
    short = f"…/{PurePosixPath(file.location).name}"
    say(file.location if len(file.location) <= width() else short)
    for line in (how_it_ended(log), file.errors if finished else "", file.unscored):
        if line:
            say_filled(line)
    if run.card is not None:
        say(terminal_text(run.card))
    if run.card is None or everything:
        say("")
        say(table(run.rows, run.panel.task, everything=everything))
    if run.card is None:
        say("")
        # A card has its own summary and flags.
        for line in (run.trouble or sentence(run.rows, run.panel.task), *flags(run.rows)):
            say_filled(line)


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
