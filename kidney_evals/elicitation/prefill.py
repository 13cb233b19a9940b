"""Begin the answer line for a model, and give it worked examples; see `readout.md`."""

import re
from collections.abc import Sequence
from itertools import cycle
from typing import Any

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageUser
from inspect_ai.solver import TaskState

from kidney_evals.elicitation import prompt
from kidney_evals.elicitation.form import Form, in_words
from kidney_evals.elicitation.readout import unreadable_word
from kidney_evals.elicitation.wording import Wording
from kidney_evals.errors import UserError
from kidney_evals.guards import end_run
from kidney_evals.studies import Condition, Dilemma, Study, dilemmas_of
from kidney_evals.studies.draw import draw_limit

_GIVEN = "given"
"""Mark, in the metadata of an assistant's message, of text that the model did not write."""

_EXAMPLES_SEED = 20_260_000
"""Seed of the draw of worked examples, which no default evaluation uses."""

_MOST_EXAMPLES = 60

_PLAIN = (
    "{% for one in messages %}{{ one.content if loop.last else one.content + '\n\n' }}{% endfor %}"
)
"""The template of a model without a chat template: the texts, a blank line between them."""

_UNFINISHED = (
    "{% set unfinished = messages[-1] %}"
    "{% if unfinished.role == 'assistant' %}{% set messages = messages[:-1] %}{% endif %}{{ '' }}"
)
_CONTINUED = "{{ unfinished.content if unfinished.role == 'assistant' else '' }}"
"""Before and after a chat template: a final message of the assistant is left open."""


async def begin_answer(state: TaskState, api: Any, form: Form) -> None:
    """Add a begun answer line (`ANSWER:`), which the model continues, to a sample's messages.

    Args:
        state: The sample, with its question as the last message.
        api: Inspect's API object of the model, which `leave_open` changes.
        form: The form of the answer.

    Raises:
        RunEndedError: The chat template or the tokenizer of a local model (`hf`) would make its
            answers unreadable. This ends the run. It cannot be checked for other providers.
    """
    leave_open(api)
    tokenizer = getattr(api, "tokenizer", None)
    # A blank at the end would change how the answer is split into tokens.
    line = form.answer.rstrip()
    if state.model.api == "hf" and tokenizer is not None:
        text = ""
        if isinstance(template := getattr(api, "chat_template", None), str):
            asked = [{"role": "user", "content": "x"}]
            text = tokenizer.apply_chat_template(
                asked, chat_template=template, add_generation_prompt=True, tokenize=False
            )
        if re.search(r"<(think|thinking|reasoning)>\s*$", str(text)):
            await end_run(
                f"{state.model}: its chat template begins hidden reasoning, so that a begun answer "
                "would stand inside it; use readout=sample"
            )
        if word := unreadable_word(tokenizer, form, state.metadata["condition"]):
            await end_run(
                f"{state.model}: the first token of {word!r} after {line!r} is no answer; take "
                "another wording, or readout=logprobs or sample"
            )
    state.messages.append(ChatMessageAssistant(content=line, metadata={_GIVEN: True}))


def is_given(message: ChatMessage) -> bool:
    """Return whether an assistant's message was given to the model, which did not write it."""
    return bool((message.metadata or {}).get(_GIVEN))


def leave_open(api: Any) -> None:
    """Make Inspect's provider `hf` continue a final assistant message.

    Without this change, a chat template opens a new turn. A model without a template gets a plain
    template. Other providers are not changed.

    Args:
        api: Inspect's API object of the model.
    """
    if not hasattr(api, "tokenizer") or not hasattr(api, "chat_template"):
        return
    template = api.chat_template or getattr(api.tokenizer, "chat_template", None)
    if getattr(api, "use_chat_template", None) is False:
        api.use_chat_template, template = None, None
    if isinstance(template, dict):
        template = template.get("default")
    if not template:
        api.chat_template = _PLAIN
    elif template != _PLAIN and not template.startswith(_UNFINISHED):
        # Jinja drops a line break at the end of a template, but not within the longer one.
        api.chat_template = _UNFINISHED + template.removesuffix("\n") + _CONTINUED


def example_dilemmas(study: Study, count: int) -> Sequence[Dilemma]:
    """Return `count` dilemmas that no default evaluation of the study asks, for worked examples.

    Raises:
        UserError: The study has a fixed list, or it has too few other dilemmas.
    """
    if not count:
        return ()
    if study.draw is None:
        raise UserError(
            f"examples are drawn, and {study.id} has a fixed list, which is asked: leave them out"
        )
    limit = draw_limit(study.attributes)
    default = dilemmas_of(study, min(max((*study.draw.sets, study.draw.count)), limit), None)
    asked = {_pair(one) for one in (*default, *study.control_block)}
    drawn = dilemmas_of(study, min(limit, _MOST_EXAMPLES + len(asked)), _EXAMPLES_SEED)
    left = [one for one in drawn if _pair(one) not in asked]
    if len(left) < count:
        raise UserError(f"{study.id} leaves {len(left)} dilemmas for examples, not {count}")
    return left[:count]


def check_examples(
    examples: object, readout: str, condition: Condition, study: Study, asked: Sequence[Dilemma]
) -> None:
    """Check that a run can give its model `examples` worked examples before each question.

    Args:
        examples: The number of examples.
        readout: The run's readout; only `prefill` allows examples.
        condition: The run's condition. The number must be a multiple of its number of answers.
        study: The run's study.
        asked: The dilemmas of the run.

    Raises:
        UserError: The number is not allowed, or an example is among the dilemmas of the run.
    """
    answers = 3 if condition == "coin_flip" else 2
    if isinstance(examples, bool) or not isinstance(examples, int) or examples < 0:
        raise UserError(f"examples must be a whole number from 0, not {examples!r}")
    if examples and readout != "prefill":
        raise UserError(f"examples need readout=prefill, not {readout}")
    if examples % answers or examples > _MOST_EXAMPLES:
        raise UserError(
            f"examples must be a multiple of {answers} up to {_MOST_EXAMPLES} (each answer equally "
            f"often), not {examples}"
        )
    if {_pair(one) for one in example_dilemmas(study, examples)} & {_pair(one) for one in asked}:
        raise UserError("a worked example is among the dilemmas asked: take another draw_seed")


def worked_examples(
    study: Study, condition: Condition, wording: Wording, count: int
) -> list[ChatMessage]:
    """Return `count` questions in a wording, each followed by an answer, as messages.

    The answers repeat the offered answers in turn (A, B, COIN, A, …). They do not depend on the
    candidates, so that they show only the form of an answer.

    Raises:
        UserError: The study has a fixed list, or it has too few other dilemmas.
    """
    form = in_words(wording.form, study)
    shown: list[ChatMessage] = []
    words = cycle(form.words(condition).values())
    for dilemma, word in zip(example_dilemmas(study, count), words, strict=False):
        text = prompt.render_question(wording, study, dilemma, "ab", condition)
        answer = ChatMessageAssistant(content=form.answer + word, metadata={_GIVEN: True})
        shown += [ChatMessageUser(content=text), answer]
    return shown


def _pair(dilemma: Dilemma) -> frozenset[tuple[float, ...]]:
    return frozenset((dilemma.first.values, dilemma.second.values))
