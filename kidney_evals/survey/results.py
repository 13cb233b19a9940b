"""A person's own answers beside those of others, for the last page of a survey.

The numbers are plain rates over the person's own dilemmas: twenty answers are too few for a choice
model, and the importance shares of one person would mostly be chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Literal

from kidney_evals.studies import CHOICES, Choice, Condition, Dilemma, Study
from kidney_evals.survey.interview import Item

if TYPE_CHECKING:
    from kidney_evals.survey.store import Participant, Store

Others = Literal["participants", "reference", "nobody"]
"""With whom a person is compared: others in this survey, the human reference, or nobody."""


@dataclass(frozen=True)
class Beside:
    """A person's rate beside the mean rate of others.

    Attributes:
        own: The person's rate, a mean over `of` answers.
        low: Lower end of its 95 % interval (Wilson's).
        high: Upper end of this interval.
        of: Number of the person's answers in the rate.
        others: Mean rate of others in the same dilemmas; NaN without others.
    """

    own: float
    low: float
    high: float
    of: int
    others: float


@dataclass(frozen=True)
class OwnAnswers:
    """A person's answers beside the answers of others.

    Only first answers to a dilemma count; controls and repeats do not. If there are others, only
    dilemmas that they answered count.

    Attributes:
        others: Who the others are.
        answers: Number of the person's answers that count.
        coin: Share of answers left to the coin; None without a coin or if no answer counts.
        alike: Mean share of others who answered as the person did. Its `others` is the probability
            that two different others answer alike. None without others or if no answer counts.
        attributes: By attribute id, how often the person chose the candidate whom
            `Attribute.favoured_text` names. Only decisions between candidates who differ on the
            attribute count; if there are others, some of them must have decided too. An attribute
            without such a decision is missing.
    """

    others: Others
    answers: int
    coin: Beside | None
    alike: Beside | None
    attributes: Mapping[str, Beside]


def own_answers(store: Store, participant: Participant) -> OwnAnswers:
    """Return a person's answers beside others in the store, the human reference or nobody.

    Others in the store are people who finished in the person's condition. They are taken if, for
    half of the person's dilemmas or more, at least `FEWEST` of them answered. Otherwise the
    reference is taken if it has people.

    Raises:
        UserError: The database fails, or a table of the reference is invalid.
    """
    study, condition = store.study, participant.condition
    plan, answers = store.plan(participant), store.answers(participant)
    dilemmas = [item.dilemma for item in plan if not (item.repeat or item.dilemma.is_control)]
    counts = store.shares(condition, without=participant)
    covered = sum(dilemma.id in counts for dilemma in dilemmas)
    if 2 * covered >= len(dilemmas):
        return beside_others(study, condition, plan, answers, counts, "participants")
    people = _people(study, condition, dilemmas)
    return beside_others(
        study, condition, plan, answers, people, "reference" if people else "nobody"
    )


def _people(
    study: Study, condition: Condition, dilemmas: Sequence[Dilemma]
) -> dict[str, tuple[float, ...]]:
    """Return the shares of the study's people by dilemma; empty if nobody was asked."""
    import numpy as np

    from kidney_evals.human.reference import load_reference

    reference = load_reference(study, condition)
    if not reference.has_people:
        return {}
    shares = reference.shares(dilemmas)
    return {
        dilemma.id: tuple(map(float, row))
        for dilemma, row in zip(dilemmas, shares, strict=True)
        if not np.isnan(row).any()
    }


def beside_others(
    study: Study,
    condition: Condition,
    plan: Sequence[Item],
    answers: Mapping[int, Choice],
    others: Mapping[str, Sequence[float]],
    who: Others,
) -> OwnAnswers:
    """Return a person's answers beside the answers of others.

    `answers` are by position in the person's interview `plan`. `others` has, by dilemma id, how
    many others chose (first, second, coin), or which shares of people did if `who` is `reference`;
    the coin may be left out. If `who` is `nobody`, the rates of others are NaN.
    """
    own = [
        (item.dilemma, answers[item.position])
        for item in plan
        if item.position in answers
        and not (item.repeat or item.dilemma.is_control)
        and (who == "nobody" or item.dilemma.id in others)
    ]
    flips, same = [], []
    chose: dict[str, list[tuple[float, float]]] = {name: [] for name in study.attribute_ids}
    for dilemma, answer in own:
        row = [*others.get(dilemma.id, (nan,) * 3), 0.0][:3]
        place = CHOICES.index(answer)
        flips.append((float(answer == "coin"), row[2] / sum(row)))
        same.append((row[place] / sum(row), _two_alike(row, counts=who != "reference")))
        if answer == "coin" or sum(row[:2]) == 0:
            continue
        for name, difference in zip(study.attribute_ids, study.differences(dilemma), strict=True):
            if difference:
                favoured = 0 if difference > 0 else 1
                rate = row[favoured] / sum(row[:2])
                chose[name].append((float(place == favoured), rate))
    lines = {name: _beside(pairs) for name, pairs in chose.items()}
    return OwnAnswers(
        others=who,
        answers=len(own),
        coin=_beside(flips) if condition == "coin_flip" else None,
        alike=None if who == "nobody" else _beside(same),
        attributes={name: line for name, line in lines.items() if line},
    )


def _two_alike(row: Sequence[float], *, counts: bool) -> float:
    """Return the probability that two different persons answer alike, from counts or shares."""
    total = sum(row)
    if counts:
        # Of n persons, n - 1 are others.
        return sum(one * (one - 1) for one in row) / (total * (total - 1))
    return sum((one / total) ** 2 for one in row)


def _beside(pairs: Sequence[tuple[float, float]]) -> Beside | None:
    """Return the mean of own values beside the mean of others' values; None without values."""
    if not pairs:
        return None
    from kidney_evals.estimation.intervals import wilson

    own, others = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    low, high = wilson(own, len(pairs))
    return Beside(own, low, high, len(pairs), others)
