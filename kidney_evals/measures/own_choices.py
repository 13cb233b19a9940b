"""Comparison of a model's predictions of people with its own choices on the same dilemmas.

The choices are from another run, as counts by order. All distances are unbiased squared distances
of shares, averaged over the dilemmas that both runs contain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.decisions import Decisions, Strata
from kidney_evals.estimation.distance import choice_distance, fixed_distance
from kidney_evals.estimation.intervals import Z95, Interval, student
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures.prediction_run import Floats, Predictions


@dataclass(frozen=True, eq=False)
class OwnChoices:
    """A model's predictions and choices.

    Attributes:
        given: The predictions.
        counts: The model's choices by dilemma, order and choice as listed, shape (D, 2, K); 0 if
            the run of choices does not contain the dilemma.
    """

    given: Predictions
    counts: NDArray[np.int64]

    @cached_property
    def shared(self) -> NDArray[np.bool_]:
        """Dilemmas predicted, and answered twice or more, shape (D,)."""
        result: NDArray[np.bool_] = self.given.predicted & (self.counts.sum(axis=(1, 2)) >= 2)
        return result

    def against(self, shares: Floats, draws: NDArray[np.floating] | None) -> Decisions:
        """Return the choices on shared dilemmas, with `shares` as the human shares."""
        rows = self.shared
        counts = self.counts[rows]
        cells = np.argwhere(counts > 0)
        cells = np.repeat(cells, counts[tuple(cells.T)], axis=0)
        return Decisions(
            dilemma=cells[:, 0],
            order=cells[:, 1],
            epoch=np.zeros(len(cells), dtype=np.int64),
            choice=cells[:, 2],
            differences=np.zeros((len(counts), 1)),
            shares=shares[rows],
            share_draws=None if draws is None else draws[:, rows],
            closeness=np.full(len(counts), np.nan),
            fixed=self.given.fixed,
        )

    @cached_property
    def strata(self) -> Strata:
        """The choices on shared dilemmas, divided into the strata for resampling."""
        return self.against(self.given.people, None).strata


def own_distance(own: OwnChoices) -> Quantity:
    """Return the squared distance of the model's choices from its predictions of people.

    Returns:
        The distance; NaN with n = 0 if no shared dilemma was answered twice; `human` is NaN. The
        variance of predictions over repetitions is subtracted if known.
    """
    rows = own.shared
    if not rows.any():
        return undefined()
    found = choice_distance(own.against(own.given.mean, None))
    return found.shifted(-float(own.given.noise[rows].mean()))


def own_to_people(own: OwnChoices) -> Quantity:
    """Return the squared distance of the choices from people's shares, minus people's variance.

    Returns:
        The distance; NaN with n = 0 if no shared dilemma was answered twice; `human` is NaN. Its
        expected value is 0 for a respondent who draws answers from people's true shares.
    """
    rows, given = own.shared, own.given
    if not rows.any():
        return undefined()
    run = own.against(given.people, given.draws)
    if given.asked is not None:
        return fixed_distance(run, given.asked[rows])
    found = choice_distance(run).shifted(-float(given.crowd[rows].mean()))
    return found


def knowledge_gain(own: OwnChoices) -> Quantity:
    """Return the choices' distance to people minus the predictions' distance to people.

    Above 0 the predictions are nearer to people than the choices. The variance of people's shares
    is in both distances and cancels; the difference is linear in their shares. The interval adds
    the variance over resampled people to that over dilemmas (if drawn) or over the model's answers
    and repetitions (on a fixed list).

    Returns:
        The difference; NaN with n = 0 where no shared dilemma was answered twice; `human` is NaN.
    """
    rows, given = own.shared, own.given
    if not rows.any():
        return undefined()
    kept, q, p = own.strata, given.mean[rows], given.people[rows]
    chosen = ((kept.shares - p) ** 2).sum(axis=1) - kept.variance.sum(axis=1)
    predicted = ((q - p) ** 2).sum(axis=1) - given.noise[rows]
    each = chosen - predicted
    value, count = float(each.mean()), len(each)
    moved = -2 * (given.draws[:, rows] * (kept.shares - q)).sum(axis=2).mean(axis=1)
    people = float(np.std(moved, ddof=1))
    if not given.fixed:
        if count < 2:
            return Quantity(value, n=count)
        half = student(count - 1) * float(np.hypot(np.std(each, ddof=1) / np.sqrt(count), people))
        return Quantity(value, value - half, value + half, n=count)
    choices = choice_distance(own.against(given.people, None))
    redrawn = ((given.redrawn()[:, rows] - p) ** 2).sum(axis=2).mean(axis=1)
    noise = float(np.std(redrawn, ddof=1)) if len(redrawn) > 1 else 0.0
    other = Z95 * float(np.hypot(people, noise))
    ends = Interval(
        value - float(np.hypot(choices.value - choices.low, other)),
        value + float(np.hypot(choices.high - choices.value, other)),
    )
    return Quantity(value, *ends, n=count)
