"""Read an answer given as a JSON object or a tool call, by the rules for one given in words.

An object, or a call's arguments, is put in words: its fields in the order in which they came,
`answer` as the answer line of the form (a whole sentence as itself), any other text as prose. What
is a decision, a refusal, indecision or unreadable is then the reader's affair alone, and the same
in every channel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

from inspect_ai.model import ChatMessageAssistant
from inspect_ai.tool import ToolCall

from kidney_evals.elicitation.calls import TOOL_CALL, calls_tool
from kidney_evals.elicitation.channels import ANSWER, TOOL, Channel
from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reader import CUT_STOPS, Reading, read_answer
from kidney_evals.studies import Condition

MOST_WORK = 20
"""Limit of decoding attempts per character, on average, which keeps the time linear."""

_SENTENCE = re.compile(r"\s*\S+(?:\s+\S+){2,}[.!]\s*")

_DECODER = json.JSONDecoder(strict=False)


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
            stop = "max_tokens"  # a local model's, which says nothing of its own
    native = refused or stop == "content_filter"
    if channel == "tool" and message.tool_calls and not native:
        return _read_calls(message.tool_calls, condition, stop, form)
    if channel != "tool" and not native and calls_tool(message, stop):
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
        told = _told(found, form)
        if told is not None:
            parts += [text[start:at], told]
            start = end
        at = text.find("{", end)
    return "".join([*parts, text[start:]])


def _told(found: Any, form: Form) -> str | None:
    """Put an object in words; None where it holds no answer, or one that is no text."""
    holder = _holder(found)
    if holder is None:
        return None
    told = []
    for name, value in holder.items():
        if name == ANSWER:
            if isinstance(value, bool) or not isinstance(value, str | int):
                return None
            told.append(value if _is_sentence(value) else f"{form.answer}{value}")
        elif isinstance(value, str):
            told.append(value)
    return "\n\n".join(told)


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
    told = None if call.parse_error else _told(call.arguments, form)
    if call.function != TOOL or told is None:
        if cut:
            return Reading("truncated", None, "a call that was cut off")
        return Reading("unreadable", None, "a call without an answer")
    # A call is a way of stopping of its own ("tool_calls").
    return read_answer(told, condition=condition, stop=stop if cut else "stop", form=form)


def _from(reading: Reading, where: str) -> Reading:
    return replace(reading, how=f"{reading.how} ({where})")
