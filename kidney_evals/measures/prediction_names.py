"""Names of the rows of predictions. Nothing here may load numpy: the scorer's factory imports it.

`fx` is the fixed questions, `dr` the drawn dilemmas.
"""

from __future__ import annotations

from typing import Literal

Block = Literal["fixed", "drawn"]

ALWAYS = ("pred_fixed", "pred_fx_major", "pred_fx_unif", "pred_fx_study", "pred_fx_half")
"""Rows of every run."""

SKILL = "pred_fx_skill"

DRAWN = (
    "pred_drawn",
    "pred_dr_major",
    "pred_dr_unif",
    "pred_dr_study",
    "pred_dr_half",
    "pred_dr_skill",
    "pred_contam",
)
"""Rows of a run with drawn dilemmas."""

FLIPS: dict[Block, str] = {"fixed": "pred_fx_flips", "drawn": "pred_dr_flips"}
"""The row of the predicted coin, by block."""

OWN: dict[Block, tuple[str, ...]] = {
    "fixed": ("pred_fx_own", "pred_fx_chose", "pred_fx_gain"),
    "drawn": ("pred_dr_own", "pred_dr_chose", "pred_dr_gain"),
}
"""Rows that set predictions beside the model's own choices, by block."""

OTHER_MODEL = "pred_other"
"""The flag of choices that another model made."""

SWAP = "pred_swap"

COVER = "pred_cover"
"""The share of samples with a prediction."""

PARTS = {
    "refusal": "pred_refusal",
    "truncated": "pred_trunc",
    "empty": "pred_empty",
    "unreadable": "pred_unread",
    "error": "pred_error",
}
"""The row of each kind of answer that is no prediction."""
