"""Laws that every estimate obeys, as one table of estimators and laws.

    relisted   the two patients of every dilemma change places: who is first, and every answer
    shifted    a constant is added to an attribute of all patients
    rescaled   attributes are given in other units
    doubled    every dilemma is there twice, under a second name
    shuffled   the samples come in another order

Each law says how weights (per unit) and pulls towards the first place change; everything else stays
as it is. A cell of the table is the tolerance within which the law holds, a `Near` where it holds
only nearly, or a `Not` where there is no such law. The laws of whole runs are in
`test_run_laws.py`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import kidney_evals.estimation
from kidney_evals.estimation.centrality import centrality
from kidney_evals.estimation.importance import estimate_importance, importance_shares
from kidney_evals.estimation.indecision_family import (
    choose_indecision_model,
    fit_indecision_family,
    fit_naive,
)
from kidney_evals.estimation.indecision_models import MODELS, IndecisionModel, fit_indecision_model
from kidney_evals.estimation.lapse import fit_lapse
from kidney_evals.estimation.latent import fit_latent, nearest_classes
from kidney_evals.estimation.logit import LogitFit, fit_logit, fit_logit_resamples
from kidney_evals.estimation.marginal_effects import (
    Levels,
    attribute_levels,
    chances_of_choices,
    human_marginal_effects,
    marginal_effects,
)
from kidney_evals.estimation.nonlinearity import nonlinearity
from kidney_evals.estimation.random_coefficients import fit_random_coefficients
from kidney_evals.estimation.rank import fit_bradley_terry
from kidney_evals.estimation.thresholds import fit_half_threshold, fit_half_threshold_resamples
from kidney_evals.estimation.ties import fit_davidson, fit_rao_kupper
from kidney_evals.estimation.two_stage import fit_flip_slope, fit_two_stage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

pytestmark = pytest.mark.filterwarnings("error")

COIN = 2
OTHER = np.array([1, 0, COIN])
"""The answer that means the same with the patients listed the other way round, by answer."""


@dataclass(frozen=True)
class Answers:
    """Answers to dilemmas with k attributes, whose values were multiplied by `unit`, shape (k,)."""

    first: Floats
    second: Floats
    choice: Ints
    dilemma: Ints
    order: Ints
    person: Ints
    unit: Floats

    @property
    def x(self) -> Floats:
        return self.first - self.second

    def rows(self, keep: Any) -> Answers:
        parts = ("first", "second", "choice", "dilemma", "order", "person")
        return replace(self, **{name: getattr(self, name)[keep] for name in parts})

    @property
    def decided(self) -> Answers:
        return self.rows(self.choice != COIN)


WEIGHTS = np.array([0.7, -0.5])
SPANS = np.array([4.0, 4.0])
FAR = np.array([3.0, -8.0])
PEOPLE = 12


@lru_cache(maxsize=64)
def answers(seed: int) -> Answers:
    """60 dilemmas in both orders, values 0 to 4, coins where patients are close."""
    random = np.random.default_rng(seed)
    patients = random.integers(0, 5, (2, 60, 2)).astype(np.float64)
    dilemma = np.repeat(np.arange(60), 2)
    first, second = patients[:, dilemma]
    utility = (first - second) @ WEIGHTS + 0.1
    flips = random.random(120) < 1 / (1 + np.exp(0.6 + 0.5 * np.abs(utility)))
    chose = (random.random(120) > 1 / (1 + np.exp(-utility))).astype(np.int64)
    return Answers(
        first, second, np.where(flips, COIN, chose), dilemma, np.tile([0, 1], 60),
        np.arange(120) % PEOPLE, np.ones(2),
    )  # fmt: skip


def relisted(one: Answers) -> Answers:
    return replace(one, first=one.second, second=one.first, choice=OTHER[one.choice])


def shifted(one: Answers) -> Answers:
    return replace(one, first=one.first + FAR, second=one.second + FAR)


def rescaled(one: Answers) -> Answers:
    unit = np.array([12.0, 0.01])
    return replace(one, first=one.first * unit, second=one.second * unit, unit=unit)


def doubled(one: Answers) -> Answers:
    twice = one.rows(np.tile(np.arange(len(one.choice)), 2))
    return replace(twice, dilemma=np.concatenate([one.dilemma, one.dilemma + 1000]))


def shuffled(one: Answers) -> Answers:
    return one.rows(np.random.default_rng(8).permutation(len(one.choice)))


LAWS: dict[str, Callable[[Answers], Answers]] = {
    law.__name__: law for law in (relisted, shifted, rescaled, doubled, shuffled)
}


class Figures(NamedTuple):
    """Results of an estimator: weights per unit, pulls towards the first place, everything else."""

    weights: Any = ()
    pulls: Any = ()
    others: Any = ()


class Near(NamedTuple):
    """The law holds within `tolerance` only."""

    tolerance: float
    why: str


class Not(NamedTuple):
    """There is no such law."""

    why: str


Cell = float | Near | Not


class Row(NamedTuple):
    """One estimator; `examples` is how many sets of answers it is tried on."""

    estimate: Callable[[Answers], Figures]
    relisted: Cell
    shifted: Cell
    rescaled: Cell
    doubled: Cell
    shuffled: Cell
    examples: int = 6


def logit_of(one: Answers, penalty: Any = "firth") -> LogitFit:
    some = one.decided
    return fit_logit(some.x, some.choice == 0, clusters=some.dilemma, penalty=penalty)


def logit(penalty: Any) -> Callable[[Answers], Figures]:
    def estimate(one: Answers) -> Figures:
        fit = logit_of(one, penalty)
        return Figures(fit.weights, fit.intercept)

    return estimate


def logit_resamples(one: Answers) -> Figures:
    some = one.decided
    counts = np.random.default_rng(3).integers(1, 4, (3, 60))[:, some.dilemma % 1000]
    found = fit_logit_resamples(some.x, some.choice == 0, counts, penalty="none")
    return Figures(found[:, :2], found[:, 2])


def shares(one: Answers) -> Figures:
    weights = logit_of(one, "none").weights
    return Figures(others=importance_shares(weights, SPANS * one.unit))


def importance(one: Answers) -> Figures:
    found = estimate_importance(logit_of(one), SPANS * one.unit)
    return Figures(others=[*found.shares, *found.low, *found.high])


def lapse(one: Answers) -> Figures:
    some = one.decided
    fit = fit_lapse(some.x, some.choice == 0, lapse=False)
    return Figures(fit.theta[:-1], others=fit.log_likelihood / fit.n)


def family(one: Answers) -> Figures:
    found = fit_indecision_family(one.first, one.second, one.choice, starts=1)
    rows = sorted(found, key=lambda row: row.model)
    return Figures(others=[row.per_answer for row in rows])


def choice(one: Answers) -> Figures:
    found = choose_indecision_model(one.first, one.second, one.choice, one.dilemma, folds=2)
    rows = sorted(found.contenders, key=lambda row: row.model)
    assert rows, found.reason
    return Figures(others=[row.log_likelihood for row in rows])


def coin_model(fit_model: Callable[..., Any]) -> Callable[[Answers], Figures]:
    def estimate(one: Answers) -> Figures:
        fit = fit_model(one.x, one.choice)
        # An error times the root of the number of answers is the same for every answer twice.
        errors = np.sqrt(np.diag(fit.covariance) * fit.n)[:2] / fit.weights
        return Figures(fit.weights, others=[*fit.theta[2:], fit.log_likelihood / fit.n, *errors])

    return estimate


def indecision(model: IndecisionModel) -> Callable[[Answers], Figures]:
    def estimate(one: Answers) -> Figures:
        fit = fit_indecision_model(model, one.first, one.second, one.choice)
        return Figures(fit.weights, others=[fit.level, fit.log_likelihood / fit.n])

    return estimate


def naive(one: Answers) -> Figures:
    fit = fit_naive(one.choice, intercept=True)
    return Figures(pulls=fit.first - fit.second, others=[fit.coin, fit.log_likelihood / fit.n])


def flip_slope(one: Answers) -> Figures:
    fit = fit_flip_slope(np.abs(one.x / one.unit @ WEIGHTS), one.choice == COIN, one.dilemma)
    return Figures(others=[fit.slope, fit.intercept])


def threshold(one: Answers) -> Figures:
    found = fit_half_threshold(one.x / one.unit @ WEIGHTS, one.choice, one.dilemma)
    return Figures(others=found.value)


def threshold_resamples(one: Answers) -> Figures:
    counts = np.random.default_rng(3).integers(1, 4, (3, 60))[:, one.dilemma % 1000]
    found = fit_half_threshold_resamples(one.x / one.unit @ WEIGHTS, one.choice, counts)
    return Figures(others=found)


def central(one: Answers) -> Figures:
    some = one.decided
    found = centrality(
        some.x, some.choice == 0, some.dilemma, group=[0.6, -0.4], ranges=SPANS * one.unit,
        distances=[0.1, 0.2, 0.3], probabilities=[0.2, 0.5, 0.8], people=50, answers=20,
        resamples=100,
    )  # fmt: skip
    return Figures(others=[found.value, found.low, found.high, found.distance])


def levels(one: Answers) -> list[Levels]:
    return [attribute_levels(column) for column in np.concatenate([one.first, one.second]).T]


def effects(one: Answers) -> Figures:
    found = marginal_effects(
        one.first, one.second, levels(one), [1, -1], np.arange(len(one.choice)),
        chances_of_choices(one.choice),
    )  # fmt: skip
    return Figures(others=[row.effect.value for row in found])


def human_effects(one: Answers) -> Figures:
    people = chances_of_choices(one.choice)
    found = human_marginal_effects(
        one.first, one.second, levels(one), [1, -1], people, np.array([people, 0.9 * people + 0.05])
    )
    return Figures(others=[[row.effect.value, row.effect.low] for row in found])


def nearest(one: Answers) -> Figures:
    up = 1 / (1 + np.exp(-(one.x / one.unit @ WEIGHTS)))
    coin = np.full(len(up), 0.3)
    classes = [
        np.column_stack([0.7 * up, 0.7 * (1 - up), coin]), np.full((len(up), 3), 1 / 3)
    ]  # fmt: skip
    found = nearest_classes([0.6, 0.4], classes, one.choice, one.dilemma)
    return Figures(others=[*found.log_likelihood, *found.expected])


def bends(one: Answers) -> Figures:
    some = one.decided
    values = np.concatenate([one.first, one.second])
    (low, least), (high, most) = values.min(axis=0), values.max(axis=0)
    ends = [[low, high], [most, least]]
    found = nonlinearity(some.first, some.second, some.choice == 0, ends, clusters=some.dilemma)
    return Figures(others=[[one.slope, one.curvature, one.wiggle] for one in found.bends])


def bradley_terry(one: Answers) -> Figures:
    # A patient with more in sum than the other is of another profile.
    level = [np.minimum((side / one.unit).sum(axis=1), 7).astype(int) for side in
             (one.first, one.second)]  # fmt: skip
    apart = level[0] != level[1]
    wins = np.array([[1, 0], [0, 1], [0.5, 0.5]])[one.choice[apart]]
    return Figures(others=fit_bradley_terry(level[0][apart], level[1][apart], wins, 8))


def latent(one: Answers) -> Figures:
    fit = fit_latent(one.x, one.choice, one.person, 1, model="davidson", starts=1)
    return Figures(fit.weights, others=[*fit.log_nu, fit.log_likelihood / fit.n])


@lru_cache(maxsize=4)
def panel(seed: int) -> Answers:
    """20 people who differ decide 20 dilemmas each."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 1, (400, 2))
    own = np.repeat(random.normal([1.0, -1.0], 0.7, (20, 2)), 20, axis=0)
    chose = (random.random(400) > 1 / (1 + np.exp(-(x * own).sum(axis=1)))).astype(np.int64)
    person = np.repeat(np.arange(20), 20)
    return Answers(x, 0 * x, chose, np.arange(400), 0 * person, person, np.ones(2))


def random_coefficients(one: Answers) -> Figures:
    fit = fit_random_coefficients(one.x, one.choice, one.person, model="logit", draws=100)
    return Figures([fit.means, fit.deviations], others=fit.log_likelihood / fit.n)


FIRTH = "Firth's penalty counts as half an answer for each weight, which is less among more answers"
PEOPLE_ANSWER_MORE = Not("people who answer twice as often show more of how they differ")
NO_UNITS = Not("takes no attribute's values")
DIFFERENCES = 0.0
"""Tolerance: a constant does not change whole-numbered differences, and so no digit."""

TABLE: dict[str, Row] = {
    #                            relisted shifted rescaled doubled shuffled
    "fit_logit, none": Row(logit("none"), 1e-8, DIFFERENCES, 1e-8, 1e-8, 1e-9),
    "fit_logit, firth": Row(logit("firth"), 1e-8, DIFFERENCES, 1e-8, Near(0.05, FIRTH), 1e-9),
    "fit_logit_resamples": Row(logit_resamples, 1e-7, DIFFERENCES, 1e-7, 1e-7, 1e-7),
    "importance_shares": Row(shares, 1e-8, DIFFERENCES, 1e-8, 1e-8, 1e-9),
    "estimate_importance": Row(
        importance, 1e-8, DIFFERENCES, 1e-8,
        Near(0.3, "twice the dilemmas have narrower intervals; and " + FIRTH), 1e-9,
    ),
    "fit_lapse": Row(lapse, 1e-8, DIFFERENCES, 1e-8, 1e-8, 1e-9),
    "fit_davidson": Row(coin_model(fit_davidson), 1e-7, DIFFERENCES, 1e-7, 1e-7, 1e-9),
    "fit_rao_kupper": Row(coin_model(fit_rao_kupper), 1e-7, DIFFERENCES, 1e-7, 1e-7, 1e-9),
    "fit_two_stage": Row(coin_model(fit_two_stage), 1e-7, DIFFERENCES, 1e-7, 1e-7, 1e-9),
    **{
        f"fit_indecision_model, {model}": Row(indecision(model), 1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 2)
        for model in MODELS
    },
    "fit_indecision_family": Row(family, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 2),
    "choose_indecision_model": Row(
        choice, 1e-5, 1e-5, 1e-5,
        Not("which dilemmas are held out changes with their number"), 1e-5, 1,
    ),
    "fit_naive": Row(naive, 1e-12, NO_UNITS, NO_UNITS, 1e-12, 0.0),
    "fit_flip_slope": Row(flip_slope, 1e-8, DIFFERENCES, 1e-8, Near(0.1, FIRTH), 1e-9),
    "fit_half_threshold": Row(threshold, 1e-7, DIFFERENCES, 1e-7, Near(0.3, FIRTH), 1e-7),
    "fit_half_threshold_resamples": Row(
        threshold_resamples, 1e-6, DIFFERENCES, 1e-6, Near(0.3, FIRTH), 1e-6
    ),
    "centrality": Row(
        central, 1e-7, DIFFERENCES, 1e-7,
        Not("a person's worth of answers is drawn at random from other dilemmas"), 0.0, 3,
    ),
    "marginal_effects": Row(effects, 1e-9, 1e-9, 1e-9, 1e-9, 1e-9),
    "human_marginal_effects": Row(human_effects, 1e-9, 1e-9, 1e-9, 1e-9, 1e-9),
    "nonlinearity": Row(bends, 1e-6, 1e-6, 1e-6, Near(0.5, FIRTH), 1e-6),
    "nearest_classes": Row(nearest, 1e-10, DIFFERENCES, 1e-10, 1e-10, 1e-10),
    "fit_bradley_terry": Row(
        bradley_terry, 1e-9, NO_UNITS, 1e-9,
        Near(0.7, "the ridge weighs less among more answers"), 1e-9,
    ),
    "fit_latent": Row(
        latent, 1e-6, DIFFERENCES,
        Not("the prior on a weight is in the unit in which the weight is"),
        Near(0.05, "the prior weighs less among more answers"), 1e-6, 1,
    ),
    "fit_random_coefficients": Row(
        random_coefficients, 1e-5, 1e-5, 1e-5, PEOPLE_ANSWER_MORE, 0.0, 1
    ),
}  # fmt: skip
"""Every public estimator that takes answers one by one, but for `variance_shares`, which also needs
wordings: the laws of the shares are in `test_variance_shares.py`."""


def compare(found: Figures, expected: Figures, law: str, unit: Floats, within: float) -> None:
    turn = -1 if law == "relisted" else 1
    pairs = (
        (found.weights * unit if np.size(found.weights) else [], expected.weights),
        (turn * np.asarray(found.pulls), expected.pulls),
        (found.others, expected.others),
    )
    for ours, theirs in pairs:
        np.testing.assert_allclose(
            np.asarray(ours), np.asarray(theirs), rtol=within, atol=within, err_msg=law
        )


@pytest.mark.parametrize("name", TABLE)
def test_laws_of_an_estimator(name: str) -> None:
    row = TABLE[name]
    sample = panel if name == "fit_random_coefficients" else answers

    @settings(max_examples=row.examples, deadline=None, derandomize=True, database=None)
    @given(seed=st.integers(0, 10_000))
    def hold(seed: int) -> None:
        one = sample(seed)
        expected = row.estimate(one)
        for law, change in LAWS.items():
            cell = getattr(row, law)
            if isinstance(cell, float | Near):
                other = change(one)
                within = cell.tolerance if isinstance(cell, Near) else cell
                compare(row.estimate(other), expected, law, other.unit, within)

    hold()


def public() -> dict[str, Any]:
    """Every public function and class of `kidney_evals.estimation`, by name."""
    found = {}
    for module in pkgutil.iter_modules(kidney_evals.estimation.__path__):
        if not module.name.startswith("_"):
            loaded = importlib.import_module(f"kidney_evals.estimation.{module.name}")
            for name, one in inspect.getmembers(loaded, callable):
                if not name.startswith("_") and one.__module__ == loaded.__name__:
                    found[name] = one
    return found


def test_every_estimator_has_a_row_in_the_table() -> None:
    answers_one_by_one = {"choices", "chose_first", "flipped", "outcome", "outcomes", "wins"}
    estimators = {
        name
        for name, one in public().items()
        if not inspect.isclass(one) and answers_one_by_one & set(inspect.signature(one).parameters)
    }
    # The first two only recode answers.
    estimators -= {"one_hot", "chances_of_choices", "variance_shares"}
    assert estimators <= {name.split(",")[0] for name in TABLE} <= set(public())
