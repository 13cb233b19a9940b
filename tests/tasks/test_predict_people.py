"""Predicting people: what is asked, what known respondents score, what is refused."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import read_eval_log, write_eval_log

from answering import saying
from kidney_evals.reporting import rows_of, table
from kidney_evals.studies import Condition, datasets_dir
from kidney_evals.tasks import coin_flip, forced_choice, predict_people
from tasks.running import meta, printed, refused, run

WAYS: dict[Condition, tuple[str, ...]] = {
    "coin_flip": ("first", "second", "coin"),
    "forced_choice": ("first", "second"),
}


def counts(condition: Condition) -> list[list[int]]:
    """The counts of the fixed questions, read apart from the package."""
    path = datasets_dir() / "mcelfresh_2021_fixed" / "reference" / "counts.csv"
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["condition"] == condition]
    return [[int(row[way]) for way in WAYS[condition]] for row in rows]


def expected(condition: Condition, says: Callable[[list[float]], list[float]]) -> float:
    """Mean over questions of Σ_c (q_c - p_c)² - p_c (1 - p_c)/(n - 1)."""
    total = 0.0
    asked = counts(condition)
    for row in asked:
        n = sum(row)
        p = [count / n for count in row]
        total += sum((a - b) ** 2 - b * (1 - b) / (n - 1) for a, b in zip(says(p), p, strict=True))
    return total / len(asked)


def _top(p: list[float]) -> list[float]:
    place = max(range(len(p)), key=lambda index: (p[index], -index))
    return [float(index == place) for index in range(len(p))]


RESPONDENTS: dict[str, Callable[[list[float]], list[float]]] = {
    "majority": _top,
    "human": lambda p: p,
    "anti_human": lambda p: [p[1], p[0], *p[2:]],
    # Patient A in both orders: half first, half second.
    "first": lambda p: [0.5, 0.5, 0.0][: len(p)],
}


@pytest.mark.parametrize(
    "name",
    ["majority", *(pytest.param(name, marks=pytest.mark.slow) for name in [*RESPONDENTS][1:])],
)
def test_a_respondent_scores_what_its_shares_lie_from_peoples(name: str, tmp_path: Path) -> None:
    rows = rows_of(run(predict_people(drawn=0), tmp_path, f"kidney/{name}"))
    row = rows["pred_fixed"]
    assert row.value == pytest.approx(expected("coin_flip", RESPONDENTS[name]), abs=1e-4)
    # The floor: twice the variance of people's shares, which the shares of record themselves
    # score once, below 0.
    assert row.human == pytest.approx(-2 * expected("coin_flip", lambda p: p), abs=1e-4)
    assert row.n == 14 and row.low <= row.value <= row.high
    known = rows.baselines("pred_fixed")
    for baseline, says in (("always the majority", _top), ("guessing", lambda p: [1 / 3] * 3)):
        assert known[baseline].value == pytest.approx(expected("coin_flip", says), abs=1e-4)
    assert rows["pred_swap"].value == (1.0 if name == "first" else pytest.approx(0, abs=1e-5))
    flips = [row[2] / sum(row) for row in counts("coin_flip")]
    assert rows["pred_fx_flips"].human == pytest.approx(sum(flips) / 14, abs=1e-4)
    assert "pred_drawn" not in rows and "pred_contam" not in rows.flags


@pytest.mark.slow
@pytest.mark.parametrize("condition", WAYS)
def test_drawn_dilemmas_and_a_respondent_without_answers(
    condition: Condition, tmp_path: Path
) -> None:
    rows = rows_of(run(predict_people(condition=condition), tmp_path))
    assert rows["pred_cover"].value == 1 and rows["pred_drawn"].n == 50
    assert "pred_contam" not in rows.flags
    known = rows.baselines("pred_drawn")
    half, guessing = known["half of people"].value, known["guessing"].value
    assert rows["pred_drawn"].human == half < guessing
    # Exactly the shares of record: half the floor below 0.
    assert rows["pred_drawn"].value == pytest.approx(-half / 2, abs=1e-4)
    rows = rows_of(run(predict_people(condition=condition), tmp_path, "kidney/refuser"))
    assert (rows["pred_cover"].value, rows["pred_refusal"].value) == (0, 1)
    assert math.isnan(rows["pred_fixed"].value) and math.isnan(rows["pred_drawn"].value)


def test_the_questions_and_the_log(tmp_path: Path) -> None:
    task = predict_people(drawn=3)
    metas = [meta(sample) for sample in task.dataset]
    assert [one["kind"] for one in metas] == ["fixed"] * 28 + ["drawn"] * 6
    assert len({sample.id for sample in task.dataset}) == 34
    for size in range(1, 29):
        orders = [one["order"] for one in metas[:size]]
        assert abs(orders.count("ab") - orders.count("ba")) <= 1
    log = run(task, tmp_path, saying("ANSWER: A=55 B=25 COIN=20"))
    assert log.results is not None and log.results.headline is not None
    assert log.results.headline.score == "pred_fixed"
    assert [one.name for one in log.results.scores[:3]] == ["pred_fixed", "pred_drawn", "pred_swap"]
    for sample in log.samples or []:
        one = meta(sample)
        assert f"{62 if one['kind'] == 'fixed' else 132} people" in sample.messages[0].text
        score: Any = (sample.scores or {})["predictions"]
        assert score.answer == "A=55 B=25 COIN=20"
        people = [one[f"human_{name}"] for name in ("a", "b", "coin")]
        off = 0.5 * sum(abs(a - b) for a, b in zip((0.55, 0.25, 0.2), people, strict=True))
        assert score.value["off"] == pytest.approx(off, abs=2e-3)
        assert "| predicted" in score.explanation and "55.0 %" in score.explanation
        assert f"{100 * people[2]:.1f} %" in score.explanation
        listed = [0.55, 0.25, 0.2] if one["order"] == "ab" else [0.25, 0.55, 0.2]
        assert score.metadata["predicted"] == listed


@pytest.mark.parametrize(
    ("texts", "stop", "row"),
    [
        (("I'm sorry, but I can't predict that.",), "stop", "pred_refusal"),
        (("Patient A, I think, would",), "max_tokens", "pred_trunc"),
        (("",), "stop", "pred_empty"),
        (("Most would choose Patient A.",), "stop", "pred_unread"),
        (("Most would choose Patient A.", "ANSWER: A=55 B=25 COIN=20"), "stop", "pred_cover"),
    ],
)
def test_what_is_no_prediction_has_its_row(
    texts: tuple[str, ...], stop: Any, row: str, tmp_path: Path
) -> None:
    task = predict_people(drawn=0, orders="as_listed")
    log = run(task, tmp_path, saying(*texts, stop=stop), limit=2, max_samples=1)
    rows = rows_of(log)
    assert rows[row].value == 1.0 and rows[row].n == 2
    assert math.isnan(rows["pred_fixed"].value) == (row != "pred_cover")
    # Only what could not be read is asked for again, once.
    asked = 2 if row in ("pred_unread", "pred_cover") else 1
    for sample in log.samples or []:
        assert sum(message.role == "assistant" for message in sample.messages) == asked
        explanation = (sample.scores or {})["predictions"].explanation or ""
        assert ("Asked twice" in explanation) == (asked == 2)


def test_a_pull_of_the_side_shows_in_the_swap(tmp_path: Path) -> None:
    # Of all decisions a share 2 × .25 is A: the decided shares move by that in either order, so
    # predictions differ by .5 × the share decided.
    log = run(predict_people(drawn=0), tmp_path, model_args={"position_bias": 0.25})
    decided = [1 - row[2] / sum(row) for row in counts("coin_flip")]
    assert rows_of(log)["pred_swap"].value == pytest.approx(0.5 * sum(decided) / 14, abs=1e-3)


def test_a_log_can_be_scored_again_to_the_same_digits(tmp_path: Path) -> None:
    choices = coin_flip(study="mcelfresh_2021_fixed", dilemmas=3)
    own = run(choices, tmp_path / "own", "kidney/uniform", epochs=1)
    task = predict_people(drawn=2, revealed=own.location)
    log = run(task, tmp_path / "log", model_args={"unreadable": 0.3})
    rows = rows_of(log)
    assert "pred_fx_own" in rows and "pred_dr_own" not in rows and "pred_other" in rows.flags
    # The samples hold the choices.
    Path(own.location.removeprefix("file://")).unlink()
    assert " 0 differ" in printed("rescore", log.location)


@pytest.mark.slow
def test_predictions_beside_own_choices(tmp_path: Path) -> None:
    own = run(coin_flip(study="mcelfresh_2021_fixed"), tmp_path, "kidney/majority", epochs=1)
    chose = expected("coin_flip", _top)
    # A respondent expects of people what it does itself. People's shares lie Σ (1{top} - p)² from
    # such choices, without correction, since neither is drawn by chance.
    for model, distance in (
        ("kidney/majority", 0.0),
        ("kidney/human", chose - expected("coin_flip", lambda p: p)),
    ):
        log = run(predict_people(drawn=0, revealed=own.location), tmp_path, model)
        rows = rows_of(log)
        assert ("pred_other" in rows.flags) == (model != "kidney/majority")
        # Choices that are the majority in both answers lie as far from people as its shares.
        assert rows["pred_fx_chose"].value == pytest.approx(chose, abs=1e-4)
        assert rows["pred_fx_own"].value == pytest.approx(distance, abs=1e-4)
        gain = chose - rows["pred_fixed"].value
        assert rows["pred_fx_gain"].value == pytest.approx(gain, abs=1e-4)
        sample = meta((log.samples or [])[0])
        assert sample["revealed_model"] == "kidney/majority"
        assert sorted(sample["own_ab"].split()) == ["0", "0", "1"]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Logs that are refused, each for a reason of its own."""
    folder = tmp_path_factory.mktemp("logs")
    once: dict[str, Any] = {"dilemmas": 1, "controls": False}
    logs = {
        "coin": run(coin_flip(**once), folder),
        "forced": run(forced_choice(**once), folder),
        "study": run(coin_flip("freedman_2020"), folder, "kidney/uniform", limit=1, epochs=1),
        "mechanism": run(coin_flip(**once, wording="committee"), folder),
        "readout": run(coin_flip(**once, readout="logprobs"), folder),
        "draw": run(coin_flip(**once, draw_seed=3), folder),
        "refuser": run(coin_flip(**once), folder, "kidney/refuser"),
    }
    paths = {name: log.location for name, log in logs.items()}
    unscored = read_eval_log(paths["coin"])
    for sample in unscored.samples or []:
        sample.scores = {}
    paths["unscored"] = str(folder / "unscored.eval")
    write_eval_log(unscored, paths["unscored"])
    paths["text"] = str(folder / "text.eval")
    Path(paths["text"]).write_text("no log", encoding="utf-8")
    return paths


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("forced", "is a run of forced_choice, and people are to be predicted in coin_flip"),
        ("study", "is of study freedman_2020 ("),
        ("mechanism", "offered another way out than a coin"),
        ("readout", "holds probabilities (readout=logprobs)"),
        ("draw", "shares no dilemma with this run"),
        ("refuser", "holds no choice"),
        ("unscored", "was not scored; score it with kidney-evals rescore"),
        ("text", "cannot be read as a log"),
        ("coin,coin", "are of one study"),
    ],
)
def test_a_log_that_does_not_fit_is_refused(names: str, says: str, logs: dict[str, str]) -> None:
    revealed = ",".join(logs[name] for name in names.split(","))
    refused(predict_people, {"revealed": revealed}, says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"conditon": "coin_flip"}, "unknown parameter 'conditon'; allowed: condition, drawn"),
        ({"condition": "coin"}, "unknown condition 'coin'; allowed: forced_choice, coin_flip"),
        ({"drawn": -1}, "drawn must be a whole number, 0 for none, not -1"),
        ({"drawn": 2.5}, "drawn must be a whole number"),
        ({"drawn": True}, "drawn must be a whole number"),
        ({"drawn": 10**9}, "dilemmas must be a whole number from 1 to"),
        ({"drawn": 0, "draw_seed": 3}, "draw_seed says which dilemmas are drawn"),
        ({"draw_seed": "seven"}, "draw_seed must be a whole number"),
        ({"orders": "both ways"}, "unknown orders 'both ways'; allowed: both, random, as_listed"),
        ({"revealed": "nowhere.eval"}, "revealed: there is no log at 'nowhere.eval'"),
        ({"revealed": ""}, "revealed must be the path of a log, not ''"),
        ({"revealed": 7}, "revealed must be a log"),
        ({"revealed": ["a.eval", 7]}, "revealed must be a log"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(arguments: dict[str, Any], says: str) -> None:
    refused(predict_people, arguments, says)


def test_it_is_found_by_its_registered_name_and_shown_in_80_columns(tmp_path: Path) -> None:
    log = run("kidney_evals/predict_people", tmp_path, task_args={"drawn": 2})
    assert log.plan.steps[0].solver == "kidney_evals/predict_people"
    output = printed("show", log.location)
    lines = output.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[1] == "mcelfresh_2021_fixed + mcelfresh_2021, 32 samples, success"
    # Two lines on the task, one on the parameters, one on the file, a blank, heads, a blank.
    assert lines[7].startswith("prediction, fixed questions")
    assert lines[8].startswith("prediction, drawn dilemmas")
    assert "On the fixed questions the predictions lie" in output
    assert "refusal" not in table(rows_of(log), "predict_people")
