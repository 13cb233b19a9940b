"""Turn the scored samples of a run, as Inspect passes them to a metric, into arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from inspect_ai.log import EvalLog
from inspect_ai.scorer import SampleScore
from numpy.typing import NDArray

from kidney_evals.estimation.decisions import ORDERS
from kidney_evals.human.reference import load_reference
from kidney_evals.measures import AnyRun
from kidney_evals.measures.other_study import from_other_study
from kidney_evals.measures.prediction_run import Block, PredictionRun, Predictions
from kidney_evals.measures.revealed import revealed_in
from kidney_evals.measures.run import Run
from kidney_evals.measures.stated_run import StatedAnswer, StatedRun
from kidney_evals.scorers.facts import main_score
from kidney_evals.studies import CHOICES, load_study
from kidney_evals.studies.model import CONTROL_KINDS

SAID = "said_"
"""Prefix of the names of parsed numbers in the metadata of a score of `stated_values`."""


class _Samples:
    """Samples of one run, equal to another object with the same answers in the same order.

    It is a cache key: each metric of a scorer gets a copy of the same samples.
    """

    def __init__(self, scores: Sequence[SampleScore]) -> None:
        self.scores: Sequence[SampleScore] = scores
        self.answers = tuple(
            (one.sample_id, *((name, repr(value)) for name, value in _score(one).items()))
            for one in scores
        )
        self.asked = repr(sorted(_shared(_sample(scores[0])).items()))

    def __hash__(self) -> int:
        return hash((self.asked, self.answers))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Samples)
            and self.asked == other.asked
            and self.answers == other.answers
        )


def run_of_scores(scores: Sequence[SampleScore]) -> AnyRun | None:
    """Return the run, as arrays, of its scored samples; None without samples.

    Args:
        scores: Samples of one run, in any order, one per sample and epoch.
    """
    return _read(_Samples(scores)) if scores else None


def run_of_log(log: EvalLog) -> Run | None:
    """Return the run of a log of choices, read with its samples; None without any scored sample."""
    run = run_of_scores(
        [
            SampleScore(score=score, sample_id=sample.id, sample_metadata=sample.metadata)
            for sample in log.samples or ()
            if (score := main_score(sample.scores)) is not None
        ]
    )
    assert run is None or isinstance(run, Run)
    return run


# Caches one run: human draws take 100 MB at 20,000 samples. All metrics of a scorer use it.
@lru_cache(maxsize=1)
def _read(samples: _Samples) -> AnyRun:
    scores, samples.scores = samples.scores, ()
    asked = _sample(scores[0])
    if "question" in asked:
        return _stated(scores)
    if "predicted" in _score(scores[0]):
        return _predictions(scores)
    return _choices(scores)


def _sample(one: SampleScore) -> Mapping[str, Any]:
    return one.sample_metadata or {}


def _score(one: SampleScore) -> Mapping[str, Any]:
    return one.score.metadata or {}


def _shared(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that all samples of a run share and that determine the parsing."""
    names = ("study_source", "study_hash", "condition", "reference", "language", "mechanism")
    return {
        name: value
        for name, value in metadata.items()
        if name in names or name.startswith("revealed_")
    }


def _choices(scores: Sequence[SampleScore]) -> Run:
    """Read the samples of `forced_choice` or `coin_flip`, with the controls as a separate run."""
    controls = [one for one in scores if _sample(one).get("kind") in CONTROL_KINDS]
    asked = [one for one in scores if _sample(one).get("kind") not in CONTROL_KINDS]
    block = _choices_run(controls, None) if controls else None
    return _choices_run(asked, block) if asked else _choices_run(controls, block, count=0)


def _choices_run(
    scores: Sequence[SampleScore], controls: Run | None, count: int | None = None
) -> Run:
    first = _sample(scores[0])
    scores = scores[:count]
    study = load_study(first["study_source"])
    found = _dilemmas(scores)
    index = {name: position for position, name in enumerate(found)}
    codes = {choice: code for code, choice in enumerate(CHOICES)}
    table = [
        (
            index[sample["dilemma"]],
            ORDERS.index(sample["order"]),
            int(kept["epoch"]),
            codes.get(kept["choice"], -1),
            codes.get(kept.get("first_choice", kept["choice"]), -1),
        )
        for sample, kept in ((_sample(one), _score(one)) for one in scores)
    ]
    columns = np.array(table, dtype=np.int64).reshape(-1, 5).T
    wordings = [str(_sample(one).get("wording", "")) for one in scores]
    named = sorted(set(wordings))
    readout = any(_sample(one).get("readout") == "logprobs" for one in scores)
    others = [bool(_score(one).get("answered_by")) for one in scores]
    return Run(
        study=study,
        reference=load_reference(study, first["condition"]),
        dilemmas=tuple(study.dilemma_from(metadata) for metadata in found.values()),
        dilemma=columns[0],
        order=columns[1],
        epoch=columns[2],
        choice=columns[3],
        first_choice=columns[4],
        outcomes=np.array([_score(one).get("outcome") for one in scores], dtype=np.str_),
        departures=np.array([bool(_score(one).get("departures")) for one in scores], np.bool_),
        # Samples of logs from before wordings were recorded have neither entry.
        language=first.get("language", "en"),
        mechanism=first.get("mechanism", "coin"),
        wording=np.array([named.index(name) for name in wordings]) if len(named) > 1 else None,
        chances=(
            np.column_stack([_column(scores, f"chance_{choice}", 0.0) for choice in CHOICES])
            if readout
            else None
        ),
        outside=_column(scores, "outside") if readout else None,
        crossed=all(_sample(one).get("crossed", False) for one in scores),
        at_zero=any(_at_zero(one) for one in scores),
        other_model=sum(others) / len(others) if others else 0.0,
        controls=controls,
    )


def _dilemmas(scores: Sequence[SampleScore]) -> dict[str, Mapping[str, Any]]:
    """Return the metadata of one sample of each dilemma, sorted by the dilemma's id."""
    by_id = {str(_sample(one)["dilemma"]): _sample(one) for one in reversed(scores)}
    return {name: by_id[name] for name in sorted(by_id)}


def _at_zero(one: SampleScore) -> bool:
    departures = str(_score(one).get("departures", ""))
    values = dict(part.partition("=")[::2] for part in departures.split(", "))
    return "temperature" in values and float(values["temperature"]) == 0


def _column(
    scores: Sequence[SampleScore], name: str, absent: float = float("nan")
) -> NDArray[np.float64]:
    values = [_score(one).get(name) for one in scores]
    return np.array([absent if value is None else value for value in values], dtype=np.float64)


def _stated(scores: Sequence[SampleScore]) -> StatedRun:
    """Read the samples of `stated_values`."""
    metadata = _sample(scores[0])
    study = load_study(metadata["study_source"])
    inorder = sorted(scores, key=lambda one: (str(one.sample_id), _score(one)["epoch"]))
    return StatedRun(
        study=study,
        reference=load_reference(study, metadata["condition"]),
        answers=tuple(_stated_answer(one) for one in inorder),
        revealed=revealed_in(metadata, study.attribute_ids),
        other_model=any(_score(one).get("other_model", False) for one in scores),
    )


def _stated_answer(one: SampleScore) -> StatedAnswer:
    kept = _score(one)
    return StatedAnswer(
        sample=str(one.sample_id),
        kind=_sample(one)["question"],
        outcome=kept["outcome"],
        first_outcome=kept.get("first_outcome", kept["outcome"]),
        numbers={
            name.removeprefix(SAID): float(value)
            for name, value in kept.items()
            if name.startswith(SAID)
        },
        rule=kept.get("rule", ""),
        departed=bool(kept.get("departures") or kept.get("answered_by")),
    )


def _predictions(scores: Sequence[SampleScore]) -> PredictionRun:
    """Read the samples of `predict_people`; each names its own study, since a run holds two."""
    blocks: dict[Block, list[SampleScore]] = {}
    for one in scores:
        blocks.setdefault(_sample(one)["kind"], []).append(one)
    asked = [
        (f"{meta['study_hash']} {meta['dilemma']}", ORDERS.index(meta["order"]), kept["outcome"])
        for meta, kept in ((_sample(one), _score(one)) for one in scores)
    ]
    names = {name: place for place, name in enumerate(sorted({name for name, _, _ in asked}))}
    return PredictionRun(
        parts={block: _prediction_part(blocks[block]) for block in sorted(blocks)},
        dilemma=np.array([names[name] for name, _, _ in asked], dtype=np.int64),
        order=np.array([order for _, order, _ in asked], dtype=np.int64),
        outcomes=np.array([outcome for _, _, outcome in asked], dtype=np.str_),
    )


def _prediction_part(scores: Sequence[SampleScore]) -> Predictions:
    first = _sample(scores[0])
    study = load_study(first["study_source"])
    condition = first["condition"]
    reference = load_reference(study, condition)
    found = _dilemmas(scores)
    dilemmas = [study.dilemma_from(meta) for meta in found.values()]
    place = {name: index for index, name in enumerate(found)}
    read = [
        (place[meta["dilemma"]], ORDERS.index(meta["order"]), kept["predicted"])
        for meta, kept in ((_sample(one), _score(one)) for one in scores)
        if kept["predicted"] is not None
    ]
    people = reference.shares(dilemmas)
    counts = np.array(
        [
            [_counts(meta.get(f"own_{order}"), people.shape[1]) for order in ORDERS]
            for meta in found.values()
        ]
    )
    return Predictions(
        dilemma=np.array([where for where, _, _ in read], dtype=np.int64),
        order=np.array([order for _, order, _ in read], dtype=np.int64),
        shares=np.array([shares for _, _, shares in read]).reshape(len(read), people.shape[1]),
        people=people,
        draws=reference.share_draws(dilemmas),
        asked=reference.asked(dilemmas),
        fixed=study.draw is None,
        elsewhere=from_other_study(study, dilemmas, condition),
        chosen=counts if counts.any() else None,
        other_model=any(bool(_score(one).get("other_model")) for one in scores),
    )


def _counts(text: str | None, width: int) -> list[int]:
    return [int(count) for count in text.split()] if text else [0] * width
