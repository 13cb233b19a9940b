"""The parts of a page: runs, sections, figures and tables, and the figure of any measure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from kidney_evals.charts import DotRow, dot_panel
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures import MEASURES, Measure, find
from kidney_evals.reporting.runs import ModelRun, Panel
from kidney_evals.reporting.table_formats import csv_text
from kidney_evals.reporting.text import number

Cell = str | float | int
"""A cell of a table: words, a count, or a number."""

P_VALUE: Final = "adjusted p"
"""Head of a column of p-values, which are never printed as 0."""

HEADS: Final = ("model", "quantity", "value", "low", "high", "people", "n")

VIEWER: Final = "viewer"
"""Folder of Inspect's viewer in a site; its index shows the list of logs."""

NO: Final = math.nan


@dataclass(frozen=True)
class Table:
    """A table of the page, which is also written as a CSV file."""

    heads: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]

    def csv(self) -> str:
        """Return the table as CSV with six decimals and no formulas; see `csv_text`."""

        def exact(cell: Cell, head: str) -> Cell:
            if not isinstance(cell, float) or math.isnan(cell):
                return cell if cell == cell else ""
            return float(f"{cell:.3g}") if head == P_VALUE else round(cell, 6)

        return csv_text([self.heads, *(map(exact, row, self.heads) for row in self.rows)])


def shown(cell: Cell, head: str) -> str:
    """Return a cell of a table as text; `head` is the head of its column."""
    if isinstance(cell, float):
        return "< 0.001" if head == P_VALUE and cell < 0.001 else number(cell)
    return f"{cell:,}" if isinstance(cell, int) else cell


@dataclass(frozen=True)
class Figure:
    """A figure: panels side by side, with the table of their numbers."""

    id: str
    title: str
    says: str
    panels: Sequence[str]
    table: Table
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A section of the page; its texts are in `sections.yaml`."""

    id: str
    figures: Sequence[Figure] = ()
    left_out: Sequence[str] = ()


def section(id: str, figures: Iterable[Figure | None], left_out: Sequence[str] = ()) -> Section:
    """Return a section of the figures that are not None."""
    return Section(id, [one for one in figures if one], left_out)


@dataclass(frozen=True, eq=False)
class PanelRuns:
    """Runs of one panel that are shown side by side.

    `transcripts` maps the location of each log to its file in the viewer; empty without a viewer.
    """

    panel: Panel
    runs: tuple[ModelRun, ...]
    title: str
    transcripts: Mapping[str, str]

    @property
    def id(self) -> str:
        """Part of the ids of figures; a hash distinguishes two contents of one study."""
        return slug(self.panel.task, self.panel.study, self.panel.study_hash[:6])

    def link(self, run: ModelRun, sample: str = "") -> str:
        """Return the address of a run's transcripts, or of `/sample/ID/EPOCH/`; may be empty."""
        if not self.transcripts:
            return ""
        file = quote(self.transcripts[run.file.location])
        return f"{VIEWER}/index.html#/logs/{file}/samples{sample}"

    def label(self, run: ModelRun) -> str:
        """Return the name of a run without its provider, or the full name if that is ambiguous."""
        short = [_model_only(one.name) for one in self.runs]
        return _model_only(run.name) if len(set(short)) == len(short) else run.name

    def row(self, run: ModelRun, name: str) -> Quantity:
        """Return a measure of a run; undefined if the run lacks it."""
        return run.rows.get(name, undefined())

    def human(self, name: str) -> float:
        """Return the human value of a measure if it is the same for all runs, else NaN."""
        values = {self.row(run, name).human for run in self.runs}
        known = [value for value in values if not math.isnan(value)]
        return known[0] if len(known) == 1 else NO

    def figure(
        self,
        name: str,
        title: str,
        says: str,
        panels: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *heads: str,
    ) -> Figure | None:
        """Return a figure of these runs with a table of `rows` under `heads`; None if empty."""
        if not panels and not rows:
            return None
        title = f"{title}: {self.title}"
        return Figure(slug(name, self.id), title, says, panels, Table(heads, rows))

    def dot(self, run: ModelRun, row: Quantity, people: float = NO) -> DotRow:
        """Return a quantity of a run as a row of a dot panel."""
        return DotRow(self.label(run), *row[:3], "model", self.link(run), people)


def cells(who: str, what: str, row: Quantity) -> tuple[Cell, ...]:
    """Return the cells of a table row, in the order of `HEADS`."""
    return who, what, *row[:4], row.n


def slug(*words: str) -> str:
    """Return the words as one id of lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


def quantity_figure(
    group: PanelRuns, title: str, names: Sequence[str], says: str = ""
) -> Figure | None:
    """Return a figure with a panel for each measure, all models in each panel."""
    panels, lines = [], []
    for name in names:
        known = {run: group.row(run, name) for run in group.runs}
        if not any(row.defined for row in known.values()):
            continue
        measure, human = find(name), group.human(name)
        # Known respondents are those of the run with most answers.
        baselines = [run.rows.baselines(name) for run in group.runs]
        most = max(baselines, key=lambda one: max((row.n for row in one.values()), default=0))
        beside = {key: row.value for key, row in most.items() if row.value != human}
        note = how_to_read(measure)
        # The human value depends on the dilemmas: runs on different dilemmas each have their own.
        apart = math.isnan(human) and not all(math.isnan(row.human) for row in known.values())
        dots = [group.dot(run, row, row.human if apart else NO) for run, row in known.items()]
        dots += [DotRow(label, value, NO, NO, "baseline") for label, value in beside.items()]
        if apart:
            note += " The tick on a line is people on that run's dilemmas."
        elif not math.isnan(human):
            dots.insert(0, DotRow("people", human, NO, NO, "people"))
        ends = [*(end for row in known.values() for end in row[:4]), *beside.values()]
        panels.append(measure_panel(measure, dots, ends, line=human, note=note, decimals=3))
        lines += [cells(run.name, measure.label, row) for run, row in known.items()]
        lines += [cells(key, measure.label, Quantity(value)) for key, value in beside.items()]
    return group.figure(title, title, says, panels, lines, *HEADS)


def measure_panel(
    measure: Measure,
    rows: Sequence[DotRow],
    values: Sequence[float],
    *,
    line: float,
    note: str,
    decimals: int = 2,
) -> str:
    """Return a dot panel under a measure's label, on an axis with 0, all values and a margin."""
    known = [0.0, *filter(math.isfinite, values)]
    low, high = min(known), max(known)
    room = (high - low) * 0.04 or 0.5
    low = low if low == 0 < high else low - room
    title = f"{measure.label[0].upper()}{measure.label[1:]}"
    return dot_panel(
        title, rows, low=low, high=high + room, line=line, note=note, decimals=decimals
    )


def how_to_read(card: Measure) -> str:
    """Return a measure's direction and how it can be gamed, with ids replaced by labels."""
    text = card.reading
    if card.gamed_by:
        text += f" Gamed by: {card.gamed_by[0].lower()}{card.gamed_by[1:]}"
    return without_nan(
        re.sub(
            r"\b[a-z]+(?:_[a-z0-9]+)+\b",
            lambda id: MEASURES[id[0]].label if id[0] in MEASURES else id[0],
            text,
        )
    )


def without_nan(text: str) -> str:
    """Return a text with "NaN" replaced by "no value", because the page shows a dash for NaN."""
    return re.sub(r"\bNaN\b", "no value", re.sub(r"(^|\. )NaN\b", r"\1No value", text))


def _model_only(name: str) -> str:
    """Return the name of a run with its model's path reduced to the last part."""
    model, comma, rest = name.partition(", ")
    return f"{model.rpartition('/')[2] or model}{comma}{rest}"
