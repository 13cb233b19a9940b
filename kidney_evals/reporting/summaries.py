"""What logs say of their samples in short, read without what Inspect does to it again.

Inspect keeps beside the transcripts of a finished log one list that says of each sample in short
what was asked and how it was scored. Its own reader of that list shortens every text in it once
more, which it was when it was written, and takes some 15 times as long as taking the text apart
does: 0.8 ms a sample where it was measured. A hundred thousand decisions cost two to three minutes
of a processor's time, a tenth of that without it.

So the list is read here as it stands. Its place in the log and its form are no promise of
Inspect's: where either is not as expected, and for every log that has no such list (one that was
killed or still runs, one in JSON), Inspect's public reader is asked instead. That costs time,
never an answer.
"""

from __future__ import annotations

import gc
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from inspect_ai.log import EvalSampleSummary, read_eval_log_sample_summaries
from inspect_ai.scorer import Score
from pydantic import TypeAdapter

SUMMARIES: Final = "summaries.json"
"""Where a finished `.eval` log, which is a zip, has its list."""


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """One score of a sample.

    Attributes:
        value: Its value.
        answer: What was read from the completion.
        metadata: What the scorer noted.
    """

    value: Any
    answer: str | None = None
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """One sample, of what Inspect's `EvalSampleSummary` says of it as much as is used here.

    Attributes:
        id: Its id.
        epoch: Repetition, from 1.
        uuid: Inspect's id of this run of it; None in logs older than these ids.
        metadata: What was asked.
        completed: Whether it ended.
        scores: By scorer; None where it was not scored.
        error: What ended it before its time.
    """

    id: int | str
    epoch: int
    uuid: str | None
    metadata: dict[str, Any]
    completed: bool
    scores: dict[str, ScoreSummary] | None = None
    error: str | None = None


def read_summaries(location: str) -> list[SampleSummary]:
    """Read what a log says of its samples, in the order of the log, each sample and epoch once.

    Args:
        location: A log, of any format and in any state.

    Raises:
        Exception: Inspect cannot read it; it has no error of its own for that.
    """
    listed = _as_it_stands(location)
    if listed is not None:
        return listed
    return [_of(one) for one in read_eval_log_sample_summaries(location)]


def _as_it_stands(location: str) -> list[SampleSummary] | None:
    """Return the list of a finished log; None where it is not there or not as expected."""
    import fsspec

    if not _known_to_inspect():
        return None
    try:
        # Inspect, once imported, has taught `zipfile` the compression that it writes.
        with fsspec.open(location, "rb") as file, zipfile.ZipFile(file) as log:
            text = log.read(SUMMARIES)
        with _nothing_collected():
            listed = _reader().validate_json(text)
    except Exception:
        # Whatever it is, Inspect's reader knows better, or says what is wrong.
        return None
    if not all(one.uuid and (one.scores or one.error) for one in listed):
        # A sample without either has no scorer, or has them under another name.
        return None
    # Of a sample that was run again, the last run counts, as in Inspect.
    return list({(str(one.id), one.epoch): one for one in listed}.values())


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Leave out the search for cycles: what is parsed has none, and it took a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@cache
def _known_to_inspect() -> bool:
    """Whether the installed Inspect calls the parts of a summary what they are called here."""
    return all(
        set(ours.__slots__) <= set(theirs.model_fields)
        for ours, theirs in ((SampleSummary, EvalSampleSummary), (ScoreSummary, Score))
    )


@cache
def _reader() -> TypeAdapter[list[SampleSummary]]:
    return TypeAdapter(list[SampleSummary])


def _of(summary: EvalSampleSummary) -> SampleSummary:
    return SampleSummary(
        id=summary.id,
        epoch=summary.epoch,
        uuid=summary.uuid,
        metadata=summary.metadata,
        completed=summary.completed,
        scores=None if summary.scores is None else _scores(summary.scores),
        error=summary.error,
    )


def _scores(scores: Mapping[str, Score]) -> dict[str, ScoreSummary]:
    return {name: ScoreSummary(one.value, one.answer, one.metadata) for name, one in scores.items()}
