"""Differences between two runs: by hand, by law, against oracles, and how often they are wrong."""

from collections.abc import Callable
from dataclasses import replace
from math import erfc

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from estimation.simulated import (
    closeness,
    coverage,
    fixed,
    human_shares,
    people,
    random_differences,
)
from kidney_evals.estimation import paired
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.indecision import indecision_rate
from kidney_evals.estimation.intervals import difference, student
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.paired import (
    PairedDifference,
    importance_changes,
    indecision_change,
    share_change,
)
from kidney_evals.estimation.slopes import coin_slope_change, sharpness_change

Floats = NDArray[np.float64]
Change = Callable[[Decisions, Decisions], PairedDifference]

RANGES = np.array([4.5, 4.0, 2.0])
PEOPLE = np.array([0.41, 0.29, 0.30])
FIRST, SECOND, COIN = 0, 1, 2

CHANGES: dict[str, Change] = {
    "flip_rate": indecision_change,
    "swap_diff": paired.swap_change,
    "retest": paired.retest_change,
    "agreement": paired.agreement_change,
    "flip_calib": paired.calibration_change,
    "imp_age": lambda first, second: importance_changes(first, second, RANGES)[0],
    "sharpness": sharpness_change,
    "coin_slope": coin_slope_change,
}
EPOCHS = {"retest": 2}
"""Number of epochs of changes that need more than one."""


def answered(choices: ArrayLike) -> Decisions:
    """A run with choices[d] as answers to dilemma d, as listed and swapped; -1 is no answer.

    Shape (D, 2), or (D, 2, m) with m answers each.
    """
    table = np.asarray(choices)
    count = len(table)
    table = table.reshape(count, 2, -1)
    dilemma, order, epoch = np.nonzero(table >= 0)
    gaps = np.random.default_rng(count).normal(size=(count, 3))
    return Decisions(
        dilemma, order, epoch, table[dilemma, order, epoch], gaps,
        np.tile([0.6, 0.3, 0.1], (count, 1)), None, np.abs(gaps[:, 0]),
    )  # fmt: skip


Version = tuple[Floats, Floats]
"""A respondent by dilemma: P(first | decided) and P(coin)."""

Versions = Callable[[Floats, Floats, Floats], tuple[Version, Version]]
"""Returns two versions from people's P(first | decided), their P(coin) and the differences."""


def both(
    seed: int,
    versions: Versions,
    *,
    condition: str = "coin_flip",
    consistency: float = 0.0,
    count: int = 200,
    epochs: int = 1,
) -> tuple[Decisions, Decisions]:
    """Runs of two versions, which share a fixed answer on a share `consistency` of the dilemmas."""
    random = np.random.default_rng(seed)
    gaps = random_differences(random, count)
    shares, draws = people(gaps, condition)
    decided = shares[:, 0] / shares[:, :2].sum(axis=1)
    coins = shares[:, 2] if condition == "coin_flip" else np.zeros(count)
    standing = random.random((2, count, 1))
    steady = random.random((count, 1)) < consistency
    runs = []
    for first, coin in versions(decided, coins, gaps):
        u, v = np.where(steady, standing, random.random((2, count, 2 * epochs)))
        choice = np.where(u < coin[:, None], COIN, np.where(v < first[:, None], FIRST, SECOND))
        runs.append(
            Decisions(
                np.repeat(np.arange(count), 2 * epochs), np.tile([0, 1], count * epochs),
                np.tile(np.repeat(np.arange(epochs), 2), count), choice.ravel(), gaps, shares,
                draws, closeness(gaps),
            )
        )  # fmt: skip
    return runs[0], runs[1]


def alike(decided: Floats, coins: Floats, gaps: Floats) -> tuple[Version, Version]:
    return (decided, coins), (decided, coins)


def flips(rate: float) -> Versions:
    return lambda decided, coins, gaps: ((decided, 0 * coins + rate), (decided, 0 * coins + rate))


def majority(decided: Floats, coins: Floats, gaps: Floats) -> tuple[Version, Version]:
    best = (decided >= 0.5).astype(np.float64)
    return (best, 0 * coins), (best, 0 * coins)


def changes(decided: Floats, coins: Floats, gaps: Floats) -> tuple[Version, Version]:
    """A tenth of the decided answers become coins, and a tenth of the decisions random."""
    return (decided, coins), (0.9 * decided + 0.05, coins + 0.1 * (1 - coins))


HALF, MORE = (0.5, 0.25, 0.25), (0.6, 0.2, 0.2)


def reweighs(decided: Floats, coins: Floats, gaps: Floats) -> tuple[Version, Version]:
    """Importance shares .50, .25, .25 become .60, .20, .20; six logits in all."""
    old, new = (1 / (1 + np.exp(-gaps @ (6 * np.array(s) / RANGES))) for s in (HALF, MORE))
    return (old, coins), (new, coins)


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
    assert paired.swap_change(old, new).change.value == pytest.approx(2 / 3 - 1 / 3)


@pytest.mark.parametrize("count", [50, 200])
def test_no_change_has_the_width_of_a_zero_count(count: int) -> None:
    run = answered(np.zeros((count, 2), dtype=np.int64))
    # z² / (n + z²) with dilemmas worth (z/t)² of their number: Wilson's interval of zero.
    z2 = student(count - 1) ** 2
    for found in (
        indecision_change(run, run), share_change(np.full(count, 0.97), np.full(count, 0.97))
    ):  # fmt: skip
        assert found.change[:3] == pytest.approx((0, -z2 / (count + z2), z2 / (count + z2)))
        assert found.p_value == 1


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
    found = paired.retest_change(old, new)
    assert (found.first, found.second) == pytest.approx(((0 + 1 / 2 + 1) / 3, (1 + 0 + 1) / 3))
    assert found.change.value == pytest.approx(1 / 6)
    assert found.change.n == 3
    # Two of the three pairs of answers 0, 0, 1 differ.
    thrice, twice = answered([[[0, 0, 1], [0, 0, 0]]] * 4), answered([[[0, 0], [0, 0]]] * 4)
    assert paired.retest_change(thrice, twice).change.value == pytest.approx(-(2 / 3 + 0) / 2)
    once = answered([[0, 0]] * 4)
    for pair in ((once, once), (once, twice), (twice, once)):
        assert np.isnan(paired.retest_change(*pair).change.value)


@pytest.mark.parametrize(
    ("gains", "losses", "rest"), [(0, 0, 50), (1, 0, 99), (12, 2, 36), (30, 30, 10), (40, 0, 60)]
)
def test_ends_meet_the_score_of_the_most_likely_shares(gains: int, losses: int, rest: int) -> None:
    n = gains + losses + rest
    old = np.zeros((n, 2), dtype=np.int64)
    new = old.copy()
    new[:gains] = COIN
    old[gains : gains + losses] = COIN
    result = indecision_change(answered(old), answered(new))
    found = result.change
    assert found.value == pytest.approx((gains - losses) / n)
    # The test is McNemar's, with Student's t in place of z; two tails.
    z = (gains - losses) / max(1, gains + losses) ** 0.5 * 1.959964 / student(n - 1)
    assert result.p_value == pytest.approx(erfc(abs(z) / 2**0.5))
    shrink = (1.959964 / student(n - 1)) ** 2
    b, c, size = gains * shrink, losses * shrink, n * shrink
    for end in (found.low, found.high):

        def unlikely(share: float, end: float = end) -> float:
            logs = np.log(np.maximum((share + end, share, 1 - 2 * share - end), 1e-300))
            return -float(b * logs[0] + c * logs[1] + (size - b - c) * logs[2])

        bounds = (max(0.0, -end), (1 - end) / 2)
        best = minimize_scalar(
            unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-10}
        ).x
        score = (b - c - size * end) / np.sqrt(size * (2 * best + end - end**2))
        assert abs(score) == pytest.approx(1.96, abs=0.02)


@pytest.mark.parametrize(
    ("old", "new", "value", "n"),
    [
        # The first three have both: 1.5 / 3 before, 2 / 3 after.
        ([0.0, 0.5, 1.0, np.nan, 0.2], [0.5, 0.5, 1.0, 1.0, np.nan], 1 / 6, 3),
        # Outside 0 to 1 by rounding.
        ([1 + 1e-9, 0.0], [0.0, 1 + 1e-9], 0, 2),
        # Too few for an interval.
        ([], [], np.nan, 0),
        ([np.nan, 0.5], [0.5, np.nan], np.nan, 0),
        ([np.nan, 0.5], [0.5, 0.75], 0.25, 1),
    ],
)
def test_shares_by_hand(old: list[float], new: list[float], value: float, n: int) -> None:
    found = share_change(old, new)
    assert found.change.value == pytest.approx(value, nan_ok=True) and found.change.n == n
    assert np.isnan([found.change.low, found.p_value]).all() == (n < 2)


def test_shares_in_another_order_change_no_digit() -> None:
    random = np.random.default_rng(3)
    old, new = random.random((2, 40))
    old[3] = np.nan
    rows = random.permutation(40)
    there, mixed = share_change(old, new), share_change(old[rows], new[rows])
    assert mixed.change[:4] == pytest.approx(there.change[:4], abs=1e-12, nan_ok=True)
    assert mixed.p_value == pytest.approx(there.p_value, abs=1e-12)


# Laws.


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("versions", [alike, majority, flips(0)])
def test_a_run_against_itself_has_no_change_and_a_width(name: str, versions: Versions) -> None:
    runs = [(both(3, versions, epochs=EPOCHS.get(name, 1))[0], 1e-4)]
    if name not in ("flip_calib", "imp_age"):
        # A fixed list on which every answer is the same.
        listed = fixed(1, "never_flips", "coin_flip")
        runs.append((replace(listed, choice=np.zeros(len(listed), dtype=np.int64)), 1e-3))
    for run, width in runs:
        found = CHANGES[name](run, run)
        if name in ("sharpness", "coin_slope") and (versions is not alike or run.fixed):
            # A rule has no slope, and neither has a run without coins.
            assert found.change.n == 0 or name == "sharpness"
            continue
        assert found.change.value == 0 and found.p_value == 1
        assert found.change.low < -width and found.change.high > width


@pytest.mark.parametrize("name", CHANGES)
def test_exchanging_the_runs_mirrors_the_change(name: str) -> None:
    old, new = both(8, changes, consistency=0.5, epochs=EPOCHS.get(name, 1))
    there, back = CHANGES[name](old, new), CHANGES[name](new, old)
    assert (back.first, back.second) == pytest.approx((there.second, there.first))
    assert (there.p_value < 0.05) == (there.change.low > 0 or there.change.high < 0)
    mirrored = (-there.change.value, -there.change.high, -there.change.low)
    assert back.change[:3] == pytest.approx(mirrored, abs=1e-9)
    assert back.p_value == pytest.approx(there.p_value, abs=1e-9)


@pytest.mark.parametrize("name", CHANGES)
def test_listing_the_patients_the_other_way_round_changes_nothing(name: str) -> None:
    runs = both(11, changes, consistency=0.3, epochs=EPOCHS.get(name, 1))
    turned = [
        replace(
            run,
            order=1 - run.order,
            choice=np.array([1, 0, 2])[run.choice],
            differences=-run.differences,
            shares=run.shares[:, [1, 0, 2]],
            share_draws=None if run.share_draws is None else run.share_draws[:, :, [1, 0, 2]],
        )
        for run in runs
    ]
    one, two = CHANGES[name](*runs), CHANGES[name](*turned)
    assert two.change[:3] == pytest.approx(one.change[:3], abs=1e-8)


def test_what_both_runs_share_makes_the_interval_narrower() -> None:
    pairs = {
        epochs: [both(4, alike, consistency=level, epochs=epochs) for level in (0.0, 0.95)]
        for epochs in (1, 2)
    }
    for name, change in CHANGES.items():
        wide, narrow = (change(*pair).change for pair in pairs[EPOCHS.get(name, 1)])
        assert narrow.high - narrow.low < 0.8 * (wide.high - wide.low), name


# Oracles.


def test_the_joint_sandwich_is_that_of_one_logit_with_two_sets_of_weights() -> None:
    runs = both(21, reweighs, condition="forced_choice", consistency=0.6)
    n, k = runs[0].shown_differences.shape
    stacked = np.zeros((2 * n, 2 * k + 2))
    for i, run in enumerate(runs):
        # Weights of both runs first, then both effects of the first position.
        stacked[i * n : (i + 1) * n, i * k : (i + 1) * k] = run.shown_differences
        stacked[i * n : (i + 1) * n, 2 * k + i] = 1
    fit = fit_logit(
        stacked,
        np.concatenate([run.shown_first for run in runs]),
        clusters=np.concatenate([run.dilemma for run in runs]),
        intercept=False,
    )
    # Slopes of the shares in the weights of a run, by small steps.
    steps = 1e-6 * np.eye(k)
    slopes = [
        (importance_shares(w + steps, RANGES) - importance_shares(w - steps, RANGES)).T / 2e-6
        for w in (fit.weights[:k], fit.weights[k : 2 * k])
    ]
    joint = np.concatenate([-slopes[0], slopes[1]], axis=1)
    spread = np.diag(joint @ fit.covariance[: 2 * k, : 2 * k] @ joint.T) ** 0.5
    for found, error in zip(importance_changes(*runs, RANGES), spread, strict=True):
        half = (found.change.high - found.change.low) / 2 / student(199)
        # Unobserved changes are added, next to nothing where so many were observed.
        assert 0.995 * error < half < 1.05 * error


def test_fixed_lists_join_the_intervals_of_independent_answers() -> None:
    old, new = (fixed(seed, "one_person", "coin_flip") for seed in (1, 2))
    one, two = indecision_rate(old), indecision_rate(new)
    found = indecision_change(old, new)
    assert found.change[1:3] == pytest.approx(difference(two, one)) and found.change.n == 14


# What has no value.


def test_rows_without_a_value_are_nan() -> None:
    nobody = answered(np.full((5, 2), -1))
    strict = both(1, alike, condition="forced_choice")
    random = np.random.default_rng(1)
    noise = [answered(random.integers(0, 2, (40, 2))) for _ in range(2)]
    undefined = [change(nobody, nobody) for change in CHANGES.values()]
    undefined += [CHANGES[name](*strict) for name in ("flip_rate", "flip_calib", "coin_slope")]
    # Noise has no importance shares.
    undefined += [CHANGES[name](*noise) for name in ("imp_age",)]
    for found in undefined:
        assert np.isnan([found.change.value, found.p_value]).all() and found.change.n == 0
    # One shared dilemma has a change and no interval.
    old, new = answered([[0, 0], [-1, -1]]), answered([[0, COIN], [-1, -1]])
    for name in ("flip_rate", "swap_diff", "agreement"):
        found = CHANGES[name](old, new)
        assert np.isnan([found.change.low, found.p_value]).all() and found.change.n == 1


def test_runs_over_other_dilemmas_or_people_are_refused() -> None:
    run, longer = (both(1, alike, count=count)[0] for count in (20, 21))
    assert run.share_draws is not None
    other = {
        "differences": run.differences + 1,
        "shares": run.shares[:, [1, 0, 2]],
        "closeness": np.where(np.arange(20) == 3, 9.0, run.closeness),
        "share_draws": run.share_draws[::-1],
        "fixed": True,
    }
    cases = [(replace(run, **{name: value}), name) for name, value in other.items()]  # type: ignore[arg-type]
    for two, name in [
        *cases,
        (longer, "differences"),
        (run.against(run.shares, None), "share_draws"),
    ]:
        for change in CHANGES.values():
            with pytest.raises(InputError, match=f"{name} differs between the two runs"):
                change(run, two)


# How often they are wrong.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("versions", "consistency", "condition"),
    [
        (alike, 0.0, "coin_flip"),
        (alike, 0.9, "coin_flip"),
        (flips(0), 0.0, "coin_flip"),
        (flips(0.01), 0.0, "coin_flip"),
        (flips(0.17), 0.9, "coin_flip"),
        (majority, 0.0, "forced_choice"),
    ],
)
def test_where_nothing_changed_few_tests_say_so(
    versions: Versions, consistency: float, condition: str
) -> None:
    alarms = dict.fromkeys(CHANGES, 0)
    for seed in range(120):
        pair, twice = (
            both(seed, versions, condition=condition, consistency=consistency, epochs=epochs)
            for epochs in (1, 2)
        )
        for name, change in CHANGES.items():
            alarms[name] += change(*(twice if name in EPOCHS else pair)).p_value < 0.05
    # .05 and two and a half standard errors of 120 runs: 6 + 2.5 · 2.4 alarms.
    assert max(alarms.values()) <= 12, alarms


@pytest.mark.slow
@pytest.mark.parametrize("consistency", [0.0, 0.5])
def test_intervals_hold_a_change_as_often_as_they_say(consistency: float) -> None:
    gaps = random_differences(np.random.default_rng(0), 20_000)
    shares = human_shares(gaps, "coin_flip")
    decided = shares[:, :2] / shares[:, :2].sum(axis=1, keepdims=True)
    # Σ_c (q_c - p_c) p_c with q = .9 p + .05; both versions decide nearly every dilemma once.
    even = 0.05 * (2 * decided[:, 0] - 1) ** 2
    truths = {
        "flip_rate": 0.1 * (1 - shares[:, 2]).mean(),
        "agreement": -even.sum() / decided.max(axis=1).sum(),
        "imp_age": MORE[0] - HALF[0],
    }
    for name, truth in truths.items():
        versions = reweighs if name == "imp_age" else changes
        pairs = [both(seed, versions, consistency=consistency) for seed in range(150)]
        # .95 less two and a half standard errors of 150 runs.
        assert coverage([CHANGES[name](*pair).change for pair in pairs], truth) >= 0.905, name


@pytest.mark.slow
@pytest.mark.parametrize("count", [32, 200])
@pytest.mark.parametrize(
    ("case", "truth"),
    [
        # Beta(200, 2) has the mean 200/202; .9 · 2/3 + 1 · 1/3 of it is left, 1/15 less.
        ("coverage falls", -200 / 202 / 15),
        ("coverage stays", 0.0),
        ("few change altogether", -0.05 / 2),
    ],
)
def test_intervals_hold_a_change_of_shares_as_often_as_they_say(
    case: str, truth: float, count: int
) -> None:
    random, found = np.random.default_rng(0), []
    for _ in range(1000):
        old, new = random.beta(30, 2, (2, count))
        if case == "coverage falls":
            old = random.beta(200, 2, count)
            new = old * np.where(random.random(count) < 2 / 3, 0.9, 1.0)
        elif case == "few change altogether":
            old = (random.random(count) < 0.5).astype(np.float64)
            new = old * (random.random(count) >= 0.05)
        found.append(share_change(old, new).change)
    # .95 less two and a half standard errors of 1000 runs.
    assert coverage(found, truth) >= 0.933
