"""The scorers of the tasks; each metric of a scorer is a measure with its human value.

Each row of the log has the columns value, low, high (95 % interval), people, person, n and stderr.
Numpy is imported only when a score or a metric is computed.
"""

from kidney_evals.scorers.choices import human_alignment, log_measures
from kidney_evals.scorers.metric import COLUMN, COLUMNS, est, exact
from kidney_evals.scorers.predictions import predictions
from kidney_evals.scorers.shared import main_score
from kidney_evals.scorers.stated import stated

__all__ = [
    "COLUMN",
    "COLUMNS",
    "est",
    "exact",
    "human_alignment",
    "log_measures",
    "main_score",
    "predictions",
    "stated",
]
