"""Measures of how often, and where, a model leaves the decision to a coin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures import estimators
from kidney_evals.measures.means import mean_change, mean_over_dilemmas
from kidney_evals.measures.registry import in_group

if TYPE_CHECKING:
    from kidney_evals.measures.run import Run

measure = in_group("indecision", source=__name__, needs=("coin",))

measure(
    "flip_rate",
    label="indecision rate",
    unit="share of answers",
    headline={"coin_flip": 1},
    says="Share of answers that leave the decision to the coin.",
    formula="coins ∕ answers",
    notes="Wilson's interval with dilemmas as clusters (Wilson, JASA 1927).",
    reading="Compare with people on the same dilemmas; neither 0 nor 1 is good by itself.",
    gamed_by="Flipping at random at people's rate; see flip calibration.",
    other_mechanism="no people",
    bounds=lambda run: estimators.bounds.indecision_bounds(run.decisions, *run.unanswered),
    change=lambda one, two: estimators.paired.indecision_change(one.decisions, two.decisions),
)(lambda run: estimators.indecision.indecision_rate(run.decisions))

measure(
    "flip_calib",
    label="flip calibration",
    needs=("coin", "people"),
    unit="squared difference of shares",
    in_log=True,
    crowd=0,
    lowest=True,
    says="Squared distance of the model's flip rates from people's, over five bins of closeness.",
    formula="Σ_b w_b [(f_b − h_b)² − V(f_b) − V(h_b)] over bins of |Δu| with edges 0, ½, 1, 1½, 2½",
    notes="f is the respondent's coin rate in a bin, h people's on the same dilemmas, w the bin's "
    "share of the dilemmas; |Δu| is the utility difference of the patients, in logits of the "
    "people without a coin. Both variances are subtracted, so that a respondent with people's coin "
    "rates scores 0 on average.",
    reading="0 is flipping where people flip; lower is nearer.",
    gamed_by="A constant rate at people's mean still scores .006, never flipping .034.",
    other_mechanism="undefined",
    takes_level=True,
    bounds=lambda run: estimators.bounds.calibration_bounds(run.decisions, *run.unanswered),
    change=lambda one, two: estimators.paired.calibration_change(one.decisions, two.decisions),
)(lambda run, level=0.95, **_: estimators.calibration.flip_calibration(run.decisions, level))


@measure(
    "coin_slope",
    label="coin slope",
    needs=("coin", "people"),
    unit="ratio of log odds",
    crowd=1,
    headline={"coin_flip": 2},
    formula="γ in logit P(coin) = α + γ · logit p",
    notes="p is people's share of the coin on the dilemma; a logit without a penalty, with errors "
    "clustered by dilemma.",
    reading="1 is flipping where people flip; 0 is the same coin rate, of any level, on every "
    "dilemma; below 0 opposes people. No value without coins or where a threshold in p predicts "
    "every coin.",
    gamed_by="Flipping where people do, at any level; see the indecision rate.",
    other_mechanism="undefined",
    takes_level=True,
    fits=True,
    change=lambda one, two: estimators.slopes.coin_slope_change(one.decisions, two.decisions),
)
def coin_slope(run: Run, level: float = 0.95, people_error: bool = True) -> Quantity:
    """Slope of the log odds of the model's coins on the log odds of people's coins."""
    return estimators.slopes.coin_slope(run.decisions, level, people_error=people_error)


measure(
    "flip_slope",
    label="flip slope",
    needs=("coin", "people"),
    unit="log odds per logit",
    says="Change of the log odds of a flip per logit of difference between the patients.",
    reading="People's value is about −.66; 0 is no effect of closeness. No value without flips.",
    gamed_by="A rule that flips below a threshold is steeper than people.",
    other_mechanism="no people",
    fits=True,
)(lambda run: estimators.calibration.flip_slope(run.decisions, run.reference.slope))


@measure(
    "threshold",
    label="half threshold",
    needs=("coin", "people"),
    unit="people's logits",
    formula="the u at which (1 − P(coin | u)) P(better | u) = ½, with logit P(coin) = a + b|u| and "
    "logit P(better | decided) = s|u|",
    notes="u is people's Δu, so that respondents of any sharpness share one scale; 0 without "
    "coins.",
    reading="People's value is .57; 0 without coins. No value where the better patient never gets "
    "half.",
    gamed_by="Never flipping scores 0, however far from people the choices are.",
    other_mechanism="no people",
    fits=True,
)
def half_threshold(run: Run) -> Quantity:
    """Utility difference at which the better patient gets half of all answers.

    The better patient is the patient whom the people without a coin favour. The difference is in
    the logits of these people.
    """
    import numpy as np

    people = run.reference.half_threshold
    utility = run.decisions.differences @ run.reference.strict_weights
    if not len(run.decisions) or np.isnan(utility).any():
        return undefined(people)
    answers = run.decisions.drawn
    fit_half_threshold = estimators.thresholds.fit_half_threshold
    found = fit_half_threshold(utility[answers.dilemma], answers.choice, answers.dilemma)
    if not np.isfinite(found.value):
        return undefined(people)
    # A log cannot hold an infinite end.
    ends = (found.low, found.high) if np.isfinite(found.high) else (float("nan"),) * 2
    return Quantity(found.value, *ends, people, len(run.decisions))


def _dominated(run: Run) -> tuple[Any, Any]:
    dominated = run.where(lambda one: run.study.dominating(one) is not None)
    return run.coins, dominated[run.dilemma] & (run.choice >= 0)


def _dominated_flips(run: Run) -> Quantity:
    import numpy as np

    _, counted = _dominated(run)
    where = np.unique(run.dilemma[counted])
    coins = run.decisions.shares[where, estimators.decisions.COIN]
    human = float(coins.mean()) if len(coins) else float("nan")
    return mean_over_dilemmas(run, _dominated)._replace(human=human)


measure(
    "dominated_flips",
    label="flips on dominated pairs",
    unit="share of answers",
    says="Share of coin answers on dilemmas in which one patient is no worse in any attribute.",
    reading="People's value is about .16, nearly their mean rate. Higher is flipping although no "
    "attribute favours the other patient.",
    gamed_by="Never flipping scores 0.",
    other_mechanism="no people",
    change=mean_change(_dominated),
)(_dominated_flips)
