import doctest

import numpy as np
import pytest

import kidney_evals.estimation
from estimation.simulated import coverage
from kidney_evals.estimation.intervals import (
    difference,
    effective_size,
    mean_interval,
    percentile,
    proportion,
    recentred,
    stratified_proportion,
    weight_blocks,
    wilson,
)
from kidney_evals.estimation.quantity import Quantity


def test_proportions_by_hand() -> None:
    # z² / (n + z²) with z² = 3.8415
    assert wilson(0.0, 200) == pytest.approx((0.0, 3.8415 / 203.8415), abs=1e-6)
    assert np.isnan(wilson(0.5, 0)).all()
    # Answers that always agree count once: p = ½, V = 100/99 · 100 · 1² / 200², binomial ¼ / 200:
    # effect 2.02, bounded by 2.
    hits, trials = np.array([2, 0] * 50), np.full(100, 2)
    size = effective_size(hits, trials)
    assert size == pytest.approx(100 * (1.959964 / 1.984217) ** 2, rel=1e-4)
    assert effective_size(np.zeros(100), trials) == 100
    # Unanswered clusters do not count.
    assert proportion([1, 0, 2], [2, 0, 2]) == proportion([1, 2], [2, 2])
    assert np.isnan(proportion([], [])).all()


@pytest.mark.parametrize("rate", [0.02, 0.17, 0.5])
@pytest.mark.parametrize("together", [False, True])
def test_proportions_cover_whatever_the_orders_share(rate: float, together: bool) -> None:
    random = np.random.default_rng(3)
    runs, count = 600, 200
    trials = np.full(count, 2)
    hits = random.binomial(2, rate, (runs, count))
    if together:
        hits = 2 * random.binomial(1, rate, (runs, count))
    # Standard error of a coverage of .95 over 600 runs: .009.
    assert 0.92 <= coverage((proportion(row, trials) for row in hits), rate) <= 0.98


def test_fixed_questions_leave_between_question_variance_out() -> None:
    # Half the questions always flipped, half never: no doubt about ½ beyond the answers' own.
    hits = np.array([[10, 10]] * 7 + [[0, 0]] * 7)
    trials = np.full((14, 2), 10)
    fixed = stratified_proportion(hits, trials)
    # Smoothed shares of 10.5/11 and .5/11: V = .0434/280, ± 1.96 √V = .024.
    assert fixed.high - 0.5 == pytest.approx(1.96 * np.sqrt(0.0434 / 280), rel=0.02)
    assert proportion(hits.sum(axis=1), trials.sum(axis=1)).high - 0.5 > 0.2
    # All alike: the N = 280 answers of an urn, no more.
    assert stratified_proportion(0 * hits, trials).high == pytest.approx(wilson(0, 280).high)


def test_difference_joins_the_near_ends() -> None:
    ends = difference(Quantity(0.0, 0.0, 0.02), Quantity(0.17, 0.14, 0.21))
    # below: √(0² + .04²), above: √(.02² + .03²)
    assert ends == pytest.approx((-0.17 - 0.04, -0.17 + np.hypot(0.02, 0.03)))
    alone = difference(Quantity(0.0, 0.0, 0.02), Quantity(0.17))
    assert alone == pytest.approx((-0.17, -0.15))


def test_means_by_hand() -> None:
    # Equal values do not make a mean certain.
    low, high = mean_interval(np.zeros(50))
    assert low < 0 < high < 0.1
    # 0, 2: mean 1, standard error 1, t(1) = 12.706
    assert mean_interval([0.0, 2.0, np.nan]) == pytest.approx((1 - 12.7062, 1 + 12.7062), rel=1e-4)
    # The mean of the draws is 2, half below the estimate: they move up by 1, and NaN stays alone.
    np.testing.assert_allclose(recentred(np.array([1.0, np.nan, 3.0]), 2.5), [2, np.nan, 4])


def test_resamples_have_the_variance_of_a_mean() -> None:
    values = np.arange(12.0)
    draws = np.concatenate([w @ values / w.sum(axis=1) for _, w in weight_blocks(12, 20_000)])
    # s² / G with s² = 13: the usual G picks would give 11/12 of it.
    assert draws.var() == pytest.approx(13 / 12, rel=0.03)
    assert draws.mean() == pytest.approx(5.5, abs=0.03)


def test_resamples_are_the_same_every_time_and_differ_by_key() -> None:
    first, again, other = (
        np.concatenate([w for _, w in weight_blocks(30, 50, key=key)]) for key in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first.sum(axis=1) == 29).all()
    # Many clusters come in blocks.
    sizes = [weights.shape for _, weights in weight_blocks(50_000, 100)]
    assert sum(rows for rows, _ in sizes) == 100
    assert max(rows * width for rows, width in sizes) <= 2_000_000


def test_few_clusters_widen_the_tails() -> None:
    draws = np.random.default_rng(0).normal(size=5000)
    few, many = percentile(draws, 5), percentile(draws)
    assert few.low < many.low < many.high < few.high
    assert percentile(np.append(draws, np.nan)) == many
    assert np.isnan(percentile([])).all()


def test_the_examples_of_the_room_hold() -> None:
    found = doctest.testmod(kidney_evals.estimation)
    assert found.attempted > 10 and not found.failed
