"""The arguments of a simulated respondent (`-M name=value`), checked one by one."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from kidney_evals.errors import UserError, unknown

Person = Literal["dilemma", "one", "fresh"]
"""Who answers as `human`; see `ARGUMENTS`."""

DEFAULT_PERSON: Person = "fresh"
"""Who answers unless told otherwise."""

PERSONS: tuple[Person, ...] = get_args(Person)

SWAYED_BY = ("wording:<id>", "role", "order", "mechanism")
"""What a respondent may be swayed by; see `ARGUMENTS`."""

DEFAULT_SWAY = 0.5
"""How far, unless told otherwise."""

ARGUMENTS: Mapping[str, str] = {
    "seed": "another whole number gives other answers of the same respondent (0)",
    "position_bias": (
        "what is added to the share of A among decisions when A and B are otherwise even, -.5 "
        "to .5 (0): a share 2·|position_bias| of all decisions is A (B, if negative) whoever "
        "the patients are, and the row `position_bias` of a run is expected to show the value"
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
    "sway": f"how far `swayed_by` goes, 0 to 1 ({DEFAULT_SWAY})",
    "person": (
        "who answers as `human`: `dilemma` is one person for each dilemma, the same in both "
        "orders and all epochs; `one` is one person for the whole run; `fresh` is somebody else "
        f"for every sample ({DEFAULT_PERSON})"
    ),
    "attributes": (
        "ids of the attributes that count for `lexicographic`, the first one most, with commas "
        "between; the others are ignored (all, in the study's order)"
    ),
}
"""Every argument, what it means, and its default in brackets."""

_SHARES = ("unreadable", "truncated", "refusing")


@dataclass(frozen=True)
class Traits:
    """The arguments of one respondent; `ARGUMENTS` says what each of them means."""

    seed: int = 0
    person: Person = DEFAULT_PERSON
    attributes: tuple[str, ...] = ()
    position_bias: float = 0.0
    sharpness: float = 1.0
    indecision: float | None = None
    unreadable: float = 0.0
    truncated: float = 0.0
    refusing: float = 0.0
    swayed_by: str = ""
    sway: float = DEFAULT_SWAY


def read_traits(respondent: str, takes: tuple[str, ...], arguments: Mapping[str, Any]) -> Traits:
    """Check the arguments that a user gave to a respondent.

    Args:
        respondent: Its name, for messages.
        takes: Names of the arguments it takes.
        arguments: Names and values as they come from `-M` or `get_model`.

    Returns:
        The traits.

    Raises:
        UserError: If a name or a value is not allowed.
    """
    for name in arguments:
        if name not in takes:
            raise unknown(f"argument of kidney/{respondent}", name, takes)
    values = dict(arguments)
    traits = Traits(
        seed=_whole("seed", values.get("seed", 0)),
        person=_person(values.get("person", DEFAULT_PERSON)),
        attributes=_names(values.get("attributes", ())),
        position_bias=_number("position_bias", values.get("position_bias", 0.0), -0.5, 0.5),
        sharpness=_number("sharpness", values.get("sharpness", 1.0), 0.0, math.inf),
        indecision=(
            None
            if values.get("indecision") is None
            else _number("indecision", values["indecision"], 0.0, 1.0)
        ),
        swayed_by=_swayed_by(values.get("swayed_by", "")),
        sway=_number("sway", values.get("sway", DEFAULT_SWAY), 0.0, 1.0),
        **{name: _number(name, values.get(name, 0.0), 0.0, 1.0) for name in _SHARES},
    )
    if "sway" in values and not traits.swayed_by:
        raise UserError(f"sway says how far, and needs swayed_by: {', '.join(SWAYED_BY)}")
    if sum(getattr(traits, name) for name in _SHARES) > 1 + 1e-9:
        raise UserError(f"{', '.join(_SHARES)} are shares of all answers: together at most 1")
    return traits


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{name} must be a whole number, not {value!r}")
    return value


def _person(value: Any) -> Person:
    if value not in PERSONS:
        raise unknown("person", value, PERSONS)
    return cast(Person, value)


def _swayed_by(value: Any) -> str:
    # Wordings of a table of one's own are not known here.
    known = isinstance(value, str) and re.fullmatch(
        r"|role|order|mechanism|wording:[a-z][a-z0-9_]*", value
    )
    if not known:
        raise unknown("swayed_by", value, SWAYED_BY)
    return str(value)


def _names(value: Any) -> tuple[str, ...]:
    # `-M attributes=age,drinks` arrives as a list, one name alone as a string.
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise UserError(f"attributes must be attribute ids with commas between, not {value!r}")
    names = tuple(name.strip() for name in names)
    if len(set(names)) < len(names):
        raise UserError(f"attributes names one attribute twice: {','.join(names)}")
    return names


def _number(name: str, value: Any, low: float, high: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        span = f"from {low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}"
        raise UserError(f"{name} must be a number {span}, not {value!r}")
    return float(value)
