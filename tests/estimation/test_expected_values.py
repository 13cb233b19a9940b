"""Probabilities that were read out stand for any number of answers drawn from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from estimation.simulated import fixed_people, human_shares, random_differences, run
from kidney_evals.estimation.agreement import agreement, chance_corrected_agreement, log_score
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.bounds import indecision_bounds
from kidney_evals.estimation.calibration import flip_calibration, flip_slope
from kidney_evals.estimation.consistency import (
    dominance,
    order_effect,
    position_bias,
    retest_disagreement,
    swap_disagreement,
)
from kidney_evals.estimation.decisions import DRAWN, Decisions
from kidney_evals.estimation.distance import choice_distance, fixed_distance, side_correction
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.indecision import indecision_gap, indecision_rate
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.estimation.variance_shares import one_hot

pytestmark = pytest.mark.filterwarnings("error")

ROWS: dict[str, Callable[[Decisions], Quantity]] = {
    "agreement": agreement,
    "agree_adj": chance_corrected_agreement,
    "log_score": log_score,
    "distance": choice_distance,
    "flip_rate": indecision_rate,
    "flip_gap": indecision_gap,
    "flip_calib": flip_calibration,
    "flip_slope": flip_slope,
    "swap_diff": swap_disagreement,
    "order_eff": order_effect,
    "retest": retest_disagreement,
    "pos_bias": position_bias,
    "dominance": dominance,
}


def decisions(**columns: Any) -> Decisions:
    arrays: dict[str, Any] = {name: np.array(values) for name, values in columns.items()}
    return Decisions(**arrays, share_draws=None)


def likely(condition: str, count: int = 60) -> tuple[Floats, Floats, Floats]:
    """Differences, people's shares, and probabilities by order of somebody who is no sampler.

    A third of the probability goes to whoever is shown first.
    """
    differences = random_differences(np.random.default_rng(7), count)
    shares = human_shares(differences, condition)
    width = shares.shape[1]
    first = np.stack([np.eye(width)[np.zeros(count, int)], np.eye(width)[np.ones(count, int)]])
    return differences, shares, (2 * shares[None] + first) / 3


def read_out(by_order: Floats, differences: Floats, shares: Floats, far: Floats) -> Decisions:
    """One call to each order of each dilemma."""
    count = len(differences)
    chances = by_order.reshape(2 * count, -1)
    return Decisions(
        dilemma=np.tile(np.arange(count), 2),
        order=np.repeat([0, 1], count),
        epoch=np.ones(2 * count, int),
        choice=chances.argmax(axis=1),
        differences=differences,
        shares=shares,
        share_draws=None,
        closeness=far,
        chances=chances,
    )


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
@pytest.mark.parametrize("row", ROWS)
def test_a_readout_says_what_many_answers_say(row: str, condition: str) -> None:
    differences, shares, by_order = likely(condition)
    many = run(by_order, differences, shares, None, np.random.default_rng(1), epochs=400)
    once = read_out(by_order, differences, shares, many.closeness)
    expected, found = ROWS[row](many), ROWS[row](once)
    if np.isnan(expected.value):
        assert condition == "forced_choice"
        assert np.isnan(found.value)
        return
    # 48,000 answers: a rate is known to .003, the slope of a logit to about .03.
    assert found.value == pytest.approx(expected.value, abs=0.05 if row == "flip_slope" else 0.01)
    assert found.human == pytest.approx(expected.human, abs=1e-3, nan_ok=True)
    assert found.low <= found.value <= found.high


def test_values_by_hand() -> None:
    # Two dilemmas, people .8/.2 and .4/.6; the model .9/.1 then .5/.5 (swapped), and .3/.7 twice.
    once = decisions(
        dilemma=[0, 0, 1, 1], order=[0, 1, 0, 1], epoch=[1, 1, 1, 1], choice=[0, 0, 1, 1],
        differences=[[1.0], [-1.0]], shares=[[0.8, 0.2], [0.4, 0.6]],
        closeness=[1.0, 0.3], chances=[[0.9, 0.1], [0.5, 0.5], [0.3, 0.7], [0.3, 0.7]],
    )  # fmt: skip
    # Shares over orders are .7/.3 and .3/.7.
    met = 0.7 * 0.8 + 0.3 * 0.2 + 0.3 * 0.4 + 0.7 * 0.6
    assert agreement(once).value == pytest.approx(met / (0.8 + 0.6))
    assert choice_distance(once).value == pytest.approx((2 * 0.1**2 + 2 * 0.1**2) / 2)
    apart = (1 - (0.9 * 0.5 + 0.1 * 0.5), 1 - (0.09 + 0.49))
    assert swap_disagreement(once).value == pytest.approx(sum(apart) / 2)
    again = ((1 - 0.82 + 1 - 0.5) / 2, 1 - 0.58)
    assert retest_disagreement(once).value == pytest.approx(sum(again) / 2)
    assert order_effect(once).value == pytest.approx((sum(apart) - sum(again)) / 2)
    # A was the first patient in order 0 and the second in order 1.
    assert position_bias(once).value == pytest.approx((0.9 + 0.5 + 0.3 + 0.7) / 4 - 0.5)
    assert dominance(once).value == pytest.approx((0.7 + 0.7) / 2)
    assert side_correction(once) == 0
    assert (len(once), agreement(once).n) == (4, 2)


@pytest.mark.parametrize("row", ROWS)
def test_certain_probabilities_are_answers(row: str) -> None:
    differences, shares, by_order = likely("coin_flip")
    answers = run(by_order, differences, shares, None, np.random.default_rng(3), epochs=1)
    certain = replace(answers, chances=one_hot(answers.choice))
    if row in ("order_eff", "retest"):
        # One answer says nothing of what another would have been, a probability does.
        assert np.isnan(ROWS[row](answers).value)
        assert not np.isnan(ROWS[row](certain).value)
    elif row == "distance":
        # Two answers stand for a noisy respondent, two certainties for a steady one.
        pooled = certain.counts.sum(axis=1) / 2
        expected = ((pooled - shares) ** 2).sum(axis=1).mean()
        assert choice_distance(certain).value == pytest.approx(expected)
    else:
        # The slope's penalty weighs less beside more answers.
        near = 0.1 if row == "flip_slope" else 1e-9
        expected = ROWS[row](answers).value
        assert ROWS[row](certain).value == pytest.approx(expected, abs=near, nan_ok=True)


@pytest.mark.parametrize("row", ["flip_rate", "swap_diff", "pos_bias", "dominance"])
def test_probabilities_are_known_better_than_as_many_answers(row: str) -> None:
    differences, shares, by_order = likely("coin_flip", 200)
    answers = run(by_order, differences, shares, None, np.random.default_rng(3))
    once = read_out(by_order, differences, shares, answers.closeness)
    wide, narrow = ROWS[row](answers), ROWS[row](once)
    assert narrow.high - narrow.low < 0.8 * (wide.high - wide.low)


def test_a_rate_read_out_covers_that_of_other_dilemmas() -> None:
    """Coverage over 400 draws of 60 dilemmas; a coverage of .95 has a standard error of .011."""
    random = np.random.default_rng(11)
    pool = random_differences(random, 20_000)
    truth = float(human_shares(pool, "coin_flip")[:, 2].mean())
    covered = 0
    for _ in range(400):
        differences = pool[random.integers(0, len(pool), 60)]
        shares = human_shares(differences, "coin_flip")
        once = read_out(np.stack([shares, shares]), differences, shares, np.full(60, np.nan))
        found = indecision_rate(once)
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.985


def test_probabilities_on_a_fixed_list_have_no_sampling_error() -> None:
    shares, draws, people = fixed_people("coin_flip")
    answers = run(shares, np.zeros((14, 3)), shares, draws, np.random.default_rng(0),
                  fixed=True, far=np.full(14, np.nan))  # fmt: skip
    chances = shares[answers.dilemma]
    once = replace(answers, choice=chances.argmax(axis=1), chances=chances)
    rate = indecision_rate(once)
    assert (rate.low, rate.high) == (rate.value, rate.value)
    assert rate.value == pytest.approx(rate.human)
    # Answering with people's own shares of record, less what a fresh crowd would differ by.
    variance = (shares * (1 - shares)).sum(axis=1) / (people - 1)
    assert fixed_distance(once, people).value == pytest.approx(-float(variance.mean()))
    found = fixed_distance(once, people)
    assert found.low <= found.value <= found.high


def test_drawn_answers_hold_the_proportions() -> None:
    differences, shares, by_order = likely("coin_flip")
    once = read_out(by_order, differences, shares, np.full(60, np.nan))
    answers = once.drawn
    assert len(answers) == DRAWN * len(once)
    assert answers.chances is None
    # Even steps through the cumulated probabilities meet each of them within one answer.
    assert np.abs(answers.counts / DRAWN - by_order.transpose(1, 0, 2)).max() <= 1 / DRAWN + 1e-9
    assert answers.counts.sum(axis=(0, 1)) / len(answers) == pytest.approx(
        once.counts.sum(axis=(0, 1)) / len(once), abs=0.005
    )
    assert answers.drawn is answers


def test_what_is_decided_is_what_is_left() -> None:
    differences, shares, by_order = likely("coin_flip")
    by_order[0, 0] = [0, 0, 1]
    once = read_out(by_order, differences, shares, np.full(60, np.nan))
    decided = once.decided
    assert len(decided) == len(once) - 1
    # 120 calls, less what they leave to the coin.
    assert decided.counts.sum() == pytest.approx(120 - by_order[..., 2].sum())


def test_what_was_not_answered_may_have_been_a_coin() -> None:
    differences, shares, by_order = likely("coin_flip")
    once = read_out(by_order, differences, shares, np.full(60, np.nan))
    coins = by_order[..., 2].sum()
    some = once.take(np.arange(100))
    left = np.arange(100, 120)
    found = indecision_bounds(some, once.dilemma[left], once.order[left])
    seen = float(some.counts[:, :, 2].sum())
    assert (found.low, found.high) == pytest.approx((seen / 120, (seen + 20) / 120))
    assert found.low <= coins / 120 <= found.high


@pytest.mark.parametrize(
    ("chances", "said"),
    [
        ([[0.5, 0.5]], "chances must have shape"),
        ([[0.2, 0.7, 0.1], [0.4, 0.3, 0.3]], "chances row 0 .* with choice 0"),
        ([[0.7, 0.2, 0.1], [0.4, 0.9, 0.3]], "chances row 1"),
        ([[0.7, 0.2, 0.1], [0.0, 0.0, 0.0]], "chances row 1"),
        ([[0.7, 0.2, 0.1], [np.nan, 0.5, 0.5]], "chances row 1"),
    ],
)
def test_probabilities_are_checked(chances: list[list[float]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        decisions(
            dilemma=[0, 0], order=[0, 1], epoch=[1, 1], choice=[0, 0], differences=[[1.0]],
            shares=[[0.5, 0.3, 0.2]], closeness=[1.0], chances=chances,
        )  # fmt: skip
