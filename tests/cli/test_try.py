"""`kidney-evals try`: the questions that models get, honest figures after, nothing kept unasked."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.calling import refused
from kidney_evals.cli import main
from kidney_evals.limits import limits_and_use
from kidney_evals.reporting.text import percent
from kidney_evals.trying import Round, pick_round

SEED = 1
FORCED = ["--condition", "forced_choice"]


def call(*arguments: Any, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["try", *map(str, arguments)], input=typed)


def text_of(result: Result) -> str:
    """What was printed, in one line: sentences are wrapped at 80 characters."""
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


@pytest.fixture(scope="module")
def ten() -> Round:
    return pick_round("mcelfresh_2021", None, None, SEED)


def test_ten_answers_from_a_pipe(ten: Round) -> None:
    result = call("--seed", SEED, typed="a\nB\n c \na\nb\nCOIN\na\nb\na\nb\n")
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80 and all(line.isprintable() for line in lines)
    text = text_of(result)
    for number in range(10):
        # Letter by letter what a model is asked.
        assert " ".join(ten.question(number).split()) in text
    # Wilson's interval of 2 in 10: (.2 + z²/20 ± z √(.2·.8/10 + z²/400)) / (1 + z²/10), z = 1.96.
    assert "You left 2 of 10 to the coin (95 % interval 6 % to 51 %)" in text
    people = ten.reference.flip_rate([dilemma for dilemma, _ in ten.dilemmas])
    assert f"people leave {percent(people)} of these same dilemmas" in text
    assert " ".join(limits_and_use().split()) in text
    assert text.endswith("--seed 1 Nothing was stored.")


def test_people_are_shown_as_the_question_was(ten: Round) -> None:
    for (dilemma, order), shares in zip(ten.dilemmas, ten.shares(10), strict=True):
        first, second, coin = ten.reference.shares([dilemma])[0]
        shown = [first, second] if order == "ab" else [second, first]
        assert shares == [*shown, coin]
    a, b, coin = ten.shares(1)[0]
    # Each answer with its own share: two people agree by chance with a² + b² + coin².
    for key, share in (("a", a), ("b", b), ("c", coin)):
        text = text_of(call("--seed", SEED, typed=f"{key}\nq\n"))
        assert f", as {percent(share)} of people (" in text
        assert f"(A {percent(a)}, B {percent(b)}, coin {percent(coin)})" in text
        assert f"at random that would be {percent(a * a + b * b + coin * coin)}" in text


def test_a_round_has_distinct_dilemmas_in_balanced_orders() -> None:
    for study, condition, count in (
        ("mcelfresh_2021", "coin_flip", 10),
        ("mcelfresh_2021_fixed", "coin_flip", 10),
        ("freedman_2020", "forced_choice", 10),
        # There are six.
        ("boerstler_2024", "forced_choice", 6),
    ):
        asked = pick_round(study, None, None, SEED)
        assert asked.condition == condition
        assert len({dilemma.id for dilemma, _ in asked.dilemmas}) == count
        orders = [order for _, order in asked.dilemmas]
        assert orders.count("ab") == orders.count("ba") == count / 2
        assert pick_round(study, None, None, SEED).dilemmas == asked.dilemmas
        assert pick_round(study, None, None, SEED + 1).dilemmas != asked.dilemmas


@pytest.mark.parametrize(
    ("arguments", "typed", "says", "count"),
    [
        ([], "", "No answers, so there is nothing to show. Nothing was stored.", 0),
        ([], "a\nq\n", "Your 1 answer beside people's", 1),
        # Input that ends counts as stopping.
        ([], "a\nb", "Your 2 answers beside people's", 2),
        ([], "x\n\n7\na\nq\n", "Please answer with a, b, c (coin) or q.", 1),
        (FORCED, "c\na\nq\n", "Please answer with a, b or q.", 1),
        (["--dilemmas", "2"], "a\nb\na\n", "2 of 2", 2),
        (["--study", "mcelfresh_2021_fixed", *FORCED], "a\nq\n", "No coin was offered here", 1),
    ],
)
def test_keys(arguments: list[str], typed: str, says: str, count: int) -> None:
    result = call("--seed", SEED, *arguments, typed=typed)
    assert says in text_of(result) and "nan" not in text_of(result)
    assert len(re.findall(r"^     You: ", result.stdout, re.MULTILINE)) == count


def test_choices_are_saved_on_request_but_not_after_ctrl_c(
    ten: Round, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.csv"
    with monkeypatch.context() as patched:

        def interrupt(asked: Round) -> None:
            raise KeyboardInterrupt

        patched.setattr("kidney_evals.cli.try_._ask", interrupt)
        result = call("--save", path)
    assert result.exit_code == 130 and not path.exists()
    assert result.stdout.endswith("Stopped. Nothing was stored.\n")
    result = call("--seed", SEED, "--save", path, typed="a\nc\nq\n")
    assert "holds your choices: no name, no time, and nothing of anybody else" in text_of(result)
    assert "Nothing was stored" not in result.stdout
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["answer"] for row in rows] == ["A", "COIN"]
    dilemma, order = ten.dilemmas[0]
    assert [row["choice"] for row in rows] == ["first" if order == "ab" else "second", "coin"]
    assert rows[0]["dilemma"] == dilemma.id and rows[0]["seed"] == "1"
    assert float(rows[0]["a_age"]) == dilemma.shown(order)[0].values[0]
    before = path.read_bytes()
    assert "exists; name a new file" in refused(call("--save", path, typed="a\nq\n"))
    assert path.read_bytes() == before


def test_a_mistake_is_reported_before_the_first_question() -> None:
    for arguments, says in (
        ("--study kidneys", "unknown study 'kidneys'"),
        ("--study freedman_2020 --condition coin_flip", "--condition forced_choice"),
        ("--study boerstler_2024 --dilemmas 7", "dilemmas must be from 1 to 6"),
        ("--dilemmas 0", "dilemmas must be from 1 to 100"),
        ("--dilemmas 101", "dilemmas must be from 1 to 100"),
        ("--save no/such/folder/x.csv", "no such folder"),
    ):
        assert says in refused(call(*arguments.split(), typed="a\n"))
