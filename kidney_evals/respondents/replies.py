"""The reply of a simulated respondent: words, a JSON object or a tool call.

The answer is decided earlier and is the same in all channels. The sentences are in `phrases.yaml`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, TypeVar

import yaml
from inspect_ai.model import StopReason

from kidney_evals.elicitation.channels import ANSWER, REASONS
from kidney_evals.respondents.arguments import Traits
from kidney_evals.respondents.question import Question
from kidney_evals.studies import in_language

T = TypeVar("T")

Fault = Literal["refused", "truncated", "unreadable"]
"""A response without an answer, caused by an argument of the respondent."""

Said = Literal["A", "B", "undecided"] | Fault
"""The content of a reply, in terms of the patients as shown."""


class Reply(NamedTuple):
    """The reply of a respondent."""

    text: str  # the words, or the arguments of the tool call as JSON
    arguments: Mapping[str, str] | None = None  # of the tool call
    answer_at: int | None = None  # position of the answer word in the text


class _Answer(NamedTuple):
    """An offered answer: its word, an introductory sentence, and a reason."""

    word: str
    lead: str
    reason: str


@cache
def phrases(entry: str) -> Mapping[str, Any]:
    """Return an entry of `phrases.yaml`."""
    text = files("kidney_evals.respondents").joinpath("phrases.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)[entry])


def weighted(options: Sequence[T], weights: Sequence[float], chance: float) -> T:
    """Return the option whose share of the weights contains `chance` in [0, 1)."""
    remaining = chance * sum(weights)
    last = options[0]
    for option, weight in zip(options, weights, strict=True):
        if weight > 0:
            if remaining < weight:
                return option
            last = option
            remaining -= weight
    return last


def fault_of(traits: Traits, chance: float) -> Fault | None:
    """Return the fault that `chance` in [0, 1) selects; None for no fault."""
    faults: tuple[Fault | None, ...] = ("refused", "truncated", "unreadable", None)
    shares = (traits.refusing, traits.truncated, traits.unreadable)
    return weighted(faults, (*shares, 1 - sum(shares)), chance)


def worded(
    kind: str, fault: Fault | None, chance: float, answer: Callable[[str], str]
) -> tuple[str, StopReason]:
    """Return the text of a fault, or of an answer after a lead in `kind`, and the stop reason."""
    words = phrases(kind)
    if fault == "truncated":
        return pick(words["cut_off"], chance), "max_tokens"
    if fault == "unreadable":
        return pick(words["unreadable"], chance), "stop"
    if fault is None:
        return answer(pick(words["leads"], chance)), "stop"
    # Half of the refusals are in words, half are by a content filter.
    if chance < 0.5:
        return "", "content_filter"
    return pick(words["refusals"], 2 * chance - 1), "stop"


def reply(question: Question, content: Said, chance: float) -> Reply:
    """Return an answer in the format of the question's channel; `chance` selects among sentences.

    In JSON, a refusal is inside or outside of the object. Refusals and unoffered indecision make no
    tool call, since the tool's parameter has no value for them. Truncated answers end inside the
    object, or before the call. The text is empty only for a refusal by a content filter.
    """
    answer = _answer(question, content, chance)
    text = _in_words(question, content, chance, answer)
    if question.channel == "text":
        final = question.form.answer
        return Reply(text, None, text.rfind(final) + len(final) if answer else None)
    in_object = content == "undecided" or (content == "refused" and chance >= 0.5)
    if answer:
        fields = {ANSWER: answer.word, REASONS: answer.reason}
    elif content == "unreadable":
        fields = {ANSWER: _unreadable(question, chance, "")}
    elif question.channel == "json" and in_object and text:
        fields = {ANSWER: text}
    elif question.channel == "json" and content == "truncated":
        # The reply is truncated: the end of the object is missing.
        return Reply(json.dumps({REASONS: text}, ensure_ascii=False).removesuffix('"}'))
    else:
        return Reply(text)
    # A repeat question requests only the answer.
    explain = "none" if question.turn else question.explain
    order = {"none": [ANSWER], "before": [REASONS, ANSWER], "after": [ANSWER, REASONS]}[explain]
    arguments = {name: fields[name] for name in order if name in fields}
    text = json.dumps(arguments, ensure_ascii=False)
    if question.channel == "tool":
        return Reply(text, arguments)
    opening = f'"{ANSWER}": "'
    return Reply(text, None, text.index(opening) + len(opening) if answer else None)


def pick(options: Sequence[T], chance: float) -> T:
    """Return the option whose interval contains `chance` in [0, 1); all are equally likely."""
    return options[int(chance * len(options))]


def _in_words(question: Question, content: Said, chance: float, answer: _Answer | None) -> str:
    words, form = phrases(question.form.language), question.form
    if content == "refused":
        first, second = words["refusals"]
        return str(pick(("", first, "", second), chance))
    if content == "unreadable":
        return _unreadable(question, chance, form.answer)
    if content == "truncated":
        values = [patient.values[0] for patient in question.dilemma.shown(question.order)]
        attribute = in_language(question.study, form.language).attributes[0]
        first, second = map(attribute.describe, values)
        a, b = form.names
        return str(
            pick(words["cut_off"], chance).format(
                label=attribute.label, a=a, b=b, first=first, second=second
            )
        )
    if answer is None:
        return str(pick(words["unprompted"], chance))
    final = f"{form.answer}{answer.word}"
    if question.explain == "before":
        return f"{answer.reason}\n\n{final}"
    if question.explain == "after":
        return f"{final}\n\n{answer.reason}"
    return final if question.alone else answer.lead + final


def _answer(question: Question, content: Said, chance: float) -> _Answer | None:
    """Return the words of an offered answer; None if the reply gives no answer."""
    words, form = phrases(question.form.language), question.form
    if content == "undecided" and question.offers_coin:
        # If the language has no sentences for the mechanism, its word alone is the answer.
        lead = pick(words["ways_out"].get(form.mechanism, ("",)), chance)
        return _Answer(form.token, lead, words["even"])
    if content not in ("A", "B"):
        return None
    word = form.words("forced_choice")[content]
    patient = words["patient"].format(name=word)
    good = question.study.scenario.get("good", "organ")
    lead = pick(words["leads"], chance).format(patient=patient, good=good)
    return _Answer(word, lead, _reason(question, content, chance, patient))


def _unreadable(question: Question, chance: float, answer: str) -> str:
    a, b = question.form.names
    options = phrases(question.form.language)["unreadable"]
    return str(pick(options, chance).format(answer=answer, a=a, b=b))


def _reason(question: Question, content: Literal["A", "B"], chance: float, patient: str) -> str:
    language = question.form.language
    words, attributes = phrases(language), in_language(question.study, language).attributes
    chosen, other = question.dilemma.shown(question.order)[:: 1 if content == "A" else -1]
    speaking = [
        (attribute, value, against)
        for attribute, value, against in zip(attributes, chosen.values, other.values, strict=True)
        if attribute.favour(value) > attribute.favour(against)
    ]
    if not speaking:
        return str(words["no_reason"].format(patient=patient))
    # Other digits of the same number, so that sentence and attribute vary independently.
    attribute, value, against = pick(speaking, chance * 997 % 1)
    reason = pick(words["reasons"], chance).format(
        favoured=attribute.favoured_text,
        label=attribute.label.lower() if language == "en" else attribute.label,
        chosen=attribute.describe(value),
        other=attribute.describe(against),
    )
    return str(reason)
