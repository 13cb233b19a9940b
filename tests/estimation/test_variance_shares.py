"""Variance shares: known components, known respondents, what a design cannot tell apart."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimation.simulated import answer
from kidney_evals.estimation.intervals import DRAWS
from kidney_evals.estimation.variance_shares import (
    PARTS,
    VarianceShares,
    one_hot,
    variance_shares,
)


def design(count: int = 50, wordings: int = 2, orders: int = 2, epochs: int = 2) -> np.ndarray:
    """Dilemma, wording, order and epoch of each answer, shape (4, n)."""
    axes = [np.arange(size) for size in (count, wordings, orders, epochs)]
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])


def chances(
    random: np.random.Generator, keys: np.ndarray, half: tuple[float, ...], main: tuple[float, ...]
) -> np.ndarray:
    """P(first) = ½ + uniform effects of half-width `half` + what all dilemmas have in common."""
    d, w, o, _ = keys
    count, wordings, orders, _ = keys.max(axis=1) + 1
    result: np.ndarray = 0.5 + main[0] * (w - 0.5) + main[1] * (o - 0.5)
    result += random.uniform(-half[0], half[0], count)[d]
    result += random.uniform(-half[1], half[1], (count, wordings))[d, w]
    result += random.uniform(-half[2], half[2], (count, orders))[d, o]
    result += random.uniform(-half[3], half[3], (count, wordings, orders))[d, w, o]
    return result


def truth(half: tuple[float, ...], main: tuple[float, ...]) -> np.ndarray:
    """Shares of the four parts.

    A uniform effect has the variance half²/3. Of an effect drawn anew for each order, half is the
    mean of the two orders and half the pull of the order. Two levels m apart have a variance of
    m²/4, and m²/2 taken for draws from many; an answer's own is ¼ about the mean of both wordings.
    """
    d, w, o, j = np.array(half) ** 2 / 3
    parts = np.array([d + o / 2, w + j / 2 + main[0] ** 2 / 2, o / 2 + main[1] ** 2 / 4])
    total = 0.25 + main[0] ** 2 / 4
    return np.append(parts, total - j / 2 - parts.sum()) / total


def run(
    seed: int,
    half: tuple[float, ...] = (0.25, 0.1, 0.1, 0.05),
    main: tuple[float, ...] = (0, 0),
    count: int = 50,
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    keys = design(count)
    return keys, one_hot(random.random(keys.shape[1]) > chances(random, keys, half, main))


def split(keys: Any, y: np.ndarray, draws: int = DRAWS) -> VarianceShares:
    dilemma, wording, order, epoch = keys
    return variance_shares(dilemma, wording, order, epoch, y, draws=draws)


def table(found: VarianceShares) -> np.ndarray:
    """Share, low and high of each part, shape (4, 3)."""
    return np.array([found.share(part)[:3] for part in PARTS])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("half", "main"),
    [
        # Like people, with clear dilemmas, with a side bias, and noise.
        ((0.25, 0.08, 0.12, 0.05), (0.0, 0.0)),
        ((0.45, 0.02, 0.02, 0.01), (0.0, 0.0)),
        ((0.15, 0.05, 0.05, 0.05), (0.1, 0.3)),
        ((0.0, 0.0, 0.0, 0.0), (0.0, 0.0)),
    ],
)
def test_known_components_are_recovered(half: tuple[float, ...], main: tuple[float, ...]) -> None:
    expected = truth(half, main)
    found = np.array([table(split(*run(seed, half, main))) for seed in range(600)])
    np.testing.assert_allclose(found[:, :, 0].mean(axis=0), expected, atol=0.01)
    covered = (found[:, :, 1] <= expected) & (expected <= found[:, :, 2])
    assert (covered.mean(axis=0) > 0.90).all() and (covered.mean(axis=0) < 0.98).all()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # Answers to different dilemmas differ, nothing else does.
        (lambda d, w, o: d % 2, [1, 0, 0, 0]),
        # The patient shown first, whoever that is: not a negative component of the dilemma.
        (lambda d, w, o: o, [0, 0, 1, 0]),
        # The place that a dilemma favours.
        (lambda d, w, o: o ^ (d % 2), [0, 0, 1, 0]),
        (lambda d, w, o: w, [0, 1, 0, 0]),
        # Of two wordings drawn from many, C(other wording, same order) is as negative as can be.
        (lambda d, w, o: w ^ o, [0, 0, -1, 0]),
        # A fifth of the dilemmas go to whoever is shown first, the others to one of the patients.
        (lambda d, w, o: np.where(d % 5 == 0, o, (d // 5) % 2), [0.8, 0, 0.2, 0]),
    ],
)
def test_respondents_who_follow_a_rule(rule: Any, expected: list[float]) -> None:
    keys = design(500)
    found = split(keys, one_hot(rule(*keys[:3])))
    # The rule of wordings and orders is exact in every design; the others need many dilemmas.
    close = 1e-9 if min(expected) < 0 else 0.005
    assert table(found)[:, 0] == pytest.approx(expected, abs=close) and not found.reasons
    # Steadiness over 500 dilemmas is no proof of steadiness: Wilson's end of zero, over the total.
    steady = 3.8415 / 503.8415 / found.total
    assert found.share("repetition").high == pytest.approx(steady, abs=1e-4)


def test_components_by_hand() -> None:
    # Two dilemmas, one wording, one order, two answers each: 3, 1 and -1, -3. Within: mean of
    # 3·1 and -1·-3 is 3; between: of 3·-1, 3·-3, 1·-1, 1·-3 is -4. Squares: 5.
    found = variance_shares([0, 0, 1, 1], [0] * 4, [0] * 4, [0, 1] * 2, [[3], [1], [-1], [-3]])
    assert set(found.shares) == {"repetition"} and found.total == pytest.approx(9.0)
    assert found.share("repetition").value == pytest.approx(2 / 9)
    assert found.share("repetition").n == 2


@pytest.mark.parametrize(
    ("keep", "parts"),
    [
        (lambda k: k[0] >= 0, "dwor"),
        # More dilemmas in one cell.
        (lambda k: (k[0] < 1000) | ((k[1] == 0) & (k[2] == 0)), "dwor"),
        # One epoch, of all wordings or of one.
        (lambda k: k[3] == 0, "do"),
        (lambda k: (k[1] == 0) | (k[3] == 0), "do"),
        # One wording, one order, or one of both; a wording for each order or dilemma.
        (lambda k: k[1] == 0, "r"),
        (lambda k: k[2] == 0, "r"),
        (lambda k: (k[1] == 0) & (k[2] == 0), "r"),
        (lambda k: k[1] == k[2], "r"),
        (lambda k: k[1] == k[0] % 2, "r"),
    ],
)
def test_a_design_identifies_what_it_crosses(keep: Any, parts: str) -> None:
    keys, y = run(2, count=2000)
    rows = keep(keys)
    found, whole = split(keys[:, rows], y[rows], draws=50), split(keys, y, draws=50)
    assert {part[0] for part in found.shares} == set(parts)
    assert set(found.shares) | set(found.reasons) == set(PARTS)
    for part in PARTS:
        one = found.share(part)
        assert np.isnan(one.value) == (part in found.reasons)
        if part in found.shares:
            # Of the same dilemmas; with one wording the total is without its main effect.
            assert one.value == pytest.approx(whole.share(part).value, abs=0.03)
            assert one.low <= one.value <= one.high


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        # One answer to each, and two orders, between which a pull and chance look alike.
        (lambda k: (k[1] == 0) & (k[2] == 0) & (k[3] == 0), "not crossed"),
        (lambda k: (k[1] == 0) & (k[3] == 0), "not crossed"),
        # A wording for each dilemma.
        (lambda k: (k[0] < 2) & (k[1] == k[0]) & (k[2] == 0), "no two dilemmas share a cell"),
    ],
)
def test_nothing_is_identified(keep: Any, why: str) -> None:
    keys, y = run(3)
    rows = keep(keys)
    found = split(keys[:, rows], y[rows])
    assert set(found.reasons) == set(PARTS) and np.isnan(found.total)
    assert np.isnan(table(found)).all()
    assert all(why in reason for reason in found.reasons.values())
    alike = split(keys, one_hot(np.zeros(400, dtype=int)))
    assert set(alike.reasons.values()) == {"the answers do not vary"}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_laws(seed: int) -> None:
    random = np.random.default_rng(seed)
    keys, y = run(seed, count=20)
    # A tenth cannot be read.
    rows = random.random(keys.shape[1]) < 0.9
    keys, y = keys[:, rows], y[rows]
    expected = split(keys, y, draws=200)
    # The order of rows changes no digit.
    shuffled = random.permutation(len(y))
    assert split(keys[:, shuffled], y[shuffled], draws=200) == expected
    # Labels are only names; those of wordings, orders and epochs in any order.
    renamed = split([keys[0] * 7 - 3, 5 - keys[1], -keys[2], 9 - keys[3]], y, draws=200)
    np.testing.assert_allclose(table(renamed), table(expected), atol=1e-10)
    # Naming the patients the other way round, another unit and another zero change no share; the
    # two columns of a forced choice say the same thing twice.
    for other in (y[:, [1, 0]], 3 * y - 5, y[:, :1]):
        np.testing.assert_allclose(table(split(keys, other, 200)), table(expected), atol=1e-9)


def test_three_answers_and_unread_ones() -> None:
    random = np.random.default_rng(5)
    keys = design(400)
    share = np.array([[0.7, 0.1, 0.2], [0.1, 0.6, 0.3]])[keys[0] % 2]
    choice = answer(random, share)
    rows = random.random(len(choice)) < 0.9
    found = split(keys[:, rows], one_hot(choice[rows]))
    # Two kinds of dilemmas: Σ (p - p')²/4 = (.36 + .25 + .01)/4 of 1 - (.16 + .1225 + .0625).
    assert found.total == pytest.approx(0.655, abs=0.01)
    low, high = found.share("dilemma")[1:3]
    assert low < 0.155 / 0.655 < high and high - low < 0.1


@pytest.mark.filterwarnings("error")
def test_a_design_with_holes_warns_of_nothing() -> None:
    for seed in range(8):
        random = np.random.default_rng(seed)
        keys = np.array(list(np.ndindex(30, 2, 2, 2)))[random.permutation(240)[:100]]
        found = split(keys.T, one_hot(random.integers(0, 3, 100)), draws=200)
        assert np.isfinite([share.value for share in found.shares.values()]).all()
