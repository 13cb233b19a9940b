"""Binary logit on attribute differences: maximum likelihood and Firth-penalised.

log P(first) / P(second) = Σ_k weight_k · difference_k + intercept (effect of the first position).

Firth's penalty (Biometrika 1993; Heinze and Schemper 2002) adds ½ log |information| to the
log-likelihood; it removes the first-order bias and keeps the estimate finite if a rule separates
the answers.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks, _fit
from kidney_evals.estimation._fit import logistic
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.errors import FitError, InputError

Penalty = Literal["none", "firth"]
"""`none` is maximum likelihood, `firth` maximises the log-likelihood plus ½ log |information|."""


@dataclass(frozen=True)
class LogitFit:
    """A fitted logit.

    Attributes:
        weights: Per unit of difference, shape (k,); 0 along directions that do not vary.
        determined: Whether the answers determine each weight, (k,). False if the attribute never
            differs or is a linear combination of others; the weight then has no meaning.
        intercept: Log-odds of the first patient between equal patients, 0 if not fitted.
        covariance: Covariance of the weights and, last, the intercept, shape (k+1, k+1). Clustered
            sandwich where clusters were given, else inverse information. Where the answers are
            separated the sandwich collapses; it is then the inverse information times Σ n_g² / Σ
            n_g, with n_g the rows of cluster g, the design effect of clusters whose rows all agree.
        log_likelihood: At the estimate, without the penalty.
        n: Number of rows.
        clusters: Number of clusters; None if no clusters were given.
        parameters: Number of estimated parameters.
        separated: Whether a linear rule explains every answer (completely or quasi-completely).
        null_p: The p-value of the clustered score test of all weights = 0 (NaN where not testable).
    """

    weights: Floats
    determined: Bools
    intercept: float
    covariance: Floats
    log_likelihood: float
    n: int
    clusters: int | None
    parameters: int
    separated: bool
    null_p: float


def fit_logit(
    differences: ArrayLike,
    chose_first: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    intercept: bool = True,
    penalty: Penalty = "firth",
) -> LogitFit:
    """Fit the choice of the first patient on attribute differences.

    Args:
        differences: First minus second patient in each attribute, shape (n, k).
        chose_first: 1 where the first patient was chosen, 0 where the second, shape (n,); shares in
            between are allowed (fractional logit).
        clusters: Labels of rows that belong together (the dilemma), shape (n,).
        intercept: Whether to add the effect of the first position.
        penalty: `firth` or `none`.

    Raises:
        FitError: No optimum was reached, or `penalty="none"` on separated answers.
    """
    x = _checks.matrix(differences, "differences")
    n, k = x.shape
    y = _checks.column(chose_first, n, "chose_first", 0, 1)
    firth = _is_firth(penalty)
    basis, design, determined = _fit.full_rank(x, intercept)
    index = np.arange(n) if clusters is None else _checks.groups(clusters, n)[0]

    theta, converged = _maximise(design, y, np.ones(n), firth)
    separated = _fit.is_separated(design, y)
    if not firth and separated:
        raise FitError(
            "the answers are separated, no finite logit exists: try penalty='firth'", separated=True
        )
    if not converged:
        raise FitError(
            f"the logit (penalty {penalty!r}) did not converge: rescale the differences",
            separated=separated,
        )

    eta = design @ theta
    probability = logistic(eta)
    variance = probability * (1 - probability)
    bread = _fit.inverse((design * variance[:, None]).T @ design)
    residual = y - probability
    if firth:
        residual += _fit.leverage(design, variance, bread) * (0.5 - probability)
    reduced, count = _fit.robust(bread, design * residual[:, None], clusters)
    if separated and clusters is not None:
        sizes = np.bincount(index).astype(np.float64)
        reduced = bread * float((sizes**2).sum() / sizes.sum())
    beta = basis @ theta
    return LogitFit(
        weights=beta[:k],
        determined=determined,
        intercept=float(beta[k]),
        covariance=basis @ reduced @ basis.T,
        log_likelihood=float((y * eta - np.logaddexp(0, eta)).sum()),
        n=n,
        clusters=count,
        parameters=design.shape[1],
        separated=separated,
        null_p=_score_test(design, y, index, intercept),
    )


def fit_logit_resamples(
    differences: ArrayLike,
    chose_first: ArrayLike,
    frequencies: ArrayLike,
    *,
    intercept: bool = True,
    penalty: Penalty = "firth",
) -> Floats:
    """Return the weights and, last, the intercept in each resample, shape (draws, k+1).

    A resample without a finite estimate has NaN. The intercept is 0 if it is not fitted.

    Args:
        differences: First minus second patient in each attribute, shape (n, k).
        chose_first: 1 where the first patient was chosen, 0 where the second, shape (n,).
        frequencies: How often each row is in each resample, shape (draws, n).
        intercept: Whether to add the effect of the first position.
        penalty: `firth` or `none`.
    """
    x = _checks.matrix(differences, "differences")
    n = len(x)
    y = _checks.column(chose_first, n, "chose_first", 0, 1)
    counts = _checks.resample_counts(frequencies, n)
    draws = len(counts)
    basis, design, _ = _fit.full_rank(x, intercept)
    if draws == 0:
        return np.empty((0, len(basis)))
    firth = _is_firth(penalty)
    start, converged = _maximise(design, y, counts.mean(axis=0), firth)
    if not converged:
        start = np.zeros(design.shape[1])
    # Blocks keep the (draws, n) work arrays inside the cache and the memory bounded.
    size = max(1, 400_000 // n)
    blocks = [
        _maximise_many(design, y, counts[i : i + size], firth, start) for i in range(0, draws, size)
    ]
    return np.concatenate(blocks) @ basis.T


def _is_firth(penalty: str) -> bool:
    if penalty not in ("none", "firth"):
        raise InputError(f"penalty is {penalty!r}, allowed are 'none' and 'firth'")
    return penalty == "firth"


def _maximise(design: Floats, y: Floats, counts: Floats, firth: bool) -> tuple[Floats, bool]:
    """Return the estimate, shape (p,), and whether it is a finite maximum."""
    n, p = design.shape
    products = (design[:, :, None] * design[:, None, :]).reshape(n, p * p)

    def move(step: Floats) -> Floats:
        """Update η with θ: otherwise answers move between bins of a shipped calibration table."""
        return np.concatenate([step, design @ step])

    def objective(point: Floats) -> tuple[float, Floats, Floats]:
        eta = point[p:]
        probability = logistic(eta)
        variance = counts * probability * (1 - probability)
        residual = counts * (y - probability)
        value = float(counts @ (y * eta - np.logaddexp(0, eta)))
        information = (variance @ products).reshape(p, p)
        if not firth:
            return value, residual @ design, information
        sign, logdet = np.linalg.slogdet(information)
        if sign <= 0:
            return -np.inf, np.zeros(p), np.zeros((p, p))
        spread = products @ np.linalg.inv(information).ravel()
        residual = residual + variance * spread * (0.5 - probability)
        # Second derivatives of ½ log |information|.
        first = variance * (1 - 2 * probability)
        second = spread * (variance * (1 - 6 * probability * (1 - probability)))
        slopes = ((design * first[:, None]).T @ products).reshape(p, p, p)
        turned = np.linalg.solve(information, slopes)
        traces = turned.reshape(p, p * p) @ turned.transpose(0, 2, 1).reshape(p, p * p).T
        penalty = 0.5 * ((second @ products).reshape(p, p) - traces)
        curvature = _fit.definite(information - penalty, information)
        return value + 0.5 * float(logdet), residual @ design, curvature

    point, converged = _fit.climb(
        objective, np.zeros(p + n), limit=60, settled=1e-9, negligible=1e-9**1.5, stride=5.0,
        move=move,
    )  # fmt: skip
    return point[:p], converged


def _maximise_many(design: Floats, y: Floats, counts: Floats, firth: bool, start: Floats) -> Floats:
    """Return the estimates of all resamples, (draws, p), at once; NaN where there is none."""
    draws, p = len(counts), design.shape[1]
    theta = np.tile(start, (draws, 1))
    active = np.arange(draws)
    products = (design[:, :, None] * design[:, None, :]).reshape(-1, p * p)
    failed = np.zeros(draws, dtype=bool)
    for _ in range(60):
        if len(active) == 0:
            break
        probability = logistic(theta[active] @ design.T)
        variance = counts[active] * probability * (1 - probability)
        information = (variance @ products).reshape(-1, p, p)
        bread = np.full_like(information, np.nan)
        with np.errstate(all="ignore"):
            sound = np.linalg.cond(information) < 1e13
        bread[sound] = np.linalg.inv(information[sound])
        residual = counts[active] * (y - probability)
        if firth:
            spread = bread.reshape(-1, p * p) @ products.T
            residual += variance * spread * (0.5 - probability)
        step = np.einsum("dij,dj->di", bread, residual @ design)
        size = np.abs(step).max(axis=1, initial=0.0)
        bad = ~np.isfinite(size) | (np.abs(theta[active]).max(axis=1, initial=0.0) > 60)
        failed[active[bad]] = True
        step[bad] = 0.0
        theta[active] += step * np.minimum(1.0, 1.0 / np.maximum(size, 1.0))[:, None]
        active = active[(size >= 1e-8) & ~bad]
    failed[active] = True
    for draw in np.flatnonzero(failed):
        used = counts[draw] > 0
        rows, outcome = design[used], y[used]
        root, converged = _maximise(rows, outcome, counts[draw][used], firth)
        if not firth:
            converged = converged and not _fit.is_separated(rows, outcome)
        theta[draw] = root if converged else np.nan
    return theta


def _score_test(design: Floats, y: Floats, index: Ints, intercept: bool) -> float:
    """Return the p-value of the clustered score test of weights = 0, valid under separation."""
    r = design.shape[1] - intercept
    count = int(index.max()) + 1
    if r == 0 or count <= r + 1:
        return float("nan")
    base = float(y.mean()) if intercept else 0.5
    # With an intercept the slopes of `design` are centred, so that the score does not depend on
    # the estimated intercept.
    return _fit.score_p(
        _fit.cluster_sums(design[:, :r] * (y - base)[:, None], index, count), count - r
    )
