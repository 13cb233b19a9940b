"""The one metric behind every row, and the name under which its columns appear."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from inspect_ai.scorer import Metric, SampleScore, Value, metric

from kidney_evals.errors import UserError
from kidney_evals.measures.names import BOUNDS
from kidney_evals.scorers._families import family_of, warn_of_failure

if TYPE_CHECKING:
    from kidney_evals.estimation.quantity import Quantity

COLUMN = "est"
"""Prefix of a row's columns in a log: `est_value`, `est_low`, `est_high`, `est_human`, `est_n` and
`est_stderr`."""

DIGITS = 4
"""Inspect prints what it is given, so numbers are rounded here and only here."""


def _est(row: str) -> Metric:
    """Compute one row of the run.

    Args:
        row: The row's name, or the pattern of a family of rows ("importance_*") whose sample
            values say by their first word which member they belong to.

    Returns:
        A metric with the columns value, low, high, human, n and stderr. A column without a finite
        number is left out, since JSON has no NaN; n, which is 0 without a value, is always there.
    """

    def compute(scores: list[SampleScore]) -> Value:
        # Its module loads numpy.
        from kidney_evals.estimation.errors import FAILURES
        from kidney_evals.estimation.quantity import undefined

        try:
            result = family_of(row)(row, scores)
        except UserError:
            raise
        except FAILURES as error:
            warn_of_failure(row, str(error))
            result = undefined()
        return cast(Value, _columns(row, result))

    return compute


def _columns(row: str, result: Quantity) -> dict[str, float]:
    """Return the columns of a row that hold a finite number, rounded."""
    columns = {
        "value": result.value,
        "low": result.low,
        "high": result.high,
        "human": result.human,
        "n": result.n,
    }
    if result.defined and not row.startswith(BOUNDS):
        columns["stderr"] = result.stderr
    kept = {name: value for name, value in columns.items() if math.isfinite(value)}
    if "value" not in kept:
        # Inspect shows the first column where a headline's row has no value.
        kept = {"n": kept["n"]} | kept
    return {name: value if name == "n" else round(value, DIGITS) for name, value in kept.items()}


# Inspect puts the package before a packaged metric's name and uses that as the column's key,
# so that a terminal of 80 columns shows `kidney_evals/est_v…` five times over. A function of no
# importable module keeps its bare name. `tests/scorers` would notice if that changed.
_est.__module__ = "kidney_evals:columns"
est = cast(Callable[[str], Metric], metric(name=COLUMN, scores="unreduced")(_est))


def rows(*names: str) -> dict[str, list[Metric]]:
    """Return the metrics of a scorer whose rows are `names`."""
    return {name: [est(name)] for name in names}
