"""What of a transcript is the reply, its reasoning and its answer."""

from __future__ import annotations

from typing import Any

import pytest
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageUser,
    ContentReasoning,
    ContentText,
)
from inspect_ai.scorer import Score
from inspect_ai.tool import ToolCall

from kidney_evals.reasons.replies import Reply, reply_of

METADATA: dict[str, Any] = {
    "study": "mcelfresh_2021",
    "condition": "forced_choice",
    "dilemma": "d001",
    "order": "ba",
    "kind": "drawn",
    "wording": "default",
    "mechanism": "none",
    "language": "en",
    "labels": "A/B",
    "study_source": "mcelfresh_2021",
    **{"a_age": 32, "a_drinks": 2, "a_dependents": 0},
    **{"b_age": 64, "b_drinks": 4, "b_dependents": 2},
}


def reply(
    *said: str | list[Any], scores: dict[str, Any] | None = None, **changed: Any
) -> Reply | None:
    messages: list[ChatMessage] = [ChatMessageUser(content="Who?")]
    messages += [ChatMessageAssistant(content=one) for one in said]
    return reply_of(messages, METADATA | changed, scores or {})


def read(*said: str | list[Any], **changed: Any) -> Reply:
    found = reply(*said, **changed)
    assert found is not None
    return found


def test_the_patients_are_as_shown_and_the_dilemma_as_listed() -> None:
    found = read("ANSWER: A")
    assert (found.a.values, found.b.values) == ((32.0, 2.0, 0.0), (64.0, 4.0, 2.0))
    assert (found.dilemma.first, found.dilemma.second) == (found.b, found.a)
    assert (found.choice, found.marks["dilemma"], found.marks["order"]) == ("A", "d001", "ba")


REASONED = "<think>A is younger.</think>ANSWER: A"


@pytest.mark.parametrize(
    ("said", "answer", "reasoning"),
    [
        ("A is younger.\n\nANSWER: A", "A is younger.\n\nANSWER: A", ""),
        (REASONED, "ANSWER: A", "A is younger."),
        ("A is younger.</think>ANSWER: A", "ANSWER: A", "A is younger."),
        ("<think>A is younger, and", "", "A is younger, and"),
        (
            [ContentReasoning(reasoning="A is younger."), ContentText(text="ANSWER: A")],
            "ANSWER: A",
            "A is younger.",
        ),
        # Redacted reasoning is no text, its summary is.
        (
            [
                ContentReasoning(reasoning="gAAAB", redacted=True, summary="Age."),
                ContentText(text="ANSWER: A"),
            ],
            "ANSWER: A",
            "Age.",
        ),
        ([ContentReasoning(reasoning="gAAAB", redacted=True)], "", ""),
    ],
)
def test_reply_and_reasoning_are_told_apart(
    said: str | list[Any], answer: str, reasoning: str
) -> None:
    found = read(said)
    assert (found.answer, found.reasoning) == (answer, reasoning)


def test_every_turn_counts() -> None:
    found = read("A is younger, I think.", "ANSWER: A")
    assert found.answer == "A is younger, I think.\n\nANSWER: A"
    assert (found.choice, found.codes().attributes["age"]) == ("A", "A")


def test_a_json_reply_is_read_as_words() -> None:
    found = read('{"reasons": "A is younger.", "answer": "A"}', channel="json")
    assert found.answer == "A is younger.\n\nANSWER: A"


def test_a_tool_call_is_read_as_words() -> None:
    call = ToolCall(
        id="1", function="answer", arguments={"reasons": "A is younger.", "answer": "A"}
    )
    message = ChatMessageAssistant(content="", tool_calls=[call])
    found = reply_of([message], METADATA | {"channel": "tool"}, {})
    assert found is not None
    assert (found.answer, found.choice) == ("A is younger.\n\nANSWER: A", "A")


@pytest.mark.parametrize(
    ("scores", "choice"),
    [
        ({}, "A"),
        # What was scored is the answer, whatever a reader would make of the text now.
        ({"answers": Score(value=1, answer="B")}, "B"),
        ({"answers": {"value": 1, "answer": "B"}}, "B"),
        ({"answers": {"value": 1}}, "none"),
        ({"somebody_elses": {"answer": "B"}}, "A"),
    ],
)
def test_the_answer_is_the_one_that_was_scored(scores: dict[str, Any], choice: str) -> None:
    assert read("ANSWER: A", scores=scores).choice == choice


@pytest.mark.parametrize(
    "changed",
    [{"condition": None}, {"condition": "stated"}, {"a_age": None}, {"study_source": None}],
)
def test_a_sample_that_asked_for_no_choice_is_left_alone(changed: dict[str, Any]) -> None:
    metadata = {name: one for name, one in (METADATA | changed).items() if one is not None}
    assert reply_of([ChatMessageAssistant(content="A")], metadata, {}) is None
