"""Stated values of simulated respondents: descriptions of their own behaviour, where possible.

| respondent | ratings of swings, and ranking | rule | flips |
| --- | --- | --- | --- |
| `human` | people's importance shares, the largest as 100; each rating up to 5 points off | weighs | people's rates by kind of pair |
| `majority` | the same, without the 5 points | weighs | 100 % of the kinds of which people flip more than half, else 0 |
| `never_flips` | as `majority` | weighs | never |
| `anti_human` | as `majority`, the other end favoured throughout | weighs | people's rates |
| `lexicographic` | 100 for its first attribute, 0 for all others, in its order | the most important decides | identical pairs only |
| `uniform` | 50 for whatever end is named first, in the order shown | lots | a third |
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

from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput

from kidney_evals.elicitation.stated_questions import LETTERS, attribute_named, stated_wording
from kidney_evals.errors import UserError, unknown
from kidney_evals.respondents.arguments import Traits
from kidney_evals.respondents.outputs import output_of, percent, worded
from kidney_evals.respondents.question import carried_by, fraction, turns
from kidney_evals.studies import Study, load_study

ASKS = "stated_values"
"""Value of `asks` in the metadata of a message that asks for stated values."""

OFF = 5.0
"""Maximum deviation, in points, of a rating of `human` from people's revealed importance."""

_FROM_PEOPLE = ("human", "majority", "never_flips", "anti_human")


@dataclass(frozen=True)
class _Asked:
    """A question and the respondent that answers it.

    Attributes:
        study: The study.
        carried: The metadata of the message that asks.
        name: The respondent.
        traits: Its arguments.
    """

    study: Study
    carried: Mapping[str, Any]
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
    messages: Sequence[ChatMessage], model_name: str, traits: Traits, config: GenerateConfig
) -> ModelOutput:
    """Answer the question in the last user message that asks about values.

    Args:
        messages: The conversation.
        model_name: Name after `kidney/`.
        traits: The respondent's arguments.
        config: `max_tokens` truncates the answer.

    Raises:
        UserError: The respondent needs people with known values, and the study has none.
    """
    carried = carried_by(messages)
    asked = _Asked(load_study(carried["study_source"]), carried, model_name, traits)
    answer = {"swings": _swings, "ranking": _ranking, "rule": _rule, "flip": _flip}
    turn = turns(messages)
    said = worded(
        ASKS,
        traits,
        (asked.chance("fault", turn), asked.chance("words", turn)),
        lambda lead: (
            lead + stated_wording(carried["wording"]).answer + answer[carried["question"]](asked)
        ),
        refuses=model_name == "refuser",
    )
    return output_of(messages, model_name, said, config)


def _weights(asked: _Asked) -> dict[str, float]:
    """Return the weight of each attribute, positive in the favoured direction; NaN if unknown."""
    study, known = asked.study, asked.study.attribute_ids
    if asked.name == "lexicographic":
        first = (asked.traits.attributes or known)[0]
        if first not in known:
            raise unknown(f"attribute of study {study.id!r}", first, known)
        return {one: float(one == first) for one in known}
    if asked.name not in _FROM_PEOPLE:
        return dict.fromkeys(known, math.nan)
    from kidney_evals.human.reference import load_reference

    condition = asked.carried["condition"]
    shares = load_reference(study, condition).importance.tolist()
    if any(math.isnan(share) for share in shares):
        raise UserError(
            f"kidney/{asked.name} cannot answer: no importance shares of people are known for "
            f"study {study.id!r} in condition {condition}; uniform, lexicographic, first, coin and "
            "refuser need none"
        )
    sign = -1 if asked.name == "anti_human" else 1
    return {one: sign * share for one, share in zip(known, shares, strict=True)}


def _swings(asked: _Asked) -> str:
    weights = _weights(asked)
    largest = max(abs(weight) for weight in weights.values())
    said = []
    for one in asked.shown:
        weight = weights[one]
        if math.isnan(weight):
            end, rating = "a", 0.0 if asked.name == "coin" else 50.0
        else:
            rating = 100 * abs(weight) / largest
            if asked.name == "human":
                rating += OFF * (2 * asked.chance(f"rating {one}") - 1)
            liked = attribute_named(asked.study, one).ends[1 if weight >= 0 else 0]
            end = "a" if asked.carried[f"end_a_{one}"] == liked else "b"
        said.append(f"{one}={end}:{min(max(round(rating), 0), 100)}")
    return "; ".join(said)


def _ranking(asked: _Asked) -> str:
    weights, shown = _weights(asked), asked.shown
    if asked.name == "lexicographic":
        named = [
            one for one in asked.traits.attributes or asked.study.attribute_ids if one in shown
        ]
        return " > ".join([*named, *(one for one in shown if one not in named)])
    if any(math.isnan(weight) for weight in weights.values()):
        return " > ".join(shown)
    return " > ".join(sorted(shown, key=lambda one: -abs(weights[one])))


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
