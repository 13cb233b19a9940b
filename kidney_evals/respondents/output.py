"""What all answers of simulated respondents have in common: faults, length, stop reason, usage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    StopReason,
)
from inspect_ai.tool import ToolCall

from kidney_evals.respondents.tokens import count_tokens, cut_to
from kidney_evals.respondents.traits import Traits

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
    text = cut_to(full, config.max_tokens)
    if len(text) < len(full):
        stop = "max_tokens"
    asked, told = count_tokens("".join(one.text for one in messages)), count_tokens(text)
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
