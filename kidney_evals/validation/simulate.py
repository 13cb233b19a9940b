"""Simulated runs, measured row by row, and how their rows lie around the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.measures.names import IMPORTANCE
from kidney_evals.measures.rows import measure
from kidney_evals.measures.run import Run
from kidney_evals.studies import Condition, Dilemma, dilemmas_of, load_study
from kidney_evals.validation.panel import Panel, another_crowd, panel
from kidney_evals.validation.respondents import Respondent
from kidney_evals.validation.truth import true_rows

SEED: Final = 8128
"""Seed of every random number here, with the respondent and the run."""

POPULATION: Final = 20_000
"""Dilemmas behind a true value."""

COMMON: Final = (
    "agreement",
    "agree_adj",
    "swap_diff",
    "pos_bias",
    "dominance",
    "log_score",
    "distance",
    "coverage",
)
ROWS: Final[dict[Condition, tuple[str, ...]]] = {
    "forced_choice": COMMON,
    "coin_flip": ("flip_rate", "flip_gap", "flip_calib", "flip_slope", "threshold", *COMMON),
}
"""Validated rows; the importance shares of the study join them."""


@dataclass(frozen=True)
class Validated:
    """One row of one respondent over many runs.

    Attributes:
        respondent: Their name.
        row: The row's name.
        truth: Its value over the population of dilemmas.
        mean: Mean estimate.
        error: Root mean square error.
        sd: Standard deviation of the estimates.
        coverage: Share of intervals that hold the truth.
        half: Mean half width of the intervals.
        runs: Runs in which the row had a value.
        intervals: Runs in which it had an interval.
    """

    respondent: str
    row: str
    truth: float
    mean: float
    error: float
    sd: float
    coverage: float
    half: float
    runs: int
    intervals: int

    @property
    def bias(self) -> float:
        """Mean estimate less truth."""
        return self.mean - self.truth

    @property
    def coverage_error(self) -> float:
        """Standard error of the coverage, as a binomial share at 95 %."""
        return float((0.95 * 0.05 / self.intervals) ** 0.5) if self.intervals else float("nan")


def validate(
    study: str,
    condition: Condition,
    respondents: Sequence[Respondent],
    *,
    runs: int,
    start: int = 0,
) -> Iterator[list[Validated]]:
    """Simulate runs of each respondent; yield one list of rows for each.

    Every run draws its dilemmas afresh, and compares them with another crowd of people, drawn
    from the participant bootstrap around the shares that are taken for true.

    Args:
        study: A shipped study whose dilemmas are drawn.
        condition: What was offered.
        respondents: Who answers.
        runs: How many runs each.
        start: Number of the first run, to add to earlier ones.
    """
    reference = load_reference(load_study(study), condition)
    population = _population(study, condition)
    names = rows_of(reference)
    for respondent in respondents:
        truth = true_rows(respondent, population, reference.study.attribute_ids)
        found: dict[str, list[Quantity]] = {row: [] for row in names}
        for index in range(start, start + runs):
            run = simulate_run(reference, respondent, index)
            for row in names:
                found[row].append(measure(run, row))
        yield [
            _validated(respondent.name, row, truth[row], found[row])
            for row in names
            if row in truth
        ]


def rows_of(reference: Reference) -> list[str]:
    """Return the validated rows of a study and condition."""
    shares = [IMPORTANCE.replace("*", name) for name in reference.study.attribute_ids]
    return [*ROWS[reference.condition], *shares]


def simulate_run(reference: Reference, respondent: Respondent, index: int) -> Run:
    """Return run number `index` of a respondent: fresh dilemmas, another crowd, their answers.

    Args:
        reference: The people whose shares are taken for true.
        respondent: Who answers.
        index: From 0; the same number gives every respondent the same dilemmas and crowd.
    """
    listed = draw(reference.study.source, respondent.dilemmas, SEED * 1000 + index)
    crowd = another_crowd(reference, index)
    generator = np.random.default_rng([SEED, index, *respondent.name.encode()])
    return answer(crowd, panel(reference, listed), respondent, generator)


def answer(
    crowd: Reference, shown: Panel, respondent: Respondent, generator: np.random.Generator
) -> Run:
    """Let a respondent answer a panel once.

    Args:
        crowd: The people with whom the run is compared.
        shown: The dilemmas, with people's true shares.
        respondent: Who answers.
        generator: Where chance comes from.
    """
    orders = 2 if respondent.both_orders else 1
    chances = respondent.behaviour(shown)[:, :orders].reshape(len(shown) * orders, -1)
    choice = (generator.random((len(chances), 1)) > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
    silent = generator.random(len(choice)) < np.repeat(respondent.silence(shown), orders)
    choice = np.where(silent, -1, choice)
    count = len(choice)
    return Run(
        study=crowd.study,
        reference=crowd,
        dilemmas=shown.dilemmas,
        dilemma=np.repeat(np.arange(len(shown)), orders),
        order=np.tile(np.arange(orders), len(shown)),
        epoch=np.ones(count, dtype=np.int64),
        choice=choice,
        first_choice=choice,
        outcomes=np.where(silent, "unreadable", "decision"),
        departures=np.zeros(count, dtype=np.bool_),
    )


@lru_cache(maxsize=4096)
def draw(study: str, count: int, seed: int) -> tuple[Dilemma, ...]:
    """Return drawn dilemmas of a study, remembered."""
    return tuple(dilemmas_of(load_study(study), count, seed))


@lru_cache(maxsize=4)
def _population(study: str, condition: Condition) -> Panel:
    reference = load_reference(load_study(study), condition)
    return panel(reference, draw(study, POPULATION, SEED))


def _validated(respondent: str, row: str, truth: float, found: Sequence[Quantity]) -> Validated:
    values = np.array([one.value for one in found if one.defined])
    ends: Floats = np.array([(one.low, one.high) for one in found if one.defined]).reshape(-1, 2)
    ends = ends[np.isfinite(ends).all(axis=1)]
    # A bound that is met exactly, as a coverage of 1 is, must not be missed by rounding.
    held = (ends[:, 0] <= truth + 1e-9) & (truth - 1e-9 <= ends[:, 1])
    nothing = float("nan")
    return Validated(
        respondent=respondent,
        row=row,
        truth=truth,
        mean=float(values.mean()) if len(values) else nothing,
        error=float(((values - truth) ** 2).mean() ** 0.5) if len(values) else nothing,
        sd=float(values.std(ddof=1)) if len(values) > 1 else nothing,
        coverage=float(held.mean()) if len(ends) and not np.isnan(truth) else nothing,
        half=float((ends[:, 1] - ends[:, 0]).mean() / 2) if len(ends) else nothing,
        runs=len(values),
        intervals=len(ends),
    )
