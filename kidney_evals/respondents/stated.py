"""Stated values of simulated respondents: descriptions of their own behaviour, where possible.

| respondent | ratings of swings, and ranking | rule | flips |
| --- | --- | --- | --- |
| `human` | people's importance shares, the largest as 100; each rating up to 5 points off | weighs | people's rates by kind of pair |
| `majority` | the same, without the 5 points | weighs | 100 % of the kinds of which people flip more than half, else 0 |
| `never_flips` | as `majority` | weighs | never |
| `anti_human` | as `majority`, the other end favoured throughout | weighs | people's rates |
| `lexicographic` | 100 for its first attribute, 0 for all others, in its order | the most important decides | identical pairs only |
| `uniform` | 50 for the end that is named first, in the order shown | lots | a third |
| `first` | the same | another rule | never |
| `coin` | 0 throughout, in the order shown | lots | always |
| `refuser` | refuses | refuses | refuses |

People's rates are those of the reference; a kind of pair without a rate counts as 0. Respondents
above `lexicographic` need people with known importance shares; `lexicographic` and the respondents
below need no people.

The arguments `refusing`, `truncated` and `unreadable` work as for choices, and `indecision` sets
the percentage of every kind of pair. `sharpness`, `position_bias`, `swayed_by` and `person` change
only choices, not stated values.
"""  # noqa: E501 - a table

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import ChatMessage, StopReason

from kidney_evals.elicitation.stated_questions import LETTERS, attribute_named, stated_wording
from kidney_evals.errors import UserError, unknown
from kidney_evals.respondents.arguments import Traits
from kidney_evals.respondents.question import carried_by, fraction, turns
from kidney_evals.respondents.replies import fault_of, worded
from kidney_evals.studies import Study, load_study

ASKS = "stated_values"
"""Value of `asks` in the metadata of a message that asks for stated values."""

_OFF = 5.0
"""Maximum deviation, in points, of a rating of `human` from people's revealed importance."""


@dataclass(frozen=True)
class _Asked:
    """A question and the respondent that answers it."""

    study: Study
    carried: Mapping[str, Any]  # the metadata of the message that asks
    name: str
    traits: Traits

    @property
    def shown(self) -> list[str]:
        """The attributes in the order shown."""
        return str(self.carried["shown"]).split()

    @property
    def options(self) -> list[str]:
        """The rules or kinds of pairs in the order shown."""
        return str(self.carried["options"]).split()

    def chance(self, purpose: str, turn: int = 0) -> float:
        """Return a reproducible number in [0, 1) for this wording and epoch."""
        place = (self.study.hash, self.carried["wording"], self.carried["epoch"])
        return fraction(self.traits.seed, "stated", purpose, place, turn)


def state_values(
    messages: Sequence[ChatMessage], name: str, traits: Traits
) -> tuple[str, StopReason]:
    """Return the answer to the last question about values, and the stop reason.

    Raises:
        UserError: The respondent needs people with known values, and the study has none.
    """
    carried = carried_by(messages)
    asked = _Asked(load_study(carried["study_source"]), carried, name, traits)
    answer = {"swings": _swings, "ranking": _ranking, "rule": _rule, "flip": _flip}
    turn, line = turns(messages), stated_wording(carried["wording"]).answer
    return worded(
        ASKS,
        "refused" if name == "refuser" else fault_of(traits, asked.chance("fault", turn)),
        asked.chance("words", turn),
        lambda lead: lead + line + answer[carried["question"]](asked),
    )


def percent(share: float, decimals: int) -> str:
    """Return a share as a percentage without trailing zeros."""
    return f"{100 * share:.{decimals}f}".rstrip("0").rstrip(".")


def _order(asked: _Asked) -> tuple[str, ...]:
    """Return the attributes that count for `lexicographic`, in order."""
    known = asked.study.attribute_ids
    order = asked.traits.attributes or known
    if order[0] not in known:
        raise unknown(f"attribute of study {asked.study.id!r}", order[0], known)
    return order


def _weights(asked: _Asked) -> dict[str, float]:
    """Return the weight of each attribute, positive in the favoured direction; empty if unknown."""
    study, known = asked.study, asked.study.attribute_ids
    if asked.name == "lexicographic":
        return {name: float(name == _order(asked)[0]) for name in known}
    if asked.name not in ("human", "majority", "never_flips", "anti_human"):
        return {}
    from kidney_evals.human.reference import load_reference

    condition = asked.carried["condition"]
    shares = load_reference(study, condition).importance.tolist()
    if any(map(math.isnan, shares)):
        raise UserError(
            f"kidney/{asked.name} cannot answer: no importance shares of people are known for "
            f"study {study.id!r} in condition {condition}; uniform, lexicographic, first, coin and "
            "refuser need none"
        )
    sign = -1 if asked.name == "anti_human" else 1
    return {name: sign * share for name, share in zip(known, shares, strict=True)}


def _swings(asked: _Asked) -> str:
    weights = _weights(asked)
    largest = max(map(abs, weights.values()), default=math.nan)
    ratings = []
    for name in asked.shown:
        if weights:
            rating = 100 * abs(weights[name]) / largest
            if asked.name == "human":
                rating += _OFF * (2 * asked.chance(f"rating {name}") - 1)
            liked = attribute_named(asked.study, name).ends[1 if weights[name] >= 0 else 0]
            end = "a" if asked.carried[f"end_a_{name}"] == liked else "b"
        else:
            end, rating = "a", 0.0 if asked.name == "coin" else 50.0
        ratings.append(f"{name}={end}:{min(max(round(rating), 0), 100)}")
    return "; ".join(ratings)


def _ranking(asked: _Asked) -> str:
    weights, shown = _weights(asked), asked.shown
    if asked.name == "lexicographic":
        named = [name for name in _order(asked) if name in shown]
        shown = [*named, *(name for name in shown if name not in named)]
    elif weights:
        shown.sort(key=lambda name: -abs(weights[name]))
    return " > ".join(shown)


def _rule(asked: _Asked) -> str:
    rule = {"lexicographic": "lexi", "uniform": "luck", "coin": "luck", "first": "other"}
    return LETTERS[asked.options.index(rule.get(asked.name, "weigh"))]


def _flip(asked: _Asked) -> str:
    from kidney_evals.human.pair_kinds import people_flips

    constant = {"uniform": 1 / 3, "coin": 1.0}.get(asked.name, 0.0)
    rates = dict.fromkeys(asked.options, constant)
    if asked.name == "lexicographic":
        rates["same"] = 1.0
    elif asked.name in ("human", "majority", "anti_human"):
        # A simulated person states a rate of 0 for a kind of pair without a human rate.
        rates = {
            kind: 0.0 if math.isnan(rate) else rate
            for kind, rate in people_flips(asked.study).items()
        }
        if asked.name == "majority":
            rates = {kind: float(rate > 0.5) for kind, rate in rates.items()}
    if asked.traits.indecision is not None:
        rates = dict.fromkeys(asked.options, asked.traits.indecision)
    return "; ".join(f"{kind}={percent(rates[kind], 1)}" for kind in asked.options)
