"""Finding and reading the logs that a command was given."""

from __future__ import annotations

from pathlib import Path

from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log

from kidney_evals.errors import UserError
from kidney_evals.human.reference import load_reference
from kidney_evals.studies import load_study


def read_logs(names: tuple[str, ...], *, header_only: bool = True) -> list[EvalLog]:
    """Read every log of the given files and folders, oldest first.

    Args:
        names: Files, folders, or URLs that fsspec reads.
        header_only: Whether to leave the samples out.

    Raises:
        UserError: If a name holds no log or one cannot be read.
    """
    logs = []
    for name in names:
        if not Path(name).is_file() and "://" not in name and not Path(name).is_dir():
            raise UserError(f"no log at {name!r}: give a log file or a folder of logs")
        if Path(name).is_dir():
            found = [info.name for info in list_eval_logs(name, descending=False)]
            if not found:
                raise UserError(f"no log in the folder {name!r}")
        else:
            found = [name]
        for location in found:
            try:
                logs.append(read_eval_log(location, header_only=header_only))
            except Exception as error:
                # Inspect has no error of its own for a file that is no log.
                why = (str(error) or type(error).__name__).splitlines()[0]
                raise UserError(f"{location} cannot be read as a log ({why})") from error
    return logs


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
    log = read_logs((name,), header_only=False)[0]
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
