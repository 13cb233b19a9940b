"""Whole numbers in English words."""

from __future__ import annotations

import re

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

_WHOLE = re.compile(r"(?<![\d.,])\d{1,3}(?![.,]?\d)")


def spelled(number: int) -> str:
    """Return a whole number from 0 to 999 in words ("thirty-two")."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{_SMALL[hundreds]} hundred" + (f" and {spelled(rest)}" if rest else "")


def spell_out(text: str) -> str:
    """Write out every whole number of up to three digits; others stay as they are."""
    return _WHOLE.sub(lambda found: spelled(int(found[0])), text)
