"""The reader's vocabulary: named regular expressions, stored in YAML files.

In a block, each line holds alternatives, and an indented line continues the line above it.
`(?&name)` stands for the pattern of that name. Patterns under `any_case` ignore case, patterns
under `exact` do not. Every repetition in a pattern is bounded, so that reading takes linear time.
"""

import re
from collections.abc import Mapping
from functools import cache

from kidney_evals.elicitation.form import table


@cache
def blocks() -> Mapping[str, tuple[str, str | list[str]]]:
    """Return the section and the block of each pattern, by the pattern's name.

    The section, `any_case` or `exact`, sets the case. A pattern with several forms has a list of
    blocks.
    """
    return {
        key: (case, block)
        for name in ("names", "choices", "indecision", "doubts")
        for case, section in table(f"reading/{name}").items()
        for key, block in section.items()
    }


@cache
def sources(name: str) -> tuple[str, ...]:
    """Return each form of the named pattern as the text of a regular expression."""
    case, block = blocks()[name]
    forms = map(expand, [block] if isinstance(block, str) else block)
    return tuple(f"(?i:{form})" if case == "any_case" else form for form in forms)


def lines_of(block: str) -> list[str]:
    """Return the lines of a block, each joined with the indented lines that continue it."""
    return [re.sub(r"\n +", "", line) for line in re.split(r"\n(?! )", block)]


def expand(block: str) -> str:
    """Return a block as a pattern, with every `(?&name)` replaced by the pattern of that name."""
    whole = "|".join(lines_of(block))
    return re.sub(r"\(\?&(\w+)\)", lambda reference: sources(reference[1])[0], whole)


@cache
def pattern_list(name: str) -> tuple[re.Pattern[str], ...]:
    """Return the compiled forms of the named pattern."""
    return tuple(map(re.compile, sources(name)))


@cache
def compiled(name: str) -> re.Pattern[str]:
    """Return the only form of the named pattern, compiled when it is first used."""
    (pattern,) = pattern_list(name)
    return pattern


def has(name: str, text: str) -> bool:
    """Return whether the named pattern occurs in a text."""
    return compiled(name).search(text) is not None


def begins(name: str, text: str) -> bool:
    """Return whether the named pattern matches the beginning of a text."""
    return compiled(name).match(text) is not None
