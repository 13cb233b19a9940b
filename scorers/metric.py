"""The metric that computes every row of a log, and the names of its columns."""

import logging
import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import cast

from inspect_ai.scorer import Metric, SampleScore, Value, metric

from kidney_evals.measures import Measure, compute, person_of

COLUMN = "est"
"""Prefix of a row's columns in a log: `est_value`, `est_low`, … (see `COLUMNS`)."""

COLUMNS = ("value", "low", "high", "people", "person", "n", "stderr")
"""The columns of a row: the estimate, its 95 % interval, what the crowd and what a typical single
person score, the number of answers or dilemmas that the interval rests on, and its standard error.

The viewer's header shows the first five that have a number.
"""

DIGITS = 4
"""Decimals of numbers in a log. They are rounded here only; Inspect shows them unchanged."""


def _est(row: str) -> Metric:
    """Return the metric with the `COLUMNS` of a measure, or of the attribute of a family.

    The first word of a sample's value is the attribute. A column without a finite number is left
    out, since JSON has no NaN; n, which is 0 without a value, is always present.
    """

    def evaluate(scores: list[SampleScore]) -> Value:
        # These load numpy.
        from kidney_evals.estimation.quantity import undefined
        from kidney_evals.scorers.samples import run_of_scores

        result, person = undefined(), math.nan
        run = run_of_scores(scores)
        if run is not None:
            id = row.replace("*", str(scores[0].score.value).split(" ")[0])
            result = compute(run, id)
            person = person_of(run, id).median if result.defined else math.nan
            for name, error in run.failures.items():
                _warn(name, str(error))
        more = {"people": result.human, "person": person, "stderr": result.stderr}
        known = result._asdict() | more
        # Inspect shows the first column where a headline's row has no value.
        names = sorted(COLUMNS, key=lambda name: name != "n" or math.isfinite(result.value))
        finite = {name: known[name] for name in names if math.isfinite(known[name])}
        return cast(Value, {name: round(value, DIGITS) for name, value in finite.items()})

    return evaluate


@lru_cache(maxsize=256)
def _warn(row: str, reason: str) -> None:
    """Log, once for each row and reason, that a row has no value because its estimator failed."""
    logging.getLogger(__name__).warning(f"the row {row} has no value: {reason}")


# Inspect names a metric by the package of its function, so that a terminal of 80 columns would show
# `kidney_evals/est_v…` for every column. A partial belongs to no package and keeps the bare name.
est = cast(Callable[[str], Metric], metric(name=COLUMN, scores="unreduced")(partial(_est)))


def rows(measures: Sequence[Measure]) -> dict[str, list[Metric]]:
    """Return a metric for each of `measures`, as the metrics of a scorer, by key.

    The key is the measure's id, or `id*` for a measure that only some logs store. For a key that
    ends in `*`, Inspect creates a row for each key of the samples' values that matches it, and no
    row if none matches.
    """
    some = {one.id for one in measures if one.needs or isinstance(one.in_log, str)}
    return {
        f"{one.id}*" if one.id in some and not one.is_family else one.id: [est(one.id)]
        for one in measures
    }


def exact(measures: Iterable[Measure]) -> dict[str, list[Metric]]:
    """Return a metric for each measure in a task's log, by measure id.

    These metrics replace those of the scorer, some of which have a pattern as key (see `rows`).
    Inspect's full-screen display shows a pattern as a row until the first score arrives. In a fast
    run the removal of this row ends the display with an error.

    Args:
        measures: The measures of the log; a family (`imp_*`) is given as its members (`imp_age`).
    """
    return {one.id: [est(one.id)] for one in measures}
