"""The difference in importance shares between two runs on the same dilemmas."""

from __future__ import annotations

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
from kidney_evals.estimation.intervals import Interval, student
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
    nothing: tuple[PairedDifference, ...] = (NOTHING,) * first.differences.shape[1]
    both = on_both(first, second, lambda run: run.decided.answered)
    runs = [run.decided for run in both]
    count = runs[0].dilemmas
    if count < 2:
        return nothing
    spans = _checks.numbers(ranges, "ranges")
    fits = [fit_logit(run.shown_differences, run.shown_first, clusters=run.dilemma) for run in runs]
    one, two = (estimate_importance(fit, spans) for fit in fits)
    if not (one.defined and two.defined):
        return nothing
    scores, swings = zip(*map(_moves, runs, fits, [spans] * 2), strict=True)
    # The small-sample factor of the two sandwiches, so that equal runs have equal blocks.
    factor = count / (count - 1)
    factor *= float(np.prod([(fit.n - 1) / (fit.n - fit.parameters) for fit in fits]) ** 0.5)
    cross = factor * (scores[0] * scores[1]).sum(axis=0)
    if any(fit.separated for fit in fits):
        cross = np.zeros_like(cross)
    variances = np.diag(one.covariance + two.covariance) - 2 * cross
    halves = student(count - 1) * np.sqrt(np.maximum(variances, 0.0))
    # Multiplied by the number of dilemmas, since a share is a sum over dilemmas, not a mean.
    unlike = (runs[0].counts != runs[1].counts).any(axis=(1, 2))[:, None]
    each = count * np.where(unlike, scores[1] - scores[0], 0.0)
    reach = count * np.sqrt(np.mean(np.square(swings), axis=(0, 1)))
    unseen = map(unseen_changes, each.T, reach)
    result = []
    shares = one.shares.tolist(), two.shares.tolist()
    for before, after, half, more in zip(*shares, halves.tolist(), unseen, strict=True):
        value = after - before
        ends = widened(Interval(value - half, value + half), value, more, most=2.0)
        result.append(changed(before, after, ends, count))
    return tuple(result)


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
