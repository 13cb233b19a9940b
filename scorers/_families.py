"""Which function computes a row, by the beginning of the row's name.

A run of `stated_values` or of `predict_people` holds no choices between patients, so that its
rows cannot come from `kidney_evals.measures`. Their names begin with a prefix of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from inspect_ai.scorer import SampleScore

if TYPE_CHECKING:
    from kidney_evals.estimation.quantity import Quantity

Compute = Callable[[str, Sequence[SampleScore]], "Quantity"]
"""Computes one row, given its name or pattern, from the samples that count for it."""


def _of_dilemmas(row: str, scores: Sequence[SampleScore]) -> Quantity:
    from kidney_evals.scorers._run import quantity

    return quantity(row, scores)


def _stated(row: str, scores: Sequence[SampleScore]) -> Quantity:
    from kidney_evals.scorers._stated import quantity

    return quantity(row, scores)


def _predicted(row: str, scores: Sequence[SampleScore]) -> Quantity:
    from kidney_evals.scorers._predictions import quantity

    return quantity(row, scores)


FAMILIES: dict[str, Compute] = {
    "pred_": _predicted,
    "st_": _stated,
    "rev_": _stated,
    "gap_": _stated,
}
"""By the beginning of a row's name. The functions import what they need when they are called."""


@lru_cache(maxsize=256)
def warn_of_failure(row: str, reason: str) -> None:
    """Log once that a row has no value since its estimator failed."""
    logging.getLogger(__name__).warning(f"the row {row} has no value: {reason}")


def family_of(row: str) -> Compute:
    """Return the function that computes a row: without a prefix above, it is of dilemmas."""
    found = (compute for prefix, compute in FAMILIES.items() if row.startswith(prefix))
    return next(found, _of_dilemmas)
