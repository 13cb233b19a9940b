"""Studies that a stranger wrote: what is refused, where the message points, what still loads."""

import hashlib
import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

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

FIXED, DRAWN = "mcelfresh_2021_fixed", "mcelfresh_2021"

PINNED = {
    # Study hash, SHA-256 of the reference tables, hash over all sample ids of a default run: any
    # change makes old logs incomparable.
    DRAWN: ("b90f9f321383bb95", "89de4655fb0286ab", "08d3b0f04625af58"),
    FIXED: ("a2d5617ce6fab904", "cc02299cbe753407", "8e20dd91658097d4"),
    "freedman_2020": ("a9ec1e0de4b0e3d1", "fd27d089e9e53f07", "8065a82ad5489fa1"),
    "boerstler_2024": ("929bc78d87774ad7", "df6016010422c45b", "7f89d2111beb774c"),
    # Nobody was asked: the hash of no table.
    "icu_bed": ("6f16a35f12931b33", "e3b0c44298fc1c14", "c6bf976e5a5ca4e3"),
    "liver": ("a70beb6d568ddd72", "e3b0c44298fc1c14", "dad3c74e1b01cc43"),
    "school_place": ("5e76dfce33f30b37", "e3b0c44298fc1c14", "559810d624626389"),
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
    assert shipped == PINNED.get(name)


Copy = Callable[[str], Path]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A function that returns the folder of a copy of a shipped study."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        if not folder.exists():
            shutil.copytree(datasets_dir() / name, folder)
        return folder

    return make


# --- What other programs make of a file ---


def test_byte_order_marks_and_windows_line_ends_change_nothing(copy: Copy) -> None:
    for name in (FIXED, DRAWN):
        folder = copy(name)
        for path in [*folder.glob("*.*"), *folder.glob("reference/*.*")]:
            data = path.read_bytes().replace(b"\n", b"\r\n")
            path.write_bytes(b"\xef\xbb\xbf" + data)
        mine, shipped = (
            (study.hash, study.listed, study.attributes, load_reference(study, "coin_flip").sha256)
            for study in (read_all(folder), load_study(name))
        )
        assert mine == shipped


@pytest.mark.parametrize(
    "file", ["study.yaml", "dilemmas.csv", "languages.yaml", "reference/counts.csv"]
)
@pytest.mark.parametrize("encoding", ["utf-16-le", "cp1252"])
def test_other_encodings_are_one_line(copy: Copy, file: str, encoding: str) -> None:
    path = copy(FIXED) / file
    text = path.read_text("utf-8").replace("question", "ä").replace("#", "# é")
    # A table of numbers alone is the same bytes in cp1252.
    text = text.replace("q01", "q\xe901")
    path.write_bytes(text.encode(encoding, "replace"))
    with pytest.raises(UserError, match="save it as UTF-8") as caught:
        read_all(copy(FIXED))
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    assert ("UTF-16" in message) == (encoding == "utf-16-le")


def test_a_table_saved_with_decimals_and_an_empty_line_loads(copy: Copy) -> None:
    path = copy(FIXED) / "reference" / "counts.csv"
    path.write_text(path.read_text("utf-8").replace(",26\n", ",26.0\n") + "\n", "utf-8")
    assert load_reference(load_study(copy(FIXED)), "coin_flip").has_people


# --- Files that are refused ---

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


def written(folder: Path, study: str = STUDY, dilemmas: str = DILEMMAS) -> Path:
    (folder / "study.yaml").write_text(study, "utf-8")
    (folder / "dilemmas.csv").write_text(dilemmas, "utf-8")
    return folder


def test_scalars_are_read_as_their_field_says_and_empty_rows_are_no_dilemmas(
    tmp_path: Path,
) -> None:
    # YAML would make 1.10 the number 1.1, `no` false and 12:30 the number 750.
    text = STUDY.replace("id: mine", "id: no").replace("Two pairs", "12:30")
    rows = DILEMMAS.replace("q2", ",,,,,\n\nq2") + ",,,,,\n   \n, ,,,,\r\n"
    study = load_study(written(tmp_path, text, rows))
    assert (study.id, study.version, study.title) == ("no", "1.10", "12:30")
    assert [one.id for one in study.listed] == ["q1", "q2"]


def test_steps_that_are_no_binary_fractions_are_the_numbers_of_the_table(tmp_path: Path) -> None:
    study = STUDY.replace("range: [20, 80]", "range: [0, 1]\n    step: 0.1")
    table = "id,first_age,first_drinks,second_age,second_drinks\nq1,0.3,1,0.7,2\n"
    (one,) = load_study(written(tmp_path, study, table)).listed
    assert (one.first.values, one.second.values) == ((0.3, 1), (0.7, 2))


Bad = tuple[str, str, str, str, tuple[str, ...]]
"""Study ("mine" for the one above), file, a text in it (the whole file if empty), its replacement,
and parts of the one line that it must lead to.
"""


def _bad_files() -> list[Bad]:
    """Return the cases of `bad_files.jsonl`, and those that are too long for it."""
    deep = "canary:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 900))
    large = "source:\n" + "  a: b\n" * 20_000 + "id: mine"
    known = Path(__file__).with_name("bad_files.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in known.splitlines()]
    study, table = ("mine", "study.yaml"), ("mine", "dilemmas.csv")
    rows += [
        (*study, "id: mine", f"%YAML {'9' * 5000}.1\n---\nid: mine", "not valid YAML: line 1"),
        (*study, "Two pairs", "[" * 5000, "levels of nesting"),
        (*study, "canary: none", deep, "levels"),
        (*study, "id: mine", large, "more than 20,000 values"),
        (*study, "id: mine", f"# {'x' * 600_000}\nid: mine", "too large: the limit is 500,000"),
        (*study, "[20, 80]", f"[20, {'9' * 5000}]", "attributes[age].range[2]", "plain number"),
        (*table, "id,label", "id," * 2000 + "label", "more than 1,000 columns"),
        (*table, DILEMMAS[56:], "\n" * 300_001, "more than 300,000 cells"),
        (*table, "q2,two", "q2," + "x" * 200_000, "not valid CSV: line 3: field larger"),
        (*table, "q2,two", "q2," + "x" * 5000, "line 3, label must have at most 500"),
        (DRAWN, "reference.json", '"3"', "[" * 100_000, "nested too deeply"),
    ]
    return [(name, file, old, new, tuple(says)) for name, file, old, new, *says in rows]


@pytest.mark.parametrize("bad", _bad_files(), ids=lambda bad: f"{bad[1]}-{'-'.join(bad[4])}"[:50])
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, copy: Copy, bad: Bad) -> None:
    name, file, old, new, says = bad
    folder = written(tmp_path) if name == "mine" else copy(name)
    path = folder / file if (folder / file).exists() else folder / "reference" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_bytes((text.replace(old, new, 1) if old else new).encode("utf-8"))
    start = time.process_time()
    with pytest.raises(UserError) as caught:
        read_all(folder)
    assert time.process_time() - start < 5
    message = str(caught.value)
    assert "\n" not in message and message.isprintable() and len(message) < 2000
    for part in (str(path), *says):
        assert part in message, message


def test_a_run_without_a_coin_checks_the_tables_of_runs_with_a_coin(copy: Copy) -> None:
    path = copy(DRAWN) / "reference" / "draws_coin_flip.csv"
    path.write_text(path.read_text("utf-8").replace("0.5684,", "much,", 1), "utf-8")
    with pytest.raises(UserError, match=r"draws_coin_flip\.csv: line 2, "):
        load_reference(load_study(copy(DRAWN)), "forced_choice")


def test_all_problems_of_a_file_come_in_one_message(tmp_path: Path) -> None:
    text = STUDY.replace("[20, 80]", "[20, 1_000]").replace("favoured: low", "favoured: up")
    text = text.replace("canary: none\n", "colour: red\n")
    with pytest.raises(UserError, match="has 5 problems") as caught:
        load_study(written(tmp_path, text))
    for part in (
        "line 12, attributes[age].range[2] must be a plain number",
        "line 13, attributes[age].favoured must be 'low' or 'high'",
        "line 19, attributes[drinks].favoured must be 'low' or 'high'",
        "line 1, canary is missing",
        "line 5, colour is not known",
    ):
        assert part in str(caught.value)
    rows = "".join(f"r{n},x,999,0,30,0\n" for n in range(30))
    with pytest.raises(UserError, match=r"has 30 problems: line 4, first_age.*; 20 more$"):
        load_study(written(tmp_path, dilemmas=DILEMMAS + rows))


# --- What is no file ---


def _large(path: Path) -> None:
    path.touch()
    os.truncate(path, 10**11)  # a sparse file, which takes no room on disk


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, "is not a regular file"),  # reading it would wait for ever
    "device": (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
    "folder": (Path.mkdir, "is a folder, not a file"),
    "loop": (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "cannot be read: No such file"),
    "large": (_large, "is too large: the limit is"),
}


@pytest.mark.parametrize("name", ["study.yaml", "dilemmas.csv", "languages.yaml", "controls.csv"])
@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_path_that_is_no_readable_file_is_named(copy: Copy, name: str, kind: str) -> None:
    make, says = UNREADABLE[kind]
    path = copy(FIXED) / name
    path.unlink(missing_ok=True)
    make(path)
    with pytest.raises(UserError, match=says) as caught:
        in_language(load_study(copy(FIXED)), "de")
    assert str(path) in str(caught.value)


def test_a_link_to_a_regular_file_is_a_file(copy: Copy) -> None:
    path = copy(FIXED) / "study.yaml"
    path.rename(path.with_name("kept"))
    path.symlink_to("kept")
    assert load_study(copy(FIXED)).hash == load_study(FIXED).hash


@pytest.mark.parametrize("name", ["", "~nobody-of-this-name/x", "a\0b", "x" * 5000, "/dev/null"])
def test_what_names_no_folder_is_one_line(name: str) -> None:
    with pytest.raises(UserError, match=r"^[^\n]*$"):
        load_study(name)


def test_the_answer_line_of_every_language_is_known() -> None:
    for language in languages().values():
        assert ANSWER_LINE.search(f"So: {language.answer}A")


# --- Anything else ---

ODD = [
    "", "\x00", "\ufeff", "\r", "\n", "\t", " ", "'", '"', "{", "}", "[", "]", "&a ", "*a",
    "!!str ", ": ", "- ", "#", "|", ">", "%", "~", "null", "true", "no", "nan", "inf", "-1",
    "1e400", "0x1", "9" * 400, "{value}", "{value:>99999999}", "{0}", "\u202e", "\u200b",
    "\x1b[0m", "<!--", ",", ",,,", ";", "=1+1", "ANSWER: A", "?", "<<: ", "---\n", "...\n",
    "[" * 60, "é",
]  # fmt: skip


@settings(max_examples=40, deadline=5000, derandomize=True)
@given(
    name=st.sampled_from((FIXED, DRAWN, "boerstler_2024", "freedman_2020")),
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
