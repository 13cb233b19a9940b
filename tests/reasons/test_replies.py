"""The reply, the reasoning and the answer in a transcript."""

from __future__ import annotations

from typing import Any

import pytest
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ContentReasoning, ContentText
from inspect_ai.scorer import Score
from inspect_ai.tool import ToolCall

from kidney_evals.reasons.replies import Reply, reply_of

METADATA: dict[str, Any] = {
    **{"study": "mcelfresh_2021", "study_source": "mcelfresh_2021", "dilemma": "d001"},
    **{"condition": "forced_choice", "order": "ba", "kind": "drawn", "wording": "default"},
    **{"mechanism": "none", "language": "en", "labels": "A/B"},
    **{"a_age": 32, "a_drinks": 2, "a_dependents": 0},
    **{"b_age": 64, "b_drinks": 4, "b_dependents": 2},
}


def read(*turns: Any, scores: dict[str, Any] | None = None, **changed: Any) -> Reply:
    messages = [
        one if isinstance(one, ChatMessageAssistant) else ChatMessageAssistant(content=one)
        for one in turns
    ]
    reply = reply_of([ChatMessageUser(content="Who?"), *messages], METADATA | changed, scores or {})
    assert reply is not None
    return reply


def test_patients_as_shown_and_dilemma_as_listed() -> None:
    reply = read("ANSWER: A")
    assert (reply.a.values, reply.b.values) == ((32.0, 2.0, 0.0), (64.0, 4.0, 2.0))
    assert (reply.dilemma.first, reply.dilemma.second) == (reply.b, reply.a)
    assert (reply.choice, reply.marks["dilemma"], reply.marks["order"]) == ("A", "d001", "ba")


REASONS = "A is younger."
WHOLE = f"{REASONS}\n\nANSWER: A"
CALL = ToolCall(id="1", function="answer", arguments={"reasons": REASONS, "answer": "A"})
REDACTED = ContentReasoning(reasoning="gAAAB", redacted=True, summary="Age.")


@pytest.mark.parametrize(
    ("content", "channel", "answer", "reasoning"),
    [
        (WHOLE, "text", WHOLE, ""),
        (f"<think>{REASONS}</think>ANSWER: A", "text", "ANSWER: A", REASONS),
        (f"{REASONS}</think>ANSWER: A", "text", "ANSWER: A", REASONS),
        ("<think>A is younger, and", "text", "", "A is younger, and"),
        (
            [ContentReasoning(reasoning=REASONS), ContentText(text="ANSWER: A")],
            *("text", "ANSWER: A", REASONS),
        ),
        # Redacted reasoning is no text, its summary is.
        ([REDACTED, ContentText(text="ANSWER: A")], "text", "ANSWER: A", "Age."),
        ([ContentReasoning(reasoning="gAAAB", redacted=True)], "text", "", ""),
        ('{"reasons": "A is younger.", "answer": "A"}', "json", WHOLE, ""),
        (ChatMessageAssistant(content="", tool_calls=[CALL]), "tool", WHOLE, ""),
    ],
)
def test_answer_and_reasoning(content: Any, channel: str, answer: str, reasoning: str) -> None:
    reply = read(content, channel=channel)
    assert (reply.answer, reply.reasoning) == (answer, reasoning)
    assert reply.choice == ("A" if "ANSWER" in answer else "none")


def test_every_turn_counts() -> None:
    reply = read("A is younger, I think.", "ANSWER: A")
    assert reply.answer == "A is younger, I think.\n\nANSWER: A"
    assert (reply.choice, reply.codes().attributes["age"]) == ("A", "A")


@pytest.mark.parametrize(
    ("scores", "choice"),
    [
        # The scored answer counts, whatever today's reader makes of the text.
        ({"human_alignment": Score(value=1, answer="B")}, "B"),
        ({"human_alignment": {"value": 1, "answer": "B"}}, "B"),
        ({"human_alignment": {"value": 1}}, "none"),
        ({"another_package": {"answer": "B"}}, "A"),
    ],
)
def test_the_scored_answer_counts(scores: dict[str, Any], choice: str) -> None:
    assert read("ANSWER: A", scores=scores).choice == choice


@pytest.mark.parametrize(
    "changed",
    [{"condition": None}, {"condition": "stated"}, {"a_age": None}, {"study_source": None}],
)
def test_a_sample_of_another_task_has_no_reply(changed: dict[str, Any]) -> None:
    metadata = {name: one for name, one in (METADATA | changed).items() if one is not None}
    assert reply_of([ChatMessageAssistant(content="A")], metadata, {}) is None
