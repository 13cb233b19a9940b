"""Format numbers and tables as text, and a run as a table of 80 columns or as sentences.

Sentences on runs of choices come from their cards, those on other tasks from `sentence.txt`.
"""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from inspect_ai.log import EvalLog
from rich.console import Console, JustifyMethod
from rich.table import Table

from kidney_evals import measures
from kidney_evals.card.numbers import WIDTH, interval, number, short
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import predictions, readability, stated
from kidney_evals.reporting.rows import Rows
from kidney_evals.studies import CONDITIONS
from kidney_evals.templates import templates

NOBODY: Final = "No people were asked."
"""Printed once where a study has no human reference."""

NOT_ANSWERED: Final = {
    *readability.OUTCOMES.values(),
    *stated.OUTCOMES.values(),
    *predictions.OUTCOMES.values(),
}
"""Measures of outcomes without an answer; a table shows only those that occurred."""

FIRST: Final = ("coverage", "agreement", "flip_rate")
"""Measures that a table also shows for the answers before any repeat question."""

NO_PEOPLE: Final = (
    "No people were asked for stated weights; people's figures are what their choices reveal."
)

_OUTCOME_WORDS: Final = {
    "unprompted_indecision": ("undecided unasked", "undecided unasked"),
    "refusal": ("refusal", "refusals"),
    "truncated": ("cut off", "cut off"),
    "empty": ("empty", "empty"),
    "unreadable": ("unreadable", "unreadable"),
    "error": ("error", "errors"),
}
"""Labels of the outcomes without a decision, singular and plural."""


def with_interval(row: Quantity) -> str:
    """Format a value, followed by its interval if it has one."""
    return f"{number(row.value)} {interval(row.low, row.high)}".rstrip()


def p_value(value: float) -> str:
    """Format a p-value with three decimals; "<.001" if it is smaller."""
    return "<.001" if value < 0.001 else short(value)


def text_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], align: Sequence[str], gap: int = 2
) -> str:
    """Format a table for `WIDTH` characters; left-aligned cells that do not fit are wrapped.

    `align` has a letter for each column, `l`, `c` or `r`; `gap` is the number of spaces between
    columns. A row without cells gives an empty line.
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

    The headlines of the task are at the top. Below them, measures without a value and without
    samples, and outcomes that never occurred, are omitted.

    Args:
        rows: The quantities.
        condition: The condition of the run; of a task without choices, its name (`stated_values`).
        everything: Whether the table also has measures that no log stores, the values of simple
            respondents, the bounds over unanswered samples, and measures of the answers before any
            repeat question.
    """
    head = [one.id for one in measures.headlines(condition) if one.id in rows]
    groups: dict[str, list[Sequence[str]]] = {name: [] for name in ("headline", *measures.GROUPS)}
    for id in [*head, *(id for id in rows if id not in head)]:
        one, row = measures.find(id), rows[id]
        empty = (not row.defined and row.n == 0) or (id in NOT_ANSWERED and row.value == 0)
        if id in head or ((everything or one.stored) and not empty):
            groups["headline" if id in head else one.group].append(
                _line(one.label, row, rows.person(id))
            )
    if everything:
        groups["baselines"], groups["bounds"], groups["first"] = [], [], []
        for id in rows:
            label, known, bounds = measures.find(id).label, rows.baselines(id), rows.bounds(id)
            if known:
                values = (_line(f"  {name}", value) for name, value in known.items())
                groups["baselines"] += [(f"{label}:",), *values]
            if bounds is not None and bounds.n:
                groups["bounds"].append(_line(f"{label}, bounds", bounds))
        for id in FIRST:
            if id in rows and (first := rows.first(id)) is not None:
                groups["first"].append(_line(f"{measures.find(id).label}, first answers", first))
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
        f"{id}: {measures.FLAGS[id].says}." + (f" Here: {reason}." if reason else "")
        for id, reason in rows.flags.items()
    ]


def how_it_ended(log: EvalLog) -> str:
    """Return a line on how a run with a target precision ended; empty for other runs."""
    stopping = log.results.early_stopping if log.results else None
    return str(stopping.metadata.get("says", "")) if stopping else ""


def unanswered(
    rows: Mapping[str, Quantity], outcomes: Mapping[str, str] = readability.OUTCOMES
) -> str:
    """Return the number of samples with each outcome without a decision, in brackets, or "".

    `outcomes` maps each outcome to the id of its measure.
    """
    counts = []
    for outcome, id in outcomes.items():
        row = rows.get(id)
        if row is not None and row.defined and (count := round(row.value * row.n)):
            counts.append(f"{count} {_OUTCOME_WORDS[outcome][count > 1]}")
    return f" ({', '.join(counts)})" if counts else ""


def sentence(rows: Rows, condition: str) -> str:
    """Return a summary of a run in a few sentences.

    `condition` is the condition of the run; of a task without choices, its name.
    """
    if condition in CONDITIONS:
        if rows.card:
            return rows.card.summary
        return (
            "Without the scores of its samples only the measures in the log are known; "
            "`kidney-evals rescore` scores them."
        )
    rules = [row for row in stated.RULES if row in rows and rows[row].defined]
    most = max(rules, key=lambda row: rows[row].value, default="")
    names = {"number": number, "unanswered": unanswered, "NO_PEOPLE": NO_PEOPLE, "NOBODY": NOBODY}
    template = templates("reporting", "", names, trim=False).get_template("sentence.txt")
    text = template.render(
        rows=rows,
        task=condition,
        weights=_stated_shares(rows),
        rule=(stated.RULES[most][-1], rows[most].value) if most else (),
        outcomes=stated.OUTCOMES if condition == "stated_values" else predictions.OUTCOMES,
    )
    return " ".join(text.split()) or "Too few answers to say anything."


def _stated_shares(rows: Rows) -> str:
    """Return the signed shares that were stated, beside the human shares, the largest first."""
    held = [(id, rows[id]) for id in rows if id.startswith("st_") and id not in measures.MEASURES]
    shown = sorted((one for one in held if one[1].defined), key=lambda one: -abs(one[1].value))
    return ", ".join(
        f"{id.removeprefix('st_').replace('_', ' ')} {row.value:+.2f}"
        + ("" if math.isnan(row.human) else f" (people {row.human:+.2f})")
        for id, row in shown
    )
