"""The golden tables: what is in each and how it is made."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog

from goldens import reading
from goldens.runs import CASES, COMPARED, CONDITIONS, REPORTED, STUDIES, TWO_WORDINGS, Logs, run
from goldens.tables import Table, add, differences, read_table
from kidney_evals import tasks
from kidney_evals.reporting import rows_of
from kidney_evals.studies import Condition

DATA = Path(__file__).parent / "data"
CORPUS = Path(__file__).parent.parent / "data" / "outputs.jsonl"

NO_RUN = "(no run)"
"""Id that stands for a run that cannot be made: nobody was asked, so nobody can be simulated."""

KEYS: Mapping[str, tuple[str, ...]] = {
    **{f"rows_{study}": ("respondent", "condition", "study", "id") for study in STUDIES},
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


def golden(name: str) -> Table:
    """Return a golden table."""
    return read_table(DATA / f"{name}.csv", KEYS[name])


def check(name: str, now: Table, *begin: str) -> None:
    """Assert that a table equals the rows of its golden file whose keys begin with `begin`."""
    rows = {key: cells for key, cells in golden(name).items() if key[: len(begin)] == begin}
    assert not differences(rows, now), name


def rows(study: str, condition: Condition, respondent: str) -> Table:
    """Return every measure of a known respondent on a shipped study."""
    table: Table = {}
    with tempfile.TemporaryDirectory() as folder:
        log = run(CONDITIONS[condition](study=study), respondent, Path(folder), {})
        measured: dict[str, dict[str, object]] = {NO_RUN: dict.fromkeys(reading.VALUES)}
        if log.status == "success":
            measured = reading.cells_of(rows_of(log))
        for name, cells in measured.items():
            add(table, (respondent, condition, study, name), cells)
    return table


def special_runs(names: Iterable[str] = CASES) -> dict[str, Table]:
    """Return the tables made of the runs in `CASES`, of pairs of them, and of a report on them.

    `compare`, `report` and `export_log` are made only with all runs.
    """
    wanted = list(names)
    tables: dict[str, Table] = {"runs": {}, "texts": {}}
    with tempfile.TemporaryDirectory() as folder:
        logs = Logs(Path(folder) / "logs")
        for name in wanted:
            for row, cells in reading.cells_of(rows_of(logs[name])).items():
                add(tables["runs"], (name, row), cells)
            add(tables["texts"], (name,), _texts(logs[name]))
        if set(CASES) <= set(wanted):
            tables |= {"compare": {}, "report": {}}
            for old, new in COMPARED:
                for key, cells in reading.compared(logs.path(old), logs.path(new)):
                    add(tables["compare"], (old, new, *key), cells)
            for place, number in reading.report_numbers(list(map(logs.path, REPORTED))):
                add(tables["report"], place, {"number": number})
            tables["export_log"] = export({"log": ["--log", logs.path("coin"), "--allow-overlap"]})
    return tables


def _texts(log: EvalLog) -> dict[str, object]:
    """Return hashes of the messages by role, and the number of samples."""
    samples = sorted(log.samples or (), key=lambda one: (str(one.id), one.epoch))
    texts = {
        role: [[m.text for m in one.messages if m.role == role] for one in samples]
        for role in ("system", "user", "assistant")
    }
    return {"samples": len(samples)} | {role: _sha(said) for role, said in texts.items()}


_EXPORTED: Mapping[str, list[str]] = {
    "group": [],
    "individual": ["--target", "individual"],
    "majority": ["--target", "majority", "--seed", "3", "--wording", TWO_WORDINGS],
}


def export(sources: Mapping[str, list[str]] = _EXPORTED) -> Table:
    """Return a summary of exported training samples; `sources` holds options of exports by name."""
    table: Table = {}
    with tempfile.TemporaryDirectory() as folder:
        for source, options in sources.items():
            arguments = ["--samples", "24", "--heldout", "16", *options]
            for name, cells in reading.exported(Path(folder) / source, arguments):
                add(table, (source, name), cells)
    return table


def corpus() -> Table:
    """Return the reading of every labelled output.

    Reasons are numbered in the order in which they first occur, so that new words for the same
    reasons change nothing.
    """
    table: Table = {}
    reasons: dict[object, int] = {}
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        output = json.loads(line)
        cells = dict(reading.reading_of(output))
        reason = reasons.setdefault(cells.pop("how"), len(reasons))
        add(table, (output["id"],), {**cells, "reason": reason})
    return table


def samples() -> Table:
    """Return a summary of the samples of every task, for the studies of `runs.STUDIES`."""
    table: Table = {}
    for name, arguments, task in _tasks():
        listed = list(task.dataset)
        ids = [str(one.id) for one in listed]
        cells = {
            "epochs": task.epochs,
            "count": len(ids),
            "ids": _sha(ids),
            "first": ids[0],
            "last": ids[-1],
            "inputs": _sha(list(map(_input, listed))),
            "targets": _sha([one.target for one in listed]),
        }
        add(table, (name, arguments), cells)
    return table


def _input(sample: Sample) -> list[list[str]]:
    if isinstance(sample.input, str):
        return [["user", sample.input]]
    return [[one.role, one.text] for one in sample.input]


_ARGUMENTS: list[dict[str, Any]] = [
    *({"study": study} for study in STUDIES),
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


def _tasks() -> Iterable[tuple[str, str, Task]]:
    for (name, build), arguments in product(CONDITIONS.items(), _ARGUMENTS):
        words = ";".join(f"{key}={value}" for key, value in arguments.items())
        yield name, words, build(**arguments)
    for part in (part for suite in tasks.SUITES.values() for part in suite):
        yield part, "", getattr(tasks, part)()
    for study in STUDIES:
        yield "stated_values", f"study={study}", tasks.stated_values(study=study)
    for condition in CONDITIONS:
        task = tasks.predict_people(condition=condition)
        yield "predict_people", f"condition={condition}", task


def references() -> Table:
    """Return the hashes of the human references, for the studies of `runs.STUDIES`."""
    table: Table = {}
    for place in product(STUDIES, CONDITIONS):
        add(table, place, reading.reference_hashes(*place))
    return table


def reference_arrays() -> Table:
    """Return a summary of the arrays of human references, for the studies of `runs.STUDIES`."""
    table: Table = {}
    for place in product(STUDIES, CONDITIONS):
        for name, cells in reading.reference_arrays(*place):
            add(table, (*place, name), cells)
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
