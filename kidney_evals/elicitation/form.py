"""The form of an answer: language, labels of the candidates, mechanism of indecision, and nouns.

A wording determines the form, and a sample's metadata records it. The parser and the simulated
respondents read the form from the metadata, so a log can be parsed without the wording table of
its run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

import yaml

from kidney_evals.errors import check_known
from kidney_evals.studies import DEFAULT_STUDY, Condition, Study, in_language, load_study

Mechanism = Literal["coin", "undecided", "committee", "list"]
"""The offered alternative to a choice between the candidates.

`coin`: have a coin flipped. `undecided`: answer "undecided". `committee`: leave the decision to a
committee. `list`: let the waiting list decide. People were offered only the coin.
"""

CALLED: Mapping[Mechanism, str] = {
    "coin": "the coin",
    "undecided": "undecided",
    "committee": "the committee",
    "list": "the waiting list",
}
"""The name of each mechanism within a sentence about an answer."""


@cache
def table(name: str, package: str = "kidney_evals.elicitation") -> Any:
    """Return the content of a YAML file in a package.

    Args:
        name: The file's path in the package, without the ending `.yaml`.
        package: The package's full name.
    """
    text = files(package).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    # The loader in C, where there is one, takes a tenth of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(text, loader)  # inspect-evals-lint: ignore[host_code_execution] -- own files


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return nested lists and mappings with `change` applied to every text except the keys."""
    if isinstance(value, Mapping):
        return {name: each_text(one, change) for name, one in value.items()}
    if isinstance(value, list):
        return [each_text(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Language:
    """The properties of a language apart from its wordings; see `formats.yaml`.

    Attributes:
        name: The language's English name.
        answer: The prefix of the answer line ("ANSWER: ").
        tokens: The word for indecision in the answer line, by mechanism.
        terms: The words that name a mechanism in a question, by mechanism.
        neutral: The words that a wording may use for one candidate.
    """

    name: str
    answer: str
    tokens: Mapping[str, str]
    terms: Mapping[str, Sequence[str]]
    neutral: Sequence[str]


@dataclass(frozen=True)
class Form:
    """How an answer is written; the defaults are the form `USUAL`."""

    names: tuple[str, str] = ("A", "B")  # the labels of the candidates shown first and second
    language: str = "en"
    mechanism: Mechanism = "coin"
    candidate: tuple[str, ...] = ()  # in the singular and the plural; empty for patients
    good: str = ""  # without an article; empty for a kidney

    @property
    def answer(self) -> str:
        """The prefix of the answer line ("ANSWER: ")."""
        return languages()[self.language].answer

    @property
    def token(self) -> str:
        """The word for indecision in the answer line ("COIN")."""
        return languages()[self.language].tokens[self.mechanism]

    def words(self, condition: Condition) -> dict[str, str]:
        """Return the word for each offered answer in the answer line.

        The keys are A, B and, in `coin_flip`, COIN.
        """
        words = {"A": self.names[0], "B": self.names[1]}
        return words | ({"COIN": self.token} if condition == "coin_flip" else {})

    def metadata(self, condition: Condition) -> dict[str, str]:
        """Return the properties that differ from `USUAL`, as text for a sample's metadata, by name.

        The mechanism is left out in `forced_choice`.
        """
        texts = {
            "mechanism": self.mechanism if condition == "coin_flip" else USUAL.mechanism,
            "language": self.language,
            "labels": "/".join(self.names),
            "candidate": "/".join(self.candidate),
            "good": self.good,
        }
        return {name: text for name, text in texts.items() if text != _USUAL_METADATA[name]}


USUAL = Form()
"""The default form: labels A and B and a coin, in English."""

_USUAL_METADATA = dict(mechanism="coin", language="en", labels="A/B", candidate="", good="")


def form_of(metadata: Mapping[str, Any]) -> Form:
    """Return the form that a sample's metadata record; a property that they lack is as in `USUAL`.

    Raises:
        UserError: The metadata name an unknown mechanism or language.
    """
    texts = {name: metadata.get(name, usual) for name, usual in _USUAL_METADATA.items()}
    mechanism = texts["mechanism"]
    check_known("mechanism", mechanism, get_args(Mechanism))
    first, _, second = str(texts["labels"]).partition("/")
    candidate = tuple(filter(None, str(texts["candidate"]).split("/")))
    language = known_language(texts["language"])
    return Form((first, second), language, mechanism, candidate, str(texts["good"]))


def in_words(form: Form, study: Study) -> Form:
    """Return a form with the study's nouns in the form's language.

    A noun that the default study also uses is left empty.

    Raises:
        UserError: The study has no words in the form's language.
    """
    words = in_language(study, form.language).words
    usual = in_language(load_study(DEFAULT_STUDY), form.language).words
    candidate = (words.candidate, words.candidates) if words.candidate != usual.candidate else ()
    # Without a good of its own, a study asks who should receive "it".
    named = words.good != usual.good and words.the_good != "it"
    return replace(form, candidate=candidate, good=words.good if named else "")


def known_language(code: object) -> str:
    """Return a language's code; raise `UserError` if there is no such language."""
    check_known("language", code, languages())
    return str(code)


@cache
def languages() -> Mapping[str, Language]:
    """Return the languages of questions and answers, by code."""
    return {code: Language(**entry) for code, entry in table("formats").items()}
