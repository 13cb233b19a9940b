"""Find the logs that a command names and determine the state of each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fsspec.core import url_to_fs
from inspect_ai.log import (
    EvalLog,
    EvalSampleSummary,
    list_eval_logs,
    read_eval_log,
    read_eval_log_sample_summaries,
)
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from kidney_evals.errors import UserError, first_line, printable
from kidney_evals.provider_errors import most_frequent, why_failed
from kidney_evals.studies import CONDITIONS

State = Literal["finished", "partial", "empty", "replaced", "other", "unreadable"]
"""The state of a log.

`finished`: ran to its end. `partial`: cancelled, failed, killed or still running, with samples that
ended. `empty`: of this package, without such samples. `replaced`: retried or scored again in
another of the logs. `other`: of another evaluation. `unreadable`: not a log, incomplete, or of
unknown form.
"""

READ: Final[frozenset[State]] = frozenset({"finished", "partial"})
"""States of logs that contain numbers."""

Progress = Callable[[Literal["logs", "samples"], int, int], None]
"""Called with the kind of item, the number read and the total: first logs, then samples."""

_LONGEST: Final = 200
"""Maximum length of a name or a reason, in characters."""

_Name = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST)]


@dataclass(eq=False)
class LogFile:
    """One log.

    Attributes:
        says: The state in words.
        header: The log without its samples; None if the file is no log, or a log of this package
            with invalid metadata.
        completed: Number of samples that ended, over all epochs; of a finished run those without an
            error.
        planned: Number of planned samples over all epochs.
    """

    location: str
    state: State
    says: str
    header: EvalLog | None = None
    completed: int = 0
    planned: int = 0

    @property
    def line(self) -> str:
        """The location and the state, as one line of printable text."""
        return printable(f"{self.location}: {self.says}")

    @property
    def samples(self) -> list[EvalSampleSummary]:
        """Inspect's summaries of the samples, read once; empty if they cannot be read."""
        return self._samples[0]

    @property
    def unread(self) -> str:
        """Why the samples cannot be read; empty if they can be read."""
        return self._samples[1]

    @cached_property
    def _samples(self) -> tuple[list[EvalSampleSummary], str]:
        try:
            return read_eval_log_sample_summaries(self.location), ""
        except Exception as error:
            # Inspect has no exception class for this case.
            return [], unreadable_samples(error)

    @property
    def errors(self) -> str:
        """The number of samples that ended in an error, and the main reason; "" for none."""
        return most_frequent(sample.error for sample in self.samples)

    @property
    def unscored(self) -> str:
        """The number of answered samples without scores, and how to score them; empty for none."""
        count = sum(not sample.scores and not sample.error for sample in self.samples)
        samples = "1 answered sample is" if count == 1 else f"{count} answered samples are"
        says = f"{samples} not scored and count nowhere: run `kidney-evals rescore` on this log."
        return says if count else ""


def find_logs(names: Sequence[str], progress: Progress | None = None) -> tuple[LogFile, ...]:
    """Return every log of the given files, folders, patterns and URLs, each log once.

    The order is that of `names`; logs of a folder or a pattern are sorted by path (Inspect's file
    names start with the time of the run). `progress` is called for each log that was read.

    Raises:
        UserError: A name matches no log, or its place cannot be reached.
    """
    places = (place for name in names for place in _locations(name))
    # Two spellings of one location are one log.
    locations = list({_file_system(place): place for place in places}.values())
    logs = []
    for count, location in enumerate(locations, 1):
        logs.append(_read(location))
        if progress is not None:
            progress("logs", count, len(locations))
    _mark_replaced(logs)
    return tuple(logs)


def read_samples(logs: Iterable[LogFile], progress: Progress | None = None) -> None:
    """Read and cache the samples of all logs with numbers; call `progress` after each log."""
    with_numbers = [log for log in logs if log.state in READ]
    done, total = 0, sum(log.completed for log in with_numbers)
    for log in with_numbers:
        _ = log.samples
        done += log.completed
        if progress is not None:
            progress("samples", done, total)


def unreadable_samples(error: Exception) -> str:
    """Return a message that the samples of a log cannot be read because of `error`."""
    return f"its samples cannot be read ({first_line(error)})"


def _file_system(location: str) -> tuple[str, str]:
    """Return the protocol of a location's file system, and the path in it."""
    files, path = url_to_fs(location)
    return type(files).__name__, path


def _locations(name: str) -> Iterator[str]:
    """Return the log files that a name matches; raise `UserError` if there are none."""
    found: list[str] = []
    is_pattern = False
    try:
        files, path = url_to_fs(name)
        if name and files.isdir(path):
            found = sorted(log.name for log in list_eval_logs(name, descending=False))
        elif files.isfile(path):
            found = [name]
        elif is_pattern := bool(set("*?[") & set(name)):
            found = sorted(files.glob(path))
    except Exception as error:
        # Each file system has its own exceptions for an unreachable store or a missing key.
        raise UserError(f"cannot look for logs at {name!r} ({first_line(error)})") from error
    if not found:
        raise UserError(f"no log at {name!r}: give log files, folders of logs or a pattern")
    if not is_pattern:
        return map(_plain, found)
    places = found if "://" not in name else map(files.unstrip_protocol, found)
    return (location for place in places for location in _locations(place))


def _plain(location: str) -> str:
    """Return the path of a location on this machine, so that each log has one name."""
    # Not `urllib`: a `#` or `%20` in these URLs is part of the name and must not be decoded.
    kind, path = _file_system(location)
    if kind != "LocalFileSystem":
        return location
    here, place = Path.cwd(), Path(path)
    return str(place.relative_to(here) if place.is_relative_to(here) else place)


class _Facts(BaseModel):
    """The metadata that tasks of this package write; tasks without choices lack some fields."""

    model_config = ConfigDict(strict=True)

    study: _Name
    condition: Literal[CONDITIONS]  # type: ignore[valid-type]
    asks: Literal["stated_values", "predict_people"] | None = None
    study_hash: str = ""
    study_title: str = ""
    wordings: dict[str, Any] = {}
    wording_hashes: dict[str, str] = {}
    reference_hash: str = ""
    people_in_this_condition: int = 0
    sft_arm: _Name | None = None
    sft_part: _Name | None = None


def _read(location: str) -> LogFile:
    try:
        header = read_eval_log(location, header_only=True)
    except Exception as error:
        # Inspect has no exception class for a file that is not a log.
        why = f"cannot be read as a log, or only half written ({first_line(error)})"
        return LogFile(location, "unreadable", why)
    spec, results = header.eval, header.results
    if not {"study", "condition", "kidney_evals_version"} <= set(spec.metadata or {}):
        task = spec.task[:_LONGEST]
        return LogFile(location, "other", f"of another evaluation ({task})", header)
    try:
        _Facts.model_validate(spec.metadata)
        odd = f"a model's name of {len(spec.model)} letters" if len(spec.model) > _LONGEST else ""
    except ValidationError as error:
        first = error.errors()[0]
        odd = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if odd:
        return LogFile(location, "unreadable", f"is not as kidney_evals writes logs ({odd})")
    samples = len(spec.dataset.sample_ids or []) or spec.dataset.samples or 0
    planned = results.total_samples if results else 0
    if header.status != "success" or not planned:
        # The results of a cancelled run that was scored later count only the samples it reached.
        planned = max(planned, samples * (spec.config.epochs or 1))
    log = LogFile(location, "finished", "finished", header, planned=planned)
    if header.status == "success" and results is not None:
        log.completed = results.completed_samples
        if not log.completed:
            log.state, log.says = "empty", "holds no answer"
    elif log.unread:
        log.state, log.says = "unreadable", log.unread
    else:
        log.completed = sum(sample.completed for sample in log.samples)
        log.state = "partial" if log.completed else "empty"
        words = {"success": "finished without scores", "cancelled": "cancelled"}
        ended = words.get(header.status, "not ended: killed, or still running,")
        if header.status == "error":
            message = header.error.message if header.error else ""
            ended = f"failed ({why_failed(message, (one.error for one in log.samples))})"
        log.says = f"{ended} after {log.completed} of {log.planned} samples"
    return log


def _mark_replaced(logs: Sequence[LogFile]) -> None:
    """Mark logs that were retried or scored again; the most advanced log of a run counts."""
    tasks: dict[str, list[tuple[LogFile, EvalLog]]] = {}
    for log in logs:
        if log.header is not None and log.state in (*READ, "empty"):
            tasks.setdefault(log.header.eval.task_id, []).append((log, log.header))
    for copies in tasks.values():
        # The last of equal logs.
        best, best_header = max(reversed(copies), key=lambda one: _rank(*one))
        for log, header in copies if best.state in READ else ():
            if log is not best:
                log.state = "replaced"
                log.says = (
                    f"the same run as {best.location}, scored again or copied"
                    if header.eval.eval_id == best_header.eval.eval_id
                    else f"run again in {best.location}"
                )


def _rank(log: LogFile, header: EvalLog) -> tuple[Any, ...]:
    rescored = Path(log.location).stem.endswith("-scored")
    return log.state == "finished", log.completed, header.stats.completed_at or "", rescored
