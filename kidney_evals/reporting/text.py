"""Format numbers, lists and tables as text, and a run as a table of 80 columns."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from typing import Final

from inspect_ai.log import EvalLog
from rich.console import Console, JustifyMethod
from rich.table import Table

from kidney_evals.card.numbers import WIDTH, interval, number, short
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import FLAGS, GROUPS, find, headlines, predictions, readability, stated
from kidney_evals.reporting.rows import Rows

NOBODY: Final = "No people were asked."
"""Said once where a study has no human reference."""

NOT_ANSWERED: Final = {
    *readability.OUTCOMES.values(),
    *stated.OUTCOMES.values(),
    *predictions.OUTCOMES.values(),
}
"""Measures of outcomes without an answer; a table shows only those that occurred."""

FIRST: Final = ("coverage", "agreement", "flip_rate")
"""Measures that a table also shows for the first answers alone."""


def with_interval(row: Quantity) -> str:
    """Format a value, followed by its interval if it has one."""
    return f"{number(row.value)} {interval(row.low, row.high)}".rstrip()


def p_value(value: float) -> str:
    """Format a p-value with three decimals; "<.001" if it is smaller."""
    return "<.001" if value < 0.001 else short(value)


def text_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], align: Sequence[str], gap: int = 2
) -> str:
    """Format a table of at most `WIDTH` columns; cells that do not fit are wrapped.

    `align` has a letter for each column, `l`, `c` or `r`; a row without cells gives an empty line.
    """
    laid = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="")
    sides: dict[str, JustifyMethod] = {"l": "left", "c": "center", "r": "right"}
    for head, letter in zip(heads, align, strict=True):
        laid.add_column(head, justify=sides[letter], overflow="fold", no_wrap=letter != "l")
    for row in rows:
        laid.add_row(*row)
    out = io.StringIO()
    console = Console(
        file=out, width=WIDTH, color_system=None, force_terminal=False,
        markup=False, emoji=False, highlight=False,
    )  # fmt: skip
    console.print(laid)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip("\n").split("\n"))


def table(rows: Rows, condition: str, *, everything: bool = False) -> str:
    """Format a run's quantities as a table for a terminal of 80 columns.

    Measures without a value and without samples, and outcomes that never occurred, are omitted.
    `condition`, or `asks` in the metadata of other tasks, selects the measures at the top.
    `everything` shows every measure, the scores of respondents with known answers, the bounds of
    unanswered samples, and first answers.
    """
    head = [one.id for one in headlines(condition) if one.id in rows]
    groups: dict[str, list[Sequence[str]]] = {name: [] for name in ("headline", *GROUPS)}
    for id in [*head, *(id for id in rows if id not in head)]:
        one, row = find(id), rows[id]
        empty = (not row.defined and row.n == 0) or (id in NOT_ANSWERED and row.value == 0)
        if id in head or ((everything or one.stored) and not empty):
            groups["headline" if id in head else one.group].append(
                _line(one.label, row, rows.person(id))
            )
    if everything:
        groups["baselines"], groups["bounds"], groups["first"] = [], [], []
        for id in rows:
            label, known, bounds = find(id).label, rows.baselines(id), rows.bounds(id)
            if known:
                values = (_line(f"  {name}", value) for name, value in known.items())
                groups["baselines"] += [(f"{label}:",), *values]
            if bounds is not None and bounds.n:
                groups["bounds"].append(_line(f"{label}, bounds", bounds))
        for id in FIRST:
            if id in rows and (first := rows.first(id)) is not None:
                groups["first"].append(_line(f"{find(id).label}, first answers", first))
    lines = [line for group in groups.values() if group for line in ((), *group)]
    heads = ("", "value", "95 % interval", "people", "person", "n")
    if rows.has_people:
        return text_table(heads, lines, "lrcrrr")
    # A heading of one cell stays.
    kept = [(*line[:3], *line[-1:]) if line[1:] else line for line in lines]
    return text_table((*heads[:3], "n"), kept, "lrcr")


def _line(label: str, row: Quantity, person: float = math.nan) -> Sequence[str]:
    ends = interval(row.low, row.high)
    return label, number(row.value), ends, number(row.human), number(person), str(row.n)


def flags(rows: Rows) -> list[str]:
    """Return a line for each flag that is raised, with its cause."""
    return [
        f"{id}: {FLAGS[id].says}." + (f" Here: {reason}." if reason else "")
        for id, reason in rows.flags.items()
    ]


def how_it_ended(log: EvalLog) -> str:
    """Return a line on how a run with a target precision ended; empty for other runs."""
    stopping = log.results.early_stopping if log.results else None
    return str(stopping.metadata.get("says", "")) if stopping else ""
