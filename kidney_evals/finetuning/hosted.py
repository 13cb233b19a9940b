"""Fine-tuning as a job of a hosted service: check it, submit it once, and wait for the result.

The record of a job is written before the first request, so that an unwritable path causes no cost,
and before and after every step, so that an interruption loses no step.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Final, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from kidney_evals.errors import UserError
from kidney_evals.finetuning.data import CARD, Example, Part, TrainingData, read_data, sha256_of
from kidney_evals.finetuning.hosted_service import Epochs, Job, Service, ServiceError
from kidney_evals.output_files import write_output
from kidney_evals.planning.tokens import CHARACTERS, FRAME, Estimate

_FEWEST_EXAMPLES, _MOST_EPOCHS, _LONGEST_SUFFIX = 10, 50, 64
"""Limits of OpenAI's supervised fine-tuning; the suffix in characters."""

_LONGEST_PAUSE: Final = 300.0
"""Longest pause between two requests, in seconds, while the service does not respond."""

_PATIENCE: Final = 3600.0
"""Seconds after the last response at which `wait` gives up."""

_IDENTITY: Final = ("service", "base", "card", "samples", "seed", "epochs", "suffix")
"""Fields of a record that identify a submission."""

_FILES: Final[Mapping[Part, str]] = {"train": "Training file", "heldout": "Held-out file"}

WAIT: Final = "kidney-evals sft wait"

Say = Callable[[str], None]
"""Called with each line that a user may want to read."""


class Record(BaseModel):
    """The content of a record: the parameters of a job, and its state.

    `service` is the address without secrets, `card` the SHA-256 of the folder's card, `files` the
    ids of the uploaded files by part. With `asked` and without `job` a job may have started.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    format: Literal["kidney_evals hosted job, 1"] = "kidney_evals hosted job, 1"
    service: str = ""
    base: str
    data: str
    card: str
    shuffled: bool
    samples: int
    seed: int
    epochs: Epochs
    suffix: str | None
    files: Mapping[str, str] = {}
    asked: bool = False
    job: str | None = None
    status: str | None = None
    model: str | None = None
    trained_tokens: int | None = None

    def saved(self, path: Path, job: Job | None = None, **values: object) -> Record:
        """Write a copy of the record with `values` and the state of `job`; return the copy."""
        if job is not None:
            values |= {"job": job.id, "status": job.status, "model": job.model}
            values["trained_tokens"] = job.trained_tokens
        record = self.model_copy(update=values)
        text = record.model_dump_json(indent=2) + "\n"
        try:
            # `_read_record` has refused other files, so an existing file is a record. A link to a
            # record stays a link.
            write_output(os.path.realpath(path), text.encode(), overwrite=True)
        except UserError as error:
            sent = record.job or ", ".join(record.files.values()) or "nothing"
            raise UserError(f"{error.message}; sent so far: {sent}") from error
        return record


@dataclass(frozen=True)
class Submission:
    """A fine-tuning job that can be submitted: its record, and the folder of samples."""

    record: Record
    data: TrainingData

    @property
    def parts(self) -> dict[Part, tuple[Example, ...]]:
        """The samples of each file; the service computes its own loss on the held-out samples."""
        return {"train": self.data.train[: self.record.samples], "heldout": self.data.heldout}

    @property
    def tokens(self) -> Estimate:
        """Estimated tokens of one pass over the training samples."""
        return Estimate.total(map(tokens_of, self.parts["train"]))

    @property
    def default_path(self) -> Path:
        """Default path of the record: beside the folder of samples."""
        folder, record = _named(self.data.folder), self.record
        base = re.sub(r"[^\w.-]", "-", record.base)
        return folder.parent / f"{folder.name}-{base}-{record.samples}-{record.seed}.json"


def prepare(
    folder: Path,
    *,
    base: str,
    samples: int | None = None,
    seed: int = 1,
    epochs: str = "auto",
    suffix: str | None = None,
    allow_overlap: bool = False,
) -> Submission:
    """Read a folder that `sft export` wrote, and check that a service would accept the job.

    `base` may have Inspect's prefix `openai/`. `samples` is None for all samples, `epochs` a number
    or "auto" to leave it to the service, and `suffix` becomes part of the new model's name. Without
    `allow_overlap`, samples about the evaluation's dilemmas are an error.
    """
    base = base.strip().removeprefix("openai/")
    if not base or "/" in base or not base.isprintable():
        raise UserError(f"--base takes the name of an OpenAI model (gpt-4.1-mini), not {base!r}")
    if suffix is not None and not (0 < len(suffix) <= _LONGEST_SUFFIX and suffix.isprintable()):
        raise UserError(f"--suffix takes 1 to {_LONGEST_SUFFIX} letters, not {len(suffix)}")
    if epochs != "auto" and not (epochs.isdecimal() and 1 <= int(epochs) <= _MOST_EPOCHS):
        raise UserError(f"--epochs takes auto or 1 to {_MOST_EPOCHS}, not {epochs}")
    data = read_data(folder)
    count = len(data.train) if samples is None else samples
    if not _FEWEST_EXAMPLES <= count <= len(data.train):
        raise UserError(
            f"the service takes {_FEWEST_EXAMPLES} training samples or more, and {folder} holds "
            f"{len(data.train)}: --samples {count} is not possible"
        )
    overlap = data.card["excluded"]["overlap"]
    if overlap and not allow_overlap:
        raise UserError(
            f"{folder / CARD} says that {overlap} samples overlap the evaluation's dilemmas, which "
            "would then measure memory; export again, or pass --allow-overlap"
        )
    record = Record(
        base=base,
        data=str(folder),
        card=sha256_of(folder / CARD),
        shuffled=data.card["shuffled"],
        samples=count,
        seed=seed,
        epochs="auto" if epochs == "auto" else int(epochs),
        suffix=suffix,
    )
    return Submission(record, data)


def tokens_of(example: Example) -> Estimate:
    """Estimate the tokens of an example, including the format tokens around its messages.

    A character that is not ASCII counts as one token, in the high estimate each of its bytes.
    """
    text = "".join(message["content"] for message in example.messages)
    ascii_count = sum(map(str.isascii, text))
    others = len(text) - ascii_count, len(text) - ascii_count, len(text.encode()) - ascii_count
    return Estimate(
        *(
            ascii_count / characters + other + len(example.messages) * frame
            for characters, other, frame in zip(CHARACTERS, others, FRAME, strict=True)
        )
    )


def submit(
    submission: Submission, service: Service, path: Path, say: Say, *, ask_again: bool = False
) -> Record:
    """Upload the samples and request the job, or continue an interrupted submission.

    Only one process at a time uses the record `path`; other processes wait and return the same job.
    Its files are not uploaded again, unless the service refused a job. If an earlier request got no
    response, this function searches for the job, which the service may list late; it requests a new
    job only with `ask_again`. If the record had a job already, nothing is sent.

    Raises:
        UserError: The record is of another submission or cannot be written, the service refused a
            request, or it is unknown whether a job has started.
    """
    with _locked(path, say):
        record = submission.record.model_copy(update={"service": service.url})
        if path.exists():
            record = _continued(path, record)
        if record.job:
            say(f"Job {record.job} was submitted before ({record.status}); nothing was sent.")
            say("To start another job of the same kind, name another record with --out.")
            return record
        try:
            return _submitted(submission, service, record.saved(path), path, say, ask_again)
        except ServiceError as error:
            if not error.transient:
                raise
            raise ServiceError(
                f"{error.message}; run the same command again, it goes on from {path}"
            ) from error


def _submitted(
    submission: Submission, service: Service, record: Record, path: Path, say: Say, ask_again: bool
) -> Record:
    if record.asked:
        file = record.files["train"]
        if begun := service.find_job(file):
            say(f"Job {begun.id} had begun when the connection was cut; nothing was sent.")
            return record.saved(path, begun)
        if not ask_again:
            raise UserError(
                f"the job was asked for before and no answer came; {service.url} lists none on "
                f"{file}, but may list it late: run the same command again in a few minutes, or "
                "with --ask-again once you see in your account that no such job has begun"
            )
    for part, examples in submission.parts.items():
        if part in record.files:
            say(f"{_FILES[part]}: {record.files[part]}, sent before")
        elif examples:
            name = f"{_named(submission.data.folder).name}-{part}-{len(examples)}.jsonl"
            sent = service.upload(name, "".join(one.line for one in examples).encode())
            record = record.saved(path, files={**record.files, part: sent})
            say(f"{_FILES[part]}: {sent}")
    # Written before the request: if the process is killed in between, no second job is requested.
    record = record.saved(path, asked=True)
    try:
        job = service.create_job(
            record.base, record.files, record.seed, record.epochs, record.suffix
        )
    except ServiceError as error:
        if error.refused:
            # The service may have refused the files, or may no longer have them.
            record.saved(path, asked=False, files={})
        raise
    say(f"Job {job.id}: {job.status}")
    return record.saved(path, job)


def look(service: Service, job_or_record: str, say: Say) -> Job:
    """Request the state of a job once, and write the state into the job's record."""
    name, path = _find(service, job_or_record)
    job = service.job(name)
    _update(path, job, say)
    return job


def wait(service: Service, job_or_record: str, *, interval: float, say: Say) -> Job:
    """Request the state of a job every `interval` seconds until the state is final.

    Transient failures (no connection, 429, 5xx) are reported once and retried after growing pauses,
    or the pause that the service states, for at most an hour without a response.
    """
    name, path = _find(service, job_or_record)
    status, failures, answered = "", 0, monotonic()
    # A record that is lost is reported once, not at every state.
    say_once = cache(say)
    while True:
        stated = 0.0
        try:
            job = service.job(name)
        except ServiceError as error:
            if not error.transient and not status:
                raise
            if not error.transient or monotonic() - answered > _PATIENCE:
                again = f"the job goes on; go on waiting with: {WAIT} {job_or_record}"
                raise ServiceError(f"{error.message}; {again}") from error
            failures, stated = failures + 1, error.pause
            if failures == 1:
                say(f"{error.message}; asking again until it does")
        else:
            failures, answered = 0, monotonic()
            if job.status != status:
                status = job.status
                say(f"{name}: {status}")
                _update(path, job, say_once)
            if job.ended:
                return job
        pause = min(max(interval, _LONGEST_PAUSE), interval * 2.0 ** min(failures, 30))
        sleep(max(pause, min(stated, _LONGEST_PAUSE)))


def _find(service: Service, job_or_record: str) -> tuple[str, Path | None]:
    """Return the id of a job, and the job's record if `job_or_record` is a record's path."""
    path = Path(job_or_record)
    if not (path.is_file() or path.suffix == ".json" or len(path.parts) > 1):
        return job_or_record, None
    record = _read_record(path)
    if not record.job:
        raise UserError(f"{path} names no job yet; run the same `sft submit` again, it goes on")
    if record.service != service.url:
        # The environment, not a file, decides which address receives the key.
        raise UserError(f"{path} is of a job at {record.service}: set OPENAI_BASE_URL to it")
    return record.job, path


def _update(path: Path | None, job: Job, say: Say) -> None:
    try:
        if path is not None:
            _read_record(path).saved(path, job)
    except UserError as error:
        say(f"The record was not brought up to date: {error.message}")


def _named(folder: Path) -> Path:
    return folder if folder.name not in ("", "..") else folder.resolve()


def _locked(path: Path, say: Say) -> AbstractContextManager[object]:
    """Lock a record for this process; the lock ends with the process, for any reason."""
    # Resolve links: two links to a record share a lock.
    place = Path(os.path.realpath(path))
    lock = FileLock(place.with_name(f".{place.name}.lock"))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            return lock.acquire(timeout=0)
        except Timeout:
            say(f"Another command is submitting with the record {path}; waiting for it.")
            return lock.acquire()
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"cannot write beside {path} ({why}); nothing was sent") from error


def _read_record(path: Path) -> Record:
    try:
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"there is no record {path}; name a record or a job's id") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from error
    except ValidationError as error:
        names = [str(one["loc"][0]) for one in error.errors() if one["loc"]] or ["JSON"]
        raise UserError(
            f"{path} is no record, or was changed ({', '.join(names)}): before you delete it, look "
            "in your account whether a job of it has begun"
        ) from error


def _continued(path: Path, wanted: Record) -> Record:
    """Return the stored record, or `wanted` if no job of another submission was requested."""
    stored = _read_record(path)
    differ = [name for name in _IDENTITY if getattr(stored, name) != getattr(wanted, name)]
    if differ and (stored.job or stored.asked):
        old, new = (getattr(one, differ[0]) for one in (stored, wanted))
        raise UserError(
            f"{path} is the record of another submission ({differ[0]} {old}, not {new}); name "
            "another file with --out"
        )
    return wanted if differ else stored
