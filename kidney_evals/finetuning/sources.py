"""Types that all sources of training answers share, and the dilemmas of the default evaluations."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from kidney_evals.studies import (
    Choice,
    Condition,
    Dilemma,
    Study,
    dilemmas_of,
    load_study,
    study_names,
)
from kidney_evals.studies.draw import draw_limit

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

HELDOUT_SHARE: Final = 5
"""Of a list of dilemmas, and of the people and dilemmas of given answers, 1 in 5 is held out.

A fifth suffices for the default `--heldout`: a quarter of the training samples.
"""

Pair = tuple[tuple[float, ...], tuple[float, ...]]
"""The two patients of a dilemma, independent of their order."""

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """A user's request for training samples.

    Without `data`, `answers` and `log`, answers are drawn from the human reference.

    Attributes:
        heldout: Number of held-out samples; None for a quarter of `samples`, between 32 and 500.
        study: A shipped study or a study folder; None for the default, or the log's study.
        condition: `forced_choice`, `coin_flip` or `both`; None for both if the source has both.
        target: `group`, `individual` or `majority` of the human reference; None for the group.
        person: Number of the individual, from 1; None to draw a person.
        allow_overlap: Whether dilemmas of the default evaluation may be among the samples.
        shuffle: Whether to permute the answers between samples, as a control.
        data: Folder with the published rows.
        answers: Table of answers.
    """

    samples: int = 512
    heldout: int | None = None
    seed: int = 1
    study: str | None = None
    condition: str | None = None
    target: str | None = None
    person: int | None = None
    wording: str = "default"
    allow_overlap: bool = False
    shuffle: bool = False
    data: Path | None = None
    answers: Path | None = None
    log: EvalLog | None = None

    @property
    def held(self) -> int:
        """Number of held-out samples."""
        return min(500, max(32, self.samples // 4)) if self.heldout is None else self.heldout


class Answered(NamedTuple):
    """An answer to a dilemma, from which one sample is made; the person is "" where unknown."""

    dilemma: Dilemma
    condition: Condition
    choice: Choice
    person: str = ""


class Source(NamedTuple):
    """Answers to train on, and held-out answers to other dilemmas (and of other people).

    The first n answers of `train` do not depend on their number. `about` is the provenance, and
    `left_out` counts omitted answers by reason.
    """

    conditions: tuple[Condition, ...]
    train: Sequence[Answered]
    heldout: Sequence[Answered]
    about: Mapping[str, Any]
    left_out: Mapping[str, int]


def pair_of(dilemma: Dilemma, places: Sequence[int] | None = None) -> Pair:
    """Return the patients' values (of the attributes `places`), sorted: equal in both orders."""
    sides = [
        side.values if places is None else tuple(side.values[at] for at in places)
        for side in (dilemma.first, dilemma.second)
    ]
    return min(sides), max(sides)


def shuffled(items: Iterable[T], *key: object) -> list[T]:
    """Return `items` in an order that `key` seeds, the same in every process and Python version."""
    listed = list(items)
    generator = generator_of(*key)
    # `random.shuffle` may change between Python versions; `random.random` is promised not to.
    places = [generator.random() for _ in listed]
    return [listed[index] for index in sorted(range(len(listed)), key=places.__getitem__)]


def generator_of(*key: object) -> random.Random:
    """Return a random generator seeded by `key`, which holds texts and whole numbers."""
    return random.Random(":".join(map(str, ("samples", *key))))


@dataclass(frozen=True)
class Evaluated:
    """The dilemmas of the default evaluations; `about` describes the evaluations.

    `parts` holds sets of pairs of patients, each with the indices of the attributes to compare: a
    dilemma counts as contained if it equals a pair in all attributes that the two studies share.
    """

    parts: tuple[tuple[Sequence[int], frozenset[Pair]], ...]
    about: tuple[Mapping[str, Any], ...]

    def holds(self, dilemma: Dilemma) -> bool:
        """Return whether an evaluation contains this dilemma, in any order and wording."""
        return any(pair_of(dilemma, places) in pairs for places, pairs in self.parts)


def evaluated(study: Study) -> Evaluated:
    """Return the dilemmas of the default evaluations of this study and of similar studies.

    Every shipped study with the same attributes counts, and every listed study that shares most
    attributes: its list, or the largest published set of the default draw and the controls.
    """
    parts = []
    about = []
    shipped = map(load_study, study_names())
    for other in [study, *(one for one in shipped if one.source != study.source)]:
        same = set(study.attribute_ids) == set(other.attribute_ids)
        shared = list(study.attribute_ids) if same else _shared(study, other)
        asked: Sequence[Dilemma] = ()
        if same:
            asked = [*_default_dilemmas(other), *other.control_block]
        elif 2 * len(shared) > max(len(study.attributes), len(other.attributes)):
            asked = other.listed
        if asked:
            theirs = [other.attribute_ids.index(name) for name in shared]
            places = [study.attribute_ids.index(name) for name in shared]
            parts.append((places, frozenset(pair_of(dilemma, theirs) for dilemma in asked)))
            about.append(
                {
                    "study": other.id,
                    "draw_seed": other.draw.seed if other.draw else None,
                    "dilemmas": len(asked),
                    "compared_by": shared,
                    "whole": same,
                }
            )
    return Evaluated(tuple(parts), tuple(about))


def _default_dilemmas(study: Study) -> Sequence[Dilemma]:
    """Return the dilemmas of the largest default run, which contain those of smaller runs."""
    if study.draw is None:
        return study.listed
    most = max((*study.draw.sets, study.draw.count))
    return dilemmas_of(study, min(most, draw_limit(study.attributes)), None)


def _shared(study: Study, other: Study) -> list[str]:
    """Return the ids of attributes with a value that both studies describe in the same words."""
    texts, theirs = (
        {
            attribute.id: {attribute.describe(value) for value in attribute.values}
            for attribute in one.attributes
        }
        for one in (study, other)
    )
    return [name for name, described in texts.items() if described & theirs.get(name, set())]
