"""A quick stand-in for Inspect's scheduling of samples, in which each sample's end is chosen.

As Inspect does it: all samples queue for a slot in order, epoch by epoch; the manager is asked in
the slot; the cleanup comes before the slot is free, the scores after; a retried sample queues
again, at the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import anyio
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelName
from inspect_ai.scorer import SampleScore, Score
from inspect_ai.solver import TaskState
from inspect_ai.util import EarlyStop

from kidney_evals.tasks.stopping import Key, StopWhenKnown

Fate = Literal["done", "error", "retry", "cancelled", "discarded", "reused"]
"""How a sample ends: with scores; with an error and none; with an error, then done at the second
attempt; cancelled by an operator; cancelled before it started; done in an earlier log."""


@dataclass
class Ran:
    """The started samples in order, with repetitions; the skipped ones; the entry of the log."""

    started: list[Key] = field(default_factory=list)
    stopped: dict[Key, EarlyStop] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)


async def drive(
    manager: StopWhenKnown,
    samples: Sequence[Sample],
    choice: Callable[[Sample, int], str],
    *,
    slots: int = 1000,
    epochs: int = 1,
    fate: Callable[[Sample, int], Fate] = lambda sample, epoch: "done",
    queue: Sequence[Sample] | None = None,
) -> Ran:
    """Run samples past a manager, at most as many at once as there are `slots`.

    `choice` is the answer to a sample ("first", "second" or "coin"), `fate` its end, `queue` the
    order in which samples queue, by default that of the dataset.
    """
    ran = Ran()
    limiter = anyio.CapacityLimiter(slots)

    def score_of(sample: Sample, epoch: int) -> Score:
        metadata = {"outcome": "decision", "choice": choice(sample, epoch), "epoch": epoch}
        return Score(value=1, metadata=metadata)

    async def complete(sample: Sample, epoch: int) -> None:
        assert sample.id is not None
        score, about = score_of(sample, epoch), sample.metadata
        scored = SampleScore(score=score, sample_id=sample.id, sample_metadata=about)
        await manager.complete_sample(sample.id, epoch, {"human_alignment": scored})

    async def attempt(sample: Sample, epoch: int, end: Fate) -> None:
        assert sample.id is not None
        key = (sample.id, epoch)
        async with limiter:
            if end == "discarded":
                return
            stop = await manager.schedule_sample(*key)
            if stop:
                ran.stopped[key] = stop
                return
            ran.started.append(key)
            await anyio.sleep(0)
            made = {"human_alignment": score_of(sample, epoch)} if end == "done" else {}
            about: dict[str, Any] = {"metadata": sample.metadata, "scores": made}
            model = ModelName("kidney/x")
            await manager.sample_ended(TaskState(model, *key, input="", messages=[], **about))
        if end == "done":
            await complete(sample, epoch)
        elif end == "retry":
            await attempt(sample, epoch, "done")

    async def run(sample: Sample, epoch: int) -> None:
        end = fate(sample, epoch)
        if end == "reused":
            await complete(sample, epoch)
        else:
            await attempt(sample, epoch, end)

    with anyio.fail_after(20):
        name = await manager.start_task(cast(Any, None), list(samples), epochs)
        assert name == "precision"
        async with anyio.create_task_group() as group:
            for epoch in range(1, epochs + 1):
                for sample in queue or samples:
                    group.start_soon(run, sample, epoch)
        ran.summary = await manager.complete_task()
    return ran
