"""The parts of a score that the scorers of all tasks share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from inspect_ai.scorer import Score

from kidney_evals.elicitation.transcripts import Readings
from kidney_evals.errors import UserError
from kidney_evals.studies import Order, Study, load_study

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference

T = TypeVar("T")

BLANK = ""
"""A sample's value for a row that is not defined for single samples.

Inspect requires a value for every row of a scorer in each sample. The viewer hides a blank value,
but shows None as `null`.
"""

Values = dict[str, str | int | float | bool | None]
"""The values of a sample's score: of each row of the log and each column of the sample list."""


def main_score(scores: Mapping[str, Score] | None) -> Score | None:
    """Return a sample's score by its task's scorer; None if the sample was not scored."""
    names = ("human_alignment", "stated", "predictions")
    return next((scores[name] for name in names if scores and name in scores), None)


def people_of(metadata: Mapping[str, Any], any_reference: bool) -> tuple[Study, Reference]:
    """Return the study and the human reference of a sample.

    Args:
        metadata: The sample's metadata.
        any_reference: Whether to accept another version of the study or the human tables.

    Raises:
        UserError: The study cannot be read, or the installed versions differ from those of the
            sample's run and `any_reference` is False.
    """
    from kidney_evals.human.reference import load_reference

    study = load_study(metadata["study_source"])
    reference = load_reference(study, metadata["condition"])
    for what, now, then in (
        ("study", study.hash, metadata["study_hash"]),
        ("human reference", reference.sha256, metadata["reference"].split("+")[-1]),
    ):
        if now != then and not any_reference:
            raise UserError(
                f"this log was run with another {what} ({then[:12]}, now {now[:12]}); install the "
                "version of kidney-evals that made it, or allow it with any_reference=true"
            )
    return study, reference


def departures_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return how a sample's calls differ from the task's defaults, as metadata of its score.

    `departures` has the changed generation settings, `answered_by` other models that answered. A
    key without content is left out.
    """
    names = {"departures": "sampling_departures", "answered_by": "answered_by"}
    return {name: str(metadata[key]) for name, key in names.items() if metadata.get(key)}


def turned(values: Sequence[T], order: Order) -> Sequence[T]:
    """Convert values as listed to values as shown in `order`, or the reverse.

    Args:
        values: The values of the two candidates, then others (of the coin), which keep their place.
        order: The order in which the candidates are shown.
    """
    return values if order == "ab" else [*values[1::-1], *values[2:]]


def first_answer(readings: Readings[Any] | None) -> str:
    """Return a sentence on the first answer if the question was asked twice, else nothing."""
    if readings is None or readings.asked == 1:
        return ""
    return f"\nAsked twice: the first answer was {readings.first.outcome}."


def reading_text(words: str, how: str, readings: Readings[Any] | None) -> str:
    """Return a sentence on how an answer was parsed, and on the first answer if asked twice.

    Args:
        words: The answer or the outcome, in words.
        how: The text that was read, or the reason why nothing was read; empty if no answer came
            back.
        readings: The readings of the sample's answers; None without an answer.
    """
    how = plain(how or "no answer came back (error)")
    return f"Read as **{words}**: {how}.{first_answer(readings)}"


def table(rows: Sequence[Sequence[str]], rule: str = "") -> str:
    """Return a Markdown table.

    Args:
        rows: The cells of each row; the first row is the head.
        rule: The line below the head, which aligns the columns; by default all to the left.
    """
    # The viewer shows tables without space between cells: an em space, and a word joiner that keeps
    # Markdown from trimming it.
    lines = ["".join(f"| {cell}\u2003\u2060 " for cell in row) + "|" for row in rows]
    return "\n".join([lines[0], rule or "|---" * len(rows[0]) + "|", *lines[1:]])


def plain(text: str) -> str:
    """Return `text` on one line with Markdown escaped, but not HTML, which the viewer escapes."""
    folded = " ".join(text.split()).rstrip(".")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", folded)
