"""Davidson, Rao and Kupper, the two-stage model and thresholds: closed forms, libraries, laws."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from estimation.simulated import answer, coverage
from kidney_evals.estimation._coin_models import DifferenceFit
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.estimation.thresholds import (
    fit_half_threshold,
    fit_half_threshold_resamples,
    half_threshold,
    two_stage_thresholds,
)
from kidney_evals.estimation.ties import fit_davidson, fit_rao_kupper
from kidney_evals.estimation.two_stage import fit_flip_slope, fit_two_stage

Fit = Callable[..., DifferenceFit]

WEIGHTS = np.array([0.8, -0.5])
LEVELS: dict[str, tuple[float, ...]] = {
    "davidson": (-0.4,), "rao_kupper": (0.6,), "two_stage": (-0.8, 0.6)
}  # fmt: skip
FITS: dict[str, Fit] = {
    "davidson": fit_davidson, "rao_kupper": fit_rao_kupper, "two_stage": fit_two_stage
}  # fmt: skip


def shares(model: str, u: np.ndarray, level: tuple[float, ...]) -> np.ndarray:
    """P(first), P(second), P(coin) as the models are published."""
    if model == "davidson":
        power = np.exp(np.column_stack([u / 2, -u / 2, np.full(len(u), level[0])]))
        return np.asarray(power / power.sum(axis=1, keepdims=True))
    if model == "rao_kupper":
        first, second = expit(u - level[0]), expit(-u - level[0])
        return np.column_stack([first, second, 1 - first - second])
    coin, first = expit(level[0] - level[1] * np.abs(u)), expit(u)
    return np.column_stack([(1 - coin) * first, (1 - coin) * (1 - first), coin])


def simulate(seed: int, n: int, model: str = "davidson") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1.5, (n, 2))
    return x, answer(rng, shares(model, x @ WEIGHTS, LEVELS[model]))


def test_rao_kupper_on_one_question_in_closed_form() -> None:
    # The first patient leads by 1, and gets 8 answers, the second 2, the coin 4.
    fit = fit_rao_kupper(np.ones((14, 1)), np.repeat([0, 1, 2], [8, 2, 4]))
    # w - τ = logit 8/14 = ln 4/3 and -w - τ = logit 2/14 = -ln 6.
    np.testing.assert_allclose(fit.theta[:2], [0.5 * math.log(8), 0.5 * math.log(4.5)], atol=1e-9)
    # Rao and Kupper's own form with worths π = (√8, 1), up to a common factor, and θ = √4.5.
    worth, theta = math.sqrt(8), math.sqrt(4.5)
    first, second = worth / (worth + theta), 1 / (theta * worth + 1)
    np.testing.assert_allclose(fit.predict([[1.0]])[0], [first, second, 1 - first - second])


def test_davidson_agrees_with_a_conditional_logit() -> None:
    models = pytest.importorskip("statsmodels.discrete.conditional_models")
    x, choice = simulate(1, 400)
    fit = fit_davidson(x, choice)
    rows = np.concatenate(
        [np.column_stack([s * x / 2, np.full(400, c)]) for s, c in ((1, 0), (-1, 0), (0, 1))]
    )
    taken = np.concatenate([choice == 0, choice == 1, choice == 2]).astype(float)
    model = models.ConditionalLogit(taken, rows, groups=np.tile(np.arange(400), 3))
    other = model.fit(disp=0, method="newton")
    np.testing.assert_allclose(fit.theta, other.params, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), other.bse, rtol=1e-4)
    assert fit.log_likelihood == pytest.approx(other.llf, abs=1e-6)


@pytest.mark.parametrize("model", FITS)
def test_intervals_cover_with_answers_repeated_in_clusters(model: str) -> None:
    truth = np.array([*WEIGHTS, *LEVELS[model]])
    inside, estimates = [], []
    for seed in range(100):
        x, choice = simulate(seed, 200, model)
        twice = np.tile(np.arange(200), 2)
        fit = FITS[model](np.vstack([x, x]), np.tile(choice, 2), clusters=twice)
        error = np.sqrt(np.diag(fit.covariance))
        inside.append(np.abs(fit.theta - truth) < 1.96 * error)
        estimates.append(fit.theta)
    # A coverage of .95 is known to .022 from 100 runs; without clusters it would be .83.
    assert (np.mean(inside, axis=0) > 0.88).all()
    # The mean of 100 estimates, each known to about .2.
    np.testing.assert_allclose(np.mean(estimates, axis=0), truth, atol=0.1)
    expected = shares(model, x @ fit.weights, tuple(fit.theta[2:]))
    # The two-stage model rounds the corner of |Δu| at 0.
    within = 2e-4 if model == "two_stage" else 1e-9
    np.testing.assert_allclose(fit.predict(x), expected, rtol=0, atol=within)


@pytest.mark.parametrize("seed", [182, 205])
def test_the_higher_of_two_maxima_is_found_in_every_order(seed: int) -> None:
    x, choice = simulate(seed, 150)
    expected = fit_two_stage(x, choice).theta
    order = np.random.default_rng(seed).permutation(len(x))
    for other in (
        fit_two_stage(-x, np.array([1, 0, 2])[choice]),
        fit_two_stage(x[order], choice[order]),
    ):
        np.testing.assert_allclose(other.theta, expected, atol=1e-7)


@pytest.mark.parametrize("model", ["davidson", "rao_kupper"])
def test_answers_without_a_finite_fit_are_refused_with_advice(model: str) -> None:
    # A rule is never taken for a fit.
    for seed in range(12):
        x = np.random.default_rng(seed).normal(0, 1, (8 + 20 * seed, 2))
        u = x @ WEIGHTS
        near = np.abs(u) < np.quantile(np.abs(u), 0.3)
        with pytest.raises(FitError, match=r"separated.*firth"):
            FITS[model](x, np.where(near, 2, np.where(u > 0, 0, 1)))


@pytest.mark.parametrize("coins", [0.05, 0.3, 0.7])
def test_thresholds_are_where_the_predicted_shares_meet(coins: float) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1.5, (2000, 1))
    level = {0.05: -3.0, 0.3: -0.7, 0.7: 1.5}[coins]
    fit = fit_two_stage(x, answer(rng, shares("davidson", x[:, 0], (level,))))
    first, second, coin = fit.predict([[fit.thresholds[1].value / fit.weights[0]]])[0]
    assert first == pytest.approx(0.5, abs=1e-3) and first > second
    meets = fit.thresholds[0].value
    if math.isfinite(meets):
        first, second, coin = fit.predict([[meets / fit.weights[0]]])[0]
        assert first == pytest.approx(coin, abs=2e-3)
        assert (first > second) == (meets > 0)
        assert fit.thresholds[0].low < meets < fit.thresholds[0].high


@pytest.mark.parametrize(("a", "b"), [(-0.77, 0.56), (1.0, 0.8), (-2.0, -0.1)])
def test_two_stage_thresholds_have_the_derivatives_of_the_delta_method(a: float, b: float) -> None:
    covariance, width = np.array([[0.04, 0.01], [0.01, 0.02]]), 1e-5
    for which, ends in enumerate(two_stage_thresholds(a, b, covariance)):

        def value(a: float, b: float, which: int = which) -> float:
            return two_stage_thresholds(a, b, covariance)[which].value

        slopes = np.array([
            value(a + width, b) - value(a - width, b), value(a, b + width) - value(a, b - width)
        ]) / (2 * width)  # fmt: skip
        half = 1.959964 * math.sqrt(float(slopes @ covariance @ slopes))
        assert (ends.high - ends.low) / 2 == pytest.approx(half, rel=1e-4)


def test_a_threshold_that_is_never_met_is_infinite() -> None:
    def infinite(threshold: Quantity, sign: int) -> bool:
        return threshold.value == sign * math.inf and math.isnan(threshold.low)

    covariance = np.eye(2)
    # P(coin | Δu = 0) = .27 and falling faster than the worse patient's share: never reached.
    for slope in (1.0, 1.5):
        assert infinite(two_stage_thresholds(-1.0, slope, covariance)[0], -1)
    # The coin is likelier than the better patient and gains with |Δu|.
    coin, half = two_stage_thresholds(1.0, -0.2, covariance)
    assert infinite(coin, 1) and infinite(half, 1)


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
def test_half_threshold_by_hand(theta: tuple[float, float, float], expected: float) -> None:
    assert float(half_threshold(theta)) == pytest.approx(expected, abs=1e-9)


def flips(rng: np.random.Generator, n: int, a: float = -0.8) -> tuple[Any, ...]:
    """Δu, answers with logit P(coin) = a - .66 |Δu|, and dilemmas, each answered twice."""
    u = np.repeat(rng.normal(0, 1.5, n), 2)
    coin = rng.random(2 * n) < expit(a - 0.66 * np.abs(u))
    return u, np.where(coin, 2, rng.random(2 * n) > expit(u)), np.repeat(np.arange(n), 2)


def test_the_interval_of_a_half_threshold_covers_and_resamples_agree() -> None:
    rng = np.random.default_rng(5)
    truth = float(half_threshold((-0.8, -0.66, 1.0)))
    estimates = [fit_half_threshold(*flips(rng, 200)) for _ in range(100)]
    # 100 runs know a coverage of .95 to .022.
    assert coverage(estimates, truth) > 0.88
    assert np.mean([one.value for one in estimates]) == pytest.approx(truth, abs=0.03)
    u, choice, label = flips(rng, 150)
    again = fit_half_threshold_resamples(u, choice, np.ones((2, len(u))))
    np.testing.assert_allclose(again, fit_half_threshold(u, choice, label).value, rtol=1e-6)


def test_a_half_threshold_at_its_edges() -> None:
    # Without coins it is 0; the upper end allows for coins that were not seen.
    none = fit_half_threshold(*flips(np.random.default_rng(3), 100, a=-60.0))
    assert none.value == none.low == 0 < none.high < 0.2


def test_flip_slope() -> None:
    rng = np.random.default_rng(5)
    distances = rng.exponential(1.5, (100, 200))
    coins = rng.random((100, 200)) < expit(-0.8 - 0.66 * distances)
    slopes = [fit_flip_slope(*pair, np.arange(200)) for pair in zip(distances, coins, strict=True)]
    assert coverage(slopes, -0.66) > 0.88
    # A threshold in closeness explains every coin: finite and flagged.
    distance = np.linspace(0.1, 4, 40)
    ruled = fit_flip_slope(distance, distance < 1, np.arange(40))
    assert ruled.separated and -100 < ruled.slope < -1
    nothing = fit_flip_slope([], [], [])
    assert math.isnan(nothing.slope) and math.isnan(nothing.low) and not nothing.separated
