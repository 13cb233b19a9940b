"""Bends of an attribute's effect: known curves, level and power of the tests, laws."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from kidney_evals.estimation.nonlinearity import Nonlinearity, holm, nonlinearity

ENDS = np.array([[70, 25], [5, 1], [0, 2]], dtype=float)
RANGES = ((25, 70), (1, 5), (0, 2))
HUMAN = np.array([-0.0699, -0.429, 0.769])

Utility = Callable[[np.ndarray], Any]


def linear(patients: np.ndarray) -> Any:
    return patients @ HUMAN


def sharp(patients: np.ndarray) -> Any:
    return 6 * linear(patients)


def bent_age(patients: np.ndarray) -> Any:
    """The respondent with a threshold at 50 years of the validation tables."""
    return 3 * expit((50 - patients[:, 0]) / 4) + patients[:, 1:] @ [-0.5, 0.5]


def square(patients: np.ndarray) -> Any:
    return (70 - patients[:, 0]) ** 2 / 100 - patients[:, 1] + patients[:, 2]


def curve(patients: np.ndarray) -> Any:
    z = 2 * (patients - ENDS[:, 0]) / (ENDS[:, 1] - ENDS[:, 0]) - 1
    return z @ [1.5, 0.8, 0.7] + z**2 @ [0.6, 0, -0.4] + 0.9 * (z[:, 1] ** 3 - z[:, 1])


# Slope, curvature and wiggle; three levels leave no third term. ½ + .6/3, ½, ½ - .4/1.4.
CURVE = np.array([(1.5, 0.6, 0), (0.8, 0, 0.9), (0.7, -0.4, np.nan)])
UPPER = np.array([0.7, 0.5, 0.2143])


def run(
    seed: int, utility: Utility, count: int = 200, *, noisy: bool = True, coins: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Patients as shown, choices and dilemmas of a run in both orders."""
    random = np.random.default_rng(seed)
    one, two = np.stack([random.integers(a, b + 1, (2, count)) for a, b in RANGES], -1) * 1.0
    first, second = np.concatenate([one, two]), np.concatenate([two, one])
    gap = utility(first) - utility(second)
    chosen = random.random(2 * count) < expit(gap + 0.1) if noisy else gap > 0
    keep = random.random(2 * count) >= coins
    return first[keep], second[keep], chosen[keep] * 1.0, np.tile(np.arange(count), 2)[keep]


def found(seed: int, utility: Utility, count: int = 200, **kwargs: Any) -> Nonlinearity:
    first, second, chosen, dilemma = run(seed, utility, count, **kwargs)
    return nonlinearity(first, second, chosen, ENDS, clusters=dilemma)


def figures(one: Nonlinearity) -> np.ndarray:
    """All figures of each attribute, shape (k, 11)."""
    rows = [[*b[:4], *b.upper_share[:5], b.p_value, b.adjusted] for b in one.bends]
    return np.array(rows, dtype=float)


def test_coefficients_of_a_known_curve_are_recovered() -> None:
    one = found(1, curve, 8000)
    assert [bend.levels for bend in one.bends] == [46, 5, 3]
    np.testing.assert_allclose(figures(one)[:, 1:4], CURVE, atol=0.15)
    np.testing.assert_allclose(figures(one)[:, 4], UPPER, atol=0.06)


@pytest.mark.slow
def test_intervals_of_a_known_curve_cover() -> None:
    results = [found(seed, curve, 400).bends for seed in range(200)]
    shares = np.array([[bend.upper_share[:3] for bend in bends] for bends in results])
    covered = (shares[:, :, 1] < UPPER) & (shares[:, :, 2] > UPPER)
    assert 0.92 < covered.mean() < 0.98


def test_lines_are_straight_and_bends_are_seen() -> None:
    straight = found(2, linear, 5000)
    for bend in straight.bends:
        assert bend.upper_share.value == pytest.approx(0.5, abs=0.05)
        assert bend.adjusted > 0.05
    assert straight.p_value > 0.05 and not straight.separated
    bent = found(4, bent_age, 1000)
    assert bent.p_value < 1e-6 and min(bend.adjusted for bend in bent.bends[1:]) > 0.05
    age = bent.bends[0]
    # L(25/4) - L(2.5/4) over L(25/4) - L(-20/4), L logistic: from 47.5 to 25 of 70 to 25 years.
    part = [float(expit((50 - years) / 4)) for years in (25, 47.5, 70)]
    assert age.upper_share.low < (part[0] - part[1]) / (part[0] - part[2]) < age.upper_share.high
    # A step in the middle is steeper there than a line between the ends.
    assert age.wiggle < -1 and age.adjusted < 1e-6


@pytest.mark.slow
def test_level_and_power() -> None:
    for utility, runs in ((linear, 500), (sharp, 200)):
        results = [found(seed, utility) for seed in range(runs)]
        p = np.array([[*(bend.p_value for bend in one.bends), one.p_value] for one in results])
        least = np.array([min(bend.adjusted for bend in one.bends) for one in results])
        # Two and a half standard errors above .05.
        most = 0.05 + 2.5 * (0.05 * 0.95 / runs) ** 0.5
        assert (p < 0.05).mean(axis=0).max() < most and (least < 0.05).mean() < most
    ages = [found(seed, bent_age).bends[0] for seed in range(300)]
    assert np.mean([age.p_value < 0.05 for age in ages]) > 0.70
    assert np.mean([age.adjusted < 0.05 for age in ages]) > 0.50


def test_two_levels_cannot_bend() -> None:
    random = np.random.default_rng(5)
    first, second = random.integers(0, 2, (2, 300, 2)) * 1.0
    first[:, 1], second[:, 1] = random.uniform(0, 1, (2, 300))
    chosen = random.random(300) < expit((first - second).sum(axis=1))
    one = nonlinearity(first, second, chosen, [[0, 1], [0, 1]], clusters=np.arange(300))
    binary, other = one.bends
    assert binary.levels == 2 and np.isfinite(binary.slope)
    assert np.isnan([*figures(one)[0, 2:7], *figures(one)[0, 9:]]).all()
    # Holm counts the attributes that were tested.
    assert other.p_value == other.adjusted == one.p_value


def test_no_effect_has_no_share() -> None:
    random = np.random.default_rng(6)
    first, second, _, dilemma = run(6, linear)
    # Coins thrown in pairs: what is chosen in one order is not in the other.
    coins = np.tile(random.integers(0, 2, 200), 2) * 1.0
    one = nonlinearity(first, second, coins, ENDS, clusters=dilemma)
    assert not any(bend.upper_share.defined for bend in one.bends)
    always_first = nonlinearity(first, second, np.ones(400), ENDS, clusters=dilemma)
    assert math.isnan(always_first.p_value) or always_first.p_value > 0.5


def test_separated_answers_are_flagged() -> None:
    straight = found(7, linear, noisy=False)
    # The lines alone explain every answer.
    assert straight.separated and all(math.isnan(bend.p_value) for bend in straight.bends)
    share = straight.bends[0].upper_share
    assert share.value == pytest.approx(0.5, abs=0.1) and math.isnan(share.low)
    # Here only a bend in age explains every answer, and the score test says so.
    bent = found(8, square, 400, noisy=False)
    assert bent.separated and math.isnan(bent.bends[0].upper_share.low)
    assert bent.bends[0].adjusted < 0.01 and math.isnan(bent.bends[1].p_value)


def test_too_few_dilemmas_or_equal_terms_are_no_finding_and_no_exception() -> None:
    for count in (1, 2, 5, 9):
        one = found(9, linear, count)
        p = [one.p_value, *(bend.p_value for bend in one.bends)]
        assert all(math.isnan(value) or value > 0.01 for value in p)
    random = np.random.default_rng(10)
    first, second = np.repeat(random.uniform(0, 1, (2, 200, 1)), 2, axis=2)
    chosen = random.random(200) < expit(3 * (first - second)[:, 0])
    one = nonlinearity(first, second, chosen, [[0, 1], [0, 1]], clusters=np.arange(200))
    assert np.isnan(figures(one)[:, 1:]).sum() >= 2 * 7 and math.isnan(one.p_value)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_laws(seed: int) -> None:
    first, second, chosen, dilemma = run(seed, bent_age, 80, coins=0.2)
    expected = nonlinearity(first, second, chosen, ENDS, clusters=dilemma)
    scale, shift = np.array([0.1, 3, 2]), np.array([4, -1, 7])
    order = np.random.default_rng(seed).permutation(len(chosen))
    for other in (
        # Patients and choice the other way round; other units and another zero; another order.
        nonlinearity(second, first, 1 - chosen, ENDS, clusters=dilemma),
        nonlinearity(
            first * scale + shift, second * scale + shift, chosen,
            ENDS * scale[:, None] + shift[:, None], clusters=dilemma,
        ),
        nonlinearity(first[order], second[order], chosen[order], ENDS, clusters=-dilemma[order]),
    ):  # fmt: skip
        np.testing.assert_allclose(figures(other), figures(expected), rtol=1e-5, atol=1e-6)
        assert other.p_value == pytest.approx(expected.p_value, rel=1e-5, abs=1e-9)
    # What is favoured the other way bends the other way.
    turned = nonlinearity(first, second, chosen, ENDS[:, ::-1], clusters=dilemma)
    for bend, reverse in zip(expected.bends, turned.bends, strict=True):
        assert reverse.slope == pytest.approx(-bend.slope, abs=1e-6)
        assert reverse.curvature == pytest.approx(bend.curvature, abs=1e-6)


def test_holm() -> None:
    # .01·3, max(.03, .02·2), max(.04, .5·1); what was not tested does not count.
    expected = [0.5, 0.03, math.nan, 0.04]
    assert holm([0.5, 0.01, math.nan, 0.02]) == pytest.approx(expected, nan_ok=True)
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
