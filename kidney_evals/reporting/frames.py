"""Load logs as pandas frames of runs, quantities and decisions.

`frames.yaml` names the columns of each frame, with type and description.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import yaml
from inspect_ai.log import EvalSampleSummary

from kidney_evals.errors import UserError
from kidney_evals.human import Reference
from kidney_evals.measures import find
from kidney_evals.reporting.logs import READ, LogFile, find_logs
from kidney_evals.reporting.runs import ModelRun, installed, read_runs, unscorable_samples
from kidney_evals.reporting.table_formats import markdown_table
from kidney_evals.scorers import main_score
from kidney_evals.studies import CONDITIONS, Study
from kidney_evals.studies.model import CONTROL_KINDS

if TYPE_CHECKING:
    import pandas as pd

Name = Literal["runs", "quantities", "decisions"]

Line = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Frames:
    """Data frames of a set of logs; `frames.yaml` and `docs/frames.md` document every column.

    `passed_over` holds logs without numbers, which are in no frame, and logs whose samples cannot
    be read, which are not in `decisions`. Each has a `state` and a `line` with the reason.
    """

    runs: pd.DataFrame
    quantities: pd.DataFrame
    decisions: pd.DataFrame
    passed_over: tuple[LogFile, ...]


def load(logs: str | Path | Sequence[str | Path], *, decisions: bool = True) -> Frames:
    """Read logs into frames, from their headers and the summaries of their samples.

    All frames are in the order of the logs. Within a run, quantities are in the order of groups and
    measures in `kidney_evals.measures`, and decisions by dilemma, order, wording and epoch. `logs`
    are files, folders, patterns and URLs; without `decisions` the frame of that name is empty.

    Raises:
        UserError: A name matches no log or cannot be reached, or pyarrow is not installed.
    """
    if not isinstance(logs, str | Path | Iterable):
        raise UserError(f"logs must be a file, folder, pattern or URL, or several, not {logs!r}")
    try:
        import pyarrow  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as error:
        raise UserError(
            'frames need pyarrow, which is not installed: pip install "kidney-evals[analysis]"'
        ) from error
    names = [logs] if isinstance(logs, str | Path) else logs
    log_files = find_logs(list(map(str, names)))
    runs = read_runs(log_files)
    lines: list[Line] = []
    unread: dict[str, LogFile] = {}
    for run in runs if decisions else ():
        if run.panel.task in CONDITIONS:
            try:
                lines += _decisions(run)
            except Exception as error:
                # A log from elsewhere may hold anything; its errors must not stop other logs.
                says = run.file.unread or unscorable_samples(error)
                unread[run.file.location] = replace(run.file, state="unreadable", says=says)
    states = [unread.get(file.location, file) for file in log_files]
    return Frames(
        runs=_frame("runs", map(_run, runs)),
        quantities=_frame("quantities", (line for run in runs for line in _quantities(run))),
        decisions=_frame("decisions", lines),
        passed_over=tuple(file for file in states if file.state not in READ),
    )


class Column(NamedTuple):
    """A column of a frame, or a group of columns if its name ends with a star.

    Attributes:
        type: Name of the type in Arrow.
        says: What the column holds.
    """

    name: str
    type: str
    says: str


@lru_cache(maxsize=1)
def schema() -> Mapping[Name, tuple[Column, ...]]:
    """Return the columns of every frame, in order."""
    frames = yaml.safe_load((files("kidney_evals.reporting") / "frames.yaml").read_bytes())
    return {
        frame: tuple(Column(name, **entry) for name, entry in columns.items())
        for frame, columns in frames.items()
    }


def as_markdown() -> str:
    """Return the documentation of all frames, a Markdown table for each."""
    parts = []
    for name, columns in schema().items():
        rows = [(f"`{one.name}`", one.type, one.says) for one in columns]
        table = markdown_table(("column", "type", "what it holds"), rows, "lll")
        parts.append(f"## `{name}`\n\n{table}")
    return "\n\n".join(parts) + "\n"


def _frame(name: Name, lines: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a frame with the documented columns and types; a missing value becomes NA."""
    import pandas as pd
    import pyarrow as pa

    lines = list(lines)
    held = sorted({column for line in lines for column in line})
    single = {column.name for columns in schema().values() for column in columns}
    made = {}
    for column in schema()[name]:
        unit = {"timestamp[us, UTC]": pa.timestamp("us", tz="UTC")}
        type_ = unit.get(column.type) or pa.type_for_alias(column.type)
        start = column.name.removesuffix("*")
        starred = [one for one in held if one.startswith(start) and one not in single]
        for one in starred if column.name.endswith("*") else [column.name]:
            array = pa.array([line.get(one) for line in lines], type=type_, from_pandas=True)
            made[one] = pd.Series(array, dtype=pd.ArrowDtype(array.type))
    return pd.DataFrame(made)


def _common(run: ModelRun) -> Line:
    task, study, _ = run.panel
    return {"eval_id": run.id, "name": run.name, "model": run.model, "task": task, "study": study}


def _run(run: ModelRun) -> Line:
    spec, file = run.header.eval, run.file
    people = run.facts.get("people_in_this_condition")
    known = run.key["study_hash"] or run.key["reference"]
    return {
        **_common(run),
        "condition": run.facts["condition"],
        "state": file.state,
        "says": file.says,
        "completed": file.completed,
        "planned": file.planned,
        "same_people": _installed(run) is not None if known else None,
        "people": people if isinstance(people, int) and people > 0 else None,
        "log": file.location,
        "status": run.header.status,
        "run_id": spec.run_id,
        "task_id": spec.task_id,
        "created": datetime.fromisoformat(spec.created),
        "task_name": spec.task.rsplit("/", 1)[-1],
        "task_version": str(spec.task_version),
        "package_version": run.facts.get("kidney_evals_version"),
        "inspect_version": spec.packages.get("inspect_ai"),
        **{f"key_{name}": value for name, value in run.key.items()},
    }


def _quantities(run: ModelRun) -> Iterator[Line]:
    for row, quantity in run.rows.items():
        measure, source = find(row), "log" if run.answers is None else "computed"
        line = {"row": row, "label": measure.label, "group": measure.group, "source": source}
        yield {**_common(run), **line, **quantity._asdict()}


def _decisions(run: ModelRun) -> list[Line]:
    if run.file.unread:
        raise UserError(run.file.unread)
    common, closeness, lines = _common(run), _closeness(run), []
    for sample in run.file.samples:
        if line := _decision(sample):
            own = {"sample_id": sample.uuid, "closeness": closeness.get(line["dilemma"])}
            lines.append({**common, **own, **line})
    order = itemgetter("dilemma", "order", "wording", "epoch", "sample_id")
    return sorted(lines, key=order)


def _decision(sample: EvalSampleSummary) -> Line:
    """Return the columns of `decisions` for one sample; empty for a sample of another task."""
    facts = sample.metadata
    if "dilemma" not in facts or facts.get("order") not in ("ab", "ba"):
        return {}
    first, second = facts["order"]
    score = main_score(sample.scores)
    answer = (score.metadata if score else None) or {}
    choice = answer.get("choice") or "none"
    line = {
        **{name: facts.get(name) for name in ("study", "condition", "dilemma", "kind", "order")},
        "id": str(sample.id),
        "control": facts.get("kind") in CONTROL_KINDS,
        "epoch": sample.epoch,
        "wording": facts.get("wording"),
        "outcome": answer.get("outcome", "error"),
        "choice": choice,
        "first_choice": answer.get("first_choice", choice) or "none",
    }
    for name, value in line.items():
        if name not in ("control", "epoch") and not isinstance(value, str | None):
            raise TypeError(f"{name} is {value!r:.40}")
    shown = {"first": first, "second": second, "coin": "coin"}
    for name, letter in shown.items():
        line[f"human_{name}"] = _number(facts.get(f"human_{letter}"))
        line[f"chance_{name}"] = _number(answer.get(f"chance_{name}"))
    for name, value in facts.items():
        if name[:2] in (f"{first}_", f"{second}_") and isinstance(value, int | float):
            line[("first_" if name[0] == first else "second_") + name[2:]] = float(value)
    return line


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _closeness(run: ModelRun) -> Mapping[str, float]:
    """Return the closeness of the patients in each dilemma of a run; empty if it is unknown."""
    known = _installed(run)
    if known is None:
        return {}
    study, reference = known
    dilemmas = {
        sample.metadata["dilemma"]: study.dilemma_from(sample.metadata)
        for sample in run.file.samples
        if "dilemma" in sample.metadata
    }
    values = reference.closeness(list(dilemmas.values())).tolist() if dilemmas else []
    return dict(zip(dilemmas, values, strict=True))


def _installed(run: ModelRun) -> tuple[Study, Reference] | None:
    """Return the study and the human reference of a run; None if they have changed since then."""
    source = str(run.header.eval.task_args.get("study") or run.panel.study)
    hashes = run.key["study_hash"], run.key["reference"]
    try:
        study, reference, changed = installed(source, run.facts["condition"], *hashes)
    except UserError:
        return None
    return None if changed else (study, reference)
