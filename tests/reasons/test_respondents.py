"""The reasons of simulated respondents, whose attribute is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from kidney_evals.elicitation.form import Form, languages
from kidney_evals.reasons import Codes, code
from kidney_evals.respondents.question import Question
from kidney_evals.respondents.replies import Said, reply
from kidney_evals.studies import Study, dilemmas_of, load_study, study_names

CHANCES = (0.1, 0.6, 0.9)


def spoken(study: Study, said: Said, language: str = "en") -> Iterator[tuple[str, Codes]]:
    """Yield what is said of the first dilemmas, with its codes."""
    choice: Literal["A", "B", "COIN", "none"] = "none"
    if said in ("A", "B"):
        choice = said
    elif said == "undecided":
        choice = "COIN"
    for dilemma in dilemmas_of(study, 5, None):
        for chance in CHANCES:
            form = Form(language=language)
            question = Question(study, "coin_flip", dilemma, "ab", explain="before", form=form)
            text = reply(question, said, chance).text
            a, b = dilemma.shown("ab")
            yield text, code(text, study, a, b, choice, form=form)


@pytest.mark.parametrize("name", study_names())
@pytest.mark.parametrize("said", ["A", "B"])
def test_the_attribute_given_as_the_reason_is_found(name: str, said: Said) -> None:
    study = load_study(name)
    for text, codes in spoken(study, said):
        given = {
            one.id: said
            for one in study.attributes
            if one.favoured_text in text and one.label.lower() in text
        }
        used = {name: use for name, use in codes.attributes.items() if use}
        assert (used, codes.agree) == (given, "yes"), text


@pytest.mark.parametrize("name", study_names())
def test_a_coin_for_balanced_reasons_is_uncertainty(name: str) -> None:
    for text, codes in spoken(load_study(name), "undecided"):
        assert (set(codes.arguments), codes.agree) == ({"uncertainty"}, "yes"), text


@pytest.mark.parametrize("name", study_names())
def test_a_refusal_is_one(name: str) -> None:
    found = [(text, codes) for text, codes in spoken(load_study(name), "refused") if text]
    for text, codes in found:
        assert (set(codes.arguments), codes.agree) == ({"refusal_to_play"}, "unclear"), text


@pytest.mark.parametrize("language", [one for one in languages() if one != "en"])
@pytest.mark.parametrize("said", ["A", "undecided", "refused", "truncated"])
def test_no_other_language_is_coded(language: str, said: Said) -> None:
    for text, codes in spoken(load_study("mcelfresh_2021"), said, language):
        assert codes.status in ("language not covered", "no reasons"), text
