"""`kidney-evals try`: select the dilemmas for a person, and compare the answers with people's."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.stats import binomtest

from kidney_evals.elicitation.prompt import render_question
from kidney_evals.elicitation.wording import DEFAULT, wording_named
from kidney_evals.errors import UserError
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.limits import limits_and_use
from kidney_evals.reporting.table_formats import csv_text
from kidney_evals.reporting.text import percent
from kidney_evals.scorers.shared import turned
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    Order,
    Study,
    dilemmas_of,
    draw_orders,
    load_study,
)

Answer = Literal["A", "B", "COIN"]
"""An answer as shown."""

_ANSWERS: Final[tuple[Answer, ...]] = ("A", "B", "COIN")
_MAXIMUM: Final = 100


@dataclass(frozen=True, eq=False)
class Round:
    """The questions for a person: dilemmas of a study, each with the order of its patients."""

    study: Study
    condition: Condition
    reference: Reference
    seed: int
    dilemmas: tuple[tuple[Dilemma, Order], ...]

    def question(self, number: int) -> str:
        """Return the question that a model would get for dilemma `number`, from 0."""
        dilemma, order = self.dilemmas[number]
        return render_question(wording_named(DEFAULT), self.study, dilemma, order, self.condition)

    def shares(self, count: int) -> list[list[float]]:
        """Return people's shares of A, B and, if offered, the coin for the first `count`."""
        return [
            list(turned(self.reference.shares([dilemma])[0].tolist(), order))
            for dilemma, order in self.dilemmas[:count]
        ]

    def as_csv(self, answers: Sequence[Answer]) -> str:
        """Return the answered dilemmas with their answers as a CSV table."""
        rows = []
        for (dilemma, order), answer in zip(self.dilemmas, answers, strict=False):
            row: dict[str, object] = {
                "study": self.study.id,
                "study_hash": self.study.hash,
                "condition": self.condition,
                "seed": self.seed,
                "dilemma": dilemma.id,
                "order": order,
            }
            for side, patient in zip("ab", dilemma.shown(order), strict=True):
                for name, value in zip(self.study.attribute_ids, patient.values, strict=True):
                    row[f"{side}_{name}"] = f"{value:g}"
            chosen = "first" if (answer == "A") == (order == "ab") else "second"
            row |= {"answer": answer, "choice": "coin" if answer == "COIN" else chosen}
            rows.append(row)
        return csv_text([rows[0], *(row.values() for row in rows)])


def pick_round(study: str, condition: Condition | None, count: int | None, seed: int) -> Round:
    """Choose dilemmas of a study at random.

    Args:
        study: A shipped study or the path of a study folder.
        condition: None for `coin_flip` if people were offered a coin, else `forced_choice`.
        count: Number of dilemmas; None for ten, or all if there are fewer.
        seed: Seed of all random choices.

    Raises:
        UserError: There is no such study, people were not asked in that condition, or the study
            has fewer dilemmas.
    """
    loaded = load_study(study)
    asked = [one for one in CONDITIONS if load_reference(loaded, one).has_people]
    if not asked:
        raise UserError(f"study {loaded.id!r} has no answers of people to compare yours with")
    condition = condition or asked[-1]
    if condition not in asked:
        raise UserError(
            f"people were not asked the dilemmas of {loaded.id} in the condition {condition}; "
            f"take --condition {asked[0]}"
        )
    most = _MAXIMUM if loaded.draw else min(len(loaded.listed), _MAXIMUM)
    count = min(10, most) if count is None else count
    if not 1 <= count <= most:
        raise UserError(f"dilemmas must be from 1 to {most} for study {loaded.id!r}, not {count}")
    # `random.shuffle` may change between Python versions; `random.random` is promised not to.
    generator = random.Random(f"try:{loaded.id}:{seed}")
    pool = dilemmas_of(loaded, count, seed) if loaded.draw else loaded.listed
    picked = sorted(pool, key=lambda _: generator.random())[:count]
    dilemmas = tuple(zip(picked, draw_orders(count, seed), strict=True))
    return Round(loaded, condition, load_reference(loaded, condition), seed, dilemmas)


def result_lines(asked: Round, answers: Sequence[Answer]) -> list[str]:
    """Compare a person's answers with people's, in lines of at most 80 characters."""
    lines = [""]
    limits = ("", "Limits and use", "", *limits_and_use().splitlines())
    for text in (*_comparison(asked, answers), *limits):
        indent = "  " if text in limits else " " * (len(text) - len(text.lstrip()))
        lines += textwrap.wrap(text, 80, subsequent_indent=indent) or [""]
    return lines


def _comparison(asked: Round, answers: Sequence[Answer]) -> Iterator[str]:
    count, shares = len(answers), asked.shares(len(answers))
    same = [each[_ANSWERS.index(one)] for each, one in zip(shares, answers, strict=True)]
    yield f"Your {count} answer{'' if count == 1 else 's'} beside people's"
    yield ""
    for place, answer in enumerate(answers):
        dilemma, order = asked.dilemmas[place]
        a, b = (asked.study.summary(patient) for patient in dilemma.shown(order))
        people = ", ".join(
            f"{name} {percent(share)}"
            for name, share in zip(("A", "B", "coin"), shares[place], strict=False)
        )
        own = "the coin" if answer == "COIN" else f"Patient {answer}"
        yield f"{place + 1:>3}. A: {a}"
        yield f"     B: {b}"
        yield f"     You: {own}, as {percent(same[place])} of people ({people})."
    by_chance = np.mean([sum(share**2 for share in each) for each in shares])
    yield ""
    yield (
        f"On average {percent(float(np.mean(same)))} of people chose as you did; for a person "
        f"drawn at random that would be {percent(float(by_chance))}. More is not better."
    )
    if asked.condition == "forced_choice":
        yield "No coin was offered here, neither to you nor to people."
        return
    coins = answers.count("COIN")
    interval = binomtest(coins, count).proportion_ci(method="wilson")
    people_rate = asked.reference.flip_rate([dilemma for dilemma, _ in asked.dilemmas[:count]])
    yield (
        f"You left {coins} of {count} to the coin (95 % interval {percent(interval.low)} to "
        f"{percent(interval.high)}); people leave {percent(people_rate)} of these same dilemmas "
        "to it."
    )
