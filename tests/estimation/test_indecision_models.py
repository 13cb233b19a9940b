"""The indecision family: its scores, its maxima, its box and its symmetries."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.estimation.indecision_family import fit_indecision_family, fit_naive
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
        flip, first = (1 / (1 + np.exp(-eta)) for eta in (np.full(len(a), level), (a - b) @ w))
        return np.column_stack([(1 - flip) * first, (1 - flip) * (1 - first), flip])
    power = np.exp(np.column_stack(SCORES[model](a, b, w, level)))
    return np.asarray(power / power.sum(axis=1, keepdims=True))


def simulate(
    model: IndecisionModel, seed: int, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients around 0, and answers by `model` with `WEIGHTS` and its level."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1.2, (2, n, 3))
    cumulated = shares(model, a, b, WEIGHTS, LEVELS[model]).cumsum(axis=1)
    return a, b, np.asarray((cumulated < rng.random((n, 1))).sum(axis=1))


def own_level(fit: IndecisionFit) -> float:
    """λ in the patients' own origin, where it takes up the value of the origin of the fit."""
    shift = float(fit.origin @ fit.weights) if fit.model in ("min_u", "max_u") else 0.0
    return fit.level + shift


def log_likelihood(fit: IndecisionFit, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float(np.log(fit.predict(a, b)[np.arange(len(c)), c]).sum())


@pytest.mark.parametrize("model", MODELS)
def test_predictions_are_the_published_scores(model: IndecisionModel) -> None:
    a, b, choice = simulate(model, 1, 400)
    fit = fit_indecision_model(model, a, b, choice)
    expected = shares(model, a, b, fit.weights, own_level(fit))
    # The rounded corners move a share by less than .01 logits.
    np.testing.assert_allclose(fit.predict(a, b), expected, atol=4e-3)
    assert log_likelihood(fit, a, b, choice) == pytest.approx(fit.log_likelihood)
    assert fit.aic == pytest.approx(8 - 2 * fit.log_likelihood)
    assert fit.bic == pytest.approx(4 * math.log(400) - 2 * fit.log_likelihood)


@pytest.mark.parametrize("model", MODELS)
def test_parameters_are_recovered_within_their_errors(model: IndecisionModel) -> None:
    a, b, choice = simulate(model, 2, 12_000)
    fit = fit_indecision_model(model, a, b, choice)
    error = np.sqrt(np.diag(fit.covariance))
    truth = np.append(WEIGHTS, LEVELS[model])
    assert (np.abs(fit.theta[:4] - truth) < 4 * error[:4] + 0.01).all()
    assert (error[:4] < 0.06).all() and error[4] == 0


@pytest.mark.parametrize("model", MODELS)
def test_a_general_minimiser_finds_nothing_better(model: IndecisionModel) -> None:
    optimise = pytest.importorskip("scipy.optimize")
    a, b, choice = simulate("min_delta", 3, 250)
    fit = fit_indecision_model(model, a, b, choice)

    def loss(theta: np.ndarray) -> float:
        taken = shares(model, a, b, theta[:3], theta[3])[np.arange(250), choice]
        return -float(np.log(taken).sum())

    starts = [np.append(WEIGHTS * size, 0.0) for size in (1.0, -1.0)]
    options = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000}
    found = [optimise.minimize(loss, s, method="Nelder-Mead", options=options) for s in starts]
    best = min(one.fun for one in found)
    if model in ("random", "min_delta", "min_u"):
        assert fit.log_likelihood == pytest.approx(-best, abs=1e-5)
    else:
        # The published corners are sharp, which this simplex can get stuck at.
        sharp = loss(np.append(fit.weights, own_level(fit)))
        assert fit.log_likelihood == pytest.approx(-sharp, abs=0.05)
        assert fit.log_likelihood > -best - 0.05


def test_min_delta_is_davidson() -> None:
    a, b, choice = simulate("min_u", 4, 700)
    cluster = np.arange(700) // 2
    for side in (False, True):
        fit = fit_indecision_model("min_delta", a, b, choice, clusters=cluster, intercept=side)
        other = fit_davidson(a - b, choice, clusters=cluster, intercept=side)
        assert fit.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-8)
        half = np.array([0.5, 0.5, 0.5, 1, 1])
        np.testing.assert_allclose(fit.theta, other.theta * half, atol=1e-8)
        np.testing.assert_allclose(fit.covariance, other.covariance * np.outer(half, half))
        np.testing.assert_allclose(fit.predict(a, b), other.predict(a - b), atol=1e-8)


def test_random_is_a_logit_of_the_decisions_and_a_rate() -> None:
    a, b, choice = simulate("random", 5, 600)
    fit = fit_indecision_model("random", a, b, choice, intercept=True)
    decided = choice != 2
    logit = fit_logit((a - b)[decided], choice[decided] == 0, penalty="none")
    rate = 1 - decided.mean()
    np.testing.assert_allclose(fit.weights, logit.weights, atol=1e-8)
    assert fit.intercept == pytest.approx(logit.intercept, abs=1e-8)
    assert 1 / (1 + math.exp(-fit.level)) == pytest.approx(rate, abs=1e-10)
    entropy = rate * math.log(rate) + (1 - rate) * math.log(1 - rate)
    assert fit.log_likelihood == pytest.approx(logit.log_likelihood + 600 * entropy)


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_symmetries(model: IndecisionModel, seed: int) -> None:
    a, b, choice = simulate("min_delta", seed, 200)
    fit = fit_indecision_model(model, a, b, choice, intercept=True)

    def same(other: IndecisionFit, theta: np.ndarray) -> None:
        assert other.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)
        np.testing.assert_allclose(other.theta, theta, atol=1e-5)

    mirrored = fit_indecision_model(model, b, a, np.array([1, 0, 2])[choice], intercept=True)
    same(mirrored, fit.theta * [1, 1, 1, 1, -1])
    far = np.array([5.0, -9.0, 40.0])
    same(fit_indecision_model(model, a + far, b + far, choice, intercept=True), fit.theta)
    unit = np.array([7.0, 0.01, 1.0])
    rescaled = fit_indecision_model(model, a * unit, b * unit, choice, intercept=True)
    same(replace(rescaled, weights=rescaled.weights * unit), fit.theta)
    order = np.random.default_rng(seed).permutation(len(a))
    same(fit_indecision_model(model, a[order], b[order], choice[order], intercept=True), fit.theta)
    doubled = fit_indecision_model(
        model, np.vstack([a, a]), np.vstack([b, b]), np.tile(choice, 2), intercept=True
    )
    np.testing.assert_allclose(doubled.theta, fit.theta, atol=1e-5)


def features(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients with features in [0, 1], and answers sharper than the authors' box allows."""
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, n, 3))
    cumulated = shares("min_delta", a, b, 6 * WEIGHTS, -0.7).cumsum(axis=1)
    return a, b, np.asarray((cumulated < rng.random((n, 1))).sum(axis=1))


@pytest.mark.parametrize("model", MODELS)
def test_the_authors_form_stays_in_its_box_and_below_the_free_form(model: IndecisionModel) -> None:
    a, b, choice = features(6)
    boxed = fit_indecision_model(model, a, b, choice, form="authors")
    free = fit_indecision_model(model, a, b, choice)
    assert (np.abs(boxed.weights) <= 1).all()
    assert boxed.log_likelihood < free.log_likelihood
    held = np.array(boxed.at_box)
    np.testing.assert_allclose(np.abs(boxed.weights[held[:3]]), 1.0)
    assert held[:3].any() and not any(free.at_box)
    assert np.isnan(boxed.covariance[held]).all()
    assert np.isfinite(boxed.covariance[np.ix_(~held, ~held)]).all()
    # Nothing inside the box is better, in whatever direction.
    rng = np.random.default_rng(7)
    for _ in range(200):
        weights = np.clip(boxed.weights + rng.normal(0, 0.05, 3), -1, 1)
        level = boxed.level + (0 if held[3] else rng.normal(0, 0.05))
        moved = replace(boxed, weights=weights, level=float(level))
        assert log_likelihood(moved, a, b, choice) < boxed.log_likelihood + 1e-9


def test_the_box_on_lambda_forces_a_third_of_coins_between_equal_patients() -> None:
    a, b, choice = features(8)
    boxed = fit_indecision_model("min_delta", a, b, choice, form="authors")
    assert boxed.level == 0 and boxed.at_box[3]
    np.testing.assert_allclose(boxed.predict(a[:1], a[:1]), [[1 / 3, 1 / 3, 1 / 3]])
    assert fit_indecision_model("min_delta", a, b, choice).level < -0.3


def test_a_box_that_does_not_bind_changes_nothing() -> None:
    rng = np.random.default_rng(9)
    a, b = rng.random((2, 4000, 3))
    cumulated = shares("min_delta", a, b, np.array([0.6, -0.5, 0.4]), 0.4).cumsum(axis=1)
    choice = (cumulated < rng.random((4000, 1))).sum(axis=1)
    boxed = fit_indecision_model("min_delta", a, b, choice, form="authors")
    free = fit_indecision_model("min_delta", a, b, choice)
    np.testing.assert_allclose(boxed.theta, free.theta, atol=1e-8)
    np.testing.assert_allclose(boxed.covariance, free.covariance, rtol=1e-6)
    assert not any(boxed.at_box)


def test_starts_are_counted_and_repeatable() -> None:
    a, b, choice = simulate("dom", 10, 300)
    one, two = (fit_indecision_model("dom", a, b, choice, starts=4, seed=s) for s in (3, 3))
    assert one.starts == 4 and 1 <= one.agreeing <= 4
    assert one.log_likelihood == two.log_likelihood and (one.theta == two.theta).all()
    other = fit_indecision_model("dom", a, b, choice, starts=4, seed=11)
    assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)
    assert fit_indecision_model("min_u", a, b, choice).starts == 1


TEN = {*MODELS, "davidson", "rao_kupper", "two_stage", "naive"}


def test_the_family_is_ordered_and_holds_everything() -> None:
    a, b, choice = simulate("min_delta", 11, 500)
    family = fit_indecision_family(a, b, choice, intercept=True)
    assert {row.model for row in family.rows} == TEN and family.n == 500
    values = [row.per_answer for row in family.rows]
    assert values == sorted(values, reverse=True)
    assert family.rows[-1].model == "naive"
    for row in family.rows:
        assert row.fit is not None and row.failure == ""
        assert row.per_answer == pytest.approx(row.fit.log_likelihood / 500)
    with pytest.raises(InputError, match="'logit'"):
        family.row("logit")


@pytest.mark.parametrize("truth", ["min_delta", "max_delta", "min_u", "max_u", "dom", "random"])
def test_the_model_that_answered_describes_the_answers_best(truth: IndecisionModel) -> None:
    family = fit_indecision_family(*simulate(truth, 12, 4000))
    twin = {"min_delta": "davidson"}.get(truth, truth)
    best = family.rows[0]
    # Models with one parameter more, or nearly the same curve, may come within chance of it.
    assert 4000 * (best.per_answer - family.row(twin).per_answer) < 3
    assert family.row(twin).fit is not None
    if truth in ("max_delta", "min_u", "max_u", "dom"):
        assert best.model == truth


def test_naive_rates_by_hand() -> None:
    fit = fit_naive([0, 0, 0, 1, 2])
    # The coin has 1/5, both sides (3 + 1)/2 of 5 each.
    assert (fit.first, fit.second, fit.coin) == pytest.approx((0.4, 0.4, 0.2))
    assert fit.log_likelihood == pytest.approx(4 * math.log(0.4) + math.log(0.2))
    sided = fit_naive([0, 0, 0, 1, 2], intercept=True)
    assert (sided.first, sided.second, sided.parameters) == pytest.approx((0.6, 0.2, 2))
    assert fit_naive([2, 2]).log_likelihood == 0
    with pytest.raises(InputError, match="row 1 is 4"):
        fit_naive([0, 4])
    with pytest.raises(InputError, match="rows"):
        fit_naive([])


def test_models_without_a_maximum_keep_their_row_and_reason() -> None:
    rng = np.random.default_rng(13)
    a, b = rng.normal(0, 1, (2, 80, 3))
    choice = np.where((a - b) @ WEIGHTS > 0, 0, 1)
    choice[rng.random(80) < 0.3] = 2
    family = fit_indecision_family(a, b, choice)
    row = family.row("random")
    assert row.fit is None and "separated" in row.failure and math.isnan(row.per_answer)
    assert family.rows[-1].fit is None and family.rows[0].fit is not None
    assert family.row("naive").fit is not None and family.row("davidson").fit is not None


def test_a_separated_respondent_gets_advice() -> None:
    with pytest.raises(FitError, match="firth"):
        fit_indecision_model("min_u", [[3.0], [0.0], [-4.0]], [[0.0], [3.0], [-5.0]], [0, 1, 2])
