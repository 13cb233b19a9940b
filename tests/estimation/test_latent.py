"""Latent classes of people, and the class that a respondent is nearest to."""

from functools import cache

import numpy as np
import pytest

from estimation.simulated import answer
from kidney_evals.estimation.latent import ClassModel, LatentFit, fit_latent, nearest_classes
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.ties import fit_davidson
from kidney_evals.estimation.two_stage import fit_two_stage, predict_two_stage

SHARES = np.array([0.6, 0.4])
CLASSES = np.array([[1.5, 0.2, -2.0, 0.5, 0.0], [0.3, 1.2, 0.5, 0.8, 0.0]])
LOG_NU = np.array([-1.0, 1.0])
PEOPLE = 80
PERSON = np.repeat(np.arange(PEOPLE), 40)
MEMBER = (SHARES[0] * PEOPLE <= PERSON).astype(int)

Answers = tuple[np.ndarray, np.ndarray, np.ndarray]


@cache
def simulate(model: ClassModel) -> Answers:
    """Answers of 80 people of two classes, at most forty by each person."""
    rng = np.random.default_rng(5)
    x = rng.uniform(-3, 3, (len(PERSON), 2))
    if model == "davidson":
        half = (x * CLASSES[MEMBER, :2]).sum(axis=1) / 2
        power = np.exp(np.column_stack([half, -half, LOG_NU[MEMBER]]))
        shares = power / power.sum(axis=1, keepdims=True)
    else:
        shares = np.stack([predict_two_stage(row, x) for row in CLASSES])[MEMBER, range(len(x))]
    choice = answer(rng, shares)
    decided = choice < (2 if model == "logit" else 3)
    return x[decided], choice[decided], PERSON[decided]


@cache
def fitted(model: ClassModel, classes: int) -> LatentFit:
    return fit_latent(*simulate(model), classes, model=model, starts=4)


@pytest.mark.parametrize("model", ["two_stage", "davidson", "logit"])
def test_two_classes_are_recovered(model: ClassModel) -> None:
    fit = fitted(model, 2)
    np.testing.assert_allclose(fit.shares, SHARES, atol=0.05)
    np.testing.assert_allclose(fit.weights, CLASSES[:, :2], atol=0.3)
    np.testing.assert_allclose(
        np.column_stack([fit.flip_intercept, fit.flip_slope]),
        CLASSES[:, 2:4] if model == "two_stage" else np.full((2, 2), np.nan),
        atol=0.4,
    )
    np.testing.assert_allclose(
        fit.log_nu, LOG_NU if model == "davidson" else [np.nan] * 2, atol=0.3
    )
    # Two classes are right; a third gains too little.
    assert fit.bic < min(fitted(model, 1).bic, fitted(model, 3).bic)
    x, choice, person = simulate(model)
    assert (fit.posterior.argmax(axis=1) == (np.arange(PEOPLE) >= 48)).mean() > 0.97
    joint = np.log(fit.predict(x)[:, np.arange(len(x)), choice])
    people = [np.exp(joint[:, person == one].sum(axis=1)) @ fit.shares for one in range(PEOPLE)]
    assert np.log(people).sum() == pytest.approx(fit.log_likelihood, abs=1e-4)
    np.testing.assert_allclose(fit.predict(x).sum(axis=2), 1.0)


@pytest.mark.parametrize("model", ["two_stage", "davidson", "logit"])
def test_one_class_is_the_model_of_everybody(model: ClassModel) -> None:
    x, choice, _ = simulate(model)
    one = fitted(model, 1)
    # The prior moves a well-known weight by a thousandth.
    if model == "logit":
        logit = fit_logit(x, choice == 0, intercept=False, penalty="none")
        np.testing.assert_allclose(one.weights[0], logit.weights, atol=2e-3)
        return
    pooled = (fit_two_stage if model == "two_stage" else fit_davidson)(x, choice)
    np.testing.assert_allclose(one.weights[0], pooled.weights, atol=2e-3)
    assert one.log_likelihood == pytest.approx(pooled.log_likelihood, abs=0.01)
    np.testing.assert_allclose(one.predict(x[:5])[0], pooled.predict(x[:5]), atol=1e-3)


def test_people_who_never_flip_or_err_stay_finite() -> None:
    x, choice, person = simulate("two_stage")
    sure = person < 20
    choice = np.where(sure, x[:, 0] < 0, choice).astype(int)
    fit = fit_latent(x, choice, person, 3, model="two_stage")
    assert np.isfinite(fit.weights).all() and np.isfinite(fit.flip_intercept).all()
    assert fit.flip_intercept.min() < -2.5


def respondent(seed: int, member: int, dilemmas: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of both two-stage classes for each answer, and the answers of one of them."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, (dilemmas, 2))
    shares = np.stack([predict_two_stage(theta, x) for theta in CLASSES])
    return shares, answer(rng, shares[member])


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
    # Classes that are alike have the posterior of their sizes.
    alike = nearest_classes([0.7, 0.3], shares[[0, 0]], picked, np.arange(60))
    np.testing.assert_allclose(alike.posterior, [0.7, 0.3])
