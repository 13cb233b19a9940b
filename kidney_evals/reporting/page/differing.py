"""The section on which models can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kidney_evals.reporting.comparing.differences import (
    ModelDifference,
    not_paired,
    paired_differences,
)
from kidney_evals.reporting.page.panels import Place
from kidney_evals.reporting.page.parts import P_VALUE, Figure, Section, columns, slug

TOLD: Final = 6
"""Sentences that stand in the open, the clearest differences first; all are in the table."""


def differences_section(places: Sequence[Place]) -> Section:
    """Return the differences of all pairs of models, in pairs over shared dilemmas."""
    figures: list[Figure] = []
    left_out: list[str] = []
    for place in places:
        found = paired_differences(place.runs)
        left_out += not_paired(place.runs)
        if not found:
            continue
        figures.append(_figure(place, found))
    absent = "" if figures else "No two runs here were asked the same."
    return Section(
        "differences",
        "Which models can be told apart",
        "Every pair of models on the dilemmas that both answered, so that values may differ a "
        "little from those above. People's value of agreement is a random person's. Clear is what "
        "holds at 5 % when all pairs and quantities under one heading are counted (Holm's "
        "method); where nothing is clear, models may still differ by less than these runs can "
        "see.",
        tuple(figures),
        absent,
        tuple(dict.fromkeys(left_out)),
    )


def _clearness(one: ModelDifference) -> tuple[float, float]:
    return one.found.adjusted, -abs(one.found.found.change.value)


def _figure(place: Place, found: Sequence[ModelDifference]) -> Figure:
    measured = [one for one in found if not one.found.why]
    clear = sorted((one for one in found if one.clear), key=_clearness)
    return Figure(
        slug("differences", place.id),
        f"Pairs of models: {place.title}",
        f"{len(clear)} of {len(measured)} differences {'is' if len(measured) == 1 else 'are'} clear"
        + (
            f", {len(found) - len(measured)} could not be measured"
            if len(measured) < len(found)
            else ""
        )
        + (f"; the {TOLD} clearest in words:" if len(clear) > TOLD else "."),
        (),
        columns(
            [
                (
                    one.sentence,
                    one.first,
                    one.second,
                    one.found.label,
                    one.found.found.first,
                    one.found.found.second,
                    *one.found.found.change[:3],
                    one.found.adjusted,
                    one.found.found.change.n,
                )
                for one in found
            ],
            "in words",
            "one",
            "the other",
            "quantity",
            "one's",
            "the other's",
            "difference",
            "low",
            "high",
            P_VALUE,
            "dilemmas",
        ),
        tuple(one.sentence for one in clear[:TOLD]),
    )
