"""Kinds of people behind the human shares, so that a simulated person answers consistently.

The shares of a dilemma describe a group, not how one person would answer twice: the same person
disagrees between two answers about half as often as two different people. The group is therefore
decomposed into kinds of people with their own weights and flip rates. Raking the kinds' answers to
the human shares reproduces the group exactly in every dilemma.

Most studies have no model of single people, so the kinds are a synthetic crowd with random
coefficients around the group's importance of each attribute. Their spread is set once for all
studies, to match people's known behaviour (the six latent classes of the drawn study waver more:
.21 in the first line, .33 with a coin):

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
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from kidney_evals.respondents.question import fraction
from kidney_evals.studies import Condition, Dilemma, Study

Shares = tuple[float, ...]
"""Shares of the answers to one dilemma: first, second and, where offered, coin."""

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


@dataclass(frozen=True)
class PersonKind:
    """A kind of people, who share weights and a flip level.

    Attributes:
        weights: Utility (logits) of each attribute per scale unit in the favoured direction.
        flip_level: Logit of flipping between two patients of equal utility.
    """

    weights: tuple[float, ...]
    flip_level: float

    def answer(self, differences: Sequence[float], coin: bool) -> Shares:
        """Return this kind's answers to a dilemma before raking.

        The two stages are those of the reference for the coin condition: flip or decide, by the
        utility distance of the patients, then a logit choice.

        Args:
            differences: First minus second patient (`Study.differences`).
            coin: Whether a coin is offered.

        Returns:
            Probabilities of first, second and, if offered, coin; all above 0.
        """
        utility = sum(
            weight * difference
            for weight, difference in zip(self.weights, differences, strict=True)
        )
        first = _logistic(utility)
        answers: Shares = (first, 1 - first)
        if coin:
            flip = _logistic(self.flip_level + FLIP_SLOPE * abs(utility))
            answers = (first * (1 - flip), (1 - first) * (1 - flip), flip)
        return tuple((1 - HAPHAZARD) * answer + HAPHAZARD / len(answers) for answer in answers)


class People:
    """The people of a study and condition: their shares, and the kinds behind these shares."""

    def __init__(self, study: Study, condition: Condition) -> None:
        """Read the human reference of a study and condition."""
        from kidney_evals.human.reference import load_reference

        self._study = study
        self._coin = condition == "coin_flip"
        self._reference = load_reference(study, condition)
        importance = _importance(study, self._reference.weights.tolist())
        self._kinds = person_kinds(importance, study.spans)
        self._shares: dict[Dilemma, Shares] = {}
        self._answers: dict[Dilemma, list[Shares]] = {}

    def shares(self, dilemma: Dilemma) -> Shares:
        """Return the human shares of a dilemma; all are NaN where nobody answered."""
        if dilemma not in self._shares:
            self._shares[dilemma] = tuple(self._reference.shares([dilemma])[0].tolist())
        return self._shares[dilemma]

    def know(self, dilemma: Dilemma) -> bool:
        """Return whether people's answers to this dilemma are known."""
        return all(map(math.isfinite, self.shares(dilemma)))

    def answers(self, dilemma: Dilemma) -> list[Shares]:
        """Return the answers of each kind of people; their mean over kinds is `shares`."""
        if dilemma not in self._answers:
            differences = self._study.differences(dilemma)
            own = [kind.answer(differences, self._coin) for kind in self._kinds]
            self._answers[dilemma] = rake(own, self.shares(dilemma))
        return self._answers[dilemma]


_PEOPLE: dict[tuple[Path, str, Condition], People] = {}


def people(study: Study, condition: Condition) -> People:
    """Return the people of a study and condition; each process reads the reference once."""
    key = (study.path, study.hash, condition)
    if key not in _PEOPLE:
        _PEOPLE[key] = People(study, condition)
    return _PEOPLE[key]


def person_kinds(importance: Sequence[float], spans: Sequence[float]) -> tuple[PersonKind, ...]:
    """Return `KINDS` kinds of people, all equally frequent.

    Weights and flip levels are independent and normal over kinds: a Latin hypercube with fixed
    shuffles, with one value in each 1/`KINDS` of a distribution. The crowd is the same in every
    run and for every seed, so a seed changes which people are asked, not which people exist.

    Args:
        importance: Importance share of each attribute for the group over its full range; sum 1.
        spans: Range of each attribute in scale units.
    """
    strata = [NormalDist().inv_cdf((index + 0.5) / KINDS) for index in range(KINDS)]

    def spread(column: str) -> list[float]:
        return [
            strata[index]
            for index in sorted(range(KINDS), key=lambda index: fraction("kind", column, index))
        ]

    columns = [spread(f"attribute {index}") for index in range(len(spans))]
    levels = spread("flip")
    return tuple(
        PersonKind(
            weights=tuple(
                RESOLVE * mean * (1 + SPREAD * column[index]) / span
                for mean, column, span in zip(importance, columns, spans, strict=True)
            ),
            flip_level=FLIP_LEVEL + FLIP_SPREAD * levels[index],
        )
        for index in range(KINDS)
    )


def rake(answers: Sequence[Shares], shares: Shares) -> list[Shares]:
    """Adjust the answers of the kinds so that their mean equals the group's shares.

    Iterative proportional fitting (Deming and Stephan 1940) of the table kinds × answers: the odds
    between two answers change by the same factor for all kinds, so that differences between kinds
    remain. An answer with share 0 becomes 0 for all kinds.

    Args:
        answers: Answers of each kind, above 0, each summing to 1.
        shares: The group's shares, summing to 1.

    Returns:
        Answers of each kind, each summing to 1; their mean is `shares` within `TOLERANCE`.

    Raises:
        RuntimeError: The mean does not reach the shares in `ROUNDS` rounds.
    """
    rows = [tuple(row) for row in answers]
    for _ in range(ROUNDS):
        means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        if all(abs(mean - share) < TOLERANCE for mean, share in zip(means, shares, strict=True)):
            return rows
        factors = [
            share / mean if mean > 0 else 0.0 for mean, share in zip(means, shares, strict=True)
        ]
        for index, row in enumerate(rows):
            bent = [answer * factor for answer, factor in zip(row, factors, strict=True)]
            total = sum(bent)
            rows[index] = tuple(answer / total for answer in bent)
    raise RuntimeError(f"raking did not reach the human shares {shares}")


def _importance(study: Study, weights: Sequence[float]) -> tuple[float, ...]:
    """Return the group's importance of each attribute; equal shares if weights are unknown."""
    count = len(study.spans)
    if not all(math.isfinite(weight) for weight in weights):
        return (1 / count,) * count
    sizes = [weight * span for weight, span in zip(weights, study.spans, strict=True)]
    total = sum(abs(size) for size in sizes)
    return tuple(size / total for size in sizes) if total else (1 / count,) * count


def _logistic(value: float) -> float:
    # Only exp of a negative number, which never overflows.
    power = math.exp(-abs(value))
    return 1 / (1 + power) if value >= 0 else power / (1 + power)
