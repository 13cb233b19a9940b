"""Baseline predictions of people's shares in the fixed or the drawn study from the other study.

The fixed questions are predicted by the model of people's shares that the drawn study ships. The
drawn dilemmas are predicted by a two-stage model (without a coin: a logit) that is fitted to the
answers to the fixed questions. Age and dependents have the same units in both studies. Levels of
drinking are converted to drinks a day as in `predict.yaml`, which is our assumption. The fixed
questions have ages and a level of drinking outside the drawn study's ranges; the model is
extrapolated to them linearly.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import expit

from kidney_evals.elicitation.form import table
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.two_stage import fit_two_stage
from kidney_evals.human import differences, load_reference
from kidney_evals.studies import Condition, Dilemma, Patient, Study, load_study


def from_other_study(
    study: Study, dilemmas: Sequence[Dilemma], condition: Condition
) -> Floats | None:
    """Return people's shares of the answers to `dilemmas`, predicted from the other study, (D, K).

    The fixed and the drawn study, named in `predict.yaml`, predict each other. None for another
    `study`.

    Raises:
        FitError: The answers to the fixed questions do not determine the model.
    """
    names = table("predict")["other_study"]
    if study.id == names["fixed"] and study.draw is None:
        drawn = load_study(names["drawn"])
        return load_reference(drawn, condition).shares([_as_drawn(one, study) for one in dilemmas])
    if study.id == names["drawn"]:
        weights, intercept, slope = _fixed_model(condition)
        utility = differences(study, dilemmas) @ np.array(weights)
        first = expit(utility)
        if condition == "forced_choice":
            return np.column_stack([first, 1 - first])
        coin = expit(intercept - slope * np.abs(utility))
        return np.column_stack([(1 - coin) * first, (1 - coin) * (1 - first), coin])
    return None


@lru_cache(maxsize=2)
def _fixed_model(condition: Condition) -> tuple[tuple[float, ...], float, float]:
    """Return weights, flip intercept and flip slope of people, from the fixed questions."""
    names = table("predict")["other_study"]
    fixed, drawn = load_study(names["fixed"]), load_study(names["drawn"])
    counts = load_reference(fixed, condition).counts(fixed.listed).astype(np.int64)
    x = differences(drawn, [_as_drawn(one, fixed) for one in fixed.listed])
    rows = np.repeat(np.arange(len(x)), counts.sum(axis=1))
    choice = np.concatenate([np.repeat(np.arange(len(row)), row) for row in counts])
    if condition == "forced_choice":
        logit = fit_logit(x[rows], choice == 0, intercept=False)
        return tuple(logit.weights.tolist()), 0.0, 0.0
    fit = fit_two_stage(x[rows], choice)
    if not np.isfinite(fit.theta).all():
        raise FitError("the fixed questions do not determine a two-stage model")
    return tuple(fit.weights.tolist()), fit.flip_intercept, fit.flip_slope


def _as_drawn(dilemma: Dilemma, fixed: Study) -> Dilemma:
    """Return a fixed question with its values converted to the attributes of the drawn study."""
    drinks = table("predict")["other_study"]["drinks"]

    def patient(one: Patient) -> Patient:
        values = dict(zip(fixed.attribute_ids, one.values, strict=True))
        values["drinking"] = float(drinks[int(values["drinking"])])
        return Patient(tuple(values.values()))

    return Dilemma(dilemma.id, patient(dilemma.first), patient(dilemma.second), dilemma.kind)
