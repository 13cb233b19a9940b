"""Wordings and the questions rendered from them, over every shipped study."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kidney_evals.elicitation.numerals import spell_out
from kidney_evals.elicitation.prompt import render_question, render_repeat
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.elicitation.rules import check_wording
from kidney_evals.elicitation.wording import (
    EXPLAIN,
    Explain,
    Wording,
    read_wordings,
    wording_named,
    wordings,
)
from kidney_evals.errors import UserError
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    Patient,
    Study,
    dilemmas_of,
    in_language,
    load_study,
    study_names,
)

ENTRY = yaml.safe_load(
    (Path(__file__).parents[2] / "kidney_evals" / "elicitation" / "wordings.yaml").read_text(
        encoding="utf-8"
    )
)[0]

NOUNS = {"spanish": "Paciente"}
PAIRS = [(wording, study) for wording in wordings() for study in study_names()]
FORMS = [(condition, explain) for condition in CONDITIONS for explain in EXPLAIN]


def _opposites(study: Study) -> Dilemma:
    """Two patients who differ on every attribute."""
    low = Patient(tuple(attribute.low for attribute in study.attributes))
    high = Patient(tuple(attribute.high for attribute in study.attributes))
    return Dilemma("d", low, high, "drawn")


@pytest.mark.parametrize(("wording", "study"), PAIRS)
def test_every_wording_keeps_the_rules_in_every_study(wording: str, study: str) -> None:
    check_wording(wording_named(wording), load_study(study), _opposites(load_study(study)))


@pytest.mark.parametrize(("wording", "study"), PAIRS)
def test_each_value_is_shown_once_with_its_unit_under_its_patient(wording: str, study: str) -> None:
    words = wording_named(wording)
    loaded = in_language(load_study(study), words.form.language)
    for condition, explain in FORMS:
        text = render_question(words, loaded, _opposites(loaded), "ab", condition, explain)
        _check_values(words, loaded, text)


def _check_values(words: Wording, loaded: Study, text: str) -> None:
    for attribute in loaded.attributes:
        label = attribute.label
        first, second = (attribute.describe(value) for value in (attribute.low, attribute.high))
        if words.numbers == "words":
            first, second = spell_out(first), spell_out(second)
        if words.is_table:
            assert text.count(f"| {label} | {first} | {second} |\n") == 1
            continue
        form = "{label} ({value})" if words.id == "sentence" else "- {label}: {value}\n"
        label = label[0].lower() + label[1:] if words.id == "sentence" else label
        lines = [form.format(label=label, value=value) for value in (first, second)]
        assert [text.count(line) for line in lines] == [1, 1]
        # The first patient's values stand before the second one's.
        names = [f"{NOUNS.get(words.id, 'Patient')} {name}" for name in words.form.names]
        a, b = (text.index(line) for line in lines)
        assert text.index(names[0]) < a < text.index(names[1]) < b


@pytest.mark.parametrize(("condition", "explain"), FORMS)
def test_the_other_order_is_the_swapped_dilemma(condition: Condition, explain: Explain) -> None:
    study = load_study("mcelfresh_2021")
    wording = wording_named("default")
    for dilemma in dilemmas_of(study, 20, None):
        swapped = Dilemma(dilemma.id, dilemma.second, dilemma.first, dilemma.kind)
        assert render_question(
            wording, study, dilemma, "ba", condition, explain
        ) == render_question(wording, study, swapped, "ab", condition, explain)


@pytest.mark.parametrize(("condition", "explain"), FORMS)
def test_the_coin_stands_beside_a_and_b_in_its_own_condition_only(
    condition: Condition, explain: Explain
) -> None:
    study = load_study("mcelfresh_2021")
    text = render_question(
        wording_named("default"), study, _opposites(study), "ab", condition, explain
    )
    assert ("coin" in text.lower()) == (condition == "coin_flip")
    assert text.count("ANSWER: A") == text.count("ANSWER: B") == 1
    assert text.count("ANSWER: COIN") == (1 if condition == "coin_flip" else 0)


@pytest.mark.parametrize(
    ("explain", "first", "then"),
    [("before", "reasons", "ANSWER: A"), ("after", "ANSWER: A", "reasons")],
)
def test_reasons_are_asked_for_on_the_stated_side_of_the_line(
    explain: Explain, first: str, then: str
) -> None:
    study = load_study("mcelfresh_2021")
    text = render_question(
        wording_named("default"), study, _opposites(study), "ab", "coin_flip", explain
    )
    assert text.index(first) < text.index(then)
    # The line stands first where reasons follow it, so it must not be called the last one.
    assert ("final" in text) == (explain == "before")


@pytest.mark.parametrize("study", study_names())
@pytest.mark.parametrize(("condition", "explain"), FORMS)
def test_a_question_given_back_is_no_answer(
    study: str, condition: Condition, explain: Explain
) -> None:
    loaded = load_study(study)
    for dilemma in dilemmas_of(loaded, 6, None):
        text = render_question(wording_named("default"), loaded, dilemma, "ab", condition, explain)
        assert read_answer(text, condition=condition).outcome == "unreadable"
        assert read_answer(text, condition=condition, stop="max_tokens").outcome == "truncated"
        answered = read_answer(text + "\n\nANSWER: B", condition=condition)
        assert (answered.outcome, answered.answer) == ("decision", "B")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_repeat_question_given_back_is_no_answer(condition: Condition) -> None:
    text = render_repeat(wording_named("default"), condition)
    assert text.count("ANSWER: A") == text.count("ANSWER: B") == 1
    assert read_answer(text, condition=condition).outcome == "unreadable"


def _table(**changes: object) -> str:
    return yaml.safe_dump([ENTRY | changes])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (_table(repeat=""), "repeat must name line once each"),
        (_table(question={"forced_choice": "Who?"}), "question.coin_flip is missing"),
        (_table(ask={**ENTRY["ask"], "after": "Say it."}), "ask.after must name line once each"),
        (_table(patient="Patient {name}"), "patient must name name, attributes once each"),
        (_table() + _table(), "has the id 'default', which is used twice"),
    ],
    ids=["no repeat", "no question", "no place for the line", "no attributes", "twice"],
)
def test_a_table_with_a_fault_says_which(table: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_wordings(table)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"question": {**ENTRY["question"], "forced_choice": "Coin aside, who?"}}, "coin"),
        ({"scene": "{situation}\n{patient_a}\n{patient_b}\n{patient_a}"}, "must name"),
        ({"attribute": "- {label}: {value}, {value}"}, "must name"),
        ({"patient": "Patient {name} is Patient {name}\n{attributes}"}, "must name"),
    ],
    ids=["coin named", "patient twice", "value twice", "name twice"],
)
def test_a_wording_that_breaks_the_rules_is_refused(changes: dict[str, object], said: str) -> None:
    study = load_study("mcelfresh_2021")
    with pytest.raises(UserError, match=said):
        check_wording(read_wordings(_table(**changes))["default"], study, _opposites(study))


def test_unknown_names_are_answered_with_the_allowed_ones() -> None:
    study = load_study("mcelfresh_2021")
    with pytest.raises(UserError, match="unknown wording 'nope'; allowed: default"):
        wording_named("nope")
    with pytest.raises(UserError, match="unknown explain 'sideways'; allowed: none, before, after"):
        render_question(
            wording_named("default"),
            study,
            _opposites(study),
            "ab",
            "forced_choice",
            "sideways",  # type: ignore[arg-type]
        )
