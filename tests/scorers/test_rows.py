"""What a log shows: rows, columns, reasons, explanations, whatever came back."""

import math
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval, score
from inspect_ai.analysis import evals_df
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from answering import saying
from kidney_evals.measures.readability import OUTCOMES
from kidney_evals.reporting import rows_of, sentence, table
from kidney_evals.reporting.found import find_logs
from kidney_evals.reporting.runs import read_runs
from kidney_evals.scorers import COLUMN, answers, controls, est, human_alignment, indecision
from kidney_evals.scorers.samples import run_of_log
from kidney_evals.tasks import coin_flip, forced_choice

HEADER = {
    "forced_choice": ["agreement", "share_dist", "swap_diff"],
    "coin_flip": ["flip_rate", "flip_calib", "distance"],
}
COLUMNS = [f"{COLUMN}_{name}" for name in ("value", "low", "high", "human", "n", "stderr")]
TASKS = {"forced_choice": forced_choice, "coin_flip": coin_flip}


def run(task: Any, model: Any, folder: Path, **options: Any) -> EvalLog:
    log: EvalLog = eval(task, model=model, log_dir=str(folder), **options)[0]
    assert log.status == "success", log.error
    return log


@pytest.mark.parametrize("condition", TASKS)
def test_the_log_begins_with_the_three_rows_of_the_header(condition: str, tmp_path: Path) -> None:
    log = run(TASKS[condition](dilemmas=5), "kidney/human", tmp_path)
    assert log.results is not None
    scores = log.results.scores
    assert [one.name for one in scores[:3]] == HEADER[condition]
    for one in scores:
        kept = [name for name in COLUMNS if name in one.metrics]
        if f"{COLUMN}_value" not in kept:
            # What Inspect shows where a headline has no value.
            kept.remove(f"{COLUMN}_n")
            kept.insert(0, f"{COLUMN}_n")
        assert list(one.metrics) == kept
    names = [one.name for one in scores]
    assert len(names) == len(set(names))
    assert not set(names) & {one.name for one in log.eval.scorers or ()}
    assert {f"imp_{name}" for name in ("age", "drinks", "dependents")} <= set(names)
    headline = log.results.headline
    assert headline is not None and headline.score == HEADER[condition][0]


@pytest.mark.parametrize("condition", TASKS)
@pytest.mark.parametrize(
    ("text", "stop", "part"),
    [
        ("I'm sorry, but I can't help with deciding who receives an organ.", "stop", "refusal"),
        ("", "content_filter", "refusal"),
        ("Patient A is younger, and", "max_tokens", "truncated"),
        ("", "stop", "empty"),
        ("Kidneys filter about 180 litres a day.", "stop", "unreadable"),
        ("Both patients are equally deserving.", "stop", "unprompted_indecision"),
    ],
)
def test_what_is_not_a_decision_has_its_reason_and_its_row(
    condition: str, text: str, stop: str, part: str, tmp_path: Path
) -> None:
    log = run(TASKS[condition](dilemmas=2), saying(text, stop=stop), tmp_path)
    rows = rows_of(log)
    # 2 dilemmas × 2 orders, all of one kind; controls count nowhere.
    row = OUTCOMES[part]
    assert rows[row].value == 1.0 and rows[row].n == 4
    assert rows["coverage"].value == 0.0
    for name in HEADER[condition]:
        assert math.isnan(rows[name].value) and rows[name].n == 0
    # Rows named from the study are there although nothing was read.
    assert rows["imp_age"].n == 0
    asked = [one for one in log.samples or [] if one.metadata["kind"] == "drawn"]
    assert len(asked) == 4
    for sample in asked:
        unscored = {"human_alignment", "indecision"} & set(sample.scores or {})
        assert len(unscored) == (1 if condition == "forced_choice" else 2)
        for scorer in unscored:
            kept = (sample.scores or {})[scorer]
            assert kept.reason == part
            assert math.isnan(kept.as_float())
            assert kept.answer is None
    assert "decided in no sample (4 " in sentence(rows, condition)


@pytest.mark.parametrize(
    ("condition", "respondent"), [("forced_choice", "first"), ("coin_flip", "never_flips")]
)
@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({}, {"limit": 3}),
        ({"dilemmas": 1, "controls": False}, {}),
        ({"dilemmas": 10, "orders": "as_listed"}, {}),
        pytest.param({"dilemmas": 10, "orders": "random"}, {}, marks=pytest.mark.slow),
        ({"study": "mcelfresh_2021_fixed"}, {"epochs": 2}),
        pytest.param({"study": "freedman_2020"}, {"epochs": 1}, marks=pytest.mark.slow),
        pytest.param({"study": "boerstler_2024"}, {"epochs": 2}, marks=pytest.mark.slow),
    ],
)
def test_every_design_gives_sensible_rows(
    condition: str,
    respondent: str,
    arguments: dict[str, Any],
    options: dict[str, Any],
    tmp_path: Path,
) -> None:
    log = run(TASKS[condition](**arguments), f"kidney/{respondent}", tmp_path, **options)
    rows = rows_of(log)
    assert rows["coverage"].value == 1.0
    for name, row in rows.items():
        assert (row.n == 0) == math.isnan(row.value), name
        if not math.isnan(row.low):
            assert row.low <= row.value + 1e-9 and row.value <= row.high + 1e-9, name
    assert len(table(rows, condition).splitlines()[0]) <= 80


def test_studies_without_a_coin_group_borrow_no_people(tmp_path: Path) -> None:
    log = run(coin_flip(study="freedman_2020"), "kidney/uniform", tmp_path, epochs=1)
    rows = rows_of(log)
    assert rows["flip_rate"].n > 0
    for name in ("flip_rate", "agreement", "imp_age"):
        assert math.isnan(rows[name].human), name
    assert math.isnan(rows["distance"].value)
    assert all((one.metadata or {}).get("human_a") is None for one in log.samples or [])


def test_study_rows_are_named_from_the_study(tmp_path: Path) -> None:
    fixed = rows_of(
        run(forced_choice(study="mcelfresh_2021_fixed"), "kidney/majority", tmp_path, epochs=1)
    )
    profiles = rows_of(
        run(forced_choice(study="freedman_2020"), "kidney/majority", tmp_path, epochs=1)
    )
    assert "fixed_dist" in fixed and "rank_rho" not in fixed
    # The majority of published Bradley-Terry shares orders the profiles exactly as people do.
    assert profiles["rank_rho"].value == 1.0
    assert "imp_cancer" in profiles and "imp_dependents" not in profiles


def test_controls_enter_no_rate(tmp_path: Path) -> None:
    rows = rows_of(run(coin_flip(dilemmas=3), "kidney/coin", tmp_path))
    # Always the coin: right on the 5 identical pairs, wrong on the 5 dominated ones.
    assert (rows["ctrl_coin"].value, rows["ctrl_coin"].n) == (1.0, 5)
    assert (rows["ctrl_dom"].value, rows["ctrl_dom"].n) == (0.0, 5)
    assert rows["flip_rate"].n == 6
    assert rows["coverage"].n == 6


def test_a_sample_explains_itself(tmp_path: Path) -> None:
    log = run(coin_flip(dilemmas=1, controls=False), saying("ANSWER: COIN"), tmp_path)
    sample = (log.samples or [])[0]
    told = {name: score.explanation or "" for name, score in (sample.scores or {}).items()}
    text = told["human_alignment"]
    for part in ("| Patient A", "| Patient B", "| Coin", "People chose", "Model chose", "the coin"):
        assert part in text
    metadata = sample.metadata
    assert f"{metadata['a_age']} years" in text
    assert f"{metadata['human_coin']:.0%}" in text
    flipped = f"{metadata['human_coin']:.0%} of people chose the coin."
    assert told["indecision"] == f"The model chose the coin; {flipped}"
    assert told["answers"].startswith("Read as **the coin**")


def test_every_sample_has_an_answer_and_controls_count_in_no_row_of_it(tmp_path: Path) -> None:
    log = run(coin_flip(dilemmas=2), saying("ANSWER: A"), tmp_path)
    samples = log.samples or []
    # Two dilemmas in both orders, and ten controls in one.
    assert len(samples) == 14
    found = [(sample.scores or {})["answers"] for sample in samples]
    assert [(one.answer, (one.metadata or {})["outcome"]) for one in found] == [
        ("A", "decision")
    ] * 14
    assert rows_of(log)["coverage"].n == 4
    read = run_of_log(log)
    assert read is not None and read.choice.shape == (4,)
    [panel] = read_runs(find_logs([log.location]))
    assert panel.run is not None and panel.run.choice.shape == (4,)


def test_a_repeat_question_is_recorded_and_first_answers_are_rated(tmp_path: Path) -> None:
    outputs = []
    for text in ("Hmm, a hard one.", "ANSWER: A") * 4:
        output = ModelOutput.from_content("mockllm/model", text)
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        outputs.append(output)
    model = get_model("mockllm/model", custom_outputs=outputs, memoize=False)
    log = run(forced_choice(dilemmas=2, controls=False), model, tmp_path, max_samples=1)
    rows = rows_of(log)
    assert rows["coverage"].value == 1.0
    first = [rows.first(name) for name in ("coverage", "agreement")]
    assert [one.value for one in first if one] == pytest.approx([0.0, math.nan], nan_ok=True)
    assert "Asked twice" in ((log.samples or [])[0].scores or {})["answers"].explanation  # type: ignore[operator]


def test_scoring_again_in_any_order_changes_no_digit(tmp_path: Path) -> None:
    log = run(coin_flip(dilemmas=12), "kidney/human", tmp_path)
    again = read_eval_log(log.location)
    again.samples = list(reversed(again.samples or []))
    rescored = score(
        again, [indecision(), human_alignment(), answers(), controls()], action="overwrite"
    )
    before, after = rows_of(log), rows_of(rescored)
    assert {name: repr(row) for name, row in before.items()} == {
        name: repr(row) for name, row in after.items()
    }


def test_epochs_reach_the_rows_unreduced(tmp_path: Path) -> None:
    log = run(coin_flip(study="mcelfresh_2021_fixed"), "kidney/human", tmp_path, epochs=3)
    rows = rows_of(log)
    # 14 questions × 2 orders × 3 epochs, each answer counted.
    assert rows["flip_rate"].n == 14 * 2 * 3
    assert rows["order_eff"].n == 14


def test_header_rows_are_columns_of_a_data_frame(tmp_path: Path) -> None:
    run(coin_flip(dilemmas=3), "kidney/human", tmp_path)
    run(forced_choice(dilemmas=3), "kidney/human", tmp_path)
    frame = evals_df(str(tmp_path))
    for names in HEADER.values():
        for name in names:
            assert f"score_{name}_{COLUMN}_n" in frame.columns
    for name in ("agreement", "flip_rate"):
        assert {f"score_{name}_{column}" for column in COLUMNS} <= set(frame.columns)


def test_the_metric_keeps_its_bare_name() -> None:
    # With the package's prefix an 80-column terminal would show `kidney_evals/est_v…`.
    from inspect_ai.scorer import Metric

    metric: Metric = est("coverage")
    assert metric.__registry_info__.name == COLUMN  # type: ignore[union-attr]
