"""Respondents reply in the form and channel of the question, and are read as what they mean."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from inspect_ai.model import ChatMessageAssistant, GenerateConfig, get_model
from inspect_ai.tool import ToolCall

from kidney_evals.elicitation.channels import CHANNELS, TOOL, Channel
from kidney_evals.elicitation.form import languages
from kidney_evals.elicitation.reading import read_message
from kidney_evals.elicitation.wording import EXPLAIN, Wording, wordings
from kidney_evals.respondents.question import Question
from kidney_evals.respondents.replies import Said, phrases, reply
from kidney_evals.studies import CONDITIONS, Dilemma, Study
from respondents.asking import message

SAYS: tuple[Said, ...] = ("A", "B", "undecided", "refused", "unreadable", "truncated")
CHANCES = [(index + 0.5) / 12 for index in range(12)]
# Of wordings that share their form, one is enough.
FORMS = {one.form: one for one in wordings().values()}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("wording", FORMS.values(), ids=[one.id for one in FORMS.values()])
def test_a_reply_is_read_as_what_it_amounts_to(
    wording: Wording, channel: Channel, drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    for condition in CONDITIONS:
        undecided = "COIN" if condition == "coin_flip" else "unprompted_indecision"
        amounts = {"undecided": undecided, "refused": "refusal"}
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
                    assert read == amounts.get(said, said), (given, reading.how)
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


@pytest.mark.parametrize(
    ("carried", "words"),
    [
        ({"labels": "1/2"}, {"1", "2", "COIN"}),
        ({"language": "de"}, {"A", "B", "MÜNZE"}),
        ({"mechanism": "list"}, {"A", "B", "LIST"}),
    ],
)
def test_log_probabilities_stand_on_the_words_of_the_form(
    carried: dict[str, Any], words: set[str], drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    model = get_model("kidney/human")
    usual, put = message(drawn, dilemmas[0]), message(drawn, dilemmas[0])
    assert put.metadata is not None
    put.metadata |= carried
    config = GenerateConfig(logprobs=True, top_logprobs=5)
    shares = []
    for one in (put, usual):
        output = asyncio.run(model.generate([one], config=config))
        assert output.choices[0].logprobs is not None
        tops = [token.top_logprobs or [] for token in output.choices[0].logprobs.content]
        [answers] = [top for top in tops if len(top) == 3]
        shares.append({top.token.strip(): top.logprob for top in answers})
    assert shares[0].keys() == words
    # The form changes the words and nothing else.
    assert sorted(shares[0].values()) == sorted(shares[1].values())
