"""Format a comparison of two versions as text for a terminal, as Markdown and as JSON.

The texts are in the templates `compare.jinja`, `compare.txt` and `compare.md`.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kidney_evals.card import ALONE
from kidney_evals.card.numbers import NOTHING, WIDTH, interval, listed, percent, short
from kidney_evals.errors import printable
from kidney_evals.planning.precision import ALARM, POWER
from kidney_evals.reporting.comparing.changes import PanelChange, RowChange
from kidney_evals.reporting.comparing.matching import SIDES
from kidney_evals.reporting.runs import differences
from kidney_evals.reporting.table_formats import NOT_RIGHT, in_markdown, markdown_table
from kidney_evals.reporting.text import NOBODY, p_value, text_table, unanswered
from kidney_evals.templates import templates

if TYPE_CHECKING:
    from jinja2 import Environment

    from kidney_evals.reporting.comparing.gate import Decision


@dataclass(frozen=True)
class Report:
    """A comparison of two versions.

    Attributes:
        old: Name of OLD, as the user gave it.
        new: Name of NEW, as the user gave it.
        lines: A line for each log or run that is not compared.
        decided: The outcomes of the rules.
        status: Exit status of the command.
    """

    old: str
    new: str
    panels: tuple[PanelChange, ...]
    lines: tuple[str, ...]
    decided: tuple[Decision, ...]
    status: int

    @property
    def not_right(self) -> str:
        """The sentence at the end, on what the comparison does not say."""
        return NOT_RIGHT if any(panel.has_people for panel in self.panels) else ALONE


def as_text(report: Report) -> str:
    """Format a comparison for a terminal of 80 columns."""
    return _templates().get_template("compare.txt").render(report=report).rstrip("\n")


def as_markdown(report: Report) -> str:
    """Format a comparison as Markdown; names of logs and models are escaped."""
    return _templates().get_template("compare.md").render(report=report).rstrip("\n")


def headline(panel: PanelChange) -> str:
    """Return a summary of a panel: its main measure, the human value, and the changed rows."""
    texts: Any = _templates().get_template("compare.jinja").module
    return str(texts.headline(panel)).strip()


@lru_cache(maxsize=1)
def _templates() -> Environment:
    names = {
        "SIDES": SIDES,
        "NOBODY": NOBODY,
        "zip": zip,
        "by_row": lambda panel: (
            {"flip_rate": None, "agreement": None} | {row.row: row for row in panel.rows}
        ),
        "wrap": _wrapped,
        "md": in_markdown,
        "percent": percent,
        "listed": listed,
        "unanswered": unanswered,
        "stretch": _stretch,
        "rows": _rows,
        "markdown_rows": _markdown_rows,
        "bounds": _all_bounds,
    }
    return templates("reporting", "comparing", names, trim=False)


def verdict(row: RowChange) -> str:
    """Return the verdict on a row, with "?" if the change is not clear after adjustment.

    It is "open" if unanswered samples alone may have caused the change.
    """
    if row.open:
        return "open"
    return row.verdict if row.clear or not row.moved else f"{row.verdict}?"


def _wrapped(text: str, before: str = "", after: str = "") -> str:
    return textwrap.fill(
        printable(text.strip()), WIDTH, initial_indent=before, subsequent_indent=after,
        break_on_hyphens=False,
    )  # fmt: skip


def _rows(panel: PanelChange) -> str:
    titles = ("", "OLD", "NEW", "people", "change", "95 % interval", "adj. p", "")
    rows: list[tuple[str, ...]] = [
        (*_cells(row), p_value(row.adjusted), "" if row.why else verdict(row)) for row in panel.rows
    ]
    heads, align, *rows = _kept(panel, titles, "lrrrrcrl", *rows)
    return text_table(heads, rows, align, gap=1)


def _all_bounds(panel: PanelChange) -> str:
    rows = [
        (row.label, _bounds(row), _detectable(row))
        for row in panel.rows
        if row.bounds is not None or row.detectable is not None
    ]
    return text_table(("", "bounds", "detectable"), rows, "lrr") if rows else ""


def _markdown_rows(panel: PanelChange) -> str:
    titles = ("", "OLD", "NEW", "people", "change [95 %]", "adjusted p", "detectable", "bounds", "")
    rows: list[tuple[str, ...]] = []
    for row in panel.rows:
        label, *values, change, ends = _cells(row)
        why = f" ({in_markdown(row.why)})" if row.why else ""
        tested = (p_value(row.adjusted), _detectable(row), _bounds(row), verdict(row) + why)
        rows.append((in_markdown(label), *values, f"{change} {ends}".rstrip(), *tested))
    heads, align, *rows = _kept(panel, titles, "lrrrrrrrl", *rows)
    return markdown_table(heads, rows, align)


def _kept(panel: PanelChange, *lines: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the cells of lines, without those of people, the fourth, if nobody was asked."""
    end = 4 if panel.has_people else 3
    return [(*line[:end], *line[4:]) for line in lines]


def _cells(row: RowChange) -> tuple[str, ...]:
    """Return the label, both values, the human value, the change and its interval."""
    first, second = (level.value for level in row.levels) if row.why else row.found[1:3]
    values, change = map(short, (first, second, row.aim)), row.found.change
    ends = interval(change.low, change.high, short)
    return row.label, *values, short(change.value, sign=True), ends


def _bounds(row: RowChange) -> str:
    return NOTHING if row.bounds is None else interval(*row.bounds, short)


def _detectable(row: RowChange) -> str:
    if row.detectable is None:
        return "not tabled"
    low, high = map(short, row.detectable)
    return low if low == high else f"{low} to {high}"


def _stretch(rows: int) -> float:
    """Return the factor by which `rows` tests enlarge the detectable change (Holm's first step)."""
    from scipy.special import ndtri

    return float((-ndtri(0.025 / rows) + POWER) / (ALARM + POWER)) if rows else 1.0


def as_json(report: Report) -> str:
    """Format a comparison as JSON with all numbers; a missing value is null."""
    from kidney_evals import __version__

    content = {
        "kidney_evals": __version__,
        "old": report.old,
        "new": report.new,
        "status": report.status,
        "panels": [_panel_record(panel) for panel in report.panels],
        "passed_over": report.lines,
        "rules": [
            {"rule": one.rule.text, "outcome": one.outcome, "why": one.lines}
            for one in report.decided
        ],
    }
    return json.dumps(content, indent=2)


def _panel_record(panel: PanelChange) -> dict[str, Any]:
    old, new = panel.runs
    runs = [
        {
            "model": run.name,
            "log": run.file.location,
            "state": run.file.state,
            "eval_id": run.id,
            "key": dict(run.key),
        }
        for run in panel.runs
    ]
    return {
        "task": old.panel.task,
        "study": old.panel.study,
        "old": runs[0],
        "new": runs[1],
        "despite": differences(old.key, new.key),
        "shared": panel.shared,
        "old_only": panel.alone[0],
        "new_only": panel.alone[1],
        "headline": headline(panel),
        "notes": panel.notes,
        "rows": [_row_record(row) for row in panel.rows],
    }


def _row_record(row: RowChange) -> dict[str, Any]:
    change = row.found.change
    names = ("bounds", "detectable", "verdict", "clear", "open", "why")
    record = {
        "row": row.row,
        "label": row.label,
        "old": row.found.first,
        "new": row.found.second,
        "old_level": row.levels[0].value,
        "new_level": row.levels[1].value,
        "people": row.aim,
        "change": change.value,
        "low": change.low,
        "high": change.high,
        "n": change.n,
        "p": row.found.p_value,
        "p_adjusted": row.adjusted,
        **{name: getattr(row, name) for name in names},
    }
    # JSON has no NaN.
    return {name: None if value != value else value for name, value in record.items()}
