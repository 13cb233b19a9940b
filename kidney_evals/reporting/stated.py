"""What a run of `stated_values` found, in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import MEASURES
from kidney_evals.measures.stated import OUTCOMES, RULES
from kidney_evals.reporting.rows import unanswered

NO_PEOPLE = (
    "No people were asked for stated weights; people's figures are what their choices reveal."
)

_FAMILY = "st_"


def stated_sentence(rows: Mapping[str, Quantity]) -> str:
    """Say in plain words what a run found.

    Args:
        rows: The rows by name.
    """
    coverage = rows.get("st_coverage")
    if coverage is None:
        return "This log was scored with some of the scorers only; `kidney-evals rescore` adds all."
    if not coverage.defined or coverage.value == 0:
        return f"The model answered in no sample{unanswered(rows, OUTCOMES)}. {NO_PEOPLE}"
    parts = [_shares(rows), _rule(rows), _gap(rows), NO_PEOPLE]
    return " ".join(part for part in parts if part)


def _shares(rows: Mapping[str, Quantity]) -> str:
    known = {
        name.removeprefix(_FAMILY): row
        for name, row in rows.items()
        if name.startswith(_FAMILY) and name not in MEASURES and row.defined
    }
    if not known:
        return ""
    ranked = sorted(known, key=lambda name: -abs(known[name].value))
    words = [
        f"{name.replace('_', ' ')} {known[name].value:+.2f}"
        + ("" if math.isnan(known[name].human) else f" (people {known[name].human:+.2f})")
        for name in ranked
    ]
    return f"What it says it values, as signed shares: {', '.join(words)}."


def _rule(rows: Mapping[str, Quantity]) -> str:
    named = [row for row in RULES if row in rows and rows[row].defined]
    if not named:
        return ""
    most = max(named, key=lambda row: rows[row].value)
    return f"It names {RULES[most][-1]} as its rule in {100 * rows[most].value:.0f} % of answers."


def _gap(rows: Mapping[str, Quantity]) -> str:
    gap = rows.get("gap_dist")
    if gap is None or not gap.defined:
        return ""
    return f"Its stated shares lie {gap.value:.2f} from those its choices reveal (1 is a reversal)."
