"""Turn the scored samples of a run, as Inspect passes them to a metric, into arrays."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from inspect_ai.log import EvalLog
from inspect_ai.scorer import SampleScore
from numpy.typing import NDArray

from kidney_evals.estimation.decisions import ORDERS
from kidney_evals.estimation.probes import NO_LEVEL
from kidney_evals.human.reference import load_reference
from kidney_evals.measures import AnyRun
from kidney_evals.measures.other_study import from_other_study
from kidney_evals.measures.prediction_run import PredictionRun, Predictions
from kidney_evals.measures.revealed import revealed_in
from kidney_evals.measures.run import Run
from kidney_evals.measures.stated_run import StatedAnswer, StatedRun
from kidney_evals.scorers.shared import main_score
from kidney_evals.studies import CHOICES, Study, load_study
from kidney_evals.studies.model import CONTROL_KINDS

Row = Mapping[str, Any]
"""The metadata of a sample and of its score."""

_last: dict[str, AnyRun] = {}
"""The run that was read last, which all metrics of a scorer use, by the content of its samples.

Each metric gets a copy of the same samples. Human draws of one run take 100 MB at 20,000 samples.
"""

_SHARED = (
    *("study_source", "study_hash", "condition", "reference"),
    *("language", "mechanism", "probe", "probe_levels"),
)
"""Metadata that all samples of a run share and that determine the parsing, with `revealed_*`."""


def run_of_scores(scores: Sequence[SampleScore]) -> AnyRun | None:
    """Return the run, as arrays, of its scored samples in any order; None without samples.

    Raises:
        UserError: The study of the run cannot be read.
    """
    if not scores:
        return None
    about = sorted(
        (name, value)
        for name, value in (scores[0].sample_metadata or {}).items()
        if name in _SHARED or name.startswith("revealed_")
    )
    key = repr((about, [(one.sample_id, one.score.metadata) for one in scores]))
    run = _last.get(key)
    if run is None:
        # The former run is released before its successor takes memory.
        _last.clear()
        rows = [
            (one.sample_metadata or {})
            | (one.score.metadata or {})
            | {"sample": str(one.sample_id)}
            for one in scores
        ]
        run = _last[key] = _read(rows)
    return run


def run_of_log(log: EvalLog) -> Run | None:
    """Return the run of a log of choices, read with its samples; None without any scored sample.

    Raises:
        UserError: The study of the run cannot be read.
    """
    run = run_of_scores(
        [
            SampleScore(score=score, sample_id=sample.id, sample_metadata=sample.metadata)
            for sample in log.samples or ()
            if (score := main_score(sample.scores)) is not None
        ]
    )
    assert run is None or isinstance(run, Run)
    return run


def _read(rows: Sequence[Row]) -> AnyRun:
    if "question" in rows[0]:
        return _stated(rows)
    if "predicted" in rows[0]:
        return _predictions(rows)
    study = load_study(rows[0]["study_source"])
    controls = [row for row in rows if row.get("kind") in CONTROL_KINDS]
    asked = [row for row in rows if row.get("kind") not in CONTROL_KINDS]
    block = _choices(study, rows[0], controls, None) if controls else None
    return _choices(study, rows[0], asked, block)


def _choices(study: Study, about: Row, rows: Sequence[Row], controls: Run | None) -> Run:
    """Read samples of `forced_choice` or `coin_flip`, which may be none."""
    found = _dilemmas(rows)
    codes = {choice: code for code, choice in enumerate(CHOICES)}
    named, wording = np.unique([str(row.get("wording", "")) for row in rows], return_inverse=True)
    readouts = {row.get("readout", "sample") for row in rows} - {"sample"}
    chances = [_column(rows, f"chance_{choice}", 0.0) for choice in CHOICES]
    others = [bool(row.get("answered_by")) for row in rows]
    levels = tuple(filter(None, str(about.get("probe_levels", "")).split(",")))
    return Run(
        study=study,
        reference=load_reference(study, about["condition"]),
        dilemmas=tuple(study.dilemma_from(row) for row in found.values()),
        dilemma=_ints(rows, _place(found)),
        order=_ints(rows, _order),
        epoch=_ints(rows, lambda row: int(row["epoch"])),
        choice=_ints(rows, lambda row: codes.get(row["choice"], -1)),
        first_choice=_ints(rows, lambda row: codes.get(row.get("first_choice", row["choice"]), -1)),
        outcomes=np.array([row.get("outcome") for row in rows], dtype=np.str_),
        departures=np.array([bool(row.get("departures")) for row in rows], np.bool_),
        # The metadata of a sample holds what differs from the usual form.
        language=about.get("language", "en"),
        mechanism=about.get("mechanism", "coin"),
        wording=wording if len(named) > 1 else None,
        chances=np.column_stack(chances) if readouts else None,
        outside=_column(rows, "outside") if readouts else None,
        begun="prefill" in readouts,
        crossed=all(row.get("crossed", False) for row in rows),
        at_zero=any(_at_zero(str(row.get("departures", ""))) for row in rows),
        other_model=sum(others) / len(others) if others else 0.0,
        controls=controls,
        probe=str(about.get("probe", "")),
        levels=levels,
        level_first=_levels(rows, levels, 0) if levels else None,
        level_second=_levels(rows, levels, 1) if levels else None,
    )


def _levels(rows: Sequence[Row], levels: Sequence[str], listed: int) -> NDArray[np.int64]:
    """Return the index of the level of the candidate listed first (0) or second (1)."""
    code = {name: index for index, name in enumerate(levels)}
    # An order is the letter, as shown, of each listed candidate.
    names = (str(row.get(f"probe_{row['order'][listed]}")) for row in rows)
    return np.array([code.get(name, NO_LEVEL) for name in names], dtype=np.int64)


def _dilemmas(rows: Sequence[Row]) -> dict[str, Row]:
    """Return the first sample of each dilemma, sorted by the dilemma's id."""
    by_id = {str(row["dilemma"]): row for row in reversed(rows)}
    return {name: by_id[name] for name in sorted(by_id)}


def _place(found: Mapping[str, Row]) -> Callable[[Row], int]:
    """Return the function that gives the index of a sample's dilemma in `found`."""
    places = {name: place for place, name in enumerate(found)}
    return lambda row: places[row["dilemma"]]


def _order(row: Row) -> int:
    return ORDERS.index(row["order"])


def _ints(rows: Sequence[Row], value: Callable[[Row], int]) -> NDArray[np.int64]:
    return np.array([value(row) for row in rows], dtype=np.int64)


def _column(rows: Sequence[Row], name: str, absent: float = np.nan) -> NDArray[np.float64]:
    values = [row.get(name) for row in rows]
    return np.array([absent if value is None else value for value in values], dtype=np.float64)


def _at_zero(departures: str) -> bool:
    """Return whether departures such as "temperature=0, seed=1" set the temperature to 0."""
    values = dict(part.partition("=")[::2] for part in departures.split(", "))
    return "temperature" in values and float(values["temperature"]) == 0


def _stated(rows: Sequence[Row]) -> StatedRun:
    """Read the samples of `stated_values`."""
    study = load_study(rows[0]["study_source"])
    return StatedRun(
        study=study,
        reference=load_reference(study, rows[0]["condition"]),
        answers=tuple(
            StatedAnswer(
                sample=row["sample"],
                kind=row["question"],
                outcome=row["outcome"],
                first_outcome=row.get("first_outcome", row["outcome"]),
                numbers={
                    name.removeprefix("said_"): float(value)
                    for name, value in row.items()
                    if name.startswith("said_")
                },
                rule=row.get("rule", ""),
                departed=bool(row.get("departures") or row.get("answered_by")),
            )
            for row in sorted(rows, key=lambda row: (row["sample"], row["epoch"]))
        ),
        revealed=revealed_in(rows[0], study.attribute_ids),
        other_model=any(row.get("other_model", False) for row in rows),
    )


def _predictions(rows: Sequence[Row]) -> PredictionRun:
    """Read the samples of `predict_people`, a run of which asks about one study or two."""
    names = [f"{row['study_hash']} {row['dilemma']}" for row in rows]
    return PredictionRun(
        parts={
            block: _prediction_part([row for row in rows if row["kind"] == block])
            for block in sorted({row["kind"] for row in rows})
        },
        dilemma=np.unique(names, return_inverse=True)[1],
        order=_ints(rows, _order),
        outcomes=np.array([row["outcome"] for row in rows], dtype=np.str_),
    )


def _prediction_part(rows: Sequence[Row]) -> Predictions:
    condition = rows[0]["condition"]
    study = load_study(rows[0]["study_source"])
    reference = load_reference(study, condition)
    found = _dilemmas(rows)
    dilemmas = [study.dilemma_from(row) for row in found.values()]
    read = [row for row in rows if row["predicted"] is not None]
    people = reference.shares(dilemmas)
    width = people.shape[1]
    none = " ".join("0" * width)
    own = [[row.get(f"own_{order}", none).split() for order in ORDERS] for row in found.values()]
    chosen = np.array(own, dtype=np.int64)
    return Predictions(
        dilemma=_ints(read, _place(found)),
        order=_ints(read, _order),
        shares=np.array([row["predicted"] for row in read]).reshape(len(read), width),
        people=people,
        draws=reference.share_draws(dilemmas),
        asked=reference.asked(dilemmas),
        fixed=study.draw is None,
        elsewhere=from_other_study(study, dilemmas, condition),
        chosen=chosen if chosen.any() else None,
        other_model=any(bool(row.get("other_model")) for row in rows),
    )
