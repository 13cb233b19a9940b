"""Respondents reply in the form and channel of the question, and are read as what they mean."""

from __future__ import annotations

from typing import get_args

import pytest
from inspect_ai.model import ChatMessageAssistant
from inspect_ai.tool import ToolCall

from kidney_evals.elicitation.channels import CHANNELS, TOOL, Channel
from kidney_evals.elicitation.form import languages
from kidney_evals.elicitation.reading import read_message
from kidney_evals.elicitation.wording import EXPLAIN, Wording, wordings
from kidney_evals.respondents.question import Question
from kidney_evals.respondents.replies import Fault, Said, phrases, reply
from kidney_evals.studies import CONDITIONS, Dilemma, Study

SAYS: tuple[Said, ...] = ("A", "B", "undecided", *get_args(Fault))
CHANCES = [(index + 0.5) / 12 for index in range(12)]
# Of wordings that share their form, one is enough.
FORMS = {one.form: one for one in wordings().values()}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("wording", FORMS.values(), ids=[one.id for one in FORMS.values()])
def test_a_reply_is_read_as_what_it_means(
    wording: Wording, channel: Channel, drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    for condition in CONDITIONS:
        undecided = "COIN" if condition == "coin_flip" else "unprompted_indecision"
        meanings = {"undecided": undecided, "refused": "refusal"}
        for explain in EXPLAIN:
            question = Question(
                drawn, condition, dilemmas[0], "ab", 1, explain, wording.form, channel=channel
            )
            for said in SAYS:
                for chance in CHANCES:
                    given = reply(question, said, chance)
                    called = given.arguments is not None
                    calls = [ToolCall("1", TOOL, dict(given.arguments or {}))] if called else None
                    text = "" if called else given.text
                    stop = "tool_calls" if called else "stop" if given.text else "content_filter"
                    reading = read_message(
                        ChatMessageAssistant(content=text, tool_calls=calls),
                        channel,
                        condition=condition,
                        stop="max_tokens" if said == "truncated" else stop,
                        form=wording.form,
                    )
                    read = reading.answer or reading.outcome
                    assert read == meanings.get(said, said), (given, reading.how)
                    if given.answer_at is not None:
                        words = tuple(wording.form.words(condition).values())
                        assert given.text[given.answer_at :].startswith(words)


def test_only_answers_and_wrong_arguments_are_calls(
    drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    question = Question(drawn, "forced_choice", dilemmas[0], "ab", channel="tool")
    for said in SAYS:
        called = {reply(question, said, chance).arguments is not None for chance in CHANCES}
        assert called == {said in ("A", "B", "unreadable")}


def test_every_language_has_the_same_phrases() -> None:
    english = phrases("en").keys()
    assert all(phrases(language).keys() == english for language in languages())
