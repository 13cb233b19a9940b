"""What a simulated respondent says: short texts in the form that the prompt asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeVar

from kidney_evals.respondents.phrases import PHRASES
from kidney_evals.respondents.question import Question
from kidney_evals.studies import in_language

T = TypeVar("T")

Said = Literal["A", "B", "undecided", "refused", "unreadable", "truncated"]
"""What an answer amounts to, in terms of the patients as shown."""


class SpokenAnswer(NamedTuple):
    """An answer that was offered, in words.

    Attributes:
        word: The answer as the form has it.
        lead: What may stand before it unasked.
        reason: What speaks for it.
    """

    word: str
    lead: str
    reason: str


def speak(question: Question, said: Said, chance: float) -> str:
    """Put an answer into words.

    Args:
        question: What was asked.
        said: What the answer amounts to.
        chance: Number in [0, 1) that picks among equivalent wordings.

    Returns:
        The text; empty only for a refusal that a content filter would have swallowed.
    """
    phrases, form = PHRASES[question.form.language], question.form
    if said == "refused":
        first, second = phrases.refusals
        return _one(("", first, "", second), chance)
    if said == "unreadable":
        return _unreadable(question, chance, form.answer)
    if said == "truncated":
        return _cut_off(question, chance)
    answer = spoken_answer(question, said, chance)
    if answer is None:
        return _one(phrases.unprompted, chance)
    final = f"{form.answer}{answer.word}"
    if question.explain == "before":
        return f"{answer.reason}\n\n{final}"
    if question.explain == "after":
        return f"{final}\n\n{answer.reason}"
    return final if question.alone else answer.lead + final


def spoken_answer(question: Question, said: Said, chance: float) -> SpokenAnswer | None:
    """Return the words for an answer that was offered; None where none was given.

    Args:
        question: What was asked.
        said: What the answer amounts to.
        chance: As for `speak`.
    """
    phrases, form = PHRASES[question.form.language], question.form
    if said == "undecided" and question.offers_coin:
        # A way out that the language has no sentences for is taken by its word alone.
        lead = _one(phrases.ways_out.get(form.mechanism, ("",)), chance)
        return SpokenAnswer(form.token, lead, phrases.even)
    if said not in ("A", "B"):
        return None
    good = question.study.scenario.get("good", "organ")
    lead = _one(phrases.leads, chance).format(patient=_patient(question, said), good=good)
    return SpokenAnswer(form.words("forced_choice")[said], lead, _reason(question, said, chance))


def unreadable_answer(question: Question, chance: float) -> str:
    """Return what stands in the place of an answer and cannot be read as one."""
    return _unreadable(question, chance, "")


def _unreadable(question: Question, chance: float, answer: str) -> str:
    phrases, (a, b) = PHRASES[question.form.language], question.form.names
    return _one(phrases.unreadable, chance).format(answer=answer, a=a, b=b)


def _patient(question: Question, said: Literal["A", "B"]) -> str:
    names = question.form.words("forced_choice")
    return PHRASES[question.form.language].patient.format(name=names[said])


def _reason(question: Question, said: Literal["A", "B"], chance: float) -> str:
    phrases = PHRASES[question.form.language]
    english = question.form.language == "en"
    shown = question.dilemma.shown(question.order)
    chosen, other = shown if said == "A" else shown[::-1]
    speaking = [
        (attribute, value, against)
        for attribute, value, against in zip(
            in_language(question.study, question.form.language).attributes,
            chosen.values,
            other.values,
            strict=True,
        )
        if attribute.favour(value) > attribute.favour(against)
    ]
    if not speaking:
        return phrases.no_reason.format(patient=_patient(question, said))
    # Another digit of the same number, so that wording and attribute vary apart.
    attribute, value, against = _one(speaking, chance * 997 % 1)
    return _one(phrases.reasons, chance).format(
        favoured=attribute.favoured_text,
        label=attribute.label.lower() if english else attribute.label,
        chosen=attribute.describe(value),
        other=attribute.describe(against),
    )


def _cut_off(question: Question, chance: float) -> str:
    phrases = PHRASES[question.form.language]
    first, second = question.dilemma.shown(question.order)
    attribute = in_language(question.study, question.form.language).attributes[0]
    a, b = question.form.names
    return _one(phrases.cut_off, chance).format(
        label=attribute.label,
        a=a,
        b=b,
        first=attribute.describe(first.values[0]),
        second=attribute.describe(second.values[0]),
    )


def _one(options: Sequence[T], chance: float) -> T:
    return options[int(chance * len(options))]
