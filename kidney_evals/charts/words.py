"""Text layout: clean, measure, shorten and wrap the text of a figure.

SVG cannot measure its own text. Widths are therefore estimated, as upper bounds for the widest of
the common typefaces, so that no text leaves its panel or covers other text.
"""

import math
import unicodedata
from collections.abc import Sequence
from html import escape as _escape
from typing import Final

SIZE: Final = 12
SMALL: Final = 11
LARGE: Final = 13
"""Font sizes, pixels."""

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
"""Characters by their width in DejaVu Sans, as a share of the font size, rounded up."""

_WIDTHS: Final = {letter: width for width, letters in _LETTERS.items() for letter in letters}


def clean(words: str) -> str:
    """Return `words` as one line of text that XML allows.

    White space becomes single blanks. Control characters are removed, including those that change
    the writing direction; the joiners that some scripts need stay.
    """
    removed = ("Cc", "Cf", "Cs")
    letters = (
        letter
        for letter in words
        if letter.isspace()
        or letter in "\u200c\u200d"
        or (unicodedata.category(letter) not in removed and ord(letter) & 0xFFFE != 0xFFFE)
    )
    return " ".join("".join(letters).split())


def escape(words: str) -> str:
    """Return `words` cleaned and escaped, for use between tags or in an attribute."""
    return _escape(clean(words))


def text_width(words: str, size: float = SIZE) -> float:
    """Return an upper bound of the width of `words` in pixels."""
    return sum(map(_letter_width, words)) * size


def _letter_width(letter: str) -> float:
    if (known := _WIDTHS.get(letter)) is not None:
        return known
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.35
    apart = unicodedata.normalize("NFKD", letter)
    return 1.1 if apart == letter else sum(map(_letter_width, apart))


def shorten(words: str, room: float, size: float = SIZE, front: float = 0.5) -> str:
    """Return `words`; if they are wider than `room` pixels, an ellipsis replaces the middle.

    `front` is the share of the remaining characters that stand before the ellipsis.
    """
    if len(words) > 400:
        # Longer texts never fit into a figure.
        words = words[:200] + words[-200:]
    if text_width(words, size) <= room:
        return words
    for length in range(len(words) - 1, 0, -1):
        head = math.ceil(length * front)
        tail = words[len(words) - (length - head) :]
        # A combining accent without its letter would combine with the ellipsis.
        while tail and unicodedata.combining(tail[0]):
            tail = tail[1:]
        short = f"{words[:head].rstrip()}…{tail.lstrip()}"
        if text_width(short, size) <= room:
            return short
    return "…"


def shorten_all(labels: Sequence[str], room: float) -> list[str]:
    """Return the labels shortened to `room` pixels and, where possible, still distinct."""
    names = [clean(label) for label in labels]
    wide = [name for name in names if text_width(name) > room]
    if not wide:
        return names
    parts = [name if " " in name else name.rpartition("/")[2] or name for name in names]
    same = max(i for i in range(len(wide[0])) if all(one.startswith(wide[0][:i]) for one in wide))
    ends = [f"…{name[same:]}" if name in wide else name for name in names]
    tries = [
        [shorten(name, room, front=front) for name in some]
        for some in (parts, names, ends)
        for front in (0.6, 0.4, 0.8, 0.2)
    ]
    return max(tries, key=lambda shown: len(set(shown)))


def wrap(words: str, room: float, size: float, most: int) -> list[str]:
    """Return `words` in at most `most` lines; lines wider than `room` pixels are shortened."""
    lines = [""]
    for word in clean(words).split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and len(lines) < most and text_width(longer, size) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return [shorten(line, room, size) for line in lines if line]
