"""Davidson, Rao and Kupper and their thresholds: hand arithmetic, second libraries, symmetries."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.thresholds import Threshold, two_stage_thresholds
from kidney_evals.estimation.ties import DavidsonFit, RaoKupperFit, fit_davidson, fit_rao_kupper
from kidney_evals.estimation.two_stage import fit_two_stage

WEIGHTS = np.array([0.8, -0.5])
Fit = Callable[..., DavidsonFit | RaoKupperFit]


def fit_with_side(differences: np.ndarray, choices: np.ndarray) -> RaoKupperFit:
    return fit_rao_kupper(differences, choices, asymmetric=True)


def davidson_with_side(differences: np.ndarray, choices: np.ndarray) -> DavidsonFit:
    return fit_davidson(differences, choices, intercept=True)


BOTH: list[Fit] = [fit_davidson, fit_rao_kupper]
ALL: list[Fit] = [*BOTH, davidson_with_side, fit_with_side]


def answers(shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.asarray((shares.cumsum(axis=1) < rng.random((len(shares), 1))).sum(axis=1))


def davidson_shares(u: np.ndarray, log_nu: float, side: float = 0.0) -> np.ndarray:
    power = np.exp(np.column_stack([(u + side) / 2, -(u + side) / 2, np.full(len(u), log_nu)]))
    return np.asarray(power / power.sum(axis=1, keepdims=True))


def rao_kupper_shares(u: np.ndarray, cut: float, side: float = 0.0) -> np.ndarray:
    first, second = (1 / (1 + np.exp(cut - sign * (u + side))) for sign in (1, -1))
    return np.column_stack([first, second, 1 - first - second])


def simulate(seed: int, n: int, side: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1.5, (n, 2))
    return x, answers(davidson_shares(x @ WEIGHTS, -0.4, side), rng)


def counted(first: int, second: int, coin: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers to one question in which the first patient leads by 1."""
    choice = np.repeat([0, 1, 2], [first, second, coin])
    return np.ones((len(choice), 1)), choice


def test_davidson_on_one_question_in_closed_form() -> None:
    fit = fit_davidson(*counted(8, 2, 4))
    # log-odds first v second ln(8/2); ν = 4/√(8·2) = 1, so coin and better patient meet at Δu = 0.
    assert fit.weights[0] == pytest.approx(math.log(4), abs=1e-9)
    assert fit.log_nu == pytest.approx(0, abs=1e-9)
    assert fit.threshold.value == pytest.approx(0, abs=1e-9)
    # The better patient has half where e^{d/2} = e^{-d/2} + 1: 2·ln((1 + √5)/2).
    assert fit.half_threshold.value == pytest.approx(2 * math.log((1 + math.sqrt(5)) / 2))
    expected = 8 * math.log(8 / 14) + 2 * math.log(2 / 14) + 4 * math.log(4 / 14)
    assert fit.log_likelihood == pytest.approx(expected)
    assert fit.aic == pytest.approx(4 - 2 * expected)
    assert fit.bic == pytest.approx(2 * math.log(14) - 2 * expected)
    np.testing.assert_allclose(fit.predict([[1.0]]), [[8 / 14, 2 / 14, 4 / 14]], atol=1e-9)


def test_rao_kupper_on_one_question_in_closed_form() -> None:
    fit = fit_rao_kupper(*counted(8, 2, 4))
    # w - τ = logit 8/14 = ln 4/3 and -w - τ = logit 2/14 = -ln 6.
    assert fit.weights[0] == pytest.approx(0.5 * math.log(8), abs=1e-9)
    assert fit.cut == pytest.approx(0.5 * math.log(4.5), abs=1e-9)
    assert math.exp(fit.cut) == pytest.approx(math.sqrt(4.5))
    # Rao and Kupper's own form with worths π = (√8, 1), up to a common factor.
    worth, theta = math.sqrt(8), math.sqrt(4.5)
    first, second = worth / (worth + theta), 1 / (theta * worth + 1)
    np.testing.assert_allclose(fit.predict([[1.0]])[0], [first, second, 1 - first - second])
    assert fit.threshold.value == pytest.approx(math.log((4.5 - 2) / math.sqrt(4.5)))
    assert fit.half_threshold.value == fit.cut


def test_davidson_agrees_with_a_conditional_logit() -> None:
    models = pytest.importorskip("statsmodels.discrete.conditional_models")
    x, choice = simulate(1, 400, side=0.3)
    fit = fit_davidson(x, choice, intercept=True)
    rows = np.concatenate(
        [np.column_stack([s * x / 2, np.full((400, 2), [c, s / 2])]) for s, c in
         ((1, 0), (-1, 0), (0, 1))]
    )  # fmt: skip
    taken = np.concatenate([choice == 0, choice == 1, choice == 2]).astype(float)
    model = models.ConditionalLogit(taken, rows, groups=np.tile(np.arange(400), 3))
    other = model.fit(disp=0, method="newton")
    np.testing.assert_allclose(fit.theta, other.params, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), other.bse, rtol=1e-4)
    assert fit.log_likelihood == pytest.approx(other.llf, abs=1e-6)


def test_asymmetric_rao_kupper_agrees_with_an_ordered_logit() -> None:
    models = pytest.importorskip("statsmodels.miscmodels.ordinal_model")
    x, choice = simulate(2, 400, side=0.3)
    fit = fit_rao_kupper(x, choice, asymmetric=True)
    # Second, coin, first in rising order of Δu.
    model = models.OrderedModel(np.array([2, 0, 1])[choice], x, distr="logit")
    other = model.fit(disp=0, method="newton", maxiter=200)
    np.testing.assert_allclose(fit.weights, other.params[:2], atol=1e-5)
    cuts = model.transform_threshold_params(other.params)[1:3]
    np.testing.assert_allclose([-fit.cut - fit.intercept, fit.cut - fit.intercept], cuts, atol=1e-5)
    assert fit.log_likelihood == pytest.approx(other.llf, abs=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance))[:2], other.bse[:2], rtol=1e-3)
    assert fit.parameters == 4 and fit.intercept == pytest.approx(-(cuts[0] + cuts[1]) / 2)


@pytest.mark.parametrize(
    ("fit", "shares", "level"),
    [(davidson_with_side, davidson_shares, -0.5), (fit_with_side, rao_kupper_shares, 0.6)],
)
def test_parameters_are_recovered_within_their_errors(
    fit: Fit, shares: Callable[[np.ndarray, float, float], np.ndarray], level: float
) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1.5, (20_000, 2))
    choice = answers(shares(x @ WEIGHTS, level, 0.25), rng)
    found = fit(x, choice)
    error = np.sqrt(np.diag(found.covariance))
    assert (np.abs(found.theta - [*WEIGHTS, level, 0.25]) < 4 * error).all()
    assert (error < 0.05).all()
    assert found.n == 20_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fit", "shares", "level"),
    [(fit_davidson, davidson_shares, -0.5), (fit_rao_kupper, rao_kupper_shares, 0.6)],
)
def test_intervals_cover_with_answers_repeated_in_clusters(
    fit: Fit, shares: Callable[[np.ndarray, float], np.ndarray], level: float
) -> None:
    rng = np.random.default_rng(4)
    truth = np.array([*WEIGHTS, level])
    inside = np.zeros(4)
    # Davidson: e^{d/2} - e^{-d/2} = ν; Rao and Kupper: the cut itself.
    known = 2 * math.asinh(math.exp(level) / 2) if fit is fit_davidson else level
    for _ in range(1000):
        x = rng.normal(0, 1.5, (200, 2))
        choice = answers(shares(x @ WEIGHTS, level), rng)
        found = fit(np.vstack([x, x]), np.tile(choice, 2), clusters=np.tile(np.arange(200), 2))
        error = np.sqrt(np.diag(found.covariance))[:3]
        inside[:3] += np.abs(found.theta[:3] - truth) < 1.96 * error
        inside[3] += found.half_threshold.low < known < found.half_threshold.high
    # A coverage of .95 is known to .007 from 1,000 runs; without clusters it would be .83.
    assert (np.abs(inside / 1000 - 0.95) < 0.025).all(), inside


@pytest.mark.parametrize("fit", ALL)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_symmetries(fit: Fit, seed: int) -> None:
    x, choice = simulate(seed, 150, side=0.2)
    found = fit(x, choice)
    mirror = np.array([1, 1, 1, -1])
    mirrored = fit(-x, np.array([1, 0, 2])[choice])
    np.testing.assert_allclose(mirrored.theta, found.theta * mirror, atol=1e-7)
    assert mirrored.log_likelihood == pytest.approx(found.log_likelihood, abs=1e-8)
    unit = np.array([1e3, 1e-4])
    rescaled = fit(x * unit, choice)
    np.testing.assert_allclose(rescaled.theta[:2] * unit, found.theta[:2], atol=1e-7)
    np.testing.assert_allclose(
        rescaled.covariance[:2, :2] * np.outer(unit, unit), found.covariance[:2, :2], rtol=1e-5
    )
    doubled = fit(np.vstack([x, x]), np.tile(choice, 2))
    np.testing.assert_allclose(doubled.theta, found.theta, atol=1e-7)
    order = np.random.default_rng(seed).permutation(len(x))
    np.testing.assert_allclose(fit(x[order], choice[order]).theta, found.theta, atol=1e-9)


@pytest.mark.parametrize("fit", BOTH)
def test_every_row_twice_in_its_cluster_gives_the_errors_of_once(fit: Fit) -> None:
    x, choice = simulate(5, 200)
    once = fit(x, choice, clusters=np.arange(200))
    twice = fit(np.vstack([x, x]), np.tile(choice, 2), clusters=np.tile(np.arange(200), 2))
    # Only the small-sample factors (n - 1)/(n - p) differ.
    factor = (399 / 397) / (199 / 197)
    np.testing.assert_allclose(twice.covariance, once.covariance * factor, rtol=1e-6)
    assert (once.clusters, twice.clusters, fit(x, choice).clusters) == (200, 200, None)


@pytest.mark.parametrize("coins", [0.05, 0.3, 0.7])
@pytest.mark.parametrize("fit", [*BOTH, fit_two_stage])
def test_thresholds_are_where_the_predicted_shares_meet(
    fit: Callable[..., DavidsonFit | RaoKupperFit], coins: float
) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1.5, (2000, 1))
    level = {0.05: -3.0, 0.3: -0.7, 0.7: 1.5}[coins]
    found = fit(x, answers(davidson_shares(x[:, 0], level), rng))
    first, second, coin = found.predict([[found.half_threshold.value / found.weights[0]]])[0]
    assert first == pytest.approx(0.5, abs=1e-3) and first > second
    meets = found.threshold.value
    if math.isfinite(meets):
        first, second, coin = found.predict([[meets / found.weights[0]]])[0]
        assert first == pytest.approx(coin, abs=2e-3)
        assert (first > second) == (meets > 0)
        assert found.threshold.low < meets < found.threshold.high


@pytest.mark.parametrize(
    ("a", "b"), [(-0.77, 0.56), (1.0, 0.8), (-1.5, 0.2), (-2.0, -0.1), (0.3, 2.0), (-1.0, 0.9)]
)
def test_two_stage_thresholds_have_the_derivatives_of_the_delta_method(a: float, b: float) -> None:
    covariance, width = np.array([[0.04, 0.01], [0.01, 0.02]]), 1e-5
    for which, found in enumerate(two_stage_thresholds(a, b, covariance)):
        slopes = [
            (
                two_stage_thresholds(a + width * i, b + width * j, covariance)[which].value
                - two_stage_thresholds(a - width * i, b - width * j, covariance)[which].value
            )
            / (2 * width)
            for i, j in ((1, 0), (0, 1))
        ]
        half = 1.959964 * math.sqrt(float(np.array(slopes) @ covariance @ np.array(slopes)))
        assert (found.high - found.low) / 2 == pytest.approx(half, rel=1e-4)


def infinite(found: Threshold, sign: int) -> bool:
    return found.value == sign * math.inf and math.isnan(found.low) and math.isnan(found.high)


def test_a_threshold_that_is_never_met_is_infinite() -> None:
    covariance = np.eye(2)
    # P(coin | Δu = 0) = .27 and falling faster than the worse patient's share: never reached.
    assert infinite(two_stage_thresholds(-1.0, 1.5, covariance)[0], -1)
    # The coin is likelier than the better patient and gains with |Δu|.
    coin, half = two_stage_thresholds(1.0, -0.2, covariance)
    assert infinite(coin, 1) and infinite(half, 1)
    # θ² < 2: even the worst patient beats the coin.
    assert infinite(fit_rao_kupper(*counted(50, 40, 5)).threshold, -1)


SEPARATED = (np.array([[2.0], [3.0], [-2.0], [-3.0], [0.1], [-0.2]]), [0, 0, 1, 1, 2, 2])


@pytest.mark.parametrize("fit", ALL)
@pytest.mark.parametrize(
    ("differences", "choices", "message"),
    [
        ([[1.0], [2.0], [-1.0]], [0, 0, 1], "no answer is the coin"),
        ([[1.0], [2.0], [-1.0]], [2, 2, 2], "every answer is the coin"),
        (*SEPARATED, "separated.*firth"),
        ([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0]], [0, 1, 2], "attribute 1 never differs"),
        ([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]], [0, 1, 2], "move in step"),
    ],
)
def test_what_cannot_be_fitted_is_refused_with_advice(
    fit: Fit, differences: list[list[float]], choices: list[int], message: str
) -> None:
    with pytest.raises(FitError, match=message):
        fit(differences, choices)


@pytest.mark.parametrize("fit", ALL)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(8, 300))
def test_a_respondent_with_a_rule_is_never_taken_for_a_fit(fit: Fit, seed: int, n: int) -> None:
    x = np.random.default_rng(seed).normal(0, 1, (n, 2))
    u = x @ WEIGHTS
    near = np.abs(u) < np.quantile(np.abs(u), 0.3)
    with pytest.raises(FitError, match="separated"):
        fit(x, np.where(near, 2, np.where(u > 0, 0, 1)))
