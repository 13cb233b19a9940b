"""`survey.yaml`: its defaults, and what is wrong with it, all at once and with the place."""

import re
from pathlib import Path

import pytest

from cli.calling import line_of
from kidney_evals.studies import CONDITIONS, load_study
from kidney_evals.survey.settings import load_survey, own_settings
from survey.folders import ASK, DRAWN, FIXED, study_with


def test_only_the_consent_is_required(tmp_path: Path) -> None:
    settings = load_survey(study_with(tmp_path, "consent: I take part.\n", DRAWN))
    assert settings == own_settings(load_study(DRAWN), "I take part.")
    assert settings.spoken(settings.title, "en") == load_study(DRAWN).title
    assert (settings.conditions, settings.languages, settings.ask) == (CONDITIONS, ("en",), ())


@pytest.mark.parametrize(
    ("study", "numbers"),
    [
        (DRAWN, (20, 2, 2)),
        (FIXED, (14, 0, 2)),  # a list of 14 without controls
        ("boerstler_2024", (6, 0, 1)),  # (6 - 4) // 2 repeats keep the distance
    ],
)
def test_defaults_fit_the_study(study: str, numbers: tuple[int, int, int]) -> None:
    settings = own_settings(load_study(study), "yes")
    assert (settings.questions, settings.controls, settings.repeats) == numbers


def test_texts_are_by_language(tmp_path: Path) -> None:
    text = """\
title: Kidneys
languages: [en, de]
consent: {en: I agree., de: Ich stimme zu.}
thanks: {en: Thanks., de: Danke.}
ask:
  - id: job
    label: {en: "Your job?", de: "Ihr Beruf?"}
    options:
      - {de: Arzt, en: Physician}
      - {en: Other, de: Anderer}
      - "0"
"""
    settings = load_survey(study_with(tmp_path, text))
    assert settings.spoken(settings.title, "de") == "Kidneys"
    assert settings.spoken(settings.thanks, "de") == "Danke."
    # What is stored is the text in the first language, whatever the order in the file.
    shown = {"Physician": "Arzt", "Other": "Anderer", "0": "0"}
    assert settings.options(settings.ask[0], "de") == shown


ONE = "ask:\n  - {id: %s, label: L, options: [%s]}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("title: T\n", "consent is missing"),
        ("consent: ' '\n", "line 1, consent is empty"),
        ("- consent\n", "must map keys to values"),
        ("consent: I\nquestion: 3\n", "question is not known; allowed: title, consent"),
        ("consent: I\nquestions: 15\n", "questions must be at most 14 (dilemmas in the study)"),
        ("consent: I\nquestions: no\n", "questions must be a whole number"),
        ("consent: I\nquestions: 0\n", "questions must be at least 1"),
        ("consent: I\ncontrols: 1\n", "controls must be at most 0"),
        ("consent: I\nquestions: 8\nrepeats: 3\n", "repeats must be at most 2"),
        ("consent: I\nconditions: [coin]\n", "survey.yaml: line 2, conditions[1] must be 'forced"),
        ("consent: I\nconditions: []\n", "must have at least 1 entries, not 0"),
        ("consent: I\nconditions: [coin_flip, coin_flip]\n", "is listed twice (coin_flip)"),
        ("consent: I\nlanguages: [xx]\n", "is not known ('xx'); allowed: en, de, fr, es"),
        ("consent: I\nlanguages: [en, de]\n", "consent must have a text for each language"),
        ("consent: {en: I, de: J}\n", "consent must be one text, or a text for each language (en)"),
        ("consent: '<script>'\n", "consent must hold no markup"),
        ("consent: I\n" + ONE % ("answer", "A, B"), "must not be a column of every export"),
        ("consent: I\n" + ONE % ("Order", "A, B"), "must not be a column of every export"),
        ("consent: I\n" + ONE % ("x", "A"), "options must have at least 2 entries, not 1"),
        ("consent: I\n" + ONE % ("x", "A, ' a'"), "has two options that read the same"),
        (
            "consent: I\n" + ONE % ("x", "A, '=1+1'"),
            "survey.yaml: line 3, ask[x].options[2] must not start as a formula does",
        ),
        ("consent: I\n" + ONE % ("x", "A, ''"), "is empty"),
        ("consent: I\n" + ONE % ("=x", "A, B"), "must have letters, digits, _, . and - only"),
        ("consent: I\n" + ASK + ASK.partition("\n")[2], "which is used twice"),
    ],
)
def test_a_problem_is_one_line_that_names_it(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in line_of(load_survey, study_with(tmp_path, text))


def test_all_problems_are_in_one_message(tmp_path: Path) -> None:
    text = "consent: ''\nquestions: 99\nlanguages: [en, xx]\n" + ONE % ("x", "A, A")
    line = line_of(load_survey, study_with(tmp_path, text))
    places = ("line 1, consent", "line 2, questions", "languages[2]", "ask[x].options")
    for part in ("has 4 problems", *places):
        assert part in line


def test_a_language_needs_the_words_of_the_study(tmp_path: Path) -> None:
    study = study_with(tmp_path, "consent: I\nlanguages: [de]\n")
    load_survey(study)
    (study.path / "languages.yaml").unlink()
    assert "is in English only" in line_of(load_survey, study)


def test_the_example_of_the_documentation_is_valid(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "survey.md"
    (example,) = re.findall(
        r'^```yaml title="survey.yaml"\n(.*?)^```$', page.read_text("utf-8"), flags=re.M | re.S
    )
    settings = load_survey(study_with(tmp_path, example, DRAWN))
    assert [one.id for one in settings.ask] == ["age_group"]
