"""The solvers through small tasks: the questions, the repetitions, and the readings in the log."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval, score
from inspect_ai.log import read_eval_log

from answering import saying
from kidney_evals.elicitation.solvers import forced_choice as choice_solver
from kidney_evals.scorers import human_alignment
from kidney_evals.tasks import coin_flip, forced_choice
from tasks.running import TASKS, meta, run

Reply = tuple[str, Any]
"""A model's reply: a text and its stop reason."""

NO_ANSWER, NO = ("A or B?", "stop"), ("I can't help with that.", "stop")
# The replies in order; the first outcome, the last answer or outcome.
ASKED: dict[str, list[tuple[list[Reply], str, str]]] = {
    "forced_choice": [
        ([("ANSWER: A", "stop")], "decision", "A"),
        ([("ANSWER: COIN", "stop")], "unprompted_indecision", "unprompted_indecision"),
        ([NO], "refusal", "refusal"),
        ([("ANSWER: A", "content_filter")], "refusal", "refusal"),
        ([("", "max_tokens")], "truncated", "truncated"),
        ([("", "stop")], "empty", "empty"),
        ([NO_ANSWER, ("ANSWER: B", "stop")], "unreadable", "B"),
        ([NO_ANSWER, ("Well...", "stop")], "unreadable", "unreadable"),
        ([NO_ANSWER, ("", "max_tokens")], "unreadable", "truncated"),
    ],
    "coin_flip": [
        ([("ANSWER: COIN", "stop")], "decision", "COIN"),
        ([NO_ANSWER, NO], "unreadable", "refusal"),
    ],
}


@pytest.mark.parametrize("name", ASKED)
def test_only_an_unreadable_answer_is_asked_again_and_only_once(name: str, tmp_path: Path) -> None:
    model = saying(*(reply for replies, _, _ in ASKED[name] for reply in replies))
    task = TASKS[name](dilemmas=len(ASKED[name]), orders="as_listed", controls=False)
    log = run(task, tmp_path, model, max_samples=1)
    again = score(read_eval_log(log.location), human_alignment(), action="overwrite")
    for read in (log, again):
        for sample, (replies, first, last) in zip(read.samples or [], ASKED[name], strict=True):
            (scored,) = (sample.scores or {}).values()
            facts = scored.metadata or {}
            assert facts.get("first_outcome", facts["outcome"]) == first
            assert (scored.answer or facts["outcome"]) == last
            assert sum(one.role == "user" for one in sample.messages) == len(replies)


@pytest.mark.parametrize("model", [saying("ANSWER: COIN"), "kidney/first"])
def test_the_messages_hold_the_dilemma_the_system_message_and_no_metadata(
    model: Any, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {"explain": "after", "system_prompt": "You sit on a panel."}
    log = run(coin_flip(dilemmas=1, controls=False, **asked), tmp_path, model)
    for sample in log.samples or []:
        system, user, _ = sample.messages
        assert (system.role, system.text) == ("system", "You sit on a panel.")
        # The patient shown as A is in the a_ columns.
        a, b = (user.text.index(f"{meta(sample)[f'{side}_age']} years") for side in "ab")
        assert user.text.index("Patient A") < a < user.text.index("Patient B") < b
        assert "ANSWER: COIN" in user.text and "channel" not in sample.metadata
        assert all(one.metadata is None for one in sample.messages)


def test_a_sample_for_another_wording_than_the_solvers_is_an_error(tmp_path: Path) -> None:
    german = forced_choice(dilemmas=1, controls=False, wording="german").dataset
    task = Task(dataset=german, solver=choice_solver())
    log = eval(task, model="mockllm/model", log_dir=str(tmp_path))[0]
    assert log.error is not None
    assert "to be put in wording 'german', and the solver has default; give" in log.error.message


def test_a_sample_without_a_wording_gets_the_only_wording_of_the_solver(tmp_path: Path) -> None:
    dataset = [*forced_choice(dilemmas=1, controls=False).dataset]
    for sample in dataset:
        assert sample.metadata is not None
        del sample.metadata["wording"]
    model = saying(("ANSWER: A", "stop"), ("ANSWER: B", "stop"))
    log = eval(Task(dataset=dataset, solver=choice_solver()), model=model, log_dir=str(tmp_path))[0]
    assert log.status == "success"
