"""An answer in the channel in which it was asked for: words, a JSON object or a tool call.

What it amounts to was decided before: a respondent answers alike in all channels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from kidney_evals.elicitation.channels import ANSWER, REASONS
from kidney_evals.respondents.question import Question
from kidney_evals.respondents.speech import Said, speak, spoken_answer, unreadable_answer


class Given(NamedTuple):
    """What a respondent gives back.

    Attributes:
        text: Its words, or the arguments of its tool call as JSON.
        arguments: The arguments of its tool call; None for words.
        answer_at: Where in the text the answer word begins; None without one.
    """

    text: str
    arguments: Mapping[str, str] | None = None
    answer_at: int | None = None


def give(question: Question, said: Said, chance: float) -> Given:
    """Give an answer in the question's channel.

    In JSON, refusals stand in the object or outside of it, as models have it; the tool is not
    called for a refusal, nor for indecision that was not offered, because its parameter has no
    place for them. What cannot be read is an answer that is none of those offered. Cut-off
    answers break off inside the object, or before the call.

    Args:
        question: What was asked.
        said: What the answer amounts to.
        chance: Number in [0, 1) that picks among equivalent sentences.
    """
    if question.channel == "text":
        return _in_words(question, said, chance)
    answer = spoken_answer(question, said, chance)
    if answer is not None:
        fields = {ANSWER: answer.word, REASONS: answer.reason}
    elif said == "unreadable":
        fields = {ANSWER: unreadable_answer(question, chance)}
    elif question.channel == "json" and (held := _held(question, said, chance)):
        fields = {ANSWER: held}
    else:
        return _apart(question, said, chance)
    # A repeat question asks for the answer alone.
    explain = "none" if question.turn else question.explain
    order = {"none": [ANSWER], "before": [REASONS, ANSWER], "after": [ANSWER, REASONS]}[explain]
    arguments = {name: fields[name] for name in order if name in fields}
    text = json.dumps(arguments, ensure_ascii=False)
    if question.channel == "tool":
        return Given(text, arguments)
    opening = f'"{ANSWER}": "'
    return Given(text, None, text.index(opening) + len(opening) if answer else None)


def _in_words(question: Question, said: Said, chance: float) -> Given:
    text = speak(question, said, chance)
    if spoken_answer(question, said, chance) is None:
        return Given(text)
    final = question.form.answer
    return Given(text, None, text.rfind(final) + len(final))


def _held(question: Question, said: Said, chance: float) -> str:
    """Return what is no answer that was offered and stands in the object all the same."""
    if said == "undecided" or (said == "refused" and chance >= 0.5):
        return speak(question, said, chance)
    return ""


def _apart(question: Question, said: Said, chance: float) -> Given:
    text = speak(question, said, chance)
    if said == "truncated" and question.channel == "json":
        # The object's end never came.
        return Given(json.dumps({REASONS: text}, ensure_ascii=False).removesuffix('"}'))
    return Given(text)
