from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from numpy.typing import ArrayLike

from estimation.simulated import drawn
from kidney_evals.estimation.agreement import agreement
from kidney_evals.estimation.bounds import (
    agreement_bounds,
    calibration_bounds,
    distance_bounds,
    indecision_bounds,
    swap_bounds,
)
from kidney_evals.estimation.calibration import calibration_value
from kidney_evals.estimation.consistency import swap_disagreement
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.distance import distance_value
from kidney_evals.estimation.quantity import Quantity

Bound = Callable[[Decisions, ArrayLike, ArrayLike], Quantity]
ALL: list[Bound] = [
    agreement_bounds, indecision_bounds, swap_bounds, calibration_bounds, distance_bounds,
]  # fmt: skip


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_bounds_are_the_extremes_over_all_completions(condition: str) -> None:
    # Five dilemmas in both orders; four samples unanswered, two of them of one dilemma.
    full, gone = drawn(3, "one_person", condition, 5), [0, 3, 4, 9]
    run = full.take(np.delete(np.arange(10), gone))
    dilemma, order = full.dilemma[gone], full.order[gone]
    completions = [
        run.with_answers(dilemma, order, np.array(choice))
        for choice in product(range(run.shares.shape[1]), repeat=len(dilemma))
    ]
    reached = [agreement(one).value for one in completions]
    found = agreement_bounds(run, dilemma, order)
    assert found.value == agreement(run).value
    assert (found.low, found.high) == pytest.approx((min(reached), max(reached)))
    swaps = [swap_disagreement(one).value for one in completions]
    found = swap_bounds(run, dilemma, order)
    assert (found.low, found.high) == pytest.approx((min(swaps), max(swaps)))
    if condition == "coin_flip":
        coins = int((run.choice == 2).sum())
        found = indecision_bounds(run, dilemma, order)
        assert found[:3] == pytest.approx((coins / 6, coins / 10, (coins + 4) / 10))
        assert found.n == 4


def test_two_ways_hold_the_observed_figure() -> None:
    full = drawn(3, "one_person", "coin_flip", 100)
    close = full.closeness[full.dilemma] < 0.5
    run, gone = full.take(~close), full.take(close)
    for bound, figure in (
        (calibration_bounds, calibration_value),
        (distance_bounds, distance_value),
    ):
        found = bound(run, gone.dilemma, gone.order)
        assert found.value == figure(run)
        assert found.low <= found.value <= found.high
        assert found.low < found.high
    # Whatever the refused answers were, the bounds of agreement hold the full run's figure.
    found = agreement_bounds(run, gone.dilemma, gone.order)
    assert found.low < agreement(full).value < found.high


@pytest.mark.parametrize("bound", ALL)
def test_nothing_missing_and_nothing_answered(bound: Bound) -> None:
    run = drawn(1, "one_person", "coin_flip", 30)
    found = bound(run, [], [])
    assert found.low == found.high == pytest.approx(found.value)
    assert found.n == 0
    found = bound(run.take([]), run.dilemma, run.order)
    assert np.isnan(found.value)
    assert found.low <= found.high
