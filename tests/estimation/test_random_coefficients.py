"""Random-coefficient logit and Davidson models, and the people they describe."""

from typing import Any

import numpy as np
import pytest

from kidney_evals.estimation import random_coefficients as fits
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.random_coefficients import RandomModel, fit_random_coefficients

Panel = tuple[np.ndarray, np.ndarray, np.ndarray]

MEANS = {"logit": np.array([1.0, 0.5]), "davidson": np.array([1.0, 0.5, 0.2])}
FULL = np.array([[1.0, 0.0, 0.0], [-0.5, 0.6, 0.0], [0.6, 0.3, 1.2]])
DIAGONAL = np.diag([1.0, 0.6, 1.2])


def simulate(
    seed: int, model: RandomModel, cholesky: np.ndarray, people: int = 150, each: int = 30
) -> tuple[Panel, np.ndarray]:
    """Answers of people with known coefficients, and these coefficients."""
    rng = np.random.default_rng(seed)
    size = len(MEANS[model])
    own = MEANS[model] + rng.standard_normal((people, size)) @ cholesky[:size, :size].T
    person = np.repeat(np.arange(people), each)
    x = rng.uniform(-2, 2, (len(person), 2))
    half = (x * own[person, :2]).sum(axis=1) / 2
    scores = np.stack([half, -half, *own[person, 2:].T])
    # The largest score plus Gumbel noise wins with the probabilities of the model.
    return (x, (scores + rng.gumbel(size=scores.shape)).argmax(axis=0), person), own


@pytest.mark.parametrize("model", ["logit", "davidson"])
def test_means_and_deviations_are_recovered(model: RandomModel) -> None:
    rows, own = simulate(11, model, DIAGONAL)
    fit = fit_random_coefficients(*rows, model=model)
    error = np.sqrt(np.diag(fit.covariance))
    truth = np.append(MEANS[model], np.diag(DIAGONAL)[: len(own[0])])
    assert (np.abs(fit.theta - truth) < 3.5 * error).all() and (error < 0.2).all()
    assert fit.parameters == 2 * len(own[0]) == len(fit.theta)
    assert fit.bic == pytest.approx(fit.parameters * np.log(150) - 2 * fit.log_likelihood)


@pytest.mark.slow
def test_a_full_covariance_is_recovered() -> None:
    rows, _ = simulate(2, "davidson", FULL, people=250, each=20)
    fit = fit_random_coefficients(*rows, model="davidson", correlated=True)
    error = np.sqrt(np.diag(fit.covariance))
    truth = np.append(MEANS["davidson"], FULL[np.tril_indices(3)])
    assert (np.abs(fit.theta - truth) < 3.5 * error).all()
    np.testing.assert_allclose(fit.deviations, np.linalg.norm(FULL, axis=1), atol=0.3)
    assert fit.bic < fit_random_coefficients(*rows, model="davidson").bic


@pytest.mark.slow
def test_errors_cover_the_truth() -> None:
    truth = np.append(MEANS["logit"], np.diag(DIAGONAL)[:2])
    inside = np.zeros(4)
    for seed in range(100):
        rows, _ = simulate(seed, "logit", DIAGONAL, people=80, each=20)
        fit = fit_random_coefficients(*rows, model="logit", draws=200)
        inside += np.abs(fit.theta - truth) < 1.96 * np.sqrt(np.diag(fit.covariance))
    # 100 runs know a coverage of .95 to .022.
    assert (inside / 100 > 0.88).all()


def test_scores_are_the_derivatives_of_the_likelihood() -> None:
    rows, _ = simulate(3, "davidson", FULL, people=12, each=8)
    # The draws are placed for another population than the one that is evaluated.
    population = fits._Population(np.array([0.9, 0.5, 0.1]), 1.1 * FULL)
    nodes = fits._person_nodes(
        fits._panel(*rows, "davidson"),
        population,
        fits._normal_draws(0, 12, 200, 3),
    )
    likelihood = fits._Likelihood(nodes, np.tri(3, dtype=bool))
    at = np.append([0.8, 0.4, 0.1], FULL[np.tril_indices(3)])
    _, scores = likelihood.evaluate(at)
    step = 1e-6
    for j, shift in enumerate(step * np.eye(len(at))):
        up, down = likelihood.evaluate(at + shift)[0], likelihood.evaluate(at - shift)[0]
        np.testing.assert_allclose(scores[:, j], (up - down) / (2 * step), atol=1e-6)


@pytest.mark.parametrize("each", [1, 60])
def test_a_persons_likelihood_is_the_integral_over_the_weight(each: int) -> None:
    rng = np.random.default_rng(each)
    x = rng.uniform(-2, 2, (each, 1))
    choice = (rng.random(each) < 0.3).astype(int)
    population = fits._Population(np.array([1.0]), np.array([[1.5]]))
    answers = fits._panel(x, choice, np.zeros(each), "logit")
    nodes = fits._person_nodes(answers, population, fits._normal_draws(0, 1, 500, 1))
    (value,), share = fits._posterior(population, nodes)
    weight = np.linspace(1 - 12, 1 + 12, 4001)
    density = np.exp(-0.5 * ((weight - 1) / 1.5) ** 2) / (1.5 * np.sqrt(2 * np.pi))
    chosen = 1 / (1 + np.exp(-np.where(choice == 0, 1, -1)[:, None] * x * weight))
    joint = chosen.prod(axis=0) * density
    mean = (joint * weight).sum() / joint.sum()
    assert value == pytest.approx(np.log(joint.sum() * 24 / 4000), abs=2e-3)
    assert (share[0] * nodes.coefficients[0, :, 0]).sum() == pytest.approx(mean, abs=5e-3)


def test_deviations_of_people_who_do_not_differ_are_at_the_floor() -> None:
    rows, _ = simulate(7, "logit", np.zeros((3, 3)))
    fit = fit_random_coefficients(*rows, model="logit")
    held = fit.deviations < 0.1
    assert (np.isnan(np.diag(fit.covariance)[2:]) == held).all() and held.any()
    assert np.isfinite(fit.covariance[:2, :2]).all()


X = np.tile([[1.0], [-1.0], [0.5], [2.0]], (10, 1))
WHO = np.repeat(np.arange(10), 4)


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ("no answer is the coin", {"model": "davidson"}),
        ("never differs", {"differences": np.zeros((40, 1))}),
        ("did not converge: try", {"choices": (X[:, 0] < 0).astype(int)}),
    ],
)
def test_what_cannot_be_fitted_is_named(message: str, changed: dict[str, Any]) -> None:
    answers = {"differences": X, "choices": np.arange(40) % 2, "persons": WHO}
    arguments: dict[str, Any] = answers | {"model": "logit", "draws": 100} | changed
    with pytest.raises(FitError, match=message):
        fit_random_coefficients(**arguments)
