"""Client of OpenAI's files and fine-tuning jobs, with a one-line message for each failure.

The client reads `OPENAI_API_KEY` and `OPENAI_BASE_URL` from the environment or from the nearest
`.env` file, as Inspect does. Error messages never hold a key, or the service's message about a key
that it does not accept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from kidney_evals.errors import UserError
from kidney_evals.finetuning.environment import load_env

if TYPE_CHECKING:
    from openai import APIError

_KEY: Final = "OPENAI_API_KEY"

Epochs = int | Literal["auto"]
"""Passes over the samples; with `auto` the service chooses the number."""


class ServiceError(UserError):
    """The service refused a request, did not respond, or sent an invalid response.

    Attributes:
        refused: Whether the request certainly had no effect.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Job(NamedTuple):
    """A fine-tuning job in the state that the service last reported, in the service's terms."""

    id: str
    status: str
    base: str  # the exact version of the base model
    model: str | None
    reason: str | None  # of a failure, on one line
    trained_tokens: int | None


class Service:
    """A connection to the service that the environment variables name.

    Attributes:
        url: Address of the service without user, password and query.

    Raises:
        UserError: The key is missing or invalid, or the address cannot be used.
    """

    def __init__(self) -> None:
        load_env()
        key = os.environ.get(_KEY, "").strip()
        if not key:
            raise UserError(f"{_KEY} is not set, nor in a .env file here or above")
        if not (key.isascii() and key.isprintable()):
            raise UserError(f"{_KEY} holds letters that no key has; set it anew")
        from openai import OpenAI

        try:
            # The client must not retry by itself: a job that is requested twice is billed twice.
            # An upload may take minutes.
            self._client = OpenAI(api_key=key, max_retries=0, timeout=600.0)
        except Exception as error:
            raise UserError(f"OPENAI_BASE_URL cannot be used ({_one_line(error)})") from error
        # The address without user, password and query, which may be secret.
        parts = urlsplit(str(self._client.base_url))
        place = parts.netloc.rpartition("@")[2]
        self.url: Final = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))

    def upload(self, name: str, content: bytes) -> str:
        """Upload a file of samples and return its id.

        Raises:
            ServiceError: The upload failed.
        """
        with self._explained(f"the upload of {name}"):
            return self._client.files.create(file=(name, content), purpose="fine-tune").id

    def create_job(
        self, base: str, files: Mapping[str, str], seed: int, epochs: Epochs, suffix: str | None
    ) -> Job:
        """Send one request for a job on uploaded files, and return the job.

        Args:
            base: Name of the base model.
            files: Ids of the uploaded files by part, `train` and, if there is one, `heldout`.
            seed: Seed of the job.
            epochs: Passes over the samples.
            suffix: Part of the new model's name; None for none.

        Raises:
            ServiceError: The service refused, or it is unknown whether the job has begun.
        """
        from openai import Omit

        with self._explained("the job"):
            job = self._client.fine_tuning.jobs.create(
                model=base,
                training_file=files["train"],
                validation_file=files.get("heldout", Omit()),
                seed=seed,
                suffix=suffix or Omit(),
                method={
                    "type": "supervised",
                    "supervised": {"hyperparameters": {"n_epochs": epochs}},
                },
            )
            return _job(job)

    def job(self, name: str) -> Job:
        """Send one request for the state of a job, and return the state.

        Args:
            name: The job's id.

        Raises:
            ServiceError: The request failed.
        """
        with self._explained(f"the request for job {name}"):
            return _job(self._client.fine_tuning.jobs.retrieve(name))

    @contextmanager
    def _explained(self, request: str) -> Iterator[None]:
        """Convert errors of the client while `request` is sent."""
        from openai import APIError

        try:
            yield
        except APIError as error:
            raise _explain(error, self.url, request) from error
        except (ValueError, AttributeError, TypeError) as error:
            # A proxy's web page, or a server with another protocol.
            raise ServiceError(
                f"{self.url} answered {request} with something that is not OpenAI's protocol"
            ) from error


def _job(response: Any) -> Job:
    """Read a job; a response without its fields raises an AttributeError or a ValueError."""
    error, reason = response.error, None
    if error is not None and error.message:
        codes = ", ".join(filter(None, (error.code, error.param)))
        reason = _one_line(error.message) + (f" ({codes})" if codes else "")
    if not response.id or not response.status:
        raise ValueError("no id or status")
    model, tokens = response.fine_tuned_model or None, response.trained_tokens
    return Job(response.id, response.status, response.model, model, reason, tokens)


def _explain(error: APIError, url: str, request: str) -> ServiceError:
    from openai import APIStatusError

    if not isinstance(error, APIStatusError):
        reason = _one_line(error.__cause__ or error)
        # Errors of the HTTP client, whose package has two names, before any data was sent.
        never_sent = ("ConnectError", "ConnectTimeout", "PoolTimeout")
        refused = type(error.__cause__).__name__ in never_sent
        return ServiceError(f"{url} did not answer {request} ({reason})", refused=refused)
    status, body = error.status_code, error.body
    # The service's message about a key is not shown: it repeats part of the key.
    line = f"{url} does not accept the key in {_KEY} (status 401)"
    if status != 401:
        message = _one_line(body.get("message") if isinstance(body, dict) else error.message)
        code = f" ({error.code})" if error.code else ""
        line = f"{url} refused {request} (status {status}): {message}{code}"
    return ServiceError(line, refused=status < 500 and status not in (408, 409))


def _one_line(text: object) -> str:
    return shorten(str(text), 400, placeholder="…")
