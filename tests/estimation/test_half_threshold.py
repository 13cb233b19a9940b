"""Where the better patient gets half of all answers: by hand, at its edges, and as an interval."""

import math
from typing import Any

import numpy as np
import pytest

from kidney_evals.estimation.half_threshold import (
    fit_half_threshold,
    fit_half_threshold_resamples,
    half_threshold,
)


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(
    ("theta", "expected"),
    [
        # One coin in five everywhere: the better patient needs .5 / .8 = .625 of the decided,
        # which a slope of 1 reaches at ln(.625 / .375) = .511.
        ((math.log(0.2 / 0.8), 0.0, 1.0), math.log(0.625 / 0.375)),
        # Twice as sharp, half as far.
        ((math.log(0.2 / 0.8), 0.0, 2.0), math.log(0.625 / 0.375) / 2),
        # Nobody flips.
        ((-40.0, 0.0, 1.0), 0.0),
        # Three coins in four wherever the patients stand.
        ((math.log(3.0), 0.0, 1.0), math.inf),
        # The worse patient is the favoured one.
        ((-1.0, -0.5, -1.0), math.inf),
    ],
)
def test_by_hand(theta: tuple[float, float, float], expected: float) -> None:
    assert float(half_threshold(theta)) == pytest.approx(expected, abs=1e-9)


def test_at_the_threshold_the_better_patient_gets_half() -> None:
    for a, b, s in ((-0.8, -0.66, 1.0), (0.5, -1.5, 0.3), (-2.0, 0.1, 0.7)):
        at = float(half_threshold((a, b, s)))
        assert (1 - logistic(a + b * at)) * logistic(s * at) == pytest.approx(0.5, abs=1e-9)


def answers(rng: np.random.Generator, n: int, theta: tuple[float, float, float]) -> tuple[Any, ...]:
    a, b, s = theta
    u = np.repeat(rng.normal(0, 1.5, n), 2)
    coin = rng.random(2 * n) < 1 / (1 + np.exp(-(a + b * np.abs(u))))
    first = rng.random(2 * n) < 1 / (1 + np.exp(-s * u))
    return u, np.where(coin, 2, np.where(first, 0, 1)), np.repeat(np.arange(n), 2)


def test_interval_holds_the_truth_as_often_as_it_says() -> None:
    theta, rng = (-0.8, -0.66, 1.0), np.random.default_rng(5)
    truth = float(half_threshold(theta))
    found = [fit_half_threshold(*answers(rng, 200, theta)) for _ in range(300)]
    inside = np.mean([one.low <= truth <= one.high for one in found])
    assert inside == pytest.approx(0.95, abs=0.035)
    assert np.mean([one.value for one in found]) == pytest.approx(truth, abs=0.02)


def test_resamples_of_everything_give_the_estimate_back() -> None:
    u, choice, label = answers(np.random.default_rng(1), 150, (-0.8, -0.66, 1.0))
    whole = fit_half_threshold(u, choice, label).value
    again = fit_half_threshold_resamples(u, choice, np.ones((2, len(u))))
    np.testing.assert_allclose(again, whole, rtol=1e-6)


def test_without_coins_it_is_zero_and_the_upper_end_allows_for_unseen_ones() -> None:
    u, choice, label = answers(np.random.default_rng(3), 100, (-60.0, 0.0, 1.0))
    found = fit_half_threshold(u, choice, label)
    assert (choice < 2).all()
    assert found.value == found.low == 0
    assert 0 < found.high < 0.2


def test_coins_alone_or_equal_patients_leave_it_open() -> None:
    u = np.array([1.0, -2.0, 0.5])
    assert math.isnan(fit_half_threshold(u, [2, 2, 2]).value)
    assert math.isnan(fit_half_threshold([1.0, -1.0, 1.0], [0, 2, 1]).value)
