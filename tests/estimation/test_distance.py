import numpy as np
import pytest

from estimation.simulated import (
    drawn,
    fixed,
    fixed_people,
    human_shares,
    random_differences,
    run,
)
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.distance import (
    choice_distance,
    expected_distance,
    fixed_distance,
    side_correction,
)
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.respondent_baselines import Answerer, answer_shares


def by_hand(answers: list[tuple[int, int]], p: list[float], *, fixed: bool = False) -> Decisions:
    """One dilemma (listed twice, so that there is an interval) with answers (order, choice)."""
    both = [(dilemma, order, choice) for dilemma in (0, 1) for order, choice in answers]
    dilemma, order, choice = np.array(both).T
    return Decisions(
        dilemma, order, np.arange(len(both)), choice, np.zeros((2, 1)),
        np.array([p, p]), None, np.full(2, np.nan), fixed,
    )  # fmt: skip


CASES = [
    # One answer to each order: Σ_c (y_1c - p_c)(y_2c - p_c).
    ([(0, 0), (1, 0)], 0.3**2 + 0.3**2),
    ([(0, 0), (1, 1)], 0.3 * -0.7 + -0.3 * 0.7),
    # One order, three answers: all three pairs, 0-0, 0-1 and 0-1.
    ([(0, 0), (0, 0), (0, 1)], (0.18 - 0.42 - 0.42) / 3),
    # Two answers to each order: ¼ (U_1 + U_2) + ½ mean over the four cross pairs.
    (
        [(0, 0), (0, 0), (1, 0), (1, 1)],
        (0.18 - 0.42) / 4 + (0.18 + 0.18 - 0.42 - 0.42) / 4 / 2,
    ),
]


@pytest.mark.parametrize(("answers", "expected"), CASES)
def test_cross_products_by_hand(answers: list[tuple[int, int]], expected: float) -> None:
    found = choice_distance(by_hand(answers, [0.7, 0.3]))
    assert found.value == pytest.approx(expected)
    assert np.isnan(found.human) and found.n == 2


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_a_human_sampler_gets_zero_and_is_covered(condition: str) -> None:
    runs = 500
    random = np.random.default_rng(11)
    values, covered = [], 0
    for index in range(runs):
        if index % 10 == 0:
            differences = random_differences(random, 200)
            shares = human_shares(differences, condition)
        found = choice_distance(run(shares, differences, shares, None, random))
        values.append(found.value)
        covered += found.low <= 0 <= found.high
    error = np.std(values) / np.sqrt(runs)
    assert abs(np.mean(values)) < 2 * error
    # Standard error of a coverage of .95 over 500 runs: .01.
    assert 0.925 <= covered / runs <= 0.975


@pytest.mark.parametrize(
    ("condition", "respondent"),
    [
        ("forced_choice", "majority"),
        ("forced_choice", "uniform"),
        ("coin_flip", "majority"),
        ("coin_flip", "uniform"),
        ("coin_flip", "never_flips"),
        ("coin_flip", "always_coin"),
    ],
)
def test_others_are_worse_by_what_their_shares_say(condition: str, respondent: Answerer) -> None:
    one = drawn(2, respondent, condition, 4000, human_error=False)
    found = choice_distance(one)
    expected = expected_distance(one, answer_shares(one.shares, respondent))
    assert expected > 0.05
    assert found.low < expected < found.high
    assert (
        found.low > choice_distance(drawn(2, "one_person", condition, 4000, human_error=False)).high
    )


def test_one_answer_to_a_dilemma_says_nothing_of_its_distance() -> None:
    found = choice_distance(drawn(1, orders=1))
    assert np.isnan(found[:4]).all() and found.n == 0


def test_a_pull_to_one_side_hides_and_is_put_back() -> None:
    random = np.random.default_rng(1)
    differences = random_differences(random, 400)
    shares = human_shares(differences, "forced_choice")
    first, second = np.eye(2)[np.zeros(400, int)], np.eye(2)[np.ones(400, int)]
    one = run(np.stack([first, second]), differences, shares, None, random)
    spread = float((shares * (1 - shares)).sum(axis=1).mean())
    # Always A: -Σ p(1-p), closer than people are; its pooled shares are even.
    assert choice_distance(one).value == pytest.approx(-spread)
    even = expected_distance(one, np.full_like(shares, 0.5))
    assert choice_distance(one).value + side_correction(one) == pytest.approx(even)
    repeated = run(np.stack([first, second]), differences, shares, None, random, epochs=2)
    assert choice_distance(repeated).value == pytest.approx(even)
    assert side_correction(repeated) == 0.0
    assert side_correction(drawn(1)) < 0.005


def test_fixed_distance_takes_both_variances_off() -> None:
    answers = [(0, 0), (0, 0), (0, 1), (1, 0), (1, 0)]
    found = fixed_distance(by_hand(answers, [0.7, 0.3], fixed=True), [10, 10])
    # Orders as strata: s = (2/3 + 1)/2, V(s) = ¼ (2/3·1/3 / 2 + 0), V(p) = .21 / 9, two shares.
    s = 5 / 6
    assert found.value == pytest.approx(2 * ((s - 0.7) ** 2 - (2 / 9 / 2) / 4 - 0.21 / 9))
    with pytest.raises(InputError, match="people row 0"):
        fixed_distance(by_hand(answers, [0.7, 0.3]), [1, 10])


@pytest.mark.parametrize(
    ("condition", "respondent", "variation"),
    [
        ("forced_choice", "majority", 0.163),
        ("coin_flip", None, 0.373),
        ("coin_flip", "uniform", 0.336),
    ],
)
def test_fixed_anchors_in_total_variation(
    condition: str, respondent: Answerer | None, variation: float
) -> None:
    shares, _, _ = fixed_people(condition)
    if respondent is None:  # as most people who decided do, never the coin
        answers = np.eye(3)[shares[:, :2].argmax(axis=1)]
    else:
        answers = answer_shares(shares, respondent)
    assert np.abs(answers - shares).sum(axis=1).mean() / 2 == pytest.approx(variation, abs=5e-4)


@pytest.mark.parametrize(
    "respondent",
    [
        "never_flips",
        pytest.param("one_person", marks=pytest.mark.slow),
        pytest.param("uniform", marks=pytest.mark.slow),
    ],
)
def test_fixed_intervals_cover_what_fresh_answers_vary(respondent: Answerer) -> None:
    shares, _, counts = fixed_people("coin_flip")
    off = (shares * (1 - shares)).sum(axis=1) / (counts - 1)
    covered, values = 0, []
    for seed in range(60):
        one = fixed(seed, respondent, "coin_flip")
        answers = answer_shares(shares, respondent)
        truth = float((((answers - shares) ** 2).sum(axis=1) - off).mean())
        found = fixed_distance(one, counts)
        values.append(found.value - truth)
        covered += found.low <= truth <= found.high
    # People are given here, so that the interval, which holds their error too, is wide.
    assert covered / 60 > 0.93
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60)
