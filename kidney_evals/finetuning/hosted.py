"""Fine-tuning as a job of a hosted service: sent once, and waited for as long as it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from kidney_evals.errors import UserError
from kidney_evals.finetuning.data import Part
from kidney_evals.finetuning.hosted_check import Submission
from kidney_evals.finetuning.hosted_record import Record, continued, locked, read_record
from kidney_evals.finetuning.hosted_service import Job, Service, ServiceError

LONGEST_PAUSE: Final = 300.0
"""Seconds between two tries while the service does not answer."""

PATIENCE: Final = 3600.0
"""Seconds without any answer after which waiting ends; the job goes on."""

PARTS_SAID: Final[Mapping[Part, str]] = {
    "train": "Training file",
    "heldout": "Held-out file",
}

Say = Callable[[str], None]
"""What is called with each line that a person may want to read."""


def submit(
    submission: Submission, service: Service, path: Path, say: Say, *, ask_again: bool = False
) -> Record:
    """Send the samples and ask for the job, from wherever an earlier try was cut.

    One process at a time works with a record; others wait for it and then return the same job.
    Files that the record names are not sent again as long as the service has them. Where an
    earlier request for the job got no answer, the job is looked for, and none is asked for unless
    the user says so: the service's list may show a job late.

    Args:
        submission: What to train.
        service: Where.
        path: The record.
        say: Called with what was done.
        ask_again: Whether to ask for a job although an earlier request, which got no answer, may
            have started a job that the service does not list.

    Returns:
        The record, with a job. Nothing was sent if it had one already.

    Raises:
        UserError: The record is of another submission or cannot be written, the service
            refused something, or it is not known whether a job has begun. What was sent is in
            the record.
    """
    with locked(path, say):
        record = Record.of(submission, service.url)
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
            return _kept(record.told(begun), path)
        if not ask_again:
            raise UserError(
                f"the job was asked for before and no answer came; {service.url} lists no job on "
                f"{file}, but may list it late: run the same command again in a few minutes, or "
                "with --ask-again once you see in your account that no such job has begun"
            )
    record = _upload(submission, service, record, path, say)
    # Written before the request: whoever is killed in between must not ask for a second job.
    record = _kept(replace(record, asked=True), path)
    try:
        job = service.create_job(submission, record.files)
    except ServiceError as error:
        if error.refused:
            _kept(replace(record, asked=False), path)
        raise
    say(f"Job {job.id}: {job.status}")
    return _kept(record.told(job), path)


def find(service: Service, job_or_record: str) -> tuple[str, Path | None]:
    """Return the id of a job, and its record where one was named.

    Args:
        service: Where the job is.
        job_or_record: A job's id, or a record's path.

    Raises:
        UserError: There is no such record, it has no job, or it is of another service.
    """
    path = Path(job_or_record)
    if not (path.is_file() or path.suffix == ".json" or len(path.parts) > 1):
        return job_or_record, None
    record = read_record(path)
    if not record.job:
        raise UserError(f"{path} names no job yet; run the same `sft submit` again, it goes on")
    if record.service != service.url:
        # The key goes where the environment says, not where a file does.
        raise UserError(
            f"{path} is of a job at {record.service}, but calls go to {service.url}; set "
            "OPENAI_BASE_URL"
        )
    return record.job, path


def look(service: Service, job: str, path: Path | None, say: Say) -> Job:
    """Ask for the state of a job once, and keep it in its record where there is one.

    A record that cannot be read or written any more is said, and keeps nobody from the state.
    """
    found = service.job(job)
    if path:
        try:
            record = read_record(path)
            if (told := record.told(found)) != record:
                told.save(path)
        except UserError as error:
            say(f"The record was not brought up to date: {error.message}")
    return found


def wait(
    service: Service,
    job: str,
    path: Path | None,
    *,
    interval: float,
    say: Say,
) -> Job:
    """Ask for the state of a job until it changes no more.

    Whatever may pass (no connection, 429, 5xx) is tried again after growing pauses, said once,
    and given up after an hour without any answer.

    Args:
        service: Where the job is.
        job: Its id.
        path: Its record, if any.
        interval: Seconds between two questions.
        say: Called with every change of state.

    Raises:
        UserError: The service refused the question, or gave no answer for too long.
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
    """Return the command line that looks at a job again."""
    return f"kidney-evals sft {name} {path or job}"


def _upload(
    submission: Submission, service: Service, record: Record, path: Path, say: Say
) -> Record:
    for part, content in submission.files().items():
        sent = record.files.get(part)
        if sent and service.has_file(sent):
            say(f"{PARTS_SAID[part]}: {sent}, sent before")
            continue
        file = service.upload(submission.file_name(part), content)
        record = _kept(replace(record, files={**record.files, part: file}), path)
        say(f"{PARTS_SAID[part]}: {file}")
    return record


def _kept(record: Record, path: Path) -> Record:
    record.save(path)
    return record
