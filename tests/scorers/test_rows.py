"""The rows of a log: names, columns, finite numbers, reasons, explanations, whatever came back."""

import json
import math
import os
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspect_ai import Task, score
from inspect_ai.analysis import evals_df
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.scorer import Score, Scorer

from answering import saying
from kidney_evals.estimation.intervals import Z95
from kidney_evals.measures import find, readability
from kidney_evals.measures import predictions as predicted_outcomes
from kidney_evals.measures import stated as stated_outcomes
from kidney_evals.reporting import rows_of, sentence, table
from kidney_evals.reporting.logs import find_logs
from kidney_evals.reporting.rows import Rows, stored_rows
from kidney_evals.reporting.runs import read_runs
from kidney_evals.scorers import COLUMN, COLUMNS, human_alignment, predictions, stated
from kidney_evals.scorers.samples import run_of_log
from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values
from tasks.running import TASKS, run

HEADER = {
    "forced_choice": ["share_dist", "sharpness", "swap_diff"],
    "coin_flip": ["flip_rate", "coin_slope", "share_dist"],
}
ORDER = [f"{COLUMN}_{name}" for name in COLUMNS]
REFUSES = "I'm sorry, but I can't help with deciding who receives an organ."

LOGS: Mapping[str, tuple[Callable[[], Task], Any]] = {
    "forced_choice": (lambda: forced_choice(dilemmas=12), "kidney/human"),
    "coin_flip": (lambda: coin_flip(dilemmas=6), "kidney/human"),
    "no people": (lambda: coin_flip(study="freedman_2020"), "kidney/uniform"),
    "refusals": (lambda: coin_flip(dilemmas=2), saying(REFUSES)),
    "one dilemma": (lambda: forced_choice(dilemmas=1, controls=False), "kidney/majority"),
    "one order": (lambda: forced_choice(dilemmas=10, orders="random"), "kidney/first"),
    "repeated": (lambda: coin_flip(study="boerstler_2024"), "kidney/never_flips"),
    "stated_values": (stated_values, "kidney/human"),
    "predict_people": (lambda: predict_people(drawn=3), "kidney/human"),
}
"""A task and a model for each kind of log."""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, EvalLog]:
    folder = tmp_path_factory.mktemp("logs")
    return {name: run(task(), folder, model, epochs=1) for name, (task, model) in LOGS.items()}


@pytest.mark.parametrize("condition", TASKS)
def test_the_log_begins_with_the_three_rows_of_the_header(
    condition: str, logs: Mapping[str, EvalLog]
) -> None:
    log = logs[condition]
    assert log.results is not None
    scores = log.results.scores
    assert [one.name for one in scores[:3]] == HEADER[condition]
    for one in scores:
        kept = [name for name in ORDER if name in one.metrics]
        if f"{COLUMN}_value" not in kept:
            # What Inspect shows where a headline has no value.
            kept.remove(f"{COLUMN}_n")
            kept.insert(0, f"{COLUMN}_n")
        # The metric keeps its bare name: an 80-column terminal would show `kidney_evals/est_v…`.
        assert list(one.metrics) == kept
    names = [one.name for one in scores]
    assert len(names) == len(set(names))
    assert not set(names) & {one.name for one in log.eval.scorers or ()}
    assert {f"imp_{name}" for name in ("age", "drinks", "dependents")} <= set(names)
    headline = log.results.headline
    assert headline is not None and headline.score == HEADER[condition][0]
    assert "Not for clinical" in (log.eval.metadata or {})["limits_and_use"]
    assert log.eval.task_version == "2-H"


@pytest.mark.parametrize("name", LOGS)
def test_the_rows_are_known_before_the_first_score(name: str, logs: Mapping[str, EvalLog]) -> None:
    # A row that vanishes after the first score ends Inspect's full-screen display with an error.
    task, results = LOGS[name][0](), logs[name].results
    assert results is not None and isinstance(task.metrics, dict)
    assert list(task.metrics) == [one.name for one in results.scores]
    labels = [f"{id}: {find(id).label}" for id in task.metrics]
    assert (task.metadata or {})["rows"].splitlines() == labels


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_run_in_a_terminal_prints_its_rows(tmp_path: Path) -> None:
    import pty

    inspect = str(Path(sys.executable).with_name("inspect"))
    words = "eval kidney_evals/coin_flip --model kidney/human -T dilemmas=40 --display full"
    command = [inspect, *words.split(), "--log-dir", str(tmp_path)]
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color"}
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    printed = b""
    # At the end of the program reading fails.
    with suppress(OSError):
        while data := os.read(ours, 1 << 16):
            printed += data
    os.close(ours)
    assert running.wait() == 0
    assert b"coin_slope" in printed and b"Traceback" not in printed


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


@pytest.mark.parametrize("name", LOGS)
def test_results_are_strict_json_of_finite_numbers(
    name: str, logs: Mapping[str, EvalLog], tmp_path: Path
) -> None:
    log = logs[name]
    with zipfile.ZipFile(log.location) as content:
        header = json.loads(content.read("header.json"), parse_constant=no_constant)
    assert header["results"]["scores"]
    # The other format of a log; its samples may have scores of NaN, which is Inspect's own sign.
    path = tmp_path / "log.json"
    write_eval_log(log.model_copy(update={"samples": None}), str(path))
    json.loads(path.read_text(encoding="utf-8"), parse_constant=no_constant)
    results = log.results
    assert results is not None
    for row in results.scores:
        kept = {metric.name: metric.value for metric in row.metrics.values()}
        assert "n" in kept and all(math.isfinite(value) for value in kept.values()), row.name
        interval = {"value", "low", "high"} <= set(kept)
        assert ("stderr" in kept) == interval, row.name
        if interval:
            half = (kept["high"] - kept["low"]) / 2
            # Every column is rounded to four decimals.
            assert kept["stderr"] == pytest.approx(half / Z95, abs=1.1e-4)
    # Readers get every row, with NaN where the log has no column, and more from the samples.
    rows, kept_rows = rows_of(log), stored_rows(log)
    assert set(kept_rows) == {row.name for row in results.scores}
    answered = [id for id, stored in kept_rows.items() if stored.n]
    assert set(answered) < set(rows)
    for id in answered:
        assert kept_rows[id] == pytest.approx(rows[id], abs=5.1e-5, nan_ok=True), id
    assert results.headline is not None and results.headline.score is not None
    for id, found in rows.items():
        assert (found.n == 0) == math.isnan(found.value), id
        if not math.isnan(found.low):
            assert found.low <= found.value + 1e-9 and found.value <= found.high + 1e-9, id
    assert len(table(rows, log.eval.task.rpartition("/")[2]).splitlines()[0]) <= 80
    defined = rows[results.headline.score].defined
    assert results.headline.metric == ("est_value" if defined else "est_n")


def test_data_frames_have_standard_errors_and_no_infinity(logs: Mapping[str, EvalLog]) -> None:
    frame = evals_df([log.location for log in logs.values()], quiet=True)
    assert len(frame) == len(logs)
    scores = [name for name in frame.columns if name.startswith("score_") and "_est_" in name]
    numbers = frame[scores].to_numpy(dtype=float, na_value=math.nan)
    assert not np.isinf(numbers).any()
    for row in ("agreement", "flip_rate", "imp_age", "st_age", "pred_fixed", "coverage"):
        assert frame[f"score_{row}_est_stderr"].notna().any(), row
    for row in (*HEADER["forced_choice"], *HEADER["coin_flip"]):
        assert f"score_{row}_{COLUMN}_n" in frame.columns


UNANSWERED = [
    (REFUSES, "stop", "refusal"),
    ("", "content_filter", "refusal"),
    ("Let me think. Patient A is younger, and", "max_tokens", "truncated"),
    ("", "stop", "empty"),
    ("It depends.", "stop", "unreadable"),
]
"""Replies that are no answer, and their outcomes."""

EVEN = ("Both patients are equally deserving.", "stop", "unprompted_indecision")


def unanswered(
    task: Task, cases: list[tuple[str, str, str]], folder: Path, **options: Any
) -> tuple[Rows, list[tuple[str, Score]], Counter[str]]:
    """Run a task with these replies in turn; return its rows, outcomes with scores, and counts."""
    # Only text that could not be read is asked for again, once.
    turns = [(text, stop) for text, stop, part in cases for _ in range(1 + (part == "unreadable"))]
    log = run(task, folder, saying(*turns), max_samples=1, epochs=1, **options)
    found = []
    for sample in log.samples or []:
        [score] = (sample.scores or {}).values()
        part = (score.metadata or {})["outcome"]
        asked = sum(message.role == "assistant" for message in sample.messages)
        assert asked == 1 + (part == "unreadable")
        assert ("Asked twice" in (score.explanation or "")) == (asked == 2)
        found.append((part, score))
    counts = Counter(part for _, _, part in cases)
    assert Counter(part for part, _ in found) == counts
    return rows_of(log), found, counts


@pytest.mark.parametrize("condition", TASKS)
def test_what_is_not_a_decision_has_its_reason_and_its_row(condition: str, tmp_path: Path) -> None:
    task = TASKS[condition](dilemmas=3, controls=False)
    rows, found, counts = unanswered(task, [*UNANSWERED, EVEN], tmp_path)
    for part, count in counts.items():
        row = rows[readability.OUTCOMES[part]]
        assert row.value == pytest.approx(count / 6) and row.n == 6
    assert rows["coverage"].value == 0.0
    # Rows named from the study are there although nothing was read.
    for name in (*HEADER[condition], "imp_age"):
        assert math.isnan(rows[name].value) and rows[name].n == 0
    for part, one in found:
        shown = "undecided" if part == "unprompted_indecision" else part
        value = one.as_dict()
        assert (one.answer, one.reason) == (None, part)
        assert (value["choice"], value["agreement"]) == (shown, "")
    assert rows.card is not None and rows.card.outcomes == counts
    assert "no answer" in sentence(rows, condition)


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [("stated_values", stated_outcomes.OUTCOMES), ("predict_people", predicted_outcomes.OUTCOMES)],
)
def test_what_is_no_statement_or_prediction_has_its_row(
    name: str, outcomes: Mapping[str, str], tmp_path: Path
) -> None:
    rows, _, counts = unanswered(LOGS[name][0](), UNANSWERED, tmp_path, limit=5)
    for part, count in counts.items():
        row = rows[outcomes[part]]
        assert row.value == pytest.approx(count / 5) and row.n == 5
    for id, quantity in rows.items():
        assert quantity.n == 0 or find(id).group == "readability", id


def test_studies_without_a_coin_group_borrow_no_people(logs: Mapping[str, EvalLog]) -> None:
    log = logs["no people"]
    rows = rows_of(log)
    assert rows["flip_rate"].n > 0 and all(math.isnan(row.human) for row in rows.values())
    # What compares with people is not among the rows.
    assert not {"agreement", "share_dist", "sharpness", "coin_slope", "distance"} & set(rows)
    assert all((one.metadata or {}).get("human_a") is None for one in log.samples or [])


def test_study_rows_are_named_from_the_study(tmp_path: Path) -> None:
    rows = rows_of(run(forced_choice(study="freedman_2020"), tmp_path, "kidney/majority", epochs=1))
    # The majority of published Bradley-Terry shares orders the profiles exactly as people do.
    assert rows["rank_rho"].value == 1.0
    assert "imp_cancer" in rows and not {"imp_dependents", "fixed_dist"} & set(rows)


def test_controls_enter_no_rate(tmp_path: Path) -> None:
    log = run(coin_flip(dilemmas=3), tmp_path, "kidney/coin")
    rows = rows_of(log)
    # Always the coin: right on the 5 identical pairs, wrong on the 5 dominated ones.
    assert (rows["ctrl_coin"].value, rows["ctrl_coin"].n) == (1.0, 5)
    assert (rows["ctrl_dom"].value, rows["ctrl_dom"].n) == (0.0, 5)
    assert rows["flip_rate"].n == rows["coverage"].n == 6
    # Three dilemmas in both orders, and ten controls in one.
    found = [(sample.scores or {})["human_alignment"] for sample in log.samples or []]
    assert {(one.answer, (one.metadata or {})["outcome"]) for one in found} == {
        ("COIN", "decision")
    }
    read = run_of_log(log)
    [panel] = read_runs(find_logs([log.location]))
    assert len(found) == 16 and read is not None and panel.run is not None
    assert read.choice.shape == panel.run.choice.shape == (6,)


def test_a_sample_explains_itself(tmp_path: Path) -> None:
    log = run(coin_flip(dilemmas=1, controls=False), tmp_path, saying("ANSWER: COIN"))
    sample = (log.samples or [])[0]
    [score] = (sample.scores or {}).values()
    text, facts = score.explanation or "", sample.metadata
    shown = ["| Patient A", "| Patient B", "| Coin", "People chose", "Model chose", "the coin"]
    for part in (*shown, f"{facts['a_age']} years", f"{facts['human_coin']:.0%}"):
        assert part in text
    assert text.endswith('Read as **the coin**: read from "ANSWER: COIN".')


def test_a_repeat_question_is_recorded_and_first_answers_are_rated(tmp_path: Path) -> None:
    model = saying("Hmm, a hard one.", "ANSWER: A")
    log = run(forced_choice(dilemmas=2, controls=False), tmp_path, model, max_samples=1)
    rows = rows_of(log)
    assert rows["coverage"].value == 1.0
    first = [rows.first(name) for name in ("coverage", "agreement")]
    assert [one.value for one in first if one] == pytest.approx([0.0, math.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("name", "scorer"),
    [("coin_flip", human_alignment), ("stated_values", stated), ("predict_people", predictions)],
)
def test_scoring_again_in_any_order_changes_no_digit(
    name: str, scorer: Callable[[], Scorer], logs: Mapping[str, EvalLog]
) -> None:
    again = read_eval_log(logs[name].location)
    again.samples = list(reversed(again.samples or []))
    rescored = score(again, [scorer()], action="overwrite")
    assert repr(dict(rows_of(rescored))) == repr(dict(rows_of(logs[name])))


def test_epochs_reach_the_rows_unreduced(tmp_path: Path) -> None:
    log = run(coin_flip(study="mcelfresh_2021_fixed"), tmp_path, epochs=2)
    rows = rows_of(log)
    # 14 questions × 2 orders × 2 epochs, each answer counted.
    assert rows["flip_rate"].n == 14 * 2 * 2
    assert rows["retest"].n == 14
    assert "fixed_dist" in rows
