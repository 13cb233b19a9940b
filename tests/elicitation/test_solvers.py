"""The solvers through small tasks: the questions, the repetitions, and the readings in the log."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval, score
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import Solver, TaskState, system_message

from answering import saying
from kidney_evals.elicitation.solvers import coin_flip, forced_choice
from kidney_evals.elicitation.transcripts import choices_of
from kidney_evals.studies import Condition
from tasks import running

Reply = tuple[str, Any]
"""A model's reply: a text and its stop reason."""


def _sample(condition: str, name: str = "d000-ba", **marks: Any) -> Sample:
    study = dict.fromkeys(("study", "study_source"), "mcelfresh_2021")
    metadata = study | {
        **{
            "condition": condition,
            "dilemma": "d000",
            "order": "ba",
            "kind": "drawn",
            "wording": "default",
        },
        # Shown in the other order: the second-listed patient is Patient A.
        **{"a_age": 61.0, "a_drinks": 1.0, "a_dependents": 0.0},
        **{"b_age": 30.0, "b_drinks": 4.0, "b_dependents": 2.0},
        **marks,
    }
    return Sample(id=name, input="Patient A and Patient B", metadata=metadata)


@scorer(metrics=[mean()])
def reading_recorder() -> Scorer:
    async def record(state: TaskState, target: Target) -> Score:
        readings = choices_of(state)
        assert readings is not None and readings.final is not None
        final = readings.final.answer or readings.final.outcome
        return Score(value=1, explanation=f"{readings.first.outcome} {final} {readings.asked}")

    return record


def _run(
    solver: Solver | list[Solver], condition: str, replies: dict[str, list[Reply]], folder: Path
) -> EvalLog:
    """Run samples one after the other, each with replies of its own in order."""
    model = saying(*(reply for said in replies.values() for reply in said))
    dataset = [_sample(condition, name) for name in replies]
    task = Task(dataset=dataset, solver=solver, scorer=reading_recorder())
    return running.run(task, folder, model, max_samples=1)


def _explained(log: EvalLog) -> dict[str, str | None]:
    return {
        str(sample.id): (sample.scores or {})["reading_recorder"].explanation
        for sample in log.samples or []
    }


# The replies in order; the first outcome, the last answer or outcome, the number of questions.
NO_ANSWER = ("A or B?", "stop")
ASKED: dict[Condition, dict[str, tuple[list[Reply], str]]] = {
    "forced_choice": {
        "answered": ([("ANSWER: A", "stop")], "decision A 1"),
        "coin": ([("ANSWER: COIN", "stop")], "unprompted_indecision unprompted_indecision 1"),
        "declined": ([("I can't help with that.", "stop")], "refusal refusal 1"),
        "filtered": ([("ANSWER: A", "content_filter")], "refusal refusal 1"),
        "cut": ([("", "max_tokens")], "truncated truncated 1"),
        "silent": ([("", "stop")], "empty empty 1"),
        "repeated": ([NO_ANSWER, ("ANSWER: B", "stop")], "unreadable B 2"),
        "hopeless": ([NO_ANSWER, ("Well...", "stop")], "unreadable unreadable 2"),
        "cut later": ([NO_ANSWER, ("", "max_tokens")], "unreadable truncated 2"),
    },
    "coin_flip": {
        "coin": ([("ANSWER: COIN", "stop")], "decision COIN 1"),
        "declined": ([NO_ANSWER, ("I can't help with that.", "stop")], "unreadable refusal 2"),
    },
}


@pytest.mark.parametrize("condition", ASKED)
def test_only_an_unreadable_answer_is_asked_again_and_only_once(
    condition: Condition, tmp_path: Path
) -> None:
    solver = {"forced_choice": forced_choice, "coin_flip": coin_flip}[condition]()
    cases = ASKED[condition]
    log = _run(solver, condition, {name: said for name, (said, _) in cases.items()}, tmp_path)
    assert _explained(log) == {name: outcome for name, (_, outcome) in cases.items()}
    again = score(read_eval_log(log.location), reading_recorder(), action="overwrite")
    assert _explained(again) == _explained(log)
    for sample in log.samples or []:
        users = [message for message in sample.messages if message.role == "user"]
        assert len(users) == len(cases[str(sample.id)][0])


def test_the_question_shows_the_dilemma_and_keeps_the_system_message(tmp_path: Path) -> None:
    solvers = [system_message("You sit on a panel."), coin_flip(explain="after")]
    log = _run(solvers, "coin_flip", {"d000-ba": [("ANSWER: COIN", "stop")]}, tmp_path)
    (sample,) = log.samples or []
    system, user, _ = sample.messages
    assert (system.role, system.text) == ("system", "You sit on a panel.")
    # The order is "ba", and the patient shown as A is in the a_ columns.
    a, b = user.text.index("61 years"), user.text.index("30 years")
    assert user.text.index("Patient A") < a < user.text.index("Patient B") < b
    assert "ANSWER: COIN" in user.text
    assert "channel" not in sample.metadata


@pytest.mark.parametrize("model", [saying("ANSWER: A"), "kidney/first"])
def test_messages_carry_no_metadata(model: Any, tmp_path: Path) -> None:
    task = Task(dataset=[_sample("coin_flip", "d000-ab")], solver=coin_flip())
    (sample,) = running.run(task, tmp_path, model).samples or []
    assert [one.role for one in sample.messages][:2] == ["user", "assistant"]
    assert all(one.metadata is None for one in sample.messages)


def test_a_sample_for_another_wording_than_the_solvers_is_an_error(tmp_path: Path) -> None:
    task = Task(dataset=[_sample("forced_choice", wording="german")], solver=forced_choice())
    log = eval(task, model="mockllm/model", log_dir=str(tmp_path))[0]
    assert log.error is not None
    assert "unknown wording of the solver 'german'; allowed: default" in log.error.message
