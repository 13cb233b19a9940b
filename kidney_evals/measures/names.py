"""Names of answers and of rows. Nothing here may load numpy: the scorers' factories import it."""

from __future__ import annotations

from typing import Literal

from kidney_evals.studies import Condition

Choice = Literal["first", "second", "coin"]
"""An answer in terms of the dilemma as listed."""

CHOICES: tuple[Choice, ...] = ("first", "second", "coin")
"""The answers in the order of their codes, from 0."""

PARTS = {
    "unprompted_indecision": "unprompted",
    "refusal": "refusal",
    "truncated": "truncated",
    "empty": "empty",
    "unreadable": "unreadable",
    "error": "error",
}
"""The row of each outcome that is not a decision."""

FLAGS = (
    "no_signal",
    "separated",
    "undetermined",
    "fit_failed",
    "few",
    "departure",
    "other_model",
    "at_zero",
    "not_english",
    "not_coin",
    "crossed",
    "readout",
)
"""Rows that are 1 where a run needs care."""

FITTED = (
    "share_dist",
    "centrality",
    "flip_slope",
    "threshold",
    "rank_rho",
    "var_dilemma",
)
"""Rows whose estimators can fail; `fit_failed` is 1 where one of them did."""

IMPORTANCE = "imp_*"
"""The family of importance shares, named from the study's attributes."""

CROSSED_ROWS = ("var_dilemma", "var_wording", "var_order", "var_joint", "var_repeat")
"""Rows that exist only in a crossed run: shares of the variance of answers."""

BOUNDS = "lim_"
"""Beginning of the rows whose `low` and `high` are bounds, not the ends of an interval."""

READOUT_ROWS = ("outside",)
"""Rows that exist only where log-probabilities were read out."""

_BASELINES = ("agr_unif", "agr_person", "dist_major", "dist_unif")
RUN_ROWS: dict[Condition, tuple[str, ...]] = {
    "forced_choice": (
        "side_pull",
        "cover_1st",
        "agree_1st",
        "lim_agree",
        "lim_swap",
        "agr_major",
        *_BASELINES,
    ),
    "coin_flip": (
        "flip_gap",
        "flip_slope",
        "threshold",
        "side_pull",
        "cover_1st",
        "flips_1st",
        "lim_flips",
        "lim_calib",
        "lim_dist",
        *_BASELINES,
        "dist_never",
        "dist_pers",
    ),
}
"""Rows of the whole run that exist only in one condition."""

STUDY_ROWS: dict[str, tuple[str, ...]] = {
    "drawn": ("centrality",),
    "fixed": ("fixed_dist",),
    "profile": ("rank_rho", "rank_tau"),
    "repeated": ("retest_easy", "retest_hard", "swap_easy", "swap_hard"),
}
"""Rows that exist only for one kind of study."""

COIN_ROWS = (
    "flip_gap",
    "flip_calib",
    "distance",
    "fixed_dist",
    "log_score",
    "side_pull",
    "lim_calib",
    "lim_dist",
    "dist_major",
    "dist_unif",
    "dist_never",
    "dist_pers",
)
"""Rows that set indecision against people's coins: nothing with another mechanism."""

COIN_COLUMNS = ("flip_rate", "flips_1st", "flip_slope", "threshold", "swap_diff", "lim_flips")
"""Rows whose human column counts people's coins: NaN with another mechanism."""

CONTROL_ROWS = ("ctrl_dom", "ctrl_coin")
"""Rows of the control block."""
