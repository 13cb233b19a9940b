"""The reader's vocabulary: named regular expressions, stored in YAML files.

In a block, each line holds alternatives, and an indented line continues the line above it.
`(?&name)` stands for the pattern of that name. Patterns under `any_case` ignore case, patterns
under `exact` do not. Every repetition in a pattern is bounded, so that reading takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from kidney_evals.elicitation.form import table

_REFERENCE = re.compile(r"\(\?&(\w+)\)")


def lines_of(block: str) -> list[str]:
    """Return the lines of a block, each joined with the indented lines that continue it."""
    return [re.sub(r"\n +", "", line) for line in re.split(r"\n(?! )", block)]


def expand(text: str) -> str:
    """Return a pattern with every `(?&name)` replaced by the pattern of that name."""
    return _REFERENCE.sub(lambda reference: str(sources()[reference[1]]), text)


@cache
def sources() -> Mapping[str, str | list[str]]:
    """Return every pattern as text, by name; a list where the pattern has several forms."""
    blocks: dict[str, tuple[str, str | list[str]]] = {}
    for name in ("names", "choices", "indecision", "doubts"):
        for case, section in table(f"reading/{name}").items():
            blocks |= {key: (case, block) for key, block in section.items()}
    known: dict[str, str | list[str]] = {}

    def source(key: str) -> str:
        if key not in known:
            case, block = blocks[key]
            known[key] = list(map(whole, block)) if isinstance(block, list) else whole(block)
            if case == "any_case":
                known[key] = f"(?i:{known[key]})"
        return str(known[key])

    def whole(block: str) -> str:
        return _REFERENCE.sub(lambda name: source(name[1]), "|".join(lines_of(block)))

    for key in blocks:
        source(key)
    return known


class _Patterns(dict[str, re.Pattern[str]]):
    """Compiled patterns by name, compiled when they are first used."""

    def __missing__(self, name: str) -> re.Pattern[str]:
        self[name] = compiled = re.compile(str(sources()[name]))
        return compiled


PATTERNS = _Patterns()


@cache
def pattern_list(name: str) -> tuple[re.Pattern[str], ...]:
    """Return the compiled expressions of the pattern `name`, which is stored as a list."""
    return tuple(map(re.compile, sources()[name]))


def has(name: str, text: str) -> bool:
    """Return whether the named pattern occurs in a text."""
    return PATTERNS[name].search(text) is not None


def begins(name: str, text: str) -> bool:
    """Return whether the named pattern matches the beginning of a text."""
    return PATTERNS[name].match(text) is not None
