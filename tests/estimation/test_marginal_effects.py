"""Average marginal component effects: means by hand, enumeration, a second library, laws."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import t

from estimation.simulated import answer
from kidney_evals.estimation.marginal_effects import (
    MarginalEffect,
    attribute_levels,
    chances_of_choices,
    chances_of_shares,
    human_marginal_effects,
    marginal_effects,
)

Effects = tuple[MarginalEffect, ...]

AGES, DRINKS, DEPENDENTS = np.arange(25, 71), np.arange(1, 6), np.arange(3)
LEVELS = tuple(attribute_levels(values) for values in (AGES, DRINKS, DEPENDENTS))
FAVOURED = (-1, -1, 1)
LABELS = [
    (0, "40 to 54", "55 to 70"), (0, "25 to 39", "55 to 70"),
    (1, "4", "5"), (1, "3", "5"), (1, "2", "5"), (1, "1", "5"),
    (2, "1", "0"), (2, "2", "0"),
]  # fmt: skip


def draw(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    both = np.stack([random.choice(v, (2, count)) for v in (AGES, DRINKS, DEPENDENTS)], axis=-1)
    return both[0].astype(float), both[1].astype(float)


def shares(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Shares of (first, second, coin), the coin likelier between close patients.

    The utility has a threshold in age and an interaction, so that no logit is linear in it.
    """
    utility = [
        1.5 * (age < 50) - 0.4 * drinks + (0.3 + 0.4 * (age < 50)) * dependents
        for age, drinks, dependents in (np.moveaxis(side, -1, 0) for side in (first, second))
    ]
    gap = utility[0] - utility[1]
    coin = 0.4 * np.exp(-np.abs(gap))
    return np.stack([(1 - coin) * expit(gap), (1 - coin) * expit(-gap), coin], axis=-1)


def truth() -> np.ndarray:
    """The effects by enumeration of all 690 × 690 pairs of patients."""
    grid = np.stack(np.meshgrid(AGES, DRINKS, DEPENDENTS, indexing="ij"), -1).reshape(-1, 3)
    chance = np.array([chances_of_shares(shares(one, grid)).mean() for one in grid.astype(float)])
    effects = []
    for attribute, level, base in LABELS:
        code = LEVELS[attribute].code(grid[:, attribute])
        names = LEVELS[attribute].labels
        means = [chance[code == names.index(name)].mean() for name in (level, base)]
        effects.append(means[0] - means[1])
    return np.array(effects)


def run(seed: int, count: int, orders: int = 2) -> tuple[Any, ...]:
    random = np.random.default_rng(seed)
    first, second = draw(random, count)
    dilemma = np.tile(np.arange(count), orders)
    choice = answer(random, shares(first, second)[dilemma])
    return first, second, LEVELS, FAVOURED, dilemma, chances_of_choices(choice)


def estimates(found: Effects) -> np.ndarray:
    return np.array([row.effect[:3] for row in found])


def test_levels_are_few_values_or_bands() -> None:
    assert LEVELS[1].labels == ("1", "2", "3", "4", "5") and LEVELS[1].exact
    # 45 years in three: cuts at 40 and 55.
    assert LEVELS[0].labels == ("25 to 39", "40 to 54", "55 to 70") and not LEVELS[0].exact
    assert LEVELS[0].code([25, 39.9, 40, 54, 55, 70]).tolist() == [0, 0, 1, 1, 2, 2]
    # A band that holds no value is no level, one that holds one is named after it.
    assert attribute_levels([0, 1, 2, 3, 4, 5, 30]).labels == ("0 to 5", "30")
    assert attribute_levels([3, 1, 1, 2]).labels == ("1", "2", "3")


def test_effects_are_differences_of_means() -> None:
    # One binary attribute. Patients at 1 get 1, 1 and ½, those at 0 get 0, 0 and ½ from pairs
    # that differ; the pair of equals adds 1 and 0 at 1. Means: 3.5/5 and .5/3.
    first, second = [[1.0], [0.0], [1.0], [1.0]], [[0.0], [1.0], [0.0], [1.0]]
    found = marginal_effects(
        first, second, [attribute_levels([0, 1])], [1], range(4), chances_of_choices([0, 1, 2, 0])
    )
    (row,) = found
    assert row[:3] == (0, "1", "0")
    assert row.effect.value == pytest.approx(0.7 - 1 / 6)
    assert row.effect.n == 4
    np.testing.assert_allclose(chances_of_shares([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]]), [0.35, 1.0])
    np.testing.assert_allclose(chances_of_shares([0.2, 0.8]), 0.2)


@pytest.mark.parametrize("count", [30, 80])
def test_agrees_with_statsmodels(count: int) -> None:
    api = pytest.importorskip("statsmodels.api")
    first, second, levels, favoured, dilemma, outcome = run(2, count)
    # Dilemmas that show the level and its base: the fewer, minus 1, are the degrees of freedom.
    columns, freedom = [], []
    for attribute, *names in LABELS:
        one = levels[attribute]
        at = [
            [one.code(side[:, attribute]) == one.labels.index(name) for side in (first, second)]
            for name in names
        ]
        columns.append(at[0])
        freedom.append(min((sides[0] | sides[1]).sum() for sides in at) - 1)
    dummies = np.array(columns).transpose(1, 2, 0)
    design = api.add_constant(np.vstack([side[dilemma] for side in dummies]).astype(float))
    random = np.random.default_rng(2)
    for w in (np.ones(len(outcome)), random.integers(1, 4, len(outcome)).astype(float)):
        fit = api.WLS(np.concatenate([outcome, 1 - outcome]), design, np.tile(w, 2)).fit(
            cov_type="cluster", cov_kwds={"groups": np.tile(dilemma, 2)}
        )
        found = estimates(marginal_effects(first, second, levels, favoured, dilemma, outcome, w))
        np.testing.assert_allclose(found[:, 0], fit.params[1:], atol=1e-10)
        half = t.ppf(0.975, freedom) * fit.bse[1:]
        np.testing.assert_allclose(found[:, 2] - found[:, 0], half, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_laws(seed: int) -> None:
    first, second, levels, favoured, dilemma, outcome = run(seed, 60)

    def fit(y: np.ndarray, one: Any = first, two: Any = second, **more: Any) -> Effects:
        arguments = {"levels": levels, "favoured": favoured, "dilemma": dilemma} | more
        return marginal_effects(one, two, outcome=y, **arguments)

    def same(found: np.ndarray, wanted: np.ndarray) -> None:
        np.testing.assert_allclose(found, wanted, atol=1e-10)

    expected = fit(outcome)
    table = estimates(expected)
    # Who is listed first does not matter.
    same(estimates(fit(1 - outcome, second, first)), table)
    # Reversed choices reverse every effect, and with it the interval.
    same(-estimates(fit(1 - outcome))[:, [0, 2, 1]], table)
    # Half of every departure from ½ halves every effect.
    same(estimates(fit(0.25 + 0.5 * outcome)), 0.5 * table)
    # The order of answers changes no digit.
    order = np.random.default_rng(seed).permutation(len(outcome))
    assert fit(outcome[order], dilemma=dilemma[order]) == expected
    # Another direction of favour changes the bases: the whole range changes its sign.
    turned = fit(outcome, favoured=(1, 1, -1))
    assert turned[1].effect.value == pytest.approx(-expected[1].effect.value)
    # A weight of two is an answer given twice.
    same(estimates(fit(outcome, weights=np.full(120, 2.0)))[:, 0], table[:, 0])


def test_people_on_the_same_dilemmas() -> None:
    random = np.random.default_rng(3)
    first, second = draw(random, 150)
    theirs = chances_of_shares(shares(first, second))
    draws = np.clip(theirs + random.normal(0, 0.03, (400, 1)) * (theirs - 0.5), 0, 1)
    found = human_marginal_effects(first, second, LEVELS, FAVOURED, theirs, draws)
    # Somebody whose answers are people's expected outcomes has people's effects.
    same = marginal_effects(first, second, LEVELS, FAVOURED, np.arange(150), theirs)
    np.testing.assert_allclose(estimates(found)[:, 0], estimates(same)[:, 0], atol=1e-12)
    # A draw that moves all chances off ½ by a share s scales every effect by 1 + s.
    ends = np.quantile(random.normal(0, 0.03, 100_000), [0.025, 0.975])
    effect = estimates(found)[1]
    np.testing.assert_allclose(effect[1:] / effect[0] - 1, ends, atol=0.012)
    # Weights are numbers of answers; nobody need have answered what counts for nothing.
    weights = np.where(np.arange(150) < 100, 2.0, 0.0)
    part = human_marginal_effects(
        first, second, LEVELS, FAVOURED, np.where(weights > 0, theirs, np.nan), draws, weights
    )
    alone = human_marginal_effects(
        first[:100], second[:100], LEVELS, FAVOURED, theirs[:100], draws[:, :100]
    )
    np.testing.assert_allclose(estimates(part), estimates(alone), atol=1e-12)
    # Without draws there is an estimate and no interval.
    bare = human_marginal_effects(first, second, LEVELS, FAVOURED, theirs, np.empty((0, 150)))
    assert np.isfinite(estimates(bare)[:, 0]).all() and np.isnan(estimates(bare)[:, 1:]).all()


def test_what_the_answers_do_not_determine_is_nan() -> None:
    binary, three = attribute_levels([0, 1]), attribute_levels([0, 1, 2])
    random = np.random.default_rng(4)
    x, other = random.integers(0, 2, (2, 2, 50, 1)).astype(float)
    y, each = random.integers(0, 2, 50), range(50)
    # A level that nobody shows, and then a base that nobody shows.
    unseen = marginal_effects(x[0], x[1], [three], [1], each, y)
    assert np.isnan(estimates(unseen)[1]).all() and unseen[1].effect.n == 0
    assert np.isfinite(estimates(unseen)[0]).all()
    baseless = marginal_effects(x[0], x[1], [three], [-1], each, y)
    assert np.isnan(estimates(baseless)).all()
    # Two attributes that always agree cannot be told apart; a third one can.
    pair = np.concatenate([x, x, other], axis=2)
    tied = estimates(marginal_effects(pair[0], pair[1], [binary] * 3, [1, 1, 1], each, y))
    assert np.isnan(tied[:2]).all() and np.isfinite(tied[2]).all()
    # No interval without variation.
    first, second, levels, favoured, dilemma, _ = run(5, 60)
    coins = marginal_effects(first, second, levels, favoured, dilemma, np.full(120, 0.5))
    np.testing.assert_allclose(estimates(coins)[:, 0], 0, atol=1e-12)
    assert np.isnan(estimates(coins)[:, 1:]).all()


def test_effects_are_those_of_the_enumeration_and_intervals_cover_them() -> None:
    expected, runs = truth(), 150
    fits = [marginal_effects(*run(seed, 50)) for seed in range(runs)]
    # From the least favoured level up.
    assert [row[:3] for row in fits[0]] == LABELS
    found = np.array([estimates(fit) for fit in fits])
    covered = (found[:, :, 1] <= expected) & (expected <= found[:, :, 2])
    assert 0.93 < covered.mean() < 0.97
    assert (covered.mean(axis=0) > 0.89).all()
    np.testing.assert_allclose(found[:, :, 0].mean(axis=0), expected, atol=0.02)
