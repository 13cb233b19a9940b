"""Fits of all models of the coin to the same answers, and their comparison by cross-validation.

In the comparison every model is fitted to nine of ten folds of the dilemmas and evaluated on the
tenth by its log-likelihood, so that more parameters give no advantage. The model with the highest
log-likelihood is compared with each other model by the difference, clustered by dilemma.

**The rule**: the model with the highest log-likelihood is the best if each of these comparisons is
significant, one-sided, at 5 % divided by the number of comparisons (Bonferroni). Otherwise the
models that it does not beat remain possible. There is also no best model if a rule explains every
decision, since a model without a finite fit cannot be beaten. If constant rates, one of the models,
remain possible, the answers do not show that coins depend on the patients.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import CoinFit
from kidney_evals.estimation._fit import cluster_sums
from kidney_evals.estimation.arrays import Floats, Ints
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.indecision_models import MODELS, STARTS, Form, fit_indecision_model
from kidney_evals.estimation.intervals import NAN
from kidney_evals.estimation.ties import fit_davidson, fit_rao_kupper
from kidney_evals.estimation.two_stage import fit_two_stage

LEAST: Final = 20
"""Smallest number of coins, and of decisions, for a comparison."""


class NaiveFit(NamedTuple):
    """Constant answer rates, the baseline of the comparison.

    Attributes:
        first: P(first patient), equal to `second` unless they were fitted with `intercept`.
        second: P(second patient).
        coin: P(coin).
        log_likelihood: At these rates, of all answers.
        n: Number of answers.
    """

    first: float
    second: float
    coin: float
    log_likelihood: float
    n: int

    def shares(self, differences: Floats, mean: Floats) -> Floats:
        """Return P(first), P(second), P(coin) for each row of `differences`, shape (n, 3).

        The rows are equal. The arguments are those of `CoinFit.shares`; their values are not used.
        """
        return np.tile([self.first, self.second, self.coin], (len(differences), 1))


AnyFit = CoinFit | NaiveFit
"""A fit of any model of `fit_indecision_family`."""


class FamilyRow(NamedTuple):
    """The fit of one model.

    Attributes:
        model: One of `MODELS`, `davidson`, `rao_kupper`, `two_stage` or `naive`.
        per_answer: Mean log-likelihood of an answer, NaN without a fit.
        fit: The fit; None if there is no finite one.
        failure: The reason why there is no fit, else empty.
    """

    model: str
    per_answer: float
    fit: AnyFit | None
    failure: str


def fit_naive(choices: ArrayLike, *, intercept: bool = False) -> NaiveFit:
    """Fit constant rates to answers: 0 first patient, 1 second, 2 coin.

    P(first) and P(second) may differ only with `intercept`.
    """
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
) -> tuple[FamilyRow, ...]:
    """Fit every model of indecision to the same answers; return a row for each.

    The rows come by decreasing log-likelihood. Models without a finite maximum come last, with the
    reason. The arguments are those of `fit_indecision_model`; `form` applies to the models of
    McElfresh et al.

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
    return tuple(rows)


class Contender(NamedTuple):
    """One model in the comparison; not `min_delta`, whose free form is `davidson`.

    Attributes:
        model: Name of the model.
        log_likelihood: Held-out mean per answer, NaN if the model could not be fitted.
        behind: `log_likelihood` of the best-fitting model minus that of this model.
        error: Standard error of `behind`, clustered by dilemma.
        p_value: Uncorrected one-sided p-value of no difference between the best-fitting model and
            this model; NaN for the best-fitting model.
        failure: The reason why the model could not be fitted, else empty.
    """

    model: str
    log_likelihood: float
    behind: float
    error: float
    p_value: float
    failure: str


class IndecisionChoice(NamedTuple):
    """The result of the comparison.

    Attributes:
        best: Name of the best model by the rule of this module, else None.
        possible: Names of the models that remain possible, the best-fitting first; empty if no
            models could be compared.
        reason: Why there is no best model, else empty.
        contenders: The compared models, the best-fitting first, then the models that could not be
            fitted; empty if no comparison was tried.
    """

    best: str | None = None
    possible: tuple[str, ...] = ()
    reason: str = ""
    contenders: tuple[Contender, ...] = ()


def choose_indecision_model(
    first: ArrayLike,
    second: ArrayLike,
    choices: ArrayLike,
    dilemmas: ArrayLike,
    *,
    folds: int = 10,
    seed: int = 0,
) -> IndecisionChoice:
    """Compare the models of indecision on one respondent's answers by cross-validation.

    If they cannot be compared, the attribute `reason` of the result says why.

    Args:
        first: The first patient's attribute values for each answer, shape (n, k).
        second: The second patient's values, shape (n, k).
        choices: 0 first patient, 1 second, 2 coin, shape (n,).
        dilemmas: Label of each answer's dilemma, shape (n,).
        folds: Number of folds of the dilemmas.
        seed: Seed of the folds and of the starting points.
    """
    one, two = _checks.pair(first, second)
    n = len(one)
    choice = _checks.codes(choices, n, "choices", (0, 1, 2))
    index, count = _checks.groups(dilemmas, n, "dilemmas")
    folds, seed = _checks.whole(folds, "folds", 2), _checks.whole(seed, "seed", 0)
    coins = int((choice == 2).sum())
    fewest, few = min((coins, "coins"), (n - coins, "decisions"))
    if fewest < LEAST:
        return IndecisionChoice(reason=f"only {fewest} {few}, {LEAST} are needed")
    if count < 2 * folds:
        return IndecisionChoice(reason=f"only {count} dilemmas, {2 * folds} are needed")
    part = np.random.Generator(np.random.PCG64(seed)).permutation(count)[index] % folds
    try:
        logs, failures = _held_out(one, two, choice, part, seed)
    except FitError as error:
        return IndecisionChoice(reason=f"the models have no finite fit: {error}")
    ranked = _ranked(logs, index)
    failed = (Contender(name, NAN, NAN, NAN, NAN, why) for name, why in failures.items())
    everyone = (*ranked, *failed)
    if set(logs) <= {"naive", "random"}:
        reason = f"the models have no finite fit: {failures['davidson']}"
        return IndecisionChoice(reason=reason, contenders=everyone)
    limit = 0.05 / (len(ranked) - 1)
    possible = tuple(row.model for row in ranked if not row.p_value < limit)
    reason = "" if len(possible) == 1 else "others fit as well within chance"
    if failures:
        reason = "a rule explains the decisions, so that some models have no finite fit"
    return IndecisionChoice(None if reason else possible[0], possible, reason, everyone)


def _held_out(
    one: Floats, two: Floats, choice: Ints, part: Ints, seed: int
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Return each answer's held-out log-probability (n,) by model, and why a model has no fit."""
    logs: dict[str, Floats] = {}
    failures: dict[str, str] = {}
    for fold in np.unique(part):
        out = part == fold
        family = fit_indecision_family(one[~out], two[~out], choice[~out], starts=2, seed=seed)
        differences, mean = one[out] - two[out], (one[out] + two[out]) / 2
        for row in family:
            if row.fit is None:
                failures.setdefault(row.model, row.failure)
                continue
            taken = row.fit.shares(differences, mean)[np.arange(len(mean)), choice[out]]
            own = logs.setdefault(row.model, np.empty(len(choice)))
            own[out] = np.log(np.maximum(taken, 1e-12))
    for model in ("min_delta", *failures):
        logs.pop(model, None)
    failures.pop("min_delta", None)
    return logs, failures


def _ranked(logs: dict[str, Floats], index: Ints) -> tuple[Contender, ...]:
    order = sorted(logs, key=lambda model: -float(logs[model].sum()))
    gaps = np.column_stack([logs[order[0]] - logs[model] for model in order])
    n, dilemmas = len(gaps), int(index.max()) + 1
    rows = []
    for model, total in zip(order, cluster_sums(gaps, index, dilemmas).T, strict=True):
        error = float(np.sqrt(dilemmas * total.var(ddof=1)))
        ahead = float(total.sum())
        p_value = float(special.stdtr(dilemmas - 1, -ahead / error)) if error > 0 else NAN
        rows.append(Contender(model, float(logs[model].mean()), ahead / n, error / n, p_value, ""))
    return tuple(rows)
