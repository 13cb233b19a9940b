"""The one metric behind every row, and the name under which its columns appear."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from inspect_ai.scorer import Metric, SampleScore, Value, metric

from kidney_evals.scorers._families import family_of

COLUMN = "est"
"""Prefix of a row's columns in a log: est_value, est_low, est_high, est_human, est_n."""

DIGITS = 4
"""Inspect prints what it is given, so numbers are rounded here and only here."""


def _est(row: str) -> Metric:
    """Compute one row of the run.

    Args:
        row: The row's name, or the pattern of a family of rows ("importance_*") whose sample
            values say by their first word which member they belong to.

    Returns:
        A metric with the columns value, low, high, human and n, NaN where nothing can be said.
    """

    def compute(scores: list[SampleScore]) -> Value:
        result = family_of(row)(row, scores)
        columns = {
            "value": result.value,
            "low": result.low,
            "high": result.high,
            "human": result.human,
        }
        rounded: dict[str, float] = {name: round(value, DIGITS) for name, value in columns.items()}
        return cast(Value, rounded | {"n": result.n})

    return compute


# Inspect puts the package before a packaged metric's name and uses that as the column's key,
# so that a terminal of 80 columns shows `kidney_evals/est_v…` five times over. A function of no
# importable module keeps its bare name. `tests/scorers` would notice if that changed.
_est.__module__ = "kidney_evals:columns"
est = cast(Callable[[str], Metric], metric(name=COLUMN, scores="unreduced")(_est))


def rows(*names: str) -> dict[str, list[Metric]]:
    """Return the metrics of a scorer whose rows are `names`."""
    return {name: [est(name)] for name in names}
