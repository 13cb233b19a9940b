import numpy as np
import pytest

from estimation.simulated import drawn, human_shares, random_differences, run
from kidney_evals.estimation.calibration import (
    calibration_value,
    closeness_bins,
    expected_flip_calibration,
    flip_calibration,
    flip_fit,
    flip_slope,
)
from kidney_evals.estimation.respondent_baselines import Answerer, answer_shares

ANCHORS: list[tuple[Answerer, float]] = [
    ("one_person", 0.0001),
    ("never_flips", 0.035),
    ("always_coin", 0.70),
]


@pytest.mark.parametrize(("respondent", "anchor"), ANCHORS)
def test_known_respondents(respondent: Answerer, anchor: float) -> None:
    one = drawn(5, respondent, "coin_flip", 3000, human_error=False)
    found = flip_calibration(one)
    assert found.value == pytest.approx(anchor, abs=0.001 + 0.02 * anchor)
    assert found.n == 3000
    assert found.value == calibration_value(one)


def test_flipping_at_the_human_rate_everywhere_is_off() -> None:
    random = np.random.default_rng(4)
    differences = random_differences(random, 4000)
    shares = human_shares(differences, "coin_flip")
    constant = np.column_stack([shares[:, :2] / shares[:, :2].sum(axis=1)[:, None] * 0.831,
                                np.full(4000, 0.169)])  # fmt: skip
    one = run(constant, differences, shares, None, random)
    assert flip_calibration(one).value == pytest.approx(0.0063, abs=0.0015)
    assert expected_flip_calibration(one, constant[:, 2]) == pytest.approx(0.0063, abs=0.001)


def test_value_by_hand() -> None:
    one = drawn(1, "one_person", "coin_flip", 4).take([])
    shares = np.array([[0.4, 0.4, 0.2]] * 2 + [[0.5, 0.4, 0.1]] * 2)
    answers = np.eye(3)[[2, 0, 0, 0]]
    one = run(answers, one.differences, shares, None, np.random.default_rng(0),
              far=np.array([0.1, 0.2, 3.0, 4.0]))  # fmt: skip
    # Near: f = ½, h = .2, V(f) = 2/1 · Σ (±½ · ½)² = ¼. Far: f = 0, h = .1, V = 0.
    expected = 0.5 * (0.3**2 - 0.25) + 0.5 * 0.1**2
    assert flip_calibration(one).value == pytest.approx(expected)
    assert flip_calibration(one).n == 4


def test_a_human_sampler_gets_zero_on_average() -> None:
    random = np.random.default_rng(9)
    values = []
    for index in range(200):
        if index % 10 == 0:
            differences = random_differences(random, 200)
            shares = human_shares(differences, "coin_flip")
        values.append(calibration_value(run(shares, differences, shares, None, random)))
    assert abs(np.mean(values)) < 2.5 * np.std(values) / np.sqrt(200)


def test_intervals_of_the_uncalibrated_cover() -> None:
    far = drawn(1, "uniform", "coin_flip", 20_000, human_error=False)
    truth = expected_flip_calibration(far, np.full(20_000, 1 / 3))
    covered = 0
    for seed in range(120):
        found = flip_calibration(drawn(seed, "uniform", "coin_flip", human_error=False))
        covered += found.low <= truth <= found.high
    assert 0.89 <= covered / 120 <= 0.99


def test_bins_hold_signed_gaps() -> None:
    one = drawn(3, "never_flips", "coin_flip", 2000)
    bins = closeness_bins(one)
    human = [0.273, 0.224, 0.181, 0.114, 0.044]
    masses = [0.22, 0.20, 0.17, 0.24, 0.17]
    for part, rate, mass in zip(bins, human, masses, strict=True):
        assert part.rate.value == 0.0 and part.rate.high > 0
        assert part.rate.human == pytest.approx(rate, abs=0.025)
        assert part.gap.value == pytest.approx(-part.rate.human)
        assert part.gap.low < part.gap.value < part.gap.high
        assert part.gap.n / 2000 == pytest.approx(mass, abs=0.03)


def test_slope_of_people_and_of_the_decided() -> None:
    people_like = flip_slope(drawn(2, "one_person", "coin_flip", 4000), human=-0.66)
    assert people_like.value == pytest.approx(-0.66, abs=0.1)
    assert people_like.low < people_like.value < people_like.high
    never = flip_slope(drawn(2, "never_flips", "coin_flip"), human=-0.66)
    assert np.isnan(never.value) and never.n == 0 and never.human == -0.66


def test_a_threshold_that_explains_every_coin_has_no_slope() -> None:
    one = drawn(2, "one_person", "coin_flip", 100)
    near = one.closeness < 0.7
    steep = one.take([]).with_answers(one.dilemma, one.order, np.where(near[one.dilemma], 2, 0))
    found = flip_slope(steep, human=-0.66)
    assert np.isnan(found.value) and found.n == 0 and found.human == -0.66
    assert flip_fit(steep).separated


@pytest.mark.parametrize(
    "condition,count", [("forced_choice", 50), ("coin_flip", 1)], ids=["no coin", "one dilemma"]
)
def test_nothing_to_calibrate(condition: str, count: int) -> None:
    one = drawn(1, "one_person", condition, count)
    assert flip_calibration(one).n == 0
    assert np.isnan(expected_flip_calibration(one, np.zeros(count)))


def test_repeats_add_no_bias() -> None:
    values = [
        calibration_value(drawn(seed, "one_person", "coin_flip", 60, epochs=3, human_error=False))
        for seed in range(60)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60)
    assert answer_shares(np.array([[0.5, 0.3, 0.2]]), "never_flips")[0, 2] == 0.0
