"""What a simulated respondent predicts of people: that they answer as it would itself.

`human` predicts the human shares exactly, `majority` 100 % for the most frequent answer, `uniform`
the same for every answer. The arguments of a respondent bend its predictions as they bend its
answers, and refusals, cut-off and unreadable answers come as often.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput, StopReason

from kidney_evals.elicitation.predict import ASKS
from kidney_evals.respondents.arguments import Traits
from kidney_evals.respondents.definitions import Respondent, answer_probabilities
from kidney_evals.respondents.outputs import FaultWords, fault_of, output_of
from kidney_evals.respondents.question import Question, carried_by, read_question
from kidney_evals.respondents.replies import phrases

_LEADS = ("", "", "This is what I expect of them.\n\n", "They would split like this:\n\n")
_FAULTS = FaultWords(
    refusals=(
        "I'm sorry, but I can't predict what these people answered.",
        "I can't provide an estimate of how people would decide this.",
    ),
    cut_off="Let me think about what most people would weigh here. Patient A",
    unreadable=("Opinions would be divided.", "ANSWER: A=… B=…", "Most of them would choose one."),
)


def asks_for_people(messages: Sequence[ChatMessage]) -> bool:
    """Whether the last question in a conversation asks for people's answers."""
    return carried_by(messages).get("asks") == ASKS


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
    shown = answer_probabilities(respondent, question, traits)
    return output_of(messages, model_name, _said(question, shown, traits), config)


def _said(
    question: Question, shown: tuple[float, float, float, float], traits: Traits
) -> tuple[str, StopReason]:
    def chance(purpose: str, turn: int = 0) -> float:
        return question.chance(traits.seed, purpose, question.order, question.epoch, turn)

    wording, fault = chance("wording", question.turn), chance("fault", question.turn)
    a, b, undecided, refusal = shown
    declines = chance("answer") < refusal
    if found := "refused" if declines else fault_of(traits, fault):
        return _FAULTS.say(found, wording)
    shares = {"A": a, "B": b}
    if question.offers_coin:
        shares["COIN"] = undecided
    total = sum(shares.values())
    if total == 0:
        # A respondent that only ever flips a coin has no percentages where none was offered.
        return phrases("en")["unprompted"][0], "stop"
    stated = " ".join(f"{name}={_percent(share / total)}" for name, share in shares.items())
    return f"{_LEADS[int(wording * len(_LEADS))]}ANSWER: {stated}", "stop"


def _percent(share: float) -> str:
    return f"{100 * share:.4f}".rstrip("0").rstrip(".")
