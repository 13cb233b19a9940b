"""Answers that somebody gave, split between training and what is held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kidney_evals.errors import UserError
from kidney_evals.finetuning.export_overlap import Evaluated
from kidney_evals.finetuning.sources import Answered, Asked, Source, Wanted, shuffled, split, take
from kidney_evals.studies import Condition, Study

Number = Callable[[int, Condition], int]
"""The number of a person within the folder, from the person's place and the condition."""


def check_overlap(
    asked: Sequence[tuple[str, Asked]], evaluation: Evaluated, allow_overlap: bool
) -> None:
    """Refuse answers to what an evaluation asks.

    Args:
        asked: The answers, each with where it stands ("line 3").
        evaluation: Dilemmas that default runs ask.
        allow_overlap: Whether they may be used all the same.

    Raises:
        UserError: There are some, and they may not be used.
    """
    if allow_overlap:
        return
    found = [(place, one) for place, one in asked if evaluation.holds(one.dilemma)]
    if found:
        studies = " and ".join(str(one["study"]) for one in evaluation.said)
        raise UserError(
            f"{len(found)} of {len(asked)} answers, first {found[0][0]}, are about dilemmas that "
            f"the default evaluation asks ({studies}); leave them out, or pass --allow-overlap "
            "and evaluate on other dilemmas"
        )


def given(
    asked: Sequence[Asked],
    study: Study,
    conditions: tuple[Condition, ...],
    *,
    wanted: Wanted,
    about: Mapping[str, Any],
    left_out: Mapping[str, int],
    number: Number = lambda place, condition: place + 1,
) -> Source:
    """Split answers, and take as many as are asked for, people and dilemmas mixed.

    Args:
        asked: The answers, in an order that does not matter.
        study: The study.
        conditions: The conditions, in the order in which samples take turns.
        wanted: How many, and how they are chosen.
        about: What `card.json` says of the source.
        left_out: How many answers were left out before, by reason.
        number: What a person is called in the folder.

    Raises:
        UserError: There are fewer answers.
    """
    sides = split(shuffled_asked(asked, wanted.seed), wanted.seed)
    told_apart = any(one.person for one in asked)

    def taken(part: Sequence[Asked], count: int, option: str) -> tuple[Answered, ...]:
        return tuple(
            Answered(
                one.dilemma,
                condition,
                one.choices[condition],
                str(number(sides.place[one.person], condition)) if told_apart else "",
            )
            for one, condition in take(part, conditions, count, option)
        )

    counts = {reason: count for reason, count in left_out.items() if count}
    counts |= {"split": sides.left_out} if sides.left_out else {}
    people = {"people": len(sides.place)} if told_apart else {}
    return Source(
        study,
        conditions,
        taken(sides.train, wanted.samples, "--samples"),
        taken(sides.heldout, wanted.heldout, "--heldout"),
        {**about, **people},
        counts,
    )


def shuffled_asked(asked: Sequence[Asked], seed: int) -> list[Asked]:
    """Return answers in an order that the seed decides."""
    return [asked[at] for at in shuffled(range(len(asked)), seed, "answers")]
