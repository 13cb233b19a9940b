"""The question for a simulated respondent, as the solvers attach it to their message."""

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
    """A question about a dilemma, in one order and one epoch.

    Attributes:
        turn: Number of answers in the conversation so far (1 at a repeat question).
        role: Whether the wording assigns a role to the respondent.
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
    def _place(self) -> tuple[object, ...]:
        # The dilemma's id is not sufficient: every draw seed has a dilemma "d000".
        patients = (self.dilemma.first.values, self.dilemma.second.values)
        return (self.study.hash, self.condition, self.dilemma.id, patients)

    def chance(self, seed: int, purpose: str, *sample: object) -> float:
        """Return a reproducible number in [0, 1) by seed, `purpose` of the decision and `sample`.

        A shared random generator would not be reproducible: calls complete in any order.
        """
        return fraction(seed, purpose, self._place, sample)


def fraction(*parts: object) -> float:
    """Return a hash, in [0, 1), of plain values whose `repr` is stable."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56


def carried_by(messages: Sequence[ChatMessage]) -> Mapping[str, Any]:
    """Return the metadata of the last user message with a question; empty without a question."""
    for message in reversed(messages):
        carried = message.metadata or {}
        if isinstance(message, ChatMessageUser) and "study_source" in carried:
            return carried
    return {}


def read_question(messages: Sequence[ChatMessage], asked: str) -> Question:
    """Return the question in the last user message that holds a question.

    `asked` is the name of the requested model, for messages.

    Raises:
        UserError: No message holds a dilemma of this package.
    """
    carried = carried_by(messages)
    if not carried:
        raise UserError(
            f"{asked} answers the dilemmas of kidney_evals only, and this prompt carries none; "
            f"ask it with the tasks kidney_evals/forced_choice and kidney_evals/coin_flip"
        )
    study = load_study(carried["study_source"])
    optional = ("explain", "channel", "wording", "role", "crossed")
    return Question(
        study=study,
        condition=carried["condition"],
        dilemma=study.dilemma_from(carried),
        order=carried["order"],
        epoch=carried["epoch"],
        form=form_of(carried),
        turn=turns(messages),
        **{name: carried[name] for name in optional if name in carried},
    )


def turns(messages: Sequence[ChatMessage]) -> int:
    """Return the number of answers in a conversation."""
    return sum(isinstance(message, ChatMessageAssistant) for message in messages)
