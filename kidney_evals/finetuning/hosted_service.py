"""OpenAI's files and fine-tuning jobs, and what they refuse in one line each.

The client honours `OPENAI_API_KEY` and `OPENAI_BASE_URL`, from the environment or from the nearest
`.env` file, as Inspect does. A key is never written, nor what the service says of one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from kidney_evals.errors import UserError
from kidney_evals.finetuning.environment import load_env

if TYPE_CHECKING:
    from openai import APIError

    from kidney_evals.finetuning.hosted_check import Submission

KEY: Final = "OPENAI_API_KEY"
TIMEOUT: Final = 60.0
"""Seconds for which an answer is waited for; an upload may take ten minutes."""

UPLOAD_TIMEOUT: Final = 600.0
ENDED: Final = ("succeeded", "failed", "cancelled")
"""States after which a job changes no more."""

NEVER_SENT: Final = ("ConnectError", "ConnectTimeout", "PoolTimeout")
"""Errors of the HTTP client before it has sent anything, by name: its package has two names."""

LONGEST_REASON: Final = 400
PAGE: Final = 100
"""Jobs in one answer of the service's list."""

MOST_JOBS: Final = 10_000
"""The latest jobs among which one is looked for."""

FILE_PARAMETERS: Final = ("file", "training_file", "validation_file")


class ServiceError(UserError):
    """The service refused something, or did not answer.

    Attributes:
        transient: Whether the same request may succeed a little later.
        pause: Seconds that the service asks to wait, where it does.
        refused: Whether the service certainly did not do what was requested: it refused, or the
            request never reached it.
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
    """A fine-tuning job as the service last told of it.

    Attributes:
        id: The service's name of it.
        status: The service's word for its state.
        base: The model that it started from, in the version that is trained.
        model: The model that it made; None before it succeeded.
        reason: Why it failed, one line; None where nothing is said.
        trained_tokens: Tokens that were trained on, as billed; None until known.
        finish: When the service expects to be done, Unix seconds; None where it does not say.
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
        """Whether its state changes no more."""
        return self.status in ENDED


class Service:
    """A connection to the service that the environment names.

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
            # Every repetition is decided on here: a job asked for twice is paid for twice.
            self._client = OpenAI(api_key=key, max_retries=0, timeout=TIMEOUT)
        except Exception as error:
            raise UserError(
                f"no client can be set up ({one_line(error)}); look at OPENAI_BASE_URL"
            ) from error
        self.url: Final = _public(str(self._client.base_url))
        if not self.url.startswith(("http://", "https://")):
            raise UserError(f"OPENAI_BASE_URL must begin with http:// or https://, not {self.url}")

    def upload(self, name: str, content: bytes) -> str:
        """Send a file of examples and return its id. Sending one twice costs nothing."""
        client = self._client.with_options(max_retries=2, timeout=UPLOAD_TIMEOUT)
        with self._explained(f"the upload of {name}"):
            sent = client.files.create(file=(name, content), purpose="fine-tune")
        return self._text(sent, "id")

    def has_file(self, file: str) -> bool:
        """Return whether a file that was sent is still there."""
        from openai import NotFoundError

        client = self._client.with_options(max_retries=2)
        with self._explained(f"the request for file {file}"):
            try:
                client.files.retrieve(file)
            except NotFoundError:
                return False
        return True

    def create_job(self, submission: Submission, files: Mapping[str, str]) -> Job:
        """Ask for a job, once.

        Args:
            submission: What to train.
            files: Ids of the files that were sent, by part.
        """
        from openai import Omit

        with self._explained("the job", submission.base):
            made = self._client.fine_tuning.jobs.create(
                model=submission.base,
                training_file=files["train"],
                validation_file=files.get("heldout", Omit()),
                seed=submission.seed,
                suffix=submission.suffix or Omit(),
                method={
                    "type": "supervised",
                    "supervised": {"hyperparameters": {"n_epochs": submission.epochs}},
                },
            )
        return self._job(made)

    def find_job(self, training_file: str) -> Job | None:
        """Return the latest job that trains on a file; None where the service lists none.

        A job that has just begun may be missing from the service's list.
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
                # How the client meets a list that is a page of a proxy, or holds something else.
                raise self._other_protocol() from None
        return None

    def job(self, job: str) -> Job:
        """Return the state of a job, asking once."""
        from openai import NotFoundError

        with self._explained(f"the request for job {job}"):
            try:
                found = self._client.fine_tuning.jobs.retrieve(job)
            except NotFoundError:
                raise ServiceError(
                    f"{self.url} knows no job {job}; is it of another account or project?"
                ) from None
        return self._job(found)

    def _job(self, told: Any) -> Job:
        error = getattr(told, "error", None)
        reason = None
        if error is not None and getattr(error, "message", None):
            said = [getattr(error, name, None) for name in ("code", "param")]
            where = ", ".join(str(part) for part in said if part)
            reason = one_line(error.message) + (f" ({where})" if where else "")
        return Job(
            id=self._text(told, "id"),
            status=self._text(told, "status"),
            base=self._text(told, "model"),
            model=getattr(told, "fine_tuned_model", None) or None,
            reason=reason,
            trained_tokens=getattr(told, "trained_tokens", None),
            finish=getattr(told, "estimated_finish", None),
        )

    def _text(self, told: Any, name: str) -> str:
        value = getattr(told, name, None)
        if not isinstance(value, str) or not value:
            raise self._other_protocol()
        return value

    def _other_protocol(self) -> ServiceError:
        """Return the error for a page of a proxy, or a server that speaks another protocol."""
        return ServiceError(
            f"{self.url} answered with something that is not OpenAI's protocol", transient=True
        )

    @contextmanager
    def _explained(self, what: str, base: str | None = None) -> Iterator[None]:
        from openai import APIError

        try:
            yield
        except APIError as error:
            explained = _explain(error, self.url, what, base)
            explained.refused = _is_refused(error)
            raise explained from error
        except ValueError as error:
            if isinstance(error, UserError):
                raise
            raise ServiceError(
                f"{self.url} answered {what} with something that is no JSON", transient=True
            ) from error


def one_line(text: object) -> str:
    """Return a text without line breaks, and not without end."""
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def _explain(error: APIError, url: str, what: str, base: str | None) -> ServiceError:
    from openai import APIStatusError, APITimeoutError

    from kidney_evals.provider_errors import is_out_of_credit

    if not isinstance(error, APIStatusError):
        cause = one_line(error.__cause__ or "")
        reason = "no answer in time" if isinstance(error, APITimeoutError) else "connection failed"
        reason += f": {cause}" if cause else ""
        return ServiceError(f"{url} did not answer {what} ({reason})", transient=True)
    status, code = error.status_code, error.code or ""
    said = one_line(error.body.get("message") if isinstance(error.body, dict) else error.message)
    reason = f"{said} ({code})" if code else said
    if status == 401:
        # Not what it says: the sentence repeats part of the key.
        return ServiceError(f"{url} does not accept the key in {KEY} (status 401)")
    if is_out_of_credit(f"{said} {code}", status):
        return ServiceError(f"the account is out of credit: {reason}")
    if base and (error.param == "model" or code.startswith("model_not")):
        return ServiceError(f"{base} cannot be fine-tuned by this account: {reason}")
    if status == 429 or status in (408, 409) or status >= 500:
        return ServiceError(
            f"{url} cannot take {what} now (status {status}): {reason}",
            transient=True,
            pause=_seconds(error.response.headers.get("retry-after")),
        )
    if error.param in FILE_PARAMETERS or code.startswith("invalid_file"):
        return ServiceError(f"{url} rejected the samples in {what}: {reason}")
    if status == 403:
        return ServiceError(f"the key in {KEY} does not permit {what}: {reason}")
    return ServiceError(f"{url} refused {what} (status {status}): {reason}")


def _is_refused(error: APIError) -> bool:
    """Return whether the service certainly did not do what was requested."""
    from openai import APIStatusError

    if isinstance(error, APIStatusError):
        return error.status_code < 500 and error.status_code not in (408, 409)
    return type(error.__cause__).__name__ in NEVER_SENT


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


def _public(url: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))
