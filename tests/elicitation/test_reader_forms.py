"""Answers in other labels, languages and ways out, read as A, B and the coin."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import yaml

from kidney_evals.elicitation.form import MECHANISMS, Form, form_of, languages
from kidney_evals.elicitation.prompt import render_question, render_repeat
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.elicitation.wording import EXPLAIN, Wording, wordings
from kidney_evals.studies import CONDITIONS, dilemmas_of, load_study

FORMS = {
    "de": Form(language="de"),
    "fr": Form(language="fr"),
    "es": Form(language="es"),
    "1/2": Form(names=("1", "2")),
    "X/Y": Form(names=("X", "Y")),
    "undecided": Form(mechanism="undecided"),
    "committee": Form(mechanism="committee"),
    "list": Form(mechanism="list"),
}
CASES = yaml.safe_load((Path(__file__).parents[1] / "data" / "forms.yaml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("form", "said"), [(form, said) for form, outcomes in CASES.items() for said in outcomes]
)
def test_an_answer_is_read_in_its_form(form: str, said: str) -> None:
    outcome = {"even": "unprompted_indecision"}.get(said, said)
    for text in CASES[form][said]:
        reading = read_answer(text, condition="coin_flip", form=FORMS[form])
        assert (reading.answer or reading.outcome) == outcome, (text, reading.how)
        assert len(reading.how) <= 140


def test_how_says_that_its_words_were_exchanged() -> None:
    said = {"de": "from German", "1/2": "1 as A, 2 as B", "committee": "the committee as COIN"}
    for name, words in said.items():
        form = FORMS[name]
        text = f"{form.answer}{form.names[0]}"
        assert words in read_answer(text, condition="coin_flip", form=form).how
    assert read_answer("ANSWER: A", condition="coin_flip").how == 'read from "ANSWER: A"'


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("de", "ANTWORT: MÜNZE"),
        ("fr", "Je tirerais à pile ou face."),
        ("undecided", "ANSWER: UNDECIDED"),
        ("undecided", "ANSWER: COIN"),
    ],
)
def test_a_way_out_that_was_not_offered_is_unprompted(form: str, text: str) -> None:
    reading = read_answer(text, condition="forced_choice", form=FORMS[form])
    assert reading.outcome == "unprompted_indecision"


@pytest.mark.parametrize("wording", wordings().values(), ids=wordings().keys())
def test_a_question_given_back_is_no_answer_and_its_answers_are_read(wording: Wording) -> None:
    study = load_study("mcelfresh_2021")
    dilemma = dilemmas_of(study, 1, None)[0]
    form = wording.form
    for condition in CONDITIONS:
        read = partial(read_answer, condition=condition, form=form)
        texts = [render_repeat(wording, condition)]
        texts += [
            render_question(wording, study, dilemma, "ab", condition, explain)
            for explain in EXPLAIN
        ]
        for text in texts:
            assert read(text).outcome == "unreadable"
            assert read(text, stop="max_tokens").outcome == "truncated"
        for answer, word in form.words(condition).items():
            for text in (f"{form.answer}{word}", f"{texts[-1]}\n\n**{form.answer}{word}**"):
                assert read(text).answer == answer


def test_metadata_carries_the_form_there_and_back() -> None:
    assert form_of({}) == Form() and Form().metadata("coin_flip") == {}
    # In forced choice, as logs up to task version 2-E have it.
    assert form_of({"mechanism": "none", "language": "en", "labels": "A/B"}) == Form()
    for language in languages():
        for mechanism in MECHANISMS:
            form = Form(names=("X", "Y"), language=language, mechanism=mechanism)
            assert form_of(form.metadata("coin_flip")) == form
            assert "mechanism" not in form.metadata("forced_choice")
            # Every answer has a word of its own.
            assert len(set(form.words("coin_flip").values())) == 3
