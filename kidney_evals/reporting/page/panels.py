"""Figures of a measure: every model, with people and the baselines beside them."""

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
    """A function that returns the address of a run's transcripts; empty for no address."""

    def __call__(self, run: ModelRun, sample: str = "") -> str:
        """Return the address of a run, or of one of its samples.

        Args:
            run: The run.
            sample: `/sample/ID/EPOCH/`, escaped; empty for the list of all samples.
        """


PEOPLE: Final = {"share_dist": "one person"}
"""Label of a measure's human value if it is not that of the whole group."""

HEADS: Final = ("model", "quantity", "value", "low", "high", "people", "n")

NO: Final = math.nan


@dataclass(frozen=True)
class Place:
    """Runs of one panel that are shown side by side.

    Attributes:
        panel: The panel.
        runs: The runs, in the page's order.
        title: The panel's question in words.
        link: Returns the address of a run's transcripts.
    """

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
        found = {self.row(run, name).human for run in self.runs}
        known = {value for value in found if not math.isnan(value)}
        return known.pop() if len(known) == 1 else NO

    def baselines(self, id: str) -> dict[str, float]:
        """Return the scores of known respondents on a measure, from the run with most answers."""
        found = [run.rows.baselines(id) for run in self.runs]
        most = max(found, key=lambda one: max((row.n for row in one.values()), default=0))
        return {name: row.value for name, row in most.items()}

    def dot(self, run: ModelRun, row: Quantity, people: float = NO) -> DotRow:
        """Return a quantity of a run as a row of a dot panel."""
        label, link = self.label(run), self.link(run)
        return DotRow(label, row.value, row.low, row.high, "model", link, people)


def _model_only(name: str) -> str:
    """Return the name of a run with its model's path reduced to the last part."""
    model, comma, rest = name.partition(", ")
    return f"{model.rpartition('/')[2] or model}{comma}{rest}"


def quantity_figure(place: Place, title: str, *rows: str, says: str = "") -> Figure:
    """Return a figure with a panel for each measure, all models in each panel.

    Args:
        place: The runs.
        title: Title of the figure.
        rows: Ids of the measures.
        says: Text above the panels; the reading of each measure is printed under its panel anyway.
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
    """Return the cells of a table row, in the order of `HEADS`."""
    return who, what, *row[:4], row.n


def limits(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that contains 0 and all values, with a margin at both ends."""
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
    # The human value depends on the dilemmas: runs on different dilemmas each have their own.
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
    """Return a measure's label as a panel's title."""
    return f"{card.label[0].upper()}{card.label[1:]}"


_ROW = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")


def how_to_read(card: Measure) -> str:
    """Return a measure's direction and how it can be gamed, with ids replaced by labels."""
    text = card.reading
    if card.gamed_by:
        text += f" Gamed by: {card.gamed_by[0].lower()}{card.gamed_by[1:]}"
    text = _ROW.sub(lambda found: find(found[0]).label if found[0] in MEASURES else found[0], text)
    return without_nan(text)


def without_nan(text: str) -> str:
    """Return a text with "NaN" replaced by "no value", because the page shows a dash for NaN."""
    return re.sub(r"\bNaN\b", "no value", re.sub(r"(^|\. )NaN\b", r"\1No value", text))


def full_table(place: Place) -> Table:
    """Return a table of every measure of every run."""
    lines = [
        (run.name, name, find(name).label, *row[:4], row.n)
        for run in place.runs
        for name, row in run.rows.items()
    ]
    return columns(lines, "model", "row", *HEADS[1:])
