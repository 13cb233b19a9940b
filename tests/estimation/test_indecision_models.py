"""The indecision family: its scores, its maxima, its box, its symmetries, and the best model."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from estimation.simulated import answer
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.indecision_family import (
    LEAST,
    choose_indecision_model,
    fit_indecision_family,
    fit_naive,
)
from kidney_evals.estimation.indecision_models import (
    MODELS,
    IndecisionFit,
    IndecisionModel,
    fit_indecision_model,
)
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.ties import fit_davidson

WEIGHTS = np.array([0.9, 0.6, -0.5])
LEVELS: dict[IndecisionModel, float] = {
    "random": -1.2, "min_delta": 0.1, "max_delta": 1.0, "min_u": 0.3, "max_u": 0.2, "dom": -1.0,
}  # fmt: skip
Scores = Callable[[np.ndarray, np.ndarray, np.ndarray, float], tuple[np.ndarray, ...]]

# The models as published, in the patients' own values a and b.
SCORES: dict[IndecisionModel, Scores] = {
    "min_delta": lambda a, b, w, level: (a @ w - b @ w, b @ w - a @ w, 0 * (a @ w) + level),
    "max_delta": lambda a, b, w, level: (
        a @ w - b @ w, b @ w - a @ w, 2 * np.abs(a @ w - b @ w) - level,
    ),
    "min_u": lambda a, b, w, level: (a @ w, b @ w, 0 * (a @ w) + level),
    "max_u": lambda a, b, w, level: (a @ w, b @ w, 2 * np.minimum(a @ w, b @ w) - level),
    "dom": lambda a, b, w, level: (
        (w * (a - b)).min(axis=1), (w * (b - a)).min(axis=1), np.full(len(a), level),
    ),
}  # fmt: skip


def shares(
    model: IndecisionModel, a: np.ndarray, b: np.ndarray, w: np.ndarray, level: float
) -> np.ndarray:
    if model == "random":
        flip, first = expit(np.full(len(a), level)), expit((a - b) @ w)
        return np.column_stack([(1 - flip) * first, (1 - flip) * (1 - first), flip])
    power = np.exp(np.column_stack(SCORES[model](a, b, w, level)))
    return np.asarray(power / power.sum(axis=1, keepdims=True))


def simulate(
    model: IndecisionModel, seed: int, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients around 0, and answers by `model` with `WEIGHTS` and its level."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1.2, (2, n, 3))
    return a, b, answer(rng, shares(model, a, b, WEIGHTS, LEVELS[model]))


def log_likelihood(fit: IndecisionFit, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float(np.log(fit.predict(a, b)[np.arange(len(c)), c]).sum())


@pytest.mark.parametrize("model", MODELS)
def test_parameters_are_recovered_and_predictions_are_the_published_scores(
    model: IndecisionModel,
) -> None:
    a, b, choice = simulate(model, 2, 12_000)
    fit = fit_indecision_model(model, a, b, choice)
    error = np.sqrt(np.diag(fit.covariance))
    truth = np.append(WEIGHTS, LEVELS[model])
    assert (np.abs(fit.theta - truth) < 4 * error + 0.01).all()
    assert (error < 0.06).all()
    # λ of the patients' own origin takes up the value of the origin of the fit; the rounded
    # corners move a share by less than .01 logits.
    shift = float(fit.origin @ fit.weights) if model in ("min_u", "max_u") else 0.0
    expected = shares(model, a, b, fit.weights, fit.level + shift)
    np.testing.assert_allclose(fit.predict(a, b), expected, atol=4e-3)
    assert log_likelihood(fit, a, b, choice) == pytest.approx(fit.log_likelihood)


def test_min_delta_is_davidson() -> None:
    a, b, choice = simulate("min_u", 4, 700)
    cluster = np.arange(700) // 2
    fit = fit_indecision_model("min_delta", a, b, choice, clusters=cluster)
    other = fit_davidson(a - b, choice, clusters=cluster)
    half = np.array([0.5, 0.5, 0.5, 1])
    np.testing.assert_allclose(fit.theta, other.theta * half, atol=1e-8)
    np.testing.assert_allclose(fit.covariance, other.covariance * np.outer(half, half))
    np.testing.assert_allclose(fit.predict(a, b), other.predict(a - b), atol=1e-8)


def test_random_is_a_logit_of_the_decisions_and_a_rate() -> None:
    a, b, choice = simulate("random", 5, 600)
    fit = fit_indecision_model("random", a, b, choice)
    decided = choice != 2
    logit = fit_logit((a - b)[decided], choice[decided] == 0, intercept=False, penalty="none")
    rate = 1 - decided.mean()
    np.testing.assert_allclose(fit.weights, logit.weights)
    assert expit(fit.level) == pytest.approx(rate, abs=1e-10)
    entropy = rate * math.log(rate) + (1 - rate) * math.log(1 - rate)
    assert fit.log_likelihood == pytest.approx(logit.log_likelihood + 600 * entropy)


def features(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients with features in [0, 1], and answers sharper than the authors' box allows."""
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, n, 3))
    return a, b, answer(rng, shares("min_delta", a, b, 6 * WEIGHTS, -0.7))


@pytest.mark.parametrize("model", MODELS)
def test_the_authors_form_stays_in_its_box_and_below_the_free_form(model: IndecisionModel) -> None:
    a, b, choice = features(6)
    boxed = fit_indecision_model(model, a, b, choice, form="authors")
    free = fit_indecision_model(model, a, b, choice)
    assert boxed.log_likelihood < free.log_likelihood
    assert (np.abs(boxed.weights) <= 1).all() and (np.abs(boxed.weights) == 1).any()
    # A parameter at a bound has no variance.
    held = np.isnan(np.diag(boxed.covariance))
    assert (held[:3] == (np.abs(boxed.weights) == 1)).all()
    # Nothing nearby is better; for the boxed form, inside the box.
    rng = np.random.default_rng(7)
    for fit, most, fixed in ((boxed, 1.0, held[3]), (free, math.inf, False)):
        for step in rng.normal(0, 0.05, (200, 4)):
            theta = fit.theta + step * [1, 1, 1, not fixed]
            theta[:3] = np.clip(theta[:3], -most, most)
            moved = replace(fit, theta=theta)
            assert log_likelihood(moved, a, b, choice) < fit.log_likelihood + 1e-9


def test_the_box_on_lambda_forces_a_third_of_coins_between_equal_patients() -> None:
    a, b, choice = features(8)
    boxed = fit_indecision_model("min_delta", a, b, choice, form="authors")
    assert boxed.level == 0
    np.testing.assert_allclose(boxed.predict(a[:1], a[:1]), [[1 / 3, 1 / 3, 1 / 3]])
    assert fit_indecision_model("min_delta", a, b, choice).level < -0.3


def test_the_family_is_ordered_and_finds_the_model_that_answered() -> None:
    for truth in ("max_delta", "min_u", "max_u", "dom", "random"):
        family = fit_indecision_family(*simulate(truth, 12, 4000))
        names = {row.model for row in family}
        assert names == {*MODELS, "davidson", "rao_kupper", "two_stage", "naive"}
        values = [row.per_answer for row in family]
        assert values == sorted(values, reverse=True)
        # Models with one parameter more, or nearly the same curve, may be within chance of it.
        assert 4000 * (values[0] - next(row.per_answer for row in family if row.model == truth)) < 3


def test_naive_rates_by_hand() -> None:
    fit = fit_naive([0, 0, 0, 1, 2])
    # The coin has 1/5, both sides (3 + 1)/2 of 5 each.
    assert (fit.first, fit.second, fit.coin) == pytest.approx((0.4, 0.4, 0.2))
    assert fit.log_likelihood == pytest.approx(4 * math.log(0.4) + math.log(0.2))
    sided = fit_naive([0, 0, 0, 1, 2], intercept=True)
    assert (sided.first, sided.second) == pytest.approx((0.6, 0.2))
    assert fit_naive([2, 2]).log_likelihood == 0


def test_models_without_a_maximum_have_a_row_and_a_reason() -> None:
    rng = np.random.default_rng(13)
    a, b = rng.normal(0, 1, (2, 80, 3))
    choice = np.where((a - b) @ WEIGHTS > 0, 0, 1)
    choice[rng.random(80) < 0.3] = 2
    family = fit_indecision_family(a, b, choice)
    rows = {row.model: row for row in family}
    row = rows["random"]
    assert row.fit is None and "separated" in row.failure and math.isnan(row.per_answer)
    assert family[-1].fit is None and rows["davidson"].fit is not None
    with pytest.raises(FitError, match="firth"):
        fit_indecision_model("min_u", [[3.0], [0.0], [-4.0]], [[0.0], [3.0], [-5.0]], [0, 1, 2])


def patients(rng: np.random.Generator, dilemmas: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    one, two = rng.uniform(-1.5, 1.5, (2, dilemmas, 3))
    twice = np.repeat(np.arange(dilemmas), 2)
    return one[twice], two[twice], twice


def dominant(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Shares of a respondent who scores a patient by their weakest attribute."""
    return shares("dom", one, two, np.full(3, 6.0), -2.4)


def test_a_model_that_stands_apart_is_named() -> None:
    rng = np.random.default_rng(4)
    one, two, label = patients(rng, 300)
    choice = answer(rng, dominant(one, two))
    result = choose_indecision_model(one, two, choice, label)
    assert result.best == "dom" and result.possible == ("dom",)
    best = result.contenders[0]
    assert best.model == "dom" and len(result.contenders) == 9
    # In and out of sample nearly agree with so many answers and so few parameters.
    whole = fit_indecision_model("dom", one, two, choice).log_likelihood / len(choice)
    assert best.log_likelihood == pytest.approx(whole, abs=0.02)


def test_constant_rates_remain_where_nothing_depends_on_the_patients() -> None:
    rng = np.random.default_rng(8)
    one, two, label = patients(rng, 150)
    choice = rng.choice(3, len(label), p=[0.4, 0.4, 0.2])
    assert "naive" in choose_indecision_model(one, two, choice, label).possible


@pytest.mark.slow
def test_the_true_model_is_ruled_out_no_more_often_than_the_rule_allows() -> None:
    out = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        one, two, label = patients(rng, 150)
        choice = answer(rng, shares("min_delta", one, two, np.array([0.5, 0.35, 0.25]), -0.5))
        out += "davidson" not in choose_indecision_model(one, two, choice, label).possible
    # At most one in twenty: 2 of 40 expected, 6 is three standard errors off.
    assert out <= 6


def test_too_little_to_compare_or_a_rule_is_named_as_the_reason() -> None:
    rng = np.random.default_rng(2)
    one, two, label = patients(rng, 100)
    few = np.zeros(200, dtype=int)
    few[: LEAST - 1] = 2
    assert choose_indecision_model(one, two, few, label).reason == "only 19 coins, 20 are needed"
    many = answer(rng, dominant(one, two))
    assert "only 4 dilemmas" in choose_indecision_model(one, two, many, label % 4).reason
    ruled = np.where(np.arange(200) % 5 == 0, 2, np.where((one - two).sum(axis=1) > 0, 0, 1))
    result = choose_indecision_model(one, two, ruled, label)
    assert result.best is None and result.reason.startswith("a rule explains the decisions")
    assert "separated" in {row.model: row.failure for row in result.contenders}["two_stage"]
