"""Maximum likelihood for the models of `_links`, in the whole space or inside a box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kidney_evals.estimation._checks import Floats, Ints
from kidney_evals.estimation._linear import inverse
from kidney_evals.estimation._links import Model, row_scores, value_and_slopes
from kidney_evals.estimation._newton import climb
from kidney_evals.estimation._sandwich import robust
from kidney_evals.estimation._separation import is_separated
from kidney_evals.estimation.errors import FitError

_SAME = 1e-6
"""Log-likelihoods closer than this, per answer, belong to one maximum."""

_STEPS = 80
"""Newton steps from one start; fits that have a maximum need about ten."""

_FAILURES = 2
"""Starts that may lead nowhere before the others are spared: mostly the maximum is at infinity."""

_FLAT = 1e-9
"""Information, per squared logit, below which a point is not a maximum but the way to infinity,
on which gradients end in rounding."""


class Optimum(NamedTuple):
    """A maximum of the likelihood.

    Attributes:
        theta: (w, λ, c), shape (k+2,).
        covariance: Shape (k+2, k+2), zeros for what was not fitted, NaN for what the box holds.
        log_likelihood: At the maximum.
        clusters: Number of clusters, None where none were given.
        parameters: How many were fitted, those that the box holds among them.
        held: Which parameters the box holds, shape (k+2,).
        agreeing: How many starts led to this maximum.
    """

    theta: Floats
    covariance: Floats
    log_likelihood: float
    clusters: int | None
    parameters: int
    held: NDArray[np.bool_]
    agreeing: int


def spread(x: Floats) -> Floats:
    """Return the root mean square of each column, which the fits use as its unit.

    Raises:
        FitError: A column is zero throughout or a combination of others.
    """
    scale: Floats = np.sqrt((x**2).mean(axis=0))
    flat = np.flatnonzero(scale == 0)
    if len(flat):
        raise FitError(
            f"attribute {int(flat[0])} never differs between the patients: leave its column out"
        )
    if np.linalg.matrix_rank(x / scale) < x.shape[1]:
        raise FitError(
            "some attributes move in step, so that their weights cannot be told apart: leave one "
            "of their columns out or use more answers"
        )
    return scale


def find_maximum(
    model: str,
    x: Floats,
    mean: Floats,
    choice: Ints,
    starts: Sequence[Floats],
    *,
    intercept: bool,
    clusters: ArrayLike | None,
    box: tuple[Floats, Floats] | None = None,
) -> Optimum:
    """Climb from every start and return the highest maximum.

    Args:
        model: A key of `_links.SHAPES`.
        x: First minus second patient, shape (n, k).
        mean: Half the sum of both, less the origin, shape (n, k).
        choice: Codes 0 first, 1 second, 2 coin, shape (n,).
        starts: Points (w, λ, c) to climb from, each of shape (k+2,).
        intercept: Fit the pull c of the first place.
        clusters: Labels of rows that belong together, shape (n,).
        box: Lowest and highest (w, λ, c).

    Raises:
        FitError: No finite maximum exists or none was reached.
    """
    n, k = x.shape
    unit = np.append(spread(x), [1.0, 1.0])
    scaled = Model(model, x / unit[:k], mean / unit[:k])
    chosen = (choice == np.arange(3)[:, None]).astype(np.float64)
    used = np.append(np.ones(k + 1, dtype=bool), intercept)
    limits = None if box is None else (box[0][used] * unit[used], box[1][used] * unit[used])

    def full(moving: Floats) -> Floats:
        theta = np.zeros(k + 2)
        theta[used] = moving
        return theta

    def objective(moving: Floats) -> tuple[float, Floats, Floats]:
        value, gradient, information = value_and_slopes(scaled, full(moving), chosen)
        return value, gradient[used], information[np.ix_(used, used)]

    reached = []
    for start in starts:
        point, found = climb(objective, (start * unit)[used], limit=_STEPS, box=limits)
        reached.append((objective(point)[0], found, point))
        if sum(not found for _, found, _ in reached) == _FAILURES:
            break
    value, found, point = max(reached, key=lambda one: one[0])
    _, gradient, information = objective(point)
    free = np.ones(len(point), dtype=bool)
    if limits is not None:
        low, high = limits
        free = ~(((point <= low) & (gradient <= 0)) | ((point >= high) & (gradient >= 0)))
    flattest = np.linalg.eigvalsh(information[np.ix_(free, free)]).min(initial=np.inf)
    if not found or flattest < _FLAT:
        raise FitError(_advice(model, scaled, full(point), chosen, used))
    covariance = np.zeros((k + 2, k + 2))
    inside, held = used.copy(), np.zeros(k + 2, dtype=bool)
    inside[used], held[used] = free, ~free
    bread = inverse(information[np.ix_(free, free)])
    scores = row_scores(scaled, full(point), chosen)[:, inside]
    covariance[np.ix_(inside, inside)], count = robust(bread, scores, clusters)
    covariance[held, :] = covariance[:, held] = np.nan
    return Optimum(
        theta=full(point) / unit,
        covariance=covariance / np.outer(unit, unit),
        log_likelihood=value,
        clusters=count,
        parameters=int(used.sum()),
        held=held,
        agreeing=sum(one >= value - _SAME * n for one, _, _ in reached),
    )


def _advice(name: str, model: Model, theta: Floats, chosen: Floats, used: NDArray[np.bool_]) -> str:
    if model.linear and _separated(model, theta, chosen, used):
        return (
            f"the answers are separated, no finite {name} model exists: use more answers, or "
            "describe the decisions by fit_logit with penalty='firth' and the coins by "
            "fit_flip_slope"
        )
    return (
        f"the {name} model did not converge, or the answers leave one of its parameters open: use "
        "more answers, fewer attributes or more starts"
    )


def _separated(model: Model, theta: Floats, chosen: Floats, used: NDArray[np.bool_]) -> bool:
    """Whether some direction raises no answer's probability less than another's, for every row.

    With linear links each answer beats its rivals by linear margins; the likelihood has no finite
    maximum if some direction makes all margins at least 0 and one of them positive, which is the
    separation of a logit whose rows are the margins and whose outcomes are all 1.
    """
    links = model.links(theta)
    first, coin = links.phi_slopes[used].T, links.kappa_slopes[used].T
    rows = chosen.astype(bool)
    decided = [first[rows[0]], -first[rows[1]]]
    if model.name == "random":
        margins = decided
    else:
        margins = [
            *decided,
            first[rows[0]] - coin[rows[0]],
            -first[rows[1]] - coin[rows[1]],
            coin[rows[2]] - first[rows[2]],
            coin[rows[2]] + first[rows[2]],
        ]
    design = np.vstack(margins)
    live = np.abs(design).max(axis=0) > 0
    return is_separated(design[:, live], np.ones(len(design)), theta[used][live])
