"""The statistics of one run: by hand, against closed forms, their intervals, and odd runs."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from numpy.typing import ArrayLike

from estimation import simulated
from estimation.simulated import coverage, drawn, fixed, fixed_people, human_shares, run
from kidney_evals.estimation import (
    agreement,
    bounds,
    calibration,
    consistency,
    distance,
    indecision,
    respondent_baselines,
)
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.estimation.respondent_baselines import Answerer, answer_shares

pytestmark = pytest.mark.filterwarnings("error")

Statistic = Callable[[Decisions], Quantity]
STATISTICS: list[Statistic] = [
    agreement.agreement, agreement.log_score, consistency.dominance,
    distance.choice_distance, distance.fixed_distance, indecision.indecision_rate,
    calibration.flip_calibration, calibration.flip_slope,
    consistency.swap_disagreement, consistency.retest_disagreement, consistency.position_bias,
]  # fmt: skip


def by_hand(
    answers: list[tuple[int, int, int]],
    shares: list[list[float]],
    *,
    differences: ArrayLike | None = None,
    far: ArrayLike | None = None,
) -> Decisions:
    """A run with answers (dilemma, order, choice) to dilemmas with people's `shares`."""
    dilemma, order, choice = np.array(answers).T
    count = len(shares)
    return Decisions(
        dilemma, order, np.arange(len(answers)), choice,
        np.zeros((count, 1)) if differences is None else np.array(differences, dtype=float),
        np.array(shares), None, np.full(count, np.nan) if far is None else np.array(far),
    )  # fmt: skip


def always_a(one: Decisions) -> Decisions:
    return one.take([]).with_answers(one.dilemma, one.order, one.order)


# By hand.

TWO = by_hand([(0, 0, 0), (1, 0, 0)], [[0.8, 0.2], [0.4, 0.6]])
COINS = by_hand([(0, 0, 0), (1, 0, 2), (2, 0, 1)], [[0.6, 0.2, 0.2], [0.2, 0.2, 0.6], [np.nan] * 3])
BETTER = by_hand(
    [(0, 0, 0), (0, 1, 0), (1, 0, 1), (1, 1, 1), (2, 0, 0)],
    [[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]], differences=[[1, 1], [-1, 0], [1, -1]],
)  # fmt: skip
BINS = by_hand(
    [(0, 0, 2), (1, 0, 0), (2, 0, 0), (3, 0, 0), (0, 1, 2), (1, 1, 0), (2, 1, 0), (3, 1, 0)],
    [[0.4, 0.4, 0.2]] * 2 + [[0.5, 0.4, 0.1]] * 2, far=[0.1, 0.2, 3.0, 4.0],
)  # fmt: skip
ENTROPY = -(0.8 * np.log(0.8) + 0.2 * np.log(0.2)) - (0.4 * np.log(0.4) + 0.6 * np.log(0.6))


def answers(*pairs: tuple[int, int]) -> Decisions:
    """Two dilemmas, each with the answers (order, choice); .7 of people choose the first."""
    return by_hand([(dilemma, *pair) for dilemma in (0, 1) for pair in pairs], [[0.7, 0.3]] * 2)


DIFFER = 1 - 0.7**2 - 0.3**2
"""How often two different people differ on the dilemmas of `answers`."""

HAND: list[tuple[Statistic, Decisions, float, float, int]] = [
    # statistic, run, value, human, n
    # (.8 + .4) / (.8 + .6); one person: (.68 + .52) / 1.4.
    (agreement.agreement, TWO, 1.2 / 1.4, 1.2 / 1.4, 2),
    # Only the first dilemma was decided and put to people: .75 / .75; a person: .625 / .75.
    (agreement.agreement, COINS, 1.0, 0.625 / 0.75, 1),
    (agreement.log_score, TWO, (np.log(0.8) + np.log(0.4) + ENTROPY) / 2, np.nan, 2),
    # One answer to each order: Σ_c (y_1c - p_c)(y_2c - p_c).
    (distance.choice_distance, answers((0, 0), (1, 0)), 0.3**2 + 0.3**2, np.nan, 2),
    (distance.choice_distance, answers((0, 0), (1, 1)), 0.3 * -0.7 + -0.3 * 0.7, np.nan, 2),
    # One order, three answers: all three pairs, 0-0, 0-1 and 0-1.
    (distance.choice_distance, answers((0, 0), (0, 0), (0, 1)), (0.18 - 0.42 * 2) / 3, np.nan, 2),
    # Two answers to each order: ¼ (U_1 + U_2) + ½ mean over the four cross pairs.
    (distance.choice_distance, answers((0, 0), (0, 0), (1, 0), (1, 1)),
     (0.18 - 0.42) / 4 + (0.18 + 0.18 - 0.42 - 0.42) / 4 / 2, np.nan, 2),
    (distance.choice_distance, answers((0, 0)), np.nan, np.nan, 0),
    # Near: f = ½, h = .2, V(f) = 2/1 · Σ (±½ · ½)² = ¼. Far: f = 0, h = .1, V = 0.
    (calibration.flip_calibration, BINS, 0.5 * (0.3**2 - 0.25) + 0.5 * 0.1**2, np.nan, 4),
    (consistency.swap_disagreement, answers((0, 0), (1, 0)), 0.0, DIFFER, 2),
    (consistency.swap_disagreement, answers((0, 0), (0, 1), (1, 0)), 0.5, DIFFER, 2),
    (consistency.swap_disagreement, answers((0, 0), (0, 1)), np.nan, np.nan, 0),
    # Within an order: none, one order of two, both, one that was asked twice, two of three pairs.
    (consistency.retest_disagreement, answers((0, 0), (0, 0), (1, 1), (1, 1)), 0.0, DIFFER, 2),
    (consistency.retest_disagreement, answers((0, 0), (0, 1), (1, 1), (1, 1)), 1 / 2, DIFFER, 2),
    (consistency.retest_disagreement, answers((0, 0), (0, 1), (1, 1), (1, 0)), 1.0, DIFFER, 2),
    (consistency.retest_disagreement, answers((0, 0), (0, 1), (1, 1)), 1.0, DIFFER, 2),
    (consistency.retest_disagreement, answers((0, 0), (0, 0), (0, 1)), 2 / 3, DIFFER, 2),
    (consistency.retest_disagreement, answers((0, 0), (1, 1)), np.nan, np.nan, 0),
    # Only the first dilemma has a patient who is better in every attribute.
    (consistency.dominance, BETTER, 1.0, 0.9, 2),
    # Weakly the second has one too, whom .7 of people choose.
    (lambda one: consistency.dominance(one, weak=True), BETTER, 1.0, 0.8, 4),
    # A is the first patient in order 0, the second in order 1: 3 of 5.
    (consistency.position_bias, BETTER, 3 / 5 - 0.5, np.nan, 5),
]  # fmt: skip


@pytest.mark.parametrize(("statistic", "one", "value", "human", "n"), HAND)
def test_by_hand(statistic: Statistic, one: Decisions, value: float, human: float, n: int) -> None:
    found = statistic(one)
    assert [found.value, found.human, found.n] == pytest.approx([value, human, n], nan_ok=True)


def test_fixed_distance_takes_both_variances_off() -> None:
    one = answers((0, 0), (0, 0), (0, 1), (1, 0), (1, 0))
    # Orders as strata: s = (2/3 + 1)/2, V(s) = ¼ (2/3·1/3 / 2 + 0), V(p) = .21 / 9, two shares.
    expected = 2 * ((5 / 6 - 0.7) ** 2 - (2 / 9 / 2) / 4 - 0.21 / 9)
    assert distance.fixed_distance(one, [10, 10]).value == pytest.approx(expected)


def test_counted_shares_are_smoothed() -> None:
    # 0 of 60: ½ / 61
    smooth = agreement.smooth_shares([[0.0, 1.0]], [60])
    np.testing.assert_allclose(smooth, [[0.5 / 61, 60.5 / 61]])
    one, (_, _, counts) = fixed(1, "one_person", "coin_flip"), fixed_people("coin_flip")
    found = agreement.log_score(one, counts)
    assert found.low < 0 < found.high


def test_a_pull_to_one_side_is_measured_and_put_back() -> None:
    once = always_a(drawn(1, count=400))
    shares = once.shares
    # Always A: -Σ p(1-p), closer than people are; its pooled shares are even.
    spread = float((shares * (1 - shares)).sum(axis=1).mean())
    even = distance.expected_distance(once, np.full_like(shares, 0.5))
    near = distance.choice_distance(once).value
    assert near == pytest.approx(-spread)
    assert near + distance.side_correction(once) == pytest.approx(even)
    twice = once.with_answers(once.dilemma, once.order, once.choice)
    assert distance.choice_distance(twice).value == pytest.approx(even)
    assert distance.side_correction(twice) == 0.0
    assert distance.side_correction(drawn(1)) < 0.005
    for biased in (once, always_a(fixed(1, "one_person", "forced_choice", epochs=1))):
        found = consistency.position_bias(biased)
        assert found.value == 0.5 and 0.35 < found.low < found.high == 0.5
    # In a sample of dilemmas content averages out; on a fixed list both orders are needed.
    assert consistency.position_bias(fixed(1, "one_person", "forced_choice", orders=1)).n == 0
    assert consistency.position_bias(drawn(1, orders=1)).n == 200


def test_a_slope_needs_coins_that_no_threshold_explains() -> None:
    found = calibration.flip_slope(drawn(2, "one_person", "coin_flip", 4000))
    assert found.value == pytest.approx(-0.66, abs=0.1)
    assert found.low < found.value < found.high
    one = drawn(2, "one_person", "coin_flip", 100)
    near = one.closeness < 0.7
    steep = one.take([]).with_answers(one.dilemma, one.order, np.where(near[one.dilemma], 2, 0))
    assert calibration.flip_fit(steep).separated
    for ruled in (steep, drawn(2, "never_flips", "coin_flip")):
        found = calibration.flip_slope(ruled, human=-0.66)
        assert np.isnan(found.value) and found[3:] == (-0.66, 0)


# Closed forms.


@pytest.mark.parametrize("answerer", respondent_baselines.ANSWERERS)
def test_closed_forms_are_what_answerers_get(answerer: Answerer) -> None:
    one = drawn(7, "uniform", "coin_flip", 3000, human_error=False)
    answers = answer_shares(one.shares, answerer)
    played = run(answers, one.differences, one.shares, None, np.random.default_rng(1))
    found = (
        agreement.agreement(played).value,
        distance.distance_value(played),
        indecision.indecision_rate(played).value,
        consistency.swap_disagreement(played).value,
        calibration.calibration_value(played),
    )
    known = respondent_baselines.baselines(one)[answerer]
    np.testing.assert_allclose(known, found, atol=0.03)


def test_answerers() -> None:
    known = respondent_baselines.baselines(drawn(1))
    assert list(known) == ["majority", "uniform", "one_person"]
    assert np.isnan(known["majority"].indecision_rate)
    # Sharper than people, and without a preference.
    assert agreement.log_score(drawn(3, "majority", "coin_flip", 500)).value > 0.2
    assert agreement.log_score(drawn(3, "uniform", "coin_flip", 500)).value < -0.5
    # In a tie a patient before the coin, the first before the second.
    top = answer_shares(np.array([[0.2, 0.4, 0.4], [0.3, 0.3, 0.4], [np.nan] * 3]), "majority")
    np.testing.assert_array_equal(top, [[0, 1, 0], [0, 0, 1], [np.nan] * 3])


def test_outcome_shares_are_shares_of_samples() -> None:
    found = indecision.outcome_share(["d1", "d1", "d2", "d3"], [0, 1, 0, 0], [True, True, 0, 0])
    assert (found.value, found.n) == (0.5, 4) and 0 < found.low < found.high < 1
    nothing = indecision.outcome_share([1, 2, 3], [0, 0, 0], [0, 0, 0], fixed=True)
    assert nothing.value == 0.0 and nothing.high > 0.3
    assert indecision.outcome_share([], [], []).n == 0


# Intervals.

ZERO = 3.8415 / 203.8415
"""The upper end of Wilson's interval of 0 of 200 dilemmas, z² / (n + z²)."""


def test_steady_respondents_have_open_intervals() -> None:
    rate = indecision.indecision_rate(drawn(1, "never_flips", "coin_flip"))
    assert rate[:3] == pytest.approx((0.0, 0.0, ZERO), abs=1e-5)
    assert rate[3:] == pytest.approx((0.17, 400), abs=0.02)
    found = consistency.swap_disagreement(drawn(1, "always_coin", "coin_flip"))
    assert found[:3] == pytest.approx((0.0, 0.0, ZERO), abs=1e-5)
    best = agreement.agreement(drawn(1, "majority"))
    assert best.value == pytest.approx(1.0) and 0.97 < best.low < best.high == 1.0
    # Choices by content alone have next to no variance between the orders.
    assert 0.005 < consistency.position_bias(drawn(1, "majority", "coin_flip")).high < 0.02


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_a_human_sampler_gets_zero_and_is_covered(condition: str) -> None:
    random = np.random.default_rng(11)
    found = []
    for index in range(500):
        if index % 10 == 0:
            differences = simulated.random_differences(random, 200)
            shares = human_shares(differences, condition)
        found.append(distance.choice_distance(run(shares, differences, shares, None, random)))
    distances = [one.value for one in found]
    assert abs(np.mean(distances)) < 2 * np.std(distances) / np.sqrt(500)
    # Standard error of a coverage of .95 over 500 runs: .01.
    assert 0.925 <= coverage(found, 0.0) <= 0.975


def test_repeats_add_no_bias() -> None:
    values = [
        calibration.calibration_value(
            drawn(seed, "one_person", "coin_flip", 60, epochs=3, human_error=False)
        )
        for seed in range(60)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60)


def test_intervals_of_flip_calibration_cover() -> None:
    far = drawn(1, "uniform", "coin_flip", 20_000, human_error=False)
    truth = calibration.expected_flip_calibration(far, np.full(20_000, 1 / 3))
    runs = (drawn(seed, "uniform", "coin_flip", human_error=False) for seed in range(120))
    # 120 runs know a coverage of .95 to .02.
    assert 0.89 <= coverage(map(calibration.flip_calibration, runs), truth) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_intervals_cover_with_people_resampled(condition: str) -> None:
    """Somebody who answers as people do, against people of record who are a draw themselves."""
    truth = agreement.agreement(drawn(1, "one_person", condition, 40_000, human_error=False)).human
    found = []
    for seed in range(400):
        random = np.random.default_rng(seed)
        differences = simulated.random_differences(random, 200)
        estimate, around = simulated.people_drawn_again(random, differences, condition)
        answers = human_shares(differences, condition)
        found.append(agreement.agreement(run(answers, differences, estimate, around, random)))
    # 400 runs know a coverage of .95 to .011.
    assert 0.92 <= coverage(found, truth) <= 0.98


@pytest.mark.parametrize(
    "respondent", ["never_flips", pytest.param("one_person", marks=pytest.mark.slow)]
)
def test_fixed_intervals_cover_what_fresh_answers_vary(respondent: Answerer) -> None:
    shares, _, counts = fixed_people("coin_flip")
    off = (shares * (1 - shares)).sum(axis=1) / (counts - 1)
    truth = float((((answer_shares(shares, respondent) - shares) ** 2).sum(axis=1) - off).mean())
    runs = (fixed(seed, respondent, "coin_flip") for seed in range(60))
    found = [distance.fixed_distance(one, counts) for one in runs]
    # People are fixed here, and the interval, which includes their error too, is wide.
    assert coverage(found, truth) > 0.93
    errors = [one.value - truth for one in found]
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(60)


# Runs that every statistic must survive: few, one-sided, silent and stubborn respondents.


def strangers(one: Decisions) -> Decisions:
    return one.against(np.full_like(one.shares, np.nan), None)


ODD: dict[str, Callable[[str], Decisions]] = {
    "limit 3": lambda condition: drawn(1, condition=condition).take([0, 1, 2]),
    "limit 3, one dilemma": lambda condition: drawn(1, condition=condition).at([0]),
    "one answer": lambda condition: drawn(1, condition=condition).at([0]).take([0]),
    "one order": lambda condition: drawn(1, condition=condition, orders=1),
    "all refused": lambda condition: drawn(1, condition=condition).take([]),
    "no dilemmas": lambda condition: drawn(1, condition=condition).at([]),
    "deterministic": lambda condition: drawn(1, "majority", condition, 30),
    "always A": lambda condition: always_a(drawn(1, condition=condition, count=30)),
    "people unknown": lambda condition: strangers(drawn(1, condition=condition, count=30)),
    "no human draws": lambda condition: drawn(1, condition=condition, human_error=False),
    "repeats": lambda condition: drawn(1, condition=condition, count=30, epochs=3),
    "only coins": lambda _: drawn(1, "always_coin", "coin_flip", 30),
    "no coins": lambda _: drawn(1, "never_flips", "coin_flip", 30),
    "fixed": lambda condition: fixed(1, "one_person", condition, epochs=2),
    "fixed, single": lambda condition: fixed(1, "one_person", condition, epochs=1),
    "fixed, one order": lambda condition: fixed(1, "one_person", condition, epochs=1, orders=1),
    "fixed, deterministic": lambda condition: fixed(1, "majority", condition),
    "fixed, people unknown": lambda condition: strangers(fixed(1, "one_person", condition)),
    "fixed, refused": lambda condition: fixed(1, "one_person", condition).take([]),
}


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
@pytest.mark.parametrize("name", ODD)
def test_every_row_is_sensible(condition: str, name: str) -> None:
    one = ODD[name](condition)
    rows = [statistic(one) for statistic in STATISTICS]
    respondent_baselines.baselines(one)
    distance.side_correction(one)
    for row in rows:
        assert row.defined == (row.n > 0) == bool(np.isfinite(row.value))
        assert np.isnan(row.low) == np.isnan(row.high)
        assert row.defined or np.isnan(row.low)
        # Recentred intervals may leave a noisy estimate out; they never end in nothing.
        assert np.isnan(row.low) or -np.inf < row.low <= row.high < np.inf


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda one: one.__name__)
def test_unanswered_dilemmas_may_be_listed_or_left_out(statistic: Statistic) -> None:
    one = drawn(2, "one_person", "coin_flip", 40)
    part = one.take(one.dilemma < 30)
    np.testing.assert_array_equal(statistic(part), statistic(part.at(np.arange(30))))


# Bounds of a statistic, whatever the missing answers were.

ALL = [
    bounds.agreement_bounds, bounds.indecision_bounds, bounds.swap_bounds,
    bounds.calibration_bounds, bounds.distance_bounds,
]  # fmt: skip


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_bounds_are_the_extremes_over_all_completions(condition: str) -> None:
    # Five dilemmas in both orders; four samples unanswered, two of them of one dilemma.
    full, gone = drawn(3, "one_person", condition, 5), [0, 3, 4, 9]
    run = full.take(np.delete(np.arange(10), gone))
    missing = full.dilemma[gone], full.order[gone]
    completions = [
        run.with_answers(*missing, np.array(choice))
        for choice in product(range(run.shares.shape[1]), repeat=len(gone))
    ]
    for bound, statistic in (
        (bounds.agreement_bounds, agreement.agreement),
        (bounds.swap_bounds, consistency.swap_disagreement),
    ):
        reached = [statistic(one).value for one in completions]
        found = bound(run, *missing)
        assert found.value == statistic(run).value
        assert (found.low, found.high) == pytest.approx((min(reached), max(reached)))
    if condition == "coin_flip":
        coins = int((run.choice == 2).sum())
        found = bounds.indecision_bounds(run, *missing)
        assert found[:3] == pytest.approx((coins / 6, coins / 10, (coins + 4) / 10))
        assert found.n == 4


def test_bounds_of_agreement_hold_every_completion_of_three_repeats() -> None:
    # Six answers a dilemma; the coins among them make the two orders unequal in number.
    for seed in range(40):
        full = drawn(seed, "one_person", "coin_flip", 3, epochs=3)
        gone = np.random.default_rng(seed).choice(len(full), 4, replace=False)
        run = full.take(np.delete(np.arange(len(full)), gone))
        missing = full.dilemma[gone], full.order[gone]
        reached = [
            agreement.agreement(run.with_answers(*missing, np.array(choice))).value
            for choice in product(range(3), repeat=len(gone))
        ]
        found = bounds.agreement_bounds(run, *missing)
        assert found.low <= min(reached) + 1e-12 and max(reached) <= found.high + 1e-12


def test_two_ways_hold_the_observed_figure() -> None:
    full = drawn(3, "one_person", "coin_flip", 100)
    close = full.closeness[full.dilemma] < 0.5
    run, gone = full.take(~close), full.take(close)
    for bound, figure in (
        (bounds.calibration_bounds, calibration.calibration_value),
        (bounds.distance_bounds, distance.distance_value),
    ):
        found = bound(run, gone.dilemma, gone.order)
        assert found.value == figure(run)
        assert found.low <= found.value <= found.high and found.low < found.high


@pytest.mark.parametrize("bound", ALL)
def test_nothing_missing_and_nothing_answered(
    bound: Callable[[Decisions, ArrayLike, ArrayLike], Quantity],
) -> None:
    run = drawn(1, "one_person", "coin_flip", 30)
    found = bound(run, [], [])
    assert found.low == found.high == pytest.approx(found.value) and found.n == 0
    found = bound(run.take([]), run.dilemma, run.order)
    assert np.isnan(found.value) and found.low <= found.high
