"""A run's samples as arrays: what every row is computed from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import Reference
from kidney_evals.studies import Dilemma, Study


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
        language: Code of the language of the questions.
        mechanism: What was offered beside the patients: "coin", another mechanism, or "none".
        wording: Index of the wording of each sample, shape (n,); None where all have the same.
        chances: Probabilities of first, second and coin in each sample, shape (n, 3), where
            log-probabilities were read out, rows of 0 without a choice; None where not.
        outside: Probability of anything but an answer, shape (n,), NaN where not read out.
        crossed: Whether every dilemma was put in every wording, order and repetition.
        at_zero: Whether the answers were given at temperature 0.
        other_model: Share of samples answered by another model than the one asked.
        measured: The rows computed so far, by name.
        failures: Why an estimator failed on these answers, by the row that it computes.
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
    language: str = "en"
    mechanism: str = "coin"
    wording: NDArray[np.int64] | None = None
    chances: NDArray[np.float64] | None = None
    outside: NDArray[np.float64] | None = None
    crossed: bool = False
    at_zero: bool = False
    other_model: float = 0.0
    measured: dict[str, Quantity] = field(init=False, repr=False, default_factory=dict)
    failures: dict[str, Exception] = field(init=False, repr=False, default_factory=dict)

    @property
    def borrows_coin(self) -> bool:
        """Whether people's coins would stand beside another mechanism of indecision."""
        return self.decisions.has_coin and self.mechanism != "coin"

    @cached_property
    def decisions(self) -> Decisions:
        """The read answers, with the human side of every dilemma."""
        return self._decisions(self.choice)

    @cached_property
    def first_decisions(self) -> Decisions:
        """The same from first answers alone."""
        if np.array_equal(self.choice, self.first_choice):
            return self.decisions
        return self._decisions(self.first_choice)

    @property
    def sampled(self) -> Decisions:
        """The answers as sampled ones, for what is fitted to answers one by one."""
        return self.decisions.drawn

    def _decisions(self, choice: NDArray[np.int64]) -> Decisions:
        read = choice >= 0
        chances = self.chances
        if chances is not None:
            width = 3 if self.reference.condition == "coin_flip" else 2
            chances = chances[read, :width]
            # A log holds them rounded.
            chances = chances / chances.sum(axis=1, keepdims=True)
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
            chances=chances,
        )
