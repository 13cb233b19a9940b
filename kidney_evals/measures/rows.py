"""The rows of a run: which quantity of `kidney_evals.estimation` each of them is."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation import agreement as ag
from kidney_evals.estimation import calibration, consistency, distance, indecision, rank
from kidney_evals.estimation import respondent_baselines as baselines
from kidney_evals.estimation.bounds import (
    agreement_bounds,
    calibration_bounds,
    distance_bounds,
    indecision_bounds,
    swap_bounds,
)
from kidney_evals.estimation.calibration import flip_fit
from kidney_evals.estimation.centrality import centrality
from kidney_evals.estimation.decisions import FIRST
from kidney_evals.estimation.errors import FAILURES, InputError
from kidney_evals.estimation.half_threshold import fit_half_threshold
from kidney_evals.estimation.importance import (
    ImportanceEstimate,
    estimate_importance,
    importance_distance,
)
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.human.sources import ProfileShares
from kidney_evals.measures.names import COIN_COLUMNS, COIN_ROWS, FITTED, IMPORTANCE, PARTS
from kidney_evals.measures.repetition import retest, variance_share
from kidney_evals.measures.run import Run

FEW = 30
"""Fewer answered dilemmas than this raise the flag `few`: intervals are then rough at best."""


def measure(run: Run, row: str) -> Quantity:
    """Return one row of a run, NaN with n = 0 where the answers do not determine it.

    Args:
        run: The run.
        row: The row's name; `imp_<attribute>` for an importance share.

    Raises:
        InputError: There is no such row. No other error of an estimator gets out: the row is then
            undefined, and `run.failures` holds the error.
    """
    shares = [IMPORTANCE.replace("*", name) for name in run.study.attribute_ids]
    if row not in ROWS and row not in shares:
        raise InputError(f"row is {row!r}, there are {[*ROWS, *shares]}")
    if row not in run.measured:
        try:
            run.measured[row] = _measured(run, row)
        except FAILURES as error:
            run.failures[row] = error
            run.measured[row] = undefined()
    return run.measured[row]


def _measured(run: Run, row: str) -> Quantity:
    if row in COIN_ROWS and run.borrows_coin:
        return undefined()
    if row in ROWS:
        found = ROWS[row](run)
    else:
        name = row.removeprefix(IMPORTANCE.rstrip("*"))
        found = _importance_share(run, run.study.attribute_ids.index(name))
    # People were offered a coin and nothing else: no rate of theirs is borrowed.
    hides = (row in COIN_COLUMNS and run.borrows_coin) or not run.reference.has_people
    return found._replace(human=float("nan")) if hides else found


def reasons(run: Run) -> dict[str, str]:
    """Return what the flags of a run stand for, by flag: attributes, or rows and errors.

    Args:
        run: The run.

    Returns:
        For `undetermined` the attributes whose weights the answered dilemmas do not tell apart, for
        `fit_failed` each row without a value and the error; without the flags that are not raised.
    """
    estimate = importance(run)
    found = {}
    if estimate is not None and not estimate.determined.all():
        names = zip(run.study.attribute_ids, estimate.determined, strict=True)
        found["undetermined"] = ", ".join(name for name, known in names if not known)
    if measure(run, "fit_failed").value == 1:
        found["fit_failed"] = "; ".join(f"{row}: {why}" for row, why in run.failures.items())
    return found


@lru_cache(maxsize=4)
def importance(run: Run) -> ImportanceEstimate | None:
    """Fit the weights behind a run's decided answers; None where nothing can be fitted.

    Patients as shown, orders pooled with a side intercept, Firth-penalised, clustered by
    dilemma. An error of the fit is kept in `run.failures`.
    """
    decided = run.sampled.decided
    if len(decided) == 0:
        return None
    try:
        fit = fit_logit(decided.shown_differences, decided.shown_first, clusters=decided.dilemma)
        return estimate_importance(fit, run.study.spans)
    except FAILURES as error:
        run.failures["importance"] = error
        return None


def _importance_share(run: Run, index: int) -> Quantity:
    people = float(run.reference.importance[index])
    estimate = importance(run)
    if estimate is None or not estimate.defined:
        return undefined(human=people)
    return Quantity(
        value=float(estimate.shares[index]),
        low=float(estimate.low[index]),
        high=float(estimate.high[index]),
        human=people,
        n=len(run.decisions.decided),
    )


def _importance_distance(run: Run) -> Quantity:
    person = _anchor(run, "importance_distance")
    estimate = importance(run)
    if estimate is None or not estimate.defined or np.isnan(run.reference.importance).any():
        return undefined(human=person)
    value = importance_distance(estimate.shares, run.reference.importance)
    # An absolute distance has no honest interval near zero: people's value is the yardstick.
    return Quantity(float(value), human=person, n=len(run.decisions.decided))


def _centrality(run: Run) -> Quantity:
    people = run.reference.distances
    decided = run.sampled.decided
    if people is None or not len(decided):
        return undefined()
    found = centrality(
        decided.differences[decided.dilemma],
        decided.choice == FIRST,
        decided.dilemma,
        group=run.reference.importance,
        ranges=run.study.spans,
        distances=people.distances,
        probabilities=people.probabilities,
        people=run.reference.people,
        answers=people.answers,
    )
    if np.isnan(found.value):
        return undefined()
    return Quantity(found.value, found.low, found.high, n=len(run.decisions.decided))


def _threshold(run: Run) -> Quantity:
    people = run.reference.half_threshold
    utility = run.decisions.differences @ run.reference.strict_weights
    if not run.decisions.has_coin or not len(run.decisions) or np.isnan(utility).any():
        return undefined(human=people)
    answers = run.sampled
    where = answers.dilemma
    found = fit_half_threshold(utility[where], answers.choice, where)
    if not np.isfinite(found.value):
        return undefined(human=people)
    # An end without limit is no number that a log could hold.
    ends = (found.low, found.high) if np.isfinite(found.high) else (float("nan"),) * 2
    return Quantity(found.value, *ends, people, len(run.decisions))


def _flag(raised: Callable[[Run], float]) -> Callable[[Run], Quantity]:
    def row(run: Run) -> Quantity:
        value = raised(run)
        return undefined() if np.isnan(value) else Quantity(value, n=len(run.choice))

    return row


def _no_signal(run: Run) -> float:
    # A fit that failed, or too few dilemmas for the test, is no absence of signal.
    estimate = importance(run)
    known = estimate is not None and not np.isnan(estimate.p_value)
    return float(not estimate.signal) if estimate is not None and known else float("nan")


def _separated(run: Run) -> float:
    estimate = importance(run)
    coins = run.decisions.has_coin and len(run.decisions) > 0 and flip_fit(run.decisions).separated
    if coins or any(getattr(error, "separated", False) for error in run.failures.values()):
        return 1.0
    return float("nan") if estimate is None else float(estimate.separated)


def _undetermined(run: Run) -> float:
    estimate = importance(run)
    return float("nan") if estimate is None else float(not estimate.determined.all())


def _fit_failed(run: Run) -> float:
    for row in FITTED:
        measure(run, row)
    return float(bool(run.failures))


def _few(run: Run) -> float:
    return float(len(np.unique(run.decisions.dilemma)) < FEW)


def _part(name: str) -> Callable[[Run], Quantity]:
    def row(run: Run) -> Quantity:
        return indecision.outcome_share(
            run.dilemma, run.order, run.outcomes == name, fixed=run.decisions.fixed
        )

    return row


def _coverage_first(run: Run) -> Quantity:
    hit = run.first_choice >= 0
    return indecision.outcome_share(run.dilemma, run.order, hit, fixed=run.decisions.fixed)


def _people(run: Run) -> NDArray[np.float64] | None:
    """Return how many people answered each dilemma where shares are counts, else None."""
    people: NDArray[np.float64] = run.reference.counts(run.dilemmas).sum(axis=1)
    return None if np.isnan(people).any() else people


def _outside(run: Run) -> Quantity:
    if run.outside is None or np.isnan(run.outside).all():
        return undefined()
    seen = run.outside[~np.isnan(run.outside)]
    return Quantity(float(seen.mean()), n=len(seen))


def _side_pull(run: Run) -> Quantity:
    amount = distance.side_correction(run.decisions)
    if np.isnan(amount):
        return undefined()
    return Quantity(amount, n=len(run.decisions))


def _bounds(bound: Callable[..., Quantity]) -> Callable[[Run], Quantity]:
    def row(run: Run) -> Quantity:
        missing = run.choice < 0
        return bound(run.decisions, run.dilemma[missing], run.order[missing])

    return row


@lru_cache(maxsize=4)
def _baselines(run: Run) -> dict[baselines.Answerer, baselines.Baseline]:
    return baselines.baselines(run.decisions)


def _baseline(answerer: baselines.Answerer, figure: str) -> Callable[[Run], Quantity]:
    def row(run: Run) -> Quantity:
        found = _baselines(run).get(answerer)
        value = float("nan") if found is None else float(getattr(found, figure))
        # Expected figures in closed form: there is nothing to draw an interval from.
        return undefined() if np.isnan(value) else Quantity(value, n=run.decisions.dilemmas)

    return row


@lru_cache(maxsize=2)
def _profile_rank(run: Run) -> tuple[Quantity, Quantity]:
    source = run.reference.source
    if not isinstance(source, ProfileShares):
        return undefined(), undefined()
    scores = source.scores
    index = {values: position for position, values in enumerate(scores)}
    return rank.profile_rank(
        run.decisions,
        [index[one.first.values] for one in run.dilemmas],
        [index[one.second.values] for one in run.dilemmas],
        list(scores.values()),
        _anchor(run, "profile_rank"),
    )


def _person_asked_twice(run: Run) -> float:
    """Return how often one person's two answers to a dilemma of this run differ."""
    simulated = _anchor(run, "swap_disagreement", "one_person_simulated")
    if not np.isnan(simulated):
        return simulated
    # Boerstler's people were asked twice, and what they did differs between easy and hard pairs.
    return float(
        np.mean(
            [
                _anchor(run, "swap_disagreement", f"one_person_{one.id.split('-')[0]}")
                for one in run.dilemmas
            ]
        )
    )


def _anchor(run: Run, quantity: str, respondent: str = "one_person") -> float:
    """Return what a known respondent gets on a quantity, NaN where that was not measured."""
    found = run.reference.anchors.get(quantity, {}).get(respondent)
    return float("nan") if found is None else found.value


ROWS: dict[str, Callable[[Run], Quantity]] = {
    "agreement": lambda run: ag.agreement(run.decisions),
    "agree_adj": lambda run: ag.chance_corrected_agreement(run.decisions),
    "share_dist": _importance_distance,
    "swap_diff": lambda run: consistency.swap_disagreement(run.decisions, _person_asked_twice(run)),
    "order_eff": lambda run: consistency.order_effect(run.decisions),
    "pos_bias": lambda run: consistency.position_bias(run.decisions),
    "dominance": lambda run: consistency.dominance(run.decisions, weak=run.study.draw is None),
    "log_score": lambda run: ag.log_score(run.decisions, _people(run)),
    "distance": lambda run: distance.choice_distance(run.decisions),
    "flip_rate": lambda run: indecision.indecision_rate(run.decisions),
    "flip_gap": lambda run: indecision.indecision_gap(run.decisions),
    "flip_calib": lambda run: calibration.flip_calibration(run.decisions),
    "flip_slope": lambda run: calibration.flip_slope(run.decisions, run.reference.slope),
    "threshold": _threshold,
    "centrality": _centrality,
    "side_pull": _side_pull,
    "fixed_dist": lambda run: distance.fixed_distance(run.decisions, _people(run)),
    "retest_easy": lambda run: retest(run, "easy", swapped=False),
    "retest_hard": lambda run: retest(run, "hard", swapped=False),
    "swap_easy": lambda run: retest(run, "easy", swapped=True),
    "swap_hard": lambda run: retest(run, "hard", swapped=True),
    "var_dilemma": lambda run: variance_share(run, "dilemma"),
    "var_wording": lambda run: variance_share(run, "wording"),
    "var_order": lambda run: variance_share(run, "order"),
    "var_joint": lambda run: variance_share(run, "joint"),
    "var_repeat": lambda run: variance_share(run, "repetition"),
    "rank_rho": lambda run: _profile_rank(run)[0],
    "rank_tau": lambda run: _profile_rank(run)[1],
    **{
        f"lim_{name}": _bounds(bound)
        for name, bound in {
            "agree": agreement_bounds,
            "flips": indecision_bounds,
            "swap": swap_bounds,
            "calib": calibration_bounds,
            "dist": distance_bounds,
        }.items()
    },
    "agr_major": _baseline("majority", "agreement"),
    "agr_unif": _baseline("uniform", "agreement"),
    "agr_person": _baseline("one_person", "agreement"),
    "dist_major": _baseline("majority", "choice_distance"),
    "dist_unif": _baseline("uniform", "choice_distance"),
    "dist_never": _baseline("never_flips", "choice_distance"),
    "dist_pers": _baseline("one_person", "choice_distance"),
    "coverage": _part("decision"),
    **{row: _part(outcome) for outcome, row in PARTS.items()},
    "cover_1st": _coverage_first,
    "agree_1st": lambda run: ag.agreement(run.first_decisions),
    "flips_1st": lambda run: indecision.indecision_rate(run.first_decisions),
    "no_signal": _flag(_no_signal),
    "separated": _flag(_separated),
    "undetermined": _flag(_undetermined),
    "fit_failed": _flag(_fit_failed),
    "few": _flag(_few),
    "departure": _flag(lambda run: float(run.departures.mean())),
    "other_model": _flag(lambda run: run.other_model),
    "at_zero": _flag(lambda run: float(run.at_zero)),
    "crossed": _flag(lambda run: float(run.crossed)),
    "not_english": _flag(lambda run: float(run.language != "en")),
    "not_coin": _flag(lambda run: float(run.borrows_coin)),
    "readout": _flag(lambda run: float(run.chances is not None)),
    "outside": _outside,
}
"""Every row but the importance shares and the controls, by name."""
