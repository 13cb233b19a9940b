"""Runs of respondents whose answer shares are known, against the shipped human reference."""

from collections.abc import Iterable
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.respondent_baselines import Answerer, answer_shares
from kidney_evals.human.reference import load_reference
from kidney_evals.human.sources import ModelShares
from kidney_evals.studies import Condition, dilemmas_of, load_study

Floats = NDArray[np.float64]


@cache
def source(condition: str) -> ModelShares:
    """The source of human shares of `mcelfresh_2021` (Study 2)."""
    found = load_reference(load_study("mcelfresh_2021"), cast(Condition, condition)).source
    assert isinstance(found, ModelShares)
    return found


def random_differences(random: np.random.Generator, count: int) -> Floats:
    """First minus second patient, uniform over the domain of Study 2, shape (count, 3)."""
    age, drinks, dependents = (
        random.integers(low, high + 1, (2, count)) for low, high in ((25, 70), (1, 5), (0, 2))
    )
    return np.column_stack(
        [-(age[0] - age[1]) / 10, -(drinks[0] - drinks[1]), dependents[0] - dependents[1]]
    ).astype(np.float64)


def both_orders(random: np.random.Generator, count: int) -> tuple[Floats, NDArray[np.int64]]:
    """Differences of `count` dilemmas as listed and swapped, (2 · count, 3), and their numbers."""
    differences = random_differences(random, count)
    return np.vstack([differences, -differences]), np.tile(np.arange(count), 2)


def closeness(differences: Floats) -> Floats:
    return np.abs(differences @ source("forced_choice").strict_weights)


def patients(differences: Floats) -> tuple[Floats, Floats]:
    """Patients with these differences, as far above the middle of each range as below it."""
    middle = [
        sum(map(one.favour, one.ends)) / 2 for one in source("forced_choice").study.attributes
    ]
    return middle + differences / 2, middle - differences / 2


def human_shares(differences: Floats, condition: str) -> Floats:
    """Human shares (D, K)."""
    return source(condition).predict(*patients(differences))


def people(differences: Floats, condition: str) -> tuple[Floats, Floats]:
    """Human shares (D, K) and their draws (300, D, K)."""
    draws = source(condition).predict(*patients(differences), draws=True)
    return human_shares(differences, condition), draws


def people_drawn_again(
    random: np.random.Generator, differences: Floats, condition: str
) -> tuple[Floats, Floats]:
    """Shares of one draw of people, (D, K), and the 300 draws, shifted to lie around them."""
    shares, draws = people(differences, condition)
    estimate = draws[random.integers(len(draws))]
    around = np.clip(draws - shares + estimate, 1e-4, None)
    return estimate, around / around.sum(axis=-1, keepdims=True)


def answer(random: np.random.Generator, shares: Floats) -> NDArray[np.int64]:
    """One answer from each row of shares."""
    uniform = random.random((len(shares), 1))
    picked = (shares.cumsum(axis=1) < uniform).sum(axis=1)
    return np.asarray(np.minimum(picked, shares.shape[1] - 1), dtype=np.int64)


def run(
    answers: Floats,
    differences: Floats,
    shares: Floats,
    draws: Floats | None,
    random: np.random.Generator,
    *,
    orders: int = 2,
    epochs: int = 1,
    fixed: bool = False,
    far: Floats | None = None,
) -> Decisions:
    """A run of somebody who draws each answer from `answers`, (D, K) or by order (2, D, K)."""
    count = len(differences)
    by_order = np.broadcast_to(answers, (2, *shares.shape))
    cells = [(order, epoch) for order in range(orders) for epoch in range(epochs)]
    return Decisions(
        dilemma=np.tile(np.arange(count), len(cells)),
        order=np.repeat([order for order, _ in cells], count),
        epoch=np.repeat([epoch for _, epoch in cells], count),
        choice=np.concatenate([answer(random, by_order[order]) for order, _ in cells]),
        differences=differences,
        shares=shares,
        share_draws=draws,
        closeness=closeness(differences) if far is None else far,
        fixed=fixed,
    )


def coverage(found: Iterable[Any], truth: float) -> float:
    """Share of intervals that hold the truth."""
    return float(np.mean([one.low <= truth <= one.high for one in found]))


def drawn(
    seed: int,
    respondent: Answerer = "one_person",
    condition: str = "forced_choice",
    count: int = 200,
    *,
    orders: int = 2,
    epochs: int = 1,
    human_error: bool = True,
) -> Decisions:
    """A run over freshly drawn dilemmas of one of the baseline answerers."""
    random = np.random.default_rng(seed)
    differences = random_differences(random, count)
    shares = human_shares(differences, condition)
    draws = people(differences, condition)[1] if human_error else None
    answers = answer_shares(shares, respondent)
    return run(answers, differences, shares, draws, random, orders=orders, epochs=epochs)


@cache
def fixed_people(condition: str) -> tuple[Floats, Floats, Floats]:
    """Shares (14, K), draws (300, 14, K) and numbers of people (14,) of `mcelfresh_2021_fixed`."""
    reference = load_reference(load_study("mcelfresh_2021_fixed"), cast(Condition, condition))
    dilemmas = dilemmas_of(reference.study, None, None)
    draws = np.asarray(reference.share_draws(dilemmas), dtype=np.float64)
    return reference.shares(dilemmas), draws, reference.counts(dilemmas).sum(axis=1)


def fixed(
    seed: int, respondent: Answerer, condition: str, *, epochs: int = 10, orders: int = 2
) -> Decisions:
    """A run over the 14 questions of `mcelfresh_2021_fixed`."""
    shares, draws, _ = fixed_people(condition)
    return run(
        answer_shares(shares, respondent), np.zeros((14, 3)), shares, draws,
        np.random.default_rng(seed), orders=orders, epochs=epochs, fixed=True,
        far=np.full(14, np.nan),
    )  # fmt: skip
