"""`kidney-evals show`: a run's quantities and one plain sentence, in a terminal."""

from __future__ import annotations

from inspect_ai.log import EvalLog

from kidney_evals.cli.logs import read_logs
from kidney_evals.cli.terminal import say, say_filled
from kidney_evals.errors import UserError
from kidney_evals.reporting import is_ours, rows_of, sentence, table
from kidney_evals.reporting.text import flags, how_it_ended


def show_logs(names: tuple[str, ...]) -> None:
    """Print every log of this package among `names`; say which others were passed over."""
    shown = 0
    for log in read_logs(names):
        if not is_ours(log):
            say(f"passed over: {log.location} ({log.eval.task}, {log.status}, no rows)")
            continue
        if shown:
            say("")
        _show(log)
        shown += 1
    if not shown:
        raise UserError("none of these logs holds a finished run of a kidney_evals task")


def _show(log: EvalLog) -> None:
    facts = log.eval.metadata or {}
    asked = facts.get("asks", facts["condition"])
    rows = rows_of(log)
    samples = log.results.completed_samples if log.results else 0
    say_filled(f"{log.eval.task}  {log.eval.model}")
    say(f"{facts['study']}, {samples} samples, {log.status}")
    if ending := how_it_ended(log):
        say_filled(ending)
    say("")
    say(table(rows, asked))
    say("")
    for line in [sentence(rows, asked), *flags(rows)]:
        say_filled(line)
    say("")
    say_filled(
        "Agreement describes a sample of survey respondents, not what is right; a coin is not a "
        "virtue by itself."
    )
