"""Asking a simulated respondent without a task: a message, and its dilemma beside it."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from inspect_ai.model import ChatMessage, ChatMessageUser, GenerateConfig, Model, ModelOutput
from numpy.typing import NDArray

import kidney_evals.respondents  # noqa: F401 - registers the provider
from kidney_evals.elicitation.solvers import QUESTION
from kidney_evals.respondents.arguments import read_traits
from kidney_evals.respondents.definitions import answer_probabilities, find_respondent
from kidney_evals.respondents.question import Question
from kidney_evals.studies import Condition, Dilemma, Order, Study, dilemmas_of, load_study

BOTH: tuple[Order, ...] = ("ab", "ba")
DRAWN = load_study("mcelfresh_2021")
DILEMMAS = dilemmas_of(DRAWN, 200, None)


def message(
    dilemma: Dilemma,
    condition: Condition = "coin_flip",
    order: Order = "ab",
    epoch: int = 1,
    study: Study = DRAWN,
    **more: Any,
) -> ChatMessageUser:
    """Return a message with its dilemma as metadata, which `answers` passes to the respondent."""
    carried: dict[str, Any] = {"study_source": study.source, "condition": condition, "epoch": epoch}
    carried |= {"dilemma": dilemma.id, "kind": dilemma.kind, "order": order}
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
        for one in conversations:
            QUESTION.set(one[0].metadata or {})
            # The provider's own method: `Model.generate` adds a millisecond of bookkeeping.
            outputs.append(await model.api.generate([*one], [], "auto", settings))
        return [output for output in outputs if isinstance(output, ModelOutput)]

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
