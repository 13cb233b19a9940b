"""Load logs as data frames of runs, quantities and decisions, using `inspect_ai.analysis`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inspect_ai.log import EvalLog, EvalSampleSummary

from kidney_evals.errors import UserError
from kidney_evals.measures import find
from kidney_evals.reporting.frames import check_arrow, frame
from kidney_evals.reporting.key import key_of
from kidney_evals.reporting.logs import READ, LogFile, Progress, find_logs, read_samples
from kidney_evals.reporting.runs import CHOICE_TASKS, ModelRun, odd_samples, read_runs
from kidney_evals.scorers import main_score
from kidney_evals.studies import Study, load_study
from kidney_evals.studies.model import CONTROL_KINDS

if TYPE_CHECKING:
    import pandas as pd
    from inspect_ai.analysis import Column

    from kidney_evals.human.reference import Reference

Line = dict[str, Any]
"""A row of a frame, by column."""

_TEXTS: Final = (
    *("study", "condition", "dilemma", "kind", "wording", "outcome", "choice", "first_choice"),
)
"""Columns of `decisions` that hold text."""

SORTED_BY: Final = ("dilemma", "order", "wording", "epoch", "sample_id")


@dataclass(frozen=True, eq=False)
class Frames:
    """Data frames of a set of logs; `frames.yaml` and `docs/frames.md` document every column.

    Attributes:
        runs: A row for each run.
        quantities: A row for each run and measure.
        decisions: A row for each sample of a run whose samples are choices between patients.
        passed_over: Logs without numbers, and logs whose samples cannot be read, which are only in
            `runs` and `quantities`. Each has a `state` and a `line` with the reason.
    """

    runs: pd.DataFrame
    quantities: pd.DataFrame
    decisions: pd.DataFrame
    passed_over: tuple[LogFile, ...]


def load(
    logs: str | Path | Sequence[str | Path],
    *,
    decisions: bool = True,
    progress: Progress | None = None,
) -> Frames:
    """Read logs into frames, from their headers and the summaries of their samples.

    Runs are in the order of the logs, quantities in the order of `kidney-evals show`, decisions
    sorted by dilemma, order, wording and epoch.

    Args:
        logs: Files, folders, patterns and URLs.
        decisions: Whether to read samples; if false, `decisions` is empty.
        progress: Called for each log found, then for each log whose samples were read.

    Raises:
        UserError: A name matches no log, or pyarrow is not installed.
    """
    check_arrow()
    names = [logs] if isinstance(logs, str | Path) else logs
    found = find_logs([str(name) for name in names], progress)
    read_samples(found, progress)
    runs = read_runs(found)
    lines: list[Line] = []
    unread: dict[str, str] = {}
    for run in runs if decisions else ():
        if run.panel.task in CHOICE_TASKS:
            try:
                lines += _decisions(run)
            except Exception as error:
                # A log from elsewhere may hold anything; its errors must not stop other logs.
                unread[run.file.location] = run.file.unread or odd_samples(error)
    return Frames(
        runs=_runs_frame(runs),
        quantities=frame("quantities", _quantities(runs)),
        decisions=frame("decisions", lines),
        passed_over=tuple(
            replace(one, state="unreadable", says=unread.get(one.location, one.says))
            if one.location in unread
            else one
            for one in found
            if one.state not in READ or one.location in unread
        ),
    )


def run_columns() -> list[Column]:
    """Return the columns of `runs` for `evals_df`, which can be passed to it directly."""
    from inspect_ai.analysis import EvalColumn

    return [
        EvalColumn("eval_id", path="eval.eval_id", required=True),
        EvalColumn("run_id", path="eval.run_id"),
        EvalColumn("task_id", path="eval.task_id"),
        EvalColumn("created", path="eval.created", type=datetime),
        EvalColumn("task_name", path=_task_name),
        EvalColumn("task_version", path="eval.task_version", type=str),
        EvalColumn("model", path="eval.model"),
        EvalColumn("status", path="status"),
        EvalColumn("condition", path="eval.metadata.condition"),
        EvalColumn("people", path=_people),
        EvalColumn("package_version", path="eval.metadata.kidney_evals_version"),
        EvalColumn("inspect_version", path="eval.packages.inspect_ai"),
        EvalColumn("key_*", path=key_of),
    ]


def decision_columns() -> list[Column]:
    """Return the columns of `decisions` for `samples_df`, which can be passed to it directly."""
    from inspect_ai.analysis import SampleColumn

    return [SampleColumn("*", path=decision_of, full=False)]


def decision_of(sample: EvalSampleSummary) -> Line:
    """Return the columns of `decisions` for one sample; empty for a sample of another task."""
    facts = sample.metadata
    if "dilemma" not in facts or facts.get("order") not in ("ab", "ba"):
        return {}
    first, second = facts["order"]
    score = main_score(sample.scores)
    kept = (score.metadata if score else None) or {}
    choice = kept.get("choice") or "none"
    line = {
        "study": facts.get("study"),
        "condition": facts.get("condition"),
        "id": str(sample.id),
        "dilemma": facts["dilemma"],
        "kind": facts.get("kind"),
        "control": facts.get("kind") in CONTROL_KINDS,
        "order": facts["order"],
        "epoch": sample.epoch,
        # Logs from before wordings existed used the default wording.
        "wording": facts.get("wording", "default"),
        "outcome": kept.get("outcome", "error"),
        "choice": choice,
        "first_choice": (kept.get("first_choice") or "none") if "first_choice" in kept else choice,
        "human_first": _number(facts.get(f"human_{first}")),
        "human_second": _number(facts.get(f"human_{second}")),
        "human_coin": _number(facts.get("human_coin")),
        **{f"chance_{one}": _number(kept.get(f"chance_{one}")) for one in _CHANCES},
    }
    for name in _TEXTS:
        if not isinstance(line[name], str | None):
            raise TypeError(f"{name} is {line[name]!r:.40}")
    listed = {f"{first}_": "first_", f"{second}_": "second_"}
    for name, value in facts.items():
        if name[:2] in listed and isinstance(value, int | float):
            line[listed[name[:2]] + name[2:]] = float(value)
    return line


_CHANCES: Final = ("first", "second", "coin")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _decisions(run: ModelRun) -> list[Line]:
    """Return the rows of a run in `decisions`, in the frame's order."""
    if run.file.unread:
        raise UserError(run.file.unread)
    closeness = _closeness(run)
    lines = [
        {
            "sample_id": sample.uuid,
            "eval_id": run.id,
            "name": run.name,
            "model": run.model,
            "closeness": closeness.get(line["dilemma"]),
            **line,
        }
        for sample in run.file.samples
        if (line := decision_of(sample))
    ]
    return sorted(lines, key=lambda line: [line[name] for name in SORTED_BY])


def _closeness(run: ModelRun) -> Mapping[str, float | None]:
    """Return the closeness of the patients in each dilemma of a run; empty if it is unknown."""
    here = _installed(run)
    if here is None:
        return {}
    study, reference = here
    dilemmas = {
        facts["dilemma"]: study.dilemma_from(facts)
        for facts in (one.metadata for one in run.file.samples)
        if "dilemma" in facts
    }
    if not dilemmas:
        return {}
    values = reference.closeness(list(dilemmas.values())).tolist()
    return {
        id: None if math.isnan(value) else value for id, value in zip(dilemmas, values, strict=True)
    }


def _runs_frame(runs: Sequence[ModelRun]) -> pd.DataFrame:
    from inspect_ai.analysis import evals_df

    if not runs:
        return frame("runs", [])
    read = evals_df([run.header for run in runs], columns=run_columns(), quiet=True)
    lines = [
        {
            **{str(name): value for name, value in known.items()},
            "log": run.file.location,
            "name": run.name,
            "task": run.panel.task,
            "study": run.panel.study,
            "state": run.file.state,
            "says": run.file.says,
            "completed": run.file.completed,
            "planned": run.file.planned,
            "same_people": _same_people(run),
        }
        for run, known in zip(runs, read.to_dict("records"), strict=True)
    ]
    return frame("runs", lines)


def _quantities(runs: Sequence[ModelRun]) -> Iterator[Line]:
    for run in runs:
        for row, quantity in run.rows.items():
            yield {
                "eval_id": run.id,
                "name": run.name,
                "model": run.model,
                "task": run.panel.task,
                "study": run.panel.study,
                "row": row,
                "label": find(row).label,
                "group": find(row).group,
                **quantity._asdict(),
                "source": "log" if run.answers is None else "computed",
            }


def _installed(run: ModelRun) -> tuple[Study, Reference] | None:
    """Return the study and the human reference of a run; None if they have changed since then."""
    from kidney_evals.human.reference import load_reference

    try:
        study = load_study(str(run.header.eval.task_args.get("study") or run.panel.study))
        reference = load_reference(study, run.facts["condition"])
    except UserError:
        return None
    then = (run.key["study_hash"], run.key["reference"])
    now = (study.hash, reference.sha256)
    same = all(not one or one == two for one, two in zip(then, now, strict=True))
    return (study, reference) if same else None


def _same_people(run: ModelRun) -> bool | None:
    known = run.key["study_hash"] or run.key["reference"]
    return _installed(run) is not None if known else None


def _task_name(log: EvalLog) -> str:
    return log.eval.task.rsplit("/", 1)[-1]


def _people(log: EvalLog) -> int | None:
    count = (log.eval.metadata or {}).get("people_in_this_condition")
    return int(count) if isinstance(count, int) and count > 0 else None
