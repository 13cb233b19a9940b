"""Statements in a completion, and checks of the words around a statement."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from kidney_evals.elicitation.reading.vocabulary import begins, compiled, has

Value = Literal["A", "B", "COIN", "even", "refusal", "unclear"]
"""The content of a statement. `even`: indecision; `unclear`: an answer that cannot be read."""

CHOICES = ("A", "B", "COIN")

Kind = Literal["line", "commitment", "verdict", "weak"]
"""The strength of a statement.

`line`: an answer line. `commitment`: a first person chooses, declines or is undecided. `verdict`: a
judgement without a first person. `weak`: equality or deference to other people, which counts only
if there is no other statement.
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement in a completion, at `start` to `end` of the plain text."""

    start: int
    end: int
    kind: Kind
    value: Value
    words: str
    # Of an answer line: it has a label or mark and counts in truncated text. Of a refusal: it is
    # unambiguous.
    firm: bool = True
    change: bool = False  # it announces a change of mind
    withdraws: bool = False  # it retracts the statement before it
    aside: bool = False  # a disclaimer or attribution, which retracts no answer in first person
    apart: bool = False  # only a blank line separates it from the previous answer line
    adjacent: bool = False  # no words separate it from the previous answer line
    note: str = ""  # why it is unclear

    def unclear(self, note: str) -> Statement:
        """Return a copy with the value `unclear`; `note` is the reason."""
        return replace(self, value="unclear", note=note)

    def moved(self, by: int) -> Statement:
        """Return a copy that is `by` characters later in the text."""
        return replace(self, start=self.start + by, end=self.end + by)


def patient(name: str) -> Value:
    """Return the patient whose letter ends a name ("Patient B")."""
    return "A" if name[-1] in "Aa" else "B"


def after_last(name: str, text: str) -> str:
    """Return the part of `text` after the last match of the pattern `name`.

    Without a match, return all of it. The names of patterns are those of `vocabulary`.
    """
    return compiled(name).split(text)[-1]


# A model caught in a loop repeats the same words before each answer.
@lru_cache(maxsize=4096)
def in_doubt(before: str) -> bool:
    """Return whether the words before an answer quote it, deny it or make it conditional."""
    if has("repeated_instruction", before) or has("reported", before):
        return True
    return not_meant(before, "") or has("attributed", after_last("clause", before))


def not_meant(before: str, words: str) -> bool:
    """Return whether the words around an answer deny it or make it conditional.

    Args:
        before: The words before the answer.
        words: The words of the answer and the words after it.
    """
    before, words = compiled("harmless").sub("", before), compiled("harmless").sub("", words)
    turn = after_last("turn", before)
    unforced = compiled("if_forced").sub("", turn + words)
    turn = compiled("if_forced").sub("", turn)
    return (
        has("doubted", turn)
        or has("negated", after_last("clause", before))
        or has("fronted", turn)
        or has("condition", unforced)
        or has("conditional", unforced)
    )


def lists_another(after: str, value: Value) -> bool:
    """Return whether an option is followed by another option in a list, so that neither is chosen.

    Args:
        after: The text after the option.
        value: The option.
    """
    joiner = compiled("joiner").match(after)
    ahead = compiled("option_ahead").match(after, joiner.end()) if joiner else None
    if ahead is None:
        return begins("option_beside", after)
    # "A (Patient A)" names one option twice.
    is_coin = ahead[0][-2:-1].isalpha()
    return ("COIN" if is_coin else patient(ahead[0])) != value


def letters_in(text: str) -> set[str]:
    """Return the letters of the patients that a text names."""
    return set(re.findall(r"\b[AB]\b", text))
