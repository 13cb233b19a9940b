"""Read the percentages that a model predicts of people's answers.

The reader takes the last answer line (`ANSWER: A=55 B=25 COIN=20`, a box, an answer tag or field)
with one percentage for each answer that was offered; without an answer line, the last line, or the
last few lines together, with one for each. Order, percent signs, decimals, a decimal comma and
markup do not matter; shares of 1 are taken as percentages of 100. A sum within `TOLERANCE` of 100
is rescaled to 100. Any other sum is unreadable, and so are ranges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from kidney_evals.elicitation.reading.answers import CUT_STOPS, NATIVE_REFUSAL, read_answer
from kidney_evals.elicitation.reading.text import CLOSE, OPEN, excerpt, plain
from kidney_evals.studies import Condition

PredictionOutcome = Literal["prediction", "refusal", "truncated", "empty", "unreadable"]
"""The outcome of one question.

`prediction`: a percentage for every answer. `refusal`: the model or its provider declines.
`truncated`: cut off before an answer line. `empty`: the text has no words. `unreadable`: there is
text, and no set of percentages can be read from it.
"""

TOLERANCE = 5.0
"""Percentage points by which a sum may miss 100 (shares: hundredths of 1) and be rescaled."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was read from one completion.

    Attributes:
        outcome: What became of the question.
        shares: Predicted shares as shown (A, B and, with a coin, coin), summing to 1; in a
            prediction only.
        how: What was read and why, in a short phrase for the log viewer.
    """

    outcome: PredictionOutcome
    shares: tuple[float, ...] | None
    how: str


# The solver and the scorer read the same completion in turn.
@lru_cache(maxsize=512)
def read_prediction(
    text: str, *, condition: Condition, stop: str = "stop", refused: bool = False
) -> Prediction:
    """Read the percentages stated in a completion.

    Args:
        text: The completion's visible text.
        condition: With a coin three percentages are needed, without one two; a coin that was not
            offered may be given 0.
        stop: Inspect's reason why the model stopped. `content_filter` is a refusal even where
            percentages are there. In output that was cut off only an answer line counts.
        refused: Whether the provider itself marked the message as a refusal.

    Returns:
        The reading; `shares` is set exactly where `outcome` is `prediction`.
    """
    if refused or stop == "content_filter":
        return Prediction("refusal", None, NATIVE_REFUSAL)
    shown = plain(text)
    cut = stop in CUT_STOPS or (shown.hidden_open and stop != "stop")
    stated = _stated(shown.lines, condition, cut=cut)
    if stated is not None and stated.outcome == "prediction":
        return stated
    said = read_answer(text, condition=condition, stop=stop)
    if cut:
        return Prediction("truncated", None, "cut off before percentages were stated")
    if said.outcome in ("empty", "truncated"):
        return Prediction("empty" if said.outcome == "empty" else "truncated", None, said.how)
    if stated is not None:
        return stated
    if _DECLINED.search(shown.prose) or said.outcome == "refusal":
        return Prediction("refusal", None, f'declined: "{excerpt(shown.prose)}"')
    return Prediction("unreadable", None, "no percentages were stated")


_DECLINED = re.compile(
    r"(?i:\b(?:can't|cannot|can not|won't|will not|unable to|not able to|not going to|not willing "
    r"to|not comfortable|decline to|refuse to|prefer not to|rather not|shouldn't|should not|"
    r"don't feel able to|not in a position to|not appropriate (?:for me )?to|impossible to|"
    r"no (?:reliable |honest )?way to)\b[^.!?;\n]{0,60}?\b(?:estimat|predict|guess|speculat|"
    r"provid|giv|assign|answer|forecast|say|know|tell|put|quantif|help|assist|comply|state|offer|"
    r"generat|attribut|engag|participat))"
)
"""A forecast declined; counts only where no percentages are stated."""

_LABEL = (
    r"(?P<COIN>(?i:\b(?:(?:the |a |fair ){0,3}coin(?:[- ]?(?:flip|toss)\w*)?|"
    r"(?:flip|toss)(?:ping|ed)? (?:the |a |fair ){0,3}coin|flip)s?\b))"
    r"|(?i:\b(?:patient|option|candidate|person|recipient|choice)[ _]?)(?P<NAMED>[ABab])\b"
    r"|(?<![\w'])(?P<BARE>[AB])(?![\w'])|(?<![\w'])(?P<SMALL>[ab])(?=[\"']?\s?[:=])"
)
_NUMBER = (
    r"(?P<sign>(?<=[:=(\s])-)?(?P<value>(?<![\d.,/])(?:\d{1,3}(?:[.,]\d{1,6})?|[.,]\d{1,6}))"
    r"(?P<range>\s?%?\s?(?:-|~|\bto\b)\s?\d)?(?P<percent>\s?(?:%|(?i:percent\b|per cent\b|pct\b)))?"
)
_TOKEN = re.compile(f"{_LABEL}|{_NUMBER}")
_LISTED = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,6})?(?![\d.])")
_ANSWER = re.compile(rf"(?i:\b(?:final )?answers?\b\s?(?:is\b)?\s?[:=>-]*)|{OPEN}")
_TOTAL = re.compile(
    r"(?i:(?:[(\[]\s?=|[(\[]?(?:(?<=[\d%])\s{0,2}=|\b(?:total(?:s|ling)?|sum(?:s|ming)?|"
    r"add(?:s|ing)?(?: up)?|out of)\b[^\d\n]{0,14}))\s?(?:100(?:\.0+)?|1(?:\.0+)?(?![\d.]))"
    r"\s?%?\s?[)\]]?(?!\d))"
)
"""The check that percentages make 100, which is none of them."""

_ASIDE = re.compile(
    r"(?i:\b\d{1,3}(?:\.\d+)? (?:years?|drinks?|child(?:ren)?|dependents?|people|respondents?|"
    r"participants?|of the|out of)\b|\b(?:the|all|these|of) \d{2,3}(?! ?%)\b)"
)
"""Numbers that are no percentages: ages, drinks, children, how many were asked."""

_BLOCK = 6
"""Lines that a list of percentages may run over."""


def _stated(lines: str, condition: Condition, *, cut: bool) -> Prediction | None:
    """Return what the last statement of percentages says; None where there is none."""
    # A number may be cut off too, so that nothing but an exact sum shows that it was not.
    tolerance = 0.1 if cut else TOLERANCE
    for region in _answer_regions(lines):
        # The last answer line that states percentages decides, even where they make no sense.
        if (found := _parse(region, condition, tolerance)) is not None:
            return found
    if cut:
        return None
    faulty: Prediction | None = None
    rows = lines.split("\n")
    for end in range(len(rows), 0, -1):
        for size in range(1, min(_BLOCK, end) + 1):
            found = _parse("\n".join(rows[end - size : end]), condition, tolerance)
            if found is not None and found.outcome == "prediction":
                return found
            faulty = faulty or found
    return faulty


def _answer_regions(lines: str) -> Iterator[str]:
    """Yield what follows each answer label, the last one first."""
    end = len(lines)
    for label in reversed(list(_ANSWER.finditer(lines))):
        region = lines[label.end() : end]
        end = label.start()
        rows = region.split("\n")
        # The label's own line first; a list below the label may run over several.
        yield rows[0]
        yield "\n".join(rows[: _BLOCK + 1])


def _parse(region: str, condition: Condition, tolerance: float) -> Prediction | None:
    """Read one percentage for each answer from a passage; None where it states none or too many."""
    needed = ("A", "B", "COIN") if condition == "coin_flip" else ("A", "B")
    words = _ASIDE.sub(" ", _TOTAL.sub(" ", region.replace(OPEN, " ").replace(CLOSE, " ")))
    tokens = list(_TOKEN.finditer(words))
    labels = [_name(token) for token in tokens if token["value"] is None]
    numbers = [token for token in tokens if token["value"] is not None]
    if not numbers or len(labels) != len(set(labels)) or not set(needed) <= set(labels):
        return None
    if len(numbers) != len(labels):
        # "A/B/COIN: 55,25,20": commas between the numbers are no decimal commas there.
        listed = _listed(words, tokens, len(labels))
        if listed is None:
            return None
        values, percent = listed, "%" in words
    else:
        kinds = "".join("N" if token["value"] is not None else "L" for token in tokens)
        pairs = len(labels)
        if kinds not in ("LN" * pairs, "NL" * pairs, "L" * pairs + "N" * pairs):
            return None
        if any(token["range"] or token["sign"] for token in numbers):
            return Prediction("unreadable", None, f'a range or a sign: "{excerpt(region)}"')
        values = [float(token["value"].replace(",", ".")) for token in numbers]
        percent = any(token["percent"] for token in numbers)
    stated = dict(zip(labels, values, strict=True))
    return _settle(stated, needed, percent, tolerance, region)


def _name(token: re.Match[str]) -> str:
    if token["COIN"] is not None:
        return "COIN"
    return (token["NAMED"] or token["BARE"] or token["SMALL"]).upper()


def _listed(words: str, tokens: list[re.Match[str]], count: int) -> list[float] | None:
    last = max(token.end() for token in tokens if token["value"] is None)
    if any(token["value"] is not None and token.start() < last for token in tokens):
        return None
    values = [float(one[0]) for one in _LISTED.finditer(words, last)]
    return values if len(values) == count else None


def _settle(
    stated: Mapping[str, float],
    needed: tuple[str, ...],
    percent: bool,
    tolerance: float,
    region: str,
) -> Prediction:
    said = f'"{excerpt(region)}"'
    if stated.get("COIN", 0.0) > 0 and "COIN" not in needed:
        return Prediction("unreadable", None, f"a coin that was not offered: {said}")
    values = [stated[name] for name in needed]
    total = sum(values)
    whole = 1.0 if max(values) <= 1 and not percent else 100.0
    # A little slack: 95 that comes out as 94.99999.
    if abs(total - whole) > tolerance * whole / 100 + 1e-9:
        return Prediction("unreadable", None, f"a sum of {total:g}: {said}")
    rescaled = "" if abs(total - whole) < 1e-3 * whole else f", a sum of {total:g} rescaled"
    return Prediction("prediction", tuple(one / total for one in values), f"read {said}{rescaled}")
