"""The half threshold: people's utility difference at which the better patient gets half of answers.

It is the u with (1 - P(coin | u)) P(better | u) = ½, where logit P(coin) = a + b·|u| and, among
decided answers, logit P(better) = s·|u|. u is people's Δu, in logits of the forced-choice group, so
that all respondents are measured on one scale; `TwoStageFit.thresholds` is in a model's own logits.
Without coins the threshold is 0. With coins it does not exist for a respondent who does not favour
the patients that people favour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.intervals import NAN, proportion
from kidney_evals.estimation.logit import fit_logit, fit_logit_resamples
from kidney_evals.estimation.thresholds import Threshold
from kidney_evals.estimation.thresholds import half_threshold as half_threshold


def fit_half_threshold(
    utility: ArrayLike, choices: ArrayLike, clusters: ArrayLike | None = None
) -> Threshold:
    """Estimate the half threshold from answers, with both stages Firth-penalised.

    The interval is by the delta method, with the two stages independent. Without any coin the
    threshold is 0, and its upper end is the threshold at a constant coin rate equal to the upper
    end of Wilson's interval. The threshold is infinite if the better patient does not reach half
    within the range of |Δu|; NaN if there are only coins, if Δu does not vary, or if a threshold in
    |Δu| separates coins from decisions. `utility` is people's Δu of each answer's dilemma, (n,).
    """
    n = _checks.length(utility, "utility")
    u = _checks.column(utility, n, "utility", -np.inf, np.inf)
    choice = _checks.codes(choices, n, "choices", (0, 1, 2))
    label = np.arange(n) if clusters is None else _checks.groups(clusters, n)[0]
    decided = choice != COIN
    if not decided.any() or np.ptp(np.abs(u)) == 0:
        return Threshold(NAN, NAN, NAN)
    stage = fit_logit(u[decided, None], choice[decided] == 0, clusters=label[decided],
                      intercept=False)  # fmt: skip
    slope = float(stage.weights[0])
    if decided.all():
        answers = np.bincount(label)
        rate = proportion(0 * answers, answers).high
        share = 0.5 / (1 - rate) if rate < 0.5 else 1.0
        if slope <= 0 or share >= 1:
            return Threshold(0.0, 0.0, float("inf"))
        return Threshold(0.0, 0.0, float(np.log(share / (1 - share)) / slope))
    flip = fit_logit(np.abs(u)[:, None], ~decided, clusters=label)
    if flip.separated:
        return Threshold(NAN, NAN, NAN)
    covariance = np.zeros((3, 3))
    # The covariance of a fit lists its intercept last.
    covariance[:2, :2] = flip.covariance[::-1, ::-1]
    covariance[2, 2] = stage.covariance[0, 0]
    half = Threshold.at_half([flip.intercept, float(flip.weights[0]), slope], covariance)
    if not half.value <= np.abs(u).max():
        # A threshold above the largest |Δu| would be an extrapolation.
        return Threshold(float("inf"), NAN, NAN)
    return half._replace(low=max(half.low, 0.0))


def fit_half_threshold_resamples(
    utility: ArrayLike, choices: ArrayLike, frequencies: ArrayLike
) -> Floats:
    """Return the half threshold in each resample, (draws,), NaN where Δu does not vary.

    Raises:
        FitError: No coin, or only coins.
    """
    n = _checks.length(utility, "utility")
    u = _checks.column(utility, n, "utility", -np.inf, np.inf)
    choice = _checks.answers_with_coin(choices, n, "a half threshold under resampling")
    counts = _checks.numbers(frequencies, "frequencies")
    draws = len(counts) if counts.ndim else 0
    counts = _checks.shaped(counts, (draws, n), "frequencies", 0, np.inf)
    if np.ptp(np.abs(u)) == 0:
        return np.full(draws, NAN)
    decided = choice != COIN
    slope = fit_logit_resamples(
        u[decided, None], choice[decided] == 0, counts[:, decided], intercept=False
    )[:, 0]
    flip = fit_logit_resamples(np.abs(u)[:, None], ~decided, counts)
    return half_threshold(np.column_stack([flip[:, 1], flip[:, 0], slope]))
