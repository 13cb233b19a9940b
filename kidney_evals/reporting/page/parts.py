"""The parts of a page: places, sections, figures and tables, and the figure of any measure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

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

PEOPLE: Final = {"share_dist": "one person"}
"""Label of a measure's human value if it is not that of the whole group."""

NO: Final = math.nan


@dataclass(frozen=True)
class Table:
    """A table of the page, which is also written as a CSV file."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def shown(self) -> list[list[tuple[str, bool]]]:
        """Return the cells as text, each with whether it is a number."""
        return [
            [
                (_shown(cell, head), not isinstance(cell, str))
                for head, cell in zip(self.heads, row, strict=True)
            ]
            for row in self.rows
        ]

    def columns(self) -> list[tuple[str, bool]]:
        """Return the heads, each with whether its column holds numbers only."""
        return [
            (head, bool(self.rows) and not any(isinstance(row[index], str) for row in self.rows))
            for index, head in enumerate(self.heads)
        ]

    def csv(self) -> str:
        """Return the table as CSV with six decimals and no formulas; see `csv_text`."""
        cells = ([_exact(*pair) for pair in zip(row, self.heads, strict=True)] for row in self.rows)
        return csv_text([self.heads, *cells])


@dataclass(frozen=True)
class Figure:
    """A figure: panels side by side, with the table of their numbers."""

    id: str
    title: str
    says: str
    panels: tuple[str, ...]
    table: Table
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A section of the page; its texts are in `sections.yaml`."""

    id: str
    figures: tuple[Figure, ...] = ()
    left_out: tuple[str, ...] = ()


Link = Callable[..., str]
"""Returns the address of a run's transcripts, or of `/sample/ID/EPOCH/`; empty for no address."""


@dataclass(frozen=True)
class Place:
    """Runs of one panel that are shown side by side."""

    panel: Panel
    runs: tuple[ModelRun, ...]
    title: str
    link: Link

    @property
    def id(self) -> str:
        """Part of the ids of figures; a hash distinguishes two contents of one study."""
        return slug(self.panel.task, self.panel.study, self.panel.study_hash[:6])

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
        known = {value for value in values if not math.isnan(value)}
        return known.pop() if len(known) == 1 else NO

    def baselines(self, id: str) -> dict[str, float]:
        """Return the scores of known respondents on a measure, from the run with most answers."""
        known = [run.rows.baselines(id) for run in self.runs]
        most = max(known, key=lambda one: max((row.n for row in one.values()), default=0))
        return {name: row.value for name, row in most.items()}

    def figure(
        self,
        name: str,
        title: str,
        says: str,
        panels: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *heads: str,
    ) -> Figure:
        """Return a figure of these runs with a table of `rows` under `heads`."""
        title = f"{title}: {self.title}"
        return Figure(slug(name, self.id), title, says, tuple(panels), table(rows, *heads))

    def dot(self, run: ModelRun, row: Quantity, people: float = NO) -> DotRow:
        """Return a quantity of a run as a row of a dot panel."""
        return DotRow(self.label(run), *row[:3], "model", self.link(run), people)


def section(id: str, figures: Sequence[Figure | None]) -> Section:
    """Return a section of the figures that are not None."""
    return Section(id, tuple(one for one in figures if one and (one.panels or one.table.rows)))


def table(rows: Sequence[Sequence[Cell]], *heads: str) -> Table:
    """Return a table of rows under heads."""
    return Table(heads, tuple(tuple(row) for row in rows))


def cells(who: str, what: str, row: Quantity) -> tuple[Cell, ...]:
    """Return the cells of a table row, in the order of `HEADS`."""
    return who, what, *row[:4], row.n


def slug(*words: str) -> str:
    """Return the words as one id of lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


def quantity_figure(place: Place, title: str, *names: str, says: str = "") -> Figure:
    """Return a figure with a panel for each measure, all models in each panel."""
    panels, lines = [], []
    for name in names:
        known = {run: place.row(run, name) for run in place.runs}
        if not any(row.defined for row in known.values()):
            continue
        measure, human = find(name), place.human(name)
        beside = {key: one for key, one in place.baselines(name).items() if one != human}
        note = how_to_read(measure)
        # The human value depends on the dilemmas: runs on different dilemmas each have their own.
        apart = math.isnan(human) and not all(math.isnan(row.human) for row in known.values())
        dots = [place.dot(run, row, row.human if apart else NO) for run, row in known.items()]
        dots += [DotRow(label, value, NO, NO, "baseline") for label, value in beside.items()]
        if apart:
            note += " The tick on a line is people on that run's dilemmas."
        elif not math.isnan(human):
            dots.insert(0, DotRow(PEOPLE.get(name, "people"), human, NO, NO, "people"))
        low, high = limits([*(end for row in known.values() for end in row[:4]), *beside.values()])
        head = heading(measure)
        panels.append(dot_panel(head, dots, low=low, high=high, line=human, note=note, decimals=3))
        lines += [cells(run.name, measure.label, row) for run, row in known.items()]
        lines += [cells(key, measure.label, Quantity(value)) for key, value in beside.items()]
    return place.figure(title, title, says, panels, lines, *HEADS)


def limits(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that contains 0 and all values, with a margin at both ends."""
    known = [value for value in values if math.isfinite(value)]
    low, high = min([*known, 0.0]), max([*known, 0.0])
    if low == high:
        return low - 0.5, high + 0.5
    room = (high - low) * 0.04
    return (low if low == 0 else low - room), high + room


def heading(card: Measure) -> str:
    """Return a measure's label as a panel's title."""
    return f"{card.label[0].upper()}{card.label[1:]}"


def how_to_read(card: Measure) -> str:
    """Return a measure's direction and how it can be gamed, with ids replaced by labels."""
    text = card.reading
    if card.gamed_by:
        text += f" Gamed by: {card.gamed_by[0].lower()}{card.gamed_by[1:]}"
    for id in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", text):
        if id in MEASURES:
            text = re.sub(rf"\b{id}\b", find(id).label, text)
    return without_nan(text)


def without_nan(text: str) -> str:
    """Return a text with "NaN" replaced by "no value", because the page shows a dash for NaN."""
    return re.sub(r"\bNaN\b", "no value", re.sub(r"(^|\. )NaN\b", r"\1No value", text))


def _model_only(name: str) -> str:
    """Return the name of a run with its model's path reduced to the last part."""
    model, comma, rest = name.partition(", ")
    return f"{model.rpartition('/')[2] or model}{comma}{rest}"


def _shown(cell: Cell, head: str) -> str:
    if isinstance(cell, float):
        # A p-value is never 0.
        return "< 0.001" if head == P_VALUE and cell < 0.001 else number(cell)
    return f"{cell:,}" if isinstance(cell, int) else cell


def _exact(cell: Cell, head: str) -> Cell:
    if not isinstance(cell, float):
        return cell
    if math.isnan(cell):
        return ""
    return float(f"{cell:.3g}") if head == P_VALUE else round(cell, 6)
