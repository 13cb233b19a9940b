"""The texts of the survey's pages: complete in every language, and without words of a study."""

import re
from string import Formatter

import pytest

from kidney_evals.elicitation.form import languages
from kidney_evals.studies import SLOTS, in_language, languages_of, load_study, study_names
from kidney_evals.survey.web.pages import page_texts
from kidney_evals.survey.web.server import clean_root

LANGUAGES = sorted(page_texts())


def test_there_are_texts_in_every_language_of_a_question() -> None:
    assert set(languages()) <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts_and_placeholders(language: str) -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    texts, english = page_texts()[language], page_texts()["en"]
    assert {key: names(text) for key, text in texts.items()} == {
        key: names(text) for key, text in english.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_names_a_good_or_a_candidate(language: str) -> None:
    text = " ".join(SLOTS.sub("", text) for text in page_texts()[language].values()).casefold()
    studies = [one for one in map(load_study, study_names()) if language in languages_of(one)]
    assert studies
    for study in studies:
        words = in_language(study, language).words
        for word in (words.good, words.candidate, words.candidates):
            assert not re.search(rf"\b{word.casefold()}\b", text), word


@pytest.mark.parametrize(
    ("given", "root"), [("", ""), ("/", ""), ("survey", "/survey"), ("/a/b-1/", "/a/b-1")]
)
def test_a_root_path_has_one_form(given: str, root: str) -> None:
    assert clean_root(given) == root
