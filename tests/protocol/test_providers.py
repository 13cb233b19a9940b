"""Inspect's real OpenAI and Anthropic providers, over HTTP, against a server that fails on demand.

A run finishes, no sample is lost, and every outcome is counted for what it is.
"""

from collections import Counter
from pathlib import Path

import pytest
from inspect_ai.model import ContentReasoning

from kidney_evals.reporting import rows_of
from protocol.providers import outcomes_of, run, samples_of
from protocol.server import ANSWER, Fault, Protocol, ProtocolServer, Reply

SAMPLES = 20

BUSY = Fault(429, "Slow down.", "rate_limit_exceeded", {"Retry-After": "0.02"})
JSON = {"content-type": "application/json"}
FAULTS: tuple[Reply, ...] = (
    BUSY,
    Fault(500, "The server had an error.", "server_error"),
    "dropped",
    "undecided",
    "truncated",
    "refused",
    "filtered",
    Fault(200, '{"id": <!doctype', headers=JSON),
)


@pytest.mark.parametrize(
    "protocol", ["chat", "messages", pytest.param("responses", marks=pytest.mark.slow)]
)
def test_every_outcome_is_counted_for_what_it_is(
    protocol: Protocol, server: ProtocolServer, tmp_path: Path
) -> None:
    server.script = FAULTS
    log = run("forced_choice", server, tmp_path, protocol=protocol, client={}, limit=SAMPLES)
    assert log.status == "success", log.error
    samples = samples_of(log)
    assert len({sample.id for sample in samples}) == SAMPLES
    # Of eight faults three are retried and one is asked again: those four end in an answer.
    assert len(server.calls) == SAMPLES + 3 + 1
    expected = {
        "decision": SAMPLES - 4,
        "truncated": 1,
        "refusal": 2,  # one in the protocol's own field, one by a content filter
        "error": 1,  # a body that is no JSON
    }
    assert Counter(outcomes_of(sample)[0] for sample in samples) == expected
    rows = rows_of(log)
    shares = [rows[row].value for row in ("coverage", "truncated", "refusal", "error", "empty")]
    assert shares == pytest.approx([16 / 20, 1 / 20, 2 / 20, 1 / 20, 0])

    # Reasoning arrives as reasoning, and is not read.
    for sample in samples:
        if outcomes_of(sample)[0] == "decision":
            content = sample.output.message.content
            reasoned = any(isinstance(part, ContentReasoning) for part in content)
            assert reasoned == (protocol != "chat")
            assert sample.output.completion == ANSWER
    # Before its first reasoning call Inspect asks OpenAI once whether it may have summaries.
    assert server.probes == (1 if protocol == "responses" else 0)


def test_a_server_that_asks_to_wait_is_waited_for(server: ProtocolServer, tmp_path: Path) -> None:
    server.script = (Fault(429, "Slow down.", "rate_limit_exceeded", {"Retry-After": "1"}),)
    log = run("forced_choice", server, tmp_path, client={}, limit=1, score=False)
    assert log.status == "success", log.error
    refused, answered = server.calls
    assert answered.at - refused.at >= 1  # the client's own first wait is half a second


@pytest.mark.slow
def test_an_ordinary_rate_limit_is_retried_by_inspect(
    server: ProtocolServer, tmp_path: Path
) -> None:
    # Without retries of the client's own, Inspect's loop (3 seconds and more) does it.
    server.script = (BUSY,)
    log = run("forced_choice", server, tmp_path, limit=1, score=False)
    assert log.status == "success", log.error
    assert server.outcomes == [BUSY, "answer"]
    assert [sample.output.completion for sample in samples_of(log)] == [ANSWER]
