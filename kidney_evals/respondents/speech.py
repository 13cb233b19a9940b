"""What a simulated respondent says: short texts in the form that the prompt asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

from kidney_evals.respondents.phrases import PHRASES
from kidney_evals.respondents.question import Question
from kidney_evals.studies import in_language

T = TypeVar("T")

Said = Literal["A", "B", "undecided", "refused", "unreadable", "truncated"]
"""What an answer amounts to, in terms of the patients as shown."""


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
        a, b = form.names
        return _one(phrases.unreadable, chance).format(answer=form.answer, a=a, b=b)
    if said == "truncated":
        return _cut_off(question, chance)
    if said == "undecided":
        if not question.offers_coin:
            return _one(phrases.unprompted, chance)
        # A way out that the language has no sentences for is taken by its word alone.
        lead = _one(phrases.ways_out.get(form.mechanism, ("",)), chance)
        return _arranged(question, form.token, lead, phrases.even)
    good = question.study.scenario.get("good", "organ")
    lead = _one(phrases.leads, chance).format(patient=_patient(question, said), good=good)
    return _arranged(
        question, form.words("forced_choice")[said], lead, _reason(question, said, chance)
    )


def _arranged(question: Question, answer: str, lead: str, reason: str) -> str:
    final = f"{question.form.answer}{answer}"
    if question.explain == "before":
        return f"{reason}\n\n{final}"
    if question.explain == "after":
        return f"{final}\n\n{reason}"
    return lead + final


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
