"""`kidney-evals describe`: the models behind a run's rows, beside people's, in a terminal."""

from __future__ import annotations

from kidney_evals.cli.logs import read_run_log
from kidney_evals.cli.terminal import say, say_filled
from kidney_evals.errors import UserError
from kidney_evals.estimation.errors import InputError
from kidney_evals.measures.description import describe
from kidney_evals.reporting.description import describe_text
from kidney_evals.scorers.samples import run_of_log


def describe_log(name: str, *, any_reference: bool) -> None:
    """Print the description of a log.

    Args:
        name: The log.
        any_reference: As in `read_run_log`.

    Raises:
        UserError: As `read_run_log`, or the log has too few answers to describe.
    """
    log = read_run_log(name, any_reference=any_reference)
    run = run_of_log(log)
    if asks := (log.eval.metadata or {}).get("asks"):
        raise UserError(f"{name} is a log of {asks}; only choices between patients are described")
    if run is None:
        raise UserError(f"{name} was not scored by `answers`; `kidney-evals rescore` adds it")
    try:
        found = describe(run)
    except InputError as error:
        raise UserError(f"{name} cannot be described: {error}") from error
    say_filled(f"{log.eval.task}  {log.eval.model}")
    say(f"{run.study.id}, {len(run.choice)} samples, {len(run.decisions)} answers read")
    say("")
    say(describe_text(found))
