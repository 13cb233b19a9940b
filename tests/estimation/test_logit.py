"""The logit and the share model: a second library, closed forms, simulations."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from estimation.simulated import both_orders, random_differences
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.importance import (
    estimate_importance,
    importance_covariance,
    importance_distance,
    importance_shares,
    wald_signal,
)
from kidney_evals.estimation.lapse import fit_lapse, predict_shares
from kidney_evals.estimation.logit import fit_logit, fit_logit_resamples

WEIGHTS = np.array([0.7, 0.43, 0.77])


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
    bare = np.diag(fit_logit(x, y, penalty="none").covariance)
    np.testing.assert_allclose(np.sqrt(bare), model.fit(disp=0).bse, rtol=1e-4)


def test_firth_on_a_two_by_two_table_adds_half_an_answer_to_each_cell() -> None:
    # One binary attribute saturates the table, so each cell is (count + 1/2) / (total + 1).
    x = np.array([[0.0]] * 6 + [[1.0]] * 9)
    y = [1, 0, 0, 0, 0, 0] + [1] * 9
    fit = fit_logit(x, y)
    assert fit.intercept == pytest.approx(math.log(1.5 / 5.5), abs=1e-8)
    assert fit.weights[0] == pytest.approx(math.log(9.5 / 0.5) - math.log(1.5 / 5.5), abs=1e-8)
    assert fit.separated  # quasi-complete: every row with x = 1 chose the first


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


def test_attributes_that_tell_nothing_apart_do_not_fail() -> None:
    rng = np.random.default_rng(3)
    x = random_differences(rng, 80)[:, :1]
    y = answers(rng, x, WEIGHTS[:1])
    alone = fit_logit(x, y).weights[0]
    # Attributes that never vary have the weight 0, collinear ones share the weight.
    fit = fit_logit(np.column_stack([x, np.full(80, 2.0), np.zeros(80)]), y)
    np.testing.assert_allclose(fit.weights, [alone, 0, 0], atol=1e-8)
    assert fit.covariance[1, 1] == pytest.approx(0, abs=1e-12)
    assert fit_logit(np.column_stack([x, x]), y).weights.sum() == pytest.approx(alone)


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
def test_resamples_are_fits_of_repeated_rows(penalty: Any) -> None:
    rng = np.random.default_rng(9)
    x = random_differences(rng, 60)
    y = answers(rng, x, WEIGHTS)
    counts = rng.multinomial(60, np.full(60, 1 / 60), size=5)
    many = fit_logit_resamples(x, y, counts, penalty=penalty)
    for row, count in zip(many, counts, strict=True):
        rows = np.repeat(np.arange(60), count)
        fit = fit_logit(x[rows], y[rows], penalty=penalty)
        np.testing.assert_allclose(row, [*fit.weights, fit.intercept], atol=1e-6)


def test_a_separated_resample_is_finite_with_firth_and_nan_without() -> None:
    x = np.array([[-2.0], [-1.0], [1.0], [2.0], [1.5]])
    y = np.array([0.0, 0.0, 1.0, 1.0, 0.0])
    counts = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
    plain = fit_logit_resamples(x, y, counts, penalty="none")
    assert np.isfinite(plain[0]).all() and np.isnan(plain[1]).all()
    assert np.isfinite(fit_logit_resamples(x, y, counts)).all()


def test_separation_agrees_with_a_rule_found_by_brute_force() -> None:
    # With one attribute and an intercept a rule is a threshold and a direction, so every
    # threshold at or between the values can be tried; a share in between must lie on it.
    random = np.random.default_rng(0)
    for _ in range(400):
        n = int(random.integers(3, 9))
        x = random.integers(-2, 3, n).astype(float)
        y = random.choice([0.0, 0.0, 1.0, 1.0, 0.5], n)
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
        fit = fit_logit(x[:, None], y, clusters=np.arange(n))
        assert fit.separated == ruled, (x, y)
        assert np.isfinite(fit.weights).all() and np.isfinite(fit.covariance).all()
        if ruled:
            with pytest.raises(FitError, match="firth"):
                fit_logit(x[:, None], y, penalty="none")
        else:
            assert np.isfinite(fit_logit(x[:, None], y, penalty="none").weights).all()


LAPSE_WEIGHTS, LAPSE = np.array([0.9, 0.5]), 0.15


def lapsing(seed: int, n: int, lapse: float = LAPSE) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, (n, 2))
    p = lapse / 2 + (1 - lapse) * expit(x @ LAPSE_WEIGHTS)
    return x, (rng.random(n) < p).astype(float)


def test_parameters_of_the_share_model_are_recovered_within_their_errors() -> None:
    fit = fit_lapse(*lapsing(1, 40_000))
    error = np.sqrt(np.diag(fit.covariance))
    assert (np.abs(fit.theta - [*LAPSE_WEIGHTS, LAPSE]) < 4 * error).all() and (error < 0.15).all()


def test_the_share_model_without_lapse_is_the_logit() -> None:
    x, y = lapsing(2, 500)
    plain = fit_lapse(x, y, lapse=False)
    logit = fit_logit(x, y, intercept=False, penalty="none")
    np.testing.assert_allclose(plain.theta, [*logit.weights, 0], atol=1e-7)
    np.testing.assert_allclose(plain.covariance, logit.covariance, atol=1e-7)
    assert plain.log_likelihood <= fit_lapse(x, y).log_likelihood
    with pytest.raises(FitError, match="firth"):
        fit_lapse([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1])
    # With a largest slope, separated answers have an estimate: that slope, and no lapse.
    ends = fit_lapse([[-2.0], [-1.0], [1.0], [2.0]], [0, 0, 1, 1], largest=5)
    assert ends.theta.tolist() == [5, 0]


def test_a_lapse_may_end_at_zero() -> None:
    ends = [fit_lapse(*lapsing(seed, 3000, 0.0)).theta[2] for seed in range(6)]
    assert 0.0 in ends and all(0 <= lapse < 0.1 for lapse in ends)


def test_shares_by_hand() -> None:
    theta = np.array([[1.0, 0.0, 0.2], [0.0, 1.0, 0.0]])
    shares = predict_shares(theta, np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    sharp = 1 / (1 + math.exp(-1))
    np.testing.assert_allclose(shares, [[0.1 + 0.8 * sharp, 0.5, 0.5], [0.5, sharp, 0.5]])


def test_frequencies_are_repeated_rows() -> None:
    x, y = lapsing(5, 400)
    counts = np.random.default_rng(5).integers(0, 3, 400)
    rows = np.repeat(np.arange(400), counts)
    one, two = fit_lapse(x, y, frequencies=counts), fit_lapse(x[rows], y[rows])
    np.testing.assert_allclose(one.theta, two.theta, atol=1e-6)


# Importance shares, their errors, and the test that must be passed before they are reported.


RANGES = np.array([4.5, 4.0, 2.0])
HUMAN = np.array([0.699, 0.429, 0.769])
PEOPLE = np.array([0.492, 0.268, 0.240])


def test_importance_shares_by_hand() -> None:
    # .699·4.5 = 3.1455, .429·4 = 1.716, .769·2 = 1.538; sum 6.3995.
    np.testing.assert_allclose(importance_shares(HUMAN, RANGES), PEOPLE, atol=5e-4)
    # 1·4.5 against -1·4: 4.5/8.5 and -4/8.5.
    np.testing.assert_allclose(importance_shares([1, -1, 0], RANGES), [4.5 / 8.5, -4 / 8.5, 0])
    # Draws; sharpness does not matter, the sign does; zero weights have no shares.
    draws = importance_shares(np.stack([HUMAN, -10 * HUMAN, np.zeros(3)]), RANGES)
    np.testing.assert_allclose(draws[1], -draws[0])
    assert np.isnan(draws[2]).all()
    # Half of the absolute differences: (.508 + .268 + .240) / 2.
    apart = importance_distance(np.array([PEOPLE, -PEOPLE, [1.0, 0.0, 0.0]]), PEOPLE)
    np.testing.assert_allclose(apart, [0.0, 1.0, 0.508], atol=1e-12)


def test_covariance_of_shares_is_that_of_small_disturbances() -> None:
    covariance = np.array([[4, 1, 0], [1, 3, -1], [0, -1, 9]]) * 1e-6
    draws = np.random.default_rng(1).multivariate_normal(HUMAN, covariance, 100_000)
    simulated = np.cov(importance_shares(draws, RANGES).T)
    found = importance_covariance(HUMAN, covariance, RANGES)
    np.testing.assert_allclose(found, simulated, atol=0.02 * simulated.max())
    # Shares of one sign sum to one, so their errors cancel.
    np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-12)


def test_people_and_a_rule_pass_the_gate() -> None:
    rng = np.random.default_rng(2)
    x, pair = both_orders(rng, 200)
    found = estimate_importance(
        fit_logit(x, rng.random(400) < expit(x @ HUMAN), clusters=pair), RANGES
    )
    assert found.signal and not found.separated
    assert importance_distance(found.shares, PEOPLE) < 0.1
    # A lexicographic rule is separated, with its first attribute on top.
    order = np.where(x[:, 0] != 0, x[:, 0], np.where(x[:, 1] != 0, x[:, 1], x[:, 2]))
    keep = order != 0
    found = estimate_importance(fit_logit(x[keep], order[keep] > 0, clusters=pair[keep]), RANGES)
    assert found.signal and found.separated and found.shares.argmax() == 0


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
        assert not estimate_importance(fit_logit(x, x[:, 0] > 0, clusters=pair), RANGES).signal


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
