"""The tasks as the tests of this room run them, small, and what their logs hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inspect_ai import Task
from inspect_ai.log import EvalSample

from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values

TASKS: dict[str, Callable[[], Task]] = {
    "forced_choice": lambda: forced_choice(controls=False),
    "json": lambda: coin_flip(controls=False, channel="json"),
    "tool": lambda: coin_flip(controls=False, channel="tool"),
    "precision": lambda: coin_flip(dilemmas=100, controls=False, precision=0.05),
    "stated_values": lambda: stated_values(),
    "predict_people": lambda: predict_people(drawn=10),
}

QUIET: dict[str, Any] = {"display": "none", "score_display": False}
"""Options of a run that prints nothing."""


def outcomes_of(sample: EvalSample) -> tuple[str, str | None]:
    """How a sample was read, and how its first answer was where the question was repeated."""
    assert sample.scores
    name = next(one for one in ("answers", "stated", "predictions") if one in sample.scores)
    told = sample.scores[name].metadata or {}
    return str(told["outcome"]), told.get("first_outcome")
