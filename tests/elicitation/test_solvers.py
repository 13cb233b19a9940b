"""The two solvers through small tasks: what is asked, how often, and what is read from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval, score
from inspect_ai.dataset import Sample
from inspect_ai.event import SampleInitEvent
from inspect_ai.log import EvalLog, EvalSample, read_eval_log, transcript
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ContentReasoning,
    ContentText,
    Model,
    ModelOutput,
    ModelUsage,
    StopDetails,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import Solver, TaskState, system_message

from kidney_evals.elicitation.reading import read_output
from kidney_evals.elicitation.solvers import coin_flip, forced_choice
from kidney_evals.elicitation.transcripts import readings_of
from kidney_evals.errors import UserError
from kidney_evals.studies import load_study

USAGE = ModelUsage(input_tokens=100, output_tokens=5, total_tokens=105)


def _output(content: Any, stop: Any = "stop", details: StopDetails | None = None) -> ModelOutput:
    choice = ChatCompletionChoice(
        message=ChatMessageAssistant(content=content, source="generate"),
        stop_reason=stop,
        stop_details=details,
    )
    return ModelOutput(model="mockllm", choices=[choice], usage=USAGE)


def _model(answers: dict[str, list[ModelOutput]]) -> Model:
    """A model that gives each sample its own answers, in order."""

    def answer(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        # Without usage on its outputs the mock model fetches a tokenizer from the network.
        users = [message for message in messages if message.role == "user"]
        [start] = [one for one in transcript().events if isinstance(one, SampleInitEvent)]
        return answers[str(start.sample.id)][len(users) - 1]

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def _sample(condition: str, name: str = "d000-ba") -> Sample:
    metadata = {
        "study": "mcelfresh_2021",
        "study_source": "mcelfresh_2021",
        "condition": condition,
        "dilemma": "d000",
        "order": "ba",
        "kind": "drawn",
        # Shown in the other order: the second-listed patient is Patient A.
        **{"a_age": 61.0, "a_drinks": 1.0, "a_dependents": 0.0},
        **{"b_age": 30.0, "b_drinks": 4.0, "b_dependents": 2.0},
    }
    return Sample(id=name, input="Patient A and Patient B", metadata=metadata)


@scorer(metrics=[mean()])
def reading_recorder() -> Scorer:
    async def record(state: TaskState, target: Target) -> Score:
        found = readings_of(state)
        if found is None:
            return Score(value=0, explanation="nothing")
        assert found.final is not None
        parts = (found.first.outcome, found.final.outcome, found.final.answer, found.asked)
        return Score(value=1, explanation=" ".join(map(str, parts)))

    return record


def _run(
    solver: Solver | list[Solver],
    answers: dict[str, list[ModelOutput]],
    folder: Path,
    condition: str = "forced_choice",
) -> EvalLog:
    dataset = [_sample(condition, name) for name in answers]
    task = Task(dataset=dataset, solver=solver, scorer=reading_recorder())
    model = _model(answers)
    return eval(task, model=model, log_dir=str(folder), score_display=False)[0]


def _samples(log: EvalLog) -> dict[str, EvalSample]:
    assert log.status == "success", log.error
    assert log.samples is not None
    return {str(sample.id): sample for sample in log.samples}


def _explained(log: EvalLog) -> dict[str, str | None]:
    return {
        name: sample.scores["reading_recorder"].explanation if sample.scores else None
        for name, sample in _samples(log).items()
    }


NOTHING_READ = _output("A or B?")
# What the model answers, in order; the first outcome, the last one, the answer, the questions.
ASKED: dict[str, dict[str, tuple[list[ModelOutput], str]]] = {
    "forced_choice": {
        "answered": ([_output("ANSWER: A")], "decision decision A 1"),
        "coin": ([_output("ANSWER: COIN")], "unprompted_indecision unprompted_indecision None 1"),
        "equal": ([_output("It's a tie.")], "unprompted_indecision unprompted_indecision None 1"),
        "declined": ([_output("I can't help with that.")], "refusal refusal None 1"),
        "filtered": ([_output("ANSWER: A", "content_filter")], "refusal refusal None 1"),
        "cut": ([_output("", "max_tokens")], "truncated truncated None 1"),
        "silent": ([_output("")], "empty empty None 1"),
        "repeated": ([NOTHING_READ, _output("ANSWER: B")], "unreadable decision B 2"),
        "hopeless": ([NOTHING_READ, _output("Well...")], "unreadable unreadable None 2"),
        "cut later": ([NOTHING_READ, _output("", "max_tokens")], "unreadable truncated None 2"),
    },
    "coin_flip": {
        "coin": ([_output("ANSWER: COIN")], "decision decision COIN 1"),
        "declined later": (
            [NOTHING_READ, _output("I can't help with that.")],
            "unreadable refusal None 2",
        ),
    },
}


@pytest.mark.parametrize(
    ("condition", "solver"), [("forced_choice", forced_choice()), ("coin_flip", coin_flip())]
)
def test_only_an_unreadable_answer_is_asked_again_and_only_once(
    condition: str, solver: Solver, tmp_path: Path
) -> None:
    cases = ASKED[condition]
    answers = {name: outputs for name, (outputs, _) in cases.items()}
    log = _run(solver, answers, tmp_path, condition)
    expected = {name: said for name, (_, said) in cases.items()}
    assert _explained(log) == expected
    for name, sample in _samples(log).items():
        users = [message for message in sample.messages if message.role == "user"]
        assert len(users) == len(answers[name])
    # Read back from its file and scored again, the log says the same.
    again = score(read_eval_log(log.location), reading_recorder(), action="overwrite")
    assert _explained(again) == expected


def test_the_question_carries_the_dilemma_and_keeps_the_system_message(tmp_path: Path) -> None:
    solvers = [system_message("You sit on a panel."), coin_flip(explain="after")]
    log = _run(solvers, {"d000-ba": [_output("ANSWER: COIN")]}, tmp_path, "coin_flip")
    system, user, _ = _samples(log)["d000-ba"].messages
    assert (system.role, system.text) == ("system", "You sit on a panel.")
    # The order is "ba", and what is shown as A is in the a_ columns.
    a, b = user.text.index("61 years"), user.text.index("30 years")
    assert user.text.index("Patient A") < a < user.text.index("Patient B") < b
    assert "ANSWER: COIN" in user.text
    assert user.metadata is None


def test_a_simulated_respondent_gets_the_question_as_metadata(tmp_path: Path) -> None:
    task = Task(dataset=[_sample("coin_flip")], solver=coin_flip(explain="after"))
    log = eval(task, model="kidney/first", log_dir=str(tmp_path))[0]
    carried = _samples(log)["d000-ba"].messages[0].metadata or {}
    expected = {
        **{"a_age": 61.0, "b_dependents": 2.0, "dilemma": "d000", "order": "ba"},
        **{"condition": "coin_flip", "explain": "after", "wording": "default", "epoch": 1},
    }
    assert {name: carried[name] for name in expected} == expected


def test_an_error_of_the_model_is_an_error_of_the_sample(tmp_path: Path) -> None:
    # No answer is prepared for the sample, so the model fails.
    log = _run(forced_choice(), {"d000-ba": []}, tmp_path)
    assert log.status == "error"
    assert log.error is not None and "IndexError" in log.error.traceback


REFUSAL = StopDetails(type="refusal", explanation="declined")
SIGNALS = [
    (_output([ContentText(text="ANSWER: A", refusal=True)]), "refusal", None),
    (_output("ANSWER: A", details=REFUSAL), "refusal", None),
    (_output("ANSWER: A", details=StopDetails(type="max_tokens")), "decision", "A"),
    (
        _output([ContentReasoning(reasoning="ANSWER: A"), ContentText(text="ANSWER: B")]),
        "decision",
        "B",
    ),
    (_output([ContentReasoning(reasoning="ANSWER: A")], "max_tokens"), "truncated", None),
    (_output([ContentReasoning(reasoning="ANSWER: A")]), "empty", None),
    (ModelOutput(model="mockllm"), "empty", None),
]


@pytest.mark.parametrize(("output", "outcome", "answer"), SIGNALS)
def test_an_output_is_read_by_its_signals_and_its_text_alone(
    output: ModelOutput, outcome: str, answer: str | None
) -> None:
    reading = read_output(output, "forced_choice")
    assert (reading.outcome, reading.answer) == (outcome, answer)


def test_a_sample_for_another_wording_than_the_solvers_is_an_error(tmp_path: Path) -> None:
    sample = _sample("forced_choice")
    assert sample.metadata is not None
    sample.metadata["wording"] = "german"
    task = Task(dataset=[sample], solver=forced_choice(), scorer=reading_recorder())
    log = eval(task, model=_model({}), log_dir=str(tmp_path))[0]
    assert log.error is not None
    assert "is to be put in wording 'german', and the solver has default" in log.error.message


def test_unknown_arguments_are_named() -> None:
    with pytest.raises(UserError, match="unknown explain 'why'; allowed: none, before, after"):
        forced_choice(explain="why")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="unknown wording 'why'"):
        coin_flip(wording="why")


def test_the_sample_of_these_tests_is_one_of_the_study() -> None:
    study = load_study("mcelfresh_2021")
    metadata = _sample("forced_choice").metadata
    assert metadata is not None
    dilemma = study.dilemma_from(metadata)
    assert dilemma.first.values == (30.0, 4.0, 2.0)
    assert dilemma.second.values == (61.0, 1.0, 0.0)
