"""Functions shared by the maximum-likelihood fits: optimiser, covariance, tests, criteria."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from kidney_evals.estimation import _checks
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.errors import FitError

_Objective = Callable[[Floats], tuple[float, Floats, Floats]]
"""Returns the value, -inf for forbidden parameters, the gradient (p,) and a positive definite
curvature (p, p): minus the second derivatives where these are negative definite, else an
approximation."""

Box = tuple[Floats | float, Floats | float]
"""Lowest and highest allowed parameters, each a number or of shape (p,)."""

UNBOUNDED: Final[Box] = (-np.inf, np.inf)


@dataclass(frozen=True)
class PanelFit:
    """A fit to answers of people, who are its independent units."""

    log_likelihood: float
    n: int
    people: int
    parameters: int

    @property
    def bic(self) -> float:
        """Schwarz's criterion, p log people - 2 log L."""
        return self.parameters * float(np.log(self.people)) - 2 * self.log_likelihood


def climb(
    objective: _Objective,
    start: Floats,
    *,
    limit: int = 200,
    box: Box = UNBOUNDED,
    settled: float = 1e-11,
    negligible: float = 0.0,
    stride: float = 2.0,
    move: Callable[[Floats], Floats] = np.asarray,
) -> tuple[Floats, bool]:
    """Return the last point of Newton's method with step halving, and whether it is a maximum.

    A parameter at a bound of the box stays there while the gradient points outward (projected
    Newton, Bertsekas 1982). The method has converged if no parameter moves by more than `settled`
    or the squared step in standard errors is below `negligible`; it stops after `limit` steps. The
    largest step is `stride`, or the largest parameter if that is larger. The point may hold the
    parameters and then values derived from them: `move` maps a step of the parameters to that of
    the point. With scipy's trust-exact and L-BFGS-B, 2 of the 17 shipped reference tables changed,
    since several likelihoods have more than one maximum.
    """
    theta = start.copy()
    value, gradient, curvature = objective(theta)
    for _ in range(limit):
        try:
            step = _inward_step(theta[: len(gradient)], gradient, curvature, box)
        except np.linalg.LinAlgError:
            return theta, False
        size = float(np.abs(step).max(initial=0.0))
        if not np.isfinite(size):
            return theta, False
        if size < settled or abs(float(gradient @ step)) < negligible:
            return theta, True
        step *= min(1.0, max(stride, float(np.abs(theta[: len(step)]).max())) / size)
        for _ in range(40):
            trial = np.clip(theta + move(step), *box)
            candidate = objective(trial)
            if candidate[0] >= value - 1e-13 * abs(value):
                break
            step = step / 2
        else:
            # The expected gain is smaller than the rounding error.
            return theta, size < 1e-6
        theta, (value, gradient, curvature) = trial, candidate
    return theta, False


def _inward_step(theta: Floats, gradient: Floats, curvature: Floats, box: Box) -> Floats:
    """Return the Newton step of the free parameters, 0 for those held at a bound."""
    bottom, top = theta <= box[0], theta >= box[1]
    held = pressed(theta, gradient, box)
    while True:
        free = ~held
        step = np.zeros_like(theta)
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        # A step that leaves the box is clipped, and the clipped step may lower the objective.
        leaving = free & ((bottom & (step < 0)) | (top & (step > 0)))
        if not leaving.any():
            return step
        held = held | leaving


def hessian(gradient: Callable[[Floats], Floats], theta: Floats) -> Floats:
    """Return the second derivatives by central differences of the gradient, shape (p, p)."""
    width = 1e-5
    rows = [gradient(theta + step) - gradient(theta - step) for step in width * np.eye(len(theta))]
    matrix = np.array(rows) / (2 * width)
    return (matrix + matrix.T) / 2


def definite(observed: Floats, expected: Floats) -> Floats:
    """Return `observed` if it is positive definite, else `expected`, both of shape (p, p).

    Only the block of parameters with information, a positive diagonal of `expected`, is tested.
    """
    # Parameters without information must not make the test fail for the other parameters.
    live: Bools = np.diag(expected) > 0
    try:
        np.linalg.cholesky(observed[np.ix_(live, live)])
    except np.linalg.LinAlgError:
        return expected
    return observed


def logistic(eta: Floats) -> Floats:
    """Return 1 / (1 + exp(-eta)); rounding in `expit` would change a shipped calibration table."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * eta)))


def log_logistic(eta: Floats) -> Floats:
    """Return log(1 / (1 + exp(-eta))); `scipy.special.log_expit` takes ten times as long."""
    return np.asarray(np.minimum(eta, 0.0) - np.log1p(np.exp(-np.abs(eta))))


def pressed(theta: Floats, gradient: Floats, box: Box) -> Bools:
    """Return which parameters are at a bound with the gradient pointing outward, shape (p,)."""
    outward = (theta <= box[0]) & (gradient <= 0) | (theta >= box[1]) & (gradient >= 0)
    return np.asarray(outward)


def inverse(matrix: Floats) -> Floats:
    """Return the inverse of an information matrix; `FitError` if it is singular."""
    try:
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise FitError(
            "the information matrix is singular, so the answers do not determine every weight: "
            "use more answers or fewer attributes"
        ) from None


def cluster_sums(scores: Floats, index: Ints, count: int) -> Floats:
    """Return the (count, p) sums over clusters of the (n, p) scores."""
    return np.stack(
        [np.bincount(index, weights=column, minlength=count) for column in scores.T], axis=1
    )


def robust(bread: Floats, scores: Floats, clusters: ArrayLike | None) -> tuple[Floats, int | None]:
    """Return the clustered covariance of an estimate, shape (p, p), and the number of clusters G.

    From the inverse information `bread`, (p, p), and the gradient of each row's log-likelihood, (n,
    p): bread · (Σ_g s_g s_gᵀ) · bread · G/(G-1) · (n-1)/(n-p), with s_g the sum of the scores of a
    cluster (Liang and Zeger 1986); the factor is that of Stata and statsmodels. NaN where G < 2 or
    n ≤ p. Without clusters the results are `bread` and None.
    """
    if clusters is None:
        return bread, None
    n, p = scores.shape
    index, count = _checks.groups(clusters, n)
    if count < 2 or n <= p:
        return np.full((p, p), np.nan), count
    sums = cluster_sums(scores, index, count)
    return count / (count - 1) * (n - 1) / (n - p) * (bread @ (sums.T @ sums) @ bread), count


def full_rank(x: Floats, intercept: bool) -> tuple[Floats, Floats, Bools]:
    """Return a full-rank design of differences, and which weights they determine.

    Directions of `x`, shape (n, k), whose standardised variance (beyond the intercept) is at most
    1e-6 get the weight 0, such as the difference of two attributes correlated above .999999. A
    weight is determined if its attribute has next to no component along these directions. The
    results are the map from the design's weights to the k weights and the intercept, shape (k+1,
    p); the design, (n, p); and whether each weight is determined, (k,).
    """
    n, k = x.shape
    centre = x.mean(axis=0) if intercept else np.zeros(k)
    centred = x - centre
    scale = np.sqrt((centred**2).mean(axis=0))
    # Rounding leaves a constant column with a spread of about 1e-16 of its size.
    flat = scale <= 1e-12 * np.abs(x).max(axis=0, initial=0.0)
    scale = np.where(flat, 1.0, scale)
    standard = np.where(flat, 0.0, centred / scale)
    values, vectors = np.linalg.eigh(standard.T @ standard / n)
    keep = values > 1e-6
    determined = np.abs(vectors[:, ~keep]).max(axis=1, initial=0.0) < 1e-2
    directions = np.eye(k) if keep.all() else vectors[:, keep]
    slopes = directions / scale[:, None]
    rank = slopes.shape[1]
    basis = np.zeros((k + 1, rank + intercept))
    basis[:k, :rank] = slopes
    design = standard @ directions
    if intercept:
        basis[k, :rank] = -centre @ slopes
        basis[k, rank] = 1.0
        design = np.column_stack([design, np.ones(n)])
    return basis, design, np.asarray(determined)


def leverage(design: Floats, variance: Floats, bread: Floats) -> Floats:
    """Return the diagonal of V^½ X (XᵀVX)⁻¹ Xᵀ V^½, shape (n,)."""
    return np.asarray(variance * ((design @ bread) * design).sum(axis=1))


def is_separated(design: Floats, outcome: Floats) -> bool:
    """Return whether the answers are completely or quasi-completely separated.

    They are if some direction d has d·x_i ≥ 0 for every row with outcome 1, ≤ 0 for every row with
    outcome 0 and = 0 for every row in between, not 0 in all rows (Albert and Anderson 1984).
    Newton's steps nearly always decide, otherwise a linear programme. They fit a link with heavy
    tails: in a logit the residuals of a nearly separating rule would vanish.
    """
    if design.shape[1] == 0:
        return False
    sign = np.where(outcome == 1, 1.0, np.where(outcome == 0, -1.0, 0.0))
    theta = np.zeros(design.shape[1])
    for _ in range(20):
        eta = design @ theta
        if (sign * eta > 1e-8).all():
            return True
        # The distribution function of Student's t with 2 degrees of freedom, at √2 · η.
        root = np.sqrt(1 + eta**2)
        residual = outcome - 0.5 * (1 + eta / root)
        weighted = design * (0.5 / root**3)[:, None]
        try:
            step = np.linalg.solve(weighted.T @ design, residual @ design)
        except np.linalg.LinAlgError:
            break
        # By Stiemke's lemma they are not separated when positive λ_i exist with Σ λ_i s_i x_i = 0,
        # s_i the sign of row i. Residuals after one linear correction meet the sum exactly; only
        # their signs are left to check.
        corrected = residual - weighted @ step
        if ((sign * corrected > 1e-8) | (sign == 0)).all():
            return False
        theta = theta + step
    return _programme_separates(design, outcome)


def _programme_separates(design: Floats, outcome: Floats) -> bool:
    """Solve max Σ_i |d·x_i| over separating directions d in the unit box (Konis 2007)."""
    from scipy.optimize import linprog

    scaled = design / np.abs(design).max(axis=0)
    rows = np.unique(np.column_stack([scaled, outcome]), axis=0)
    points, share = rows[:, :-1], rows[:, -1]
    inner = (share > 0) & (share < 1)
    signed = np.where(share == 1, 1.0, -1.0)[:, None] * points
    constraints = np.vstack([signed, points[inner]])  # inner rows: both signs, hence 0
    gain = signed[~inner].sum(axis=0)
    result = linprog(
        -gain, A_ub=-constraints, b_ub=np.zeros(len(constraints)), bounds=(-1, 1), method="highs"
    )
    return bool(result.status == 0 and (signed[~inner] @ result.x).sum() > 1e-7)


def wald_p(estimate: Floats, covariance: Floats, freedom: int) -> float:
    """Return the p-value of Wald's test that every entry of `estimate`, shape (q,), is zero.

    The covariance, shape (q, q), may have a rank r below q; the statistic over r is referred to
    F(r, `freedom` - r). NaN where r is 0, the covariance is unknown or `freedom` is at most r + 1.
    """
    if len(estimate) == 0 or not np.isfinite(covariance).all():
        return float("nan")
    # Rounding may leave a small negative variance in a flat direction.
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scale = np.where(scale > 0, scale, 1.0)
    standard = covariance / np.outer(scale, scale)
    rank = int(np.linalg.matrix_rank(standard, tol=1e-8, hermitian=True))
    if rank == 0 or freedom <= rank + 1:
        return float("nan")
    z = estimate / scale
    statistic = max(0.0, float(z @ np.linalg.pinv(standard, rcond=1e-8, hermitian=True) @ z))
    return float(fdtrc(rank, freedom - rank, statistic / rank))


def score_p(sums: Floats, freedom: int) -> float:
    """Return the p-value of a clustered score test from scores by cluster, shape (G, q).

    T = sᵀM⁻¹s, with s the total score and M the sum over clusters of squared scores. M is not
    centred, so T ≤ G, and T / (G - T) times `freedom` / q is referred to F(q, `freedom`), as in
    Hotelling's test. NaN if q or `freedom` is 0. If M is singular: 1 if s is 0, else NaN.
    """
    count, q = sums.shape
    if q == 0 or freedom < 1:
        return float("nan")
    # Answers that cancel within each dilemma leave a score of 0, up to rounding.
    sums = np.where(np.abs(sums) < 1e-10, 0.0, sums)
    total = sums.sum(axis=0)
    meat = sums.T @ sums
    if np.linalg.matrix_rank(meat, hermitian=True) < q:
        return 1.0 if not total.any() else float("nan")
    statistic = float(total @ np.linalg.solve(meat, total))
    scaled = statistic / (count - statistic) * freedom / q if statistic < count else np.inf
    return float(fdtrc(q, freedom, scaled))
