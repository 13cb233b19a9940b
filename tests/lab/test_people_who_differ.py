"""How people of Study 2 differ: random coefficients beside latent classes, on the raw rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from kidney_evals.estimation.latent import ClassModel, estimate_membership, fit_latent
from kidney_evals.estimation.random_coefficients import fit_random_coefficients
from kidney_evals.estimation.random_people import (
    asked_twice,
    draw_people,
    estimate_people,
    group_shares,
    person_shares,
)
from kidney_evals.human.raw import find_raw, read_study_2
from kidney_evals.lab.drawn_models import Group, group
from kidney_evals.studies import dilemmas_of, load_study

HeldOut = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], float]
"""Joint log-likelihood of people left out: training rows' mask, x, choice, person."""


@cache
def groups(raw: Path) -> tuple[Group, Group]:
    """Forced choice and coin flip of Study 2."""
    study = load_study("mcelfresh_2021")
    forced, coin = read_study_2(find_raw(raw))
    return group(study, "forced_choice", forced), group(study, "coin_flip", coin)


def default_dilemmas() -> np.ndarray:
    """First minus second patient of the 200 dilemmas that a run asks by default."""
    study = load_study("mcelfresh_2021")
    return np.array([study.differences(dilemma) for dilemma in dilemmas_of(study, 200, None)])


def left_out(data: Group, score: HeldOut, seed: int) -> float:
    """Joint log-likelihood per query, tenfold over participants."""
    fold = (np.random.default_rng(seed).permutation(data.people) % 10)[data.person]
    total = sum(score(fold != k, data.x, data.choice, data.person) for k in range(10))
    return total / len(data.choice)


def classes(count: int, model: ClassModel) -> HeldOut:
    def score(train: np.ndarray, x: np.ndarray, choice: np.ndarray, person: np.ndarray) -> float:
        fit = fit_latent(x[train], choice[train], person[train], count, model=model, seed=2)
        found = estimate_membership(fit, x[~train], choice[~train], person[~train])
        return float(found.log_likelihoods.sum())

    return score


def random_coefficients(
    train: np.ndarray, x: np.ndarray, choice: np.ndarray, person: np.ndarray
) -> float:
    fit = fit_random_coefficients(x[train], choice[train], person[train], model="davidson")
    return float(
        estimate_people(fit, x[~train], choice[~train], person[~train]).log_likelihoods.sum()
    )


@pytest.mark.slow
def test_a_new_persons_answers(raw_dir: Path) -> None:
    _, data = groups(raw_dir)
    # Another partition of the 132 people moves the first by up to .004 and the second by .01.
    one = np.mean([left_out(data, classes(1, "davidson"), seed) for seed in range(5)])
    four = np.mean([left_out(data, classes(4, "davidson"), seed) for seed in range(2)])
    assert one == pytest.approx(-0.785, abs=0.002)
    assert four == pytest.approx(-0.657, abs=0.006)
    # Draws from the population, instead of draws near each person, reach .530.
    assert left_out(data, random_coefficients, 0) == pytest.approx(-0.523, abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("correlated", "value"), [(False, -0.5211), pytest.param(True, -0.5202, marks=pytest.mark.slow)]
)
def test_random_coefficients_with_a_coin(raw_dir: Path, correlated: bool, value: float) -> None:
    _, data = groups(raw_dir)
    fit = fit_random_coefficients(
        data.x, data.choice, data.person, model="davidson", correlated=correlated
    )
    assert fit.log_likelihood / fit.n == pytest.approx(value, abs=2e-4)
    # People flip .169 [.139, .201] of the time. A fit whose draws all come from the population
    # has an error of simulation in this of .03.
    rate = group_shares(fit, data.x)[:, 2].mean()
    assert rate == pytest.approx(0.171, abs=0.004)
    assert asked_twice(fit, default_dilemmas()).mean() == pytest.approx(0.229, abs=0.004)
    people = person_shares(fit, draw_people(fit, 5000, np.random.default_rng(0)), data.x[:300])
    quartiles = np.quantile(people[..., 2].mean(axis=1), [0.25, 0.5, 0.75])
    # One person's rate among the 132: quartiles .025, .111, .275.
    np.testing.assert_allclose(quartiles, [0.025, 0.111, 0.275], atol=0.03)


@pytest.mark.slow
def test_another_seed_finds_the_same_people(raw_dir: Path) -> None:
    _, data = groups(raw_dir)
    one, two = (
        fit_random_coefficients(data.x, data.choice, data.person, model="davidson", seed=seed)
        for seed in (0, 1)
    )
    error = np.sqrt(np.diag(one.covariance))
    assert (np.abs(one.theta - two.theta) < 0.1 * error).all()


def test_one_person_asked_twice_without_a_coin(raw_dir: Path) -> None:
    data, _ = groups(raw_dir)
    fit = fit_random_coefficients(data.x, data.choice, data.person, model="logit")
    # Six latent classes say .21, which is an upper bound: classes are coarser than people.
    assert asked_twice(fit, default_dilemmas()).mean() == pytest.approx(0.151, abs=0.003)


@pytest.mark.parametrize("count", [4, pytest.param(6, marks=pytest.mark.slow)])
def test_two_stage_classes_flip_as_often_as_people(raw_dir: Path, count: int) -> None:
    _, data = groups(raw_dir)
    fit = fit_latent(data.x, data.choice, data.person, count, model="two_stage", seed=2)
    shares = np.einsum("c,cnk->nk", fit.shares, fit.predict(data.x))
    assert shares[:, 2].mean() == pytest.approx(0.175, abs=0.004)
