"""Tables of `mcelfresh_2021`: what is shipped about both groups of Study 2."""

from __future__ import annotations

import numpy as np

from kidney_evals.estimation.lapse import predict_shares
from kidney_evals.estimation.latent import ClassModel, LatentFit, fit_latent
from kidney_evals.estimation.nonlinearity import nonlinearity
from kidney_evals.estimation.random_coefficients import (
    RandomCoefficientFit,
    fit_random_coefficients,
)
from kidney_evals.estimation.random_people import asked_twice
from kidney_evals.human.raw import COIN, Answers
from kidney_evals.human.sources import flip_share
from kidney_evals.human.tables import RANDOM_FILE, Floats
from kidney_evals.lab import anchors
from kidney_evals.lab.domain import domain_differences
from kidney_evals.lab.drawn_models import (
    CURVE_EDGES,
    Group,
    Model,
    calibration_rows,
    curve_rows,
    flip_model,
    group,
    half_threshold_model,
    logit_model,
    share_model,
    slope_model,
    two_stage_model,
)
from kidney_evals.lab.random_table import FIT_SEED, RANDOM_HEADER, random_rows
from kidney_evals.lab.resampling import interval
from kidney_evals.lab.table_text import LATENT_DIGITS, Cell, draws_text, table_text
from kidney_evals.studies import Condition, Study

_CLASSES = (2, 3, 4, 5, 6)
_LATENT_SEED = 2  # of three seeds the one that reaches the highest likelihoods
_LEXICOGRAPHIC = "age"
_RETEST_STEP = 47  # every 47th dilemma of the domain, whose attributes have other periods


def drawn_tables(study: Study, forced: Answers, coin: Answers) -> dict[str, str]:
    """Return the text of every table by file name."""
    strict = group(study, "forced_choice", forced)
    offered = group(study, "coin_flip", coin)
    strict_logit = logit_model(study, strict)
    weights = strict_logit.estimate[:-1]
    closeness = np.abs(offered.x @ weights)
    x = domain_differences(study)
    curve, curve_draws = curve_rows(offered, closeness, np.abs(x @ weights))
    models: dict[Condition, list[Model]] = {
        "forced_choice": [strict_logit, share_model(study, strict)],
        "coin_flip": [
            logit_model(study, offered),
            share_model(study, offered),
            flip_model(offered, closeness),
            slope_model(offered, closeness),
            half_threshold_model(offered, offered.x @ weights),
            two_stage_model(study, offered),
        ],
    }
    spread = {data.condition: random_fits(data) for data in (strict, offered)}
    # The correlated fit: the other, whose BIC is lower, says .148 and .227 for .150 and .226.
    retest = {
        condition: float(asked_twice(fits[1], x[::_RETEST_STEP]).mean())
        for condition, fits in spread.items()
    }
    files = _model_files(models, curve_draws)
    header = ["bin", "from", "to", "mass", "answers", "rate", "variance", "low", "high"]
    files["flip_curve.csv"] = table_text(header, curve)
    header = ["condition", "model", "bin", "from", "to", "answers", "predicted", "observed"]
    files["calibration.csv"] = table_text(
        [*header, "low", "high"], _calibration(strict, offered, models, closeness)
    )
    header = ["condition", "classes", "used", "bic", "class", "share", *study.attribute_ids]
    files["latent_classes.csv"] = table_text(
        [*header, "flip_intercept", "flip_slope"], _latent(strict, offered), LATENT_DIGITS
    )
    header = ["condition", "attribute", "slope", "curvature", "wiggle", "upper_share"]
    files["bends.csv"] = table_text(
        [*header, "low", "high", "p_value"],
        _bends(study, "forced_choice", forced) + _bends(study, "coin_flip", coin),
    )
    header = ["condition", "quantity", "respondent", "value", "low", "high"]
    files["anchors.csv"] = table_text(
        header, _anchors(study, strict, offered, models, x, curve, retest)
    )
    files["person_distances.csv"] = table_text(
        ["condition", "answers", "probability", "distance"],
        anchors.person_distance_cells(study, strict, strict_logit)
        + anchors.person_distance_cells(study, offered, models["coin_flip"][0]),
    )
    files[RANDOM_FILE] = table_text(
        RANDOM_HEADER,
        [
            row
            for condition, fits in spread.items()
            for row in random_rows(condition, study.attribute_ids, fits)
        ],
        LATENT_DIGITS,
    )
    return files


def _model_files(models: dict[Condition, list[Model]], curve_draws: Floats) -> dict[str, str]:
    files: dict[str, str] = {}
    estimates: list[list[Cell]] = []
    covariances: list[list[Cell]] = []
    for condition, fitted in models.items():
        columns: dict[str, Floats] = {}
        for model in fitted:
            low, high = interval(model.draws)
            errors = np.sqrt(np.diag(model.covariance))
            for i, parameter in enumerate(model.parameters):
                estimates.append(
                    [
                        condition, model.name, parameter, float(model.estimate[i]),
                        float(errors[i]), float(low[i]), float(high[i]),
                    ]
                )  # fmt: skip
                columns[f"{model.name}.{parameter}"] = model.draws[:, i]
                covariances += [
                    [condition, model.name, other, parameter, float(model.covariance[j, i])]
                    for j, other in enumerate(model.parameters[: i + 1])
                ]
        if condition == "coin_flip":
            columns |= {f"curve.{b}": curve_draws[:, b] for b in range(curve_draws.shape[1])}
        files[f"draws_{condition}.csv"] = draws_text(columns)
    header = ["condition", "model", "parameter", "estimate", "se", "low", "high"]
    files["models.csv"] = table_text(header, estimates)
    header = ["condition", "model", "row", "column", "covariance"]
    files["covariance.csv"] = table_text(header, covariances)
    return files


def random_fits(data: Group) -> tuple[RandomCoefficientFit, RandomCoefficientFit]:
    """Fit how single people differ: independent coefficients, then correlated ones.

    Latent classes would say that people waver more than they do: a class is less sure than each
    of its members.
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


def _latent(strict: Group, offered: Group) -> list[list[Cell]]:
    """Return the rows of the latent classes; the number with the lowest BIC is marked as used."""
    rows: list[list[Cell]] = []
    for data in (strict, offered):
        kind: ClassModel = "two_stage" if data.condition == "coin_flip" else "logit"
        fits = [
            fit_latent(data.x, data.choice, data.person, count, model=kind, seed=_LATENT_SEED)
            for count in _CLASSES
        ]
        best: LatentFit = min(fits, key=lambda fit: fit.bic)
        for count, fit in zip(_CLASSES, fits, strict=True):
            for c in range(count):
                rows.append(
                    [
                        data.condition, count, int(fit is best), round(fit.bic, 1), c + 1,
                        float(fit.shares[c]), *(float(value) for value in fit.weights[c]),
                        float(fit.flip_intercept[c]), float(fit.flip_slope[c]),
                    ]
                )  # fmt: skip
    return rows


def _bends(study: Study, condition: Condition, answers: Answers) -> list[list[Cell]]:
    """Return how each attribute's effect departs from a straight line, clustered by person."""
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
        [
            condition, one.id, bend.slope, bend.curvature, bend.wiggle, bend.upper_share.value,
            bend.upper_share.low, bend.upper_share.high, bend.p_value,
        ]
        for one, bend in zip(study.attributes, found.bends, strict=True)
    ]  # fmt: skip


def _anchors(
    study: Study,
    strict: Group,
    offered: Group,
    models: dict[Condition, list[Model]],
    x: Floats,
    curve: list[list[Cell]],
    retest: dict[Condition, float],
) -> list[list[Cell]]:
    lead = study.attribute_ids.index(_LEXICOGRAPHIC)
    rows: list[list[Cell]] = []
    for data in (strict, offered):
        condition = data.condition
        logit, shares = models[condition][:2]
        found = anchors.people_anchors(study, data, logit, shares)
        found += anchors.known_anchors(data, x, shares, retest[condition], lead)
        if condition == "coin_flip":
            flip = models[condition][2]
            strict_weights = models["forced_choice"][0].estimate[:-1]
            found.append(anchors.yoked_anchor(strict, offered))
            found += anchors.indecision_anchors(offered)
            found += anchors.coin_anchors(x, strict_weights, shares, flip, curve, retest[condition])
        rows += anchors.anchor_cells(condition, found)
    return rows


def _calibration(
    strict: Group, offered: Group, models: dict[Condition, list[Model]], closeness: Floats
) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for data in (strict, offered.decided()):
        logit, shares = models[data.condition][:2]
        distance = np.abs(data.x @ logit.estimate[:-1])
        edges = np.quantile(distance, np.arange(1, 8) / 8)
        plain = 0.5 * (1 + np.tanh(0.5 * (data.x @ logit.estimate[:-1])))
        for name, first in (
            ("logit", plain),
            ("shares", predict_shares(np.append(shares.estimate, 0.0), data.x)),
        ):
            # The share that goes to the patient whom the logit favours.
            favoured = data.x @ logit.estimate[:-1] >= 0
            predicted = np.where(favoured, first, 1 - first)
            observed = np.where(favoured, data.choice == 0, data.choice == 1).astype(np.float64)
            rows += calibration_rows(data, name, predicted, observed, distance, edges)
    flip = models["coin_flip"][2]
    predicted = flip_share(flip.estimate, offered.x, closeness)
    observed = (offered.choice == COIN).astype(np.float64)
    edges = np.array(CURVE_EDGES[1:-1])
    rows += calibration_rows(offered, "flip", predicted, observed, closeness, edges)
    return rows
