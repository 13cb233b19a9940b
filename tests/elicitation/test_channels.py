"""Answers as JSON objects and tool calls: the question."""

from __future__ import annotations

import re

import pytest

from kidney_evals.elicitation.channels import CHANNELS, Channel, channel_texts
from kidney_evals.elicitation.form import languages
from kidney_evals.elicitation.prompt import render_question, render_repeat
from kidney_evals.elicitation.wording import EXPLAIN, Explain, wordings
from kidney_evals.studies import CONDITIONS, dilemmas_of, load_study

STUDY = load_study("mcelfresh_2021")
DILEMMA = dilemmas_of(STUDY, 1, None)[0]
TOOL = "Reply with one call of the tool `answer` and nothing else"
IN_TOOL = '`answer="A"`, `answer="B"` or `answer="COIN"`.'
IN_JSON = '`"answer": "A"`, `"answer": "B"` or `"answer": "COIN"`.'


@pytest.mark.parametrize(
    ("channel", "explain", "last"),
    [
        (
            "json",
            "before",
            'Reply with one JSON object and nothing else. In its first field, "reasons", give your '
            f"reasons in a few sentences. Its last field is your answer: {IN_JSON}",
        ),
        ("tool", "none", f"{TOOL}: {IN_TOOL}"),
        (
            "tool",
            "after",
            f"{TOOL}. Begin with your answer: {IN_TOOL} Then give your reasons in a few sentences, "
            "in `reasons`.",
        ),
    ],
)
def test_a_channel_changes_the_last_paragraph_alone(
    channel: Channel, explain: Explain, last: str
) -> None:
    wording = wordings()["default"]
    plain, told = (
        render_question(wording, STUDY, DILEMMA, "ab", "coin_flip", explain, one)
        for one in ("text", channel)
    )
    assert told.split("\n\n") == [*plain.split("\n\n")[:-1], last]


@pytest.mark.parametrize("name", wordings())
def test_each_channel_offers_the_answers_of_the_wording_once(name: str) -> None:
    wording = wordings()[name]
    language = languages()[wording.form.language]
    for channel in CHANNELS[1:]:
        texts = channel_texts()[wording.form.language][channel]
        own = " ".join((*texts.ask.values(), texts.repeat, texts.result, *texts.described.values()))
        # A channel's own texts name neither a patient nor a mechanism of indecision.
        assert not any(re.search(rf"\w[\s:]{label}\b", own) for label in wording.form.names)
        terms = [term for terms in language.terms.values() for term in terms]
        assert not any(term in own.lower() for term in terms)
        for condition in CONDITIONS:
            asked = [render_repeat(wording, condition, channel)]
            asked += [
                render_question(wording, STUDY, DILEMMA, "ab", condition, explain, channel)
                for explain in EXPLAIN
            ]
            for answer, word in wording.form.words("coin_flip").items():
                offered = answer in wording.form.words(condition)
                for text in asked:
                    assert text.count(texts.answer.format(word=word)) == offered
                    assert language.answer + word not in text
