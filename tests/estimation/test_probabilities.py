"""Probabilities that were read from a model stand for any number of answers drawn from them."""

from dataclasses import replace

import numpy as np
import pytest

from estimation.simulated import coverage, fixed_people, human_shares, random_differences, run
from estimation.test_statistics import STATISTICS, Statistic
from kidney_evals.estimation.agreement import agreement
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.bounds import indecision_bounds
from kidney_evals.estimation.consistency import (
    dominance,
    position_bias,
    retest_disagreement,
    swap_disagreement,
)
from kidney_evals.estimation.decisions import DRAWN, Decisions
from kidney_evals.estimation.distance import choice_distance, fixed_distance, side_correction
from kidney_evals.estimation.indecision import indecision_rate

pytestmark = pytest.mark.filterwarnings("error")

NAMED = {one.__name__: one for one in STATISTICS if one is not fixed_distance}


def likely(condition: str, count: int = 60) -> tuple[Floats, Floats, Floats]:
    """Differences, people's shares, and a model's probabilities by order, shape (2, D, K).

    A third of each probability is moved to the patient who is shown first.
    """
    differences = random_differences(np.random.default_rng(7), count)
    shares = human_shares(differences, condition)
    first = np.eye(shares.shape[1])[[0, 1]][:, None]
    return differences, shares, (2 * shares[None] + first) / 3


def read_out(by_order: Floats, differences: Floats, shares: Floats, far: Floats) -> Decisions:
    """One call to each order of each dilemma."""
    count = len(differences)
    chances = by_order.reshape(2 * count, -1)
    return Decisions(
        np.tile(np.arange(count), 2), np.repeat([0, 1], count), np.ones(2 * count, int),
        chances.argmax(axis=1), differences, shares, None, far, chances=chances,
    )  # fmt: skip


def coin_readout() -> tuple[Decisions, Floats]:
    differences, shares, by_order = likely("coin_flip")
    return read_out(by_order, differences, shares, np.full(60, np.nan)), by_order


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
@pytest.mark.parametrize("name", NAMED)
def test_a_readout_says_what_many_answers_say(name: str, condition: str) -> None:
    differences, shares, by_order = likely(condition)
    many = run(by_order, differences, shares, None, np.random.default_rng(1), epochs=400)
    once = read_out(by_order, differences, shares, many.closeness)
    expected, found = NAMED[name](many), NAMED[name](once)
    if np.isnan(expected.value):
        assert condition == "forced_choice"
        assert np.isnan(found.value)
        return
    # 48,000 answers: a rate is known to .003, the slope of a logit to about .03.
    assert found.value == pytest.approx(expected.value, abs=0.05 if name == "flip_slope" else 0.01)
    assert found.human == pytest.approx(expected.human, abs=1e-3, nan_ok=True)
    assert found.low <= found.value <= found.high


def test_values_by_hand() -> None:
    # Two dilemmas, people .8/.2 and .4/.6; the model .9/.1 then .5/.5 (swapped), and .3/.7 twice.
    once = read_out(
        np.array([[[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.3, 0.7]]]), np.array([[1.0], [-1.0]]),
        np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([1.0, 0.3]),
    )  # fmt: skip
    # Shares over orders are .7/.3 and .3/.7.
    met = 0.7 * 0.8 + 0.3 * 0.2 + 0.3 * 0.4 + 0.7 * 0.6
    apart = (1 - (0.9 * 0.5 + 0.1 * 0.5), 1 - (0.09 + 0.49))
    again = ((1 - 0.82 + 1 - 0.5) / 2, 1 - 0.58)
    expected: dict[Statistic, float] = {
        agreement: met / (0.8 + 0.6),
        choice_distance: (2 * 0.1**2 + 2 * 0.1**2) / 2,
        swap_disagreement: sum(apart) / 2,
        retest_disagreement: sum(again) / 2,
        # A was the first patient in order 0 and the second in order 1.
        position_bias: (0.9 + 0.5 + 0.3 + 0.7) / 4 - 0.5,
        dominance: (0.7 + 0.7) / 2,
    }
    for statistic, value in expected.items():
        assert statistic(once).value == pytest.approx(value), statistic
    assert side_correction(once) == 0
    assert (len(once), agreement(once).n) == (4, 2)


def test_a_rate_read_out_covers_that_of_other_dilemmas() -> None:
    """Coverage over 400 draws of 60 dilemmas; a coverage of .95 has a standard error of .011."""
    random = np.random.default_rng(11)
    pool = random_differences(random, 20_000)
    truth = float(human_shares(pool, "coin_flip")[:, 2].mean())
    found = []
    for _ in range(400):
        differences = pool[random.integers(0, len(pool), 60)]
        shares = human_shares(differences, "coin_flip")
        once = read_out(np.stack([shares, shares]), differences, shares, np.full(60, np.nan))
        found.append(indecision_rate(once))
    assert 0.92 <= coverage(found, truth) <= 0.985


def test_probabilities_on_a_fixed_list_have_no_sampling_error() -> None:
    shares, draws, people = fixed_people("coin_flip")
    answers = run(shares, np.zeros((14, 3)), shares, draws, np.random.default_rng(0),
                  fixed=True, far=np.full(14, np.nan))  # fmt: skip
    chances = shares[answers.dilemma]
    once = replace(answers, choice=chances.argmax(axis=1), chances=chances)
    for statistic in (indecision_rate, swap_disagreement, retest_disagreement, position_bias):
        found = statistic(once)
        assert (found.low, found.high) == (found.value, found.value)
    assert indecision_rate(once).value == pytest.approx(indecision_rate(once).human)
    # Answering with people's own shares of record, less what a fresh crowd would differ by.
    variance = (shares * (1 - shares)).sum(axis=1) / (people - 1)
    found = fixed_distance(once, people)
    assert found.value == pytest.approx(-float(variance.mean()))
    assert found.low <= found.value <= found.high


def test_drawn_answers_hold_the_proportions() -> None:
    once, by_order = coin_readout()
    answers = once.drawn
    assert len(answers) == DRAWN * len(once)
    assert answers.chances is None
    # Even steps through the cumulated probabilities meet each of them within one answer.
    assert np.abs(answers.counts / DRAWN - by_order.transpose(1, 0, 2)).max() <= 1 / DRAWN + 1e-9
    assert answers.counts.sum(axis=(0, 1)) / len(answers) == pytest.approx(
        once.counts.sum(axis=(0, 1)) / len(once), abs=0.005
    )
    assert answers.drawn is answers


def test_a_certain_coin_is_no_decision() -> None:
    once, _ = coin_readout()
    chances = np.array(once.chances)
    chances[0] = [0, 0, 1]
    decided = replace(once, chances=chances, choice=chances.argmax(axis=1)).decided
    assert len(decided) == len(once) - 1
    # 120 calls, less what they leave to the coin.
    assert decided.counts.sum() == pytest.approx(120 - chances[:, 2].sum())


def test_what_was_not_answered_may_have_been_a_coin() -> None:
    once, by_order = coin_readout()
    some, left = once.take(np.arange(100)), np.arange(100, 120)
    found = indecision_bounds(some, once.dilemma[left], once.order[left])
    seen = float(some.counts[:, :, 2].sum())
    assert (found.low, found.high) == pytest.approx((seen / 120, (seen + 20) / 120))
    assert found.low <= by_order[..., 2].sum() / 120 <= found.high
