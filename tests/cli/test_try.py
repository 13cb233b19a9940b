"""`kidney-evals try`: the questions that models get, honest figures after, nothing kept unasked."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from kidney_evals.cli import main
from kidney_evals.limits import limits_and_use
from kidney_evals.measures import compute
from kidney_evals.studies import Condition
from kidney_evals.trying import Answered, Own, Round, pick_round, result_lines

SEED = 1


def call(*arguments: Any, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["try", *map(str, arguments)], input=typed)


def told(result: Result) -> str:
    """What was printed, in one line: sentences are folded at 80 letters."""
    return " ".join(result.stdout.split())


@pytest.fixture(scope="module")
def ten() -> Round:
    return pick_round("mcelfresh_2021", None, None, SEED)


def test_ten_answers_from_a_pipe(ten: Round, tmp_path: Path) -> None:
    result = call("--seed", SEED, typed="a\nB\n c \na\nb\nCOIN\na\nb\na\nb\n")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80 and all(line.isprintable() for line in lines)
    text = told(result)
    for number in range(10):
        # Letter by letter what a model is asked.
        assert " ".join(ten.question(number).split()) in text
    assert "You left 2 of 10 to the coin (95 % interval" in text
    assert " ".join(limits_and_use().split()) in text
    assert text.endswith("--seed 1 Nothing was stored.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("study", "condition", "count"),
    [
        ("mcelfresh_2021", "coin_flip", 10),
        ("mcelfresh_2021_fixed", "coin_flip", 10),
        ("freedman_2020", "forced_choice", 10),
        # There are six.
        ("boerstler_2024", "forced_choice", 6),
    ],
)
def test_a_round_tells_something(study: str, condition: Condition, count: int) -> None:
    chosen = pick_round(study, None, None, SEED)
    assert (chosen.condition, len(chosen.put)) == (condition, count)
    dilemmas = [dilemma for dilemma, _ in chosen.put]
    assert len({one.id for one in dilemmas}) == count
    orders = [order for _, order in chosen.put]
    assert orders.count("ab") == orders.count("ba") == count / 2
    again = pick_round(study, None, None, SEED)
    assert again.put == chosen.put
    if chosen.study.draw is not None:
        assert pick_round(study, None, None, SEED + 1).put != chosen.put
        assert all(chosen.study.dominating(one) is None for one in dilemmas)
        # From nearly a tie to nearly everybody's choice, and not in that sequence.
        apart = chosen.reference.closeness(dilemmas)
        assert apart.min() < 0.5 < 2 < apart.max()
        assert not (np.diff(apart) > 0).all()


def answers(chosen: Round, rule: Callable[[np.ndarray[Any, Any]], Own]) -> Answered:
    """Answers by a rule on the differences of patient A from patient B."""
    own = []
    for dilemma, order in chosen.put:
        differences = np.array(chosen.study.differences(dilemma))
        own.append(rule(differences if order == "ab" else -differences))
    return Answered(chosen, tuple(own))


def test_figures_are_those_of_the_answers(ten: Round) -> None:
    found = Answered(ten, ("A", "B", "COIN"))
    for (dilemma, order), answer, shares, same in zip(
        ten.put, found.answers, found.shares, found.same, strict=False
    ):
        first, second, coin = ten.reference.shares([dilemma])[0]
        shown = (first, second) if order == "ab" else (second, first)
        assert shares == (*shown, coin)
        assert same == {"A": shown[0], "B": shown[1], "COIN": coin}[answer]
    rate = compute(found.run, "flip_rate")
    assert rate.value == pytest.approx(1 / 3)
    people = ten.reference.flip_rate([dilemma for dilemma, _ in ten.put[:3]])
    assert rate.human == pytest.approx(people)


def test_shares_come_with_their_interval_and_people() -> None:
    chosen = pick_round("mcelfresh_2021", None, 60, SEED)
    generator = np.random.default_rng(3)

    def rule(differences: np.ndarray[Any, Any]) -> Own:
        utility = float(differences @ chosen.reference.weights) + generator.logistic()
        return "A" if utility > 0 else "B"

    found = answers(chosen, rule)
    row = compute(found.run, "imp_age")
    lines = result_lines(found)
    (line,) = (one for one in lines if one.startswith("  age: "))
    numbers = [float(one) for one in re.findall(r"-?\d?\.\d{3}", line)]
    assert numbers == pytest.approx([row.value, row.low, row.high, row.human], abs=6e-4)
    assert "60 choices tell little" in " ".join(" ".join(lines).split())


@pytest.mark.parametrize(
    ("arguments", "typed", "says", "count"),
    [
        ([], "", "No answers, so there is nothing to show. Nothing was stored.", 0),
        ([], "a\nq\n", "Your 1 answer beside people's", 1),
        # Input that ends counts as stopping.
        ([], "a\nb", "Your 2 answers beside people's", 2),
        ([], "x\n\n7\na\nq\n", "Please answer with a, b, c (coin) or q.", 1),
        (["--condition", "forced_choice"], "c\na\nq\n", "Please answer with a, b or q.", 1),
        (["--dilemmas", "2"], "a\nb\na\n", "2 of 2", 2),
        # Nothing that is not known of people, and no share from few answers.
        (
            ["--study", "mcelfresh_2021_fixed", "--condition", "forced_choice"],
            "a\nq\n",
            "No coin was offered here",
            1,
        ),
        ([], "a\nb\nq\n", "too few, or too alike", 2),
    ],
)
def test_keys(arguments: list[str], typed: str, says: str, count: int) -> None:
    result = call("--seed", SEED, *arguments, typed=typed)
    assert result.exit_code == 0, result.output
    assert says in told(result) and "nan" not in told(result)
    assert len(re.findall(r"^     You: ", result.stdout, re.MULTILINE)) == count


def test_a_terminal_takes_single_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = iter("ax\x1b\x04")

    def key() -> str:
        pressed = next(keys)
        if pressed == "\x04":
            raise EOFError
        return pressed

    monkeypatch.setattr("kidney_evals.cli.try_._is_terminal", lambda: True)
    monkeypatch.setattr(click, "getchar", key)
    result = call("--seed", SEED)
    assert result.exit_code == 0 and "Your 1 answer beside" in result.stdout
    assert result.stdout.count("Please answer") == 2 and "\x1b" not in result.stdout


def test_ctrl_c_leaves_cleanly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def key() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("kidney_evals.cli.try_._is_terminal", lambda: True)
    monkeypatch.setattr(click, "getchar", key)
    result = call("--save", tmp_path / "mine.csv")
    assert result.exit_code == 130
    assert result.stdout.endswith("Stopped. Nothing was stored.\n")
    assert list(tmp_path.iterdir()) == []


def test_choices_are_saved_where_told(ten: Round, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    result = call("--seed", SEED, "--save", path, typed="a\nc\nq\n")
    assert result.exit_code == 0, result.output
    assert "holds your choices: no name, no time, and nothing of anybody else" in told(result)
    assert "Nothing was stored" not in result.stdout
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["answer"] for row in rows] == ["A", "COIN"]
    dilemma, order = ten.put[0]
    assert rows[0]["choice"] == ("first" if order == "ab" else "second")
    assert rows[0]["dilemma"] == dilemma.id and rows[0]["seed"] == "1"
    assert float(rows[0]["a_age"]) == dilemma.shown(order)[0].values[0]
    before = path.read_bytes()
    again = call("--save", path, typed="a\nq\n")
    assert again.exit_code == 2 and "exists; name a new file" in again.stderr
    assert again.stdout == "" and path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--study", "kidneys"], "unknown study 'kidneys'"),
        (
            ["--study", "freedman_2020", "--condition", "coin_flip"],
            "take --condition forced_choice",
        ),
        (["--study", "boerstler_2024", "--dilemmas", "7"], "dilemmas must be from 1 to 6"),
        (["--dilemmas", "0"], "dilemmas must be from 1 to 100"),
        (["--dilemmas", "101"], "dilemmas must be from 1 to 100"),
        (["--condition", "both"], "'both' is not one of"),
        (["--save", "no/such/folder/x.csv"], "no such folder"),
    ],
)
def test_a_mistake_is_told_before_anything_is_asked(arguments: list[str], says: str) -> None:
    result = call(*arguments, typed="a\n")
    assert result.exit_code == 2 and result.stdout == ""
    assert says in result.stderr and "Traceback" not in result.output
