"""Fit the models of people's choices in each condition, with bootstrap draws over people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np
from scipy.linalg import block_diag

from kidney_evals.estimation.arrays import Bools
from kidney_evals.estimation.errors import FitError
from kidney_evals.estimation.intervals import Z95, student
from kidney_evals.estimation.lapse import LapseFit, fit_lapse
from kidney_evals.estimation.logit import fit_logit, fit_logit_resamples
from kidney_evals.estimation.random_coefficients import RandomCoefficientFit
from kidney_evals.estimation.thresholds import (
    fit_half_threshold,
    fit_half_threshold_resamples,
)
from kidney_evals.estimation.two_stage import fit_two_stage, maximise
from kidney_evals.human.raw import COIN, Answers, Ints
from kidney_evals.human.sources import (
    DOMINANCE,
    DRAWS,
    LAPSE,
    PEOPLE_TERMS,
    Parameters,
    choice_features,
    flip_features,
    patient_values,
    people_features,
    people_parameters,
    uniforms,
)
from kidney_evals.human.tables import Floats
from kidney_evals.studies import Condition, Study, draw_dilemmas

FLIP_TERMS = ("closeness", DOMINANCE, "similarity", "near")
"""Terms of the model of the coin's share; `PEOPLE_TERMS` can replace the first.

They were chosen by the likelihood of answers by people to whom the model was not fitted.
"""

# In 2 % of the samples of people, dominance has an infinite optimum: the favoured patient loses by
# lapses alone. At 10, the share differs from this limit by less than 1e-4.
_LARGEST = 10.0

_PROFILES, _PAIRS = 1500, 5000
"""Largest number of patients whose pairs are listed, and the number of pairs drawn otherwise."""

_SEEDS: dict[Condition, int] = {"forced_choice": 20210, "coin_flip": 20211}


@dataclass(frozen=True)
class Model(Parameters):
    """A fitted model with p parameters as the tables store it.

    Attributes:
        name: Name in the tables.
        covariance: Covariance of the estimates, shape (p, p).
    """

    name: str
    covariance: Floats


@dataclass(frozen=True)
class Group:
    """The n answers of the people in one condition, as arrays; k is the number of attributes.

    Values are in favoured scale units: people favour the larger value.
    """

    study: Study
    condition: Condition
    first: Floats  # values of the left patient in favoured scale units, shape (n, k)
    second: Floats  # likewise of the right patient
    choice: Ints  # 0 left, 1 right, 2 coin
    person: Ints  # index of the person, from 0 to people - 1
    people: int
    counts: Floats  # bootstrap weights of the people, shape (draws, people)
    bends: bool = True  # whether the model of shares has bends

    @property
    def x(self) -> Floats:
        """Values of the left minus the right patient, shape (n, k)."""
        return self.first - self.second

    def at(self, keep: Bools) -> Group:
        """Return the group with only the answers where `keep`, shape (n,), is true."""
        names = ("first", "second", "choice", "person")
        return replace(self, **{name: getattr(self, name)[keep] for name in names})

    def decided(self) -> Group:
        """Return the group with only the answers that are not the coin."""
        return self.at(self.choice != COIN)

    def chose(self, option: int) -> Floats:
        """Return 1 where the answer is `option`, else 0, shape (n,)."""
        return np.asarray(self.choice == option, dtype=np.float64)

    def by_person(self, values: Floats) -> Floats:
        """Return the sum of `values`, shape (n,), over each person's answers, shape (people,)."""
        return np.asarray(np.bincount(self.person, values, self.people), dtype=np.float64)


def person_counts(seed: int, people: int) -> Floats:
    """Return how often each person is in each bootstrap sample, shape (draws, people).

    Args:
        seed: Seed of the samples.
        people: Number of people.
    """
    picks = np.floor(uniforms(seed, (DRAWS, people)) * people).astype(np.int64)
    return np.stack([np.bincount(row, minlength=people) for row in picks]).astype(np.float64)


def person_weights(people: int, seed: int | None, published: int) -> Floats:
    """Return the weight of each person in each bootstrap draw, shape (draws, people).

    Without `seed` the weights are `person_counts` with the public seed `published`. With `seed`
    they are those of a Bayesian bootstrap (Rubin 1981), because single answers could be computed
    from sums with whole numbers as weights.

    The Bayesian weights sum to n, the number of `people`, in each draw. A weight has the variance
    t² / z², with the .975 quantiles t of Student's distribution with n - 1 degrees of freedom and z
    of the normal distribution. This makes intervals for a mean over people as wide as Student's.
    Rubin's variance (n - 1) / (n + 1) is too small for few people.
    """
    if seed is None:
        return person_counts(published, people)
    variance = (student(people - 1) / Z95) ** 2
    # Gamma numbers over their mean are Dirichlet weights, of variance (n - 1) / (n shape + 1).
    shape = (people - 1) / people / variance - 1 / people
    weights = np.random.default_rng(seed).gamma(shape, size=(DRAWS, people))
    return np.asarray(weights * (people / weights.sum(axis=1, keepdims=True)))


def interval(draws: Floats) -> tuple[Floats, Floats]:
    """Return the lower and the upper ends of 95 % percentile intervals over the first axis."""
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    return low, high


def favoured_values(study: Study, patients: Mapping[str, Iterable[float]]) -> Floats:
    """Return patients' values in scale units, of which people favour the larger, shape (n, k).

    Args:
        study: The study, which has k attributes.
        patients: The n patients' values by id of the attribute.
    """
    columns = ([one.favour(value) for value in patients[one.id]] for one in study.attributes)
    return np.column_stack(list(columns))


def domain(study: Study) -> tuple[Floats, Floats]:
    """Return the first and the second patients of all distinct pairs, shape (pairs, k) each.

    The values are in scale units, of which people favour the larger. If the study has too many
    patients to list their pairs, the pairs are a draw.
    """
    if math.prod(len(attribute.values) for attribute in study.attributes) > _PROFILES:
        drawn = draw_dilemmas(f"domain of {study.id}", study.attributes, _PAIRS, 0)
        return patient_values(study, drawn)
    values = (map(attribute.favour, attribute.values) for attribute in study.attributes)
    profiles = np.array(list(product(*values)))
    first, second = np.triu_indices(len(profiles), 1)
    return profiles[first], profiles[second]


def group(
    study: Study,
    condition: Condition,
    answers: Answers,
    seed: int | None = None,
    *,
    bends: bool = True,
) -> Group:
    """Return the answers of a condition as arrays, with values in favoured scale units.

    Draws from a seed that others know give away the answers of every person (least squares). Tables
    of people whose answers are not public therefore need a secret seed.

    Args:
        study: The study.
        condition: The condition.
        answers: The answers in this condition.
        seed: Seed of `person_weights`; None for published answers.
        bends: Whether `share_model` has bends.
    """
    first, second = (favoured_values(study, side) for side in (answers.left, answers.right))
    counts = person_weights(answers.people, seed, _SEEDS[condition])
    rows = first, second, answers.choice, answers.person
    return Group(study, condition, *rows, answers.people, counts, bends)


def logit_model(data: Group) -> Model:
    """Fit the plain logit of decided answers, with an effect of the left position (`side`).

    Raises:
        FitError: The answers are separated, or no optimum was reached.
    """
    rows = data.decided()
    return _logit(rows, "logit", rows.x, (*data.study.attribute_ids, "side"), rows.chose(0))


def share_model(rows: Group, counts: Floats) -> Model:
    """Fit the shares of decided answers: a logit with bends and dominance, and a lapse.

    - A bend is a second slope of an attribute beyond the middle of its range, if it has more than
      two values.
    - Dominance is the effect of a patient who is nowhere less favoured (see `choice_features`).
    - A lapse is the probability of an answer at random.

    Args:
        rows: The decided answers.
        counts: Weights of the people, shape (draws, people); each row gives one draw of the p
            parameters, so that the model's draws have the shape (draws, p).

    Raises:
        FitError: No optimum was reached, even without a lapse.
    """
    names = rows.study.attribute_ids
    # With two values a bend is the attribute itself.
    bent = [one.id for one in rows.study.attributes if rows.bends and len(one.values) > 2]
    terms = (*names, *(f"bend_{name}" for name in bent), DOMINANCE)
    known = choice_features(rows.study, rows.first, rows.second)
    x, first = np.column_stack([known[name] for name in terms]), rows.chose(0)

    def fit(weights: Floats | None, start: Floats | None) -> LapseFit:
        attempt = partial(
            fit_lapse, x, first, clusters=rows.person, frequencies=weights, largest=_LARGEST
        )
        for begin in (start, None):
            with suppress(FitError):
                return attempt(start=begin)
        # These weights of people determine no lapse: without it the likelihood is concave.
        return attempt(lapse=False)

    whole = fit(None, None)
    draws = np.array([fit(w[rows.person], whole.theta).theta for w in counts])
    return Model((*terms, LAPSE), whole.theta, draws, "shares", whole.covariance)


def people_weights(study: Study, fit: RandomCoefficientFit, seed: int) -> Parameters:
    """Return the mean and the standard deviation of each weight over people, with draws of both.

    The draws are of the sampling error: multivariate normal, with the mean `fit.theta` and the
    covariance `fit.covariance`. The names are those of `people_parameters`.

    Args:
        study: The study.
        fit: A fit of the model `logit` without correlations.
        seed: Seed of the draws.
    """
    # Other numbers than those of `person_weights`, which are drawn from the same seed.
    generator = np.random.default_rng([seed, 1])
    error = np.nan_to_num(fit.covariance)  # an element at its lower bound has no error
    draws = generator.multivariate_normal(fit.theta, error, DRAWS, method="eigh")
    return Parameters(people_parameters(study.attribute_ids), fit.theta, draws)


def flip_model(
    data: Group, strict_weights: Floats, counts: Floats, people: Parameters | None = None
) -> Model:
    """Fit the logit of the coin's share.

    Identical patients, for whom all of people's answers are coins, are left out.

    Args:
        data: The answers.
        strict_weights: Weights of the people without a coin, shape (k,), which define the closeness
            |Δu| (Δu is the left patient's utility minus the right patient's).
        counts: Weights of the people, shape (draws, people); each row gives one draw.
        people: Distribution of weights over people, with as many draws as `counts`. With it
            `PEOPLE_TERMS` replace the closeness.

    Raises:
        FitError: No optimum was reached, or the answers are separated.
    """
    rows = data.at((data.x != 0).any(axis=1))
    coin = rows.chose(COIN)
    known = flip_features(rows.study, rows.first, rows.second, strict_weights)
    if people is None:
        x = np.column_stack([known[name] for name in FLIP_TERMS])
        return _logit(replace(rows, counts=counts), "flip", x, (*FLIP_TERMS, "intercept"), coin)
    others = FLIP_TERMS[1:]

    def terms(weights: Floats) -> Floats:
        own = people_features(rows.x, weights)
        return np.column_stack([*own, *(known[name] for name in others)])

    names = (*PEOPLE_TERMS, *others, "intercept")
    fit = _logit(replace(rows, counts=counts[:0]), "flip", terms(people.estimate), names, coin)
    draws = [
        fit_logit_resamples(terms(one), coin, own[None, rows.person], penalty="none")[0]
        for one, own in zip(people.draws, counts, strict=True)
    ]
    return Model(
        (*fit.parameters, *people.parameters),
        np.append(fit.estimate, people.estimate),
        np.hstack([np.array(draws), people.draws]),
        fit.name,
        block_diag(fit.covariance, np.cov(people.draws.T)),
    )


def coin_models(
    data: Group, strict_weights: Floats, people: Parameters | None = None
) -> list[Model]:
    """Fit the models of the coin.

    They are the coin's share (`flip_model`), the slope of logit P(coin) on |Δu|, the half
    threshold, and the two-stage model, which fits its own utilities to `data`.

    Args:
        data: The answers.
        strict_weights: Weights of the people without a coin, shape (k,), which define the utility
            difference Δu.
        people: Distribution of weights over people, or None, for `flip_model`.

    Raises:
        FitError: No optimum was reached, the answers are separated, or none or all are the coin.
    """
    utility = data.x @ strict_weights
    closeness, coin = np.abs(utility), data.chose(COIN)
    half = fit_half_threshold(utility, data.choice, data.person)
    half_draws = fit_half_threshold_resamples(utility, data.choice, data.counts[:, data.person])
    error = np.array([[((half.high - half.value) / Z95) ** 2]])
    two = fit_two_stage(data.x, data.choice, clusters=data.person)
    resampled = [maximise(data.x, data.choice, two.theta, w[data.person]) for w in data.counts]
    two_names = (*data.study.attribute_ids, "flip_intercept", "flip_slope")
    return [
        flip_model(data, strict_weights, data.counts, people),
        _logit(data, "slope", closeness[:, None], ("closeness", "intercept"), coin),
        Model(("closeness",), np.array([half.value]), half_draws[:, None], "half_threshold", error),
        Model(two_names, two.theta, np.array(resampled), "two_stage", two.covariance),
    ]


def _logit(rows: Group, name: str, x: Floats, names: tuple[str, ...], hits: Floats) -> Model:
    fit = fit_logit(x, hits, clusters=rows.person, penalty="none")
    draws = fit_logit_resamples(x, hits, rows.counts[:, rows.person], penalty="none")
    return Model(names, np.append(fit.weights, fit.intercept), draws, name, fit.covariance)
