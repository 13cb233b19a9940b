import numpy as np
import pytest

from estimation.simulated import drawn, fixed, people, random_differences, run
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.indecision import indecision_gap, indecision_rate, outcome_share


def test_a_model_that_never_flips_keeps_a_width() -> None:
    one = drawn(1, "never_flips", "coin_flip")
    rate, gap = indecision_rate(one), indecision_gap(one)
    assert (rate.value, rate.low, rate.n) == (0.0, 0.0, 400)
    assert rate.high == pytest.approx(3.8415 / 203.8415, abs=1e-5)
    assert rate.human == pytest.approx(0.17, abs=0.02)
    assert gap.value == pytest.approx(-rate.human)
    assert gap.low < gap.value < gap.high < -0.1


def test_people_have_no_gap() -> None:
    found = indecision_gap(drawn(2, "one_person", "coin_flip"))
    assert found.low < 0 < found.high
    assert np.isnan(found.human) and found.n == 400


def test_people_err_jointly_over_a_fixed_list() -> None:
    # §5: the flip rate of 62 people has a standard error of .033, so ±.065 and more.
    never = indecision_gap(fixed(1, "never_flips", "coin_flip"))
    assert never.value == pytest.approx(-0.298, abs=1e-3)
    assert 0.055 < (never.high - never.low) / 2 < 0.075


def test_no_coin_no_rate() -> None:
    for quantity in (indecision_rate, indecision_gap):
        assert quantity(drawn(1)).n == 0
        assert quantity(drawn(1, condition="coin_flip").take([])).n == 0


def test_gap_needs_people_but_the_rate_does_not() -> None:
    one = drawn(1, "one_person", "coin_flip", count=10)
    shares = one.shares.copy()
    shares[:5] = np.nan
    part = one.against(shares, None)
    assert indecision_rate(part).n == 20
    assert np.isnan(indecision_rate(part).human)
    assert indecision_gap(part).n == 10


def test_gap_covers_both_sides() -> None:
    runs, covered = 100, 0
    for seed in range(runs):
        random = np.random.default_rng(seed)
        differences = random_differences(random, 100)
        shares, draws = people(differences, "coin_flip")
        estimate = draws[random.integers(len(draws))]
        around = np.clip(draws - shares + estimate, 1e-4, None)
        around /= around.sum(axis=-1, keepdims=True)
        found = indecision_gap(run(shares, differences, estimate, around, random))
        covered += found.low <= 0 <= found.high
    assert covered / runs >= 0.89


def test_outcome_shares_are_shares_of_samples() -> None:
    found = outcome_share(["d1", "d1", "d2", "d3"], [0, 1, 0, 0], [True, True, False, False])
    assert (found.value, found.n) == (0.5, 4)
    assert 0 < found.low < found.high < 1
    nothing = outcome_share([1, 2, 3], [0, 0, 0], [0, 0, 0], fixed=True)
    assert nothing.value == 0.0 and nothing.high > 0.3
    assert outcome_share([], [], []).n == 0
    with pytest.raises(InputError, match="order row 1"):
        outcome_share([1, 2], [0, 2], [0, 1])
