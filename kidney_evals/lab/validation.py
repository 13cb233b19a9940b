"""The validation as Markdown tables, with a verdict on every interval."""

from __future__ import annotations

from collections.abc import Sequence

from kidney_evals.lab.graded import (
    SIZES,
    Graded,
    Outranked,
    order_and_reliability,
    outranked,
)
from kidney_evals.lab.respondents import RESPONDENTS, Respondent
from kidney_evals.lab.simulate import Validated, validate
from kidney_evals.studies import CONDITIONS, Condition

STUDY = "mcelfresh_2021"
"""The study whose dilemmas are drawn, on which everything is validated."""

QUICK = ("human-like", "noise", "never flips", "10 % unreadable")
"""Respondents of a quick validation."""

PROMISED = (0.93, 0.97)
"""Where the coverage of a 95 % interval ought to lie."""


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
        lines = [row for rows in validate(STUDY, condition, who, runs=runs) for row in rows]
        size = {"levels": 20, "forms": 3} if quick else {}
        sizes = SIZES[:1] if quick else SIZES
        parts += [
            f"## {condition}, {runs} runs of each respondent",
            coverage_table(lines),
            graded_table(order_and_reliability(STUDY, condition, **size)),
            outranked_table(outranked(STUDY, condition, runs=runs, sizes=sizes), runs),
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
    """Return how each headline orders its graded series."""
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
    """Return how often a caricature comes out nearer to people than a human draw."""
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
