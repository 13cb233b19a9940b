"""Repeat questions: after calls that cannot be read, and with calls that fail."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import score

from kidney_evals.measures import compute
from kidney_evals.measures.run import Run
from kidney_evals.reporting import rows_of
from kidney_evals.scorers import human_alignment
from protocol.providers import outcomes_of, run, samples_of
from protocol.server import FLAGGED, NO_CHOICES, Fault, Protocol, ProtocolServer, Reply

slow = pytest.mark.slow

ONE: dict[str, Any] = {"limit": 1, "epochs": 1, "fail_on_error": False}


@pytest.mark.parametrize(
    "protocol", ["chat", *(pytest.param(name, marks=slow) for name in ("messages", "responses"))]
)
@pytest.mark.parametrize("call", ["calls_unoffered", "calls_parallel"])
@pytest.mark.parametrize(
    "task", ["tool", "predict_people", pytest.param("stated_values", marks=slow)]
)
def test_a_dilemma_is_put_twice_at_most(
    task: str, call: Reply, protocol: Protocol, server: ProtocolServer, tmp_path: Path
) -> None:
    server.default = call
    log = run(task, server, tmp_path, protocol=protocol, **ONE)
    assert log.status == "success", log.error
    # The server refuses a conversation that goes on after a call without its result.
    assert server.outcomes == [call] * 2
    [sample] = samples_of(log)
    # Beside the unoffered calls the text is `ANSWER: A`, which does not count.
    first = None if task == "predict_people" else "unreadable"
    assert not sample.error and outcomes_of(sample) == ("unreadable", first)
    roles = [message.role for message in sample.messages if message.role != "system"]
    assert roles == ["user", "assistant", "tool", "tool", "user", "assistant"]


@pytest.mark.parametrize("task", ["forced_choice", "json", "tool"])
def test_an_answer_after_such_a_call_counts(
    task: str, server: ProtocolServer, tmp_path: Path
) -> None:
    server.script = ("calls_unoffered",)
    log = run(task, server, tmp_path, **ONE)
    assert server.outcomes == ["calls_unoffered", "answer"]
    assert [outcomes_of(sample) for sample in samples_of(log)] == [("decision", "unreadable")]


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        ("forced_choice", NO_CHOICES),
        ("forced_choice", FLAGGED),
        ("predict_people", FLAGGED),
        *(pytest.param(task, FLAGGED, marks=slow) for task in ("stated_values", "tool")),
    ],
)
def test_a_failed_repeat_question_is_an_error_of_the_sample(
    task: str, fault: Fault, server: ProtocolServer, tmp_path: Path
) -> None:
    server.script = ("undecided", fault)
    log = run(task, server, tmp_path, **ONE)
    [sample] = samples_of(log)
    assert server.outcomes == ["undecided", fault] and sample.error
    # The log of a prediction does not hold the first outcome.
    first = None if task == "predict_people" else "unreadable"
    assert outcomes_of(sample) == ("error", first)
    assert fault is NO_CHOICES or sample.error.message == "This prompt is flagged."
    if task == "forced_choice":
        for read in (log, score(log, human_alignment(), action="overwrite")):
            rows = rows_of(read)
            assert isinstance(rows.run, Run)
            assert (rows["error"].value, rows["unreadable"].value) == (1, 0)
            # Before the repeat question and after it the sample gave no decision.
            assert rows["coverage"].value == compute(rows.run.first, "coverage").value == 0
            assert outcomes_of(samples_of(read)[0]) == ("error", "unreadable")


def test_inspect_tries_the_sample_again(server: ProtocolServer, tmp_path: Path) -> None:
    server.script = ("undecided", FLAGGED, "undecided", "answer")
    [sample] = samples_of(run("tool", server, tmp_path, retry_on_error=1, **ONE))
    assert not sample.error
    assert outcomes_of(sample) == ("decision", "unreadable")
