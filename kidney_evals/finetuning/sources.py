"""Where answers come from: what every source gives, and how answers are split and taken."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from kidney_evals.errors import UserError
from kidney_evals.studies import Condition, Dilemma, Patient, Study

Choice = Literal["first", "second", "coin"]
"""An answer in terms of the dilemma as listed."""

CHOICES: Final[tuple[Choice, ...]] = ("first", "second", "coin")

HELDOUT_SHARE: Final = 5
"""One in so many people, and one in so many dilemmas, is held out of answers that are given.

A fifth is what the default `--heldout` asks for: a quarter of the training samples.
"""

Pair = tuple[tuple[float, ...], ...]
"""The two patients of a dilemma whichever is listed first."""

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Asked:
    """A dilemma that somebody answered, in one condition or in several.

    Attributes:
        dilemma: The two patients.
        choices: The answer in each condition.
        person: Who answered, or the people who count as one when answers are split; empty where
            nobody is told apart.
    """

    dilemma: Dilemma
    choices: Mapping[Condition, Choice]
    person: str = ""


@dataclass(frozen=True)
class Answered:
    """One answer to one dilemma: what becomes one sample.

    Attributes:
        dilemma: The two patients.
        condition: What was offered.
        choice: The answer.
        person: Who answered, as a number within the folder; empty where nobody is told apart.
    """

    dilemma: Dilemma
    condition: Condition
    choice: Choice
    person: str = ""


@dataclass(frozen=True)
class Wanted:
    """How many samples are asked for, and how they are chosen.

    Attributes:
        samples: How many to train on.
        heldout: How many to hold out.
        seed: Decides everything that is drawn, split or mixed.
        allow_overlap: Whether answers to dilemmas of the evaluation are used.
    """

    samples: int
    heldout: int
    seed: int
    allow_overlap: bool = False


@dataclass(frozen=True)
class Source:
    """Answers to train on, and answers held out.

    Attributes:
        study: The study whose dilemmas were answered.
        conditions: The conditions, in the order in which samples take turns.
        train: Answers to train on; the first n do not depend on how many there are.
        heldout: Answers to other dilemmas (and of other people).
        about: What was drawn from what, for `card.json`.
        left_out: How many answers were left out, by reason; see `export_card.yaml`.
    """

    study: Study
    conditions: tuple[Condition, ...]
    train: tuple[Answered, ...]
    heldout: tuple[Answered, ...]
    about: Mapping[str, Any]
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class Sides:
    """Answers split between training and what is held out.

    Attributes:
        train: Answers to train on.
        heldout: Answers held out: no person and no dilemma of them is in `train`.
        left_out: Answers of people on one side to dilemmas on the other.
        place: A number for every person, from 0, that tells nothing of the source.
    """

    train: tuple[Asked, ...]
    heldout: tuple[Asked, ...]
    left_out: int
    place: Mapping[str, int]


class Dilemmas:
    """The dilemmas of a source, each listed one way and under one id, whoever saw which first."""

    def __init__(self) -> None:
        self._known: dict[Pair, Dilemma] = {}

    def listed(
        self, first: tuple[float, ...], second: tuple[float, ...], choice: Choice
    ) -> tuple[Dilemma, Choice]:
        """Return the dilemma of two patients, and the choice in terms of how it is listed."""
        known = self._known.setdefault(
            pair(first, second),
            Dilemma(f"u{len(self._known):05d}", Patient(first), Patient(second), "drawn"),
        )
        if known.first.values != first and choice != "coin":
            choice = "second" if choice == "first" else "first"
        return known, choice


def pair(first: tuple[float, ...], second: tuple[float, ...]) -> Pair:
    """Return what two patients are called whichever stands first."""
    return (first, second) if first <= second else (second, first)


def shuffled(items: Iterable[T], *key: object) -> list[T]:
    """Return `items` in an order that the key decides, the same in every process and version."""
    listed = list(items)
    generator = generator_of(*key)
    # `random.shuffle` may change between Python versions; `random.random` is promised not to.
    places = [generator.random() for _ in listed]
    return [listed[index] for index in sorted(range(len(listed)), key=places.__getitem__)]


def generator_of(*key: object) -> random.Random:
    """Return a generator whose numbers the key decides; its parts are texts and whole numbers."""
    return random.Random(":".join(map(str, ("samples", *key))))


def split(asked: Sequence[Asked], seed: int) -> Sides:
    """Split answers by person and by dilemma; the split does not depend on how many are used.

    One person in `HELDOUT_SHARE` is held out. A dilemma that only people of one side answered
    belongs to that side. Of the dilemmas that both sides answered one in `HELDOUT_SHARE` is held
    out, and what people of one side said of the other side's dilemmas is left out. Where no
    people are told apart, or there is only one, dilemmas alone are split.

    Args:
        asked: The answers.
        seed: Decides who and what is held out.
    """
    people = shuffled(sorted({one.person for one in asked}), seed, "people")
    place = {name: index for index, name in enumerate(people)}
    apart = len(people) > 1
    held_people = set(people[: -(-len(people) // HELDOUT_SHARE)]) if apart else set()
    seen: dict[Pair, set[bool]] = {}
    for one in asked:
        sides = {one.person in held_people} if apart else {True, False}
        seen.setdefault(_pair(one), set()).update(sides)
    shared = shuffled(sorted(key for key, sides in seen.items() if len(sides) == 2), seed, "split")
    held = {key for key, sides in seen.items() if sides == {True}}
    held |= set(shared[: -(-len(shared) // HELDOUT_SHARE)])
    train, heldout = [], []
    for one in asked:
        if _pair(one) in held and (not apart or one.person in held_people):
            heldout.append(one)
        elif _pair(one) not in held and (not apart or one.person not in held_people):
            train.append(one)
    left_out = len(asked) - len(train) - len(heldout)
    return Sides(tuple(train), tuple(heldout), left_out, place)


def take(
    asked: Sequence[Asked], conditions: Sequence[Condition], count: int, option: str
) -> list[tuple[Asked, Condition]]:
    """Take answers for `count` samples, the conditions in turn, each dilemma asked once.

    Args:
        asked: In the order in which they are taken.
        conditions: The conditions.
        count: How many samples.
        option: What asks for so many, for the message.

    Raises:
        UserError: There are fewer.
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
    used = [False] * len(asked)
    at = dict.fromkeys(conditions, 0)
    while True:
        for condition in conditions:
            while at[condition] < len(asked) and (
                used[at[condition]] or condition not in asked[at[condition]].choices
            ):
                at[condition] += 1
            if at[condition] == len(asked):
                return
            used[at[condition]] = True
            yield asked[at[condition]], condition


def _pair(one: Asked) -> Pair:
    return pair(one.dilemma.first.values, one.dilemma.second.values)
