"""Finding and reading the logs that a command was given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inspect_ai.log import EvalLog, read_eval_log

from kidney_evals.errors import UserError
from kidney_evals.human.reference import load_reference
from kidney_evals.reporting.logs import LogFile, find_logs
from kidney_evals.studies import load_study


def readable(names: Sequence[str]) -> tuple[LogFile, ...]:
    """Return every log of the given files, folders, patterns and URLs.

    Raises:
        UserError: A name holds no log, or one cannot be read: it must not go unnoticed.
    """
    found = find_logs(names)
    for one in found:
        if one.state == "unreadable":
            raise UserError(f"{one.location} {one.says}")
    return found


def read_run_log(name: str, *, any_reference: bool) -> EvalLog:
    """Read one log of this package with its samples.

    Args:
        name: The log.
        any_reference: Whether other human tables, or another content of the study, than those the
            log was run with will do.

    Raises:
        UserError: If the log is not of this package or holds no samples, or its study or
            reference differs from the installed one and `any_reference` is false.
    """
    if Path(name).is_dir():
        raise UserError(f"{name} is a folder; give one log")
    found = readable((name,))
    if len(found) > 1:
        raise UserError(f"{name} is {len(found)} logs; give one log")
    log = read_eval_log(found[0].location)
    if not log.samples:
        raise UserError(f"{name} holds no samples to score")
    if "study_source" not in (log.samples[0].metadata or {}):
        raise UserError(f"{name} is no log of a kidney_evals task")
    if not any_reference:
        _check_reference(name, log)
    return log


def installed(log: EvalLog) -> dict[str, str]:
    """Return the hashes of the log's study and of its human tables as they are installed."""
    metadata = (log.samples or [])[0].metadata
    study = load_study(metadata["study_source"])
    reference = load_reference(study, metadata["condition"])
    return {"study": study.hash, "human reference": reference.sha256}


def _check_reference(name: str, log: EvalLog) -> None:
    metadata = (log.samples or [])[0].metadata
    here = installed(log)
    for what, then in (
        ("study", metadata["study_hash"]),
        ("human reference", metadata["reference"].split("+")[-1]),
    ):
        now = here[what]
        if now != then:
            raise UserError(
                f"{name} was run with another {what} ({then[:12]}, installed {now[:12]}); "
                "install the version of kidney-evals that made it, or pass --any-reference"
            )
