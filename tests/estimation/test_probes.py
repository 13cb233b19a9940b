"""The effect of a probe: contrasts by hand, and intervals that hold for deterministic answers."""

import numpy as np
import pytest

from kidney_evals.estimation.intervals import Z95, student
from kidney_evals.estimation.probes import (
    ProbeAnswers,
    coin_contrasts,
    coin_difference,
    contrast_change,
    contrast_mean,
    level_contrasts,
    level_effect,
)

WOMAN, MAN, NONE = 0, 1, -1

CODES = {"first": (1.0, 0.0), "second": (0.0, 0.0), "coin": (0.5, 1.0)}


def answers(*rows: tuple[int, int, int, int, str]) -> ProbeAnswers:
    """Rows of unit, order, level of the first and of the second candidate, and the answer."""
    unit, order, first, second, said = zip(*rows, strict=True)
    score, coin = zip(*(CODES[one] for one in said), strict=True)
    names = ("unit", "order", "first", "second", "score", "coin")
    arrays = map(np.array, (unit, order, first, second, score, coin))
    return ProbeAnswers(**dict(zip(names, arrays, strict=True)))


def test_contrasts_by_hand() -> None:
    found = answers(
        # Dilemma 0, as listed: the woman is chosen in both assignments, 1 - 0.
        (0, 0, WOMAN, MAN, "first"),
        (0, 0, MAN, WOMAN, "second"),
        # Swapped: a coin instead of the man, ½ - 1.
        (0, 1, WOMAN, MAN, "coin"),
        (0, 1, MAN, WOMAN, "first"),
        # Dilemma 1: one order only, always the same candidate, 1 - 1.
        (1, 1, WOMAN, MAN, "first"),
        (1, 1, MAN, WOMAN, "first"),
        # Dilemma 2: one assignment only, no contrast.
        (2, 0, WOMAN, MAN, "first"),
        # Equal levels, and a candidate without a level, count in no effect.
        (0, 0, WOMAN, WOMAN, "coin"),
        (0, 1, MAN, MAN, "second"),
        (1, 0, NONE, NONE, "coin"),
    )
    # Dilemma 0: the mean of 1 and -½.
    np.testing.assert_allclose(level_contrasts(found, WOMAN), [0.25, 0.0, np.nan])
    np.testing.assert_allclose(level_contrasts(found, MAN), [-0.25, 0.0, np.nan])
    effect = level_effect(found, WOMAN)
    assert (effect.value, effect.n) == (0.125, 2) and effect.low < 0.125 < effect.high
    # Coins in dilemma 0: as listed 0 - 1, swapped ½ - 0, of which the mean is -¼.
    np.testing.assert_allclose(coin_contrasts(found), [-0.25, np.nan, np.nan])
    assert coin_difference(found).value == -0.25


def test_a_level_among_several() -> None:
    found = answers(
        # Level 2 against 0: always chosen. Level 2 against 1: never.
        *((0, 0, 2, 0, "first"), (0, 0, 0, 2, "second")),
        *((1, 0, 1, 2, "first"), (1, 0, 2, 1, "second")),
        *((2, 0, 0, 1, "first"), (2, 0, 1, 0, "first")),
    )
    for level, contrasts in ((0, [-1, np.nan, 0]), (1, [np.nan, 1, 0]), (2, [1, -1, np.nan])):
        np.testing.assert_array_equal(level_contrasts(found, level), contrasts)
    assert [level_effect(found, level).value for level in range(3)] == [-0.5, 0.5, 0.0]
    # Nobody has a level 3.
    assert not level_effect(found, 3).defined


@pytest.mark.parametrize(("count", "coverage"), [(30, 0.95), (100, 0.95), (200, 0.9)])
def test_equal_answers_give_no_empty_interval(count: int, coverage: float) -> None:
    found = contrast_mean(np.zeros(count), coverage)
    # Wilson's end of a zero count, z² / (n + z²), with n (z/t)² for n: t² / (n + t²).
    t = student(count - 1, coverage)
    assert found.high == pytest.approx(t**2 / (count + t**2), rel=1e-6)
    assert found.low == pytest.approx(-found.high)
    # At the other end all contrasts are 1, and the interval has a width as well.
    most = contrast_mean(np.ones(count), coverage)
    assert most.high == pytest.approx(1) and 0.7 < most.low < 1


def test_a_higher_coverage_is_wider() -> None:
    each = np.array([1.0, 0.0, -0.5, 0.5, 0.0, 0.5] * 20)
    widths = [contrast_mean(each, one) for one in (0.9, 0.95, 0.99)]
    assert widths[0].low > widths[1].low > widths[2].low
    # For many dilemmas Tango's interval is about the normal one.
    half = Z95 * float(each.std(ddof=1)) / np.sqrt(len(each))
    assert widths[1].high - widths[1].low == pytest.approx(2 * half, rel=0.06)


def test_a_change_is_that_of_the_same_dilemmas() -> None:
    first, second = np.zeros(100), np.zeros(101)
    second[:10] = 1.0  # a tenth of the dilemmas moves by 1
    first[99] = np.nan
    found = contrast_change(first, second)
    assert (found.first, found.second, found.change.n) == (0.0, 10 / 99, 99)
    assert 0.02 < found.change.low < found.change.value == 10 / 99 < found.change.high < 0.25
    assert found.p_value < 0.01
    none = contrast_change(first, first)
    assert none.change.value == 0 and none.change.low < 0 < none.change.high
    assert contrast_change([], second).change.n == 0
