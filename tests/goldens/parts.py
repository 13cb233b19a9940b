"""The golden tables: what is in each and how it is made."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog

from goldens import reading
from goldens.runs import (
    CASES,
    COMPARED,
    CONDITIONS,
    REPORTED,
    RESPONDENTS,
    STUDIES,
    TWO_WORDINGS,
    Logs,
    run_study,
)
from goldens.tables import Table
from kidney_evals import tasks
from kidney_evals.studies import Condition

DATA = Path(__file__).parent / "data"

CORPUS = Path(__file__).parent.parent / "data" / "outputs.jsonl"

ROW_KEYS = ("respondent", "condition", "study", "id")

NO_RUN = "(no run)"
"""Id that stands for a run that cannot be made: nobody was asked, so nobody can be simulated."""

KEYS: Mapping[str, tuple[str, ...]] = {
    **{f"rows_{study}": ROW_KEYS for study in STUDIES},
    "runs": ("run", "id"),
    "texts": ("run",),
    "compare": ("old_run", "new_run", "task", "id"),
    "report": ("table", "row", "column"),
    "export": ("source", "file"),
    "export_log": ("source", "file"),
    "corpus": ("id",),
    "samples": ("task", "arguments"),
    "references": ("study", "condition"),
    "reference_arrays": ("study", "condition", "array"),
}
"""The golden files in `data/`, without their ending, and the key columns of each."""


def rows(study: str, condition: Condition, respondent: str) -> Table:
    """Return every measure of a known respondent on a shipped study."""
    table = Table(ROW_KEYS)
    with tempfile.TemporaryDirectory() as folder:
        log = run_study(study, condition, respondent, Path(folder))
        if log.status != "success":
            # The columns of a table are known from its rows.
            table.add((respondent, condition, study, NO_RUN), {"value": None})
            return table
        for name, cells in reading.rows_of_log(log).items():
            table.add((respondent, condition, study, name), cells)
    return table


def study_rows(
    study: str, conditions: Iterable[str] = CONDITIONS, respondents: Iterable[str] = RESPONDENTS
) -> Table:
    """Return every measure of known respondents on a shipped study."""
    table = Table(ROW_KEYS)
    for respondent in respondents:
        for condition in CONDITIONS:
            if condition in conditions:
                table.rows |= rows(study, condition, respondent).rows
    return table


def special_runs(names: Iterable[str] = CASES) -> dict[str, Table]:
    """Return the tables made of one run of each kind, and of pairs and pages of them.

    Args:
        names: Which runs. `compare`, `report` and `export_log` are made only with all of them.
    """
    wanted = list(names)
    with tempfile.TemporaryDirectory() as folder:
        logs = Logs(Path(folder) / "logs")
        found = {"runs": Table(KEYS["runs"]), "texts": Table(KEYS["texts"])}
        for name in wanted:
            for row, cells in reading.rows_of_log(logs[name]).items():
                found["runs"].add((name, row), cells)
            found["texts"].add((name,), _texts(logs[name]))
        if set(CASES) <= set(wanted):
            found["compare"] = _compare(logs)
            found["report"] = _report(logs)
            found["export_log"] = _export(
                Path(folder), {"log": ["--log", logs.path("coin"), "--allow-overlap"]}
            )
    return found


def _texts(log: EvalLog) -> dict[str, object]:
    """Return hashes of what was asked and what was answered."""
    samples = sorted(log.samples or (), key=lambda one: (str(one.id), one.epoch))
    said = {
        role: [[m.text for m in one.messages if m.role == role] for one in samples]
        for role in ("system", "user", "assistant")
    }
    return {"samples": len(samples)} | {role: _sha(texts) for role, texts in said.items()}


def _compare(logs: Logs) -> Table:
    table = Table(KEYS["compare"])
    for old, new in COMPARED:
        for key, cells in reading.compared(logs.path(old), logs.path(new)):
            table.add((old, new, *key), cells)
    return table


def _report(logs: Logs) -> Table:
    table = Table(KEYS["report"])
    for key, number in reading.report_numbers([logs.path(name) for name in REPORTED]):
        table.add(key, {"number": number})
    return table


def _export(folder: Path, sources: Mapping[str, list[str]]) -> Table:
    table = Table(KEYS["export"])
    for source, arguments in sources.items():
        size = ["--samples", "24", "--heldout", "16"]
        for name, cells in reading.exported(folder / f"export_{source}", [*size, *arguments]):
            table.add((source, name), cells)
    return table


def export() -> Table:
    """Return a summary of training samples that need no log."""
    with tempfile.TemporaryDirectory() as folder:
        return _export(
            Path(folder),
            {
                "group": [],
                "individual": ["--target", "individual"],
                "majority": ["--target", "majority", "--seed", "3", "--wording", TWO_WORDINGS],
            },
        )


def corpus() -> Table:
    """Return the reading of every labelled output.

    Reasons are numbered in the order in which they first occur, so that new words for the same
    reasons change nothing.
    """
    table = Table(KEYS["corpus"])
    reasons: dict[object, int] = {}
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        output = json.loads(line)
        cells = reading.reading_of(output)
        reason = reasons.setdefault(cells.pop("how"), len(reasons))
        table.add((output["id"],), {**cells, "reason": reason})
    return table


def samples() -> Table:
    """Return a summary of the samples of every task and study."""
    table = Table(KEYS["samples"])
    for name, arguments, task in _tasks():
        listed = list(task.dataset)
        ids = [str(one.id) for one in listed]
        table.add(
            (name, arguments),
            {
                "epochs": task.epochs,
                "count": len(ids),
                "ids": _sha(ids),
                "first": ids[0],
                "last": ids[-1],
                "inputs": _sha([_input(one) for one in listed]),
                "targets": _sha([one.target for one in listed]),
            },
        )
    return table


def _input(sample: Sample) -> list[list[str]]:
    if isinstance(sample.input, str):
        return [["user", sample.input]]
    return [[one.role, one.text] for one in sample.input]


def _tasks() -> Iterable[tuple[str, str, Task]]:
    for name, build in CONDITIONS.items():
        for study in STUDIES:
            yield name, f"study={study}", build(study=study)
        more: list[dict[str, Any]] = [
            {"dilemmas": 50},
            {"dilemmas": 400},
            {"draw_seed": 7},
            {"orders": "random"},
            {"orders": "as_listed"},
            {"wording": "all"},
            {"wording": "german"},
            {"wording": "french"},
            {"wording": TWO_WORDINGS, "crossed": True},
        ]
        for arguments in more:
            told = ";".join(f"{key}={value}" for key, value in arguments.items())
            yield name, told, build(**arguments)
    for suite in tasks.SUITES.values():
        for part in suite:
            yield part, "", getattr(tasks, part)()
    for study in STUDIES:
        yield "stated_values", f"study={study}", tasks.stated_values(study=study)
    for condition in CONDITIONS:
        yield (
            "predict_people",
            f"condition={condition}",
            tasks.predict_people(condition=condition),
        )


def references() -> Table:
    """Return the hashes of the human side of every study and condition."""
    table = Table(KEYS["references"])
    for study in STUDIES:
        for condition in CONDITIONS:
            table.add((study, condition), reading.reference_hashes(study, condition))
    return table


def reference_arrays() -> Table:
    """Return a summary of every array of the human side of every study and condition."""
    table = Table(KEYS["reference_arrays"])
    for study in STUDIES:
        for condition in CONDITIONS:
            for name, cells in reading.reference_arrays(study, condition):
                table.add((study, condition, name), cells)
    return table


QUICK: Mapping[str, Callable[[], Table]] = {
    "corpus": corpus,
    "samples": samples,
    "references": references,
    "reference_arrays": reference_arrays,
    "export": export,
}
"""Tables that need no run. The samples exported from a log are made with the runs."""


def _sha(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
