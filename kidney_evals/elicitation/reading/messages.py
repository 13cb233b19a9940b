"""Read a model's output: text, a JSON object or a tool call, and the provider's signals.

A JSON object, or a tool call's arguments, is rewritten as text: its fields in their order, `answer`
as the answer line of the form (a whole sentence unchanged), any other text as prose. Then the
reader of text decides, so the rules are the same in every channel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ContentText, ModelOutput
from inspect_ai.tool import ToolCall

from kidney_evals.elicitation.channels import ANSWER, TOOL, Channel
from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reading.answers import CUT_STOPS, Reading, read_answer
from kidney_evals.elicitation.reading.predictions import Prediction
from kidney_evals.elicitation.reading.stated import StatedReading
from kidney_evals.studies import Condition

R = TypeVar("R", Reading, Prediction, StatedReading)

_TOOL_CALL = "a call of a tool that was not offered"

_MOST_WORK = 20
"""Limit of decoding attempts per character, on average, which keeps the time linear."""

_SENTENCE = re.compile(r"\s*\S+(?:\s+\S+){2,}[.!]\s*")

_DECODER = json.JSONDecoder(strict=False)


def read_output(
    output: ModelOutput, condition: Condition, form: Form = USUAL, channel: Channel = "text"
) -> Reading:
    """Read the answer in a model's output, never its reasoning; see `read_message`."""
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


def read_text_output(output: ModelOutput, read: Callable[..., R]) -> R:
    """Read a model's output with a reader of text that takes `stop` and `refused`."""
    if not output.choices:
        return read("")
    choice = output.choices[0]
    refused = _marked_as_refusal(choice)
    if not refused and _calls_tool(choice.message, choice.stop_reason):
        return replace(read(""), outcome="unreadable", how=_TOOL_CALL)
    return read(choice.message.text, stop=choice.stop_reason, refused=refused)


def _marked_as_refusal(choice: ChatCompletionChoice) -> bool:
    details = choice.stop_details
    if details is not None and details.type in ("refusal", "content_filter"):
        return True
    content = choice.message.content
    parts = [] if isinstance(content, str) else content
    return any(isinstance(part, ContentText) and bool(part.refusal) for part in parts)


def _calls_tool(message: ChatMessageAssistant, stop: str) -> bool:
    """Return whether a message, neither cut off nor filtered, calls a tool."""
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
    """Read the answer in a message, not in its reasoning: in its channel, or else in its text.

    Arguments as for `read_answer`.
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
        return Reading("unreadable", None, _TOOL_CALL)
    reading = read_answer(text, condition=condition, stop=stop, refused=refused, form=form)
    if channel == "text" or native or reading.outcome in ("empty", "truncated"):
        return reading
    if channel == "tool":
        return _from(reading, "in words, without a tool call")
    in_words = text == message.text
    return _from(reading, f"{'in words, without a whole' if in_words else 'from a'} JSON object")


def tell_objects(text: str, form: Form = USUAL) -> str:
    """Return a text with every JSON object that holds an answer rewritten as text.

    An object that is cut off, or whose answer is no text, does not change.
    """
    parts: list[str] = []
    start, at = 0, text.find("{")
    work = _MOST_WORK * len(text)
    while at >= 0 and work > 0:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            stop = error.pos if isinstance(error, json.JSONDecodeError) else len(text)
            # The error counts the lines before it, which takes time too.
            work -= stop - at + 1 + at // 50
            at = text.find("{", at + 1)
            continue
        work -= end - at
        words = _in_words(value, form)
        if words is not None:
            parts += [text[start:at], words]
            start = end
        at = text.find("{", end)
    return "".join([*parts, text[start:]])


def _in_words(value: Any, form: Form) -> str | None:
    """Return a JSON object as text; None if its answer is missing or not a string or integer."""
    holder = _holder(value)
    if holder is None:
        return None
    parts = []
    for name, field in holder.items():
        if name == ANSWER:
            if isinstance(field, bool) or not isinstance(field, str | int):
                return None
            # In text, a sentence would replace the answer line.
            is_sentence = _SENTENCE.fullmatch(str(field))
            parts.append(str(field) if is_sentence else f"{form.answer}{field}")
        elif isinstance(field, str):
            parts.append(field)
    return "\n\n".join(parts)


def _holder(value: Any) -> dict[str, Any] | None:
    """Return the only object with an answer, which may be inside others."""
    if isinstance(value, dict) and ANSWER in value and not isinstance(value[ANSWER], dict):
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    holders = [holder for holder in map(_holder, inner) if holder is not None]
    return holders[0] if len(holders) == 1 else None


def _read_calls(calls: list[ToolCall], condition: Condition, stop: str, form: Form) -> Reading:
    readings = [_read_call(call, condition, stop, form) for call in calls]
    if len({(reading.outcome, reading.answer) for reading in readings}) > 1:
        return Reading("unreadable", None, "tool calls that disagree")
    return _from(readings[0], "from a tool call")


def _read_call(call: ToolCall, condition: Condition, stop: str, form: Form) -> Reading:
    cut = stop in CUT_STOPS
    words = None if call.parse_error else _in_words(call.arguments, form)
    if call.function == TOOL and words is not None:
        # A call has a stop reason of its own ("tool_calls").
        return read_answer(words, condition=condition, stop=stop if cut else "stop", form=form)
    if cut:
        return Reading("truncated", None, "a call that was cut off")
    return Reading("unreadable", None, "a call without an answer")


def _from(reading: Reading, where: str) -> Reading:
    return replace(reading, how=f"{reading.how} ({where})")
