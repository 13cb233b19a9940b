"""The record of a hosted fine-tuning job: what was sent, kept after every step.

It is written before anything is sent, so that a place that cannot be written to costs nothing, and
before and after every step, so that a cut between two steps loses none. One process at a time works
with a record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from kidney_evals.errors import UserError
from kidney_evals.finetuning.hosted_check import Epochs, Submission
from kidney_evals.finetuning.hosted_service import Job
from kidney_evals.whole import write_output

FORMAT: Final = "kidney_evals hosted job, 1"
"""What a record calls its own form."""

PATIENCE: Final = 3600.0
"""Seconds for which another process may hold a record; an upload may take an hour."""

SAID: Final = {
    "service": "sent to",
    "base": "base",
    "card": "data card",
    "samples": "samples",
    "seed": "seed",
    "epochs": "epochs",
    "suffix": "suffix",
}
"""What makes two submissions the same, and what to call it."""


@dataclass(frozen=True)
class Record:
    """What is known of a submission.

    Attributes:
        service: Address of the service, without anything secret.
        base: The model to start from.
        data: The folder of samples, as it was named.
        card: SHA-256 of the folder's card.
        shuffled: Whether the samples are a control.
        samples: How many are trained on, the folder's first.
        seed: The job's seed.
        epochs: How often each is trained on.
        suffix: What the new model's name carries.
        files: Ids of the files that were sent, by part.
        asked: Whether the job was asked for; without a `job` nobody knows if it began.
        job: The job's id.
        status: Its state when last looked at.
        model: The model that it made.
        trained_tokens: Tokens billed, when the service has said it.
    """

    service: str
    base: str
    data: str
    card: str
    shuffled: bool
    samples: int
    seed: int
    epochs: Epochs
    suffix: str | None
    files: Mapping[str, str] = field(default_factory=dict)
    asked: bool = False
    job: str | None = None
    status: str | None = None
    model: str | None = None
    trained_tokens: int | None = None

    @classmethod
    def of(cls, submission: Submission, service: str) -> Record:
        """Return the record of a submission of which nothing was sent yet."""
        return cls(
            service=service,
            base=submission.base,
            data=str(submission.data.folder),
            card=submission.card,
            shuffled=submission.shuffled,
            samples=len(submission.train),
            seed=submission.seed,
            epochs=submission.epochs,
            suffix=submission.suffix,
        )

    def told(self, job: Job) -> Record:
        """Return the record with what the service last told of the job."""
        return replace(
            self,
            job=job.id,
            status=job.status,
            model=job.model,
            trained_tokens=job.trained_tokens,
        )

    def save(self, path: Path) -> None:
        """Write it in one go.

        Raises:
            UserError: It cannot be written. The line says what was sent so far.
        """
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n"
        try:
            # `read_record` has refused what is no record, so an existing file is one. A link to a
            # record stays a link.
            write_output(os.path.realpath(path), text.encode(), overwrite=True)
        except UserError as error:
            raise UserError(f"{error.message}; {self._sent()}") from error

    def _sent(self) -> str:
        if self.job:
            return f"note that job {self.job} has begun"
        if self.files:
            return f"sent so far: {', '.join(self.files.values())}"
        return "nothing was sent; name another place with --out"


@contextmanager
def locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Let one process at a time work with a record; wait where another one does.

    The operating system releases the lock when its process ends, however it ends. A file system
    without locks, or one that several machines copy to each other, is not protected.

    Args:
        path: The record.
        say: Called with a line before waiting.

    Raises:
        UserError: The lock's file cannot be written, or another process holds it for too long.
    """
    # By its real name: two links to a record are one record.
    place = Path(os.path.realpath(path))
    lock = FileLock(place.with_name(f".{place.name}.lock"))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"Another command is submitting with the record {path}; waiting for it.")
            lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise UserError(
            f"another command has been submitting with the record {path} for an hour; end it, "
            "then run this one again"
        ) from None
    except OSError as error:
        raise UserError(
            f"cannot write beside {path} ({error.strerror or error}); nothing was sent; name "
            "another place with --out"
        ) from error
    try:
        yield
    finally:
        lock.release()


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        UserError: There is none, or it is not in its form.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except FileNotFoundError:
        raise UserError(
            f"there is no record {path}; name a job's id, or the record that "
            "`kidney-evals sft submit` wrote"
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is not JSON, or was cut off: before you delete it, look in your account "
            "whether a job of it has begun"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path} is not of the form {FORMAT!r}")
    try:
        return _FORM.validate_json(text, strict=True)
    except ValidationError as error:
        names = dict.fromkeys(str(one["loc"][0]) for one in error.errors())
        raise UserError(
            f"{path} holds no valid {', '.join(map(repr, names))}; was it edited?"
        ) from error


def continued(path: Path, wanted: Record) -> Record:
    """Return the record to go on with: what the file says, where it is of this submission.

    The record of another submission gives way as long as no job was asked for with it; files of
    the same samples need not be sent again then.

    Raises:
        UserError: The file is no record, or a job of another submission was asked for with it.
            The line names the first difference.
    """
    found = read_record(path)
    differ = [name for name in SAID if getattr(found, name) != getattr(wanted, name)]
    if not differ:
        return found
    if found.job or found.asked:
        was, is_now = (str(getattr(one, differ[0])) for one in (found, wanted))
        shown = (was[:12], is_now[:12]) if differ[0] == "card" else (was, is_now)
        raise UserError(
            f"{path} is the record of another submission ({SAID[differ[0]]} {shown[0]}, not "
            f"{shown[1]}); name another file with --out"
        )
    if {"service", "card", "samples"} & set(differ):
        return wanted
    return replace(wanted, files=found.files)


_FORM: Final = TypeAdapter(Record)
