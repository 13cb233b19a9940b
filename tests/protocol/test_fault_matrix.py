"""Every fault of a provider: no answer is lost, asked twice or changed.

Each fault meets a run of 20 samples; `eval_retry` then finishes the run.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from inspect_ai import eval_retry
from inspect_ai.log import EvalLog

from kidney_evals.tasks import coin_flip
from protocol.providers import QUIET, run
from protocol.server import Fault, ProtocolServer, Reply, answer_to, prompt_of

SAMPLES = 20

MIDDLE = 8
"""Answers before a fault begins."""

JSON = {"content-type": "application/json"}
NO_CHOICES = '{"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": []}'

PASSING: dict[str, Reply] = {
    "429 with Retry-After": Fault(429, "Slow down.", "rate_limit_exceeded", {"Retry-After": "0.1"}),
    "500": Fault(500, "The server had an error.", "server_error"),
    "529": Fault(529, "Overloaded.", "overloaded_error"),
    "connection dropped mid-body": "dropped",
    "malformed JSON with 200": Fault(200, '{"id": <!doctype', headers=JSON),
    "HTML with 200": Fault(200, "<html><title>Login</title></html>"),
    "no choices with 200": Fault(200, NO_CHOICES, headers=JSON),
    "timeout": Fault(200, NO_CHOICES, headers=JSON, pause=1.5),
}
"""Faults of two requests, after which the server answers again."""

LASTING: dict[str, Reply] = {
    "401": Fault(401, "The key has expired.", "invalid_api_key"),
    "404": Fault(404, "The model `x` was retired.", "model_not_found"),
    "400, refused parameter": Fault(400, "Unsupported value: 'temperature'.", "unsupported_value"),
    "402, credit": Fault(402, "Insufficient Balance", "invalid_request_error"),
    "429, credit": Fault(429, "You exceeded your current quota.", "insufficient_quota"),
}
"""Faults of all requests until the run is continued."""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", [*PASSING, *LASTING])
def test_no_fault_loses_or_changes_an_answer(fault: str, tmp_path: Path) -> None:
    with ProtocolServer(varied=True, pause=0.02) as server:
        delivered: list[Reply] = ["answer"] * MIDDLE
        server.script = delivered + ([PASSING[fault]] * 2 if fault in PASSING else [])
        server.default = LASTING.get(fault, "answer")
        task = coin_flip(dilemmas=SAMPLES // 2, controls=False)
        client = {"client_timeout": 1}
        log = run(task, server, tmp_path, client=client, max_connections=4, epochs=1)
        server.script, server.default = (), "answer"
        if len(_read(log)) < SAMPLES:
            log = eval_retry(log, log_dir=str(tmp_path), **QUIET)[0]
            assert log.status == "success", log.error
        read = _read(log)
        assert len(read) == SAMPLES
        assert all(answer == answer_to(prompt) for prompt, answer in read.items())
        times = Counter(prompt_of(call.body) for call in server.calls if call.outcome == "answer")
        assert set(times.values()) == {1}


def _read(log: EvalLog) -> dict[str, str]:
    """Return the answer to each question that was answered."""
    return {
        next(message.text for message in sample.messages if message.role == "user"): (
            sample.scores["human_alignment"].answer or ""
        )
        for sample in log.samples or ()
        if not sample.error and sample.scores
    }
