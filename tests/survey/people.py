"""Simulated people with known weights, who answer a survey wherever they meet it.

A person's answer depends only on the person, the candidates, the condition and the occasion. So a
question whose answer was lost on the way is answered in the same way again.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from kidney_evals.studies import Choice, Condition, Dilemma, Patient, Study


@dataclass(frozen=True)
class Truth:
    """How a population of simulated people decides.

    With x the differences of `Study.differences`, a person's utility is u = w·x. If it is offered,
    the coin is chosen with the probability 1 / (1 + exp(closeness·|u| - coin)). Otherwise the
    candidate listed first is chosen with the probability 1 / (1 + exp(-u)).

    Attributes:
        weights: Mean weight of each attribute, per unit of its scale in the favoured direction.
        spread: Standard deviation of each weight between people; none by default.
        coin: Log odds of the coin where both candidates are equally good.
        closeness: How fast these log odds fall with the absolute utility.
        careless: Share of people who answer at random, also the controls.
    """

    weights: tuple[float, ...]
    spread: tuple[float, ...] | None = None
    coin: float = 0.0
    closeness: float = 1.0
    careless: float = 0.0

    def person(self, seed: int) -> Person:
        """Return the person with a seed."""
        spread = self.spread or (0.0,) * len(self.weights)
        weights = [
            weight + deviation * _normal(f"{seed}:weight:{place}")
            for place, (weight, deviation) in enumerate(zip(self.weights, spread, strict=True))
        ]
        careless = _uniform(f"{seed}:careless") < self.careless
        return Person(seed, self, tuple(weights), careless)


@dataclass(frozen=True)
class Person:
    """A simulated person: own weights, and whether they answer at random."""

    seed: int
    truth: Truth
    weights: tuple[float, ...]
    careless: bool

    def probabilities(
        self, study: Study, dilemma: Dilemma, condition: Condition
    ) -> tuple[float, float, float]:
        """Return the probabilities of (first, second, coin)."""
        differences = study.differences(dilemma)
        utility = sum(w * x for w, x in zip(self.weights, differences, strict=True))
        log_odds = self.truth.coin - self.truth.closeness * abs(utility)
        coin = _logistic(log_odds)
        if self.careless:
            utility, coin = 0.0, 1 / 3
        if condition == "forced_choice":
            coin = 0.0
        first = _logistic(utility)
        return (1 - coin) * first, (1 - coin) * (1 - first), coin

    def answer(
        self, study: Study, dilemma: Dilemma, condition: Condition, occasion: object = ""
    ) -> Choice:
        """Return the answer to a dilemma as listed.

        For the same `occasion` the same candidate is chosen, whichever is listed first. A repeated
        dilemma is another occasion.
        """
        pair = (dilemma.first.values, dilemma.second.values)
        swapped = pair[0] > pair[1]
        first, second, _ = self.probabilities(study, dilemma, condition)
        drawn = _uniform(f"{self.seed}:{sorted(pair)}:{condition}:{occasion}")
        if drawn >= first + second:
            return "coin"
        smaller = second if swapped else first
        return "first" if (drawn < smaller) != swapped else "second"

    def decide(
        self, study: Study, a: Patient, b: Patient, condition: Condition, occasion: object = ""
    ) -> str:
        """Return the answer to two candidates as shown: "a", "b" or "coin"."""
        answer = self.answer(study, Dilemma("", a, b, "drawn"), condition, occasion)
        return {"first": "a", "second": "b", "coin": "coin"}[answer]


Chosen = tuple[int, Patient | None, Patient | None]
"""The number of a question, who was chosen and who was not; None twice for the coin."""

Known = tuple[Condition, frozenset[Chosen]]


@dataclass
class Interviewee:
    """A person who reads the candidates of each page in the language of `study`.

    Attributes:
        chosen: What the person chose in each question, by its number.
    """

    study: Study
    person: Person
    condition: Condition = "forced_choice"
    chosen: dict[int, Chosen] = field(default_factory=dict)

    def choose(self, number: int, facts: Sequence[Sequence[str]], has_coin: bool) -> str:
        """Return the answer to the candidates with these facts: "a", "b" or "coin"."""
        known = [
            {attribute.describe(value): value for value in attribute.values}
            for attribute in self.study.attributes
        ]
        a, b = (
            Patient(tuple(values[text] for values, text in zip(known, texts, strict=True)))
            for texts in facts
        )
        self.condition = "coin_flip" if has_coin else "forced_choice"
        answer = self.person.decide(self.study, a, b, self.condition, number)
        pairs = {"a": (a, b), "b": (b, a), "coin": (None, None)}
        self.chosen[number] = (number, *pairs[answer])
        return answer

    @property
    def known(self) -> Known:
        """The interview as the person knows it."""
        return self.condition, frozenset(self.chosen.values())


def population(truth: Truth, count: int, seed: int = 0) -> Sequence[Person]:
    """Return `count` people."""
    return [truth.person(seed * 1_000_003 + number) for number in range(count)]


def _uniform(text: str) -> float:
    """Return a number in [0, 1) that depends on a text only."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def _normal(text: str) -> float:
    # Box and Muller (1958).
    radius = math.sqrt(-2 * math.log(1 - _uniform(f"{text}:radius")))
    return radius * math.cos(2 * math.pi * _uniform(f"{text}:angle"))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))
