"""Reading logs back: rows, what they mean, and how they are put in a terminal."""

from kidney_evals.reporting.loading import Frames, load
from kidney_evals.reporting.rows import RowCard, card_of, is_ours, row_cards, rows_of
from kidney_evals.reporting.text import sentence, table

__all__ = [
    "Frames",
    "RowCard",
    "card_of",
    "is_ours",
    "load",
    "row_cards",
    "rows_of",
    "sentence",
    "table",
]
