"""A run whose account is out of credit ends, with one line, instead of waiting for ever.

OpenAI reports an empty account as it reports a crowded minute (HTTP 429), and Inspect retries
that without end: right for the minute, hopeless for the account. Others refuse at once (400,
402), and then sample after sample fails for the same reason. `within_quota` tells an empty
account by the provider's own code, and `AccountWatch` ends the run on the first such sample.
What was finished stays in the log, and `inspect eval-retry` does the rest later.
"""

import json
import re
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import anyio
from inspect_ai.dataset import Sample
from inspect_ai.event import ModelEvent
from inspect_ai.log import EvalSpec, transcript
from inspect_ai.scorer import SampleScore
from inspect_ai.util import EarlyStop
from pydantic import JsonValue

T = TypeVar("T")

EXHAUSTED = (
    "insufficient_quota",  # OpenAI and its imitators
    "billing_hard_limit_reached",  # OpenAI: a limit that the account's owner set
    "billing_not_active",  # OpenAI
    "credit balance is too low",  # Anthropic, which has no code of its own for it
    "specified api usage limits",  # Anthropic: a limit that the account's owner set
    "insufficient credits",  # OpenRouter
    "insufficient balance",  # DeepSeek
)
"""Codes, or words where there is no code, that only an account without credit brings.

OpenAI's sentence "You exceeded your current quota" is not among them (its code is), because
Gemini says the same of a full minute.
"""

LOOK_EVERY = 0.5
"""Seconds between two looks at a call under way; Inspect's own first wait is 3 or more."""

GRACE = 30.0
"""Seconds for which further samples hold still, to be cancelled by the end of the run."""


class RunEndedError(RuntimeError):
    """No further call of this run can be of use.

    Attributes:
        message: One line: what is wrong and what to do. Inspect writes it to the log as the
            run's error.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class QuotaExhaustedError(RunEndedError):
    """The account behind a model cannot pay for another call."""


@dataclass
class _Run:
    """One run of one task.

    Attributes:
        ended_by: What ends it, once a sample has found that it cannot go on.
        grace: Seconds for which other samples wait for that end.
    """

    ended_by: RunEndedError | None = None
    grace: float = GRACE

    async def stopped_by(self, error: RunEndedError) -> None:
        """Record that the run cannot go on; return once this sample should say so.

        The first sample says so at once and ends the run, which cancels those that wait. Should
        it go on nevertheless (`--retry-on-error`), the others speak up too.
        """
        if self.ended_by:
            await anyio.sleep(self.grace)
            self.grace = 0
        self.ended_by = error


_run: ContextVar[_Run | None] = ContextVar("run", default=None)
"""The run that a sample belongs to: set where the run starts, inherited by its samples."""


class AccountWatch:
    """Ends the run when a sample finds that it cannot go on; does nothing otherwise.

    An early-stopping manager, because Inspect sets a solver's error against the share of
    sample errors that the task tolerates and would let every further sample try first. Inspect
    tells a manager only of samples that have scores, so the task scores its errors:
    `Task(…, score_on_error=True, early_stopping=AccountWatch())`.
    """

    async def start_task(self, task: EvalSpec, samples: list[Sample], epochs: int) -> str:
        """Open the account of a new run; return the name that the log gives this manager."""
        _run.set(_Run())
        return "account_watch"

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """Let every sample start."""
        return None

    async def complete_sample(
        self, id: str | int, epoch: int, scores: dict[str, SampleScore]
    ) -> None:
        """End the run if a sample found that it cannot go on.

        Raises:
            RunEndedError: One did; the log closes with this as its error.
        """
        run = _run.get()
        if run and run.ended_by:
            raise type(run.ended_by)(run.ended_by.message)

    async def complete_task(self) -> dict[str, JsonValue]:
        """Return what the log should say of this manager: nothing."""
        return {}


async def within_quota(call: Awaitable[T]) -> T:
    """Await a model call, inside a solver, and give it up if the account is out of credit.

    Everything else passes untouched: a 429 with Retry-After is waited for as ever.

    Args:
        call: What would have been awaited: `generate(state)` or `get_model().generate(…)`.

    Returns:
        What the call returned.

    Raises:
        QuotaExhaustedError: The provider says that the account is out of credit, whether
            Inspect would have retried the call or not.
        Exception: Whatever else the call raised.
    """
    results: list[T] = []
    failure: Exception | None = None
    start = len(transcript().events)

    async with anyio.create_task_group() as group:

        async def watch() -> None:
            while _exhausted(start) is None:
                await anyio.sleep(LOOK_EVERY)
            group.cancel_scope.cancel()

        group.start_soon(watch)
        try:
            results.append(await call)
        except Exception as error:  # kept: the task group would wrap it
            failure = error
        group.cancel_scope.cancel()

    if results:
        return results[0]
    message = _exhausted(start)
    if message is None:
        assert failure is not None  # the watch alone cancels the call, and only for a message
        raise failure
    ended = QuotaExhaustedError(message)
    await _end(ended)
    raise ended from failure


async def end_run(message: str) -> NoReturn:
    """End the run from within a sample: no call of it can bring what it needs.

    Args:
        message: One line for the log.

    Raises:
        RunEndedError: Always.
    """
    ended = RunEndedError(message)
    await _end(ended)
    raise ended


async def _end(error: RunEndedError) -> None:
    if run := _run.get():
        await run.stopped_by(error)


def _exhausted(start: int) -> str | None:
    """Return the line to stop with, if an attempt from event `start` on met an empty account."""
    for event in transcript().events[start:]:
        if isinstance(event, ModelEvent) and event.error:
            body = event.call.response if event.call else None
            report = f"{event.error} {json.dumps(body)}".lower()
            if any(sign in report for sign in EXHAUSTED):
                return (
                    f"{event.model}: the account is out of credit or at its limit, so the run "
                    f"was stopped; what was finished is in the log. The provider says: "
                    f"{_said(event.error)} Add credit or raise the limit, then run "
                    f"`inspect eval-retry` on this log."
                )
    return None


def _said(error: str) -> str:
    """Return the provider's sentence on one line, without what its SDK puts around it."""
    quoted = re.search(r"""['"]message['"]: (['"])(?P<said>.+?)\1[,}]""", error, re.DOTALL)
    said = quoted["said"] if quoted else re.sub(r"^Error code: \d+ - ", "", error)
    return " ".join(said.split())[:300].rstrip(".") + "."
