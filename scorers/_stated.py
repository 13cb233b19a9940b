"""A run of `stated_values` as the rows see it: samples read, and turned into quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai.scorer import SampleScore

from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.human.reference import load_reference
from kidney_evals.measures.revealed import revealed_in
from kidney_evals.measures.stated import StatedAnswer, StatedRun, measure_stated
from kidney_evals.studies import load_study

SAID = "said_"
"""Before a name, in a score's metadata: the number that was read for it."""


def quantity(row: str, scores: Sequence[SampleScore]) -> Quantity:
    """Return one row of a run, NaN with n = 0 where the answers do not determine it.

    Args:
        row: The row's name, or the pattern of a family named from the study's attributes.
        scores: The samples of the run.
    """
    run = read_stated_run(scores)
    if run is None:
        return undefined()
    if row.endswith("*"):
        # A family's metric learns from a sample's value which member it belongs to.
        row = row.replace("*", str(scores[0].score.value).split(" ")[0])
    return measure_stated(run, row)


def read_stated_run(scores: Sequence[SampleScore]) -> StatedRun | None:
    """Turn samples into a run; None where there is none.

    Args:
        scores: Samples of one run, in any order, one per sample and epoch.
    """
    if not scores:
        return None
    # The five columns of a row, and the rows of the scorer, ask for the same samples in turn.
    source = tuple(sorted(_kept(scores[0].sample_metadata).items()))
    key = tuple((one.sample_id, *(one.score.metadata or {}).items()) for one in scores)
    known = _recent.get((source, key))
    if known is None:
        known = _read(scores)
        while len(_recent) >= _KEEP:
            _recent.pop(next(iter(_recent)))
        _recent[(source, key)] = known
    return known


_KEEP = 2
_recent: dict[tuple[Any, Any], StatedRun] = {}


def _kept(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what all samples of a run share: study, people, revealed shares."""
    return {
        name: value
        for name, value in (metadata or {}).items()
        if name in ("study_source", "study_hash", "condition", "reference")
        or name.startswith("revealed_")
    }


def _read(scores: Sequence[SampleScore]) -> StatedRun:
    metadata = scores[0].sample_metadata or {}
    study = load_study(metadata["study_source"])
    inorder = sorted(scores, key=lambda one: (str(one.sample_id), _of(one)["epoch"]))
    return StatedRun(
        study=study,
        reference=load_reference(study, metadata["condition"]),
        answers=tuple(_answer(one) for one in inorder),
        revealed=revealed_in(metadata, study.attribute_ids),
        other_model=any(_of(one).get("other_model", False) for one in scores),
    )


def _answer(one: SampleScore) -> StatedAnswer:
    kept = _of(one)
    return StatedAnswer(
        sample=str(one.sample_id),
        kind=(one.sample_metadata or {})["question"],
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


def _of(one: SampleScore) -> Mapping[str, Any]:
    return one.score.metadata or {}
