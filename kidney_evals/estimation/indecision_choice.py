"""Which model of indecision describes a respondent best, and when that cannot be told.

Every model is fitted to nine tenths of the dilemmas and judged on the rest by its log-likelihood,
tenth by tenth, so that no model gains by its number of parameters. The best stands against every
other by the difference summed within dilemmas, which are the clusters. **The rule**: a model
describes the answers best if it beats each of the others at 5 %, one-sided and divided by their
number (Bonferroni); otherwise those it does not beat stay beside it and nothing more can be told.
Nor can it where decisions follow a rule without error, since a model without a finite fit is not
beaten by one that has one.
Constant rates are one of the models: where they stay, coins do not depend on the patients beyond
chance. Orders are pooled, so that no model has a pull of the first place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._checks import Floats, Ints
from kidney_evals.estimation._sandwich import cluster_sums
from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.estimation.indecision_family import fit_naive
from kidney_evals.estimation.indecision_models import MODELS, IndecisionModel, fit_indecision_model
from kidney_evals.estimation.intervals import NAN
from kidney_evals.estimation.ties import DavidsonFit, RaoKupperFit, fit_davidson, fit_rao_kupper
from kidney_evals.estimation.two_stage import TwoStageFit, fit_two_stage

FOLDS: Final = 10
"""Parts of the dilemmas, each of which is held out once."""

LEAST: Final = 20
"""Coins, and decisions, below which no comparison is tried."""

_LEVEL = 0.05
_STARTS = 2

NAMES: Final[tuple[str, ...]] = (
    "naive",
    *(model for model in MODELS if model != "min_delta"),
    "davidson",
    "rao_kupper",
    "two_stage",
)
"""Models that are compared. Min-δ is Davidson's model in its free form and stands under that."""


@dataclass(frozen=True)
class Contender:
    """One model among the others.

    Attributes:
        model: Its name in `NAMES`.
        log_likelihood: Held out, mean per answer; NaN where the model could not be fitted.
        behind: How much less than the best one's, per answer; 0 for the best.
        error: Standard error of `behind`, clustered by dilemma.
        p_value: One-sided, of the best being no better; before the division by Bonferroni. NaN
            for the best.
        failure: Why there is no fit, else empty.
    """

    model: str
    log_likelihood: float
    behind: float
    error: float
    p_value: float
    failure: str


@dataclass(frozen=True)
class IndecisionChoice:
    """The verdict.

    Attributes:
        best: The model that describes the answers best; None where that cannot be told.
        possible: Models that cannot be ruled out, the best-fitting first; `(best,)` where there
            is one; empty where nothing could be compared.
        reason: Why nothing can be told, in a few words; empty where there is a verdict.
        contenders: Every model, the best-fitting first, those without a fit last.
        coins: Coin answers.
        n: Answers.
        dilemmas: Dilemmas.
    """

    best: str | None
    possible: tuple[str, ...]
    reason: str
    contenders: tuple[Contender, ...]
    coins: int
    n: int
    dilemmas: int


def choose_indecision_model(
    first: ArrayLike,
    second: ArrayLike,
    choices: ArrayLike,
    dilemmas: ArrayLike,
    *,
    folds: int = FOLDS,
    seed: int = 0,
) -> IndecisionChoice:
    """Return which model of indecision describes the answers best, or that none can be told.

    Args:
        first: Values of the first patient of each answer's dilemma, shape (n, k).
        second: Values of the second patient, shape (n, k).
        choices: 0 first, 1 second, 2 coin, shape (n,).
        dilemmas: Label of each answer's dilemma, shape (n,).
        folds: Into how many parts dilemmas are dealt.
        seed: Of the deal and of the starting points.

    Raises:
        InputError: Wrong shapes or values, fewer than two folds.
    """
    one, two = _checks.matrix(first, "first"), _checks.matrix(second, "second")
    if one.shape != two.shape:
        raise InputError(f"first has shape {one.shape}, second {two.shape}: they must agree")
    n = len(one)
    choice = _checks.codes(choices, n, "choices", (0, 1, 2))
    index, count = _checks.groups(dilemmas, n, "dilemmas")
    folds, seed = _checks.whole(folds, "folds", 2), _checks.whole(seed, "seed", 0)
    coins = int((choice == 2).sum())

    def nothing(reason: str, contenders: tuple[Contender, ...] = ()) -> IndecisionChoice:
        return IndecisionChoice(None, (), reason, contenders, coins, n, count)

    if min(coins, n - coins) < LEAST:
        few = "coins" if coins <= n - coins else "decisions"
        return nothing(f"only {min(coins, n - coins)} {few}, {LEAST} are needed")
    if count < 2 * folds:
        return nothing(f"only {count} dilemmas, {2 * folds} are needed")
    part = np.random.Generator(np.random.PCG64(seed)).permutation(count)[index] % folds
    logs: dict[str, Floats] = {}
    failures: dict[str, str] = {}
    for model in NAMES:
        try:
            logs[model] = _held_out(_fitter(model, seed), one, two, choice, part)
        except FitError as error:
            failures[model] = str(error)
    failed = [Contender(name, NAN, NAN, NAN, NAN, why) for name, why in failures.items()]
    ranked = _ranked(logs, index, n)
    everyone = (*ranked, *failed)
    if set(logs) <= {"naive", "random"}:
        return nothing("the models have no finite fit: " + failures["davidson"], everyone)
    limit = _LEVEL / (len(ranked) - 1)
    possible = tuple(one.model for one in ranked if not one.p_value < limit)
    if failed:
        reason = "a rule explains the decisions, so that some models have no finite fit"
        return IndecisionChoice(None, possible, reason, everyone, coins, n, count)
    if len(possible) == 1:
        return IndecisionChoice(possible[0], possible, "", everyone, coins, n, count)
    return IndecisionChoice(
        None, possible, "others fit as well within chance", everyone, coins, n, count
    )


Predict = Callable[[Floats, Floats], Floats]
"""From both patients' values to P(first), P(second), P(coin)."""

Fitter = Callable[[Floats, Floats, Ints], Predict]


def _fitter(model: str, seed: int) -> Fitter:
    """Return what fits a model to (first, second, choices) and gives its predictions back."""
    if model == "naive":

        def constant(one: Floats, two: Floats, choice: Ints) -> Predict:
            fit = fit_naive(choice)
            return lambda a, b: np.tile([fit.first, fit.second, fit.coin], (len(a), 1))

        return constant
    if model in MODELS:
        named: IndecisionModel = model

        def member(one: Floats, two: Floats, choice: Ints) -> Predict:
            return fit_indecision_model(named, one, two, choice, starts=_STARTS, seed=seed).predict

        return member
    fits: dict[str, Callable[[Floats, Ints], DavidsonFit | RaoKupperFit | TwoStageFit]] = {
        "davidson": fit_davidson, "rao_kupper": fit_rao_kupper, "two_stage": fit_two_stage
    }  # fmt: skip

    def on_differences(one: Floats, two: Floats, choice: Ints) -> Predict:
        fit = fits[model](one - two, choice)
        return lambda a, b: fit.predict(a - b)

    return on_differences


def _held_out(fitter: Fitter, one: Floats, two: Floats, choice: Ints, part: Ints) -> Floats:
    """Return each answer's log-probability under the fit to the other parts, shape (n,)."""
    logs = np.empty(len(choice))
    for fold in np.unique(part):
        out = part == fold
        shares = fitter(one[~out], two[~out], choice[~out])(one[out], two[out])
        taken = shares[np.arange(out.sum()), choice[out]]
        logs[out] = np.log(np.maximum(taken, 1e-12))
    return logs


def _ranked(logs: dict[str, Floats], index: Ints, n: int) -> tuple[Contender, ...]:
    from scipy.special import stdtr

    order = sorted(logs, key=lambda model: -float(logs[model].sum()))
    rows = []
    for model in order:
        gap = cluster_sums((logs[order[0]] - logs[model])[:, None], index, int(index.max()) + 1)
        total = gap[:, 0]
        error = float(np.sqrt(len(total) * total.var(ddof=1)))
        ahead = float(total.sum())
        p_value = float(stdtr(len(total) - 1, -ahead / error)) if error > 0 else NAN
        rows.append(Contender(model, float(logs[model].mean()), ahead / n, error / n, p_value, ""))
    return tuple(rows)
