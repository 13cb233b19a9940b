"""End a run, with a one-line reason, when further calls are useless.

There are two cases. First, the account behind a model is out of credit: OpenAI reports this like a
rate limit (HTTP 429), which Inspect retries without end; other providers refuse at once (400, 402,
403). Second, the provider refuses every call for the same reason: a wrong model name, an expired
key, or a parameter that the model does not accept.

`ask` sends every question of this package's solvers to the model and detects both cases. Then
`RunGuard`, the task's early-stopping manager, starts no further sample. Running samples end by
themselves, so each delivered answer is scored and logged. The log ends with the reason as its
error, and `inspect eval-retry` runs the missing samples later.
"""

import json
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NoReturn

import anyio
from inspect_ai.dataset import Sample
from inspect_ai.event import ModelEvent
from inspect_ai.log import EvalSpec, transcript
from inspect_ai.model import ModelRefusalError, RetryDecision, get_model
from inspect_ai.scorer import SampleScore
from inspect_ai.solver import Generate, TaskState
from inspect_ai.util import EarlyStop, LimitExceededError
from pydantic import JsonValue

from kidney_evals.provider_errors import explained, is_out_of_credit, signature_of, status_of

SAME_ERRORS = 3
"""The run ends after this number of samples with one permanent error, if no call was answered."""

SAME_ERRORS_LATER = 10
"""The run ends after this number of samples with one permanent error since the last answer."""

_LOOK_EVERY = 0.5
"""Seconds between two checks of a running call; Inspect's first wait is 3 seconds or more."""

_NOT_ASKED = "This question was not put to the model: the run had been stopped."
"""The error of a sample that was due after the end of the run."""

# HTTP statuses below 500, and parts of the names of exceptions, that a later call may avoid.
_TRANSIENT_STATUSES = (408, 409, 425, 429)
_TRANSIENT_NAMES = ("Timeout", "Connect", "RemoteProtocol", "ReadError", "RateLimit", "Unavailable")


class CallError(RuntimeError):
    """A provider refused a call.

    Attributes:
        message: One line: the provider's reason, without the request, and the remedy. Inspect
            writes it to the log.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class RunEndedError(CallError):
    """The run has ended because further calls are useless."""


@dataclass
class _Run:
    """The state of a task's run.

    Attributes:
        ended_by: The error that ended the run; None while the run continues.
        ended: Set at the end of the run.
        answered: Whether any call was answered.
        failed: Samples that ended in each permanent error since the last answered call, by the
            common text of errors with one cause.
        scores: The scores of the finished samples by id and epoch.
    """

    ended_by: RunEndedError | None = None
    ended: anyio.Event = field(default_factory=anyio.Event)
    answered: bool = False
    failed: dict[str, set[tuple[str | int, int]]] = field(default_factory=dict)
    scores: dict[tuple[str | int, int], dict[str, SampleScore]] = field(default_factory=dict)

    def end(self, message: str) -> None:
        """End the run: no further call starts."""
        self.ended_by = self.ended_by or RunEndedError(message)
        self.ended.set()


_run: ContextVar[_Run | None] = ContextVar("run", default=None)
"""The run of a sample: set at the start of the run, inherited by its samples."""


class RunGuard:
    """An early-stopping manager that starts no sample after `ask` or `end_run` ended the run.

    Usage: `Task(…, early_stopping=RunGuard())`. The error that ended the run is raised after the
    running samples have ended. An earlier error would cancel these samples and lose delivered
    answers that are not scored yet.

    Attributes:
        check: Called with the run before its first sample; may raise an error to refuse the run.
        summarise: Called with the scores of all samples after the last sample; returns entries for
            `results.early_stopping.metadata`, the part of the log's results that a task can write.
    """

    check: Callable[[EvalSpec], None] | None = None
    summarise: Callable[[list[dict[str, SampleScore]]], dict[str, JsonValue]] | None = None

    @property
    def ended(self) -> bool:
        """Whether the current run has ended."""
        return (run := _run.get()) is not None and run.ended_by is not None

    async def start_task(self, task: EvalSpec, samples: list[Sample], epochs: int) -> str:
        """Call `check`, then start a new run; return the name of this manager in the log."""
        if self.check:
            self.check(task)
        _run.set(_Run())
        return "run_guard"

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """Return None to let a sample start, or an `EarlyStop` if the run has ended."""
        if (run := _run.get()) and run.ended_by:
            return EarlyStop(id=id, epoch=epoch, reason=run.ended_by.message)
        return None

    async def complete_sample(
        self, id: str | int, epoch: int, scores: dict[str, SampleScore]
    ) -> None:
        """Store the scores of a sample for `summarise`."""
        if run := _run.get():
            run.scores[id, epoch] = scores

    async def complete_task(self) -> dict[str, JsonValue]:
        """Return the entries of `summarise` for the log; none without `summarise`.

        Raises:
            RunEndedError: The run ended early; the log ends with this error.
        """
        if (run := _run.get()) and run.ended_by:
            raise run.ended_by
        if run is None or self.summarise is None:
            return {}
        # Samples finish in any order; sorted, equal runs have equal entries.
        ordered = sorted(run.scores.items(), key=lambda item: (str(item[0][0]), item[0][1]))
        return self.summarise([scores for _, scores in ordered])


async def ask(state: TaskState, generate: Generate, **options: Any) -> TaskState:
    """Call the model once with a sample's messages; return the sample with the answer.

    For use inside a solver; `options` are generation options of this question. Tool calls in the
    answer are never run, so one question is one request. Inspect waits for a 429 with Retry-After
    as usual.

    Raises:
        RunEndedError: The run has ended and this call was not made, or the provider reports that
            the account is out of credit, whether Inspect would have retried the call or not.
        CallError: The provider refused the call for another reason.
        Exception: Any other error of the call.
    """
    run = _run.get() or _Run()
    if run.ended_by:
        raise RunEndedError(_NOT_ASKED)
    answer: TaskState | None = None
    failure: Exception | None = None
    start = len(transcript().events)

    async with anyio.create_task_group() as group:

        async def watch() -> None:
            while True:
                with anyio.move_on_after(_LOOK_EVERY):
                    await run.ended.wait()
                waiting = run.ended_by and not _calls(start)
                if waiting or any(map(is_out_of_credit, _errors(start))):
                    break
                if run.ended_by:
                    # The call was sent: its answer counts.
                    await anyio.sleep(_LOOK_EVERY)
            group.cancel_scope.cancel()

        group.start_soon(watch)
        try:
            answer = await generate(state, tool_calls="none", **options)
        except Exception as error:  # stored here: the task group would wrap it
            failure = error
        group.cancel_scope.cancel()

    if answer is not None:
        run.answered = True
        run.failed.clear()
        return answer
    if failure is None:
        text, status = next(filter(is_out_of_credit, _errors(start)), ""), None
        if not text:
            raise RunEndedError(_NOT_ASKED)
    else:
        text, status = _text(failure), _status(failure)
    reason = explained(text, status=status, key=_key_variable())
    if failure is None or is_out_of_credit(text, status):
        run.end(
            f"{state.model}: the account is out of credit or at its limit, so the run was "
            f"stopped; every answer that came is in the log. The error: {reason}"
        )
        raise RunEndedError(reason) from failure
    if _is_permanent(failure):
        signature = f"{type(failure).__name__}: {signature_of(text)}"
        samples = run.failed.setdefault(signature, set())
        samples.add((state.sample_id, state.epoch))
        if len(samples) >= (SAME_ERRORS_LATER if run.answered else SAME_ERRORS):
            run.end(
                f"{state.model}: {len(samples)} samples ended in the same error"
                f"{'' if run.answered else ' and no call was answered'}, so the run was "
                f"stopped. The error: {reason}"
            )
    if status is not None:
        raise CallError(reason) from failure
    raise failure


async def end_run(message: str) -> NoReturn:
    """End the run from within a sample, because further calls are useless.

    Raises:
        RunEndedError: Always, with the message, which is one line for the log.
    """
    if run := _run.get():
        run.end(message)
    raise RunEndedError(message)


def _calls(start: int) -> list[ModelEvent]:
    """Return the attempted calls in a sample's transcript from event `start` on."""
    return [event for event in transcript().events[start:] if isinstance(event, ModelEvent)]


def _errors(start: int) -> Iterator[str]:
    """Yield the errors of the attempted calls, each with the body of the response."""
    for event in _calls(start):
        if event.error:
            yield _with_body(event.error, event.call.response if event.call else None)


def _text(error: Exception) -> str:
    """Return the text of a call's error, with the body of the response and without the request."""
    if str(error).lstrip().startswith("Request:") and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return _with_body(str(error), getattr(error, "body", None))


def _with_body(text: str, body: object) -> str:
    # An error often quotes the body, and always if the body is not a JSON object.
    if not body or "{" in text:
        return text
    return f"{text} {body if isinstance(body, str) else json.dumps(body, default=str)}"


def _is_permanent(error: Exception) -> bool:
    """Return whether another call would fail alike; the provider's own rule is applied too."""
    if isinstance(error, (LimitExceededError, ModelRefusalError, RunEndedError)):
        return False
    cause: BaseException | None = error
    while isinstance(cause, Exception):
        status = _status(cause)
        if status is not None:
            return status < 500 and status not in _TRANSIENT_STATUSES
        named = any(name in type(cause).__name__ for name in _TRANSIENT_NAMES)
        if named or isinstance(cause, (TimeoutError, ConnectionError)) or _is_retried(cause):
            return False
        cause = cause.__cause__
    return True


def _is_retried(error: Exception) -> bool:
    model = get_model()  # inspect-evals-lint: ignore[get_model_location] -- inside a sample
    try:
        decision = model.api.should_retry(error)
    except Exception:
        # A provider's function may accept only its own errors.
        return False
    return decision.retry if isinstance(decision, RetryDecision) else bool(decision)


def _status(error: Exception) -> int | None:
    """Return the HTTP status of an error: from its attributes, or else from its text."""
    response = getattr(error, "response", None)
    stated = [getattr(error, name, None) for name in ("status_code", "code", "http_status")]
    stated.append(getattr(response, "status_code", None))
    if isinstance(response, dict):
        stated.append((response.get("ResponseMetadata") or {}).get("HTTPStatusCode"))
    usable = (one for one in stated if isinstance(one, int) and 400 <= one < 600)
    return next(usable, None) or status_of(str(error))


def _key_variable() -> str | None:
    """Return the name of the environment variable that holds the key of the run's model."""
    model = get_model()  # inspect-evals-lint: ignore[get_model_location] -- inside a sample
    names = model.api.api_key_vars
    return names[0] if names else None
