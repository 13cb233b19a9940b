"""A fine-tuning job of a hosted service: its parameters, their checks, and its record.

OpenAI's supervised fine-tuning accepts ten examples or more and a suffix of up to 64 characters.
Tokens are estimated without a tokenizer, by `kidney_evals.planning.tokens`.

The record is written before the first request, so that an unwritable path causes no cost, and
before and after every step, so that an interruption loses no step. Only one process at a time
uses a record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from kidney_evals.errors import UserError
from kidney_evals.finetuning.data import (
    CARD,
    Example,
    Part,
    TrainingData,
    read_data,
    sha256_of,
)
from kidney_evals.finetuning.hosted_service import Job
from kidney_evals.output_files import write_output
from kidney_evals.planning.tokens import CHARACTERS, FRAME, Estimate

LEAST_EXAMPLES: Final = 10
LONGEST_SUFFIX: Final = 64

PATIENCE: Final = 3600.0
"""Seconds to wait for another process that uses the record; an upload may take an hour."""

Epochs = int | Literal["auto"]
"""Passes over the samples; with `auto` the service chooses the number."""

Format = Literal["kidney_evals hosted job, 1"]
FORMAT: Final[Format] = "kidney_evals hosted job, 1"
"""Name of a record's format."""

IDENTITY: Final = ("service", "base", "card", "samples", "seed", "epochs", "suffix")
"""Fields of a record that identify a submission."""


class Record(BaseModel):
    """The content of a record: the parameters of a job, and its state.

    Attributes:
        format: Name of the format.
        service: Address of the service, without secrets; empty before a service is chosen.
        base: The service's name of the base model.
        data: The folder of samples, as the user wrote it.
        card: SHA-256 of the folder's card.
        shuffled: Whether the samples are a control with permuted answers.
        samples: Number of training samples, the first ones of the folder.
        seed: The job's seed.
        epochs: Passes over the samples.
        suffix: Part of the new model's name, if any.
        files: Ids of the uploaded files, by part.
        asked: Whether the job was requested; without `job` it is unknown whether the job started.
        job: The job's id.
        status: Its last known state.
        model: The tuned model.
        trained_tokens: Billed tokens, once known.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    format: Format = FORMAT
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

    def changed(self, **values: object) -> Record:
        """Return a copy of the record with the given values."""
        return self.model_copy(update=values)

    def with_job(self, job: Job) -> Record:
        """Return a copy of the record with the state of `job`."""
        return self.changed(
            job=job.id, status=job.status, model=job.model, trained_tokens=job.trained_tokens
        )

    def save(self, path: Path) -> Record:
        """Write the record, completely or not at all, and return the record.

        Raises:
            UserError: The record cannot be written. The message lists the requests sent so far.
        """
        text = self.model_dump_json(indent=2) + "\n"
        try:
            # `read_record` has refused other files, so an existing file is a record. A link to a
            # record stays a link.
            write_output(os.path.realpath(path), text.encode(), overwrite=True)
        except UserError as error:
            if self.job:
                sent = f"note that job {self.job} has begun"
            elif self.files:
                sent = f"sent so far: {', '.join(self.files.values())}"
            else:
                sent = "nothing was sent; name another place with --out"
            raise UserError(f"{error.message}; {sent}") from error
        return self


@dataclass(frozen=True)
class Submission:
    """A fine-tuning job that can be submitted.

    Attributes:
        record: The job's record.
        data: The folder of samples.
        train: The training samples, the first ones of the folder.
    """

    record: Record
    data: TrainingData
    train: tuple[Example, ...]

    @property
    def tokens(self) -> Estimate:
        """Estimated tokens of one pass over the training samples."""
        return Estimate.total(tokens_of(example) for example in self.train)

    def files(self) -> dict[Part, bytes]:
        """Return the content of each file to upload, by part; parts without samples are omitted.

        The service computes its own loss on the held-out samples.
        """
        parts: dict[Part, tuple[Example, ...]] = {"train": self.train, "heldout": self.data.heldout}
        return {
            part: "".join(one.line for one in examples).encode()
            for part, examples in parts.items()
            if examples
        }

    def file_name(self, part: Part) -> str:
        """Return the name of an uploaded file."""
        count = len(self.train if part == "train" else self.data.heldout)
        return f"{_named(self.data.folder).name}-{part}-{count}.jsonl"

    @property
    def default_path(self) -> Path:
        """Default path of the record: beside the folder of samples."""
        folder, record = _named(self.data.folder), self.record
        base = "".join(one if one.isalnum() or one in "._-" else "-" for one in record.base)
        return folder.parent / f"{folder.name}-{base}-{record.samples}-{record.seed}.json"


def prepare(
    folder: Path,
    *,
    base: str,
    samples: int | None = None,
    seed: int = 1,
    epochs: Epochs = "auto",
    suffix: str | None = None,
    allow_overlap: bool = False,
) -> Submission:
    """Read a folder of samples and check that a service would accept the job.

    Args:
        folder: A folder that `sft export` wrote.
        base: The base model, with or without Inspect's prefix `openai/`.
        samples: Number of training samples; None for all samples.
        seed: The job's seed.
        epochs: Passes over the samples.
        suffix: Part of the new model's name.
        allow_overlap: Whether samples may be about the evaluation's dilemmas.

    Raises:
        UserError: The service would refuse the job, or the later comparison would be invalid.
    """
    base = base.strip().removeprefix("openai/")
    if not base or "/" in base or not base.isprintable():
        raise UserError(f"--base takes the name of an OpenAI model (gpt-4.1-mini), not {base!r}")
    if suffix is not None and not (0 < len(suffix) <= LONGEST_SUFFIX and suffix.isprintable()):
        raise UserError(f"--suffix takes 1 to {LONGEST_SUFFIX} letters, not {len(suffix)}")
    data = read_data(folder)
    if samples is not None and samples > len(data.train):
        raise UserError(
            f"--samples {samples} asks for more than the {len(data.train)} training samples of "
            f"{folder}"
        )
    train = data.train[:samples]
    if len(train) < LEAST_EXAMPLES:
        raise UserError(
            f"the service takes no fewer than {LEAST_EXAMPLES} training samples, and these are "
            f"{len(train)}"
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
        samples=len(train),
        seed=seed,
        epochs=epochs,
        suffix=suffix,
    )
    return Submission(record, data, train)


def tokens_of(example: Example) -> Estimate:
    """Estimate the tokens of an example, including the format tokens around its messages.

    ASCII text is counted as in `planning.tokens`. Every other character counts as one token; in
    the high estimate each of its bytes counts as one token, an upper bound for any tokenizer.
    """
    texts = [message["content"] for message in example.messages]
    ascii_count = sum(letter.isascii() for text in texts for letter in text)
    letters = sum(map(len, texts)) - ascii_count
    others = (letters, letters, sum(len(text.encode()) for text in texts) - ascii_count)
    return Estimate(
        *(
            ascii_count / characters + other + len(texts) * frame
            for characters, other, frame in zip(CHARACTERS, others, FRAME, strict=True)
        )
    )


def _named(folder: Path) -> Path:
    return folder if folder.name not in ("", "..") else folder.resolve()


@contextmanager
def locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Lock a record for this process; call `say` before waiting for another process.

    The operating system releases the lock when the process ends, for any reason. The lock does
    not work on a file system without locks, or if several machines synchronise copies of it.

    Raises:
        UserError: The lock's file cannot be written, or another process holds the lock too long.
    """
    # Resolve links: two links to a record share a lock.
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
        UserError: The file does not exist or is not a valid record.
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
        return Record.model_validate_json(text)
    except ValidationError as error:
        names = dict.fromkeys(str(one["loc"][0]) for one in error.errors())
        raise UserError(
            f"{path} holds no valid {', '.join(map(repr, names))}; was it edited?"
        ) from error


def continued(path: Path, wanted: Record) -> Record:
    """Return the record to continue with: the stored record if it is of the same submission.

    The record of another submission is replaced unless its job was requested. Uploaded files of
    the same samples are then used again.

    Raises:
        UserError: The file is not a record, or the job of another submission was requested with
            it. The message names the first difference.
    """
    found = read_record(path)
    differ = [name for name in IDENTITY if getattr(found, name) != getattr(wanted, name)]
    if not differ:
        return found
    if found.job or found.asked:
        was, is_now = (str(getattr(one, differ[0])) for one in (found, wanted))
        shown = (was[:12], is_now[:12]) if differ[0] == "card" else (was, is_now)
        raise UserError(
            f"{path} is the record of another submission ({differ[0]} {shown[0]}, not "
            f"{shown[1]}); name another file with --out"
        )
    if {"service", "card", "samples"} & set(differ):
        return wanted
    return wanted.changed(files=found.files)
