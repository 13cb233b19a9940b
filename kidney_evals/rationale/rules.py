"""The lexical rules, read from `rules.yaml` and made into regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from kidney_evals.rationale.codes import ARGUMENTS, Argument
from kidney_evals.studies import Attribute

_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
NUMBER = (
    rf"(?:\d+(?:\.\d+)?|(?:{_TENS})(?:[- ](?:{_ONES}))?|{_ONES}|ten|eleven|twelve|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teen)"
)
"""A number in digits or words."""

KINDS = ("reversed", "low", "high", "value", "topic")
"""Ways of mentioning an attribute; where two stand in one place the first of these counts."""

Pattern = re.Pattern[str]


@dataclass(frozen=True)
class Said:
    """An argument's words, and the words that undo them in the same sentence."""

    says: Pattern
    unless: Pattern | None


@dataclass(frozen=True)
class Rules:
    """Everything in `rules.yaml` but the attributes, which need a dilemma's values."""

    attributes: Mapping[str, Mapping[str, Sequence[str]]]
    neither: Pattern
    refers_back: Pattern
    arguments: Mapping[Argument, Said]
    points_to: Pattern
    points_from: Pattern
    concludes: Pattern
    lists: Pattern
    gives: Pattern
    arbitrary: Pattern
    weighs: Pattern
    even: Pattern
    filler: frozenset[str]
    facts: frozenset[str]
    english: frozenset[str]
    other: frozenset[str]


@lru_cache(maxsize=1)
def rules() -> Rules:
    """Return the shipped rules."""
    text = files("kidney_evals.rationale").joinpath("rules.yaml").read_text(encoding="utf-8")
    raw: Mapping[str, Any] = yaml.safe_load(text)
    said = raw["arguments"]
    return Rules(
        attributes=raw["attributes"],
        neither=_any(raw["neither"]),
        refers_back=_any(raw["refers_back"]),
        arguments={
            name: Said(
                _any(said[name]["says"]),
                _any(said[name]["unless"]) if said[name]["unless"] else None,
            )
            for name in ARGUMENTS
        },
        points_to=_any(raw["points_to"]),
        points_from=_any(raw["points_from"]),
        concludes=_any(raw["concludes"]),
        lists=_any(raw["lists"]),
        gives=_any(raw["gives"]),
        arbitrary=_any(raw["arbitrary"]),
        weighs=_any(raw["weighs"]),
        even=_any(raw["even"]),
        filler=frozenset(raw["filler"].split()),
        facts=frozenset(raw["facts"].split()),
        english=frozenset(raw["english"].split()),
        other=frozenset(raw["other"].split()),
    )


def mentions_of(attribute: Attribute, own: tuple[float, float]) -> Mapping[str, Pattern]:
    """Return the patterns for one attribute by kind of mention.

    An attribute that the rules do not know is found by its label and id alone.

    Args:
        attribute: The attribute.
        own: Its values for the two patients, which texts quote.
    """
    return _mentions(attribute.id, attribute.label.lower(), own)


@lru_cache(maxsize=4096)
def _mentions(name: str, label: str, own: tuple[float, float]) -> Mapping[str, Pattern]:
    known = rules().attributes.get(name)
    words: Mapping[str, Sequence[str]] = known or {
        "topic": [re.escape(label), re.escape(name.replace("_", " "))]
    }
    numbers = "(?:" + "|".join(sorted({form for one in own for form in _forms(one)})) + ")"
    return {
        kind: _any(one.replace("{own}", numbers) for one in words[kind])
        for kind in (*KINDS, "not_beside")
        if words.get(kind)
    }


def _any(patterns: Iterable[str]) -> Pattern:
    filled = [one.replace("{n}", NUMBER) for one in patterns]
    return re.compile(rf"(?<!\w)(?:{'|'.join(filled)})(?!\w)", re.IGNORECASE)


def _forms(value: float) -> set[str]:
    """Return a value as it is quoted: in digits, and in words for whole tens."""
    tens = _TENS.split("|")
    forms = {re.escape(f"{value:g}")}
    if value % 10 == 0 and 20 <= value <= 90:
        forms.add(tens[int(value // 10) - 2])
    return forms
