"""Client of OpenAI's files and fine-tuning jobs, with a one-line message for each failure.

The client reads `OPENAI_API_KEY` and `OPENAI_BASE_URL` from the environment or from the nearest
`.env` file, as Inspect does. Neither a key nor a message of the service about a key is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from kidney_evals.errors import UserError
from kidney_evals.finetuning.environment import load_env

if TYPE_CHECKING:
    from openai import APIError

    from kidney_evals.finetuning.hosted_submission import Record

KEY: Final = "OPENAI_API_KEY"

TIMEOUT: Final = 60.0
"""Seconds to wait for a response."""

UPLOAD_TIMEOUT: Final = 600.0
"""Seconds to wait for the response to an upload."""

ENDED: Final = ("succeeded", "failed", "cancelled")
"""Final states of a job."""

NEVER_SENT: Final = ("ConnectError", "ConnectTimeout", "PoolTimeout")
"""Class names of the HTTP client's errors before any data was sent (its package has two names)."""

LONGEST_REASON: Final = 400

PAGE: Final = 100
"""Number of jobs in one response of the service's list."""

MOST_JOBS: Final = 10_000
"""Number of latest jobs that `find_job` searches."""


class ServiceError(UserError):
    """The service refused a request, or did not respond.

    Attributes:
        transient: Whether the same request may succeed later.
        pause: Seconds to wait, if the service states them.
        refused: Whether the request certainly had no effect: the service refused it, or never
            received it.
    """

    def __init__(
        self, message: str, *, transient: bool = False, pause: float | None = None
    ) -> None:
        super().__init__(message)
        self.transient = transient
        self.pause = pause
        self.refused = False


@dataclass(frozen=True)
class Job:
    """A fine-tuning job in the state that the service last reported.

    Attributes:
        id: Id of the job.
        status: State of the job, in the service's terms.
        base: The exact version of the base model.
        model: The tuned model; None until the job has succeeded.
        reason: Reason of a failure, one line; None if the service gives no reason.
        trained_tokens: Number of trained tokens, as billed; None until known.
        finish: Expected end, Unix seconds; None where unknown.
    """

    id: str
    status: str
    base: str
    model: str | None
    reason: str | None
    trained_tokens: int | None
    finish: int | None

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.status in ENDED


class Service:
    """A connection to the service that the environment variables name.

    Raises:
        UserError: There is no usable key.
    """

    def __init__(self) -> None:
        load_env()
        key = os.environ.get(KEY, "").strip()
        if not key:
            raise UserError(
                f"{KEY} is not set, nor in a .env file here or above; it is the key of the account "
                "that pays for the job"
            )
        if not (key.isascii() and key.isprintable()):
            raise UserError(f"{KEY} holds letters that no key has; set it anew")
        from openai import OpenAI

        try:
            # The client must not retry by itself: a job that is requested twice is billed twice.
            self._client = OpenAI(api_key=key, max_retries=0, timeout=TIMEOUT)
        except Exception as error:
            raise UserError(
                f"no client can be set up ({one_line(error)}); look at OPENAI_BASE_URL"
            ) from error
        # The address without user, password and query, which may be secret.
        parts = urlsplit(str(self._client.base_url))
        place = parts.netloc.rpartition("@")[2]
        self.url: Final = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))
        if not self.url.startswith(("http://", "https://")):
            raise UserError(f"OPENAI_BASE_URL must begin with http:// or https://, not {self.url}")

    def upload(self, name: str, content: bytes) -> str:
        """Upload a file of examples and return its id. Uploading a file again costs nothing."""
        client = self._client.with_options(max_retries=2, timeout=UPLOAD_TIMEOUT)
        with self._explained(f"the upload of {name}"):
            sent = client.files.create(file=(name, content), purpose="fine-tune")
        return self._text(sent, "id")

    def has_file(self, file: str) -> bool:
        """Return whether the service still has an uploaded file."""
        from openai import NotFoundError

        client = self._client.with_options(max_retries=2)
        with self._explained(f"the request for file {file}"):
            try:
                client.files.retrieve(file)
            except NotFoundError:
                return False
        return True

    def create_job(self, record: Record) -> Job:
        """Send one request for the job of a record whose files are uploaded."""
        from openai import Omit

        with self._explained("the job", record.base):
            made = self._client.fine_tuning.jobs.create(
                model=record.base,
                training_file=record.files["train"],
                validation_file=record.files.get("heldout", Omit()),
                seed=record.seed,
                suffix=record.suffix or Omit(),
                method={
                    "type": "supervised",
                    "supervised": {"hyperparameters": {"n_epochs": record.epochs}},
                },
            )
        return self._job(made)

    def find_job(self, training_file: str) -> Job | None:
        """Return the latest job that trains on a file; None if the service lists no such job.

        The service's list may not yet contain a job that has just started.
        """
        client = self._client.with_options(max_retries=2)
        with self._explained("the request for the list of jobs"):
            try:
                found = client.fine_tuning.jobs.list(limit=PAGE)
                if not isinstance(found.data, list):
                    raise self._other_protocol()
                for job in islice(found, MOST_JOBS):
                    if job.training_file == training_file:
                        return self._job(job)
            except AttributeError:
                # The client raises this error for a proxy's web page or a list of other objects.
                raise self._other_protocol() from None
        return None

    def job(self, job: str) -> Job:
        """Send one request for the state of a job, and return the state."""
        from openai import NotFoundError

        with self._explained(f"the request for job {job}"):
            try:
                found = self._client.fine_tuning.jobs.retrieve(job)
            except NotFoundError:
                raise ServiceError(
                    f"{self.url} knows no job {job}; is it of another account or project?"
                ) from None
        return self._job(found)

    def _job(self, response: Any) -> Job:
        error = getattr(response, "error", None)
        reason = None
        if error is not None and getattr(error, "message", None):
            codes = [getattr(error, name, None) for name in ("code", "param")]
            where = ", ".join(str(part) for part in codes if part)
            reason = one_line(error.message) + (f" ({where})" if where else "")
        return Job(
            id=self._text(response, "id"),
            status=self._text(response, "status"),
            base=self._text(response, "model"),
            model=getattr(response, "fine_tuned_model", None) or None,
            reason=reason,
            trained_tokens=getattr(response, "trained_tokens", None),
            finish=getattr(response, "estimated_finish", None),
        )

    def _text(self, response: Any, name: str) -> str:
        value = getattr(response, name, None)
        if not isinstance(value, str) or not value:
            raise self._other_protocol()
        return value

    def _other_protocol(self) -> ServiceError:
        """Return the error for a proxy's web page, or for a server with another protocol."""
        return ServiceError(
            f"{self.url} answered with something that is not OpenAI's protocol", transient=True
        )

    @contextmanager
    def _explained(self, what: str, base: str | None = None) -> Iterator[None]:
        from openai import APIError

        try:
            yield
        except APIError as error:
            raise _explain(error, self.url, what, base) from error
        except ValueError as error:
            if isinstance(error, UserError):
                raise
            raise ServiceError(
                f"{self.url} answered {what} with something that is no JSON", transient=True
            ) from error


def one_line(text: object) -> str:
    """Return a text on one line, truncated to a maximum length."""
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def _explain(error: APIError, url: str, what: str, base: str | None) -> ServiceError:
    """Return the message for a client error; `what` and `base` describe the failed request."""
    from openai import APIStatusError, APITimeoutError

    from kidney_evals.provider_errors import is_out_of_credit

    if not isinstance(error, APIStatusError):
        cause = one_line(error.__cause__ or "")
        reason = "no answer in time" if isinstance(error, APITimeoutError) else "connection failed"
        reason += f": {cause}" if cause else ""
        explained = ServiceError(f"{url} did not answer {what} ({reason})", transient=True)
        explained.refused = type(error.__cause__).__name__ in NEVER_SENT
        return explained
    status, code = error.status_code, error.code or ""
    message = one_line(error.body.get("message") if isinstance(error.body, dict) else error.message)
    reason = f"{message} ({code})" if code else message
    pause, transient = None, False
    if status == 401:
        # The service's message is not shown: it repeats part of the key.
        line = f"{url} does not accept the key in {KEY} (status 401)"
    elif is_out_of_credit(f"{message} {code}", status):
        line = f"the account is out of credit: {reason}"
    elif base and (error.param == "model" or code.startswith("model_not")):
        line = f"{base} cannot be fine-tuned by this account: {reason}"
    elif status == 429 or status in (408, 409) or status >= 500:
        line, transient = f"{url} cannot take {what} now (status {status}): {reason}", True
        pause = _seconds(error.response.headers.get("retry-after"))
    elif error.param in ("file", "training_file", "validation_file") or code.startswith(
        "invalid_file"
    ):
        line = f"{url} rejected the samples in {what}: {reason}"
    elif status == 403:
        line = f"the key in {KEY} does not permit {what}: {reason}"
    else:
        line = f"{url} refused {what} (status {status}): {reason}"
    explained = ServiceError(line, transient=transient, pause=pause)
    explained.refused = status < 500 and status not in (408, 409)
    return explained


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None
