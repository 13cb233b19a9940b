"""The answers of a run of `stated_values`, and the quantities computed from them.

Answers to a wording are averaged first: the few wordings are the units, so intervals are wide.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kidney_evals.elicitation.stated_questions import StatedKind
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.importance import importance_distance, importance_shares
from kidney_evals.estimation.indecision import outcome_share
from kidney_evals.estimation.intervals import NAN, difference, mean_interval
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.estimation.rank import kendall
from kidney_evals.human.pair_kinds import PAIR_KINDS, people_flips
from kidney_evals.measures.registry import StudyRun
from kidney_evals.measures.revealed import Revealed


@dataclass(frozen=True)
class StatedAnswer:
    """One answer to a wording of a question."""

    sample: str  # id of the wording
    kind: StatedKind
    outcome: str  # "answer", another outcome of parsing, or "error"
    first_outcome: str  # of the first answer, before any repeat question
    # By name: for `swings` ratings, positive in the direction that people favour; for `ranking`
    # ranks from 1; for `flip` percentages. Empty without an answer.
    numbers: Mapping[str, float]
    rule: str
    departed: bool  # whether generation settings or the model were changed


@dataclass(frozen=True, eq=False)
class StatedRun(StudyRun):
    """The answers of one run, sorted by sample and epoch."""

    task = "stated_values"
    answers: tuple[StatedAnswer, ...]
    revealed: Revealed | None  # from the log of choices
    other_model: bool  # whether that log is of another model

    @property
    def traits(self) -> frozenset[str]:
        """Which of the traits "revealed" and "people" the run has."""
        held = {"revealed": self.revealed is not None, "people": self.has_people}
        return frozenset(name for name, holds in held.items() if holds)

    def _tables(self, kind: StatedKind) -> tuple[Floats, ...]:
        """Return the numbers of each wording's answers, shape (answers, names)."""
        names = PAIR_KINDS if kind == "flip" else self.attributes
        tables: dict[str, list[list[float]]] = {}
        for one in self.answers:
            if one.kind == kind and one.outcome == "answer":
                tables.setdefault(one.sample, []).append([one.numbers[name] for name in names])
        return tuple(map(np.array, tables.values()))

    @cached_property
    def _shares(self) -> tuple[Floats, ...]:
        """Signed shares of each wording's answers, shape (answers, k); NaN where all are 0."""
        ranges = np.ones(len(self.attributes))
        return tuple(importance_shares(one, ranges) for one in self._tables("swings"))

    def share(self, attribute: str) -> Quantity:
        """Return an attribute's signed share of the stated ratings; n counts answers.

        The shares are averaged within each wording, then over wordings. `human` is people's
        importance share in choices.
        """
        index = self.attributes.index(attribute)
        return _mean(self._shares, index, -1.0, float(self.reference.importance[index]))

    def revealed_share(self, attribute: str) -> Quantity:
        """Return an attribute's importance share in the log of choices; n counts decisions.

        The run must have a log of choices.
        """
        assert self.revealed is not None
        index = self.attributes.index(attribute)
        people = float(self.reference.importance[index])
        return self.revealed.shares[index]._replace(human=people, n=self.revealed.decisions)

    def gap(self, attribute: str) -> Quantity:
        """Return the stated share minus the revealed share of an attribute.

        The run must have a log of choices. n counts the stated answers.
        """
        stated, revealed = self.share(attribute), self.revealed_share(attribute)
        if not stated.defined:
            return undefined()
        ends = difference(stated, revealed)
        return Quantity(stated.value - revealed.value, *ends, n=stated.n)

    def gap_distance(self) -> Quantity:
        """Return the importance distance of stated from revealed shares, without an interval.

        The run must have a log of choices. n counts answers.
        """
        assert self.revealed is not None
        return self._distance_from(np.array([share.value for share in self.revealed.shares]))

    def distance_to_people(self) -> Quantity:
        """Return the importance distance of stated shares from people's revealed shares."""
        return self._distance_from(self.reference.importance)

    def _distance_from(self, shares: Floats) -> Quantity:
        # An absolute distance has no valid interval near zero.
        means, count = _means(self._shares)
        if not count or np.isnan(shares).any():
            return undefined()
        return Quantity(float(importance_distance(means.mean(axis=0), shares)), n=count)

    def spread(self, *, same: bool) -> Quantity:
        """Return the mean importance distance between the stated shares of two answers.

        Args:
            same: Whether both answers are to the same wording; otherwise they are to different
                wordings.
        """
        of = [index for index, table in enumerate(self._shares) for _ in table]
        shares = np.concatenate(self._shares) if self._shares else np.empty((0, 1))
        known = ~np.isnan(shares).any(axis=1)
        shares, wording = shares[known], np.array(of, dtype=np.int64)[known]
        one, two = np.triu_indices(len(shares), 1)
        pairs = (wording[one] == wording[two]) == same
        if not pairs.any():
            return undefined()
        distances = importance_distance(shares[one[pairs]], shares[two[pairs]])
        return Quantity(float(np.mean(distances)), n=int(known.sum()))

    def rank_agreement(self) -> Quantity:
        """Return Kendall's tau-b of the stated ranking of attributes with the stated shares' size.

        The size is the mean absolute share: each answer's ratings are normalised to shares before
        they are averaged. tau-b is averaged within each wording of the ranking, then over wordings.
        Undefined if all sizes are equal.
        """
        tables, (ratings, count) = self._tables("ranking"), _means(map(np.abs, self._shares))
        if not tables or not count:
            return undefined()
        weights = ratings.mean(axis=0)
        # Equal ratings define no ranking.
        return _mean([kendall(-table, weights)[:, None] for table in tables], 0, -1.0, NAN)

    def rule_share(self, names: tuple[str, ...]) -> Quantity:
        """Return the share of answers on the model's rule that name one of the rules `names`."""
        rules = [one for one in self.answers if one.kind == "rule" and one.outcome == "answer"]
        return _proportion(rules, lambda one: one.rule in names)

    def flip_share(self, kind: str) -> Quantity:
        """Return the stated coin rate for a kind of pair; `human` is people's rate.

        Args:
            kind: One of `PAIR_KINDS`.
        """
        people = people_flips(self.study)[kind]
        return _mean(self._tables("flip"), PAIR_KINDS.index(kind), 0.0, people, unit=100.0)

    def outcome_share(self, outcome: str) -> Quantity:
        """Return the share of samples with the outcome `outcome`, such as "refusal"."""
        return _proportion(self.answers, lambda one: one.outcome == outcome)

    def first_coverage(self) -> Quantity:
        """Return the share of samples whose first response has an answer."""
        return _proportion(self.answers, lambda one: one.first_outcome == "answer")


def _means(tables: Iterable[Floats]) -> tuple[Floats, int]:
    """Return the mean of each wording's answers, (wordings with any, names), and their number."""
    defined = [table[~np.isnan(table).any(axis=1)] for table in tables]
    means = np.array([table.mean(axis=0) for table in defined if len(table)])
    return means, sum(map(len, defined))


def _mean(
    tables: Iterable[Floats], column: int, lowest: float, human: float, unit: float = 1.0
) -> Quantity:
    """Return the mean of wordings' means with Student's interval, within `lowest` and 1."""
    means, count = _means(tables)
    if not count:
        return undefined(human)
    values = means[:, column] / unit
    low, high = mean_interval(values)
    # `np.maximum` keeps NaN.
    ends = float(np.maximum(low, lowest)), float(np.minimum(high, 1.0))
    return Quantity(float(values.mean()), *ends, human, count)


def _proportion(answers: Sequence[StatedAnswer], hit: Callable[[StatedAnswer], bool]) -> Quantity:
    """Return a share of answers with Wilson's interval, wordings as clusters."""
    wordings = [one.sample for one in answers]
    return outcome_share(wordings, np.zeros(len(answers)), list(map(hit, answers)))
