"""Pictures: drawn where the extra is installed, refused in one line where it is not."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

import kidney_evals.charts.png as module
from charts.every_panel import PANELS
from kidney_evals.charts import grid, standalone
from kidney_evals.charts.line_chart import Line, line_chart
from kidney_evals.charts.png import check_png, png
from kidney_evals.errors import UserError

installed = pytest.mark.skipif(
    find_spec("resvg_py") is None, reason="no picture was drawn: pip install resvg-py"
)
PANEL = PANELS["dots"]("Title", ["people", "model"], [0.1, 0.3])


class Picture:
    """The pixels of a PNG with 8 bits a channel, red, green, blue (and opacity)."""

    def __init__(self, data: bytes) -> None:
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        packed, at = b"", 8
        while at < len(data):
            (length,) = struct.unpack(">I", data[at : at + 4])
            kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
            if kind == b"IHDR":
                self.width, self.height, depth, colour = struct.unpack(">IIBB", body[:10])
                assert depth == 8 and colour in (2, 6)
                self.channels = 3 if colour == 2 else 4
            packed += body if kind == b"IDAT" else b""
            at += 12 + length
        self.raw = zlib.decompress(packed)

    def rows(self) -> Iterator[bytearray]:
        """Yield the rows, each with its channels one after the other."""
        step, long = self.channels, self.width * self.channels
        above = bytearray(long)
        for start in range(0, len(self.raw), long + 1):
            how, row = self.raw[start], bytearray(self.raw[start + 1 : start + 1 + long])
            for i in range(long):
                left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
                if how == 4:
                    guess = _nearest(left, above[i], corner)
                else:
                    guess = (0, left, above[i], (left + above[i]) // 2)[how]
                row[i] = (row[i] + guess) & 255
            yield row
            above = row

    def has(self, *colours: str) -> bool:
        """Tell whether there are pixels of all the colours; looks no further than it must."""
        wanted = set(colours)
        for row in self.rows():
            wanted -= {f"#{row[at : at + 3].hex()}" for at in range(0, len(row), self.channels)}
            if not wanted:
                return True
        return False


def _nearest(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda one: abs(guess - one))


@installed
def test_a_picture_has_the_panels_size_and_light_colours() -> None:
    drawn = Picture(png(PANEL, 1))
    assert drawn.width == 340 and next(drawn.rows())[:3] == b"\xff\xff\xff"
    # Of words, of people, of a model: light, though resvg knows no custom property.
    assert drawn.has("#1f2328", "#0072b2", "#d55e00")
    assert not drawn.has("#14181f")
    assert Picture(png(PANEL, 2)).width == 680


@installed
@pytest.mark.parametrize(
    "svg",
    [
        standalone(PANEL),
        grid([panel("t", ["a", "b"], [0.1, 0.2]) for panel in PANELS.values()], 2, "t"),
        line_chart("t", "x", "y", [Line("a", [0, 1], [0.0, 1.0])]),
    ],
)
def test_files_are_drawn_too(svg: str) -> None:
    assert Picture(png(svg, 1)).has("#1f2328")


def test_without_the_package_one_line_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    for ask in (check_png, lambda: png(PANEL)):
        with pytest.raises(UserError, match=r"pip install 'kidney-evals\[png\]'") as raised:
            ask()
        assert "\n" not in str(raised.value)


def test_without_a_typeface_one_line_says_so(monkeypatch: Any) -> None:
    def wordless(svg: str, scale: float) -> bytes:
        return b"no words"

    monkeypatch.setattr(module, "find_spec", lambda name: "there")
    monkeypatch.setattr(module, "_drawn", wordless)
    module._writes.cache_clear()
    try:
        with pytest.raises(UserError, match="typeface"):
            png(PANEL)
    finally:
        module._writes.cache_clear()
