"""Coin rates of a model and of people, by closeness of the patients.

Closeness is the absolute difference |Δu| between the utilities of the two patients, estimated in
logits from people who had no coin on offer, so that it does not depend on coin answers. It is 0 for
equal patients.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._resample import bootstrap, coin_gap, observed
from kidney_evals.estimation.arrays import Bools, Floats
from kidney_evals.estimation.decisions import COIN, Decisions
from kidney_evals.estimation.indecision import human_rates
from kidney_evals.estimation.intervals import DRAWS, NAN, percentile
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.estimation.two_stage import FlipSlope, fit_flip_slope

EDGES: Final = (0.0, 0.5, 1.0, 1.5, 2.5, float("inf"))
"""Edges of the closeness bins; a dilemma on an edge belongs to the bin above."""


def flip_calibration(decisions: Decisions, level: float = 0.95) -> Quantity:
    """Return the squared distance of the model's coin rates from people's, over bins of closeness.

    It is Σ_b w_b [(f_b - h_b)² - V(f_b) - V(h_b)]. In bin b the model's coin rate is f_b, people's
    rate on the same dilemmas is h_b, and w_b is the bin's share of the counted dilemmas. V(h_b) is
    the variance of h_b over the draws of people. V(f_b) is the variance over drawn dilemmas of the
    model's rate minus people's rate, since f_b and h_b share their dilemmas; on a fixed list it is
    the variance of the model's answers within dilemmas.

    The expected value is 0 for a respondent with people's coin rates, so an estimate may be
    negative. A bin is used if it has two drawn dilemmas or more; on a fixed list, if each of its
    dilemmas has two answers or more. `n` counts the dilemmas of the used bins. The result is
    undefined without a used bin, as without a coin or people's answers. `level` is the coverage of
    the interval.
    """
    bins = _bins(decisions)
    if not bins:
        return undefined()
    total = sum(part.run.dilemmas for part in bins)
    noise = np.zeros(DRAWS)
    for index, _, run, model, human in bins:
        redrawn = bootstrap(run, coin_gap(run), key=index + 1)
        # Resampled rates vary around the observed rates: the variances of the estimate and of
        # resampling are both subtracted. They are equal unless the list is fixed.
        again = model
        if run.fixed:
            again = float((_weights(run) ** 2 * run.strata.redrawn[:, COIN]).sum())
        noise += run.dilemmas * (redrawn**2 - (model + again + 2 * human))
    groups = None if decisions.fixed else total - len(bins) + 1
    ends = percentile(noise / total, groups, level)
    return Quantity(calibration_value(decisions), *ends, n=total)


def calibration_value(decisions: Decisions) -> float:
    """Return the value of `flip_calibration` alone, NaN if it is undefined."""
    bins = _bins(decisions)
    gaps = [observed(part.run, coin_gap(part.run)) ** 2 - part.model - part.human for part in bins]
    return _mean(bins, gaps)


def expected_flip_calibration(decisions: Decisions, flips: ArrayLike) -> float:
    """Return the expected `flip_calibration` of a respondent with known coin shares.

    `flips`, (D,), is the respondent's coin share in each of the D dilemmas. NaN if
    `flip_calibration` uses no bin.
    """
    rates = _checks.shares(flips, (decisions.dilemmas,), "flips")
    bins, gaps = _bins(decisions), []
    for part in bins:
        surplus = rates[part.mask] - part.run.shares[:, COIN]
        gaps.append(float((_weights(part.run) * surplus).sum()) ** 2 - part.human)
    return _mean(bins, gaps)


def flip_slope(decisions: Decisions, human: float = NAN) -> Quantity:
    """Return the slope of logit P(coin) on closeness, Firth-penalised and clustered by dilemma.

    `n` counts answers to dilemmas of known closeness. `human` is people's slope, copied to the
    result. Undefined without coins, with coins only, if closeness is unknown or does not vary, or
    if a threshold of closeness separates coins from decisions.

    Raises:
        FitError: The fit did not converge.
    """
    fit = flip_fit(decisions)
    if np.isnan(fit.slope) or fit.separated:
        return undefined(human=human)
    n = int((~np.isnan(decisions.closeness[decisions.dilemma])).sum())
    return Quantity(fit.slope, fit.low, fit.high, human, n)


@lru_cache(maxsize=4)
def flip_fit(decisions: Decisions) -> FlipSlope:
    """Return the fit behind `flip_slope`, over the dilemmas whose closeness is known.

    Raises:
        FitError: The fit did not converge.
    """
    answers = decisions.drawn
    known = ~np.isnan(answers.closeness[answers.dilemma])
    index = answers.dilemma[known]
    return fit_flip_slope(answers.closeness[index], answers.choice[known] == COIN, clusters=index)


class _Bin(NamedTuple):
    """A bin's dilemmas, and the variances V(f) and V(h) of the two coin rates in it."""

    place: int
    mask: Bools
    run: Decisions
    model: float
    human: float


@lru_cache(maxsize=1)
def _bins(decisions: Decisions) -> tuple[_Bin, ...]:
    """Return the bins in which V(f) can be estimated; cached for the functions that use them."""
    usable = decisions.answered & decisions.known & ~np.isnan(decisions.closeness)
    places = np.searchsorted(EDGES, decisions.closeness, side="right") - 1
    bins = []
    for place in range(len(EDGES) - 1):
        mask = usable & (places == place) & decisions.has_coin
        if mask.sum() < (1 if decisions.fixed else 2):
            continue
        run = decisions.at(mask)
        rates, weight = human_rates(run, run.counts.sum(axis=(1, 2))), _weights(run)
        human = float(rates.var(ddof=1)) if len(rates) > 1 else 0.0
        if run.fixed:
            model = float((weight**2 * run.strata.variance[:, COIN]).sum())
        else:
            surplus = run.strata.shares[:, COIN] - run.shares[:, COIN]
            residual = weight * (surplus - float((weight * surplus).sum()))
            model = run.dilemmas / (run.dilemmas - 1) * float((residual**2).sum())
        if not np.isnan(model):
            bins.append(_Bin(place, mask, run, model, human))
    return tuple(bins)


def _weights(run: Decisions) -> Floats:
    """Return each dilemma's share of the answers, shape (D,)."""
    answers = run.counts.sum(axis=(1, 2)).astype(np.float64)
    return np.asarray(answers / answers.sum())


def _mean(bins: tuple[_Bin, ...], values: list[float]) -> float:
    """Return the mean of the bins' values, weighted by their dilemmas; NaN without bins."""
    total = sum(each.run.dilemmas for each in bins)
    weighted = sum(each.run.dilemmas * value for each, value in zip(bins, values, strict=True))
    return weighted / total if bins else NAN
