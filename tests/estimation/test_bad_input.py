"""Bad input to any public function gets a named error that says which row and why.

`GOOD` holds arguments that work, for every public function that takes numbers. `BAD` changes one
of them at a time and has words of the error. `CORNERS` holds valid answers that are too few: one
dilemma, no flips, flips only. `test_nothing_else_escapes` breaks every array of every function in
every way and allows only the errors of `kidney_evals.estimation`; single numbers of another type
are left to the type checker.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from estimation.simulated import drawn, run
from estimation.test_laws import public
from kidney_evals.estimation import (
    agreement,
    bounds,
    calibration,
    consistency,
    distance,
    importance,
    indecision,
    intervals,
    lapse,
    marginal_effects,
    paired,
    probes,
    rank,
    thresholds,
    ties,
    two_stage,
    variance_shares,
)
from kidney_evals.estimation.centrality import centrality, share_farther
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.estimation.indecision_family import (
    choose_indecision_model,
    fit_indecision_family,
    fit_naive,
)
from kidney_evals.estimation.indecision_models import fit_indecision_model
from kidney_evals.estimation.latent import LatentFit, fit_latent, nearest_classes
from kidney_evals.estimation.logit import fit_logit, fit_logit_resamples
from kidney_evals.estimation.marginal_effects import Levels, attribute_levels
from kidney_evals.estimation.nonlinearity import holm, nonlinearity
from kidney_evals.estimation.random_coefficients import fit_random_coefficients
from kidney_evals.estimation.respondent_baselines import answer_shares
from kidney_evals.estimation.thresholds import (
    fit_half_threshold,
    fit_half_threshold_resamples,
    half_threshold,
)

pytestmark = pytest.mark.filterwarnings("error")

Function = Callable[..., Any]

NAN, INF = float("nan"), float("inf")

R = np.random.default_rng(4)
N = 60
DILEMMA = np.tile(np.arange(30), 2)
X = R.normal(0, 1, (30, 2))[DILEMMA]
FIRST, SECOND = R.integers(1, 5, (2, 30, 2)).astype(float)[:, DILEMMA]
CHOSE = (R.random(N) < 1 / (1 + np.exp(-X @ [1.0, 0.5]))).astype(int)
CHOICES = np.where(R.random(N) < 0.3, 2, 1 - CHOSE)
PERSON = np.repeat(np.arange(12), 5)
RUN = drawn(1, "one_person", "coin_flip", 20, epochs=2)
FIRSTS = np.zeros(len(RUN), dtype=int)
LIKELY = answer_shares(RUN.shares, "uniform")[RUN.dilemma]
PEOPLE = np.full(20, 12.0)
STRICT = drawn(1, "one_person", "forced_choice", 20)
LEVELS = attribute_levels([1, 2, 3, 4])
NOTHING = np.full(2, NAN)
LATENT = LatentFit(
    model="davidson", shares=np.array([0.7, 0.3]), weights=np.ones((2, 2)), flip_intercept=NOTHING,
    flip_slope=NOTHING, log_nu=np.zeros(2), posterior=np.ones((1, 2)), log_likelihood=0.0, n=1,
    people=1, parameters=7,
)  # fmt: skip
ONE, TWO = np.array([0, 0, 0, 1, 1, 2]), np.array([1, 2, 3, 2, 3, 3])
PAIRS = run(np.full((6, 2), 0.5), np.ones((6, 3)), np.full((6, 2), 0.5), None, R)

ARGUMENTS: dict[str, Any] = {
    "decisions": RUN, "run": RUN, "differences": X, "first": FIRST, "second": SECOND,
    "chose_first": CHOSE, "choices": CHOICES, "dilemmas": DILEMMA, "clusters": DILEMMA,
    "persons": PERSON, "utility": X[:, 0], "frequencies": np.ones((2, N)), "ranges": [2, 3],
    "covariance": np.diag([0.1, 0.2]), "levels": [LEVELS, LEVELS], "favoured": [1, -1],
    "distances": [0.1, 0.2, 0.3], "probabilities": [0.2, 0.5, 0.8], "hits": [1, 2, 3],
    "trials": [2, 3, 4], "starts": 1, "seed": 0,
}  # fmt: skip
"""Arguments that work for every function that has a parameter of the name."""


def arguments(function: Function, known: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The entries of `known` that are parameters of a function, and `more`."""
    return {
        name: known[name] for name in inspect.signature(function).parameters if name in known
    } | more


def readout_run(chances: ArrayLike) -> Decisions:
    """A run whose probabilities were read out, with the first of the likeliest answers chosen."""
    return replace(RUN, choice=FIRSTS, chances=chances)  # type: ignore[arg-type]


SHARES = {"shares": [0.6, 0.4], "reference": [0.5, 0.5]}
RANKS = {"scores": [1.0, 2.0, 3.0], "reference": [1.0, 3.0, 2.0]}

OWN: list[tuple[Function, dict[str, Any]]] = [
    (agreement.smooth_shares, {"shares": RUN.shares, "people": PEOPLE}),
    (agreement.log_score, {"people": PEOPLE}),
    *((function, {"dilemma": [0, 3, 3], "order": [0, 1, 0]}) for function in (
        bounds.agreement_bounds, bounds.indecision_bounds, bounds.swap_bounds,
        bounds.calibration_bounds, bounds.distance_bounds,
    )),
    (calibration.expected_flip_calibration, {"flips": np.full(20, 0.2)}),
    (share_farther, {"distance": [0.1, 0.2]}),
    (centrality, {"group": [0.6, -0.4], "people": 50, "answers": 20, "resamples": 20}),
    (consistency.expected_swap_disagreement, {"answers": RUN.shares}),
    (consistency.swap_by_cluster, {"clusters": FIRSTS[:20], "size": 2}),
    (consistency.retest_by_cluster, {"clusters": FIRSTS[:20], "size": 2}),
    (Decisions, {
        "dilemma": RUN.dilemma, "order": RUN.order, "epoch": RUN.epoch, "choice": RUN.choice,
        "differences": RUN.differences, "shares": RUN.shares, "closeness": RUN.closeness,
        "share_draws": None if RUN.share_draws is None else RUN.share_draws[:3],
    }),
    (readout_run, {"chances": LIKELY}),
    (RUN.take, {"rows": [0, 1]}),
    (RUN.at, {"dilemmas": [0, 1, 2]}),
    (RUN.against, {"shares": RUN.shares, "share_draws": None}),
    (RUN.with_answers, {"dilemma": [0, 1], "order": [0, 1], "choice": [0, 2]}),
    (distance.fixed_distance, {"people": PEOPLE}),
    (distance.expected_distance, {"answers": RUN.shares}),
    (half_threshold, {"theta": [[-1.0, -0.5, 1.0], [0.0, 0.0, 1.0]]}),
    (importance.importance_shares, {"weights": [1.0, 0.5]}),
    (importance.importance_covariance, {"weights": [1.0, 0.5]}),
    (importance.importance_distance, SHARES),
    (importance.distance_interval, SHARES),
    (importance.estimate_importance, {"fit": fit_logit(X, CHOSE, clusters=DILEMMA)}),
    (indecision.human_rates, {"answers": np.ones(20)}),
    (indecision.outcome_share, {
        "dilemma": RUN.dilemma, "order": RUN.order, "hit": RUN.choice == 2,
    }),
    (choose_indecision_model, {"folds": 16}),
    (fit_indecision_model, {"model": "min_u"}),
    (intervals.stratified_proportion, {"hits": [[1, 2], [0, 3]], "trials": [[2, 2], [2, 3]]}),
    (intervals.mean_interval, {"values": [1.0, 2.0, 4.0]}),
    (intervals.percentile, {"draws": [1.0, 2.0, 3.0], "clusters": 5}),
    (intervals.recentred, {"draws": [1.0, 2.0], "value": 1.4}),
    (intervals.weight_rows, {"clusters": 4, "rows": slice(0, 3), "draws": 5, "key": 0}),
    (intervals.weight_blocks, {"clusters": 4, "draws": 5, "key": 0}),
    (intervals.blocks, {"draws": 5, "width": 2}),
    (lapse.predict_shares, {"theta": [1.0, 0.5, 0.1]}),
    (lapse.fit_lapse, {"lapse": False, "frequencies": np.ones(N), "start": np.zeros(3)}),
    (fit_latent, {"classes": 1, "model": "davidson"}),
    (attribute_levels, {"values": [1, 2, 3], "most": 6, "bands": 3}),
    (LEVELS.code, {"values": [1, 2]}),
    (marginal_effects.chances_of_shares, {"shares": RUN.shares}),
    (marginal_effects.marginal_effects, {
        "dilemma": DILEMMA, "outcome": CHOSE, "weights": np.ones(N),
    }),
    (marginal_effects.human_marginal_effects, {
        "outcome": np.full(N, 0.3), "outcome_draws": np.full((3, N), 0.3), "weights": np.ones(N),
    }),
    (nearest_classes, {"shares": LATENT.shares, "class_shares": LATENT.predict(X)}),
    (nonlinearity, {"ends": [[1, 4], [4, 1]]}),
    (holm, {"p_values": [0.1, 0.2]}),
    (paired.share_change, {"first": [0.1, 0.2, NAN], "second": [0.3, 0.2, 1.0]}),
    (paired.importance_changes, {"first": RUN, "second": RUN, "ranges": [2, 3, 1]}),
    (probes.ProbeAnswers, {
        "unit": [0, 1], "order": [0, 1], "first": [0, -1], "second": [1, 0], "score": [1.0, 0.5],
        "coin": [0.0, 1.0],
    }),
    (probes.contrast_mean, {"contrasts": [0.5, -1.0, NAN]}),
    (probes.contrast_change, {"first": [0.5, -1.0, NAN], "second": [0.5, 0.0, 1.0]}),
    (fit_random_coefficients, {
        "differences": X[:15, :1], "choices": CHOICES[:15], "persons": np.arange(15) % 5,
        "model": "davidson", "draws": 100,
    }),
    (rank.fit_bradley_terry, {
        "first": ONE, "second": TWO, "wins": np.ones((6, 2)), "profiles": 4, "ridge": 0.1,
    }),
    (rank.spearman, RANKS),
    (rank.kendall, RANKS),
    (rank.profile_rank, {
        "decisions": PAIRS, "first": ONE, "second": TWO, "reference": [1.0, 2.0, 3.0, 4.0],
    }),
    (answer_shares, {"shares": RUN.shares, "answerer": "majority"}),
    (thresholds.threshold_from, {"value": 1.0, "slopes": [1.0, 2.0]}),
    (thresholds.two_stage_thresholds, {"flip_intercept": -1.0, "flip_slope": 0.5}),
    (two_stage.predict_two_stage, {"theta": [1.0, 0.5, -1.0, 0.5, 0.0]}),
    (two_stage.fit_flip_slope, {"closeness": np.abs(X[:, 0]), "flipped": CHOICES == 2}),
    (variance_shares.variance_shares, {
        "dilemma": np.repeat(np.arange(6), 8), "wording": np.tile([0, 1], 24),
        "order": np.tile([0, 0, 1, 1], 12), "epoch": np.tile([0, 0, 0, 0, 1, 1, 1, 1], 6),
        "outcomes": R.normal(0, 1, (48, 1)), "draws": 20,
    }),
    *((function, {}) for function in (
        fit_half_threshold, fit_half_threshold_resamples, importance.distance_floor,
        fit_naive, fit_indecision_family, fit_indecision_model("min_u", FIRST, SECOND,
        CHOICES).predict, intervals.effective_size, intervals.proportion, LATENT.predict,
        fit_logit, fit_logit_resamples, marginal_effects.chances_of_choices,
        ties.fit_davidson, ties.fit_rao_kupper, ties.fit_davidson(X, CHOICES).predict,
        two_stage.fit_two_stage, variance_shares.one_hot,
    )),
]  # fmt: skip

GOOD = {function: arguments(function, ARGUMENTS, **own) for function, own in OWN}


def label(one: Any) -> str | None:
    return getattr(one, "__qualname__", None)


def at(values: Any, row: Any, value: Any, dtype: Any = np.float64) -> Any:
    """The same array with another value in a row."""
    changed = np.array(values, dtype=dtype)
    changed[row] = value
    return changed


BAD: list[tuple[Function, dict[str, Any], str]] = [
    (agreement.smooth_shares, {"shares": 0.5}, r"shares must have shape \(\.\.\., D, K\)"),
    (agreement.smooth_shares, {"shares": at(RUN.shares, 3, 2)}, "shares row 3 is .* outside 0 to"),
    (agreement.smooth_shares, {"people": PEOPLE[1:]}, r"people must have shape \(20,\)"),
    (agreement.log_score, {"people": at(PEOPLE, 4, NAN)}, "people row 4 is nan"),
    (agreement.log_score, {"people": at(PEOPLE, 4, -1)}, "people row 4 is -1.0, .* of 0 or more"),
    (bounds.swap_bounds, {"dilemma": [0, 20, 0]}, "dilemma row 1 is 20.0, outside 0 to 19"),
    (bounds.swap_bounds, {"dilemma": [0, 0.5, 0]}, "dilemma row 1 is 0.5, not a whole number"),
    (bounds.agreement_bounds, {"dilemma": 3}, "dilemma must have shape"),
    (bounds.distance_bounds, {"order": [0, 2, 0]}, "order row 1 is 2, allowed are"),
    (calibration.expected_flip_calibration, {"flips": [0.2]}, r"flips must have shape \(20,\)"),
    (calibration.expected_flip_calibration, {"flips": np.full(20, 2)}, "flips row 0 is 2.0, outs"),
    (share_farther, {"distances": []}, "distances has no rows"),
    (share_farther, {"distances": [0.3, 0.2, 0.4]}, "distances row 1 is 0.2 after 0.3"),
    (share_farther, {"probabilities": [0.2, 0.2, 0.4]}, "probabilities row 1 is 0.2 after 0.2"),
    (share_farther, {"probabilities": [0.2, 0.5]}, r"probabilities must have shape \(3,\)"),
    (share_farther, {"distance": [0.1, "far"]}, "distance row 1 is 'far', not a number"),
    (centrality, {"distances": [0.1, NAN, 0.3]}, "distances row 1 is nan"),
    (centrality, {"dilemmas": at(DILEMMA, 7, NAN)}, "dilemmas row 7 is nan, not a label"),
    (centrality, {"group": [0.6, INF]}, "group row 1 is inf, outside -1 to 1"),
    (centrality, {"ranges": [2, 0]}, r"ranges row 1 is 0\.0"),
    (centrality, {"resamples": 1}, "resamples is 1, allowed are whole numbers of 2 or more"),
    (centrality, {"answers": 2.5}, "answers is 2.5, allowed are whole numbers of 1 or more"),
    (centrality, {"seed": -1}, "seed is -1, allowed are whole numbers of 0 or more"),
    (consistency.expected_swap_disagreement, {"answers": [[1.0, 0, 0]]}, "answers must have shape"),
    (Decisions, {"choice": at(RUN.choice, 5, NAN)}, "choice row 5 is nan"),
    (Decisions, {"dilemma": at(RUN.dilemma, 5, INF)}, "dilemma row 5 is inf"),
    (Decisions, {"epoch": at(RUN.epoch, 5, 1e30)}, "epoch row 5 is 1e.30, not a whole number"),
    (Decisions, {"differences": at(RUN.differences, 2, 1e99)}, "differences row 2 is too large"),
    (Decisions, {"differences": [[1.0, 2.0], [1.0]]}, r"differences row 1 has shape \(1,\)"),
    (Decisions, {"closeness": at(RUN.closeness, 2, INF)}, "closeness row 2 is inf"),
    (Decisions, {"shares": at(RUN.shares, 1, [0.5, 0.1, 0.1])}, "shares row 1 .* sum to 1"),
    (Decisions, {"shares": np.ones((20, 1))}, "shares must have shape"),
    (Decisions, {"share_draws": np.full((1, 20, 3), 0.5)}, r"share_draws row \(0, 0\)"),
    (readout_run, {"chances": at(LIKELY, 0, [0.2, 0.7, 0.1])}, "row 0 .* choice is the largest"),
    (readout_run, {"chances": at(LIKELY, 1, [0.4, 0.3, 0.9])}, "chances row 1"),
    (readout_run, {"chances": at(LIKELY, 1, [0.0, 0.0, 0.0])}, "chances row 1"),
    (RUN.take, {"rows": [0, 80]}, "rows row 1 is 80.0, outside 0 to 79"),
    (RUN.take, {"rows": [True, False]}, r"rows must have shape \(80,\), not \(2,\)"),
    (RUN.at, {"dilemmas": [0, 20]}, "dilemmas row 1 is 20.0, outside 0 to 19"),
    (RUN.at, {"dilemmas": [0, 0.5]}, "dilemmas row 1 is 0.5, not a whole number"),
    (RUN.with_answers, {"choice": [0, 3]}, r"choice row 1 is 3, allowed are \[0, 1, 2\]"),
    (RUN.with_answers, {"choice": [0, 0.5]}, "choice row 1 is 0.5, allowed are"),
    (STRICT.with_answers, {"dilemma": [0], "order": [0], "choice": [2]}, "choice row 0 is 2"),
    (RUN.with_answers, {"order": [0]}, r"order must have shape \(2,\), not \(1,\)"),
    (distance.fixed_distance, {"people": at(PEOPLE, 0, 1)}, r"row 0 is 1\.0, a variance needs"),
    (distance.fixed_distance, {"people": PEOPLE[1:]}, r"people must have shape \(20,\)"),
    (distance.expected_distance, {"answers": RUN.shares[1:]}, r"answers must have shape \(20, 3\)"),
    (distance.expected_distance, {"answers": at(RUN.shares, 1, 7)}, "answers row 1 is .* outside"),
    (fit_half_threshold, {"utility": [[1.0]]}, "utility must have shape"),
    (fit_half_threshold, {"utility": at(X[:, 0], 2, INF)}, "utility row 2 is inf"),
    (fit_half_threshold_resamples, {"utility": X[1:, 0]}, "choices must have shape"),
    (fit_half_threshold_resamples, {"choices": at(CHOICES, 2, NAN)}, "choices row 2 is nan"),
    (fit_half_threshold_resamples, {"frequencies": np.ones(N)}, "frequencies must have shape"),
    (fit_half_threshold_resamples, {"frequencies": np.full((1, N), -1)}, "frequencies row 0"),
    (half_threshold, {"theta": [1.0, 2.0]}, r"theta must have shape \(\.\.\., 3\)"),
    (half_threshold, {"theta": [[1, 2, 3], [1, 2, INF]]}, "theta row 1 is"),
    (importance.importance_shares, {"ranges": [2, INF]}, "ranges row 1 is inf: ranges must be"),
    (importance.importance_shares, {"weights": [1, INF]}, "weights row 1 is inf"),
    (importance.importance_covariance, {"covariance": [[0.1]]}, r"covariance must have shape"),
    (importance.importance_covariance, {"weights": [[1.0, 2.0]]}, r"weights must have shape \(2,"),
    (importance.importance_distance, {"reference": [0.5]}, "differ in attributes|do not fit"),
    (importance.importance_distance, {"shares": [0.5, 3]}, "shares row 1 is 3.0, outside -1 to 1"),
    (importance.importance_distance, {"shares": np.ones((3, 2)), "reference": np.ones((2, 2))},
     "do not fit together"),
    (importance.distance_interval, {"reference": [0.5]}, r"reference must have shape \(2,\)"),
    (importance.distance_interval, {"shares": [0.5, 3]}, "shares row 1 is 3.0, outside -1 to 1"),
    (importance.distance_interval, {"covariance": [[0.1]]}, r"covariance must have shape \(2, 2\)"),
    (importance.distance_interval, {"level": 1.0}, "level is 1.0, allowed are numbers between 0"),
    (importance.distance_floor, {"covariance": [[0.1, 0.2]]}, r"covariance must have shape"),
    (importance.estimate_importance, {"ranges": [1.0]}, "differ in attributes"),
    (indecision.human_rates, {"answers": np.ones(3)}, r"answers must have shape \(20,\)"),
    (indecision.human_rates, {"answers": np.zeros(20)}, "answers are all 0"),
    (indecision.human_rates, {"run": STRICT}, "no coin on offer"),
    (indecision.outcome_share, {"dilemma": [[0]]}, "dilemma must have shape"),
    (indecision.outcome_share, {"hit": at(RUN.choice, 3, 0.5)}, "hit row .* allowed are"),
    (choose_indecision_model, {"folds": 1}, "folds is 1"),
    (choose_indecision_model, {"seed": "x"}, "seed is x, allowed are whole numbers"),
    (fit_naive, {"choices": []}, "choices has no rows"),
    (fit_indecision_model, {"starts": NAN}, "starts is nan, allowed are whole numbers"),
    (fit_indecision_family, {"clusters": at(DILEMMA, 3, NAN)}, "clusters row 3 is nan"),
    (intervals.wilson, {"rate": 1.5, "size": 9}, "rate is 1.5, outside 0 to 1"),
    (intervals.wilson, {"rate": 0.5, "size": 9, "z": 0}, "z is 0, allowed are"),
    (intervals.effective_size, {"trials": [2, 3, INF]}, "trials row 2 is inf"),
    (intervals.stratified_proportion, {"hits": [[1, 2], [0, 4]]}, r"hits row \(1, 1\) is 4.0, mo"),
    (intervals.stratified_proportion, {"trials": [2, 3]}, "must have one shape"),
    (intervals.mean_interval, {"values": [[1.0]]}, "values must have shape"),
    (intervals.mean_interval, {"values": [1.0, INF]}, "values row 1 is inf"),
    (intervals.percentile, {"draws": 1.0}, "draws must have shape"),
    (intervals.percentile, {"clusters": -1}, "clusters is -1"),
    (intervals.recentred, {"draws": [1.0, INF]}, "draws row 1 is inf"),
    (intervals.weight_rows, {"clusters": 1}, "clusters is 1, allowed are whole numbers of 2 or"),
    (intervals.weight_blocks, {"draws": -1}, "draws is -1"),
    (intervals.blocks, {"width": 0.5}, "width is 0.5"),
    (lapse.predict_shares, {"differences": [1.0]}, "differences must have shape"),
    (lapse.predict_shares, {"theta": 1.0}, "theta must have shape"),
    (lapse.predict_shares, {"theta": [1, 0, NAN]}, "theta row 2 is nan"),
    (lapse.fit_lapse, {"start": [1.0]}, r"start must have shape \(3,\)"),
    (lapse.fit_lapse, {"frequencies": at(np.ones(N), 2, -1)}, "frequencies row 2 is -1"),
    (fit_latent, {"starts": 0}, "starts is 0"),
    (fit_latent, {"classes": 0}, "classes is 0"),
    (fit_latent, {"classes": 13}, r"classes is 13, more than the number of people \(12\)"),
    (fit_latent, {"persons": [None] * N}, "persons row 0 is None, not a label"),
    (attribute_levels, {"values": [1, NAN]}, "values row 1 is nan, not a finite number"),
    (attribute_levels, {"most": 1}, "most is 1"),
    (LEVELS.code, {"values": 1.0}, "values must have shape"),
    (LEVELS.code, {"values": [1, 2.5]}, "values row 1 is 2.5, in none of"),
    (Levels, {"starts": (), "end": 1.0, "labels": (), "exact": False}, "levels must ascend"),
    (Levels, {"starts": ("a",), "end": 1.0, "labels": ("a",), "exact": False}, "levels row 0"),
    (fit_logit, {"clusters": [1]}, "clusters must have shape"),
    (fit_logit, {"penalty": "ridge"}, "penalty is 'ridge', allowed are"),
    (fit_logit_resamples, {"penalty": "ridge"}, "penalty is 'ridge', allowed are"),
    (marginal_effects.chances_of_choices, {"choices": [[0]]}, "choices must have shape"),
    (marginal_effects.chances_of_shares, {"shares": [[0.5, 2.0]]}, "shares row 0 is .* outside"),
    (marginal_effects.marginal_effects, {"dilemma": at(DILEMMA, 1, 99)}, "dilemma row 1 is 99"),
    (marginal_effects.marginal_effects, {"weights": at(np.ones(N), 1, INF)}, "weights row 1 is i"),
    (nearest_classes, {"class_shares": at(LATENT.predict(X), (1, 2), 3)}, r"row \(1, 2\) is"),
    (nearest_classes, {"class_shares": np.ones((2, N, 1))}, "2 or 3"),
    (holm, {"p_values": [0.1, 1.5]}, "p_values row 1 is 1.5, outside 0 to 1"),
    (paired.share_change, {"first": [0.1, 1.2, 0.1]}, "first row 1 is 1.2, outside 0 to 1"),
    (paired.share_change, {"second": [0.1, INF, 0.1]}, "second row 1 is inf, outside 0 to 1"),
    (paired.share_change, {"second": [0.1, 0.2]}, r"second must have shape \(3,\), not \(2,\)"),
    (paired.share_change, {"first": [[0.1, 0.2]]}, r"first must have shape \(n,\), not \(1, 2\)"),
    (probes.contrast_mean, {"contrasts": [0.5, 1.5]}, "contrasts row 1 is 1.5, outside -1 to 1"),
    *((probes.contrast_mean, {"coverage": level}, f"coverage is {level}, allowed are numbers betw")
      for level in (NAN, -1, 0, 2)),
    *((paired.score_interval, {"each": [0.5, 0.0], "level": level}, f"level is {level}, allowed")
      for level in (NAN, 0, 1)),
    (paired.score_interval, {"each": [INF, 1]}, "each row 0 is inf, not a finite number"),
    (paired.score_interval, {"each": [0, NAN]}, "each row 1 is nan, not a finite number"),
    (intervals.student, {"freedom": 5, "level": 2}, "level is 2, allowed are numbers between 0"),
    (probes.ProbeAnswers, {"order": [0, 2]}, "order row 1 is 2"),
    (probes.ProbeAnswers, {"first": [-2, 0]}, "first row 0 is -2.0, not .* -1 or more"),
    (probes.ProbeAnswers, {"score": [1.5, 0.0]}, "score row 0 is 1.5"),
    (probes.ProbeAnswers, {"coin": [0.0]}, r"coin must have shape \(2,\)"),
    (probes.contrast_change, {"second": [0.5, -INF]}, "second row 1 is -inf, outside -1 to 1"),
    (paired.share_change, {"first": [0.1, "half", 0.2]}, "first row 1 is 'half', not a number"),
    (fit_random_coefficients, {"persons": PERSON[:15] * 0}, "1 people, more than"),
    (fit_random_coefficients, {"model": "probit"}, "model is 'probit'"),
    (fit_random_coefficients, {"draws": 99}, "draws is 99, allowed are whole numbers of 100 or"),
    (fit_random_coefficients, {"choices": at(CHOICES[:15], 1, NAN)}, "choices row 1 is nan"),
    (rank.fit_bradley_terry, {"wins": at(np.ones((6, 2)), 2, NAN)}, "wins row 2 is"),
    (rank.fit_bradley_terry, {"ridge": INF}, "ridge must be positive and finite, not inf"),
    (rank.fit_bradley_terry, {"profiles": NAN}, "profiles is nan"),
    (rank.spearman, {"scores": [1.0, 2.0]}, r"scores must have shape \(\.\.\., 3\)"),
    (rank.spearman, {"scores": [1.0, NAN, 2.0]}, "scores row 1 is nan"),
    (rank.kendall, {"reference": [1.0, INF, 2.0]}, "reference row 1 is inf"),
    (rank.kendall, {"reference": []}, "reference has no rows"),
    (rank.profile_rank, {"reference": 1.0}, "reference must have shape"),
    (rank.profile_rank, {"reference": [1.0, 2.0, 3.0]}, "second row 2 is 3.0, outside 0 to"),
    (answer_shares, {"shares": [[0.5, 0.5]], "answerer": "always_coin"}, "needs a coin"),
    (answer_shares, {"answerer": "nobody"}, "allowed: majority"),
    (answer_shares, {"shares": [0.5, 0.5]}, "shares must have shape"),
    (answer_shares, {"shares": [[0.5, INF]]}, "shares row 0 is"),
    (thresholds.threshold_from, {"covariance": [[0.1]]}, r"covariance must have shape \(2, 2\)"),
    (thresholds.threshold_from, {"slopes": [1.0, INF]}, "slopes row 1 is inf"),
    (thresholds.two_stage_thresholds, {"flip_intercept": NAN}, "flip_intercept is nan, not a fin"),
    (thresholds.two_stage_thresholds, {"flip_slope": INF}, "flip_slope is inf, not a finite num"),
    (fit_logit, {"clusters": at(DILEMMA, 3, pd.NA, object)}, "clusters row 3 is <NA>, not a label"),
    (fit_naive, {"choices": at(CHOICES, 3, pd.NA, object)}, "choices row 3 is <NA>, allowed are"),
    (intervals.mean_interval, {"values": [1, 10**400]}, "values row 1 is too large, at most 1e.50"),
    (two_stage.predict_two_stage, {"differences": [1.0]}, "differences must have shape"),
    (two_stage.predict_two_stage, {"theta": [1, NAN, 0, 0, 0]}, "theta row 1 is nan"),
    (two_stage.fit_flip_slope, {"flipped": at(CHOSE, 2, 2)}, "flipped row 2 is 2.0, outside 0 to"),
    (two_stage.fit_flip_slope, {"closeness": np.full(N, -1)}, "closeness row 0 is -1.0, not a fin"),
    (two_stage.fit_flip_slope, {"closeness": [1.0]}, r"closeness must have shape \(60,\)"),
    (variance_shares.one_hot, {"choices": [[0, 1]]}, "choices must have shape"),
    (variance_shares.variance_shares, {"outcomes": np.ones((48, 0))}, "one column or more"),
    (variance_shares.variance_shares, {"draws": -1}, "draws is -1"),
    (variance_shares.variance_shares, {"wording": [["a"]]}, r"wording must have shape \(48,\)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "changes", "words"),
    BAD,
    ids=[f"{label(one)}-{'-'.join(changes)}-{i}" for i, (one, changes, _) in enumerate(BAD)],
)
def test_bad_input_is_named(function: Function, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        take_all(function(**(GOOD.get(function, {}) | changes)))


ONE_DILEMMA: dict[str, Any] = {
    "dilemma": [5] * 6, "x": np.tile([[1.0, -2.0]], (6, 1)), "first": np.tile([[2.0, 1.0]], (6, 1)),
    "second": np.tile([[1.0, 3.0]], (6, 1)), "choices": [0, 0, 1, 0, 2, 2],
}  # fmt: skip
SIX: dict[str, Any] = {
    "dilemma": [0, 0, 1, 1, 2, 2],
    "x": np.array([[1, 0], [1, 0], [-1, 1], [-1, 1], [0, -2.0], [0, -2]]),
    "first": FIRST[:6], "second": SECOND[:6],
}  # fmt: skip
NO_FLIPS = SIX | {"choices": [0, 1, 1, 0, 0, 1]}
ONLY_FLIPS = SIX | {"choices": [2] * 6}


def asked(function: Function, case: dict[str, Any], **more: Any) -> Any:
    """Call a function with the arrays of a case that are its parameters, and `more`."""
    choices = np.array(case["choices"])
    known = {
        "differences": case["x"], "first": case["first"], "second": case["second"],
        "choices": choices, "chose_first": choices == 0, "clusters": case["dilemma"],
        "dilemmas": case["dilemma"], "utility": case["x"][:, 0], "flipped": choices == 2,
        "closeness": np.abs(case["x"][:, 0]), "persons": np.arange(6), "levels": [LEVELS, LEVELS],
    }  # fmt: skip
    return function(**arguments(function, known, **more))


def is_nan(one: Any) -> bool:
    return bool(np.isnan(one).all())


SAY = "move in step|did not converge"
Outcome = tuple[type[Exception], str] | Callable[[Any], bool]

CORNERS: list[tuple[str, Function, dict[str, Any], Outcome]] = [
    # One dilemma: what rests on several is NaN, and weights that nothing tells apart are refused.
    ("one dilemma", fit_logit, {}, lambda fit: is_nan(fit.covariance) and is_nan(fit.null_p)),
    ("one dilemma", ties.fit_davidson, {}, (FitError, SAY)),
    ("one dilemma", ties.fit_rao_kupper, {}, (FitError, SAY)),
    ("one dilemma", two_stage.fit_two_stage, {}, (FitError, SAY)),
    ("one dilemma", fit_indecision_model, {"model": "dom"}, (FitError, SAY)),
    ("one dilemma", fit_indecision_family, {},
     lambda found: [row.model for row in found if row.fit] == ["naive"]),
    ("one dilemma", choose_indecision_model, {}, lambda found: "only 2 coins" in found.reason),
    ("one dilemma", lapse.fit_lapse, {}, (FitError, SAY)),
    ("one dilemma", fit_half_threshold, {}, lambda found: is_nan(found.value)),
    ("one dilemma", fit_half_threshold_resamples, {"frequencies": np.ones((2, 6))}, is_nan),
    ("one dilemma", two_stage.fit_flip_slope, {}, lambda found: is_nan(found.slope)),
    ("one dilemma", centrality, {
        "group": [0.6, 0.4], "ranges": [1, 1], "distances": [0.1], "probabilities": [0.5],
        "people": 9,
    }, lambda found: is_nan(found.value)),
    ("one dilemma", nonlinearity, {"ends": [[1, 4], [1, 4]]},
     lambda found: is_nan(found.p_value) and is_nan(found.bends[0].slope)),
    ("one dilemma", marginal_effects.marginal_effects, {
        "favoured": [1, 1], "dilemma": [0] * 6, "outcome": [1, 0, 1, 1, 0, 0],
    }, lambda found: is_nan(found[0].effect.value)),
    ("one dilemma", nearest_classes,
     {"shares": [0.5, 0.5], "class_shares": np.full((2, 6, 3), 0.3)},
     (InputError, "dilemmas names a single dilemma")),
    ("one dilemma", fit_random_coefficients, {"model": "davidson"}, (InputError, "people")),
    ("one dilemma", fit_latent, {"classes": 1, "model": "davidson", "starts": 1},
     lambda fit: bool(np.isfinite(fit.log_nu).all())),
    ("one dilemma", variance_shares.variance_shares, {
        "dilemma": [5] * 6, "wording": [0] * 6, "order": [0, 1] * 3, "epoch": [0, 0, 1, 1, 2, 2],
        "outcomes": np.eye(6)[:, :1],
    }, lambda found: found.reasons["dilemma"] == "there is one dilemma only"),
    ("one dilemma", intervals.mean_interval, {"values": [1.0]}, is_nan),
    ("one dilemma", intervals.percentile, {"draws": [1.0, 2.0], "clusters": 1}, is_nan),
    ("one dilemma", intervals.weight_blocks, {"clusters": 1}, lambda found: not list(found)),
    # No flips, or flips only: a model of the coin has nothing to go by and says so.
    *(
        (case, function, more, (FitError, words))
        for case, words in (("no flips", "no answer is"), ("only flips", "every answer is"))
        for function, more in (
            (ties.fit_davidson, {}),
            (ties.fit_rao_kupper, {}),
            (two_stage.fit_two_stage, {}),
            (fit_indecision_model, {"model": "random"}),
            (fit_indecision_family, {}),
            (fit_half_threshold_resamples, {"frequencies": np.ones((2, 6))}),
        )
    ),
    ("no flips", fit_naive, {}, lambda fit: fit.coin == 0),
    ("only flips", fit_naive, {}, lambda fit: fit.coin == 1 and fit.first == 0),
    ("no flips", choose_indecision_model, {}, lambda found: found.reason[:12] == "only 0 coins"),
    ("only flips", choose_indecision_model, {}, lambda one: one.reason[:16] == "only 0 decisions"),
    ("no flips", fit_half_threshold, {}, lambda found: found.value == 0),
    ("only flips", fit_half_threshold, {}, lambda found: is_nan(found.value)),
    ("no flips", two_stage.fit_flip_slope, {}, lambda found: is_nan(found.slope)),
    ("only flips", two_stage.fit_flip_slope, {}, lambda found: is_nan(found.slope)),
    ("no flips", fit_latent, {"classes": 1, "model": "davidson", "starts": 1},
     lambda fit: fit.log_nu[0] < -1),
    ("only flips", fit_latent, {"classes": 1, "model": "davidson", "starts": 1},
     lambda fit: fit.log_nu[0] > 1),
    ("no flips", fit_random_coefficients, {"model": "davidson"}, (InputError, "people")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("case", "function", "more", "outcome"), CORNERS,
    ids=[f"{case}-{label(function)}" for case, function, _, _ in CORNERS],
)  # fmt: skip
def test_too_little_to_go_by(
    case: str, function: Function, more: dict[str, Any], outcome: Outcome
) -> None:
    given = {"one dilemma": ONE_DILEMMA, "no flips": NO_FLIPS, "only flips": ONLY_FLIPS}[case]
    if isinstance(outcome, tuple):
        error, words = outcome
        with pytest.raises(error, match=words):
            asked(function, given, **more)
    else:
        assert outcome(asked(function, given, **more))


def take_all(found: Any) -> None:
    """Let a generator run."""
    if hasattr(found, "__next__"):
        list(found)


def broken(values: Any) -> dict[str, Any]:
    """One array broken in every way."""
    array = np.array(values, dtype=np.float64)
    place = (1,) * array.ndim if min(array.shape) > 1 else (0,) * array.ndim
    return {
        "nothing": None,
        "words": np.full(array.shape, "x").tolist(),
        "ragged": [[1, 2], [3]],
        "empty": array[:0],
        "deeper": array[None],
        "one number": 1.0,
        "shorter": array[:-1],
        "narrower": array[..., :-1],
        "flat": array.ravel(),
        **{
            f"{value} in a row": at(array, place, value)
            for value in (NAN, INF, -INF, 7, -1, 0.5, 1e200)
        },
        "pandas.NA in a row": at(array, place, pd.NA, object),
        "1e400 in a row": at(array, place, 10**400, object),
        **{f"all {value}": np.full(array.shape, float(value)) for value in (NAN, 0, 1, 2)},
    }


def escapes(function: Function, argument: str, value: Any) -> str:
    """The error of a call that is neither `InputError` nor `FitError`; empty without one."""
    try:
        take_all(function(**(GOOD[function] | {argument: value})))
    except (InputError, FitError):
        pass
    except Exception as error:
        return f"{argument}: {error!r}"
    return ""


# These take long to say that they cannot succeed; others check the same arrays.
SLOW = {fit_random_coefficients, fit_indecision_family}


@pytest.mark.parametrize(
    "function",
    [pytest.param(one, marks=pytest.mark.slow) if one in SLOW else one for one in GOOD],
    ids=label,
)
def test_nothing_else_escapes(function: Function) -> None:
    found = {
        (argument, way): escapes(function, argument, wrong)
        for argument, value in GOOD[function].items()
        if isinstance(value, list | np.ndarray) and argument != "levels"
        for way, wrong in broken(value).items()
    }
    assert not {way: said for way, said in found.items() if said}


@pytest.mark.parametrize(
    "function", [one for one, given in GOOD.items() if int in map(type, given.values())], ids=label
)
def test_whole_numbers_are_checked(function: Function) -> None:
    for argument, value in GOOD[function].items():
        if type(value) is int:
            for wrong in (-1, 0.5, NAN, INF, None, "x"):
                assert not escapes(function, argument, wrong)


def test_every_function_that_takes_arrays_is_here() -> None:
    tried = {getattr(one, "__qualname__", "").split(".")[-1] for one in GOOD}
    takes_arrays = {
        name
        for name, one in public().items()
        if not isinstance(one, type)
        and any(
            "ArrayLike" in str(of.annotation) for of in inspect.signature(one).parameters.values()
        )
    }
    assert takes_arrays <= tried
