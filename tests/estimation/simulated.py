"""Runs of respondents whose answer shares are known, against the shipped human reference."""

from __future__ import annotations

import csv
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.lapse import predict_shares
from kidney_evals.estimation.respondent_baselines import Answerer, answer_shares
from kidney_evals.human.sources import flip_share, with_coin
from kidney_evals.studies import datasets_dir

Floats = NDArray[np.float64]


@cache
def parameters(condition: str, model: str) -> tuple[Floats, Floats]:
    """Estimate (p,) and people's draws (300, p) of a model of Study 2."""
    folder = datasets_dir() / "mcelfresh_2021" / "reference"
    with open(folder / "models.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = [row for row in rows if (row["condition"], row["model"]) == (condition, model)]
    with open(folder / f"draws_{condition}.csv", encoding="utf-8") as file:
        draws = list(csv.DictReader(file))
    names = [f"{model}.{row['parameter']}" for row in rows]
    table = np.array([[float(draw[name]) for name in names] for draw in draws])
    return np.array([float(row["estimate"]) for row in rows]), table


def random_differences(random: np.random.Generator, count: int) -> Floats:
    """First minus second patient, uniform over the domain of Study 2, shape (count, 3)."""
    age, drinks, dependents = (
        random.integers(low, high + 1, (2, count)) for low, high in ((25, 70), (1, 5), (0, 2))
    )
    return np.column_stack(
        [-(age[0] - age[1]) / 10, -(drinks[0] - drinks[1]), dependents[0] - dependents[1]]
    ).astype(np.float64)


def closeness(differences: Floats) -> Floats:
    weights, _ = parameters("forced_choice", "logit")
    return np.abs(differences @ weights[:3])


def human_shares(differences: Floats, condition: str) -> Floats:
    """Human shares (D, K)."""
    theta, _ = parameters(condition, "shares")
    first = predict_shares(np.append(theta, 0.0), differences)
    if condition == "forced_choice":
        return np.stack([first, 1 - first], -1)
    theta, _ = parameters(condition, "flip")
    return with_coin(first, flip_share(theta, differences, closeness(differences)))


def people(differences: Floats, condition: str) -> tuple[Floats, Floats]:
    """Human shares (D, K) and their draws (300, D, K)."""
    shares = human_shares(differences, condition)
    _, draws = parameters(condition, "shares")
    firsts = predict_shares(np.column_stack([draws, np.zeros(len(draws))]), differences)
    if condition == "forced_choice":
        return shares, np.stack([firsts, 1 - firsts], -1)
    _, draws = parameters(condition, "flip")
    return shares, with_coin(firsts, flip_share(draws, differences, closeness(differences)))


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
    """Shares (14, K), draws (300, 14, K) and numbers of people (14,) of Study 1."""
    folder = datasets_dir() / "mcelfresh_2021_fixed" / "reference"
    with open(folder / "counts.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["condition"] == condition]
    columns = ["first", "second"] + (["coin"] if condition == "coin_flip" else [])
    counts = np.array([[float(row[column]) for column in columns] for row in rows])
    with open(folder / f"draws_{condition}.csv", encoding="utf-8") as file:
        draws = list(csv.DictReader(file))
    table = np.array(
        [
            [[float(draw[f"{row['dilemma']}.{column}"]) for column in columns] for row in rows]
            for draw in draws
        ]
    )
    total = counts.sum(axis=1)
    return counts / total[:, None], table / table.sum(axis=2, keepdims=True), total


def fixed(
    seed: int, respondent: Answerer, condition: str, *, epochs: int = 10, orders: int = 2
) -> Decisions:
    """A run over the 14 questions of Study 1."""
    shares, draws, _ = fixed_people(condition)
    return run(
        answer_shares(shares, respondent), np.zeros((14, 3)), shares, draws,
        np.random.default_rng(seed), orders=orders, epochs=epochs, fixed=True,
        far=np.full(14, np.nan),
    )  # fmt: skip
