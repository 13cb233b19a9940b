"""Answers drawn from the human reference: the group's, one simulated person's, the majority's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from kidney_evals.errors import UserError, unknown
from kidney_evals.finetuning.export_overlap import Evaluated
from kidney_evals.finetuning.sources import (
    CHOICES,
    HELDOUT_SHARE,
    Answered,
    Choice,
    Source,
    Wanted,
    pair,
    shuffled,
)
from kidney_evals.respondents.question import fraction
from kidney_evals.studies import Condition, Dilemma, Study, draw_dilemmas
from kidney_evals.studies.draw import draw_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kidney_evals.human.reference import Reference

Target = Literal["group", "individual", "majority"]
"""Whose answers: the fitted shares', one person's, or always the most frequent one."""

TARGETS: Final[tuple[Target, ...]] = get_args(Target)

HELDOUT_MOST: Final = 1000
"""Most held-out dilemmas. So many are set aside before any are drawn to train on: what is held
out depends neither on how much is trained on nor on how much is held out."""

_PERSON = "person of the samples"
_PART = ("train", "heldout")


@dataclass(frozen=True)
class Person:
    """One simulated person who answers everything.

    Attributes:
        number: From 1.
        of: How many there are to choose from.
        model: `latent_classes` of the reference, or the `kinds` of the simulated crowd.
        condition: The condition whose people the person belongs to; None for one that is the
            same in both.
    """

    number: int
    of: int
    model: Literal["latent_classes", "kinds"]
    condition: Condition | None

    @property
    def said(self) -> dict[str, Any]:
        """What `card.json` says of the person."""
        return {
            "person": self.number,
            "of": self.of,
            "model": self.model,
            "people_of": self.condition,
            "simulated": True,
        }


def from_reference(
    study: Study,
    conditions: tuple[Condition, ...],
    evaluation: Evaluated,
    *,
    wanted: Wanted,
    target: str = "group",
    person: int | None = None,
) -> Source:
    """Draw answers as people gave them.

    Args:
        study: The study.
        conditions: The conditions, in the order in which samples take turns.
        evaluation: Dilemmas that are not drawn.
        wanted: How many, and how they are chosen.
        target: One of `TARGETS`.
        person: Which person, from 1; None to draw one.

    Raises:
        UserError: Nobody was asked, there is no such target or person, the study has too few
            dilemmas, or a list that its evaluation asks.
    """
    from kidney_evals.human.reference import load_reference

    if target not in TARGETS:
        raise unknown("target", target, TARGETS)
    if person is not None and target != "individual":
        raise UserError("--person chooses one person: use it with --target individual")
    references = {condition: load_reference(study, condition) for condition in conditions}
    for condition, reference in references.items():
        if not reference.has_people:
            others = " or ".join(sorted(one for one, count in study.people.items() if count))
            raise UserError(
                f"nobody was asked {condition} in {study.id}"
                + (f"; use --condition {others}" if others else "; give answers of your own")
            )
    if study.draw is None and not wanted.allow_overlap:
        raise UserError(
            f"the {len(study.listed)} dilemmas of {study.id} are those that its evaluation asks; "
            "pass --allow-overlap to train on some of them all the same"
        )
    chosen = _person(references, wanted.seed, person) if target == "individual" else None
    parts = _dilemmas(study, evaluation, len(conditions), wanted)
    made = {
        part: _answered(dilemmas, conditions, references, wanted.seed, target, chosen)
        for part, dilemmas in zip(_PART, parts, strict=True)
    }
    about: dict[str, Any] = {
        "kind": "reference",
        "target": target,
        "reference": {
            condition: {"version": one.version, "sha256": one.sha256, "people": one.people}
            for condition, one in references.items()
        },
    }
    about |= chosen.said if chosen else {}
    return Source(study, conditions, made["train"], made["heldout"], about, {})


def _dilemmas(
    study: Study, evaluation: Evaluated, conditions: int, wanted: Wanted
) -> tuple[list[Dilemma], list[Dilemma]]:
    if study.draw is None:
        return _repeated(study, conditions, wanted)
    limit = draw_limit(study.attributes)
    aside = min(HELDOUT_MOST, limit // HELDOUT_SHARE)
    for option, count, most in (
        ("--heldout", wanted.heldout, aside),
        ("--samples", wanted.samples, limit - aside),
    ):
        if count > most:
            raise UserError(
                f"{option} {count} is more than there is: {study.id} can draw {most} different "
                "dilemmas for it"
            )
    held = _drawn(study, "heldout", aside, wanted.seed, evaluation, set())
    kept = {pair(one.first.values, one.second.values) for one in held}
    trained = _drawn(study, "train", wanted.samples, wanted.seed, evaluation, kept)
    return trained, held[: wanted.heldout]


def _drawn(
    study: Study, part: str, count: int, seed: int, evaluation: Evaluated, kept: set[Any]
) -> list[Dilemma]:
    """Draw dilemmas of a sequence of their own, without those kept for something else."""
    # Half of all pairs can be drawn without repetition in reasonable time.
    most = 5 * draw_limit(study.attributes)
    wanted = count + count // 8 + 64
    while True:
        wanted = min(wanted, most)
        found = [
            one
            for one in draw_dilemmas(f"{study.id} {part}", study.attributes, wanted, seed)
            if pair(one.first.values, one.second.values) not in kept and not evaluation.holds(one)
        ]
        if len(found) >= count:
            return [
                Dilemma(f"{part[0]}{index:05d}", one.first, one.second, one.kind)
                for index, one in enumerate(found[:count])
            ]
        if wanted == most:
            raise UserError(
                f"{study.id} has too few dilemmas beside those of its evaluation for {count} "
                "samples; ask for fewer"
            )
        wanted *= 2


def _repeated(study: Study, conditions: int, wanted: Wanted) -> tuple[list[Dilemma], list[Dilemma]]:
    """Ask a list again and again: all of it once, in a new order each time, in every condition."""
    listed = shuffled(study.listed, wanted.seed, "split")
    held = -(-len(listed) // HELDOUT_SHARE)
    if held == len(listed):
        raise UserError(f"{study.id} has one dilemma, which cannot be split")
    result = []
    for part, dilemmas, count in (
        ("train", listed[held:], wanted.samples),
        ("heldout", listed[:held], wanted.heldout),
    ):
        turns: list[Dilemma] = []
        while len(turns) * conditions < count:
            turns += shuffled(dilemmas, wanted.seed, part, len(turns))
        result.append([one for one in turns for _ in range(conditions)][:count])
    return result[0], result[1]


def _answered(
    dilemmas: Sequence[Dilemma],
    conditions: Sequence[Condition],
    references: Mapping[Condition, Reference],
    seed: int,
    target: str,
    person: Person | None,
) -> tuple[Answered, ...]:
    turns = [conditions[index % len(conditions)] for index in range(len(dilemmas))]
    shares: dict[int, Sequence[float]] = {}
    for condition in conditions:
        places = [index for index, one in enumerate(turns) if one == condition]
        rows = _shares(references[condition], [dilemmas[at] for at in places], person)
        shares |= dict(zip(places, rows.tolist(), strict=True))
    times: dict[tuple[object, ...], int] = {}
    made = []
    for index, (dilemma, condition) in enumerate(zip(dilemmas, turns, strict=True)):
        if not abs(sum(shares[index]) - 1) < 1e-6:
            raise UserError(f"the answers of people to {dilemma.id} are not known")
        key = (condition, dilemma.first.values, dilemma.second.values)
        times[key] = times.get(key, 0) + 1
        if target == "majority":
            choice = _most_frequent(shares[index])
        else:
            chance = fraction("answers of the samples", seed, *key, times[key])
            choice = _choice(shares[index], chance)
        made.append(Answered(dilemma, condition, choice))
    return tuple(made)


def _shares(
    reference: Reference, dilemmas: Sequence[Dilemma], person: Person | None
) -> NDArray[Any]:
    """Return how likely each answer as listed is, shape (n, 2) or (n, 3)."""
    import numpy as np

    if person is None or not dilemmas:
        return reference.shares(dilemmas)
    if person.model == "kinds":
        from kidney_evals.respondents.people import people

        crowd = people(reference.study, reference.condition)
        unknown_ones = [one.id for one in dilemmas if not crowd.know(one)]
        if unknown_ones:
            raise UserError(f"the answers of people to {unknown_ones[0]} are not known")
        return np.array([crowd.answers(one)[person.number - 1] for one in dilemmas])
    latent = reference.latent
    if person.condition is not None and person.condition != reference.condition:
        from kidney_evals.human.reference import load_reference

        latent = load_reference(reference.study, person.condition).latent
    assert latent is not None  # _person looked
    differences = np.array([reference.study.differences(one) for one in dilemmas])
    shares: NDArray[Any] = latent.predict(differences)[person.number - 1]
    if reference.condition == "forced_choice":
        shares = shares[:, :2] / shares[:, :2].sum(axis=1, keepdims=True)
    return shares


def _person(references: Mapping[Condition, Reference], seed: int, number: int | None) -> Person:
    """Choose a person.

    Latent classes were fitted to different people in the two conditions, and no class of one is a
    class of the other. Where both are asked, the person is one of those who were offered a coin,
    and chooses without one as when deciding with one.
    """
    from kidney_evals.respondents.people import KINDS

    condition: Condition = "coin_flip" if "coin_flip" in references else "forced_choice"
    latent = references[condition].latent
    of = KINDS if latent is None else len(latent.shares)
    shares = [1 / of] * of if latent is None else latent.shares.tolist()
    if number is None:
        number = _place(shares, fraction(_PERSON, seed)) + 1
    if not 1 <= number <= of:
        raise UserError(f"--person must be a number from 1 to {of}, not {number}")
    if latent is None:
        return Person(number, of, "kinds", condition if len(references) == 1 else None)
    return Person(number, of, "latent_classes", condition)


def _choice(shares: Sequence[float], chance: float) -> Choice:
    return CHOICES[_place(shares, chance)]


def _most_frequent(shares: Sequence[float]) -> Choice:
    # Ties go to the answer that comes first: first, second, coin.
    return CHOICES[max(range(len(shares)), key=lambda at: (round(shares[at], 9), -at))]


def _place(shares: Sequence[float], chance: float) -> int:
    """Return which of several shares a number in [0, 1) falls into."""
    reached = 0.0
    for place, share in enumerate(shares):
        reached += share
        if chance < reached:
            return place
    # The shares sum to 1 but for rounding.
    return max(place for place, share in enumerate(shares) if share > 0)
