"""Which dilemmas are put to a person: few, from close to clear, both orders equally often."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from kidney_evals.elicitation.prompt import render_question
from kidney_evals.elicitation.wording import DEFAULT, wording_named
from kidney_evals.errors import UserError
from kidney_evals.human.reference import Reference, load_reference
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

USUAL: Final = 10
"""Dilemmas of a round, where a study has so many."""

MOST: Final = 100

POOL: Final = 20
"""Dilemmas drawn for each that is put, where a study draws them."""


@dataclass(frozen=True, eq=False)
class Round:
    """What is put to a person, in its order.

    Attributes:
        study: The study.
        condition: Which answers are offered.
        reference: The human side.
        seed: What gives the same round again.
        put: Dilemmas with the order of their patients.
    """

    study: Study
    condition: Condition
    reference: Reference
    seed: int
    put: tuple[tuple[Dilemma, Order], ...]

    def question(self, number: int) -> str:
        """Return the question that a model would get for the dilemma at this place, from 0."""
        dilemma, order = self.put[number]
        return render_question(wording_named(DEFAULT), self.study, dilemma, order, self.condition)


def pick_round(study: str, condition: Condition | None, count: int | None, seed: int) -> Round:
    """Choose the dilemmas of a round.

    The study's dilemmas (for a study that draws, a draw of its own, without pairs in which one
    patient has everything for them) are ranked by how far apart the patients are for people; one
    is taken at random from each of as many equal parts of that list as dilemmas are wanted, and
    they are put in a random sequence.

    Args:
        study: A shipped study or the path of a study folder.
        condition: Which answers to offer; None for a coin where people were offered one.
        count: How many dilemmas; None for the usual number, or all where there are fewer.
        seed: Decides all of it.

    Raises:
        UserError: There is no such study, people were not asked in that condition, or the study
            has not that many dilemmas.
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
    most = MOST if loaded.draw else min(len(loaded.listed), MOST)
    wanted = min(USUAL, most) if count is None else count
    if not 1 <= wanted <= most:
        raise UserError(f"dilemmas must be from 1 to {most} for study {loaded.id!r}, not {wanted}")
    reference = load_reference(loaded, chosen)
    generator = random.Random(f"try:{loaded.id}:{seed}")
    ranked = _by_closeness(_pool(loaded, wanted, seed), reference)
    ends = [round(part * len(ranked) / wanted) for part in range(wanted + 1)]
    picked = [ranked[low + int(generator.random() * (high - low))] for low, high in pairwise(ends)]
    # `random.shuffle` may change between Python versions; `random.random` is promised not to.
    sequence = sorted(range(wanted), key=[generator.random() for _ in picked].__getitem__)
    mixed = [picked[at] for at in sequence]
    orders = draw_orders(wanted, seed)
    return Round(loaded, chosen, reference, seed, tuple(zip(mixed, orders, strict=True)))


def _pool(study: Study, wanted: int, seed: int) -> tuple[Dilemma, ...]:
    if study.draw is None:
        return study.listed
    drawn = dilemmas_of(study, POOL * wanted, seed)
    torn = tuple(one for one in drawn if study.dominating(one) is None)
    return torn if len(torn) >= wanted else drawn


def _by_closeness(dilemmas: tuple[Dilemma, ...], reference: Reference) -> list[Dilemma]:
    """Return dilemmas from those that divide people to those that do not."""
    apart = reference.closeness(dilemmas)
    if not np.isfinite(apart).all():
        decided = reference.decided_shares(dilemmas)
        apart = np.abs(decided[:, 0] - decided[:, 1])
    return [dilemmas[at] for at in np.argsort(apart, kind="stable")]
