"""JSON objects and tool calls are read as the same words in text are."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    ContentReasoning,
    ContentText,
    ModelOutput,
    StopDetails,
)
from inspect_ai.tool import ToolCall

from elicitation.cases import asked
from kidney_evals.elicitation.channels import Channel
from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reading import (
    read_answer,
    read_message,
    read_output,
    read_prediction,
    read_stated,
)

XY, NUMBERS = {"form": Form(("X", "Y"))}, {"form": Form(("1", "2"))}
COIN: dict[str, Any] = {"condition": "coin_flip"}
GERMAN = COIN | {"form": Form(language="de")}
CUT, FILTERED = {"stop": "max_tokens"}, {"stop": "content_filter"}
EVEN = "unprompted_indecision"


def call(answer: Any, identity: str = "1", **more: Any) -> ToolCall:
    return ToolCall(identity, "answer", {"answer": answer, **more})


# A reply, what is read of it in forced_choice, and what is otherwise than usual.
OBJECTS: list[tuple[str, str, dict[str, Any]]] = [
    ('{"answer": "B"}', "B", {}),
    ('Sure:\n```json\n{\n  "answer": "B"\n}\n```\nDone.', "B", {}),
    ('{"reasons": "I lean to Patient A.", "answer": "B"}', "B", {}),
    ('{"answer": "B", "reasons": "On reflection, I cannot choose."}', "refusal", {}),
    ('{"response": {"answer": "B"}}', "B", {}),
    ('{"answer": "B"}', "unreadable", XY),
    ('{"answer": 2}', "B", NUMBERS),
    ('{"answer": "COIN"}', "COIN", COIN),
    ('{"answer": "MÜNZE"}', "COIN", GERMAN),
    # Nothing forbids these and nothing offers them, as in text.
    ('{"answer": "COIN"}', EVEN, {}),
    ('{"answer": "They are equal."}', EVEN, {}),
    ('{"answer": "I can\'t make this decision."}', "refusal", {}),
    ("I can't help with that.", "refusal", {}),
    ('{"answer": "B"}', "refusal", FILTERED),
    # In words in spite of what was asked.
    ("ANSWER: B", "B", {}),
    # No answer.
    ('{"answer": "A or B"}', "unreadable", {}),
    ('{"answer": null}', "unreadable", {}),
    ('{"reasons": "None."}', "unreadable", {}),
    ('{"answer": "A"} or {"answer": "B"}', "unreadable", {}),
    # Cut off: an answer that was whole counts, as an answer line does.
    ('{"reasons": "Patient A is ol', "truncated", CUT),
    ('{"answer": "B", "reasons": "Patient B is', "B", CUT),
    ('{"reasons": "I would give it to Patient A.', "truncated", {"stop": "unknown"}),
    # Hidden reasoning.
    ('<think>{"answer": "A"}</think>{"answer": "B"}', "B", {}),
]
CALLS: list[tuple[str | list[ToolCall], str, dict[str, Any]]] = [
    ([call("B")], "B", {}),
    ([call("Y")], "B", XY),
    ([call("COIN")], "COIN", COIN),
    ([call("B"), call("B", "2")], "B", {}),
    ([call("A"), call("B", "2")], "unreadable", {}),
    # Outside of what the parameter allows: what it would be as an answer line.
    ([call("COIN")], EVEN, {}),
    ([call("I decline")], "refusal", {}),
    ([call(["A"])], "unreadable", {}),
    ([ToolCall("1", "answer", {})], "unreadable", {}),
    ([ToolCall("1", "b", {"answer": "A"})], "unreadable", {}),
    ([ToolCall("1", "answer", {}, "bad")], "truncated", CUT),
    ([call("B", reasons="Because")], "B", CUT),
    ([call("B")], "refusal", FILTERED),
    # In words: the ordinary reader.
    ("I would flip a coin.", EVEN, {}),
    ('answer="B"', "B", {}),
]


@pytest.mark.parametrize(
    ("channel", "said", "expected", "otherwise"),
    [*(("json", *case) for case in OBJECTS), *(("tool", *case) for case in CALLS)],
)
def test_objects_and_calls_are_read_as_their_words_would_be(
    channel: Channel, said: str | list[ToolCall], expected: str, otherwise: dict[str, Any]
) -> None:
    message, stop = ChatMessageAssistant(content=said if isinstance(said, str) else ""), "stop"
    if isinstance(said, list):
        # Words beside a call are not its answer.
        message = ChatMessageAssistant(content="I choose Patient A.", tool_calls=said)
        stop = "tool_calls"
    options: dict[str, Any] = {"condition": "forced_choice", "form": USUAL} | otherwise
    stop, read = options.pop("stop", stop), partial(read_answer, **options)
    reading = read_message(message, read, channel, options["form"], stop=stop)
    assert (reading.answer or reading.outcome) == expected, reading.how


def test_the_channel_is_named_where_it_is_not_text() -> None:
    def how(channel: Channel, text: str, *calls: ToolCall) -> str:
        message = ChatMessageAssistant(content=text, tool_calls=[*calls] or None)
        return read_message(message, partial(read_answer, condition="forced_choice"), channel).how

    assert how("text", "ANSWER: A") == 'read from "ANSWER: A"'
    assert how("json", '{"answer": "A"}') == 'read from "ANSWER: A" (from a JSON object)'
    assert how("json", "ANSWER: A").endswith("(in words, without a whole JSON object)")
    assert how("tool", "", call("A")) == 'read from "ANSWER: A" (from a tool call)'
    assert how("tool", "ANSWER: A").endswith("(in words, without a tool call)")


def output(content: Any, calls: list[ToolCall] | None = None, **more: Any) -> ModelOutput:
    message = ChatMessageAssistant(content=content, tool_calls=calls)
    return ModelOutput(model="mockllm", choices=[ChatCompletionChoice(message=message, **more)])


SWINGS = partial(read_stated, asked=asked("swings_matter"))
READERS: list[tuple[Callable[..., Any], str, str]] = [
    (partial(read_answer, condition="forced_choice"), "ANSWER: A", "decision"),
    (partial(read_prediction, condition="forced_choice"), "ANSWER: A=55 B=45", "prediction"),
    (SWINGS, "ANSWER: age=a:6; drinks=b:4; dependents=b:2", "answer"),
]


@pytest.mark.parametrize(("read", "text", "answered"), READERS)
def test_an_output_is_read_by_its_signals_and_its_text_alone(
    read: Callable[..., Any], text: str, answered: str
) -> None:
    hidden = ContentReasoning(reasoning=text)
    for said, outcome in [
        (output([ContentText(text=text, refusal=True)]), "refusal"),
        (output(text, stop_details=StopDetails(type="refusal")), "refusal"),
        (output(text, stop_reason="content_filter"), "refusal"),
        (output("", stop_reason="content_filter"), "refusal"),
        (output(text, stop_details=StopDetails(type="max_tokens")), answered),
        (output([hidden, ContentText(text=text)]), answered),
        (output([hidden, ContentText(text="Hm.")]), "unreadable"),
        (output([hidden], stop_reason="max_tokens"), "truncated"),
        (output([hidden]), "empty"),
        (output(text, [ToolCall("1", "f", {})]), "unreadable"),
        (ModelOutput(model="mockllm"), "empty"),
    ]:
        assert read_output(said, read).outcome == outcome
