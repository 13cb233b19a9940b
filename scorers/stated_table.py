"""What a sample of `stated_values` says, in words and as a small Markdown table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kidney_evals.elicitation.reading import StatedReading, signed_ratings
from kidney_evals.elicitation.stated_questions import attribute_named
from kidney_evals.elicitation.transcripts import Readings
from kidney_evals.scorers.markdown import plain, table
from kidney_evals.studies import Study

NO_PEOPLE = (
    "No people were asked for stated weights: people's figures are what their choices reveal."
)
"""Stands below every table that shows people beside a model."""


def in_short(reading: StatedReading | None, metadata: Mapping[str, Any]) -> str:
    """Return what was read in so few letters that a cell of the sample list holds them.

    What each attribute got stands in columns of its own; the rest is in the explanation.
    """
    if reading is None:
        return "error"
    if reading.outcome != "answer":
        return reading.outcome
    if reading.rule:
        return reading.rule
    numbers = reading.numbers
    if metadata["question"] == "ranking":
        return f"{min(numbers, key=lambda name: numbers[name])} first"
    if metadata["question"] == "flip":
        return f"{min(numbers.values()):.0f}\u2013{max(numbers.values()):.0f} %"
    return f"{max(numbers, key=lambda name: numbers[name])} most"


def explain(read: Readings[StatedReading] | None, study: Study, metadata: Mapping[str, Any]) -> str:
    """Return a Markdown table of what was read beside people, and how it was read."""
    if read is None or read.final is None:
        first = f" The first answer was {read.first.outcome}." if read else ""
        return f"No answer came back (error).{first}"
    lines = []
    if read.final.outcome == "answer":
        heads, rows = _table(read.final, study, metadata)
        lines = [table([heads, *rows]), ""]
        lines += [NO_PEOPLE, ""]
    how = f"**{metadata['question']}**, {read.final.outcome}: {plain(read.final.how)}."
    if read.asked > 1:
        how += f"\nAsked twice: the first answer was {read.first.outcome}."
    return "\n".join([*lines, how])


def _table(
    reading: StatedReading, study: Study, metadata: Mapping[str, Any]
) -> tuple[list[str], list[list[str]]]:
    if reading.rule:
        return ["", "Model"], [["Rule", reading.rule]]
    if metadata["question"] == "flip":
        from kidney_evals.human.pair_kinds import people_flips

        people = people_flips(study)
        return ["Pairs", "Model says", "People flip"], [
            [name, f"{value:g} %", _percent(people[name])]
            for name, value in reading.numbers.items()
        ]
    shares = _people(study, metadata)
    if metadata["question"] == "ranking":
        return ["", "Model's rank", "People's share"], [
            [attribute_named(study, name).label, f"{rank:g}", _signed(shares[name])]
            for name, rank in sorted(reading.numbers.items(), key=lambda item: item[1])
        ]
    total = sum(reading.numbers.values())
    return ["", "Model favours", "Rating", "Stated share", "People's share"], [
        [
            attribute_named(study, name).label,
            _end(reading, study, metadata, name),
            f"{reading.numbers[name]:g}",
            _signed(rating / total if total else math.nan),
            _signed(shares[name]),
        ]
        for name, rating in signed_ratings(reading, study, metadata).items()
    ]


def _end(reading: StatedReading, study: Study, metadata: Mapping[str, Any], name: str) -> str:
    end = reading.ends[name]
    if end not in "ab":
        return "neither"
    return attribute_named(study, name).describe(float(metadata[f"end_{end}_{name}"]))


def _people(study: Study, metadata: Mapping[str, Any]) -> dict[str, float]:
    from kidney_evals.human.reference import load_reference

    importance = load_reference(study, metadata["condition"]).importance.tolist()
    return dict(zip(study.attribute_ids, importance, strict=True))


def _signed(share: float) -> str:
    return "not known" if math.isnan(share) else f"{share:+.2f}"


def _percent(share: float) -> str:
    return "not known" if math.isnan(share) else f"{100 * share:.0f} %"
