"""A dilemma as a person reads it: the default wording without the line about the reply's form."""

from dataclasses import dataclass

from kidney_evals.elicitation.prompt import Row, render_question
from kidney_evals.elicitation.wording import wordings
from kidney_evals.studies import Condition, Study, in_language
from kidney_evals.survey.interview import Item


@dataclass(frozen=True)
class Question:
    """The texts of a question: its parts for a page, and the whole `text` for a terminal."""

    situation: str
    rows: tuple[Row, ...]
    closing: str
    question: str
    names: tuple[str, str]
    text: str


def question_of(study: Study, item: Item, condition: Condition, language: str) -> Question:
    """Return a question's texts; raise `UserError` if the study has no words in the language."""
    # The first wording with a coin in each language is its default.
    wording = next(
        one for one in wordings().values() if (one.language, one.mechanism) == (language, "coin")
    )
    spoken = in_language(study, language)
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
