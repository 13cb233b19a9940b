"""The logit and the share model: a second library, closed forms, simulations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from estimation.simulated import random_differences
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.lapse import fit_lapse, predict_shares
from kidney_evals.estimation.logit import fit_logit, fit_logit_resamples

WEIGHTS = np.array([0.7, 0.43, 0.77])


def both_orders(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    x = random_differences(rng, n)
    return np.vstack([x, -x]), np.tile(np.arange(n), 2)


def answers(rng: np.random.Generator, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    chose = rng.random(len(x)) < expit(x @ weights)
    return np.asarray(chose, dtype=float)


def test_maximum_likelihood_and_clustered_errors_agree_with_statsmodels() -> None:
    api = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(1)
    x, cluster = both_orders(rng, 150)
    y = answers(rng, x + 0.3, WEIGHTS)
    fit = fit_logit(x, y, clusters=cluster, penalty="none")
    model = api.Logit(y, np.column_stack([x, np.ones(len(x))]))
    other = model.fit(disp=0, tol=1e-10, cov_type="cluster", cov_kwds={"groups": cluster})
    np.testing.assert_allclose([*fit.weights, fit.intercept], other.params, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), other.bse, rtol=1e-4)
    assert fit.log_likelihood == pytest.approx(other.llf, abs=1e-6)
    assert (fit.n, fit.clusters, fit.separated) == (300, 150, False)
    unclustered = fit_logit(x, y, penalty="none")
    np.testing.assert_allclose(
        np.sqrt(np.diag(unclustered.covariance)), model.fit(disp=0).bse, rtol=1e-4
    )


def test_firth_on_a_two_by_two_table_adds_half_an_answer_to_each_cell() -> None:
    # One binary attribute saturates the table, so each cell is (count + 1/2) / (total + 1).
    x = np.array([[0.0]] * 6 + [[1.0]] * 9)
    y = [1, 0, 0, 0, 0, 0] + [1] * 9
    fit = fit_logit(x, y)
    assert fit.intercept == pytest.approx(math.log(1.5 / 5.5), abs=1e-8)
    assert fit.weights[0] == pytest.approx(math.log(9.5 / 0.5) - math.log(1.5 / 5.5), abs=1e-8)
    assert fit.separated  # quasi-complete: every row with x = 1 chose the first


SEPARATION: dict[str, tuple[Any, Any, bool]] = {
    "overlap": ([-2, -1, 1, 2, -1, 1], [0, 1, 0, 1, 0, 1], False),
    "complete": ([-2, -1, 1, 2], [0, 0, 1, 1], True),
    "quasi-complete, a tie in between": ([-2, -1, 0, 0, 1, 2], [0, 0, 0, 1, 1, 1], True),
    "tie in between, one error on each side": (
        [-2, -1, 0, 0, 1, 2, -1, 1],
        [0, 0, 0, 1, 1, 1, 1, 0],
        False,
    ),
    "constant outcome": ([-2, -1, 1, 2], [1, 1, 1, 1], True),
    "constant column": ([3, 3, 3, 3], [0, 1, 0, 1], False),
    "constant column and outcome": ([3, 3, 3, 3], [1, 1, 1, 1], True),
    "shares in between": ([-1, 0, 1, 2], [0.1, 0.5, 0.8, 0.9], False),
    # A share in between pins the rule to x = 1, where 3 and 4 are on one side.
    "a share in between, overlap beyond it": ([0, 1, 3, 4], [0, 0.5, 0, 1], False),
    "a share in between, a rule through it": ([0, 1, 3, 4], [0, 0.5, 1, 1], True),
}


@pytest.mark.parametrize("name", SEPARATION)
def test_separation_is_detected(name: str) -> None:
    values, y, separated = SEPARATION[name]
    x = np.array(values, float)[:, None]
    fit = fit_logit(x, y, clusters=np.arange(len(x)))
    assert fit.separated is separated
    assert np.isfinite(fit.weights).all()
    assert np.isfinite(fit.covariance).all()
    if separated:
        with pytest.raises(FitError, match="firth"):
            fit_logit(x, y, penalty="none")
    else:
        assert np.isfinite(fit_logit(x, y, penalty="none").weights).all()


def test_separation_needs_a_plane_and_leaves_errors_wide() -> None:
    # x1 + x2 > 0 decides; neither attribute does alone.
    x = np.array([[3, -1], [-1, 3], [1, 1], [-3, 1], [1, -3], [-1, -1]], float)
    y = (x.sum(axis=1) > 0).astype(float)
    once = fit_logit(x, y, clusters=np.arange(6))
    twice = fit_logit(
        np.vstack([x, -x]), np.concatenate([y, 1 - y]), clusters=np.tile(np.arange(6), 2)
    )
    assert once.separated and twice.separated
    # Twice the rows would halve the variance, the clusters double it again; what remains is that
    # Firth's penalty weighs half as much, so estimates grow and errors with them.
    assert twice.covariance[0, 0] > 0.9 * once.covariance[0, 0]
    # (1, 1) lies between (3, -1) and (-1, 3), (-1, -1) between the other two.
    assert not fit_logit(x, np.where(np.abs(x).sum(axis=1) == 2, 1 - y, y)).separated


def test_attributes_that_never_vary_get_weight_zero() -> None:
    rng = np.random.default_rng(3)
    x = random_differences(rng, 80)
    y = answers(rng, x, WEIGHTS)
    alone = fit_logit(x[:, [0]], y)
    padded = np.column_stack([x[:, 0], np.full(80, 2.0), np.zeros(80)])
    fit = fit_logit(padded, y)
    np.testing.assert_allclose(fit.weights, [alone.weights[0], 0, 0], atol=1e-8)
    assert fit.covariance[1, 1] == pytest.approx(0, abs=1e-12)


def test_collinear_attributes_share_the_weight_instead_of_failing() -> None:
    rng = np.random.default_rng(4)
    x = random_differences(rng, 80)[:, :1]
    y = answers(rng, x, WEIGHTS[:1])
    single = fit_logit(x, y).weights[0]
    assert fit_logit(np.column_stack([x, x]), y).weights.sum() == pytest.approx(single)


def test_weights_are_recovered_and_intervals_cover_them() -> None:
    """150 runs of 100 dilemmas whose second order repeats the first answer exactly."""
    rng = np.random.default_rng(8)
    inside = np.zeros(3)
    estimates = []
    for _ in range(150):
        x, cluster = both_orders(rng, 100)
        y = answers(rng, x[:100], WEIGHTS)
        fit = fit_logit(x, np.concatenate([y, 1 - y]), clusters=cluster)
        error = np.sqrt(np.diag(fit.covariance))[:3]
        inside += np.abs(fit.weights - WEIGHTS) < 1.96 * error
        estimates.append(fit.weights)
    # 150 runs know a coverage of .95 to about .018; errors that ignore the pairs cover .83.
    assert (inside / 150 > 0.89).all()
    np.testing.assert_allclose(np.mean(estimates, axis=0), WEIGHTS, atol=0.05)


@pytest.mark.parametrize("penalty", ["none", "firth"])
def test_resamples_are_fits_of_repeated_rows(penalty: str) -> None:
    rng = np.random.default_rng(9)
    x = random_differences(rng, 60)
    y = answers(rng, x, WEIGHTS)
    counts = rng.multinomial(60, np.full(60, 1 / 60), size=5)
    many = fit_logit_resamples(x, y, counts, penalty=penalty)  # type: ignore[arg-type]
    for row, count in zip(many, counts, strict=True):
        rows = np.repeat(np.arange(60), count)
        fit = fit_logit(x[rows], y[rows], penalty=penalty)  # type: ignore[arg-type]
        np.testing.assert_allclose(row, [*fit.weights, fit.intercept], atol=1e-6)


def test_a_separated_resample_is_finite_with_firth_and_nan_without() -> None:
    x = np.array([[-2.0], [-1.0], [1.0], [2.0], [1.5]])
    y = np.array([0.0, 0.0, 1.0, 1.0, 0.0])
    counts = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
    plain = fit_logit_resamples(x, y, counts, penalty="none")
    assert np.isfinite(plain[0]).all()
    assert np.isnan(plain[1]).all()
    assert np.isfinite(fit_logit_resamples(x, y, counts)).all()


def test_separation_agrees_with_a_rule_found_by_brute_force() -> None:
    # With one attribute and an intercept a rule is a threshold and a direction, so every
    # threshold at or between the values can be tried; a share in between must lie on it.
    random = np.random.default_rng(0)
    for _ in range(400):
        n = int(random.integers(3, 9))
        x = random.integers(-2, 3, n).astype(float)
        y = random.choice([0.0, 0.0, 1.0, 1.0, 0.5], n)
        if x.std() == 0:
            continue
        values = np.unique(x)
        cuts = np.concatenate([values, (values[1:] + values[:-1]) / 2, values[[0, -1]] + [-1, 1]])
        margins = [sign * (x - cut) for cut in cuts for sign in (-1, 1)]
        side = np.where(y == 1, 1, np.where(y == 0, -1, 0))
        ruled = any(
            (m[side == 0] == 0).all() and (side * m >= 0).all() and (side * m > 0).any()
            for m in margins
        )
        # The rule "always the same" has no threshold.
        ruled = ruled or abs(side.sum()) == n
        assert fit_logit(x[:, None], y).separated == ruled, (x, y)


LAPSE_WEIGHTS, SIGNS, LAPSE = np.array([0.9, 0.5]), np.array([0.5, 0.3]), 0.15


def lapsing(seed: int, n: int, lapse: float = LAPSE) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, (n, 2))
    p = lapse / 2 + (1 - lapse) * expit(x @ LAPSE_WEIGHTS + np.sign(x) @ SIGNS)
    return x, (rng.random(n) < p).astype(float)


def test_parameters_of_the_share_model_are_recovered_within_their_errors() -> None:
    fit = fit_lapse(*lapsing(1, 40_000))
    truth = np.array([*LAPSE_WEIGHTS, *SIGNS, LAPSE, 0.0])
    error = np.sqrt(np.diag(fit.covariance))
    assert (np.abs(fit.theta - truth) < 4 * error).all() and (error < 0.15).all()


def test_the_share_model_without_lapse_and_signs_is_the_logit() -> None:
    x, y = lapsing(2, 500)
    plain = fit_lapse(x, y, signs=False, lapse=False)
    logit = fit_logit(x, y, penalty="none")
    np.testing.assert_allclose(plain.theta[[0, 1, 5]], [*logit.weights, logit.intercept], atol=1e-7)
    np.testing.assert_allclose(
        plain.covariance[np.ix_([0, 1, 5], [0, 1, 5])], logit.covariance, atol=1e-7
    )
    lapse = fit_lapse(x, y, signs=False)
    assert plain.log_likelihood <= lapse.log_likelihood <= fit_lapse(x, y).log_likelihood
    with pytest.raises(FitError, match="firth"):
        fit_lapse([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1])


def test_a_lapse_may_end_at_zero() -> None:
    ends = [fit_lapse(*lapsing(seed, 3000, 0.0)).theta[4] for seed in range(6)]
    assert 0.0 in ends and all(0 <= lapse < 0.1 for lapse in ends)


def test_shares_by_hand() -> None:
    theta = np.array([[1.0, 0.0, 0.0, 0.0, 0.2, 9.0], [0.0, 1.0, 0.0, 0.0, 0.0, 9.0]])
    shares = predict_shares(theta, np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    sharp = 1 / (1 + math.exp(-1))
    np.testing.assert_allclose(shares, [[0.1 + 0.8 * sharp, 0.5, 0.5], [0.5, sharp, 0.5]])


def test_frequencies_are_repeated_rows() -> None:
    x, y = lapsing(5, 400)
    counts = np.random.default_rng(5).integers(0, 3, 400)
    rows = np.repeat(np.arange(400), counts)
    one, two = fit_lapse(x, y, frequencies=counts), fit_lapse(x[rows], y[rows])
    np.testing.assert_allclose(one.theta, two.theta, atol=1e-6)
