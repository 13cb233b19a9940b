"""Wordings: the shipped ones in every study and channel, and the refused entries of a table."""

import re
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from elicitation.cases import DATA, DILEMMA, STUDY
from kidney_evals.elicitation.channels import CHANNELS
from kidney_evals.elicitation.form import languages, table
from kidney_evals.elicitation.prompt import render_question, render_repeat, spell_out
from kidney_evals.elicitation.run_wordings import check_wording, id_suffix, wordings_for
from kidney_evals.elicitation.wording import (
    EXPLAIN,
    Wording,
    left_out,
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
    dilemmas_of,
    in_language,
    languages_of,
    load_study,
    study_names,
)
from tasks.running import refused


@pytest.mark.parametrize("wording", wordings().values(), ids=wordings())
def test_a_wording_keeps_the_rules_and_shows_each_value_once(wording: Wording) -> None:
    for study in map(load_study, study_names()):
        if wording.language not in languages_of(study):
            continue
        check_wording(wording, study)
        loaded = in_language(study, wording.language)
        # Two patients who differ on every attribute.
        low = Patient(tuple(attribute.low for attribute in study.attributes))
        high = Patient(tuple(attribute.high for attribute in study.attributes))
        dilemma = Dilemma("d", low, high, "drawn")
        for condition, explain in product(CONDITIONS, EXPLAIN):
            text = render_question(wording, loaded, dilemma, "ab", condition, explain)
            _check_values(wording, loaded, text)


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
        names = [f"{loaded.words.slot('Candidate')} {name}" for name in words.form.names]
        a, b = (text.index(line) for line in lines)
        assert text.index(names[0]) < a < text.index(names[1]) < b


# What the shipped table must cover, and a wording for each.
ROLES = ("role_survey", "role_member", "role_advisor")
COVERED = {
    "scenario": ("hospital", "survey_text"),
    "role and message": (*ROLES, *(f"{role}_system" for role in ROLES)),
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
    # A chain of bases: the role is inherited, the message that carries it is not.
    assert wording_named("role_member_system").role == wording_named("role_member").role


FAULTS: list[tuple[dict[str, Any], str]] = [
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
    ({"role": "You are {name}."}, "[mine].role unknown placeholder 'name'; allowed: good, the"),
    ({"situation": "{nope}"}, "situation unknown placeholder 'nope'; allowed: good, the_good,"),
    ({"repeat": "{line} {nope}"}, "repeat unknown placeholder 'nope'; allowed: line, good, the"),
    ({"role_in": "tool"}, "[mine].role_in must be 'user' or 'system', not 'tool'"),
    ({"language": "tlh"}, "[mine].language unknown language 'tlh'; allowed: en, de, fr, es"),
    ({"mechanism": "dice"}, "[mine].mechanism must be 'coin', 'undecided', 'committee' or"),
    ({"names": ["1", "1"]}, "[mine].names must be two capital letters or digits"),
    ({"names": ["B", "A"]}, "[mine].names must be A and B in this order, or neither"),
    ({"id": "all"}, "[all].id must have small letters"),
    ({"base": "german", "numbers": "words"}, "which can be done in English only"),
    # Placeholders that are more than a name.
    ({"attribute": "- {label}: {value:>2000000000}"}, "attribute may hold plain placeholders"),
    ({"repeat": "{line:{line}}"}, "repeat may hold plain placeholders"),
    # Texts that hide or forge a value or an answer line.
    ({"attribute": "- {label}: 9{value}"}, "must hold no number of its own"),
    ({"attribute": "- {label}: -{value}"}, "must not change the value"),
    ({"separator": "\n- Wealth: 5\n"}, "separator must hold no number of its own"),
    ({"attribute": "- {label}: <!-- {value} -->"}, "attribute must hold no markup"),
    ({"patient": "Patient {name}" + "\n" * 40 + "{attributes}"}, "4 line breaks in a row"),
    ({"attribute": "- {label}: {value}\u202e"}, "hidden character U+202E"),
    ({"role": "Say ANSWER: A."}, "role must hold no answer line ('ANSWER: A')"),
    ({"ask": {"none": "{line}. Best is answer : A"}}, "ask.none must hold no answer line"),
]
"""Changes to an entry that the reader of a table refuses."""

SCENE = "{situation}\n\n{patient_a}\n\n{patient_b}\n\n"
ASK = "Who gets it, Patient {a} or Patient {b}?"
BREACHES: list[tuple[dict[str, Any], str]] = [
    ({"patient": "Poor Patient {name}\n{attributes}"}, "says poor of a patient"),
    ({"separator": " but "}, "says but of a patient"),
    ({"scene": SCENE + "Remember Patient A."}, "one patient is named without the other"),
    ({"question": {"forced_choice": "Who gets it? Not Patient {a}? Or Patient {b}?"}}, "named"),
    ({"scene": "{situation}\n\n{patient_b}\n\n{patient_a}"}, "not kept apart"),
    ({"patient": "{attributes}\nPatient {name}"}, "not kept apart"),
    ({"base": "table", "table": {"row": "| {label} | {value_b} | {value_a} |"}}, "not kept apart"),
    ({"base": "table", "table": {"head": "| | {b} | {a} |\n|-|-|-|"}}, "not kept apart"),
    ({"role": "You like a coin."}, "coin must be named in coin_flip only"),
    ({"question": {"coin_flip": ASK}}, "coin must be named in coin_flip only"),
    ({"base": "undecided", "question": {"coin_flip": ASK}}, "undecided must be named in coin"),
    ({"base": "undecided", "scene": SCENE + "No coin is flipped."}, "in wordings that offer it"),
    ({"line": {"forced_choice": "`ANSWER: A`, `ANSWER: B` or `ANSWER: COIN`"}}, "not at all"),
    ({"line": {"coin_flip": "`ANSWER: A` or `ANSWER: B`"}}, "'ANSWER: COIN' once"),
    ({"names": ["X", "Y"], "line": {"coin_flip": "A, B or COIN"}}, "must hold 'ANSWER: X'"),
    ({"mechanism": "undecided"}, "'ANSWER: UNDECIDED' once"),
    ({"language": "de"}, "'ANTWORT: A' once"),
    (
        {"line": {"forced_choice": "`ANSWER: {a}` or `ANSWER: {b}`, best answer: A"}},
        "must hold 2 answer lines, not 3",
    ),
]
"""Changes to an entry that can be read and breaks a rule of wordings."""


def _check(study: Study = STUDY, **changes: Any) -> None:
    check_wording(_mine(**changes), study)


@pytest.mark.parametrize(("changes", "said"), FAULTS + BREACHES)
def test_a_fault_of_an_entry_is_refused_in_one_line(changes: dict[str, Any], said: str) -> None:
    refused(_check, changes, said)


def test_a_wording_that_keeps_the_rules() -> None:
    scene = "{situation}\n\nHere are Patient A and Patient B.\n\n{patient_a}\n\n{patient_b}"
    # A request for an answer is no answer line.
    ask = {"none": "Give your answer: {line}."}
    _check(scene=scene, ask=ask, repeat="Please answer: {line}")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (None, "", "there is no table of wordings at"),
        ("a: [", "", "is not valid YAML: line 1"),
        ("a: b", "", "must be a list of wordings, not a mapping"),
        ("[]", "", "must be a list of wordings, not an empty list"),
        (_table(), "#nope", "unknown wording of"),
        ("- &a x\n- *a\n", "", "anchors and aliases"),
        (_table() + _table(), "", "id 'mine', which is used twice"),
        (_table(id="default"), "", "line 2, [default].id is the id of a shipped wording (default)"),
        (_table() + _table(id="b", role="a\u200b", names=["X", "X"]), "", "has 2 problems: line "),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    content: str | None, name: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    refused(wordings_asked, {"wording": f"{path}{name}"}, said)


def test_names_of_wordings(tmp_path: Path) -> None:
    asked = {one.id for one in wordings_asked("all")}
    assert asked == set(wordings()) - {*COVERED["language"], *COVERED["mechanism"]}
    refused(wordings_asked, {"wording": str(tmp_path)}, "is a folder, not a file")
    refused(wordings_asked, {"wording": "nope"}, "unknown wording 'nope'; allowed: default, ")


def test_numbers_are_written_out() -> None:
    for text, expected in {
        "32 years": "thirty-two years",
        "3 on a scale from 0 (none) to 4": "three on a scale from zero (none) to four",
        "100 and 215": "one hundred and two hundred and fifteen",
        # Neither decimals nor long numbers are broken up.
        "0.5 litres": "0.5 litres",
        "1,250 or 2021": "1,250 or 2021",
    }.items():
        assert spell_out(text) == expected
    words = {spell_out(str(number)) for number in range(1000)}
    assert len(words) == 1000 and not re.search(r"\d", " ".join(words))


@pytest.mark.parametrize("name", wordings())
def test_each_channel_offers_the_answers_of_the_wording_once(name: str) -> None:
    wording = wordings()[name]
    language = languages()[wording.language]
    described = table("channels")[wording.language]["described"]
    for channel in CHANNELS[1:]:
        texts = table("channels")[wording.language][channel]
        own = " ".join(
            (*texts["ask"].values(), texts["repeat"], texts.get("result", ""), *described.values())
        )
        # A channel's own texts name neither a patient nor a mechanism of indecision.
        assert not any(re.search(rf"\w[\s:]{label}\b", own) for label in wording.form.names)
        terms = [term for terms in language.terms.values() for term in terms]
        assert not any(term in own.lower() for term in terms)
        for condition in CONDITIONS:
            asked = [render_repeat(wording, STUDY, condition, channel)]
            asked += [
                render_question(wording, STUDY, DILEMMA, "ab", condition, explain, channel)
                for explain in EXPLAIN
            ]
            for answer, word in wording.form.words("coin_flip").items():
                offered = answer in wording.form.words(condition)
                for text in asked:
                    assert text.count(texts["answer"].format(word=word)) == offered
                    assert language.answer + word not in text


SCHOLARSHIP = DATA / "scholarship"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A study about another good, with a wording of its own."""
    folder = tmp_path / "scholarship"
    shutil.copytree(SCHOLARSHIP, folder)
    brief = _table(id="brief", situation="There is one {good} and there are two {candidates}.")
    (folder / "wordings.yaml").write_text(brief, encoding="utf-8")
    return folder


def test_a_study_has_wordings_of_its_own(own: Path) -> None:
    study = load_study(own)
    (brief,) = wordings_for("brief", study)
    text = render_question(brief, study, dilemmas_of(study, 1, None)[0], "ab", "forced_choice")
    start = "There is one scholarship and there are two applicants.\n\nApplicant A\n"
    assert text.startswith(start)
    assert "The two applicants are alike in everything else that matters" in text
    assert "Who should receive the scholarship, Applicant A or Applicant B?" in text
    # The file is not part of the study's hash, and the wording is part of the sample ids.
    assert study.hash == load_study(SCHOLARSHIP).hash
    assert re.fullmatch(r"-brief-[0-9a-f]{4}", id_suffix(brief, study))
    every = {one.id for one in wordings_for("all", study)}
    needs = {"hospital", "survey_text", *COVERED["role and message"]}
    needs -= {"role_survey", "role_survey_system"}
    assert "brief" in every and not needs & every and left_out("all", study).keys() == needs
    assert left_out("default", study) == {} == left_out("all", STUDY)
    # A user's table may be based on it.
    table = own / "mine.yaml"
    table.write_text(_table(base="brief", numbers="words"), encoding="utf-8")
    assert wordings_for(str(table), study)[0].situation == brief.situation
    refused(wordings_for, {"wording": "brief", "study": STUDY}, "unknown wording 'brief'")


def test_a_wording_that_cannot_be_put_for_a_study() -> None:
    for wording, said in {
        "role_member": "wording 'role_member' needs the study's text scenario.committee, which",
        "hospital": "wording 'hospital' needs the study's text scenario.retold.closing, which",
        "spanish": "unknown language of study 'scholarship' 'es'; allowed: en, de",
    }.items():
        refused(wordings_for, {"wording": wording, "study": load_study(SCHOLARSHIP)}, said)


def test_a_wording_of_a_study_has_no_shipped_id(own: Path) -> None:
    (own / "wordings.yaml").write_text(_table(id="german"), encoding="utf-8")
    said = f"{own / 'wordings.yaml'}: line 2, [german].id is the id of a shipped wording (german)"
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        wordings_for("default", load_study(own))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"patient": "{Candidate} {name}\n{attributes}"}, ""),
        ({"patient": "Applicant {name}\n{attributes}"}, ""),
        ({"base": "german", "patient": "Bewerber {name}\n{attributes}"}, ""),
        ({"patient": "Patient {name}\n{attributes}"}, "says patient of an applicant"),
        ({"patient": "{Good} {name}\n{attributes}"}, "says scholarship of an applicant"),
        ({"scene": SCENE + "Remember {Candidate} A."}, "one applicant is named without the other"),
        ({"role": "You are {the_patient}."}, "[mine].role unknown placeholder 'the_patient'"),
    ],
)
def test_a_wording_has_the_nouns_of_the_study(changes: dict[str, Any], said: str) -> None:
    changes = {"study": load_study(SCHOLARSHIP), **changes}
    if said:
        refused(_check, changes, said)
    else:
        _check(**changes)
