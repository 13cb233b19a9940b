"""How likely each answer is, and what a respondent's traits make of that."""

from __future__ import annotations

from typing import NamedTuple

from kidney_evals.respondents.question import Question
from kidney_evals.respondents.traits import Traits
from kidney_evals.studies import Order

Shares = tuple[float, ...]
"""Shares of the answers to one dilemma: first, second and, where one is offered, coin."""


class Propensities(NamedTuple):
    """Probabilities of the four things a respondent may do, patients as listed; sum 1.

    Attributes:
        first: The first-listed patient.
        second: The second-listed patient.
        undecided: The coin where one is offered, unprompted indecision where none is.
        refusal: Declines to choose at all.
    """

    first: float
    second: float
    undecided: float = 0.0
    refusal: float = 0.0


class Shown(NamedTuple):
    """The same in terms of the patients as shown."""

    a: float
    b: float
    undecided: float
    refusal: float


class Sway(NamedTuple):
    """What a question does to a respondent that is swayed by something in it.

    Attributes:
        turned: Share of decisions that go to the patient otherwise not chosen.
        pulled: Share of decisions that go to the patient shown first.
        dropped: Share of decisions that become indecision.
    """

    turned: float = 0.0
    pulled: float = 0.0
    dropped: float = 0.0


STEADY = Sway()
"""A question that does nothing to a respondent."""


def sway(traits: Traits, question: Question) -> Sway:
    """Return what moves a respondent's answers in one question; nothing in any other."""
    by = traits.swayed_by
    if by == "order":
        return Sway(pulled=traits.sway)
    if by == f"wording:{question.wording}" or (by == "role" and question.role):
        return Sway(turned=traits.sway)
    if by == "mechanism" and question.offers_coin and question.form.mechanism != "coin":
        return Sway(dropped=traits.sway)
    return STEADY


def apply_traits(own: Propensities, traits: Traits, order: Order, swayed: Sway = STEADY) -> Shown:
    """Turn a respondent's own propensities into those of its answers.

    Sharpness comes first, then what a wording turns round, then the share of undecided answers
    and what another mechanism adds to it, then the position bias and the pull of the order, so
    that each argument means the same whatever the others are.

    Args:
        own: What the respondent would do untouched.
        traits: Its arguments.
        order: Which patient is Patient A.
        swayed: What the question does to the respondent beside.

    Returns:
        Propensities as shown; sum 1.
    """
    first, second, undecided, refusal = own
    decided = first + second
    # Even odds where nothing is decided: `coin` with a share of decisions set by `indecision`.
    odds = (first / decided, second / decided) if decided > 0 else (0.5, 0.5)
    if traits.sharpness != 1:
        high = max(odds)  # scaled by the larger one, so that no power underflows both
        powers = [(value / high) ** traits.sharpness for value in odds]
        odds = (powers[0] / sum(powers), powers[1] / sum(powers))
    turned = swayed.turned
    odds = (
        (1 - turned) * odds[0] + turned * odds[1],
        (1 - turned) * odds[1] + turned * odds[0],
    )
    if traits.indecision is not None:
        undecided = traits.indecision * (1 - refusal)
        decided = 1 - refusal - undecided
    undecided += swayed.dropped * decided
    decided -= swayed.dropped * decided
    a, b = odds if order == "ab" else odds[::-1]
    always = 2 * abs(traits.position_bias)
    a = (1 - always) * a + (always if traits.position_bias > 0 else 0.0)
    b = (1 - always) * b + (always if traits.position_bias < 0 else 0.0)
    a, b = a + swayed.pulled * b, b - swayed.pulled * b
    return Shown(a * decided, b * decided, undecided, refusal)


def pick(weights: tuple[float, ...], chance: float) -> int:
    """Return the index that `chance` in [0, 1) falls on when `weights` are laid end to end."""
    remaining = chance * sum(weights)
    last = 0
    for index, weight in enumerate(weights):
        if weight <= 0:
            continue
        if remaining < weight:
            return index
        remaining -= weight
        last = index
    return last
