"""Answers in other labels, languages and ways out, read as A, B and the coin."""

import re
from functools import partial
from typing import get_args

import pytest

from elicitation.cases import DILEMMA, OUTPUTS, STUDY, told
from kidney_evals.elicitation.form import Form, Mechanism, form_of, languages
from kidney_evals.elicitation.prompt import render_question, render_repeat
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.elicitation.wording import EXPLAIN, Wording, wordings
from kidney_evals.studies import CONDITIONS

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
CASES = told("forms")


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


def test_a_way_out_that_was_not_offered_is_unprompted() -> None:
    for form, text in [
        ("de", "ANTWORT: MÜNZE"),
        ("fr", "Je tirerais à pile ou face."),
        ("undecided", "ANSWER: UNDECIDED"),
        ("undecided", "ANSWER: COIN"),
    ]:
        reading = read_answer(text, condition="forced_choice", form=FORMS[form])
        assert reading.outcome == "unprompted_indecision", text


@pytest.mark.parametrize("wording", wordings().values(), ids=wordings().keys())
def test_a_question_given_back_is_no_answer_and_its_answers_are_read(wording: Wording) -> None:
    form = wording.form
    for condition in CONDITIONS:
        read = partial(read_answer, condition=condition, form=form)
        texts = [render_repeat(wording, STUDY, condition)]
        texts += [render_question(wording, STUDY, DILEMMA, "ab", condition, one) for one in EXPLAIN]
        for text in texts:
            assert read(text).outcome == "unreadable"
            assert read(text, stop="max_tokens").outcome == "truncated"
        for answer, word in form.words(condition).items():
            for text in (f"{form.answer}{word}", f"{texts[-1]}\n\n**{form.answer}{word}**"):
                assert read(text).answer == answer


def test_metadata_carries_the_form_there_and_back() -> None:
    assert form_of({}) == Form() and Form().metadata("coin_flip") == {}
    for language in languages():
        for mechanism in get_args(Mechanism):
            form = Form(names=("X", "Y"), language=language, mechanism=mechanism)
            assert form_of(form.metadata("coin_flip")) == form
            assert "mechanism" not in form.metadata("forced_choice")
            # Every answer has a word of its own.
            assert len(set(form.words("coin_flip").values())) == 3


GOODS = {
    "scholarship": Form(candidate=("applicant", "applicants"), good="scholarship"),
    "bed": Form(good="intensive-care bed"),
    "place": Form(candidate=("child", "children"), good="school place"),
    "flat": Form(candidate=("family", "families"), good="council flat"),
}


def in_nouns(text: str, form: Form) -> str:
    """Return an output about a kidney for patients as an output about another good."""
    for usual, own in zip(("patient", "patients"), form.candidate, strict=False):
        for cased in (str, str.capitalize, str.upper):
            text = re.sub(rf"\b{cased(usual)}(?!s)", cased(own), text)
    text = re.sub(r"\bkidney|\borgan\b", form.good, text)
    return re.sub(r"\bKidney", form.good.capitalize(), text)


# The usual nouns for people and others, each with a good of several words.
@pytest.mark.parametrize("name", ["bed", "place"])
def test_the_labelled_outputs_are_read_alike_in_the_nouns_of_another_good(name: str) -> None:
    form, wrong = GOODS[name], []
    assert form_of(form.metadata("coin_flip")) == form
    for row in OUTPUTS:
        signals = {key: row[key] for key in ("condition", "stop", "refused")}
        text = in_nouns(row["text"], form)
        reading = read_answer(text, form=form, **signals)
        if (reading.outcome, reading.answer) != (row["outcome"], row["answer"]):
            wrong.append((text, reading))
        # The quotation is in the study's nouns.
        if form.candidate and "patient" not in text.lower():
            assert "patient" not in reading.how.lower()
        assert "kidney" not in reading.how.lower()
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "answer", "text"),
    [
        ("scholarship", "A", "I'd award the scholarship to applicant A, whose grades are better."),
        ("scholarship", "even", "Both applicants are equally deserving."),
        ("scholarship", "none", "Applicant A has better grades, and Applicant B is poorer."),
        ("bed", "B", "Admit Patient B."),
        ("bed", "B", "Patient B should be admitted to intensive care."),
        ("bed", "A", "The ICU bed should go to Patient A."),
        ("bed", "A", "The intensive care bed goes to Patient A."),
        ("place", "A", "I would admit Child A."),
        ("place", "A", "Child A should get the place."),
        ("place", "none", "I admit Child A lives closer."),
        ("place", "none", "I must admit that Child B is poorer."),
        ("place", "even", "Both children have an equal claim to the place."),
        ("flat", "A", "I would house Family A."),
        ("flat", "B", "Families in need come first, so Family B."),
        ("flat", "none", "One family must be chosen."),
    ],
)
def test_verbs_and_short_names_of_other_goods(name: str, answer: str, text: str) -> None:
    reading = read_answer(text, condition="forced_choice", form=GOODS[name])
    got = reading.answer or {"unprompted_indecision": "even"}.get(reading.outcome, "none")
    assert got == answer, reading


def test_a_noun_may_hold_the_usual_noun() -> None:
    form = Form(candidate=("patient group", "patient groups"), good="kidney machine")
    reading = read_answer(
        "I would give the kidney machine to Patient group B.", condition="forced_choice", form=form
    )
    assert reading.answer == "B"
    assert reading.how == 'read from "I would give the kidney machine to Patient group B."'
