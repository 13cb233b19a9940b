"""Single persons: the fitted distribution of their weights, and `persons.csv`.

`python -m kidney_evals.lab persons` writes `persons.csv` of every shipped study with people: the
scores of simulated persons, each of whom answers a default run alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.estimation.importance import importance_distance, importance_shares
from kidney_evals.estimation.intervals import Z95
from kidney_evals.estimation.logit import fit_logit_resamples
from kidney_evals.estimation.random_coefficients import (
    RandomCoefficientFit,
    fit_random_coefficients,
)
from kidney_evals.human.people_tables import MEAN, ROOT, TAU
from kidney_evals.human.raw import Ints
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab.drawn_models import Group, Model
from kidney_evals.lab.simulate import choose, run_of
from kidney_evals.lab.table_text import by_condition, table_text
from kidney_evals.measures import compute
from kidney_evals.measures.registry import measures_of
from kidney_evals.measures.run import Run
from kidney_evals.respondents.people import PERSONS, answers_of_persons
from kidney_evals.studies import CONDITIONS, Condition, Dilemma, dilemmas_of, load_study

_QUANTILES: Final = 40  # largest number of quantiles in `person_distances.csv`

# Seed of the draws in the random-coefficient fits. On the drawn study, seed 1 changes no used
# parameter by more than a tenth of its standard error.
FIT_SEED: Final = 0

DRAWS: Final = 3
"""Number of runs of each person, each with its own draw of dilemmas if the study draws them."""

SEED: Final = 1729  # seed of all random numbers in runs of persons, with the draw and the person
_DIGITS: Final = 4  # significant digits, far below the error of a quantile over 132 persons

_PEOPLE: Final = {
    "boerstler_2024": {
        "retest_easy": (0.0, 0.0, 0.055, 69),
        "retest_hard": (0.174, 0.0, 0.470, 69),
        "swap_easy": (0.0, 0.0, 0.083, 68),
        "swap_hard": (0.176, 0.0, 0.477, 68),
    }
}
"""Measured rows, which replace simulated rows: median, 5 % and 95 % quantile, number of people.

They were computed once from the published answers of people with two or more sessions: the share
of differing answers to a dilemma in two sessions, averaged over pairs of sessions and then over the
three easy or hard dilemmas; in `swap_…` the patients are in opposite places.
"""


def fit_spreads(
    condition: Condition, differences: Floats, choices: Ints, persons: Ints, *, published: bool
) -> list[RandomCoefficientFit]:
    """Return fits of the distribution of weights over people, without correlations first.

    The list is empty if answers that are not published do not determine the distribution.

    Args:
        condition: The condition.
        differences: First minus second patient in each of n answers, shape (n, k).
        choices: 0 first, 1 second, 2 coin, shape (n,).
        persons: Label of each answer's person, shape (n,).
        published: Whether the answers are published; a fit with correlations then follows.

    Raises:
        FitError: Published answers do not determine the distribution.
        InputError: Published answers are of too few people.
    """
    try:
        return [
            fit_random_coefficients(
                *(differences, choices, persons),
                model="davidson" if condition == "coin_flip" else "logit",
                correlated=one,
                seed=FIT_SEED,
            )
            for one in ((False, True) if published else (False,))
        ]
    except (FitError, InputError):
        if published:
            raise
        return []


def spread_table(attributes: Sequence[str], fits: Sequence[RandomCoefficientFit]) -> pd.DataFrame:
    """Return rows of `random_coefficients.csv`; the fit with the lowest BIC is marked as used."""
    best = min(fits, key=lambda fit: fit.bic)
    tables = []
    for fit in fits:
        names = [*attributes, TAU][: len(fit.means)]
        rows, columns = (np.tril_indices if fit.correlated else np.diag_indices)(len(names))
        errors = np.sqrt(np.diag(fit.covariance))
        table = {
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
        tables.append(pd.DataFrame(table))
    return pd.concat(tables)


def person_distance_table(data: Group, logit: Model, people: int) -> pd.DataFrame:
    """Return quantiles of people's importance distances to the group.

    A person's shares are those of a Firth-penalised logit without intercept, fitted to the decided
    answers as the person saw them. A model's shares must be estimated in the same way before its
    distance is compared with these. People whose few decisions determine no weights are left out.

    Args:
        data: The answers.
        logit: The logit of all people, whose importance shares are the group's.
        people: Smallest number of people between two quantiles.
    """
    rows, spans = data.decided(), np.array(data.study.spans)
    own = (rows.person == np.arange(data.people)[:, None]).astype(np.float64)
    fits = fit_logit_resamples(rows.x, rows.choice == 0, own, intercept=False, penalty="firth")
    everybody = importance_shares(logit.estimate[:-1], spans)
    distances = importance_distance(importance_shares(fits[:, :-1], spans), everybody)
    known = np.extract(np.isfinite(distances), distances)
    count = min(_QUANTILES, len(known) // people)
    probabilities = (np.arange(count) + 0.5) / count
    table = {
        "answers": round(len(rows.choice) / data.people),
        "probability": probabilities,
        "distance": np.quantile(known, probabilities),
    }
    return pd.DataFrame(table)


def person_runs(reference: Reference, draw: int, step: int = 1) -> Iterator[Run]:
    """Yield a default run of every `step`-th simulated person; all get the same dilemmas.

    Args:
        reference: The human reference of the persons.
        draw: Number of the draw of dilemmas, which is part of the seed.
        step: Distance between two persons with a run.
    """
    asked = _questions(reference, draw)
    answers = [answers_of_persons(reference, listed) for listed in asked]
    for person in range(0, PERSONS, step):
        yield _run(reference, asked, [one[:, person] for one in answers], [draw, person])


def crowd_run(reference: Reference, draw: int) -> Run:
    """Return a default run in which another person gives every answer.

    `draw` is as in `person_runs`.
    """
    asked = _questions(reference, draw)
    return _run(reference, asked, list(map(reference.shares, asked)), [draw, PERSONS])


def scores(run: Run) -> dict[str, float]:
    """Return the value of each measure of a run but readability, by id; NaN if undefined."""
    return {
        one.id: compute(run, one.id).value for one in measures_of(run) if one.group != "readability"
    }


def person_table(reference: Reference, draws: int = DRAWS) -> pd.DataFrame:
    """Return the rows of `persons.csv` of a condition: quantiles over the runs with a value.

    Each person has as many runs as `draws` says. A measure with a value in fewer than half of the
    runs has no row.
    """
    runs = [scores(run) for draw in range(draws) for run in person_runs(reference, draw)]
    measured, table = _PEOPLE.get(reference.study.id, {}), []
    for id in runs[0]:
        values = pd.Series([run[id] for run in runs])
        if id in measured:
            table.append((id, *measured[id]))
        elif values.notna().mean() >= 0.5:
            low, median, high = values.quantile([0.05, 0.5, 0.95])
            table.append((id, median, low, high, PERSONS))
    return pd.DataFrame(table, columns=["quantity", "median", "low", "high", "persons"])


def person_tables(study_name: str) -> str:
    """Return the text of `persons.csv` of a study."""
    study = load_study(study_name)
    references = (load_reference(study, condition) for condition in CONDITIONS)
    tables = {one.condition: person_table(one) for one in references if one.has_people}
    return table_text(by_condition(tables), _DIGITS)


def _questions(reference: Reference, draw: int) -> list[Sequence[Dilemma]]:
    """Return the dilemmas of a default run, and the controls if the study has any."""
    study = reference.study
    seed = SEED * 1000 + draw if study.draw else None
    return [listed for listed in (dilemmas_of(study, None, seed), study.control_block) if listed]


def _run(
    reference: Reference,
    asked: Sequence[Sequence[Dilemma]],
    chances: Sequence[Floats],
    seed: Sequence[int],
) -> Run:
    """Return a run in both orders and all epochs with answers drawn from `chances`, (D, K) each."""
    answers, generator = 2 * reference.study.epochs, np.random.default_rng([SEED, *seed])
    run, *controls = (
        run_of(
            reference,
            listed,
            choose(np.repeat(own, answers, axis=0), generator).reshape(len(listed), answers),
        )
        for listed, own in zip(asked, chances, strict=True)
    )
    return replace(run, controls=controls[0] if controls else None)
