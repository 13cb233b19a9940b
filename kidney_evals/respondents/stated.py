"""Stated values of simulated respondents: descriptions of their own behaviour, where possible.

The columns are the types of question. `swings` asks which end of each attribute's range to favour,
and how important the attribute is; `ranking` asks for the order of the attributes, `rule` for the
kind of rule, and `flip` when to flip a coin.

| respondent | `swings` and `ranking` | `rule` | `flip` |
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

People's rates are those of the reference; a kind of pair without a rate counts as 0. For
`swings` and `ranking`, respondents above `lexicographic` need people with known importance shares.
`lexicographic` and the respondents below it need no people.

The arguments `refusing`, `truncated` and `unreadable` work as for choices, and `indecision` sets
the percentage of every kind of pair. `sharpness`, `position_bias`, `swayed_by` and `person` change
only choices, not stated values.
"""  # noqa: E501 - a table

import math
from collections.abc import Mapping
from typing import Any

from kidney_evals.elicitation.stated_questions import ASKS, LETTERS, attribute_named, stated_wording
from kidney_evals.errors import UserError, check_known
from kidney_evals.respondents.arguments import Traits
from kidney_evals.respondents.question import fraction
from kidney_evals.respondents.replies import Reply, fault_of, worded
from kidney_evals.studies import load_study

_OFF = 5.0
"""Maximum deviation, in points, of a rating of `human` from people's revealed importance."""


def state_values(carried: Mapping[str, Any], name: str, traits: Traits) -> Reply:
    """Return the reply of respondent `name` to a question about its own values.

    Args:
        carried: Metadata of the sample, with the question.
        name: Name of the respondent, without `kidney/`.
        traits: Arguments of the respondent.

    Raises:
        UserError: The respondent needs people's importance shares and there are none, or the study
            lacks an attribute that an argument names.
    """
    values = _Values(carried, name, traits)
    fault = fault_of(traits, values.chance("fault", carried["turn"]))
    line = stated_wording(carried["wording"]).answer
    return worded(
        ASKS,
        values.study,
        "refused" if name == "refuser" else fault,
        values.chance("words", carried["turn"]),
        lambda lead: lead + line + getattr(values, carried["question"])(),
    )


def percent(share: float, decimals: int) -> str:
    """Return a share as a percentage without trailing zeros."""
    return f"{100 * share:.{decimals}f}".rstrip("0").rstrip(".")


class _Values:
    """The answers of a respondent, by kind of question."""

    def __init__(self, carried: Mapping[str, Any], name: str, traits: Traits) -> None:
        self.carried, self.name, self.traits = carried, name, traits
        self.study = load_study(carried["study_source"])
        # The attributes, and the rules or kinds of pairs, in the order shown.
        self.shown = str(carried["shown"]).split()
        self.options = str(carried.get("options", "")).split()

    def chance(self, purpose: str, turn: int = 0) -> float:
        """Return a reproducible number in [0, 1) for this wording and epoch."""
        place = (self.study.hash, self.carried["wording"], self.carried["epoch"])
        return fraction(self.traits.seed, "stated", purpose, place, turn)

    def order(self) -> tuple[str, ...]:
        """Return the attributes that count for `lexicographic`, in order."""
        known = self.study.attribute_ids
        order = self.traits.attributes or known
        check_known(f"attribute of study {self.study.id!r}", order[0], known)
        return order

    def weights(self) -> dict[str, float]:
        """Return each attribute's weight, positive in the favoured direction; empty if unknown."""
        known = self.study.attribute_ids
        if self.name == "lexicographic":
            return {name: float(name == self.order()[0]) for name in known}
        if self.name not in ("human", "majority", "never_flips", "anti_human"):
            return {}
        from kidney_evals.human.reference import load_reference

        condition = self.carried["condition"]
        shares = load_reference(self.study, condition).importance.tolist()
        if any(map(math.isnan, shares)):
            raise UserError(
                f"kidney/{self.name} cannot answer: no importance shares of people are known for "
                f"study {self.study.id!r} in condition {condition}; uniform, lexicographic, first, "
                "coin and refuser need none"
            )
        sign = -1 if self.name == "anti_human" else 1
        return {name: sign * share for name, share in zip(known, shares, strict=True)}

    def swings(self) -> str:
        weights = self.weights()
        largest = max(map(abs, weights.values()), default=math.nan)
        ratings = []
        for name in self.shown:
            end, rating = "a", 0.0 if self.name == "coin" else 50.0
            if weights:
                rating = 100 * abs(weights[name]) / largest
                if self.name == "human":
                    rating += _OFF * (2 * self.chance(f"rating {name}") - 1)
                liked = attribute_named(self.study, name).ends[1 if weights[name] >= 0 else 0]
                end = "a" if self.carried[f"end_a_{name}"] == liked else "b"
            ratings.append(f"{name}={end}:{min(max(round(rating), 0), 100)}")
        return "; ".join(ratings)

    def ranking(self) -> str:
        weights = self.weights()
        places: dict[str, float] = {}
        if self.name == "lexicographic":
            places = {name: place for place, name in enumerate(self.order())}
        elif weights:
            places = {name: -abs(weight) for name, weight in weights.items()}
        return " > ".join(sorted(self.shown, key=lambda name: places.get(name, math.inf)))

    def rule(self) -> str:
        rule = {"lexicographic": "lexi", "uniform": "luck", "coin": "luck", "first": "other"}
        return LETTERS[self.options.index(rule.get(self.name, "weigh"))]

    def flip(self) -> str:
        from kidney_evals.human.pair_kinds import people_flips

        constant = {"uniform": 1 / 3, "coin": 1.0}.get(self.name, 0.0)
        rates = dict.fromkeys(self.options, constant)
        if self.name == "lexicographic":
            rates["same"] = 1.0
        elif self.name in ("human", "majority", "anti_human"):
            # A simulated person states a rate of 0 for a kind of pair without a human rate.
            rates = {
                kind: 0.0 if math.isnan(rate) else rate
                for kind, rate in people_flips(self.study).items()
            }
            if self.name == "majority":
                rates = {kind: float(rate > 0.5) for kind, rate in rates.items()}
        if self.traits.indecision is not None:
            rates = dict.fromkeys(self.options, self.traits.indecision)
        return "; ".join(f"{kind}={percent(rates[kind], 1)}" for kind in self.options)
