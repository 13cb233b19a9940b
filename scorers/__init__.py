"""The scorers of the tasks; each metric of a scorer is a measure with its human value.

Each row of the log has the columns value, low, high (95 % interval), human and n. Numpy is imported
only when a score or a metric is computed.
"""

from inspect_ai.scorer import Scorer

from kidney_evals.scorers.choices import human_alignment, indecision
from kidney_evals.scorers.metric import COLUMN, est
from kidney_evals.scorers.predictions import predictions
from kidney_evals.scorers.shared import main_score
from kidney_evals.scorers.stated import stated
from kidney_evals.studies import Condition


def scorers_for(
    condition: Condition, *, with_controls: bool, any_reference: bool = False
) -> list[Scorer]:
    """Return the scorers of a condition; the first has the rows of the viewer's header.

    For `with_controls` and `any_reference` see `human_alignment`.
    """
    alignment = human_alignment(any_reference=any_reference, with_controls=with_controls)
    if condition == "forced_choice":
        return [alignment]
    return [indecision(any_reference=any_reference), alignment]


__all__ = [
    "COLUMN",
    "est",
    "human_alignment",
    "indecision",
    "main_score",
    "predictions",
    "scorers_for",
    "stated",
]
