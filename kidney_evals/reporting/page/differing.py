"""The section on differences between models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kidney_evals.reporting.comparing.differences import (
    ModelDifference,
    not_paired,
    paired_differences,
)
from kidney_evals.reporting.page.panels import Place
from kidney_evals.reporting.page.parts import P_VALUE, Cell, Figure, Section, columns, slug

TOLD: Final = 6
"""Number of sentences shown, the most significant differences first; the table has all."""


def differences_section(places: Sequence[Place]) -> Section:
    """Return the differences of all pairs of models, tested in pairs over shared dilemmas."""
    found = [(place, paired_differences(place.runs)) for place in places]
    left_out = dict.fromkeys(line for place in places for line in not_paired(place.runs))
    figures = tuple(_figure(place, pairs) for place, pairs in found if pairs)
    return Section("differences", figures, tuple(left_out))


def _figure(place: Place, pairs: Sequence[ModelDifference]) -> Figure:
    measured = [one for one in pairs if not one.found.why]
    clear = sorted(
        (one for one in pairs if one.clear),
        key=lambda one: (one.found.adjusted, -abs(one.found.found.change.value)),
    )
    missing = len(pairs) - len(measured)
    says = f"{len(clear)} of {len(measured)} differences {'is' if len(measured) == 1 else 'are'} "
    says += "clear" + (f", {missing} could not be measured" if missing else "")
    says += f"; the {TOLD} clearest in words:" if len(clear) > TOLD else "."
    lines = [_line(one) for one in pairs]
    return Figure(
        slug("differences", place.id),
        f"Pairs of models: {place.title}",
        says,
        (),
        columns(
            lines, "in words", "one", "the other", "quantity", "one's", "the other's",
            "difference", "low", "high", P_VALUE, "dilemmas",
        ),
        tuple(one.sentence for one in clear[:TOLD]),
    )  # fmt: skip


def _line(one: ModelDifference) -> tuple[Cell, ...]:
    row, found = one.found, one.found.found
    names = (one.sentence, one.first, one.second, row.label)
    return *names, *found[1:3], *found.change[:3], row.adjusted, found.change.n
