"""Logs as frames of runs, quantities and decisions, on top of `inspect_ai.analysis`."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inspect_ai.log import EvalLog, EvalSampleSummary, read_eval_log

from kidney_evals.errors import UserError
from kidney_evals.reporting.found import READ, Found, Progress, find_logs
from kidney_evals.reporting.frames import check_arrow, frame
from kidney_evals.reporting.key import key_of
from kidney_evals.reporting.rows import card_of, place_of, rows_of
from kidney_evals.reporting.runs import CHOICE_TASKS, ModelRun, read_runs
from kidney_evals.studies import Study, load_study
from kidney_evals.studies.model import CONTROL_KINDS

if TYPE_CHECKING:
    import pandas as pd
    from inspect_ai.analysis import Column

    from kidney_evals.human.reference import Reference

WORTH_WORKERS: Final = 4000
"""Samples from which on several logs are read at once."""

MOST_WORKERS: Final = 8
"""Processes that read at once, as in Inspect: more wait for the disk."""

SORTED_BY: Final = ("dilemma", "order", "wording", "epoch", "sample_id")


@dataclass(frozen=True, eq=False)
class Frames:
    """What a set of logs holds; `frames.yaml` and `docs/frames.md` document every column.

    Attributes:
        runs: A row for each run.
        quantities: A row for each run and row of its log.
        decisions: A row for each sample of a run whose samples are choices between patients.
        passed_over: Logs without numbers, each with a `state` and a `line` that says why.
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
        progress: Told of each log that was found.

    Raises:
        UserError: A name holds no log, or pyarrow is not installed.
    """
    check_arrow()
    names = [logs] if isinstance(logs, str | Path) else logs
    found = find_logs([str(name) for name in names], progress)
    runs = read_runs(found)
    choices = [run for run in runs if run.panel.task in CHOICE_TASKS] if decisions else []
    return Frames(
        runs=_runs_frame(runs),
        quantities=_quantities_frame(runs),
        decisions=_decisions_frame(choices, workers),
        passed_over=tuple(one for one in found if one.state not in READ),
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
            "label": card_of(row).label,
            "group": card_of(row).group,
            **run.rows[row]._asdict(),
            "source": "log" if rows_of(run.header) else "computed",
        }
        for run in runs
        for row in sorted(run.rows, key=place_of)
    ]
    return frame("quantities", _by_column(lines))


def _decisions_frame(runs: Sequence[ModelRun], workers: int | None) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for run, part in zip(runs, _read_samples(runs, workers), strict=True):
        if part.empty or "dilemma" not in part:
            continue
        part = part.sort_values([name for name in SORTED_BY if name in part], kind="stable")
        columns: dict[str, Any] = {name: part[name] for name in part.columns}
        columns |= {
            "name": [run.name] * len(part),
            "model": [run.header.eval.model] * len(part),
            "closeness": _closeness(run, part),
        }
        parts.append(columns)
    names = list(dict.fromkeys(name for part in parts for name in part))
    empty = {id(part): [None] * len(part["dilemma"]) for part in parts}
    whole = {
        name: [value for part in parts for value in _plain(part.get(name, empty[id(part)]))]
        for name in names
    }
    made = frame("decisions", whole)
    assert isinstance(made, pd.DataFrame)
    return made


def _plain(values: Iterable[Any]) -> list[Any]:
    import pandas as pd

    return values.tolist() if isinstance(values, pd.Series) else list(values)


def _read_samples(runs: Sequence[ModelRun], workers: int | None) -> list[pd.DataFrame]:
    """Read what a log says of its samples, a frame for each run."""
    known = ["samples" in run.found.__dict__ for run in runs]
    places = [run.found.location for run, read in zip(runs, known, strict=True) if not read]
    count = _workers(runs, places) if workers is None else min(workers, len(places))
    if count > 1:
        with ProcessPoolExecutor(count) as pool:
            unread = iter(list(pool.map(_samples_of, places)))
    else:
        unread = iter([_samples_of(place) for place in places])
    return [
        _samples_frame(run.header.model_copy(update={"samples": run.found.samples}))
        if read
        else next(unread)
        for run, read in zip(runs, known, strict=True)
    ]


def _workers(runs: Sequence[ModelRun], places: Sequence[str]) -> int:
    if sum(run.found.completed for run in runs) < WORTH_WORKERS:
        return 1
    # Elsewhere a process starts by running the caller's script again.
    if multiprocessing.get_start_method() not in ("fork", "forkserver"):
        return 1
    return min(len(places), os.cpu_count() or 1, MOST_WORKERS)


def _samples_of(location: str) -> pd.DataFrame:
    return _samples_frame(read_eval_log(location, header_only=True))


def _samples_frame(log: EvalLog) -> pd.DataFrame:
    from inspect_ai.analysis import samples_df

    return samples_df([log], columns=decision_columns(), quiet=True)


def _decision(sample: EvalSampleSummary) -> dict[str, Any]:
    """Return what `decisions` holds of one sample, as the log has it."""
    facts = sample.metadata
    if "dilemma" not in facts or facts.get("order") not in ("ab", "ba"):
        return {}
    first, second = facts["order"]
    scores = sample.scores or {}
    scored = scores.get("answers") or scores.get("controls")
    kept = (scored.metadata if scored else None) or {}
    choice = kept.get("choice") or "none"
    found = {
        "study": facts.get("study"),
        "condition": facts.get("condition"),
        "id": str(sample.id),
        "dilemma": facts["dilemma"],
        "kind": facts.get("kind"),
        "control": facts.get("kind") in CONTROL_KINDS,
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
        **{f"chance_{one}": kept.get(f"chance_{one}") for one in ("first", "second", "coin")},
    }
    for listed, shown in (("first", f"{first}_"), ("second", f"{second}_")):
        found |= {
            f"{listed}_{name.removeprefix(shown)}": float(value)
            for name, value in facts.items()
            if name.startswith(shown) and isinstance(value, int | float)
        }
    return found


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _closeness(run: ModelRun, part: pd.DataFrame) -> list[float | None]:
    here = _installed(run)
    if here is None:
        return [None] * len(part)
    study, reference = here
    names = [f"{listed}_{name}" for listed in ("first", "second") for name in study.attribute_ids]
    lines = part[["dilemma", "kind", *names]].drop_duplicates("dilemma").to_dict("records")
    dilemmas = [
        study.dilemma_from(
            {
                "dilemma": line["dilemma"],
                "kind": line["kind"],
                "order": "ab",
                **{f"a_{name}": line[f"first_{name}"] for name in study.attribute_ids},
                **{f"b_{name}": line[f"second_{name}"] for name in study.attribute_ids},
            }
        )
        for line in lines
    ]
    values = reference.closeness(dilemmas).tolist()
    found = {
        dilemma.id: None if math.isnan(value) else value
        for dilemma, value in zip(dilemmas, values, strict=True)
    }
    return [found[name] for name in part["dilemma"]]


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


def _by_column(lines: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for line in lines for name in line)
    return {name: [line.get(name) for line in lines] for name in names}


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
