"""The scorer of `stated_values`, which compares stated with revealed weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from kidney_evals.elicitation.reading import StatedReading, signed_ratings
from kidney_evals.elicitation.stated_questions import STATED_KINDS, attribute_named
from kidney_evals.elicitation.transcripts import Readings, stated_readings_of
from kidney_evals.measures import stored
from kidney_evals.scorers.facts import BLANK, check_same, people_of
from kidney_evals.scorers.markdown import plain, table
from kidney_evals.scorers.metric import rows
from kidney_evals.studies import Study

NO_PEOPLE = (
    "No people were asked for stated weights: people's figures are what their choices reveal."
)
"""Note below every table that shows people's values next to a model's."""

ROWS = stored("stated_values")
FAMILIES = tuple(one for one in ROWS if one.is_family)
SINGLE = tuple(one for one in ROWS if not one.is_family)


# An id that is listed before a pattern that matches it has its own metric.
@scorer(metrics=rows([*SINGLE, *FAMILIES]))
def stated(any_reference: bool = False) -> Scorer:
    """Score every sample of `stated_values`, whatever came back, so that nothing is lost.

    The rows named from the study take their names from the keys of a sample's value; those of
    a revealed log are there only where one was given.

    Args:
        any_reference: Whether to score a log against other human tables than its own.
    """

    async def score(state: TaskState, target: Target) -> Score | None:
        metadata = state.metadata
        if metadata.get("question") not in STATED_KINDS:
            return None
        study, reference = people_of(
            metadata["study_source"], metadata["condition"], metadata["reference"]
        )
        if not any_reference:
            check_same(study, reference, metadata)
        read = stated_readings_of(state)
        first, final = (read.first, read.final) if read else (None, None)
        value: dict[str, str | int | float | bool | None] = {
            "question": metadata["question"],
            "said": in_short(final, metadata),
        }
        value |= dict(_named(final, study, metadata))
        traits = {"revealed"} if "revealed_log" in metadata else set()
        value |= {one.id: BLANK for one in SINGLE if traits.issuperset(one.needs)}
        kept: dict[str, Any] = {
            "outcome": final.outcome if final else "error",
            "epoch": state.epoch,
        }
        if final is not None:
            kept |= {f"said_{name}": said for name, said in _numbers(final, study, metadata)}
            kept |= {"rule": final.rule} if final.rule else {}
        if read is not None and read.asked > 1 and first is not None:
            kept["first_outcome"] = first.outcome
        if metadata.get("sampling_departures"):
            kept["departures"] = metadata["sampling_departures"]
        if metadata.get("answered_by"):
            kept["answered_by"] = metadata["answered_by"]
        if "revealed_model" in metadata:
            kept["other_model"] = str(state.model) != metadata["revealed_model"]
        return Score(
            value=value,
            answer=in_short(final, metadata),
            explanation=explain(read, study, metadata),
            metadata=kept,
        )

    return score


def _numbers(
    reading: StatedReading, study: Study, metadata: dict[str, Any]
) -> Iterator[tuple[str, float]]:
    """Yield name and value of each parsed number, in an order that is the same for all samples."""
    if reading.ends:
        yield from signed_ratings(reading, study, metadata).items()
    else:
        yield from sorted(reading.numbers.items())


def _named(
    reading: StatedReading | None, study: Study, metadata: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield id and value of the rows named from the study; a value begins with its attribute."""
    said: dict[str, str] = {}
    if reading is not None and reading.ends:
        for name, rating in signed_ratings(reading, study, metadata).items():
            said[name] = f" {'+' if rating > 0 else '−' if rating < 0 else ''}{abs(rating):g}"
    if reading is not None and metadata["question"] == "ranking":
        said = {name: f" #{rank:g}" for name, rank in reading.numbers.items()}
    revealed = "revealed_log" in metadata
    for family in FAMILIES:
        for name in study.attribute_ids if revealed or not family.needs else ():
            mark = said.get(name, "") if family.id == "st_*" else ""
            yield family.member(name).id, name + mark


def in_short(reading: StatedReading | None, metadata: Mapping[str, Any]) -> str:
    """Return a summary of the answer that fits into a cell of the sample list.

    The numbers of each attribute have their own columns; other details are in the explanation.
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
    """Return a Markdown table of parsed and people's values, and a sentence on the parsing."""
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
