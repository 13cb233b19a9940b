"""The two-stage flip model and the flip slope."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kidney_evals.estimation.two_stage import fit_flip_slope, fit_two_stage

WEIGHTS, START, SLOPE = np.array([0.7, 1.1]), -0.8, 0.6


def simulate(rng: np.random.Generator, n: int, side: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    x = rng.uniform(-3, 3, (n, 2))
    u = x @ WEIGHTS
    coin = rng.random(n) < 1 / (1 + np.exp(-(START - SLOPE * np.abs(u))))
    second = rng.random(n) > 1 / (1 + np.exp(-(u + side)))
    return x, np.where(coin, 2, second.astype(int))


def test_parameters_are_recovered_within_their_errors() -> None:
    x, choice = simulate(np.random.default_rng(1), 20_000, side=0.3)
    fit = fit_two_stage(x, choice, intercept=True)
    error = np.sqrt(np.diag(fit.covariance))
    assert (np.abs(fit.theta - [*WEIGHTS, START, SLOPE, 0.3]) < 4 * error).all()
    assert (error < 0.06).all()
    assert fit.parameters == 5


def test_intervals_cover_with_answers_repeated_in_clusters() -> None:
    rng = np.random.default_rng(2)
    truth = np.array([*WEIGHTS, START, SLOPE])
    inside = np.zeros(4)
    for _ in range(100):
        x, choice = simulate(rng, 300)
        fit = fit_two_stage(
            np.vstack([x, x]), np.tile(choice, 2), clusters=np.tile(np.arange(300), 2)
        )
        error = np.sqrt(np.diag(fit.covariance))[:4]
        inside += np.abs(fit.theta[:4] - truth) < 1.96 * error
    # 100 runs know a coverage of .95 to .022; without clusters it would be .83.
    assert (inside / 100 > 0.89).all()


def test_shares_sum_to_one_and_equal_patients_get_the_flip_intercept() -> None:
    x, choice = simulate(np.random.default_rng(4), 800)
    fit = fit_two_stage(x, choice)
    np.testing.assert_allclose(fit.predict(x).sum(axis=1), 1.0)
    first, second, coin = fit.predict(np.zeros((1, 2)))[0]
    assert first == second
    assert coin == pytest.approx(1 / (1 + math.exp(-fit.flip_intercept)), abs=2e-3)


def test_symmetries() -> None:
    x, choice = simulate(np.random.default_rng(3), 800, side=0.2)
    theta = fit_two_stage(x, choice, intercept=True).theta
    mirrored = fit_two_stage(-x, np.array([1, 0, 2])[choice], intercept=True).theta
    np.testing.assert_allclose(mirrored, theta * [1, 1, 1, 1, -1], atol=1e-7)
    rescaled = fit_two_stage(x * [1e3, 0.01], choice, intercept=True).theta
    np.testing.assert_allclose(rescaled * [1e3, 0.01, 1, 1, 1], theta, atol=1e-6)
    order = np.random.default_rng(4).permutation(800)
    mixed = fit_two_stage(x[order], choice[order], intercept=True).theta
    np.testing.assert_allclose(mixed, theta, atol=1e-9)


def test_flip_slope_is_recovered() -> None:
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(200):
        distance = rng.exponential(1.5, 200)
        coin = rng.random(200) < 1 / (1 + np.exp(0.8 + 0.66 * distance))
        found = fit_flip_slope(distance, coin, np.arange(200))
        inside += found.low < -0.66 < found.high
    assert inside / 200 > 0.90


@pytest.mark.parametrize(
    ("distance", "coin"),
    [([0.1, 1.0, 2.0], [0, 0, 0]), ([0.1, 1.0], [1, 1]), ([1.0, 1.0], [0, 1]), ([], [])],
)
def test_flip_slope_is_nan_where_nothing_varies(distance: list[float], coin: list[int]) -> None:
    found = fit_flip_slope(distance, coin, np.arange(len(coin)))
    assert math.isnan(found.slope) and math.isnan(found.low) and not found.separated


def test_a_threshold_in_closeness_is_a_finite_flagged_slope() -> None:
    distance = np.linspace(0.1, 4, 40)
    found = fit_flip_slope(distance, distance < 1, np.arange(40))
    assert found.separated
    assert -100 < found.slope < -1
