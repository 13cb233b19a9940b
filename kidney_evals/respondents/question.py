"""The dilemma that a prompt puts, as the solvers attach it to their message."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageUser

from kidney_evals.elicitation.channels import CHANNELS, Channel
from kidney_evals.elicitation.form import USUAL, Form, form_of
from kidney_evals.errors import UserError
from kidney_evals.studies import CONDITIONS, Condition, Dilemma, Order, Study, load_study

Explain = Literal["none", "before", "after"]
"""Whether reasons are asked for, and on which side of the final line."""


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
    wording: str = "default"
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

    Returns:
        The question.

    Raises:
        UserError: If no message carries a dilemma of this package, or what it carries does
            not fit its study.
    """
    if carried := carried_by(messages):
        turn = sum(isinstance(item, ChatMessageAssistant) for item in messages)
        return _question(carried, turn, asked)
    raise UserError(
        f"{asked} answers the dilemmas of kidney_evals only, and this prompt carries none; "
        f"ask it with the tasks kidney_evals/forced_choice and kidney_evals/coin_flip"
    )


def _question(carried: Mapping[str, Any], turn: int, asked: str) -> Question:
    explain: Any = carried.get("explain") or "none"
    channel: Any = carried.get("channel") or "text"
    for name, value, allowed in (
        ("condition", carried.get("condition"), CONDITIONS),
        ("order", carried.get("order"), get_args(Order)),
        ("explain", explain, get_args(Explain)),
        ("channel", channel, CHANNELS),
    ):
        if value not in allowed:
            raise UserError(f"{asked}: the prompt's metadata says {name}={value!r}")
    study = load_study(carried["study_source"])
    try:
        dilemma = study.dilemma_from(carried)
        epoch = int(carried.get("epoch", 1))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{asked}: the prompt's metadata does not fit study {study.id!r} ({error!r})"
        ) from error
    return Question(
        study=study,
        condition=carried["condition"],
        dilemma=dilemma,
        order=carried["order"],
        epoch=epoch,
        explain=explain,
        form=form_of(carried),
        turn=turn,
        channel=channel,
        wording=str(carried.get("wording", "default")),
        role=bool(carried.get("role")),
        crossed=bool(carried.get("crossed")),
    )
