"""Differences between two runs: by hand, by law, against oracles, and how often they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from estimation.simulated import closeness, fixed, human_shares, people, random_differences
from kidney_evals.estimation.agreement import agreement
from kidney_evals.estimation.calibration import flip_calibration
from kidney_evals.estimation.consistency import retest_disagreement, swap_disagreement
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.distance import choice_distance, fixed_distance
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.importance import (
    estimate_importance,
    importance_covariance,
    importance_distance,
)
from kidney_evals.estimation.indecision import indecision_rate
from kidney_evals.estimation.intervals import Interval, difference, student
from kidney_evals.estimation.logit import LogitFit, fit_logit
from kidney_evals.estimation.paired import (
    PairedDifference,
    agreement_change,
    calibration_change,
    distance_change,
    indecision_change,
    retest_change,
    share_change,
    shared,
    swap_change,
)
from kidney_evals.estimation.paired_importance import (
    importance_changes,
    importance_distance_change,
)
from kidney_evals.estimation.quantity import Quantity

Floats = NDArray[np.float64]
Change = Callable[[Decisions, Decisions], PairedDifference]

RANGES = np.array([4.5, 4.0, 2.0])
PEOPLE = np.array([0.41, 0.29, 0.30])
FIRST, SECOND, COIN = 0, 1, 2


def age(first: Decisions, second: Decisions) -> PairedDifference:
    return importance_changes(first, second, RANGES)[0]


def share_distance(first: Decisions, second: Decisions) -> PairedDifference:
    return importance_distance_change(first, second, RANGES, PEOPLE)


CHANGES: dict[str, Change] = {
    "flip_rate": indecision_change,
    "swap_diff": swap_change,
    "retest": retest_change,
    "agreement": agreement_change,
    "distance": distance_change,
    "flip_calib": calibration_change,
    "imp_age": age,
    "share_dist": share_distance,
}
EPOCHS = {"retest": 2}
"""How often a run asks, where a change needs more than once."""


def answered(choices: ArrayLike, shares: Floats | None = None) -> Decisions:
    """A run that answered dilemma d with choices[d], as listed and swapped; -1 is no answer.

    Shape (D, 2), or (D, 2, m) with m answers each.
    """
    table = np.asarray(choices)
    count = len(table)
    table = table.reshape(count, 2, -1)
    dilemma, order, epoch = np.nonzero(table >= 0)
    gaps = np.random.default_rng(count).normal(size=(count, 3))
    return Decisions(
        dilemma=dilemma,
        order=order,
        epoch=epoch,
        choice=table[dilemma, order, epoch],
        differences=gaps,
        shares=np.tile([0.6, 0.3, 0.1], (count, 1)) if shares is None else shares,
        share_draws=None,
        closeness=np.abs(gaps[:, 0]),
    )


class Versions(NamedTuple):
    """Two versions of a respondent, by dilemma: P(first | decided) and P(coin)."""

    first: tuple[Floats, Floats]
    coin: tuple[Floats, Floats]


def both(
    seed: int,
    versions: Callable[[Floats, Floats, Floats], Versions],
    *,
    condition: str = "coin_flip",
    consistency: float = 0.0,
    count: int = 200,
    epochs: int = 1,
) -> tuple[Decisions, Decisions]:
    """Runs of two versions; on a share of the dilemmas an answer stands for good, in both."""
    random = np.random.default_rng(seed)
    gaps = random_differences(random, count)
    shares, draws = people(gaps, condition)
    decided = shares[:, 0] / shares[:, :2].sum(axis=1)
    coins = shares[:, 2] if condition == "coin_flip" else np.zeros(count)
    said = versions(decided, coins, gaps)
    standing = random.random((2, count, 1))
    steady = random.random((count, 1)) < consistency
    runs = []
    for first, coin in zip(said.first, said.coin, strict=True):
        u, v = np.where(steady, standing, random.random((2, count, 2 * epochs)))
        choice = np.where(u < coin[:, None], COIN, np.where(v < first[:, None], FIRST, SECOND))
        runs.append(
            Decisions(
                dilemma=np.repeat(np.arange(count), 2 * epochs),
                order=np.tile([0, 1], count * epochs),
                epoch=np.tile(np.repeat(np.arange(epochs), 2), count),
                choice=choice.ravel(),
                differences=gaps,
                shares=shares,
                share_draws=draws,
                closeness=closeness(gaps),
            )
        )
    return runs[0], runs[1]


def alike(decided: Floats, coins: Floats, gaps: Floats) -> Versions:
    return Versions((decided, decided), (coins, coins))


def never_flips(decided: Floats, coins: Floats, gaps: Floats) -> Versions:
    return Versions((decided, decided), (0 * coins, 0 * coins))


def flips_rarely(decided: Floats, coins: Floats, gaps: Floats) -> Versions:
    return Versions((decided, decided), (0 * coins + 0.01, 0 * coins + 0.01))


def flips_evenly(decided: Floats, coins: Floats, gaps: Floats) -> Versions:
    return Versions((decided, decided), (0 * coins + 0.17, 0 * coins + 0.17))


def majority(decided: Floats, coins: Floats, gaps: Floats) -> Versions:
    best = (decided >= 0.5).astype(np.float64)
    return Versions((best, best), (0 * coins, 0 * coins))


def changes(decided: Floats, coins: Floats, gaps: Floats) -> Versions:
    """Coins with probability .1 more of not taking one, and a tenth of the decisions even."""
    return Versions((decided, 0.9 * decided + 0.05), (coins, coins + 0.1 * (1 - coins)))


def reweighs(decided: Floats, coins: Floats, gaps: Floats) -> Versions:
    """Importance shares .50, .25, .25 become .60, .20, .20; six logits in all."""
    old, new = (1 / (1 + np.exp(-gaps @ (6 * np.array(s) / RANGES))) for s in (HALF, MORE))
    return Versions((old, new), (coins, coins))


HALF, MORE = (0.5, 0.25, 0.25), (0.6, 0.2, 0.2)


# By hand.


def test_second_less_first_on_shared_dilemmas() -> None:
    old = answered([[0, 0], [0, COIN], [1, 1], [0, 0], [-1, -1]])
    new = answered([[0, 1], [COIN, COIN], [1, COIN], [-1, -1], [COIN, COIN]])
    found = indecision_change(old, new)
    # Dilemmas 0, 1 and 2 are shared: 1 coin of 6 before, 3 of 6 after.
    assert (found.first, found.second) == pytest.approx((1 / 6, 3 / 6))
    assert found.change.value == pytest.approx(2 / 6)
    assert found.change.n == 3
    # Swapped answers differ in dilemma 1 before, in 0 and 2 after.
    assert swap_change(old, new).change.value == pytest.approx(2 / 3 - 1 / 3)
    first, second = shared(old, new)
    assert first.dilemmas == second.dilemmas == 3


def test_the_test_of_whole_changes_is_that_of_mcnemar() -> None:
    old = np.zeros((100, 2), dtype=np.int64)
    new = old.copy()
    new[:12] = COIN
    old[12:15] = COIN
    found = indecision_change(answered(old), answered(new))
    # (12 - 3) / √(12 + 3) = 2.32, Student's t for 100 dilemmas in place of z.
    assert found.p_value == pytest.approx(normal_tail(9 / 15**0.5 * 1.959964 / student(99)))
    assert found.change.value == pytest.approx(0.09)


def normal_tail(z: float) -> float:
    from math import erfc

    return erfc(z / 2**0.5)


def test_no_coin_twice_is_no_change_with_the_width_of_a_zero_count() -> None:
    run = answered(np.zeros((200, 2), dtype=np.int64))
    found = indecision_change(run, run)
    # z² / (n + z²) with 200 dilemmas worth (z/t)² of their number: Wilson's interval of zero.
    z2 = student(199) ** 2
    assert found.change[:3] == pytest.approx((0, -z2 / (200 + z2), z2 / (200 + z2)), abs=1e-9)
    assert found.p_value == 1


@pytest.mark.parametrize(
    ("gains", "losses", "rest"), [(0, 0, 50), (1, 0, 99), (12, 2, 36), (30, 30, 10), (40, 0, 60)]
)
def test_ends_meet_the_score_of_the_most_likely_shares(gains: int, losses: int, rest: int) -> None:
    from scipy.optimize import minimize_scalar

    n = gains + losses + rest
    old = np.zeros((n, 2), dtype=np.int64)
    new = old.copy()
    new[:gains] = COIN
    old[gains : gains + losses] = COIN
    found = indecision_change(answered(old), answered(new)).change
    shrink = (1.959964 / student(n - 1)) ** 2
    b, c, size = gains * shrink, losses * shrink, n * shrink
    for end in (found.low, found.high):

        def unlikely(share: float, end: float = end) -> float:
            parts = (share + end, share, 1 - 2 * share - end)
            logs = np.log(np.maximum(parts, 1e-300))
            return -float(b * logs[0] + c * logs[1] + (size - b - c) * logs[2])

        best = minimize_scalar(
            unlikely,
            bounds=(max(0.0, -end), (1 - end) / 2),
            method="bounded",
            options={"xatol": 1e-10},
        ).x
        score = (b - c - size * end) / np.sqrt(size * (2 * best + end - end**2))
        assert abs(score) == pytest.approx(1.96, abs=0.02)


def test_answers_that_differ_within_an_order_by_hand() -> None:
    old = answered([
        [[0, 0], [1, 1]],         # alike in both orders: 0
        [[0, 1], [0, 0]],         # one order of two: 1/2
        [[COIN, 0], [0, 1]],      # both: 1
        [[0, -1], [1, -1]],       # never repeated
    ])  # fmt: skip
    new = answered([
        [[0, COIN], [0, -1]],     # the only order repeated: 1
        [[1, 1], [0, 0]],         # 0
        [[0, 1], [1, 0]],         # 1
        [[0, 1], [1, 0]],
    ])  # fmt: skip
    found = retest_change(old, new)
    assert (found.first, found.second) == pytest.approx(((0 + 1 / 2 + 1) / 3, (1 + 0 + 1) / 3))
    assert found.change.value == pytest.approx(1 / 6)
    assert found.change.n == 3
    # Two of the three pairs of answers 0, 0, 1 differ.
    thrice, twice = answered([[[0, 0, 1], [0, 0, 0]]] * 4), answered([[[0, 0], [0, 0]]] * 4)
    assert retest_change(thrice, twice).change.value == pytest.approx(-(2 / 3 + 0) / 2)


def test_runs_that_never_repeat_have_no_retest() -> None:
    once, twice = (both(1, alike, epochs=epochs)[0] for epochs in (1, 2))
    for pair in ((once, once), (once, twice), (twice, once)):
        assert np.isnan(retest_change(*pair).change.value)


def test_shares_by_hand() -> None:
    found = share_change([0.0, 0.5, 1.0, np.nan, 0.2], [0.5, 0.5, 1.0, 1.0, np.nan])
    # The first three have both: 1.5 / 3 before, 2 / 3 after.
    assert (found.first, found.second) == pytest.approx((0.5, 2 / 3))
    assert found.change.value == pytest.approx(1 / 6)
    assert found.change.n == 3


@pytest.mark.parametrize("name", ["flip_rate", "retest"])
def test_shares_have_the_interval_of_the_rows_that_are_shares(name: str) -> None:
    old = np.zeros((60, 2, 2), dtype=np.int64)
    new = old.copy()
    # What is counted is there in all of a dilemma's answers or orders, or in half of them.
    new[:9, :, 1] = COIN
    old[9:12, 0, 1] = COIN
    coins, orders = (
        [(run == COIN).mean(axis=(1, 2)) for run in (old, new)],
        [(run[:, :, 0] != run[:, :, 1]).mean(axis=1) for run in (old, new)],
    )
    shares = coins if name == "flip_rate" else orders
    row, plain = CHANGES[name](answered(old), answered(new)), share_change(*shares)
    assert plain.change == pytest.approx(row.change, nan_ok=True)
    assert plain.p_value == pytest.approx(row.p_value)


def test_the_same_shares_are_no_change_with_the_width_of_a_zero_count() -> None:
    found = share_change(np.full(50, 0.97), np.full(50, 0.97))
    # z² / (n + z²), as of rates.
    z2 = student(49) ** 2
    assert found.change[:3] == pytest.approx((0, -z2 / (50 + z2), z2 / (50 + z2)), abs=1e-9)
    assert found.p_value == 1


def test_exchanged_shares_mirror_their_change() -> None:
    old, new = np.random.default_rng(3).random((2, 40))
    there, back = share_change(old, new), share_change(new, old)
    mirrored = (-there.change.value, -there.change.high, -there.change.low)
    assert back.change[:3] == pytest.approx(mirrored, abs=1e-9)
    assert back.p_value == pytest.approx(there.p_value)


def test_shares_in_another_order_change_no_digit() -> None:
    random = np.random.default_rng(3)
    old, new = random.random((2, 40))
    old[3] = np.nan
    rows = random.permutation(40)
    there, mixed = share_change(old, new), share_change(old[rows], new[rows])
    assert mixed.change[:4] == pytest.approx(there.change[:4], abs=1e-12, nan_ok=True)
    assert mixed.p_value == pytest.approx(there.p_value, abs=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "value", "n"),
    [
        ([], [], np.nan, 0),
        ([np.nan, 0.5], [0.5, np.nan], np.nan, 0),
        ([np.nan, 0.5], [0.5, 0.75], 0.25, 1),
    ],
)
def test_too_few_shares_have_no_interval(
    old: list[float], new: list[float], value: float, n: int
) -> None:
    found = share_change(old, new)
    assert found.change.value == pytest.approx(value, nan_ok=True)
    assert found.change.n == n
    assert np.isnan(found.change.low) and np.isnan(found.p_value)


def test_shares_out_by_rounding_are_shares() -> None:
    assert share_change([1 + 1e-9, 0.0], [0.0, 1 + 1e-9]).change.value == pytest.approx(0)


@pytest.mark.parametrize("name", CHANGES)
def test_the_change_is_that_of_the_rows(name: str) -> None:
    old, new = both(5, changes, epochs=EPOCHS.get(name, 1))
    single: dict[str, Callable[[Decisions], Quantity]] = {
        "flip_rate": indecision_rate,
        "swap_diff": swap_disagreement,
        "retest": retest_disagreement,
        "distance": choice_distance,
        "flip_calib": flip_calibration,
    }
    found = CHANGES[name](old, new)
    if name in single:
        expected = [single[name](run).value for run in (old, new)]
    else:
        # The others are over dilemmas that both runs decided.
        mask = old.decided.answered & new.decided.answered
        runs = [run.at(mask) for run in (old, new)]
        if name == "agreement":
            expected = [agreement(run).value for run in runs]
        else:
            shares = [estimate_importance(logit(run), RANGES).shares for run in runs]
            expected = [
                float(s[0] if name == "imp_age" else importance_distance(s, PEOPLE)) for s in shares
            ]
    assert (found.first, found.second) == pytest.approx(tuple(expected), abs=1e-12)
    assert found.change.value == pytest.approx(expected[1] - expected[0], abs=1e-12)
    assert found.change.low < found.change.value < found.change.high
    assert (found.p_value < 0.05) == (found.change.low > 0 or found.change.high < 0)


def logit(run: Decisions) -> LogitFit:
    x, y = shown(run.decided)
    return fit_logit(x, y, clusters=run.decided.dilemma)


def shown(run: Decisions) -> tuple[Floats, Floats]:
    sign = np.where(run.order == 0, 1.0, -1.0)[:, None]
    return run.differences[run.dilemma] * sign, run.shown_first.astype(np.float64)


# Laws.


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("versions", [alike, majority, never_flips])
def test_a_run_against_itself_has_no_change_and_a_width(
    name: str, versions: Callable[[Floats, Floats, Floats], Versions]
) -> None:
    run, _ = both(3, versions, epochs=EPOCHS.get(name, 1))
    found = CHANGES[name](run, run)
    assert found.change.value == 0
    assert found.p_value == 1
    assert found.change.low < -1e-4
    assert found.change.high > 1e-4


@pytest.mark.parametrize("name", CHANGES)
def test_exchanging_the_runs_mirrors_the_change(name: str) -> None:
    old, new = both(8, changes, consistency=0.5, epochs=EPOCHS.get(name, 1))
    there, back = CHANGES[name](old, new), CHANGES[name](new, old)
    assert (back.first, back.second) == pytest.approx((there.second, there.first))
    mirrored = (-there.change.value, -there.change.high, -there.change.low)
    # Resampled shares are no mirror images draw by draw.
    slack = 0.1 * (there.change.high - there.change.low) if name == "share_dist" else 1e-9
    assert back.change[:3] == pytest.approx(mirrored, abs=slack)
    if name != "share_dist":
        assert back.p_value == pytest.approx(there.p_value, abs=1e-9)


@pytest.mark.parametrize("name", CHANGES)
def test_listing_the_patients_the_other_way_round_changes_nothing(name: str) -> None:
    runs = both(11, changes, consistency=0.3, epochs=EPOCHS.get(name, 1))
    turned = []
    for run in runs:
        draws = run.share_draws
        assert draws is not None
        turned.append(
            replace(
                run,
                order=1 - run.order,
                choice=np.array([1, 0, 2])[run.choice],
                differences=-run.differences,
                shares=run.shares[:, [1, 0, 2]],
                share_draws=draws[:, :, [1, 0, 2]],
            )
        )
    # The two turned runs list the same arrays, as their originals did.
    turned[1] = turned[1].against(turned[0].shares, turned[0].share_draws)
    one, two = CHANGES[name](*runs), CHANGES[name](turned[0], turned[1])
    assert two.change[:3] == pytest.approx(one.change[:3], abs=1e-8)


@given(st.integers(0, 50))
@settings(max_examples=3, deadline=None)
def test_the_order_of_the_samples_changes_no_digit(seed: int) -> None:
    old, new = both(2, changes, count=60)
    row = np.random.default_rng(seed).permutation(len(new))
    mixed = replace(
        new,
        dilemma=new.dilemma[row],
        order=new.order[row],
        epoch=new.epoch[row],
        choice=new.choice[row],
    )
    for change in (indecision_change, agreement_change, age):
        assert change(old, mixed) == change(old, new)


def test_what_both_runs_share_makes_the_interval_narrower() -> None:
    pairs = {
        epochs: [both(4, alike, consistency=level, epochs=epochs) for level in (0.0, 0.95)]
        for epochs in (1, 2)
    }
    for name, change in CHANGES.items():
        wide, narrow = (
            found.high - found.low
            for found in (change(*pair).change for pair in pairs[EPOCHS.get(name, 1)])
        )
        assert narrow < 0.8 * wide, name


# Oracles.


def test_the_joint_sandwich_is_that_of_one_logit_with_two_sets_of_weights() -> None:
    old, new = both(21, reweighs, condition="forced_choice", consistency=0.6)
    parts = [shown(run) for run in (old, new)]
    n, k = parts[0][0].shape
    stacked = np.zeros((2 * n, 2 * k + 2))
    for i, (x, _) in enumerate(parts):
        # Weights of both runs first, then both pulls of the side.
        stacked[i * n : (i + 1) * n, i * k : (i + 1) * k] = x
        stacked[i * n : (i + 1) * n, 2 * k + i] = 1
    fit = fit_logit(
        stacked,
        np.concatenate([y for _, y in parts]),
        clusters=np.concatenate([old.dilemma, new.dilemma]),
        intercept=False,
    )
    slopes = [jacobian(fit.weights[i * k : (i + 1) * k]) for i in (0, 1)]
    joint = np.concatenate([-slopes[0], slopes[1]], axis=1)
    spread = np.diag(joint @ fit.covariance[: 2 * k, : 2 * k] @ joint.T) ** 0.5
    for found, error in zip(importance_changes(old, new, RANGES), spread, strict=True):
        half = (found.change.high - found.change.low) / 2 / student(199)
        # What did not show is added to it, next to nothing where so much did.
        assert 0.995 * error < half < 1.05 * error


def jacobian(weights: Floats) -> Floats:
    """Return the slopes of the shares in the weights, (k, k)."""
    reach = weights * RANGES
    total = np.abs(reach).sum()
    slopes: Floats = np.diag(RANGES) / total - np.outer(reach, np.sign(reach) * RANGES) / total**2
    unit = np.eye(3)
    assert np.allclose(slopes @ slopes.T, importance_covariance(weights, unit, RANGES))
    return slopes


def test_fixed_lists_join_the_intervals_of_independent_answers() -> None:
    old, new = (fixed(seed, "one_person", "coin_flip") for seed in (1, 2))
    one, two = indecision_rate(old), indecision_rate(new)
    expected = difference(
        two.value, Interval(two.low, two.high), one.value, Interval(one.low, one.high)
    )
    found = indecision_change(old, new)
    assert found.change[1:3] == pytest.approx(expected)
    assert found.change.n == 14
    assert distance_change(old, new).change.value == pytest.approx(
        fixed_distance(new).value - fixed_distance(old).value
    )


@pytest.mark.parametrize("name", ["flip_rate", "swap_diff", "retest", "agreement", "distance"])
def test_fixed_lists_answered_the_same_way_have_a_width(name: str) -> None:
    run = fixed(1, "never_flips", "coin_flip")
    one = replace(run, choice=np.zeros(len(run), dtype=np.int64))
    found = CHANGES[name](one, one)
    assert found.change.value == 0
    assert found.change.low < -1e-3
    assert found.change.high > 1e-3


# What cannot be compared.


def test_rows_without_a_value_are_nan() -> None:
    nobody = answered(np.full((5, 2), -1))
    for change in CHANGES.values():
        found = change(nobody, nobody)
        assert np.isnan(found.change.value)
        assert found.change.n == 0
        assert np.isnan(found.p_value)
    strict = both(1, alike, condition="forced_choice")
    assert np.isnan(indecision_change(*strict).change.value)
    assert np.isnan(calibration_change(*strict).change.value)


def test_one_shared_dilemma_has_a_change_and_no_interval() -> None:
    old, new = answered([[0, 0], [-1, -1]]), answered([[0, COIN], [-1, -1]])
    for change in (indecision_change, swap_change, agreement_change, distance_change):
        found = change(old, new)
        assert found.change.n == 1
        assert np.isnan(found.change.low)
        assert np.isnan(found.p_value)


def test_noise_has_no_importance_shares_to_compare() -> None:
    random = np.random.default_rng(1)
    noise = [answered(random.integers(0, 2, (40, 2))) for _ in range(2)]
    for change in (age, share_distance):
        assert np.isnan(change(noise[0], noise[1]).change.value)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("differences", "differences row 3 differs between the two runs"),
        ("shares", "shares row 3 differs between the two runs"),
        ("closeness", "closeness row 3 differs between the two runs"),
        ("share_draws", "share_draws row 3 differs between the two runs"),
    ],
)
def test_runs_over_other_dilemmas_or_people_are_refused(field: str, message: str) -> None:
    run, _ = both(1, alike, count=20)
    other = np.array(getattr(run, field))
    if field == "share_draws":
        other[7, 3] = [0.2, 0.3, 0.5]
    else:
        other[3] = [0.2, 0.3, 0.5] if other.ndim == 2 else 9.0
    changed = replace(run, **{field: other})  # type: ignore[arg-type]
    for change in CHANGES.values():
        with pytest.raises(InputError, match=message):
            change(run, changed)


def test_lists_of_another_length_or_kind_are_refused() -> None:
    run, _ = both(1, alike, count=20)
    with pytest.raises(InputError, match=r"differences of the two runs have the shapes \(20, 3\)"):
        shared(run, both(1, alike, count=21)[0])
    with pytest.raises(InputError, match="share_draws of the two runs have the shapes"):
        shared(run, run.against(run.shares, None))
    with pytest.raises(InputError, match="one is drawn, one a fixed list"):
        shared(run, replace(run, fixed=True))


@pytest.mark.parametrize(
    ("shares", "draws", "message"),
    [
        (PEOPLE[:2], None, r"people must have shape \(3,\), not \(2,\)"),
        (PEOPLE + 1, None, "people row 0 is 1.41, outside -1 to 1"),
        (PEOPLE, PEOPLE, r"people_draws must have shape \(3, 3\), not \(3,\)"),
        (PEOPLE, np.zeros((0, 3)), r"people_draws must have shape \(1, 3\), not \(0, 3\)"),
        (PEOPLE, [PEOPLE, PEOPLE + 1], "people_draws row 1 is"),
    ],
)
def test_shares_of_people_must_fit(shares: Floats, draws: ArrayLike | None, message: str) -> None:
    first, second = both(1, alike, count=20)
    with pytest.raises(InputError, match=message):
        importance_distance_change(first, second, RANGES, shares, draws)


# How often they are wrong.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("versions", "consistency", "condition"),
    [
        (alike, 0.0, "coin_flip"),
        (alike, 0.9, "coin_flip"),
        (never_flips, 0.0, "coin_flip"),
        (flips_rarely, 0.0, "coin_flip"),
        (flips_evenly, 0.9, "coin_flip"),
        (majority, 0.0, "forced_choice"),
    ],
)
def test_where_nothing_changed_few_tests_say_so(
    versions: Callable[[Floats, Floats, Floats], Versions], consistency: float, condition: str
) -> None:
    runs = 120
    alarms = dict.fromkeys(CHANGES, 0)
    for seed in range(runs):
        pair = both(seed, versions, condition=condition, consistency=consistency)
        twice = both(seed, versions, condition=condition, consistency=consistency, epochs=2)
        for name, change in CHANGES.items():
            alarms[name] += change(*(twice if name in EPOCHS else pair)).p_value < 0.05
    # .05 and two and a half standard errors of 120 runs: 6 + 2.5 · 2.4 alarms.
    assert max(alarms.values()) <= 12, alarms


@pytest.mark.slow
@pytest.mark.parametrize("consistency", [0.0, 0.5])
def test_intervals_hold_a_change_as_often_as_they_say(consistency: float) -> None:
    runs = 150
    gaps = random_differences(np.random.default_rng(0), 20_000)
    shares = human_shares(gaps, "coin_flip")
    decided = shares[:, :2] / shares[:, :2].sum(axis=1, keepdims=True)
    coins = 0.1 * (1 - shares[:, 2])
    # Σ_c (q_c - p_c) p_c with q = .9 p + .05; both versions decide nearly every dilemma once.
    even = 0.05 * (2 * decided[:, 0] - 1) ** 2
    truths = {
        "flip_rate": coins.mean(),
        "agreement": -even.sum() / decided.max(axis=1).sum(),
        "imp_age": MORE[0] - HALF[0],
    }
    held = dict.fromkeys(truths, 0)
    for seed in range(runs):
        for name, truth in truths.items():
            versions = reweighs if name == "imp_age" else changes
            found = CHANGES[name](*both(seed, versions, consistency=consistency)).change
            held[name] += found.low <= truth <= found.high
    # .95 less two and a half standard errors of 150 runs.
    assert min(held.values()) >= 0.905 * runs, held


Shares = Callable[[np.random.Generator, int], tuple[Floats, Floats]]


def coverage_falls(random: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Nearly all of what was said before; 0.9 · 2/3 + 1 · 1/3 of it after, 1/15 less."""
    old = random.beta(200, 2, count)
    kept: Floats = np.where(random.random(count) < 2 / 3, 0.9, 1.0)
    return old, old * kept


def coverage_stays(random: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    return random.beta(30, 2, count), random.beta(30, 2, count)


def few_change_altogether(random: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    old = (random.random(count) < 0.5).astype(np.float64)
    return old, old * (random.random(count) >= 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("count", [32, 200])
@pytest.mark.parametrize(
    ("shares", "truth"),
    [
        # Beta(200, 2) has the mean 200/202.
        (coverage_falls, -200 / 202 / 15),
        (coverage_stays, 0.0),
        (few_change_altogether, -0.05 / 2),
    ],
)
def test_intervals_hold_a_change_of_shares_as_often_as_they_say(
    shares: Shares, truth: float, count: int
) -> None:
    random, runs = np.random.default_rng(0), 1000
    found = [share_change(*shares(random, count)).change for _ in range(runs)]
    # .95 less two and a half standard errors of 1000 runs.
    assert sum(one.low <= truth <= one.high for one in found) >= 0.933 * runs
