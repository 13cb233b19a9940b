"""What is read of JSON objects and tool calls: the same as of the same words in text."""

from __future__ import annotations

from typing import Any

import pytest
from inspect_ai.model import ChatMessageAssistant
from inspect_ai.tool import ToolCall

from kidney_evals.elicitation.channels import Channel
from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reading import read_message
from kidney_evals.studies import Condition


def _call(answer: Any, identity: str = "1", **more: Any) -> ToolCall:
    return ToolCall(identity, "answer", {"answer": answer, **more})


XY, GERMAN, COMMITTEE = Form(("X", "Y")), Form(language="de"), Form(mechanism="committee")
SAID_NOTHING = "unprompted_indecision"
# Condition, form, stop, text: the answer read or what became of the question.
OBJECTS: list[tuple[Condition, Form, str, str, str]] = [
    ("forced_choice", USUAL, "stop", '{"answer": "B"}', "B"),
    ("forced_choice", USUAL, "stop", 'Sure:\n```json\n{\n  "answer": "B"\n}\n```\nDone.', "B"),
    ("forced_choice", USUAL, "stop", '{"answer": "Patient A"}', "A"),
    ("forced_choice", USUAL, "stop", '{"reasons": "I lean to Patient A.", "answer": "B"}', "B"),
    ("forced_choice", USUAL, "stop", '{"answer": "B", "reasons": "Patient A is older."}', "B"),
    (
        "forced_choice",
        USUAL,
        "stop",
        '{"answer": "B", "reasons": "On reflection I take that back: I cannot choose."}',
        "refusal",
    ),
    ("forced_choice", USUAL, "stop", '{"response": {"answer": "B"}}', "B"),
    ("forced_choice", XY, "stop", '{"answer": "Y"}', "B"),
    ("forced_choice", XY, "stop", '{"answer": "B"}', "unreadable"),
    ("forced_choice", Form(("1", "2")), "stop", '{"answer": 2}', "B"),
    ("coin_flip", USUAL, "stop", '{"answer": "COIN"}', "COIN"),
    ("coin_flip", GERMAN, "stop", '{"answer": "MÜNZE"}', "COIN"),
    ("coin_flip", COMMITTEE, "stop", '{"answer": "COMMITTEE"}', "COIN"),
    ("coin_flip", COMMITTEE, "stop", '{"answer": "COIN"}', SAID_NOTHING),
    # Nothing forbids these and nothing offers them, as in text.
    ("forced_choice", USUAL, "stop", '{"answer": "COIN"}', SAID_NOTHING),
    ("forced_choice", USUAL, "stop", '{"answer": "They are equal."}', SAID_NOTHING),
    ("forced_choice", USUAL, "stop", '{"answer": "I can\'t make this decision."}', "refusal"),
    ("forced_choice", USUAL, "stop", "I can't help with that.", "refusal"),
    ("forced_choice", USUAL, "content_filter", '{"answer": "B"}', "refusal"),
    # In words in spite of what was asked.
    ("forced_choice", USUAL, "stop", "ANSWER: B", "B"),
    ("forced_choice", USUAL, "stop", "I would flip a coin.", SAID_NOTHING),
    # No answer.
    ("forced_choice", USUAL, "stop", '{"answer": "A or B"}', "unreadable"),
    ("forced_choice", USUAL, "stop", '{"answer": null}', "unreadable"),
    ("forced_choice", USUAL, "stop", '{"answer": true}', "unreadable"),
    ("forced_choice", USUAL, "stop", '{"answer": ""}', "unreadable"),
    ("forced_choice", USUAL, "stop", '{"reasons": "None."}', "unreadable"),
    ("forced_choice", USUAL, "stop", '{"answer": "A"} or {"answer": "B"}', "unreadable"),
    ("forced_choice", USUAL, "stop", "", "empty"),
    # Cut off: an answer that was whole counts, as an answer line does.
    ("forced_choice", USUAL, "max_tokens", '{"reasons": "Patient A is ol', "truncated"),
    ("forced_choice", USUAL, "max_tokens", '{"answer": "B", "reasons": "Patient B is', "B"),
    ("forced_choice", USUAL, "max_tokens", '{"answer": "', "truncated"),
    ("forced_choice", USUAL, "unknown", '{"reasons": "I would give it to Patient A.', "truncated"),
    # Hidden reasoning.
    ("forced_choice", USUAL, "stop", '<think>{"answer": "A"}</think>{"answer": "B"}', "B"),
    ("forced_choice", USUAL, "stop", '<think>{"answer": "A"}</think>', "empty"),
]


@pytest.mark.parametrize(("condition", "form", "stop", "text", "read"), OBJECTS)
def test_an_object_is_read_as_its_words_would_be(
    condition: Condition, form: Form, stop: str, text: str, read: str
) -> None:
    message = ChatMessageAssistant(content=text)
    reading = read_message(message, "json", condition=condition, stop=stop, form=form)
    assert (reading.answer or reading.outcome) == read, reading.how


# Condition, form, stop, words beside the calls, calls: as above.
CALLS: list[tuple[Condition, Form, str, str, list[ToolCall], str]] = [
    ("forced_choice", USUAL, "tool_calls", "", [_call("B")], "B"),
    ("forced_choice", USUAL, "stop", "", [_call("B")], "B"),
    ("forced_choice", USUAL, "tool_calls", "I choose Patient A.", [_call("B")], "B"),
    ("forced_choice", USUAL, "tool_calls", "", [_call("B", reasons="A is older.")], "B"),
    ("forced_choice", XY, "tool_calls", "", [_call("Y")], "B"),
    ("forced_choice", Form(("1", "2")), "tool_calls", "", [_call("2")], "B"),
    ("coin_flip", USUAL, "tool_calls", "", [_call("COIN")], "COIN"),
    ("coin_flip", GERMAN, "tool_calls", "", [_call("MÜNZE")], "COIN"),
    ("coin_flip", COMMITTEE, "tool_calls", "", [_call("COMMITTEE")], "COIN"),
    ("forced_choice", USUAL, "tool_calls", "", [_call("B"), _call("B", "2")], "B"),
    ("forced_choice", USUAL, "tool_calls", "", [_call("A"), _call("B", "2")], "unreadable"),
    # Outside of what the parameter allows: what it would be as an answer line.
    ("forced_choice", USUAL, "tool_calls", "", [_call("COIN")], SAID_NOTHING),
    ("forced_choice", USUAL, "tool_calls", "", [_call("I decline")], "refusal"),
    ("forced_choice", USUAL, "tool_calls", "", [_call("C")], "unreadable"),
    ("forced_choice", USUAL, "tool_calls", "", [_call("A or B")], "unreadable"),
    ("forced_choice", USUAL, "tool_calls", "", [_call(["A"])], "unreadable"),
    ("forced_choice", USUAL, "tool_calls", "", [ToolCall("1", "answer", {})], "unreadable"),
    ("forced_choice", USUAL, "tool_calls", "", [ToolCall("1", "b", {"answer": "A"})], "unreadable"),
    ("forced_choice", USUAL, "tool_calls", "", [ToolCall("1", "answer", {}, "bad")], "unreadable"),
    ("forced_choice", USUAL, "max_tokens", "", [ToolCall("1", "answer", {}, "bad")], "truncated"),
    ("forced_choice", USUAL, "max_tokens", "", [_call("B", reasons="Because")], "B"),
    ("forced_choice", USUAL, "content_filter", "", [_call("B")], "refusal"),
    # In words: the ordinary reader.
    ("forced_choice", USUAL, "stop", "I can't make this decision.", [], "refusal"),
    ("forced_choice", USUAL, "stop", "I would flip a coin.", [], SAID_NOTHING),
    ("coin_flip", USUAL, "stop", "I would flip a coin.", [], "COIN"),
    ("forced_choice", USUAL, "stop", "ANSWER: B", [], "B"),
    ("forced_choice", USUAL, "stop", 'answer="B"', [], "B"),
    ("forced_choice", USUAL, "max_tokens", "First I compare Patient A", [], "truncated"),
    ("forced_choice", USUAL, "stop", "", [], "empty"),
]


@pytest.mark.parametrize(("condition", "form", "stop", "text", "calls", "read"), CALLS)
def test_a_call_is_read_as_its_words_would_be(
    condition: Condition, form: Form, stop: str, text: str, calls: list[ToolCall], read: str
) -> None:
    message = ChatMessageAssistant(content=text, tool_calls=calls or None)
    reading = read_message(message, "tool", condition=condition, stop=stop, form=form)
    assert (reading.answer or reading.outcome) == read, reading.how


def test_the_channel_is_named_where_it_is_not_text() -> None:
    def how(channel: Channel, text: str, *calls: ToolCall) -> str:
        message = ChatMessageAssistant(content=text, tool_calls=[*calls] or None)
        return read_message(message, channel, condition="forced_choice").how

    assert how("text", "ANSWER: A") == 'read from "ANSWER: A"'
    assert how("json", '{"answer": "A"}') == 'read from "ANSWER: A" (from a JSON object)'
    assert how("json", "ANSWER: A").endswith("(in words, without a whole JSON object)")
    assert how("tool", "", _call("A")) == 'read from "ANSWER: A" (from a tool call)'
    assert how("tool", "ANSWER: A").endswith("(in words, without a tool call)")


def test_reading_a_text_full_of_braces_takes_no_time() -> None:
    for text in ("{" * 100_000, '{"a":' * 20_000, '{"answer": "A"}' * 5_000):
        read_message(ChatMessageAssistant(content=text), "json", condition="forced_choice")
