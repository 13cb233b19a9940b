"""The solvers, which ask a model the questions of all tasks.

Choices between patients, stated values and predictions of people's answers follow the same
protocol: ask the question, parse the answer, ask once more if the answer is unreadable, and record
how the calls departed from the model's defaults.
"""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser, ModelOutput, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from kidney_evals.elicitation import channels, prompt, stated_questions
from kidney_evals.elicitation.calls import last_config, record_departures
from kidney_evals.elicitation.channels import Channel
from kidney_evals.elicitation.form import USUAL, Form, in_words, table
from kidney_evals.elicitation.prefill import begin_answer, worked_examples
from kidney_evals.elicitation.probes import probe_line
from kidney_evals.elicitation.readout import (
    NO_LOGPROBS,
    ReadoutMode,
    check_readout,
    lacks_logprobs,
)
from kidney_evals.elicitation.transcripts import choice_reader, prediction_reader, stated_reader
from kidney_evals.elicitation.wording import EXPLAIN, Explain, wordings_asked
from kidney_evals.errors import UserError, check_known
from kidney_evals.guards import ask, end_run
from kidney_evals.studies import Condition, load_study

_SIMULATED = "kidney"
"""The provider of simulated respondents, which cannot read a prompt."""

QUESTION: ContextVar[Mapping[str, Any]] = ContextVar("QUESTION")
"""The metadata of the current sample and question, set only if a simulated respondent answers."""


async def _put(
    state: TaskState,
    generate: Generate,
    *,
    text: str,
    repeat: str,
    read: Callable[[ModelOutput], Any],
    carried: Mapping[str, Any] = MappingProxyType({}),
    role: str = "",
    form: Form = USUAL,
    explain: Explain = "none",
    channel: Channel = "text",
    examples: Sequence[ChatMessage] = (),
    readout: ReadoutMode = "sample",
) -> TaskState:
    """Ask a question, and repeat it without a request for reasons if the answer is unreadable.

    The `outcome` of what `read` returns decides. `carried` holds what simulated respondents need
    beside the sample's metadata, `role` is the system message of the wording. `examples` precede
    the question.
    """
    api = get_model().api  # inspect-evals-lint: ignore[get_model_location] -- inside a sample

    async def call(explain: Explain) -> TaskState:
        options: dict[str, Any] = {}
        if readout != "sample" and (top := table("readout")["top_of"].get(state.model.api)):
            # A local provider cannot list more than the tokens of its model's tokenizer.
            tokenizer = getattr(api, "tokenizer", None)
            options["top_logprobs"] = top if tokenizer is None else min(top, len(tokenizer))
        if channel == "json":
            options["response_schema"] = channels.answer_schema(form, explain)
        if channel == "tool":
            # The tool call is the answer: `ask` runs no tool and returns no result to the model.
            tool = channels.answer_tool(form, state.metadata["condition"], explain)
            state.tools, state.tool_choice = [tool], "auto"
        return await ask(state, generate, **options)

    if state.model.api == _SIMULATED:
        QUESTION.set({**state.metadata, **carried, "epoch": state.epoch})
    system = [one for one in state.messages if isinstance(one, ChatMessageSystem)]
    system += [ChatMessageSystem(content=role)] if role else []
    state.messages = [*system, *examples, ChatMessageUser(content=text)]
    begin = readout == "prefill"
    if begin:
        await begin_answer(state, api, form)
    state = await call(explain)
    # A readout uses a single call, without a repeat question.
    if readout == "sample" and read(state.output).outcome == "unreadable":
        results = channels.call_results(state.output.message, form)
        state.messages += [*results, ChatMessageUser(content=repeat)]
        state = await call("none")
    needs = ["response_schema"] * (channel == "json") + ["max_tokens"] * begin
    record_departures(state, role=role, needs=needs)
    return state


@solver
def forced_choice(
    explain: Explain = "none",
    wording: str | list[str] = "default",
    channel: Channel = "text",
    readout: ReadoutMode = "sample",
    examples: int = 0,
    study: str | None = None,
) -> Solver:
    """Ask for a choice with A and B as the only answers.

    Args:
        explain: "none", or reasons "before" or "after" the answer line.
        wording: Id of a wording, `all`, or the path of a table. Of several wordings, each sample
            gets the wording that its metadata names.
        channel: How the answer is given: "text", "json" or "tool".
        readout: "sample"; "logprobs" to read the probabilities of all answers from one call;
            "prefill" to read them after an answer line that is begun for the model.
        examples: Number of answered questions before each question, for `prefill`.
        study: The study whose own wordings `wording` may name; None for none.

    Raises:
        UserError: If an argument is not allowed.
    """
    return _choice_solver("forced_choice", **locals())


@solver
def coin_flip(
    explain: Explain = "none",
    wording: str | list[str] = "default",
    channel: Channel = "text",
    readout: ReadoutMode = "sample",
    examples: int = 0,
    study: str | None = None,
) -> Solver:
    """Ask for a choice with a coin flip as a third answer; arguments as in `forced_choice`."""
    return _choice_solver("coin_flip", **locals())


def _choice_solver(
    condition: Condition,
    *,
    explain: Explain,
    wording: str | list[str],
    channel: Channel,
    readout: ReadoutMode,
    examples: int,
    study: str | None,
) -> Solver:
    check_known("explain", explain, EXPLAIN)
    channel = channels.known_channel(channel)
    check_readout(readout, explain, channel)
    own = None if study is None else load_study(study)
    asked = {one.id: one for one in wordings_asked(wording, own)}
    shown: dict[str, list[ChatMessage]] = {}

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.metadata["condition"] != condition:
            await end_run(
                f"sample {state.sample_id} is of {state.metadata['condition']}, the solver of "
                f"{condition}; run the task {condition}"
            )
        # A sample without a wording gets the only wording of the run.
        wording = state.metadata.get("wording", next(iter(asked)) if len(asked) == 1 else None)
        if wording not in asked:
            raise UserError(
                f"sample {state.sample_id} is to be put in wording {wording!r}, and the solver has "
                f"{', '.join(asked)}; give task and solver the same wording"
            )
        words = asked[wording]
        if channel != "text":
            state.metadata["channel"] = channel
        study = load_study(state.metadata["study_source"])
        dilemma, order = study.dilemma_from(state.metadata), state.metadata["order"]
        form = in_words(words.form, study)
        if words.id not in shown:
            shown[words.id] = worked_examples(study, condition, words, examples)
        state = await _put(
            state,
            generate,
            text=prompt.render_question(
                *(words, study, dilemma, order, condition, explain, channel),
                probe=probe_line(state.metadata),
            ),
            repeat=prompt.render_repeat(words, study, condition, channel),
            read=choice_reader(state.metadata | form.metadata(condition)),
            carried={
                **form.metadata(condition),
                **{"explain": explain, "channel": channel, "wording": words.id},
                "role": bool(words.role),
            },
            role=prompt.render_system(words, study),
            form=form,
            explain=explain,
            channel=channel,
            examples=shown[words.id],
            readout=readout,
        )
        if readout != "sample":
            if lacks_logprobs(state.output):
                await end_run(f"{state.model}: {NO_LOGPROBS}")
            state.metadata |= {"readout": readout, "readout_temperature": last_config().temperature}
        return state

    # Inspect preserves a solver's attributes; a task compares them with its own arguments.
    vars(solve)["settings"] = {
        "explain": explain,
        "wording": {name: one.digest for name, one in asked.items()},
        "channel": channel,
        "readout": readout,
        "examples": examples,
    }
    return solve


@solver
def stated_values() -> Solver:
    """Ask a model to state its values, in the wording that the sample's metadata names."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        study = load_study(state.metadata["study_source"])
        wording = stated_questions.stated_wording(state.metadata["wording"])
        text, repeat = stated_questions.render_stated(wording, study)
        read = stated_reader(state.metadata)
        return await _put(state, generate, text=text, repeat=repeat, read=read)

    return solve


@solver
def predict_people() -> Solver:
    """Ask what percentage of the people of a sample's study chose each answer."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        study = load_study(state.metadata["study_source"])
        condition: Condition = state.metadata["condition"]
        dilemma, order = study.dilemma_from(state.metadata), state.metadata["order"]
        text, repeat = prompt.render_prediction(study, dilemma, order, condition)
        read, carried = prediction_reader(state.metadata), {"asks": prompt.PREDICT}
        return await _put(state, generate, text=text, repeat=repeat, read=read, carried=carried)

    return solve
