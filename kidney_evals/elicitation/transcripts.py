"""Read the answers of a sample from its transcript: just run, or loaded from a log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput
from inspect_ai.solver import TaskState

from kidney_evals.elicitation.channels import known_channel
from kidney_evals.elicitation.form import form_of
from kidney_evals.elicitation.reading import (
    TOOL_CALL,
    Prediction,
    Reading,
    StatedReading,
    asked_of,
    read_output,
    read_prediction,
    read_stated,
    read_text_output,
)
from kidney_evals.elicitation.readout import Readout, read_probabilities, settled
from kidney_evals.studies import load_study

R = TypeVar("R")


@dataclass(frozen=True)
class Readings(Generic[R]):
    """How the answers of a sample were read.

    Attributes:
        first: The reading of the first answer.
        final: The reading of the last answer: the same unless the question was repeated; None
            where the repeated call failed.
        asked: How many times the question was asked.
    """

    first: R
    final: R | None
    asked: int


def output_reader(metadata: dict[str, Any]) -> Callable[[ModelOutput], Reading]:
    """Return the function that reads an output to a sample's choice between patients."""
    return partial(
        read_output,
        condition=metadata["condition"],
        form=form_of(metadata),
        channel=known_channel(metadata.get("channel", "text")),
    )


def stated_reader(metadata: dict[str, Any]) -> Callable[[ModelOutput], StatedReading]:
    """Return the function that reads an output to a sample's question about stated values."""
    asked = asked_of(metadata, load_study(metadata["study_source"]))
    return partial(
        read_text_output,
        read=partial(read_stated, asked=asked),
        tool_call=StatedReading("unreadable", TOOL_CALL),
    )


def prediction_reader(metadata: dict[str, Any]) -> Callable[[ModelOutput], Prediction]:
    """Return the function that reads an output to a sample's question for people's answers."""
    return partial(
        read_text_output,
        read=partial(read_prediction, condition=metadata["condition"]),
        tool_call=Prediction("unreadable", None, TOOL_CALL),
    )


def readings_of(state: TaskState) -> Readings[Reading] | None:
    """Read a sample's choice between patients; None where no answer came back."""
    found = _readings(state, output_reader(state.metadata))
    if found is None or found.final is None or state.metadata.get("readout") != "logprobs":
        return found
    final = settled(found.final, readout_of(state))
    return Readings(final if found.asked == 1 else found.first, final, found.asked)


def stated_readings_of(state: TaskState) -> Readings[StatedReading] | None:
    """Read a sample's stated values; None where no answer came back."""
    return _readings(state, stated_reader(state.metadata))


def prediction_readings_of(state: TaskState) -> Readings[Prediction] | None:
    """Read a sample's predicted percentages; None where no answer came back."""
    return _readings(state, prediction_reader(state.metadata))


def readout_of(state: TaskState) -> Readout | None:
    """Return the probabilities of a sample's answers; None where they were not asked for."""
    if state.metadata.get("readout") != "logprobs" or not state.output.choices:
        return None
    return read_probabilities(
        state.output,
        state.metadata["condition"],
        form_of(state.metadata),
        state.metadata.get("readout_temperature"),
    )


def _readings(state: TaskState, read: Callable[[ModelOutput], R]) -> Readings[R] | None:
    answers = [one for one in state.messages if isinstance(one, ChatMessageAssistant)]
    if not answers:
        return None
    # A call that failed leaves a question without an answer.
    is_answered = bool(state.output.choices) and state.messages[-1] is answers[-1]
    final = read(state.output) if is_answered else None
    if final is not None and len(answers) == 1:
        return Readings(final, final, 1)
    # The question is repeated after an unreadable answer only, which has an ordinary stop reason.
    first = read(ModelOutput(choices=[ChatCompletionChoice(message=answers[0])]))
    return Readings(first, final, len(answers) + (final is None))
