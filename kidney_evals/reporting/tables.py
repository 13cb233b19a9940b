"""Runs side by side as a table for each question: people, models, baselines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from kidney_evals.errors import unknown
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import MEASURES, find, headlines
from kidney_evals.reporting.key import LABELS, differences
from kidney_evals.reporting.rows import place_of
from kidney_evals.reporting.runs import ModelRun, Panel, by_panel
from kidney_evals.reporting.text import number

BESIDE_HEADLINE: Final[Mapping[str, tuple[str, ...]]] = {
    "forced_choice": ("imp_*", "coverage"),
    "coin_flip": ("agreement", "imp_*", "coverage"),
    "predict_people": ("pred_cover",),
    "stated_values": ("st_coverage",),
}
"""What a paper would print beside the rows of the viewer's header; a star stands for any ending."""

PEOPLE: Final = "people"

MANY: Final = 9
"""From this many quantities on a table lists them downwards, with the runs as columns."""


@dataclass(frozen=True, eq=False)
class PanelTable:
    """The runs of one panel and the rows to be shown of them.

    Attributes:
        panel: What was asked.
        runs: The runs.
        rows: Names of the quantities.
    """

    panel: Panel
    runs: tuple[ModelRun, ...]
    rows: tuple[str, ...]

    @property
    def title(self) -> str:
        """Task and study."""
        return f"{self.panel.task}, {self.panel.study}"

    @property
    def notes(self) -> list[str]:
        """What a reader of the numbers must know, a sentence each."""
        notes = [
            f"{run.name} is partial: {run.found.says}."
            for run in self.runs
            if run.found.state != "finished"
        ]
        notes += [f"{run.name}: {run.remark}" for run in self.runs if run.remark]
        keys = [run.key for run in self.runs]
        differ = dict.fromkeys(name for key in keys for name in differences(keys[0], key))
        if differ:
            parts = " and ".join(LABELS[name] for name in differ)
            notes.append(
                f"These runs differ in {parts}: what lies between them is not of the models alone."
            )
        return notes

    def grid(self) -> list[list[str]]:
        """Return heads and cells as text, with the digits that `kidney-evals show` prints."""
        heads = ["", *(find(row).label for row in self.rows)]
        people = [_range([_human(run, row) for run in self.runs]) for row in self.rows]
        lines = [
            [_marked(run), *(_cell(run.rows.get(row)) for row in self.rows)] for run in self.runs
        ]
        # The longest list first: the others name some of the same.
        lists = sorted((one.baselines for one in MEASURES.values()), key=len, reverse=True)
        names = dict.fromkeys(name for known in lists for name in known)
        baselines = [[name, *self._baseline(name)] for name in names]
        known = [line for line in baselines if set(line[1:]) != {NOTHING}]
        table = [heads, [PEOPLE, *people], *lines, *known]
        return [list(line) for line in zip(*table, strict=True)] if self.is_tall else table

    @property
    def is_tall(self) -> bool:
        """Whether quantities are listed downwards."""
        return len(self.rows) >= MANY

    def _baseline(self, name: str) -> list[str]:
        return [_range([_known(run, row, name) for run in self.runs]) for row in self.rows]


NOTHING: Final = number(math.nan)


def tables_of(
    runs: Iterable[ModelRun], asked: Sequence[str] = (), *, everything: bool = False
) -> tuple[PanelTable, ...]:
    """Return a table for each panel in which there is something to be shown.

    Args:
        runs: The runs.
        asked: Names of rows, or patterns such as `imp_*`; none for those that a paper prints.
        everything: Whether to show every row that says something.

    Raises:
        UserError: Something asked for is no row of any run.
    """
    panels = by_panel(runs)
    known = sorted(
        {row for members in panels.values() for run in members for row in run.rows}, key=place_of
    )
    for name in asked:
        if not _matching([name], known):
            raise unknown("row", name, known)
    made = []
    for panel, members in panels.items():
        held = sorted({row for run in members for row in run.rows}, key=place_of)
        if everything:
            rows = [row for row in held if any(_says_something(run, row) for run in members)]
        else:
            usual = (*(one.id for one in headlines(panel.task)), *BESIDE_HEADLINE[panel.task])
            rows = _matching(asked or usual, held)
        if rows:
            made.append(PanelTable(panel, tuple(members), tuple(rows)))
    return tuple(made)


def _matching(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    found = [name for pattern in patterns for name in names if fnmatchcase(name, pattern)]
    return list(dict.fromkeys(found))


def _says_something(run: ModelRun, row: str) -> bool:
    found = run.rows.get(row)
    return found is not None and (found.defined or not math.isnan(found.human))


def _range(values: Sequence[float]) -> str:
    """Return a number that all runs share, or its range: runs may have other dilemmas."""
    shown = list(dict.fromkeys(number(one) for one in sorted(values) if not math.isnan(one)))
    if not shown:
        return NOTHING
    return shown[0] if len(shown) == 1 else f"{shown[0]} to {shown[-1]}"


def _marked(run: ModelRun) -> str:
    return run.name if run.found.state == "finished" else f"{run.name} (partial)"


def _cell(row: Quantity | None) -> str:
    if row is None:
        return NOTHING
    if math.isnan(row.low) or math.isnan(row.high):
        return number(row.value)
    return f"{number(row.value)} [{number(row.low)}, {number(row.high)}]"


def _human(run: ModelRun, row: str) -> float:
    return run.rows[row].human if row in run.rows else math.nan


def _known(run: ModelRun, row: str, name: str) -> float:
    found = run.rows.baselines(row).get(name)
    return math.nan if found is None else found.value
