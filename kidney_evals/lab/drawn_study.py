"""Make the tables of `mcelfresh_2021` for both groups of Study 2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from kidney_evals.estimation.intervals import Z95
from kidney_evals.estimation.latent import ClassModel, fit_latent
from kidney_evals.estimation.nonlinearity import nonlinearity
from kidney_evals.estimation.random_coefficients import (
    RandomCoefficientFit,
    fit_random_coefficients,
)
from kidney_evals.estimation.random_people import asked_twice
from kidney_evals.human.people_tables import MEAN, ROOT
from kidney_evals.human.raw import COIN, Answers, Ints
from kidney_evals.human.sources import flip_share
from kidney_evals.human.tables import Floats
from kidney_evals.lab import anchors
from kidney_evals.lab.drawn_models import (
    Group,
    Model,
    coin_models,
    group,
    interval,
    logit_model,
    share_model,
)
from kidney_evals.lab.table_text import DRAW_DIGITS, LATENT_DIGITS, table_text
from kidney_evals.studies import Condition, Study

CURVE_EDGES = (0.0, 0.5, 1.0, 1.5, 2.5, float("inf"))
"""Bin edges of the flip curve, |Δu| in logit units of the forced-choice group."""

FIT_SEED = 0
"""Seed of the draws in the random-coefficient fits. Seed 1 changes no used parameter by more than a
tenth of its standard error.
"""

_TAU = "coin"
"""Name of the parameter τ, the propensity to take the coin, listed with the attributes."""

_CLASSES = (2, 3, 4, 5, 6)
_LATENT_SEED = 2  # of three seeds, the seed with the highest likelihoods
_LEXICOGRAPHIC = "age"
_RETEST_STEP = 47  # every 47th dilemma of the domain; the periods of the attributes differ from 47

Models = dict[Condition, dict[str, Model]]


def drawn_tables(study: Study, forced: Answers, coin: Answers) -> dict[str, str]:
    """Return the text of every table by file name."""
    strict, offered = groups = (
        group(study, "forced_choice", forced),
        group(study, "coin_flip", coin),
    )
    models: Models = {
        data.condition: {
            model.name: model for model in (logit_model(study, data), share_model(study, data))
        }
        for data in groups
    }
    weights = models["forced_choice"]["logit"].estimate[:-1]
    utility = offered.x @ weights
    models["coin_flip"] |= {model.name: model for model in coin_models(study, offered, utility)}
    x = anchors.domain_differences(study)
    curve, curve_draws = _curve(offered, np.abs(utility), np.abs(x @ weights))
    anchored, coefficients, distances = [], [], []
    for data in groups:
        condition, own = data.condition, models[data.condition]
        fits = random_fits(data)
        coefficients.append(random_rows(condition, study.attribute_ids, fits))
        # The correlated fit: .150, .226. The independent fit has a lower BIC: .148, .227.
        retest = float(asked_twice(fits[1], x[::_RETEST_STEP]).mean())
        lead = study.attribute_ids.index(_LEXICOGRAPHIC)
        rows = anchors.people_anchors(study, data, own["logit"], own["shares"])
        rows += anchors.known_anchors(condition, x, own["shares"], retest, lead)
        if condition == "coin_flip":
            rows += anchors.indecision_anchors(strict, offered)
            rows += anchors.coin_anchors(x, weights, own, curve, retest)
        anchored.append(anchors.anchor_table(condition, rows))
        distances.append(anchors.person_distance_table(study, data, own["logit"]))
    return {
        **_model_files(models, curve_draws),
        "flip_curve.csv": table_text(curve),
        "calibration.csv": table_text(_calibration(strict, offered, models, np.abs(utility))),
        "latent_classes.csv": table_text(pd.concat(_latent(study, groups)), LATENT_DIGITS),
        "bends.csv": table_text(
            pd.concat([_bends(study, "forced_choice", forced), _bends(study, "coin_flip", coin)])
        ),
        "anchors.csv": table_text(pd.concat(anchored)),
        "person_distances.csv": table_text(pd.concat(distances)),
        "random_coefficients.csv": table_text(pd.concat(coefficients), LATENT_DIGITS),
    }


def random_fits(data: Group) -> list[RandomCoefficientFit]:
    """Fit random-coefficient models of a group: independent coefficients, then correlated ones.

    Latent classes would overestimate how often a person changes an answer.
    """
    return [
        fit_random_coefficients(
            data.x,
            data.choice,
            data.person,
            model="davidson" if data.condition == "coin_flip" else "logit",
            correlated=correlated,
            seed=FIT_SEED,
        )
        for correlated in (False, True)
    ]


def random_rows(
    condition: Condition, attributes: Sequence[str], fits: Sequence[RandomCoefficientFit]
) -> pd.DataFrame:
    """Return rows of `random_coefficients.csv`; the fit with the lowest BIC is marked as used.

    BIC counts people. Standard errors are clustered by person; intervals are estimate ± 1.96
    standard errors.
    """
    best = min(fits, key=lambda fit: fit.bic)
    tables = []
    for fit in fits:
        names = [*attributes, _TAU][: len(fit.means)]
        rows, columns = (np.tril_indices if fit.correlated else np.diag_indices)(len(names))
        errors = np.sqrt(np.diag(fit.covariance))
        tables.append(
            pd.DataFrame(
                {
                    "condition": condition,
                    "model": fit.model,
                    "form": "correlated" if fit.correlated else "diagonal",
                    "used": int(fit is best),
                    "bic": round(fit.bic, 1),
                    "element": [MEAN] * len(names) + [ROOT] * len(rows),
                    "row": [*names, *(names[i] for i in rows)],
                    "column": [*("" for _ in names), *(names[j] for j in columns)],
                    "estimate": fit.theta,
                    "se": errors,
                    "low": fit.theta - Z95 * errors,
                    "high": fit.theta + Z95 * errors,
                    "people": fit.people,
                    "answers": fit.n,
                    "draws": fit.draws,
                    "seed": FIT_SEED,
                }
            )
        )
    return pd.concat(tables)


def _model_files(models: Models, curve_draws: Floats) -> dict[str, str]:
    files: dict[str, str] = {}
    estimates, covariances = [], []
    for condition, fitted in models.items():
        draws: dict[str, Floats] = {}
        for model in fitted.values():
            low, high = interval(model.draws)
            about = {"condition": condition, "model": model.name}
            estimates.append(
                pd.DataFrame(
                    about
                    | {
                        "parameter": model.parameters,
                        "estimate": model.estimate,
                        "se": np.sqrt(np.diag(model.covariance)),
                        "low": low,
                        "high": high,
                    }
                )
            )
            names = np.array(model.parameters)
            j, i = np.tril_indices(len(names))
            covariances.append(
                pd.DataFrame(
                    about
                    | {"row": names[i], "column": names[j], "covariance": model.covariance[i, j]}
                )
            )
            draws |= {
                f"{model.name}.{parameter}": values
                for parameter, values in zip(model.parameters, model.draws.T, strict=True)
            }
        if condition == "coin_flip":
            draws |= {f"curve.{b}": values for b, values in enumerate(curve_draws.T)}
        files[f"draws_{condition}.csv"] = table_text(pd.DataFrame(draws), DRAW_DIGITS)
    files["models.csv"] = table_text(pd.concat(estimates))
    files["covariance.csv"] = table_text(pd.concat(covariances))
    return files


def _rates_by_bin(data: Group, bins: Ints, hits: Floats) -> tuple[Floats, Floats, Floats]:
    """Return answers and rate of each bin, and the rate's bootstrap draws, shape (draws, bins)."""
    count = int(bins.max()) + 1
    cell, cells = data.person * count + bins, data.people * count
    answers = np.bincount(cell, minlength=cells).reshape(-1, count)
    sums = np.bincount(cell, hits, cells).reshape(-1, count)
    draws = (data.counts @ sums) / (data.counts @ answers)
    return answers.sum(axis=0), sums.sum(axis=0) / answers.sum(axis=0), draws


def _curve(data: Group, closeness: Floats, domain: Floats) -> tuple[pd.DataFrame, Floats]:
    """Return the table of the flip curve and its bootstrap draws, shape (draws, bins)."""
    inner = CURVE_EDGES[1:-1]
    answers, rate, draws = _rates_by_bin(data, np.digitize(closeness, inner), data.chose(COIN))
    low, high = interval(draws)
    table = pd.DataFrame(
        {
            "bin": np.arange(len(rate)),
            "from": CURVE_EDGES[:-1],
            "to": CURVE_EDGES[1:],
            "mass": np.bincount(np.digitize(domain, inner)) / len(domain),
            "answers": answers,
            "rate": rate,
            "variance": draws.var(axis=0, ddof=1),
            "low": low,
            "high": high,
        }
    )
    return table, draws


def _latent(study: Study, groups: Sequence[Group]) -> list[pd.DataFrame]:
    """Return the rows of the latent-class fits; the fit with the lowest BIC is marked as used."""
    tables = []
    for data in groups:
        kind: ClassModel = "two_stage" if data.condition == "coin_flip" else "logit"
        fits = [
            fit_latent(data.x, data.choice, data.person, count, model=kind, seed=_LATENT_SEED)
            for count in _CLASSES
        ]
        best = min(fits, key=lambda fit: fit.bic)
        tables += [
            pd.DataFrame(
                {
                    "condition": data.condition,
                    "classes": count,
                    "used": int(fit is best),
                    "bic": round(fit.bic, 1),
                    "class": np.arange(count) + 1,
                    "share": fit.shares,
                    **dict(zip(study.attribute_ids, fit.weights.T, strict=True)),
                    "flip_intercept": fit.flip_intercept,
                    "flip_slope": fit.flip_slope,
                }
            )
            for count, fit in zip(_CLASSES, fits, strict=True)
        ]
    return tables


def _bends(study: Study, condition: Condition, answers: Answers) -> pd.DataFrame:
    """Return the nonlinearity of each attribute's effect, with tests clustered by person."""
    decided = answers.choice != COIN
    first, second = (
        np.column_stack([values[name] for name in study.attribute_ids])[decided]
        for values in (answers.left, answers.right)
    )
    ends = [attribute.ends for attribute in study.attributes]
    chosen, person = answers.choice[decided] == 0, answers.person[decided]
    bends = nonlinearity(first, second, chosen, ends, clusters=person).bends
    table = pd.DataFrame(
        [
            (bend.slope, bend.curvature, bend.wiggle, *bend.upper_share[:3], bend.p_value)
            for bend in bends
        ],
        columns=["slope", "curvature", "wiggle", "upper_share", "low", "high", "p_value"],
    )
    table.insert(0, "condition", condition)
    table.insert(1, "attribute", study.attribute_ids)
    return table


def _calibration(strict: Group, offered: Group, models: Models, closeness: Floats) -> pd.DataFrame:
    tables = []
    for data in (strict, offered.decided()):
        logit, shares = (models[data.condition][name] for name in ("logit", "shares"))
        utility = data.x @ logit.estimate[:-1]
        distance = np.abs(utility)
        edges = np.quantile(distance, np.arange(1, 8) / 8)
        # The share of answers for the patient whom the logit favours.
        favoured = utility >= 0
        observed = np.where(favoured, data.chose(0), data.chose(1))
        for name, first in (
            ("logit", expit(utility)),
            ("shares", anchors.decided_shares(shares, data.x)),
        ):
            predicted = np.where(favoured, first, 1 - first)
            tables.append(_calibrated(data, name, predicted, observed, distance, edges))
    predicted = flip_share(models["coin_flip"]["flip"].estimate, offered.x, closeness)
    edges = np.array(CURVE_EDGES[1:-1])
    tables.append(_calibrated(offered, "flip", predicted, offered.chose(COIN), closeness, edges))
    return pd.concat(tables)


def _calibrated(
    data: Group, name: str, predicted: Floats, observed: Floats, by: Floats, edges: Floats
) -> pd.DataFrame:
    """Return predicted and observed shares by bin of `by`, with bootstrap intervals over people."""
    bins = np.digitize(by, edges)
    answers, rate, draws = _rates_by_bin(data, bins, observed)
    low, high = interval(draws)
    each = pd.DataFrame({"by": by, "predicted": predicted}).groupby(bins)
    return pd.DataFrame(
        {
            "condition": data.condition,
            "model": name,
            "bin": np.arange(len(rate)),
            "from": each["by"].min(),
            "to": each["by"].max(),
            "answers": answers,
            "predicted": each["predicted"].mean(),
            "observed": rate,
            "low": low,
            "high": high,
        }
    )
