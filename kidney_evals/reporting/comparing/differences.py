"""Which models of a panel can be told apart, in pairs over the dilemmas they share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from kidney_evals.estimation.errors import InputError
from kidney_evals.measures import find
from kidney_evals.measures.verdict import Verdict
from kidney_evals.reporting.comparing.changes import Pairing, RowChange, adjusted
from kidney_evals.reporting.comparing.matching import DESPITE
from kidney_evals.reporting.key import LABELS, differences
from kidney_evals.reporting.runs import ModelRun, Panel, by_panel
from kidney_evals.reporting.text import number

ROWS: Final[Mapping[str, tuple[str, ...]]] = {
    "coin_flip": ("flip_rate", "flip_calib", "distance", "agreement", "share_dist"),
    "forced_choice": ("agreement", "distance", "share_dist", "swap_diff"),
}
"""Rows that models are told apart by, by condition."""


@dataclass(frozen=True)
class ModelDifference:
    """The difference of two models on a measure.

    Attributes:
        panel: What both were asked.
        first: A model's name.
        second: Another's.
        found: The difference, second less first; its p-value is adjusted by Holm over all pairs
            and rows of the panel.
        apart: Parts of their keys that differ as well, with both values.
    """

    panel: Panel
    first: str
    second: str
    found: RowChange
    apart: Mapping[str, tuple[str, str]]

    @property
    def row(self) -> str:
        """The measure's id."""
        return self.found.row

    @property
    def clear(self) -> bool:
        """Whether the two can be told apart on it, all pairs and rows of the panel considered."""
        return self.found.clear

    @property
    def verdict(self) -> Verdict:
        """The difference in a word; "unclear" where the two cannot be told apart."""
        return self.found.verdict if self.clear or self.found.why else "unclear"

    @property
    def sentence(self) -> str:
        """Say which of the two is nearer to people and by how much, with what else differs."""
        text = _sentence(self)
        if self.found.open:
            text += " What went unanswered alone may have made this."
        if self.apart:
            also = ", ".join(
                f"{LABELS[part]} ({one!r} and {two!r})" for part, (one, two) in self.apart.items()
            )
            text += f" They differ in more than the model: {also}."
        return text


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
    result: list[ModelDifference] = []
    for panel, members in by_panel(runs).items():
        found = [
            (one, two, pairing.row(row))
            for one, two, pairing in _pairs(panel, members)
            if not isinstance(pairing, str)
            for row in rows[panel.task]
        ]
        changes = adjusted([change for *_, change in found])
        result += [
            ModelDifference(panel, one.name, two.name, change, differences(one.key, two.key))
            for (one, two, _), change in zip(found, changes, strict=True)
        ]
    return tuple(result)


def not_paired(runs: Sequence[ModelRun]) -> tuple[str, ...]:
    """Return a line for each pair of models of a condition that `paired_differences` leaves out."""
    lines = [
        f"{panel.words}: {one.name} and {two.name}: {why}"
        for panel, members in by_panel(runs).items()
        for one, two, why in _pairs(panel, members)
        if isinstance(why, str)
    ]
    panels = sorted({run.panel for run in runs if run.panel.task in ROWS})
    for first, second in combinations(panels, 2):
        if first[:2] == second[:2]:
            lines.append(
                f"{first.words}: models asked with other content of the study "
                f"({first.study_hash[:12]} and {second.study_hash[:12]}) are not set side by side"
            )
    return tuple(lines)


def _pairs(
    panel: Panel, members: Sequence[ModelRun]
) -> Iterator[tuple[ModelRun, ModelRun, Pairing | str]]:
    """Yield the pairs of a panel, each with its pairing or the reason why there is none."""
    for one, two in combinations(members if panel.task in ROWS else (), 2):
        never = [part for part in differences(one.key, two.key) if part not in DESPITE]
        blank = [f"{run.name} ({run.trouble})" for run in (one, two) if run.run is None]
        if never:
            yield one, two, f"another {', '.join(LABELS[part] for part in never)}"
        elif one.run is None or two.run is None:
            yield one, two, f"no answers of {', '.join(blank)}"
        else:
            try:
                yield one, two, Pairing(one.run, two.run, (one.name, two.name))
            except InputError as error:
                yield one, two, str(error)


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
        aim = one.found.aim
        if not one.found.edge and (found.first - aim) * (found.second - aim) < 0:
            return f"{told}: they lie on either side of people, {abs(change.value):.3f} apart."
        return f"{told}, {by}."
    more, less = (one.second, one.first) if change.value > 0 else (one.first, one.second)
    told = f"On {label} {more} ({number(values[more])}) is above {less} ({number(values[less])}"
    told += f"{people}), {by}"
    aimless = math.isnan(one.found.aim)
    return f"{told}." if aimless else f"{told}; which is nearer to people is not clear."
