"""Make `stopping.csv`: coverage of the final interval, and calls saved, if a run may stop early.

`python -m kidney_evals.lab stopping` takes some minutes on one core. At every look, the functions
behind the scorers compute the interval, and `kidney_evals.tasks.stopping` decides whether the run
ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from kidney_evals.estimation.consistency import swap_disagreement
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.indecision import indecision_rate
from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import POPULATION, population
from kidney_evals.lab.respondents import deciding, majority
from kidney_evals.lab.simulate import binomial_error, covers
from kidney_evals.lab.table_text import markdown_table, rounded
from kidney_evals.planning.precision import CONSISTENCY, read_lines
from kidney_evals.respondents.definitions import find_respondent
from kidney_evals.studies import CONDITIONS, Condition
from kidney_evals.tasks.stopping import RATES, is_known, looks

SEED: Final = 20263  # seed of all random numbers here, combined with the case and the run
RUNS: Final = 4000  # number of simulated runs behind a line

PRECISIONS: Final = (0.05, 0.03)
FLIP_RATES: Final = (0.005, 0.02, 0.05, 0.17, 0.3, 0.5)
LONG: Final = 400  # maximum number of dilemmas to test coverage: fifteen looks, from 50 on
USUAL: Final = 200  # default maximum number of dilemmas

RESPONDENTS: Final = ("human", "never_flips", "majority", "uniform", "lexicographic", "first")
"""The `kidney/…` respondents; here `majority` never flips."""


@dataclass(frozen=True)
class Case:
    """A simulated respondent, and a run of at most `most` dilemmas."""

    condition: Condition
    # `people_at`: people whose log-odds of a coin are shifted by the same amount on every dilemma,
    # so that the coin rate is `rate`.
    respondent: str
    rate: float = float("nan")
    consistency: float = 0.0  # share of the dilemmas with the same answer in both orders
    most: int = USUAL


def cases() -> Iterator[tuple[Case, tuple[float, ...]]]:
    """Yield every simulated case with its target precisions."""
    for rate in FLIP_RATES:
        for consistency in (0.0, *CONSISTENCY):
            yield Case("coin_flip", "people_at", rate, consistency, LONG), PRECISIONS
    for condition in CONDITIONS:
        for name in RESPONDENTS:
            yield Case(condition, name), PRECISIONS[:1]


def simulate(case: Case, precisions: Sequence[float], runs: int = RUNS) -> list[dict[str, float]]:
    """Simulate runs of a case; return a line for each precision, all from the same runs.

    A line holds numbers by column of `stopping.csv`.
    """
    ends = looks(case.most)
    low, high = np.moveaxis(np.array([_path(case, index, ends) for index in range(runs)]), 2, 0)
    half, truth = (high - low) / 2, true_rate(case)
    held, each, lines = covers(low, high, truth), np.arange(runs), []
    for precision in precisions:
        known = np.array([[is_known(width, precision) for width in path] for path in half])
        at = np.where(known.any(axis=1), known.argmax(axis=1), len(ends) - 1)
        asked, coverage = float(np.array(ends)[at].mean()), float(held[each, at].mean())
        lines.append(
            {
                "value": truth,
                "asked": asked,
                "spared": 1 - asked / case.most,
                "reached": float(known.any(axis=1).mean()),
                "half": float(half[each, at].mean()),
                "coverage": coverage,
                "coverage_se": binomial_error(coverage, runs),
                "coverage_first": float(held[:, 0].mean()),
                "coverage_all": float(held[:, -1].mean()),
            }
        )
    return lines


def true_rate(case: Case) -> float:
    """Return the true flip rate or swap disagreement over the population of dilemmas."""
    chances = _chances(case)
    if RATES[case.condition] == "flip_rate":
        return float(chances[:, :, 2].mean())
    agree = (chances[:, 0] * chances[:, 1]).sum(axis=1)
    return float((1 - case.consistency) * (1 - agree.mean()))


def _path(case: Case, index: int, ends: Sequence[int]) -> list[tuple[float, float]]:
    """Return the interval of one run at every look."""
    most, chances = case.most, _chances(case)
    generator = np.random.default_rng([SEED, *repr(case).encode(), index])
    listed = generator.choice(POPULATION, most, replace=False)
    fresh = generator.random((most, 2, 1))
    steady = generator.random((most, 1, 1)) < case.consistency
    points = np.where(steady, fresh[:, :1], fresh)
    choice = (points > chances[listed].cumsum(axis=2)[:, :, :-1]).sum(axis=2)
    # The rates depend on the model only: people's shares are unknown here.
    everything = Decisions(
        dilemma=np.repeat(np.arange(most), 2),
        order=np.tile([0, 1], most),
        epoch=np.ones(2 * most, dtype=np.int64),
        choice=choice.ravel(),
        differences=np.zeros((most, 1)),
        shares=np.full((most, chances.shape[2]), np.nan),
        share_draws=None,
        closeness=np.full(most, np.nan),
    )
    estimate = indecision_rate if RATES[case.condition] == "flip_rate" else swap_disagreement
    estimates = (estimate(everything.at(np.arange(end))) for end in ends)
    return [(quantity.low, quantity.high) for quantity in estimates]


@lru_cache(maxsize=4)
def _chances(case: Case) -> Floats:
    """Return the answer probabilities over the population, shape (D, 2, K)."""
    shown = population(case.condition, SEED)
    if case.respondent == "people_at":
        # Shift the shares of coins by the same log-odds so that their mean is the rate.
        odds = np.log(shown.coin / (1 - shown.coin))
        shift = brentq(lambda by: float(expit(odds + by).mean()) - case.rate, -20.0, 20.0)
        answers = deciding(shown, shown.decided[:, 0], expit(odds + shift))
    elif case.respondent == "majority":
        answers = majority(shown)
    else:
        answers = find_respondent(case.respondent).define(shown)
    return answers[:, :, : shown.shares.shape[1]]


def records() -> Iterator[dict[str, object]]:
    """Yield the rows of `stopping.csv`, by column."""
    for case, precisions in cases():
        for precision, line in zip(precisions, simulate(case, precisions), strict=True):
            cells = {
                "condition": case.condition,
                "row": RATES[case.condition],
                "respondent": case.respondent,
                "consistency": case.consistency,
                "value": line["value"],
                "precision": precision,
                "most": case.most,
            }
            yield rounded(cells | line, ".4f", consistency="g", precision="g", asked=".1f")


def markdown() -> str:
    """Return a Markdown table of the calls that known respondents save in a default run."""
    cells: dict[str, dict[str, str]] = {}
    for line in read_lines("stopping"):
        if int(line["most"]) == USUAL:
            reached = float(line["reached"])
            text = f"{float(line['asked']):.0f}, {float(line['spared']):.0%}"
            if reached == 0:
                text += f" (not reached: ±{float(line['half']):.3f})"
            elif reached < 1:
                text += f" ({reached:.0%} of runs reach it)"
            cells.setdefault(line["respondent"], {})[line["condition"]] = text
    head = ("respondent", "coin flip: dilemmas asked, calls saved", "forced choice: the same")
    rows = (
        (f"`{name}`", texts["coin_flip"], texts["forced_choice"]) for name, texts in cells.items()
    )
    return markdown_table(head, "lll", rows)
