"""Validation: errors of the measures in simulated runs of respondents with known values.

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
from kidney_evals.lab.table_text import markdown_table
from kidney_evals.lab.truth import true_rows
from kidney_evals.measures import compute
from kidney_evals.studies import CONDITIONS, Condition, load_study

QUICK = ("human-like", "noise", "never flips", "10 % unreadable")
"""Respondents of a quick validation."""

PROMISED = (0.93, 0.97)
"""Range in which the coverage of a 95 % interval should lie."""


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
"""Validated measures; the importance shares of the study are added to them."""


@dataclass(frozen=True)
class Validated:
    """One measure of one respondent over many runs.

    Attributes:
        respondent: The respondent's name.
        row: The measure's name.
        truth: Value over the population of dilemmas.
        mean: Mean estimate.
        error: Root mean square error.
        sd: Standard deviation of the estimates.
        coverage: Share of intervals that contain the truth.
        half: Mean half width of the intervals.
        runs: Number of runs in which the measure had a value.
        intervals: Number of runs in which it had an interval.
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
        """Mean estimate minus truth."""
        return self.mean - self.truth

    @property
    def coverage_error(self) -> float:
        """Binomial standard error of the coverage at 95 %."""
        return float((0.95 * 0.05 / self.intervals) ** 0.5) if self.intervals else float("nan")


def validate(
    condition: Condition, respondents: Sequence[Respondent], *, runs: int
) -> Iterator[list[Validated]]:
    """Simulate runs of each respondent; yield a list of measures for each respondent.

    Every run draws new dilemmas and is compared with another sample of people, drawn from the
    participant bootstrap around the true shares.

    Args:
        condition: The answers offered.
        respondents: The respondents.
        runs: Number of runs per respondent.
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
    """Return the validated measures of a study and condition."""
    shares = [f"imp_{name}" for name in reference.study.attribute_ids]
    return [*ROWS[reference.condition], *shares]


def report(*, runs: int, quick: bool = False, conditions: Sequence[Condition] = CONDITIONS) -> str:
    """Run the validation and return its tables as Markdown.

    Args:
        runs: Simulated runs of each respondent in each condition.
        quick: Whether to use only a few respondents, and shorter graded series.
        conditions: The conditions.
    """
    who = [one for one in RESPONDENTS if not quick or one.name in QUICK]
    parts = ["\n".join(f"- **{one.name}**: {one.what}" for one in who)]
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
    """Classify the coverage of a measure's intervals.

    `ok` if the coverage is within two standard errors of .93 to .97, `wide` if it is above,
    `narrow` if it is below; empty if there is no interval or no true value.
    """
    if not row.intervals or row.coverage != row.coverage:
        return ""
    slack = 2 * row.coverage_error
    low, high = PROMISED
    if row.coverage < low - slack:
        return "narrow"
    return "wide" if row.coverage > high + slack else "ok"


def coverage_table(rows: Sequence[Validated]) -> str:
    """Return a table of truth, mean, bias, root mean square error and coverage, a line per row."""
    head = ("respondent", "row", "truth", "mean", "bias", "RMSE", "half width", "coverage")
    cells = (
        (
            one.respondent,
            f"`{one.row}`",
            *map(_number, (one.truth, one.mean, one.bias, one.error, one.half)),
            _number(one.coverage, 3),
            verdict(one),
        )
        for one in rows
    )
    return markdown_table((*head, "verdict"), "llrrrrrrl", cells)


def graded_table(found: Sequence[Graded]) -> str:
    """Return a table of each headline's rank correlation and reliability."""
    head = ("headline", "Spearman with the truth", "lowest of the forms", "ICC over forms")
    cells = (
        (
            f"`{one.row}`",
            *(_number(value, 3) for value in (one.spearman, one.least, one.reliability)),
        )
        for one in found
    )
    return markdown_table(head, "lrrr", cells)


def outranked_table(found: Sequence[Outranked], runs: int) -> str:
    """Return a table of how often a caricature is nearer to people than a human draw."""
    nearer = f"nearer, of {runs} runs"
    cells = (
        (
            one.respondent,
            one.dilemmas,
            f"`{one.row}`",
            _number(one.share, 3),
            _number(one.mean),
            _number(one.people),
        )
        for one in found
    )
    head = ("caricature", "dilemmas", "row", nearer, "mean", "human draw")
    return markdown_table(head, "lrlrrr", cells)


def _number(value: float, digits: int = 4) -> str:
    return "–" if value != value else f"{value:.{digits}f}"


def _validated(respondent: str, row: str, truth: float, found: Sequence[Quantity]) -> Validated:
    values = np.array([one.value for one in found if one.defined])
    ends: Floats = np.array([(one.low, one.high) for one in found if one.defined]).reshape(-1, 2)
    ends = ends[np.isfinite(ends).all(axis=1)]
    # The tolerance keeps a bound that equals the truth, as for a coverage of 1, despite rounding.
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
