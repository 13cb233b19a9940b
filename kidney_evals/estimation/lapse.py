"""The calibrated share model: a logit with a lapse and with terms for signs.

P(first) = λ/2 + (1 - λ) · logistic(Σ_k b_k d_k + Σ_k g_k sign(d_k) + c)

A plain logit is over-confident about people at large differences. The lapse λ is the share of
answers that follow no attribute (Wichmann and Hill 2001); the sign terms let a small difference
count for more than its size. The intercept c is the pull of the first place; predicted shares
leave it out, since a dilemma has no first place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._checks import Floats
from kidney_evals.estimation._functions import logistic
from kidney_evals.estimation._linear import inverse, solve
from kidney_evals.estimation._sandwich import sandwich
from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.estimation.logit import fit_logit

_FLOOR = 1e-4
"""A lapse that falls to this value is taken to be zero."""

_CEILING = 0.9


@dataclass(frozen=True)
class LapseFit:
    """A fitted share model.

    Attributes:
        weights: b, shape (k,).
        sign_weights: g, shape (k,); zeros where sign terms were not asked for.
        lapse: λ; 0 where the optimum lies on that boundary.
        intercept: c, 0 if not fitted.
        covariance: Of (b, g, λ, c), shape (2k+2, 2k+2), zeros for what was not fitted;
            clustered where clusters were given.
        log_likelihood: At the estimate.
        n: Number of answers.
        parameters: How many were estimated.
    """

    weights: Floats
    sign_weights: Floats
    lapse: float
    intercept: float
    covariance: Floats
    log_likelihood: float
    n: int
    parameters: int

    @property
    def theta(self) -> Floats:
        """All parameters in the order of `covariance`, shape (2k+2,)."""
        return np.concatenate([self.weights, self.sign_weights, [self.lapse], [self.intercept]])

    def predict(self, differences: ArrayLike) -> Floats:
        """Return P(first) without the pull of the first place, shape (n,)."""
        return predict_shares(self.theta, differences)


def predict_shares(theta: ArrayLike, differences: ArrayLike) -> Floats:
    """Return P(first) for parameters in the order of `LapseFit.theta`.

    Args:
        theta: Shape (2k+2,), or (draws, 2k+2).
        differences: Shape (n, k).

    Returns:
        Shape (n,), or (draws, n). The last parameter, the pull of the first place, is not used.

    Raises:
        InputError: Wrong shapes or values.
    """
    parameters = _checks.numbers(theta, "theta")
    x = _checks.matrix(differences, "differences")
    k = x.shape[1]
    if parameters.ndim not in (1, 2):
        raise InputError(f"theta must have shape ({2 * k + 2},), not {parameters.shape}")
    if parameters.shape[-1] != 2 * k + 2:
        raise InputError(f"theta has {parameters.shape[-1]} values, {2 * k + 2} are needed")
    parameters = _checks.shaped(parameters, parameters.shape, "theta")
    features = np.column_stack([x, np.sign(x)])
    lapse = parameters[..., 2 * k, None] if parameters.ndim > 1 else parameters[2 * k]
    core = logistic(parameters[..., : 2 * k] @ features.T)
    result: Floats = lapse / 2 + (1 - lapse) * core
    return result


def fit_lapse(
    differences: ArrayLike,
    chose_first: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    signs: bool = True,
    lapse: bool = True,
    intercept: bool = True,
    frequencies: ArrayLike | None = None,
    start: ArrayLike | None = None,
) -> LapseFit:
    """Fit the calibrated share model by maximum likelihood.

    Args:
        differences: First minus second patient, shape (n, k).
        chose_first: 1 or 0, shape (n,).
        clusters: Labels of rows that belong together, shape (n,).
        signs: Fit the sign terms.
        lapse: Fit the lapse; otherwise it is 0.
        intercept: Fit the pull of the first place.
        frequencies: How often each row counts (a bootstrap weighting), shape (n,).
        start: Where to begin, in the order of `LapseFit.theta`; speeds up a bootstrap.

    Raises:
        InputError: Wrong shapes or values.
        FitError: No optimum was reached, as under separation.
    """
    x = _checks.matrix(differences, "differences")
    n, k = x.shape
    y = _checks.column(chose_first, n, "chose_first", 0, 1)
    counts = (
        np.ones(n)
        if frequencies is None
        else _checks.column(frequencies, n, "frequencies", 0, np.inf)
    )
    design = np.column_stack([x, np.sign(x), np.ones(n)])
    used = np.concatenate([np.ones(k, bool), np.full(k, signs), [intercept]])
    design = design[:, used]
    if start is None:
        begin = np.zeros(2 * k + 1)
        try:
            plain = fit_logit(x, y, intercept=intercept, penalty="firth")
        except FitError as error:
            raise FitError(f"no starting point for the share model: {error}") from error
        begin[:k], begin[-1] = plain.weights * 1.2, plain.intercept
        rate = 0.1
    else:
        given = _checks.column(start, 2 * k + 2, "start", -np.inf, np.inf)
        begin, rate = np.delete(given, 2 * k), float(given[2 * k])
    rate = max(rate, 10 * _FLOOR) if lapse else 0.0
    beta, rate = _maximise(design, y, counts, begin[used], rate)
    value, probability, jacobian = _model(design, y, counts, beta, rate)
    free = rate > 0
    gradient_rows = jacobian if free else jacobian[:, :-1]
    spread = probability * (1 - probability)
    scores = gradient_rows * (counts * (y - probability) / spread)[:, None]
    bread = inverse((gradient_rows * (counts / spread)[:, None]).T @ gradient_rows)
    if clusters is None:
        reduced = bread
    else:
        index, count = _checks.groups(clusters, n)
        reduced = sandwich(bread, scores, index, count)
    slots = np.append(np.flatnonzero(used[:-1]), [2 * k + 1] if intercept else []).astype(int)
    slots = np.append(slots, [2 * k] if free else []).astype(int)
    theta = np.zeros(2 * k + 2)
    theta[slots] = np.append(beta, [rate] if free else [])
    covariance = np.zeros((2 * k + 2, 2 * k + 2))
    covariance[np.ix_(slots, slots)] = reduced
    return LapseFit(
        weights=theta[:k],
        sign_weights=theta[k : 2 * k],
        lapse=rate,
        intercept=float(theta[-1]),
        covariance=covariance,
        log_likelihood=value,
        n=n,
        parameters=len(slots),
    )


def _maximise(
    design: Floats, y: Floats, counts: Floats, beta: Floats, rate: float
) -> tuple[Floats, float]:
    """Maximise over the weights and, unless `rate` is 0, the lapse in [0, 0.9]."""
    wanted = rate > 0
    beta, rate, found = _climb(design, y, counts, beta, rate)
    if wanted and found and rate == 0:
        # The climb may have left the interior too early: at the boundary the likelihood is
        # concave in the lapse, so its slope there tells.
        value, probability, jacobian = _model(design, y, counts, beta, 0.0)
        residual = counts * (y - probability) / (probability * (1 - probability))
        if float(jacobian[:, -1] @ residual) > 0:
            again = _climb(design, y, counts, beta, 10 * _FLOOR)
            if again[2] and _model(design, y, counts, again[0], again[1])[0] > value:
                beta, rate, found = again
    if not found:
        raise FitError(
            "the share model did not converge: drop the sign terms or the lapse, or use fit_logit "
            "with penalty='firth' if the answers are separated"
        )
    return beta, rate


def _climb(
    design: Floats, y: Floats, counts: Floats, beta: Floats, rate: float
) -> tuple[Floats, float, bool]:
    """Newton's method with step halving; a lapse below the floor is fixed at zero."""
    value, probability, jacobian = _model(design, y, counts, beta, rate)
    for _ in range(200):
        rows = jacobian if rate > 0 else jacobian[:, :-1]
        pull = counts * (y / probability - (1 - y) / (1 - probability))
        try:
            step = solve(
                _curvature(design, y, counts, beta, rate, probability, rows, pull), pull @ rows
            )
        except np.linalg.LinAlgError:
            return beta, rate, False
        size = float(np.abs(step).max())
        if not np.isfinite(size):
            return beta, rate, False
        if size < 1e-11:
            return beta, rate, True
        step *= min(1.0, 2.0 / size)
        for _ in range(40):
            trial = min(rate + float(step[-1]), _CEILING) if rate > 0 else 0.0
            trial = trial if trial >= _FLOOR else 0.0
            slope = step[:-1] if rate > 0 else step
            candidate = _model(design, y, counts, beta + slope, trial)
            if candidate[0] >= value - 1e-12 * abs(value):
                break
            step = step / 2
        else:
            return beta, rate, size < 1e-6
        beta, rate = beta + slope, trial
        value, probability, jacobian = candidate
    return beta, rate, False


def _curvature(
    design: Floats,
    y: Floats,
    counts: Floats,
    beta: Floats,
    rate: float,
    probability: Floats,
    rows: Floats,
    pull: Floats,
) -> Floats:
    """Return the observed information where it is positive definite, else the expected one."""
    p = design.shape[1]
    core = logistic(design @ beta)
    bend = core * (1 - core)
    weight = counts * (y / probability**2 + (1 - y) / (1 - probability) ** 2)
    observed = (rows * weight[:, None]).T @ rows
    second = pull * (1 - rate) * bend * (1 - 2 * core)
    observed[:p, :p] -= (design * second[:, None]).T @ design
    if rate > 0:
        mixed = (pull * bend) @ design
        observed[:p, p] += mixed
        observed[p, :p] += mixed
    try:
        np.linalg.cholesky(observed)
    except np.linalg.LinAlgError:
        expected = counts / (probability * (1 - probability))
        return (rows * expected[:, None]).T @ rows
    return observed


def _model(
    design: Floats, y: Floats, counts: Floats, beta: Floats, rate: float
) -> tuple[float, Floats, Floats]:
    """Return the log-likelihood, P(first) and its derivatives, shape (n, p+1), the lapse last."""
    core = logistic(design @ beta)
    probability = np.clip(rate / 2 + (1 - rate) * core, 1e-12, 1 - 1e-12)
    value = float(counts @ (y * np.log(probability) + (1 - y) * np.log1p(-probability)))
    slope = (1 - rate) * core * (1 - core)
    return value, probability, np.column_stack([design * slope[:, None], 0.5 - core])
