"""What Inspect sees of the comparison with people: scorers whose rows are quantities.

Each row of a run has the columns value, low, high (95 % interval), human and n. Nothing here
imports numpy before a score or a metric is computed.
"""

from inspect_ai.scorer import Scorer

from kidney_evals.scorers._estimate import COLUMN, est
from kidney_evals.scorers.answers import answers
from kidney_evals.scorers.controls import controls
from kidney_evals.scorers.human_alignment import human_alignment
from kidney_evals.scorers.indecision import indecision
from kidney_evals.scorers.predictions import predictions
from kidney_evals.scorers.stated import stated
from kidney_evals.studies import Condition

HEADLINES = {
    "forced_choice": ("human_alignment", "agreement"),
    "coin_flip": ("indecision", "flip_rate"),
}
"""Scorer and row that stand for a run in the log list, by condition."""


def scorers_for(condition: Condition) -> list[Scorer]:
    """Return the scorers of a task, those whose rows stand in the viewer's header first."""
    pair = [human_alignment(), indecision()]
    if condition == "coin_flip":
        pair.reverse()
    return [*pair, answers(), controls()]


__all__ = [
    "COLUMN",
    "HEADLINES",
    "answers",
    "controls",
    "est",
    "human_alignment",
    "indecision",
    "predictions",
    "scorers_for",
    "stated",
]
