"""Inspect's real OpenAI and Anthropic providers, over HTTP, against a server that fails on demand.

Whatever a provider does, a run finishes, no sample is lost, and every outcome is counted for
what it is; only an account out of credit ends the run, and that at once.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval, eval_retry
from inspect_ai.log import EvalLog
from inspect_ai.model import ContentReasoning, Model

from kidney_evals.reporting import rows_of
from kidney_evals.tasks import forced_choice
from protocol.providers import PROVIDERS, connect, outcome, samples_of
from protocol.server import ANSWER, Outcome, Protocol, ProtocolServer

SAMPLES = 20

FAULTS: tuple[Outcome, ...] = (
    "rate_limited",
    "server_error",
    "dropped",
    "undecided",
    "truncated",
    "refused",
    "filtered",
    "malformed",
)


def run(model: Model, logs: Path, protocol: Protocol, **options: Any) -> EvalLog:
    options = {"limit": SAMPLES, **PROVIDERS[protocol].config, **options}
    return eval(forced_choice(controls=False), model=model, log_dir=str(logs), **options)[0]


def shares(log: EvalLog, *rows: str) -> list[float]:
    found = rows_of(log)
    return [found[row].value for row in rows]


@pytest.mark.parametrize(
    "protocol",
    ["chat", "messages", pytest.param("responses", marks=pytest.mark.slow)],
)
def test_every_outcome_is_counted_for_what_it_is(
    protocol: Protocol, server: ProtocolServer, tmp_path: Path
) -> None:
    server.script = FAULTS
    log = run(connect(server, protocol), tmp_path, protocol)

    assert log.status == "success", log.error
    samples = samples_of(log)
    assert len({sample.id for sample in samples}) == SAMPLES
    # Of eight faults three are retried and one is asked again: those four end in an answer.
    assert len(server.calls) == SAMPLES + 3 + 1
    assert Counter(map(outcome, samples)) == {
        "decision": SAMPLES - 4,
        "truncated": 1,
        "refusal": 2,  # one in the protocol's own field, one by a content filter
        "error": 1,  # a body that is no JSON
    }
    reasons = [score.scores["human_alignment"].reason for score in samples if score.scores]
    assert Counter(reasons) == {None: SAMPLES - 4, "truncated": 1, "refusal": 2, "error": 1}
    assert shares(log, "coverage", "truncated", "refusal", "error", "empty", "unreadable") == (
        pytest.approx([16 / 20, 1 / 20, 2 / 20, 1 / 20, 0, 0])
    )

    # Reasoning arrives as reasoning, and stays out of what is read.
    for sample in samples:
        if outcome(sample) == "decision":
            content = sample.output.message.content
            reasoned = any(isinstance(part, ContentReasoning) for part in content)
            assert reasoned == (protocol != "chat")
            assert sample.output.completion == ANSWER
    # Before its first reasoning call Inspect asks OpenAI once whether it may have summaries.
    assert server.probes == (1 if protocol == "responses" else 0)


def test_a_server_that_asks_to_wait_is_waited_for(server: ProtocolServer, tmp_path: Path) -> None:
    server.script, server.retry_after = ("rate_limited",), 1
    log = run(connect(server, "chat"), tmp_path, "chat", limit=1, score=False)

    assert log.status == "success", log.error
    refused, answered = server.calls
    assert answered.at - refused.at >= 1  # the client's own first wait is half a second


def test_an_ordinary_rate_limit_is_retried_by_inspect(
    server: ProtocolServer, tmp_path: Path
) -> None:
    # Without retries of the client's own, Inspect's loop (3 seconds and more) does it.
    server.script = ("rate_limited",)
    log = run(connect(server, "chat", max_retries=0), tmp_path, "chat", limit=1, score=False)

    assert log.status == "success", log.error
    assert server.outcomes == ["rate_limited", "answer"]
    assert [sample.output.completion for sample in samples_of(log)] == [ANSWER]


@pytest.mark.parametrize(
    ("protocol", "fault", "said"),
    [
        ("chat", "no_quota", "The quota of this account is used up."),
        ("chat", "hard_limit", "Billing hard limit has been reached."),
        ("responses", "no_quota", "The quota of this account is used up."),
        ("messages", "no_quota", "Your credit balance is too low to access the Anthropic API."),
    ],
)
def test_an_account_out_of_credit_ends_the_run_with_one_line(
    protocol: Protocol, fault: Outcome, said: str, server: ProtocolServer, tmp_path: Path
) -> None:
    server.script, server.default = ("answer",) * 3, fault
    log = run(connect(server, protocol, max_retries=0), tmp_path, protocol, max_samples=1)

    assert log.status == "error"
    assert log.error
    message = log.error.message
    assert message.startswith(f"{PROVIDERS[protocol].model}: the account is out of credit")
    assert said in message
    assert "\n" not in message
    assert server.outcomes == ["answer"] * 3 + [fault]  # not one call more
    finished = {sample.id for sample in samples_of(log) if not sample.error}
    assert len(finished) == 3


def test_a_run_that_ended_goes_on_where_it_stopped(server: ProtocolServer, tmp_path: Path) -> None:
    server.script, server.default = ("answer",) * 3, "no_quota"
    stopped = run(connect(server, "chat", max_retries=0), tmp_path, "chat", max_samples=1)
    server.default = "answer"
    asked = len(server.calls)
    log = eval_retry(stopped, log_dir=str(tmp_path))[0]

    assert log.status == "success", log.error
    assert Counter(map(outcome, samples_of(log))) == {"decision": SAMPLES}
    assert len(server.calls) - asked == SAMPLES - 3


def test_many_calls_at_once_find_the_account_empty_and_are_not_repeated(
    server: ProtocolServer, tmp_path: Path
) -> None:
    server.default = "no_quota"
    log = run(connect(server, "chat", max_retries=0), tmp_path, "chat")

    assert log.status == "error"
    assert log.error and "out of credit" in log.error.message
    assert len(server.calls) <= SAMPLES  # nothing was tried twice
