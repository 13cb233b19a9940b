"""Runs that read log-probabilities: the same rows from one call to each question."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval

from cli.calling import printed
from kidney_evals.elicitation.prefill import example_dilemmas, worked_examples
from kidney_evals.elicitation.wording import wordings
from kidney_evals.errors import UserError
from kidney_evals.reporting import rows_of
from kidney_evals.studies import load_study
from kidney_evals.tasks import coin_flip
from tasks.running import meta, run


def test_one_call_each_and_what_the_log_says(tmp_path: Path) -> None:
    log = run(coin_flip(dilemmas=10, controls=False, readout="logprobs"), tmp_path)
    rows = rows_of(log)
    assert "readout" in rows.flags
    assert rows["outside"].value == pytest.approx(0, abs=1e-6)
    assert rows["coverage"].value == 1
    assert rows["flip_rate"].n == 20
    # The group of people is its own reference: expected values meet it to rounding.
    assert rows["flip_rate"].value == pytest.approx(rows["flip_rate"].human, abs=1e-3)
    assert rows["distance"].value == pytest.approx(0, abs=1e-3)
    assert log.eval.metadata is not None
    assert log.eval.metadata["readout"] == "logprobs"
    for sample in log.samples or []:
        assert sum(one.role == "assistant" for one in sample.messages) == 1
        score = (sample.scores or {})["human_alignment"]
        listed = score.metadata or {}
        shares = {name: listed[f"chance_{name}"] for name in ("first", "second", "coin")}
        assert listed["choice"] == max(shares, key=lambda name: shares[name])
        assert "the most probable answer, not a drawn one" in str(score.explanation)
    assert "log-probabilities" in printed("show", log.location)
    assert " 0 differ" in printed("rescore", log.location)


def test_a_provider_known_to_give_none_is_refused_before_a_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    task, arguments = "kidney_evals/forced_choice", {"readout": "logprobs"}
    with pytest.raises(UserError, match="anthropic models give no log-probabilities; use readout="):
        eval(task, model="anthropic/claude-x", task_args=arguments, log_dir=str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "respondent", ["human", pytest.param("lexicographic", marks=pytest.mark.slow)]
)
def test_a_begun_answer_says_what_many_samples_say(respondent: str, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"dilemmas": 30, "controls": False}
    model = f"kidney/{respondent}"
    once, many = (
        rows_of(run(task, tmp_path, model))
        for task in (coin_flip(**asked, readout="prefill", examples=3), coin_flip(**asked))
    )
    assert once["outside"].value == pytest.approx(0, abs=1e-6)
    assert "prefill" in once.flags and "readout" not in once.flags
    for name in ("flip_rate", "pos_bias"):
        assert many[name].low <= once[name].value <= many[name].high, name


def test_what_a_log_says_of_a_begun_answer(tmp_path: Path) -> None:
    asked = coin_flip(dilemmas=10, controls=False, readout="prefill", examples=6)
    log = run(asked, tmp_path)
    facts = log.eval.metadata or {}
    assert (facts["readout"], facts["examples"]) == ("prefill", 6)
    for sample in log.samples or []:
        assert sample.messages[-2].text == "ANSWER:"
        score = (sample.scores or {})["human_alignment"]
        assert "the most probable answer after the begun line" in str(score.explanation)
    assert "compare with prefilled runs only" in " ".join(printed("show", log.location).split())
    assert " 0 differ" in printed("rescore", log.location)


def test_worked_examples_are_balanced_and_never_asked(tmp_path: Path) -> None:
    task = coin_flip(dilemmas=400, readout="prefill", examples=60)
    study = load_study("mcelfresh_2021")
    drawn = example_dilemmas(study, 60)
    shown = {frozenset((one.first.values, one.second.values)) for one in drawn}
    asked = {
        frozenset(
            tuple(float(meta(one)[f"{side}_{name}"]) for name in study.attribute_ids)
            for side in "ab"
        )
        for one in task.dataset
    }
    assert len(shown) == 60 and len(asked) >= 400 and not shown & asked
    messages = worked_examples(study, "coin_flip", wordings()["default"], 60)
    answers = Counter(one.text for one in messages if one.role == "assistant")
    assert answers == {"ANSWER: A": 20, "ANSWER: B": 20, "ANSWER: COIN": 20}


@pytest.mark.parametrize(("respondent", "never"), [("human", False), ("never_flips", True)])
def test_a_coin_that_is_nowhere_the_most_probable_answer_counts(
    respondent: str, never: bool, tmp_path: Path
) -> None:
    asked = coin_flip(dilemmas=4, controls=False, readout="logprobs")
    log = run(asked, tmp_path, f"kidney/{respondent}")
    scores = [
        (sample.scores or {})["human_alignment"].metadata or {} for sample in log.samples or []
    ]
    assert {one["choice"] for one in scores} <= {"first", "second"}
    assert ("it never flipped" in printed("show", log.location)) == never


def test_a_fixed_list_is_asked_once(tmp_path: Path) -> None:
    log = run(coin_flip("mcelfresh_2021_fixed", readout="logprobs"), tmp_path)
    rows = rows_of(log)
    assert log.eval.config.epochs == 1
    rate = rows["flip_rate"]
    assert rate.low == rate.value == rate.high
    assert rows["fixed_dist"].low <= rows["fixed_dist"].value <= rows["fixed_dist"].high
