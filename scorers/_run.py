"""A run's samples as arrays: what every row is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from inspect_ai.scorer import SampleScore
from numpy.typing import NDArray

from kidney_evals.estimation.decisions import ORDERS, Decisions
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.scorers._facts import CHOICES
from kidney_evals.studies import Dilemma, Study, load_study


@dataclass(frozen=True, eq=False)
class Run:
    """The samples of one run in one condition, dilemmas sorted by id.

    Attributes:
        study: The study.
        reference: The human side in this condition.
        dilemmas: Each dilemma once.
        dilemma: Index of each sample's dilemma, shape (n,).
        order: 0 as listed, 1 swapped, shape (n,).
        epoch: Repetition, shape (n,).
        choice: 0 first-listed, 1 second-listed, 2 coin, −1 none, shape (n,).
        first_choice: The same for the first answer, before any repeat question.
        outcomes: The kind of answer of each sample, shape (n,).
        departures: Whether generation settings were changed, shape (n,).
    """

    study: Study
    reference: Reference
    dilemmas: tuple[Dilemma, ...]
    dilemma: NDArray[np.int64]
    order: NDArray[np.int64]
    epoch: NDArray[np.int64]
    choice: NDArray[np.int64]
    first_choice: NDArray[np.int64]
    outcomes: NDArray[np.str_]
    departures: NDArray[np.bool_]

    @cached_property
    def decisions(self) -> Decisions:
        """The read answers, with the human side of every dilemma."""
        return self._decisions(self.choice)

    @cached_property
    def first_decisions(self) -> Decisions:
        """The same from first answers alone."""
        return self._decisions(self.first_choice)

    def _decisions(self, choice: NDArray[np.int64]) -> Decisions:
        read = choice >= 0
        return Decisions(
            dilemma=self.dilemma[read],
            order=self.order[read],
            epoch=self.epoch[read],
            choice=choice[read],
            differences=np.array([self.study.differences(one) for one in self.dilemmas]),
            shares=self.reference.shares(self.dilemmas),
            share_draws=self.reference.share_draws(self.dilemmas),
            closeness=self.reference.closeness(self.dilemmas),
            fixed=self.study.draw is None,
        )


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


_KEEP = 4
_recent: dict[tuple[Any, Any], Run] = {}


def _source(score: SampleScore) -> tuple[Any, ...]:
    metadata = score.sample_metadata or {}
    return _get(metadata, "study_source", "study_hash", "condition", "reference")


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
    )
