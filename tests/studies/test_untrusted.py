"""Studies that a stranger wrote: what is refused, where the message points, what still loads."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidney_evals.elicitation.form import languages
from kidney_evals.elicitation.prompt import render_question
from kidney_evals.elicitation.wording import wording_named
from kidney_evals.errors import UserError
from kidney_evals.human.reference import load_reference
from kidney_evals.input_files import ANSWER_LINE
from kidney_evals.studies import (
    CONDITIONS,
    Study,
    datasets_dir,
    dilemmas_of,
    in_language,
    load_study,
    study_names,
)

FIXED, DRAWN, SHARES, PROFILES = (
    "mcelfresh_2021_fixed",
    "mcelfresh_2021",
    "boerstler_2024",
    "freedman_2020",
)

PINNED = {
    # Study hash, SHA-256 of the reference tables, hash over all sample ids of a default run: any
    # change makes old logs incomparable.
    DRAWN: ("b90f9f321383bb95", "575f70baab8cbd73", "08d3b0f04625af58"),
    FIXED: ("a2d5617ce6fab904", "a51e73b9ed6acdc0", "8e20dd91658097d4"),
    PROFILES: ("a9ec1e0de4b0e3d1", "e58a3860da000d79", "8065a82ad5489fa1"),
    SHARES: ("929bc78d87774ad7", "c5eec1a04e8b0230", "7f89d2111beb774c"),
}


def read_all(folder: Path | str) -> Study:
    """Read every file of a study that a run reads."""
    study = load_study(folder)
    if (study.path / "languages.yaml").is_file():
        for language in ("de", "fr", "es"):
            in_language(study, language)
    for condition in CONDITIONS:
        reference = load_reference(study, condition)
        asked = dilemmas_of(study, min(len(study.listed) or 5, 5), None)
        reference.shares(asked)
        reference.share_draws(asked)
    return study


def ids_of(study: Study) -> str:
    asked = (*dilemmas_of(study, None, None), *study.control_block)
    ids = [study.sample_id(one, order) for one in asked for order in ("ab", "ba")]
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", study_names())
def test_shipped_studies_stay_as_they_are(name: str) -> None:
    study = read_all(name)
    shipped = (study.hash[:16], load_reference(study, "coin_flip").sha256[:16], ids_of(study))
    assert shipped == PINNED[name]


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(datasets_dir() / name, folder)
        return folder

    return make


# --- What other programs make of a file ----------------------------------------------------------


def test_byte_order_marks_and_windows_line_ends_change_nothing(
    copy: Callable[[str], Path],
) -> None:
    for name in (FIXED, DRAWN):
        folder = copy(name)
        for path in [*folder.glob("*.*"), *folder.glob("reference/*.*")]:
            data = path.read_bytes().replace(b"\n", b"\r\n")
            path.write_bytes(b"\xef\xbb\xbf" + data)
        mine, shipped = read_all(folder), load_study(name)
        assert (mine.hash, mine.listed, mine.attributes) == (
            shipped.hash,
            shipped.listed,
            shipped.attributes,
        )
        assert load_reference(mine, "coin_flip").sha256 == (
            load_reference(shipped, "coin_flip").sha256
        )


@pytest.mark.parametrize(
    "file", ["study.yaml", "dilemmas.csv", "languages.yaml", "reference/counts.csv"]
)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252", "cp037"])
def test_other_encodings_are_one_line(
    copy: Callable[[str], Path], file: str, encoding: str
) -> None:
    path = copy(FIXED) / file
    text = path.read_text("utf-8").replace("question", "ä").replace("#", "# é")
    # A table of numbers alone is the same bytes in cp1252.
    text = text.replace("q01", "q\xe901")
    path.write_bytes(text.encode(encoding, "replace"))
    with pytest.raises(UserError, match="save it as UTF-8") as caught:
        read_all(copy(FIXED))
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    assert ("UTF-16" in message) == (encoding in ("utf-16", "utf-16-le", "utf-32"))


def test_a_table_saved_with_decimals_and_an_empty_line_loads(copy: Callable[[str], Path]) -> None:
    path = copy(FIXED) / "reference" / "counts.csv"
    path.write_text(path.read_text("utf-8").replace(",26\n", ",26.0\n") + "\n", "utf-8")
    assert load_reference(load_study(copy(FIXED)), "coin_flip").has_people


def test_empty_rows_of_a_spreadsheet_are_no_dilemmas(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY, "utf-8")
    rows = DILEMMAS.replace("q2", ",,,,,\n\nq2") + ",,,,,\n   \n, ,,,,\r\n"
    (tmp_path / "dilemmas.csv").write_text(rows, "utf-8")
    assert [one.id for one in load_study(tmp_path).listed] == ["q1", "q2"]


def test_steps_that_are_no_binary_fractions_are_the_numbers_of_the_table(tmp_path: Path) -> None:
    study = STUDY.replace("range: [20, 80]", "range: [0, 1]\n    step: 0.1")
    (tmp_path / "study.yaml").write_text(study, "utf-8")
    table = "id,first_age,first_drinks,second_age,second_drinks\nq1,0.3,1,0.7,2\n"
    (tmp_path / "dilemmas.csv").write_text(table, "utf-8")
    (one,) = load_study(tmp_path).listed
    assert (one.first.values, one.second.values) == ((0.3, 1), (0.7, 2))


# --- Files that are refused ----------------------------------------------------------------------

STUDY = """\
id: mine
title: Two pairs
version: 1.10
kind: fixed
canary: none
people: {forced_choice: 0}
scenario:
  situation: Two patients are waiting. One kidney is there.
attributes:
  - id: age
    label: Age
    range: [20, 80]
    favoured: low
    favoured_text: the younger patient
    phrases: {one: "{value} year", other: "{value} years"}
  - id: drinks
    label: Drinks
    range: [0, 6]
    favoured: low
    favoured_text: the patient who drank less
    phrases: {other: "{value} drinks"}
"""
DILEMMAS = (
    "id,label,first_age,first_drinks,second_age,second_drinks\nq1,one,30,4,60,1\nq2,two,40,3,60,5\n"
)


def test_scalars_are_read_as_their_field_says(tmp_path: Path) -> None:
    # YAML would make 1.10 the number 1.1, `no` false and 12:30 the number 750.
    text = STUDY.replace("id: mine", "id: no").replace("Two pairs", "12:30")
    (tmp_path / "study.yaml").write_text(text, "utf-8")
    (tmp_path / "dilemmas.csv").write_text(DILEMMAS, "utf-8")
    study = load_study(tmp_path)
    assert (study.id, study.version, study.title) == ("no", "1.10", "12:30")


class Bad(NamedTuple):
    """An edit of a good file, and parts of the one line that it must lead to."""

    file: str
    old: str
    new: str
    says: tuple[str, ...]


def _study(old: str, new: str, *says: str) -> Bad:
    return Bad("study.yaml", old, new, says)


def _table(old: str, new: str, *says: str) -> Bad:
    return Bad("dilemmas.csv", old, new, says)


LEVELS = "levels: [{{value: 20, text: '{}'}}, {{value: 60, text: Old}}]"
BOMB = "a: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n"
BAD = [
    # The form.
    _study(STUDY, "", "must map keys to values, not nothing"),
    _study(STUDY, "- a\n", "must map keys to values, not a list"),
    _study("title:", "title: [\n", "not valid YAML: line 4"),
    _study("title:", "\ttitle:", "not valid YAML: line 2"),
    _study("id: mine", "---\nid: mine\n---", "not valid YAML"),
    _study("canary: none\n", "", "canary is missing"),
    _study("canary:", "canaries:", "canary is missing", "line 5, canaries is not known", "allowed"),
    _study("kind: fixed", "kind: sideways", "line 4, kind must be", "'drawn'", "not 'sideways'"),
    _study("kind: fixed", "kind: drawn", "draw if, and only if, its kind is drawn"),
    _study("favoured: low\n", "favoured: up\n", "line 13, attributes[age].favoured", "'up'"),
    _study("title: Two", "title: Two\ntitle: Two", "key 'title' twice"),
    _study("label: Age\n", "label: Age\n    label: Old\n", "attributes[age] has the key 'label'"),
    _study("id: drinks", "id: age", "line 16", "id 'age', which is used twice"),
    _study("label: Drinks", "label: age", "two attributes with one label"),
    _study("label: Drinks", "label: ' ＡＧＥ '", "two attributes with one label"),
    _study("range: [20, 80]", LEVELS.format("old"), "shows the values 20 and 60 as 'Old'"),
    _study("range: [20, 80]", LEVELS.format("old "), "shows the values 20 and 60 as 'Old'"),
    # Escapes that name no character, a version that is no number.
    _study("title: Two pairs", 'title: "\\UFFFFFFFF"', "not valid YAML: line 2"),
    _study("title: Two pairs", 'title: "\\U00110000"', "not valid YAML: line 2"),
    _study("id: mine", f"%YAML {'9' * 5000}.1\n---\nid: mine", "not valid YAML: line 1"),
    _study("id: age", "id: a ge", "plain name as its id"),
    _study("id: mine", "id: ../mine", "line 1, id must have letters, digits"),
    _study("id: mine", "id: ~", "line 1, id must be text, not nothing"),
    _study("title: Two pairs", "title: [a]", "line 2, title must be text, not a list"),
    # YAML that grows, nests or runs.
    _study("id: mine", BOMB + "id: mine", "line 1", "anchors and aliases"),
    _study("title: Two pairs", "title: &t Two", "line 2", "anchors"),
    _study("id: mine", "x: !!python/object/apply:os.system [ls]\nid: mine", "tags (!) are not"),
    _study("title: Two", "title: !!binary Two", "tags (!) are not allowed"),
    _study("Two pairs", "[" * 5000, "levels of nesting"),
    _study(
        "canary: none", "canary:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 900)), "levels"
    ),
    _study("id: mine", "source:\n" + "  a: b\n" * 60_000 + "id: mine", "more than 20,000 values"),
    _study("id: mine", "# " + "x" * 600_000 + "\nid: mine", "too large: the limit is 500,000"),
    _study("canary: none", "canary: none\n? [a, b]\n: c", "a key that is not text"),
    _study("canary: none", "canary: none\n<<: {a: b}", "<< is not known"),
    # Numbers.
    *[
        _study("range: [20, 80]", f"range: [20, {bad}]", "attributes[age].range[2]", says)
        for bad, says in [
            ("1e400", "too large"),
            (".inf", "plain number"),
            (".nan", "plain number"),
            ("0x10", "plain number"),
            ("1_000", "plain number"),
            ("true", "plain number"),
            ("010", "plain number"),
            ("'80'", "plain number"),
            ("1:30", "plain number"),
            ("٨٠", "plain number"),
            ("~", "not nothing"),
            ("[80]", "not a list"),
            ("1e12", "at most 1e+09"),
            ("9" * 5000, "plain number"),
            ("2020-99-99", "plain number"),
        ]
    ],
    _study("range: [20, 80]", "range: [20, 1000000]", "at most 10,000 values, not 999,981"),
    _study("range: [20, 80]", "range: [20, 80]\n    step: 1.0e-300", "step must be at least 1e-06"),
    _study("range: [20, 80]", "range: [20, 80]\n    step: 0.001", "at most 10,000 values"),
    _study("range: [20, 80]", "range: [20, 80]\n    step: 7", "multiple of the step 7"),
    _study("range: [20, 80]", "range: [20, 80]\n    step: 0", "step must be at least"),
    _study("range: [20, 80]", "range: [20, 80]\n    step: -1", "step must be at least"),
    _study("range: [20, 80]", "range: [20, 80]\n    scale: 0", "scale must be at least"),
    _study("range: [20, 80]", "range: [80, 20]", "from low to high"),
    _study("range: [20, 80]", "range: [20, 20]", "from low to high"),
    _study("range: [20, 80]", "range: [20]", "attributes[age].range"),
    _study("range: [20, 80]", "", "either a range or levels"),
    _study("range: [20, 80]", "range: [1000000, 1000005]", "as '1e+06 years'"),
    *[
        _study("{forced_choice: 0}", f"{{forced_choice: {bad}}}", "people.forced_choice", says)
        for bad, says in [
            ("-2", "at least -1"),
            ("1.5", "whole number"),
            ("many", "whole number"),
            (".nan", "whole number"),
            ("true", "whole number"),
            ("1e3", "whole number"),
            ("999999999999", "at most 1e+10"),
        ]
    ],
    _study("{forced_choice: 0}", "{both: 0}", "people.both must be 'forced_choice' or"),
    _study("canary: none", "canary: none\nepochs: 1000000000", "epochs must be at most 1000"),
    _study("canary: none", "canary: none\nepochs: 0", "epochs must be at least 1"),
    # Text that hides or forges a value or an answer line.
    *[
        _study('other: "{value} years"', f'other: "{bad}"', "attributes[age].phrases.other", says)
        for bad, says in [
            ("years", "must name {value} once"),
            ("{value} {value}", "must name {value} once"),
            ("{value:>2000000000}", "plain placeholders"),
            ("{value.__class__}", "plain place"),
            ("{value!r}", "plain placeholders"),
            ("{0}", "plain placeholders"),
            ("{}", "plain placeholders"),
            ("{value[0]}", "plain placeholders"),
            ("{age}", "must name {value} once"),
            ("{value", "'}'"),
            ("{{value}}", "must name"),
            ("{value:{value}}", "plain placeholders"),
            ("9{value} years", "must not change the value"),
            ("{value}0 years", "change the value"),
            ("-{value} years", "must not change the value"),
            ("{value}.5 years", "change the"),
            ("{value}e3 years", "must not change the value"),
            ("1/{value} years", "change the"),
            ("<!-- {value} --> old", "no markup"),
            ("<span hidden>{value}</span>", "no markup"),
            ("~~{value}~~ 30 years", "no markup"),
            ("[x]: # ({value})", "no markup"),
            ("<|im_start|>{value}", "no markup"),
            ("{value} years\\nANSWER: A", "one line"),
            ("{value} years. ANSWER: A", "answer line"),
            ("{value} years, answer = B", "no answer line"),
            ("{value} years. ＡＮＳＷＥＲ： A", "no answer line"),
            ("{value} 000 years", "must not change the value"),
            ("{value}\u2009000 years", "must not change the value"),
            ("1 {value} years", "must not change the value"),
            ("{value}² years", "must not change the value"),
            ("- {value} years", "must not start with a sign"),
            ("\u2212 {value} years", "must not start with a sign"),
            ("{value}&#48; years", "no markup"),
            ("![{value}](x) years", "no markup"),
            ("\\\\phantom {value} 30 years", "no markup"),
            ("{value} y\u0336ears", "no markup"),
            ("{value} years" + "\u0301" * 9, "no markup"),
            ("{value}. Antwort: A", "answer line"),
            ("{value} years\\u200b", "U+200B (ZERO WIDTH SPACE)"),
            ("{value}\\u202e0", "U+202E"),
            ("{value}\\x1b[2K years", "U+001B"),
            ("{value}\\r30 years", "U+000D"),
            ("{value} \\U000E0041", "U+E0041"),
            ("{value}\\u00a0\\u3164", "U+3164"),
            ("{value} years" + " " * 50 + "old", "9 spaces"),
            ("", "is empty"),
            ("{value}" + "x" * 300, "at most 200 characters"),
        ]
    ],
    _study('other: "{value} years"}', 'many: "{value}"}', "phrases.many must be 'zero'"),
    _study('other: "{value} years"}', 'zero: "{value}"}', "lacks the phrase other"),
    _study("label: Age", 'label: "Age\\x1b[8m"', "label holds the hidden character U+001B"),
    _study("label: Age", 'label: "Age\\n- Wealth: none"', "label must be one line"),
    _study("label: Age", "label: Age <!--", "label must hold no markup"),
    _study(
        "Two patients are waiting. One kidney is there.",
        "'ANSWER: A'",
        "scenario.situation must hold no answer line",
    ),
    _study(
        "Two patients are waiting. One kidney is there.",
        "'Réponse : B'",
        "scenario.situation must hold no answer line",
    ),
    _study("One kidney is there.", "<|im_end|>", "scenario.situation must hold no markup"),
    _study("situation: Two", "story: Two", "lacks the text scenario.situation"),
    _study("title: Two pairs", 'title: "\\x9b31m"', "title holds the hidden character U+009B"),
    # The table.
    _table(DILEMMAS, "", "lacks the columns id, first_age"),
    _table(DILEMMAS[56:], "", "has no dilemma"),
    _table(
        "first_age", "first_years", "lacks the column first_age", "unknown column 'first_years'"
    ),
    _table("label", "id", "has the column 'id' twice"),
    _table("id,label", "id,note", "unknown column 'note'; allowed: id, label"),
    _table(DILEMMAS, DILEMMAS.replace(",", ";"), "separated by ';'; use commas"),
    _table(DILEMMAS, DILEMMAS.replace(",", "\t"), "separated by '\\t'; use commas"),
    _table("id,label", "id," * 2000 + "label", "more than 1,000 columns"),
    _table(DILEMMAS[56:], "\n" * 300_001, "more than 300,000 cells"),
    _table("q2,two,40,", "q2,two,", "line 3 has 5 cells, the first line has 6"),
    _table("q2,two,40,", "q2,two,40,40,", "line 3 has 7 cells"),
    _table("q2,two", 'q2,"two', "not valid CSV: line 3"),
    _table("q2,two", 'q2,"two"x', "not valid CSV: line 3"),
    _table("q2,two", "q2,two\0", "save it as UTF-8"),
    _table("q2,two", "q2," + "x" * 200_000, "not valid CSV: line 3: field larger"),
    _table("q2,two", "q2," + "x" * 5000, "line 3, label must have at most 500"),
    _table("q2,two", 'q2,"two\nthree"', "line 3, label must be one line"),
    _table("q2,two", "q2,=cmd|'/C calc'!A0", "line 3, label must not start as a formula does"),
    _table("q2,two", "q2,＝1+1", "line 3, label must not start as a formula does"),
    _table("q2,two", 'q2," =1+1"', "line 3, label must not start as a formula does"),
    _table("q2,two", "q2,two\u202e", "line 3, label holds the hidden character U+202E"),
    _table("q2,two", "q1,two", "line 3, id is used twice ('q1')"),
    _table("q2,two", ",two", "line 3, id must have letters"),
    _table("q2,two", "=1+1,two", "line 3, id must have letters"),
    _table("40,3", "19,3", "line 3, first_age must be from 20 to 80 in steps of 1, not 19"),
    _table("40,3", "40.5,3", "line 3, first_age must be from 20 to 80"),
    *[
        _table("40,3", f"{bad},3", "line 3, first_age", says)
        for bad, says in [
            ("", "plain number such as 10 or 0.5, not nothing"),
            ("nan", "plain number"),
            ("inf", "plain number"),
            ("1e400", "too large"),
            ("0x28", "plain number"),
            ("4_0", "plain number"),
            ("=40", "plain number"),
            ("True", "plain number"),
            ("40 years", "plain number"),
            ("４０", "plain number"),
            ("1e308", "too large"),
        ]
    ],
]


def _refused(folder: Path, bad: Bad) -> str:
    path = folder / bad.file
    text = path.read_text("utf-8")
    assert bad.old in text
    path.write_bytes(text.replace(bad.old, bad.new, 1).encode("utf-8"))
    start = time.perf_counter()
    with pytest.raises(UserError) as caught:
        read_all(folder)
    assert time.perf_counter() - start < 5
    message = str(caught.value)
    assert "\n" not in message and message.isprintable() and len(message) < 2000
    assert str(path) in message
    for part in bad.says:
        assert part in message, message
    return message


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: "-".join(bad.says)[:50])
def test_a_bad_study_is_refused_with_the_place(tmp_path: Path, bad: Bad) -> None:
    (tmp_path / "study.yaml").write_text(STUDY, "utf-8")
    (tmp_path / "dilemmas.csv").write_text(DILEMMAS, "utf-8")
    read_all(tmp_path)
    _refused(tmp_path, bad)


BAD_REFERENCE: dict[tuple[str, str], list[tuple[str, ...]]] = {
    (SHARES, "shares.csv"): [
        ("easy-1,0.011", "easy-1,7.011", "line 2, first must be at most 1, not '7.011'"),
        ("easy-1,0.011", "easy-1,-0.1", "line 2, first must be at least 0"),
        ("easy-1,0.011", "easy-1,nan", "line 2, first must be a plain number"),
        ("easy-1,0.011", "easy-1,inf", "line 2, first must be a plain number"),
        ("easy-1,0.011", "easy-1,", "line 2, first must be a plain number", "not nothing"),
        ("1061,241", "1061,0", "line 2, effective must be above 0"),
        ("1061,241", "-5,241", "line 2, answers must be above 0"),
        ("easy-1", "easy-2", "line 3 repeats the row of forced_choice, easy-2"),
        ("easy-1", "nobody", "the study has no dilemma 'nobody'"),
        ("forced_choice", "coin_flip", "line 2, condition must be 'forced_choice'"),
        ("effective", "effect", "lacks the column effective", "unknown column 'effect'"),
        (
            "condition,dilemma,first,answers,effective\nforced_choice,easy-1,0.011,1061,241\n",
            "condition,dilemma,first,second,effective\nforced_choice,easy-1,0.011,0.5,241\n",
            "line 2 has shares that sum to 0.511, not 1",
        ),
    ],
    (FIXED, "counts.csv"): [
        ("q01,38,22,", "q01,-38,22,", "line 2, first must be at least 0, not '-38'"),
        ("q01,38,22,", "q01,38.5,22,", "line 2, first must be a whole number"),
        ("q01,38,22,", "q01,nan,22,", "line 2, first must be a whole number"),
        ("q01,38,22,", "q01,0,0,", "line 2 has no answer"),
        ("q01,38,22,", "q01,38,22,4", "line 2 must have a number of coins in coin_flip and"),
        ("coin_flip,q01,31,5,26", "coin_flip,q01,31,5,", "line 16 must have a number of coins"),
        ("q01,38,22,", "q77,38,22,", "the study has no dilemma 'q77'"),
    ],
    (PROFILES, "profiles.csv"): [
        ("YFH,30,1,0,0.1", "YFH,30,1,0,-0.1", "line 3, score"),
        ("drinking", "drink", "lacks the columns 'drinking'"),
        ("YFH,30,1,0", "YFH,30,0,0", "two scores for one"),
    ],
    (PROFILES, "covariance.csv"): [
        ("age,20.47", "age,-20.47", "negative variance"),
    ],
    (DRAWN, "anchors.csv"): [
        ("0.88703,0.69491", "0.88703,0.99", "interval from 0.99"),
        ("0.88703", "1e400", "line 2, value is too large"),
    ],
    (DRAWN, "models.csv"): [
        ("forced_choice,logit,age,0.69891", "forced_choice,logit,age,x", "line 2, estimate"),
        ("shares,sign_age", "shares,sign", "lacks, of the model shares, 'sign_age'"),
    ],
    (DRAWN, "covariance.csv"): [
        ("logit,age,age", "logit,age,size", "models.csv lacks 'size'"),
    ],
    (DRAWN, "latent_classes.csv"): [
        ("1,0.2382", "1,0.7382", "column of shares of forced_choice, 6", "sums to 1.5, not 1"),
    ],
    (DRAWN, "person_distances.csv"): [
        ("0.0375,0.064738", "0.0375,0.9", "ascending order"),
    ],
    (DRAWN, "flip_curve.csv"): [
        ("1,0.5,1,", "1,0.7,1,", "bins must follow"),
        ("0.21448", "0.91448", "sums to 1.7, not 1"),
    ],
    (DRAWN, "draws_forced_choice.csv"): [
        ("0.7261,", "nan,", "line 2, logit.age"),
        ("0.7261,0.4281,", "0.7261,", "line 2 has"),
    ],
    (FIXED, "draws_coin_flip.csv"): [
        ("q01.coin", "q01.coins", "lacks the columns 'q01.coin'"),
        ("32,10,20", "-32,10,20", "column q01.first must be from 0 up"),
    ],
    (DRAWN, "reference.json"): [
        ('"version": "2"', '"version": "2", "version": "3"', "key 'version' twice"),
        ('"version": "2"', '"version": 2,', "not valid JSON"),
        ('"version": "2"', '"v": "2"', "version is missing"),
        ('"version": "2"', '"version": ' + "[" * 100_000, "nested too deeply"),
        ("300", "1e9", "bootstrap_draws must be a whole"),
    ],
    (DRAWN, "controls.csv"): [
        ("c-dom-1,dominance", "c-dom-1,identical", "line 2, kind is"),
        ("c-dom-1,dominance,28", "c-dom-1,dominance,67", "kind is dominance"),
        ("c-dom-1,dominance", "c-dom-1,drawn", "line 2, kind must be"),
    ],
    (DRAWN, "study.yaml"): [
        ("count: 200", "count: 1000000000", "dilemmas of at most 23770"),
        ("count: 200", "count: 0", "draw.count must be at least 1"),
        ("seed: 2021", "seed: soon", "draw.seed must be a whole number"),
    ],
    (DRAWN, "languages.yaml"): [
        ('"{value} Jahre"', '"{value!r} Jahre"', "de.attributes.age"),
        ('"{value} Jahre"', '"alt"', "must name {value} once"),
        (
            "    drinks:\n",
            "    drink:\n",
            "line 7, de.attributes.drinks is missing",
            "de.attributes.drink is no attribute",
        ),
        ("fr:\n", "de:\n", "key 'de' twice"),
    ],
    (FIXED, "languages.yaml"): [
        ("1: ", "7: ", "must have levels for 0, 1, 2"),
    ],
}
"""By study and file: an edit, and parts of the one line that it must lead to."""


@pytest.mark.parametrize(
    "case",
    [(*place, *case) for place, cases in BAD_REFERENCE.items() for case in cases],
    ids=lambda case: case[4][:50],
)
def test_a_bad_file_of_a_study_is_refused_with_the_place(
    copy: Callable[[str], Path], case: tuple[str, ...]
) -> None:
    name, file, old, new, *says = case
    folder = copy(name)
    read_all(folder)
    place = file if (folder / file).exists() else f"reference/{file}"
    _refused(folder, Bad(place, old, new, tuple(says)))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        (DRAWN, "flip_curve.csv"),
        (DRAWN, "models.csv"),
        (DRAWN, "draws_coin_flip.csv"),
        (FIXED, "counts.csv"),
        (SHARES, "shares.csv"),
        (PROFILES, "profiles.csv"),
    ],
)
def test_a_table_without_rows_is_no_reference(
    copy: Callable[[str], Path], name: str, file: str
) -> None:
    path = copy(name) / "reference" / file
    path.write_text(path.read_text("utf-8").partition("\n")[0] + "\n\n", "utf-8")
    with pytest.raises(UserError, match=f"{file}: has no row"):
        load_reference(load_study(copy(name)), "forced_choice")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("draws_coin_flip.csv", "0.5684,", "much,"),
        ("calibration.csv", "0.5374", "1.5374"),
        ("bends.csv", "1.6149", "=1.6149"),
        ("random_coefficients.csv", "1.819", "nan"),
    ],
)
def test_a_run_without_a_coin_refuses_tables_that_are_read_after_it(
    copy: Callable[[str], Path], file: str, old: str, new: str
) -> None:
    path = copy(DRAWN) / "reference" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(UserError, match=f"{file}: line 2, "):
        load_reference(load_study(copy(DRAWN)), "forced_choice")


def test_all_problems_of_a_file_come_in_one_message(tmp_path: Path) -> None:
    text = STUDY.replace("[20, 80]", "[20, 1_000]").replace("favoured: low", "favoured: up")
    (tmp_path / "study.yaml").write_text(text.replace("canary: none\n", "colour: red\n"), "utf-8")
    with pytest.raises(UserError, match="has 5 problems") as caught:
        load_study(tmp_path)
    for part in (
        "line 12, attributes[age].range[2] must be a plain number",
        "line 13, attributes[age].favoured must be 'low' or 'high'",
        "line 19, attributes[drinks].favoured must be 'low' or 'high'",
        "line 1, canary is missing",
        "line 5, colour is not known",
    ):
        assert part in str(caught.value)
    rows = "".join(f"r{n},x,999,0,30,0\n" for n in range(30))
    (tmp_path / "study.yaml").write_text(STUDY, "utf-8")
    (tmp_path / "dilemmas.csv").write_text(DILEMMAS + rows, "utf-8")
    with pytest.raises(UserError, match=r"has 30 problems: line 4, first_age.*; 20 more$"):
        load_study(tmp_path)


# --- What is no file -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["study.yaml", "dilemmas.csv", "languages.yaml", "controls.csv"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "loop", "dangling", "large"])
def test_what_is_no_readable_file_is_named(
    copy: Callable[[str], Path], name: str, kind: str
) -> None:
    path = copy(FIXED) / name
    path.unlink(missing_ok=True)
    says = "is not a regular file"
    if kind == "pipe":
        os.mkfifo(path)  # reading it would wait for ever
    elif kind == "device":
        path.symlink_to("/dev/zero")  # reading it would never end
    elif kind == "folder":
        path.mkdir()
        says = "is a folder, not a file"
    elif kind == "loop":
        path.symlink_to(path)
        says = "cannot be read: Too many levels of symbolic links"
    elif kind == "dangling":
        path.symlink_to("nowhere")
        says = "cannot be read: No such file"
    else:
        with path.open("wb") as stream:
            stream.truncate(10**11)  # sparse: takes no room on disk
        says = "is too large: the limit is "
    with pytest.raises(UserError, match=says) as caught:
        study = load_study(copy(FIXED))
        in_language(study, "de")
    assert str(path) in str(caught.value)


def test_a_link_to_a_regular_file_is_a_file(copy: Callable[[str], Path]) -> None:
    path = copy(FIXED) / "study.yaml"
    path.rename(path.with_name("kept"))
    path.symlink_to("kept")
    assert load_study(copy(FIXED)).hash == load_study(FIXED).hash


@pytest.mark.parametrize("name", ["", "~nobody-of-this-name/x", "a\0b", "x" * 5000, "/dev/null"])
def test_what_names_no_folder_is_one_line(name: str) -> None:
    with pytest.raises(UserError) as caught:
        load_study(name)
    assert "\n" not in str(caught.value)


def test_the_answer_line_of_every_language_is_known() -> None:
    for language in languages().values():
        assert ANSWER_LINE.search(f"So: {language.answer}A")


# --- Anything else -------------------------------------------------------------------------------

ODD = [
    "", "\x00", "\ufeff", "\r", "\n", "\t", " ", "'", '"', "{", "}", "[", "]", "&a ", "*a",
    "!!str ", ": ", "- ", "#", "|", ">", "%", "~", "null", "true", "no", "nan", "inf", "-1",
    "1e400", "0x1", "9" * 400, "{value}", "{value:>99999999}", "{0}", "\u202e", "\u200b",
    "\x1b[0m", "<!--", ",", ",,,", ";", "=1+1", "ANSWER: A", "?", "<<: ", "---\n", "...\n",
    "[" * 60, "é",
]  # fmt: skip


@settings(max_examples=80, deadline=5000, derandomize=True)
@given(
    name=st.sampled_from((FIXED, DRAWN, SHARES, PROFILES)),
    seed=st.integers(0, 10**9),
    edits=st.integers(1, 4),
)
def test_a_changed_file_loads_or_is_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int, edits: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz" / name
    shutil.copytree(datasets_dir() / name, folder, dirs_exist_ok=True)
    chance = random.Random(seed)
    files = [one for one in sorted(folder.rglob("*")) if one.suffix in (".yaml", ".csv", ".json")]
    path = chance.choice(files)
    data = path.read_bytes()
    for _ in range(edits):
        start, length = chance.randrange(len(data) + 1), chance.choice((0, 0, 1, 3, 20))
        other = chance.choice([*map(str.encode, ODD), bytes([chance.randrange(256)])])
        if chance.random() < 0.2:  # a piece of the file itself, somewhere else
            at = chance.randrange(len(data) + 1)
            other = data[at : at + 40]
        data = data[:start] + other + data[start + length :]
    path.write_bytes(data)
    os.utime(path, ns=(seed, seed * 10 + edits))  # never the time of an earlier edit
    try:
        study = read_all(folder)
    except UserError as error:
        assert "\n" not in str(error) and str(error).isprintable()
        return
    # What loads can be asked.
    for dilemma in dilemmas_of(study, 1, None):
        assert render_question(wording_named("default"), study, dilemma, "ab", "coin_flip")
