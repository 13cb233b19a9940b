"""Answers as JSON objects and tool calls: what is asked for, and what is sent."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

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
from kidney_evals.elicitation.wording import EXPLAIN, Explain, wordings
from kidney_evals.errors import UserError
from kidney_evals.studies import CONDITIONS, Dilemma, Patient, Study, load_study


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
