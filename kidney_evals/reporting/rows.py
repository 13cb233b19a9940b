"""The quantities of a run: computed from its samples, else what its log stores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from inspect_ai.log import EvalLog
from inspect_ai.scorer import SampleScore

from kidney_evals.errors import UserError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import (
    GROUPS,
    MEASURES,
    AnyRun,
    aim_of,
    baselines_of,
    bounds_of,
    compute,
    find,
    measures_of,
    raised,
)
from kidney_evals.measures.readability import OUTCOMES
from kidney_evals.measures.run import Run
from kidney_evals.scorers import COLUMN

SCORERS: Final = ("answers", "stated", "predictions")
"""Scorers that score every sample of their task: a run is read from these."""


class Rows(Mapping[str, Quantity]):
    """The quantities of a run by id, each computed when it is asked for.

    Without the samples of a run it holds what the log stores, and has no flags, baselines or
    bounds.
    """

    def __init__(self, run: AnyRun | None, stored: Mapping[str, Quantity] | None = None) -> None:
        """Take the quantities of a run.

        Args:
            run: The run; None where its samples cannot be read.
            stored: What the log stores, used without a run.
        """
        self.run = run
        self._stored = dict(stored or {})
        self._ids = [one.id for one in measures_of(run)] if run is not None else [*self._stored]

    def __getitem__(self, id: str) -> Quantity:
        if self.run is None:
            return self._stored[id]
        if id not in self._ids:
            raise KeyError(id)
        return compute(self.run, id)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._ids, key=place_of))

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def flags(self) -> dict[str, str]:
        """The flags that are raised, each with what raised it (may be empty)."""
        return {} if self.run is None else raised(self.run)

    def baselines(self, id: str) -> dict[str, Quantity]:
        """Return what respondents with known answers score, by name; see `baselines_of`."""
        return {} if self.run is None else baselines_of(self.run, id)

    def bounds(self, id: str) -> Quantity | None:
        """Return the range that the unanswered samples leave open; see `bounds_of`."""
        return None if self.run is None else bounds_of(self.run, id)

    def aim(self, id: str) -> float:
        """Return what people's own answers would get; see `aim_of`."""
        if self.run is not None:
            return aim_of(self.run, id)
        aim = find(id).aim
        if isinstance(aim, str):
            return self._stored[id].human if aim == "people" else math.nan
        return float(aim)

    def first(self, id: str) -> Quantity | None:
        """Return a quantity of the first answers alone; None where no question was repeated."""
        if not isinstance(self.run, Run) or self.run.first is self.run:
            return None
        return compute(self.run.first, id)


def rows_of(log: EvalLog) -> Rows:
    """Return the quantities of a finished or partly finished run.

    Args:
        log: A log of one of this package's tasks. Read with its samples everything is computed
            from these; of the header alone it is what the log stores, rounded.
    """
    from kidney_evals.scorers.samples import run_of_scores

    scores = [
        SampleScore(score=score, sample_id=sample.id, sample_metadata=sample.metadata)
        for sample in log.samples or ()
        for name in SCORERS
        if (score := (sample.scores or {}).get(name)) is not None
    ]
    return Rows(run_of_scores(scores), stored_rows(log))


def stored_rows(log: EvalLog) -> dict[str, Quantity]:
    """Return what a log stores of the quantities of its run, by id, in the log's order."""
    rows: dict[str, Quantity] = {}
    for score in log.results.scores if log.results else ():
        columns = {metric.name: metric.value for metric in score.metrics.values()}
        ours = "n" in columns and set(columns) <= _COLUMNS
        if ours and score.name not in rows and _is_known(score.name):
            rows[score.name] = _quantity(columns)
    return rows


def place_of(id: str) -> tuple[int, int, str]:
    """Return the sort key of a measure in a table."""
    one = find(id)
    pattern = id if id in MEASURES else next(
        name for name in MEASURES if name.endswith("*") and id.startswith(name.rstrip("*"))
    )  # fmt: skip
    return (GROUPS.index(one.group), list(MEASURES).index(pattern), id)


_WORDS: Final = {
    "unprompted_indecision": ("undecided unasked", "undecided unasked"),
    "refusal": ("refusal", "refusals"),
    "truncated": ("cut off", "cut off"),
    "empty": ("empty", "empty"),
    "unreadable": ("unreadable", "unreadable"),
    "error": ("error", "errors"),
}
"""Outcomes without a decision in words, for one sample and for several."""


def unanswered(rows: Mapping[str, Quantity], outcomes: Mapping[str, str] = OUTCOMES) -> str:
    """Return how often each outcome without a decision occurred, in brackets; empty for none.

    Args:
        rows: The quantities by id.
        outcomes: The measure of each outcome.
    """
    found = []
    for outcome, id in outcomes.items():
        row = rows.get(id)
        count = round(row.value * row.n) if row is not None and row.defined else 0
        if count:
            found.append(f"{count} {_WORDS[outcome][count > 1]}")
    return f" ({', '.join(found)})" if found else ""


_COLUMNS = {*Quantity._fields, "stderr"}


def _is_known(id: str) -> bool:
    try:
        find(id)
    except UserError:
        # A row of an older version, or of another evaluation's scorer.
        return False
    return True


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
    """Return the rows of a log with an infinite number, which `stored_rows` takes for no number."""
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
