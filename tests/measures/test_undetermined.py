"""Attributes that the answered dilemmas do not tell apart have no importance, and are named."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from estimation import simulated
from kidney_evals.estimation.centrality import centrality
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.importance import estimate_importance
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.paired import importance_changes

ONE, TWO, THREE = np.random.default_rng(0).normal(size=(3, 80))

CASES = {
    "all": ([ONE, TWO, THREE], [True, True, True]),
    "one never differs": ([ONE, 0 * TWO, THREE], [True, False, True]),
    "one always differs by 3": ([ONE, 0 * TWO + 3, THREE], [True, False, True]),
    "two go together": ([ONE, ONE / 10, THREE], [False, False, True]),
    "two go against each other": ([ONE, -4 * ONE, THREE], [False, False, True]),
    "a sum of two": ([ONE, TWO, ONE + 2 * TWO], [False, False, False]),
    # The second is the first with an error of a ten-thousandth of its spread.
    "two go together nearly": ([ONE, ONE + 1e-4 * TWO, THREE], [False, False, True]),
    # With an error of a twentieth: the answers tell them apart, though badly.
    "two that are much alike": ([ONE, ONE + 0.05 * TWO, THREE], [True, True, True]),
}


def decisions(x: NDArray[np.float64], seed: int) -> Decisions:
    """Return one decision to each dilemma of differences `x`, by weights of 2."""
    first = expit(2 * (x - x.mean(axis=0)) @ np.ones(3))
    answers, shares = np.column_stack([first, 1 - first]), np.full((len(x), 2), 0.5)
    random, far = np.random.default_rng(seed), np.ones(len(x))
    return simulated.run(answers, x, shares, None, random, orders=1, far=far)


@pytest.mark.parametrize("case", CASES)
def test_a_weight_that_is_not_determined_leaves_every_share_open(case: str) -> None:
    columns, determined = CASES[case]
    run, other = (decisions(np.column_stack(columns), seed) for seed in (1, 2))
    chose_first = run.choice == 0
    fit = fit_logit(run.differences, chose_first, clusters=run.dilemma)
    found = estimate_importance(fit, np.ones(3))
    assert fit.determined.tolist() == found.determined.tolist() == determined
    assert found.signal
    assert found.defined == all(determined)
    for values in (found.shares, found.low, found.high):
        assert np.isnan(values).all() != all(determined)
    if case == "two that are much alike":
        assert (found.high - found.low)[:2].min() > 0.5
    people = np.full(3, 1 / 3)
    place = centrality(
        run.differences,
        chose_first,
        run.dilemma,
        group=people,
        ranges=np.ones(3),
        distances=[0.1, 0.2, 0.3],
        probabilities=[0.25, 0.5, 0.75],
        people=100,
        resamples=20,
    )
    # Centrality has no pull of the side, from which a constant difference could not be told.
    known = all(determined) or case == "one always differs by 3"
    assert math.isnan(place.value) != known
    changes = importance_changes(run, other, np.ones(3))
    for change in changes:
        assert (change.change.n > 0) == all(determined)
        assert math.isnan(change.change.value) != all(determined)
