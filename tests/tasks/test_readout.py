"""Runs that read log-probabilities: the same rows from one call to each question."""

from __future__ import annotations

from pathlib import Path

import pytest
from inspect_ai import eval

from kidney_evals.errors import UserError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.reporting import rows_of, sentence
from kidney_evals.reporting.rows import Rows
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
    people = f"{100 * rows['flip_rate'].human:.0f} %"
    assert sentence(rows, "coin_flip").startswith(
        f"By the probabilities read out of 20 answers, the model left an expected {people} of "
        f"them to the coin, where people leave {people}"
    )
    assert log.eval.metadata is not None
    assert log.eval.metadata["readout"] == "logprobs"
    for sample in log.samples or []:
        assert sum(one.role == "assistant" for one in sample.messages) == 1
        score = (sample.scores or {})["human_alignment"]
        listed = score.metadata or {}
        shares = {name: listed[f"chance_{name}"] for name in ("first", "second", "coin")}
        assert listed["choice"] == max(shares, key=lambda name: shares[name])
        assert "the most probable answer, not a drawn one" in str(score.explanation)
    assert "outside" in printed("show", log.location)
    assert " 0 differ" in printed("rescore", log.location)


LEFT = "The model left 21 of 120 answers (18 %)"
READ_OUT = "By the probabilities read out of 120 answers, the model left an expected"
COIN = "to the coin, where people leave 20 %"
NO_COIN = "undecided in the way it was offered, which was no coin: people have no rate for it."
LIKE_PEOPLE = ", and it did so about where people do."


@pytest.mark.parametrize(
    ("rate", "more", "says"),
    [
        (0.175, set(), f"{LEFT} {COIN}."),
        (0.175, {"flip_calib"}, f"{LEFT} {COIN}{LIKE_PEOPLE}"),
        # Less than half an answer is no count, and a share all the same.
        (0.003, {"readout", "flip_calib"}, f"{READ_OUT} 0.3 % of them {COIN}{LIKE_PEOPLE}"),
        (0.175, {"not_coin"}, f"{LEFT} {NO_COIN}"),
        (0.175, {"readout", "not_coin"}, f"{READ_OUT} 18 % of them {NO_COIN}"),
    ],
)
def test_nothing_drawn_is_nothing_counted(
    rate: float, more: set[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rows, "flags", dict.fromkeys(more, ""))
    stored = {
        "coverage": Quantity(1.0, 1.0, 1.0, n=120),
        "flip_rate": Quantity(rate, 0.0, 1.0, 0.2, 120),
        **({"flip_calib": Quantity(0.0, 0.0, 0.0, n=120)} if "flip_calib" in more else {}),
    }
    assert sentence(Rows(None, stored), "coin_flip") == says


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
