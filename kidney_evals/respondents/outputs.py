"""Model outputs of simulated respondents: faults, length, stop reason, usage, log-probabilities.

Token counts and log-probabilities are estimated from the text: no tokeniser, no network.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

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

CHARACTERS = 4
"""Characters to a token, the usual estimate for English."""

FLOOR = 1e-9
"""Probability shown for an answer that is never given: a log-probability must be finite."""

SURE = 0.999
"""Probability of every token beside the answer."""

_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])")

Fault = Literal["refused", "truncated", "unreadable"]
"""What comes in place of an answer, by the arguments of a respondent."""


def fault_of(traits: Traits, chance: float) -> Fault | None:
    """Return the fault that a number in [0, 1) falls on; None for an answer without one."""
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


class FaultWords(NamedTuple):
    """What is said in place of an answer to one kind of question.

    Attributes:
        refusals: Two ways to decline.
        cut_off: How an answer begins that is cut off.
        unreadable: What nothing can be read from.
    """

    refusals: tuple[str, str]
    cut_off: str
    unreadable: tuple[str, ...]

    def say(self, fault: Fault, chance: float) -> tuple[str, StopReason]:
        """Return the words of a fault and why they end; `chance` in [0, 1) picks among them."""
        if fault == "truncated":
            return self.cut_off, "max_tokens"
        if fault == "unreadable":
            return self.unreadable[int(chance * len(self.unreadable))], "stop"
        # Half in words, half by way of a content filter.
        if chance < 0.5:
            return "", "content_filter"
        return self.refusals[int(chance * 4) - 2], "stop"


def output_of(
    messages: Sequence[ChatMessage],
    model_name: str,
    said: tuple[str, StopReason],
    config: GenerateConfig,
    call: ToolCall | None = None,
) -> ModelOutput:
    """Return what a respondent said as a model's output.

    Args:
        messages: The conversation, for the usage.
        model_name: What follows `kidney/`.
        said: Its words in full, and why they end.
        config: `max_tokens` cuts the words off.
        call: The tool call whose arguments the words are; made only if they were not cut off.
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
        # A call that was cut off is none.
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
        text: The completion; its tokens are words and punctuation with the space before them
            and give the text back when joined (trailing space aside).
        answer_at: Position of the first character of the answer word after the final line's
            colon; None where the text holds no answer.
        answers: Probability of each answer word ("A", "B", and "COIN" where offered).
        top: How many alternatives to list; 0 for none.

    Returns:
        One entry a token. At the answer its alternatives are the answer words, each as a
        token with a space before it, most likely first.
    """
    content = []
    for match in _TOKEN.finditer(text):
        token, at = match.group(), match.end() - len(match.group().lstrip())
        options = {token: SURE}
        # A limit may have cut the answer word itself, which then is no answer.
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
