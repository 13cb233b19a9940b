"""Simulated persons behind the human shares, who answer consistently.

The shares of a dilemma describe a group, not how one person would answer twice: the same person
disagrees between two answers about half as often as two different people. The group is therefore
`PERSONS` simulated persons, each with own weights and an own propensity to take the coin. Raking
their answers to the human shares reproduces the group exactly in every dilemma.

The weights are drawn from the distribution over people that the study ships: fitted to the answers
of its people (`random_coefficients.csv`) or published. A study without one gets a synthetic
distribution around the group's importance of each attribute, whose spread resembles that of the
drawn study. The standard normals behind a person's weights are the same in both conditions.

Simulated persons and people of the drawn study, on the 40 questions that each person answered:

| | simulated | people |
| --- | --- | --- |
| one person asked twice disagrees: no coin, coin | .16, .22 | .15, .23 (a fitted model) |
| agreement of one person over ceiling, no coin: mean, median | .90, .92 | .90, .92 |
| its 5 % and 95 % quantiles | .70, .99 | .72, .99 |
| the same with a coin: mean, median | .92, .94 | .92, .94 |
| its 5 % and 95 % quantiles | .74, 1.00 | .75, 1.00 |
| sharpness, no coin: median, 5 % and 95 % quantiles | 1.17, .17, 2.7 | 1.22, .21, 2.8 |
| the same with a coin | 1.11, .26, 3.2 | 1.08, .33, 3.4 |
| importance distance, no coin: median, 95 % quantile | .24, .67 | .25, .58 |
| the same with a coin | .26, .59 | .26, .67 |
| persons who never flip | .15 | .20 |
| quartiles and 90 % quantile of a person's flip rate | .03, .10, .25, .45 | .03, .11, .28, .40 |
| synthetic: asked twice, Boerstler's easy and hard pairs | .013, .25 | .012, .20 |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kidney_evals.studies import Dilemma

if TYPE_CHECKING:
    from kidney_evals.human.people_tables import PeopleSpread
    from kidney_evals.human.reference import Reference

Floats = NDArray[np.float64]

PERSONS = 132
"""Number of simulated persons in a group, each with the same weight.

As many people answered the drawn study. With fewer persons, people's joint answers have a lower
likelihood.
"""

SYNTHETIC = "synthetic"
"""`PeopleSpread.model` of a distribution that was set, not fitted."""

RESOLVE, SPREAD = 16.0, 0.9
"""Total utility and relative spread of the weights in a synthetic distribution.

`RESOLVE` is the total utility (logits) of the better ends of all attributes over the worse ends,
for the average person. `SPREAD` is the standard deviation of each weight over persons as a share of
its mean. Both are near the values of the drawn study: 16 (with a coin 21), and .8 to .9.

The group's own logit has less than half of this utility: most of a group's apparent randomness is
disagreement between people.
"""

COIN, COIN_SPREAD = -0.2, 2.0
"""Mean and standard deviation over persons of the propensity to take the coin (τ of Davidson's
model), where none is fitted: those of the drawn study.
"""

LAPSE = 0.02
"""Share of a person's decisions that are for either patient at random, before raking.

A normal distribution of weights makes some persons certain. With a coin this share raises the
log-likelihood of people's joint answers by 20; without, it makes no difference.
"""

TOLERANCE = 1e-4
"""Largest difference between the persons' mean answer and the shares after raking."""

ROUNDS = 5000
"""Maximum number of raking rounds; 20 to 80 are usual."""

_SEED = 0  # of the draw of persons
_BLOCK = 1000  # dilemmas whose answers are computed together


def spread_of(reference: Reference) -> PeopleSpread:
    """Return people's distribution of weights and, with a coin, of the propensity to take it.

    It is the distribution that the study ships, or a synthetic one.

    Raises:
        UserError: A table of the study is invalid.
    """
    from kidney_evals.human.people_tables import PeopleSpread, read_spread

    study, k = reference.study, len(reference.study.attributes)
    spread = read_spread(reference.folder, reference.condition, study.attribute_ids)
    if spread is None:
        spans = np.array(study.spans)
        reach = reference.weights * spans
        total = np.abs(reach).sum()
        # Equal shares if the weights are unknown.
        known = math.isfinite(total) and total > 0
        means = RESOLVE * (reach / total if known else np.full(k, 1 / k)) / spans
        spread = PeopleSpread(SYNTHETIC, means, np.diag(SPREAD * np.abs(means)))
    if reference.condition == "coin_flip" and len(spread.means) == k:
        cholesky = np.zeros((k + 1, k + 1))
        cholesky[:k, :k], cholesky[k, k] = spread.cholesky, COIN_SPREAD
        spread = replace(spread, means=np.append(spread.means, COIN), cholesky=cholesky)
    return spread


def answers_of_persons(reference: Reference, dilemmas: Sequence[Dilemma]) -> Floats:
    """Return each person's answer probabilities, shape (D, PERSONS, K).

    Their means over persons are the human shares, which must be known. A person answers by a logit
    with weights of their own, with a coin by Davidson's model (1970).
    """
    from kidney_evals.human.sources import differences

    own, x = _persons(reference), differences(reference.study, dilemmas)
    shares = reference.shares(dilemmas)
    # In blocks, since each step makes arrays of the size of the result.
    starts = range(0, len(x), _BLOCK)
    blocks = (slice(start, start + _BLOCK) for start in starts)
    return np.concatenate([_answers(own, x[block], shares[block]) for block in blocks])


def _answers(own: Floats, x: Floats, shares: Floats) -> Floats:
    half = 0.5 * x @ own[:, : x.shape[1]].T
    values = [half, -half]
    if shares.shape[1] == 3:
        values.append(np.broadcast_to(own[:, -1], half.shape))
    links = np.stack(values, axis=2)
    answers = np.exp(links - links.max(axis=2, keepdims=True))
    answers /= answers.sum(axis=2, keepdims=True)
    patients = answers[:, :, :2]
    answers[:, :, :2] = (1 - LAPSE) * patients + LAPSE * patients.mean(axis=2, keepdims=True)
    return _rake(answers, shares)


@lru_cache(maxsize=4096)
def person_answers(reference: Reference, dilemma: Dilemma) -> Floats:
    """Return `answers_of_persons` to one dilemma, shape (PERSONS, K); the result is cached."""
    answers: Floats = answers_of_persons(reference, [dilemma])[0]
    answers.flags.writeable = False
    return answers


@lru_cache(maxsize=16)
def _persons(reference: Reference) -> Floats:
    """Return the persons' coefficients, shape (PERSONS, k) or, with a coin, (PERSONS, k + 1)."""
    return spread_of(reference).draw(PERSONS, _SEED)


def _rake(answers: Floats, shares: Floats) -> Floats:
    """Adjust answers, (D, P, K), until their means over persons are the shares, (D, K).

    Iterative proportional fitting (Deming and Stephan 1940) of each table persons × answers: the
    odds between two answers change by the same factor for all persons. Means may differ from the
    shares by `TOLERANCE`.
    """
    result, left = answers.copy(), np.arange(len(answers))
    for _ in range(ROUNDS):
        means = result[left].mean(axis=1)
        off = (np.abs(means - shares[left]) >= TOLERANCE).any(axis=1)
        left, means = left[off], means[off]
        if not len(left):
            return result
        factors = np.where(means > 0, shares[left] / np.where(means > 0, means, 1), 0)
        raked = result[left] * factors[:, None]
        result[left] = raked / raked.sum(axis=2, keepdims=True)
    raise RuntimeError(f"raking did not reach the human shares {shares[left[0]]}")
