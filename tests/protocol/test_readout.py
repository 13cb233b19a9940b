"""Log-probabilities through Inspect's real OpenAI provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog

from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip
from protocol.providers import run, samples_of
from protocol.server import ProtocolServer

CHANCES = {"A": 0.5, "B": 0.27, "COIN": 0.2, "Neither": 0.03}
"""The last is no answer."""


def read(server: ProtocolServer, logs: Path, readout: Any = "logprobs", **options: Any) -> EvalLog:
    task = coin_flip(dilemmas=options.pop("dilemmas", 5), controls=False, readout=readout)
    return run(task, server, logs, **options)


def test_it_asks_for_what_it_needs_and_reads_it(server: ProtocolServer, tmp_path: Path) -> None:
    server.chances = CHANCES
    rows = rows_of(read(server, tmp_path))
    assert len(server.calls) == 10
    assert all(call.body["logprobs"] is True for call in server.calls)
    assert {call.body["top_logprobs"] for call in server.calls} == {20}
    assert rows["flip_rate"].value == pytest.approx(0.2 / 0.97, abs=1e-4)
    assert rows["pos_bias"].value == pytest.approx(0.5 / 0.77 - 0.5, abs=1e-4)
    assert rows["outside"].value == pytest.approx(0.03, abs=1e-4)
    # Every sample has its probabilities, whichever answer was drawn.
    assert rows["coverage"].value == 1


def test_fewer_alternatives_can_be_asked_for(server: ProtocolServer, tmp_path: Path) -> None:
    server.chances = CHANCES
    log = read(server, tmp_path, top_logprobs=2)
    rows = rows_of(log)
    assert {call.body["top_logprobs"] for call in server.calls} == {2}
    # The coin is not among two alternatives: it counts as outside, .23 with the other words, unless
    # it was drawn, when its own probability stands beside the list.
    drawn = ["COIN" in sample.output.completion for sample in samples_of(log)]
    assert 0 < sum(drawn) < len(drawn)
    share = sum(drawn) / len(drawn)
    assert rows["flip_rate"].value == pytest.approx(share * 0.2 / 0.97, abs=1e-4)
    assert rows["outside"].value == pytest.approx(share * 0.03 + (1 - share) * 0.23, abs=1e-4)


def test_values_are_brought_to_the_temperature(server: ProtocolServer, tmp_path: Path) -> None:
    server.chances = CHANCES
    rows = rows_of(read(server, tmp_path, temperature=0.5))
    squares = {word: chance**2 for word, chance in CHANCES.items()}
    inside = sum(squares.values()) - squares["Neither"]
    assert rows["flip_rate"].value == pytest.approx(squares["COIN"] / inside, abs=1e-4)
    assert "departure" in rows.flags


def test_a_server_that_gives_none_ends_the_run_at_once(
    server: ProtocolServer, tmp_path: Path
) -> None:
    log = read(server, tmp_path, dilemmas=50, max_connections=4, max_samples=4)
    assert log.status == "error" and log.error
    assert "openai/gpt-4o: the answer came without log-probabilities" in log.error.message
    assert len(server.calls) <= 8


@pytest.mark.slow
def test_readout_and_four_hundred_samples_agree(server: ProtocolServer, tmp_path: Path) -> None:
    server.chances = CHANCES
    once = rows_of(read(server, tmp_path, dilemmas=20))
    drawn = rows_of(read(server, tmp_path, readout="sample", dilemmas=20, epochs=10))
    # Of 400 samples about 3 % answer "Neither", which is no decision.
    assert drawn["flip_rate"].n > 390
    for name in ("flip_rate", "pos_bias"):
        assert drawn[name].low <= once[name].value <= drawn[name].high, name
