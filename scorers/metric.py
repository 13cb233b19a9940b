"""The metric that computes every row of a log, and the names of its columns."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import cast

from inspect_ai.scorer import Metric, SampleScore, Value, metric

from kidney_evals.measures import Measure, compute

COLUMN = "est"
"""Prefix of a row's columns in a log: `est_value`, `est_low`, `est_high`, `est_human`, `est_n` and
`est_stderr`."""

DIGITS = 4
"""Digits of numbers in a log. They are rounded here only; Inspect shows them unchanged."""


def _est(row: str) -> Metric:
    """Return the metric that computes a measure of the run.

    Args:
        row: The id of a measure. For a family ("imp_*"), the first word of a sample's value is the
            attribute.

    Returns:
        A metric with the columns value, low, high, human, n and stderr. A column without a finite
        number is left out, since JSON has no NaN; n, which is 0 without a value, is always present.
    """

    def evaluate(scores: list[SampleScore]) -> Value:
        # These load numpy.
        from kidney_evals.estimation.quantity import undefined
        from kidney_evals.scorers.samples import run_of_scores

        result = undefined()
        run = run_of_scores(scores)
        if run is not None:
            result = compute(run, row.replace("*", str(scores[0].score.value).split(" ")[0]))
            for name, error in run.failures.items():
                _warn(name, str(error))
        names = ("value", "low", "high", "human", "n", "stderr")
        if not math.isfinite(result.value):
            # Inspect shows the first column where a headline's row has no value.
            names = ("n", "value", "low", "high", "human", "stderr")
        columns = {name: getattr(result, name) for name in names}
        finite = {name: value for name, value in columns.items() if math.isfinite(value)}
        return cast(Value, {name: round(value, DIGITS) for name, value in finite.items()})

    return evaluate


@lru_cache(maxsize=256)
def _warn(row: str, reason: str) -> None:
    """Log, once for each row and reason, that a row has no value because its estimator failed."""
    logging.getLogger(__name__).warning(f"the row {row} has no value: {reason}")


# Inspect names a metric by the package of its function, so that a terminal of 80 columns would show
# `kidney_evals/est_v…` for every column. A partial belongs to no package and keeps the bare name.
est = cast(Callable[[str], Metric], metric(name=COLUMN, scores="unreduced")(partial(_est)))


def rows(measures: Iterable[Measure]) -> dict[str, list[Metric]]:
    """Return the metrics of a scorer by key, one for each of `measures`.

    The key is the measure's id. If a key ends in `*`, Inspect creates a row for each key of the
    samples' values that matches it, and no row if none matches. Therefore a measure that only some
    runs have gets the key `id*`: it matches only the id, and other runs have no row for it.
    """
    return {
        f"{one.id}*" if one.needs and not one.is_family else one.id: [est(one.id)]
        for one in measures
    }
