"""Read the lexical rules as patterns and word lists; `rules.yaml` holds and explains them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache, partial

from kidney_evals.elicitation.form import table
from kidney_evals.errors import UserError
from kidney_evals.reasons.codes import Argument
from kidney_evals.studies import Attribute, Study

_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
NUMBER = (
    rf"(?:\d+(?:\.\d+)?|(?:{_TENS})(?:[- ](?:{_ONES}))?|{_ONES}|ten|eleven|twelve|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teen)"
)
"""Regular expression of a number in digits, or in words from one to ninety-nine."""

KINDS = ("reversed", "low", "high", "value", "topic")
"""Ways of mentioning an attribute, which `rules.yaml` explains.

If several match, the first decides.
"""

Pattern = re.Pattern[str]


_rules = partial(table, "rules", "kidney_evals.reasons")


@cache
def pattern(name: str) -> Pattern:
    """Return a pattern that matches any expression of the list `name` in `rules.yaml`."""
    return _any(_rules()[name])


@cache
def words(name: str) -> frozenset[str]:
    """Return the words of the list `name` in `rules.yaml`."""
    return frozenset(_rules()[name].split())


@cache
def argument(name: Argument, part: str) -> Pattern | None:
    """Return the pattern of an argument; None if it has no such pattern.

    Args:
        name: The argument.
        part: `says` for the pattern that states the argument, `unless` for the pattern that cancels
            it.
    """
    expressions = _rules()["arguments"][name][part]
    return _any(expressions) if expressions else None


def check_attributes(study: Study) -> None:
    """Raise `UserError` if the rules lack words for an attribute of the study."""
    if lacking := [name for name in study.attribute_ids if name not in _rules()["attributes"]]:
        raise UserError(
            f"the word lists have no words for {', '.join(lacking)} of study {study.id!r}, so that "
            "reasons cannot be coded by them; rationale_llm codes any study with a model"
        )


def mentions_of(attribute: Attribute, own: tuple[float, float]) -> Mapping[str, Pattern]:
    """Return the patterns of an attribute by kind of mention: one of `KINDS`, or `not_beside`.

    A kind without a pattern is left out. An attribute without rules has only the kind `topic`,
    which matches its label and its id.

    Args:
        attribute: The attribute.
        own: The attribute's values of the two patients, which texts quote.
    """
    return _mentions(attribute.id, attribute.label.lower(), own)


@lru_cache(maxsize=4096)
def _mentions(name: str, label: str, own: tuple[float, float]) -> Mapping[str, Pattern]:
    expressions: Mapping[str, Sequence[str]] = _rules()["attributes"].get(name) or {
        "topic": [re.escape(label), re.escape(name.replace("_", " "))]
    }
    # Texts quote a value in digits, and multiples of ten in words.
    tens = dict(zip(range(20, 100, 10), _TENS.split("|"), strict=True))
    forms = {re.escape(f"{value:g}") for value in own} | {
        tens[int(one)] for one in own if one in tens
    }
    numbers = f"(?:{'|'.join(sorted(forms))})"
    return {
        kind: _any(one.replace("{own}", numbers) for one in expressions[kind])
        for kind in (*KINDS, "not_beside")
        if expressions.get(kind)
    }


def _any(expressions: Iterable[str]) -> Pattern:
    filled = "|".join(one.replace("{n}", NUMBER) for one in expressions)
    return re.compile(rf"(?<!\w)(?:{filled})(?!\w)", re.IGNORECASE)
