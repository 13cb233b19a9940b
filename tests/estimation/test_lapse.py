"""The calibrated share model."""

from __future__ import annotations

import numpy as np
import pytest

from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.lapse import fit_lapse, predict_shares
from kidney_evals.estimation.logit import fit_logit

WEIGHTS, SIGNS, LAPSE = np.array([0.9, 0.5]), np.array([0.5, 0.3]), 0.15


def simulate(rng: np.random.Generator, n: int, lapse: float) -> tuple[np.ndarray, np.ndarray]:
    x = rng.uniform(-3, 3, (n, 2))
    eta = x @ WEIGHTS + np.sign(x) @ SIGNS
    p = lapse / 2 + (1 - lapse) / (1 + np.exp(-eta))
    return x, (rng.random(n) < p).astype(float)


def test_parameters_are_recovered_within_their_errors() -> None:
    x, y = simulate(np.random.default_rng(1), 40_000, LAPSE)
    fit = fit_lapse(x, y)
    truth = np.array([*WEIGHTS, *SIGNS, LAPSE, 0.0])
    error = np.sqrt(np.diag(fit.covariance))
    assert (np.abs(fit.theta - truth) < 4 * error).all()
    assert (error < 0.15).all()


def test_without_lapse_and_signs_it_is_the_logit() -> None:
    x, y = simulate(np.random.default_rng(2), 500, LAPSE)
    fit = fit_lapse(x, y, signs=False, lapse=False)
    logit = fit_logit(x, y, penalty="none")
    np.testing.assert_allclose(fit.weights, logit.weights, atol=1e-7)
    assert fit.intercept == pytest.approx(logit.intercept, abs=1e-7)
    assert fit.log_likelihood == pytest.approx(logit.log_likelihood)
    assert (fit.lapse, fit.parameters) == (0.0, 3)


def test_nested_models_do_not_lose_likelihood() -> None:
    x, y = simulate(np.random.default_rng(3), 800, LAPSE)
    plain = fit_lapse(x, y, signs=False, lapse=False).log_likelihood
    lapse = fit_lapse(x, y, signs=False).log_likelihood
    full = fit_lapse(x, y).log_likelihood
    assert plain <= lapse <= full


def test_a_lapse_may_end_at_zero() -> None:
    ends = [fit_lapse(*simulate(np.random.default_rng(s), 3000, 0.0)).lapse for s in range(10)]
    assert 0.0 in ends
    assert all(0 <= lapse < 0.1 for lapse in ends)


def test_shares_mirror_when_the_patients_are_exchanged() -> None:
    x, y = simulate(np.random.default_rng(4), 500, LAPSE)
    fit = fit_lapse(x, y)
    np.testing.assert_allclose(predict_shares(fit.theta, x) + predict_shares(fit.theta, -x), 1.0)
    assert predict_shares(fit.theta, np.zeros((1, 2)))[0] == 0.5
    assert predict_shares(fit.theta, np.full((1, 2), 100.0))[0] == pytest.approx(1 - fit.lapse / 2)


def test_draws_of_parameters_give_draws_of_shares() -> None:
    theta = np.array([[1.0, 0.0, 0.0, 0.0, 0.2, 9.0], [0.0, 1.0, 0.0, 0.0, 0.0, 9.0]])
    shares = predict_shares(theta, np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    sharp = 1 / (1 + np.exp(-1))
    np.testing.assert_allclose(shares, [[0.1 + 0.8 * sharp, 0.5, 0.5], [0.5, sharp, 0.5]])


def test_frequencies_are_repeated_rows() -> None:
    rng = np.random.default_rng(5)
    x, y = simulate(rng, 400, LAPSE)
    counts = rng.integers(0, 3, 400)
    rows = np.repeat(np.arange(400), counts)
    one = fit_lapse(x, y, frequencies=counts)
    two = fit_lapse(x[rows], y[rows])
    np.testing.assert_allclose(one.theta, two.theta, atol=1e-6)


def test_separated_answers_are_refused_with_advice() -> None:
    x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    with pytest.raises(FitError, match="firth"):
        fit_lapse(x, [0, 0, 1, 1])
