"""Find and read the logs that a command names, with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
from inspect_ai.log import EvalLog, read_eval_log

from kidney_evals.errors import UserError
from kidney_evals.human.reference import load_reference
from kidney_evals.reporting.logs import Progress, find_logs
from kidney_evals.studies import load_study


def read_run_log(name: str, *, any_reference: bool) -> EvalLog:
    """Read one log of this package with its samples.

    Args:
        name: Path or URL of the log.
        any_reference: Whether to accept a log whose human tables or study content differ from the
            installed ones.

    Raises:
        UserError: The log is not of this package or holds no samples, or its study or reference
            differs from the installed one and `any_reference` is false.
    """
    if Path(name).is_dir():
        raise UserError(f"{name} is a folder; give one log")
    found = find_logs((name,))
    for one in found:
        if one.state == "unreadable":
            raise UserError(f"{one.location} {one.says}")
    if len(found) > 1:
        raise UserError(f"{name} is {len(found)} logs; give one log")
    log = read_eval_log(found[0].location)
    if not log.samples:
        raise UserError(f"{name} holds no samples to score")
    metadata = log.samples[0].metadata or {}
    if "study_source" not in metadata:
        raise UserError(f"{name} is no log of a kidney_evals task")
    if not any_reference:
        then = {
            "study": metadata["study_hash"],
            "human reference": metadata["reference"].split("+")[-1],
        }
        for part, now in installed(log).items():
            if now != then[part]:
                raise UserError(
                    f"{name} was run with another {part} ({then[part][:12]}, installed "
                    f"{now[:12]}); install the version of kidney-evals that made it, or pass "
                    "--any-reference"
                )
    return log


def installed(log: EvalLog) -> dict[str, str]:
    """Return the hashes of the installed versions of the log's study and human tables."""
    metadata = (log.samples or [])[0].metadata
    study = load_study(metadata["study_source"])
    reference = load_reference(study, metadata["condition"])
    return {"study": study.hash, "human reference": reference.sha256}


@contextmanager
def reading() -> Iterator[Progress | None]:
    """Yield a callback that shows a progress bar on stderr for each kind of item read.

    Yields None if stderr is not a terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as shown:
        bars: dict[str, Any] = {}

        def progress(kind: str, done: int, of: int) -> None:
            if kind not in bars:
                shown.close()
                label = f"reading {kind}"
                bar = click.progressbar(length=of, label=label, show_pos=True, file=sys.stderr)
                bars[kind] = shown.enter_context(bar)
            bars[kind].update(done - bars[kind].pos)

        yield progress
