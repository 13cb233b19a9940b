"""Simulated respondents answer in the form that a wording asks for."""

import asyncio
from typing import Any

import pytest
from inspect_ai.model import GenerateConfig, get_model

from kidney_evals.elicitation.form import languages
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.elicitation.wording import EXPLAIN, Wording, wordings
from kidney_evals.respondents.phrases import PHRASES
from kidney_evals.respondents.question import Question
from kidney_evals.respondents.speech import Said, speak
from kidney_evals.studies import CONDITIONS, Dilemma, Study
from respondents.asking import message

SAYS: tuple[Said, ...] = ("A", "B", "undecided", "refused", "unreadable", "truncated")
CHANCES = [(index + 0.5) / 12 for index in range(12)]


@pytest.mark.parametrize("wording", wordings().values(), ids=wordings().keys())
def test_everything_said_is_read_as_what_it_amounts_to(
    wording: Wording, drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    for condition in CONDITIONS:
        undecided = "COIN" if condition == "coin_flip" else "unprompted_indecision"
        amounts = {"undecided": undecided, "refused": "refusal"}
        for explain in EXPLAIN:
            question = Question(drawn, condition, dilemmas[0], "ab", 1, explain, wording.form)
            for said in SAYS:
                for chance in CHANCES:
                    text = speak(question, said, chance)
                    stop = "stop" if text else "content_filter"
                    stop = "max_tokens" if said == "truncated" else stop
                    reading = read_answer(text, condition=condition, stop=stop, form=wording.form)
                    read = reading.answer or reading.outcome
                    assert read == amounts.get(said, said), (text, reading.how)


def test_every_language_has_phrases() -> None:
    assert PHRASES.keys() == languages().keys()


@pytest.mark.parametrize(
    ("carried", "words"),
    [
        ({}, {"A", "B", "COIN"}),
        ({"labels": "1/2"}, {"1", "2", "COIN"}),
        ({"language": "de"}, {"A", "B", "MÜNZE"}),
        ({"language": "fr"}, {"A", "B", "PIÈCE"}),
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
