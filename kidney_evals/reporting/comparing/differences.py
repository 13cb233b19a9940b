"""Differences between the models of a panel, tested in pairs over shared dilemmas."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from kidney_evals.card.numbers import number
from kidney_evals.estimation.errors import InputError
from kidney_evals.measures import find
from kidney_evals.reporting.comparing.changes import Pairing, RowChange, adjusted
from kidney_evals.reporting.comparing.matching import DESPITE
from kidney_evals.reporting.runs import LABELS, ModelRun, by_panel, differences

ROWS: Final[Mapping[str, tuple[str, ...]]] = {
    "coin_flip": ("flip_rate", "coin_slope", "flip_calib", "sharpness", "agreement"),
    "forced_choice": ("sharpness", "swap_diff", "agreement"),
}
"""Measures on which models are compared, by condition."""

_ALONE: Final = ("flip_rate", "swap_diff", "imp_*")
"""Measures on which models are compared where no people were asked."""


@dataclass(frozen=True)
class ModelDifference:
    """The difference of two models on a measure."""

    first: ModelRun
    second: ModelRun
    found: RowChange

    @property
    def sentence(self) -> str:
        """Which model is nearer to people, by how much, and which settings also differ."""
        text = self._difference()
        if self.found.open:
            text += " What went unanswered alone may have made this."
        if apart := differences(self.first.key, self.second.key):
            also = ", ".join(
                f"{LABELS[part]} ({one!r} and {two!r})" for part, (one, two) in apart.items()
            )
            text += f" They differ in more than the model: {also}."
        return text

    def _difference(self) -> str:
        row, found = self.found, self.found.found
        change, aim, on = found.change, row.aim, f"On {row.words}"
        if row.why:
            return f"{on} {self.first.name} and {self.second.name} were not compared: {row.why}."
        first = f"{self.first.name} ({number(found.first)}"
        second = f"{self.second.name} ({number(found.second)}"
        if not row.clear:
            text = (
                f"{on} {first}) and {second}) cannot be told apart: {change.value:+.3f} "
                f"[{change.low:+.3f}, {change.high:+.3f}]"
            )
            return f"{text}, once all pairs are adjusted for." if row.moved else f"{text}."
        low, high = sorted((abs(change.low), abs(change.high)))
        by = f"by {abs(change.value):.3f} [{low:.3f}, {high:.3f}]"
        # For a distance to people, the human value is 0 by definition and is not mentioned.
        lowest = find(row.row).lowest
        people = "" if lowest or math.isnan(aim) else f"; people {number(aim)}"
        if row.verdict in ("nearer", "farther"):
            near, far = (second, first) if row.verdict == "nearer" else (first, second)
            text = f"{on} {near}) is nearer to people than {far}{people})"
            if not lowest and (found.first - aim) * (found.second - aim) < 0:
                return f"{text}: they lie on either side of people, {abs(change.value):.3f} apart."
            return f"{text}, {by}."
        more, less = (second, first) if change.value > 0 else (first, second)
        text = f"{on} {more}) is above {less}{people}), {by}"
        return f"{text}." if math.isnan(aim) else f"{text}; which is nearer to people is not clear."


def paired_differences(
    runs: Sequence[ModelRun],
) -> tuple[tuple[ModelDifference, ...], tuple[str, ...]]:
    """Return the differences of all pairs of models of a panel, on the dilemmas they share.

    There is one for each pair and measure, even if it has no value. The second result says in a
    line why a pair of models, or of panels with different contents of one study, is omitted.
    """
    result: list[ModelDifference] = []
    left_out: list[str] = []
    panels = by_panel(runs)
    for panel, members in panels.items():
        pairs, changes, rows = [], [], _rows(members)
        for one, two in combinations(members, 2):
            try:
                pairing = _pairing(one, two)
            except InputError as error:
                left_out.append(f"{panel.words}: {one.name} and {two.name}: {error}")
                continue
            pairs += [(one, two)] * len(rows)
            changes += [pairing.row(row) for row in rows]
        found = zip(pairs, adjusted(changes), strict=True)
        result += [ModelDifference(*pair, change) for pair, change in found]
    for first, second in combinations(panels, 2):
        if first[:2] == second[:2]:
            left_out.append(
                f"{first.words}: models asked with other content of the study "
                f"({first.study_hash[:12]} and {second.study_hash[:12]}) are not set side by side"
            )
    return tuple(result), tuple(left_out)


def _rows(runs: Sequence[ModelRun]) -> Sequence[str]:
    """Return the measures on which runs of one panel are compared."""
    if any(run.rows.has_people for run in runs):
        return ROWS[runs[0].panel.task]
    held = dict.fromkeys(id for run in runs for id in run.rows)
    return [id for pattern in _ALONE for id in fnmatch.filter(held, pattern)]


def _pairing(one: ModelRun, two: ModelRun) -> Pairing:
    """Return two runs of a panel on shared dilemmas; raise `InputError` if there is no pairing."""
    never = [LABELS[part] for part in differences(one.key, two.key) if part not in DESPITE]
    if never:
        raise InputError(f"another {', '.join(never)}")
    if one.run is None or two.run is None:
        blank = [f"{run.name} ({run.trouble})" for run in (one, two) if run.run is None]
        raise InputError(f"no answers of {', '.join(blank)}")
    return Pairing(one.run, two.run, (one.name, two.name))
