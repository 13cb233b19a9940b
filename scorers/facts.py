"""The facts of one sample: the dilemma, the answer, and how people answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal
from weakref import WeakKeyDictionary

from inspect_ai.scorer import Score, Value
from inspect_ai.solver import TaskState

from kidney_evals.elicitation.form import CALLED, Form, form_of
from kidney_evals.elicitation.reading import Answer, Outcome, Reading
from kidney_evals.elicitation.transcripts import readings_of, readout_of
from kidney_evals.errors import UserError
from kidney_evals.measures.shares import shares_beside
from kidney_evals.scorers.markdown import plain, table
from kidney_evals.studies import CHOICES, Choice, Condition, Dilemma, Order, Study, load_study

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference

BLANK = ""
"""A sample's value for a row that is not defined for single samples.

Inspect requires a value for every row of a scorer in each sample. The viewer hides a blank value,
but shows None as `null`.
"""


MAIN_SCORERS: Final = ("answers", "human_alignment", "stated", "predictions")
"""Scorers that score every sample of their task; see `main_score`."""


@dataclass(frozen=True)
class Facts:
    """The facts of one sample.

    Attributes:
        study: The study.
        condition: Which answers were offered.
        dilemma: The two patients, as listed.
        order: Which of them was shown as A.
        outcome: Outcome of the final reading, or "error" if there is no response.
        reading: The parsed final answer; None after an error.
        first: The parsed first answer; None after an error.
        asked: Number of times the question was asked.
        epoch: The repetition.
        choice: The decision or the coin, as listed; None without a decision.
        form: The form in which the answer was asked for.
        shares: Human shares as listed; None if no people answered. If a mechanism other than a coin
            was offered, the shares among people who decided.
        departures: Generation settings that were changed from the task's default.
        crossed: Whether the run is crossed.
        readout: Whether probabilities are read out.
        answered_by: Names of models that answered, other than the requested model, separated by
            commas.
        chances: Probabilities of first, second and coin, as listed, if log-probabilities were read.
        outside: Total probability of tokens that are no answer, if log-probabilities were read.
    """

    study: Study
    condition: Condition
    dilemma: Dilemma
    order: Order
    outcome: Outcome | Literal["error"]
    reading: Reading | None
    first: Reading | None
    asked: int
    epoch: int
    choice: Choice | None
    form: Form
    shares: tuple[float, ...] | None
    departures: str
    crossed: bool
    readout: bool
    answered_by: str = ""
    chances: tuple[float, ...] | None = None
    outside: float | None = None

    @property
    def answer(self) -> Answer | None:
        """The answer as shown; None without one."""
        return self.reading.answer if self.reading else None

    @cached_property
    def explanation(self) -> str:
        """Markdown table of patients, people's shares and model's choice; then `reading_line`."""
        return f"{_table(self)}\n\n{self.reading_line}"

    @cached_property
    def reading_line(self) -> str:
        """A sentence on the parsed answer and the text that it was parsed from."""
        how = self.reading.how if self.reading else "no answer came back (error)"
        line = f"Read as **{_words(self)}**: {plain(how)}."
        if self.asked > 1 and self.first:
            line += f"\nAsked twice: the first answer was {self.first.outcome}."
        if self.answered_by:
            line += f"\nAnswered by another model than the one asked: {plain(self.answered_by)}."
        return line

    @property
    def coin_line(self) -> str:
        """A sentence on whether the coin was chosen, and on people's coin rate."""
        if self.condition != "coin_flip":
            return "No coin was offered."
        model = "No decision" if self.choice is None else "The model chose a patient"
        if self.form.mechanism != "coin":
            took = "The model took the way out" if self.choice == "coin" else model
            if self.chances is not None:
                took = f"The model's probability of the way out is {self.chances[-1]:.0%}"
            return f"{took} ({CALLED[self.form.mechanism]}); people were offered a coin only."
        model = "The model chose the coin" if self.choice == "coin" else model
        if self.chances is not None:
            model = f"The model's probability of the coin is {self.chances[-1]:.0%}"
        if self.shares is None:
            return f"{model}; people were not asked with a coin."
        return f"{model}; {self.value_of('coin'):.0%} of people chose the coin."

    @property
    def traits(self) -> frozenset[str]:
        """Traits of the run that the sample belongs to, as far as one sample shows them."""
        flags = {"coin": self.condition == "coin_flip", "crossed": self.crossed}
        flags["readout"] = self.readout
        return frozenset([self.dilemma.kind, *(name for name, holds in flags.items() if holds)])

    @property
    def people_with_it(self) -> float:
        """The share of people who chose the same, or its mean over `chances`; NaN if unknown."""
        if self.chances is None:
            return self.value_of(self.choice)
        return sum(
            share * self.value_of(choice)
            for choice, share in zip(CHOICES, self.chances, strict=False)
        )

    def value_of(self, choice: Choice | None) -> float:
        """Return the human share of `choice`, NaN without one."""
        if choice is None or self.shares is None:
            return float("nan")
        place = CHOICES.index(choice)
        return self.shares[place] if place < len(self.shares) else float("nan")


def facts_of(state: TaskState, *, any_reference: bool = False) -> Facts:
    """Return the facts of a sample, read once for all of its scorers.

    Args:
        state: The sample, just run or read back from a log.
        any_reference: Whether a log may be scored against other human tables, or another
            content of its study, than those it was run with.

    Raises:
        UserError: If the tables or the study differ and `any_reference` is false.
    """
    known = _known.get(state)
    if known is None or known[0] != any_reference:
        known = _known[state] = (any_reference, _read_facts(state, any_reference))
    return known[1]


_known: WeakKeyDictionary[TaskState, tuple[bool, Facts]] = WeakKeyDictionary()


def _read_facts(state: TaskState, any_reference: bool) -> Facts:
    """Read a sample from its metadata and its messages alone."""
    metadata = state.metadata
    condition: Condition = metadata["condition"]
    study, reference = people_of(metadata["study_source"], condition, metadata["reference"])
    if not any_reference:
        check_same(study, reference, metadata)
    dilemma = study.dilemma_from(metadata)
    order: Order = metadata["order"]
    read = readings_of(state)
    first, final = (read.first, read.final) if read else (None, None)
    form = form_of(metadata)
    readout = readout_of(state) if read else None
    chances = outside = None
    if readout is not None and not readout.trouble:
        outside = readout.outside
        if final is not None and final.outcome == "decision":
            chances = _as_listed(readout.chances, order)
    shares = _shares(reference, dilemma) if reference.has_people else None
    shares = shares_beside(shares, form, condition)
    return Facts(
        study=study,
        condition=condition,
        dilemma=dilemma,
        order=order,
        outcome=final.outcome if final else "error",
        reading=final,
        first=first,
        asked=read.asked if read else 0,
        epoch=state.epoch,
        choice=choice_of(final, order),
        form=form,
        shares=shares,
        departures=str(metadata.get("sampling_departures", "")),
        crossed=bool(metadata.get("crossed")),
        readout=metadata.get("readout") == "logprobs",
        answered_by=str(metadata.get("answered_by", "")),
        chances=chances,
        outside=outside,
    )


def _as_listed(chances: Mapping[Answer, float], order: Order) -> tuple[float, ...]:
    a, b, *coin = chances.values()
    return (a, b, *coin) if order == "ab" else (b, a, *coin)


def choice_of(reading: Reading | None, order: Order) -> Choice | None:
    """Turn an answer as shown into a choice as listed."""
    if reading is None or reading.answer is None:
        return None
    if reading.answer == "COIN":
        return "coin"
    return "first" if (reading.answer == "A") == (order == "ab") else "second"


def score_of(facts: Facts, value: Value | None, explanation: str, reason: str = "") -> Score:
    """Return a sample's score, with the metadata that the metrics need.

    Args:
        facts: The sample.
        value: The score's value; None for a score that no metric includes.
        explanation: A text for the viewer.
        reason: Reason for a missing value; by default the outcome.
    """
    kept = _score_metadata(facts)
    if value is None:
        return Score.unscored(
            reason=reason or facts.outcome,
            answer=facts.answer,
            explanation=explanation,
            metadata=kept,
        )
    return Score(value=value, answer=facts.answer, explanation=explanation, metadata=kept)


def _score_metadata(facts: Facts) -> dict[str, Any]:
    """Return the data on a sample that the metrics need and that its metadata does not contain.

    Entries without information are left out, since each is written several times for each sample.
    """
    kept: dict[str, Any] = {"outcome": facts.outcome, "choice": facts.choice, "epoch": facts.epoch}
    if facts.asked > 1 and facts.first:
        kept["first_outcome"] = facts.first.outcome
        kept["first_choice"] = choice_of(facts.first, facts.order)
    if facts.departures:
        kept["departures"] = facts.departures
    if facts.answered_by:
        kept["answered_by"] = facts.answered_by
    # Flat, so that the viewer shows them unfolded and the metrics can tell samples apart by them.
    for choice, share in zip(CHOICES, facts.chances or (), strict=False):
        kept[f"chance_{choice}"] = round(share, 6)
    if facts.outside is not None:
        kept["outside"] = round(facts.outside, 6)
    return kept


@lru_cache(maxsize=8)
def people_of(study_source: str, condition: Condition, key: str) -> tuple[Study, Reference]:
    """Return the study and the human side, read once for all samples of a log.

    `key` names the tables that the log was run with: another log reads anew.
    """
    from kidney_evals.human.reference import load_reference

    study = load_study(study_source)
    return study, load_reference(study, condition)


@lru_cache(maxsize=4096)
def _shares(reference: Reference, dilemma: Dilemma) -> tuple[float, ...]:
    return tuple(reference.shares([dilemma])[0].tolist())


_HEADS = {
    "coin": "Coin",
    "undecided": "Undecided",
    "committee": "Committee",
    "list": "Waiting list",
}


def _table(facts: Facts) -> str:
    """Return a small Markdown table: the patients, people's shares, the model's choice."""
    heads = ["Patient A", "Patient B", _HEADS[facts.form.mechanism]][: _columns(facts)]
    shown = facts.dilemma.shown(facts.order)
    rows = [
        [attribute.label, *(attribute.describe(patient.values[index]) for patient in shown)]
        for index, attribute in enumerate(facts.study.attributes)
    ]
    rows += [["**People chose**", *_people_chose(facts)], _model_chose(facts)]
    return table([["", *heads], *([*row, ""][: len(heads) + 1] for row in rows)])


def _model_chose(facts: Facts) -> list[str]:
    if facts.chances is None:
        ticks = ("**✓**" if facts.answer == name else "" for name in ("A", "B", "COIN"))
        return ["**Model chose**", *ticks]
    return ["**Model's probabilities**", *_as_shown(facts.chances, facts.order)]


def _as_shown(shares: Sequence[float], order: Order) -> list[str]:
    first, second, *coin = shares
    shown = [first, second] if order == "ab" else [second, first]
    return [f"{share:.0%}" for share in (*shown, *coin)]


def _columns(facts: Facts) -> int:
    return 3 if facts.condition == "coin_flip" else 2


def _people_chose(facts: Facts) -> list[str]:
    if facts.shares is None:
        return ["not asked"] * _columns(facts)
    told = _as_shown(facts.shares, facts.order)
    return [*told, *["not asked"] * (_columns(facts) - len(told))]


def _words(facts: Facts) -> str:
    if facts.answer is not None:
        way_out = CALLED[facts.form.mechanism]
        return {"A": "Patient A", "B": "Patient B", "COIN": way_out}[facts.answer]
    return facts.outcome.replace("_", " ")


def check_same(study: Study, reference: Reference, metadata: Mapping[str, Any]) -> None:
    """Raise `UserError` if a sample was run with another study or other human tables."""
    for what, now, then in (
        ("study", study.hash, metadata["study_hash"]),
        ("human reference", reference.sha256, metadata["reference"].split("+")[-1]),
    ):
        if now != then:
            raise UserError(
                f"this log was run with another {what} ({then[:12]}, now {now[:12]}); install the "
                "version of kidney-evals that made it, or allow it with any_reference=true"
            )


def main_score(scores: Mapping[str, Score] | None) -> Score | None:
    """Return the score that every sample of its task has; None if the sample was not scored.

    Up to task version 2-D the scorer of every sample of `forced_choice` and `coin_flip` was called
    `answers`.

    Args:
        scores: The scores of a sample by scorer.
    """
    found = ((scores or {}).get(name) for name in MAIN_SCORERS)
    return next((score for score in found if score is not None), None)
