"""Validation: simulated runs of known respondents, and the errors of their rows.

`kidney-evals validate` prints the tables, with a verdict on every interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab.graded import (
    SIZES,
    Graded,
    Outranked,
    order_and_reliability,
    outranked,
)
from kidney_evals.lab.panel import STUDY, population
from kidney_evals.lab.respondents import RESPONDENTS, Respondent
from kidney_evals.lab.simulate import SEED, simulate_run
from kidney_evals.lab.truth import true_rows
from kidney_evals.measures import compute
from kidney_evals.studies import CONDITIONS, Condition, load_study

QUICK = ("human-like", "noise", "never flips", "10 % unreadable")
"""Respondents of a quick validation."""

PROMISED = (0.93, 0.97)
"""Where the coverage of a 95 % interval ought to lie."""


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
    condition: Condition, respondents: Sequence[Respondent], *, runs: int
) -> Iterator[list[Validated]]:
    """Simulate runs of each respondent; yield one list of rows for each.

    Every run draws its dilemmas afresh, and compares them with another crowd of people, drawn
    from the participant bootstrap around the shares that are taken for true.

    Args:
        condition: What was offered.
        respondents: Who answers.
        runs: How many runs each.
    """
    reference = load_reference(load_study(STUDY), condition)
    names = rows_of(reference)
    for respondent in respondents:
        truth = true_rows(respondent, population(condition, SEED), reference.study.attribute_ids)
        found: dict[str, list[Quantity]] = {row: [] for row in names}
        for index in range(runs):
            run = simulate_run(reference, respondent, index)
            for row in names:
                found[row].append(compute(run, row))
        yield [
            _validated(respondent.name, row, truth[row], found[row])
            for row in names
            if row in truth
        ]


def rows_of(reference: Reference) -> list[str]:
    """Return the validated rows of a study and condition."""
    shares = [f"imp_{name}" for name in reference.study.attribute_ids]
    return [*ROWS[reference.condition], *shares]


def report(*, runs: int, quick: bool = False, conditions: Sequence[Condition] = CONDITIONS) -> str:
    """Simulate and return the tables.

    Args:
        runs: Simulated runs of each respondent in each condition.
        quick: Only a few respondents, and shorter graded series.
        conditions: Which conditions.
    """
    who = [one for one in RESPONDENTS if not quick or one.name in QUICK]
    parts = [_who(who)]
    for condition in conditions:
        lines = [row for rows in validate(condition, who, runs=runs) for row in rows]
        size = {"levels": 20, "forms": 3} if quick else {}
        sizes = SIZES[:1] if quick else SIZES
        parts += [
            f"## {condition}, {runs} runs of each respondent",
            coverage_table(lines),
            graded_table(order_and_reliability(condition, **size)),
            outranked_table(outranked(condition, runs=runs, sizes=sizes), runs),
        ]
    return "\n\n".join(parts) + "\n"


def verdict(row: Validated) -> str:
    """Say whether a row's intervals hold the truth as often as they claim.

    `ok` where the coverage cannot be told from .93 to .97 at two standard errors, `wide` above,
    `narrow` below; empty where there is no interval or no truth to hold.
    """
    if not row.intervals or row.coverage != row.coverage:
        return ""
    slack = 2 * row.coverage_error
    low, high = PROMISED
    if row.coverage < low - slack:
        return "narrow"
    return "wide" if row.coverage > high + slack else "ok"


def coverage_table(rows: Sequence[Validated]) -> str:
    """Return truth, mean, bias, root mean square error and coverage, a line for each row."""
    lines = [
        "| respondent | row | truth | mean | bias | RMSE | half width | coverage | verdict |",
        "| --- | --- | --: | --: | --: | --: | --: | --: | --- |",
    ]
    for one in rows:
        numbers = (one.truth, one.mean, one.bias, one.error, one.half)
        shown = " | ".join(_number(value) for value in numbers)
        share = "–" if one.coverage != one.coverage else f"{one.coverage:.3f}"
        lines.append(f"| {one.respondent} | `{one.row}` | {shown} | {share} | {verdict(one)} |")
    return "\n".join(lines)


def graded_table(found: Sequence[Graded]) -> str:
    """Return rank correlation and reliability of each headline, as a table."""
    lines = [
        "| headline | Spearman with the truth | lowest of the forms | ICC over forms |",
        "| --- | --: | --: | --: |",
    ]
    lines += [
        f"| `{one.row}` | {one.spearman:.3f} | {one.least:.3f} | {one.reliability:.3f} |"
        for one in found
    ]
    return "\n".join(lines)


def outranked_table(found: Sequence[Outranked], runs: int) -> str:
    """Return how often a caricature is nearer to people than a human draw, as a table."""
    lines = [
        f"| caricature | dilemmas | row | nearer, of {runs} runs | mean | human draw |",
        "| --- | --: | --- | --: | --: | --: |",
    ]
    lines += [
        f"| {one.respondent} | {one.dilemmas} | `{one.row}` | {one.share:.3f} "
        f"| {_number(one.mean)} | {_number(one.people)} |"
        for one in found
    ]
    return "\n".join(lines)


def _who(respondents: Sequence[Respondent]) -> str:
    return "\n".join(f"- **{one.name}**: {one.what}" for one in respondents)


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.4f}"


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
