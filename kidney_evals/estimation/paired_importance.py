"""The difference in importance shares between two runs on the same dilemmas."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import cluster_sums, full_rank, inverse, leverage, logistic
from kidney_evals.estimation._pairs import (
    NOTHING,
    PairedDifference,
    changed,
    check_listed_alike,
    on_both,
    unseen_changes,
    widened,
)
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.importance import (
    ImportanceEstimate,
    estimate_importance,
    importance_distance,
)
from kidney_evals.estimation.intervals import (
    DRAWS,
    Interval,
    generator,
    percentile,
    recentred,
    student,
)
from kidney_evals.estimation.logit import LogitFit, fit_logit

_KEY: Final = 11


def importance_changes(
    first: Decisions, second: Decisions, ranges: ArrayLike
) -> tuple[PairedDifference, ...]:
    """Return the changes of the importance shares, one for each attribute.

    The logits are those behind the log's rows `imp_*`, fitted to the dilemmas that both runs
    decided. The covariance of the two estimates is bread_1 Σ_g s_1g s_2gᵀ bread_2, with s_1g and
    s_2g the scores of the two runs summed within dilemma g (seemingly unrelated estimation: Weesie
    1999, Stata Technical Bulletin 52), followed by the delta method. If the answers of a run are
    separated, this covariance cannot be estimated and is set to 0, so that the variances are added.

    Args:
        first: The first run.
        second: The second run, see `paired.shared`.
        ranges: Full range of each attribute in the weights' unit, shape (k,).

    Returns:
        NaN with n = 0 unless both runs pass the signal gate of `estimate_importance` and
        determine every weight.

    Raises:
        FitError: A logit found no optimum.
    """
    pair = _pair(first, second, ranges)
    if pair is None:
        return tuple([NOTHING] * first.differences.shape[1])
    k = len(pair.first.shares)
    spread = pair.covariance[k:, k:] + pair.covariance[:k, :k]
    spread = spread - pair.covariance[k:, :k] - pair.covariance[:k, k:]
    halves = student(pair.dilemmas - 1) * np.sqrt(np.maximum(np.diag(spread), 0.0))
    result: list[PairedDifference] = []
    for before, after, half, unseen in zip(
        pair.first.shares, pair.second.shares, halves, pair.unseen, strict=True
    ):
        value = float(after - before)
        ends = widened(Interval(value - float(half), value + float(half)), value, float(unseen))
        # Shares lie within -1 and 1.
        ends = Interval(max(ends.low, -2.0), min(ends.high, 2.0))
        result.append(changed(float(before), float(after), ends, pair.dilemmas))
    return tuple(result)


def importance_distance_change(
    first: Decisions,
    second: Decisions,
    ranges: ArrayLike,
    people: ArrayLike,
    people_draws: ArrayLike | None = None,
) -> PairedDifference:
    """Return the change of `importance_distance`, ½ Σ_k |s_k - h_k|, to people's shares.

    For the interval the shares of both runs are drawn from their joint normal distribution, and
    people's shares from `people_draws`, with the same draw for both runs.

    Args:
        first: The first run.
        second: The second run, see `paired.shared`.
        ranges: As in `importance_changes`.
        people: People's importance shares h, shape (k,).
        people_draws: Importance shares of resampled people, shape (B, k), or None.

    Returns:
        NaN with n = 0 as in `importance_changes`, or where people's shares are unknown.

    Raises:
        FitError: As in `importance_changes`.
    """
    k = first.differences.shape[1]
    h = _checks.shaped(people, (k,), "people", -1, 1, missing=True)
    crowds = h[None]
    if people_draws is not None:
        crowds = _checks.numbers(people_draws, "people_draws")
        shape = (max(len(crowds), 1), k)
        crowds = _checks.shaped(crowds, shape, "people_draws", -1, 1, missing=True)
    pair = _pair(first, second, ranges)
    if pair is None or np.isnan(h).any():
        return NOTHING
    crowd = crowds[np.arange(DRAWS) % len(crowds)]
    shares = _redrawn(pair)
    before, after = (float(importance_distance(one.shares, h)) for one in (pair.first, pair.second))
    draws = np.asarray(importance_distance(shares[:, k:], crowd)) - importance_distance(
        shares[:, :k], crowd
    )
    ends = percentile(recentred(draws, after - before), pair.dilemmas)
    ends = widened(ends, after - before, 0.5 * float(pair.unseen.sum()))
    return changed(before, after, Interval(max(ends.low, -1.0), min(ends.high, 1.0)), pair.dilemmas)


class _Pair(NamedTuple):
    """Two estimates and their joint covariance.

    Attributes:
        first: Importance shares of the first run, shape (k,).
        second: Importance shares of the second run, shape (k,).
        covariance: Covariance of (first, second), shape (2k, 2k).
        unseen: Possible effect of unobserved changes on each share, shape (k,); see
            `_pairs.unseen_changes`.
        dilemmas: Number of dilemmas that both runs decided.
    """

    first: ImportanceEstimate
    second: ImportanceEstimate
    covariance: Floats
    unseen: Floats
    dilemmas: int


def _pair(first: Decisions, second: Decisions, ranges: ArrayLike) -> _Pair | None:
    check_listed_alike(first, second)
    one, two = first.decided, second.decided
    one, two = on_both(one, two, one.answered, two.answered)
    count = one.dilemmas
    if count < 2:
        return None
    spans = _checks.numbers(ranges, "ranges")
    fits = [_fit(run) for run in (one, two)]
    estimates = [estimate_importance(fit, spans) for fit in fits]
    if not all(estimate.defined for estimate in estimates):
        return None
    scores, swings = zip(
        *(_moves(run, fit, spans) for run, fit in zip((one, two), fits, strict=True)), strict=True
    )
    # The small-sample factor of the two sandwiches, so that equal runs have equal blocks.
    factor = count / (count - 1)
    factor *= float(np.prod([(fit.n - 1) / (fit.n - fit.parameters) for fit in fits]) ** 0.5)
    cross = factor * scores[0].T @ scores[1]
    if any(fit.separated for fit in fits):
        cross = np.zeros_like(cross)
    covariance = np.block([[estimates[0].covariance, cross], [cross.T, estimates[1].covariance]])
    # Multiplied by the number of dilemmas, since a share is a sum over dilemmas, not a mean.
    unlike = (one.counts != two.counts).any(axis=(1, 2))[:, None]
    each = count * np.where(unlike, scores[1] - scores[0], 0.0)
    reach = count * np.sqrt(np.mean(np.square(swings), axis=(0, 1)))
    unseen = np.array([unseen_changes(*pair) for pair in zip(each.T, reach, strict=True)])
    return _Pair(estimates[0], estimates[1], covariance, unseen, count)


def _fit(run: Decisions) -> LogitFit:
    return fit_logit(run.shown_differences, run.shown_first, clusters=run.dilemma)


def _moves(run: Decisions, fit: LogitFit, ranges: Floats) -> tuple[Floats, Floats]:
    """Return each dilemma's influence on the shares, now and if fully changed, each (D, k).

    The first array is bread times the dilemma's score, ψ_g: Σ_g ψ_g ψ_gᵀ is the sandwich without
    its small-sample factor. The second is bread times the change of the score if every answer to
    the dilemma changes from the second-listed patient to the first. Both are multiplied by the
    derivatives of the shares in the weights.
    """
    x, chosen = run.shown_differences, run.shown_first.astype(np.float64)
    basis, design, _ = full_rank(x, intercept=True)
    probability = logistic(x @ fit.weights + fit.intercept)
    variance = probability * (1 - probability)
    bread = inverse((design * variance[:, None]).T @ design)
    residual = chosen - probability + leverage(design, variance, bread) * (0.5 - probability)
    reach = fit.weights * ranges
    total = np.abs(reach).sum()
    slopes = np.diag(ranges) / total - np.outer(reach, np.sign(reach) * ranges) / total**2

    def moves(pull: Floats) -> Floats:
        sums = cluster_sums(design * pull[:, None], run.dilemma, run.dilemmas)
        result: Floats = (sums @ bread @ basis.T)[:, :-1] @ slopes.T
        return result

    return moves(residual), moves(np.where(run.order == 0, 1.0, -1.0))


def _redrawn(pair: _Pair) -> Floats:
    """Return draws of both runs' shares, shape (draws, 2k)."""
    values, vectors = np.linalg.eigh(pair.covariance)
    # Uniform doubles are the same in all numpy versions; its normal numbers may change.
    normal = special.ndtri(generator(_KEY).random((DRAWS, len(values))))
    spread = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn = np.concatenate([pair.first.shares, pair.second.shares]) + normal @ spread.T
    result: Floats = np.clip(drawn, -1.0, 1.0)
    return result
