"""Which logs a command was given, and what each of them is: no log is passed over in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from inspect_ai.log import (
    EvalLog,
    list_eval_logs,
    read_eval_log,
)
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from kidney_evals.errors import UserError
from kidney_evals.provider_errors import most_frequent, why_failed
from kidney_evals.reporting.summaries import SampleSummary, read_summaries
from kidney_evals.studies import CONDITIONS

State = Literal["finished", "partial", "empty", "replaced", "other", "unreadable"]
"""What a log is.

`finished` ran to its end; `partial` was cancelled, failed, was killed or still runs, and holds
answers; `empty` is one of ours without any; `replaced` was retried or scored again in another of
the logs; `other` is of another evaluation; `unreadable` is no log, or half of one.
"""

_LONGEST: Final = 200
"""Maximum length of a name or a reason, in characters."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST)]

READ: frozenset[State] = frozenset({"finished", "partial"})
"""States of logs that hold numbers."""

Progress = Callable[[Literal["logs", "samples"], int, int], None]
"""Called with what is being read, how many have been and of how many: first logs, then samples."""


@dataclass(frozen=True)
class Found:
    """One log.

    Attributes:
        location: Where it is.
        state: What it is.
        says: The same in words, without the location.
        header: What it says of itself; None where it cannot be read.
        completed: Samples that ended, times epochs.
        planned: Samples that were to be run, times epochs.
    """

    location: str
    state: State
    says: str
    header: EvalLog | None = None
    completed: int = 0
    planned: int = 0

    @property
    def line(self) -> str:
        """The log and what it is."""
        return f"{self.location}: {self.says}"

    @property
    def samples(self) -> list[SampleSummary]:
        """Summary of the samples; None where they cannot be read."""
        return self._read_samples[0]

    @property
    def unread(self) -> str:
        """Why the samples cannot be read; empty where they can."""
        return self._read_samples[1]

    @cached_property
    def _read_samples(self) -> tuple[list[SampleSummary], str]:
        try:
            return read_summaries(self.location), ""
        except Exception as error:
            # Inspect has no error of its own for this.
            return [], f"its samples cannot be read ({first_line(error)})"

    @property
    def errors(self) -> str:
        """How many samples ended in an error and the most frequent reason; empty for none."""
        return most_frequent(one.error for one in self.samples)

    @property
    def unscored(self) -> str:
        """How many answered samples have no scores, and what to do; empty for none."""
        count = sum(not one.scores and not one.error for one in self.samples)
        if not count:
            return ""
        samples = "1 answered sample is" if count == 1 else f"{count} answered samples are"
        return f"{samples} not scored and count nowhere: run `kidney-evals rescore` on this log."

    @property
    def was_read(self) -> bool:
        """Whether its samples have been read."""
        return "_read_samples" in self.__dict__


def find_logs(names: Sequence[str], progress: Progress | None = None) -> tuple[Found, ...]:
    """Find every log of the given files, folders, patterns and URLs, oldest first.

    Args:
        names: Files, folders, patterns such as `logs/*coin*.eval`, or URLs that fsspec opens.
        progress: Told of each log that was read.

    Raises:
        UserError: A name holds no log.
    """
    places = (place for name in names for place in _locations(name))
    locations = list({_identity(place): place for place in places}.values())
    found = []
    for count, location in enumerate(locations, 1):
        found.append(_read(location))
        if progress is not None:
            progress("logs", count, len(locations))
    return _without_replaced(found)


def read_samples(found: Iterable[Found], progress: Progress | None = None) -> None:
    """Read what the samples of logs with numbers say, which is kept with each log.

    It is read where it is asked for anyway; this does it at once and can say how far it is.

    Args:
        found: The logs.
        progress: Told of each log whose samples were read.
    """
    with_numbers = [one for one in found if one.state in READ]
    done, of = 0, sum(one.completed for one in with_numbers)
    for one in with_numbers:
        _ = one.samples
        done += one.completed
        if progress is not None:
            progress("samples", done, of)


def first_line(error: Exception) -> str:
    """Return the first line of what an error says, or its kind, at most 200 letters."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= _LONGEST else f"{lines[0][:_LONGEST]}…"


def is_our_task(header: EvalLog) -> bool:
    """Whether a log was made by a task of this package, whatever became of the run."""
    return {"study", "condition", "kidney_evals_version"} <= set(header.eval.metadata or {})


def _locations(name: str) -> Iterator[str]:
    """Return the log files behind one name.

    Raises:
        UserError: There is none.
    """
    from fsspec.core import url_to_fs

    try:
        files, path = url_to_fs(name)
        if files.isdir(path):
            listed = sorted(list_eval_logs(name, descending=False), key=lambda one: one.name)
            if not listed:
                raise UserError(f"no log in the folder {name!r}")
            return iter([_plain(one.name) for one in listed])
        if files.isfile(path):
            return iter([_plain(name)])
        matched = sorted(files.glob(path)) if set("*?[") & set(path) else []
    except UserError:
        raise
    except Exception as error:
        # Each file system has errors of its own, for a store out of reach or without a key.
        raise UserError(f"cannot look for logs at {name!r} ({first_line(error)})") from error
    if not matched:
        raise UserError(f"no log at {name!r}: give log files, folders of logs or a pattern")
    places = [str(one) if "://" not in name else files.unstrip_protocol(one) for one in matched]
    return (found for place in places for found in _locations(place))


def _plain(location: str) -> str:
    """Return a path where a location is on this machine, so that one log has one name."""
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    # Not `urllib`: these URLs are written as they stand, a `#` or `%20` is part of a name.
    files, path = url_to_fs(location)
    if not isinstance(files, LocalFileSystem):
        return location
    here = Path.cwd()
    return str(Path(path).relative_to(here) if Path(path).is_relative_to(here) else path)


def _identity(location: str) -> tuple[str, str]:
    """Return what two spellings of one location have in common."""
    from fsspec.core import url_to_fs

    files, path = url_to_fs(location)
    return type(files).__name__, path


def _read(location: str) -> Found:
    try:
        header = read_eval_log(location, header_only=True)
    except Exception as error:
        # Inspect has no error of its own for a file that is no log.
        why = first_line(error)
        return Found(
            location, "unreadable", f"cannot be read as a log, or only half written ({why})"
        )
    if not is_our_task(header):
        task = header.eval.task[:_LONGEST]
        return Found(location, "other", f"of another evaluation ({task})", header)
    if odd := _odd(header):
        return Found(location, "unreadable", f"is not as kidney_evals writes logs ({odd})")
    planned = _planned(header)
    results = header.results
    if header.status == "success" and results is not None:
        found = Found(location, "finished", "finished", header, results.completed_samples, planned)
        return found if found.completed else replace(found, state="empty", says="holds no answer")
    found = Found(location, "partial", _ended(header, ()), header, 0, planned)
    completed = sum(sample.completed for sample in found.samples)
    if found.unread:
        return replace(found, state="unreadable", says=found.unread)
    says = f"{_ended(header, found.samples)} after {completed} of {planned} samples"
    ended = replace(
        found, says=says, completed=completed, state="partial" if completed else "empty"
    )
    # A copy made by `replace` has none of what was read.
    ended.__dict__["_read_samples"] = found._read_samples
    return ended


class _Facts(BaseModel):
    """What a task of this package writes into the metadata of a log, as far as reports use it.

    Logs of older versions lack some of it.
    """

    model_config = ConfigDict(strict=True)

    study: Name
    condition: Literal[CONDITIONS]  # type: ignore[valid-type]
    asks: Literal["stated_values", "predict_people"] | None = None
    study_hash: str = ""
    study_title: str = ""
    wordings: dict[str, Any] = {}
    reference_hash: str = ""
    people_in_this_condition: int = 0
    sft_arm: Name | None = None
    sft_part: Name | None = None


def _odd(header: EvalLog) -> str:
    """Describe header values that no task of this package writes; empty if there are none."""
    if len(header.eval.model) > _LONGEST:
        return f"a model's name of {len(header.eval.model)} letters"
    try:
        _Facts.model_validate(header.eval.metadata)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return ""


def _planned(header: EvalLog) -> int:
    if header.results is not None and header.results.total_samples:
        return header.results.total_samples
    config = header.eval.config
    ids = header.eval.dataset.sample_ids or []
    count = len(ids) or header.eval.dataset.samples or 0
    return count * (config.epochs or 1)


def _ended(header: EvalLog, samples: Iterable[SampleSummary]) -> str:
    if header.status == "success":
        return "finished without scores"
    if header.status == "cancelled":
        return "cancelled"
    if header.status == "error":
        message = header.error.message if header.error else ""
        return f"failed ({why_failed(message, (one.error for one in samples))})"
    return "not ended: killed, or still running,"


def _without_replaced(found: Sequence[Found]) -> tuple[Found, ...]:
    """Mark what was run or scored again: of the logs of one task run the furthest counts."""
    best: dict[str, int] = {}
    for index, one in enumerate(found):
        if one.header is None or one.state not in READ:
            continue
        task = one.header.eval.task_id
        if task not in best or _rank(found[best[task]]) <= _rank(one):
            best[task] = index
    marked = []
    for index, one in enumerate(found):
        kept = best.get(one.header.eval.task_id) if one.header is not None else None
        if one.state in (*READ, "empty") and kept not in (None, index):
            other = found[kept or 0]
            says = f"run again in {other.location}"
            if _run_id(one) == _run_id(other):
                says = f"the same run as {other.location}, scored again or copied"
            one = replace(one, state="replaced", says=says)
        marked.append(one)
    return tuple(marked)


def _run_id(one: Found) -> str:
    return one.header.eval.eval_id if one.header is not None else ""


def _rank(one: Found) -> tuple[Any, ...]:
    assert one.header is not None
    stats = one.header.stats
    rescored = Path(one.location).stem.endswith("-scored")
    return one.state == "finished", one.completed, stats.completed_at or "", rescored
