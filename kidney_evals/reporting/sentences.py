"""Summarise a run in plain sentences: of choices by its card, of other tasks by a template."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from kidney_evals.card.numbers import number
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import MEASURES, predictions, stated
from kidney_evals.measures.readability import OUTCOMES
from kidney_evals.reporting.rows import Rows
from kidney_evals.reporting.text import NOBODY
from kidney_evals.studies import CONDITIONS
from kidney_evals.templates import templates

if TYPE_CHECKING:
    from jinja2 import Template

NO_PEOPLE: Final = (
    "No people were asked for stated weights; people's figures are what their choices reveal."
)

_UNREAD: Final = (
    "Without the scores of its samples only the measures in the log are known; `kidney-evals "
    "rescore` scores them."
)

_OUTCOME_WORDS: Final = {
    "unprompted_indecision": ("undecided unasked", "undecided unasked"),
    "refusal": ("refusal", "refusals"),
    "truncated": ("cut off", "cut off"),
    "empty": ("empty", "empty"),
    "unreadable": ("unreadable", "unreadable"),
    "error": ("error", "errors"),
}
"""Labels of the outcomes without a decision, singular and plural."""


def unanswered(rows: Mapping[str, Quantity], outcomes: Mapping[str, str] = OUTCOMES) -> str:
    """Return the frequency of each outcome without a decision, in brackets; empty for none."""
    counts = []
    for outcome, id in outcomes.items():
        row = rows.get(id)
        if row is not None and row.defined and (count := round(row.value * row.n)):
            counts.append(f"{count} {_OUTCOME_WORDS[outcome][count > 1]}")
    return f" ({', '.join(counts)})" if counts else ""


def sentence(rows: Rows, condition: str) -> str:
    """Return a summary of a run in a few sentences; `sentence.txt` holds the texts.

    `condition` is that of the run; for other tasks, `asks` in the metadata.
    """
    if condition in CONDITIONS:
        return _UNREAD if rows.card is None else rows.card.summary
    rules = [row for row in stated.RULES if row in rows and rows[row].defined]
    most = max(rules, key=lambda row: rows[row].value, default="")
    text = _template().render(
        rows=rows,
        task=condition,
        weights=_stated_shares(rows),
        rule=(stated.RULES[most][-1], rows[most].value) if most else (),
        outcomes=stated.OUTCOMES if condition == "stated_values" else predictions.OUTCOMES,
    )
    return " ".join(text.split()) or "Too few answers to say anything."


@lru_cache(maxsize=1)
def _template() -> Template:
    words = {"NO_PEOPLE": NO_PEOPLE, "NOBODY": NOBODY}
    names = {"number": number, "unanswered": unanswered, **words}
    return templates("reporting", "", names, trim=False).get_template("sentence.txt")


def _stated_shares(rows: Rows) -> str:
    """Return the signed shares that were stated, beside the human shares, the largest first."""
    stated = [(id, rows[id]) for id in rows if id.startswith("st_") and id not in MEASURES]
    shown = sorted((one for one in stated if one[1].defined), key=lambda one: -abs(one[1].value))
    return ", ".join(
        f"{id.removeprefix('st_').replace('_', ' ')} {row.value:+.2f}"
        + ("" if math.isnan(row.human) else f" (people {row.human:+.2f})")
        for id, row in shown
    )
