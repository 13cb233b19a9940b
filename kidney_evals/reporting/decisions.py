"""The decisions in many logs as one frame: a row for each sample, from the log's summaries."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from inspect_ai.log import EvalSampleSummary

from kidney_evals.reporting.found import first_line
from kidney_evals.reporting.frames import frame
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.summaries import SampleSummary, read_summaries
from kidney_evals.studies import Dilemma, Patient, Study
from kidney_evals.studies.model import CONTROL_KINDS

if TYPE_CHECKING:
    import pandas as pd

    from kidney_evals.human.reference import Reference
    from kidney_evals.reporting.found import Progress

WORTH_WORKERS: Final = 10_000
"""Samples from which on several logs are read at once: before, a process costs what it saves."""

MOST_WORKERS: Final = 8
"""Processes that read at once, as in Inspect: more wait for the disk."""

_TEXTS: Final = (
    "study",
    "condition",
    "dilemma",
    "kind",
    "wording",
    "outcome",
    "choice",
    "first_choice",
)
"""Text columns of a sample."""

SORTED_BY: Final = ("dilemma", "order", "wording", "epoch", "sample_id")

Installed = Callable[[ModelRun], tuple[Study, "Reference"] | None]
"""Returns the study and the human side of a run, None where they are not those of then."""

Columns = dict[str, list[Any]]
"""Values by column, all of one length."""


def decisions_frame(
    runs: Sequence[ModelRun],
    installed: Installed,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the frame `decisions` of runs whose samples are choices between patients.

    The second value says of each log whose samples cannot be read why, by its location.

    Args:
        runs: The runs, in the order of the frame.
        installed: Whom to ask how close the patients of a dilemma are.
        workers: Processes that read samples; None for as many as are worth it.
        progress: Told of each log whose samples were read.
    """
    closeness = _Closeness(installed)
    whole: Columns = {}
    count = 0
    unread: dict[str, str] = {}
    for run, part in zip(runs, _parts(runs, workers, progress), strict=True):
        if isinstance(part, str):
            unread[run.found.location] = part
            continue
        if not part:
            continue
        lines = len(part["dilemma"])
        part |= {
            "name": [run.name] * lines,
            "model": [run.header.eval.model] * lines,
        }
        try:
            part["closeness"] = closeness.of(run, part)
        except Exception as error:
            unread[run.found.location] = _odd(error)
            continue
        for name in dict.fromkeys([*whole, *part]):
            values = whole.setdefault(name, [None] * count)
            values += part.get(name, [None] * lines)
        count += lines
    return frame("decisions", dict(sorted(whole.items()))), unread


def decision_of(sample: EvalSampleSummary | SampleSummary) -> dict[str, Any]:
    """Return what `decisions` holds of one sample, as the log has it; empty for another task's."""
    facts = sample.metadata
    if "dilemma" not in facts or facts.get("order") not in ("ab", "ba"):
        return {}
    first, second = facts["order"]
    scores = sample.scores or {}
    scored = scores.get("answers") or scores.get("controls")
    kept = (scored.metadata if scored else None) or {}
    choice = kept.get("choice") or "none"
    kind = facts.get("kind")
    found = {
        "study": facts.get("study"),
        "condition": facts.get("condition"),
        "id": str(sample.id),
        "dilemma": facts["dilemma"],
        "kind": kind,
        "control": kind in CONTROL_KINDS,
        "order": facts["order"],
        "epoch": sample.epoch,
        # Logs from before there were wordings were all put in the default one.
        "wording": facts.get("wording", "default"),
        "outcome": kept.get("outcome", "error"),
        "choice": choice,
        "first_choice": (kept.get("first_choice") or "none") if "first_choice" in kept else choice,
        "human_first": _number(facts.get(f"human_{first}")),
        "human_second": _number(facts.get(f"human_{second}")),
        "human_coin": _number(facts.get("human_coin")),
        "chance_first": _number(kept.get("chance_first")),
        "chance_second": _number(kept.get("chance_second")),
        "chance_coin": _number(kept.get("chance_coin")),
    }
    for name in _TEXTS:
        if not isinstance(found[name], str | None):
            raise TypeError(f"{name} is {found[name]!r:.40}")
    listed = {f"{first}_": "first_", f"{second}_": "second_"}
    for name, value in facts.items():
        if name[:2] in listed and isinstance(value, int | float):
            found[listed[name[:2]] + name[2:]] = float(value)
    return found


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _parts(
    runs: Sequence[ModelRun], workers: int | None, progress: Progress | None
) -> Iterator[Columns | str]:
    """Yield the decisions of each run, or the reason why its samples cannot be read."""
    unread = [run for run in runs if not run.found.was_read]
    count = _workers(unread) if workers is None else min(workers, len(unread))
    kept = [run.found.samples if run.found.was_read else None for run in runs]
    done, of = 0, sum(run.found.completed for run in runs)
    with _mapping(count) as each:
        read = iter(each(_read, [(run.found.location, run.id) for run in unread]))
        for run, samples in zip(runs, kept, strict=True):
            if run.found.was_read and run.found.unread:
                yield run.found.unread
            else:
                yield next(read) if samples is None else _part(samples, run.id, run.found.location)
            done += run.found.completed
            if progress is not None:
                progress("samples", done, of)


@contextmanager
def _mapping(count: int) -> Iterator[Callable[..., Iterable[Columns | str]]]:
    """Give what maps a function over logs, in processes where there are to be several."""
    if count < 2:
        yield map
        return
    with ProcessPoolExecutor(count) as pool:
        yield pool.map


def _workers(runs: Sequence[ModelRun]) -> int:
    if sum(run.found.completed for run in runs) < WORTH_WORKERS:
        return 1
    # Elsewhere a process starts by running the caller's script again.
    if multiprocessing.get_start_method() not in ("fork", "forkserver"):
        return 1
    return min(len(runs), os.cpu_count() or 1, MOST_WORKERS)


def _read(log: tuple[str, str]) -> Columns | str:
    location, eval_id = log
    try:
        samples = read_summaries(location)
    except Exception as error:
        return _odd(error)
    return _part(samples, eval_id, location)


def _odd(error: Exception) -> str:
    why = f"{type(error).__name__}: {first_line(error)}"
    return f"its samples are not as kidney_evals writes them ({why})"


def _part(samples: Sequence[SampleSummary], eval_id: str, location: str) -> Columns | str:
    """Return what a log's samples say, in the frame's order; empty without choices.

    A text says why they cannot be read.
    """
    try:
        return _columns(samples, eval_id, location)
    except Exception as error:
        return _odd(error)


def _columns(samples: Sequence[SampleSummary], eval_id: str, location: str) -> Columns:
    ids = [one.uuid for one in samples]
    if not all(ids):
        ids = _ids_by_inspect(location)
    lines = [
        {"sample_id": name, "eval_id": eval_id, **found}
        for name, one in zip(ids, samples, strict=True)
        if (found := decision_of(one))
    ]
    lines.sort(key=lambda line: [line[name] for name in SORTED_BY])
    return by_column(lines)


def _ids_by_inspect(location: str) -> list[str | None]:
    """Return the ids that Inspect's own frames have for samples without one, in the log's order."""
    from inspect_ai.analysis import samples_df

    return list(samples_df(location, columns=[], quiet=True)["sample_id"])


def by_column(lines: Sequence[Mapping[str, Any]]) -> Columns:
    """Return values by column, None where a line has none."""
    names = dict.fromkeys(name for line in lines for name in line)
    return {name: [line.get(name) for line in lines] for name in names}


class _Closeness:
    """How close the patients of dilemmas are, each worked out once however many runs have it."""

    def __init__(self, installed: Installed) -> None:
        self._installed = installed
        self._known: dict[tuple[Any, ...], float | None] = {}

    def of(self, run: ModelRun, part: Mapping[str, Sequence[Any]]) -> list[float | None]:
        """Return the closeness of each line of a run; None where it is not known."""
        here = self._installed(run)
        if here is None:
            return [None] * len(part["dilemma"])
        study, reference = here
        names = [f"{one}_{name}" for one in ("first", "second") for name in study.attribute_ids]
        source = study.hash, reference.condition, reference.sha256
        columns = [part[name] for name in ("dilemma", "kind", *names)]
        keys = [(*source, *line) for line in zip(*columns, strict=True)]
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        dilemmas = []
        for key in new:
            name, kind, *facts = key[len(source) :]
            first, second = facts[: len(facts) // 2], facts[len(facts) // 2 :]
            dilemmas.append(Dilemma(name, Patient(tuple(first)), Patient(tuple(second)), kind))
        if dilemmas:
            values = reference.closeness(dilemmas).tolist()
            self._known |= {
                key: None if math.isnan(value) else value
                for key, value in zip(new, values, strict=True)
            }
        return [self._known[key] for key in keys]
