"""Runs that cannot go on: they end early with one line, and keep every answer that came."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inspect_ai import eval, eval_retry
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage, ModelOutput, get_model

from kidney_evals.cli import main
from kidney_evals.tasks import coin_flip, forced_choice
from protocol.providers import PROVIDERS, connect, samples_of
from protocol.server import Fault, Protocol, ProtocolServer, Reply
from protocol.tasks import QUIET, TASKS, outcomes_of

CONNECTIONS = 5

ANSWERED = 13

LIMIT = 60
"""Samples of a run that ends early."""


def run(task: Any, server: ProtocolServer, logs: Path, **options: Any) -> EvalLog:
    protocol: Protocol = options.pop("protocol", "chat")
    options = {"max_connections": CONNECTIONS, **QUIET, **PROVIDERS[protocol].config, **options}
    model = connect(server, protocol, max_retries=0)
    return eval(task, model=model, log_dir=str(logs), **options)[0]


def answered(log: EvalLog) -> Counter[str]:
    """How the samples without an error were read; "unscored" in a run without scores."""
    return Counter(
        outcomes_of(sample)[0] if sample.scores else "unscored"
        for sample in samples_of(log)
        if not sample.error
    )


OUT_OF_CREDIT = {
    "OpenRouter, 402": Fault(
        402, "This request requires more credits, or fewer max_tokens.", "402"
    ),
    "a copy of it, 400": Fault(400, "This request requires more credits.", "invalid_request"),
    "DeepSeek, 402": Fault(402, "Insufficient Balance", "invalid_request_error"),
    "Anthropic, 400": Fault(400, "Your credit balance is too low.", "invalid_request_error"),
    "OpenAI, 429": Fault(429, "You exceeded your current quota.", "insufficient_quota"),
    "xAI, 403": Fault(403, "Your team has used all available credits.", "permission_denied"),
    "Fireworks, 412": Fault(412, "Account x is suspended: unpaid invoices.", "PRECONDITION_FAILED"),
    "unknown words, 402": Fault(402, "Please come back with coins.", "sorry"),
}


@pytest.mark.parametrize(
    ("provider", "scored"),
    [
        ("OpenRouter, 402", True),
        ("OpenAI, 429", False),
        *(pytest.param(name, True, marks=pytest.mark.slow) for name in [*OUT_OF_CREDIT][1:]),
        pytest.param("OpenRouter, 402", False, marks=pytest.mark.slow),
    ],
)
def test_every_answer_before_the_credit_ran_out_is_kept(
    provider: str, scored: bool, server: ProtocolServer, tmp_path: Path
) -> None:
    fault = OUT_OF_CREDIT[provider]
    # Answers under way when the first refusal comes arrive after it.
    server.pause = 0.1
    delivered: list[Reply] = ["answer"] * ANSWERED
    server.script, server.default = delivered, fault
    log = run(forced_choice(controls=False), server, tmp_path, limit=20, score=scored)

    assert log.status == "error" and log.error
    assert log.error.message.startswith("openai/gpt-4o: the account is out of credit")
    assert fault.body.rstrip(".") in log.error.message
    assert "inspect eval-retry" in log.error.message and "\n" not in log.error.message
    assert answered(log) == {"decision" if scored else "unscored": ANSWERED}
    refused = server.outcomes.count(fault)
    assert len(server.calls) == ANSWERED + refused and refused <= CONNECTIONS

    server.default = "answer"
    made = len(server.calls)
    again = eval_retry(log, log_dir=str(tmp_path), score=scored, **QUIET)[0]
    assert again.status == "success", again.error
    assert answered(again) == {"decision" if scored else "unscored": 20}
    assert len(server.calls) - made == 20 - ANSWERED


REFUSALS: dict[str, tuple[Fault, str, str]] = {
    "wrong model": (
        Fault(404, "The model `gpt-5o` does not exist.", "model_not_found"),
        "The model `gpt-5o` does not exist.",
        "Check the model's name",
    ),
    "invalid key": (
        Fault(401, "Incorrect API key provided: sk-abc***xyz.", "invalid_api_key"),
        "Incorrect API key provided",
        "Check the key in OPENAI_API_KEY.",
    ),
    "forbidden": (
        Fault(403, "Country, region, or territory not supported", "request_forbidden"),
        "Country, region, or territory not supported.",
        "Check that the key in OPENAI_API_KEY may use this model",
    ),
    "temperature": (
        Fault(400, "Unsupported value: 'temperature' does not support 0.2.", "unsupported_value"),
        "'temperature' does not support 0.2",
        "Leave `--temperature` unset",
    ),
    "too many log-probabilities": (
        Fault(400, "Invalid value for 'top_logprobs': must be at most 5.", "invalid_value"),
        "'top_logprobs': must be at most 5.",
        "Run with `--top-logprobs 5`.",
    ),
    "unknown parameter": (
        Fault(422, '{"detail": [{"loc": ["body", "seed"], "msg": "extra field"}]}'),
        "seed: extra field.",
        "Leave `--seed` unset",
    ),
    "a web page": (
        Fault(404, "<html><title>Not here</title></html>"),
        "a web page instead of an answer: Not here.",
        "the base URL",
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        "temperature",
        "a web page",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in REFUSALS
            if name not in ("temperature", "a web page")
        ),
    ],
)
def test_a_run_that_is_refused_throughout_ends_early_and_says_why(
    name: str, server: ProtocolServer, tmp_path: Path
) -> None:
    fault, reason, remedy = REFUSALS[name]
    server.default = fault
    log = run(forced_choice(), server, tmp_path, limit=LIMIT)

    assert log.status == "error" and log.error
    message = log.error.message
    assert message.startswith("openai/gpt-4o: 3 samples ended in the same error")
    assert reason in message and remedy in message and "\n" not in message
    assert "sk-abc" not in message
    assert len(server.calls) <= CONNECTIONS + 3


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("stated_values", {}),
        ("predict_people", {}),
        ("precision", {"score": False}),
        ("precision", {"retry_on_error": 3}),
        *(
            pytest.param(task, options, marks=pytest.mark.slow)
            for task in ("forced_choice", "json", "tool")
            for options in ({}, {"score": False}, {"retry_on_error": 3})
        ),
    ],
)
def test_every_task_ends_early(
    task: str, options: dict[str, Any], server: ProtocolServer, tmp_path: Path
) -> None:
    server.default = REFUSALS["wrong model"][0]
    log = run(TASKS[task](), server, tmp_path, limit=LIMIT, **options)
    assert log.error and "Check the model's name" in log.error.message
    assert len(server.calls) <= CONNECTIONS + 3


def test_default_concurrency_makes_the_calls_that_are_under_way(
    server: ProtocolServer, tmp_path: Path
) -> None:
    server.default = REFUSALS["wrong model"][0]
    log = run(forced_choice(), server, tmp_path, limit=LIMIT, max_connections=None)
    assert log.status == "error"
    # Inspect starts 20 connections and 5 samples that wait for one.
    assert len(server.calls) <= 20 + 5


@pytest.mark.parametrize("error", [RuntimeError("CUDA error 17"), ValueError("no such device")])
def test_errors_that_are_no_http_errors_end_a_run_too(error: Exception, tmp_path: Path) -> None:
    calls = 0

    def fails(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        nonlocal calls
        calls += 1
        raise error

    model = get_model("mockllm/model", custom_outputs=fails, memoize=False)
    options: dict[str, Any] = {"limit": LIMIT, "max_connections": CONNECTIONS, **QUIET}
    log = eval(forced_choice(), model=model, log_dir=str(tmp_path), **options)[0]
    assert log.status == "error" and log.error
    assert str(error) in log.error.message
    assert calls <= CONNECTIONS + 3


NO_REASON: dict[str, tuple[Reply, ...]] = {
    "unavailable": (Fault(503, "Overloaded", "overloaded"),) * 6,
    "overloaded": (Fault(529, "Overloaded", "overloaded_error"),) * 6,
    "rate limit": (Fault(429, "Slow down. Add a payment method.", "rate_limit_exceeded"),) * 6,
    "dropped": ("dropped",) * 6,
    # Between the first and the second of them a call is answered, so none counts.
    "single refusals": (
        *(Fault(400, "This prompt is flagged.", "policy"), "answer") * 2,
        Fault(400, "This prompt is flagged.", "policy"),
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        "unavailable",
        "single refusals",
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in ("overloaded", "rate limit", "dropped")
        ),
    ],
)
def test_no_run_ends_early_for_what_passes(
    name: str, server: ProtocolServer, tmp_path: Path
) -> None:
    server.script = NO_REASON[name]
    options = {"max_retries": 0, "max_connections": 1, "fail_on_error": False}
    log = run(forced_choice(controls=False), server, tmp_path, limit=10, **options)
    assert log.status == "success", log.error
    assert len(server.calls) == 10
    failed = sum(not isinstance(one, str) or one == "dropped" for one in NO_REASON[name])
    assert answered(log) == {"decision": 10 - failed}


def test_a_key_that_expires_on_the_way_ends_a_run(server: ProtocolServer, tmp_path: Path) -> None:
    server.script, server.default = ("answer",) * 5, REFUSALS["invalid key"][0]
    log = run(forced_choice(controls=False), server, tmp_path, limit=100)
    assert log.error and "Check the key in OPENAI_API_KEY." in log.error.message
    assert answered(log) == {"decision": 5}
    # Ten in a row, where an answer came before.
    assert len(server.calls) <= 5 + 10 + CONNECTIONS


def test_show_and_report_give_the_reason(server: ProtocolServer, tmp_path: Path) -> None:
    server.default = REFUSALS["wrong model"][0]
    log = run(coin_flip(), server, tmp_path, limit=LIMIT)
    shown = printed("show", log.location)
    assert "The model `gpt-5o` does not exist. Check the model's name" in shown
    printed("report", log.location, "-o", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "does not exist. Check the model" in page


def test_show_gives_the_reason_where_inspect_gives_none(
    server: ProtocolServer, tmp_path: Path
) -> None:
    # A fifth of the samples ends in an error: Inspect fails the run without an error of its own.
    server.script = ("answer", Fault(400, "This prompt is flagged.", "policy")) * 2
    log = run(forced_choice(controls=False), server, tmp_path, limit=10, max_connections=1)
    assert log.status == "error" and log.error is None
    shown = printed("show", log.location)
    assert "failed (2 samples ended in an error: This prompt is flagged.)" in shown

    server.calls.clear()
    server.script = (Fault(400, "This prompt is flagged.", "policy"),)
    log = run(forced_choice(controls=False), server, tmp_path, limit=20)
    assert log.status == "success"
    shown = printed("show", log.location)
    assert "1 sample ended in an error: This prompt is flagged." in shown


def test_answers_that_a_retry_leaves_unscored_are_named(
    server: ProtocolServer, tmp_path: Path
) -> None:
    # Inspect's retry scores the samples that it runs, not those of a run without scores.
    server.script, server.default = ("answer",) * 2, OUT_OF_CREDIT["DeepSeek, 402"]
    log = run(forced_choice(controls=False), server, tmp_path, limit=4, score=False)
    server.default = "answer"
    again = eval_retry(log, log_dir=str(tmp_path), **QUIET)[0]
    line = "2 answered samples are not scored and count nowhere: run `kidney-evals rescore`"
    assert line in printed("show", again.location)
    scored = tmp_path / "scored.eval"
    printed("rescore", again.location, "-o", str(scored))
    assert "not scored" not in printed("show", str(scored))


def printed(*arguments: str) -> str:
    """What a command of this package printed, without line breaks."""
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_the_repeat_question_is_not_put_after_the_end(
    server: ProtocolServer, tmp_path: Path
) -> None:
    # One sample's answer is read as unreadable after the credit ran out.
    server.script = (Fault(402, "Insufficient Balance", "x"), "undecided")
    server.pause = 0.5
    log = run(forced_choice(controls=False), server, tmp_path, limit=2, max_connections=2)
    assert log.status == "error"
    assert server.outcomes == list(server.script)
