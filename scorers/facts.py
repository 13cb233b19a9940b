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
from kidney_evals.elicitation.transcripts import Readings, choices_of, readout_of
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
        metadata: The sample's metadata.
        study: The study.
        dilemma: The two patients, as listed.
        readings: The parsed answers; None without any.
        epoch: Number of the repetition.
        choice: The decision or the coin, as listed; None without a decision.
        form: The form of the requested answer.
        shares: Human shares as listed; None if no people answered. If a mechanism other than a coin
            was offered, the shares among people who decided.
        chances: Probabilities of first, second and coin, as listed, if log-probabilities were read.
        outside: Total probability of tokens that are no answer, if log-probabilities were read.
    """

    metadata: Mapping[str, Any]
    study: Study
    dilemma: Dilemma
    readings: Readings[Reading] | None
    epoch: int
    choice: Choice | None
    form: Form
    shares: tuple[float, ...] | None
    chances: tuple[float, ...] | None = None
    outside: float | None = None

    @property
    def condition(self) -> Condition:
        """The condition, which decides the offered answers."""
        condition: Condition = self.metadata["condition"]
        return condition

    @property
    def order(self) -> Order:
        """Which patient was shown as A."""
        order: Order = self.metadata["order"]
        return order

    @property
    def reading(self) -> Reading | None:
        """The parsed final answer; None after an error."""
        return self.readings.final if self.readings else None

    @property
    def outcome(self) -> Outcome | Literal["error"]:
        """Outcome of the final reading, or "error" if there is no response."""
        return self.reading.outcome if self.reading else "error"

    @property
    def answer(self) -> Answer | None:
        """The answer as shown; None without one."""
        return self.reading.answer if self.reading else None

    @cached_property
    def explanation(self) -> str:
        """Markdown table of patients, people's shares and model's choice; then `reading_line`."""
        columns = 3 if self.condition == "coin_flip" else 2
        heads = ["", "Patient A", "Patient B", _HEADS[self.form.mechanism]][: columns + 1]
        shown = self.dilemma.shown(self.order)
        rows = [
            [attribute.label, *(attribute.describe(patient.values[index]) for patient in shown), ""]
            for index, attribute in enumerate(self.study.attributes)
        ]
        people = self._as_shown(self.shares or ())
        rows.append(["**People chose**", *people, *["not asked"] * (columns - len(people))])
        if self.chances is None:
            ticks = ["**✓**" if self.answer == name else "" for name in ("A", "B", "COIN")]
            rows.append(["**Model chose**", *ticks])
        else:
            rows.append(["**Model's probabilities**", *self._as_shown(self.chances)])
        return f"{table([heads, *(row[: len(heads)] for row in rows)])}\n\n{self.reading_line}"

    def _as_shown(self, shares: Sequence[float]) -> list[str]:
        cells = [f"{share:.0%}" for share in shares]
        return cells if self.order == "ab" else [*cells[1::-1], *cells[2:]]

    @cached_property
    def reading_line(self) -> str:
        """A sentence on the parsed answer and the text that it was parsed from."""
        words = self.outcome.replace("_", " ")
        if self.answer is not None:
            coin = CALLED[self.form.mechanism]
            words = {"A": "Patient A", "B": "Patient B", "COIN": coin}[self.answer]
        line = reading_text(words, self.reading.how if self.reading else "", self.readings)
        if other := self.metadata.get("answered_by"):
            line += f"\nAnswered by another model than the one asked: {plain(str(other))}."
        return line

    @property
    def coin_line(self) -> str:
        """A sentence on whether the coin was chosen, and on people's coin rate."""
        if self.condition != "coin_flip":
            return "No coin was offered."
        coin = "the coin" if self.form.mechanism == "coin" else "the way out"
        model = f"The model {'chose' if self.form.mechanism == 'coin' else 'took'} {coin}"
        if self.choice != "coin":
            model = "The model chose a patient" if self.choice else "No decision"
        if self.chances is not None:
            model = f"The model's probability of {coin} is {self.chances[-1]:.0%}"
        if self.form.mechanism != "coin":
            return f"{model} ({CALLED[self.form.mechanism]}); people were offered a coin only."
        if self.shares is None:
            return f"{model}; people were not asked with a coin."
        return f"{model}; {self._share_of('coin'):.0%} of people chose the coin."

    @property
    def traits(self) -> frozenset[str]:
        """Traits of the run that the sample belongs to, as far as one sample shows them."""
        flags = {
            "coin": self.condition == "coin_flip",
            "crossed": bool(self.metadata.get("crossed")),
            "readout": self.metadata.get("readout") == "logprobs",
        }
        return frozenset([self.dilemma.kind, *(name for name, holds in flags.items() if holds)])

    @property
    def people_with_it(self) -> float:
        """The share of people who gave this answer, or its mean over `chances`; NaN if unknown."""
        if self.chances is None:
            return self._share_of(self.choice)
        return sum(
            share * self._share_of(choice)
            for choice, share in zip(CHOICES, self.chances, strict=False)
        )

    def _share_of(self, choice: Choice | None) -> float:
        """Return the human share of `choice`, NaN without one."""
        shares = dict(zip(CHOICES, self.shares or (), strict=False))
        return shares.get(choice, float("nan")) if choice else float("nan")


_HEADS = {
    "coin": "Coin",
    "undecided": "Undecided",
    "committee": "Committee",
    "list": "Waiting list",
}

_known: WeakKeyDictionary[TaskState, tuple[bool, Facts]] = WeakKeyDictionary()


def facts_of(state: TaskState, *, any_reference: bool = False) -> Facts:
    """Return the facts of a sample, read once for all of its scorers; see `people_of`."""
    known = _known.get(state)
    if known is None or known[0] != any_reference:
        known = _known[state] = (any_reference, _read_facts(state, any_reference))
    return known[1]


def _read_facts(state: TaskState, any_reference: bool) -> Facts:
    metadata = state.metadata
    study, reference = people_of(metadata, any_reference)
    dilemma, order, form = study.dilemma_from(metadata), metadata["order"], form_of(metadata)
    readings = choices_of(state)
    final = readings.final if readings else None
    chances = outside = None
    readout = readout_of(state) if readings else None
    if readout is not None and not readout.trouble:
        outside = readout.outside
        if final is not None and final.outcome == "decision":
            a, b, *coin = readout.chances.values()
            chances = (a, b, *coin) if order == "ab" else (b, a, *coin)
    shares = _shares(reference, dilemma) if reference.has_people else None
    return Facts(
        metadata=metadata,
        study=study,
        dilemma=dilemma,
        readings=readings,
        epoch=state.epoch,
        choice=_choice_of(final, order),
        form=form,
        shares=shares_beside(shares, form, metadata["condition"]),
        chances=chances,
        outside=outside,
    )


def _choice_of(reading: Reading | None, order: Order) -> Choice | None:
    """Turn an answer as shown into a choice as listed."""
    if reading is None or reading.answer is None:
        return None
    if reading.answer == "COIN":
        return "coin"
    return "first" if (reading.answer == "A") == (order == "ab") else "second"


def score_of(facts: Facts, value: Value | None, explanation: str, reason: str = "") -> Score:
    """Return a sample's score, with the metadata that the metrics need.

    No metric includes a score without `value`; `reason` says why, by default the outcome.
    """
    texts: dict[str, Any] = {"answer": facts.answer, "explanation": explanation}
    kept = _score_metadata(facts)
    if value is None:
        return Score.unscored(reason=reason or facts.outcome, **texts, metadata=kept)
    return Score(value=value, **texts, metadata=kept)


def _score_metadata(facts: Facts) -> dict[str, Any]:
    """Return the data on a sample that the metrics need and that its metadata does not contain.

    Entries without information are left out, since each is written several times for each sample.
    """
    kept: dict[str, Any] = {"outcome": facts.outcome, "choice": facts.choice, "epoch": facts.epoch}
    if facts.readings and facts.readings.asked > 1:
        kept["first_outcome"] = facts.readings.first.outcome
        kept["first_choice"] = _choice_of(facts.readings.first, facts.order)
    kept |= departures_of(facts.metadata)
    # Flat, so that the viewer shows them unfolded and the metrics can tell samples apart by them.
    for choice, share in zip(CHOICES, facts.chances or (), strict=False):
        kept[f"chance_{choice}"] = round(share, 6)
    if facts.outside is not None:
        kept["outside"] = round(facts.outside, 6)
    return kept


def departures_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the differences from the task's defaults: generation settings, and the model."""
    names = {"departures": "sampling_departures", "answered_by": "answered_by"}
    return {name: str(metadata[key]) for name, key in names.items() if metadata.get(key)}


def people_of(metadata: Mapping[str, Any], any_reference: bool) -> tuple[Study, Reference]:
    """Return the study and the human reference of a sample.

    Raises:
        UserError: The installed study or human tables differ from those of the sample's run, and
            `any_reference` is false.
    """
    key = metadata["reference"]
    study, reference = _people(metadata["study_source"], metadata["condition"], key)
    for what, now, then in (
        ("study", study.hash, metadata["study_hash"]),
        ("human reference", reference.sha256, key.split("+")[-1]),
    ):
        if now != then and not any_reference:
            raise UserError(
                f"this log was run with another {what} ({then[:12]}, now {now[:12]}); install the "
                "version of kidney-evals that made it, or allow it with any_reference=true"
            )
    return study, reference


@lru_cache(maxsize=8)
def _people(study_source: str, condition: Condition, key: str) -> tuple[Study, Reference]:
    """Read the study and the human reference, once for all samples of a log with the same `key`."""
    from kidney_evals.human.reference import load_reference

    study = load_study(study_source)
    return study, load_reference(study, condition)


@lru_cache(maxsize=4096)
def _shares(reference: Reference, dilemma: Dilemma) -> tuple[float, ...]:
    return tuple(reference.shares([dilemma])[0].tolist())


def reading_text(words: str, how: str, readings: Readings[Any] | None) -> str:
    """Return a sentence on how an answer was parsed, and on the first answer if asked twice."""
    line = f"Read as **{words}**: {plain(how or 'no answer came back (error)')}."
    if readings and readings.asked > 1:
        line += f"\nAsked twice: the first answer was {readings.first.outcome}."
    return line


def main_score(scores: Mapping[str, Score] | None) -> Score | None:
    """Return the score that every sample of its task has; None if the sample was not scored.

    Up to task version 2-D the scorer of every sample of `forced_choice` and `coin_flip` was called
    `answers`.

    Args:
        scores: The scores of a sample by scorer.
    """
    found = ((scores or {}).get(name) for name in MAIN_SCORERS)
    return next((score for score in found if score is not None), None)
