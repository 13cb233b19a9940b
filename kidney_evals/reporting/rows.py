"""The rows of a log: what each is called, what it says, and its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml
from inspect_ai.log import EvalLog

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures.names import PARTS
from kidney_evals.scorers import COLUMN

IMPORTANCE = "imp"
"""Prefix of the rows that are named from a study's attributes."""


@dataclass(frozen=True)
class RowCard:
    """What a row means.

    Attributes:
        name: The row's name in the log; a prefix for the importance shares.
        group: Which part of a table it belongs to.
        label: Short name for a terminal.
        says: What it measures, in a sentence.
        reads: Which way it reads.
        gamed_by: What would score well without being like people; empty for a baseline or flag.
        aim: What people's own answers would get: "people" for the row's own human value, a number,
            the name of another row of the run, or "none"; see `kidney_evals.measures.verdict`.
    """

    name: str
    group: str
    label: str
    says: str
    reads: str
    gamed_by: str = ""
    aim: str | float = "none"


@lru_cache(maxsize=1)
def row_cards() -> dict[str, RowCard]:
    """Return the card of every row, in the order of a table."""
    text = files("kidney_evals.reporting").joinpath("rows.yaml").read_text(encoding="utf-8")
    return {name: RowCard(name=name, **entry) for name, entry in yaml.safe_load(text).items()}


def card_of(name: str) -> RowCard:
    """Return the card of the row `name`, also of one named from a study."""
    cards = row_cards()
    if name in cards:
        return cards[name]
    family, _, attribute = name.partition("_")
    if family in cards and attribute:
        base = cards[family]
        attribute = attribute.replace("_", " ")
        label = f"{base.label}, {attribute}"
        return RowCard(name, base.group, label, base.says, base.reads, aim=base.aim)
    return RowCard(name, "other", name.replace("_", " "), "", "")


def place_of(name: str) -> tuple[int, str]:
    """Return what rows are sorted by where a table lists them."""
    cards = list(row_cards())
    base = name if name in cards else name.partition("_")[0]
    return (cards.index(base) if base in cards else len(cards), name)


_OUTCOMES: Final = {
    "unprompted_indecision": ("undecided unasked", "undecided unasked"),
    "refusal": ("refusal", "refusals"),
    "truncated": ("cut off", "cut off"),
    "empty": ("empty", "empty"),
    "unreadable": ("unreadable", "unreadable"),
    "error": ("error", "errors"),
}
"""Outcomes without a decision in words, for one sample and for several."""


def unanswered(rows: Mapping[str, Quantity], parts: Mapping[str, str] = PARTS) -> str:
    """Return how often each outcome without a decision occurred, in brackets; empty for none.

    Args:
        rows: The rows by name.
        parts: The row of each outcome.
    """
    found = []
    for outcome, name in parts.items():
        row = rows.get(name)
        count = round(row.value * row.n) if row is not None and row.defined else 0
        if count:
            found.append(f"{count} {_OUTCOMES[outcome][count > 1]}")
    return f" ({', '.join(found)})" if found else ""


def rows_of(log: EvalLog) -> dict[str, Quantity]:
    """Return the numbers of a finished or partly finished run, by row, in the log's order.

    Args:
        log: A log of one of this package's tasks; the header is enough.
    """
    rows: dict[str, Quantity] = {}
    for score in log.results.scores if log.results else ():
        columns = {metric.name: metric.value for metric in score.metrics.values()}
        if "n" in columns and set(columns) <= _COLUMNS and score.name not in rows:
            rows[score.name] = _quantity(columns)
    return rows


_COLUMNS = {*Quantity._fields, "stderr"}


def _quantity(columns: dict[str, Any]) -> Quantity:
    # A column without a number is not in the log; older logs hold NaN and no standard error.
    known = {name: _finite(columns.get(name)) for name in ("value", "low", "high", "human")}
    n = _finite(columns.get("n"))
    return Quantity(**known, n=0 if math.isnan(n) else int(n))


def _finite(value: Any) -> float:
    return float(value) if _is_finite(value) else math.nan


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def odd_rows(log: EvalLog) -> list[str]:
    """Return the rows of a log with an infinite number, which `rows_of` takes for no number."""
    return [
        score.name
        for score in _scores(log)
        if any(
            not _is_finite(one.value) and one.value == one.value for one in score.metrics.values()
        )
    ]


def is_ours(log: EvalLog) -> bool:
    """Whether a log comes from a task of this package."""
    asked = {"study", "condition"} <= set(log.eval.metadata or {})
    return asked and any(name == f"{COLUMN}_n" for score in _scores(log) for name in score.metrics)


def _scores(log: EvalLog) -> list[Any]:
    return list(log.results.scores) if log.results else []
