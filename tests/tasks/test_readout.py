"""Runs that read log-probabilities: the same rows from one call to each question."""

from __future__ import annotations

from pathlib import Path

import pytest
from inspect_ai import eval

from kidney_evals.errors import UserError
from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip
from tasks.running import printed, run


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


def test_a_fixed_list_is_asked_once(tmp_path: Path) -> None:
    log = run(coin_flip("mcelfresh_2021_fixed", readout="logprobs"), tmp_path)
    rows = rows_of(log)
    assert log.eval.config.epochs == 1
    rate = rows["flip_rate"]
    assert rate.low == rate.value == rate.high
    assert rows["fixed_dist"].low <= rows["fixed_dist"].value <= rows["fixed_dist"].high
