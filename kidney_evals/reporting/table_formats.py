"""Tables of runs, one for each task and study: people, models and baselines side by side.

The formats are Markdown and CSV; text from logs is escaped in each.
"""

import csv
import fnmatch
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from kidney_evals.card.numbers import NOTHING, number
from kidney_evals.errors import printable, unknown
from kidney_evals.measures import MEASURES, find, headlines
from kidney_evals.reporting.rows import place_of
from kidney_evals.reporting.runs import LABELS, ModelRun, Panel, by_panel, unlike_parts
from kidney_evals.reporting.text import NOBODY, with_interval

NOT_RIGHT: Final = (
    "Agreement describes a sample of survey respondents, not what is right; a coin is not a virtue "
    "by itself."
)

COLUMNS: Final = (
    *("task", "study", "study_hash", "name", "model", "state", "eval_id", "log"),
    *("row", "label", "baseline", "value", "low", "high", "human", "n"),
)
"""Columns of CSV; it has a line for each measure of a run, and for each baseline of the measure."""

_ALONE: Final = "No people were asked. A coin is not a virtue by itself, nor is a steady answer."
"""Instead of `NOT_RIGHT` where no table has people."""

_BESIDE_HEADLINE: Final[Mapping[str, tuple[str, ...]]] = {
    "forced_choice": ("amce_*", "imp_*", "coverage"),
    "coin_flip": ("amce_*", "probe_coin", "agreement", "imp_*", "coverage"),
    "predict_people": ("pred_sure", "pred_cover"),
    "stated_values": ("st_coverage",),
}
"""Measures that a table shows besides those in the viewer's header; a star matches any ending."""


@dataclass(frozen=True, eq=False)
class PanelTable:
    """The runs of one panel and the measures to show."""

    panel: Panel
    runs: tuple[ModelRun, ...]
    rows: tuple[str, ...]

    @property
    def has_people(self) -> bool:
        """Whether people were asked."""
        return any(run.rows.has_people for run in self.runs)

    @property
    def notes(self) -> list[str]:
        """Sentences that a reader needs to interpret the numbers."""
        notes = [
            f"{run.name} is partial: {run.file.says}."
            for run in self.runs
            if run.file.state != "finished"
        ]
        if differ := unlike_parts(self.runs):
            parts = " and ".join(LABELS[name] for name in differ)
            notes.append(
                f"These runs differ in {parts}: what lies between them is not of the models alone."
            )
        return notes

    def grid(self) -> list[list[str]]:
        """Return the lines of the table as lists of cells, heads first.

        Each run is a line, or a column if there are more than 8 measures.
        """
        human = [[run.rows[row].human for run in self.runs if row in run.rows] for row in self.rows]
        table = [["", *(find(row).label for row in self.rows)]]
        if self.has_people:
            table.append(["people", *map(_range, human)])
        head = list(table)
        for run in self.runs:
            name = run.name if run.file.state == "finished" else f"{run.name} (partial)"
            found = (run.rows.get(row) for row in self.rows)
            table.append([name, *(with_interval(one) if one else NOTHING for one in found)])
        # The longest list of baselines first: the other lists name some of the same.
        lists = sorted((one.baselines for one in MEASURES.values()), key=len, reverse=True)
        known = [[run.rows.baselines(row) for run in self.runs] for row in self.rows]
        for name in dict.fromkeys(name for names in lists for name in names):
            values = [[one[name].value for one in row if name in one] for row in known]
            table.append([name, *map(_range, values)])
        table = [line for line in table if set(line[1:]) != {NOTHING} or line in head]
        # Many quantities are rows, with the runs as columns.
        return [list(line) for line in zip(*table, strict=True)] if len(self.rows) > 8 else table


def tables_of(
    runs: Iterable[ModelRun], asked: Sequence[str] = (), *, everything: bool = False
) -> tuple[PanelTable, ...]:
    """Return a table for each panel that has a quantity to show.

    `asked` holds ids of measures, or patterns such as `imp_*`; empty for the default selection.
    `everything` shows every row that has a value for a model or for people. A `UserError` is raised
    if an id or pattern matches no row of any run.
    """
    panels = by_panel(runs)
    known = _rows_of(run for members in panels.values() for run in members)
    for name in asked:
        if not fnmatch.filter(known, name):
            raise unknown("row", name, known)
    tables = []
    for panel, members in panels.items():
        if everything:
            values = {row: [run.rows[row] for run in members if row in run.rows] for row in known}
            rows = [
                row
                for row, found in values.items()
                if any(one.defined or not math.isnan(one.human) for one in found)
            ]
        else:
            usual = (*(one.id for one in headlines(panel.task)), *_BESIDE_HEADLINE[panel.task])
            held = _rows_of(members)
            rows = [row for name in asked or usual for row in fnmatch.filter(held, name)]
        if rows:
            tables.append(PanelTable(panel, tuple(members), tuple(dict.fromkeys(rows))))
    return tuple(tables)


def _rows_of(runs: Iterable[ModelRun]) -> list[str]:
    return sorted({row for run in runs for row in run.rows}, key=place_of)


def _range(values: Sequence[float]) -> str:
    """Return the value that all runs share, or the range: runs may have different dilemmas."""
    known = sorted(value for value in values if not math.isnan(value))
    shown = list(dict.fromkeys(map(number, known))) or [NOTHING]
    return shown[0] if len(shown) == 1 else f"{shown[0]} to {shown[-1]}"


def formatted(tables: Sequence[PanelTable], format: Literal["md", "csv"]) -> str:
    """Return tables in one of the formats, ending in a line break.

    CSV holds every column with all digits, and the values of known respondents.
    """
    if format == "csv":
        return csv_text([COLUMNS, *(line for table in tables for line in _lines(table))])
    end = NOT_RIGHT if any(table.has_people for table in tables) else _ALONE
    return "\n\n".join([*(_markdown(table, tables) for table in tables), end]) + "\n"


def markdown_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], align: Sequence[str]
) -> str:
    """Return a Markdown table; `align` has `l` or `r` for each column.

    The caller must have escaped the cells with `in_markdown`.
    """
    rules = [{"l": "---", "r": "---:"}[letter] for letter in align]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rules, *rows))


def _markdown(table: PanelTable, tables: Sequence[PanelTable]) -> str:
    title = table.panel.words
    if len([one for one in tables if one.panel[:2] == table.panel[:2]]) > 1:
        # The tables hold two contents of the study.
        title += f" (content {table.panel.study_hash[:12]})"
    heads, *lines = table.grid()
    cells = [[in_markdown(line[0]), *line[1:]] for line in lines]
    text = markdown_table(list(map(in_markdown, heads)), cells, "l" + "r" * (len(heads) - 1))
    alone = not table.has_people and any(one.has_people for one in tables)
    said = [NOBODY] if alone else []
    notes = "\n".join(map(in_markdown, ["In brackets: 95 % intervals.", *said, *table.notes]))
    return f"### {in_markdown(title)}\n\n{text}\n\n{notes}"


def _lines(table: PanelTable) -> Iterator[tuple[Any, ...]]:
    """Yield a line of `COLUMNS` for each run and row and for each baseline; None if missing."""
    for run in table.runs:
        for row in (row for row in table.rows if row in run.rows):
            for baseline, quantity in {"": run.rows[row], **run.rows.baselines(row)}.items():
                yield (
                    *table.panel,
                    *(run.name, run.model, run.file.state, run.id, run.file.location),
                    *(row, find(row).label, baseline),
                    *(None if math.isnan(value) else value for value in quantity),
                )


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Return rows as CSV; texts pass `in_csv`, numbers stay as they are, None is an empty cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        [in_csv(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return out.getvalue()


def in_csv(text: str) -> str:
    """Return a text as a CSV cell that no spreadsheet computes, without control characters.

    Spreadsheets compute cells that begin with `=`, `+`, `-` or `@`, also in full-width form and
    after white space; an apostrophe in front marks text. Numbers, such as `-.12`, stay numbers.
    """
    shown = printable(text)
    is_number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", shown)
    is_formula = re.match(r"\s*[=+@\-\uff1d\uff0b\uff20\uff0d]", shown) and not is_number
    return f"'{shown}" if is_formula else shown


def in_markdown(text: str) -> str:
    """Return a text escaped so that Markdown and HTML show it unchanged."""
    safe = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    safe = re.sub(r"([\\`*_{}\[\]#|~$!^])", r"\\\1", safe)
    # Markdown makes links of plain addresses.
    return re.sub(r"(?i)(:(?=//)|@|(?<=www)\.)", r"\\\1", safe)
