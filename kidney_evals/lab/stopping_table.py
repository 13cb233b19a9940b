"""Make `stopping.csv`: coverage of the final interval, and calls saved, if a run may stop early.

`python -m kidney_evals.lab stopping` makes it in some minutes on one core. Respondents with known
probabilities answer drawn dilemmas in both orders. At every look, the functions behind the scorers
compute the interval, and the rule of `kidney_evals.tasks.stopping` decides whether the run ends.
The card beside the table describes its content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from kidney_evals.estimation.consistency import swap_disagreement
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.indecision import indecision_rate
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import POPULATION, Panel, population
from kidney_evals.lab.resampling import binomial_error
from kidney_evals.lab.respondents import (
    as_people,
    lexicographic,
    majority,
    never_flips,
    noise,
)
from kidney_evals.lab.table_text import Record, markdown_table
from kidney_evals.planning.change import read_lines
from kidney_evals.planning.precision import CONSISTENCY
from kidney_evals.studies import CONDITIONS, Condition
from kidney_evals.tasks.stopping import RATES, is_known, looks

SEED: Final = 20263
"""Seed of all random numbers of this module, combined with the case and the run."""

RUNS: Final = 4000
"""Number of simulated runs behind a line."""

PRECISIONS: Final = (0.05, 0.03)

FLIP_RATES: Final = (0.005, 0.02, 0.05, 0.17, 0.3, 0.5)

LONG: Final = 400
"""Maximum number of dilemmas in the runs that test coverage: fifteen looks, from 50 dilemmas on."""

USUAL: Final = 200
"""Default maximum number of dilemmas."""

Answers = Callable[[Panel], Floats]
"""Probabilities by dilemma, order and answer as listed, shape (D, 2, K)."""


def always_a(shown: Panel) -> Floats:
    """Choose the patient who is shown as A."""
    chances = np.zeros((len(shown), 2, shown.shares.shape[1]))
    chances[:, 0, 0] = chances[:, 1, 1] = 1.0
    return chances


RESPONDENTS: Final[Mapping[str, Answers]] = {
    "human": as_people,
    "never_flips": never_flips,
    "majority": majority,
    "uniform": noise,
    "lexicographic": lexicographic,
    "first": always_a,
}
"""Answer probabilities of the `kidney/…` respondents, by name."""

ESTIMATES: Final[Mapping[str, Callable[[Decisions], Quantity]]] = {
    "flip_rate": indecision_rate,
    "swap_diff": swap_disagreement,
}


@dataclass(frozen=True)
class Case:
    """A simulated respondent and run.

    Attributes:
        condition: The answers offered.
        respondent: One of `RESPONDENTS`, or `people_at`: people whose log-odds to flip are shifted
            by the same amount on every dilemma, so that the flip rate is `rate`.
        rate: The flip rate of `people_at`.
        consistency: Share of the dilemmas with the same answer in both orders, equal to the
            correlation of the answers to one dilemma given its probabilities; on other dilemmas
            every answer is drawn independently.
        most: Number of dilemmas that are asked unless the run ends early.
    """

    condition: Condition
    respondent: str
    rate: float = float("nan")
    consistency: float = 0.0
    most: int = USUAL


class Line(NamedTuple):
    """Results of the runs of one case at one target precision.

    Attributes:
        value: The true rate.
        asked: Mean number of dilemmas asked.
        spared: Share of the calls that were saved.
        reached: Share of runs that reached the precision.
        half: Mean half width at the end.
        coverage: Share of final intervals that contain the true rate.
        coverage_se: Binomial standard error of `coverage`.
        coverage_first: Coverage if every run ends at the first look.
        coverage_all: Coverage if all dilemmas are asked.
    """

    value: float
    asked: float
    spared: float
    reached: float
    half: float
    coverage: float
    coverage_se: float
    coverage_first: float
    coverage_all: float


def cases() -> Iterator[tuple[Case, tuple[float, ...]]]:
    """Yield every simulated case with its target precisions."""
    for rate in FLIP_RATES:
        for consistency in (0.0, *CONSISTENCY):
            yield Case("coin_flip", "people_at", rate, consistency, LONG), PRECISIONS
    for condition in CONDITIONS:
        for name in RESPONDENTS:
            yield Case(condition, name), PRECISIONS[:1]


def simulate(case: Case, precisions: Sequence[float], runs: int = RUNS) -> list[Line]:
    """Simulate runs of a case; return a line for each precision, all from the same runs."""
    ends = looks(case.most)
    paths = np.array([_path(case, index, ends) for index in range(runs)])
    low, high = np.moveaxis(paths, 2, 0)
    half = (high - low) / 2
    truth = true_rate(case)
    # The tolerance keeps a bound that equals the truth, as for a rate of 0, despite rounding.
    held = (low <= truth + 1e-9) & (truth - 1e-9 <= high)
    each = np.arange(runs)
    lines = []
    for precision in precisions:
        known = np.array([[is_known(width, precision) for width in path] for path in half])
        at = np.where(known.any(axis=1), known.argmax(axis=1), len(ends) - 1)
        asked = float(np.array(ends)[at].mean())
        coverage = float(held[each, at].mean())
        lines.append(
            Line(
                value=truth,
                asked=asked,
                spared=1 - asked / case.most,
                reached=float(known.any(axis=1).mean()),
                half=float(half[each, at].mean()),
                coverage=coverage,
                coverage_se=binomial_error(coverage, runs),
                coverage_first=float(held[:, 0].mean()),
                coverage_all=float(held[:, -1].mean()),
            )
        )
    return lines


def true_rate(case: Case) -> float:
    """Return the true rate over the population of dilemmas."""
    chances = _chances(case)
    if RATES[case.condition] == "flip_rate":
        return float(chances[:, :, 2].mean())
    agree = (chances[:, 0] * chances[:, 1]).sum(axis=1)
    return float((1 - case.consistency) * (1 - agree.mean()))


def _path(case: Case, index: int, ends: Sequence[int]) -> list[tuple[float, float]]:
    """Return the interval of one run at every look."""
    key = [SEED, *repr(case).encode(), index]
    generator = np.random.default_rng(key)
    listed = generator.choice(POPULATION, case.most, replace=False)
    chances = _chances(case)[listed].cumsum(axis=2)[:, :, :-1]
    fresh = generator.random((case.most, 2, 1))
    steady = generator.random((case.most, 1, 1)) < case.consistency
    chance = np.where(steady, fresh[:, :1], fresh)
    choice = (chance > chances).sum(axis=2)
    everything = _decisions(case.condition, case.most, choice)
    estimate = ESTIMATES[RATES[case.condition]]
    found = (estimate(everything.at(np.arange(end))) for end in ends)
    return [(one.low, one.high) for one in found]


def _decisions(condition: Condition, dilemmas: int, choice: np.ndarray) -> Decisions:
    # The rates depend on the model only: people's shares are unknown here.
    return Decisions(
        dilemma=np.repeat(np.arange(dilemmas), 2),
        order=np.tile([0, 1], dilemmas),
        epoch=np.ones(2 * dilemmas, dtype=np.int64),
        choice=choice.ravel(),
        differences=np.zeros((dilemmas, 1)),
        shares=np.full((dilemmas, 3 if condition == "coin_flip" else 2), np.nan),
        share_draws=None,
        closeness=np.full(dilemmas, np.nan),
    )


@lru_cache(maxsize=4)
def _chances(case: Case) -> Floats:
    shown = population(case.condition, SEED)
    if case.respondent != "people_at":
        return RESPONDENTS[case.respondent](shown)
    coin = _moved(shown.coin, case.rate)
    decided = shown.decided * (1 - coin)[:, None]
    both: Floats = np.repeat(np.column_stack([decided, coin])[:, None], 2, axis=1)
    return both


def _moved(share: Floats, rate: float) -> Floats:
    """Shift shares by the same log-odds so that their mean is `rate`."""
    odds = np.log(share / (1 - share))
    shift = brentq(lambda by: float(expit(odds + by).mean()) - rate, -20.0, 20.0)
    moved: Floats = expit(odds + shift)
    return moved


def records() -> Iterator[Record]:
    """Yield the rows of the table."""
    for case, precisions in cases():
        for precision, line in zip(precisions, simulate(case, precisions), strict=True):
            yield {
                "condition": case.condition,
                "row": RATES[case.condition],
                "respondent": case.respondent,
                "consistency": f"{case.consistency:g}",
                "value": f"{line.value:.4f}",
                "precision": f"{precision:g}",
                "most": case.most,
                "asked": f"{line.asked:.1f}",
                **{one: f"{getattr(line, one):.4f}" for one in Line._fields[2:]},
            }


def markdown(precision: float = 0.05) -> str:
    """Return a Markdown table of the calls that known respondents save in a default run."""
    usual = [
        one
        for one in read_lines("stopping")
        if int(one["most"]) == USUAL and float(one["precision"]) == precision
    ]
    cells = {(one["respondent"], one["condition"]): _cell(one) for one in usual}
    head = ("respondent", "coin flip: dilemmas asked, calls saved", "forced choice: the same")
    rows = (
        (f"`{name}`", cells[name, "coin_flip"], cells[name, "forced_choice"])
        for name in dict.fromkeys(one["respondent"] for one in usual)
    )
    return markdown_table(head, "lll", rows)


def _cell(line: Mapping[str, str]) -> str:
    asked, saved = float(line["asked"]), float(line["spared"])
    reached = float(line["reached"])
    said = f"{asked:.0f}, {saved:.0%}"
    if reached == 0:
        return f"{said} (not reached: ±{float(line['half']):.3f})"
    return said if reached == 1 else f"{said} ({reached:.0%} of runs reach it)"
