"""Charts as pictures, through resvg; the only part of this room that needs another package."""

from __future__ import annotations

import struct
import zlib
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from kidney_evals.charts.style import plain
from kidney_evals.charts.svg import document, text
from kidney_evals.errors import UserError

_PAPER = "#ffffff"

_FIRST_CHUNK = 8 + 25
"""Bytes of a PNG picture's signature and its first chunk."""


def png(svg: str, scale: float = 2) -> bytes:
    """Draw a chart as PNG, in its light colours.

    Args:
        svg: A panel, a grid or a line chart.
        scale: Pixels of the picture for each of the chart.

    Raises:
        UserError: The package that draws it is not installed, or there is no typeface to write
            with.
    """
    check_png()
    return _marked(_drawn(plain(svg), scale))


def check_png() -> None:
    """Refuse where no picture can be drawn, or only one without its words.

    Raises:
        UserError: With what to install.
    """
    if find_spec("resvg_py") is None:
        raise UserError(
            "PNG pictures need resvg-py, not installed here: pip install 'kidney-evals[png]' "
            "(SVG needs nothing)"
        )
    if not _writes():
        raise UserError(
            "PNG pictures need a typeface of the system, and none was found: install one "
            "(on Debian: apt install fonts-dejavu-core); SVG needs none"
        )


def _marked(picture: bytes) -> bytes:
    """Return a PNG picture that names this package as its software, behind the first chunk."""
    note = b"tEXtSoftware\0kidney-evals"
    chunk = struct.pack(">I", len(note) - 4) + note + struct.pack(">I", zlib.crc32(note))
    return picture[:_FIRST_CHUNK] + chunk + picture[_FIRST_CHUNK:]


def _drawn(svg: str, scale: float) -> bytes:
    draw = import_module("resvg_py").svg_to_bytes
    return bytes(draw(svg_string=svg, zoom=scale, background=_PAPER))


@cache
def _writes() -> bool:
    """Tell whether words are drawn: without a typeface resvg leaves them out and says nothing."""
    blank = document(20, 20, "", [])
    word = document(20, 20, "", [text(0, 16, "E")])
    return _drawn(plain(word), 1) != _drawn(plain(blank), 1)
