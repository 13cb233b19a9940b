"""Logs as frames of runs, quantities and decisions, on top of `inspect_ai.analysis`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspect_ai.log import EvalLog, EvalSampleSummary

from kidney_evals.errors import UserError
from kidney_evals.measures import find
from kidney_evals.reporting.decisions import by_column, decision_of, decisions_frame
from kidney_evals.reporting.found import READ, Found, Progress, find_logs
from kidney_evals.reporting.frames import check_arrow, frame
from kidney_evals.reporting.key import key_of
from kidney_evals.reporting.runs import CHOICE_TASKS, ModelRun, read_runs
from kidney_evals.studies import Study, load_study

if TYPE_CHECKING:
    import pandas as pd
    from inspect_ai.analysis import Column

    from kidney_evals.human.reference import Reference


@dataclass(frozen=True, eq=False)
class Frames:
    """What a set of logs holds; `frames.yaml` and `docs/frames.md` document every column.

    Attributes:
        runs: A row for each run.
        quantities: A row for each run and row of its log.
        decisions: A row for each sample of a run whose samples are choices between patients.
        passed_over: Logs without numbers, and those whose samples cannot be read, which are in
            `runs` and `quantities` only. Each has a `state` and a `line` that says why.
    """

    runs: pd.DataFrame
    quantities: pd.DataFrame
    decisions: pd.DataFrame
    passed_over: tuple[Found, ...]


def load(
    logs: str | Path | Sequence[str | Path],
    *,
    decisions: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Frames:
    """Read logs into frames, from their headers and the summaries of their samples.

    Runs stand in the order of the logs, quantities in that of `kidney-evals show`, decisions by
    dilemma, order, wording and epoch, whatever order they were answered in. Numbers are those of
    the log, to the last digit.

    Args:
        logs: Files, folders, patterns and URLs.
        decisions: Whether to read samples; without them `decisions` is empty and reading is
            a matter of headers alone (but for runs that did not end).
        workers: Processes that read samples, a log each; None for one per core where there are
            many samples and the platform forks. Scripts that ask for several must be guarded by
            `if __name__ == "__main__"` elsewhere.
        progress: Told of each log that was found, then of each whose samples were read.

    Raises:
        UserError: A name holds no log, or pyarrow is not installed.
    """
    check_arrow()
    names = [logs] if isinstance(logs, str | Path) else logs
    found = find_logs([str(name) for name in names], progress)
    runs = read_runs(found)
    choices = [run for run in runs if run.panel.task in CHOICE_TASKS] if decisions else []
    read, unread = decisions_frame(choices, _installed, workers, progress)
    marked = [
        replace(one, state="unreadable", says=unread[one.location])
        if one.location in unread
        else one
        for one in found
    ]
    return Frames(
        runs=_runs_frame(runs),
        quantities=_quantities_frame(runs),
        decisions=read,
        passed_over=tuple(one for one in marked if one.state not in READ),
    )


def run_columns() -> list[Column]:
    """Return what `runs` takes from `evals_df`, to be used with it directly."""
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
        EvalColumn("condition", path=_condition),
        EvalColumn("people", path=_people),
        EvalColumn("package_version", path=_package_version),
        EvalColumn("inspect_version", path=_inspect_version),
        EvalColumn("key_*", path=key_of),
    ]


def decision_columns() -> list[Column]:
    """Return what `decisions` takes from `samples_df`, to be used with it directly."""
    from inspect_ai.analysis import SampleColumn

    return [SampleColumn("*", path=_decision, full=False)]


def _decision(sample: EvalSampleSummary) -> dict[str, Any]:
    # Inspect takes functions of its own summaries only, by their type.
    return decision_of(sample)


def _runs_frame(runs: Sequence[ModelRun]) -> pd.DataFrame:
    from inspect_ai.analysis import evals_df

    if not runs:
        return frame("runs", {})
    read = evals_df([run.header for run in runs], columns=run_columns(), quiet=True)
    columns: dict[str, Any] = {name: read[name].tolist() for name in read.columns}
    columns |= {
        "log": [run.found.location for run in runs],
        "name": [run.name for run in runs],
        "task": [run.panel.task for run in runs],
        "study": [run.panel.study for run in runs],
        "state": [run.found.state for run in runs],
        "says": [run.found.says for run in runs],
        "completed": [run.found.completed for run in runs],
        "planned": [run.found.planned for run in runs],
        "same_people": [_same_people(run) for run in runs],
    }
    return frame("runs", columns)


def _quantities_frame(runs: Sequence[ModelRun]) -> pd.DataFrame:
    lines = [
        {
            "eval_id": run.id,
            "name": run.name,
            "model": run.header.eval.model,
            "task": run.panel.task,
            "study": run.panel.study,
            "row": row,
            "label": find(row).label,
            "group": find(row).group,
            **run.rows[row]._asdict(),
            "source": source,
        }
        for run in runs
        for source in ["log" if run.answers is None else "computed"]
        for row in run.rows
    ]
    return frame("quantities", by_column(lines))


def _installed(run: ModelRun) -> tuple[Study, Reference] | None:
    """Return the study and the human side of a run, None where they are not those of then."""
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


def _condition(log: EvalLog) -> str:
    return str((log.eval.metadata or {})["condition"])


def _people(log: EvalLog) -> int | None:
    count = (log.eval.metadata or {}).get("people_in_this_condition")
    return int(count) if isinstance(count, int) and count > 0 else None


def _package_version(log: EvalLog) -> str | None:
    return (log.eval.metadata or {}).get("kidney_evals_version")


def _inspect_version(log: EvalLog) -> str | None:
    return log.eval.packages.get("inspect_ai")
