"""A call of a tool that was not offered, and calls that cannot be read: two requests at most."""

from __future__ import annotations

from pathlib import Path

import pytest
from inspect_ai import eval

from protocol.providers import PROVIDERS, connect, samples_of
from protocol.server import Protocol, ProtocolServer, Reply
from protocol.tasks import QUIET, TASKS, outcomes_of

SAMPLES = 2


@pytest.mark.parametrize(
    "protocol",
    ["chat", *(pytest.param(name, marks=pytest.mark.slow) for name in ("messages", "responses"))],
)
@pytest.mark.parametrize("call", ["calls_unoffered", "calls_parallel"])
@pytest.mark.parametrize("task", [name for name in TASKS if name != "precision"])
def test_a_dilemma_is_put_twice_at_most(
    task: str, call: Reply, protocol: Protocol, server: ProtocolServer, tmp_path: Path
) -> None:
    server.default = call
    log = eval(
        TASKS[task](),
        model=connect(server, protocol),
        log_dir=str(tmp_path),
        limit=SAMPLES,
        epochs=1,
        **QUIET,
        **PROVIDERS[protocol].config,
    )[0]
    assert log.status == "success", log.error
    # The server refuses a conversation that goes on after a call without its result.
    assert server.outcomes == [call] * 2 * SAMPLES
    for sample in samples_of(log):
        assert not sample.error
        outcome, first = outcomes_of(sample)
        # Beside the unoffered calls the text says `ANSWER: A`: it is not read as an answer.
        assert outcome == "unreadable"
        assert first == "unreadable" or task == "predict_people"
        roles = [message.role for message in sample.messages if message.role != "system"]
        assert roles == ["user", "assistant", "tool", "tool", "user", "assistant"]


@pytest.mark.parametrize("task", ["forced_choice", "json", "tool"])
def test_an_answer_after_such_a_call_counts(
    task: str, server: ProtocolServer, tmp_path: Path
) -> None:
    server.script = ("calls_unoffered",)
    log = eval(
        TASKS[task](),
        model=connect(server, "chat"),
        log_dir=str(tmp_path),
        limit=1,
        **QUIET,
    )[0]
    assert server.outcomes == ["calls_unoffered", "answer"]
    assert [outcomes_of(sample) for sample in samples_of(log)] == [("decision", "unreadable")]
