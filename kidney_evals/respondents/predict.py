"""What a simulated respondent predicts of people: that they answer as it would itself.

`human` predicts the human shares exactly, `majority` 100 % for the most frequent answer, `uniform`
the same for every answer. The arguments of a respondent bend its predictions as they bend its
answers, and refusals, cut-off and unreadable answers come as often.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput

from kidney_evals.elicitation.predict import ASKS
from kidney_evals.respondents.arguments import Traits
from kidney_evals.respondents.definitions import Respondent, answer_probabilities
from kidney_evals.respondents.outputs import output_of, percent, worded
from kidney_evals.respondents.question import read_question
from kidney_evals.respondents.replies import phrases


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
    a, b, undecided, refusal = answer_probabilities(respondent, question, traits)

    def chance(purpose: str, turn: int = 0) -> float:
        return question.chance(traits.seed, purpose, question.order, question.epoch, turn)

    said = worded(
        ASKS,
        traits,
        (chance("fault", question.turn), chance("wording", question.turn)),
        lambda lead: _percentages(lead, a, b, undecided if question.offers_coin else None),
        refuses=chance("answer") < refusal,
    )
    return output_of(messages, model_name, said, config)


def _percentages(lead: str, a: float, b: float, coin: float | None) -> str:
    shares = {"A": a, "B": b} | ({} if coin is None else {"COIN": coin})
    total = sum(shares.values())
    if total == 0:
        # A respondent that only ever flips a coin has no percentages where none was offered.
        return str(phrases("en")["unprompted"][0])
    stated = (f"{name}={percent(share / total, 4)}" for name, share in shares.items())
    return f"{lead}ANSWER: {' '.join(stated)}"
