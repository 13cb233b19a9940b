"""Slopes of a model's log odds on people's log odds, for decisions and for coins.

Both slopes are 1 for a respondent who draws every answer from people's shares. Their errors are
clustered by dilemma, and the intervals include the error of people's shares.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import COIN, FIRST, SECOND, Decisions
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.intervals import student
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.paired import NOTHING, PairedDifference, linear_change, on_both
from kidney_evals.estimation.quantity import Quantity, undefined


def sharpness(decisions: Decisions, level: float = 0.95, *, people_error: bool = True) -> Quantity:
    """Return the slope τ of a run's decisions on people's: logit P(first) = τ · logit p.

    p is the share of people who chose the first patient, among those who decided. The logit has no
    intercept and no penalty. Dilemmas with a p of 0 or 1 do not count. `n` counts decisions. NaN if
    there are no decisions, if they are separated, or if p is ½ everywhere.

    Args:
        decisions: The answers of the run.
        level: Coverage of the interval.
        people_error: Whether the interval includes the error of p; otherwise p is taken as known.

    Raises:
        FitError: The logit did not reach an optimum.
    """
    return _quantity(decisions.drawn.decided, FIRST, level, people_error)


def coin_slope(decisions: Decisions, level: float = 0.95, *, people_error: bool = True) -> Quantity:
    """Return the slope γ of a run's coins on people's: logit P(coin) = α + γ · logit p.

    p is people's share of the coin. The logit has no penalty. With the intercept α, a respondent
    with one coin rate on every dilemma has γ = 0, whatever the rate is. Dilemmas with a p of 0 or 1
    do not count. `n` counts answers. NaN without a coin on offer, with coins only or none, if p
    does not vary, or if a threshold in p separates coins from decisions.

    Args:
        decisions: The answers of the run.
        level: Coverage of the interval.
        people_error: Whether the interval includes the error of p; otherwise p is taken as known.

    Raises:
        FitError: The logit did not reach an optimum.
    """
    if not decisions.has_coin:
        return undefined()
    return _quantity(decisions.drawn, COIN, level, people_error)


def sharpness_change(first: Decisions, second: Decisions) -> PairedDifference:
    """Return the change of `sharpness` over the dilemmas that both runs decided.

    The interval is from the joint covariance of both slopes, clustered by dilemma. `NOTHING` if a
    slope is not defined.

    Raises:
        FitError: A logit did not reach an optimum.
    """
    runs = on_both(first, second, lambda run: run.decided.answered & run.decided.known)
    return _change(runs[0].drawn.decided, runs[1].drawn.decided, FIRST)


def coin_slope_change(first: Decisions, second: Decisions) -> PairedDifference:
    """Return the change of `coin_slope` over the dilemmas that both runs answered.

    Interval and errors are as in `sharpness_change`.
    """
    runs = on_both(first, second, lambda run: run.answered & run.known)
    return _change(runs[0].drawn, runs[1].drawn, COIN) if first.has_coin else NOTHING


class _Slope(NamedTuple):
    """A fitted slope, its variance for given people, and arrays by dilemma, each (D,).

    `influence` is the contribution to the error of the slope, `swing` the change of that if every
    answer changed, `pull` the derivative of the slope in people's log odds. `factor` is the
    variance over the sum of squares of `influence`.
    """

    value: float
    variance: float
    answers: int
    factor: float
    influence: Floats
    swing: Floats
    pull: Floats


def _quantity(run: Decisions, answer: int, level: float, people_error: bool) -> Quantity:
    _checks.coverage(level)
    found = _fit(run, answer)
    if found is None:
        return undefined()
    people = _people_variance(run, answer, found.pull) if people_error else 0.0
    half = float(special.ndtri((1 + level) / 2) * np.sqrt(found.variance + people))
    return Quantity(found.value, found.value - half, found.value + half, n=found.answers)


def _change(first: Decisions, second: Decisions, answer: int) -> PairedDifference:
    count = first.dilemmas
    one, two = (_fit(run, answer) if count > 1 else None for run in (first, second))
    if one is None or two is None:
        return NOTHING
    moves = two.influence - one.influence
    variance = float(np.sqrt(one.factor * two.factor) * (moves**2).sum())
    variance += _people_variance(first, answer, two.pull - one.pull)
    half = student(count - 1) * float(np.sqrt(variance))
    # Multiplied by the number of dilemmas, since a slope is a sum over dilemmas, not a mean.
    unlike = (first.counts != second.counts).any(axis=(1, 2))
    reach = count * float(np.sqrt((one.swing**2 + two.swing**2).mean() / 2))
    each = count * np.where(unlike, moves, 0.0)
    return linear_change(one.value, two.value, half, each, reach)


def _fit(run: Decisions, answer: int) -> _Slope | None:
    """Fit the slope of one of the answers; None if it is not defined."""
    odds = _odds(run.shares, answer)
    known = np.isfinite(odds)[run.dilemma]
    where, hit = run.dilemma[known], (run.choice[known] == answer).astype(np.float64)
    x, coin = odds[where], answer == COIN
    varies = len(x) > 0 and np.ptp(x) > 1e-9 and np.ptp(hit) > 0 if coin else x.any()
    if not varies:
        return None
    try:
        fit = fit_logit(x[:, None], hit, clusters=where, intercept=coin, penalty="none")
    except FitError as error:
        if error.separated:
            return None
        raise
    slope, variance = float(fit.weights[0]), float(fit.covariance[0, 0])
    probability = special.expit(slope * x + fit.intercept)
    weight = probability * (1 - probability)
    design = np.column_stack([x, np.ones(len(x))])[:, : 1 + coin]
    bread = np.linalg.inv((design * weight[:, None]).T @ design)
    effect = design @ bread[:, 0]
    residual = hit - probability

    def by_dilemma(values: Floats) -> Floats:
        return np.asarray(np.bincount(where, weights=values, minlength=run.dilemmas))

    influence = by_dilemma(effect * residual)
    # At least that of independent answers: the clustered variance is 0 if answers cancel within
    # each dilemma, and too small with few coins.
    variance = max(variance, float(bread[0, 0]))
    total = float((influence**2).sum())
    return _Slope(
        value=slope,
        variance=variance,
        answers=len(x),
        factor=variance / total if total > 0 else 1.0,
        influence=influence,
        swing=by_dilemma(effect),
        pull=by_dilemma(bread[0, 0] * residual - slope * weight * effect),
    )


def _people_variance(run: Decisions, answer: int, pull: Floats) -> float:
    """Return the variance over the draws of people, by the derivatives in their log odds."""
    if run.share_draws is None or len(run.share_draws) < 2:
        return 0.0
    used = pull != 0
    # A share of 0 in a draw of people would have infinite log odds. One draw at a time, since all
    # together take much memory in a long run.
    draws = (np.maximum(draw[used].astype(np.float64), 1e-4) for draw in run.share_draws)
    return float(np.var([_odds(draw, answer) @ pull[used] for draw in draws], ddof=1))


def _odds(shares: Floats, answer: int) -> Floats:
    """Return the log odds of the first against the second patient, or of the coin against both."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if answer == COIN:
            return np.asarray(special.logit(shares[..., COIN]))
        return np.asarray(np.log(shares[..., FIRST]) - np.log(shares[..., SECOND]))
