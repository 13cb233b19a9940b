"""`kidney-evals try`: select the dilemmas for a person, and compare the answers with people's."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from kidney_evals.elicitation.prompt import render_question
from kidney_evals.elicitation.wording import DEFAULT, wording_named
from kidney_evals.errors import UserError
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.limits import limits_and_use
from kidney_evals.measures import compute
from kidney_evals.measures.run import Run
from kidney_evals.reporting.text import number, percent
from kidney_evals.studies import (
    CHOICES,
    CONDITIONS,
    Condition,
    Dilemma,
    Order,
    Study,
    dilemmas_of,
    draw_orders,
    load_study,
)

Own = Literal["A", "B", "COIN"]
"""An answer as shown."""

DEFAULT_COUNT: Final = 10
MAXIMUM: Final = 100

POOL: Final = 20
"""Number of drawn candidates for each selected dilemma, in studies that draw."""

WIDTH: Final = 80


@dataclass(frozen=True, eq=False)
class Round:
    """The questions for a person.

    Attributes:
        study: The study.
        condition: The condition, which decides the offered answers.
        reference: The human reference.
        seed: The same seed gives the same round.
        put: Dilemmas with the order of their patients.
    """

    study: Study
    condition: Condition
    reference: Reference
    seed: int
    put: tuple[tuple[Dilemma, Order], ...]

    def question(self, number: int) -> str:
        """Return the question that a model would get for dilemma `number`, from 0."""
        dilemma, order = self.put[number]
        return render_question(wording_named(DEFAULT), self.study, dilemma, order, self.condition)


def pick_round(study: str, condition: Condition | None, count: int | None, seed: int) -> Round:
    """Choose dilemmas from close to clear: a random dilemma from each of `count` closeness ranges.

    Args:
        study: A shipped study or the path of a study folder.
        condition: The condition; None for `coin_flip` if people were offered a coin, else
            `forced_choice`.
        count: Number of dilemmas; None for the default, or all if there are fewer.
        seed: Seed of all random choices.

    Raises:
        UserError: There is no such study, people were not asked in that condition, or the study
            has fewer dilemmas.
    """
    loaded = load_study(study)
    asked = [one for one in CONDITIONS if load_reference(loaded, one).has_people]
    if not asked:
        raise UserError(f"study {loaded.id!r} has no answers of people to stand beside yours")
    chosen = condition or asked[-1]
    if chosen not in asked:
        raise UserError(
            f"people were not asked the dilemmas of {loaded.id} in the condition {chosen}; "
            f"take --condition {asked[0]}"
        )
    most = MAXIMUM if loaded.draw else min(len(loaded.listed), MAXIMUM)
    wanted = min(DEFAULT_COUNT, most) if count is None else count
    if not 1 <= wanted <= most:
        raise UserError(f"dilemmas must be from 1 to {most} for study {loaded.id!r}, not {wanted}")
    pool = loaded.listed
    if loaded.draw:
        drawn = dilemmas_of(loaded, POOL * wanted, seed)
        undominated = tuple(one for one in drawn if loaded.dominating(one) is None)
        pool = undominated if len(undominated) >= wanted else drawn
    reference = load_reference(loaded, chosen)
    apart = reference.closeness(pool)
    if not np.isfinite(apart).all():
        decided = reference.decided_shares(pool)
        apart = np.abs(decided[:, 0] - decided[:, 1])
    ranked = [pool[at] for at in np.argsort(apart, kind="stable")]
    generator = random.Random(f"try:{loaded.id}:{seed}")
    ends = [round(part * len(ranked) / wanted) for part in range(wanted + 1)]
    picked = [ranked[low + int(generator.random() * (high - low))] for low, high in pairwise(ends)]
    # `random.shuffle` may change between Python versions; `random.random` is promised not to.
    mixed = [picked[at] for at in np.argsort([generator.random() for _ in picked])]
    return Round(
        loaded, chosen, reference, seed, tuple(zip(mixed, draw_orders(wanted, seed), strict=True))
    )


@dataclass(frozen=True, eq=False)
class Answered:
    """A round, and the person's answers, as shown, to its first dilemmas (one or more)."""

    round: Round
    answers: tuple[Own, ...]

    @cached_property
    def run(self) -> Run:
        """The answers as a run, for the same measures as a model's run."""
        put = self.round.put[: len(self.answers)]
        dilemmas = tuple(sorted((dilemma for dilemma, _ in put), key=lambda one: one.id))
        choice = np.array(
            [
                CHOICES.index("coin")
                if answer == "COIN"
                else int((answer == "A") != (order == "ab"))
                for answer, (_, order) in zip(self.answers, put, strict=True)
            ]
        )
        return Run(
            study=self.round.study,
            reference=self.round.reference,
            dilemmas=dilemmas,
            dilemma=np.array([dilemmas.index(dilemma) for dilemma, _ in put]),
            order=np.array([int(order == "ba") for _, order in put]),
            epoch=np.ones(len(put), dtype=np.int64),
            choice=choice,
            first_choice=choice,
            outcomes=np.array(["decision"] * len(put)),
            departures=np.zeros(len(put), dtype=np.bool_),
        )

    @cached_property
    def shares(self) -> tuple[tuple[float, ...], ...]:
        """People's shares for each answered question as shown: A, B and, if offered, the coin."""
        found = []
        for dilemma, order in self.round.put[: len(self.answers)]:
            first, second, *coin = self.round.reference.shares([dilemma])[0].tolist()
            found.append((first, second, *coin) if order == "ab" else (second, first, *coin))
        return tuple(found)

    @property
    def same(self) -> tuple[float, ...]:
        """For each answer, the share of people who gave the same answer."""
        names = ("A", "B", "COIN")
        pairs = zip(self.answers, self.shares, strict=True)
        return tuple(shares[names.index(answer)] for answer, shares in pairs)


def result_lines(answered: Answered) -> list[str]:
    """Compare the person's answers with people's, in lines of at most 80 characters."""
    lines = []
    for text in (*_choices(answered), "", *_measures(answered), "", "Limits and use", ""):
        indent = " " * (len(text) - len(text.lstrip()))
        lines += textwrap.wrap(text, WIDTH, subsequent_indent=indent) or [""]
    for text in limits_and_use().splitlines():
        lines += textwrap.wrap(text, WIDTH, subsequent_indent="  ")
    return ["", *lines]


def _choices(answered: Answered) -> Iterator[str]:
    count, study = len(answered.answers), answered.round.study
    yield f"Your {count} answer{'' if count == 1 else 's'} beside people's"
    yield ""
    questions = zip(
        answered.answers, answered.round.put, answered.shares, answered.same, strict=False
    )
    for place, (answer, (dilemma, order), shares, same) in enumerate(questions, 1):
        a, b = (study.summary(patient) for patient in dilemma.shown(order))
        people = ", ".join(
            f"{name} {percent(share)}"
            for name, share in zip(("A", "B", "coin"), shares, strict=False)
        )
        own = "the coin" if answer == "COIN" else f"Patient {answer}"
        yield f"{place:>3}. A: {a}"
        yield f"     B: {b}"
        yield f"     You: {own}, as {percent(same)} of people ({people})."
    by_chance = np.mean([sum(share**2 for share in shares) for shares in answered.shares])
    yield ""
    yield (
        f"On average {percent(float(np.mean(answered.same)))} of people chose as you did; for a "
        f"person drawn at random that would be {percent(float(by_chance))}. More is not better."
    )


def _measures(answered: Answered) -> Iterator[str]:
    run, count = answered.run, len(answered.answers)
    if answered.round.condition == "coin_flip":
        rate = compute(run, "flip_rate")
        yield (
            f"You left {answered.answers.count('COIN')} of {count} to the coin (95 % interval "
            f"{percent(rate.low)} to {percent(rate.high)}); people leave {percent(rate.human)} of "
            "these same dilemmas to it."
        )
    else:
        yield "No coin was offered here, neither to you nor to people."
    yield ""
    decided = count - answered.answers.count("COIN")
    rows = [compute(run, f"imp_{name}") for name in run.attributes]
    # With fewer answers, the weights are not identified.
    if decided < len(rows) + 2 or not all(row.defined for row in rows):
        yield (
            f"The {decided} answers that chose a patient are too few, or too alike, to say how "
            "much each attribute moved you. That is common, and no finding about you."
        )
        return
    yield "Share of importance: how much of a choice an attribute's whole range can move"
    yield ""
    for name, row in zip(run.attributes, rows, strict=True):
        people = "" if row.human != row.human else f", people {number(row.human)}"
        interval = f"[{number(row.low)}, {number(row.high)}]"
        yield f"  {name.replace('_', ' ')}: you {number(row.value)} {interval}{people}"
    yield f"{decided} choices tell little: another ten dilemmas could say something else."
