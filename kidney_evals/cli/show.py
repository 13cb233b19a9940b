"""`kidney-evals show`: a run's quantities and one plain sentence, in a terminal."""

from __future__ import annotations

from kidney_evals.cli.logs import readable
from kidney_evals.cli.terminal import say, say_filled
from kidney_evals.errors import UserError
from kidney_evals.reporting import sentence, table
from kidney_evals.reporting.found import READ
from kidney_evals.reporting.runs import ModelRun, read_runs
from kidney_evals.reporting.text import flags, how_it_ended


def show_logs(names: tuple[str, ...]) -> None:
    """Print every run of this package among `names`; say which other logs were passed over."""
    found = readable(names)
    runs = {run.found.location: run for run in read_runs(found)}
    shown = 0
    for one in found:
        if one.state not in READ:
            say(f"passed over: {one.line}")
            continue
        run = runs[one.location]
        if not run.rows:
            say(f"passed over: {one.line}; {run.trouble or 'no rows'}")
            continue
        if shown:
            say("")
        _show(run)
        shown += 1
    if not shown:
        raise UserError("none of these logs holds answers of a kidney_evals task")


def _show(run: ModelRun) -> None:
    log, asked = run.header, run.panel.task
    say_filled(f"{log.eval.task}  {log.eval.model}")
    ended = run.found.says
    if run.found.state == "finished":
        ended = f"{run.found.completed} samples, {log.status}"
    say_filled(f"{run.panel.study}, {ended}")
    if ending := how_it_ended(log):
        say_filled(ending)
    say("")
    say(table(run.rows, asked))
    say("")
    for line in [sentence(run.rows, asked), *flags(run.rows, run.reasons)]:
        say_filled(line)
    say("")
    say_filled(
        "Agreement describes a sample of survey respondents, not what is right; a coin is not a "
        "virtue by itself."
    )
