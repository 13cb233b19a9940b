"""The texts of the survey's pages: complete in every language, and without words of a study."""

import re
from string import Formatter

import pytest

from kidney_evals.elicitation.form import languages
from kidney_evals.studies import SLOTS, in_language, languages_of, load_study, study_names
from kidney_evals.survey.web.pages import page_texts
from kidney_evals.survey.web.server import clean_root

LANGUAGES = sorted(page_texts())


def test_every_language_of_a_question_has_the_same_texts_and_placeholders() -> None:
    assert set(languages()) <= set(LANGUAGES)
    names = [
        {key: {part[1] for part in Formatter().parse(one) if part[1]} for key, one in texts.items()}
        for texts in page_texts().values()
    ]
    assert names == [names[0]] * len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_names_a_good_or_a_candidate(language: str) -> None:
    text = " ".join(SLOTS.sub("", text) for text in page_texts()[language].values()).casefold()
    studies = [one for one in map(load_study, study_names()) if language in languages_of(one)]
    assert studies
    for study in studies:
        words = in_language(study, language).words
        for word in (words.good, words.candidate, words.candidates):
            assert not re.search(rf"\b{word.casefold()}\b", text), word


def test_a_root_path_has_one_form() -> None:
    roots = {"": "", "/": "", "survey": "/survey", "/a/b-1/": "/a/b-1"}
    assert {given: clean_root(given) for given in roots} == roots
