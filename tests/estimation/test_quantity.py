"""Runs that every quantity must survive: few, one-sided, silent and stubborn respondents."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from estimation.simulated import drawn, fixed
from kidney_evals.estimation.agreement import agreement, chance_corrected_agreement, log_score
from kidney_evals.estimation.calibration import closeness_bins, flip_calibration, flip_slope
from kidney_evals.estimation.consistency import (
    dominance,
    order_effect,
    position_bias,
    swap_disagreement,
)
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.distance import choice_distance, fixed_distance, side_correction
from kidney_evals.estimation.indecision import indecision_gap, indecision_rate
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.estimation.respondent_baselines import baselines

QUANTITIES: list[Callable[[Decisions], Quantity]] = [
    agreement, chance_corrected_agreement, log_score, choice_distance, fixed_distance,
    indecision_rate, indecision_gap, flip_calibration, flip_slope, swap_disagreement,
    order_effect, position_bias, dominance,
]  # fmt: skip


def strangers(run: Decisions) -> Decisions:
    return run.against(np.full_like(run.shares, np.nan), None)


def always_a(run: Decisions) -> Decisions:
    return run.take([]).with_answers(run.dilemma, run.order, run.order)


def whole(condition: str, **changes: Any) -> Decisions:
    return drawn(1, "one_person", condition, 30, **changes)


CASES: dict[str, Callable[[str], Decisions]] = {
    "limit 3": lambda condition: whole(condition).take([0, 1, 2]),
    "limit 3, one dilemma": lambda condition: whole(condition).at([0]),
    "one answer": lambda condition: whole(condition).at([0]).take([0]),
    "one order": lambda condition: whole(condition, orders=1),
    "all refused": lambda condition: whole(condition).take([]),
    "no dilemmas": lambda condition: whole(condition).at([]),
    "deterministic": lambda condition: drawn(1, "majority", condition, 30),
    "always A": lambda condition: always_a(whole(condition)),
    "people unknown": lambda condition: strangers(whole(condition)),
    "no human draws": lambda condition: whole(condition, human_error=False),
    "repeats": lambda condition: whole(condition, epochs=3),
    "only coins": lambda _: drawn(1, "always_coin", "coin_flip", 30),
    "no coins": lambda _: drawn(1, "never_flips", "coin_flip", 30),
    "fixed": lambda condition: fixed(1, "one_person", condition, epochs=2),
    "fixed, single": lambda condition: fixed(1, "one_person", condition, epochs=1),
    "fixed, one order": lambda condition: fixed(1, "one_person", condition, epochs=1, orders=1),
    "fixed, deterministic": lambda condition: fixed(1, "majority", condition),
    "fixed, people unknown": lambda condition: strangers(fixed(1, "one_person", condition)),
    "fixed, refused": lambda condition: fixed(1, "one_person", condition).take([]),
}


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
@pytest.mark.parametrize("name", CASES)
def test_every_row_is_sensible(condition: str, name: str) -> None:
    run = CASES[name](condition)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = [quantity(run) for quantity in QUANTITIES]
        rows += [part.gap for part in closeness_bins(run)]
        baselines(run)
        side_correction(run)
    for row in rows:
        assert row.defined == (row.n > 0)
        if row.defined:
            assert np.isfinite(row.value)
        else:
            assert np.isnan([row.low, row.high]).all()
        assert not row.low > row.high
        if row.defined and not np.isnan(row.low):
            # Recentred intervals may leave a noisy estimate out; they never end in nothing.
            assert np.isfinite([row.low, row.high]).all()


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda one: one.__name__)
def test_unanswered_dilemmas_may_be_listed_or_left_out(
    quantity: Callable[[Decisions], Quantity],
) -> None:
    run = drawn(2, "one_person", "coin_flip", 40)
    part = run.take(run.dilemma < 30)
    np.testing.assert_array_equal(quantity(part), quantity(part.at(np.arange(30))))


# Flip calibration takes a variance off, and its slope a penalty on, that shrink with dilemmas.


def test_a_row_without_a_value() -> None:
    row = undefined(human=0.5)
    assert not row.defined
    assert (row.human, row.n) == (0.5, 0)


def test_a_shift_moves_everything_but_the_count() -> None:
    assert Quantity(0.5, 0.25, 0.75, 0.5, 7).shifted(-0.5) == Quantity(0.0, -0.25, 0.25, 0.0, 7)
