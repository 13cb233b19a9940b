"""A run's predictions, as Inspect hands them to a metric, turned into rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from inspect_ai.scorer import SampleScore

from kidney_evals.estimation.decisions import ORDERS
from kidney_evals.estimation.indecision import outcome_share
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.human.reference import load_reference
from kidney_evals.human.sources import CountShares
from kidney_evals.measures import own_choices as own
from kidney_evals.measures import prediction_scores as measures
from kidney_evals.measures.other_study import from_other_study
from kidney_evals.measures.prediction_names import COVER, FLIPS, OTHER_MODEL, OWN, PARTS, Block
from kidney_evals.measures.predictions import Floats, Ints, Predictions
from kidney_evals.studies import Dilemma, load_study


@dataclass(frozen=True, eq=False)
class _Part:
    """The samples of one study.

    Attributes:
        given: The predictions that were read.
        study: What the people of the other study lead to expect, shape (D, K); None if unknown.
        own: The predictions with the model's own choices; None where no log of them was given.
        other_model: Whether those choices are another model's.
    """

    given: Predictions
    study: Floats | None
    own: own.OwnChoices | None
    other_model: bool


@dataclass(frozen=True, eq=False)
class _Run:
    """A run: its parts by block, and the kinds of answer of all samples."""

    parts: Mapping[Block, _Part]
    dilemma: Ints
    order: Ints
    outcomes: np.ndarray[Any, np.dtype[np.str_]]


_KEEP = 4
_recent: dict[tuple[Any, ...], _Run] = {}


def quantity(row: str, scores: Sequence[SampleScore]) -> Quantity:
    """Return one row of a run of predictions, NaN with n = 0 where nothing determines it.

    Args:
        row: The row's name, or its name with a star.
        scores: All samples of the run.
    """
    if not scores:
        return undefined()
    # The rows of the scorer ask for the same samples in turn.
    key = tuple((one.sample_id, repr(one.score.metadata)) for one in scores)
    run = _recent.get(key)
    if run is None:
        run = _read(scores)
        while len(_recent) >= _KEEP:
            _recent.pop(next(iter(_recent)))
        _recent[key] = run
    return _ROWS[row.rstrip("*")](run)


def _read(scores: Sequence[SampleScore]) -> _Run:
    blocks: dict[Block, list[SampleScore]] = {}
    for one in scores:
        # Each sample names its own study: a run holds two.
        blocks.setdefault((one.sample_metadata or {})["kind"], []).append(one)
    asked = [
        (f"{meta['study_hash']} {meta['dilemma']}", ORDERS.index(meta["order"]), kept["outcome"])
        for one in scores
        for meta, kept in ((one.sample_metadata or {}, one.score.metadata or {}),)
    ]
    names = {name: place for place, name in enumerate(sorted({name for name, _, _ in asked}))}
    return _Run(
        parts={block: _part(blocks[block]) for block in sorted(blocks)},
        dilemma=np.array([names[name] for name, _, _ in asked], dtype=np.int64),
        order=np.array([order for _, order, _ in asked], dtype=np.int64),
        outcomes=np.array([outcome for _, _, outcome in asked], dtype=np.str_),
    )


def _part(scores: Sequence[SampleScore]) -> _Part:
    first = scores[0].sample_metadata or {}
    study = load_study(first["study_source"])
    condition = first["condition"]
    reference = load_reference(study, condition)
    found: dict[str, tuple[Dilemma, dict[str, Any]]] = {}
    for one in scores:
        meta = one.sample_metadata or {}
        if meta["dilemma"] not in found:
            found[meta["dilemma"]] = (study.dilemma_from(meta), meta)
    names = sorted(found)
    dilemmas = [found[name][0] for name in names]
    place = {name: index for index, name in enumerate(names)}
    read = [
        (place[meta["dilemma"]], ORDERS.index(meta["order"]), kept["predicted"])
        for one in scores
        for meta, kept in ((one.sample_metadata or {}, one.score.metadata or {}),)
        if kept["predicted"] is not None
    ]
    people = reference.shares(dilemmas)
    counted = isinstance(reference.source, CountShares)
    given = Predictions(
        dilemma=np.array([where for where, _, _ in read], dtype=np.int64),
        order=np.array([order for _, order, _ in read], dtype=np.int64),
        shares=np.array([shares for _, _, shares in read]).reshape(len(read), people.shape[1]),
        people=people,
        draws=reference.share_draws(dilemmas),
        asked=reference.counts(dilemmas).sum(axis=1) if counted else None,
        fixed=study.draw is None,
    )
    counts = np.array(
        [
            [_counts(found[name][1].get(f"own_{order}"), people.shape[1]) for order in ORDERS]
            for name in names
        ]
    )
    return _Part(
        given=given,
        study=from_other_study(study, dilemmas, condition),
        own=own.OwnChoices(given, counts) if counts.any() else None,
        other_model=any(bool((one.score.metadata or {}).get("other_model")) for one in scores),
    )


def _counts(text: str | None, width: int) -> list[int]:
    return [int(count) for count in text.split()] if text else [0] * width


_Row = Callable[[_Run], Quantity]


def _of(block: Block, compute: Callable[[_Part], Quantity]) -> _Row:
    def row(run: _Run) -> Quantity:
        part = run.parts.get(block)
        return undefined() if part is None else compute(part)

    return row


def _of_own(block: Block, compute: Callable[[own.OwnChoices], Quantity]) -> _Row:
    return _of(block, lambda part: undefined() if part.own is None else compute(part.own))


def _from_study(part: _Part) -> Quantity:
    return undefined() if part.study is None else _baseline(part.given, part.study)


def _baseline(given: Predictions, shares: Floats) -> Quantity:
    return measures.distance_of(given, shares) if given.predicted.any() else undefined()


def _uniform(given: Predictions) -> Quantity:
    return _baseline(given, np.full_like(given.people, 1 / given.people.shape[1]))


def _contamination(run: _Run) -> Quantity:
    if set(run.parts) != {"fixed", "drawn"}:
        return undefined()
    return measures.contamination(run.parts["fixed"].given, run.parts["drawn"].given)


def _other_model(run: _Run) -> Quantity:
    with_choices = [part for part in run.parts.values() if part.own is not None]
    if not with_choices:
        return undefined()
    return Quantity(float(any(part.other_model for part in with_choices)), n=len(run.outcomes))


def _share_of(outcome: str) -> _Row:
    def row(run: _Run) -> Quantity:
        return outcome_share(run.dilemma, run.order, run.outcomes == outcome)

    return row


def _of_block(block: Block, short: str) -> dict[str, _Row]:
    compute_own = (own.own_distance, own.own_to_people, own.knowledge_gain)
    return {
        f"pred_{block}": _of(block, lambda part: measures.prediction_distance(part.given)),
        f"pred_{short}_major": _of(
            block, lambda part: _baseline(part.given, measures.majority(part.given.people))
        ),
        f"pred_{short}_unif": _of(block, lambda part: _uniform(part.given)),
        f"pred_{short}_study": _of(block, _from_study),
        f"pred_{short}_half": _of(block, lambda part: measures.half_of_people(part.given)),
        f"pred_{short}_skill": _of(block, lambda part: measures.skill(part.given)),
        FLIPS[block]: _of(block, lambda part: measures.predicted_flips(part.given)),
        **{
            name: _of_own(block, compute)
            for name, compute in zip(OWN[block], compute_own, strict=True)
        },
    }


_ROWS: dict[str, _Row] = {
    **_of_block("fixed", "fx"),
    **_of_block("drawn", "dr"),
    "pred_swap": lambda run: measures.swap_shift([part.given for part in run.parts.values()]),
    "pred_contam": _contamination,
    OTHER_MODEL: _other_model,
    COVER: _share_of("prediction"),
    **{name: _share_of(outcome) for outcome, name in PARTS.items()},
}
