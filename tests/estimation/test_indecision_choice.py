"""Does the rule name the right model of indecision when it can, and none when it cannot?"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kidney_evals.estimation.indecision_choice import (
    LEAST,
    NAMES,
    IndecisionChoice,
    choose_indecision_model,
)
from kidney_evals.estimation.indecision_models import fit_indecision_model

Array = NDArray[np.float64]

Found = tuple[IndecisionChoice, tuple[Any, ...]]


def patients(rng: np.random.Generator, dilemmas: int) -> tuple[Array, Array, NDArray[np.int64]]:
    one, two = rng.uniform(-1.5, 1.5, (2, dilemmas, 3))
    twice = np.repeat(np.arange(dilemmas), 2)
    return np.asarray(one[twice]), np.asarray(two[twice]), twice


def dominant(one: Array, two: Array) -> Array:
    """Shares of somebody who scores a patient by their weakest attribute."""
    gap = one - two
    scores = 6.0 * np.column_stack([gap.min(axis=1), (-gap).min(axis=1), np.full(len(gap), -0.4)])
    power = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Array = power / power.sum(axis=1, keepdims=True)
    return result


def drawn(rng: np.random.Generator, shares: Array) -> NDArray[np.int64]:
    picked = (rng.random((len(shares), 1)) > shares.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return np.asarray(picked, dtype=np.int64)


@pytest.fixture(scope="module")
def of_dominance() -> Found:
    rng = np.random.default_rng(4)
    one, two, label = patients(rng, 600)
    choice = drawn(rng, dominant(one, two))
    return choose_indecision_model(one, two, choice, label), (one, two, choice, label)


def test_a_model_that_stands_apart_is_named(of_dominance: Found) -> None:
    found, (one, two, choice, _) = of_dominance
    assert found.best == "dom" and found.possible == ("dom",)
    assert found.contenders[0].model == "dom"
    assert {row.model for row in found.contenders} == set(NAMES)
    # In and out of sample nearly agree with so many answers and so few parameters.
    whole = fit_indecision_model("dom", one, two, choice).log_likelihood / len(choice)
    assert found.contenders[0].log_likelihood == pytest.approx(whole, abs=0.01)


def test_constant_rates_stay_where_nothing_depends_on_the_patients() -> None:
    rng = np.random.default_rng(8)
    one, two, label = patients(rng, 150)
    choice = rng.choice(3, len(label), p=[0.4, 0.4, 0.2])
    found = choose_indecision_model(one, two, choice, label)
    assert "naive" in found.possible


@pytest.mark.slow
def test_the_true_model_is_ruled_out_no_more_often_than_the_rule_allows() -> None:
    out = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        one, two, label = patients(rng, 150)
        delta = (one - two) @ np.array([1.0, 0.7, 0.5])
        scores = np.column_stack([delta / 2, -delta / 2, np.full(len(delta), -0.5)])
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        found = choose_indecision_model(one, two, drawn(rng, shares), label)
        out += "davidson" not in found.possible
    # At most one in twenty: 2 of 40 expected, 6 is three standard errors off.
    assert out <= 6


def test_too_little_to_compare_says_what_is_missing() -> None:
    rng = np.random.default_rng(1)
    one, two, label = patients(rng, 100)
    few = np.zeros(200, dtype=int)
    few[: LEAST - 1] = 2
    assert choose_indecision_model(one, two, few, label).reason == "only 19 coins, 20 are needed"
    mostly = np.full(200, 2)
    mostly[:5] = 0
    reason = choose_indecision_model(one, two, mostly, label).reason
    assert reason == "only 5 decisions, 20 are needed"
    many = drawn(rng, dominant(one, two))
    assert "only 4 dilemmas" in choose_indecision_model(one, two, many, label % 4).reason


def test_where_a_rule_explains_the_decisions_no_model_is_named() -> None:
    rng = np.random.default_rng(2)
    one, two, label = patients(rng, 100)
    delta = (one - two).sum(axis=1)
    choice = np.where(np.arange(200) % 5 == 0, 2, np.where(delta > 0, 0, 1))
    found = choose_indecision_model(one, two, choice, label)
    assert found.best is None
    assert found.reason.startswith("a rule explains the decisions")
    failed = {row.model: row.failure for row in found.contenders if row.failure}
    assert "separated" in failed["two_stage"]
