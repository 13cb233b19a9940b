"""Rows of runs as panels: one quantity, every model, people and the baselines beside them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from kidney_evals.charts import DotRow, dot_panel
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures import MEASURES, Measure, find
from kidney_evals.reporting.page.parts import Cell, Figure, Table, columns, slug
from kidney_evals.reporting.runs import ModelRun, Panel


class Link(Protocol):
    """Where a run's transcripts can be opened; an empty text for nowhere."""

    def __call__(self, run: ModelRun, sample: str = "") -> str:
        """Return the address of a run, or of one of its samples.

        Args:
            run: The run.
            sample: `/sample/ID/EPOCH/`, escaped; empty for the list of all.
        """


PEOPLE: Final = {"share_dist": "one person"}
"""What a row's value of people is called where it is not that of all of them."""

HEADS: Final = ("model", "quantity", "value", "low", "high", "people", "n")

NO: Final = math.nan


@dataclass(frozen=True)
class Place:
    """Runs that stand side by side.

    Attributes:
        panel: What was asked.
        runs: The runs, in the page's order.
        title: What was asked, in words.
        link: Where a run can be opened.
    """

    panel: Panel
    runs: tuple[ModelRun, ...]
    title: str
    link: Link

    @property
    def id(self) -> str:
        """For ids of figures; the hash tells two contents of one study apart."""
        return slug(self.panel.task, self.panel.study, self.panel.study_hash[:6])

    def label(self, run: ModelRun) -> str:
        """Return a run's name as short as panels need it: without provider, if that will do."""
        short = [_model_only(one.name) for one in self.runs]
        return _model_only(run.name) if len(set(short)) == len(short) else run.name

    def row(self, run: ModelRun, name: str) -> Quantity:
        """Return a row of a run, undefined where it has none."""
        return run.rows.get(name, undefined())

    def human(self, name: str) -> float:
        """Return people's value of a row, where all runs have the same; else NaN."""
        found = {self.row(run, name).human for run in self.runs}
        known = {value for value in found if not math.isnan(value)}
        return known.pop() if len(known) == 1 else NO

    def baselines(self, id: str) -> dict[str, float]:
        """Return what known respondents get on a measure: on the run which answered most."""
        found = [run.rows.baselines(id) for run in self.runs]
        most = max(found, key=lambda one: max((row.n for row in one.values()), default=0))
        return {name: row.value for name, row in most.items()}

    def dot(self, run: ModelRun, row: Quantity, people: float = NO) -> DotRow:
        """Return a run's quantity as a row of a panel."""
        label, link = self.label(run), self.link(run)
        return DotRow(label, row.value, row.low, row.high, "model", link, people)


def _model_only(name: str) -> str:
    """Return a name without what stands before the last part of its model's path."""
    model, comma, rest = name.partition(", ")
    return f"{model.rpartition('/')[2] or model}{comma}{rest}"


def quantity_figure(place: Place, title: str, *rows: str, says: str = "") -> Figure:
    """Return a figure with a panel for each row, all models in it.

    Args:
        place: Whose runs.
        title: What the figure shows.
        rows: Ids of measures.
        says: What to know; how the rows read stands under their panels anyway.
    """
    panels, lines = [], []
    for name in rows:
        known = [(run, place.row(run, name)) for run in place.runs]
        if any(row.defined for _, row in known):
            human = place.human(name)
            beside = [item for item in place.baselines(name).items() if item[1] != human]
            panels.append(_panel(place, name, known, beside))
            label = find(name).label
            lines += [cells(run.name, label, row) for run, row in known]
            lines += [cells(name, label, Quantity(value)) for name, value in beside]
    figure_id = slug(title, place.id)
    table = columns(lines, *HEADS)
    return Figure(figure_id, f"{title}: {place.title}", says, tuple(panels), table)


def cells(who: str, what: str, row: Quantity) -> tuple[Cell, ...]:
    """Return the cells of `HEADS`."""
    return who, what, *row[:4], row.n


def limits(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that holds 0 and values, with room at both sides."""
    known = [value for value in values if math.isfinite(value)]
    low, high = min([*known, 0.0]), max([*known, 0.0])
    if low == high:
        return low - 0.5, high + 0.5
    room = (high - low) * 0.04
    return (low if low == 0 else low - room), high + room


def _panel(
    place: Place,
    name: str,
    known: Sequence[tuple[ModelRun, Quantity]],
    beside: Sequence[tuple[str, float]],
) -> str:
    card, human = find(name), place.human(name)
    # People's value hangs on the dilemmas: where runs were asked different ones, each has its own.
    apart = math.isnan(human) and not all(math.isnan(row.human) for _, row in known)
    rows = [place.dot(run, row, row.human if apart else NO) for run, row in known]
    rows += [DotRow(label, value, NO, NO, "baseline") for label, value in beside]
    if not math.isnan(human):
        rows.insert(0, DotRow(PEOPLE.get(name, "people"), human, NO, NO, "people"))
    ends = [value for _, row in known for value in row[:4]]
    low, high = limits([*ends, *(value for _, value in beside)])
    note = how_to_read(card)
    if apart:
        note += " The tick on a line is people on that run's dilemmas."
    return dot_panel(heading(card), rows, low=low, high=high, line=human, note=note, decimals=3)


def heading(card: Measure) -> str:
    """Return a row's label as a panel's title."""
    return f"{card.label[0].upper()}{card.label[1:]}"


_ROW = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")


def how_to_read(card: Measure) -> str:
    """Return which way a row reads and what games it, other rows by what they are called here."""
    text = card.reading
    if card.gamed_by:
        text += f" Gamed by: {card.gamed_by[0].lower()}{card.gamed_by[1:]}"
    text = _ROW.sub(lambda found: find(found[0]).label if found[0] in MEASURES else found[0], text)
    return without_nan(text)


def without_nan(text: str) -> str:
    """Return a text on numbers of a log in the words of the page, which shows a dash for NaN."""
    return re.sub(r"\bNaN\b", "no value", re.sub(r"(^|\. )NaN\b", r"\1No value", text))


def full_table(place: Place) -> Table:
    """Return every row of every run."""
    lines = [
        (run.name, name, find(name).label, *row[:4], row.n)
        for run in place.runs
        for name, row in run.rows.items()
    ]
    return columns(lines, "model", "row", *HEADS[1:])
