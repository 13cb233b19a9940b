"""Answers as JSON objects and tool calls: what is asked, what is sent, and what is read."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval, score
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    Content,
    ContentReasoning,
    ContentText,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import Solver, TaskState
from inspect_ai.tool import ToolCall, ToolInfo

from kidney_evals.elicitation import channels
from kidney_evals.elicitation.channels import (
    CHANNELS,
    Channel,
    answer_schema,
    answer_tool,
    channel_texts,
)
from kidney_evals.elicitation.form import Form, languages
from kidney_evals.elicitation.prompt import render_question, render_repeat
from kidney_evals.elicitation.rules import check_wording
from kidney_evals.elicitation.solvers import coin_flip, forced_choice
from kidney_evals.elicitation.transcripts import readings_of
from kidney_evals.elicitation.wording import EXPLAIN, Explain, wordings
from kidney_evals.errors import UserError
from kidney_evals.studies import CONDITIONS, Condition, Dilemma, Patient, Study, load_study

USAGE = ModelUsage(input_tokens=100, output_tokens=5, total_tokens=105)


def _ends(study: Study) -> Dilemma:
    low = Patient(tuple(one.low for one in study.attributes))
    return Dilemma("ends", low, Patient(tuple(one.high for one in study.attributes)), "drawn")


# --- what is asked ---------------------------------------------------------------------------

ASKED = [
    (
        "json",
        "none",
        "Reply with one JSON object and nothing else. Its only field is your answer: "
        '`"answer": "A"`, `"answer": "B"` or `"answer": "COIN"`.',
    ),
    (
        "json",
        "before",
        'Reply with one JSON object and nothing else. In its first field, "reasons", give your '
        "reasons in a few sentences. Its last field is your answer: "
        '`"answer": "A"`, `"answer": "B"` or `"answer": "COIN"`.',
    ),
    (
        "tool",
        "none",
        "Reply with one call of the tool `answer` and nothing else: "
        '`answer="A"`, `answer="B"` or `answer="COIN"`.',
    ),
    (
        "tool",
        "after",
        "Reply with one call of the tool `answer` and nothing else. Begin with your answer: "
        '`answer="A"`, `answer="B"` or `answer="COIN"`. Then give your reasons in a few '
        "sentences, in `reasons`.",
    ),
]


@pytest.mark.parametrize(("channel", "explain", "said"), ASKED)
def test_a_channel_changes_the_last_paragraph_alone(
    channel: Channel, explain: Explain, said: str
) -> None:
    study, wording = load_study("mcelfresh_2021"), wordings()["default"]
    ends = _ends(study)
    plain = render_question(wording, study, ends, "ab", "coin_flip", explain)
    texts = {
        one: render_question(wording, study, ends, "ab", "coin_flip", explain, one)
        for one in CHANNELS
    }
    assert texts["text"] == plain
    assert texts[channel].split("\n\n") == [*plain.split("\n\n")[:-1], said]


def test_the_answers_are_those_of_the_wording() -> None:
    def repeat(name: str, channel: Channel) -> str:
        return render_repeat(wordings()[name], "coin_flip", channel)

    assert repeat("labels_xy", "json").endswith(
        '`"answer": "X"`, `"answer": "Y"` or `"answer": "COIN"`.'
    )
    assert repeat("committee", "tool").endswith(
        '`answer="A"`, `answer="B"` or `answer="COMMITTEE"`.'
    )
    assert repeat("german", "tool").endswith('`answer="A"`, `answer="B"` oder `answer="MÜNZE"`.')


def test_every_language_has_texts_for_every_channel() -> None:
    assert channel_texts().keys() == languages().keys()
    for texts in channel_texts().values():
        assert tuple(texts) == CHANNELS[1:]
        for one in texts.values():
            assert tuple(one.ask) == EXPLAIN
            assert all(text.count("{line}") == 1 for text in (*one.ask.values(), one.repeat))
        assert texts["tool"].result


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("repeat", "Once more: {line}, so {line}.", "the repeat question must hold"),
        ("repeat", "Once more.", "the repeat question must hold"),
        ("answer", "the answer {word}", "the question must hold 'the answer A' once"),
        ("result", "Was it a coin?", "names coin in every condition"),
        ("result", "Take Patient B.", "a patient is named in its own texts"),
        ("repeat", "Not ANSWER: A, but {line}.", "'ANSWER: A' too"),
    ],
)
def test_the_rules_hold_the_channels_texts_too(
    field: str, text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = {name: dict(texts) for name, texts in channel_texts().items()}
    given: dict[str, Any] = {field: text}
    if field == "answer":
        # One answer named beside the line.
        given["ask"] = dict.fromkeys(EXPLAIN, "{line}. So " + text.format(word="A"))
    changed["en"]["tool"] = dataclasses.replace(changed["en"]["tool"], **given)
    for module in ("prompt", "rules"):
        monkeypatch.setattr(f"kidney_evals.elicitation.{module}.channel_texts", lambda: changed)
    study = load_study("mcelfresh_2021")
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        check_wording(wordings()["default"], study, _ends(study))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", wordings())
def test_every_wording_keeps_the_rules_in_every_channel(name: str) -> None:
    study = load_study("mcelfresh_2021")
    check_wording(wordings()[name], study, _ends(study))


# --- what is sent ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("explain", "fields"),
    [("none", ["answer"]), ("before", ["reasons", "answer"]), ("after", ["answer", "reasons"])],
)
@pytest.mark.parametrize("language", languages())
def test_a_schema_holds_the_form_and_a_tool_the_answers(
    language: str, explain: Explain, fields: list[str]
) -> None:
    form = Form(language=language, names=("X", "Y"))
    sent = answer_schema(form, explain)
    schema = sent.json_schema.model_dump(exclude_none=True)
    assert sent.strict and schema["type"] == "object" and schema["additionalProperties"] is False
    # What OpenAI wants of a strict schema: every field required. The order is that of the fields.
    assert list(schema["properties"]) == schema["required"] == fields
    # No list of answers: declining and indecision stay as possible as in a line of text.
    assert {part["type"] for part in schema["properties"].values()} == {"string"}
    assert "enum" not in schema["properties"]["answer"]

    for condition in CONDITIONS:
        tool = answer_tool(form, condition, explain)
        given = tool.parameters.model_dump(exclude_none=True)
        assert tool.name == "answer"
        assert list(given["properties"]) == given["required"] == fields
        offered = [*"XY", languages()[language].tokens["coin"]]
        assert given["properties"]["answer"]["enum"] == (
            offered if condition == "coin_flip" else offered[:2]
        )


# --- in a run --------------------------------------------------------------------------------


@scorer(metrics=[mean()])
def reading_recorder() -> Scorer:
    async def record(state: TaskState, target: Target) -> Score:
        found = readings_of(state)
        assert found is not None and found.final is not None
        parts = (found.first.outcome, found.final.answer or found.final.outcome, found.asked)
        return Score(value=1, explanation=" ".join(map(str, parts)))

    return record


def _call(answer: Any, identity: str = "1", **more: Any) -> ToolCall:
    return ToolCall(identity, "answer", {"answer": answer, **more})


Sent = list[tuple[list[ChatMessage], list[ToolInfo], Any, GenerateConfig]]


def _run(
    solver: Solver, condition: Condition, replies: list[ChatMessageAssistant], folder: Path
) -> tuple[EvalLog, Sent]:
    """Run one sample with prepared replies; return the log and what was sent."""
    sent: Sent = []

    def reply(messages: list[ChatMessage], tools: Any, choice: Any, config: Any) -> ModelOutput:
        sent.append((list(messages), list(tools), choice, config))
        message = replies[len(sent) - 1]
        stop: Any = "tool_calls" if message.tool_calls else "stop"
        made = ChatCompletionChoice(message=message, stop_reason=stop)
        return ModelOutput(model="mockllm", choices=[made], usage=USAGE)

    metadata = {
        "study_source": "mcelfresh_2021",
        "condition": condition,
        "dilemma": "d000",
        "order": "ab",
        "kind": "drawn",
        **{"a_age": 30.0, "a_drinks": 4.0, "a_dependents": 2.0},
        **{"b_age": 61.0, "b_drinks": 1.0, "b_dependents": 0.0},
    }
    task = Task(
        dataset=[Sample(id="one", input="?", metadata=metadata)],
        solver=solver,
        scorer=reading_recorder(),
    )
    model = get_model("mockllm/model", custom_outputs=reply, memoize=False)
    log = eval(task, model=model, log_dir=str(folder), score_display=False)[0]
    assert log.status == "success", log.error
    return log, sent


def _explained(log: EvalLog) -> str | None:
    assert log.samples and log.samples[0].scores
    return log.samples[0].scores["reading_recorder"].explanation


def test_a_call_that_cannot_be_read_gets_a_result_and_one_more_question(tmp_path: Path) -> None:
    thought: list[Content] = [ContentReasoning(reasoning="ANSWER: A"), ContentText(text="")]
    replies = [
        ChatMessageAssistant(content=thought, tool_calls=[_call("A"), _call("B", "2")]),
        ChatMessageAssistant(content="", tool_calls=[_call("COIN", "3")]),
    ]
    log, sent = _run(coin_flip("before", channel="tool"), "coin_flip", replies, tmp_path)
    assert len(sent) == 2
    for (_, tools, choice, config), parameters in zip(
        sent, (["reasons", "answer"], ["answer"]), strict=True
    ):
        assert choice == "auto" and config.response_schema is None
        assert [tool.name for tool in tools] == ["answer"]
        assert list(tools[0].parameters.properties) == parameters
    assert log.samples is not None
    sample = log.samples[0]
    roles = [message.role for message in sample.messages]
    assert roles == ["user", "assistant", "tool", "tool", "user", "assistant"]
    results = [one for one in sample.messages if isinstance(one, ChatMessageTool)]
    assert [one.tool_call_id for one in results] == ["1", "2"]
    assert sample.messages[4].text == render_repeat(wordings()["default"], "coin_flip", "tool")
    assert sample.metadata["channel"] == "tool"
    # From the log alone it reads the same.
    assert _explained(log) == "unreadable COIN 2"
    again = score(read_eval_log(log.location), reading_recorder(), action="overwrite")
    assert _explained(again) == "unreadable COIN 2"


def test_an_object_is_asked_for_with_a_schema(tmp_path: Path) -> None:
    replies = [
        ChatMessageAssistant(content='{"answer": "A or B", "reasons": "Both."}'),
        ChatMessageAssistant(content='{"answer": "B"}'),
    ]
    log, sent = _run(forced_choice("after", channel="json"), "forced_choice", replies, tmp_path)
    for (_, tools, _, config), fields in zip(
        sent, (["answer", "reasons"], ["answer"]), strict=True
    ):
        assert not tools and config.response_schema is not None
        assert config.response_schema.json_schema.required == fields
    assert [message.role for message in sent[1][0]] == ["user", "assistant", "user"]
    assert _explained(log) == "unreadable B 2"
    again = score(read_eval_log(log.location), reading_recorder(), action="overwrite")
    assert _explained(again) == "unreadable B 2"


def test_text_sends_neither_schema_nor_tool_and_marks_no_sample(tmp_path: Path) -> None:
    log, sent = _run(
        coin_flip(), "coin_flip", [ChatMessageAssistant(content="ANSWER: A")], tmp_path
    )
    [(_, tools, _, config)] = sent
    assert not tools and config.response_schema is None
    assert log.samples and "channel" not in log.samples[0].metadata


@pytest.mark.parametrize("channel", ["xml", "", None, ["json"]])
def test_an_unknown_channel_is_refused(channel: Any) -> None:
    with pytest.raises(UserError, match=r"unknown channel .*; allowed: text, json, tool"):
        forced_choice(channel=channel)
    assert channels.known_channel("json") == "json"
