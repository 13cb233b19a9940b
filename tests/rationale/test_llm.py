"""The scanner that asks a model: what it takes for codes, and what it says where it gets none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput

from kidney_evals.rationale import ARGUMENTS
from rationale.scouting import mocked, require_scout

CODES: dict[str, Any] = {
    "explanation": "It says so in [M2].",
    "status": "coded",
    "uses_age": "not invoked",
    "uses_drinks": "B",
    "uses_dependents": "neither",
    **{name: name == "desert" for name in ARGUMENTS},
    "agree": "yes",
}

SAMPLE: dict[str, Any] = {
    "condition": "forced_choice",
    "study_source": "mcelfresh_2021",
    "dilemma": "d001",
    "order": "ab",
    "kind": "drawn",
    **{"a_age": 40, "a_drinks": 4, "a_dependents": 1},
    **{"b_age": 40, "b_drinks": 1, "b_dependents": 1},
}


def answered(**changed: Any) -> ModelOutput:
    """Give codes as the coding model is asked to, by a call of the answer tool."""
    given = {name: one for name, one in (CODES | changed).items() if one is not None}
    return ModelOutput.for_tool_call("mockllm/model", "answer", given)


def said(text: str, stop_reason: Any = "stop") -> ModelOutput:
    return ModelOutput.from_content("mockllm/model", text, stop_reason=stop_reason)


def asked_of(outputs: Iterator[ModelOutput], reasons: str = "B drinks less.") -> Any:
    """Return the scanner's result for one transcript, the model giving these outputs."""
    require_scout()
    from inspect_scout import Transcript

    from kidney_evals.rationale import rationale_llm

    reply = ChatMessageAssistant(content=f"{reasons}\n\nANSWER: B")
    transcript = Transcript(
        transcript_id="t",
        messages=[ChatMessageUser(content="Who?"), reply],
        metadata={"sample_metadata": SAMPLE},
    )
    scan: Any = rationale_llm(model=mocked(outputs))  # type: ignore[arg-type, unused-ignore]
    return asyncio.run(scan(transcript))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        # The tool call is what is asked for; people favour the one who drinks less.
        (
            lambda: iter([answered()]),
            {"status": "coded", "uses_drinks": "B", "people_drinks": "toward", "uses_age": ""},
        ),
        # A model that talks first, or gets a field wrong, is asked again, twice at most.
        (lambda: iter([said("Let me see."), answered()]), {"status": "coded", "desert": True}),
        (
            lambda: iter([answered(uses_age="Patient B"), answered(agree=None), answered()]),
            {"agree": "yes"},
        ),
        # So is one whose provider blocks an answer.
        (lambda: iter([said("", "content_filter"), answered()]), {"status": "coded"}),
        (
            lambda: iter([answered(status="no reasons")]),
            {"status": "no reasons", "uses_drinks": None, "agree": None},
        ),
    ],
)
def test_codes_are_taken_from_the_answer_tool(
    outputs: Callable[[], Iterator[ModelOutput]], expected: dict[str, Any]
) -> None:
    assert asked_of(outputs()).value.items() >= expected.items()


FAILURES: dict[str, tuple[Callable[[], ModelOutput], str]] = {
    "talk": (lambda: said("It is about\ndrinks."), "its last words: It is about drinks."),
    "refusal in words": (lambda: said("I cannot help."), "its last words: I cannot help."),
    "nothing": (lambda: said(""), "its last words: none"),
    "codes as text": (lambda: said(json.dumps(CODES)), 'its last words: {"explanation": "It'),
    "no such value": (lambda: answered(uses_age="Patient B"), "in the form asked for"),
    "no such type": (lambda: answered(desert="perhaps"), "in the form asked for"),
    "a field too few": (lambda: answered(agree=None), "in the form asked for"),
    "another tool": (
        lambda: ModelOutput.for_tool_call("mockllm/model", "search", {"query": "age"}),
        "in the form asked for",
    ),
    "content filter": (lambda: said("Blocked.", "content_filter"), "refused by content filter"),
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_model_that_gives_no_codes_is_an_error_of_the_scan(what: str) -> None:
    output, says = FAILURES[what]
    with pytest.raises((ValueError, RuntimeError)) as error:
        asked_of(iter([output() for _ in range(9)]))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_no_model_is_asked_where_there_is_nothing_to_code() -> None:
    # An iterator without outputs: the first call would fail.
    assert asked_of(iter([]), reasons="").value["status"] == "no reasons"
