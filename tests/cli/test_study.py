"""`kidney-evals study`: a new folder, every problem of a folder at once, and the schema."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from cli.calling import kidney_evals, printed, refused
from kidney_evals.cli import main
from kidney_evals.studies import (
    Study,
    datasets_dir,
    dilemmas_of,
    languages_of,
    load_study,
    study_names,
)
from kidney_evals.studies.new import CONSENT_TO_REPLACE, control_rows, parse_attribute
from kidney_evals.studies.schema import SCHEMA_FILE, study_schema
from kidney_evals.survey.settings import load_survey
from study_folders import copied, edit

FILES = {"study.yaml", "controls.csv", "survey.yaml", "README.md", SCHEMA_FILE}

# --- new ---


def test_defaults_make_a_valid_folder(tmp_path: Path) -> None:
    folder = tmp_path / "grant"
    assert f"kidney-evals study check {folder}" in printed("study", "new", folder, "--yes")
    assert {path.name for path in folder.iterdir()} == FILES
    study = load_study(folder)
    assert (study.id, study.words.good, study.people["coin_flip"]) == ("grant", "scholarship", 0)
    assert len(dilemmas_of(study, None, None)) == 200 and len(study.control_block) == 10
    (consent,) = load_survey(study).consent.values()
    assert consent.startswith(CONSENT_TO_REPLACE)
    # The schema that study.yaml names lies beside it, so that an editor needs no network.
    first = (folder / "study.yaml").read_text("utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE}"
    assert "problem" not in printed("study", "check", folder)


ANSWERS = """\
flat
tenant

Two tenants ask for a flat.
Household
1 to 6 people
high
the larger household
Waiting
0 to 9 by 1 years
high

Wrong
five
Health
well | ill
high


120
"""
"""What a person types; an empty line takes the default, a wrong range is asked again."""


def test_questions_are_asked_one_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "flats"
    done = CliRunner().invoke(main, ["study", "new", str(folder)], input=ANSWERS)
    assert done.exit_code == 0, done.output
    assert "Try again." in done.output
    study = load_study(folder)
    words = study.words
    assert (words.the_good, words.a_candidate) == ("the flat", "a tenant")
    assert words.candidates == "tenants"
    assert words.situation == "Two tenants ask for a flat."
    assert study.attribute_ids == ("household", "waiting", "health")
    household, waiting, health = study.attributes
    assert [household.describe(value) for value in (1, 2)] == ["1 person", "2 people"]
    assert household.favoured_text == "the larger household"
    assert waiting.favoured_text == "the tenant with the higher waiting"
    assert [waiting.describe(value) for value in (0, 1)] == ["0 years", "1 year"]
    assert health.favoured_text == "the tenant with health: ill"
    assert study.draw and study.draw.count == 120


def test_a_session_that_ends_early_writes_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["study", "new", str(tmp_path / "x")], input="flat\n")
    assert done.exit_code == 1 and not list(tmp_path.iterdir())


def facts(study: Study) -> tuple[object, ...]:
    drawn = dilemmas_of(study, 5, None) if study.draw is None else ()
    return (study.attributes, study.words, study.draw, drawn, study.control_block, study.epochs)


@pytest.mark.parametrize("name", study_names())
def test_the_questions_of_a_shipped_study_without_its_people(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    printed("study", "new", folder, "--from", name, "--title", "Mine")
    mine, theirs = load_study(folder), load_study(name)
    assert facts(mine) == facts(theirs)
    assert (mine.id, mine.title, set(mine.people.values())) == ("mine", "Mine", {0})
    assert mine.canary != theirs.canary and not (folder / "reference").exists()
    assert languages_of(mine) == languages_of(theirs)
    load_survey(mine)


@pytest.mark.parametrize(
    "word",
    [
        *("no", "null", "1.10", "tea: hot", "# one", "- two", "it's"),
        *('a "good" seat', "größe", "a, b", "~"),
    ],
)
def test_any_word_is_read_back_as_it_was_typed(word: str, tmp_path: Path) -> None:
    situation = f"One  {word} is left.\n\nTwo ask for it: {'who gets it? ' * 20}"
    attribute = f"Rank of {word.replace(':', '')}: lower {word} | higher {word}; high"
    options = ("--good", word, "--candidate", word, "--situation", situation, "--title", word)
    lines = ("--attribute", attribute, "--attribute", "Age: -0.5 to 20 by 0.5 years; low")
    printed("study", "new", tmp_path / "x", "--yes", *options, *lines)
    study = load_study(tmp_path / "x")
    words = study.words
    assert (words.good, words.candidate, study.title) == (word, word, word)
    assert words.situation == situation.strip()
    rank, age = study.attributes
    assert [level.text for level in rank.levels] == [f"lower {word}", f"higher {word}"]
    # 20.5 years in steps of half a year are 42 values.
    assert len(age.values) == 42 and age.describe(1) == "1 year"


TOO_FEW = ("--attribute", "A: no | yes; high", "--attribute", "B: no | yes; low")

REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("--attribute", "Age"), "an attribute is 'LABEL: VALUES; low'"),
    (("--attribute", "Age: 18 to 60 years"), "an attribute is 'LABEL: VALUES; low'"),
    (("--attribute", "Age: many; low"), "the values of 'Age' are a range"),
    (("--attribute", "Age: 60 to 18 years; low"), "attribute 'Age' must have a range"),
    (("--attribute", "Age: 18 to 61 by 2 years; low"), "must have a range that is a multiple"),
    (
        ("--attribute", "Age: 18 to 60 by 0 years; low"),
        "attribute 'Age' step must be at least 1e-06, not '0.0'",
    ),
    (("--attribute", "Age: young | young; low"), "attribute 'Age' shows the values 0 and 1 as"),
    # 4 candidates make 6 pairs; a draw may take a tenth of them, and at least 1.
    (TOO_FEW, "at most 1 dilemmas can be drawn"),
    (("--attribute", "Age: 1 to 9; low", "--attribute", "Age: 1 to 9; low"), "called 'age'"),
    (("--good", "the <b>good</b>"), "good must hold no markup"),
    (("--dilemmas", "100000"), "dilemmas must be a number from 1 to"),
    (("--from", "nothing"), "unknown study 'nothing'"),
    (
        ("--from", "liver", "--good", "lung"),
        "--from takes the questions of liver: leave out --good",
    ),
]


@pytest.mark.parametrize(("options", "says"), REFUSED)
def test_what_makes_no_study_is_one_line_and_writes_nothing(
    options: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    line = refused(kidney_evals("study", "new", tmp_path / "x", "--yes", *options))
    assert says in line and not list(tmp_path.iterdir())


def test_nothing_is_overwritten_and_no_shipped_name_taken(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes.txt").write_text("mine", encoding="utf-8")
    line = refused(kidney_evals("study", "new", tmp_path / "there", "--yes"))
    assert "is not an empty folder: name another folder" in line
    line = refused(kidney_evals("study", "new", tmp_path / ("x" * 300), "--yes"))
    assert line.endswith("(File name too long)")
    # `-T study=liver` would be the shipped one.
    line = refused(kidney_evals("study", "new", tmp_path / "liver", "--yes"))
    assert "the name of a shipped study" in line and not (tmp_path / "liver").exists()
    assert "unknown study" in refused(kidney_evals("study", "check", tmp_path / "liver"))


def test_controls_are_clear_or_equal_pairs() -> None:
    attributes = [
        parse_attribute(line, "patient")
        for line in ("Age: 18 to 60 years; low", "Risk: a | b | c; high", "Ill: no | yes; low")
    ]
    rows = list(control_rows(attributes))
    assert [row["kind"] for row in rows] == ["dominance"] * 5 + ["identical"] * 5
    for row in rows:
        gains = [
            one.favour(float(row[f"first_{one.id}"])) - one.favour(float(row[f"second_{one.id}"]))
            for one in attributes
        ]
        clear = all(gain > 0 for gain in gains) or all(gain < 0 for gain in gains)
        assert clear if row["kind"] == "dominance" else gains == [0, 0, 0]
    assert len({tuple(row.values())[2:] for row in rows}) == 10


# --- check ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A new study."""
    printed("study", "new", tmp_path / "mine", "--yes")
    return tmp_path / "mine"


def test_every_file_is_checked_and_every_problem_listed(tmp_path: Path) -> None:
    folder = copied(
        *("mcelfresh_2021_fixed", tmp_path / "mine"),
        ("study.yaml", "id: mcelfresh_2021_fixed", "id: my study"),
        ("study.yaml", "favoured_text: the younger patient", 'favoured_text: ""'),
        ("dilemmas.csv", "q02,question 2,18", "q02,question 2,19"),
        ("reference/counts.csv", "forced_choice", "forced"),
        ("reference/draws_coin_flip.csv", "32,10,20", "32,10,many"),
    )
    done = kidney_evals("study", "check", folder)
    assert done.exit_code == 1
    for line in (
        "study.yaml       2 problems",
        "  line 2, id must have letters, digits, _, . and - only ('my study')",
        "attributes[age].favoured_text is empty",
        "dilemmas.csv     not checked, because the attributes have problems",
        "reference/counts.csv 1 problem",
        "  line 2, condition must be 'forced_choice' or 'coin_flip', not 'forced'",
        "reference/draws_coin_flip.csv",
        "  line 2, q01.coin must be a plain number such as 10 or 0.5, not 'many'",
    ):
        assert line in done.stdout, done.stdout
    # With valid attributes the tables are read although study.yaml has another problem.
    edit(folder, "study.yaml", 'favoured_text: ""', "favoured_text: the younger patient")
    again = kidney_evals("study", "check", folder)
    assert "study.yaml       1 problem" in again.stdout
    assert "line 3, first_age must be one of 18, 32, 55, 90, not 19" in again.stdout
    # Once study.yaml is right, what depends on it is read too.
    edit(folder, "study.yaml", "id: my study", "id: mine")
    edit(folder, "dilemmas.csv", "q02,question 2,19", "q02,question 2,18")
    edit(folder, "languages.yaml", '      label: "Alter"\n', "")
    (folder / "survey.yaml").write_text("title: x\nnope: 1\n", "utf-8")
    (folder / "wordings.yaml").write_text("- {id: mine, base: nope, varies: x}\n", "utf-8")
    last = kidney_evals("study", "check", folder)
    assert last.exit_code == 1
    for part in ("de.attributes.age.label is missing", "nope is not known", "consent is missing"):
        assert part in last.stdout
    assert "[mine].base must be one of default" in last.stdout
    assert max(map(len, last.stdout.splitlines())) <= 80
    # A run refuses the id of a shipped wording.
    edit(folder, "wordings.yaml", "id: mine, base: nope", "id: hospital, base: default")
    assert "is the id of a shipped wording" in kidney_evals("study", "check", folder).stdout


def test_a_control_has_no_id_of_a_dilemma(tmp_path: Path) -> None:
    folder = copied("mcelfresh_2021_fixed", tmp_path / "mine", ("study.yaml", "id: mcel", "id: m"))
    columns = (folder / "dilemmas.csv").read_text("utf-8").partition("\n")[0]
    table = f"{columns.replace('label', 'kind')}\nq02,dominance,18,0,0,55,1,0\n"
    (folder / "controls.csv").write_text(table, "utf-8")
    done = kidney_evals("study", "check", folder)
    assert done.exit_code == 1
    assert "line 2, id must not be an id of dilemmas.csv ('q02')" in done.stdout
    # Drawn dilemmas are called d000, d001 …, which a fixed list leaves free.
    edit(folder, "controls.csv", "q02", "d000")
    assert "controls.csv     1 controls" in printed("study", "check", folder)


def test_a_survey_is_not_judged_by_dilemmas_that_are_missing(tmp_path: Path) -> None:
    folder = copied("mcelfresh_2021_fixed", tmp_path / "mine", ("study.yaml", "id: mcel", "id: m"))
    (folder / "dilemmas.csv").unlink()
    (folder / "survey.yaml").write_text("consent: I\n", "utf-8")
    text = " ".join(kidney_evals("study", "check", folder).stdout.split())
    assert "kind fixed needs a dilemmas.csv" in text
    assert "survey.yaml not checked, because study.yaml has problems" in text
    assert "not None" not in text


def test_people_are_not_asked_with_the_consent_text_to_replace(tmp_path: Path) -> None:
    kidney_evals("study", "new", tmp_path / "mine", "--from", "icu_bed")
    done = kidney_evals("survey", "serve", tmp_path / "mine", "--store", tmp_path / "a.db")
    assert done.exit_code == 2 and "write your own before you" in " ".join(done.stderr.split())
    assert not (tmp_path / "a.db").exists()


def test_problems_of_several_fields_are_not_hidden_by_those_of_one(folder: Path) -> None:
    edit(folder, "study.yaml", "favoured: high", "favoured: up")
    edit(folder, "study.yaml", "range: [60, 100]", "range: [60, 101]")
    edit(folder, "study.yaml", 'version: "1"', "version:")
    edit(folder, "study.yaml", "count: 200", "count: 99999999")
    text = kidney_evals("study", "check", folder).stdout
    assert "study.yaml       3 problems" in text, text
    for part in ("version must be text", "favoured must be 'low' or 'high', not 'up'", "multiple"):
        assert part in text
    # The number of dilemmas depends on the attributes, and is judged when they are right.
    edit(folder, "study.yaml", "favoured: up", "favoured: high")
    edit(folder, "study.yaml", "range: [60, 101]", "range: [60, 100]")
    text = kidney_evals("study", "check", folder).stdout
    assert "draws 99999999 dilemmas of at most" in text and "version must be text" in text


GOOD = "  good: scholarship\n  the_good: the scholarship\n  a_good: a scholarship\n"
NOTES: list[tuple[tuple[str, str, str], str]] = [
    (("study.yaml", GOOD, ""), "scenario names no good"),
    (("study.yaml", "id: mine", "id: liver"), "The id liver is that of a shipped study"),
    (("study.yaml", "coin_flip: 0", "coin_flip: 12"), "is 12 for coin_flip, but reference/ has no"),
    (("study.yaml", "id: mine", "id: mine"), "The consent in survey.yaml is not yours yet"),
]


@pytest.mark.parametrize(("change", "says"), NOTES)
def test_what_is_seldom_meant_is_a_note(
    change: tuple[str, str, str], says: str, folder: Path
) -> None:
    edit(folder, *change)
    text = " ".join(printed("study", "check", folder).split())
    assert "24 questions for each person (20 dilemmas, 2 controls, 2 repeats)" in text
    assert says in text


def test_missing_controls_and_unread_files_are_notes(folder: Path) -> None:
    (folder / "controls.csv").rename(folder / "control.csv")
    text = " ".join(printed("study", "check", folder).split())
    assert "There is no controls.csv" in text and "No command reads control.csv" in text


def test_attributes_that_cannot_be_told_apart_are_a_note(tmp_path: Path) -> None:
    attributes = "".join(
        f"  - {{id: {name}, label: {name}, range: [0, 9], favoured: high, "
        f"favoured_text: more {name}, phrases: {{other: '{{value}}'}}}}\n"
        for name in "abcd"
    )
    (tmp_path / "study.yaml").write_text(
        'id: fixed\ntitle: Three pairs\nversion: "1"\nkind: fixed\ncanary: none\n'
        "people: {forced_choice: 0, coin_flip: 0}\n"
        f"scenario: {{good: seat, situation: One seat is left.}}\nattributes:\n{attributes}"
    )
    columns = ",".join(f"{side}_{name}" for side in ("first", "second") for name in "abcd")
    # c is a + b in every difference, d never differs.
    rows = ("x,1,0,1,5,0,0,0,5", "y,0,3,3,5,0,0,0,5", "z,4,1,5,2,0,0,0,2")
    (tmp_path / "dilemmas.csv").write_text("\n".join((f"id,{columns}", *rows, "")))
    text = " ".join(printed("study", "check", tmp_path).split())
    assert "In no dilemma do the candidates differ in d:" in text
    assert "In these dilemmas a, b, c follow from each other" in text


@pytest.mark.parametrize("name", study_names())
def test_shipped_studies_have_no_problem_and_fit_a_terminal_and_the_schema(name: str) -> None:
    output = printed("study", "check", name)
    assert " problem" not in output and max(map(len, output.splitlines())) <= 80
    shown = " ".join(output.split())
    for part in ("without a coin", "with a coin", "forced_choice", "coin_flip", "stated_values"):
        assert part in shown
    study = load_study(name)
    people = study.people
    assert ("Measured without people: " in shown) == (0 in people.values())
    assert ("kidney/human" in shown) == any(people.values())
    content = yaml.safe_load((study.path / "study.yaml").read_text("utf-8"))
    schema = Draft202012Validator(study_schema())
    schema.validate(content)
    assert not schema.is_valid(content | {"kind": "random"})


def test_a_folder_of_a_shipped_study_may_have_its_id() -> None:
    output = printed("study", "check", datasets_dir() / "icu_bed")
    assert "that of a shipped study" not in " ".join(output.split())


# --- schema ---


def test_the_shipped_schema_is_that_of_the_models() -> None:
    shipped = json.loads((datasets_dir() / SCHEMA_FILE).read_text("utf-8"))
    assert shipped == study_schema(), f"kidney-evals study schema > datasets/{SCHEMA_FILE}"
    assert json.loads(printed("study", "schema")) == shipped
