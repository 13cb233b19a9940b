"""Make the human tables of studies with drawn dilemmas: `mcelfresh_2021`, and surveys."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from kidney_evals.estimation.calibration import EDGES
from kidney_evals.estimation.latent import ClassModel, fit_latent
from kidney_evals.estimation.nonlinearity import nonlinearity
from kidney_evals.human.raw import COIN, Answers, Ints
from kidney_evals.human.sources import ModelShares, dominance
from kidney_evals.human.tables import Floats
from kidney_evals.lab.drawn_models import (
    Group,
    Model,
    coin_models,
    domain,
    group,
    interval,
    logit_model,
    people_weights,
    share_model,
)
from kidney_evals.lab.misfit import crowd_table, margin_table
from kidney_evals.lab.persons import fit_spreads, person_distance_table, spread_table
from kidney_evals.lab.table_text import DRAW_DIGITS, ESTIMATE_DIGITS, by_condition, table_text
from kidney_evals.studies import CONDITIONS, Condition, Study

_CLASSES = (2, 3, 4, 5, 6)
_LATENT_SEED = 2  # of three seeds, the seed with the highest likelihoods
_DIGITS = {"latent_classes": 4, "random_coefficients": 4}  # their likelihoods are flat


def drawn_tables(study: Study, people: Mapping[Condition, Answers]) -> dict[str, str]:
    """Return the text of every table of published answers, by file name.

    Args:
        study: A study with drawn dilemmas.
        people: The answers by condition.

    Raises:
        FitError: A model has no fit to the answers.
    """
    files, tables = scored_tables(study, people)
    for condition, answers in people.items():
        tables["latent_classes"][condition] = _latent(group(study, condition, answers))
        tables["bends"][condition] = _bends(study, answers)
    return files | table_texts(tables)


def scored_tables(
    study: Study,
    answers: Mapping[Condition, Answers],
    least: int = 1,
    *,
    people: int = 1,
    seed: int | None = None,
    bends: bool = True,
) -> tuple[dict[str, str], dict[str, dict[Condition, pd.DataFrame]]]:
    """Return the tables of a study with drawn dilemmas that scores depend on, as two mappings.

    The first holds the texts of tables of one condition by file name. The second holds the other
    tables by name and condition.

    Args:
        study: The study.
        answers: The answers by condition, with `forced_choice` among them.
        least: Smallest number of answers in a bin. Neighbouring bins of the flip curve are merged
            until they have it, |Δu| has at most eight bins with so many answers each, and a kind of
            pairs with fewer than three times as many has no calibration.
        people: Smallest number of people between two quantiles of a table.
        seed: Seed of `group`.
        bends: Whether the model of shares has bends, as in `group`.

    Raises:
        FitError: A model has no fit to the answers.
    """
    files: dict[str, str] = {}
    tables: dict[str, dict[Condition, pd.DataFrame]] = defaultdict(dict)
    # People without a coin come first: utilities are by their weights in both conditions.
    for condition in sorted(answers, key=CONDITIONS.index):
        data = group(study, condition, answers[condition], seed, bends=bends)
        own = {"logit": logit_model(data), "shares": share_model(data.decided(), data.counts)}
        # Latent classes would overestimate how often a person changes an answer.
        fits = fit_spreads(condition, data.x, data.choice, data.person, published=seed is None)
        bins = None
        if condition == "forced_choice":
            weights = own["logit"].estimate[:-1]
            differing = people_weights(study, fits[0], seed) if fits and seed is not None else None
        else:
            own |= {one.name: one for one in coin_models(data, weights, differing)}
            near = _closeness(data, weights)
            edges = _merged(EDGES, near, least)
            bins = np.digitize(near, edges[1:-1])
            first, second = domain(study)
            curve, curve_draws = _curve(data, bins, np.abs((first - second) @ weights), edges)
            files["flip_curve.csv"] = table_text(curve)
        shares = ModelShares(study, own["shares"], weights, own.get("flip"))
        draws = {
            f"{model.name}.{name}": values
            for model in own.values()
            for name, values in zip(model.parameters, model.draws.T, strict=True)
        }
        if bins is not None:
            draws |= {f"curve.{b}": values for b, values in enumerate(curve_draws.T)}
        files[f"draws_{condition}.csv"] = table_text(pd.DataFrame(draws), DRAW_DIGITS)
        for name, table in {
            "models": pd.concat(map(estimates, own.values())),
            "covariance": pd.concat(map(covariances, own.values())),
            "calibration": _calibration(data, own["logit"], shares, bins, least),
            "crowd": crowd_table(data, shares, bins),
            "margins": margin_table(data),
            "person_distances": person_distance_table(data, own["logit"], people),
        }.items():
            if len(table):
                tables[name][condition] = table
        if fits:
            tables["random_coefficients"][condition] = spread_table(study.attribute_ids, fits)
    return files, tables


def table_texts(tables: Mapping[str, Mapping[Condition, pd.DataFrame]]) -> dict[str, str]:
    """Return the text of tables with a column of conditions, by file name.

    Args:
        tables: The tables by name and condition.
    """
    return {
        f"{name}.csv": table_text(by_condition(made), _DIGITS.get(name, ESTIMATE_DIGITS))
        for name, made in tables.items()
    }


def _merged(edges: Sequence[float], values: Floats, least: int) -> tuple[float, ...]:
    """Return edges whose bins have `least` values each: a smaller bin is merged with the next."""
    kept = [edges[0]]
    for edge in edges[1:-1]:
        inside = ((values >= kept[-1]) & (values < edge)).sum()
        if min(inside, (values >= edge).sum()) >= least:
            kept.append(edge)
    return (*kept, edges[-1])


def estimates(model: Model) -> pd.DataFrame:
    """Return the rows of `models.csv` of a model, without the condition."""
    low, high = interval(model.draws)
    errors = np.sqrt(np.diag(model.covariance))
    table = {"model": model.name, "parameter": model.parameters, "estimate": model.estimate}
    return pd.DataFrame({**table, "se": errors, "low": low, "high": high})


def covariances(model: Model) -> pd.DataFrame:
    """Return the rows of `covariance.csv` of a model, without the condition."""
    names = np.array(model.parameters)
    j, i = np.tril_indices(len(names))
    table = {"model": model.name, "row": names[i], "column": names[j]}
    return pd.DataFrame({**table, "covariance": model.covariance[i, j]})


def _rates_by_bin(data: Group, bins: Ints, hits: Floats) -> tuple[dict[str, Floats], Floats]:
    """Return answers, rate and interval of each bin, and the rate's draws, shape (draws, bins)."""
    count = int(bins.max()) + 1
    cell, cells = data.person * count + bins, data.people * count
    answers = np.bincount(cell, minlength=cells).reshape(-1, count)
    sums = np.bincount(cell, hits, cells).reshape(-1, count)
    draws = (data.counts @ sums) / (data.counts @ answers)
    low, high = interval(draws)
    total = answers.sum(axis=0)
    return {"answers": total, "rate": sums.sum(axis=0) / total, "low": low, "high": high}, draws


def _curve(
    data: Group, bins: Ints, domain: Floats, edges: Sequence[float]
) -> tuple[pd.DataFrame, Floats]:
    """Return the table of the flip curve and its bootstrap draws, shape (draws, bins)."""
    rates, draws = _rates_by_bin(data, bins, data.chose(COIN))
    place = np.digitize(domain, edges[1:-1])
    table = {
        "bin": np.arange(draws.shape[1]),
        "from": edges[:-1],
        "to": edges[1:],
        "mass": np.bincount(place, minlength=len(edges) - 1) / len(domain),
        "answers": rates["answers"],
        "rate": rates["rate"],
        "variance": draws.var(axis=0, ddof=1),
        "low": rates["low"],
        "high": rates["high"],
    }
    return pd.DataFrame(table), draws


def _latent(data: Group) -> pd.DataFrame:
    """Return the rows of the latent-class fits; the fit with the lowest BIC is marked as used."""
    kind: ClassModel = "two_stage" if data.condition == "coin_flip" else "logit"
    fits = {
        count: fit_latent(data.x, data.choice, data.person, count, model=kind, seed=_LATENT_SEED)
        for count in _CLASSES
    }
    best = min(fits.values(), key=lambda fit: fit.bic)
    tables = []
    for count, fit in fits.items():
        table = {
            "classes": count,
            "used": int(fit is best),
            "bic": round(fit.bic, 1),
            "class": np.arange(count) + 1,
            "share": fit.shares,
            **dict(zip(data.study.attribute_ids, fit.weights.T, strict=True)),
            "flip_intercept": fit.flip_intercept,
            "flip_slope": fit.flip_slope,
        }
        tables.append(pd.DataFrame(table))
    return pd.concat(tables)


def _bends(study: Study, answers: Answers) -> pd.DataFrame:
    """Return the nonlinearity of each attribute's effect, with tests clustered by person."""
    decided = answers.choice != COIN
    first, second = (
        np.column_stack([values[name] for name in study.attribute_ids])[decided]
        for values in (answers.left, answers.right)
    )
    ends = [attribute.ends for attribute in study.attributes]
    chosen, person = answers.choice[decided] == 0, answers.person[decided]
    fit = nonlinearity(first, second, chosen, ends, clusters=person)
    rows = [
        (name, bend.slope, bend.curvature, bend.wiggle, *bend.upper_share[:3], bend.p_value)
        for name, bend in zip(study.attribute_ids, fit.bends, strict=True)
    ]
    numbers = ["slope", "curvature", "wiggle", "upper_share", "low", "high", "p_value"]
    return pd.DataFrame(rows, columns=["attribute", *numbers])


def _closeness(data: Group, weights: Floats) -> Floats:
    """Return |Δu|, shape (n,), rounded: a bin does not depend on the last bit of the weights."""
    return np.asarray(np.abs(data.x @ weights).round(9))


def _calibration(
    data: Group, plain: Model, shares: ModelShares, curve: Ints | None, least: int
) -> pd.DataFrame:
    """Return the calibration of both choice models on decided answers, and of the coin's share.

    The bins are eighths of |Δu|, or fewer parts of `least` answers each, and for the coin those of
    the flip curve, `curve`. Except for the
    plain logit, each kind of pair (`_by_kind`) has bins of its own.
    """
    rows = data.decided()
    utility = (rows.x @ plain.estimate[:-1]).round(9)
    distance = np.abs(utility)
    bins = min(max(len(distance) // least, 1), 8)
    eighths = np.digitize(distance, np.quantile(distance, np.arange(1, bins) / bins))
    # The share of answers for the patient whom the logit favours.
    favoured = np.where(utility >= 0, rows.chose(0), rows.chose(1))
    p = shares.predict(rows.first, rows.second)
    p = p[:, :2] / p[:, :2].sum(axis=1, keepdims=True)
    likely = np.where(utility >= 0, p[:, 0], p[:, 1])
    tables = [
        _calibrated(rows, "logit", expit(distance), favoured, distance, eighths),
        _calibrated(rows, "shares", likely, favoured, distance, eighths),
        *_by_kind(rows, "shares", likely, favoured, distance, least),
    ]
    if curve is not None:
        near, coin = _closeness(data, shares.strict_weights), data.chose(COIN)
        share = shares.predict(data.first, data.second)[:, COIN]
        tables.append(_calibrated(data, "flip", share, coin, near, curve))
        tables += _by_kind(data, "flip", share, coin, near, least)
    return pd.concat(tables)


def _by_kind(
    data: Group, name: str, predicted: Floats, observed: Floats, by: Floats, least: int
) -> list[pd.DataFrame]:
    """Return the calibration by dominance, number of equal attributes and third of closeness."""
    leads, equal = dominance(data.x) != 0, (data.x == 0).sum(axis=1)
    tables = []
    for title, dominant in (("conflict", False), ("dominance", True)):
        for ties in range(data.x.shape[1] - 1 + dominant):
            keep = (leads == dominant) & (equal == ties)
            near = by[keep]
            if len(near) < 3 * least:
                continue
            thirds = np.digitize(near, np.quantile(near, [1 / 3, 2 / 3]))
            kind = data.at(keep), name, predicted[keep], observed[keep], near, thirds
            tables.append(_calibrated(*kind, f"{title}_{ties}"))
    return tables


def _calibrated(
    data: Group,
    name: str,
    predicted: Floats,
    observed: Floats,
    by: Floats,
    bins: Ints,
    pairs: str = "all",
) -> pd.DataFrame:
    """Return predicted and observed shares by bin, with bootstrap intervals over people."""
    rates, draws = _rates_by_bin(data, bins, observed)
    each = pd.DataFrame({"by": by, "predicted": predicted}).groupby(bins)
    table = {
        "model": name,
        "pairs": pairs,
        "bin": np.arange(draws.shape[1]),
        "from": each["by"].min(),
        "to": each["by"].max(),
        "answers": rates["answers"],
        "predicted": each["predicted"].mean(),
        "observed": rates["rate"],
        "low": rates["low"],
        "high": rates["high"],
    }
    return pd.DataFrame(table)
