"""The answers of one run of choices as arrays, from which every measure is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.decisions import COIN, Decisions
from kidney_evals.estimation.errors import FAILURES, InputError
from kidney_evals.estimation.importance import ImportanceEstimate, estimate_importance
from kidney_evals.estimation.indecision import outcome_share
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.probes import ProbeAnswers
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.estimation.rank import profile_rank
from kidney_evals.estimation.respondent_baselines import Answerer, Baseline, baselines
from kidney_evals.estimation.variance_shares import VarianceShares, one_hot, variance_shares
from kidney_evals.human.sources import ProfileShares
from kidney_evals.measures.registry import StudyRun, probe_rows
from kidney_evals.studies import Dilemma


@dataclass(frozen=True, eq=False)
class Run(StudyRun):
    """The samples of one run in one condition; arrays have the shape (n,), one entry a sample."""

    task = "choices"
    dilemmas: tuple[Dilemma, ...]  # sorted by id
    dilemma: Ints  # index in `dilemmas`
    order: Ints  # 0 as listed, 1 swapped
    epoch: Ints
    choice: Ints  # 0 first-listed, 1 second-listed, 2 coin, −1 none
    first_choice: Ints  # of the first answer, before any repeat question
    outcomes: NDArray[np.str_]
    departures: Bools  # whether generation settings were changed
    language: str = "en"
    mechanism: str = "coin"  # answer offered besides the patients in `coin_flip`
    wording: Ints | None = None  # index of the wording; None where all samples have the same
    # Probabilities of first, second and coin, (n, 3), 0 without a choice; None if not read out.
    chances: Floats | None = None
    outside: Floats | None = None  # total probability of tokens that are no answer; may be NaN
    begun: bool = False  # whether the answer line was begun before probabilities were read
    crossed: bool = False  # whether every dilemma was asked in every wording, order and repetition
    at_zero: bool = False  # whether the temperature was 0
    other_model: float = 0.0  # share of samples answered by a model other than the requested model
    controls: Run | None = None  # the samples of the control block
    probe: str = ""
    levels: tuple[str, ...] = ()  # ids of the levels of the probe
    level_first: Ints | None = None  # index of the level of the first-listed candidate
    level_second: Ints | None = None

    @cached_property
    def traits(self) -> frozenset[str]:
        """Which of `TRAITS` the run has: kinds of dilemmas, and how they were asked."""
        how = {
            "coin": self.reference.condition == "coin_flip",
            "crossed": self.crossed,
            "readout": self.chances is not None,
            "controls": self.controls is not None,
            "people": self.has_people,
            "probe": self.level_first is not None,
        }
        return frozenset(name for name in how if how[name]).union(
            dilemma.kind for dilemma in self.dilemmas
        )

    @property
    def probe_rows(self) -> tuple[str, ...]:
        """Ids of the probe's levels that have a measure of their own; empty without a probe."""
        return probe_rows(self.levels) if "probe" in self.traits else ()

    @property
    def borrows_coin(self) -> bool:
        """Whether the run offered a mechanism of indecision other than the coin that people had."""
        return "coin" in self.traits and self.mechanism != "coin"

    def share_of_samples(self, hit: Bools) -> Quantity:
        """Return the share of samples where the mask `hit`, shape (n,), is true."""
        return outcome_share(self.dilemma, self.order, hit, fixed=self.study.draw is None)

    def outcome_share(self, outcome: str) -> Quantity:
        """Return the share of samples with the outcome `outcome`, such as "refusal"."""
        return self.share_of_samples(self.outcomes == outcome)

    @cached_property
    def decisions(self) -> Decisions:
        """The parsed answers, with people's shares of every dilemma."""
        read, chances, shares = self.choice >= 0, None, self.reference.shares(self.dilemmas)
        if self.chances is not None:
            chances = _known(self.chances[read], shares)
        return Decisions(
            dilemma=self.dilemma[read],
            order=self.order[read],
            epoch=self.epoch[read],
            choice=self.choice[read],
            differences=np.array([self.study.differences(one) for one in self.dilemmas]),
            shares=shares,
            share_draws=self.reference.share_draws(self.dilemmas),
            closeness=self.reference.closeness(self.dilemmas),
            fixed=self.study.draw is None,
            chances=chances,
        )

    @cached_property
    def probabilities(self) -> Floats:
        """Probabilities of first, second and coin, shape (n, 3); 1 and 0 for a sampled choice.

        They are `chances` scaled to the sum 1 in each sample. A sample without a choice has zeros.
        """
        chances: Floats = np.eye(3)[self.choice] * (self.choice >= 0)[:, None]
        if self.chances is not None:
            chances = self.chances / np.maximum(self.chances.sum(axis=1, keepdims=True), 1e-12)
        return chances

    @property
    def coins(self) -> Floats:
        """Probability of a coin in each sample, shape (n,)."""
        return np.asarray(self.probabilities[:, COIN])

    @cached_property
    def first(self) -> Run:
        """The run with the first choices, before any repeat question.

        Outcomes, probabilities and controls stay those of the final answers.
        """
        if np.array_equal(self.choice, self.first_choice):
            return self
        return replace(self, choice=self.first_choice)

    @cached_property
    def probed(self) -> ProbeAnswers:
        """The answers, with the levels of both candidates. The run must have a probe."""
        assert self.level_first is not None and self.level_second is not None
        read = self.choice >= 0
        chances = self.probabilities[read]
        fixed, epoch = self.study.draw is None, self.epoch
        # On a fixed list the repetitions of a dilemma are independent.
        unit = self.dilemma * (int(epoch.max(initial=0)) + 1) + epoch if fixed else self.dilemma
        return ProbeAnswers(
            unit=unit[read],
            order=self.order[read],
            first=self.level_first[read],
            second=self.level_second[read],
            score=chances[:, 0] + chances[:, COIN] / 2,
            coin=chances[:, COIN],
        )

    @cached_property
    def swaps(self) -> tuple[Decisions, Ints | None, Ints]:
        """The answers by listed dilemma, whose two orders have the same levels of a probe.

        With a probe, a dilemma is listed once for each assignment of levels to its candidates.
        There are three items: the answers; the index in `dilemmas` of each listed dilemma, or None
        without a probe; and the index of each sample's listed dilemma, shape (n,).
        """
        if self.level_first is None or self.level_second is None:
            return self.decisions, None, self.dilemma
        keys = np.stack([self.dilemma, self.level_first, self.level_second])
        listed, index = np.unique(keys, axis=1, return_inverse=True)
        index, of, run, read = index.reshape(-1), listed[0], self.decisions, self.choice >= 0
        decisions = replace(
            run,
            dilemma=index[read],
            order=self.order[read],
            epoch=self.epoch[read],
            choice=self.choice[read],
            chances=None if self.chances is None else _known(self.chances[read], run.shares),
            differences=run.differences[of],
            shares=run.shares[of],
            share_draws=None,
            closeness=run.closeness[of],
        )
        return decisions, of, index

    @property
    def unanswered(self) -> tuple[Ints, Ints]:
        """Index of the dilemma and order of each sample without a decision, two arrays."""
        missing = self.choice < 0
        return self.dilemma[missing], self.order[missing]

    @cached_property
    def importance(self) -> ImportanceEstimate | None:
        """Importance shares of the decisions; None without decisions or a fit of their logit."""
        decided = self.decisions.drawn.decided
        if len(decided) == 0:
            return None
        x, first = decided.shown_differences, decided.shown_first
        try:
            fit = fit_logit(x, first, clusters=decided.dilemma)
            return estimate_importance(fit, self.study.spans)
        except FAILURES as error:
            self.failures["importance"] = error
            return None

    @cached_property
    def baselines(self) -> dict[Answerer, Baseline]:
        """Expected statistics of simple respondents on the answered dilemmas, by respondent."""
        return baselines(self.decisions)

    @cached_property
    def variance(self) -> VarianceShares | None:
        """Shares of dilemmas, wordings, orders and repetitions in the variance of the answers.

        None without answers.
        """
        answered = self.choice >= 0
        if not answered.any():
            return None
        wording = np.zeros(len(self.choice), np.int64) if self.wording is None else self.wording
        dilemma, wording, order, epoch = (
            each[answered] for each in (self.dilemma, wording, self.order, self.epoch)
        )
        return variance_shares(dilemma, wording, order, epoch, one_hot(self.choice[answered]))

    @cached_property
    def profile_rank(self) -> tuple[Quantity, Quantity]:
        """Spearman's and Kendall's correlation of the ranking of profiles with people's ranking.

        Undefined if the study has no published scores of profiles.
        """
        source = self.reference.source
        if not isinstance(source, ProfileShares):
            return undefined(), undefined()
        index = {values: position for position, values in enumerate(source.scores)}
        return profile_rank(
            self.decisions,
            [index[one.first.values] for one in self.dilemmas],
            [index[one.second.values] for one in self.dilemmas],
            list(source.scores.values()),
        )

    def where(self, holds: Callable[[Dilemma], bool]) -> Bools:
        """Return whether the predicate `holds` for each dilemma, shape (D,)."""
        return np.array([holds(dilemma) for dilemma in self.dilemmas], dtype=np.bool_)


def _known(chances: Floats, shares: Floats) -> Floats:
    """Return the probabilities of the offered answers; the log contains rounded ones."""
    offered = chances[:, : shares.shape[1]]
    return np.asarray(offered / offered.sum(axis=1, keepdims=True))


def part_of(run: Run, keep: Bools | Ints) -> Run:
    """Return the run with some of its samples; all its dilemmas stay listed.

    `keep` is a mask of the samples or holds their indices.
    """
    values = {field.name: getattr(run, field.name) for field in fields(run)}
    arrays: dict[str, Any] = {
        name: one[keep] for name, one in values.items() if isinstance(one, np.ndarray)
    }
    return replace(run, **arrays)


def on_shared(before: Run, after: Run) -> tuple[Run, Run]:
    """Return both runs with only the dilemmas that they share, listed in the same order.

    Raises:
        InputError: They share no dilemma, or differ in study, condition, human tables or the
            candidates of a dilemma.
    """
    for what, first, second in (
        ("studies", before.study.hash, after.study.hash),
        ("conditions", before.reference.condition, after.reference.condition),
        ("human tables", before.reference.sha256, after.reference.sha256),
    ):
        if first != second:
            raise InputError(f"the runs have different {what}: {first} and {second}")
    one, two = ({dilemma.id: dilemma for dilemma in run.dilemmas} for run in (before, after))
    shared = sorted(one.keys() & two.keys())
    for name in shared:
        if one[name] != two[name]:
            candidates = before.study.words.candidates
            raise InputError(f"dilemma {name} has other {candidates} in the second run")
    if not shared:
        raise InputError("the runs share no dilemma")
    return _on(before, shared), _on(after, shared)


def _on(run: Run, names: Sequence[str]) -> Run:
    """Return a run on some of its dilemmas, listed in the order of `names`."""
    by_id = {dilemma.id: dilemma for dilemma in run.dilemmas}
    if list(by_id) == list(names):
        # The same object, so that its cached results are used again.
        return run
    place = {name: index for index, name in enumerate(names)}
    position = np.array([place.get(name, -1) for name in by_id])
    kept = part_of(run, position[run.dilemma] >= 0)
    dilemmas = tuple(by_id[name] for name in names)
    return replace(kept, dilemmas=dilemmas, dilemma=position[kept.dilemma])
