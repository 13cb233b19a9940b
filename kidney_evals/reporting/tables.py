"""Tables of runs, one for each question: people, models and baselines side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from kidney_evals.errors import unknown
from kidney_evals.measures import MEASURES, find, headlines
from kidney_evals.reporting.key import LABELS, differences
from kidney_evals.reporting.rows import place_of
from kidney_evals.reporting.runs import ModelRun, Panel, by_panel
from kidney_evals.reporting.text import NOTHING, number, with_interval

BESIDE_HEADLINE: Final[Mapping[str, tuple[str, ...]]] = {
    "forced_choice": ("imp_*", "coverage"),
    "coin_flip": ("agreement", "imp_*", "coverage"),
    "predict_people": ("pred_cover",),
    "stated_values": ("st_coverage",),
}
"""Measures that a table shows besides those in the viewer's header; a star matches any ending."""

PEOPLE: Final = "people"

MANY: Final = 9
"""Number of quantities from which a table lists them as rows, with the runs as columns."""


@dataclass(frozen=True, eq=False)
class PanelTable:
    """The runs of one panel and the measures to show.

    Attributes:
        panel: The panel.
        runs: Its runs.
        rows: Ids of the measures.
    """

    panel: Panel
    runs: tuple[ModelRun, ...]
    rows: tuple[str, ...]

    @property
    def notes(self) -> list[str]:
        """Sentences that a reader needs to interpret the numbers."""
        notes = [
            f"{run.name} is partial: {run.file.says}."
            for run in self.runs
            if run.file.state != "finished"
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
        """Return heads and cells as text, rounded as in `kidney-evals show`."""
        table = [["", *(find(row).label for row in self.rows)]]
        table.append([PEOPLE, *(_range(self._people(row)) for row in self.rows)])
        for run in self.runs:
            name = run.name if run.file.state == "finished" else f"{run.name} (partial)"
            cells = [
                with_interval(run.rows[row]) if row in run.rows else NOTHING for row in self.rows
            ]
            table.append([name, *cells])
        # The longest list of baselines first: the other lists name some of the same.
        lists = sorted((one.baselines for one in MEASURES.values()), key=len, reverse=True)
        for name in dict.fromkeys(name for known in lists for name in known):
            cells = [_range(self._baseline(row, name)) for row in self.rows]
            if set(cells) != {NOTHING}:
                table.append([name, *cells])
        # Many quantities are listed as rows.
        tall = len(self.rows) >= MANY
        return [list(line) for line in zip(*table, strict=True)] if tall else table

    def _people(self, row: str) -> list[float]:
        return [run.rows[row].human for run in self.runs if row in run.rows]

    def _baseline(self, row: str, name: str) -> list[float]:
        known = [run.rows.baselines(row) for run in self.runs]
        return [one[name].value for one in known if name in one]


def tables_of(
    runs: Iterable[ModelRun], asked: Sequence[str] = (), *, everything: bool = False
) -> tuple[PanelTable, ...]:
    """Return a table for each panel that has a quantity to show.

    Args:
        runs: The runs.
        asked: Ids of measures, or patterns such as `imp_*`; empty for the default selection.
        everything: Whether to show every row that has a value for a model or for people.

    Raises:
        UserError: An id or pattern in `asked` matches no row of any run.
    """
    panels = by_panel(runs)
    known = _rows_of([run for members in panels.values() for run in members])
    for name in asked:
        if not _matching([name], known):
            raise unknown("row", name, known)
    tables = []
    for panel, members in panels.items():
        held = _rows_of(members)
        if everything:
            rows = [row for row in held if any(_says_something(run, row) for run in members)]
        else:
            usual = (*(one.id for one in headlines(panel.task)), *BESIDE_HEADLINE[panel.task])
            rows = _matching(asked or usual, held)
        if rows:
            tables.append(PanelTable(panel, tuple(members), tuple(rows)))
    return tuple(tables)


def _rows_of(runs: Sequence[ModelRun]) -> list[str]:
    return sorted({row for run in runs for row in run.rows}, key=place_of)


def _matching(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    found = [name for pattern in patterns for name in names if fnmatchcase(name, pattern)]
    return list(dict.fromkeys(found))


def _says_something(run: ModelRun, row: str) -> bool:
    found = run.rows.get(row)
    return found is not None and (found.defined or not math.isnan(found.human))


def _range(values: Sequence[float]) -> str:
    """Return the value that all runs share, or the range: runs may have different dilemmas."""
    known = sorted(one for one in values if not math.isnan(one))
    shown = list(dict.fromkeys(map(number, known)))
    if not shown:
        return NOTHING
    return shown[0] if len(shown) == 1 else f"{shown[0]} to {shown[-1]}"
