"""Kinds of people behind the human shares, so that a simulated person answers consistently.

The shares of a dilemma describe a group, not how one person would answer twice: the same person
disagrees between two answers about half as often as two different people. The group is therefore
decomposed into kinds of people with their own weights and flip rates. Raking the kinds' answers to
the human shares reproduces the group exactly in every dilemma.

Most studies have no model of single people, so the kinds are a synthetic crowd with random
coefficients around the group's importance of each attribute. Their spread is set once for all
studies, to match people's known behaviour (the six latent classes of the drawn study are less
consistent: .21 in the first line, .33 with a coin):

| | here | people |
| --- | --- | --- |
| drawn study, no coin: one person asked twice disagrees | .15 | .16 |
| agreement of one person over ceiling: mean, median | .88, .92 | .89, .91 |
| its 5 % and 95 % quantiles | .70, .97 | .69, .98 |
| the same with a coin: mean, median | .90, .92 | .91, .93 |
| variance of the flip rate over people | .028 | .028 |
| quartiles and 90 % quantile of a person's flip rate | .05, .12, .25, .36 | .03, .11, .28, .40 |
| one person asked twice disagrees: Boerstler's easy and hard pairs | .015, .25 | .012, .20 |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kidney_evals.respondents.question import fraction
from kidney_evals.studies import Dilemma

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference

Floats = NDArray[np.float64]

KINDS = 32
"""Number of kinds of people in a group, all equally frequent."""

RESOLVE = 16.0
"""Utility (logits) of the better end of every attribute over the worse end, for the average kind.

The group's own logit has less than half of this value: most of a group's apparent randomness is
disagreement between people.
"""

SPREAD = 1.0
"""Standard deviation of an attribute's weight over kinds, as a share of its mean."""

FLIP_LEVEL, FLIP_SPREAD, FLIP_SLOPE = -1.0, 1.8, -0.25
"""Logit of a kind's flip probability between equal patients, its standard deviation over kinds, and
its change per logit of utility between the patients.
"""

HAPHAZARD = 0.02
"""Share of a kind's answers that are uniformly random, before raking: no kind is fully certain."""

TOLERANCE = 1e-4
"""Largest difference between the kinds' mean answer and the shares after raking."""

ROUNDS = 5000
"""Maximum number of raking rounds; 20 to 80 are usual."""


def shares_of_people(reference: Reference, dilemma: Dilemma) -> Floats | None:
    """Return the human shares of a dilemma, shape (2,) or (3,); None where nobody answered."""
    shares: Floats = reference.shares([dilemma])[0]
    return shares if np.isfinite(shares).all() else None


def answers_of_kinds(reference: Reference, dilemma: Dilemma, shares: Floats) -> Floats:
    """Return each kind's answer probabilities, shape (KINDS, K); their mean is `shares`.

    With a coin a kind flips or decides, by the utility distance, then chooses by a logit.
    """
    study = reference.study
    reach = reference.weights * np.array(study.spans)
    total = np.abs(reach).sum()
    # Equal shares if the weights are unknown.
    known = math.isfinite(total) and total > 0
    importance = reach / total if known else np.full(len(reach), 1 / len(reach))
    weights, levels = person_kinds(importance.tolist(), study.spans)
    utility = weights @ np.array(study.differences(dilemma))
    first = _logistic(utility)
    answers = np.stack([first, 1 - first], axis=1)
    if len(shares) == 3:
        flip = _logistic(levels + FLIP_SLOPE * np.abs(utility))[:, None]
        answers = np.hstack([answers * (1 - flip), flip])
    answers = (1 - HAPHAZARD) * answers + HAPHAZARD / len(shares)
    return _rake(answers, shares)


def person_kinds(importance: Sequence[float], spans: Sequence[float]) -> tuple[Floats, Floats]:
    """Return `KINDS` kinds of people, all equally frequent.

    Weights and flip levels are independent and normal over kinds. The crowd is the same in every
    run and for every seed.

    Args:
        importance: Importance share of each attribute for the group over its full range; sum 1.
        spans: Range of each attribute in scale units.

    Returns:
        Utility (logits) of each attribute per scale unit in the favoured direction, shape (KINDS,
        k), and logit of flipping between two patients of equal utility, shape (KINDS,).
    """
    weights = [
        RESOLVE * mean * (1 + SPREAD * _standing(f"attribute {index}")) / span
        for index, (mean, span) in enumerate(zip(importance, spans, strict=True))
    ]
    return np.column_stack(weights), FLIP_LEVEL + FLIP_SPREAD * _standing("flip")


@cache
def _standing(column: str) -> Floats:
    """Return a column of a Latin hypercube: normal quantiles of the kinds in a fixed shuffle."""
    strata = np.array([NormalDist().inv_cdf((index + 0.5) / KINDS) for index in range(KINDS)])
    return strata[sorted(range(KINDS), key=lambda index: fraction("kind", column, index))]


def _rake(answers: Floats, shares: Floats) -> Floats:
    """Adjust the answers of the kinds so that their mean equals the shares within `TOLERANCE`.

    Iterative proportional fitting (Deming and Stephan 1940) of the table kinds × answers: the odds
    between two answers change by the same factor for all kinds.
    """
    for _ in range(ROUNDS):
        means = answers.mean(axis=0)
        if (np.abs(means - shares) < TOLERANCE).all():
            return answers
        answers = answers * np.where(means > 0, shares / np.where(means > 0, means, 1), 0)
        answers /= answers.sum(axis=1, keepdims=True)
    raise RuntimeError(f"raking did not reach the human shares {shares}")


def _logistic(value: Floats) -> Floats:
    # Only exp of a negative number, which never overflows.
    power = np.exp(-np.abs(value))
    return np.asarray(np.where(value >= 0, 1, power) / (1 + power))
