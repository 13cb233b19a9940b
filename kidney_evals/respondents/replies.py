"""The reply of a simulated respondent: words, a JSON object or a tool call.

The answer is decided earlier and is the same in all channels. The sentences are in `phrases.yaml`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple, TypeVar

from inspect_ai.model import StopReason

from kidney_evals.elicitation.channels import ANSWER, FIELDS, REASONS
from kidney_evals.elicitation.form import each_text, table
from kidney_evals.respondents.arguments import Traits
from kidney_evals.respondents.question import Question
from kidney_evals.studies import Study, Words, in_language

T = TypeVar("T")

Fault = Literal["refused", "truncated", "unreadable"]
"""A response without an answer, caused by an argument of the respondent."""

Said = Literal["A", "B", "undecided"] | Fault
"""The content of a reply, in terms of the patients as shown."""


class Reply(NamedTuple):
    """The reply of a respondent."""

    text: str  # the words, or the arguments of the tool call as JSON
    stop: StopReason = "stop"
    arguments: Mapping[str, str] | None = None  # of the tool call
    answer_at: int | None = None  # position of the answer word in the text


@lru_cache(maxsize=64)
def phrases(entry: str, words: Words) -> Mapping[str, Any]:
    """Return an entry of `phrases.yaml` with a study's words in place of the placeholders.

    Args:
        entry: Code of a language, or the kind of a question that is no choice.
        words: Words of the study in the language of the entry.

    Raises:
        UserError: The study lacks a word that the entry needs.
    """
    fill = partial(words.fill, whose=f"the entry {entry!r} of phrases.yaml")
    return dict(each_text(table("phrases", "kidney_evals.respondents")[entry], fill))


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


def pick(options: Sequence[T], chance: float) -> T:
    """Return the option whose interval contains `chance` in [0, 1); all are equally likely."""
    return options[int(chance * len(options))]


def _say(options: Sequence[str], chance: float, **words: object) -> str:
    """Return the sentence that `chance` selects, with its placeholders filled."""
    return pick(options, chance).format(**words)


def fault_of(traits: Traits, chance: float) -> Fault | None:
    """Return the fault that `chance` in [0, 1) selects; None for no fault."""
    faults: tuple[Fault | None, ...] = ("refused", "truncated", "unreadable", None)
    shares = (traits.refusing, traits.truncated, traits.unreadable)
    return weighted(faults, (*shares, 1 - sum(shares)), chance)


def worded(
    kind: str, study: Study, fault: Fault | None, chance: float, answer: Callable[[str], str]
) -> Reply:
    """Return an answer, or a faulty reply, to a question about values or predictions.

    Args:
        kind: Kind of the question, an entry of `phrases.yaml`.
        study: The study of the question.
        fault: Fault of the reply; None for an answer.
        chance: Number in [0, 1) that selects among sentences.
        answer: Returns the text of the answer, given introductory words.
    """
    words = phrases(kind, study.words)
    if fault == "truncated":
        return Reply(_say(words["cut_off"], chance), "max_tokens")
    if fault == "unreadable":
        return Reply(_say(words["unreadable"], chance))
    if fault is None:
        return Reply(answer(_say(words["leads"], chance)))
    # Half of the refusals are in words, half are by a content filter.
    if chance < 0.5:
        return Reply("", "content_filter")
    return Reply(_say(words["refusals"], 2 * chance - 1))


def reply(question: Question, content: Said, chance: float, *, alone: bool = False) -> Reply:
    """Return an answer to a dilemma in the format of the question's channel.

    Refusals and unoffered indecision make no tool call, since the tool's parameter has no value for
    them.

    Args:
        question: The question about the dilemma.
        content: Content of the reply.
        chance: Number in [0, 1) that selects among sentences.
        alone: Whether to omit the sentence before an answer line.
    """
    words, form = _phrases(question), question.form
    a, b = form.names
    # A repeat question requests only the answer.
    order = FIELDS["none" if question.turn else question.explain]
    fields: dict[str, str] = {}
    stop: StopReason = "stop"
    if content in ("A", "B"):
        patient = words["patient"].format(name=a if content == "A" else b)
        lead = _say(words["leads"], chance, patient=patient)
        reason = _reason(question, content == "A", chance, patient)
        fields = {ANSWER: a if content == "A" else b, REASONS: reason}
    elif content == "undecided" and question.offers_coin:
        # If the language has no sentences for the mechanism, its word alone is the answer.
        lead = pick(words["ways_out"].get(form.mechanism, ("",)), chance)
        fields = {ANSWER: form.token, REASONS: words["even"]}
    if fields:
        text = final = f"{form.answer}{fields[ANSWER]}"
        if question.explain != "none":
            shown = {ANSWER: final, REASONS: fields[REASONS]}
            text = "\n\n".join(shown[name] for name in FIELDS[question.explain])
        elif not alone:
            text = lead + final
        if question.channel == "text":
            return Reply(text, answer_at=text.rfind(form.answer) + len(form.answer))
    elif content == "unreadable":
        answer = form.answer if question.channel == "text" else ""
        text = _say(words["unreadable"], chance, answer=answer, a=a, b=b)
        fields = {ANSWER: text} if question.channel != "text" else {}
    elif content == "truncated":
        text, stop = _cut_off(question, chance), "max_tokens"
        if question.channel == "json":
            # The end of the object is missing.
            text = json.dumps({REASONS: text}, ensure_ascii=False).removesuffix('"}')
    elif content == "refused":
        # Half of the refusals are by a content filter.
        first, second = words["refusals"]
        text = pick(("", first, "", second), chance)
        stop = "stop" if text else "content_filter"
        fields = {ANSWER: text} if question.channel == "json" and text and chance >= 0.5 else {}
    else:
        text = _say(words["unprompted"], chance)
        fields = {ANSWER: text} if question.channel == "json" else {}
    if not fields:
        return Reply(text, stop)
    arguments = {name: fields[name] for name in order if name in fields}
    text = json.dumps(arguments, ensure_ascii=False)
    if question.channel == "tool":
        return Reply(text, arguments=arguments)
    opening = f'"{ANSWER}": "'
    return Reply(text, answer_at=text.index(opening) + len(opening) if REASONS in fields else None)


def _phrases(question: Question) -> Mapping[str, Any]:
    language = question.form.language
    return phrases(language, in_language(question.study, language).words)


def _cut_off(question: Question, chance: float) -> str:
    language, (a, b) = question.form.language, question.form.names
    attribute = in_language(question.study, language).attributes[0]
    patients = question.dilemma.shown(question.order)
    first, second = (attribute.describe(patient.values[0]) for patient in patients)
    named = {"label": attribute.label, "a": a, "b": b, "first": first, "second": second}
    return _say(_phrases(question)["cut_off"], chance, **named)


def _reason(question: Question, is_a: bool, chance: float, patient: str) -> str:
    language = question.form.language
    words, attributes = _phrases(question), in_language(question.study, language).attributes
    chosen, other = question.dilemma.shown(question.order)[:: 1 if is_a else -1]
    speaking = [
        (attribute, value, against)
        for attribute, value, against in zip(attributes, chosen.values, other.values, strict=True)
        if attribute.favour(value) > attribute.favour(against)
    ]
    if not speaking:
        return _say([words["no_reason"]], chance, patient=patient)
    # Other digits of the same number, so that sentence and attribute vary independently.
    attribute, value, against = pick(speaking, chance * 997 % 1)
    return _say(
        words["reasons"],
        chance,
        favoured=attribute.favoured_text,
        label=attribute.label.lower() if language == "en" else attribute.label,
        chosen=attribute.describe(value),
        other=attribute.describe(against),
    )
