"""Markdown for the viewer: small tables, and escaped text."""

from __future__ import annotations

import re
from collections.abc import Sequence

GAP = "\u2003\u2060"
"""Keeps columns apart: the viewer sets tables without any space between the cells.

An em space, and a word joiner that keeps Markdown from trimming it.
"""


def table(rows: Sequence[Sequence[str]], rule: str = "") -> str:
    """Return a table whose first row is its head.

    Args:
        rows: Cells by row, all of the same number.
        rule: What stands under the head; by default every column is set to the left.
    """
    lines = ["".join(f"| {cell}{GAP} " for cell in row) + "|" for row in rows]
    return "\n".join([lines[0], rule or "|---" * len(rows[0]) + "|", *lines[1:]])


def plain(text: str) -> str:
    """Escape a model's words, so that the viewer does not read them as Markdown.

    What would be HTML the viewer escapes by itself; escaped here, its escape would be seen.
    """
    folded = " ".join(text.split()).rstrip(".")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", folded)
