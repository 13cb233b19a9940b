"""A simulated respondent's prediction of people's answers: the respondent's own probabilities.

`human` predicts the human shares exactly, `majority` 100 % for the most frequent answer, `uniform`
equal shares for all answers. The arguments of a respondent modify its predictions as its answers;
refusals, truncated and unreadable answers are equally frequent.
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
    """Answer the question about people's answers in the last user message with a dilemma.

    Args:
        messages: The conversation.
        model_name: Name after `kidney/`.
        respondent: The respondent.
        traits: Its arguments.
        config: `max_tokens` truncates the answer.

    Raises:
        UserError: The respondent cannot answer the dilemma.
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
        # A respondent that always flips a coin has no percentages if no coin was offered.
        return str(phrases("en")["unprompted"][0])
    stated = (f"{name}={percent(share / total, 4)}" for name, share in shares.items())
    return f"{lead}ANSWER: {' '.join(stated)}"
