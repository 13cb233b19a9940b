"""The `Statement` class, and functions that examine the text around a statement."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from kidney_evals.elicitation import _commitments as commitments
from kidney_evals.elicitation import _doubts as doubts
from kidney_evals.elicitation import _options as options

Value = Literal["A", "B", "COIN", "even", "refusal", "unclear"]
"""The content of a statement. `even`: indecision; `unclear`: an answer that cannot be read."""

Kind = Literal["line", "said", "verdict", "mood"]
"""How strong a statement is.

`line`: an answer line. `said`: a first person commits, declines or stays undecided. `verdict`: a
judgement by nobody in particular. `mood`: equality or deference, which counts only on its own.
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement found in a completion."""

    at: int
    end: int
    """Start and end offset of the statement in the plain text."""
    kind: Kind
    value: Value
    words: str
    """The words that were read, for the excerpt."""
    firm: bool = True
    """Line: it has a label or mark and counts in truncated text. Refusal: it is unambiguous."""
    change: bool = False
    """The text before it announces a change of mind or a conclusion."""
    withdraws: bool = False
    """It retracts the statement before it."""
    aside: bool = False
    """A disclaimer or attribution: it does not retract an answer in the first person."""
    apart: bool = False
    """Whether only a blank line separates it from the previous answer line."""
    adjacent: bool = False
    """Whether no words separate it from the previous answer line."""
    note: str = ""

    def unclear(self, note: str) -> Statement:
        """Return a copy of the statement with the value `unclear`."""
        return replace(self, value="unclear", note=note)


def patient(name: str) -> Value:
    """Return the patient whose letter ends a name."""
    return "A" if name[-1] in "Aa" else "B"


SENTENCE_END = re.compile(r"[.!?;](?=[\s\"')\]])")
_TURN = re.compile(r"(?i:,\s(?:but|so(?! that| to| much)|therefore|thus|hence|yet|still)\b)")
_CLAUSE = re.compile(
    r"(?i:[,;:]\s|\bbut\b|\bhowever\b|\bso\b|\bthus\b|\btherefore\b|\byet\b|\s-+\s)"
)


def _after_last(pattern: re.Pattern[str], text: str) -> str:
    start = 0
    for stop in pattern.finditer(text):
        start = stop.end()
    return text[start:]


def last_sentence(text: str) -> str:
    """Return the text after the last end of a sentence."""
    return _after_last(SENTENCE_END, text)


def last_turn(text: str) -> str:
    """Return the text after the last ", but", ", so" or similar conjunction."""
    return _after_last(_TURN, text)


def last_clause(text: str) -> str:
    """Return the text after the last comma, colon, dash or conjunction."""
    return _after_last(_CLAUSE, text)


@lru_cache(maxsize=4096)
def in_doubt(before: str) -> bool:
    """Return whether the words before an answer quote it, deny it or make it conditional."""
    if doubts.QUOTED.search(before) or doubts.REPORTED.search(before):
        return True
    return not_meant(before, "") or bool(doubts.ATTRIBUTED.search(last_clause(before)))


def not_meant(before: str, words: str) -> bool:
    """Return whether a sentence denies an answer, attributes it or makes it conditional.

    Args:
        before: The words of the sentence before the answer.
        words: The answer and the words after it, without its reasons.
    """
    before, words = doubts.HARMLESS.sub("", before), doubts.HARMLESS.sub("", words)
    turn, clause = last_turn(before), last_clause(before)
    whole = commitments.FORCED_IF.sub("", turn + words)
    turn = commitments.FORCED_IF.sub("", turn)
    return bool(
        doubts.DOUBTED.search(turn)
        or doubts.NEGATED.search(clause)
        or doubts.FRONTED.search(turn)
        or doubts.CONDITION.search(whole)
        or doubts.CONDITIONAL.search(whole)
    )


def lists_another(after: str, value: Value) -> bool:
    """Return whether another option follows in a list, so that neither is chosen."""
    joined = options.ECHO.match(after)
    ahead = options.OPTION_AHEAD.match(after, joined.end()) if joined else None
    if ahead is None:
        return options.BESIDE.match(after) is not None
    # "A (Patient A)" names one option twice.
    is_coin = ahead[0][-2:-1].isalpha()
    return ("COIN" if is_coin else patient(ahead[0])) != value
