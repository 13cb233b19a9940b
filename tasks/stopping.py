"""End a run once its main rate is known to a given precision (`-T precision=0.05`).

The main rate (`RATES`) is `swap_diff` in `forced_choice` and `flip_rate` in `coin_flip`. It is
known when the half width of its 95 % interval (Wilson's, as in the log's rows) is below the
precision. Wilson's interval keeps its coverage when it is computed again and again
(`planning/stopping.md`).

Inspect starts every sample at once unless an early-stopping manager makes it wait, and a waiting
sample occupies one of the places for running samples. These rules ensure that no sample waits for a
sample that never arrives:

- Blocks of whole dilemmas open in the order of the dataset, and samples leave Inspect's queue in
  that order, so a sample waits only for samples that left the queue before it.
- No sample waits for a sample whose attempt has ended, since a retried sample goes to the end of
  the queue. `StopWhenKnown.sample_ended` is the task's cleanup, which Inspect calls after every
  attempt; Inspect informs managers only of samples with scores.
- If samples arrive in another order (a resumed run, a shuffled dataset, a sample cancelled before
  it started), waiting samples stop waiting for the missing samples after some time without a
  running sample.

A block that has opened runs completely, in all epochs, and a block that has not opened does not run
at all, so the orders stay balanced.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from contextvars import ContextVar

import anyio
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalSpec
from inspect_ai.scorer import SampleScore
from inspect_ai.solver import TaskState
from inspect_ai.util import EarlyStop
from pydantic import JsonValue

from kidney_evals.errors import UserError
from kidney_evals.guards import RunGuard
from kidney_evals.studies import Condition, Study
from kidney_evals.studies.model import CONTROL_KINDS

_FIRST_LOOK = 50
"""Dilemmas before the first look."""

_STEP = 25
"""Dilemmas between two looks."""

RATES: Mapping[Condition, str] = {"forced_choice": "swap_diff", "coin_flip": "flip_rate"}
"""The measure whose precision ends the run, by condition.

In `forced_choice` the headline measure is no proportion. Of the proportions, `swap_diff` needs the
most dilemmas: if it is below .75, the share of A (`pos_bias`) has a narrower interval.
"""

_SCORER = "human_alignment"
"""The scorer that scores every sample."""

QUIET = 2.0
"""Seconds without a running sample after which the wait for missing samples ends."""

Key = tuple[str | int, int]
"""Id and epoch of a sample."""


def looks(dilemmas: int) -> tuple[int, ...]:
    """Return the numbers of dilemmas after which the interval is computed, in ascending order.

    The last number is `dilemmas`, the number of all dilemmas.
    """
    return (*range(_FIRST_LOOK, dilemmas, _STEP), dilemmas)


def is_known(half_width: float, precision: float) -> bool:
    """Return whether a rate is known: the half width of its interval is below `precision`.

    A rate without an interval (NaN) is not known.
    """
    return half_width < precision


def stop_when_known(
    precision: float, *, condition: Condition, study: Study, dilemmas: int, orders: str
) -> StopWhenKnown:
    """Return the manager that ends a run once its rate is known to `precision`.

    Args:
        precision: The task's argument, above 0 and below 0.5. The half width of the rate's 95 %
            interval must be below it.
        condition: The condition, which determines the rate (`RATES`).
        study: The run's study.
        dilemmas: The largest number of dilemmas of the run.
        orders: The task's argument `orders`.

    Raises:
        UserError: The precision is not allowed, or cannot be used for this run.
    """
    number = isinstance(precision, (int, float)) and not isinstance(precision, bool)
    if not number or not 0 < precision < 0.5:
        raise UserError(f"precision must be a number above 0 and below 0.5, not {precision!r}")
    if study.draw is None:
        raise UserError(
            f"study {study.id!r} is a fixed list, which is asked whole: precision is for studies "
            "whose dilemmas are drawn"
        )
    if dilemmas <= _FIRST_LOOK:
        raise UserError(
            f"precision first looks after {_FIRST_LOOK} dilemmas, so {dilemmas} are always asked "
            f"in full; ask for more than {_FIRST_LOOK} dilemmas, or for no precision"
        )
    if condition == "forced_choice" and orders != "both":
        raise UserError(
            f"precision of a forced choice is that of {RATES[condition]}, which needs "
            f"orders='both', not {orders!r}"
        )
    return StopWhenKnown(float(precision), condition)


class StopWhenKnown(RunGuard):
    """A manager that starts samples block by block, and skips the rest once the rate is known.

    Usage: `Task(…, early_stopping=manager, cleanup=manager.sample_ended)`. Only the first epoch
    decides when to stop; later epochs repeat the same dilemmas. No rate includes controls; they
    always run.
    """

    def __init__(self, precision: float, condition: Condition) -> None:
        self._precision = precision
        self._rate = RATES[condition]

    async def start_task(self, task: EvalSpec, samples: list[Sample], epochs: int) -> str:
        """Open the first block; return the name that the log gives this manager."""
        await super().start_task(task, samples, epochs)
        _blocks.set(_Blocks(self._precision, self._rate, samples, epochs))
        return "precision"

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """Wait until the sample's block opens, then return None to let the sample start.

        Return an `EarlyStop` if the sample is skipped, because the rate is known or the run has
        ended.
        """
        stop = await _blocks.get().admit((id, epoch), self)
        return stop or await super().schedule_sample(id, epoch)

    async def complete_sample(
        self, id: str | int, epoch: int, scores: dict[str, SampleScore]
    ) -> None:
        """Count a scored sample, including the samples of a log that is continued."""
        await super().complete_sample(id, epoch, scores)
        _blocks.get().completed((id, epoch), scores.get(_SCORER))

    async def sample_ended(self, state: TaskState) -> None:
        """Count the end of an attempt at a sample, with or without an error: the task's cleanup."""
        blocks = _blocks.get(None)
        if blocks is None:
            return  # the task was given another manager (`task_with`)
        score = (state.scores or {}).get(_SCORER)
        if score is None and state.output.choices:
            # With --no-score there is no score, so the answer is parsed here.
            from kidney_evals.scorers import human_alignment

            score = await human_alignment()(state, state.target)
        id, scored = state.sample_id, None
        if score is not None:
            scored = SampleScore(score=score, sample_id=id, sample_metadata=state.metadata)
        blocks.ended((id, state.epoch), scored)

    async def complete_task(self) -> dict[str, JsonValue]:
        """Return the log's entries: those of `RunGuard.complete_task`, and how the run ended.

        The latter say how many dilemmas were asked and whether the precision was reached.

        Raises:
            RunEndedError: The run ended early.
        """
        return {**await super().complete_task(), **_blocks.get().summary()}


class _Blocks:
    """The blocks of whole dilemmas of one run of one task, in the order of the dataset.

    Attributes:
        looks: Number of dilemmas by the end of each block.
        block: The block of each sample that enters the rate.
        missing: First-epoch samples of each block that have not ended yet.
        opened: Number of blocks that may run.
        stopped: Whether no other block will open.
        admitted: Samples that this run has started.
        widths: Half width at each look, by number of dilemmas.
        active: Time of the last event.
        reused: Time at which a sample of an earlier log was last counted.
        changed: Set, and replaced, at each event.
    """

    def __init__(self, precision: float, rate: str, samples: Iterable[Sample], epochs: int) -> None:
        self.precision, self.rate, self.epochs = precision, rate, epochs
        counted = {
            one.id: str(one.metadata["dilemma"])
            for one in samples
            if one.id is not None and one.metadata and one.metadata["kind"] not in CONTROL_KINDS
        }
        dilemmas = {name: place for place, name in enumerate(dict.fromkeys(counted.values()))}
        self.looks = looks(len(dilemmas))
        # The first block whose end lies beyond the dilemma.
        self.block = {id: bisect_right(self.looks, dilemmas[name]) for id, name in counted.items()}
        self.missing: list[set[str | int]] = [set() for _ in self.looks]
        for id, place in self.block.items():
            self.missing[place].add(id)
        self.opened, self.stopped = 1, False
        self.admitted: set[Key] = set()
        self.running: set[Key] = set()
        self.skipped: set[Key] = set()
        self.scores: dict[Key, SampleScore] = {}
        self.widths: dict[int, float] = {}
        self.active, self.reused = time.monotonic(), -math.inf
        self.changed = anyio.Event()

    async def admit(self, key: Key, guard: RunGuard) -> EarlyStop | None:
        """Wait until a sample may run, then return None, or the reason why it will not run.

        `guard` ends the wait when the run cannot go on.
        """
        place = self.block.get(key[0], 0)
        self._notify()
        while place >= self.opened and not guard.ended:
            # A resumed run may still receive samples from beyond the look at which it
            # would stop: their dilemmas were begun and are completed.
            if self.stopped and time.monotonic() - self.reused >= QUIET:
                self.skipped.add(key)
                return EarlyStop(id=key[0], epoch=key[1], reason=self._why_stopped())
            changed = self.changed
            with anyio.move_on_after(QUIET):
                await changed.wait()
            if not self.running and time.monotonic() - self.active >= QUIET:
                # No sample has run for a while: stop waiting for samples that have not come.
                for one in self.missing[: self.opened]:
                    one.clear()
                self._advance()
        self.admitted.add(key)
        self.running.add(key)
        self._notify()
        return None

    def completed(self, key: Key, score: SampleScore | None) -> None:
        """Count a sample with scores, from this run or an earlier log."""
        if key not in self.admitted:
            self.reused = time.monotonic()
            place = self.block.get(key[0], 0)
            if place >= self.opened:
                # An earlier run decided to ask this block.
                self.opened, self.stopped = place + 1, False
        self.ended(key, score)

    def ended(self, key: Key, score: SampleScore | None) -> None:
        """Count the end of an attempt at a sample, with its score if there is one."""
        self.running.discard(key)
        if key[0] in self.block:
            if score is not None:
                self.scores[key] = score
            if key[1] == 1:
                self.missing[self.block[key[0]]].discard(key[0])
        self._advance()

    def summary(self) -> dict[str, JsonValue]:
        """Return the entry for the log."""
        asked = self.looks[self.opened - 1]
        width = self._half_width(self.scores.values())
        widths = self.widths if self.stopped else self.widths | {asked: width}
        reached = self.stopped or is_known(width, self.precision)
        known = "has no interval" if math.isnan(width) else f"is known to ±{width:.3f}"
        says = (
            f"{'Reached at the end' if reached else 'Not reached'}: after all {self.looks[-1]} "
            f"dilemmas {self.rate} {known}, asked for was less than ±{self.precision:g}."
        )
        return {
            "says": self._why_stopped() if self.stopped else says,
            "reached": reached,
            "precision": self.precision,
            "rate": self.rate,
            "half_width": _number(width),
            "dilemmas": asked,
            "dilemmas_planned": self.looks[-1],
            "samples_planned": len(self.block) * self.epochs,
            "samples_spared": len(self.skipped),
            "looks": [{"dilemmas": end, "half_width": _number(one)} for end, one in widths.items()],
        }

    def _advance(self) -> None:
        """For each finished block, compute the interval, then open the next block or stop."""
        # A retried sample counts as missing only while it is running.
        repeated = any(epoch == 1 and id in self.block for id, epoch in self.running)
        while not (self.stopped or repeated or any(self.missing[: self.opened])):
            if self.opened == len(self.looks):
                break
            first = [score for (_, epoch), score in self.scores.items() if epoch == 1]
            width = self.widths[self.looks[self.opened - 1]] = self._half_width(first)
            self.stopped = is_known(width, self.precision)
            self.opened += not self.stopped
        self._notify()

    def _notify(self) -> None:
        self.active = time.monotonic()
        self.changed.set()
        self.changed = anyio.Event()

    def _half_width(self, scores: Iterable[SampleScore]) -> float:
        """Return the half width of the rate's interval, NaN where there is none."""
        from kidney_evals.measures import compute
        from kidney_evals.scorers.samples import run_of_scores

        run = run_of_scores(list(scores))
        if run is None:
            return math.nan
        rate = compute(run, self.rate)
        return (rate.high - rate.low) / 2

    def _why_stopped(self) -> str:
        end = self.looks[self.opened - 1]
        spared = sum(place >= self.opened for place in self.block.values()) * self.epochs
        return (
            f"Stopped after {end} of {self.looks[-1]} dilemmas: {self.rate} was known to "
            f"±{self.widths[end]:.3f}, asked for was less than ±{self.precision:g}. "
            f"{spared} of {len(self.block) * self.epochs} samples were not run."
        )


_blocks: ContextVar[_Blocks] = ContextVar("precision_blocks")
"""The blocks of the run that a sample belongs to: set at the start of the run, inherited."""


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
