"""Read a model's output: text, a JSON object or a tool call, and the provider's signals.

A JSON object, or a tool call's arguments, is rewritten as text, with its fields in their order. The
field `answer` becomes the answer line of the form, unless it is a whole sentence. Any other text is
prose. Then the reader of text decides, so the rules are the same in every channel.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeVar

from inspect_ai.model import ChatMessageAssistant, ContentText, ModelOutput
from inspect_ai.tool import ToolCall

from kidney_evals.elicitation.channels import ANSWER, TOOL, Channel
from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reading.answers import CUT_STOPS, NATIVE_REFUSAL, Reading
from kidney_evals.elicitation.reading.predictions import Prediction
from kidney_evals.elicitation.reading.stated import StatedReading

R = TypeVar("R", Reading, Prediction, StatedReading)

_MOST_WORK = 20
"""Limit of decoding attempts per character, on average, which keeps the time linear."""

_SENTENCE = re.compile(r"\s*\S+(?:\s+\S+){2,}[.!]\s*")

_DECODER = json.JSONDecoder(strict=False)


def read_output(
    output: ModelOutput, read: Callable[..., R], channel: Channel = "text", form: Form = USUAL
) -> R:
    """Return the reading of a model's output; see `read_message` for the arguments.

    An output without choices is read as an empty text.
    """
    if not output.choices:
        return read("")
    choice = output.choices[0]
    details, content = choice.stop_details, choice.message.content
    parts = [] if isinstance(content, str) else content
    refused = details is not None and details.type in ("refusal", "content_filter")
    refused = refused or any(isinstance(part, ContentText) and part.refusal for part in parts)
    stop = choice.stop_reason
    return read_message(choice.message, read, channel, form, stop=stop, refused=refused)


def read_message(
    message: ChatMessageAssistant,
    read: Callable[..., R],
    channel: Channel = "text",
    form: Form = USUAL,
    *,
    stop: str = "stop",
    refused: bool = False,
) -> R:
    """Return the reading of a message, without its reasoning.

    In the channel `json` or `tool`, a message without an object or a call is read as text. A native
    refusal takes precedence over any text, since the rest of a filtered text is not the model's
    answer.

    Args:
        message: The model's message.
        read: Function that reads a text; its argument `stop` is the stop reason.
        channel: The requested channel of the answer.
        form: The form of the answer.
        stop: Inspect's stop reason; see `read_answer`.
        refused: Whether the provider itself marked the message as a refusal.
    """
    if refused or stop == "content_filter":
        return _unread(read, "refusal", NATIVE_REFUSAL)
    text = message.text
    if channel == "json":
        text = tell_objects(text, form)
        if stop == "unknown" and text.count("{") > text.count("}"):
            stop = "max_tokens"  # of a local model, whose stop reason is unknown
    if message.tool_calls:
        if channel == "tool":
            readings = [_read_call(call, read, stop, form) for call in message.tool_calls]
            if any(replace(one, how="") != replace(readings[0], how="") for one in readings):
                return _unread(read, "unreadable", "tool calls that disagree")
            return _from(readings[0], "from a tool call")
        if stop in ("stop", "tool_calls", "unknown"):
            return _unread(read, "unreadable", "a call of a tool that was not offered")
    reading = read(text, stop=stop)
    if channel == "text" or reading.outcome in ("empty", "truncated"):
        return reading
    if channel == "tool":
        return _from(reading, "in words, without a tool call")
    in_words = text == message.text
    return _from(reading, f"{'in words, without a whole' if in_words else 'from a'} JSON object")


def tell_objects(text: str, form: Form = USUAL) -> str:
    """Return a text with every JSON object that holds an answer rewritten as text.

    An object that is cut off, or whose answer is no string or whole number, does not change.
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
        if (words := _in_words(value, form)) is not None:
            parts += [text[start:at], words]
            start = end
        at = text.find("{", end)
    return "".join([*parts, text[start:]])


def _in_words(value: Any, form: Form) -> str | None:
    """Return a JSON object as text; None if its answer is missing or not a string or integer."""
    if (holder := _holder(value)) is None:
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


def _read_call(call: ToolCall, read: Callable[..., R], stop: str, form: Form) -> R:
    cut = stop in CUT_STOPS
    words = None if call.parse_error else _in_words(call.arguments, form)
    if call.function == TOOL and words is not None:
        # A call has a stop reason of its own ("tool_calls").
        return read(words, stop=stop if cut else "stop")
    if cut:
        return _unread(read, "truncated", "a call that was cut off")
    return _unread(read, "unreadable", "a call without an answer")


def _unread(
    read: Callable[..., R], outcome: Literal["refusal", "truncated", "unreadable"], how: str
) -> R:
    return replace(read(""), outcome=outcome, how=how)


def _from(reading: R, where: str) -> R:
    return replace(reading, how=f"{reading.how} ({where})")
