"""End a run, with one line, when no further call can be of use.

Two cases. The account behind a model is out of credit: OpenAI reports that as it reports a crowded
minute (HTTP 429), which Inspect retries without end; other providers refuse at once (400, 402,
403). Or the provider refuses every call for one reason: a wrong model name, an expired key, a
parameter that the model does not take.

`ask` puts every question of this package's solvers to the model and finds both cases. `RunGuard`,
the task's early-stopping manager, then starts no further sample. Samples that are under way end by
themselves, so each delivered answer is scored and in the log. The log closes with the reason as
its error, and `inspect eval-retry` runs the missing samples later.
"""

from __future__ import annotations

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
"""Samples that end in the same permanent error, with no call answered, before the run ends."""

SAME_ERRORS_LATER = 10
"""The same after a call of the run was answered: in a row, with no answer between them."""

LOOK_EVERY = 0.5
"""Seconds between two looks at a call under way; Inspect's own first wait is 3 or more."""

NOT_ASKED = "This question was not put to the model: the run had been stopped."
"""The error of a sample whose turn came after the end."""

TRANSIENT_STATUSES = (408, 409, 425, 429)
"""HTTP statuses below 500 that a later call may not meet."""

TRANSIENT_NAMES = ("Timeout", "Connect", "RemoteProtocol", "ReadError", "RateLimit", "Unavailable")
"""Parts of the names of exceptions that a later call may not meet."""


class CallError(RuntimeError):
    """A provider refused a call.

    Attributes:
        message: One line: the provider's reason, without the request, and what to do. Inspect
            writes it to the log.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class RunEndedError(CallError):
    """No further call of this run can be of use."""


class QuotaExhaustedError(RunEndedError):
    """The account behind a model cannot pay for another call."""


@dataclass
class _Run:
    """One run of one task.

    Attributes:
        ended_by: The error that ended it; None while it goes on.
        ended: Set when it ends.
        answered: Whether any call was answered.
        failed: Samples that ended in each permanent error since the last answered call.
    """

    ended_by: RunEndedError | None = None
    ended: anyio.Event = field(default_factory=anyio.Event)
    answered: bool = False
    failed: dict[str, set[tuple[str | int, int]]] = field(default_factory=dict)

    def end(self, error: RunEndedError) -> None:
        """Start no further call."""
        self.ended_by = self.ended_by or error
        self.ended.set()

    def answer(self) -> None:
        """Count a call that was answered."""
        self.answered = True
        self.failed.clear()

    def fail(self, state: TaskState, signature: str, reason: str) -> None:
        """Count a sample that ended in a permanent error; end the run after enough of them.

        `signature` is the text that errors of one cause share, `reason` the error on one line.
        """
        samples = self.failed.setdefault(signature, set())
        samples.add((state.sample_id, state.epoch))
        enough = SAME_ERRORS_LATER if self.answered else SAME_ERRORS
        if len(samples) >= enough:
            self.end(
                RunEndedError(
                    f"{state.model}: {len(samples)} samples ended in the same error"
                    f"{'' if self.answered else ' and no call was answered'}, so the run was "
                    f"stopped. The error: {reason}"
                )
            )


_run: ContextVar[_Run | None] = ContextVar("run", default=None)
"""The run that a sample belongs to: set where the run starts, inherited by its samples."""


class RunGuard:
    """Start no sample after `ask` or `end_run` found that the run cannot go on.

    An early-stopping manager: `Task(…, early_stopping=RunGuard())`. The error is raised after the
    samples under way have ended. Raised earlier, it would cancel them, and delivered answers that
    are not scored yet would be lost.

    Attributes:
        check: Called with the run before its first sample; raises for a run that is refused.
    """

    check: Callable[[EvalSpec], None] | None = None

    @property
    def ended(self) -> bool:
        """Whether the current run has ended."""
        return (run := _run.get()) is not None and run.ended_by is not None

    async def start_task(self, task: EvalSpec, samples: list[Sample], epochs: int) -> str:
        """Open a new run; return the name that the log gives this manager."""
        if self.check:
            self.check(task)
        _run.set(_Run())
        return "run_guard"

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """Let a sample start unless the run has ended."""
        if (run := _run.get()) and run.ended_by:
            return EarlyStop(id=id, epoch=epoch, reason=run.ended_by.message)
        return None

    async def complete_sample(
        self, id: str | int, epoch: int, scores: dict[str, SampleScore]
    ) -> None:
        """Do nothing: `ask` counts calls, with and without scores."""

    async def complete_task(self) -> dict[str, JsonValue]:
        """Return the entry of the log: nothing.

        Raises:
            RunEndedError: The run ended early; the log closes with this error.
        """
        if (run := _run.get()) and run.ended_by:
            raise run.ended_by
        return {}


async def ask(state: TaskState, generate: Generate, **options: Any) -> TaskState:
    """Ask the model once with a sample's messages, inside a solver.

    Tool calls in the answer are never run, so one question is one request. A 429 with Retry-After
    is waited for by Inspect as usual.

    Args:
        state: The sample.
        generate: Inspect's function, as the solver was given it.
        **options: Generation options of this question.

    Returns:
        The sample with the model's answer.

    Raises:
        QuotaExhaustedError: The provider says that the account is out of credit, whether
            Inspect would have retried the call or not.
        RunEndedError: The run has ended, and this call was not made.
        CallError: The provider refused the call for another reason.
        Exception: Any other error of the call.
    """
    run = _run.get() or _Run()
    if run.ended_by:
        raise RunEndedError(NOT_ASKED)
    answered: list[TaskState] = []
    failure: Exception | None = None
    start = len(transcript().events)

    async with anyio.create_task_group() as group:

        async def watch() -> None:
            while True:
                with anyio.move_on_after(LOOK_EVERY):
                    await run.ended.wait()
                waiting = run.ended_by and not _calls(start)
                if waiting or any(map(is_out_of_credit, _errors(start))):
                    break
                if run.ended_by:
                    # The call was sent: its answer counts.
                    await anyio.sleep(LOOK_EVERY)
            group.cancel_scope.cancel()

        group.start_soon(watch)
        try:
            answered.append(await generate(state, tool_calls="none", **options))
        except Exception as error:  # kept: the task group would wrap it
            failure = error
        group.cancel_scope.cancel()

    if answered:
        run.answer()
        return answered[0]
    if failure is None:
        exhausted = next((one for one in _errors(start) if is_out_of_credit(one)), None)
        if exhausted is None:
            raise RunEndedError(NOT_ASKED)
        raise _out_of_credit(run, state, explained(exhausted))
    text, status = _text(failure), _status(failure)
    reason = explained(text, status=status, key=_key_variable())
    if is_out_of_credit(text, status):
        raise _out_of_credit(run, state, reason) from failure
    if _is_permanent(failure):
        run.fail(state, f"{type(failure).__name__}: {signature_of(text)}", reason)
    if status is not None:
        raise CallError(reason) from failure
    raise failure


async def end_run(message: str) -> NoReturn:
    """End the run from within a sample, since no further call can be of use.

    Args:
        message: One line for the log.

    Raises:
        RunEndedError: Always.
    """
    ended = RunEndedError(message)
    if run := _run.get():
        run.end(ended)
    raise ended


def _out_of_credit(run: _Run, state: TaskState, reason: str) -> QuotaExhaustedError:
    """End the run; return the error of the sample that found the account empty."""
    run.end(
        QuotaExhaustedError(
            f"{state.model}: the account is out of credit or at its limit, so the run was "
            f"stopped; every answer that came is in the log. The error: {reason}"
        )
    )
    return QuotaExhaustedError(reason)


def _calls(start: int) -> list[ModelEvent]:
    """Return the attempts at calls in a sample's transcript from event `start` on."""
    return [event for event in transcript().events[start:] if isinstance(event, ModelEvent)]


def _errors(start: int) -> Iterator[str]:
    """Yield the errors of those attempts, each with the body of the response."""
    for event in _calls(start):
        if event.error:
            body = event.call.response if event.call else None
            # The error often quotes the body, and always where the body is no JSON object.
            yield event.error if "{" in event.error else f"{event.error} {json.dumps(body)}"


def _text(error: Exception) -> str:
    """Return the text of a call's error, with the body of the response and without the request."""
    if str(error).lstrip().startswith("Request:") and isinstance(error.__cause__, Exception):
        error = error.__cause__
    body = getattr(error, "body", None)
    if not body or "{" in str(error):
        return str(error)
    return f"{error} {body if isinstance(body, str) else json.dumps(body, default=str)}"


def _is_permanent(error: Exception) -> bool:
    """Return whether another call would meet the same error; the provider is asked too."""
    if isinstance(error, (LimitExceededError, ModelRefusalError, RunEndedError)):
        return False
    for one in _chain(error):
        status = _status(one)
        if status is not None:
            return status < 500 and status not in TRANSIENT_STATUSES
        named = any(name in type(one).__name__ for name in TRANSIENT_NAMES)
        if named or isinstance(one, (TimeoutError, ConnectionError)) or _is_retried(one):
            return False
    return True


def _is_retried(error: Exception) -> bool:
    model = get_model()  # inspect-evals-lint: ignore[get_model_location] -- inside a sample
    try:
        decision = model.api.should_retry(error)
    except Exception:
        # A provider may expect errors of its own kind only.
        return False
    return decision.retry if isinstance(decision, RetryDecision) else bool(decision)


def _chain(error: Exception) -> Iterator[Exception]:
    """Yield an error and its causes."""
    cause: BaseException | None = error
    while isinstance(cause, Exception):
        yield cause
        cause = cause.__cause__


def _status(error: Exception) -> int | None:
    """Return the HTTP status of an error: from its attributes, or else from its text."""
    response = getattr(error, "response", None)
    for holder, name in (
        (error, "status_code"),
        (error, "code"),
        (error, "http_status"),
        (response, "status_code"),
    ):
        value = getattr(holder, name, None)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    if isinstance(response, dict):
        value = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
        return value if isinstance(value, int) else None
    return status_of(str(error))


def _key_variable() -> str | None:
    """Return the name of the environment variable that holds the key of the run's model."""
    model = get_model()  # inspect-evals-lint: ignore[get_model_location] -- inside a sample
    names = model.api.api_key_vars
    return names[0] if names else None
