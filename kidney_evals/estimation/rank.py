"""Ranking of profiles by pairwise choices, and its rank correlation with people's ranking."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import logistic
from kidney_evals.estimation._resample import redrawn_shares
from kidney_evals.estimation.arrays import Floats, Ints
from kidney_evals.estimation.decisions import COIN, Decisions
from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.estimation.intervals import DRAWS, blocks, percentile
from kidney_evals.estimation.quantity import Quantity, undefined

RIDGE: Final = 0.1
"""Precision of the normal prior on scores, which keeps them finite if a profile always wins."""


def fit_bradley_terry(
    first: ArrayLike, second: ArrayLike, wins: ArrayLike, profiles: int, *, ridge: float = RIDGE
) -> Floats:
    """Return ridge-penalised Bradley-Terry scores, shape (..., profiles), whose sum is 0.

    Scores s satisfy log P(i beats j) / P(j beats i) = s_i - s_j. The log-likelihood minus ½ ridge Σ
    s² is maximised (Bradley and Terry 1952 with a normal prior), which has one optimum for any
    answers.

    Args:
        first: Index of the first profile of each of m pairs, shape (m,).
        second: Index of the second profile of each pair, shape (m,).
        wins: How often the first and the second profile of each pair was chosen, with half counts
            for coins, shape (..., m, 2). Leading axes are resamples.
        profiles: Number of profiles.
        ridge: Precision of the prior on scores.

    Raises:
        FitError: The scores did not converge.
    """
    profiles = _checks.whole(profiles, "profiles", 1)
    left, right = _pairs(first, second, profiles)
    count = _checks.numbers(wins, "wins")
    if count.shape[-2:] != (len(left), 2):
        raise InputError(f"wins must have shape (..., {len(left)}, 2), not {count.shape}")
    count = _checks.shaped(count, count.shape, "wins", 0, np.inf)
    if not 0 < ridge <= _checks.LARGEST:
        raise InputError(f"ridge must be positive and finite, not {ridge}")
    lead = count.shape[:-2]
    count = count.reshape(-1, len(left), 2)
    design = np.eye(profiles)[left] - np.eye(profiles)[right]
    total = count.sum(axis=2)
    scores = np.zeros((len(count), profiles))
    # Newton's method for all resamples at once, which scipy does not have.
    for _ in range(100):
        chance = logistic(scores @ design.T)
        gradient = (count[:, :, 0] - total * chance) @ design - ridge * scores
        curvature = total * chance * (1 - chance)
        hessian = np.einsum("bm,mi,mj->bij", curvature, design, design, optimize=True)
        hessian += ridge * np.eye(profiles)
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        size = np.abs(step).max(axis=1)
        # Newton's steps on a log-concave likelihood can overshoot only where it is nearly flat.
        scores += step * np.minimum(1.0, 2.0 / np.maximum(size, 1e-12))[:, None]
        if size.max(initial=0.0) < 1e-10:
            scores -= scores.mean(axis=1, keepdims=True)
            return scores.reshape(*lead, profiles)
    raise FitError("the Bradley-Terry scores did not converge: use a larger ridge")


def spearman(scores: ArrayLike, reference: ArrayLike) -> Floats:
    """Return Spearman's rank correlation of scores with a reference, shape (...).

    Ties get mid-ranks. NaN if the scores or the reference are constant.

    Args:
        scores: Scores of m profiles, shape (..., m).
        reference: Reference of the same profiles, shape (m,).
    """
    # The sum of signs of differences is a linear function of the rank, with mean 0.
    return _cosine(*(_signs(values).sum(axis=-1) for values in _scored(scores, reference)))


def kendall(scores: ArrayLike, reference: ArrayLike) -> Floats:
    """Return Kendall's tau-b of scores (..., m) with a reference (m,), shape (...).

    NaN if the scores or the reference are constant.
    """
    return _cosine(*(_signs(values) for values in _scored(scores, reference)))


def profile_rank(
    decisions: Decisions,
    first: ArrayLike,
    second: ArrayLike,
    reference: ArrayLike,
) -> tuple[Quantity, Quantity]:
    """Return Spearman's and Kendall's correlation of a run's ranking of profiles with people's.

    The run's ranking is that of Bradley-Terry scores; a coin is half a win for each profile. The
    interval resamples answers within pair and order, since the pairs are all pairs, not a sample.
    NaN with n = 0 if nothing was answered or all Bradley-Terry scores are equal; `n` counts
    answers.

    Args:
        decisions: The answers of the run.
        first: 0-based profile of the first patient of each dilemma, shape (D,).
        second: 0-based profile of the second patient of each dilemma, shape (D,).
        reference: People's score of each profile, higher if preferred, shape (profiles,).

    Raises:
        FitError: The scores did not converge.
    """
    count = _checks.length(reference, "reference")
    scores = _checks.shaped(reference, (count,), "reference")
    left, right = _pairs(first, second, len(scores))
    if len(left) != decisions.dilemmas:
        raise InputError(f"first must have shape ({decisions.dilemmas},), not {left.shape}")
    answered = decisions.answered
    run, left, right = decisions.at(answered), left[answered], right[answered]
    nothing = undefined(), undefined()
    if not answered.any():
        return nothing
    counts = run.counts.sum(axis=1).astype(np.float64)
    observed = fit_bradley_terry(left, right, _halved(counts), len(scores))
    if np.ptp(observed) < 1e-9:
        return nothing
    answers = counts.sum(axis=1, keepdims=True)
    resamples = (
        _halved(np.maximum(answers * redrawn_shares(run.strata, rows), 0.0))
        for rows in blocks(DRAWS, run.shares.size * len(scores))
    )
    redrawn = np.concatenate(
        [fit_bradley_terry(left, right, wins, len(scores)) for wins in resamples]
    )
    rho, tau = (
        Quantity(
            float(correlate(observed, scores)),
            *percentile(correlate(redrawn, scores)),
            n=len(run),
        )
        for correlate in (spearman, kendall)
    )
    return rho, tau


def _pairs(first: ArrayLike, second: ArrayLike, profiles: int) -> tuple[Ints, Ints]:
    m = _checks.length(first, "first", 0)
    left = _checks.places(first, m, "first", profiles)
    right = _checks.places(second, m, "second", profiles)
    if (left == right).any():
        row = int(np.argmax(left == right))
        raise InputError(f"row {row} pairs profile {left[row]} with itself")
    return left, right


def _halved(answers: Floats) -> Floats:
    """Return wins (..., m, 2) from answers (..., m, K); a coin is half a win for each profile."""
    return np.asarray(answers[..., :COIN] + 0.5 * answers[..., COIN:].sum(axis=-1, keepdims=True))


def _scored(scores: ArrayLike, reference: ArrayLike) -> tuple[Floats, Floats]:
    m = _checks.length(reference, "reference")
    x = _checks.numbers(scores, "scores")
    if x.shape[-1:] != (m,):
        raise InputError(f"scores must have shape (..., {m}), not {x.shape}")
    x = _checks.shaped(x, x.shape, "scores")
    return x, _checks.shaped(reference, (m,), "reference")


def _signs(x: Floats) -> Floats:
    """Return the signs of differences between all entries, shape (..., m, m)."""
    # Scores that differ by rounding alone are tied.
    return np.sign(np.round(x[..., :, None] - x[..., None, :], 9))


def _cosine(x: Floats, y: Floats) -> Floats:
    axes = tuple(range(-y.ndim, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        r: Floats = (x * y).sum(axis=axes) / np.sqrt((x**2).sum(axis=axes) * (y**2).sum(axis=axes))
    return r
