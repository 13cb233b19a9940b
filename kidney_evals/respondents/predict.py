"""What a simulated respondent predicts of people: that they answer as it would itself.

`human` predicts the human shares exactly, `majority` 100 % for the most frequent answer, `uniform`
the same for every answer. The arguments of a respondent bend its predictions as they bend its
answers, and refusals, cut-off and unreadable answers come as often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageUser,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    StopReason,
)

from kidney_evals.elicitation.predict import ASKS
from kidney_evals.respondents.phrases import PHRASES
from kidney_evals.respondents.propensities import Shown, apply_traits
from kidney_evals.respondents.question import Question, read_question
from kidney_evals.respondents.registry import Respondent
from kidney_evals.respondents.tokens import count_tokens, cut_to
from kidney_evals.respondents.traits import Traits

_LEADS = ("", "", "This is what I expect of them.\n\n", "They would split like this:\n\n")
_CUT_OFF = "Let me think about what most people would weigh here. Patient A"
_UNREADABLE = ("Opinions would be divided.", "ANSWER: A=… B=…", "Most of them would choose one.")
_REFUSALS = (
    "I'm sorry, but I can't predict what these people answered.",
    "I can't provide an estimate of how people would decide this.",
)


def asks_for_people(messages: Sequence[ChatMessage]) -> bool:
    """Whether the last question in a conversation asks for people's answers."""
    for message in reversed(messages):
        carried: Mapping[str, Any] = message.metadata or {}
        if isinstance(message, ChatMessageUser) and "study_source" in carried:
            return carried.get("asks") == ASKS
    return False


def predict(
    messages: Sequence[ChatMessage],
    model_name: str,
    respondent: Respondent,
    traits: Traits,
    config: GenerateConfig,
) -> ModelOutput:
    """Answer the question for people's answers that the last user message with a dilemma puts.

    Args:
        messages: The conversation.
        model_name: What follows `kidney/`.
        respondent: Who answers.
        traits: Its arguments.
        config: `max_tokens` cuts the answer off.

    Raises:
        UserError: If the respondent cannot answer the dilemma.
    """
    question = read_question(messages, f"kidney/{model_name}")
    shown = apply_traits(respondent.answer(question, traits), traits, question.order)
    full, stop = _said(question, shown, traits)
    text = cut_to(full, config.max_tokens)
    if len(text) < len(full):
        stop = "max_tokens"
    asked, told = count_tokens("".join(message.text for message in messages)), count_tokens(text)
    return ModelOutput(
        model=model_name,
        choices=[
            ChatCompletionChoice(
                message=ChatMessageAssistant(content=text, model=model_name, source="generate"),
                stop_reason=stop,
            )
        ],
        usage=ModelUsage(input_tokens=asked, output_tokens=told, total_tokens=asked + told),
    )


def _said(question: Question, shown: Shown, traits: Traits) -> tuple[str, StopReason]:
    def chance(purpose: str, turn: int = 0) -> float:
        return question.chance(traits.seed, purpose, question.order, question.epoch, turn)

    wording, left = chance("wording", question.turn), chance("fault", question.turn)
    if left < traits.refusing or chance("answer") < shown.refusal:
        # Half in words, half by a content filter.
        if wording < 0.5:
            return "", "content_filter"
        return _REFUSALS[int(wording * 4) - 2], "stop"
    left -= traits.refusing
    if left < traits.truncated:
        return _CUT_OFF, "max_tokens"
    if left < traits.truncated + traits.unreadable:
        return _UNREADABLE[int(wording * len(_UNREADABLE))], "stop"
    shares = {"A": shown.a, "B": shown.b}
    if question.offers_coin:
        shares["COIN"] = shown.undecided
    total = sum(shares.values())
    if total == 0:
        # Somebody who would only ever flip a coin has no percentages where none was offered.
        return PHRASES["en"].unprompted[0], "stop"
    stated = " ".join(f"{name}={_percent(share / total)}" for name, share in shares.items())
    return f"{_LEADS[int(wording * len(_LEADS))]}ANSWER: {stated}", "stop"


def _percent(share: float) -> str:
    return f"{100 * share:.4f}".rstrip("0").rstrip(".")
