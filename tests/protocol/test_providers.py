"""Inspect's real OpenAI and Anthropic providers, over HTTP, against a server that fails on demand.

A run finishes, no sample is lost, and every outcome is counted for what it is. Requests hold the
channel of the answer and ask for the log-probabilities that a readout needs.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import ContentReasoning

from kidney_evals.elicitation.channels import CHANNELS, Channel
from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip
from protocol.providers import CHANCES, MODELS, meets, outcomes_of, prefilled, run, samples_of
from protocol.server import (
    ANSWER,
    MALFORMED,
    Fault,
    Outcome,
    Protocol,
    ProtocolServer,
    Reply,
    schema_of,
    tool_of,
)

SAMPLES = 20

FAULTS: tuple[Reply, ...] = (
    Fault(429, "Slow down.", "rate_limit_exceeded", {"Retry-After": "0.02"}),
    Fault(500, "The server had an error.", "server_error"),
    "dropped",
    "undecided",
    "truncated",
    "refused",
    "filtered",
    MALFORMED,
)


@pytest.mark.parametrize(
    "protocol",
    ["chat", *(pytest.param(one, marks=pytest.mark.slow) for one in ("messages", "responses"))],
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
            assert reasoned == (protocol != "chat") and sample.output.completion == ANSWER
    # Before its first reasoning call Inspect asks OpenAI once whether it may have summaries.
    assert server.probes == (1 if protocol == "responses" else 0)


UNREAD: tuple[Outcome, ...] = ("undecided", "truncated", "refused", "filtered")


@pytest.mark.parametrize("channel", CHANNELS[1:])
@pytest.mark.parametrize("protocol", MODELS)
def test_the_request_holds_the_channel_and_the_answer_is_read(
    protocol: Protocol, channel: Channel, server: ProtocolServer, tmp_path: Path
) -> None:
    server.script = UNREAD
    task = coin_flip(controls=False, channel=channel, explain="before")
    log = run(task, server, tmp_path, protocol=protocol, limit=6, max_samples=1)
    assert log.status == "success", log.error

    # The first question is repeated, so there is one call more than there are samples.
    assert server.outcomes == [*UNREAD, *["answer"] * 3]
    for place, call in enumerate(server.calls):
        # The repeat question asks for the answer alone.
        fields = ["answer"] if place == 1 else ["reasons", "answer"]
        sent, other = schema_of(call.body), tool_of(call.body)
        if channel == "tool":
            sent, other = other, sent
        assert not other and list(sent["properties"]) == sent["required"] == fields
        assert sent["additionalProperties"] is False
        if channel == "json":
            assert "enum" not in sent["properties"]["answer"]
        else:
            assert sent["properties"]["answer"]["enum"] == ["A", "B", "COIN"]
            assert call.body.get("tool_choice", "auto") in ("auto", {"type": "auto"})
    if channel == "json" and protocol != "messages":
        body = server.calls[0].body
        form = body.get("response_format", {}).get("json_schema") or body["text"]["format"]
        assert form["strict"] is True and form["name"] == "answer"

    samples = samples_of(log)
    # One refusal in the protocol's own field, one by a content filter; the first sample was cut
    # off when it was asked again.
    outcomes = Counter(outcomes_of(sample)[0] for sample in samples)
    assert outcomes == {"truncated": 1, "refusal": 2, "decision": 3}
    for sample in samples:
        if outcomes_of(sample)[0] == "decision":
            assert sample.scores and sample.scores["human_alignment"].answer == "A"
            assert not sample.error and len(sample.messages) == 2
    roles = [message.role for message in samples[0].messages]
    result = ["tool"] if channel == "tool" else []
    assert roles == ["user", "assistant", *result, "user", "assistant"]


def read(server: ProtocolServer, logs: Path, dilemmas: int = 5, **options: Any) -> EvalLog:
    task = coin_flip(dilemmas=dilemmas, controls=False, readout="logprobs")
    return run(task, server, logs, **options)


def test_it_asks_for_what_it_needs_and_reads_it(server: ProtocolServer, tmp_path: Path) -> None:
    server.chances = CHANCES
    # At a temperature of ½ the chances are squared.
    cases: list[tuple[dict[str, Any], int]] = [({}, 1), ({"temperature": 0.5}, 2)]
    for options, power in cases:
        server.calls.clear()
        rows = rows_of(read(server, tmp_path, **options))
        assert len(server.calls) == 10
        assert all(call.body["logprobs"] is True for call in server.calls)
        assert {call.body["top_logprobs"] for call in server.calls} == {20}
        meets(rows, power=power)
        # Every sample has its probabilities, whichever answer was drawn.
        assert rows["coverage"].value == 1
        assert ("departure" in rows.flags) == (power == 2)


def test_a_begun_answer_is_sent_last_and_what_follows_is_read(
    server: ProtocolServer, tmp_path: Path
) -> None:
    server.chances = CHANCES
    asked: dict[str, Any] = {"readout": "prefill", "examples": 3, "system_prompt": "Hi."}
    rows = rows_of(prefilled(coin_flip(dilemmas=5, controls=False, **asked), server, tmp_path))
    for call in server.calls:
        messages = call.body["messages"]
        pairs = ["user", "assistant"] * 3
        assert [one["role"] for one in messages] == ["system", *pairs, "user", "assistant"]
        said = [one["content"] for one in messages if one["role"] == "assistant"]
        assert said == ["ANSWER: A", "ANSWER: B", "ANSWER: COIN", "ANSWER:"]
        assert (call.body["max_tokens"], call.body["top_logprobs"]) == (1, 20)
    meets(rows)
    assert rows["coverage"].value == 1
    # The limit of one token is the readout's own, not a departure.
    assert "prefill" in rows.flags and "departure" not in rows.flags
    assert "readout" not in rows.flags


def test_a_server_that_begins_a_new_turn_is_not_read(
    server: ProtocolServer, tmp_path: Path
) -> None:
    # The label stands where the answer should.
    server.chances = {"ANSWER": 0.98, "A": 0.02}
    log = prefilled(coin_flip(dilemmas=2, controls=False, readout="prefill"), server, tmp_path)
    assert rows_of(log)["coverage"].value == 0
    for sample in samples_of(log):
        score = (sample.scores or {})["human_alignment"]
        assert outcomes_of(sample)[0] == "unreadable"
        assert "the answers hold 0.02" in str(score.explanation)
        assert "likeliest other token is ' ANSWER' (0.98)" in str(score.explanation)


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


def test_a_server_that_gives_none_ends_the_run_at_once(
    server: ProtocolServer, tmp_path: Path
) -> None:
    log = read(server, tmp_path, dilemmas=50, max_connections=4, max_samples=4)
    assert log.status == "error" and log.error
    assert "openai/gpt-4o: the answer came without log-probabilities" in log.error.message
    assert len(server.calls) <= 8
