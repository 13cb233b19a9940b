"""A call that fails in the repeat question: an error of the sample, no answer of the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from inspect_ai import eval, score
from inspect_ai.log import EvalLog

from kidney_evals.measures import compute
from kidney_evals.measures.run import Run
from kidney_evals.reporting import rows_of
from kidney_evals.scorers import answers
from protocol.providers import PROVIDERS, connect, samples_of
from protocol.server import Fault, Protocol, ProtocolServer, Reply
from protocol.tasks import QUIET, TASKS, outcomes_of

REFUSED = Fault(400, "This prompt is flagged.", "policy")

EMPTY = Fault(
    200,
    '{"id": "x", "object": "chat.completion", "created": 0, "model": "gpt-4o", "choices": []}',
    headers={"content-type": "application/json"},
)


def run(task: str, server: ProtocolServer, logs: Path, *script: Reply, retries: int = 0) -> EvalLog:
    server.script = script
    options = {**QUIET, "limit": 1, "epochs": 1, "fail_on_error": False, "retry_on_error": retries}
    model = connect(server, "chat", max_retries=0)
    return eval(TASKS[task](), model=model, log_dir=str(logs), **options)[0]


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        ("forced_choice", EMPTY),
        *((task, REFUSED) for task in ("tool", "stated_values", "predict_people")),
        *(
            pytest.param(task, REFUSED, marks=pytest.mark.slow)
            for task in ("forced_choice", "json")
        ),
        *(pytest.param(task, EMPTY, marks=pytest.mark.slow) for task in ("tool", "stated_values")),
    ],
)
def test_it_is_an_error(task: str, fault: Fault, server: ProtocolServer, tmp_path: Path) -> None:
    log = run(task, server, tmp_path, "undecided", fault)
    [sample] = samples_of(log)
    assert server.outcomes == ["undecided", fault]
    assert sample.error
    # A prediction's first answer is not kept apart.
    first = None if task == "predict_people" else "unreadable"
    assert outcomes_of(sample) == ("error", first)
    if fault is REFUSED:
        assert sample.error.message == "This prompt is flagged."


def test_rows_count_it_as_an_error(server: ProtocolServer, tmp_path: Path) -> None:
    log = run("forced_choice", server, tmp_path, "undecided", REFUSED)
    for read in (log, score(log, answers(), action="overwrite", display="none")):
        rows = rows_of(read)
        assert isinstance(rows.run, Run)
        assert (rows["error"].value, rows["unreadable"].value) == (1, 0)
        # Before the repeat question and after it the sample gave no decision.
        assert rows["coverage"].value == compute(rows.run.first, "coverage").value == 0
        assert outcomes_of(samples_of(read)[0]) == ("error", "unreadable")


@pytest.mark.parametrize("task", ["forced_choice", "tool"])
def test_inspect_tries_the_sample_again(task: str, server: ProtocolServer, tmp_path: Path) -> None:
    log = run(task, server, tmp_path, "undecided", REFUSED, "undecided", "answer", retries=1)
    [sample] = samples_of(log)
    assert not sample.error
    assert outcomes_of(sample) == ("decision", "unreadable")


@pytest.mark.slow
@pytest.mark.parametrize("protocol", PROVIDERS)
def test_every_protocol(protocol: Protocol, server: ProtocolServer, tmp_path: Path) -> None:
    server.script = ("undecided", REFUSED)
    options = {**QUIET, **PROVIDERS[protocol].config, "limit": 1, "fail_on_error": False}
    log = eval(TASKS["tool"](), model=connect(server, protocol), log_dir=str(tmp_path), **options)[
        0
    ]
    assert [outcomes_of(one) for one in samples_of(log)] == [("error", "unreadable")]
