"""A run's samples, as Inspect hands them to a metric, turned into arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from inspect_ai.log import EvalLog
from inspect_ai.scorer import SampleScore
from numpy.typing import NDArray

from kidney_evals.estimation.decisions import ORDERS
from kidney_evals.estimation.indecision import outcome_share
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.human.reference import load_reference
from kidney_evals.measures.names import CHOICES, CONTROL_ROWS, IMPORTANCE
from kidney_evals.measures.rows import measure
from kidney_evals.measures.run import Run
from kidney_evals.scorers._families import warn_of_failure
from kidney_evals.studies import Dilemma, load_study
from kidney_evals.studies.model import CONTROL_KINDS


def quantity(row: str, scores: Sequence[SampleScore]) -> Quantity:
    """Return one row of a run, NaN with n = 0 where the samples do not determine it.

    Args:
        row: The row's name; the patterns of `kidney_evals.measures.names` end in a star.
        scores: The samples that count for this row.
    """
    run = read_run(scores)
    if run is None:
        return undefined()
    if row in CONTROL_ROWS:
        hit = np.array([float(one.score.as_float()) for one in scores]) == 1.0
        return outcome_share(run.dilemma, run.order, hit)
    if row == IMPORTANCE:
        # A family's metric learns from a sample's value which member it belongs to.
        row = IMPORTANCE.replace("*", str(scores[0].score.value).split(" ")[0])
    row = row.rstrip("*")
    found = measure(run, row)
    for name, error in run.failures.items():
        warn_of_failure(name, str(error))
    return found


def read_run(scores: Sequence[SampleScore]) -> Run | None:
    """Turn samples into arrays; None where there is none.

    Args:
        scores: Samples of one run, in any order, one per sample and epoch.
    """
    if not scores:
        return None
    # The five columns of a row, and the rows of a scorer, ask for the same samples in turn.
    key = tuple((one.sample_id, *(one.score.metadata or {}).items()) for one in scores)
    source = _source(scores[0])
    known = _recent.get((source, key))
    if known is None:
        known = _read(scores, source)
        while len(_recent) >= _KEEP:
            _recent.pop(next(iter(_recent)))
        _recent[(source, key)] = known
    return known


def run_of_log(log: EvalLog) -> Run | None:
    """Return the samples of a log read with its samples, controls left out; None without any.

    Args:
        log: Scored by the scorer `answers`, which scores everything.
    """
    return read_run(
        [
            SampleScore(score=score, sample_id=sample.id, sample_metadata=sample.metadata)
            for sample in log.samples or ()
            if (score := (sample.scores or {}).get("answers")) is not None
            and sample.metadata.get("kind") not in CONTROL_KINDS
        ]
    )


_KEEP = 4
_recent: dict[tuple[Any, Any], Run] = {}


def _source(score: SampleScore) -> tuple[Any, ...]:
    metadata = score.sample_metadata or {}
    named = _get(metadata, "study_source", "study_hash", "condition", "reference")
    # Samples of logs older than wordings say neither.
    return *named, metadata.get("language", "en"), metadata.get("mechanism", "coin")


def _get(metadata: dict[str, Any] | None, *names: str) -> tuple[Any, ...]:
    return tuple((metadata or {}).get(name) for name in names)


def _read(scores: Sequence[SampleScore], source: tuple[Any, ...]) -> Run:
    study = load_study(source[0])
    found: dict[str, Dilemma] = {}
    for one in scores:
        metadata = one.sample_metadata or {}
        if metadata["dilemma"] not in found:
            found[metadata["dilemma"]] = study.dilemma_from(metadata)
    names = sorted(found)
    index = {name: position for position, name in enumerate(names)}
    codes = {choice: code for code, choice in enumerate(CHOICES)}
    table = [
        (
            index[sample["dilemma"]],
            ORDERS.index(sample["order"]),
            int(kept["epoch"]),
            codes.get(kept["choice"], -1),
            codes.get(kept.get("first_choice", kept["choice"]), -1),
        )
        for one in scores
        for sample, kept in (((one.sample_metadata or {}), (one.score.metadata or {})),)
    ]
    columns = np.array(table, dtype=np.int64).T
    outcomes = [_get(one.score.metadata, "outcome")[0] for one in scores]
    departures = [bool(_get(one.score.metadata, "departures")[0]) for one in scores]
    wordings = [str((one.sample_metadata or {}).get("wording", "")) for one in scores]
    named = sorted(set(wordings))
    readout = any((one.sample_metadata or {}).get("readout") == "logprobs" for one in scores)
    return Run(
        study=study,
        reference=load_reference(study, source[2]),
        dilemmas=tuple(found[name] for name in names),
        dilemma=columns[0],
        order=columns[1],
        epoch=columns[2],
        choice=columns[3],
        first_choice=columns[4],
        outcomes=np.array(outcomes, dtype=np.str_),
        departures=np.array(departures, dtype=np.bool_),
        language=source[4],
        mechanism=source[5],
        wording=np.array([named.index(name) for name in wordings]) if len(named) > 1 else None,
        chances=(
            np.column_stack([_column(scores, f"chance_{choice}", 0.0) for choice in CHOICES])
            if readout
            else None
        ),
        outside=_column(scores, "outside") if readout else None,
        crossed=all((one.sample_metadata or {}).get("crossed", False) for one in scores),
        at_zero=any(_at_zero(one) for one in scores),
        other_model=sum(bool((one.score.metadata or {}).get("answered_by")) for one in scores)
        / len(scores),
    )


def _at_zero(score: SampleScore) -> bool:
    departures = str((score.score.metadata or {}).get("departures", ""))
    values = dict(part.partition("=")[::2] for part in departures.split(", "))
    return "temperature" in values and float(values["temperature"]) == 0


def _column(
    scores: Sequence[SampleScore], name: str, absent: float = float("nan")
) -> NDArray[np.float64]:
    values = [(one.score.metadata or {}).get(name) for one in scores]
    return np.array([absent if value is None else value for value in values], dtype=np.float64)
