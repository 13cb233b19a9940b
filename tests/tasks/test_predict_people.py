"""Predicting people: what is asked, what known respondents score, what is refused."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from answering import saying
from cli.calling import printed
from kidney_evals.reporting import rows_of, table
from kidney_evals.studies import datasets_dir
from kidney_evals.tasks import coin_flip, forced_choice, predict_people
from reporting.making_logs import cancelled, edited, unscored
from tasks.running import meta, refused, run

Says = Callable[[list[float]], list[float]]
"""The shares that a respondent predicts, from the shares of people."""


def counts() -> list[list[int]]:
    """The counts of the fixed questions, read apart from the package."""
    path = datasets_dir() / "mcelfresh_2021_fixed" / "reference" / "counts.csv"
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["condition"] == "coin_flip"]
    return [[int(row[way]) for way in ("first", "second", "coin")] for row in rows]


def expected(says: Says) -> float:
    """Mean over questions of Σ_c (q_c - p_c)² - p_c (1 - p_c)/(n - 1)."""
    total = 0.0
    asked = counts()
    for row in asked:
        n = sum(row)
        p = [count / n for count in row]
        total += sum((a - b) ** 2 - b * (1 - b) / (n - 1) for a, b in zip(says(p), p, strict=True))
    return total / len(asked)


def _top(p: list[float]) -> list[float]:
    place = max(range(len(p)), key=lambda index: (p[index], -index))
    return [float(index == place) for index in range(len(p))]


def test_the_questions_and_the_log(tmp_path: Path) -> None:
    task = predict_people(drawn=3)
    metas = [meta(sample) for sample in task.dataset]
    assert [one["kind"] for one in metas] == ["fixed"] * 28 + ["drawn"] * 6
    assert len({sample.id for sample in task.dataset}) == 34
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
        assert f"| **Patient A** Age: {one['a_age']:g} years, " in score.explanation
        # Rounded to a tenth of a percent from the share, which the metadata holds in 4 decimals.
        shown = map(float, re.findall(r"([\d.]+) %", score.explanation))
        assert any(abs(one - 100 * people[2]) <= 0.05 + 0.005 for one in shown)
        listed = [0.55, 0.25, 0.2] if one["order"] == "ab" else [0.25, 0.55, 0.2]
        assert score.metadata["predicted"] == listed


@pytest.mark.parametrize(
    ("name", "says", "swap"),
    [
        ("majority", _top, 0.0),
        # Patient A in both orders: half first, half second.
        pytest.param("first", lambda p: [0.5, 0.5, 0.0], 1.0, marks=pytest.mark.slow),
    ],
)
def test_a_respondent_scores_the_distance_of_its_shares_from_peoples(
    name: str, says: Says, swap: float, tmp_path: Path
) -> None:
    rows = rows_of(run(predict_people(drawn=0), tmp_path, f"kidney/{name}"))
    row = rows["pred_fixed"]
    assert row.value == pytest.approx(expected(says), abs=1e-4)
    # The floor: twice the variance of people's shares, which the shares of record themselves
    # score once, below 0.
    assert row.human == pytest.approx(-2 * expected(lambda p: p), abs=1e-4)
    assert row.n == 14 and row.low <= row.value <= row.high
    known = rows.baselines("pred_fixed")
    for baseline, shares in (("always the majority", _top), ("guessing", lambda p: [1 / 3] * 3)):
        assert known[baseline].value == pytest.approx(expected(shares), abs=1e-4)
    assert rows["pred_swap"].value == pytest.approx(swap, abs=1e-5)
    flips = [row[2] / sum(row) for row in counts()]
    assert rows["pred_fx_flips"].human == pytest.approx(sum(flips) / 14, abs=1e-4)
    assert "pred_drawn" not in rows and "pred_contam" not in rows.flags


def test_a_log_beside_own_choices_is_shown_and_scored_again_to_the_same_digits(
    tmp_path: Path,
) -> None:
    choices = coin_flip(study="mcelfresh_2021_fixed", dilemmas=3)
    own = run(choices, tmp_path / "own", "kidney/uniform", epochs=1)
    task = predict_people(drawn=2, revealed=own.location)
    log = run(task, tmp_path / "log", model_args={"unreadable": 0.3})
    rows = rows_of(log)
    assert "pred_fx_own" in rows and "pred_dr_own" not in rows and "pred_other" in rows.flags
    sample = next(meta(one) for one in log.samples or [] if "own_ab" in meta(one))
    assert sample["revealed_model"] == "kidney/uniform"
    assert sorted(sample["own_ab"].split()) == ["0", "0", "1"]
    # The samples hold the choices.
    Path(own.location.removeprefix("file://")).unlink()
    assert " 0 differ" in printed("rescore", log.location)
    output = printed("show", log.location)
    assert max(len(line) for line in output.splitlines()) <= 80
    assert "On the fixed questions the predictions lie" in output
    assert "refusal" not in table(rows, "predict_people")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Logs that are refused, each for a reason of its own."""
    folder = tmp_path_factory.mktemp("logs")
    once: dict[str, Any] = {"dilemmas": 1, "controls": False}
    logs = {
        "coin": run(coin_flip(**once), folder),
        "forced": run(forced_choice(**once), folder),
        "mechanism": run(coin_flip(**once, wording="committee"), folder),
        "readout": run(coin_flip(**once, readout="logprobs"), folder),
        "draw": run(coin_flip(**once, draw_seed=3), folder),
        "refuser": run(coin_flip(**once), folder, "kidney/refuser"),
    }
    paths = {name: log.location for name, log in logs.items()}
    coin = Path(paths["coin"].removeprefix("file://"))
    edits = {"unscored": unscored, "cancelled": cancelled}
    return paths | {
        name: str(edited(coin, folder / f"{name}.eval", edit)) for name, edit in edits.items()
    }


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("forced", "is a run of forced_choice, and people are to be predicted in coin_flip"),
        ("mechanism", "offered another way out than a coin"),
        ("readout", "holds probabilities (readout=logprobs)"),
        ("draw", "shares no dilemma with this run"),
        ("refuser", "holds no choice"),
        ("unscored", "was not scored; score it with kidney-evals rescore"),
        ("cancelled", "did not finish (cancelled); finish it with inspect eval-retry"),
        ("coin,coin", "are of one study"),
    ],
)
def test_a_log_that_does_not_fit_is_refused(names: str, says: str, logs: dict[str, str]) -> None:
    revealed = ",".join(logs[name] for name in names.split(","))
    refused(predict_people, {"revealed": revealed}, says)
