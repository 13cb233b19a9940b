"""Reading logs back: rows, what they mean, and how they are put in a terminal."""

from kidney_evals.reporting.loading import Frames, load
from kidney_evals.reporting.rows import Rows, is_ours, rows_of
from kidney_evals.reporting.text import sentence, table

__all__ = [
    "Frames",
    "Rows",
    "is_ours",
    "load",
    "rows_of",
    "sentence",
    "table",
]
