"""Log-probabilities through Inspect's real OpenAI provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.log import EvalLog

from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip
from protocol.providers import connect
from protocol.server import ProtocolServer

CHANCES = {"A": 0.5, "B": 0.27, "COIN": 0.2, "Neither": 0.03}
"""The last is no answer."""

INSIDE = 0.97


def run(server: ProtocolServer, logs: Path, dilemmas: int, **options: Any) -> EvalLog:
    readout = options.pop("readout", "logprobs")
    task = coin_flip(dilemmas=dilemmas, controls=False, readout=readout)
    options |= {"log_dir": str(logs), "display": "none", "score_display": False}
    return eval(task, model=connect(server, "chat"), **options)[0]


def test_it_asks_for_what_it_needs_and_reads_it(server: ProtocolServer, tmp_path: Path) -> None:
    server.chances = CHANCES
    rows = rows_of(run(server, tmp_path, 10))
    assert len(server.calls) == 20
    assert all(call.body["logprobs"] is True for call in server.calls)
    assert {call.body["top_logprobs"] for call in server.calls} == {20}
    assert rows["flip_rate"].value == pytest.approx(0.2 / INSIDE, abs=1e-4)
    assert rows["pos_bias"].value == pytest.approx(0.5 / 0.77 - 0.5, abs=1e-4)
    assert rows["outside"].value == pytest.approx(0.03, abs=1e-4)
    # Whatever was drawn, every sample has its probabilities.
    assert rows["coverage"].value == 1


def test_fewer_alternatives_can_be_asked_for(server: ProtocolServer, tmp_path: Path) -> None:
    server.chances = CHANCES
    log = run(server, tmp_path, 5, top_logprobs=2)
    rows = rows_of(log)
    assert {call.body["top_logprobs"] for call in server.calls} == {2}
    # The coin is not among two alternatives: it counts as outside, .23 with the other words, unless
    # it was drawn, when its own probability stands beside the list.
    drawn = ["COIN" in sample.output.completion for sample in log.samples or []]
    assert 0 < sum(drawn) < len(drawn)
    share = sum(drawn) / len(drawn)
    assert rows["flip_rate"].value == pytest.approx(share * 0.2 / INSIDE, abs=1e-4)
    assert rows["outside"].value == pytest.approx(share * 0.03 + (1 - share) * 0.23, abs=1e-4)
    told = [(sample.scores or {})["answers"].explanation for sample in log.samples or []]
    assert all("2 tokens were listed, fewer than the 3 answers offered" in str(one) for one in told)


def test_values_are_brought_to_the_temperature(server: ProtocolServer, tmp_path: Path) -> None:
    server.chances = CHANCES
    rows = rows_of(run(server, tmp_path, 5, temperature=0.5))
    squares = {word: chance**2 for word, chance in CHANCES.items()}
    inside = sum(squares.values()) - squares["Neither"]
    assert rows["flip_rate"].value == pytest.approx(squares["COIN"] / inside, abs=1e-4)
    assert "departure" in rows.flags


def test_a_server_that_gives_none_ends_the_run_at_once(
    server: ProtocolServer, tmp_path: Path
) -> None:
    log = run(server, tmp_path, 50, max_connections=4, max_samples=4)
    assert log.status == "error"
    assert log.error
    assert "openai/gpt-4o: the answer came without log-probabilities" in log.error.message
    assert len(server.calls) <= 8


@pytest.mark.slow
def test_readout_and_four_hundred_samples_agree(server: ProtocolServer, tmp_path: Path) -> None:
    server.chances = CHANCES
    read = rows_of(run(server, tmp_path, 20))
    drawn = rows_of(run(server, tmp_path, 20, readout="sample", epochs=10))
    # Of 400 samples 3 % answer "Neither", twice in a row .1 %: those have no answer.
    assert drawn["flip_rate"].n > 390
    for name in ("flip_rate", "pos_bias"):
        assert drawn[name].low <= read[name].value <= drawn[name].high, name
