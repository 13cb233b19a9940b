"""Fine-tuning as a job of a hosted service: check the samples, and submit the job once.

The record of a job is written before the first request, so that an unwritable path causes no cost
and the same command starts no second job.
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kidney_evals.errors import UserError
from kidney_evals.finetuning.data import CARD, Example, Part, TrainingData, read_data, sha256_of
from kidney_evals.finetuning.hosted_service import Epochs, Service, ServiceError
from kidney_evals.input_files import read_bytes
from kidney_evals.output_files import write_output
from kidney_evals.planning.tokens import CHARACTERS, FRAME, Estimate

_FEWEST_EXAMPLES, _MOST_EPOCHS, _LONGEST_SUFFIX = 10, 50, 64
"""Limits of OpenAI's supervised fine-tuning; the suffix in characters."""


@dataclass(frozen=True)
class Submission:
    """A fine-tuning job that can be submitted.

    Attributes:
        data: The folder of samples.
        base: Name of the base model at the service.
        samples: Number of training samples, the first of `data.train`.
        suffix: Part of the new model's name; None for none.
    """

    data: TrainingData
    base: str
    samples: int
    seed: int
    epochs: Epochs
    suffix: str | None

    @property
    def parts(self) -> dict[Part, tuple[Example, ...]]:
        """The samples of each part; on the held-out samples the service computes a loss."""
        return {"train": self.data.train[: self.samples], "heldout": self.data.heldout}

    @property
    def tokens(self) -> Estimate:
        """Estimated tokens of one pass over the training samples."""
        return Estimate.total(map(tokens_of, self.parts["train"]))

    @property
    def default_path(self) -> Path:
        """Default path of the job's record, beside the folder of samples."""
        folder = Path(os.path.abspath(self.data.folder))
        base = re.sub(r"[^\w.-]", "-", self.base)
        return folder.parent / f"{folder.name}-{base}-{self.samples}-{self.seed}.json"


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

    Args:
        folder: The folder of samples.
        base: Name of the base model, also with Inspect's prefix `openai/`.
        samples: Number of training samples; None for all.
        seed: Seed of the job.
        epochs: Number of passes over the samples; "auto" leaves it to the service.
        suffix: Part of the new model's name.
        allow_overlap: Whether samples may be about dilemmas of the evaluation.

    Raises:
        UserError: The folder cannot be read, or the service would not accept an argument; or
            samples are about dilemmas of the evaluation, without `allow_overlap`.
    """
    base = base.strip().removeprefix("openai/")
    if not base or "/" in base or not base.isprintable():
        raise UserError(f"--base takes the name of an OpenAI model (gpt-4.1-mini), not {base!r}")
    if suffix is not None and not (0 < len(suffix) <= _LONGEST_SUFFIX and suffix.isprintable()):
        given = f"{len(suffix)} letters" if suffix.isprintable() else repr(suffix)
        raise UserError(f"--suffix takes 1 to {_LONGEST_SUFFIX} printable letters, not {given}")
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
    passes: Epochs = "auto" if epochs == "auto" else int(epochs)
    return Submission(data, base, count, seed, passes, suffix)


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
    submission: Submission, service: Service, path: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Upload the samples and request the job once; return the record that is written to `path`.

    Nothing is requested if `path` exists. The record is deleted if no job can have begun: after a
    refusal or a failed upload. It stays if the request for the job got no response.

    Args:
        submission: The job, from `prepare`.
        service: The connection to the service.
        path: File of the record.
        say: Called with a line for each uploaded file and for the job.

    Raises:
        UserError: The path exists or cannot be written, the service refused a request, or it is
            unknown whether a job has started.
    """
    if os.path.lexists(path):
        raise UserError(
            f"{path} exists; if it is the record of a job that your account does not show, delete "
            "it, else name another file with --out"
        )
    data = submission.data
    record: dict[str, Any] = {
        "base": submission.base,
        "data": str(data.folder),
        "card": sha256_of(data.folder / CARD),
        "shuffled": data.card["shuffled"],
        **{name: getattr(submission, name) for name in ("samples", "seed", "epochs", "suffix")},
        "service": service.url,
        "job": None,  # its id once the service named it
    }
    _write(path, record, overwrite=False)
    files: dict[str, str] = {}
    asked = False
    try:
        for part, examples in submission.parts.items():
            if examples:
                name = f"{part}-{len(examples)}.jsonl"
                content = "".join(one.line for one in examples).encode()
                files[part] = service.upload(name, content)
                say(f"{name}: {files[part]}")
        asked = True
        job = service.create_job(
            submission.base, files, submission.seed, submission.epochs, submission.suffix
        )
    except ServiceError as error:
        if error.refused or not asked:
            path.unlink()
            raise
        raise ServiceError(
            f"{error.message}; look in your account whether a job on {files['train']} has begun, "
            f"and delete {path} only if none has"
        ) from error
    say(f"Job {job.id}: {job.status}")
    record["job"] = job.id
    _write(path, record, overwrite=True)
    return record


def _write(path: Path, record: dict[str, Any], overwrite: bool) -> None:
    write_output(path, f"{json.dumps(record, indent=2)}\n".encode(), overwrite=overwrite)


def job_named(job_or_record: str) -> str:
    """Return the id of a job, which may be given as the path of its record.

    Raises:
        UserError: The file cannot be read, is no record, or has no id of a job.
    """
    path = Path(job_or_record)
    if not (path.is_file() or path.suffix == ".json"):
        return job_or_record
    content = read_bytes(path)
    try:
        job = json.loads(content)["job"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{path} is no record of `sft submit`; give a job's id") from None
    if not isinstance(job, str):
        raise UserError(f"{path} names no job: look in your account whether it has begun")
    return job
