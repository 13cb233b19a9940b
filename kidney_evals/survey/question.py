"""A dilemma as a person reads it: the default wording without the line about the reply's form."""

from __future__ import annotations

from dataclasses import dataclass

from kidney_evals.elicitation.prompt import Row, render_question
from kidney_evals.elicitation.wording import DEFAULT, Wording, wording_named, wordings
from kidney_evals.errors import unknown
from kidney_evals.studies import Condition, Study, in_language
from kidney_evals.studies.words import ENGLISH
from kidney_evals.survey.interview import Item


@dataclass(frozen=True)
class Question:
    """The texts of a question, in parts for a page and whole (`text`) for a terminal.

    `rows` has each attribute's label and the values of the candidates, whose names are `names`.
    """

    situation: str
    rows: tuple[Row, ...]
    closing: str
    question: str
    names: tuple[str, str]
    text: str


def wording_in(language: str) -> Wording:
    """Return the default wording in a language; raise `UserError` if there is none."""
    if language == ENGLISH:
        return wording_named(DEFAULT)
    found = {one.language: one for one in wordings().values() if one.mechanism == "coin"}
    if language not in found:
        raise unknown("language", language, found)
    return found[language]


def question_of(study: Study, item: Item, condition: Condition, language: str) -> Question:
    """Return a question's texts; raise `UserError` if there are no words in the language."""
    wording, spoken = wording_in(language), in_language(study, language)
    pairs = zip(*(one.values for one in item.dilemma.shown(item.order)), strict=True)
    a, b = wording.form.names
    whose = f"wording {wording.id!r}"
    return Question(
        situation=spoken.words.situation,
        rows=tuple(
            Row(attribute.label, *map(attribute.describe, pair))
            for attribute, pair in zip(spoken.attributes, pairs, strict=True)
        ),
        closing=spoken.words.closing,
        question=spoken.words.fill(wording.question[condition], whose).format(a=a, b=b).strip(),
        names=wording.form.names,
        text=render_question(wording, study, item.dilemma, item.order, condition, explain=None),
    )
