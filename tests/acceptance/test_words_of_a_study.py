"""Nothing that a model reads or a simulated respondent writes speaks of another study's good."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessageAssistant

from kidney_evals.elicitation.channels import CHANNELS
from kidney_evals.elicitation.form import in_words
from kidney_evals.elicitation.prompt import (
    PREDICT,
    render_prediction,
    render_question,
    render_repeat,
    render_system,
)
from kidney_evals.elicitation.reading import read_answer, read_message
from kidney_evals.elicitation.run_wordings import check_wording, id_suffix
from kidney_evals.elicitation.stated_questions import (
    ASKS,
    render_stated,
    stated_wordings,
)
from kidney_evals.elicitation.wording import EXPLAIN, put, wordings
from kidney_evals.errors import UserError, errors_of
from kidney_evals.measures.description import describe
from kidney_evals.reasons.codes import coding_prompt
from kidney_evals.reporting.description import describe_text
from kidney_evals.respondents.question import Question
from kidney_evals.respondents.replies import Said, phrases, reply
from kidney_evals.scorers.samples import run_of_log
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Study,
    dilemmas_of,
    in_language,
    load_study,
    study_names,
)
from study_folders import SCHOLARSHIP
from tasks import running

STUDIES = (*study_names(), str(SCHOLARSHIP))

TELLING = {
    "kidney": (
        "transplant dialysis organ donor drink drank alcohol medical hospital surgery operation "
        "doctor niere transplantation spender organ rein greffe organe riñón trasplante órgano"
    ),
    "liver": "liver cirrhosis",
    "intensive-care bed": "intensive ventilator bed",
    "school place": "school classroom",
    "scholarship": "university grade student stipendium universität",
}
"""Beginnings of words that give away a good, by the good; each study adds its own nouns."""

LANGUAGES = ("en", "de", "fr", "es")


@cache
def spoken(name: str) -> dict[str, Study]:
    """Return a study by each language in which it has words."""
    found, study = {}, load_study(name)
    for language in LANGUAGES:
        try:
            found[language] = in_language(study, language)
        except UserError as error:
            assert "\n" not in str(error) and study.id in str(error)
    return found


@cache
def telling(name: str) -> frozenset[str]:
    """Return words that give away another study's good and that the study itself does not use."""
    words: set[str] = set()
    study = load_study(name)
    for other in map(load_study, STUDIES):
        if other.words.good != study.words.good:
            words |= set(TELLING.get(other.words.good, "").split())
            for told in spoken(other.source).values():
                nouns = (told.words.good, told.words.candidate, told.words.candidates)
                words |= {noun.lower() for noun in nouns}
    own = " ".join(
        f"{told.words} "
        + " ".join(f"{one.label} {one.levels} {one.phrases}" for one in told.attributes)
        for told in spoken(study.source).values()
    ).lower()
    return frozenset(word for word in words if not re.search(rf"\b{word}", own))


def check(study: Study, text: str, where: object) -> None:
    said = re.search(rf"\b(?:{'|'.join(sorted(telling(study.source)))})\w*", text, re.IGNORECASE)
    assert not said, f"{where} says {said[0]!r} of {study.words.good}: {text[:300]}"
    assert not re.search(r"\{\w*(?:good|candidate|closing|situation)", text, re.IGNORECASE), text


def questions(study: Study, *, predictions: bool = True) -> Iterator[tuple[object, str]]:
    """Yield every text that a model reads, with its name."""
    dilemma, languages = dilemmas_of(study, 1, None)[0], spoken(study.source)
    for name, wording in wordings().items():
        if wording.language not in languages or errors_of([partial(put, wording, study)]):
            continue
        check_wording(wording, study)
        yield name, render_system(wording, study)
        for condition, explain, channel in itertools.product(CONDITIONS, EXPLAIN, CHANNELS):
            where = (name, condition, explain, channel)
            yield where, render_question(wording, study, dilemma, "ab", condition, explain, channel)
            yield where, render_repeat(wording, study, condition, channel)
    for stated in stated_wordings().values():
        yield from ((stated.id, text) for text in render_stated(stated, study))
    for condition in CONDITIONS if predictions else ():
        asked = render_prediction(study, dilemma, "ba", condition)
        yield from ((condition, text) for text in asked)


def replies(study: Study) -> Iterator[tuple[object, str]]:
    """Yield every sentence of the simulated respondents, with its name."""
    contents: tuple[Said, ...] = ("A", "B", "undecided", "refused", "truncated", "unreadable")
    dilemma = dilemmas_of(study, 1, None)[0]
    # A reply depends on the form of a wording only.
    forms = dict.fromkeys(one.form for one in wordings().values())
    for form in [one for one in forms if one.language in spoken(study.source)]:
        for condition, explain, channel in itertools.product(CONDITIONS, EXPLAIN, CHANNELS):
            how: dict[str, Any] = {"explain": explain, "form": form, "channel": channel}
            question = Question(study, condition, dilemma, "ab", **how)
            for content, chance in itertools.product(contents, (i / 12 for i in range(12))):
                yield (form, content), reply(question, content, chance).text
    for kind in (ASKS, PREDICT):
        yield kind, str(phrases(kind, study.words))


@pytest.mark.parametrize("name", STUDIES)
def test_questions_and_replies_speak_of_the_study_alone(name: str) -> None:
    study = load_study(name)
    texts = {text: where for where, text in itertools.chain(questions(study), replies(study))}
    for text, where in texts.items():
        check(study, text, where)
    for wording in wordings().values():
        if not errors_of([partial(put, wording, study)]):
            check(study, put(wording, study).varies, wording.id)
    prompt = {name: text for name, text in coding_prompt(study).items() if name != "other_goods"}
    if study.words.good != "kidney":
        # The name of a code is the same for all goods.
        check(study, str(prompt).replace("medical_utility", ""), "the prompt of a coder")


KIDNEY = ("mcelfresh_2021", "mcelfresh_2021_fixed", "freedman_2020", "boerstler_2024")
PINNED = Path(__file__).parents[1] / "data" / "kidney_questions.json"


@pytest.mark.parametrize("name", KIDNEY)
def test_questions_and_ids_of_the_kidney_studies_do_not_change(name: str) -> None:
    # SHA-256 of all texts with their names, made when the texts still named the kidney themselves.
    study, texts = load_study(name), hashlib.sha256()
    # Predictions are asked of the studies with people in both conditions only.
    for where, text in questions(study, predictions=min(study.people.values()) > 0):
        texts.update(f"{where} {text}\0".encode() if isinstance(where, tuple) else text.encode())
    suffixes = [id_suffix(wording, study) for wording in wordings().values()]
    pinned = json.loads(PINNED.read_text(encoding="utf-8"))[name]
    assert {"suffixes": suffixes, "texts": texts.hexdigest()} == pinned


@pytest.mark.parametrize("wording", ["default", "german", "labels_numbers", "undecided"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_replies_about_another_good_are_read_as_what_they_mean(
    wording: str, condition: Condition
) -> None:
    study = load_study(SCHOLARSHIP)
    dilemma, form = dilemmas_of(study, 1, None)[0], in_words(wordings()[wording].form, study)
    coin = "COIN" if condition == "coin_flip" else "unprompted_indecision"
    meanings = {"A": "A", "B": "B", "undecided": coin, "refused": "refusal"}
    said: tuple[Said, ...] = ("A", "B", "undecided", "refused", "unreadable", "truncated")
    for content, explain in itertools.product(said, EXPLAIN):
        question = Question(study, condition, dilemma, "ab", explain=explain, form=form)
        for given in (reply(question, content, i / 12) for i in range(12)):
            message = ChatMessageAssistant(content=given.text)
            read = partial(read_answer, condition=condition, form=form)
            reading = read_message(message, read, "text", form, stop=given.stop)
            assert (reading.answer or reading.outcome) == meanings.get(content, content), given


def test_words_of_the_other_good_are_found() -> None:
    study = load_study(SCHOLARSHIP)
    found = telling(study.source)
    assert {"kidney", "patient", "patients", "transplant", "niere", "riñón"} <= found
    assert {"scholarship", "applicant", "bewerber"} <= telling("mcelfresh_2021")
    with pytest.raises(AssertionError, match="kidney"):
        check(study, "Who should receive the kidney?", "a test")


def run(folder: Path, task: str, **arguments: object) -> EvalLog:
    return running.run(
        f"kidney_evals/{task}",
        folder,
        "kidney/uniform",
        task_args={"study": str(SCHOLARSHIP), **arguments},
        model_args={"refusing": 0.2, "unreadable": 0.1, "truncated": 0.1},
    )


def check_samples(log: EvalLog) -> list[str]:
    """Check all texts of a log's samples; return the explanations."""
    explanations = []
    for sample in log.samples or []:
        explained = [score.explanation or "" for score in (sample.scores or {}).values()]
        for text in (*(message.text for message in sample.messages), *explained):
            check(load_study(SCHOLARSHIP), text, sample.id)
        explanations += explained
    return explanations


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_run_and_its_description_speak_of_the_study_alone(
    condition: Condition, tmp_path: Path
) -> None:
    study = load_study(SCHOLARSHIP)
    log = run(tmp_path, condition, dilemmas=20, explain="before", wording="all")
    facts = log.eval.metadata or {}
    assert facts["about"].startswith("Which of two applicants should receive a scholarship, A or B")
    # No committee, and no situation told afresh or as in a survey: in one line each.
    left_out = facts["wordings_left_out"]
    assert {"hospital", "survey_text", "role_member"} <= set(left_out)
    assert left_out["role_advisor"] == (
        "wording 'role_advisor' needs the study's text scenario.committee, which the study lacks"
    )
    assert not set(left_out) & set(facts["wordings"])
    shown = {name: facts[name] for name in ("about", "wordings", "limits_and_use")}
    check(study, str(shown), "metadata")
    for explanation in check_samples(log):
        assert "Applicant A" in explanation
    described = run_of_log(log)
    assert described is not None
    check(study, describe_text(describe(described)), "describe")


def test_stated_values_speak_of_the_study_alone(tmp_path: Path) -> None:
    assert check_samples(run(tmp_path, "stated_values"))
