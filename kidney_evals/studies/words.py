"""The words of a study: the good, the candidates for it, the situation and the closing sentence.

Every text of this package that speaks of a study is a template with the placeholders of `SLOTS`,
which `Words.fill` replaces: "Who should receive {the_good}?". So no text names the good of another
study.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final

import yaml
from pydantic import AfterValidator

from kidney_evals.errors import UserError
from kidney_evals.input_files import FileModel, PromptLine, PromptText

ENGLISH: Final = "en"
"""The language of `study.yaml`."""

_NOUNS = ("good", "the_good", "a_good", "candidate", "candidates", "a_candidate")

SLOT_NAMES: Final = (
    *_NOUNS,
    *(name.capitalize() for name in _NOUNS),
    *("closing", "committee"),
    *("retold_situation", "retold_closing", "survey_situation", "survey_closing"),
)
"""Names of the placeholders in `SLOTS`."""

SLOTS: Final = re.compile(rf"\{{({'|'.join(SLOT_NAMES)})\}}")
"""Matches a placeholder of a study's word in a template ("{the_good}").

A placeholder with a capital letter starts a sentence or is part of a name ("{Candidate} A").
"""


def _no_braces(text: str) -> str:
    if found := re.search("[{}]", text):
        raise ValueError(f"must hold no braces ({found[0]!r})")
    return text.strip()


_Word = Annotated[PromptLine, AfterValidator(_no_braces)]
_Sentences = Annotated[PromptText, AfterValidator(_no_braces)]


class Scene(FileModel):
    """A situation told in another way, with the sentence after the two candidates.

    Attributes:
        situation: What the two candidates wait for, in one or more sentences.
        closing: The sentence after the two candidates: they are alike in everything else.
    """

    situation: _Sentences
    closing: _Sentences


class Words(FileModel):
    """The words of a study in one language, as `scenario` in `study.yaml` gives them.

    Attributes:
        good: What is allocated, a noun in the singular without an article ("kidney").
        the_good: The good with its definite article, as in "Who should receive the kidney?".
        a_good: The good with its indefinite article, as in "who should receive a donor kidney".
        candidate: Whom the good may go to, in the singular without an article ("patient").
        candidates: The plural of `candidate`.
        a_candidate: `candidate` with its indefinite article.
        situation: What the two candidates wait for, in one or more sentences.
        closing: The sentence after the two candidates: they are alike in everything else.
        committee: Who decides in such cases, as in "You advise the committee that …"; None if
            nobody does. Needed by the wordings that give the model a role.
        retold: The situation told afresh; needed by the wording `hospital`.
        survey: The situation as people in a survey read it; needed by the wording `survey_text`.
    """

    good: _Word
    the_good: _Word
    a_good: _Word
    candidate: _Word
    candidates: _Word
    a_candidate: _Word
    situation: _Sentences
    closing: _Sentences
    committee: _Word | None = None
    retold: Scene | None = None
    survey: Scene | None = None

    def slot(self, name: str) -> str | None:
        """Return the text of a placeholder of `SLOTS`; None if the study does not have it."""
        if (lower := name[0].lower() + name[1:]) != name:
            text = self.slot(lower)
            return text and text[0].upper() + text[1:]
        scene, _, part = name.partition("_")
        if scene in ("retold", "survey"):
            told = getattr(self, scene)
            return told and str(getattr(told, part))
        value = getattr(self, name)
        return value and str(value)

    def fill(self, template: str, whose: str = "this text") -> str:
        """Return a template with the words in place of the placeholders of `SLOTS`.

        Other placeholders stay. `whose` names the template in an error ("wording 'role_member'").

        Raises:
            UserError: The template needs a word that the study does not have.
        """

        def word(match: re.Match[str]) -> str:
            text = self.slot(match[1])
            if text is None:
                field = match[1].replace("_", ".", 1) if "_" in match[1] else match[1]
                raise UserError(
                    f"{whose} needs the study's text scenario.{field}, which the study lacks"
                )
            return text

        return SLOTS.sub(word, template)


def with_defaults(given: Mapping[str, Any], good: object, language: str) -> dict[str, Any]:
    """Return the words that are `given`, by field of `Words`, with missing words added.

    If `words.yaml` has the good, its words in `language` are added. In English, articles, the
    plural and the closing sentence are then made from `good` and `candidate`. Without a good, the
    question is who should receive "it". Without a `candidate`, this word is "candidate".

    Args:
        given: Words by field of `Words`; None stands for a missing word.
        good: The English name of the good, by which `words.yaml` lists it.
        language: A code ("de").
    """
    known = _known().get(str(good), {}).get(language, {})
    words = {**known, **{key: value for key, value in given.items() if value is not None}}
    if language != ENGLISH:
        return words
    words.setdefault("candidate", "candidate")
    if "good" in words:
        name = str(words["good"]).strip()
        words.setdefault("the_good", f"the {name}")
        words.setdefault("a_good", with_article(name))
    else:
        # "Who should receive it?": the situation tells what.
        words |= {"good": "good", "the_good": "it", "a_good": "it"}
    candidate = str(words["candidate"]).strip()
    words.setdefault("candidates", f"{candidate}s")
    words.setdefault("a_candidate", with_article(candidate))
    closing = "The two {} are alike in everything else that matters for this decision."
    words.setdefault("closing", closing.format(words["candidates"]))
    return words


def with_article(noun: str) -> str:
    """Return an English noun with its indefinite article ("an applicant")."""
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"


@cache
def _known() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Return the words of known goods, by good and language."""
    text = files("kidney_evals.studies").joinpath("words.yaml").read_text(encoding="utf-8")
    known: Mapping[str, Mapping[str, Mapping[str, Any]]] = yaml.safe_load(text)
    return known
