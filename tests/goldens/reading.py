"""How the goldens read the package: the only file here that knows its internals.

Each function turns something that the package makes into plain numbers and text. When the package
is rebuilt these functions are rewritten and the golden files stay.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner
from inspect_ai.log import EvalLog, recompute_metrics

from kidney_evals.cli import main
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.page import read_report
from kidney_evals.scorers import _estimate
from kidney_evals.studies import Condition, load_study

Cells = Mapping[str, object]

ALL_DIGITS = 400
"""A number of decimals at which rounding changes no float."""


def rows_of_log(log: EvalLog) -> dict[str, dict[str, object]]:
    """Compute every measure of a run from the samples in its log.

    Args:
        log: A log with its samples, of any task of the package.

    Returns:
        The columns value, low, high, human and n of each measure by its id, not rounded, NaN where
        there is no number.
    """
    copy = log.model_copy(deep=True)
    digits, _estimate.DIGITS = _estimate.DIGITS, ALL_DIGITS
    try:
        recompute_metrics(copy)
    finally:
        _estimate.DIGITS = digits
    return {name: _cells(row) for name, row in rows_of(copy).items()}


def stored_rows(log: EvalLog) -> dict[str, dict[str, object]]:
    """Return the measures that a log stores, as `rows_of_log` does; they are rounded."""
    return {name: _cells(row) for name, row in rows_of(log).items()}


def _cells(row: Quantity) -> dict[str, object]:
    return {
        "value": row.value,
        "low": row.low,
        "high": row.high,
        "n": row.n,
        # The human value beside the measure. Issue 14 changes its meaning on purpose.
        "human": row.human,
    }


def reading_of(output: Mapping[str, Any]) -> dict[str, object]:
    """Read one output of the labelled corpus.

    Returns:
        `outcome`, `answer`, and `how`: why it was read so, without the words that were read.
    """
    reading = read_answer(
        output["text"],
        condition=output["condition"],
        stop=output["stop"],
        refused=output["refused"],
    )
    how = re.sub(r'".*"', '""', reading.how)
    return {"outcome": reading.outcome, "answer": reading.answer, "how": how}


def reference_hashes(study: str, condition: Condition) -> dict[str, object]:
    """Return what names the human side of a study and condition: hashes and versions."""
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
    """Yield the name and a summary of each array of the human side of a study and condition."""
    loaded = load_study(study)
    reference = load_reference(loaded, condition)
    for name, array in _arrays(reference):
        numbers = np.asarray(array, dtype=np.float64)
        flat = numbers.ravel()
        known = flat[np.isfinite(flat)]
        yield (
            name,
            {
                "shape": "x".join(map(str, numbers.shape)),
                "finite": len(known),
                "first": float(flat[0]) if len(flat) else math.nan,
                "last": float(flat[-1]) if len(flat) else math.nan,
                "mean": float(known.mean()) if len(known) else math.nan,
                "mean_square": float((known**2).mean()) if len(known) else math.nan,
                # Any two numbers that change places change this one.
                "mean_ranked": (
                    float((known * np.linspace(0, 1, len(known))).mean())
                    if len(known)
                    else math.nan
                ),
            },
        )


def _arrays(reference: Reference) -> Iterator[tuple[str, Any]]:
    for name in (
        "weights",
        "covariance",
        "weight_draws",
        "importance",
        "importance_draws",
        "strict_weights",
        "slope",
        "slope_draws",
        "half_threshold",
    ):
        yield name, getattr(reference, name)
    if reference.curve is not None:
        for name in ("edges", "masses", "rates", "variance", "low", "high", "draws"):
            yield f"curve_{name}", getattr(reference.curve, name)
    if reference.distances is not None:
        yield "distances_probabilities", reference.distances.probabilities
        yield "distances_distances", reference.distances.distances
        yield "distances_answers", reference.distances.answers
    for quantity, respondents in sorted(reference.anchors.items()):
        for respondent, anchor in sorted(respondents.items()):
            yield f"anchor_{quantity}_{respondent}", [anchor.value, anchor.low, anchor.high]
    if reference.has_people:
        dilemmas = _dilemmas(reference)
        yield "shares", reference.shares(dilemmas)
        yield "smoothed_shares", reference.smoothed_shares(dilemmas)
        yield "share_draws", reference.share_draws(dilemmas)
        yield "counts", reference.counts(dilemmas)
        yield "closeness", reference.closeness(dilemmas)


def _dilemmas(reference: Reference) -> Sequence[Any]:
    from kidney_evals.studies import dilemmas_of

    return dilemmas_of(reference.study, None, None)


def report_numbers(logs: Sequence[str]) -> Iterator[tuple[tuple[str, int, int], float]]:
    """Yield every number in the tables of a report, by table, row and column.

    Args:
        logs: The logs that the report is on.
    """
    page = read_report(logs)
    for section in page.sections:
        for figure in section.figures:
            # The id of a table of all measures ends in the id of what was asked.
            for row, cells in enumerate(figure.table.rows):
                for column, cell in enumerate(cells):
                    if not isinstance(cell, str):
                        yield (f"{section.id}/{figure.id}", row, column), float(cell)


def compared(old: str, new: str) -> Iterator[tuple[tuple[str, str], dict[str, object]]]:
    """Yield what `compare` says of each measure of two logs, by task and measure."""
    result = CliRunner().invoke(main, ["compare", old, new, "--format", "json"])
    if result.exit_code != 0:
        raise RuntimeError(result.output)
    for panel in json.loads(result.output)["panels"]:
        for row in panel["rows"]:
            cells = {
                name: value
                for name, value in row.items()
                if name not in ("row", "label", "why", "bounds", "detectable")
            }
            for name in ("bounds", "detectable"):
                low, high = row[name] or (None, None)
                cells |= {f"{name}_low": low, f"{name}_high": high}
            yield (panel["task"], row["row"]), cells


def exported(folder: Path, arguments: Sequence[str]) -> Iterator[tuple[str, dict[str, object]]]:
    """Export training samples and yield each file's name and summary."""
    result = CliRunner().invoke(main, ["sft", "export", "--out", str(folder), *arguments])
    if result.exit_code != 0:
        raise RuntimeError(result.output)
    for part in ("train", "heldout"):
        for ending in ("jsonl", "csv"):
            content = (folder / f"{part}.{ending}").read_bytes()
            lines = content.decode("utf-8").splitlines()
            first = lines[0] if ending == "jsonl" else lines[1]
            yield (
                f"{part}.{ending}",
                {
                    "lines": len(lines),
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "first": first,
                },
            )
