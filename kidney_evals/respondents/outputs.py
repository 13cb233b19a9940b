"""Model outputs of simulated respondents: faults, length, stop reason, usage, log-probabilities.

Token counts and log-probabilities are estimated from the text: no tokeniser, no network.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelOutput,
    ModelUsage,
    StopReason,
    TopLogprob,
)
from inspect_ai.tool import ToolCall

from kidney_evals.respondents.arguments import Traits
from kidney_evals.respondents.replies import phrases, pick

CHARACTERS = 4
"""Characters per token, the usual estimate for English."""

FLOOR = 1e-9
"""Reported probability of an answer that is never given: a log-probability must be finite."""

SURE = 0.999
"""Reported probability of every token other than the answer."""

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])")

Fault = Literal["refused", "truncated", "unreadable"]
"""A response without an answer, caused by an argument of the respondent."""


def fault_of(traits: Traits, chance: float) -> Fault | None:
    """Return the fault whose interval contains `chance` in [0, 1); None for no fault."""
    shares: tuple[tuple[Fault, float], ...] = (
        ("refused", traits.refusing),
        ("truncated", traits.truncated),
        ("unreadable", traits.unreadable),
    )
    for fault, share in shares:
        if chance < share:
            return fault
        chance -= share
    return None


def worded(
    kind: str,
    traits: Traits,
    chances: tuple[float, float],
    answer: Callable[[str], str],
    *,
    refuses: bool = False,
) -> tuple[str, StopReason]:
    """Return the text of an answer or of a fault, and the stop reason.

    Args:
        kind: The entry of `phrases.yaml` for this type of question.
        traits: The respondent's arguments.
        chances: Numbers in [0, 1) that select the fault and the sentence.
        answer: Returns the answer, given an introductory sentence.
        refuses: Whether the respondent refuses.
    """
    fault, sentence = chances
    words = phrases(kind)
    found = "refused" if refuses else fault_of(traits, fault)
    if found == "truncated":
        return pick(words["cut_off"], sentence), "max_tokens"
    if found == "unreadable":
        return pick(words["unreadable"], sentence), "stop"
    if found is None:
        return answer(pick(words["leads"], sentence)), "stop"
    # Half of the refusals are in words, half are by a content filter.
    if sentence < 0.5:
        return "", "content_filter"
    return pick(words["refusals"], 2 * sentence - 1), "stop"


def percent(share: float, decimals: int) -> str:
    """Return a share as a percentage without trailing zeros."""
    return f"{100 * share:.{decimals}f}".rstrip("0").rstrip(".")


def output_of(
    messages: Sequence[ChatMessage],
    model_name: str,
    said: tuple[str, StopReason],
    config: GenerateConfig,
    call: ToolCall | None = None,
) -> ModelOutput:
    """Return a respondent's text as a model output.

    Args:
        messages: The conversation, for the usage.
        model_name: Name after `kidney/`.
        said: The full text and its stop reason.
        config: `max_tokens` truncates the text.
        call: The tool call whose arguments are the text; included only without truncation.
    """
    full, stop = said
    limit = config.max_tokens
    text = full if limit is None else full[: limit * CHARACTERS]
    if len(text) < len(full):
        stop = "max_tokens"
    asked, told = (
        math.ceil(len(one) / CHARACTERS) for one in ("".join(m.text for m in messages), text)
    )
    message = ChatMessageAssistant(content=text, model=model_name, source="generate")
    if call is not None:
        # A truncated call is not returned.
        message.content = ""
        if stop == "stop":
            stop, message.tool_calls = "tool_calls", [call]
    return ModelOutput(
        model=model_name,
        choices=[ChatCompletionChoice(message=message, stop_reason=stop)],
        usage=ModelUsage(input_tokens=asked, output_tokens=told, total_tokens=asked + told),
    )


def logprobs(text: str, answer_at: int | None, answers: Mapping[str, float], top: int) -> Logprobs:
    r"""Return log-probabilities for the tokens of a completion.

    Args:
        text: The completion. Its tokens are words and punctuation with the preceding space; they
            join to the text, apart from trailing space.
        answer_at: Position of the first character of the answer word after the final line's
            colon; None if the text holds no answer.
        answers: Probability of each answer word ("A", "B", and "COIN" where offered).
        top: Number of alternatives to list; 0 for none.

    Returns:
        One entry per token. The alternatives at the answer are the answer words, each as a token
        with a preceding space, most likely first.
    """
    content = []
    for match in _TOKEN.finditer(text):
        token, at = match.group(), match.end() - len(match.group().lstrip())
        options = {token: SURE}
        # A token limit may have truncated the answer word, which then is no answer.
        if at == answer_at and token.lstrip() in answers:
            space = token[: len(token) - len(token.lstrip())]
            options = {space + word: share for word, share in answers.items()}
        ranked = sorted(options.items(), key=lambda option: -option[1])[:top]
        content.append(
            Logprob(
                token=token,
                logprob=_log(options[token]),
                bytes=list(token.encode()),
                top_logprobs=(
                    [
                        TopLogprob(token=word, logprob=_log(share), bytes=list(word.encode()))
                        for word, share in ranked
                    ]
                    if top
                    else None
                ),
            )
        )
    return Logprobs(content=content)


def _log(probability: float) -> float:
    return math.log(max(probability, FLOOR))
