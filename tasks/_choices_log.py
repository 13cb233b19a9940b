"""Logs of choices that a run of predictions is set beside, checked before any model call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kidney_evals.errors import UserError
from kidney_evals.studies import CHOICES, Condition, Dilemma, Study
from kidney_evals.tasks._given_log import read_given_log

_TASKS = "a log of kidney_evals/forced_choice or kidney_evals/coin_flip"

Patients = tuple[tuple[float, ...], tuple[float, ...]]
"""The patients of a dilemma as listed; ids alone would not tell two draws apart."""


@dataclass(frozen=True)
class Choices:
    """The choices of one log.

    Attributes:
        log: The log, as it was given.
        model: Who chose.
        study_hash: Of the study that was asked.
        counts: Answers first, second and, with a coin, coin, by dilemma and order.
    """

    log: str
    model: str
    study_hash: str
    counts: dict[Patients, dict[str, list[int]]]

    def marks(self, dilemma: Dilemma) -> dict[str, Any]:
        """Return what the metadata of a sample says of these choices, as flat text."""
        found = self.counts.get(_patients(dilemma))
        if found is None:
            return {}
        return {
            "revealed": self.log,
            "revealed_model": self.model,
            **{f"own_{order}": " ".join(map(str, given)) for order, given in found.items()},
        }


def choices_of(
    revealed: str | Sequence[str] | None, condition: Condition, blocks: Sequence[Study]
) -> dict[str, Choices]:
    """Read the logs of choices, by the hash of their study.

    Args:
        revealed: A log, several with commas between, or None.
        condition: Of the run of predictions; people's choices in another one are others.
        blocks: The studies that the run asks about.

    Raises:
        UserError: If a log cannot be read, is of another task, condition or study, holds no
            sampled choices, or two are of one study.
    """
    if revealed is None:
        return {}
    # `-T revealed=a.eval,b.eval` arrives as a list.
    names = revealed.split(",") if isinstance(revealed, str) else revealed
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
        raise UserError(f"revealed must be a log, or several with commas between, not {revealed!r}")
    found: dict[str, Choices] = {}
    for name in (one.strip() for one in names):
        if not name:
            raise UserError("revealed names no log: give the path of a log, or leave it out")
        one = _read(name, condition, blocks)
        if one.study_hash in found:
            raise UserError(
                f"revealed: {found[one.study_hash].log} and {name} are of one study; give one log "
                "of each"
            )
        found[one.study_hash] = one
    return found


def _read(name: str, condition: Condition, blocks: Sequence[Study]) -> Choices:
    log = read_given_log(name)
    counts: dict[Patients, dict[str, list[int]]] = {}
    studies: dict[str, Study] = {study.hash: study for study in blocks}
    hashes = set()
    for sample in log.samples or ():
        kept = getattr((sample.scores or {}).get("answers"), "metadata", None) or {}
        metadata = sample.metadata or {}
        if "choice" not in kept or "study_hash" not in metadata:
            continue
        _check(name, metadata, condition, studies)
        study = studies[metadata["study_hash"]]
        hashes.add(study.hash)
        if kept["choice"] not in CHOICES:
            continue
        dilemma = study.dilemma_from(metadata)
        width = 3 if condition == "coin_flip" else 2
        by_order = counts.setdefault(
            _patients(dilemma), {order: [0] * width for order in ("ab", "ba")}
        )
        by_order[metadata["order"]][CHOICES.index(kept["choice"])] += 1
    if not hashes:
        raise UserError(f"revealed: {name} is not {_TASKS} with samples and scores")
    if not counts:
        raise UserError(f"revealed: {name} holds no choice")
    return Choices(name, log.eval.model, hashes.pop(), counts)


def _check(
    name: str, metadata: dict[str, Any], condition: Condition, studies: dict[str, Study]
) -> None:
    if metadata["condition"] != condition:
        raise UserError(
            f"revealed: {name} is a run of {metadata['condition']}, and people are to be predicted "
            f"in {condition}; give a log of that, or condition={metadata['condition']}"
        )
    if metadata["study_hash"] not in studies:
        known = {study.id for study in studies.values()}
        what = metadata.get("study", "?")
        where = "with other content than installed" if what in known else "of another study"
        raise UserError(
            f"revealed: {name} is a run of {what} {where}; predicted are {', '.join(sorted(known))}"
        )
    if metadata.get("mechanism", "coin") not in ("coin", "none"):
        raise UserError(
            f"revealed: {name} offered another way out than a coin; people were offered a coin"
        )
    if metadata.get("readout", "sample") != "sample":
        raise UserError(
            f"revealed: {name} holds probabilities (readout={metadata['readout']}); give a log of "
            "sampled answers"
        )


def _patients(dilemma: Dilemma) -> Patients:
    return dilemma.first.values, dilemma.second.values
