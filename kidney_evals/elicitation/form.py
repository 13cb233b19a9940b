"""The form of an answer: which labels the patients carry, in which language, with which way out.

A wording decides it, a sample's metadata carries it, and from there both the reader and the
simulated respondents take it: a log can be read without the table of wordings it was run with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from kidney_evals.elicitation.tables import table
from kidney_evals.errors import unknown
from kidney_evals.studies import Condition

Mechanism = Literal["coin", "undecided", "committee", "list"]
"""What a respondent who does not decide may do instead.

`coin`: have a coin flipped. `undecided`: say so. `committee`: leave it to a committee. `list`: let
the waiting list decide. People were offered the coin only.
"""

MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)

NOT_OFFERED = "none"
"""What stands for the mechanism where the answers are A and B alone."""

CALLED: Mapping[Mechanism, str] = {
    "coin": "the coin",
    "undecided": "undecided",
    "committee": "the committee",
    "list": "the waiting list",
}
"""The mechanisms in a sentence about an answer."""


@dataclass(frozen=True)
class Language:
    """What a language needs beside its wordings; see `formats.yaml`."""

    name: str
    answer: str
    tokens: Mapping[str, str]
    terms: Mapping[str, tuple[str, ...]]
    neutral: frozenset[str]


@dataclass(frozen=True)
class Form:
    """The form in which an answer is asked for.

    Attributes:
        names: The labels of the patients shown first and second.
        language: Code of the language, one of `languages()`.
        mechanism: What is offered beside the two patients, where something is.
    """

    names: tuple[str, str] = ("A", "B")
    language: str = "en"
    mechanism: Mechanism = "coin"

    @property
    def answer(self) -> str:
        """What stands before the answer ("ANSWER: ")."""
        return languages()[self.language].answer

    @property
    def token(self) -> str:
        """The answer that is indecision ("COIN")."""
        return languages()[self.language].tokens[self.mechanism]

    def words(self, condition: Condition) -> dict[str, str]:
        """Return the word for each answer (A, B and, where offered, COIN)."""
        words = {"A": self.names[0], "B": self.names[1]}
        return words | ({"COIN": self.token} if condition == "coin_flip" else {})

    def metadata(self, condition: Condition) -> dict[str, str]:
        """Return what a sample's metadata says of this form, as flat text."""
        return {
            "mechanism": self.mechanism if condition == "coin_flip" else NOT_OFFERED,
            "language": self.language,
            "labels": "/".join(self.names),
        }


USUAL = Form()
"""A, B and a coin, in English."""


def form_of(metadata: Mapping[str, Any]) -> Form:
    """Return the form that a sample's metadata states; `USUAL` where it states none."""
    mechanism = metadata.get("mechanism", USUAL.mechanism)
    first, _, second = str(metadata.get("labels", "A/B")).partition("/")
    return Form(
        names=(first, second),
        language=known_language(metadata.get("language", USUAL.language)),
        mechanism=USUAL.mechanism if mechanism == NOT_OFFERED else known_mechanism(mechanism),
    )


def known_language(code: object) -> str:
    """Return a language's code.

    Raises:
        UserError: If the package has no such language.
    """
    if code not in languages():
        raise unknown("language", code, languages())
    return str(code)


def known_mechanism(name: object) -> Mechanism:
    """Return a mechanism's name.

    Raises:
        UserError: If there is no such mechanism.
    """
    if name not in MECHANISMS:
        raise unknown("mechanism", name, MECHANISMS)
    return name


@lru_cache(maxsize=1)
def languages() -> Mapping[str, Language]:
    """Return the languages that can be asked in and read, by code."""
    return {
        code: Language(
            name=entry["name"],
            answer=entry["answer"],
            tokens=entry["tokens"],
            terms={name: tuple(words) for name, words in entry["terms"].items()},
            neutral=frozenset(entry["neutral"]),
        )
        for code, entry in table("formats").items()
    }
