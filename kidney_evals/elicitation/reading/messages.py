"""Read what a model returned: text, a JSON object or a tool call, and the provider's signals.

An object, or a call's arguments, is put in words: its fields in the order in which they came,
`answer` as the answer line of the form (a whole sentence as itself), any other text as prose. The
reader of text then decides about it, so that the rules are the same in every channel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeGuard, TypeVar

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    ContentText,
    ModelOutput,
)
from inspect_ai.tool import ToolCall

from kidney_evals.elicitation.channels import ANSWER, TOOL, Channel
from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reading.answers import CUT_STOPS, Reading, read_answer
from kidney_evals.studies import Condition

R = TypeVar("R")

TOOL_CALL: Final = "a call of a tool that was not offered"
"""How an answer is read that calls a tool outside the tool channel."""

MOST_WORK = 20
"""Limit of decoding attempts per character, on average, which keeps the time linear."""

_REFUSAL_DETAILS = ("refusal", "content_filter")
"""Stop details by which a provider marks a refusal, whatever the stop reason."""

_SENTENCE = re.compile(r"\s*\S+(?:\s+\S+){2,}[.!]\s*")

_DECODER = json.JSONDecoder(strict=False)


def read_output(
    output: ModelOutput,
    condition: Condition,
    form: Form = USUAL,
    channel: Channel = "text",
) -> Reading:
    """Read a model's output: its answer, never its reasoning, and the provider's signals.

    Args:
        output: What the model returned; no choice at all is an empty answer.
        condition: As for `read_answer`.
        form: As for `read_answer`.
        channel: The channel in which the answer was asked for.
    """
    if not output.choices:
        return read_answer("", condition=condition, form=form)
    choice = output.choices[0]
    return read_message(
        choice.message,
        channel,
        condition=condition,
        stop=choice.stop_reason,
        refused=_marked_as_refusal(choice),
        form=form,
    )


def read_text_output(output: ModelOutput, read: Callable[..., R], tool_call: R) -> R:
    """Read a model's output to a question that is answered in text only.

    Args:
        output: What the model returned; no choice at all is an empty answer.
        read: Reads a text, given `stop` and `refused` as for `read_answer`.
        tool_call: The reading of an answer that calls a tool.
    """
    if not output.choices:
        return read("")
    choice = output.choices[0]
    refused = _marked_as_refusal(choice)
    if not refused and _calls_tool(choice.message, choice.stop_reason):
        return tool_call
    return read(choice.message.text, stop=choice.stop_reason, refused=refused)


def _marked_as_refusal(choice: ChatCompletionChoice) -> bool:
    """Return whether a provider itself marked an answer as a refusal."""
    if choice.stop_details is not None and choice.stop_details.type in _REFUSAL_DETAILS:
        return True
    content = choice.message.content
    if isinstance(content, str):
        return False
    return any(isinstance(part, ContentText) and bool(part.refusal) for part in content)


def _calls_tool(message: ChatMessageAssistant, stop: str) -> bool:
    """Return whether an answer calls a tool; one that was cut off or filtered is read as that."""
    return bool(message.tool_calls) and stop in ("stop", "tool_calls", "unknown")


def read_message(
    message: ChatMessageAssistant,
    channel: Channel,
    *,
    condition: Condition,
    stop: str = "stop",
    refused: bool = False,
    form: Form = USUAL,
) -> Reading:
    """Read the answer that a message gives in a channel, or in words in spite of it.

    Args:
        message: The model's message; its reasoning is not read.
        channel: The channel in which the answer was asked for.
        condition: As for `read_answer`.
        stop: As for `read_answer`.
        refused: As for `read_answer`.
        form: As for `read_answer`.
    """
    text = message.text
    if channel == "json":
        text = tell_objects(text, form)
        if stop == "unknown" and text.count("{") > text.count("}"):
            stop = "max_tokens"  # of a local model, whose stop reason is unknown
    native = refused or stop == "content_filter"
    if channel == "tool" and message.tool_calls and not native:
        return _read_calls(message.tool_calls, condition, stop, form)
    if channel != "tool" and not native and _calls_tool(message, stop):
        return Reading("unreadable", None, TOOL_CALL)
    reading = read_answer(text, condition=condition, stop=stop, refused=refused, form=form)
    if channel == "text" or native or reading.outcome in ("empty", "truncated"):
        return reading
    if channel == "tool":
        return _from(reading, "in words, without a tool call")
    return _from(
        reading,
        "in words, without a whole JSON object" if text == message.text else "from a JSON object",
    )


def tell_objects(text: str, form: Form = USUAL) -> str:
    """Return a text with every JSON object that holds an answer put in words.

    An object that is cut off, or whose answer is no text, stays as it is.

    Args:
        text: A completion.
        form: The form in which the answer was asked for.
    """
    parts: list[str] = []
    start, at = 0, text.find("{")
    work = MOST_WORK * len(text)
    while at >= 0 and work > 0:
        try:
            found, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            stop = error.pos if isinstance(error, json.JSONDecodeError) else len(text)
            # The error counts the lines before it, which takes time too.
            work -= stop - at + 1 + at // 50
            at = text.find("{", at + 1)
            continue
        work -= end - at
        words = _in_words(found, form)
        if words is not None:
            parts += [text[start:at], words]
            start = end
        at = text.find("{", end)
    return "".join([*parts, text[start:]])


def _in_words(found: Any, form: Form) -> str | None:
    """Put an object in words; None where it holds no answer, or one that is no text."""
    holder = _holder(found)
    if holder is None:
        return None
    parts = []
    for name, value in holder.items():
        if name == ANSWER:
            if isinstance(value, bool) or not isinstance(value, str | int):
                return None
            parts.append(value if _is_sentence(value) else f"{form.answer}{value}")
        elif isinstance(value, str):
            parts.append(value)
    return "\n\n".join(parts)


def _is_sentence(value: str | int) -> TypeGuard[str]:
    """Whether an answer is a sentence, which in text would stand in place of the answer line."""
    return isinstance(value, str) and bool(_SENTENCE.fullmatch(value))


def _holder(found: Any) -> Mapping[str, Any] | None:
    """Return the one object with an answer, which may stand inside others."""
    if isinstance(found, dict) and ANSWER in found and not isinstance(found[ANSWER], dict):
        return found
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    holders = [one for one in map(_holder, inner) if one is not None]
    return holders[0] if len(holders) == 1 else None


def _read_calls(calls: list[ToolCall], condition: Condition, stop: str, form: Form) -> Reading:
    readings = [_read_call(call, condition, stop, form) for call in calls]
    if len({(one.outcome, one.answer) for one in readings}) > 1:
        return Reading("unreadable", None, "tool calls that disagree")
    return _from(readings[0], "from a tool call")


def _read_call(call: ToolCall, condition: Condition, stop: str, form: Form) -> Reading:
    cut = stop in CUT_STOPS
    words = None if call.parse_error else _in_words(call.arguments, form)
    if call.function != TOOL or words is None:
        if cut:
            return Reading("truncated", None, "a call that was cut off")
        return Reading("unreadable", None, "a call without an answer")
    # A call has a stop reason of its own ("tool_calls").
    return read_answer(words, condition=condition, stop=stop if cut else "stop", form=form)


def _from(reading: Reading, where: str) -> Reading:
    return replace(reading, how=f"{reading.how} ({where})")
