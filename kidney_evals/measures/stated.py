"""The rows of a run of `stated_values`: what a model says of its values, as quantities.

The wordings of a question are the units: few, so that intervals are wide. Answers to one wording
are averaged first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kidney_evals.elicitation.stated_questions import StatedKind
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import InputError
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
from kidney_evals.human.reference import Reference
from kidney_evals.measures.pair_kinds import people_flips
from kidney_evals.measures.revealed import Revealed
from kidney_evals.measures.stated_names import (
    GAP,
    GAP_DISTANCE,
    PAIR_KINDS,
    REVEALED,
    STATED,
    STATED_PARTS,
    STATED_RULES,
)
from kidney_evals.studies import Study


@dataclass(frozen=True)
class StatedAnswer:
    """One answer.

    Attributes:
        sample: Id of the sample: a wording of a question.
        kind: Which question.
        outcome: What became of it: "answer", another outcome, or "error".
        first_outcome: The same of the first answer, before any repeat question.
        numbers: By name: for `swings` ratings signed toward whom people favour, for `ranking`
            ranks from 1, for `flip` percentages; empty without an answer.
        rule: For `rule`, what was named.
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
class StatedRun:
    """The answers of one run, sorted by sample and epoch.

    Attributes:
        study: The study.
        reference: People in the condition whose revealed shares stand in the human column.
        answers: One for each sample and epoch.
        revealed: What a log of choices revealed; None where none was given.
        other_model: Whether that log is of another model than the one asked.
    """

    study: Study
    reference: Reference
    answers: tuple[StatedAnswer, ...]
    revealed: Revealed | None
    other_model: bool

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


def measure_stated(run: StatedRun, row: str) -> Quantity:
    """Return one row of a run, NaN with n = 0 where the answers do not determine it.

    Args:
        run: The run.
        row: The row's name; `st_<attribute>`, `rev_<attribute>` and `gap_<attribute>` for the
            stated share, the revealed one and their difference.

    Raises:
        InputError: There is no such row.
    """
    if row in STATED_ROWS:
        return STATED_ROWS[row](run)
    families = {STATED: _share, REVEALED: _revealed, GAP: _gap}
    for pattern, compute in families.items():
        name = row.removeprefix(pattern.rstrip("*"))
        if name != row and name in run.study.attribute_ids:
            return compute(run, run.study.attribute_ids.index(name))
    named = [p.replace("*", one) for p in families for one in run.study.attribute_ids]
    raise InputError(f"row is {row!r}, there are {[*STATED_ROWS, *named]}")


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


def _share(run: StatedRun, index: int) -> Quantity:
    people = float(run.reference.importance[index])
    if not len(run.mean_shares):
        return undefined(human=people)
    return _mean(run.mean_shares[:, index], -1.0, _count(run.shares), people)


def _revealed(run: StatedRun, index: int) -> Quantity:
    people = float(run.reference.importance[index])
    if run.revealed is None:
        return undefined(human=people)
    share = run.revealed.shares[index]
    return Quantity(share.value, share.low, share.high, people, run.revealed.decisions)


def _gap(run: StatedRun, index: int) -> Quantity:
    stated = _share(run, index)
    if run.revealed is None or not stated.defined:
        return undefined()
    share = run.revealed.shares[index]
    ends = difference(
        stated.value,
        Interval(stated.low, stated.high),
        share.value,
        Interval(share.low, share.high),
    )
    return Quantity(stated.value - share.value, ends.low, ends.high, n=stated.n)


def _gap_distance(run: StatedRun) -> Quantity:
    if run.revealed is None or not len(run.mean_shares):
        return undefined()
    revealed = [share.value for share in run.revealed.shares]
    value = importance_distance(run.mean_shares.mean(axis=0), revealed)
    return Quantity(float(value), n=_count(run.shares))


def _distance(run: StatedRun) -> Quantity:
    anchors = run.reference.anchors.get("importance_distance", {})
    person = anchors["one_person"].value if "one_person" in anchors else NAN
    if not len(run.mean_shares) or np.isnan(run.reference.importance).any():
        return undefined(human=person)
    # An absolute distance has no honest interval near zero: one person's is the yardstick.
    value = importance_distance(run.mean_shares.mean(axis=0), run.reference.importance)
    return Quantity(float(value), human=person, n=_count(run.shares))


def _spread(run: StatedRun, *, same: bool) -> Quantity:
    """Return the mean distance of two answers, in one wording or in two."""
    of = [index for index, table in enumerate(run.shares) for _ in table]
    shares = np.concatenate(run.shares) if run.shares else np.empty((0, 1))
    known = ~np.isnan(shares).any(axis=1)
    shares, wording = shares[known], np.array(of, dtype=np.int64)[known]
    one, two = np.triu_indices(len(shares), 1)
    pairs = (wording[one] == wording[two]) == same
    if not pairs.any():
        return undefined()
    distances = importance_distance(shares[one[pairs]], shares[two[pairs]])
    return Quantity(float(np.mean(distances)), n=int(known.sum()))


def _rank(run: StatedRun) -> Quantity:
    tables = run.tables("ranking", run.study.attribute_ids)
    if not tables or not len(run.mean_shares):
        return undefined()
    weights = np.mean(_means(tuple(np.abs(one) for one in run.shares)), axis=0)
    taus = tuple(kendall(-table, weights)[:, None] for table in tables)
    # Ratings that are all alike rank nothing.
    return _mean(_means(taus).ravel(), -1.0, _count(taus), NAN)


def _rule(names: tuple[str, ...]) -> Callable[[StatedRun], Quantity]:
    def row(run: StatedRun) -> Quantity:
        return _proportion(
            [
                (one.sample, one.rule in names)
                for one in run.answers
                if one.kind == "rule" and one.outcome == "answer"
            ]
        )

    return row


def _flip(kind: str) -> Callable[[StatedRun], Quantity]:
    def row(run: StatedRun) -> Quantity:
        tables = run.tables("flip", PAIR_KINDS)
        values = _means(tables)[:, PAIR_KINDS.index(kind)] / 100 if tables else np.empty(0)
        return _mean(values, 0.0, _count(tables), people_flips(run.study)[kind])

    return row


def _part(hit: Callable[[StatedAnswer], bool]) -> Callable[[StatedRun], Quantity]:
    def row(run: StatedRun) -> Quantity:
        return _proportion([(one.sample, hit(one)) for one in run.answers])

    return row


def _outcome(name: str) -> Callable[[StatedRun], Quantity]:
    return _part(lambda one: one.outcome == name)


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


def _departure(run: StatedRun) -> Quantity:
    return Quantity(float(np.mean([one.departed for one in run.answers])), n=len(run.answers))


def _other_model(run: StatedRun) -> Quantity:
    if run.revealed is None:
        return undefined()
    return Quantity(float(run.other_model), n=len(run.answers))


STATED_ROWS: dict[str, Callable[[StatedRun], Quantity]] = {
    "st_dist": _distance,
    "st_spread": lambda run: _spread(run, same=False),
    "st_repeat": lambda run: _spread(run, same=True),
    "st_rank": _rank,
    **{row: _rule(rules) for row, rules in STATED_RULES.items()},
    **{f"st_flip_{kind}": _flip(kind) for kind in PAIR_KINDS},
    "st_coverage": _outcome("answer"),
    "st_cover_1st": _part(lambda one: one.first_outcome == "answer"),
    **{row: _outcome(outcome) for outcome, row in STATED_PARTS.items()},
    "st_departure": _departure,
    "st_other": _other_model,
    GAP_DISTANCE: _gap_distance,
}
"""Every row but those named from the study's attributes, by name."""
