"""What a person is told after the last answer, in lines for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from typing import Final

from kidney_evals.human.sources import ModelShares, ProfileShares
from kidney_evals.limits import limits_and_use
from kidney_evals.reporting.text import number, percent
from kidney_evals.trying.answered import Answered, Beside

WIDTH: Final = 80

_NAME: Final = 14
_VALUE: Final = 8
_INTERVAL: Final = 20


def result_lines(answered: Answered) -> list[str]:
    """Return a person's answers beside people's, lines of at most 80 letters, plain text."""
    return [
        line
        for part in (_choices, _coin, _importance, _limits)
        for line in ["", *_filled(part(answered))]
    ]


def _filled(paragraphs: Iterator[str]) -> Iterator[str]:
    """Fold lines that are too long; what a line begins with stays in front of its parts."""
    for text in paragraphs:
        indent = " " * (len(text) - len(text.lstrip(" -")))
        yield from textwrap.wrap(text, WIDTH, subsequent_indent=indent) or [""]


def _choices(answered: Answered) -> Iterator[str]:
    count = len(answered.answers)
    yield f"Your {count} answer{'' if count == 1 else 's'} beside people's"
    yield ""
    for place, one in enumerate(answered.beside, 1):
        yield from _choice(answered, place, one)
    yield ""
    source = answered.round.reference.source
    if isinstance(source, ModelShares):
        yield (
            "People answered other dilemmas of this kind: their shares for these are worked out "
            "by a model of their answers."
        )
    elif isinstance(source, ProfileShares):
        yield (
            "People's shares are worked out from the scores that the study published for each "
            "profile."
        )
    yield (
        f"On average {percent(answered.same)} of people chose as you did; for a person drawn at "
        f"random that would be {percent(answered.person_same)}. More is not better."
    )


def _choice(answered: Answered, place: int, one: Beside) -> Iterator[str]:
    study = answered.round.study
    a, b = (study.summary(patient) for patient in one.dilemma.shown(one.order))
    names = ("A", "B", "coin")
    told = ", ".join(
        f"{name} {percent(share)}" for name, share in zip(names, one.shares, strict=False)
    )
    yield f"{place:>3}. A: {a}"
    yield f"     B: {b}"
    chose = {"A": "Patient A", "B": "Patient B", "COIN": "the coin"}[one.answer]
    yield f"     You: {chose}, as {percent(one.same)} of people ({told})."


def _coin(answered: Answered) -> Iterator[str]:
    if answered.round.condition != "coin_flip":
        yield "No coin was offered here, neither to you nor to people."
        return
    rate = answered.coins
    took, count = answered.answers.count("COIN"), len(answered.answers)
    own = f"You left {took} of {count} to the coin"
    if not (math.isnan(rate.low) or math.isnan(rate.high)):
        own += f" (95 % interval {percent(rate.low)} to {percent(rate.high)})"
    low, high = answered.people_coins
    people = f"people leave {percent(rate.human)} of these same dilemmas to it"
    if not math.isnan(low):
        people += f" ({percent(low)} to {percent(high)})"
    yield f"{own}; {people}."


def _importance(answered: Answered) -> Iterator[str]:
    estimate = answered.importance
    count = answered.decided
    yield "What moved your choices"
    yield ""
    if estimate is None:
        yield (
            f"You chose a patient {count} time{'' if count == 1 else 's'}, which is too few to "
            f"say: {answered.needed} are the least that anything can be fitted to."
        )
        return
    if estimate.separated:
        yield (
            "A simple rule on the patients' attributes would give every choice you made. With so "
            "few that is common, and how much each attribute counts is then hardly determined."
        )
    if not estimate.determined.all():
        yield "The dilemmas you decided do not tell every attribute apart, so no shares are given."
        return
    if not estimate.signal:
        yield (
            f"{count} choices do not show beyond chance that the patients' attributes moved you, "
            "so no shares are given. That is what few answers look like, and no finding about you."
        )
        return
    people = answered.people_importance
    yield (
        f"{'':{_NAME}}{'you':>{_VALUE}}{'95 % interval':^{_INTERVAL}}"
        f"{'people':>{_VALUE}}{'95 % interval':^{_INTERVAL}}".rstrip()
    )
    for index, attribute in enumerate(answered.round.study.attribute_ids):
        value, low, high = people[index]
        yield (
            f"{attribute.replace('_', ' '):{_NAME}.{_NAME}}"
            f"{number(float(estimate.shares[index])):>{_VALUE}}"
            f"{_interval(float(estimate.low[index]), float(estimate.high[index])):^{_INTERVAL}}"
            f"{number(value):>{_VALUE}}{_interval(low, high):^{_INTERVAL}}".rstrip()
        )
    yield (
        "Shares of importance: how much of a choice an attribute's whole range can move, below 0 "
        "where it moves it against what most people favour."
    )
    yield (
        f"{count} choices tell little: the intervals are wide, rest on an approximation that is "
        "rough for so few, and another ten dilemmas could say something else."
    )


def _limits(answered: Answered) -> Iterator[str]:
    yield "Limits and use"
    yield ""
    yield from limits_and_use().splitlines()


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else f"[{number(low)}, {number(high)}]"
