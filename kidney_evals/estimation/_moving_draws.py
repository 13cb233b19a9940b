"""Simulated likelihood whose draws move with the population, where fixed draws find no maximum.

Draws placed for one population judge every other with an error of their own. That error decides
where the likelihood is flat, mostly in a deviation that the answers cannot tell from its floor:
the likelihood over fixed draws then has two nearly equal maxima, of which the draws' place makes
now one and now the other the higher, and no population is the best for the draws that it places.
Or it bends upwards at the floor, where nothing else gets second derivatives. Smaller steps cannot
help, as there is nothing to settle at. Draws that are placed anew for every population tried give
one function, which is smooth because the standard normal draws behind them stay (common random
numbers, Train 2009, section 9.2), and flat stretches cost it nothing: a population is judged by
the draws that suit it best. Its gradient would need the derivatives of everybody's mode and takes
differences instead, 2 p placements, so that only fits that need it pay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from kidney_evals.estimation._checks import Floats
from kidney_evals.estimation._newton import climb, free_curvature, pressed
from kidney_evals.estimation._person_nodes import Panel, Population, person_nodes, posterior

_WIDTH = 1e-4
_BEND_WIDTH = 1e-3
"""Of first and of second differences; rounding and neglected terms both stay below 1e-5."""

_APPROACH = 30
_NEAR = 1e-2
"""Steps by the scores' outer product, which end at this length: from there on Newton's do."""

_PASSES = 4
_STEPS = 10
_SETTLED = 1e-7
"""Length of a Newton step that rounding in the differences cannot hide."""

_STILL = 1e-3
"""No parameter has moved by more since the curvature was taken: it is that of the maximum."""

_FLAT = 1e-5
"""Least eigenvalue that an information matrix with a diagonal of 1 must have."""


@dataclass(frozen=True)
class MovingMaximum:
    """Maximum of a likelihood whose draws move.

    Attributes:
        theta: Shape (p,).
        values: Log-likelihood of each person, shape (people,).
        scores: Their gradients, shape (people, p).
        information: Minus the second derivatives of the sum, shape (p, p).
    """

    theta: Floats
    values: Floats
    scores: Floats
    information: Floats


@dataclass(frozen=True)
class MovingLikelihood:
    """The simulated log-likelihood with draws placed for the population that they judge.

    Attributes:
        answers: Of everybody.
        normal: Standard normal draws that people's draws are made of, shape (people, R, q).
        population: Population of given parameters, shape (p,).
    """

    answers: Panel
    normal: Floats
    population: Callable[[Floats], Population]

    def values(self, theta: Floats) -> Floats:
        """Return the log-likelihood of each person, shape (people,)."""
        population = self.population(theta)
        nodes = person_nodes(self.answers, population, self.normal, polish=2)
        return posterior(population, nodes)[0]

    def scores(self, theta: Floats) -> Floats:
        """Return the gradient of each person's log-likelihood, shape (people, p)."""
        steps = _WIDTH * np.eye(len(theta))
        columns = [self.values(theta + step) - self.values(theta - step) for step in steps]
        result: Floats = np.stack(columns, axis=1) / (2 * _WIDTH)
        return result

    def objective(self, theta: Floats) -> tuple[float, Floats, Floats]:
        """Return value, gradient and the outer product of the scores (Berndt et al. 1974)."""
        scores = self.scores(theta)
        outer: Floats = scores.T @ scores
        return float(self.values(theta).sum()), scores.sum(axis=0), outer

    def information(self, theta: Floats) -> Floats:
        """Return minus the second derivatives, by second differences, shape (p, p)."""
        here = self.values(theta)

        def bend(step: Floats) -> float:
            # Differences of single people first: their sum is large and would hide them.
            rise, fall = self.values(theta + step) - here, self.values(theta - step) - here
            return float((rise + fall).sum())

        steps = _BEND_WIDTH * np.eye(len(theta))
        bends = np.diag([bend(step) for step in steps])
        for i, j in zip(*np.tril_indices(len(theta), -1), strict=True):
            cross = bend(steps[i] + steps[j]) - bends[i, i] - bends[j, j]
            bends[i, j] = bends[j, i] = cross / 2
        result: Floats = -bends / _BEND_WIDTH**2
        return result

    def maximum(self, start: Floats, box: tuple[Floats, Floats]) -> MovingMaximum | None:
        """Climb from an allowed point to a maximum inside the box; None if none is reached.

        Only a short Newton step counts as arrival: where the likelihood climbs without end, in
        ever flatter stretches, the steps stay long.
        """
        theta, _ = climb(self.objective, start, limit=_APPROACH, box=box, settled=_NEAR)
        for _ in range(_PASSES):
            before = theta
            _, gradient, outer = self.objective(before)
            information = self.information(before)
            held = pressed(before, gradient, *box)
            # So close to the maximum one curvature serves every step.
            fixed = partial(self._with, free_curvature(information, outer, held))
            theta, found = climb(fixed, before, limit=_STEPS, box=box, settled=_SETTLED)
            if found and np.abs(theta - before).max() < _STILL:
                break
        else:
            return None
        free = theta > box[0]
        inside = information[np.ix_(free, free)]
        root = np.sqrt(np.diag(inside).clip(min=np.finfo(float).tiny))
        if not np.linalg.eigvalsh(inside / np.outer(root, root))[0] > _FLAT:
            return None
        return MovingMaximum(theta, self.values(theta), self.scores(theta), information)

    def _with(self, curvature: Floats, theta: Floats) -> tuple[float, Floats, Floats]:
        return (*self.objective(theta)[:2], curvature)
