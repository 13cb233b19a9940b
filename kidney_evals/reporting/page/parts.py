"""The parts of a page: runs, sections, figures and tables."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from kidney_evals.card.numbers import number
from kidney_evals.reporting.runs import ModelRun, Panel
from kidney_evals.reporting.table_formats import csv_text
from kidney_evals.reporting.text import NO_PEOPLE

Cell = str | float | int
"""A cell of a table: words, a count, or a number."""

P_VALUE: Final = "adjusted p"
"""Head of a column of p-values, which are never printed as 0."""

HEADS: Final = ("model", "quantity", "value", "low", "high", "people", "n")

VIEWER: Final = "viewer"
"""Folder of Inspect's viewer in a site; its index shows the list of logs."""

_PEOPLE = re.compile(r"\b(people|persons?|crowd|majority)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A table of the page, which is also written as a CSV file."""

    heads: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]

    def csv(self) -> str:
        """Return the table as CSV: six decimals, for p-values three significant digits."""

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
    """A figure: panels side by side, and the table of their numbers.

    Attributes:
        says: The caption.
        panels: SVG of each panel.
        sentences: Sentences below the caption.
    """

    id: str
    title: str
    says: str
    panels: Sequence[str]
    table: Table
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A section of the page; its texts are in `sections.yaml`.

    `left_out` has a line for each thing that the figures do not show.
    """

    id: str
    figures: Sequence[Figure] = ()
    left_out: Sequence[str] = ()


def section(id: str, figures: Iterable[Figure | None], left_out: Sequence[str] = ()) -> Section:
    """Return a section of the figures that are not None."""
    return Section(id, [one for one in figures if one], left_out)


@dataclass(frozen=True, eq=False)
class PanelRuns:
    """Runs of one panel; `transcripts` maps each log's location to its file in the viewer."""

    panel: Panel
    runs: tuple[ModelRun, ...]
    title: str
    transcripts: Mapping[str, str]

    @property
    def id(self) -> str:
        """Part of the ids of figures; a hash distinguishes two contents of one study."""
        return slug(self.panel.task, self.panel.study, self.panel.study_hash[:6])

    @property
    def carded(self) -> list[ModelRun]:
        """The runs that have a card."""
        return [run for run in self.runs if run.card is not None]

    @property
    def has_people(self) -> bool:
        """Whether people answered what these runs were asked."""
        return any(run.rows.has_people for run in self.carded)

    @property
    def nobody(self) -> bool:
        """Whether it is known that no people were asked."""
        return not any(run.rows.has_people for run in self.runs)

    @property
    def people(self) -> str:
        """The study and, where people were asked, the source of the human side, as sentences."""
        title = str(self.runs[0].facts.get("study_title", self.panel.study)).rstrip(".")
        title += "" if title.endswith(("?", "!")) else "."
        if self.panel.task == "stated_values" and not self.nobody:
            return f"{title} {NO_PEOPLE}"
        cards = [run.card for run in self.runs if run.card is not None]
        if self.nobody or not cards:
            return title
        # The first card with answers, else the first.
        card = max(cards, key=lambda one: one.answered > 0)
        return f"{title} {f'People: {card.people}.' if self.has_people else card.summary}"

    def link(self, run: ModelRun, sample: str = "") -> str:
        """Return the address of a run in the viewer, or of one sample; "" without a viewer.

        `sample` is the sample's place in the run, "/sample/ID/EPOCH/".
        """
        if not self.transcripts:
            return ""
        file = quote(self.transcripts[run.file.location])
        return f"{VIEWER}/index.html#/logs/{file}/samples{sample}"

    def label(self, run: ModelRun) -> str:
        """Return the name of a run without its provider, or the full name if that is ambiguous."""
        short = [_model_only(one.name) for one in self.runs]
        return _model_only(run.name) if len(set(short)) == len(short) else run.name

    def figure(
        self,
        name: str,
        title: str,
        says: str,
        panels: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *heads: str,
    ) -> Figure | None:
        """Return a figure with a table; None without panels and rows.

        If nobody was asked, the column "people" is left out.

        Args:
            name: First part of the figure's id.
            title: Title, to which the title of the runs is added.
            says: The caption.
            panels: SVG of each panel.
            rows: Rows of the table.
            *heads: Heads of the table.
        """
        if not panels and not rows:
            return None
        if self.nobody and "people" in heads:
            at = heads.index("people")
            heads = (*heads[:at], *heads[at + 1 :])
            rows = [(*line[:at], *line[at + 1 :]) for line in rows]
        title = f"{title}: {self.title}"
        return Figure(slug(name, self.id), title, says, panels, Table(heads, rows))


def slug(*words: str) -> str:
    """Return the words as one id of lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


def without_nan(text: str) -> str:
    """Return a text with "NaN" replaced by "no value", because the page shows a dash for NaN."""
    return re.sub(r"\bNaN\b", "no value", re.sub(r"(^|\. )NaN\b", r"\1No value", text))


def alone(text: str) -> str:
    """Return a text without its sentences about people, for studies in which nobody was asked."""
    favoured = "the end that the study calls favoured"
    text = re.sub(r"the same end( of the range)? as people", favoured, text)
    text = text.replace("predictions of people", "predictions")
    kept = [one for one in re.split(r"(?<=[.?!]) ", text) if not _PEOPLE.search(one)]
    return " ".join(kept)


def with_nouns(text: str, nouns: Mapping[str, str]) -> str:
    """Return a text with "patient" and "patients" replaced by `candidate` and `candidates`."""

    def noun(found: re.Match[str]) -> str:
        word = nouns["candidates" if found[0].lower().endswith("s") else "candidate"]
        return word[0].upper() + word[1:] if found[0][0].isupper() else word

    return re.sub(r"\bpatients?\b", noun, text, flags=re.IGNORECASE)


def _model_only(name: str) -> str:
    """Return the name of a run with its model's path reduced to the last part."""
    model, comma, rest = name.partition(", ")
    return f"{model.rpartition('/')[2] or model}{comma}{rest}"
