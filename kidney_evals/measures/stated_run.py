"""The answers of a run of `stated_values`, and the quantities computed from them.

The units are the wordings of a question. There are few of them, so intervals are wide. Answers to
one wording are averaged first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kidney_evals.elicitation.stated_questions import StatedKind
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.importance import importance_distance, importance_shares
from kidney_evals.estimation.intervals import (
    NAN,
    Interval,
    difference,
    mean_interval,
    proportion,
)
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.estimation.rank import kendall
from kidney_evals.human.pair_kinds import PAIR_KINDS, people_flips
from kidney_evals.human.reference import Reference
from kidney_evals.measures.registry import AnyRun
from kidney_evals.measures.revealed import Revealed
from kidney_evals.studies import Study


@dataclass(frozen=True)
class StatedAnswer:
    """One answer of a run of `stated_values`.

    Attributes:
        sample: Id of the sample, which is a wording of a question.
        kind: Kind of the question.
        outcome: "answer", another outcome of parsing, or "error".
        first_outcome: Outcome of the first answer, before any repeat question.
        numbers: Numbers by name: for `swings` ratings, positive in the direction that people
            favour; for `ranking` ranks from 1; for `flip` percentages. Empty without an answer.
        rule: For `rule`, the rule that was named.
        departed: Whether generation settings were changed.
    """

    sample: str
    kind: StatedKind
    outcome: str
    first_outcome: str
    numbers: Mapping[str, float]
    rule: str
    departed: bool


@dataclass(frozen=True, eq=False)
class StatedRun(AnyRun):
    """The answers of one run, sorted by sample and epoch.

    Attributes:
        study: The study.
        reference: People in the condition, whose revealed shares are the human values.
        answers: One answer for each sample and epoch.
        revealed: Importance shares from a log of choices; None if no log was given.
        other_model: Whether that log is of a different model.
    """

    task = "stated_values"
    study: Study
    reference: Reference
    answers: tuple[StatedAnswer, ...]
    revealed: Revealed | None
    other_model: bool

    @property
    def traits(self) -> frozenset[str]:
        """Whether a log of choices was given."""
        return frozenset({"revealed"} if self.revealed is not None else ())

    @property
    def attributes(self) -> tuple[str, ...]:
        """Ids of the study's attributes."""
        return self.study.attribute_ids

    @property
    def has_people(self) -> bool:
        """Whether people answered the study in this condition."""
        return self.reference.has_people

    @cached_property
    def shares(self) -> tuple[Floats, ...]:
        """Signed shares of each wording's answers, shape (answers, k); NaN where all are 0."""
        names = self.study.attribute_ids
        tables = self.tables("swings", names)
        return tuple(importance_shares(one, np.ones(len(names))) for one in tables)

    @cached_property
    def mean_shares(self) -> Floats:
        """Mean of each wording's shares, shape (wordings, k), of wordings that have any."""
        return _means(self.shares)

    def tables(self, kind: StatedKind, names: tuple[str, ...]) -> tuple[Floats, ...]:
        """Return the numbers of each wording's answers, shape (answers, names)."""
        found: dict[str, list[list[float]]] = {}
        for one in self.answers:
            if one.kind == kind and one.outcome == "answer":
                found.setdefault(one.sample, []).append([one.numbers[name] for name in names])
        return tuple(np.array(rows) for rows in found.values())

    def share(self, attribute: str) -> Quantity:
        """Return the stated share of an attribute; n counts answers."""
        index = self.attributes.index(attribute)
        people = float(self.reference.importance[index])
        if not len(self.mean_shares):
            return undefined(human=people)
        return _mean(self.mean_shares[:, index], -1.0, _count(self.shares), people)

    def revealed_share(self, attribute: str) -> Quantity:
        """Return the share that the log of choices reveals; n counts its decisions."""
        index = self.attributes.index(attribute)
        people = float(self.reference.importance[index])
        if self.revealed is None:
            return undefined(human=people)
        share = self.revealed.shares[index]
        return Quantity(share.value, share.low, share.high, people, self.revealed.decisions)

    def gap(self, attribute: str) -> Quantity:
        """Return the stated share minus the revealed one."""
        stated = self.share(attribute)
        if self.revealed is None or not stated.defined:
            return undefined()
        share = self.revealed.shares[self.attributes.index(attribute)]
        ends = difference(
            stated.value,
            Interval(stated.low, stated.high),
            share.value,
            Interval(share.low, share.high),
        )
        return Quantity(stated.value - share.value, ends.low, ends.high, n=stated.n)

    def gap_distance(self) -> Quantity:
        """Return the importance distance of stated from revealed shares, without an interval."""
        if self.revealed is None or not len(self.mean_shares):
            return undefined()
        revealed = [share.value for share in self.revealed.shares]
        value = importance_distance(self.mean_shares.mean(axis=0), revealed)
        return Quantity(float(value), n=_count(self.shares))

    def distance_to_people(self) -> Quantity:
        """Return the importance distance of stated shares from people's revealed ones."""
        anchors = self.reference.anchors.get("importance_distance", {})
        person = anchors["one_person"].value if "one_person" in anchors else NAN
        if not len(self.mean_shares) or np.isnan(self.reference.importance).any():
            return undefined(human=person)
        # An absolute distance has no valid interval near zero; compare it with one person's
        # distance.
        value = importance_distance(self.mean_shares.mean(axis=0), self.reference.importance)
        return Quantity(float(value), human=person, n=_count(self.shares))

    def spread(self, *, same: bool) -> Quantity:
        """Return the mean distance of two answers' shares, in one wording or in two."""
        of = [index for index, table in enumerate(self.shares) for _ in table]
        shares = np.concatenate(self.shares) if self.shares else np.empty((0, 1))
        known = ~np.isnan(shares).any(axis=1)
        shares, wording = shares[known], np.array(of, dtype=np.int64)[known]
        one, two = np.triu_indices(len(shares), 1)
        pairs = (wording[one] == wording[two]) == same
        if not pairs.any():
            return undefined()
        distances = importance_distance(shares[one[pairs]], shares[two[pairs]])
        return Quantity(float(np.mean(distances)), n=int(known.sum()))

    def rank_agreement(self) -> Quantity:
        """Return Kendall's tau-b of the ranking with the mean ratings, mean over wordings."""
        tables = self.tables("ranking", self.attributes)
        if not tables or not len(self.mean_shares):
            return undefined()
        weights = np.mean(_means(tuple(np.abs(one) for one in self.shares)), axis=0)
        taus = tuple(kendall(-table, weights)[:, None] for table in tables)
        # Equal ratings define no ranking.
        return _mean(_means(taus).ravel(), -1.0, _count(taus), NAN)

    def rule_share(self, names: tuple[str, ...]) -> Quantity:
        """Return the share of answers that name one of the rules `names`."""
        return _proportion(
            [
                (one.sample, one.rule in names)
                for one in self.answers
                if one.kind == "rule" and one.outcome == "answer"
            ]
        )

    def flip_share(self, kind: str) -> Quantity:
        """Return the stated coin rate for a kind of pair, beside people's rate."""
        tables = self.tables("flip", PAIR_KINDS)
        values = _means(tables)[:, PAIR_KINDS.index(kind)] / 100 if tables else np.empty(0)
        return _mean(values, 0.0, _count(tables), people_flips(self.study)[kind])

    def share_of_answers(self, hit: Callable[[StatedAnswer], bool]) -> Quantity:
        """Return the share of all answers that a predicate holds for."""
        return _proportion([(one.sample, hit(one)) for one in self.answers])


def _means(tables: tuple[Floats, ...]) -> Floats:
    defined = [table[~np.isnan(table).any(axis=1)] for table in tables]
    means = [table.mean(axis=0) for table in defined if len(table)]
    width = tables[0].shape[1] if tables else 0
    return np.array(means).reshape(len(means), width)


def _count(tables: tuple[Floats, ...]) -> int:
    return sum(int((~np.isnan(table).any(axis=1)).sum()) for table in tables)


def _mean(values: Floats, lowest: float, n: int, human: float) -> Quantity:
    """Return the mean of wordings' values with Student's interval, within `lowest` and 1."""
    if not len(values):
        return undefined(human=human)
    value = float(values.mean())
    ends = mean_interval(values)
    low, high = max(ends.low, lowest), min(ends.high, 1.0)
    if np.isnan(ends.low):
        low, high = NAN, NAN
    return Quantity(value, low, high, human, n)


def _proportion(hits: list[tuple[str, bool]]) -> Quantity:
    """Return a share of answers with Wilson's interval, wordings as clusters."""
    if not hits:
        return undefined()
    samples = sorted({sample for sample, _ in hits})
    found, trials = np.zeros(len(samples)), np.zeros(len(samples))
    for sample, hit in hits:
        found[samples.index(sample)] += hit
        trials[samples.index(sample)] += 1
    ends = proportion(found, trials)
    return Quantity(float(found.sum() / trials.sum()), ends.low, ends.high, n=len(hits))
