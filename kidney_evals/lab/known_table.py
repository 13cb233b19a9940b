"""The table of respondents with known values, to which a model's values can be compared."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence

from kidney_evals.measures import find
from kidney_evals.reporting.rows import Rows, rows_of
from kidney_evals.reporting.text import number
from kidney_evals.studies import Condition

RESPONDENTS = (
    *("human", "majority", "never_flips", "uniform", "lexicographic", "anti_human", "first"),
    *("coin", "refuser"),
)
"""Respondents of the table, by name."""

SHOWN: Mapping[Condition, tuple[str, ...]] = {
    "forced_choice": (
        *("agreement", "share_dist", "swap_diff", "distance", "pos_bias", "dominance"),
        *("log_score", "centrality", "coverage"),
    ),
    "coin_flip": (
        *("flip_rate", "flip_calib", "distance", "agreement", "share_dist", "swap_diff"),
        *("threshold", "centrality", "coverage"),
    ),
}
"""Columns of the table, by condition."""

Results = Mapping[tuple[Condition, str], Rows]
"""The rows of each run, by condition and respondent."""


def run_known(dilemmas: int, respondents: Sequence[str] = RESPONDENTS) -> Results:
    """Run both conditions of the default study on each respondent (`kidney/…`), offline."""
    from inspect_ai import eval

    from kidney_evals.tasks import coin_flip, forced_choice

    results: dict[tuple[Condition, str], Rows] = {}
    with tempfile.TemporaryDirectory() as folder:
        # Sequentially: concurrent runs cost several times as much.
        for name in respondents:
            logs = eval(
                [forced_choice(dilemmas=dilemmas), coin_flip(dilemmas=dilemmas)],
                model=f"kidney/{name}",
                log_dir=folder,
                # "none" is as silent, but still lays out the table of every run and discards it.
                display="log",
            )
            for log in logs:
                results[((log.eval.metadata or {})["condition"], name)] = rows_of(log)
    return results


def markdown(results: Results) -> str:
    """Format the results of `run_known` as one Markdown table for each condition."""
    parts = []
    for condition, columns in SHOWN.items():
        lines = [["respondent", *(find(id).label for id in columns), "flags"]]
        for (asked, name), rows in results.items():
            if asked == condition:
                values = (number(rows[id].value if id in rows else math.nan) for id in columns)
                flags = ", ".join(f"`{flag}`" for flag in rows.flags)
                lines.append([f"`{name}`", *values, flags])
        if len(lines) > 1:
            head, *text = [f"| {' | '.join(line)} |" for line in lines]
            rule = "|---" * len(lines[0]) + "|"
            parts.append("\n".join([f"**`{condition}`**", "", head, rule, *text]))
    return "\n\n".join(parts)
