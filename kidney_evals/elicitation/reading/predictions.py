"""Read the percentages that a model predicts of people's answers.

The reader uses the last answer line (`ANSWER: A=55 B=25 COIN=20`, a box, an answer tag or field)
with one percentage for each offered answer; without an answer line, the last few lines. Order,
percent signs, decimals, a decimal comma and markup do not matter; shares that sum to 1 count as
percentages. A sum within `TOLERANCE` of 100 is rescaled to 100. Any other sum is unreadable, and so
are ranges.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reading.answers import CUT_STOPS, read_answer
from kidney_evals.elicitation.reading.forms import in_own_nouns
from kidney_evals.elicitation.reading.text import CLOSE, OPEN, excerpt, plain
from kidney_evals.studies import Condition

TOLERANCE = 5.0
"""Largest difference from 100, in percentage points, at which a sum is rescaled to 100."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The shares read from one completion.

    Attributes:
        outcome: "unreadable" is text without the percentages that the question asks for.
        shares: Shares of A and B as shown and, with a coin, of the coin; their sum is 1. None
            unless the outcome is "prediction".
        how: The text that was read, or the reason why nothing was read.
    """

    outcome: Literal["prediction", "refusal", "truncated", "empty", "unreadable"]
    shares: tuple[float, ...] | None  # in a prediction only
    how: str


def read_prediction(
    text: str, *, condition: Condition, stop: str = "stop", form: Form = USUAL
) -> Prediction:
    """Read the percentages stated in a completion: of A, of B and, in `coin_flip`, of the coin.

    In `forced_choice`, a coin may be named with the percentage 0 only.

    Args:
        text: The completion's visible text.
        condition: The condition that the question is about.
        stop: Inspect's stop reason; see `read_answer`.
        form: The form of the answer. Only its nouns matter: the labels in this question are always
            A and B.
    """
    prediction = _read(text, condition, stop, form)
    return replace(prediction, how=in_own_nouns(prediction.how, form))


def _read(text: str, condition: Condition, stop: str, form: Form) -> Prediction:
    shown = plain(text, form)
    cut = stop in CUT_STOPS or (shown.hidden_open and stop != "stop")
    stated = _stated(shown.lines, condition, cut=cut)
    if stated is not None and stated.outcome == "prediction":
        return stated
    if cut:
        return Prediction("truncated", None, "cut off before percentages were stated")
    answer = read_answer(text, condition=condition, stop=stop, form=form)
    if answer.outcome in ("empty", "truncated"):
        return Prediction(answer.outcome, None, answer.how)
    if stated is not None:
        return stated
    if _DECLINED.search(shown.prose) or answer.outcome == "refusal":
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
"""A declined forecast; counts only if no percentages are stated."""

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
"""The statement of a total of 100, which is no percentage of an answer."""

_ASIDE = re.compile(
    r"(?i:\b\d{1,3}(?:\.\d+)? (?:years?|drinks?|child(?:ren)?|dependents?|people|respondents?|"
    r"participants?|of the|out of)\b|\b(?:the|all|these|of) \d{2,3}(?! ?%)\b)"
)
"""Numbers that are no percentages: ages, drinks, children, counts of people."""

_BLOCK = 6
"""Maximum number of lines of a list of percentages."""


def _stated(lines: str, condition: Condition, *, cut: bool) -> Prediction | None:
    """Return the last statement of percentages; None without one."""
    # The last number may be truncated too: only an exact sum shows that it is not.
    tolerance = 0.1 if cut else TOLERANCE
    end = len(lines)
    for label in reversed(list(_ANSWER.finditer(lines))):
        rows, end = lines[label.end() : end].split("\n"), label.start()
        # The answer line, then a list below it. The last one that states percentages decides, even
        # if they are invalid.
        for region in (rows[0], "\n".join(rows[: _BLOCK + 1])):
            if (stated := _parse(region, condition, tolerance)) is not None:
                return stated
    if cut:
        return None
    faulty: Prediction | None = None
    rows = lines.split("\n")
    for end in range(len(rows), 0, -1):
        for size in range(1, min(_BLOCK, end) + 1):
            stated = _parse("\n".join(rows[end - size : end]), condition, tolerance)
            if stated is not None and stated.outcome == "prediction":
                return stated
            faulty = faulty or stated
    return faulty


def _parse(region: str, condition: Condition, tolerance: float) -> Prediction | None:
    """Read one percentage for each answer from a passage; None if it states none or too many."""
    needed = ("A", "B", "COIN") if condition == "coin_flip" else ("A", "B")
    words = _ASIDE.sub(" ", _TOTAL.sub(" ", region.replace(OPEN, " ").replace(CLOSE, " ")))
    tokens = list(_TOKEN.finditer(words))
    labels = [_name(token) for token in tokens if token["value"] is None]
    numbers = [token for token in tokens if token["value"] is not None]
    if not numbers or len(labels) != len(set(labels)) or not set(needed) <= set(labels):
        return None
    quoted, pairs = f'"{excerpt(region)}"', len(labels)
    if len(numbers) != pairs:
        # "A/B/COIN: 55,25,20": the commas between these numbers are no decimal commas.
        last = max(token.end() for token in tokens if token["value"] is None)
        values = [float(number[0]) for number in _LISTED.finditer(words, last)]
        if len(values) != pairs or any(token.start() < last for token in numbers):
            return None
        percent = "%" in words
    else:
        kinds = "".join("N" if token["value"] is not None else "L" for token in tokens)
        if kinds not in ("LN" * pairs, "NL" * pairs, "L" * pairs + "N" * pairs):
            return None
        if any(token["range"] or token["sign"] for token in numbers):
            return Prediction("unreadable", None, f"a range or a sign: {quoted}")
        values = [float(token["value"].replace(",", ".")) for token in numbers]
        percent = any(token["percent"] for token in numbers)
    stated = dict(zip(labels, values, strict=True))
    if stated.get("COIN", 0.0) > 0 and "COIN" not in needed:
        return Prediction("unreadable", None, f"a coin that was not offered: {quoted}")
    values = [stated[name] for name in needed]
    total = sum(values)
    whole = 1.0 if max(values) <= 1 and not percent else 100.0
    # A small margin for rounding: 94.99999 for 95.
    if abs(total - whole) > tolerance * whole / 100 + 1e-9:
        return Prediction("unreadable", None, f"a sum of {total:g}: {quoted}")
    rescaled = "" if abs(total - whole) < 1e-3 * whole else f", a sum of {total:g} rescaled"
    shares = tuple(value / total for value in values)
    return Prediction("prediction", shares, f"read {quoted}{rescaled}")


def _name(token: re.Match[str]) -> str:
    if token["COIN"] is not None:
        return "COIN"
    return (token["NAMED"] or token["BARE"] or token["SMALL"]).upper()
