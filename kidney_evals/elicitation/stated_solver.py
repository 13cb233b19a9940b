"""The questions about a model's own values as an Inspect solver, and what its transcript says."""

from __future__ import annotations

from typing import NamedTuple

from inspect_ai.model import ChatMessageSystem, ChatMessageUser
from inspect_ai.solver import Generate, Solver, TaskState, solver

from kidney_evals.elicitation.calls import (
    TOOL_CALL,
    answers_of,
    calls_tool,
    is_answered,
    record_departures,
)
from kidney_evals.elicitation.channels import call_results
from kidney_evals.elicitation.form import USUAL
from kidney_evals.elicitation.stated import (
    StatedReading,
    asked_of,
    read_stated,
    read_stated_output,
)
from kidney_evals.elicitation.stated_questions import (
    render_stated,
    render_stated_repeat,
    stated_metadata,
    stated_wording,
)
from kidney_evals.guards import ask
from kidney_evals.studies import load_study


class StatedReadings(NamedTuple):
    """How a sample was read.

    Attributes:
        first: Of the first answer.
        final: Of the last answer: the same unless the question was repeated; None where the
            repeated call failed.
        asked: How many times the question was put.
    """

    first: StatedReading
    final: StatedReading | None
    asked: int


@solver
def stated_values() -> Solver:
    """Ask what a model says it values, in the wording that a sample's metadata names.

    An answer that cannot be read is asked for once more.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        study = load_study(state.metadata["study_source"])
        wording = stated_wording(state.metadata["wording"])
        asked = asked_of(state.metadata, study)
        # A simulated respondent sees the message alone: what it needs travels with it.
        carried = stated_metadata(wording, study) | {
            "study_source": state.metadata["study_source"],
            "condition": state.metadata["condition"],
            "epoch": state.epoch,
            "sample_id": state.sample_id,
        }
        state.messages = [
            *(one for one in state.messages if isinstance(one, ChatMessageSystem)),
            ChatMessageUser(content=render_stated(wording, study), metadata=carried),
        ]
        state = await ask(state, generate)
        if read_stated_output(state.output, asked).outcome == "unreadable":
            repeat = ChatMessageUser(content=render_stated_repeat(wording, study))
            state.messages += [*call_results(state.output.message, USUAL), repeat]
            state = await ask(state, generate)
        record_departures(state)
        return state

    return solve


def stated_readings_of(state: TaskState) -> StatedReadings | None:
    """Read a sample again from its transcript, just run or loaded from a log.

    Returns:
        None where no answer came back.
    """
    answers = answers_of(state)
    if not answers:
        return None
    asked = asked_of(state.metadata, load_study(state.metadata["study_source"]))
    final = read_stated_output(state.output, asked) if is_answered(state) else None
    if final is not None and len(answers) == 1:
        return StatedReadings(final, final, 1)
    # Only an unreadable answer is asked again, so its stop reason was none of the telling ones.
    first = (
        StatedReading("unreadable", TOOL_CALL)
        if calls_tool(answers[0])
        else read_stated(answers[0].text, asked)
    )
    return StatedReadings(first, final, len(answers) + (final is None))
