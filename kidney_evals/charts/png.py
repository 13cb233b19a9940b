"""Convert figures to PNG with resvg, an optional dependency that only this module uses."""

import struct
import zlib
from functools import cache
from importlib import import_module
from importlib.util import find_spec

from kidney_evals.charts.drawing import Panel, plain, standalone
from kidney_evals.errors import UserError


def png(svg: str) -> bytes:
    """Render a figure as PNG in the light colours, with metadata that names this package.

    A pixel of the figure is two by two pixels of the picture.

    Raises:
        UserError: resvg is not installed, or the system has no typeface.
    """
    check_png()
    picture = _drawn(svg)
    note = b"tEXtSoftware\0kidney-evals"
    chunk = struct.pack(">I", len(note) - 4) + note + struct.pack(">I", zlib.crc32(note))
    # The chunk stands after the signature and the first chunk of a PNG file.
    first = 8 + 25
    return picture[:first] + chunk + picture[first:]


def check_png() -> None:
    """Raise a `UserError` that says what to install if PNG pictures cannot be rendered."""
    if find_spec("resvg_py") is None:
        raise UserError(
            "PNG pictures need resvg-py, not installed here: pip install 'kidney-evals[png]' "
            "(SVG needs nothing)"
        )
    if not _has_typeface():
        raise UserError(
            "PNG pictures need a typeface of the system, and none was found: install one "
            "(on Debian: apt install fonts-dejavu-core); SVG needs none"
        )


def _drawn(svg: str) -> bytes:
    draw = import_module("resvg_py").svg_to_bytes
    return bytes(draw(svg_string=plain(svg), zoom=2, background="#ffffff"))


@cache
def _has_typeface() -> bool:
    """Return whether resvg can draw text; without a typeface it omits text silently."""
    blank, word = (_drawn(standalone(Panel(title).svg())) for title in ("", "E"))
    return blank != word
