"""What repetition shows: answers to the same dilemma again, and the parts of their variance."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from kidney_evals.estimation.consistency import retest_disagreement, swap_disagreement
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.estimation.variance_shares import Part, VarianceShares, one_hot, variance_shares
from kidney_evals.measures.run import Run

Group = Literal["easy", "hard"]
"""The kinds of pairs that people were asked in every session (Boerstler et al. 2024)."""


def retest(run: Run, group: Group, *, swapped: bool) -> Quantity:
    """Return how often two answers to one repeated pair differ.

    Args:
        run: A run of a study of repeated pairs.
        group: Which pairs.
        swapped: Whether the two answers were given in opposite orders, or in the same one.

    Returns:
        `human` is people asked in two sessions, whom swapping sides did not change. NaN in the
        same order at temperature 0, where repetition measures nothing.
    """
    anchors = run.reference.anchors.get("swap_disagreement", {})
    person = anchors.get(f"one_person_{group}")
    human = float("nan") if person is None else person.value
    if run.at_zero and not swapped:
        return undefined(human=human)
    mask = np.array([one.id.startswith(f"{group}-") for one in run.dilemmas], dtype=np.bool_)
    answers = run.decisions.at(mask)
    return swap_disagreement(answers, human) if swapped else retest_disagreement(answers, human)


def variance_share(run: Run, part: Part) -> Quantity:
    """Return the share of the variance of answers that belongs to a part of the crossed design.

    NaN with n = 0 where it is not identified.
    """
    found = variance_parts(run)
    return undefined() if found is None else found.share(part)


@lru_cache(maxsize=4)
def variance_parts(run: Run) -> VarianceShares | None:
    """Split the variance of a run's answers; None where nothing was read."""
    answered = run.choice >= 0
    if not answered.any():
        return None
    wording = np.zeros(len(run.choice), dtype=np.int64) if run.wording is None else run.wording
    return variance_shares(
        run.dilemma[answered],
        wording[answered],
        run.order[answered],
        run.epoch[answered],
        one_hot(run.choice[answered]),
    )
