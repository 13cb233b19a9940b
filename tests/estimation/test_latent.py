"""Latent classes of people, and which of them a respondent is near."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from kidney_evals.estimation.latent import (
    ClassModel,
    estimate_membership,
    fit_latent,
)
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.nearest import nearest_classes
from kidney_evals.estimation.ties import fit_davidson
from kidney_evals.estimation.two_stage import fit_two_stage, predict_two_stage

SHARES = np.array([0.6, 0.4])
CLASSES = np.array([[1.5, 0.2, -2.0, 0.5, 0.0], [0.3, 1.2, 0.5, 0.8, 0.0]])


def simulate(
    rng: np.random.Generator, people: int, coin: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    person = np.repeat(np.arange(people), 40)
    x = rng.uniform(-3, 3, (len(person), 2))
    member = (np.arange(people) >= SHARES[0] * people).astype(int)[person]
    shares = np.where(
        member[:, None] == 0, predict_two_stage(CLASSES[0], x), predict_two_stage(CLASSES[1], x)
    )
    if not coin:
        shares = shares[:, :2] / shares[:, :2].sum(axis=1, keepdims=True)
    choice = (rng.random(len(x))[:, None] > shares.cumsum(axis=1)).sum(axis=1)
    return x, np.minimum(choice, shares.shape[1] - 1), person


@pytest.mark.parametrize("coin", [True, False])
def test_two_classes_are_recovered(coin: bool) -> None:
    x, choice, person = simulate(np.random.default_rng(1), 100, coin)
    fit = fit_latent(x, choice, person, 2, model="two_stage" if coin else "logit")
    np.testing.assert_allclose(fit.shares, SHARES, atol=0.05)
    np.testing.assert_allclose(fit.weights, CLASSES[:, :2], atol=0.3)
    assert (fit.posterior.argmax(axis=1) == (np.arange(100) >= 60)).mean() > 0.97
    if coin:
        np.testing.assert_allclose(fit.flip_intercept, CLASSES[:, 2], atol=0.4)
        np.testing.assert_allclose(fit.flip_slope, CLASSES[:, 3], atol=0.3)
    else:
        assert np.isnan(fit.flip_intercept).all()
    one = fit_latent(x, choice, person, 1, model="two_stage" if coin else "logit")
    assert fit.bic < one.bic
    # Two classes are right; a third buys too little.
    assert fit.bic < fit_latent(x, choice, person, 3, model="two_stage" if coin else "logit").bic


def test_one_class_is_the_model_of_everybody() -> None:
    x, choice, person = simulate(np.random.default_rng(2), 60, True)
    fit = fit_latent(x, choice, person, 1, model="two_stage")
    pooled = fit_two_stage(x, choice)
    # The prior moves a well-known weight by a thousandth.
    np.testing.assert_allclose(fit.weights[0], pooled.weights, atol=2e-3)
    assert fit.log_likelihood == pytest.approx(pooled.log_likelihood, abs=0.01)
    decided = choice != 2
    strict = fit_latent(x[decided], choice[decided], person[decided], 1, model="logit")
    logit = fit_logit(x[decided], choice[decided] == 0, intercept=False, penalty="none")
    np.testing.assert_allclose(strict.weights[0], logit.weights, atol=2e-3)


def test_people_who_never_flip_or_err_stay_finite() -> None:
    rng = np.random.default_rng(3)
    x, choice, person = simulate(rng, 60, True)
    sure = person < 20
    choice[sure] = (x[sure, 0] < 0).astype(int)
    fit = fit_latent(x, choice, person, 3, model="two_stage")
    assert np.isfinite(fit.weights).all() and np.isfinite(fit.flip_intercept).all()
    assert fit.flip_intercept.min() < -2.5


@cache
def davidson() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers of 80 people of two Davidson classes, forty each."""
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(80), 40)
    x = rng.uniform(-3, 3, (len(person), 2))
    member = (person >= 48).astype(int)
    half = (x * CLASSES[member, :2]).sum(axis=1) / 2
    scores = np.stack([half, -half, np.where(member == 0, -1.0, 1.0)])
    return x, (scores + rng.gumbel(size=scores.shape)).argmax(axis=0), person


def test_davidson_classes_are_recovered() -> None:
    x, choice, person = davidson()
    fit = fit_latent(x, choice, person, 2, model="davidson")
    np.testing.assert_allclose(fit.shares, SHARES, atol=0.05)
    np.testing.assert_allclose(fit.weights, CLASSES[:, :2], atol=0.3)
    np.testing.assert_allclose(fit.log_nu, [-1.0, 1.0], atol=0.3)
    assert np.isnan(fit.flip_intercept).all() and np.isnan(fit.flip_slope).all()
    assert fit.parameters == 2 * 3 + 1
    one = fit_latent(x, choice, person, 1, model="davidson")
    pooled = fit_davidson(x, choice)
    np.testing.assert_allclose(one.weights[0], pooled.weights, atol=2e-3)
    assert one.log_nu[0] == pytest.approx(pooled.log_nu, abs=2e-3)
    np.testing.assert_allclose(one.predict(x[:5])[0], pooled.predict(x[:5]), atol=1e-3)
    assert fit.bic < one.bic
    # The people come from Davidson classes, which two-stage classes of more parameters trail.
    assert fit.bic < fit_latent(x, choice, person, 2, model="two_stage").bic


@pytest.mark.parametrize("model", ["two_stage", "davidson", "logit"])
def test_membership_of_the_fitted_people_is_the_fits_own(model: ClassModel) -> None:
    x, choice, person = davidson()
    if model == "logit":
        x, choice, person = x[choice != 2], choice[choice != 2], person[choice != 2]
    fit = fit_latent(x, choice, person, 2, model=model)
    found = estimate_membership(fit, x, choice, person)
    np.testing.assert_allclose(found.posterior, fit.posterior, atol=1e-6)
    assert found.log_likelihoods.sum() == pytest.approx(fit.log_likelihood, abs=1e-4)
    np.testing.assert_allclose(fit.predict(x).sum(axis=2), 1.0)


def respondent(seed: int, member: int, dilemmas: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of both two-stage classes for each answer, and the answers of one of them."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, (dilemmas, 2))
    shares = np.stack([predict_two_stage(theta, x) for theta in CLASSES])
    picked = (rng.random((dilemmas, 1)) > shares[member].cumsum(axis=1)[:, :2]).sum(axis=1)
    return shares, picked


@pytest.mark.parametrize("member", [0, 1])
def test_a_members_class_is_the_nearest(member: int) -> None:
    shares, picked = respondent(6, member, 200)
    found = nearest_classes(SHARES, shares, picked, np.arange(200))
    assert found.nearest == member
    assert found.posterior[member] > 0.999 and found.support[member] == 1.0
    # A member answers about as well as the class expects of itself: 200 answers know it to .06.
    assert found.log_likelihood[member] == pytest.approx(found.expected[member], abs=0.15)
    # By Bayes' rule from the definition, each answer to the power of its worth.
    worth = found.effective_answers / 200
    joint = SHARES * shares[:, np.arange(200), picked].prod(axis=1) ** worth
    np.testing.assert_allclose(found.posterior, joint / joint.sum(), rtol=1e-6, atol=1e-12)


def test_repeated_answers_are_worth_one() -> None:
    shares, picked = respondent(7, 0, 60)
    once = nearest_classes(SHARES, shares, picked, np.arange(60))
    again = nearest_classes(
        SHARES, np.tile(shares, (1, 4, 1)), np.tile(picked, 4), np.tile(np.arange(60), 4)
    )
    assert again.answers == 240
    assert again.effective_answers == pytest.approx(60, rel=0.05)
    np.testing.assert_allclose(again.posterior, once.posterior, rtol=0.5, atol=1e-3)
    np.testing.assert_allclose(again.log_likelihood, once.log_likelihood)


def test_classes_that_are_alike_cannot_be_told_apart() -> None:
    shares, picked = respondent(8, 0, 50)
    found = nearest_classes([0.7, 0.3], shares[[0, 0]], picked, np.arange(50))
    np.testing.assert_allclose(found.posterior, [0.7, 0.3])
    assert found.effective_answers == 50
