"""Runs that cannot go on: they end early with one line, and keep every answer that came."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval, eval_retry
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage, ModelOutput, get_model

from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip
from protocol.providers import MODELS, QUIET, outcomes_of, printed, run, samples_of
from protocol.server import (
    FLAGGED,
    MALFORMED,
    NO_CHOICES,
    Fault,
    Protocol,
    ProtocolServer,
    Reply,
    answer_to,
    prompt_of,
)

slow = pytest.mark.slow

CONNECTIONS: dict[str, Any] = {"max_connections": 5}

LIMIT = 60
"""Number of samples of a run that ends early."""


def answered(log: EvalLog) -> Counter[str]:
    """Count the outcomes of the samples without an error; "unscored" in a run without scores."""
    return Counter(
        outcomes_of(sample)[0] if sample.scores else "unscored"
        for sample in samples_of(log)
        if not sample.error
    )


def error_of(log: EvalLog) -> str:
    """Return the one line that a run ended with."""
    assert log.status == "error" and log.error and "\n" not in log.error.message
    return log.error.message


NO_BALANCE = Fault(402, "Insufficient Balance", "invalid_request_error")


@pytest.mark.parametrize(
    ("fault", "protocol", "scored"),
    [
        (NO_BALANCE, "chat", True),
        ("no_quota", "chat", False),
        ("no_quota", "messages", True),
        pytest.param("no_quota", "responses", True, marks=slow),
        # A status that is no other error, with words that no provider documents.
        pytest.param(Fault(402, "Please come back.", "sorry"), "chat", True, marks=slow),
    ],
)
def test_every_answer_before_the_credit_ran_out_is_kept(
    fault: Reply, protocol: Protocol, scored: bool, server: ProtocolServer, tmp_path: Path
) -> None:
    # Answers under way when the first refusal comes arrive after it.
    server.pause = 0.1
    delivered: list[Reply] = ["answer"] * 13
    server.script, server.default = delivered, fault
    options: dict[str, Any] = {"limit": 20, "score": scored, **CONNECTIONS}
    log = run("forced_choice", server, tmp_path, protocol=protocol, **options)

    message = error_of(log)
    assert message.startswith(f"{MODELS[protocol]}: the account is out of credit")
    assert isinstance(fault, str) or fault.body.rstrip(".") in message
    assert "inspect eval-retry" in message
    read = "decision" if scored else "unscored"
    assert answered(log) == {read: 13}
    refused = server.outcomes.count(fault)
    assert len(server.calls) == 13 + refused and refused <= 5

    server.default = "answer"
    again = eval_retry(log, log_dir=str(tmp_path), score=scored, **QUIET)[0]
    assert again.status == "success", again.error
    assert answered(again) == {read: 20}
    # The card is that of all answers, not of those that the retry asked for.
    stored = ((again.results and again.results.early_stopping) or pytest.fail()).metadata
    assert stored == ({"card": card.to_dict()} if (card := rows_of(again).card) else {})
    assert len(server.calls) == 13 + refused + 20 - 13


NO_MODEL = Fault(404, "The model `gpt-5o` does not exist.", "model_not_found")
BAD_KEY = Fault(401, "Incorrect API key provided: sk-abc***xyz.", "invalid_api_key")


NAMED = ("The model `gpt-5o` does not exist.", "Check the model's name")
SEED = Fault(422, '{"detail": [{"loc": ["body", "seed"], "msg": "extra field"}]}')


@pytest.mark.parametrize(
    ("task", "options", "fault", "reason", "remedy"),
    [
        ("forced_choice", {}, NO_MODEL, *NAMED),
        ("predict_people", {}, NO_MODEL, *NAMED),
        ("precision", {"score": False}, NO_MODEL, *NAMED),
        *(
            pytest.param(task, {"retry_on_error": 3}, NO_MODEL, *NAMED, marks=slow)
            for task in ("stated_values", "precision", "json", "tool")
        ),
        *(
            pytest.param("forced_choice", {}, *case, marks=slow)
            for case in (
                (BAD_KEY, "Incorrect API key provided", "Check the key in OPENAI_API_KEY."),
                (SEED, "seed: extra field.", "Leave `--seed` unset"),
            )
        ),
    ],
)
def test_a_run_that_is_refused_throughout_ends_early_and_says_why(
    task: str,
    options: dict[str, Any],
    fault: Fault,
    reason: str,
    remedy: str,
    server: ProtocolServer,
    tmp_path: Path,
) -> None:
    server.default = fault
    log = run(task, server, tmp_path, limit=LIMIT, **CONNECTIONS, **options)
    message = error_of(log)
    assert message.startswith("openai/gpt-4o: 3 samples ended in the same error")
    assert reason in message and remedy in message and "sk-abc" not in message
    assert len(server.calls) <= 5 + 3
    if task == "forced_choice":
        shown = printed("show", log.location)
        assert reason in shown and remedy in shown


def test_errors_that_are_no_http_errors_end_a_run_too(tmp_path: Path) -> None:
    calls = 0

    def fails(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        nonlocal calls
        calls += 1
        raise RuntimeError("CUDA error 17")

    model = get_model("mockllm/model", custom_outputs=fails, memoize=False)
    options: dict[str, Any] = {"log_dir": str(tmp_path), "limit": LIMIT, **CONNECTIONS, **QUIET}
    [log] = eval("kidney_evals/forced_choice", model=model, **options)
    assert "CUDA error 17" in error_of(log) and calls <= 5 + 3


@pytest.mark.parametrize(
    "script",
    [
        # Between the first and the second refusal a call is answered, so none counts.
        (*(FLAGGED, "answer") * 2, FLAGGED),
        pytest.param((Fault(503, "Overloaded", "overloaded"),) * 6, marks=slow),
        pytest.param(
            (Fault(429, "Slow down. Add a payment method.", "rate_limit_exceeded"),) * 6, marks=slow
        ),
        pytest.param(("dropped",) * 6, marks=slow),
    ],
)
def test_no_run_ends_early_for_passing_errors(
    script: tuple[Reply, ...], server: ProtocolServer, tmp_path: Path
) -> None:
    server.script = script
    options: dict[str, Any] = {"max_connections": 1, "fail_on_error": False, "limit": 10}
    log = run("forced_choice", server, tmp_path, max_retries=0, **options)
    assert log.status == "success", log.error
    failed = sum(reply != "answer" for reply in script)
    assert len(server.calls) == 10 and answered(log) == {"decision": 10 - failed}


def test_a_key_that_expires_on_the_way_ends_a_run(server: ProtocolServer, tmp_path: Path) -> None:
    server.script, server.default = ("answer",) * 5, BAD_KEY
    log = run("forced_choice", server, tmp_path, limit=100, **CONNECTIONS)
    assert "Check the key in OPENAI_API_KEY." in error_of(log)
    assert answered(log) == {"decision": 5}
    # Ten in a row, where an answer came before.
    assert len(server.calls) <= 5 + 10 + 5


def test_show_gives_the_reason_where_inspect_gives_none(
    server: ProtocolServer, tmp_path: Path
) -> None:
    # A fifth of the samples ends in an error: Inspect fails the run without an error of its own.
    server.script = ("answer", FLAGGED) * 2
    log = run("forced_choice", server, tmp_path, limit=10, max_connections=1)
    assert log.status == "error" and log.error is None
    reason = "failed (2 samples ended in an error: This prompt is flagged.)"
    assert reason in printed("show", log.location)

    server.calls.clear()
    server.script = (FLAGGED,)
    log = run("forced_choice", server, tmp_path, limit=20)
    assert log.status == "success"
    assert "1 sample ended in an error: This prompt is flagged." in printed("show", log.location)


def test_answers_that_a_retry_leaves_unscored_are_named(
    server: ProtocolServer, tmp_path: Path
) -> None:
    # Inspect's retry scores the samples that it runs, not those of a run without scores.
    server.script, server.default = ("answer",) * 2, NO_BALANCE
    log = run("forced_choice", server, tmp_path, limit=4, score=False)
    server.default = "answer"
    again = eval_retry(log, log_dir=str(tmp_path), **QUIET)[0]
    line = "2 answered samples are not scored and count nowhere: run `kidney-evals rescore`"
    assert line in printed("show", again.location)
    scored = tmp_path / "scored.eval"
    printed("rescore", again.location, "-o", str(scored))
    assert "not scored" not in printed("show", str(scored))


def test_the_repeat_question_is_not_put_after_the_end(
    server: ProtocolServer, tmp_path: Path
) -> None:
    # The unreadable answer of one sample comes after the credit ran out.
    server.script = (NO_BALANCE, "undecided")
    server.pause = 0.5
    error_of(run("forced_choice", server, tmp_path, limit=2, max_connections=2))
    assert server.outcomes == list(server.script)


SAMPLES = 20

MIDDLE = 8
"""Number of answers before a fault begins."""

PASSING: dict[str, Reply] = {
    "429 with Retry-After": Fault(429, "Slow down.", "rate_limit_exceeded", {"Retry-After": "0.1"}),
    "500": Fault(500, "The server had an error.", "server_error"),
    "529": Fault(529, "Overloaded.", "overloaded_error"),
    "connection dropped mid-body": "dropped",
    "malformed JSON with 200": MALFORMED,
    "HTML with 200": Fault(200, "<html><title>Login</title></html>"),
    "no choices with 200": NO_CHOICES,
    "timeout": replace(NO_CHOICES, pause=8),
}
"""Faults of two requests, after which the server answers again."""

LASTING: dict[str, Reply] = {
    "401": Fault(401, "The key has expired.", "invalid_api_key"),
    "404": Fault(404, "The model `x` was retired.", "model_not_found"),
    "400, refused parameter": Fault(400, "Unsupported value: 'temperature'.", "unsupported_value"),
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
        # A client that gives up too soon would ask again for an answer that was under way.
        client = {"client_timeout": 5} if fault == "timeout" else {}
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
