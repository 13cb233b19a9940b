"""Coin rates of a model and of people, by closeness of the patients.

Closeness is people's |Δu|, in logits of the forced-choice group, so that it does not depend on coin
answers.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._resample import bootstrap, coin_gap, observed, rate_interval
from kidney_evals.estimation.arrays import Bools
from kidney_evals.estimation.decisions import COIN, Decisions
from kidney_evals.estimation.indecision import human_interval, human_rates
from kidney_evals.estimation.intervals import DRAWS, NAN, difference, percentile
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.estimation.two_stage import FlipSlope, fit_flip_slope

EDGES: Final = (0.0, 0.5, 1.0, 1.5, 2.5, float("inf"))
"""Edges of the closeness bins; a dilemma on an edge belongs to the bin above."""


class ClosenessBin(NamedTuple):
    """Coin answers among dilemmas of similar closeness.

    Attributes:
        lower: Lower edge of |Δu|.
        upper: Upper edge.
        rate: The model's coin rate; `human` is people's rate on the same dilemmas, n counts
            answers.
        gap: The model's rate minus people's; the interval includes the errors of both; n counts
            dilemmas.
    """

    lower: float
    upper: float
    rate: Quantity
    gap: Quantity


def flip_calibration(decisions: Decisions) -> Quantity:
    """Return Σ_b w_b [(f_b - h_b)² - V(f_b) - V(h_b)] over bins of closeness.

    f_b is the model's coin rate in bin b, h_b people's on the same dilemmas, w_b the bin's share
    of the counted dilemmas. V(f_b) is the variance of answers minus people's rates, clustered by
    dilemma, since f_b and h_b share their dilemmas; V(h_b) is the variance over people's draws.
    With both subtracted, the expected value is 0 for a respondent with people's coin rates, so an
    estimate may be negative.

    A bin with one dilemma has no variance between dilemmas and is left out, unless the study is a
    fixed list with repeats, where answers vary within questions.

    Returns:
        The quantity; NaN with n = 0 if no bin can be used (no coin, no people, too few dilemmas).
        `human` is NaN; n counts the dilemmas of the used bins.
    """
    total, bins = 0, 0
    value, noise = 0.0, np.zeros(DRAWS)
    for index, _, run in _parts(decisions):
        squared = _squared_gap(run)
        if np.isnan(squared):
            continue
        size = run.dilemmas
        total, bins = total + size, bins + 1
        value += size * squared
        redrawn = bootstrap(run, coin_gap(run), np.divide, key=index + 1)
        # Resampled rates vary around the observed rates, so each variance is subtracted twice.
        noise += size * (redrawn**2 - _redrawn_variance(run))
    if total == 0:
        return undefined()
    ends = percentile(noise / total, None if decisions.fixed else total - bins + 1)
    return Quantity(value / total, ends.low, ends.high, n=total)


def calibration_value(decisions: Decisions) -> float:
    """Return the value of `flip_calibration` alone."""
    total, value = 0, 0.0
    for _, _, run in _parts(decisions):
        squared = _squared_gap(run)
        if not np.isnan(squared):
            total, value = total + run.dilemmas, value + run.dilemmas * squared
    return value / total if total else NAN


def expected_flip_calibration(decisions: Decisions, flips: ArrayLike) -> float:
    """Return the calibration of a respondent with known coin shares on the same dilemmas.

    Args:
        decisions: The run whose dilemmas and bins are used.
        flips: Share of coin answers by dilemma, shape (D,); NaN where unknown.
    """
    rates = _checks.shares(flips, (decisions.dilemmas,), "flips")
    total, value = 0, 0.0
    for _, mask, run in _parts(decisions):
        if np.isnan(_model_variance(run)):
            continue
        answers = run.counts.sum(axis=(1, 2))
        gap = float((answers * (rates[mask] - run.shares[:, COIN])).sum() / answers.sum())
        total += run.dilemmas
        value += run.dilemmas * (gap**2 - _human_variance(run))
    return value / total if total else NAN


def closeness_bins(decisions: Decisions) -> tuple[ClosenessBin, ...]:
    """Return the coin rate and its gap to people's in each bin, empty bins as NaN with n = 0."""
    runs = {part.place: part.run for part in _parts(decisions)}
    return tuple(
        _bin(lower, upper, runs.get(index)) for index, (lower, upper) in enumerate(pairwise(EDGES))
    )


def flip_slope(decisions: Decisions, human: float = NAN) -> Quantity:
    """Return the slope of logit P(coin) on |Δu|, Firth-penalised and clustered by dilemma.

    Args:
        decisions: A run with a coin on offer.
        human: People's slope, passed through (-0.660 per logit of the forced-choice group).

    Returns:
        The quantity; n counts answers. NaN with n = 0 without coins, with coins only, if closeness
        is unknown or does not vary, or if a threshold in |Δu| separates coins from decisions, since
        the slope is then not finite.
    """
    fit = flip_fit(decisions)
    if np.isnan(fit.slope) or fit.separated:
        return undefined(human=human)
    n = int((~np.isnan(decisions.closeness[decisions.dilemma])).sum())
    return Quantity(fit.slope, fit.low, fit.high, human, n)


@lru_cache(maxsize=4)
def flip_fit(decisions: Decisions) -> FlipSlope:
    """Return the fit behind `flip_slope`, over the dilemmas whose closeness is known."""
    answers = decisions.drawn
    known = ~np.isnan(answers.closeness[answers.dilemma])
    index = answers.dilemma[known]
    return fit_flip_slope(answers.closeness[index], answers.choice[known] == COIN, clusters=index)


def _bin(lower: float, upper: float, run: Decisions | None) -> ClosenessBin:
    if run is None:
        return ClosenessBin(lower, upper, undefined(), undefined())
    trials, hits = run.counts.sum(axis=2), run.counts[:, :, COIN]
    answers = trials.sum(axis=1)
    rate = float(hits.sum() / answers.sum())
    people = run.shares[:, COIN]
    human = float((answers * people).sum() / answers.sum())
    ends = rate_interval(run, hits, trials)
    model = rate_interval(run, hits, trials, answers * people)
    gap = difference(rate, model, human, human_interval(run, answers))
    return ClosenessBin(
        lower,
        upper,
        Quantity(rate, ends.low, ends.high, human, len(run)),
        Quantity(rate - human, gap.low, gap.high, n=run.dilemmas),
    )


class _Part(NamedTuple):
    """The dilemmas of one bin: its place, a mask of them, and the run on them."""

    place: int
    mask: Bools
    run: Decisions


@lru_cache(maxsize=1)
def _parts(decisions: Decisions) -> tuple[_Part, ...]:
    """Return the bins with answers; cached, since several functions use them and each is a copy."""
    if not decisions.has_coin:
        return ()
    usable = decisions.answered & decisions.known & ~np.isnan(decisions.closeness)
    place = np.searchsorted(EDGES, decisions.closeness, side="right") - 1
    masks = [usable & (place == index) for index in range(len(EDGES) - 1)]
    return tuple(
        _Part(index, mask, decisions.at(mask)) for index, mask in enumerate(masks) if mask.any()
    )


def _squared_gap(run: Decisions) -> float:
    """Return (f - h)² - V(f) - V(h) of a bin, NaN where V(f) cannot be estimated."""
    gap = observed(run, coin_gap(run), np.divide)
    return gap**2 - _model_variance(run) - _human_variance(run)


def _redrawn_variance(run: Decisions) -> float:
    """Return the bias of a resampled (f - h)²: the variances of the estimate and of resampling."""
    model, human = _model_variance(run), _human_variance(run)
    if not run.fixed:
        return 2 * model + 2 * human
    answers = run.counts.sum(axis=(1, 2))
    weight = answers / answers.sum()
    return model + float((weight**2 * run.strata.redrawn[:, COIN]).sum()) + 2 * human


def _model_variance(run: Decisions) -> float:
    """Return V(f): within questions on a fixed list with repeats, between dilemmas otherwise."""
    answers = run.counts.sum(axis=(1, 2)).astype(np.float64)
    weight = answers / answers.sum()
    if run.fixed:
        return float((weight**2 * run.strata.variance[:, COIN]).sum())
    if run.dilemmas < 2:
        return NAN
    surplus = run.strata.shares[:, COIN] - run.shares[:, COIN]
    residual = weight * (surplus - float((weight * surplus).sum()))
    return run.dilemmas / (run.dilemmas - 1) * float((residual**2).sum())


@lru_cache(maxsize=len(EDGES))
def _human_variance(run: Decisions) -> float:
    rates = human_rates(run, run.counts.sum(axis=(1, 2)))
    return float(rates.var(ddof=1)) if len(rates) > 1 else 0.0
