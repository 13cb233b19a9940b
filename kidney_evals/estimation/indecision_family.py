"""Fits of all models of the coin to the same answers, ordered by log-likelihood."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import CoinFit
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.indecision_models import MODELS, STARTS, Form, fit_indecision_model
from kidney_evals.estimation.intervals import NAN
from kidney_evals.estimation.ties import fit_davidson, fit_rao_kupper
from kidney_evals.estimation.two_stage import fit_two_stage


class NaiveFit(NamedTuple):
    """Constant rates, the baseline; P(first) = P(second) unless `intercept` was given."""

    first: float
    second: float
    coin: float
    log_likelihood: float
    n: int

    def shares(self, differences: Floats, mean: Floats) -> Floats:
        """Return P(first), P(second), P(coin) of each row, (n, 3); see `CoinFit.shares`."""
        return np.tile([self.first, self.second, self.coin], (len(differences), 1))


AnyFit = CoinFit | NaiveFit
"""A fit of any model of the family."""


class FamilyRow(NamedTuple):
    """The fit of one model; without a finite fit `fit` is None and `failure` is the reason.

    `model` is one of `MODELS`, `davidson`, `rao_kupper`, `two_stage` or `naive`; `per_answer` is
    the mean log-likelihood of an answer, NaN without a fit.
    """

    model: str
    per_answer: float
    fit: AnyFit | None
    failure: str


class IndecisionFamily(NamedTuple):
    """The fits of all models by decreasing log-likelihood; models without a fit come last."""

    rows: tuple[FamilyRow, ...]

    def row(self, model: str) -> FamilyRow:
        """Return the row of a model."""
        return next(row for row in self.rows if row.model == model)


def fit_naive(choices: ArrayLike, *, intercept: bool = False) -> NaiveFit:
    """Fit constant rates to answers (0 first, 1 second, 2 coin); arguments as in `fit_davidson`."""
    n = _checks.length(choices, "choices")
    counts = np.bincount(_checks.codes(choices, n, "choices", (0, 1, 2)), minlength=3) / n
    if not intercept:
        counts[:2] = counts[:2].mean()
    taken = counts[counts > 0]
    first, second, coin = counts.tolist()
    return NaiveFit(first, second, coin, n * float(taken @ np.log(taken)), n)


def fit_indecision_family(
    first: ArrayLike,
    second: ArrayLike,
    choices: ArrayLike,
    *,
    form: Form = "free",
    clusters: ArrayLike | None = None,
    starts: int = STARTS,
    seed: int = 0,
) -> IndecisionFamily:
    """Fit every model of indecision to the same answers.

    Arguments as in `fit_indecision_model`; `form` applies to the models of McElfresh et al. The row
    of a model without a finite maximum gives the reason.

    Raises:
        FitError: No coin or only coins.
    """
    one, two = _checks.pair(first, second)
    x, n = one - two, len(one)
    choice = _checks.answers_with_coin(choices, n, "a comparison of indecision models")

    options: Any = {"form": form, "clusters": clusters, "starts": starts, "seed": seed}
    fits: dict[str, Callable[[], AnyFit]] = {
        **{
            name: partial(fit_indecision_model, name, one, two, choice, **options)
            for name in MODELS
        },
        "davidson": partial(fit_davidson, x, choice, clusters=clusters),
        "rao_kupper": partial(fit_rao_kupper, x, choice, clusters=clusters),
        "two_stage": partial(fit_two_stage, x, choice, clusters=clusters),
        "naive": partial(fit_naive, choice),
    }
    rows = []
    for name, attempt in fits.items():
        try:
            fit = attempt()
            rows.append(FamilyRow(name, fit.log_likelihood / n, fit, ""))
        except FitError as error:
            rows.append(FamilyRow(name, NAN, None, str(error)))
    rows.sort(key=lambda row: -row.per_answer if row.fit else np.inf)
    return IndecisionFamily(tuple(rows))
