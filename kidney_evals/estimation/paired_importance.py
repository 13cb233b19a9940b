"""The difference in importance shares between two runs on the same dilemmas."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import cluster_sums, full_rank, inverse, leverage, logistic
from kidney_evals.estimation._pairs import (
    NOTHING,
    PairedDifference,
    changed,
    on_both,
    unseen_changes,
    widened,
)
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.importance import _slopes, estimate_importance
from kidney_evals.estimation.intervals import (
    Interval,
    student,
)
from kidney_evals.estimation.logit import LogitFit, fit_logit


def importance_changes(
    first: Decisions, second: Decisions, ranges: ArrayLike
) -> tuple[PairedDifference, ...]:
    """Return the changes of the importance shares, one for each attribute.

    The logits are those behind the log's rows `imp_*`, fitted to the dilemmas that both runs
    decided. The covariance of the two estimates is bread_1 Σ_g s_1g s_2gᵀ bread_2, with s_1g and
    s_2g the scores of the two runs summed within dilemma g (seemingly unrelated estimation: Weesie
    1999, Stata Technical Bulletin 52), followed by the delta method. It is set to 0, so that the
    variances are added, if the answers of a run are separated. NaN with n = 0 unless both runs pass
    the signal gate of `estimate_importance` and determine every weight.
    """
    pair = _pair(first, second, ranges)
    k = first.differences.shape[1]
    if pair is None:
        return tuple([NOTHING] * k)
    contrast = np.hstack([-np.eye(k), np.eye(k)])
    variances = np.diag(contrast @ pair.covariance @ contrast.T)
    halves = student(pair.dilemmas - 1) * np.sqrt(np.maximum(variances, 0.0))
    rows = zip(*pair.shares.tolist(), halves.tolist(), pair.unseen.tolist(), strict=True)
    result = []
    for before, after, half, unseen in rows:
        value = after - before
        ends = widened(Interval(value - half, value + half), value, unseen, most=2.0)
        result.append(changed(before, after, ends, pair.dilemmas))
    return tuple(result)


class _Pair(NamedTuple):
    """Importance shares of two runs, (2, k), and their joint covariance, (2k, 2k).

    `unseen` is the effect of unobserved changes on each share (see `_pairs.unseen_changes`), (k,).
    """

    shares: Floats
    covariance: Floats
    unseen: Floats
    dilemmas: int


def _pair(first: Decisions, second: Decisions, ranges: ArrayLike) -> _Pair | None:
    both = on_both(first, second, lambda run: run.decided.answered)
    runs = [run.decided for run in both]
    count = runs[0].dilemmas
    if count < 2:
        return None
    spans = _checks.numbers(ranges, "ranges")
    fits = [fit_logit(run.shown_differences, run.shown_first, clusters=run.dilemma) for run in runs]
    one, two = (estimate_importance(fit, spans) for fit in fits)
    if not (one.defined and two.defined):
        return None
    scores, swings = zip(*map(_moves, runs, fits, [spans] * 2), strict=True)
    # The small-sample factor of the two sandwiches, so that equal runs have equal blocks.
    factor = count / (count - 1)
    factor *= float(np.prod([(fit.n - 1) / (fit.n - fit.parameters) for fit in fits]) ** 0.5)
    cross = factor * scores[0].T @ scores[1]
    if any(fit.separated for fit in fits):
        cross = np.zeros_like(cross)
    covariance = np.block([[one.covariance, cross], [cross.T, two.covariance]])
    # Multiplied by the number of dilemmas, since a share is a sum over dilemmas, not a mean.
    unlike = (runs[0].counts != runs[1].counts).any(axis=(1, 2))[:, None]
    each = count * np.where(unlike, scores[1] - scores[0], 0.0)
    reach = count * np.sqrt(np.mean(np.square(swings), axis=(0, 1)))
    unseen = np.array([unseen_changes(*pair) for pair in zip(each.T, reach, strict=True)])
    return _Pair(np.stack([one.shares, two.shares]), covariance, unseen, count)


def _moves(run: Decisions, fit: LogitFit, ranges: Floats) -> tuple[Floats, Floats]:
    """Return each dilemma's influence on the shares, now and if fully changed, each (D, k).

    Bread times the dilemma's score, and bread times the change of the score if every answer changes
    from the second-listed patient to the first, times the derivatives of the shares in the weights.
    """
    x, chosen = run.shown_differences, run.shown_first.astype(np.float64)
    basis, design, _ = full_rank(x, intercept=True)
    probability = logistic(x @ fit.weights + fit.intercept)
    variance = probability * (1 - probability)
    bread = inverse((design * variance[:, None]).T @ design)
    residual = chosen - probability + leverage(design, variance, bread) * (0.5 - probability)
    slopes = _slopes(fit.weights, ranges)

    def moves(pull: Floats) -> Floats:
        sums = cluster_sums(design * pull[:, None], run.dilemma, run.dilemmas)
        return np.asarray((sums @ bread @ basis.T)[:, :-1] @ slopes.T)

    return moves(residual), moves(np.where(run.order == 0, 1.0, -1.0))
