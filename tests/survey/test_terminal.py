"""`kidney-evals survey STUDY --here` and `survey export`, through the command line."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.calling import refused
from kidney_evals.cli import main
from kidney_evals.elicitation.prompt import render_question
from kidney_evals.elicitation.wording import wording_named
from kidney_evals.studies import load_study
from kidney_evals.survey.settings import COLUMNS, load_survey, own_settings
from kidney_evals.survey.store import Store
from survey.folders import ASK, FIXED, answer_all, study_with

ITEMS = 16
Call = Callable[..., Result]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `kidney-evals survey` in an empty folder, with the lines that a person types."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object, typed: str = "") -> Result:
        lines = "".join(f"{line}\n" for line in typed.split(","))
        return CliRunner().invoke(main, ["survey", *map(str, arguments)], input=lines)

    return call


def stored(name: str = FIXED, *, create: bool = False) -> Store:
    study = load_study(name)
    return Store(f"{study.id}-survey.db", study, own_settings(study, "yes"), create=create)


def code_in(result: Result) -> str:
    found = re.search(r"go on later: ([\w-]+)", result.stdout)
    assert found
    return found[1]


def test_a_person_answers_everything(here: Call) -> None:
    result = here(FIXED, "--here", "--condition", "coin_flip", typed="yes" + ",a" * 15 + ",C,")
    assert result.exit_code == 0, result.output
    store = stored()
    person = store.participant(code_in(result))
    assert person is not None and person.finished and person.condition == "coin_flip"
    plan = store.plan(person)
    shown = {item.position: item.chosen(0) for item in plan[:-1]}
    assert store.answers(person) == {**shown, 15: "coin"}
    # The text of each question is the default wording's, without the line about the reply.
    said = " ".join(result.stdout.split())
    wording = wording_named("default")
    for item in plan:
        asked = render_question(wording, store.study, item.dilemma, item.order, "coin_flip")
        assert " ".join(asked.rpartition("\n\n")[0].split()) in said
    assert "ANSWER" not in said and "Reply" not in said
    assert "Your 14 answers beside the people of the study in the same questions:" in said
    assert re.search(r"You left it to the coin [07]% of 14 \(from \d+% to \d+%\); others", said)
    assert "You chose the younger patient" in said


def test_without_consent_nothing_is_stored(here: Call) -> None:
    for typed in ("no", "", "y"):
        result = here(FIXED, "--here", typed=typed)
        assert result.exit_code == 0 and "Nothing was stored." in result.stdout
        assert list(Path.cwd().iterdir()) == []


def test_back_stop_and_go_on_by_the_code(here: Call) -> None:
    # A, B, back to the second question, where Enter keeps B, then back twice to change the first.
    stopped = here(FIXED, "--here", "--condition", "forced_choice", typed="yes,a,b,<,,<,<,b,q")
    assert stopped.exit_code == 0 and "Enter keeps B" in stopped.stdout
    code = code_in(stopped)
    assert f"kidney-evals survey {FIXED} --here --code {code}" in stopped.stdout
    store = stored()
    person = store.participant(code)
    assert person is not None and not person.finished
    plan = store.plan(person)
    assert store.answers(person) == {0: plan[0].chosen(1), 1: plan[1].chosen(1)}
    # In a forced choice C is no answer; input that ends keeps what is stored.
    going_on = here("here", FIXED, "--code", code, typed="c,a")
    assert "3 of 16" in going_on.stdout and "2 of 16" not in going_on.stdout
    assert len(store.answers(person)) == 3
    ended = here(FIXED, "--here", "--code", code.upper(), typed="b," * 13)
    assert ended.exit_code == 0 and "Your 14 answers beside" in ended.stdout
    again = here(FIXED, "--here", "--code", code)
    assert "Your 14 answers beside" in again.stdout and " of 16" not in again.stdout


def test_withdrawing_deletes_the_answers(here: Call) -> None:
    result = here(FIXED, "--here", typed="yes,a,a,withdraw")
    assert "Your answers are deleted." in result.stdout
    code = code_in(result)
    assert stored().participant(code) is None and stored().counts() == {}
    assert "holds no interview with the code" in refused(here(FIXED, "--here", "--code", code))


def test_the_texts_of_the_owner_and_another_language(here: Call, tmp_path: Path) -> None:
    text = "languages: [de]\ntitle: Nieren\nconsent: Ich mache mit.\nthanks: Danke.\n"
    text += "contact: team@example.org\n" + ASK
    study = study_with(tmp_path / "studies", text)
    result = here(study.path, "--here", "--store", "x.db", typed="yes" + ",b" * ITEMS + ",,7,2")
    said = " ".join(result.stdout.split())
    texts = ("Nieren", "Ich mache mit.", "team@example.org", "Danke.", "Wer soll die Niere")
    assert [one for one in texts if one not in said] == []
    store = Store("x.db", study, load_survey(study))
    (asked,) = {row.asked["age_group"] for row in store.rows()}
    assert asked == "40 or older" and {row.language for row in store.rows()} == {"de"}


def test_others_stand_beside_a_person_when_five_have_finished(here: Call) -> None:
    store = stored(create=True)
    for _ in range(5):
        answer_all(store, lambda item: "second", "forced_choice")
    result = here(FIXED, "--here", "--condition", "forced_choice", typed="yes" + ",a" * ITEMS + ",")
    said = " ".join(result.stdout.split())
    assert "beside others who answered the same questions" in said
    assert "two others chose alike 100%" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((FIXED, "--here", "--language", "de"), "unknown language of the survey 'de'"),
        ((FIXED, "--here", "--code", "x"), "there is no survey at"),
        ((FIXED, "--here", "--code", "x", "--language", "en"), "keeps its condition"),
        (("nothing", "--here"), "unknown study 'nothing'"),
        ((FIXED, "--here", "--store", "sqlite://"), "must be a file"),
        (("export", FIXED, "-o", "a.csv"), "there is no survey at"),
        (("export", FIXED, "-o", "-", "--store", "foo://x"), "not foo://…"),
    ],
)
def test_wrong_calls_are_one_line(here: Call, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(here(*arguments))


# --- export -----------------------------------------------------------------------------------


def test_export_writes_every_answer_and_counts(here: Call, tmp_path: Path) -> None:
    study = study_with(tmp_path / "studies", "consent: I\n" + ASK)
    store = Store("x.db", study, load_survey(study))
    person = answer_all(store, lambda item: item.chosen(0), "coin_flip")
    half = store.begin("en", "forced_choice")
    store.record(half, 2, "second")
    store.record_asked(half, "age_group", "18 to 39")
    result = here("export", study.path, "--store", "x.db", "-o", "a.csv")
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["begun", "finished", "answers"],
        ["forced_choice", "1", "0", "1"],
        ["coin_flip", "1", "1", "16"],
    ]
    rows = list(csv.DictReader(Path("a.csv").read_text("utf-8").splitlines()))
    assert tuple(rows[0]) == (*COLUMNS, "age_group") and len(rows) == 17
    of = [row for row in rows if row["condition"] == "coin_flip"]
    for row, item in zip(of, store.plan(person), strict=True):
        asked = [str(item.position), item.dilemma.id, item.order, str(int(item.repeat))]
        before, after = [FIXED, study.hash, row["person"], "coin_flip", "en"], ["1", ""]
        assert [*row.values()] == [*before, *asked, item.chosen(0), *after]
    (row,) = (row for row in rows if row["condition"] == "forced_choice")
    shown = (row["position"], row["answer"], row["complete"], row["age_group"], row["language"])
    assert shown == ("2", "second", "0", "18 to 39", "en")
    codes = {one for person in (person, half) for one in (person.code, person.key)}
    assert not any(code in Path("a.csv").read_text("utf-8") for code in codes)
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if re.match(r"\s*[=+@\t\r-]", cell)] == []


def test_an_export_replaces_no_other_file_and_goes_to_standard_output(here: Call) -> None:
    here(FIXED, "--here", typed="yes,a,q")
    Path("a.csv").write_text("mine\n", encoding="utf-8")
    assert "was not written by kidney-evals" in refused(here("export", FIXED, "-o", "a.csv"))
    name = f"{FIXED}-survey.db"
    assert "is read here" in refused(here("export", FIXED, "-o", name, "--overwrite"))
    for _ in range(2):  # its own file is replaced
        assert here("export", FIXED, "-o", "b.csv").exit_code == 0
    result = here("export", FIXED, "-o", "-")
    assert len(list(csv.DictReader(io.StringIO(result.stdout)))) == 1
    assert "begun" in result.stderr
