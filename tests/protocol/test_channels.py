"""Answers as JSON objects and tool calls through Inspect's real OpenAI and Anthropic providers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from kidney_evals.elicitation.channels import CHANNELS, Channel
from kidney_evals.tasks import coin_flip
from protocol.providers import PROVIDERS, outcomes_of, run, samples_of
from protocol.server import Outcome, Protocol, ProtocolServer, schema_of, tool_of

SAMPLES = 6

FAULTS: tuple[Outcome, ...] = ("undecided", "truncated", "refused", "filtered")


@pytest.mark.parametrize("channel", CHANNELS[1:])
@pytest.mark.parametrize("protocol", PROVIDERS)
def test_the_request_holds_the_channel_and_the_answer_is_read(
    protocol: Protocol, channel: Channel, server: ProtocolServer, tmp_path: Path
) -> None:
    server.script = FAULTS
    task = coin_flip(controls=False, channel=channel, explain="before")
    log = run(task, server, tmp_path, protocol=protocol, limit=SAMPLES, max_samples=1)
    assert log.status == "success", log.error

    # The first question is repeated, so there is one call more than there are samples.
    assert server.outcomes == [*FAULTS, *["answer"] * (SAMPLES + 1 - len(FAULTS))]
    for place, call in enumerate(server.calls):
        # The repeat question asks for the answer alone.
        fields = ["answer"] if place == 1 else ["reasons", "answer"]
        schema, tool = schema_of(call.body), tool_of(call.body)
        sent = schema if channel == "json" else tool
        assert not (tool if channel == "json" else schema)
        assert list(sent["properties"]) == sent["required"] == fields
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
    assert outcomes == {"truncated": 1, "refusal": 2, "decision": SAMPLES - 3}
    for sample in samples:
        if outcomes_of(sample)[0] == "decision":
            assert sample.scores and sample.scores["human_alignment"].answer == "A"
            assert not sample.error and len(sample.messages) == 2
    roles = [message.role for message in samples[0].messages]
    result = ["tool"] if channel == "tool" else []
    assert roles == ["user", "assistant", *result, "user", "assistant"]
