"""Answers to train on: the common result of all sources, and how answers are split and selected."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from kidney_evals.errors import UserError
from kidney_evals.studies import (
    Condition,
    Dilemma,
    Patient,
    Study,
    dilemmas_of,
    load_study,
    study_names,
)
from kidney_evals.studies.draw import draw_limit

Choice = Literal["first", "second", "coin"]
"""An answer in terms of the dilemma as listed."""

CHOICES: Final[tuple[Choice, ...]] = ("first", "second", "coin")

HELDOUT_SHARE: Final = 5
"""From a source with given answers, 1 in 5 people and 1 in 5 dilemmas are held out.

A fifth suffices for the default `--heldout`: a quarter of the training samples.
"""

Pair = tuple[tuple[float, ...], ...]
"""The two patients of a dilemma, independent of their order."""

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Request:
    """A user's request for training samples.

    Attributes:
        samples: Number of training samples.
        heldout: Number of held-out samples; None for a quarter of `samples`, between 32 and 500.
        seed: Seed of dilemmas, answers, split, orders and wordings.
        study: A shipped study or a study folder; None for the default, or the log's study.
        condition: `forced_choice`, `coin_flip` or `both`; None for both if the source has both.
        target: `group`, `individual` or `majority` of the human reference; None for the group.
        person: Number of the individual, from 1; None to draw a person.
        wording: As the tasks' argument of that name.
        allow_overlap: Whether dilemmas of the default evaluation may be among the samples.
        shuffle: Whether to permute the answers between samples, as a control.
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

    @property
    def held(self) -> int:
        """Number of held-out samples."""
        return min(500, max(32, self.samples // 4)) if self.heldout is None else self.heldout


@dataclass(frozen=True)
class Asked:
    """A dilemma with its answer in each condition.

    Attributes:
        dilemma: The two patients.
        choices: The answer by condition.
        person: Name of the respondent, shared by people who must be on the same side of the
            split; "" for unknown.
        place: Position of the answer in its source, for messages ("line 3").
    """

    dilemma: Dilemma
    choices: Mapping[Condition, Choice]
    person: str = ""
    place: str = ""


@dataclass(frozen=True)
class Answered:
    """An answer to a dilemma, from which one sample is made.

    Attributes:
        dilemma: The two patients.
        condition: The condition, which decides the offered answers.
        choice: The answer.
        person: Number of the respondent within the folder; "" for unknown.
    """

    dilemma: Dilemma
    condition: Condition
    choice: Choice
    person: str = ""


@dataclass(frozen=True)
class Source:
    """Answers to train on, and held-out answers.

    Attributes:
        study: The study of the dilemmas.
        conditions: The conditions, in the order in which samples alternate.
        train: Answers to train on; the first n answers do not depend on the total number.
        heldout: Answers to other dilemmas (and of other people).
        about: Provenance, for `card.json`.
        left_out: Numbers of omitted answers by reason; see `export_card.LEFT_OUT`.
    """

    study: Study
    conditions: tuple[Condition, ...]
    train: tuple[Answered, ...]
    heldout: tuple[Answered, ...]
    about: Mapping[str, Any]
    left_out: Mapping[str, int]


class Dilemmas:
    """The dilemmas of a source: a pair of patients has one id and one listing in either order."""

    def __init__(self) -> None:
        self._known: dict[Pair, Dilemma] = {}

    def listed(
        self, first: tuple[float, ...], second: tuple[float, ...], choice: Choice
    ) -> tuple[Dilemma, Choice]:
        """Return the dilemma of two patients, and the choice in terms of its listing."""
        known = self._known.setdefault(
            pair(first, second),
            Dilemma(f"u{len(self._known):05d}", Patient(first), Patient(second), "drawn"),
        )
        if known.first.values != first and choice != "coin":
            choice = "second" if choice == "first" else "first"
        return known, choice


def pair(first: tuple[float, ...], second: tuple[float, ...]) -> Pair:
    """Return two patients as a pair that is the same in both orders."""
    return (first, second) if first <= second else (second, first)


def pair_of(dilemma: Dilemma) -> Pair:
    """Return the patients of a dilemma as a pair that is the same in both orders."""
    return pair(dilemma.first.values, dilemma.second.values)


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


# --- the dilemmas of the evaluation ----------------------------------------------------------


@dataclass(frozen=True)
class Evaluated:
    """Dilemmas of default runs, in terms of one study's attributes.

    Attributes:
        parts: Sets of patient pairs, each with the indices of the compared attributes: all
            attributes, or the attributes shared with a listed study. A dilemma that equals a
            listed dilemma in all shared attributes is a near copy and counts as the same.
        said: A description of `parts` for `card.json`.
    """

    parts: tuple[tuple[tuple[int, ...], frozenset[Pair]], ...]
    said: tuple[Mapping[str, Any], ...]

    def holds(self, dilemma: Dilemma) -> bool:
        """Return whether an evaluation contains this dilemma, in any order and wording."""
        return any(_compared_pair(dilemma, places) in pairs for places, pairs in self.parts)


def evaluated(study: Study) -> Evaluated:
    """Return the dilemmas of the default evaluations of this study and of similar studies.

    These are the largest published set of the default draw and the controls, or the list of a
    listed study. Every shipped study with the same attributes counts, and every listed study that
    shares most attributes.
    """
    parts: list[tuple[tuple[int, ...], frozenset[Pair]]] = []
    said: list[dict[str, Any]] = []
    shipped = [load_study(name) for name in study_names()]
    for other in [study, *(one for one in shipped if one.source != study.source)]:
        same = set(study.attribute_ids) == set(other.attribute_ids)
        shared = list(study.attribute_ids) if same else _shared(study, other)
        if same:
            asked = [*default_dilemmas(other), *other.control_block]
        elif 2 * len(shared) > max(len(study.attributes), len(other.attributes)):
            asked = [*other.listed]
        else:
            asked = []
        if asked:
            theirs = tuple(other.attribute_ids.index(name) for name in shared)
            places = tuple(study.attribute_ids.index(name) for name in shared)
            parts.append((places, frozenset(_compared_pair(one, theirs) for one in asked)))
            said.append(
                {
                    "study": other.id,
                    "draw_seed": other.draw.seed if other.draw else None,
                    "dilemmas": len(asked),
                    "compared_by": shared,
                    "whole": same,
                }
            )
    return Evaluated(tuple(parts), tuple(said))


def default_dilemmas(study: Study) -> tuple[Dilemma, ...]:
    """Return the dilemmas of the largest default run, which contain those of smaller runs."""
    if study.draw is None:
        return study.listed
    most = max((*study.draw.sets, study.draw.count))
    return dilemmas_of(study, min(most, draw_limit(study.attributes)), None)


def _shared(study: Study, other: Study) -> list[str]:
    """Return the ids of attributes with a value that both studies describe in the same words."""
    said = {
        attribute.id: {attribute.describe(value) for value in attribute.values}
        for attribute in other.attributes
    }
    return [
        one.id
        for one in study.attributes
        if one.id in said and said[one.id] & {one.describe(value) for value in one.values}
    ]


def _compared_pair(dilemma: Dilemma, places: tuple[int, ...]) -> Pair:
    first, second = dilemma.first.values, dilemma.second.values
    return pair(tuple(first[at] for at in places), tuple(second[at] for at in places))


# --- the split of given answers --------------------------------------------------------------


def split(asked: Sequence[Asked], seed: int) -> tuple[list[Asked], list[Asked], dict[str, int]]:
    """Split answers by person and by dilemma, independently of the number of selected answers.

    One person in `HELDOUT_SHARE` is held out. A dilemma answered only by training people, or only
    by held-out people, belongs to their side. Of the dilemmas answered by both, one in
    `HELDOUT_SHARE` is held out, and each dilemma loses the answers of people on the other side.
    With unknown people or a single person, only dilemmas are split.

    Returns:
        Answers to train on, held-out answers, and a number from 0 for every person that reveals
        nothing about the source.
    """
    people = shuffled(sorted({one.person for one in asked}), seed, "people")
    apart = len(people) > 1
    held_people = set(people[: -(-len(people) // HELDOUT_SHARE)]) if apart else set()
    seen: dict[Pair, set[bool]] = {}
    for one in asked:
        sides = {one.person in held_people} if apart else {True, False}
        seen.setdefault(pair_of(one.dilemma), set()).update(sides)
    shared = shuffled(sorted(key for key, sides in seen.items() if len(sides) == 2), seed, "split")
    held = {key for key, sides in seen.items() if sides == {True}}
    held |= set(shared[: -(-len(shared) // HELDOUT_SHARE)])
    train: list[Asked] = []
    heldout: list[Asked] = []
    for one in asked:
        is_held = pair_of(one.dilemma) in held
        if not apart or (one.person in held_people) == is_held:
            (heldout if is_held else train).append(one)
    return train, heldout, {name: index for index, name in enumerate(people)}


def take(
    asked: Sequence[Asked], conditions: Sequence[Condition], count: int, option: str
) -> list[tuple[Asked, Condition]]:
    """Select `count` pairs of answered dilemma and condition, alternating conditions.

    Each item of `asked` is used at most once.

    Raises:
        UserError: There are fewer answers; the message names `option`.
    """
    found = list(_turns(asked, conditions))
    if len(found) < count:
        turns = " in turn" if len(conditions) > 1 else ""
        raise UserError(
            f"{option} {count} is more than there is: {len(found)} answers of "
            f"{' and '.join(conditions)}{turns} remain for it after the split"
        )
    return found[:count]


def _turns(
    asked: Sequence[Asked], conditions: Sequence[Condition]
) -> Iterator[tuple[Asked, Condition]]:
    used: set[int] = set()
    waiting = {
        condition: iter([at for at, one in enumerate(asked) if condition in one.choices])
        for condition in conditions
    }
    while True:
        for condition in conditions:
            at = next((one for one in waiting[condition] if one not in used), None)
            if at is None:
                return
            used.add(at)
            yield asked[at], condition
