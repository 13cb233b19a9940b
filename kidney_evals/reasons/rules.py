"""The lexical rules of `rules.yaml` as regular expressions and word lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from kidney_evals.reasons.codes import ARGUMENTS, Argument
from kidney_evals.studies import Attribute

_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
NUMBER = (
    rf"(?:\d+(?:\.\d+)?|(?:{_TENS})(?:[- ](?:{_ONES}))?|{_ONES}|ten|eleven|twelve|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teen)"
)
"""A number in digits or words."""

KINDS = ("reversed", "low", "high", "value", "topic")
"""Ways of mentioning an attribute; earlier kinds take precedence where two match."""

Pattern = re.Pattern[str]


@dataclass(frozen=True)
class Rules:
    """The rules of `rules.yaml`, which explains each field.

    `says` holds the words of each argument, `unless` the words that cancel them in the same clause.
    """

    attributes: Mapping[str, Mapping[str, Sequence[str]]]
    says: Mapping[Argument, Pattern]
    unless: Mapping[Argument, Pattern]
    neither: Pattern
    refers_back: Pattern
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
    text = files("kidney_evals.reasons").joinpath("rules.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    arguments = raw.pop("arguments")
    fields: dict[str, Any] = {"attributes": raw.pop("attributes")}
    for name, value in raw.items():
        fields[name] = frozenset(value.split()) if isinstance(value, str) else _any(value)
    for name in ("says", "unless"):
        given = {one: arguments[one][name] for one in ARGUMENTS}
        fields[name] = {one: _any(words) for one, words in given.items() if words}
    return Rules(**fields)


def mentions_of(attribute: Attribute, own: tuple[float, float]) -> Mapping[str, Pattern]:
    """Return the patterns for an attribute, by kind of mention.

    An attribute without rules is matched only by its label and id. `own` holds the attribute's
    values for the two patients, which texts quote.
    """
    return _mentions(attribute.id, attribute.label.lower(), own)


@lru_cache(maxsize=4096)
def _mentions(name: str, label: str, own: tuple[float, float]) -> Mapping[str, Pattern]:
    words: Mapping[str, Sequence[str]] = rules().attributes.get(name) or {
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
    """Return a value in the forms that texts use: digits, and words for multiples of ten."""
    forms = {re.escape(f"{value:g}")}
    if value % 10 == 0 and 20 <= value <= 90:
        forms.add(_TENS.split("|")[int(value // 10) - 2])
    return forms
