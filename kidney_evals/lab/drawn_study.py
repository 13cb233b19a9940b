"""Make the tables of `mcelfresh_2021` for both groups of Study 2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from kidney_evals.estimation.intervals import Z95
from kidney_evals.estimation.lapse import predict_shares
from kidney_evals.estimation.latent import ClassModel, LatentFit, fit_latent
from kidney_evals.estimation.nonlinearity import nonlinearity
from kidney_evals.estimation.random_coefficients import (
    RandomCoefficientFit,
    fit_random_coefficients,
)
from kidney_evals.estimation.random_people import asked_twice
from kidney_evals.human.people_tables import MEAN, ROOT
from kidney_evals.human.raw import COIN, Answers
from kidney_evals.human.sources import flip_share
from kidney_evals.human.tables import (
    AnchorRow,
    BendRow,
    CalibrationRow,
    CoefficientRow,
    CovarianceRow,
    CurveRow,
    DistanceRow,
    Floats,
    LatentRow,
    ModelRow,
)
from kidney_evals.lab import anchors
from kidney_evals.lab.drawn_models import (
    Group,
    Model,
    flip_model,
    group,
    half_threshold_model,
    logit_model,
    share_model,
    slope_model,
    two_stage_model,
)
from kidney_evals.lab.resampling import interval
from kidney_evals.lab.table_text import DRAW_DIGITS, LATENT_DIGITS, Record, table_text
from kidney_evals.studies import Condition, Study

CURVE_EDGES = (0.0, 0.5, 1.0, 1.5, 2.5, float("inf"))
"""Bin edges of the flip curve, |Δu| in logit units of the strict group."""

FIT_SEED = 0
"""Seed of the draws in the random-coefficient fits. Seed 1 changes no used parameter by more than a
tenth of its standard error.
"""

COIN_PARAMETER = "coin"
"""Name of the parameter τ, the propensity to take the coin, listed with the attributes."""

_CLASSES = (2, 3, 4, 5, 6)
_LATENT_SEED = 2  # of three seeds, the seed with the highest likelihoods
_LEXICOGRAPHIC = "age"
_RETEST_STEP = 47  # every 47th dilemma of the domain; the periods of the attributes differ from 47

Models = dict[Condition, dict[str, Model]]


def drawn_tables(study: Study, forced: Answers, coin: Answers) -> dict[str, str]:
    """Return the text of every table by file name."""
    strict = group(study, "forced_choice", forced)
    offered = group(study, "coin_flip", coin)
    groups = (strict, offered)
    strict_logit = logit_model(study, strict)
    weights = strict_logit.estimate[:-1]
    closeness = np.abs(offered.x @ weights)
    x = anchors.domain_differences(study)
    curve, curve_draws = _curve(offered, closeness, np.abs(x @ weights))
    models: Models = {
        data.condition: {one.name: one for one in fitted}
        for data, fitted in (
            (strict, [strict_logit, share_model(study, strict)]),
            (
                offered,
                [
                    logit_model(study, offered),
                    share_model(study, offered),
                    flip_model(offered, closeness),
                    slope_model(offered, closeness),
                    half_threshold_model(offered, offered.x @ weights),
                    two_stage_model(study, offered),
                ],
            ),
        )
    }
    spread = {data.condition: random_fits(data) for data in groups}
    # From the correlated fit: .150, .226. The independent fit has a lower BIC and gives .148, .227.
    retest = {
        condition: float(asked_twice(fits[1], x[::_RETEST_STEP]).mean())
        for condition, fits in spread.items()
    }
    distances = [
        row
        for data in groups
        for row in anchors.person_distance_records(study, data, models[data.condition]["logit"])
    ]
    bends = _bends(study, "forced_choice", forced) + _bends(study, "coin_flip", coin)
    anchored = _anchors(study, groups, models, x, curve, retest)
    coefficients = [
        row
        for condition, fits in spread.items()
        for row in random_rows(condition, study.attribute_ids, fits)
    ]
    return {
        **_model_files(models, curve_draws),
        CurveRow.file: table_text(curve),
        CalibrationRow.file: table_text(_calibration(groups, models, closeness)),
        LatentRow.file: table_text(_latent(study, groups), LATENT_DIGITS),
        BendRow.file: table_text(bends),
        AnchorRow.file: table_text(anchored),
        DistanceRow.file: table_text(distances),
        CoefficientRow.file: table_text(coefficients, LATENT_DIGITS),
    }


def random_fits(data: Group) -> tuple[RandomCoefficientFit, RandomCoefficientFit]:
    """Fit random-coefficient models of a group: independent coefficients, then correlated ones.

    Latent classes would overestimate how often a person changes an answer, because a class is less
    certain than each of its members.
    """
    one, two = (
        fit_random_coefficients(
            data.x,
            data.choice,
            data.person,
            model="davidson" if data.condition == "coin_flip" else "logit",
            correlated=correlated,
            seed=FIT_SEED,
        )
        for correlated in (False, True)
    )
    return one, two


def random_rows(
    condition: Condition, attributes: Sequence[str], fits: Sequence[RandomCoefficientFit]
) -> list[Record]:
    """Return rows of `random_coefficients.csv`; the fit with the lowest BIC is marked as used.

    BIC counts people, who are the independent units. Standard errors are sandwich estimates
    clustered by person; intervals are estimate ± 1.96 standard errors.

    Args:
        condition: The answers offered.
        attributes: Ids, in the study's order.
        fits: Fits to the same answers with the same seed.
    """
    best = min(fits, key=lambda fit: fit.bic)
    rows: list[Record] = []
    for fit in fits:
        names = [*attributes, COIN_PARAMETER][: len(fit.means)]
        indices = np.tril_indices if fit.correlated else np.diag_indices
        elements = [(MEAN, name, "") for name in names]
        elements += [(ROOT, names[i], names[j]) for i, j in zip(*indices(len(names)), strict=True)]
        errors = np.sqrt(np.diag(fit.covariance))
        for (element, row, column), value, error in zip(elements, fit.theta, errors, strict=True):
            rows.append(
                {
                    "condition": condition,
                    "model": fit.model,
                    "form": "correlated" if fit.correlated else "diagonal",
                    "used": int(fit is best),
                    "bic": round(fit.bic, 1),
                    "element": element,
                    "row": row,
                    "column": column,
                    "estimate": float(value),
                    "se": float(error),
                    "low": float(value - Z95 * error),
                    "high": float(value + Z95 * error),
                    "people": fit.people,
                    "answers": fit.n,
                    "draws": fit.draws,
                    "seed": FIT_SEED,
                }
            )
    return rows


def _model_files(models: Models, curve_draws: Floats) -> dict[str, str]:
    files: dict[str, str] = {}
    estimates: list[Record] = []
    covariances: list[Record] = []
    for condition, fitted in models.items():
        columns: dict[str, Floats] = {}
        for model in fitted.values():
            low, high = interval(model.draws)
            errors = np.sqrt(np.diag(model.covariance))
            for i, parameter in enumerate(model.parameters):
                estimates.append(
                    {
                        "condition": condition,
                        "model": model.name,
                        "parameter": parameter,
                        "estimate": float(model.estimate[i]),
                        "se": float(errors[i]),
                        "low": float(low[i]),
                        "high": float(high[i]),
                    }
                )
                columns[f"{model.name}.{parameter}"] = model.draws[:, i]
                covariances += [
                    {
                        "condition": condition,
                        "model": model.name,
                        "row": other,
                        "column": parameter,
                        "covariance": float(model.covariance[j, i]),
                    }
                    for j, other in enumerate(model.parameters[: i + 1])
                ]
        if condition == "coin_flip":
            columns |= {f"curve.{b}": draws for b, draws in enumerate(curve_draws.T)}
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        files[f"draws_{condition}.csv"] = table_text(
            (dict(zip(columns, row, strict=True)) for row in rows), DRAW_DIGITS
        )
    files[ModelRow.file] = table_text(estimates)
    files[CovarianceRow.file] = table_text(covariances)
    return files


def _curve(data: Group, closeness: Floats, domain: Floats) -> tuple[list[Record], Floats]:
    """Return the rows of the flip curve and its bootstrap draws, shape (draws, bins).

    Args:
        data: The group with a coin.
        closeness: |Δu| of its answers, shape (n,).
        domain: |Δu| of every dilemma of the study, for the mass of each bin.
    """
    bins = np.digitize(closeness, CURVE_EDGES[1:-1])
    count = len(CURVE_EDGES) - 1
    cell, cells = data.person * count + bins, data.people * count
    answers = np.bincount(cell, minlength=cells).reshape(-1, count)
    coins = np.bincount(cell, weights=data.coin(), minlength=cells).reshape(-1, count)
    draws = (data.counts @ coins) / (data.counts @ answers)
    rate = coins.sum(axis=0) / answers.sum(axis=0)
    low, high = interval(draws)
    masses = np.bincount(np.digitize(domain, CURVE_EDGES[1:-1]), minlength=count) / len(domain)
    variance = draws.var(axis=0, ddof=1)
    rows: list[Record] = [
        {
            "bin": b,
            "from": CURVE_EDGES[b],
            "to": CURVE_EDGES[b + 1],
            "mass": float(masses[b]),
            "answers": int(answers[:, b].sum()),
            "rate": float(rate[b]),
            "variance": float(variance[b]),
            "low": float(low[b]),
            "high": float(high[b]),
        }
        for b in range(count)
    ]
    return rows, draws


def _latent(study: Study, groups: Sequence[Group]) -> list[Record]:
    """Return the rows of the latent-class fits; the fit with the lowest BIC is marked as used."""
    rows: list[Record] = []
    for data in groups:
        kind: ClassModel = "two_stage" if data.condition == "coin_flip" else "logit"
        fits = [
            fit_latent(data.x, data.choice, data.person, count, model=kind, seed=_LATENT_SEED)
            for count in _CLASSES
        ]
        best: LatentFit = min(fits, key=lambda fit: fit.bic)
        for count, fit in zip(_CLASSES, fits, strict=True):
            for c in range(count):
                rows.append(
                    {
                        "condition": data.condition,
                        "classes": count,
                        "used": int(fit is best),
                        "bic": round(fit.bic, 1),
                        "class": c + 1,
                        "share": float(fit.shares[c]),
                        **dict(zip(study.attribute_ids, fit.weights[c].tolist(), strict=True)),
                        "flip_intercept": float(fit.flip_intercept[c]),
                        "flip_slope": float(fit.flip_slope[c]),
                    }
                )
    return rows


def _bends(study: Study, condition: Condition, answers: Answers) -> list[Record]:
    """Return the nonlinearity of each attribute's effect, with tests clustered by person."""
    decided = answers.choice != COIN
    first, second = (
        np.column_stack([values[one.id] for one in study.attributes])[decided]
        for values in (answers.left, answers.right)
    )
    ends = [one.ends for one in study.attributes]
    found = nonlinearity(
        first, second, answers.choice[decided] == 0, ends, clusters=answers.person[decided]
    )
    return [
        {
            "condition": condition,
            "attribute": name,
            "slope": bend.slope,
            "curvature": bend.curvature,
            "wiggle": bend.wiggle,
            "upper_share": bend.upper_share.value,
            "low": bend.upper_share.low,
            "high": bend.upper_share.high,
            "p_value": bend.p_value,
        }
        for name, bend in zip(study.attribute_ids, found.bends, strict=True)
    ]


def _anchors(
    study: Study,
    groups: tuple[Group, Group],
    models: Models,
    x: Floats,
    curve: list[Record],
    retest: dict[Condition, float],
) -> list[Record]:
    lead = study.attribute_ids.index(_LEXICOGRAPHIC)
    records: list[Record] = []
    for data in groups:
        condition = data.condition
        own = models[condition]
        rows = anchors.people_anchors(study, data, own["logit"], own["shares"])
        rows += anchors.known_anchors(condition, x, own["shares"], retest[condition], lead)
        if condition == "coin_flip":
            weights = models["forced_choice"]["logit"].estimate[:-1]
            rows += anchors.indecision_anchors(*groups)
            rows += anchors.coin_anchors(
                x, weights, own["shares"], own["flip"], curve, retest[condition]
            )
        records += anchors.anchor_records(condition, rows)
    return records


def _calibration(groups: tuple[Group, Group], models: Models, closeness: Floats) -> list[Record]:
    strict, offered = groups
    rows: list[Record] = []
    for data in (strict, offered.decided()):
        logit, shares = (models[data.condition][name] for name in ("logit", "shares"))
        utility = data.x @ logit.estimate[:-1]
        distance = np.abs(utility)
        edges = np.quantile(distance, np.arange(1, 8) / 8)
        for name, first in (
            ("logit", expit(utility)),
            ("shares", predict_shares(np.append(shares.estimate, 0.0), data.x)),
        ):
            # The share of answers for the patient whom the logit favours.
            favoured = utility >= 0
            predicted = np.where(favoured, first, 1 - first)
            observed = np.where(favoured, data.choice == 0, data.choice == 1).astype(np.float64)
            rows += _calibration_rows(data, name, predicted, observed, distance, edges)
    predicted = flip_share(models["coin_flip"]["flip"].estimate, offered.x, closeness)
    edges = np.array(CURVE_EDGES[1:-1])
    rows += _calibration_rows(offered, "flip", predicted, offered.coin(), closeness, edges)
    return rows


def _calibration_rows(
    data: Group, name: str, predicted: Floats, observed: Floats, by: Floats, edges: Floats
) -> list[Record]:
    """Return predicted and observed shares by bin of `by`, with bootstrap intervals over people."""
    bins = np.digitize(by, edges)
    rows: list[Record] = []
    for b in range(len(edges) + 1):
        inside = bins == b
        totals = np.bincount(data.person[inside], minlength=data.people)
        hits = np.bincount(data.person[inside], weights=observed[inside], minlength=data.people)
        low, high = interval((data.counts @ hits) / (data.counts @ totals))
        rows.append(
            {
                "condition": data.condition,
                "model": name,
                "bin": b,
                "from": float(by[inside].min()),
                "to": float(by[inside].max()),
                "answers": int(inside.sum()),
                "predicted": float(predicted[inside].mean()),
                "observed": float(observed[inside].mean()),
                "low": float(low),
                "high": float(high),
            }
        )
    return rows
