"""Which models of a panel can be told apart, in pairs over the dilemmas they share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.nonlinearity import holm
from kidney_evals.measures import find
from kidney_evals.measures.verdict import Verdict
from kidney_evals.reporting.comparing.matching import DESPITE
from kidney_evals.reporting.key import LABELS, differences
from kidney_evals.reporting.runs import ModelRun, Panel, by_panel
from kidney_evals.reporting.text import number

if TYPE_CHECKING:
    from kidney_evals.reporting.comparing.changes import RowChange

ROWS: Final[Mapping[str, tuple[str, ...]]] = {
    "coin_flip": ("flip_rate", "flip_calib", "distance", "agreement", "share_dist"),
    "forced_choice": ("agreement", "distance", "share_dist", "swap_diff"),
}
"""Rows that models are told apart by, by condition."""


@dataclass(frozen=True)
class ModelDifference:
    """A row of two models.

    Attributes:
        panel: What both were asked.
        first: A model's name.
        second: Another's.
        found: The row, second less first; its p-value is adjusted by Holm over all pairs and rows
            of the panel.
        apart: Parts of their keys that differ as well, with both values.
    """

    panel: Panel
    first: str
    second: str
    found: RowChange
    apart: Mapping[str, tuple[str, str]]

    @property
    def row(self) -> str:
        """The row's name."""
        return self.found.row

    @property
    def clear(self) -> bool:
        """Whether the two can be told apart on it, all pairs and rows of the panel considered."""
        return self.found.clear

    @property
    def verdict(self) -> Verdict:
        """What the second is beside the first; "unclear" where they cannot be told apart."""
        return self.found.verdict if self.clear or self.found.why else "unclear"

    @property
    def sentence(self) -> str:
        """Say which of the two is nearer to people and by how much, with what else differs."""
        told = _sentence(self)
        if self.found.open:
            told += " What went unanswered alone may have made this."
        if self.apart:
            also = ", ".join(
                f"{LABELS[part]} ({one!r} and {two!r})" for part, (one, two) in self.apart.items()
            )
            told += f" They differ in more than the model: {also}."
        return told


def paired_differences(
    runs: Sequence[ModelRun], rows: Mapping[str, Sequence[str]] = ROWS
) -> tuple[ModelDifference, ...]:
    """Return the differences of every pair of models of a panel, on the dilemmas they share.

    Args:
        runs: Any runs. Those of one panel are paired in their order; see `not_paired` for which
            pairs are left out.
        rows: Rows by condition.

    Returns:
        Panel by panel, pair by pair, every row, also those that were not measured.
    """
    from kidney_evals.reporting.comparing.changes import Pairing

    result: list[ModelDifference] = []
    for panel, members in by_panel(runs).items():
        found = []
        for one, two, why in _pairs(panel, members):
            if why:
                continue
            pairing = Pairing.of_models(one, two, (one.name, two.name))
            apart = differences(one.key, two.key)
            found += [
                ModelDifference(panel, one.name, two.name, pairing.row(row), apart)
                for row in rows[panel.task]
            ]
        values = holm([one.found.found.p_value for one in found])
        result += [
            replace(one, found=replace(one.found, adjusted=value))
            for one, value in zip(found, values, strict=True)
        ]
    return tuple(result)


def not_paired(runs: Sequence[ModelRun]) -> tuple[str, ...]:
    """Return a line for each pair of models of a condition that `paired_differences` leaves out."""
    lines = []
    for panel, members in by_panel(runs).items():
        for one, two, why in _pairs(panel, members):
            if why:
                lines.append(f"{panel.task}, {panel.study}: {one.name} and {two.name}: {why}")
    panels = sorted({run.panel for run in runs if run.panel.task in ROWS})
    for first, second in combinations(panels, 2):
        if first[:2] == second[:2]:
            lines.append(
                f"{first.task}, {first.study}: models asked with other content of the study "
                f"({first.study_hash[:12]} and {second.study_hash[:12]}) are not set side by side"
            )
    return tuple(lines)


def _pairs(panel: Panel, members: Sequence[ModelRun]) -> Iterator[tuple[ModelRun, ModelRun, str]]:
    """Yield the pairs of a panel, and why one cannot be compared; empty where it can."""
    if panel.task not in ROWS:
        return
    for one, two in combinations(members, 2):
        never = [part for part in differences(one.key, two.key) if part not in DESPITE]
        if never:
            yield one, two, f"another {', '.join(LABELS[part] for part in never)}"
            continue
        blank = [f"{run.name} ({run.trouble})" for run in (one, two) if run.run is None]
        yield one, two, f"no answers of {', '.join(blank)}" if blank else _unshared(one, two)


def _unshared(one: ModelRun, two: ModelRun) -> str:
    from kidney_evals.measures.run import on_shared

    assert one.run is not None and two.run is not None
    try:
        on_shared(one.run, two.run)
    except InputError as error:
        return str(error)
    return ""


def _sentence(one: ModelDifference) -> str:
    found, change = one.found.found, one.found.found.change
    label = one.found.words
    if one.found.why:
        return f"On {label} {one.first} and {one.second} were not compared: {one.found.why}."
    if not one.clear:
        told = (
            f"On {label} {one.first} ({number(found.first)}) and {one.second} "
            f"({number(found.second)}) cannot be told apart: {change.value:+.3f} "
            f"[{change.low:+.3f}, {change.high:+.3f}]"
        )
        return f"{told}, once all pairs are adjusted for." if one.found.moved else f"{told}."
    low, high = sorted((abs(change.low), abs(change.high)))
    by = f"by {abs(change.value):.3f} [{low:.3f}, {high:.3f}]"
    values = {one.first: found.first, one.second: found.second}
    # That people lie at 0 of a distance from them goes without saying.
    measured = isinstance(find(one.row).aim, str) and not math.isnan(one.found.aim)
    people = f"; people {number(one.found.aim)}" if measured else ""
    if one.verdict in ("nearer", "farther"):
        near, far = (one.second, one.first) if one.verdict == "nearer" else (one.first, one.second)
        told = f"On {label} {near} ({number(values[near])}) is nearer to people than {far} "
        told += f"({number(values[far])}{people})"
        if _across(one):
            return f"{told}: they lie on either side of people, {abs(change.value):.3f} apart."
        return f"{told}, {by}."
    more, less = (one.second, one.first) if change.value > 0 else (one.first, one.second)
    told = f"On {label} {more} ({number(values[more])}) is above {less} ({number(values[less])}"
    told += f"{people}), {by}"
    aimless = math.isnan(one.found.aim)
    return f"{told}." if aimless else f"{told}; which is nearer to people is not clear."


def _across(one: ModelDifference) -> bool:
    """Whether people lie between the two."""
    aim, found = one.found.aim, one.found.found
    return not one.found.edge and (found.first - aim) * (found.second - aim) < 0
