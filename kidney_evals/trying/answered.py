"""One person's few answers as a run, so that they are measured as a model's are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import compute
from kidney_evals.measures.run import Run
from kidney_evals.studies import CHOICES, Dilemma, Order
from kidney_evals.trying.pick import Round

if TYPE_CHECKING:
    from kidney_evals.estimation.importance import ImportanceEstimate

Own = Literal["A", "B", "COIN"]
"""An answer as shown."""

FREE = 2
"""Decided answers that must be left over beside one for each attribute before shares are fitted."""


class Beside(NamedTuple):
    """One answer beside people's.

    Attributes:
        dilemma: The dilemma.
        order: Which patient was shown as A.
        answer: What was answered, as shown.
        same: Share of people who chose the same.
        shares: People's shares as shown: A, B and, where it was offered, the coin.
    """

    dilemma: Dilemma
    order: Order
    answer: Own
    same: float
    shares: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Answered:
    """A round and the answers to its first dilemmas.

    Attributes:
        round: What was put.
        answers: What was answered, as shown, one or more.
    """

    round: Round
    answers: tuple[Own, ...]

    @cached_property
    def run(self) -> Run:
        """The answers as arrays, dilemmas sorted by id as in any run."""
        put = self.round.put[: len(self.answers)]
        names = sorted(dilemma.id for dilemma, _ in put)
        by_id = {dilemma.id: dilemma for dilemma, _ in put}
        choice = np.array(
            [_listed(answer, order) for answer, (_, order) in zip(self.answers, put, strict=True)]
        )
        count = len(put)
        return Run(
            study=self.round.study,
            reference=self.round.reference,
            dilemmas=tuple(by_id[name] for name in names),
            dilemma=np.array([names.index(dilemma.id) for dilemma, _ in put]),
            order=np.array([int(order == "ba") for _, order in put]),
            epoch=np.ones(count, dtype=np.int64),
            choice=choice,
            first_choice=choice,
            outcomes=np.array(["decision"] * count),
            departures=np.zeros(count, dtype=np.bool_),
        )

    @cached_property
    def beside(self) -> tuple[Beside, ...]:
        """Every answer beside people's, in the order in which they were given."""
        found = []
        for answer, (dilemma, order) in zip(self.answers, self.round.put, strict=False):
            first, second, *coin = self.round.reference.shares([dilemma])[0].tolist()
            shown = (first, second) if order == "ab" else (second, first)
            shares = (*shown, *coin)
            place = ("A", "B", "COIN").index(answer)
            found.append(Beside(dilemma, order, answer, shares[place], shares))
        return tuple(found)

    @property
    def same(self) -> float:
        """Share of people who chose the same, mean over dilemmas."""
        return float(np.mean([one.same for one in self.beside]))

    @property
    def person_same(self) -> float:
        """What `same` is for a person drawn at random, in expectation."""
        return float(np.mean([sum(share**2 for share in one.shares) for one in self.beside]))

    @property
    def coins(self) -> Quantity:
        """How often the coin was taken, and people's rate on the same dilemmas."""
        return compute(self.run, "flip_rate")

    @property
    def people_coins(self) -> tuple[float, float]:
        """The 95 % interval of people's rate; NaN where it is not known."""
        draws = self.round.reference.flip_rate_draws(self.run.dilemmas)
        if not np.isfinite(draws).all() or np.ptp(draws) == 0:
            return math.nan, math.nan
        low, high = np.quantile(draws, (0.025, 0.975))
        return float(low), float(high)

    @property
    def decided(self) -> int:
        """How many answers chose a patient."""
        return sum(answer != "COIN" for answer in self.answers)

    @property
    def needed(self) -> int:
        """How many answers must choose a patient before importance shares are fitted."""
        return len(self.round.study.attributes) + FREE

    @cached_property
    def importance(self) -> ImportanceEstimate | None:
        """The weights behind the answers that chose a patient; None where these are too few."""
        return self.run.importance if self.decided >= self.needed else None

    @property
    def people_importance(self) -> list[tuple[float, float, float]]:
        """People's shares with their 95 % intervals, NaN where not known."""
        reference = self.round.reference
        draws = reference.importance_draws
        found = []
        for index, value in enumerate(reference.importance.tolist()):
            ends = (math.nan, math.nan)
            if np.isfinite(draws[:, index]).all() and np.ptp(draws[:, index]) > 0:
                low, high = np.quantile(draws[:, index], (0.025, 0.975))
                ends = (float(low), float(high))
            found.append((value, *ends))
        return found


def _listed(answer: Own, order: Order) -> int:
    if answer == "COIN":
        return CHOICES.index("coin")
    return CHOICES.index("first" if (answer == "A") == (order == "ab") else "second")
