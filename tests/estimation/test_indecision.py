import numpy as np
import pytest

from estimation.simulated import drawn, fixed, people, random_differences, run
from kidney_evals.estimation.indecision import indecision_gap, indecision_rate, outcome_share


def test_a_model_that_never_flips_has_an_interval() -> None:
    one = drawn(1, "never_flips", "coin_flip")
    rate, gap = indecision_rate(one), indecision_gap(one)
    assert (rate.value, rate.low, rate.n) == (0.0, 0.0, 400)
    # Wilson with 200 dilemmas: z² / (n + z²).
    assert rate.high == pytest.approx(3.8415 / 203.8415, abs=1e-5)
    assert rate.human == pytest.approx(0.17, abs=0.02)
    assert gap.value == pytest.approx(-rate.human)
    assert gap.low < gap.value < gap.high < -0.1
    # Over a fixed list: the flip rate of 62 people has a standard error of .033, so ±.065 and more.
    never = indecision_gap(fixed(1, "never_flips", "coin_flip"))
    assert never.value == pytest.approx(-0.298, abs=1e-3)
    assert 0.055 < (never.high - never.low) / 2 < 0.075


def test_no_coin_no_rate_and_no_people_no_gap() -> None:
    for quantity in (indecision_rate, indecision_gap):
        assert quantity(drawn(1)).n == 0
        assert quantity(drawn(1, condition="coin_flip").take([])).n == 0
    one = drawn(1, "one_person", "coin_flip", count=10)
    shares = one.shares.copy()
    shares[:5] = np.nan
    part = one.against(shares, None)
    assert indecision_rate(part).n == 20 and np.isnan(indecision_rate(part).human)
    assert indecision_gap(part).n == 10


def test_the_gap_covers_the_error_of_the_model_and_of_people() -> None:
    runs, covered = 60, 0
    for seed in range(runs):
        random = np.random.default_rng(seed)
        differences = random_differences(random, 100)
        shares, draws = people(differences, "coin_flip")
        estimate = draws[random.integers(len(draws))]
        around = np.clip(draws - shares + estimate, 1e-4, None)
        around /= around.sum(axis=-1, keepdims=True)
        found = indecision_gap(run(shares, differences, estimate, around, random))
        covered += found.low <= 0 <= found.high
    # 60 runs know a coverage of .95 to .028.
    assert covered / runs >= 0.87


def test_outcome_shares_are_shares_of_samples() -> None:
    found = outcome_share(["d1", "d1", "d2", "d3"], [0, 1, 0, 0], [True, True, False, False])
    assert (found.value, found.n) == (0.5, 4)
    assert 0 < found.low < found.high < 1
    nothing = outcome_share([1, 2, 3], [0, 0, 0], [0, 0, 0], fixed=True)
    assert nothing.value == 0.0 and nothing.high > 0.3
    assert outcome_share([], [], []).n == 0
