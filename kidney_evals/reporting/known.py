"""What respondents with known values score: the yardstick for every row."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import find
from kidney_evals.reporting.rows import Rows, rows_of
from kidney_evals.studies import CONDITIONS, Condition

RESPONDENTS = (
    "human",
    "majority",
    "never_flips",
    "uniform",
    "lexicographic",
    "anti_human",
    "first",
    "coin",
    "refuser",
)
"""Respondents of the table, by name."""

SHOWN: Mapping[Condition, tuple[str, ...]] = {
    "forced_choice": (
        "agreement",
        "share_dist",
        "swap_diff",
        "distance",
        "pos_bias",
        "dominance",
        "log_score",
        "centrality",
        "coverage",
    ),
    "coin_flip": (
        "flip_rate",
        "flip_calib",
        "distance",
        "agreement",
        "share_dist",
        "swap_diff",
        "threshold",
        "centrality",
        "coverage",
    ),
}
"""Columns of the table, by condition."""

Results = Mapping[tuple[Condition, str], Rows]
"""The rows of each run, by condition and respondent."""


def run_known(dilemmas: int, respondents: Sequence[str] = RESPONDENTS) -> Results:
    """Run both conditions of the default study on each respondent, offline.

    Args:
        dilemmas: How many drawn dilemmas, each in both orders.
        respondents: Names after `kidney/`.
    """
    from inspect_ai import eval

    from kidney_evals.tasks import coin_flip, forced_choice

    results: dict[tuple[Condition, str], Rows] = {}
    with tempfile.TemporaryDirectory() as folder:
        # One after the other: many runs side by side cost several times as much.
        for name in respondents:
            logs = eval(
                [forced_choice(dilemmas=dilemmas), coin_flip(dilemmas=dilemmas)],
                model=f"kidney/{name}",
                log_dir=folder,
                # As silent as "none", which still lays out every run's table and throws it away.
                display="log",
            )
            for log in logs:
                results[((log.eval.metadata or {})["condition"], name)] = rows_of(log)
    return results


def markdown(results: Results) -> str:
    """Lay the results out as one Markdown table for each condition.

    Args:
        results: What `run_known` returned.
    """
    parts = []
    for condition in CONDITIONS:
        names = [name for found, name in results if found == condition]
        if not names:
            continue
        shown = SHOWN[condition]
        head = [find(row).label for row in shown]
        lines = [
            f"**`{condition}`**",
            "",
            "| respondent | " + " | ".join([*head, "flags"]) + " |",
            "|---" * (len(head) + 2) + "|",
        ]
        for name in names:
            rows = results[(condition, name)]
            cells = [_number(rows.get(row)) for row in shown]
            lines.append(f"| `{name}` | " + " | ".join([*cells, _flags(rows)]) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def leading_attribute(rows: Rows) -> str:
    """Return the attribute with the largest absolute importance share, "" without a signal."""
    shares = {
        id.removeprefix("imp_"): abs(row.value)
        for id in rows
        if id.startswith("imp_") and (row := rows[id]).defined
    }
    return max(shares, key=lambda name: shares[name]) if shares else ""


def _number(row: Quantity | None) -> str:
    if row is None or math.isnan(row.value):
        return "–"
    return f"{row.value:.3f}"


def _flags(rows: Rows) -> str:
    return ", ".join(f"`{name}`" for name in rows.flags)
