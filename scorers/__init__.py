"""The scorers of the tasks; each metric of a scorer is a measure with its human value.

Each row of the log has the columns value, low, high (95 % interval), human and n. Numpy is imported
only when a score or a metric is computed.
"""

from inspect_ai.scorer import Scorer

from kidney_evals.scorers.choices import human_alignment, indecision
from kidney_evals.scorers.metric import COLUMN, est
from kidney_evals.scorers.predictions import predictions
from kidney_evals.scorers.stated import stated
from kidney_evals.studies import Condition


def scorers_for(condition: Condition, *, with_controls: bool) -> list[Scorer]:
    """Return the scorers of a condition; the first has the rows of the viewer's header."""
    first = [indecision()] if condition == "coin_flip" else []
    return [*first, human_alignment(with_controls=with_controls)]


__all__ = [
    "COLUMN",
    "est",
    "human_alignment",
    "indecision",
    "predictions",
    "scorers_for",
    "stated",
]
