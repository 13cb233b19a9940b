"""Models fitted to a run and to people, for `kidney-evals describe`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from kidney_evals.estimation.arrays import Floats, Ints
from kidney_evals.estimation.calibration import EDGES
from kidney_evals.estimation.decisions import COIN, FIRST, SECOND
from kidney_evals.estimation.errors import FAILURES, InputError
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.indecision_family import IndecisionChoice, choose_indecision_model
from kidney_evals.estimation.intervals import proportion
from kidney_evals.estimation.latent import NearestClasses, nearest_classes
from kidney_evals.estimation.marginal_effects import (
    MarginalEffect,
    attribute_levels,
    chances_of_choices,
    chances_of_shares,
    human_marginal_effects,
    marginal_effects,
)
from kidney_evals.estimation.nonlinearity import Nonlinearity, nonlinearity
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.estimation.thresholds import two_stage_thresholds
from kidney_evals.estimation.two_stage import TwoStageFit, fit_two_stage
from kidney_evals.human.people_tables import PeopleModel
from kidney_evals.human.sources import patient_values
from kidney_evals.human.tables import BendRow, CalibrationRow
from kidney_evals.measures.registry import MEASURES, bounds_of, compute
from kidney_evals.measures.run import Run

FEWEST: Final = 10
"""Smallest number of answered dilemmas for `describe`."""


class TwoStageSection(NamedTuple):
    """The two-stage models of a run and of people: first the coin or not, then a patient.

    Attributes:
        fit: The model of the run; None if it could not be fitted.
        failure: Why `fit` is None; empty otherwise.
        people: The model of people; None if the study has none.
        people_thresholds: The coin threshold and the half threshold of people (see
            `estimation.thresholds`); None without `people`.
    """

    fit: TwoStageFit | None
    failure: str
    people: PeopleModel | None
    people_thresholds: tuple[Quantity, Quantity] | None


class NearestSection(NamedTuple):
    """The latent class of people nearest to a run, and properties of all C classes.

    Attributes:
        found: The nearest class, and how well the classes are told apart.
        shares: Share of people in each class, shape (C,).
        importance: Signed importance shares of the attributes in each class, shape (C, k).
        flips: Coin rate of each class on the dilemmas of the run, shape (C,).
    """

    found: NearestClasses
    shares: Floats
    importance: Floats
    flips: Floats


Bins = tuple[tuple[CalibrationRow, Quantity], ...]
"""A calibration table: for each bin of closeness, people's row and the share in the run."""


@dataclass(frozen=True)
class Description:
    """The content of `kidney-evals describe`; a part is None if it is not available.

    The keys of `rows` and `bounds` are ids of measures, those of `people_bends` ids of attributes.
    """

    run: Run
    choice: IndecisionChoice | None
    two_stage: TwoStageSection | None
    rows: dict[str, Quantity]  # the measures of indecision and centrality
    nearest: NearestSection | None
    calibration: dict[str, Bins]  # `shares` and, with a coin, `flip`
    # Average marginal component effects of the run and of people on the same drawn dilemmas.
    effects: tuple[tuple[MarginalEffect, ...], tuple[MarginalEffect, ...] | None] | None
    bends: Nonlinearity | None  # of drawn dilemmas
    people_bends: dict[str, BendRow]
    bounds: dict[str, Quantity]


def describe(run: Run) -> Description:
    """Fit the models that describe a run, in a second or two.

    Raises:
        InputError: The run has fewer than `FEWEST` answered dilemmas, offered something other than
            a coin, or has probabilities that were read out.
    """
    if run.borrows_coin:
        whose = "people were offered" if run.has_people else "its models are of"
        raise InputError(f"{whose} a coin, not what this run offered: {run.mechanism}")
    if run.chances is not None:
        raise InputError("its models describe sampled answers, and probabilities were read out")
    where = run.decisions.dilemma
    answered = len(np.unique(where))
    if answered < FEWEST:
        raise InputError(f"{answered} dilemmas were answered, a description needs {FEWEST}")
    offered, drawn = run.decisions.has_coin, run.study.draw is not None
    first, second = (values[where] for values in patient_values(run.study, run.dilemmas))
    choice = None
    if offered:
        choice = choose_indecision_model(first, second, run.decisions.choice, where)
    names = ["centrality", *(["flip_rate", "flip_slope", "threshold"] if offered else [])]
    return Description(
        run=run,
        choice=choice,
        two_stage=_two_stage(run) if offered else None,
        rows={name: compute(run, name) for name in names},
        nearest=_nearest(run),
        calibration=_calibration(run),
        effects=_effects(run) if drawn else None,
        bends=_bends(run) if drawn else None,
        people_bends={row.attribute: row for row in run.reference.rows(BendRow)},
        bounds={id: found for id in MEASURES if (found := bounds_of(run, id)) is not None},
    )


def _two_stage(run: Run) -> TwoStageSection:
    people, thresholds = run.reference.model("two_stage"), None
    if people is not None:
        names = ["flip_intercept", "flip_slope"]
        at = [list(people.parameters).index(name) for name in names]
        intercept, slope = (people[name].value for name in names)
        thresholds = two_stage_thresholds(intercept, slope, people.covariance[np.ix_(at, at)])
    where = run.decisions.dilemma
    fit, failure = None, ""
    try:
        fit = fit_two_stage(run.decisions.differences[where], run.decisions.choice, clusters=where)
    except FAILURES as error:
        failure = str(error)
    return TwoStageSection(fit, failure, people, thresholds)


def _nearest(run: Run) -> NearestSection | None:
    latent = run.reference.latent
    if latent is None:
        return None
    where = run.decisions.dilemma
    shares = latent.predict(run.decisions.differences)[:, where]
    offered = shares if run.decisions.has_coin else shares[:, :, :COIN]
    return NearestSection(
        found=nearest_classes(latent.shares, offered, run.decisions.choice, where),
        shares=latent.shares,
        importance=importance_shares(latent.weights, run.study.spans),
        flips=shares[:, :, COIN].mean(axis=1),
    )


def _calibration(run: Run) -> dict[str, Bins]:
    """Return the tables of a run's and people's answers in bins of |Δu|."""
    decided, answers = (each.counts.sum(axis=1) for each in (run.decisions.decided, run.decisions))
    lean = run.decisions.differences @ run.reference.weights
    favoured = np.where(lean >= 0, decided[:, FIRST], decided[:, SECOND])
    result = {}
    if bins := run.reference.calibration("shares"):
        cuts = [row.start for row in bins[1:]]
        result["shares"] = _bins(bins, cuts, np.abs(lean), favoured, decided.sum(axis=1))
    if bins := run.reference.calibration("flip"):
        closeness = run.decisions.closeness
        result["flip"] = _bins(bins, EDGES[1:-1], closeness, answers[:, COIN], answers.sum(axis=1))
    return result


def _bins(
    bins: Sequence[CalibrationRow],
    cuts: Sequence[float],
    closeness: Floats,
    hits: Ints,
    trials: Ints,
) -> Bins:
    place = np.searchsorted(cuts, closeness, side="right")
    sections = []
    for index, people in enumerate(bins):
        hit, tried = hits[place == index], trials[place == index]
        share = undefined()
        if total := int(tried.sum()):
            share = Quantity(float(hit.sum() / total), *proportion(hit, tried), n=total)
        sections.append((people, share))
    return tuple(sections)


def _effects(run: Run) -> tuple[tuple[MarginalEffect, ...], tuple[MarginalEffect, ...] | None]:
    attributes = run.study.attributes
    levels = [attribute_levels(one.values) for one in attributes]
    design = *_values(run), levels, [1 if one.favoured == "high" else -1 for one in attributes]
    decisions, people = run.decisions, None
    if decisions.known.all():
        draws = decisions.share_draws
        people = human_marginal_effects(
            *design,
            chances_of_shares(decisions.shares),
            np.empty((0, decisions.dilemmas)) if draws is None else chances_of_shares(draws),
            weights=decisions.counts.sum(axis=(1, 2)),
        )
    own = chances_of_choices(decisions.choice)
    return marginal_effects(*design, decisions.dilemma, own), people


def _bends(run: Run) -> Nonlinearity | None:
    decided = run.decisions.decided
    first, second = (values[decided.dilemma] for values in _values(run))
    swapped = (decided.order == 1)[:, None]
    shown_a, shown_b = np.where(swapped, second, first), np.where(swapped, first, second)
    ends = [attribute.ends for attribute in run.study.attributes]
    try:
        return nonlinearity(shown_a, shown_b, decided.shown_first, ends, clusters=decided.dilemma)
    except FAILURES:
        return None


def _values(run: Run) -> tuple[Floats, Floats]:
    """Return both patients' values of every dilemma, (D, k) each, in the study's own units."""
    first = np.array([dilemma.first.values for dilemma in run.dilemmas], dtype=np.float64)
    return first, np.array([dilemma.second.values for dilemma in run.dilemmas], dtype=np.float64)
