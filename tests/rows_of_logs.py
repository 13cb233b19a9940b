"""The rows of a finished run, as its log holds them."""

from __future__ import annotations

import math

from inspect_ai.log import EvalLog


def rows_of(log: EvalLog) -> dict[str, dict[str, float]]:
    """Every row by name: its columns value, low, high, human and n, NaN where the log has none."""
    assert log.status == "success", log.error
    assert log.results
    return {
        one.name: dict.fromkeys(("value", "low", "high", "human"), math.nan)
        | {key.removeprefix("est_"): metric.value for key, metric in one.metrics.items()}
        for one in log.results.scores
    }
