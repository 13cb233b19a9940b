"""The record of a hosted fine-tuning job: what was sent, kept after every step.

It is written before anything is sent, so that a place that cannot be written to costs nothing, and
again after every step, so that a cut between two steps loses none.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from kidney_evals.errors import UserError
from kidney_evals.finetuning.hosted_check import Epochs, Submission
from kidney_evals.finetuning.hosted_service import Job

FORMAT: Final = "kidney_evals hosted job, 1"
"""What a record calls its own form."""

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
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    stream.write(text)
                os.replace(name, path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise UserError(
                f"cannot write {path} ({error.strerror or error}); {self._sent()}"
            ) from error

    def _sent(self) -> str:
        if self.job:
            return f"note that job {self.job} has begun"
        if self.files:
            return f"sent so far: {', '.join(self.files.values())}"
        return "nothing was sent; name another place with --out"


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        UserError: There is none, or it is not in its form.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"there is no record {path}; name a job's id, or the record that "
            "`kidney-evals sft submit` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path} is not of the form {FORMAT!r}")
    return _checked(path, content)


def same_submission(path: Path, found: Record, wanted: Record) -> None:
    """Refuse a record that is of another submission.

    Raises:
        UserError: The line names the first difference.
    """
    for name, words in SAID.items():
        was, is_now = getattr(found, name), getattr(wanted, name)
        if was != is_now:
            shown = [str(one)[:12] if name == "card" else str(one) for one in (was, is_now)]
            raise UserError(
                f"{path} is the record of another submission ({words} {shown[0]}, not {shown[1]}); "
                "name another file with --out"
            )


def _checked(path: Path, content: Mapping[str, Any]) -> Record:
    kinds: dict[str, type | tuple[type, ...]] = {
        "samples": int,
        "seed": int,
        "epochs": (int, str),
        "files": dict,
        "shuffled": bool,
        "asked": bool,
        "trained_tokens": (int, type(None)),
    }
    optional = ("suffix", "job", "status", "model")
    known = {}
    for one in fields(Record):
        kind = kinds.get(one.name, (str, type(None)) if one.name in optional else str)
        if not isinstance(content.get(one.name), kind):
            raise UserError(f"{path} holds no valid {one.name!r}; was it edited?")
        known[one.name] = content[one.name]
    return Record(**known)
