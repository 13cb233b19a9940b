"""Words that fit: a text cleaned, measured, shortened and put in lines.

None may leave its panel or lie on another, and an SVG does not measure its own texts, so widths
are reckoned here, for the widest of the usual typefaces.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from html import escape as _escape
from typing import Final

SIZE: Final = 12
SMALL: Final = 11
LARGE: Final = 13
"""Heights of type, pixels."""

_ELLIPSIS: Final = "…"

_LONG: Final = 400
"""Letters of a text that are looked at when it is shortened, which never shows more."""

_LETTERS: Final = {
    0.28: "'ijl",
    0.32: "I ,.·",
    0.36: "/:;\\|f",
    0.40: "-()[]t",
    0.46: '!r"',
    0.50: "*J`",
    0.54: "sz",
    0.58: "?L_ck–",
    0.62: "FTaeovxy",
    0.64: "$0123456789bdghnpqu{}",
    0.70: "ABEKPSVXYZ",
    0.76: "CHNRU",
    0.80: "&DGOQ",
    0.84: "w#+<=>^~−",
    0.88: "M",
    1.02: "%mW…→@",
}
"""Widths, in heights of type, of DejaVu Sans, the widest of the usual typefaces, rounded up."""

_WIDTHS: Final = {letter: width for width, letters in _LETTERS.items() for letter in letters}
_FOREIGN: Final = 1.1
_WIDE: Final = 1.35
_BOLD: Final = 0.085
"""What a letter gains where the type is bold."""


def clean(words: str) -> str:
    """Return a text without what cannot stand in a line of SVG.

    White space, line ends with it, becomes single blanks. What XML forbids is dropped, and so are
    control signs: those that turn the direction of writing would turn all that follows.
    """
    kept = (
        letter
        for letter in words
        if letter.isspace()
        or (
            (unicodedata.category(letter) not in ("Cc", "Cf", "Cs") or letter in "\u200c\u200d")
            and ord(letter) & 0xFFFE != 0xFFFE
        )
    )
    return " ".join("".join(kept).split())


def escape(words: str) -> str:
    """Return a text for use between tags or in an attribute."""
    return _escape(clean(words))


def text_width(words: str, size: float = SIZE, bold: bool = False) -> float:
    """Return the pixels that a text takes at most."""
    return sum(_letter_width(letter) + _BOLD * bold for letter in words) * size


def _letter_width(letter: str) -> float:
    if (known := _WIDTHS.get(letter)) is not None:
        return known
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return _WIDE
    apart = unicodedata.normalize("NFKD", letter)
    return _FOREIGN if apart == letter else sum(map(_letter_width, apart))


def shorten(
    words: str, room: float, size: float = SIZE, bold: bool = False, front: float = 0.5
) -> str:
    """Return a text that fits, with an ellipsis in its middle where it had to be cut.

    Args:
        words: The text, cleaned.
        room: Pixels it may take.
        size: Height of type.
        bold: Whether the type is bold.
        front: Share of the letters kept that come from the front.
    """
    if len(words) <= _LONG and text_width(words, size, bold) <= room:
        return words
    words = words if len(words) <= _LONG else words[: _LONG // 2] + words[-_LONG // 2 :]
    for kept in range(len(words) - 1, 0, -1):
        head = math.ceil(kept * front)
        tail = words[len(words) - (kept - head) :]
        # An accent whose letter was cut off would stand on the ellipsis.
        while tail and unicodedata.combining(tail[0]):
            tail = tail[1:]
        short = words[:head].rstrip() + _ELLIPSIS + tail.lstrip()
        if text_width(short, size, bold) <= room:
            return short
    return _ELLIPSIS


def shorten_all(labels: Sequence[str], room: float, size: float = SIZE) -> list[str]:
    """Return labels that fit and, where it can be done, still differ as they did.

    Where one is too long, only the last part is kept of all that are paths, as names of models
    are, if that is enough to tell them apart. What is still too long is cut in its middle; names
    often differ in one place only, so the cut moves until that place is seen.
    """
    whole = [clean(label) for label in labels]
    long = [label for label in whole if text_width(label, size) > room]
    if not long:
        return whole
    common = _same_start(long)
    rest = [_ELLIPSIS + label[common:] if label in long and common else label for label in whole]
    tries = [
        [shorten(label, room, size, front=front) for label in names]
        for names in (list(map(_end, whole)), whole, rest)
        for front in (0.6, 0.4, 0.8, 0.2)
    ]
    return max(tries, key=lambda shown: len(set(shown)))


def _end(label: str) -> str:
    end = label.rpartition("/")[2]
    return label if " " in label or not end else end


def _same_start(labels: Sequence[str]) -> int:
    first, last = min(labels, default=""), max(labels, default="")
    return next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)


def wrap(words: str, room: float, size: float, most: int, bold: bool = False) -> list[str]:
    """Return a text in lines that fit; the last is shortened where more than `most` are needed."""
    lines: list[str] = []
    rest = clean(words).split()
    while rest:
        if len(lines) == most - 1:
            return [*lines, shorten(" ".join(rest), room, size, bold)]
        count = 1
        while count < len(rest) and text_width(" ".join(rest[: count + 1]), size, bold) <= room:
            count += 1
        lines.append(shorten(" ".join(rest[:count]), room, size, bold))
        rest = rest[count:]
    return lines
