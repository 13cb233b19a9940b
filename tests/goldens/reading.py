"""How the goldens read the package; no other file here knows its internals.

Each function turns something that the package makes into plain numbers and text. When the package
is rebuilt these functions are rewritten and the golden files stay.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner

from kidney_evals.cli import main
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.measures import AnyRun, compute, flags_of
from kidney_evals.measures.prediction_run import PredictionRun
from kidney_evals.measures.run import Run
from kidney_evals.measures.stated_run import StatedRun
from kidney_evals.reporting.page import read_report
from kidney_evals.reporting.rows import Rows
from kidney_evals.studies import Condition, dilemmas_of, load_study

VALUES = ("value", "low", "high", "n", "human")
"""Columns of the rows of a run."""

_MAJORITY, _PERSON, _GUESSING = "always the majority", "one person", "guessing"

BASELINES = {
    "agreement": {_MAJORITY: "agr_major", _PERSON: "agr_person", _GUESSING: "agr_unif"},
    "distance": {
        _MAJORITY: "dist_major",
        "never flips": "dist_never",
        _PERSON: "dist_pers",
        _GUESSING: "dist_unif",
    },
    **{
        f"pred_{block}": {
            _MAJORITY: f"pred_{short}_major",
            _GUESSING: f"pred_{short}_unif",
            "the other study": f"pred_{short}_study",
            "half of people": f"pred_{short}_half",
        }
        for block, short in (("fixed", "fx"), ("drawn", "dr"))
    },
}
"""Names of baselines in the goldens, by measure and by the baseline's label."""

BOUNDS = {
    "agreement": "lim_agree",
    "flip_rate": "lim_flips",
    "swap_diff": "lim_swap",
    "flip_calib": "lim_calib",
    "distance": "lim_dist",
}
"""Names in the goldens of the bounds that unanswered samples leave open, by measure."""

FIRST = {"coverage": "cover_1st", "agreement": "agree_1st", "flip_rate": "flips_1st"}
"""Names in the goldens of measures of the first answers alone."""


def cells_of(rows: Rows) -> dict[str, dict[str, object]]:
    """Return the `VALUES` of each row of a run by the row's id, not rounded; NaN if undefined.

    Baselines, bounds and first answers have the names in `BASELINES`, `BOUNDS` and `FIRST`.
    """
    assert rows.run is not None
    found = dict(rows)
    for id, names in BASELINES.items():
        known = rows.baselines(id) if id in rows else {}
        found |= {names[name]: value for name, value in known.items()}
    for id, name in BOUNDS.items():
        if id in rows and (bounds := rows.bounds(id)) is not None:
            found[name] = bounds
    if isinstance(rows.run, Run):
        found |= {name: compute(rows.run.first, id) for id, name in FIRST.items() if id in rows}
    for id, value in flags_of(rows.run).items():
        found[id] = Quantity(value, n=_asked(rows.run, id) if value == value else 0)
    return {
        name: {column: getattr(row, column) for column in VALUES} for name, row in found.items()
    }


def _asked(run: AnyRun, flag: str) -> int:
    """Return how many samples a flag is about; for `pred_contam`, how many dilemmas."""
    if isinstance(run, Run):
        return len(run.choice)
    if isinstance(run, StatedRun):
        return len(run.answers)
    assert isinstance(run, PredictionRun)
    if flag == "pred_contam":
        return sum(int(part.predicted.sum()) for part in run.parts.values())
    return len(run.outcomes)


def reading_of(output: Mapping[str, Any]) -> dict[str, object]:
    """Return `outcome`, `answer` and `how` of an output of the labelled corpus.

    `how` is the reason of the reading, without quoted words of the output.
    """
    given = {name: output[name] for name in ("text", "condition", "stop", "refused")}
    reading = read_answer(given.pop("text"), **given)
    how = re.sub(r'".*"', '""', reading.how)
    return {"outcome": reading.outcome, "answer": reading.answer, "how": how}


def reference_hashes(study: str, condition: Condition) -> dict[str, object]:
    """Return hashes, version and number of people of the human reference."""
    loaded = load_study(study)
    reference = load_reference(loaded, condition)
    return {
        "study_hash": loaded.hash,
        "reference_hash": reference.sha256,
        "version": reference.version,
        "people": reference.people,
        "has_people": reference.has_people,
    }


def reference_arrays(study: str, condition: Condition) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the name and a summary of each array of the human reference."""
    for name, array in _arrays(load_reference(load_study(study), condition)):
        numbers = np.asarray(array, dtype=np.float64)
        flat = numbers.ravel()
        known = flat[np.isfinite(flat)]
        # Any two numbers that change places change the last of the means.
        ranked = known * np.linspace(0, 1, len(known))
        cells = {
            "shape": "x".join(map(str, numbers.shape)),
            "finite": len(known),
            "first": float(flat[0]) if len(flat) else math.nan,
            "last": float(flat[-1]) if len(flat) else math.nan,
        }
        means = {"mean": known, "mean_square": known**2, "mean_ranked": ranked}
        for column, values in means.items():
            cells[column] = float(values.mean()) if len(known) else math.nan
        yield name, cells


def _arrays(reference: Reference) -> Iterator[tuple[str, Any]]:
    scalars = ("slope", "half_threshold")
    for name in ("weights", "importance", "importance_draws", "strict_weights", *scalars):
        yield name, getattr(reference, name)
    if reference.distances is not None:
        for name in ("probabilities", "distances", "answers"):
            yield f"distances_{name}", getattr(reference.distances, name)
    for quantity, band in sorted(reference.persons.items()):
        yield f"person_{quantity}", band
    if reference.has_people:
        dilemmas = dilemmas_of(reference.study, None, None)
        for name in ("shares", "share_draws", "counts", "closeness"):
            yield name, getattr(reference, name)(dilemmas)


def report_numbers(logs: Sequence[str]) -> Iterator[tuple[tuple[str, int, int], float]]:
    """Yield every number in the tables of a report on logs, by table, row and column."""
    page = read_report(logs)
    for section in page.sections:
        for figure in section.figures:
            # The id of a table of all measures ends in the id of what was asked.
            for row, cells in enumerate(figure.table.rows):
                for column, cell in enumerate(cells):
                    if not isinstance(cell, str):
                        yield (f"{section.id}/{figure.id}", row, column), float(cell)


def compared(old: str, new: str) -> Iterator[tuple[tuple[str, str], dict[str, object]]]:
    """Yield the numbers that `compare` gives for each measure of two logs, by task and measure."""
    for panel in json.loads(_called("compare", old, new, "--format", "json"))["panels"]:
        for row in panel["rows"]:
            left_out = ("row", "label", "why", "bounds", "detectable")
            cells = {name: value for name, value in row.items() if name not in left_out}
            for name in ("bounds", "detectable"):
                low, high = row[name] or (None, None)
                cells |= {f"{name}_low": low, f"{name}_high": high}
            yield (panel["task"], row["row"]), cells


def _called(*arguments: str) -> str:
    """Return the standard output of a command; raise if it fails."""
    result = CliRunner().invoke(main, arguments)
    if result.exit_code != 0:
        raise RuntimeError(result.output)
    return result.stdout


def exported(folder: Path, arguments: Sequence[str]) -> Iterator[tuple[str, dict[str, object]]]:
    """Export training samples and yield each file's name and summary."""
    _called("sft", "export", "--out", str(folder), *arguments)
    for part, ending in product(("train", "heldout"), ("jsonl", "csv")):
        name = f"{part}.{ending}"
        content = (folder / name).read_bytes()
        lines = content.decode("utf-8").splitlines()
        sha256 = hashlib.sha256(content).hexdigest()
        first = lines[0] if ending == "jsonl" else lines[1]
        yield name, {"lines": len(lines), "sha256": sha256, "first": first}
