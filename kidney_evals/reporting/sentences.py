"""Summarise a run in plain sentences, and name the largest influence on its first headline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import MEASURES, headlines, predictions, stated
from kidney_evals.measures.readability import OUTCOMES
from kidney_evals.reporting.rows import Rows
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.text import listed, number, percent, templates

if TYPE_CHECKING:
    from jinja2 import Template

    from kidney_evals.estimation.paired import PairedDifference
    from kidney_evals.measures.run import Run

NO_PEOPLE: Final = (
    "No people were asked for stated weights; people's figures are what their choices reveal."
)

_WIDE: Final = 0.15
"""Half width above which an importance interval is too wide to confirm the human value."""

_LEVEL: Final = 0.01
"""Significance level of the tests of order and wording, strict because a report makes many."""

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
    rules = [row for row in stated.RULES if row in rows and rows[row].defined]
    most = max(rules, key=lambda row: rows[row].value, default="")
    importance = _shares(rows, "imp_")
    text = _template().render(
        rows=rows,
        task=condition,
        headline=headlines(condition)[0].id,
        kinds=_beside_people(importance),
        importance=_weights(importance),
        weights=_weights(_shares(rows, "st_")),
        rule=(stated.RULES[most][-1], rows[most].value) if most else (),
        outcomes=stated.OUTCOMES if condition == "stated_values" else predictions.OUTCOMES,
    )
    return " ".join(text.split()) or "Too few answers to say anything."


@lru_cache(maxsize=1)
def _template() -> Template:
    names = {"percent": percent, "number": number, "unanswered": unanswered, "listed": listed}
    return templates("", {**names, "NO_PEOPLE": NO_PEOPLE}).get_template("sentence.txt")


def _beside_people(shares: Mapping[str, Quantity]) -> dict[str, list[str]]:
    """Return the attributes by how their importance differs from people's, if that is known."""
    kinds: dict[str, list[str]] = {}
    for name, row in shares.items():
        # A deterministic rule has no interval.
        low, high = (row.value if math.isnan(end) else end for end in (row.low, row.high))
        words = f"{name} ({row.value:+.2f}, people {row.human:+.2f})"
        if math.isnan(row.human):
            continue
        if low <= row.human <= high:
            kind, words = "unsure" if (high - low) / 2 > _WIDE else "like", name
        elif row.value * row.human < 0 and not low <= 0 <= high:
            kind = "against"
        else:
            kind = "more" if abs(row.value) > abs(row.human) else "less"
        kinds.setdefault(kind, []).append(words)
    return kinds


def _shares(rows: Mapping[str, Quantity], family: str) -> dict[str, Quantity]:
    """Return the defined measures of a family by attribute."""
    return {
        id.removeprefix(family).replace("_", " "): row
        for id in rows
        if id.startswith(family) and id not in MEASURES and (row := rows[id]).defined
    }


def _weights(shares: Mapping[str, Quantity]) -> str:
    """Return signed shares beside the human shares, the largest first."""
    return ", ".join(
        f"{name} {row.value:+.2f}"
        + ("" if math.isnan(row.human) else f" (people {row.human:+.2f})")
        for name, row in sorted(shares.items(), key=lambda item: -abs(item[1].value))
    )


def moves_sentence(run: ModelRun) -> str:
    """Return a sentence on the largest clear influence on a run's first headline, else on order."""
    headline, rows = headlines(run.panel.task)[0], run.rows
    if headline.id not in ("flip_rate", "agreement"):
        return ""
    moves: list[tuple[float, str]] = []
    bounds = rows.bounds(headline.id)
    if bounds is not None and bounds.n and not math.isnan(bounds.low):
        span = f"{number(bounds.low)} to {number(bounds.high)}"
        says = f"its {bounds.n} unanswered samples, which leave anything from {span} possible"
        moves.append((bounds.high - bounds.low, says))
    first, last = rows.first(headline.id), rows.get(headline.id)
    if first is not None and last is not None and not last.low <= first.value <= last.high:
        says = f"asking again, which took it from {number(first.value)} to {number(last.value)}"
        moves.append((abs(last.value - first.value), says))
    changes = [] if run.run is None else list(_changes(run.run, run.facts, headline.id))
    moves += [(abs(one.change.value), says) for one, says in changes if one.p_value < _LEVEL]
    moves = [move for move in moves if not math.isnan(move[0])]
    if moves:
        return f"What would change its {headline.label} most: {max(moves)[1]}."
    if not changes or "order" not in changes[0][1]:
        return ""
    if changes[0][0].change.value == 0:
        return f"The same {headline.label} in both orders of the patients."
    return f"No clear difference in {headline.label} by {changes[0][1]}."


def _changes(run: Run, facts: Mapping[str, Any], id: str) -> Iterator[tuple[PairedDifference, str]]:
    """Yield the paired change of a measure between two orders, and between two wordings."""
    from kidney_evals.measures import change
    from kidney_evals.measures.run import part_of

    parts = {"the order of the patients": {"one": run.order == 0, "the other": run.order == 1}}
    names = sorted(facts.get("wordings") or ())
    if run.wording is not None and run.crossed and len(names) == int(run.wording.max()) + 1:
        parts["the wording"] = {name: run.wording == index for index, name in enumerate(names)}
    for what, masks in parts.items():
        for (one, first), (two, second) in combinations(masks.items(), 2):
            if not first.any() or not second.any() or (id == "flip_rate" and run.borrows_coin):
                continue
            before, after = (replace(part_of(run, part), crossed=False) for part in (first, second))
            try:
                found = change(before, after, id)
            except InputError:
                # No dilemma was asked in both parts, so there are no pairs.
                continue
            if not math.isnan(found.change.value):
                values = f"{number(found.first)} in {one}, {number(found.second)} in {two}"
                yield found, f"{what}, {values}"
