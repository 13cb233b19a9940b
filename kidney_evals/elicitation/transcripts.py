"""Parse a sample's answers from its transcript, directly after a run or from a log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput
from inspect_ai.solver import TaskState

from kidney_evals.elicitation import reading
from kidney_evals.elicitation.channels import known_channel
from kidney_evals.elicitation.form import form_of
from kidney_evals.elicitation.prefill import is_given
from kidney_evals.elicitation.readout import Readout, final_reading, read_probabilities
from kidney_evals.studies import load_study

R = TypeVar("R")


@dataclass(frozen=True)
class Readings(Generic[R]):
    """The readings of a sample's first and last answer, and how often the question was asked."""

    first: R
    final: R | None  # equals `first` unless the question was repeated; None if that call failed
    asked: int


def choice_reader(metadata: Mapping[str, Any]) -> Callable[[ModelOutput], reading.Reading]:
    """Return the function that parses a model's output as a sample's choice between patients."""
    form = form_of(metadata)
    read = partial(reading.read_answer, condition=metadata["condition"], form=form)
    channel = known_channel(metadata.get("channel", "text"))
    return partial(reading.read_output, read=read, channel=channel, form=form)


def stated_reader(metadata: Mapping[str, Any]) -> Callable[[ModelOutput], reading.StatedReading]:
    """Return the function that parses a model's output as a sample's stated values."""
    asked = reading.stated_question(metadata, load_study(metadata["study_source"]))
    return partial(reading.read_output, read=partial(reading.read_stated, asked=asked))


def prediction_reader(metadata: Mapping[str, Any]) -> Callable[[ModelOutput], reading.Prediction]:
    """Return the function that parses a model's output as a sample's prediction."""
    read = partial(reading.read_prediction, condition=metadata["condition"], form=form_of(metadata))
    return partial(reading.read_output, read=read)


def readings_of(state: TaskState, read: Callable[[ModelOutput], R]) -> Readings[R] | None:
    """Return the readings of a sample's answers, parsed by `read`; None without an answer."""
    answers = [
        one for one in state.messages if isinstance(one, ChatMessageAssistant) and not is_given(one)
    ]
    if not answers:
        return None
    # After a failed call, the transcript holds a question without an answer.
    is_answered = bool(state.output.choices) and state.messages[-1] is answers[-1]
    final = read(state.output) if is_answered else None
    if final is not None and len(answers) == 1:
        return Readings(final, final, 1)
    # Only an unreadable answer, which has an ordinary stop reason, causes a repeat question.
    first = read(ModelOutput(choices=[ChatCompletionChoice(message=answers[0])]))
    return Readings(first, final, len(answers) + (final is None))


def choices_of(state: TaskState) -> Readings[reading.Reading] | None:
    """Return the readings of a sample's choice between patients; None without an answer.

    In a run with a readout, the probabilities of the answers decide the final reading.
    """
    readings = readings_of(state, choice_reader(state.metadata))
    if readings is None or readings.final is None or not is_readout(state.metadata):
        return readings
    final = final_reading(readings.final, readout_of(state), begun=_is_begun(state))
    return Readings(final if readings.asked == 1 else readings.first, final, readings.asked)


def readout_of(state: TaskState) -> Readout | None:
    """Return the probabilities of a sample's answers.

    None if the run has no readout, or if no probabilities could be read.
    """
    if not is_readout(state.metadata) or not state.output.choices:
        return None
    return read_probabilities(
        state.output,
        state.metadata["condition"],
        form_of(state.metadata),
        state.metadata.get("readout_temperature"),
        begun=_is_begun(state),
    )


def is_readout(metadata: Mapping[str, Any]) -> bool:
    """Return whether the sample with this metadata belongs to a run with a readout."""
    return str(metadata.get("readout", "sample")) != "sample"


def _is_begun(state: TaskState) -> bool:
    return state.metadata.get("readout") == "prefill"
