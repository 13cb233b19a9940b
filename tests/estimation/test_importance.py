"""Importance shares, their errors and the test that must be passed before they are reported."""

from __future__ import annotations

import numpy as np
import pytest

from estimation.simulated import random_differences
from kidney_evals.estimation.importance import (
    estimate_importance,
    importance_covariance,
    importance_distance,
    importance_shares,
    wald_signal,
)
from kidney_evals.estimation.logit import fit_logit

RANGES = np.array([4.5, 4.0, 2.0])
HUMAN = np.array([0.699, 0.429, 0.769])
PEOPLE = np.array([0.492, 0.268, 0.240])


def both_orders(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    x = random_differences(rng, n)
    return np.vstack([x, -x]), np.tile(np.arange(n), 2)


def test_shares_by_hand() -> None:
    # .699·4.5 = 3.1455, .429·4 = 1.716, .769·2 = 1.538; sum 6.3995.
    np.testing.assert_allclose(importance_shares(HUMAN, RANGES), PEOPLE, atol=5e-4)
    # 1·4.5 against -1·4: 4.5/8.5 and -4/8.5.
    np.testing.assert_allclose(importance_shares([1, -1, 0], RANGES), [4.5 / 8.5, -4 / 8.5, 0])
    # Draws; sharpness does not matter, the sign does; zero weights have no shares.
    draws = importance_shares(np.stack([HUMAN, -10 * HUMAN, np.zeros(3)]), RANGES)
    np.testing.assert_allclose(draws[1], -draws[0])
    assert np.isnan(draws[2]).all()


@pytest.mark.parametrize(
    ("shares", "expected"),
    [(PEOPLE, 0.0), (-PEOPLE, 1.0), ([1.0, 0.0, 0.0], (0.508 + 0.268 + 0.240) / 2)],
)
def test_distance(shares: np.ndarray, expected: float) -> None:
    assert importance_distance(shares, PEOPLE) == pytest.approx(expected)


def test_covariance_of_shares_is_that_of_small_disturbances() -> None:
    covariance = np.array([[4, 1, 0], [1, 3, -1], [0, -1, 9]]) * 1e-6
    draws = np.random.default_rng(1).multivariate_normal(HUMAN, covariance, 100_000)
    simulated = np.cov(importance_shares(draws, RANGES).T)
    found = importance_covariance(HUMAN, covariance, RANGES)
    np.testing.assert_allclose(found, simulated, atol=0.02 * simulated.max())
    # Shares of one sign sum to one, so their errors cancel.
    np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
def test_human_like_and_anti_human_respondents(sign: int) -> None:
    rng = np.random.default_rng(2)
    x, pair = both_orders(rng, 200)
    y = rng.random(400) < 1 / (1 + np.exp(-sign * x @ HUMAN))
    found = estimate_importance(fit_logit(x, y, clusters=pair), RANGES)
    assert found.signal and not found.separated
    assert (found.low <= found.shares).all() and (found.shares <= found.high).all()
    distance = importance_distance(found.shares, PEOPLE)
    assert distance < 0.1 if sign == 1 else distance > 0.95


def test_a_lexicographic_respondent_passes_the_gate_and_is_flagged() -> None:
    distances = []
    for seed in range(20):
        x, pair = both_orders(np.random.default_rng(seed), 200)
        order = np.where(x[:, 0] != 0, x[:, 0], np.where(x[:, 1] != 0, x[:, 1], x[:, 2]))
        keep = order != 0
        fit = fit_logit(x[keep], order[keep] > 0, clusters=pair[keep])
        found = estimate_importance(fit, RANGES)
        assert found.signal and found.separated
        assert found.shares.argmax() == 0
        distances.append(float(importance_distance(found.shares, PEOPLE)))
    assert np.mean(distances) == pytest.approx(0.48, abs=0.02)


def test_no_signal() -> None:
    x, pair = both_orders(np.random.default_rng(3), 100)
    always_first = estimate_importance(fit_logit(x, np.ones(200), clusters=pair), RANGES)
    assert not always_first.signal and np.isnan(always_first.shares).all()
    # A place that depends on the dilemma, the same in both orders: the slopes are exactly zero.
    place = np.tile(np.random.default_rng(4).integers(0, 2, 100), 2)
    assert wald_signal(fit_logit(x, place, clusters=pair)) > 0.9
    # Too few dilemmas are no exception.
    for n in (1, 2, 3):
        x, pair = both_orders(np.random.default_rng(6), n)
        found = estimate_importance(fit_logit(x, x[:, 0] > 0, clusters=pair), RANGES)
        assert not found.signal and np.isnan(found.shares).all()


@pytest.mark.parametrize("kind", ["independent", "same patient in both orders", "coins"])
@pytest.mark.parametrize("n", [20, 200])
def test_noise_passes_the_gate_about_once_in_twenty(kind: str, n: int) -> None:
    rng = np.random.default_rng(5)
    runs, passed = 200, 0
    for _ in range(runs):
        x, pair = both_orders(rng, n)
        y = rng.integers(0, 2, 2 * n)
        if kind == "same patient in both orders":
            y[n:] = 1 - y[:n]
        # Two in five answers are coins.
        keep = rng.random(2 * n) > (0.4 if kind == "coins" else 0)
        fit = fit_logit(x[keep], y[keep], clusters=pair[keep])
        passed += estimate_importance(fit, RANGES).signal
    # 200 runs at a true rate of .05 stay below .10 in 998 of 1000 cases.
    assert passed / runs < 0.10
