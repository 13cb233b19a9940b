"""A built reference beside the simulated people whose answers it was made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kidney_evals.human.reference import Reference
from kidney_evals.lab.persons import crowd_run
from kidney_evals.measures import compute, measures_of
from kidney_evals.survey.settings import pool
from survey.people import Person

NOT_COMPARED = ("share_dist", "side_pull", "rank_rho", "rank_tau", "centrality")
"""Measures whose estimate cannot go beyond people's value, so that chance keeps it away, and
the place of a run among single persons, of whom a small survey has few.
"""


def mean_error(reference: Reference, everybody: Sequence[Person]) -> float:
    """Return the mean absolute error of people's shares, in their standard errors.

    .80 is expected of a normal error. The errors of one survey's dilemmas go together, so that the
    share of covered dilemmas varies widely between surveys. On average over 300 of them it is .934,
    with a coin .95 to .96 (120).
    """
    study, condition, dilemmas = reference.study, reference.condition, pool(reference.study)
    shares, errors = reference.shares(dilemmas), reference.share_draws(dilemmas).std(axis=0)
    true = [
        np.mean([one.probabilities(study, dilemma, condition) for one in everybody], axis=0)
        for dilemma in dilemmas
    ]
    return float((np.abs(shares - np.array(true)[:, : shares.shape[1]]) / errors).mean())


def check_crowd(reference: Reference, runs: int = 8) -> None:
    """Assert that runs of a crowd meet the human value of every measure."""
    for measure in measures_of(crowd_run(reference, 0)):
        if measure.id in NOT_COMPARED:
            continue
        made = [compute(crowd_run(reference, draw), measure.id) for draw in range(runs)]
        gaps = np.array([one.value - one.human for one in made])
        gaps = gaps[np.isfinite(gaps)]
        if len(gaps) <= runs / 2:
            continue
        error = gaps.std(ddof=1) / np.sqrt(len(gaps))
        assert abs(gaps.mean()) < 5 * error + 0.03, measure.id
