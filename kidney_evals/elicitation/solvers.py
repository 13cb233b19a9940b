"""The two conditions as Inspect solvers, and what their transcripts say when read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    ModelOutput,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from kidney_evals.elicitation.calls import (
    answers_of,
    is_answered,
    last_config,
    marked_as_refusal,
    record_departures,
)
from kidney_evals.elicitation.channels import (
    Channel,
    answer_schema,
    answer_tool,
    call_results,
    known_channel,
)
from kidney_evals.elicitation.form import USUAL, Form, form_of
from kidney_evals.elicitation.prompt import render_question, render_repeat, render_system
from kidney_evals.elicitation.reader import Reading, read_answer
from kidney_evals.elicitation.readout import (
    NO_LOGPROBS,
    Readout,
    ReadoutMode,
    check_readout,
    lacks_logprobs,
    read_probabilities,
    settled,
)
from kidney_evals.elicitation.structured import read_message
from kidney_evals.elicitation.wording import EXPLAIN, Explain, Wording, wordings_asked
from kidney_evals.errors import UserError, unknown
from kidney_evals.guards import ask, end_run
from kidney_evals.studies import Condition, load_study


class Readings(NamedTuple):
    """How a sample was read.

    Attributes:
        first: Of the first answer.
        final: Of the last answer: the same unless the question was repeated; None where the
            repeated call failed.
        asked: How many times the question was put.
    """

    first: Reading
    final: Reading | None
    asked: int


@solver
def forced_choice(
    explain: Explain = "none",
    wording: str | list[str] = "default",
    channel: Channel = "text",
    readout: ReadoutMode = "sample",
) -> Solver:
    """Put the dilemma with A and B as the only answers.

    Args:
        explain: "none", or reasons "before" or "after" the answer line.
        wording: Id of a wording, `all`, or the path of a table. Of several wordings, a sample is
            put in the one that its metadata names.
        channel: How the answer is given: "text", "json" or "tool".
        readout: "sample", or "logprobs" to read the probabilities of all answers from one call.

    Raises:
        UserError: If an argument is not allowed.
    """
    return _put("forced_choice", explain, wording, channel, readout)


@solver
def coin_flip(
    explain: Explain = "none",
    wording: str | list[str] = "default",
    channel: Channel = "text",
    readout: ReadoutMode = "sample",
) -> Solver:
    """Put the dilemma with a coin flip as a third answer.

    Args:
        explain: "none", or reasons "before" or "after" the answer line.
        wording: Id of a wording, `all`, or the path of a table. Of several wordings, a sample is
            put in the one that its metadata names.
        channel: How the answer is given: "text", "json" or "tool".
        readout: "sample", or "logprobs" to read the probabilities of all answers from one call.

    Raises:
        UserError: If an argument is not allowed.
    """
    return _put("coin_flip", explain, wording, channel, readout)


def _put(
    condition: Condition,
    explain: Explain,
    wording: str | list[str],
    channel: Channel,
    readout: ReadoutMode,
) -> Solver:
    if explain not in EXPLAIN:
        raise unknown("explain", explain, EXPLAIN)
    channel = known_channel(channel)
    check_readout(readout, explain, channel)
    asked = {one.id: one for one in wordings_asked(wording)}

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.metadata["condition"] != condition:
            await end_run(
                f"sample {state.sample_id} is of {state.metadata['condition']}, the solver of "
                f"{condition}; run the task {condition}"
            )
        words = _wording_of(state, asked)
        role = render_system(words)
        state.messages = [
            *(one for one in state.messages if isinstance(one, ChatMessageSystem)),
            *([ChatMessageSystem(content=role)] if role else []),
            _question(state, words, condition, explain, channel),
        ]
        if channel != "text":
            state.metadata["channel"] = channel
        state = await _answered(state, generate, words.form, condition, explain, channel)
        if readout == "logprobs":
            # One call, and no second one: what it cannot tell, it cannot tell.
            if lacks_logprobs(state.output):
                await end_run(f"{state.model}: {NO_LOGPROBS}")
            state.metadata |= {"readout": readout, "readout_temperature": last_config().temperature}
        elif read_output(state.output, condition, words.form, channel).outcome == "unreadable":
            repeat = ChatMessageUser(content=render_repeat(words, condition, channel))
            state.messages += [*call_results(state.output.message, words.form), repeat]
            state = await _answered(state, generate, words.form, condition, "none", channel)
        ours = ("response_schema",) if channel == "json" else ()
        record_departures(state, role=role, ours=ours)
        return state

    # Inspect keeps the attributes of a solver; a task compares these with its own arguments.
    vars(solve)["settings"] = {
        "explain": explain,
        "wording": {name: one.digest for name, one in asked.items()},
        "channel": channel,
        "readout": readout,
    }
    return solve


async def _answered(
    state: TaskState,
    generate: Generate,
    form: Form,
    condition: Condition,
    explain: Explain,
    channel: Channel,
) -> TaskState:
    """Have the question answered in its channel."""
    if channel == "json":
        schema = answer_schema(form, explain)
        return await ask(state, generate, response_schema=schema)
    if channel == "tool":
        state.tools = [answer_tool(form, condition, explain)]
        state.tool_choice = "auto"
        # The call is the answer: `ask` runs none, and nothing is said in return.
    return await ask(state, generate)


def _wording_of(state: TaskState, asked: Mapping[str, Wording]) -> Wording:
    """Return the wording that a sample names, or the only one there is."""
    if len(asked) == 1 and "wording" not in state.metadata:
        return next(iter(asked.values()))
    name = state.metadata.get("wording")
    if name not in asked:
        raise UserError(
            f"sample {state.sample_id} is to be put in wording {name!r}, and the solver has "
            f"{', '.join(asked)}; give task and solver the same wording"
        )
    return asked[str(name)]


def _question(
    state: TaskState, wording: Wording, condition: Condition, explain: Explain, channel: Channel
) -> ChatMessageUser:
    study = load_study(state.metadata["study_source"])
    dilemma = study.dilemma_from(state.metadata)
    order = state.metadata["order"]
    text = render_question(wording, study, dilemma, order, condition, explain, channel)
    shown = [f"{side}_{name}" for side in "ab" for name in study.attribute_ids]
    # A simulated respondent sees the message alone: what it needs travels with it.
    carried = {
        name: state.metadata[name] for name in ("study_source", "dilemma", "order", "kind", *shown)
    }
    carried |= {
        "condition": condition,
        "explain": explain,
        "channel": channel,
        "wording": wording.id,
        "role": bool(wording.role),
        **wording.form.metadata(condition),
        "epoch": state.epoch,
        "sample_id": state.sample_id,
    }
    if state.metadata.get("crossed"):
        carried["crossed"] = True
    return ChatMessageUser(content=text, metadata=carried)


def read_output(
    output: ModelOutput,
    condition: Condition,
    form: Form = USUAL,
    channel: Channel = "text",
) -> Reading:
    """Read a model's output: what it gave as its answer, never its reasoning, and native signals.

    Args:
        output: What the model returned; no choice at all is an empty answer.
        condition: Which answers were offered.
        form: In which form.
        channel: In which channel.
    """
    if not output.choices:
        return read_answer("", condition=condition, form=form)
    choice = output.choices[0]
    return read_message(
        choice.message,
        channel,
        condition=condition,
        stop=choice.stop_reason,
        refused=marked_as_refusal(choice),
        form=form,
    )


def readings_of(state: TaskState) -> Readings | None:
    """Read a sample again from its transcript, just run or loaded from a log.

    Returns:
        None where no answer came back.
    """
    condition: Condition = state.metadata["condition"]
    form = form_of(state.metadata)
    channel = known_channel(state.metadata.get("channel", "text"))
    answers = answers_of(state)
    if not answers:
        return None
    final = read_output(state.output, condition, form, channel) if is_answered(state) else None
    if final is not None and state.metadata.get("readout") == "logprobs":
        final = settled(final, readout_of(state))
    if final is not None and len(answers) == 1:
        return Readings(final, final, 1)
    # Only an unreadable answer is asked again, so its stop reason was none of the telling ones.
    first = read_message(answers[0], channel, condition=condition, form=form)
    return Readings(first, final, len(answers) + (final is None))


def readout_of(state: TaskState) -> Readout | None:
    """Read a sample's probabilities again from its transcript; None where none were read out."""
    if state.metadata.get("readout") != "logprobs" or not state.output.choices:
        return None
    return read_probabilities(
        state.output,
        state.metadata["condition"],
        form_of(state.metadata),
        state.metadata.get("readout_temperature"),
    )
