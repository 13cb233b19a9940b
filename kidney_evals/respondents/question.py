"""The question for a simulated respondent, which the solvers pass in a context variable."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from kidney_evals.elicitation.channels import Channel
from kidney_evals.elicitation.form import USUAL, Form, form_of
from kidney_evals.elicitation.wording import DEFAULT, Explain
from kidney_evals.errors import UserError
from kidney_evals.studies import Condition, Dilemma, Order, Study, load_study


@dataclass(frozen=True)
class Question:
    """A question about a dilemma, in one order and one epoch."""

    study: Study
    condition: Condition
    dilemma: Dilemma
    order: Order
    epoch: int = 1
    explain: Explain = "none"
    form: Form = USUAL
    turn: int = 0  # answers in the conversation so far: 1 at a repeat question
    channel: Channel = "text"
    wording: str = DEFAULT
    role: bool = False  # whether the wording assigns a role to the respondent
    crossed: bool = False
    probe_levels: str = ""  # ids of a probe's levels, with commas between
    probe_a: str = ""  # the level of the candidate as shown
    probe_b: str = ""

    @property
    def offers_coin(self) -> bool:
        """Whether the coin is among the options."""
        return self.condition == "coin_flip"

    @property
    def first_level(self) -> Literal["a", "b", ""]:
        """The candidate as shown who alone has the first level of a probe; empty if none has."""
        first = self.probe_levels.partition(",")[0]
        if not first or self.probe_a == self.probe_b or first not in (self.probe_a, self.probe_b):
            return ""
        return "a" if self.probe_a == first else "b"

    @cached_property
    def place(self) -> tuple[object, ...]:
        """Key that identifies the dilemma and the condition.

        The id of a dilemma is not unique, since every draw has a "d000".
        """
        patients = (self.dilemma.first.values, self.dilemma.second.values)
        return (self.study.hash, self.condition, self.dilemma.id, patients)

    def chance(self, seed: int, purpose: str, turn: int = 0) -> float:
        """Return a reproducible number in [0, 1) for a decision about this question.

        It depends on the arguments, the dilemma, the condition, the order, the epoch and a probe's
        levels; in a crossed run it also depends on the wording. It never depends on the channel.

        Args:
            seed: Seed of the respondent.
            purpose: Name of the decision, such as `answer`.
            turn: Number of earlier answers, if a repeat question gets a new number.
        """
        anew: tuple[str, ...] = (self.wording,) if self.crossed else ()
        anew += (self.probe_a, self.probe_b) if self.probe_a else ()
        return fraction(seed, purpose, self.place, (self.order, self.epoch, turn, *anew))


def fraction(*parts: object) -> float:
    """Return a number in [0, 1), the hash of plain values whose `repr` is stable."""
    # A shared random generator would not be reproducible: calls complete in any order.
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56


def read_question(carried: Mapping[str, Any], asked: str) -> Question:
    """Return the question in the metadata of a sample.

    Args:
        carried: The metadata, empty if the prompt is no question of this package.
        asked: Name of the model, for the error.

    Raises:
        UserError: The metadata are empty, or the study is invalid.
    """
    if not carried:
        raise UserError(
            f"{asked} answers the dilemmas of kidney_evals only, and this prompt is none; "
            f"ask it with the tasks kidney_evals/forced_choice and kidney_evals/coin_flip"
        )
    study = load_study(carried["study_source"])
    named = ("condition", "order", "epoch", "turn")
    optional = ["explain", "channel", "wording", "role", "crossed"]
    optional += ["probe_levels", "probe_a", "probe_b"]
    return Question(
        study=study,
        dilemma=study.dilemma_from(carried),
        form=form_of(carried),
        **{name: carried[name] for name in named},
        **{name: carried[name] for name in optional if name in carried},
    )
