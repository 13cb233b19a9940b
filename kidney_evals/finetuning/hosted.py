"""Fine-tuning as a job of a hosted service: submit the job once, and wait for the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from kidney_evals.errors import UserError
from kidney_evals.finetuning.data import Part
from kidney_evals.finetuning.hosted_service import Job, Service, ServiceError
from kidney_evals.finetuning.hosted_submission import (
    Record,
    Submission,
    continued,
    locked,
    read_record,
)

LONGEST_PAUSE: Final = 300.0
"""Longest pause between two requests, in seconds, while the service does not respond."""

PATIENCE: Final = 3600.0
"""Seconds without a response after which `wait` gives up; the job continues."""

FILES: Final[Mapping[Part, str]] = {"train": "Training file", "heldout": "Held-out file"}

Say = Callable[[str], None]
"""Called with each line that a user may want to read."""


def submit(
    submission: Submission, service: Service, path: Path, say: Say, *, ask_again: bool = False
) -> Record:
    """Upload the samples and request the job, or continue an interrupted submission.

    Only one process at a time uses a record; other processes wait for the lock and then return
    the same job. Files in the record are uploaded again only if the service no longer has them.
    If an earlier request for the job got no response, this function searches for the job. It
    requests a new job only with `ask_again`: the service may list a job late.

    Args:
        submission: The job to submit.
        service: The service.
        path: The record.
        say: Called with each step.
        ask_again: Whether to request a job although an earlier request without a response may
            have started a job that the service does not list.

    Returns:
        The record, with a job. If the record had a job already, nothing was sent.

    Raises:
        UserError: The record is of another submission or cannot be written, the service refused
            a request, or it is unknown whether a job has started. The record lists the requests
            that were sent.
    """
    with locked(path, say):
        record = submission.record.changed(service=service.url)
        if path.exists():
            record = continued(path, record)
        if record.job:
            say(f"Job {record.job} was submitted before ({record.status}); nothing was sent.")
            say("To start another one of the same kind, name another record with --out.")
            return record
        record.save(path)
        try:
            return _submitted(submission, service, record, path, say, ask_again)
        except ServiceError as error:
            if not error.transient:
                raise
            raise ServiceError(
                f"{error.message}; run the same command again, it goes on from {path}"
            ) from error


def _submitted(
    submission: Submission,
    service: Service,
    record: Record,
    path: Path,
    say: Say,
    ask_again: bool,
) -> Record:
    if record.asked:
        file = record.files["train"]
        if begun := service.find_job(file):
            say(f"Job {begun.id} had begun when the connection was cut; nothing was sent.")
            return record.with_job(begun).save(path)
        if not ask_again:
            raise UserError(
                f"the job was asked for before and no answer came; {service.url} lists no job on "
                f"{file}, but may list it late: run the same command again in a few minutes, or "
                "with --ask-again once you see in your account that no such job has begun"
            )
    for part, content in submission.files().items():
        sent = record.files.get(part)
        if sent and service.has_file(sent):
            say(f"{FILES[part]}: {sent}, sent before")
            continue
        sent = service.upload(submission.file_name(part), content)
        record = record.changed(files={**record.files, part: sent}).save(path)
        say(f"{FILES[part]}: {sent}")
    # Written before the request: if the process is killed in between, no second job is requested.
    record = record.changed(asked=True).save(path)
    try:
        job = service.create_job(record)
    except ServiceError as error:
        if error.refused:
            record.changed(asked=False).save(path)
        raise
    say(f"Job {job.id}: {job.status}")
    return record.with_job(job).save(path)


def find(service: Service, job_or_record: str) -> tuple[str, Path | None]:
    """Return the id of a job, and the job's record if `job_or_record` is a record's path.

    Raises:
        UserError: The record does not exist, has no job, or is of another service.
    """
    path = Path(job_or_record)
    if not (path.is_file() or path.suffix == ".json" or len(path.parts) > 1):
        return job_or_record, None
    record = read_record(path)
    if not record.job:
        raise UserError(f"{path} names no job yet; run the same `sft submit` again, it goes on")
    if record.service != service.url:
        # The environment, not a file, decides which address receives the key.
        raise UserError(
            f"{path} is of a job at {record.service}, but calls go to {service.url}; set "
            "OPENAI_BASE_URL"
        )
    return record.job, path


def look(service: Service, job: str, path: Path | None, say: Say) -> Job:
    """Request the state of a job once, and write the state into the job's record if there is one.

    If the record can no longer be read or written, the error is reported beside the state.
    """
    found = service.job(job)
    if path:
        try:
            record = read_record(path)
            if (updated := record.with_job(found)) != record:
                updated.save(path)
        except UserError as error:
            say(f"The record was not brought up to date: {error.message}")
    return found


def wait(service: Service, job: str, path: Path | None, *, interval: float, say: Say) -> Job:
    """Request the state of a job every `interval` seconds until the state is final.

    Transient failures (no connection, 429, 5xx) are reported once and retried after growing
    pauses, for at most an hour without a response.

    Raises:
        UserError: The service refused the request, or did not respond for too long.
    """
    again = f"the job goes on without us; go on waiting with: {command('wait', job, path)}"
    shown, failures, answered = "", 0, monotonic()
    said: set[str] = set()

    def once(line: str) -> None:
        if line not in said:
            said.add(line)
            say(line)

    while True:
        pause = interval
        try:
            found = look(service, job, path, once)
        except ServiceError as error:
            if not error.transient and not shown:
                raise
            if not error.transient or monotonic() - answered > PATIENCE:
                raise ServiceError(f"{error.message}; {again}") from error
            failures += 1
            if failures == 1:
                say(f"{error.message}; asking again until it does")
            pause = min(max(interval, LONGEST_PAUSE), interval * 2.0 ** min(failures, 30))
            pause = max(pause, min(error.pause or 0.0, LONGEST_PAUSE))
        else:
            failures, answered = 0, monotonic()
            if found.status != shown:
                shown = found.status
                say(f"{job}: {shown}")
            if found.ended:
                return found
        sleep(pause)


def command(name: str, job: str, path: Path | None) -> str:
    """Return the command line that requests a job's state again."""
    return f"kidney-evals sft {name} {path or job}"
