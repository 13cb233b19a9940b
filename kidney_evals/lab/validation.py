"""Validation: errors of the measures in simulated runs of respondents with known values.

`kidney-evals validate` prints the tables, with a verdict on every interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import Reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab.graded import order_and_reliability, outranked
from kidney_evals.lab.panel import people, population
from kidney_evals.lab.respondents import RESPONDENTS, Respondent
from kidney_evals.lab.simulate import SEED, simulate_run
from kidney_evals.lab.table_text import decimals, markdown_table
from kidney_evals.lab.truth import true_rows
from kidney_evals.measures import compute
from kidney_evals.studies import CONDITIONS, Condition

_QUICK = ("human-like", "noise", "never flips", "10 % unreadable")
"""Respondents of a quick validation."""

_PROMISED = (0.93, 0.97)
"""Range in which the coverage of a 95 % interval should lie."""

_COMMON: Final = (
    *("agreement", "agree_adj", "swap_diff", "pos_bias", "dominance", "log_score", "distance"),
    "coverage",
)
_COIN: Final = ("flip_rate", "flip_gap", "flip_calib", "flip_slope", "threshold")


@dataclass(frozen=True)
class Validated:
    """One measure of one respondent over many runs."""

    respondent: str
    row: str
    truth: float  # value over the population of dilemmas
    mean: float
    error: float  # root mean square error
    half: float  # mean half width of the intervals
    coverage: float  # share of intervals that contain the truth
    intervals: int  # number of runs in which the measure had an interval

    @property
    def verdict(self) -> str:
        """The class of the coverage.

        `ok` if the coverage is within two standard errors of .93 to .97, `wide` if it is above,
        `narrow` if it is below; empty if there is no interval or no true value.
        """
        if not self.intervals or self.coverage != self.coverage:
            return ""
        slack = 2 * float((0.95 * 0.05 / self.intervals) ** 0.5)
        low, high = _PROMISED
        if self.coverage < low - slack:
            return "narrow"
        return "wide" if self.coverage > high + slack else "ok"


def validate(
    condition: Condition, respondents: Sequence[Respondent], *, runs: int
) -> Iterator[list[Validated]]:
    """Simulate runs of each respondent; yield a list of measures for each respondent.

    Every run draws new dilemmas and is compared with another sample of people, drawn from the
    participant bootstrap around the true shares.
    """
    reference = people(condition)
    for respondent in respondents:
        truth = true_rows(respondent, population(condition, SEED))
        names = [row for row in rows_of(reference) if row in truth]
        estimates = []
        for index in range(runs):
            run = simulate_run(reference, respondent, index)
            estimates.append([compute(run, row) for row in names])
        yield [
            _validated(respondent.name, row, truth[row], column)
            for row, column in zip(names, zip(*estimates, strict=True), strict=True)
        ]


def rows_of(reference: Reference) -> list[str]:
    """Return the validated measures of a study and condition."""
    shares = [f"imp_{name}" for name in reference.study.attribute_ids]
    return [*(_COIN if reference.condition == "coin_flip" else ()), *_COMMON, *shares]


def report(*, runs: int, quick: bool = False, conditions: Sequence[Condition] = CONDITIONS) -> str:
    """Run the validation and return its tables as Markdown; if quick, of a few respondents."""
    who = [one for one in RESPONDENTS if not quick or one.name in _QUICK]
    parts = ["\n".join(f"- **{one.name}**: {one.what}" for one in who)]
    head = ("respondent", "row", "truth", "mean", "bias", "RMSE", "half width", "coverage")
    for condition in conditions:
        rows = [
            (
                *(one.respondent, f"`{one.row}`", one.truth, one.mean, one.mean - one.truth),
                *(one.error, one.half, decimals(one.coverage, 3), one.verdict),
            )
            for measures in validate(condition, who, runs=runs)
            for one in measures
        ]
        size = {"levels": 20, "forms": 3} if quick else {}
        parts += [
            f"## {condition}, {runs} runs of each respondent",
            markdown_table((*head, "verdict"), "llrrrrrrl", rows),
            order_and_reliability(condition, **size),
            outranked(condition, runs=runs, quick=quick),
        ]
    return "\n\n".join(parts) + "\n"


def _validated(respondent: str, row: str, truth: float, estimates: Sequence[Quantity]) -> Validated:
    defined = [one for one in estimates if one.defined]
    values = np.array([one.value for one in defined])
    ends: Floats = np.array([(one.low, one.high) for one in defined]).reshape(-1, 2)
    ends = ends[np.isfinite(ends).all(axis=1)]
    # The tolerance keeps a bound that equals the truth, as for a coverage of 1, despite rounding.
    held = (ends[:, 0] <= truth + 1e-9) & (truth - 1e-9 <= ends[:, 1])
    nan = float("nan")
    return Validated(
        respondent=respondent,
        row=row,
        truth=truth,
        mean=float(values.mean()) if len(values) else nan,
        error=float(((values - truth) ** 2).mean() ** 0.5) if len(values) else nan,
        half=float((ends[:, 1] - ends[:, 0]).mean() / 2) if len(ends) else nan,
        coverage=float(held.mean()) if len(ends) and not np.isnan(truth) else nan,
        intervals=len(ends),
    )
