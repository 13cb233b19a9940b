"""Markdown for the viewer: small tables, and escaped text."""

from __future__ import annotations

import re
from collections.abc import Sequence

GAP = "\u2003\u2060"
"""Space between columns, since the viewer shows tables without space between cells.

An em space, and a word joiner that keeps Markdown from trimming it.
"""


def table(rows: Sequence[Sequence[str]], rule: str = "") -> str:
    """Return a table whose first row is its head.

    Args:
        rows: Cells by row, all of the same number.
        rule: The line under the head, which sets the alignment; by default all columns are
            left-aligned.
    """
    lines = ["".join(f"| {cell}{GAP} " for cell in row) + "|" for row in rows]
    return "\n".join([lines[0], rule or "|---" * len(rows[0]) + "|", *lines[1:]])


def plain(text: str) -> str:
    """Return `text` with Markdown escaped.

    HTML is not escaped here: the viewer escapes it, and would show a second escape as text.
    """
    folded = " ".join(text.split()).rstrip(".")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", folded)
