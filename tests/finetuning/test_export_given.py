"""`kidney-evals sft export` from given answers: a table, a log, the published rows; leaks."""

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from inspect_ai import Task
from inspect_ai.log import read_eval_log, write_eval_log

from finetuning.folders import (
    NAMES,
    asked_by_default,
    check_apart,
    export,
    not_exported,
    pairs,
    readme,
    row,
    shown,
    write_answers,
)
from kidney_evals.finetuning.data import TrainingData
from kidney_evals.finetuning.sources import evaluated
from kidney_evals.human.raw import find_raw, read_study_2
from kidney_evals.studies import CONDITIONS, Dilemma, dilemmas_of, load_study
from kidney_evals.tasks import coin_flip, forced_choice, predict_people
from tasks.running import run

CHECKOUT = Path(__file__).resolve().parents[2]
Patients = tuple[tuple[float, ...], tuple[float, ...]]


def _drawn(count: int) -> list[Patients]:
    """Dilemmas outside of the evaluation."""
    study = load_study("mcelfresh_2021")
    known = evaluated(study)
    drawn = [one for one in dilemmas_of(study, count + 50, 77) if not known.holds(one)]
    return [(one.first.values, one.second.values) for one in drawn[:count]]


def _younger(a: Sequence[float], b: Sequence[float]) -> str:
    return "COIN" if a[0] == b[0] else "A" if a[0] < b[0] else "B"


def _check_split(data: TrainingData, people: bool = False) -> None:
    """Check that no dilemma (or person) is on both sides or evaluated; orders are balanced."""
    check_apart(data)
    train, heldout = (
        pd.DataFrame([one.facts for one in part]) for part in (data.train, data.heldout)
    )
    for _, orders in train["order"].groupby(train["condition"]):
        assert abs((orders == "ab").sum() - (orders == "ba").sum()) <= 1
    if people:
        assert not set(train["person"]) & set(heldout["person"])


# --- a table of answers ----------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """200 dilemmas by one rule: the younger patient, a coin where the ages are equal."""
    rows = (row(a, b, _younger(a, b)) for a, b in _drawn(200))
    return write_answers(tmp_path / "mine.csv", rows)


def test_an_answer_goes_with_its_patient(table: Path, tmp_path: Path) -> None:
    options = ("--answers", table, "--condition", "coin_flip")
    data = export(tmp_path / "data", "--samples", 150, "--heldout", 40, *options)
    assert len(data.train) == 150 and len(data.heldout) == 40
    _check_split(data)
    for one in (*data.train, *data.heldout):
        assert one.facts["answer"] == _younger(*shown(one.facts))
    about = data.card["source"]
    assert (about["kind"], about["target"], about["file"]) == ("answers", None, "mine.csv")
    assert len(about["sha256"]) == 64 and "person" not in data.train[0].facts
    # The first samples do not depend on how many there are, nor does what is held out.
    fewer = export(tmp_path / "fewer", "--samples", 16, "--heldout", 40, *options)
    assert fewer.train == data.train[:16] and fewer.heldout == data.heldout
    # A user's own respondents may have been offered a committee.
    more = (*options, "--samples", 150, "--wording", "committee")
    words = {one.messages[-1]["content"] for one in export(tmp_path / "words", *more).train}
    assert words == {"ANSWER: A", "ANSWER: B", "ANSWER: COMMITTEE"}


def test_one_dilemma_told_many_ways_stays_on_one_side(tmp_path: Path) -> None:
    # Every dilemma four times, twice with the sides swapped.
    rows = []
    for a, b in _drawn(40):
        for _ in range(2):
            rows += [row(a, b, _younger(a, b)), row(b, a, _younger(b, a))]
    table = write_answers(tmp_path / "mine.csv", rows)
    options = ("--answers", table, "--condition", "coin_flip", "--samples", 128, "--heldout", 32)
    data = export(tmp_path / "data", *options)
    _check_split(data)
    # A fifth of 40 dilemmas is held out, with all four answers to each.
    assert (len(pairs(data.train)), len(pairs(data.heldout))) == (32, 8)
    assert all(one.facts["answer"] == _younger(*shown(one.facts)) for one in data.train)


def test_people_of_a_table_are_held_out_with_their_answers(tmp_path: Path) -> None:
    # Ten people: one dilemma of their own each for every one that all of them answer.
    drawn = _drawn(220)
    rows = [
        row(a, b, _younger(a, b), person=f"name {index % 10}")
        for index, (a, b) in enumerate(drawn[:200])
    ]
    rows += [row(a, b, "B", person=f"name {index}") for a, b in drawn[200:] for index in range(10)]
    table = write_answers(tmp_path / "mine.csv", rows)
    options = ("--answers", table, "--condition", "coin_flip", "--samples", 200, "--heldout", 40)
    data = export(tmp_path / "data", *options)
    _check_split(data, people=True)
    persons = {one.facts["person"] for one in (*data.train, *data.heldout)}
    assert persons <= {str(number) for number in range(1, 11)}
    assert "name" not in "".join(path.read_text("utf-8") for path in data.folder.glob("*.csv"))
    # Of 20 dilemmas that all answer 4 are held out; 8 people's answers to these and 2 people's
    # answers to the other 16 are on no side: 32 + 32.
    assert data.card["excluded"]["left_out"] == {"split": 64}
    assert data.card["source"]["people"] == 10


def test_conditions_of_a_table_take_turns(tmp_path: Path) -> None:
    rows = [
        row(a, b, "A" if index % 3 else "B", condition=CONDITIONS[index % 2])
        for index, (a, b) in enumerate(_drawn(120))
    ]
    table = write_answers(tmp_path / "mine.csv", rows)
    options = ("--answers", table, "--samples", 32, "--heldout", 8)
    data = export(tmp_path / "data", *options)
    assert [one.facts["condition"] for one in data.train[:4]] == [*CONDITIONS, *CONDITIONS]
    single = export(tmp_path / "one", "--condition", "coin_flip", *options)
    assert {one.facts["condition"] for one in single.train} == {"coin_flip"}
    assert single.card["excluded"]["left_out"] == {"other_condition": 60}


def test_a_planted_leak_is_refused(table: Path, tmp_path: Path) -> None:
    # A dilemma of the default run, sides swapped, in another wording, and a near copy.
    leak = dilemmas_of(load_study("mcelfresh_2021"), 400, None)[399]
    with table.open("a", newline="", encoding="utf-8") as stream:
        # Question 12 of the fixed list: 32 years and 2 children against 55 years and none.
        near = [55, 3, 0, 32, 1, 2, "B"]
        csv.writer(stream).writerows([[*leak.second.values, *leak.first.values, "A"], near])
    options = ("--answers", table, "--condition", "coin_flip", "--wording", "table")
    line = not_exported(tmp_path / "data", *options, "--samples", 64)
    assert "2 of 202 answers, first line 202, are about dilemmas that the default" in line
    # Told to, it takes them and says so.
    more = ("--samples", 160, "--heldout", 40, "--allow-overlap")
    data = export(tmp_path / "data", *options, *more)
    used = pairs((*data.train, *data.heldout))
    asked = {frozenset({(55, 3, 0), (32, 1, 2)}), *asked_by_default()}
    assert data.card["excluded"]["overlap"] == len(used & asked) > 0
    assert "about dilemmas that a default evaluation asks**" in readme(data)


GOOD = row((30, 1, 0), (60, 2, 1), "A")
COIN = "coin_flip"
SPOILT: Mapping[str, tuple[Sequence[Mapping[str, object]], str | None]] = {
    "line 3, answer must be 'A', 'B' or 'COIN', not 'C'": ([GOOD, {**GOOD, "answer": "C"}], COIN),
    "line 2, a_age must be from 25 to 70 in steps of 1, not 71": ([{**GOOD, "a_age": 71}], COIN),
    "line 2, person is empty": ([{**GOOD, "person": " "}], COIN),
    "line 2, condition must be 'forced_choice' or 'coin_flip', not 'coins'": (
        [{**GOOD, "condition": "coins"}],
        None,
    ),
    "mine.csv has 3 problems: line 3, a_age must be from 25": (
        [GOOD, {**GOOD, "a_age": 71, "b_age": "1_0"}, {**GOOD, "answer": "=A"}],
        COIN,
    ),
    "no column condition: say what was offered": ([GOOD], "both"),
    "line 2, answer is COIN where none was offered (forced_choice)": (
        [{**GOOD, "answer": "COIN"}],
        "forced_choice",
    ),
    "the source holds no answer that can be used; a table needs rows of two different": (
        [row((30, 1, 0), (30, 1, 0), "A")],
        COIN,
    ),
    "--samples 8 is more than there is: 0 answers of coin_flip remain": ([GOOD] * 9, COIN),
}


def test_a_spoilt_table_is_refused_in_a_line(tmp_path: Path) -> None:
    for says, (rows, condition) in SPOILT.items():
        table = write_answers(tmp_path / "mine.csv", rows)
        options = ("--samples", 8, *(("--condition", condition) if condition else ()))
        assert says in not_exported(tmp_path / "data", "--answers", table, *options)
        assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


# --- a log -----------------------------------------------------------------------------------


def _logged(folder: Path, task: Task, model: str = "kidney/human", **settings: Any) -> Path:
    """Run a task offline and return its log."""
    return Path(run(task, folder / "logs", model, **settings).location)


@pytest.fixture(scope="module")
def coins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a run on a draw that the default evaluation does not ask."""
    return _logged(tmp_path_factory.mktemp("coins"), coin_flip(dilemmas=15, draw_seed=8))


def test_a_log_lends_its_decisions(coins: Path, tmp_path: Path) -> None:
    log = read_eval_log(str(coins))
    study = load_study("mcelfresh_2021")
    chosen: Counter[object] = Counter()
    for sample in log.samples or ():
        dilemma: Dilemma = study.dilemma_from(sample.metadata)
        # Controls are answered as well, and are not taken.
        if not dilemma.is_control:
            choice = ((sample.scores or {})["human_alignment"].metadata or {})["choice"]
            sides = {"first": dilemma.first.values, "second": dilemma.second.values}
            chosen[frozenset(sides.values()), sides.get(choice)] += 1
    # 15 dilemmas in two orders, 10 controls left out; 3 of 15 are held out.
    data = export(tmp_path / "data", "--log", coins, "--samples", 24, "--heldout", 6)
    _check_split(data)
    exported: Counter[object] = Counter()
    for one in (*data.train, *data.heldout):
        letters = dict(zip("AB", shown(one.facts), strict=True))
        exported[frozenset(letters.values()), letters.get(one.facts["answer"])] += 1
    assert exported == chosen
    about = data.card["source"]
    assert (about["kind"], about["model"], about["decisions"]) == ("log", "kidney/human", 30)
    assert about["eval_id"] == log.eval.eval_id
    assert data.card["excluded"]["left_out"] == {"controls": 10}
    assert data.card["conditions"] == ["coin_flip"]
    assert "These are a model's answers, not" in readme(data)
    # Text of a log is printable in the card.
    log.eval.model, log.eval.task = "a/b\x1b[2Jc", "d\ne"
    odd = tmp_path / "odd.eval"
    write_eval_log(log, str(odd))
    data = export(tmp_path / "odd", "--log", odd, "--samples", 24, "--heldout", 6)
    assert "the model a/b [2Jc gave in a run of d e (log " in readme(data)


@pytest.mark.slow
def test_a_log_that_does_not_fit_is_refused(coins: Path, tmp_path: Path) -> None:
    few: Any = {"dilemmas": 2, "controls": False, "draw_seed": 8}
    readout = _logged(tmp_path, coin_flip(readout="logprobs", **few))
    refusals = _logged(tmp_path, coin_flip(**few), "kidney/refuser")
    unscored = _logged(tmp_path, coin_flip(**few), score=False)
    predicted = _logged(tmp_path, predict_people(drawn=2, draw_seed=8))
    default = _logged(tmp_path, forced_choice(dilemmas=8, wording="table"), "kidney/first")
    for path, options, says in (
        (coins, ("--condition", "forced_choice"), "is a run of coin_flip in mcelfresh_2021; leave"),
        (coins, ("--study", "freedman_2020"), "is a run of coin_flip in mcelfresh_2021; leave"),
        (coins, ("--wording", "committee"), "another way out (committee) than the source (coin)"),
        (coins, ("--samples", 25), "--samples 25 is more than there is: 24 answers of coin_flip"),
        (coins, ("--heldout", 7), "--heldout 7 is more than there is: 6 answers of coin_flip"),
        (readout, (), "the log holds probabilities (readout=logprobs), no answers"),
        (refusals, (), "the source holds no answer"),
        (unscored, (), "the source holds no answer that can be used; a log must be of a scored"),
        (predicted, (), "the log is no run of choices"),
        (default, (), "16 of 16 answers, first sample d000-ab-"),
    ):
        given = ("--log", path, "--samples", 8, "--heldout", 2, *options)
        assert says in not_exported(tmp_path / "data", *given)


# --- the published rows ----------------------------------------------------------------------


@pytest.fixture
def raw_dir() -> Path:
    """Folder with the published rows, as tests/lab/conftest.py finds it."""
    named = os.environ.get("KIDNEY_EVALS_DATA_DIR")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "human-data"
    if not folder.is_dir():
        pytest.skip("raw survey rows are not at hand: set KIDNEY_EVALS_DATA_DIR")
    return folder


def test_rows_are_split_by_person_and_by_dilemma(raw_dir: Path, tmp_path: Path) -> None:
    data = export(tmp_path / "data", "--data", raw_dir, "--samples", 1000)
    _check_split(data, people=True)
    # Numbers 2k + 1 and 2k + 2 are the two people who saw the same queries.
    parts = (data.train, data.heldout)
    yoked = [{(int(one.facts["person"]) - 1) // 2 for one in part} for part in parts]
    assert not yoked[0] & yoked[1] and len(yoked[0] | yoked[1]) == 132
    for one in data.train:
        assert (int(one.facts["person"]) % 2 == 0) == (one.facts["condition"] == "coin_flip")
    assert data.card["excluded"]["left_out"]["identical"] == 7
    for words in ("These samples repeat single rows of the source", "GPL-2.0"):
        assert words in readme(data)
    # Every sample is an answer that was given. Swapping the sides swaps the first two answers.
    given: set[object] = set()
    for name, answers in zip(CONDITIONS, read_study_2(find_raw(raw_dir)), strict=True):
        for at, choice in enumerate(answers.choice):
            left, right = (
                tuple(float(side[one][at]) for one in NAMES)
                for side in (answers.left, answers.right)
            )
            swapped = {0: 1, 1: 0, 2: 2}[int(choice)]
            given |= {(name, (left, right), int(choice)), (name, (right, left), swapped)}
    for one in (*data.train, *data.heldout):
        letter = ("A", "B", "COIN").index(one.facts["answer"])
        assert (one.facts["condition"], shown(one.facts), letter) in given
    for options, says in (
        (("--samples", 9000), "is more than there is: "),
        (("--study", "mcelfresh_2021_fixed"), "the published rows are those of mcelfresh_2021"),
        (("--wording", "committee"), "another way out (committee) than the source (coin)"),
    ):
        assert says in not_exported(tmp_path / "no", "--data", raw_dir, *options)
