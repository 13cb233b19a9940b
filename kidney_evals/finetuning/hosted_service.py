"""Client of OpenAI's files and fine-tuning jobs, with a one-line message for each failure.

The client reads `OPENAI_API_KEY` and `OPENAI_BASE_URL` from the environment or from the nearest
`.env` file, as Inspect does. Neither a key nor a message of the service about a key is written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from kidney_evals.errors import UserError
from kidney_evals.finetuning.environment import load_env

if TYPE_CHECKING:
    from openai import APIError

_KEY: Final = "OPENAI_API_KEY"

_TIMEOUT, _UPLOAD_TIMEOUT = 60.0, 600.0
"""Seconds to wait for a response, and for the response to an upload."""

_NEVER_SENT: Final = ("ConnectError", "ConnectTimeout", "PoolTimeout")
"""Class names of the HTTP client's errors before any data was sent (its package has two names)."""

_LONGEST_REASON: Final = 400

_MOST_JOBS: Final = 10_000
"""Number of latest jobs that `find_job` searches."""

Epochs = int | Literal["auto"]
"""Passes over the samples; with `auto` the service chooses the number."""


class ServiceError(UserError):
    """The service refused a request, or did not respond.

    `transient`: the same request may succeed later. `refused`: the request certainly had no effect.
    `pause`: seconds to wait that the service states, or 0.
    """

    def __init__(
        self, message: str, *, transient: bool = False, refused: bool = False, pause: float = 0.0
    ) -> None:
        super().__init__(message)
        self.transient = transient
        self.refused = refused
        self.pause = pause


class Job(NamedTuple):
    """A fine-tuning job in the state that the service last reported, in the service's terms.

    `base` is the exact version of the base model; `reason` explains a failure on one line.
    """

    id: str
    status: str
    base: str
    model: str | None
    reason: str | None
    trained_tokens: int | None

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.status in ("succeeded", "failed", "cancelled")


class Service:
    """A connection to the service that the environment variables name."""

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
            self._client = OpenAI(api_key=key, max_retries=0, timeout=_TIMEOUT)
        except Exception as error:
            raise UserError(f"OPENAI_BASE_URL cannot be used ({_one_line(error)})") from error
        self._retrying = self._client.with_options(max_retries=2)
        # The address without user, password and query, which may be secret.
        parts = urlsplit(str(self._client.base_url))
        place = parts.netloc.rpartition("@")[2]
        self.url: Final = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))

    def upload(self, name: str, content: bytes) -> str:
        """Upload a file of examples and return its id. Uploading a file again costs nothing."""
        client = self._retrying.with_options(timeout=_UPLOAD_TIMEOUT)
        with self._explained(f"the upload of {name}"):
            return client.files.create(file=(name, content), purpose="fine-tune").id

    def create_job(
        self, base: str, files: Mapping[str, str], seed: int, epochs: Epochs, suffix: str | None
    ) -> Job:
        """Request a job on uploaded files with a single request; `files` are file ids by part."""
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

    def find_job(self, training_file: str) -> Job | None:
        """Return the latest job that trains on a file; None if the service lists no such job.

        The service's list may not yet contain a job that has just started.
        """
        with self._explained("the request for the list of jobs"):
            jobs = islice(self._retrying.fine_tuning.jobs.list(limit=100), _MOST_JOBS)
            return next((_job(one) for one in jobs if one.training_file == training_file), None)

    def job(self, name: str) -> Job:
        """Send one request for the state of a job, and return the state."""
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
                f"{self.url} answered {request} with something that is not OpenAI's protocol",
                transient=True,
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

    from kidney_evals.provider_errors import is_out_of_credit

    if not isinstance(error, APIStatusError):
        reason = _one_line(error.__cause__ or error)
        refused = type(error.__cause__).__name__ in _NEVER_SENT
        line = f"{url} did not answer {request} ({reason})"
        return ServiceError(line, transient=True, refused=refused)
    status, code = error.status_code, error.code or ""
    body = error.body
    message = _one_line(body.get("message") if isinstance(body, dict) else error.message)
    reason = f"{message} ({code})" if code else message
    transient = status in (408, 409, 429) or status >= 500
    if status == 401:
        # The service's message is not shown: it repeats part of the key.
        line = f"{url} does not accept the key in {_KEY} (status 401)"
    elif is_out_of_credit(f"{message} {code}", status):
        line, transient = f"the account is out of credit: {reason}", False
    elif transient:
        line = f"{url} cannot take {request} now (status {status}): {reason}"
    else:
        line = f"{url} refused {request} (status {status}): {reason}"
    refused = status < 500 and status not in (408, 409)
    stated = error.response.headers.get("retry-after", "")
    # HTTP also allows a date.
    pause = float(stated) if re.fullmatch(r"\d+(\.\d+)?", stated) else 0.0
    return ServiceError(line, transient=transient, refused=refused, pause=pause)


def _one_line(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"
