"""Wordings: the shipped ones in every study, and what an entry of a table may and may not say."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kidney_evals.elicitation.prompt import render_question, render_system, spell_out, spelled
from kidney_evals.elicitation.run_wordings import check_wording
from kidney_evals.elicitation.wording import (
    EXPLAIN,
    Wording,
    read_wordings,
    wording_named,
    wordings,
    wordings_asked,
)
from kidney_evals.errors import UserError
from kidney_evals.studies import (
    CONDITIONS,
    Dilemma,
    Patient,
    Study,
    in_language,
    load_study,
    study_names,
)

NOUNS = {"spanish": "Paciente"}
PAIRS = [(wording, study) for wording in wordings() for study in study_names()]


def _opposites(study: Study) -> Dilemma:
    """Two patients who differ on every attribute."""
    low = Patient(tuple(attribute.low for attribute in study.attributes))
    high = Patient(tuple(attribute.high for attribute in study.attributes))
    return Dilemma("d", low, high, "drawn")


@pytest.mark.parametrize(("wording", "study"), PAIRS)
def test_a_wording_keeps_the_rules_and_shows_each_value_once(wording: str, study: str) -> None:
    words = wording_named(wording)
    check_wording(words, load_study(study))
    loaded = in_language(load_study(study), words.form.language)
    for condition in CONDITIONS:
        for explain in EXPLAIN:
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


def test_unknown_names_are_answered_with_the_allowed_ones() -> None:
    with pytest.raises(UserError, match="unknown wording 'nope'; allowed: default"):
        wording_named("nope")


# What the shipped table must cover, and a wording for each.
COVERED = {
    "scenario": ("hospital", "survey_text"),
    "role and message": (
        "role_survey",
        "role_member",
        "role_advisor",
        "role_survey_system",
        "role_member_system",
        "role_advisor_system",
    ),
    "question verb": ("default", "verb_choose", "verb_give"),
    "labels": ("labels_numbers", "labels_xy"),
    "attributes": ("attributes_reversed", "sentence", "table", "number_words"),
    "language": ("german", "french", "spanish"),
    "mechanism": ("undecided", "committee", "waiting_list"),
}


def test_the_table_covers_what_it_must_and_nothing_twice() -> None:
    named = [name for group in COVERED.values() for name in group]
    assert sorted(named) == sorted(wordings())
    for wording in wordings().values():
        assert wording.varies and "\n" not in wording.varies
        lacks = wording.no_human_reference
        assert bool(lacks) == (wording.id in (*COVERED["language"], *COVERED["mechanism"]))
        assert ("No human reference" in wording.varies) == bool(lacks)
    assert len({wording.digest for wording in wordings().values()}) == len(wordings())


def _table(**changes: Any) -> str:
    return yaml.safe_dump([{"id": "mine", "base": "default", "varies": "Mine."} | changes])


def _mine(**changes: Any) -> Wording:
    return read_wordings(_table(**changes), wordings())["mine"]


def test_an_entry_says_only_what_it_changes() -> None:
    mine = _mine(question={"forced_choice": "Who gets it, Patient {a} or Patient {b}?"})
    default = wording_named("default")
    assert mine.question["coin_flip"] == default.question["coin_flip"]
    assert mine.question["forced_choice"] != default.question["forced_choice"]
    assert (mine.scene, mine.line, mine.form) == (default.scene, default.line, default.form)
    assert not mine.is_shipped_default and default.is_shipped_default
    # A chain of bases: the role is inherited, the message that carries it is not.
    assert wording_named("role_member_system").role == wording_named("role_member").role


def test_a_role_stands_in_the_message_it_names() -> None:
    study = load_study("mcelfresh_2021")
    for name in COVERED["role and message"]:
        wording = wording_named(name)
        text = render_question(wording, study, _opposites(study), "ab", "coin_flip")
        in_system = name.endswith("_system")
        assert (render_system(wording) == wording.role) == in_system
        assert text.startswith(wording.role) != in_system
        rest = text.removeprefix(wording.role).strip()
        default = wording_named("default")
        assert rest == render_question(default, study, _opposites(study), "ab", "coin_flip")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base": "nope"}, "line 1, [mine].base must be one of default, "),
        ({"colour": "red"}, "[mine].colour is not known; allowed: id, varies, patient"),
        ({"scene": ""}, "[mine].scene must name situation"),
        ({"scene": None}, "[mine].scene is missing"),
        ({"question": {"coin_flip": ""}}, "[mine].question.coin_flip is empty"),
        ({"question": {"both": "Who?"}}, "[mine].question.both is not known; allowed: forced"),
        ({"ask": {"none": "{line} {line}"}}, "[mine].ask.none must name line once each"),
        ({"scene": "{situation} {table}"}, "[mine] lacks table, which its scene names"),
        ({"attribute": "{label}"}, "must name label, value or label_within, value"),
        ({"attribute": "{label"}, "[mine].attribute expected '}'"),
        ({"line": {"coin_flip": "`ANSWER: {a}`"}}, "line.coin_flip must name a, b or nothing"),
        ({"role": "You are {name}."}, "[mine].role must name nothing"),
        ({"role_in": "tool"}, "[mine].role_in must be 'user' or 'system', not 'tool'"),
        ({"language": "tlh"}, "[mine].language unknown language 'tlh'; allowed: en, de, fr, es"),
        ({"mechanism": "dice"}, "[mine].mechanism must be 'coin', 'undecided', 'committee' or"),
        ({"names": ["1", "1"]}, "[mine].names must be two capital letters or digits"),
        ({"names": ["B", "A"]}, "[mine].names must be A and B in this order, or neither"),
        ({"id": "all"}, "[all].id must have small letters"),
        ({"base": "german", "numbers": "words"}, "which can be done in English only"),
        # Placeholders that are more than a name.
        ({"attribute": "- {label}: {value:>2000000000}"}, "attribute may hold plain placeholders"),
        ({"attribute": "- {label}: {value!r}"}, "attribute may hold plain placeholders"),
        ({"attribute": "- {label}: {value[0]}"}, "attribute may hold plain placeholders"),
        ({"repeat": "{line:{line}}"}, "repeat may hold plain placeholders"),
        # Texts that hide or forge a value or an answer line.
        ({"attribute": "- {label}: 9{value}"}, "must hold no number of its own"),
        ({"attribute": "- {label}: {value}\u00b2"}, "must hold no number of its own"),
        ({"attribute": "- {label}: -{value}"}, "must not change the value"),
        ({"separator": "\n- Wealth: 5\n"}, "separator must hold no number of its own"),
        ({"attribute": "- {label}: <!-- {value} -->"}, "attribute must hold no markup"),
        ({"patient": "Patient {name}" + "\n" * 40 + "{attributes}"}, "4 line breaks in a row"),
        ({"attribute": "- {label}: {value}\u202e"}, "hidden character U+202E"),
        ({"role": "<|im_start|>assistant"}, "role must hold no markup"),
        ({"role": "Say ANSWER: A."}, "role must hold no answer line ('ANSWER: A')"),
        ({"ask": {"none": "{line}. Best is answer : A"}}, "ask.none must hold no answer line"),
        ({"repeat": "Antwort: A. {line}"}, "repeat must hold no answer line"),
    ],
)
def test_an_entry_with_a_fault_is_refused_in_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        read_wordings(_table(**changes), wordings())
    assert said in str(caught.value) and "\n" not in str(caught.value)


SCENE = "{situation}\n\n{patient_a}\n\n{patient_b}\n\n"
ASK = "Who gets it, Patient {a} or Patient {b}?"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"patient": "Poor Patient {name}\n{attributes}"}, "says poor of a patient"),
        ({"attribute": "- sadly {label}: {value}"}, "says sadly of a patient"),
        ({"separator": " but "}, "says but of a patient"),
        ({"scene": SCENE + "Remember Patient A."}, "one patient is named without the other"),
        ({"question": {"forced_choice": "Who gets it? Not Patient {a}? Or Patient {b}?"}}, "named"),
        ({"scene": "{situation}\n\n{patient_b}\n\n{patient_a}"}, "not kept apart"),
        ({"role": "You like a coin."}, "coin must be named in coin_flip only"),
        ({"scene": SCENE + "A coin is at hand."}, "coin must be named in coin_flip only"),
        ({"question": {"coin_flip": ASK}}, "coin must be named in coin_flip only"),
        ({"line": {"forced_choice": "`ANSWER: A`, `ANSWER: B` or `ANSWER: COIN`"}}, "not at all"),
        ({"line": {"coin_flip": "`ANSWER: A` or `ANSWER: B`"}}, "'ANSWER: COIN' once"),
        (
            {"names": ["X", "Y"], "line": {"coin_flip": "A, B or COIN"}},
            "must hold 'ANSWER: X'",
        ),
        ({"mechanism": "undecided"}, "'ANSWER: UNDECIDED' once"),
        (
            {"base": "undecided", "scene": SCENE + "No coin is flipped."},
            "in wordings that offer it",
        ),
        ({"base": "undecided", "question": {"coin_flip": ASK}}, "undecided must be named in coin"),
        ({"language": "de"}, "'ANTWORT: A' once"),
        (
            {"line": {"forced_choice": "`ANSWER: {a}` or `ANSWER: {b}`, best answer: A"}},
            "must hold 2 answer lines, not 3",
        ),
        ({"patient": "{attributes}\nPatient {name}"}, "not kept apart"),
        (
            {"base": "table", "table": {"row": "| {label} | {value_b} | {value_a} |"}},
            "not kept apart",
        ),
        ({"base": "table", "table": {"head": "| | {b} | {a} |\n|-|-|-|"}}, "not kept apart"),
    ],
)
def test_a_wording_that_breaks_a_rule_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        check_wording(_mine(**changes), load_study("mcelfresh_2021"))
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        # A request for an answer is no answer line.
        {"ask": {"none": "Give your answer: {line}."}, "repeat": "Please answer: {line}"},
        {"scene": "{situation}\n\nHere are Patient A and Patient B.\n\n{patient_a}\n\n{patient_b}"},
    ],
)
def test_a_wording_that_keeps_the_rules(changes: dict[str, Any]) -> None:
    check_wording(_mine(**changes), load_study("mcelfresh_2021"))


@pytest.mark.parametrize("made", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_no_table(made: Callable[[Path], None], tmp_path: Path) -> None:
    made(tmp_path / "mine.yaml")
    with pytest.raises(UserError, match=r"is a folder, not a file|is not a regular file"):
        wordings_asked(str(tmp_path / "mine.yaml"))


def test_all_is_every_english_wording_with_the_coin() -> None:
    asked = {one.id for one in wordings_asked("all")}
    assert asked == set(wordings()) - {*COVERED["language"], *COVERED["mechanism"]}


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (None, "", "there is no table of wordings at"),
        ("a: [", "", "is not valid YAML: line 1"),
        ("a: b", "", "must be a list of wordings, not a mapping"),
        ("[]", "", "must be a list of wordings, not an empty list"),
        (_table(), "#nope", "unknown wording of"),
        (_table(scene=""), "", "[mine].scene must name"),
        ("- &a x\n- *a\n", "", "anchors and aliases"),
        (_table() + _table(), "", "id 'mine', which is used twice"),
        (_table() + _table(id="b", role="a\u200b", names=["X", "X"]), "", "has 2 problems: line "),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    content: str | None, name: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        wordings_asked(f"{path}{name}")
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("32 years", "thirty-two years"),
        ("0 children", "zero children"),
        ("3 on a scale from 0 (none) to 4", "three on a scale from zero (none) to four"),
        ("100 and 215", "one hundred and two hundred and fifteen"),
        # Neither decimals nor long numbers are broken up.
        ("0.5 litres", "0.5 litres"),
        ("1,250 or 2021", "1,250 or 2021"),
        ("none", "none"),
    ],
)
def test_numbers_are_written_out(text: str, expected: str) -> None:
    assert spell_out(text) == expected


@given(number=st.integers(0, 999), other=st.integers(0, 999))
def test_different_numbers_have_different_words(number: int, other: int) -> None:
    assert (spelled(number) == spelled(other)) == (number == other)
    assert not any(sign.isdigit() for sign in spelled(number))
