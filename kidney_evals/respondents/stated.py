"""What simulated respondents say that they value: what they do, as far as they can say it.

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

People's rates are those of the reference, 0 of a kind of pair for which it has none. The table
needs people whose importance shares are known; from `lexicographic` on nobody needs any.

The arguments `refusing`, `truncated` and `unreadable` work as they do for choices, and `indecision`
sets the percentage of every kind of pair; `sharpness`, `position_bias`, `swayed_by` and `person`
change how somebody chooses and not what they say.
"""  # noqa: E501 - a table

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelOutput,
    StopReason,
)

from kidney_evals.elicitation.stated_questions import LETTERS, stated_wording
from kidney_evals.errors import UserError, unknown
from kidney_evals.respondents.arguments import Traits
from kidney_evals.respondents.outputs import FaultWords, fault_of, output_of
from kidney_evals.respondents.question import carried_by, fraction
from kidney_evals.studies import Condition, Study, load_study

ASKS = "stated_values"
"""What a message that asks for stated values says of itself."""

OFF = 5.0
"""Points by which a rating of `human` may lie off what people reveal, either way."""

_FROM_PEOPLE = ("human", "majority", "never_flips", "anti_human")
_LEADS = ("", "", "This is how I see it.\n\n", "Taken together, I would put it like this.\n\n")
_FAULTS = FaultWords(
    refusals=(
        "I'm sorry, but I can't help with judging patients.",
        "I can't provide an answer to this. It belongs to a transplant team.",
    ),
    cut_off="Let me think about each of these in turn. The first",
    unreadable=("It depends on the case.", "ANSWER: ?", "There is much to be said on every side."),
)


@dataclass(frozen=True)
class Put:
    """A question as its message carries it.

    Attributes:
        study: The study.
        carried: The message's metadata.
        turn: How many answers the conversation already holds.
    """

    study: Study
    carried: Mapping[str, Any]
    turn: int

    def chance(self, seed: int, purpose: str, turn: int = 0) -> float:
        """Return a number in [0, 1) that is always the same for this wording and epoch."""
        place = (self.study.hash, self.carried["wording"], self.carried.get("epoch", 1))
        return fraction(seed, "stated", purpose, place, turn)


def asks_for_values(messages: Sequence[ChatMessage]) -> bool:
    """Whether the last question in a conversation asks what somebody values."""
    return carried_by(messages).get("asks") == ASKS


def state_values(
    messages: Sequence[ChatMessage], model_name: str, traits: Traits, config: GenerateConfig
) -> ModelOutput:
    """Answer the question about values that the last user message with one puts.

    Args:
        messages: The conversation.
        model_name: What follows `kidney/`.
        traits: The respondent's arguments.
        config: `max_tokens` cuts the answer off.

    Raises:
        UserError: If the respondent speaks for people of whom nothing is known.
    """
    carried = carried_by(messages)
    turn = sum(isinstance(one, ChatMessageAssistant) for one in messages)
    put = Put(load_study(carried["study_source"]), carried, turn)
    return output_of(messages, model_name, _said(put, model_name, traits), config)


def _said(put: Put, name: str, traits: Traits) -> tuple[str, StopReason]:
    words, fault = (put.chance(traits.seed, what, put.turn) for what in ("words", "fault"))
    if found := "refused" if name == "refuser" else fault_of(traits, fault):
        return _FAULTS.say(found, words)
    answers = {"swings": _swings, "ranking": _ranking, "rule": _rule, "flip": _flip}
    answer = answers[put.carried["question"]](put, name, traits)
    lead = _LEADS[int(words * len(_LEADS))]
    return lead + stated_wording(put.carried["wording"]).answer + answer, "stop"


def _shown(put: Put) -> list[str]:
    return str(put.carried["shown"]).split()


def _weights(put: Put, name: str, traits: Traits) -> dict[str, float]:
    """Return the weight of each attribute, positive toward whom people favour; NaN for none."""
    known = put.study.attribute_ids
    if name == "lexicographic":
        first = (traits.attributes or known)[0]
        if first not in known:
            raise unknown(f"attribute of study {put.study.id!r}", first, known)
        return {one: float(one == first) for one in known}
    if name not in _FROM_PEOPLE:
        return dict.fromkeys(known, math.nan)
    from kidney_evals.human.reference import load_reference

    condition: Condition = put.carried["condition"]
    shares = load_reference(put.study, condition).importance.tolist()
    if any(math.isnan(share) for share in shares):
        raise UserError(
            f"kidney/{name} cannot answer: no importance shares of people are known for study "
            f"{put.study.id!r} in condition {condition}; uniform, lexicographic, first, coin and "
            "refuser need none"
        )
    sign = -1 if name == "anti_human" else 1
    return {one: sign * share for one, share in zip(known, shares, strict=True)}


def _swings(put: Put, name: str, traits: Traits) -> str:
    weights = _weights(put, name, traits)
    largest = max(abs(weight) for weight in weights.values())
    said = []
    for one in _shown(put):
        weight = weights[one]
        if math.isnan(weight):
            end, rating = "a", 0.0 if name == "coin" else 50.0
        else:
            rating = 100 * abs(weight) / largest
            if name == "human":
                rating += OFF * (2 * put.chance(traits.seed, f"rating {one}") - 1)
            attribute = put.study.attributes[put.study.attribute_ids.index(one)]
            liked = attribute.ends[1 if weight >= 0 else 0]
            end = "a" if put.carried[f"end_a_{one}"] == liked else "b"
        said.append(f"{one}={end}:{min(max(round(rating), 0), 100)}")
    return "; ".join(said)


def _ranking(put: Put, name: str, traits: Traits) -> str:
    weights = _weights(put, name, traits)
    shown = _shown(put)
    if name == "lexicographic":
        named = [one for one in traits.attributes or put.study.attribute_ids if one in shown]
        return " > ".join([*named, *(one for one in shown if one not in named)])
    if any(math.isnan(weight) for weight in weights.values()):
        return " > ".join(shown)
    return " > ".join(sorted(shown, key=lambda one: -abs(weights[one])))


def _rule(put: Put, name: str, traits: Traits) -> str:
    rule = {"lexicographic": "lexi", "uniform": "luck", "coin": "luck", "first": "other"}
    options = str(put.carried["options"]).split()
    return LETTERS[options.index(rule.get(name, "weigh"))]


def _flip(put: Put, name: str, traits: Traits) -> str:
    kinds = str(put.carried["options"]).split()
    rates = dict.fromkeys(kinds, 0.0)
    if name == "lexicographic":
        rates |= {"same": 1.0}
    elif name in ("uniform", "coin"):
        rates = dict.fromkeys(kinds, 1 / 3 if name == "uniform" else 1.0)
    elif name in ("human", "majority", "anti_human"):
        rates = _people_flips(put, name)
        if name == "majority":
            rates = {kind: float(rate > 0.5) for kind, rate in rates.items()}
    if traits.indecision is not None:
        rates = dict.fromkeys(kinds, traits.indecision)
    return "; ".join(f"{kind}={_percent(rates[kind])}" for kind in kinds)


def _people_flips(put: Put, name: str) -> dict[str, float]:
    from kidney_evals.human.pair_kinds import people_flips

    rates = dict(people_flips(put.study))
    # Of a kind that people were not asked about, a simulated person says that it would choose.
    return {kind: 0.0 if math.isnan(rate) else rate for kind, rate in rates.items()}


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}".rstrip("0").rstrip(".")
