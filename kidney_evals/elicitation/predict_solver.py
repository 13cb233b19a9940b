"""The question for people's answers as an Inspect solver, and what its transcript says later."""

from __future__ import annotations

from typing import NamedTuple

from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    ModelOutput,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from kidney_evals.elicitation.calls import (
    TOOL_CALL,
    answers_of,
    calls_tool,
    is_answered,
    marked_as_refusal,
    record_departures,
)
from kidney_evals.elicitation.channels import call_results
from kidney_evals.elicitation.form import USUAL
from kidney_evals.elicitation.predict import (
    ASKS,
    Prediction,
    read_prediction,
    render_prediction,
    render_repeat,
)
from kidney_evals.guards import ask
from kidney_evals.studies import Condition, load_study


class PredictionRead(NamedTuple):
    """How a sample was read.

    Attributes:
        prediction: Of the last answer; None where the last call failed.
        asked: How many times the question was put.
    """

    prediction: Prediction | None
    asked: int


@solver
def predict_people() -> Solver:
    """Ask what percentage of the people of a sample's study chose each answer.

    The condition, the study and the dilemma stand in the sample's metadata. An answer that
    cannot be read is asked for once more.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        condition: Condition = state.metadata["condition"]
        state.messages = [
            *(one for one in state.messages if isinstance(one, ChatMessageSystem)),
            _question(state, condition),
        ]
        state = await ask(state, generate)
        if read_prediction_output(state.output, condition).outcome == "unreadable":
            repeat = ChatMessageUser(content=render_repeat(condition))
            state.messages += [*call_results(state.output.message, USUAL), repeat]
            state = await ask(state, generate)
        record_departures(state)
        return state

    return solve


def _question(state: TaskState, condition: Condition) -> ChatMessageUser:
    study = load_study(state.metadata["study_source"])
    dilemma = study.dilemma_from(state.metadata)
    shown = [f"{side}_{name}" for side in "ab" for name in study.attribute_ids]
    # A simulated respondent sees the message alone: what it needs travels with it.
    carried = {
        name: state.metadata[name] for name in ("study_source", "dilemma", "order", "kind", *shown)
    }
    carried |= {
        "asks": ASKS,
        "condition": condition,
        "epoch": state.epoch,
        "sample_id": state.sample_id,
    }
    text = render_prediction(study, dilemma, state.metadata["order"], condition)
    return ChatMessageUser(content=text, metadata=carried)


def read_prediction_output(output: ModelOutput, condition: Condition) -> Prediction:
    """Read a model's output: its text, never its reasoning, and the provider's own signals.

    Args:
        output: What the model returned; no choice at all is an empty answer.
        condition: Which answers people were offered.
    """
    if not output.choices:
        return read_prediction("", condition=condition)
    choice = output.choices[0]
    refused = marked_as_refusal(choice)
    if calls_tool(choice.message, choice.stop_reason) and not refused:
        return Prediction("unreadable", None, TOOL_CALL)
    return read_prediction(
        choice.message.text,
        condition=condition,
        stop=choice.stop_reason or "stop",
        refused=refused,
    )


def prediction_of(state: TaskState) -> PredictionRead | None:
    """Read a sample again from its transcript, just run or loaded from a log.

    Returns:
        None where no answer came back.
    """
    answers = answers_of(state)
    if not answers:
        return None
    if not is_answered(state):
        return PredictionRead(None, len(answers) + 1)
    found = read_prediction_output(state.output, state.metadata["condition"])
    return PredictionRead(found, len(answers))
