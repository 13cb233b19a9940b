"""Differences between the models of a panel, tested in pairs over shared dilemmas."""

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
"""Measures on which models are compared, by condition."""


@dataclass(frozen=True)
class ModelDifference:
    """The difference of two models on a measure.

    Attributes:
        panel: The panel that both models answered.
        first: Name of the first model.
        second: Name of the second model.
        found: The difference, second minus first; its p-value is adjusted by Holm over all pairs
            and rows of the panel.
        apart: Parts of the two runs' keys that also differ, with both values.
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
        """Whether the difference is significant, adjusted over all pairs and rows of the panel."""
        return self.found.clear

    @property
    def verdict(self) -> Verdict:
        """The class of the difference; "unclear" if it is not significant after adjustment."""
        return self.found.verdict if self.clear or self.found.why else "unclear"

    @property
    def sentence(self) -> str:
        """Which model is nearer to people, by how much, and which settings also differ."""
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
    """Return the differences of all pairs of models of a panel, on the dilemmas they share.

    Args:
        runs: Any runs. The runs of a panel are paired in their order; `not_paired` lists the pairs
            that are left out.
        rows: Ids of the measures by condition.

    Returns:
        One difference per panel, pair and row, in this order, including rows without a value.
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
    """Return a line for each pair of models of a condition that `paired_differences` omits."""
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
    """Yield each pair of a panel's runs with its pairing, or with the reason why there is none."""
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
    # For a distance to people, the human value is 0 by definition and is not mentioned.
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
