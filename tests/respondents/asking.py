"""Asking a simulated respondent without a task: one message with a dilemma's metadata."""

import asyncio
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from inspect_ai.model import (
    ChatMessage,
    ChatMessageUser,
    GenerateConfig,
    Logprob,
    Model,
    ModelOutput,
)
from numpy.typing import NDArray

import kidney_evals.respondents  # noqa: F401 - registers the provider
from kidney_evals.respondents.arguments import read_traits
from kidney_evals.respondents.definitions import answer_probabilities, find_respondent
from kidney_evals.respondents.question import Question
from kidney_evals.studies import Condition, Dilemma, Order, Study

BOTH: tuple[Order, ...] = ("ab", "ba")


def message(
    study: Study,
    dilemma: Dilemma,
    condition: Condition = "coin_flip",
    order: Order = "ab",
    epoch: int = 1,
    explain: str = "none",
    **more: Any,
) -> ChatMessageUser:
    """What the solvers send: a text, and the dilemma in flat metadata."""
    carried: dict[str, Any] = {
        "study_source": study.source,
        "study": study.id,
        "condition": condition,
        "dilemma": dilemma.id,
        "order": order,
        "epoch": epoch,
        "kind": dilemma.kind,
        "explain": explain,
    }
    for side, patient in zip("ab", dilemma.shown(order), strict=True):
        for name, value in zip(study.attribute_ids, patient.values, strict=True):
            carried[f"{side}_{name}"] = value
    return ChatMessageUser(content="Who should receive the kidney?", metadata=carried | more)


def answers(
    model: Model, conversations: Iterable[Sequence[ChatMessage]], **config: Any
) -> list[ModelOutput]:
    """Every conversation's answer, in order."""

    async def run() -> list[ModelOutput]:
        settings = GenerateConfig(**config)
        outputs = []
        for conversation in conversations:
            # The provider's own method: `Model.generate` adds a millisecond of bookkeeping.
            output = await model.api.generate([*conversation], [], "auto", settings)
            assert isinstance(output, ModelOutput)
            outputs.append(output)
        return outputs

    return asyncio.run(run())


def probabilities(
    name: str, study: Study, condition: Condition, dilemmas: Sequence[Dilemma], **arguments: Any
) -> NDArray[np.float64]:
    """P(A), P(B) and, if offered, P(coin) by dilemma and order, shape (D, 2, K)."""
    respondent = find_respondent(name)
    traits = read_traits(name, respondent.takes, arguments)
    rows = [
        answer_probabilities(respondent, Question(study, condition, dilemma, order), traits)
        for dilemma in dilemmas
        for order in BOTH
    ]
    answers = 3 if condition == "coin_flip" else 2
    return np.array(rows).reshape(len(dilemmas), 2, 4)[:, :, :answers]


def tokens(output: ModelOutput) -> list[Logprob]:
    """The log-probabilities of an output."""
    logprobs = output.choices[0].logprobs
    assert logprobs is not None
    return logprobs.content


def options(token: Logprob) -> dict[str, float]:
    """The alternatives at a token with their probabilities, in order."""
    assert token.top_logprobs is not None
    return {one.token.strip(): math.exp(one.logprob) for one in token.top_logprobs}
