"""The arguments of a simulated respondent (`-M name=value`), and their effect on its answers."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from kidney_evals.errors import UserError, check_known, unknown
from kidney_evals.respondents.question import Question

Person = Literal["dilemma", "one", "fresh"]
"""How `human` assigns simulated people to questions; see `ARGUMENTS`."""

SWAYED_BY = ("wording:<id>", "role", "order", "mechanism")
"""Values of the argument `swayed_by`; see `ARGUMENTS`."""

ARGUMENTS: Mapping[str, str] = {
    "seed": "another whole number gives other answers of the same respondent (0)",
    "position_bias": (
        "what is added to the share of A among decisions when A and B are otherwise even, -.5 "
        "to .5 (0): a share 2·|position_bias| of all decisions is A (B, if negative) whoever "
        "the patients are, and the measure `pos_bias` of a run is expected to show the value"
    ),
    "sharpness": (
        "multiplies the log-odds of one patient against the other, at least 0 (1): 0 makes "
        "every decision even, 10 is nearly deterministic; the share of coins stays"
    ),
    "indecision": (
        "sets the share of undecided answers in every dilemma, 0 to 1: the coin where one is "
        "offered, unprompted indecision where none is (the respondent's own share)"
    ),
    "unreadable": (
        "share of answers that nothing can be read from, 0 to 1; drawn anew for a repeated "
        "question (0)"
    ),
    "truncated": "share of answers cut off before the final line, drawn alike (0)",
    "refusing": "share of refusals, half in words and half by a content filter, drawn alike (0)",
    "swayed_by": (
        "the one thing that answers move with: `wording:<id>` (questions put in that wording) or "
        "`role` (in any wording that says who is asked), where the share `sway` of the decisions "
        "is turned round, to the patient otherwise not chosen; `order`, where that share goes to "
        "the patient shown first in every question (a position_bias of half of it); `mechanism`, "
        "where that share becomes indecision in questions whose way out is no coin (nothing)"
    ),
    "sway": "how far `swayed_by` goes, 0 to 1 (0.5)",
    "probe_bias": (
        "effect of the first level of a probe on the probability of being chosen, -1 to 1 (0): in "
        "every question in which one candidate alone has this level, that candidate (the other "
        "one, if negative) gets a share of the decisions whoever the candidates are, so large that "
        "the measure `amce_<level>` is expected to show the value: |probe_bias| over the share of "
        "answers that are decisions, at most 1"
    ),
    "person": (
        "who answers as `human`: `dilemma` is one person for each dilemma, the same in both "
        "orders and all epochs; `one` is one person for the whole run; `fresh` is somebody else "
        "for every sample (fresh)"
    ),
    "attributes": (
        "ids of the attributes that count for `lexicographic`, the first one most, with commas "
        "between; the others are ignored (all, in the study's order)"
    ),
}
"""The description of every argument, with its default in parentheses."""

COMMON = tuple(name for name in ARGUMENTS if name not in ("person", "attributes"))
"""Arguments that every respondent takes."""

_FAULTS = ("unreadable", "truncated", "refusing")

_RANGES = {
    "position_bias": (-0.5, 0.5),
    "probe_bias": (-1.0, 1.0),
    "sharpness": (0.0, math.inf),
    **dict.fromkeys(("indecision", "sway", *_FAULTS), (0.0, 1.0)),
}
"""The smallest and largest value of each numeric argument."""

Probabilities = tuple[float, float, float, float]


@dataclass(frozen=True)
class Traits:
    """The arguments of a respondent, described in `ARGUMENTS`."""

    seed: int = 0
    person: Person = "fresh"
    attributes: tuple[str, ...] = ()
    position_bias: float = 0.0
    sharpness: float = 1.0
    indecision: float | None = None
    unreadable: float = 0.0
    truncated: float = 0.0
    refusing: float = 0.0
    swayed_by: str = ""
    sway: float = 0.5
    probe_bias: float = 0.0

    def applied(self, own: Probabilities, question: Question) -> Probabilities:
        """Return P(A), P(B), P(indecision), P(refusal) of a respondent with these arguments.

        The order of the steps gives each argument the same meaning for all values of the others.

        Args:
            own: The respondent's own probabilities of first patient, second patient, indecision and
                refusal.
            question: The question that is asked.
        """
        first, second, undecided, refusal = own
        decided = first + second
        # Even odds for `coin`, which decides only if `indecision` sets a share of decisions.
        odds = (first / decided, second / decided) if decided > 0 else (0.5, 0.5)
        if self.sharpness != 1:
            high = max(odds)  # scaled by the larger one, so that no power underflows both
            powers = [(value / high) ** self.sharpness for value in odds]
            odds = (powers[0] / sum(powers), powers[1] / sum(powers))
        by_role = self.swayed_by == "role" and question.role
        turned = self.sway if by_role or self.swayed_by == f"wording:{question.wording}" else 0.0
        odds = (
            (1 - turned) * odds[0] + turned * odds[1],
            (1 - turned) * odds[1] + turned * odds[0],
        )
        if self.indecision is not None:
            undecided = self.indecision * (1 - refusal)
            decided = 1 - refusal - undecided
        other_way_out = question.offers_coin and question.form.mechanism != "coin"
        dropped = self.sway if self.swayed_by == "mechanism" and other_way_out else 0.0
        undecided += dropped * decided
        decided -= dropped * decided
        a, b = odds if question.order == "ab" else odds[::-1]
        always = 2 * abs(self.position_bias)
        a = (1 - always) * a + (always if self.position_bias > 0 else 0.0)
        b = (1 - always) * b + (always if self.position_bias < 0 else 0.0)
        pulled = self.sway if self.swayed_by == "order" else 0.0
        a, b = a + pulled * b, b - pulled * b
        if question.first_level and decided > 0:
            # Coins count ½, so only the decisions can carry the effect.
            always = min(1.0, abs(self.probe_bias) * (decided + undecided) / decided)
            gains_a = (question.first_level == "a") == (self.probe_bias > 0)
            a, b = (1 - always) * a + always * gains_a, (1 - always) * b + always * (not gains_a)
        return a * decided, b * decided, undecided, refusal


def read_traits(respondent: str, takes: tuple[str, ...], arguments: Mapping[str, Any]) -> Traits:
    """Parse the arguments of a respondent, from `-M` or `get_model`.

    Args:
        respondent: Name of the respondent, without `kidney/`.
        takes: Names of the arguments that it accepts.
        arguments: Values by name.

    Raises:
        UserError: An argument is unknown, or its value is not allowed.
    """
    for name in arguments:
        check_known(f"argument of kidney/{respondent}", name, takes)
    values = {name: value for name, value in arguments.items() if value is not None}
    for name in [name for name in values if name in _RANGES]:
        value, (low, high) = values[name], _RANGES[name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not low <= value <= high:
            span = f"from {low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}"
            raise UserError(f"{name} must be a number {span}, not {value!r}")
        values[name] = float(value)
    seed, by = values.get("seed", 0), values.get("swayed_by", "")
    if type(seed) is not int:
        raise UserError(f"seed must be a whole number, not {seed!r}")
    if values.get("person", "fresh") not in get_args(Person):
        raise unknown("person", values["person"], get_args(Person))
    # Wordings from a user's table are not known here.
    swayed = r"|role|order|mechanism|wording:[a-z][a-z0-9_]*"
    if not (isinstance(by, str) and re.fullmatch(swayed, by)):
        raise unknown("swayed_by", by, SWAYED_BY)
    if "sway" in values and not by:
        raise UserError(f"sway says how far, and needs swayed_by: {', '.join(SWAYED_BY)}")
    if "attributes" in values:
        # `-M attributes=age,drinks` arrives as a list, one name alone as a string.
        names = values["attributes"]
        names = names.split(",") if isinstance(names, str) else names
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise UserError(f"attributes must be attribute ids with commas between, not {names!r}")
        values["attributes"] = names = tuple(name.strip() for name in names)
        if len(set(names)) < len(names):
            raise UserError(f"attributes names one attribute twice: {','.join(names)}")
    if sum(values.get(name, 0.0) for name in _FAULTS) > 1 + 1e-9:
        raise UserError(f"{', '.join(_FAULTS)} are shares of all answers: together at most 1")
    return Traits(**values)
