"""The question that a simulated respondent is asked, as the solvers attach it to their message."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageUser

from kidney_evals.elicitation.channels import Channel
from kidney_evals.elicitation.form import USUAL, Form, form_of
from kidney_evals.elicitation.wording import DEFAULT, Explain
from kidney_evals.errors import UserError
from kidney_evals.studies import Condition, Dilemma, Order, Study, load_study


@dataclass(frozen=True)
class Question:
    """One dilemma, put in one order, in one epoch.

    Attributes:
        study: The study it belongs to.
        condition: Whether a coin is offered.
        dilemma: The two patients as listed.
        order: Which of them is Patient A.
        epoch: Which repetition, from 1.
        explain: Whether reasons are asked for.
        form: The form in which an answer is asked for.
        turn: How many answers this conversation already holds (1 at a repeat question).
        channel: How the answer is to be given.
        wording: Id of the wording.
        role: Whether the wording says who is asked.
        crossed: Whether the dilemma is put in several wordings, so that each is asked anew.
        alone: Whether nothing is said before the answer unasked.
    """

    study: Study
    condition: Condition
    dilemma: Dilemma
    order: Order
    epoch: int = 1
    explain: Explain = "none"
    form: Form = USUAL
    turn: int = 0
    channel: Channel = "text"
    wording: str = DEFAULT
    role: bool = False
    crossed: bool = False
    alone: bool = False

    @property
    def offers_coin(self) -> bool:
        """Whether the coin is among the options."""
        return self.condition == "coin_flip"

    @cached_property
    def place(self) -> tuple[object, ...]:
        """What a person can tell apart: study content, condition and the patients as listed.

        The id alone would not do: every draw seed has a dilemma "d000".
        """
        patients = (self.dilemma.first.values, self.dilemma.second.values)
        return (self.study.hash, self.condition, self.dilemma.id, patients)

    def chance(self, seed: int, purpose: str, *sample: object) -> float:
        """Return a number in [0, 1), uniform over seeds and dilemmas, always the same here.

        There is no generator to share: calls complete in any order.

        Args:
            seed: The respondent's seed.
            purpose: What the number decides; each purpose has numbers of its own.
            *sample: What else it varies with (order, epoch, turn).
        """
        return fraction(seed, purpose, self.place, sample)


def fraction(*parts: object) -> float:
    """Hash plain values (whose `repr` is stable) to a number in [0, 1)."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56


def carried_by(messages: Sequence[ChatMessage]) -> Mapping[str, Any]:
    """Return the metadata of the last user message that carries a question; empty for none."""
    for message in reversed(messages):
        carried = message.metadata or {}
        if isinstance(message, ChatMessageUser) and "study_source" in carried:
            return carried
    return {}


def read_question(messages: Sequence[ChatMessage], asked: str) -> Question:
    """Read the question from the last user message that carries one.

    Args:
        messages: The conversation; a repeat question may follow the dilemma.
        asked: Name of the model that was asked, for messages.

    Raises:
        UserError: If no message carries a dilemma of this package.
    """
    carried = carried_by(messages)
    if not carried:
        raise UserError(
            f"{asked} answers the dilemmas of kidney_evals only, and this prompt carries none; "
            f"ask it with the tasks kidney_evals/forced_choice and kidney_evals/coin_flip"
        )
    study = load_study(carried["study_source"])
    return Question(
        study=study,
        condition=carried["condition"],
        dilemma=study.dilemma_from(carried),
        order=carried["order"],
        epoch=carried["epoch"],
        explain=carried.get("explain", "none"),
        form=form_of(carried),
        turn=turns(messages),
        channel=carried.get("channel", "text"),
        wording=carried.get("wording", DEFAULT),
        role=carried.get("role", False),
        crossed=carried.get("crossed", False),
    )


def turns(messages: Sequence[ChatMessage]) -> int:
    """Return how many answers a conversation already holds."""
    return sum(isinstance(one, ChatMessageAssistant) for one in messages)
