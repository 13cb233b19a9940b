"""Latent classes of people: a mixture of choice models, and the class nearest to a respondent.

log L = Σ_person log Σ_c share_c Π_answers P_c(answer). With a coin each class has a two-stage model
or Davidson's, without a coin a logit. A weak normal prior (precision `RIDGE`) on every class
parameter keeps the estimates finite in a class that never takes the coin or always follows a rule;
the reported log-likelihood does not include the prior.

A respondent is classified by Bayes' rule, P(class | answers) ∝ share · Π P_class(answer). With
hundreds of answers this posterior is near 0 or 1 even if no class fits and the answers to one
dilemma are dependent. Therefore the log-likelihood is scaled to the effective number of independent
answers, and the result includes the share of resamples of the dilemmas in which each class is the
nearest.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import NO_COIN, Model, check_columns
from kidney_evals.estimation._fit import PanelFit, climb, cluster_sums, hessian
from kidney_evals.estimation.arrays import Floats, Ints
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.estimation.intervals import weight_blocks

RIDGE = 0.1
"""Precision of the prior on each class parameter: a standard deviation of 3.2 logits."""

_LEAST = 1e-300

ClassModel = Literal["two_stage", "davidson", "logit"]
"""The model of a class; `logit` is for answers without a coin."""

_MODELS: dict[ClassModel, tuple[str, int, list[float]]] = {
    "two_stage": ("two_stage", 2, [-1.5, 0.0]),
    "davidson": ("davidson", 1, [-1.5]),
    "logit": ("davidson", 0, [NO_COIN]),
}
"""Name of the model with a coin, number of estimated levels of the coin, and their first values."""


@dataclass(frozen=True)
class LatentFit(PanelFit):
    """Fitted latent classes, the largest first.

    C is the number of classes. |Δu| is the absolute difference between the patients' utilities in
    the class. Parameters that a model does not have are NaN.

    Attributes:
        model: The model of each class: `two_stage`, `davidson` or `logit`.
        shares: Share of people in each class, shape (C,).
        weights: Logit weights, shape (C, k).
        flip_intercept: Log-odds of the coin at |Δu| = 0 (`two_stage`), shape (C,).
        flip_slope: Decrease of these log-odds per unit of |Δu| (`two_stage`), shape (C,).
        log_nu: Davidson's ln ν (`davidson`), shape (C,).
        posterior: Probability of each class for each person, shape (people, C).
    """

    model: ClassModel
    shares: Floats
    weights: Floats
    flip_intercept: Floats
    flip_slope: Floats
    log_nu: Floats
    posterior: Floats

    def predict(self, differences: ArrayLike) -> Floats:
        """Return each class's answer shares, (C, n, 3), or (C, n, 2) for the model `logit`."""
        x = _checks.matrix(differences, "differences")
        check_columns(x, self.weights[0])
        levels = {
            "two_stage": [self.flip_intercept, self.flip_slope],
            "davidson": [self.log_nu],
            "logit": [np.full(len(self.weights), NO_COIN)],
        }[self.model]
        theta = np.column_stack([self.weights, *levels])
        model = Model(_MODELS[self.model][0], x)
        shares = np.stack([model.shares(row) for row in theta])
        return shares[:, :, :2] if self.model == "logit" else shares


def fit_latent(
    differences: ArrayLike,
    choices: ArrayLike,
    persons: ArrayLike,
    classes: int,
    *,
    model: ClassModel,
    starts: int = 6,
    seed: int = 0,
) -> LatentFit:
    """Fit latent classes by maximising the penalised joint likelihood of all answers.

    Of the `starts` random starting points only the best two are continued after a few steps.

    Args:
        differences: First minus second patient in each attribute, shape (n, k).
        choices: 0 first patient, 1 second, 2 coin (not with `logit`), shape (n,).
        persons: Label of the person who gave each answer, shape (n,).
        classes: Number of classes, at most the number of persons.
        model: The model of each class; `logit` for answers without a coin.
        starts: Number of starting points.
        seed: Seed of the starting points.

    Raises:
        FitError: No optimum was reached.
    """
    if model not in _MODELS:
        raise InputError(f"model is {model!r}, allowed are {list(_MODELS)}")
    x = _checks.matrix(differences, "differences")
    n = len(x)
    choice = _checks.codes(choices, n, "choices", (0, 1) if model == "logit" else (0, 1, COIN))
    person, people = _checks.groups(persons, n, "persons")
    starts, seed = _checks.whole(starts, "starts", 1), _checks.whole(seed, "seed", 0)
    if not _checks.whole(classes, "classes", 1) <= people:
        raise InputError(f"classes is {classes}, more than the number of people ({people})")
    problem = _Problem(x, choice, person, people, model)
    random = np.random.Generator(np.random.PCG64(seed)).random((starts, classes))
    warm = [problem.climb(problem.start(row), 40) for row in random]
    order = np.argsort([-problem.objective(point)[0] for point in warm], kind="stable")
    close = [problem.climb(warm[i], 500) for i in order[:2]]
    best = max(close, key=lambda vector: problem.objective(vector)[0])
    return problem.result(problem.polish(best))


class NearestClasses(NamedTuple):
    """The result of `nearest_classes`; the C classes are in the order of its arguments.

    Attributes:
        nearest: Index of the class with the largest posterior if all `answers` count as
            independent.
        posterior: P(class | answers) at the effective number of answers, shape (C,).
        support: Share of resamples of the dilemmas in which each class is the nearest, shape (C,).
        log_likelihood: Mean log-probability of an answer in each class, shape (C,).
        expected: Expected mean log-probability of an answer by a member of each class, shape (C,).
            If the `log_likelihood` of the nearest class is far below its `expected`, the class does
            not fit.
        answers: Number of answers.
        effective_answers: Effective number of independent answers for the comparison of the nearest
            class with the next; at most `answers`.
    """

    nearest: int
    posterior: Floats
    support: Floats
    log_likelihood: Floats
    expected: Floats
    answers: int
    effective_answers: float


def nearest_classes(
    shares: ArrayLike, class_shares: ArrayLike, choices: ArrayLike, dilemmas: ArrayLike
) -> NearestClasses:
    """Return the posterior over known classes of people, given a respondent's answers.

    Args:
        shares: Share of people in each of C classes, above 0, shape (C,).
        class_shares: Each class's shares of the K possible answers to the dilemma of each answer,
            shape (C, n, K), as `LatentFit.predict` returns them.
        choices: 0 first patient, 1 second, 2 coin, shape (n,).
        dilemmas: Label of each answer's dilemma, shape (n,), with two labels or more.
    """
    predicted = _checks.numbers(class_shares, "class_shares")
    if predicted.ndim != 3 or 0 in predicted.shape or predicted.shape[2] not in (2, 3):
        raise InputError(
            f"class_shares must have shape (classes, answers, 2 or 3), not {predicted.shape}"
        )
    predicted = _checks.shaped(predicted, predicted.shape, "class_shares", 0, 1, slack=1e-6)
    classes, n, width = predicted.shape
    prior = _checks.column(shares, classes, "shares", _LEAST, 1)
    choice = _checks.codes(choices, n, "choices", tuple(range(width)))
    index, count = _checks.groups(dilemmas, n, "dilemmas")
    if count < 2:
        raise InputError("dilemmas names a single dilemma, which cannot tell classes apart")
    logs = np.log(np.maximum(predicted[:, np.arange(n), choice], _LEAST)).T
    start = np.log(prior / prior.sum())
    order = np.argsort(-(start + logs.sum(axis=0)), kind="stable")
    nearest = int(order[0])
    effective = float(n)
    if classes > 1:
        gap = logs[:, [nearest]] - logs[:, [order[1]]]
        # Variances of a sum over clusters and, as if answers were independent, over answers.
        clustered = float(count * cluster_sums(gap, index, count).var(ddof=1))
        independent = float(n * gap.var(ddof=1))
        if clustered > independent:
            effective = n * independent / clustered
    sums = cluster_sums(logs, index, count) * effective / n
    wins = np.zeros(classes)
    for _, weights in weight_blocks(count):
        wins += np.bincount((start + weights @ sums).argmax(axis=1), minlength=classes)
    return NearestClasses(
        nearest=nearest,
        posterior=special.softmax(start + logs.sum(axis=0) * effective / n),
        support=wins / wins.sum(),
        log_likelihood=logs.mean(axis=0),
        expected=(predicted * np.log(np.maximum(predicted, _LEAST))).sum(axis=2).mean(axis=1),
        answers=n,
        effective_answers=effective,
    )


class _Problem:
    """The penalised likelihood of C - 1 logits of class shares, then each class's parameters."""

    def __init__(
        self, x: Floats, choice: Ints, person: Ints, people: int, model: ClassModel
    ) -> None:
        self.x, self.choice, self.person, self.people, self.model = x, choice, person, people, model
        self.name, count, levels = _MODELS[model]
        self.base = np.concatenate([np.zeros(x.shape[1]), levels])
        self.used = np.arange(len(self.base)) < x.shape[1] + count
        self.answers = Model(self.name, x, choice=choice)

    def split(self, vector: Floats) -> tuple[Floats, Floats]:
        """Return the logs of the class shares (C,) and the θ of each class (C, p)."""
        classes = (len(vector) + 1) // (int(self.used.sum()) + 1)
        theta = np.tile(self.base, (classes, 1))
        theta[:, self.used] = vector[classes - 1 :].reshape(classes, -1)
        return special.log_softmax(np.append(0.0, vector[: classes - 1])), theta

    def start(self, random: Floats) -> Floats:
        """Return a start: classes of people with similar mean answers, around random people."""
        side = np.array([1.0, -1.0, 0.0])[self.choice]
        columns = [side * np.sign(column) for column in self.x.T]
        columns.append((self.choice == COIN).astype(np.float64))
        profile = cluster_sums(np.column_stack(columns), self.person, self.people)
        profile /= np.bincount(self.person, minlength=self.people)[:, None]
        spread = profile.std(axis=0)
        profile = profile / np.where(spread > 0, spread, 1.0)
        seeds = profile[np.minimum((random * self.people).astype(int), self.people - 1)]
        distance = ((profile[:, None, :] - seeds[None, :, :]) ** 2).sum(axis=2)
        near = np.exp(-0.5 * distance) + 1e-6
        near /= near.sum(axis=1, keepdims=True)
        size = int(self.used.sum())
        prior = np.zeros(size), RIDGE * np.eye(size)
        theta = []
        for weight in near.T:
            model = Model(self.name, self.x, None, self.choice, weight[self.person])
            theta.append(model.climb(self.base, self.used, limit=3, prior=prior)[0][self.used])
        logits = np.log(near.mean(axis=0))
        return np.concatenate([logits[1:] - logits[0], *theta])

    def objective(self, vector: Floats) -> tuple[float, Floats]:
        """Return the penalised log-likelihood and its gradient."""
        log_shares, theta = self.split(vector)
        logs, scores = zip(*map(self.answers.scores, theta), strict=True)
        likelihoods, posterior = _membership(log_shares, logs, self.person, self.people)
        tilt = posterior.sum(axis=0) - self.people * np.exp(log_shares)
        classes = zip(scores, posterior.T, strict=True)
        slopes = [(score @ share[self.person])[self.used] for score, share in classes]
        moving = theta[:, self.used].ravel()
        value = float(likelihoods.sum()) - 0.5 * RIDGE * float(moving @ moving)
        return value, np.concatenate([tilt[1:], np.concatenate(slopes) - RIDGE * moving])

    def climb(self, vector: Floats, steps: int) -> Floats:
        """Return the vector after quasi-Newton steps towards the optimum."""
        from scipy.optimize import minimize

        def negative(point: Any) -> Any:
            return [-part for part in self.objective(point)]

        options: Any = {"maxiter": steps, "ftol": 1e-12}
        result = minimize(negative, vector, jac=True, method="L-BFGS-B", options=options)
        return np.asarray(result.x, dtype=np.float64)

    def polish(self, vector: Floats) -> Floats:
        """Return the optimum by Newton's method, so that all machines print the same digits."""

        def objective(point: Floats) -> tuple[float, Floats, Floats]:
            curvature = -hessian(lambda near: self.objective(near)[1], point)
            np.linalg.cholesky(curvature)
            return (*self.objective(point), curvature)

        with suppress(np.linalg.LinAlgError):
            vector, converged = climb(objective, vector, limit=8, settled=1e-8)
            if converged:
                return vector
        raise FitError("the latent classes did not converge: try fewer classes or more starts")

    def result(self, vector: Floats) -> LatentFit:
        """Return the fit with the largest class first."""
        log_shares, theta = self.split(vector)
        order = np.argsort(-log_shares, kind="stable")
        log_shares, theta = log_shares[order], theta[order]
        logs = [self.answers.scores(row)[0] for row in theta]
        likelihoods, posterior = _membership(log_shares, logs, self.person, self.people)
        k, two_stage = self.x.shape[1], self.model == "two_stage"
        nothing = np.full(len(order), np.nan)
        return LatentFit(
            model=self.model,
            shares=np.exp(log_shares),
            weights=theta[:, :k],
            flip_intercept=theta[:, k] if two_stage else nothing,
            flip_slope=theta[:, k + 1] if two_stage else nothing,
            log_nu=theta[:, k] if self.model == "davidson" else nothing,
            posterior=posterior,
            log_likelihood=float(likelihoods.sum()),
            n=len(self.x),
            people=self.people,
            parameters=len(vector),
        )


def _membership(
    log_shares: Floats, logs: Sequence[Floats], person: Ints, people: int
) -> tuple[Floats, Floats]:
    """Return each person's log-likelihood (people,) and class probabilities (people, C)."""
    sums = log_shares + cluster_sums(np.column_stack(logs), person, people)
    total = np.asarray(special.logsumexp(sums, axis=1))
    return total, np.exp(sums - total[:, None])
