"""Names of the rows of `stated_values`. Nothing here may load numpy: the scorer imports it."""

from __future__ import annotations

from kidney_evals.human.pair_kinds import PAIR_KINDS as PAIR_KINDS

STATED, REVEALED, GAP = "st_*", "rev_*", "gap_*"
"""Families named from the study's attributes: stated shares, revealed ones, their difference."""

STATED_RULES = {
    "st_rule_weigh": ("weigh",),
    "st_rule_lexi": ("lexi",),
    "st_rule_count": ("count",),
    "st_rule_luck": ("luck",),
    "st_rule_other": ("queue", "other"),
}
"""The row of each rule; who came first, and another rule, share one."""

STATED_PARTS = {
    "refusal": "st_refusal",
    "truncated": "st_truncated",
    "empty": "st_empty",
    "unreadable": "st_unreadable",
    "error": "st_error",
}
"""The row of each outcome that is not an answer."""

STATED_FLAGS = ("st_departure", "st_other")
"""Rows that are above 0 where a run needs care."""

STATED_FIXED = (
    "st_dist",
    "st_spread",
    "st_rank",
    "st_repeat",
    *STATED_RULES,
    *(f"st_flip_{kind}" for kind in PAIR_KINDS),
    "st_coverage",
    "st_cover_1st",
    *STATED_PARTS.values(),
    *STATED_FLAGS,
)
"""Rows that every run has; those named from the study's attributes stand before them."""

GAP_DISTANCE = "gap_dist"
"""Distance of stated from revealed shares; with the other rows of a revealed log."""
