"""Reading logs back: rows, what they mean, and how they are put in a terminal."""

from kidney_evals.reporting.loading import Frames, load
from kidney_evals.reporting.rows import Rows, rows_of
from kidney_evals.reporting.sentences import sentence
from kidney_evals.reporting.text import table

__all__ = [
    "Frames",
    "Rows",
    "load",
    "rows_of",
    "sentence",
    "table",
]
