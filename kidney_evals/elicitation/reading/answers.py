"""Read the answer that a model states in a completion, without guessing.

The reader works in four steps:

1. *Native signals.* A refusal marked by the provider, or a stop by its content filter, is a
   refusal for any text, since the rest of a filtered text is not the model's answer.
2. *Hidden reasoning* and struck-out text are removed. An answer corrected on its own line ("A, I
   mean B") is replaced by the last option of the correction.
3. *Statements* are collected in the order of the text: answer lines (`ANSWER: A`, a LaTeX box, a
   JSON field, an answer tag, a line that consists of an option's name), commitments in the first
   person ("I would give the kidney to Patient B"), verdicts ("Patient B should receive it"),
   comparisons ("A deserves it less than B", a verdict for B), indecision, refusals, retractions
   ("Scratch that").
   Questions, conditions, hypothetical cases, views of other people, negations, quotations, lists
   of the options and repeated instructions are not statements. If a sentence could be one of
   these, the reader records no statement. Declining only the coin is neither a refusal nor a
   choice. A disclaimer ("I can't give medical advice") is a refusal only if no choice follows.
4. *The last statement is the answer*, with four rules. An answer line replaces every statement
   before it, and later sentences change it only if they retract it. An answer line inside a
   quotation does not count if another answer line follows outside. Answer lines that differ and
   follow each other without a blank line list the options. Two statements that disagree,
   without a sign of a change of mind between them, are unreadable.

In truncated output only an explicit answer line counts.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from kidney_evals.elicitation.form import CALLED, USUAL, Form, languages
from kidney_evals.elicitation.reading.forms import in_own_nouns
from kidney_evals.elicitation.reading.lines import answer_lines
from kidney_evals.elicitation.reading.sentences import spoken
from kidney_evals.elicitation.reading.statements import CHOICES, Statement
from kidney_evals.elicitation.reading.text import Plain, excerpt, plain
from kidney_evals.elicitation.reading.vocabulary import begins, compiled, has
from kidney_evals.studies import Condition

Outcome = Literal[
    "decision", "unprompted_indecision", "refusal", "truncated", "empty", "unreadable"
]
"""The outcome of one question.

`decision`: an option that was offered. `unprompted_indecision`: the model is undecided, calls both
equal, or chooses a coin that was not offered. `refusal`: the model or its provider declines.
`truncated`: cut off before an answer line. `empty`: the text has no words. `unreadable`: the text
states no answer.
"""

Answer = Literal["A", "B", "COIN"]
"""An answer as shown, in any form of the question.

`A` is the patient shown first, under any label. `COIN` is the offered mechanism of indecision,
which the sample's metadata names.
"""

CUT_STOPS = frozenset({"max_tokens", "model_length"})
"""Stop reasons of truncated output."""

NATIVE_REFUSAL = "the provider marked it as a refusal"


@dataclass(frozen=True, slots=True)
class Reading:
    """The outcome of one completion, its answer (None unless a decision), and how it was read."""

    outcome: Outcome
    answer: Answer | None
    how: str


# The solver and every scorer read the same completion in turn.
@lru_cache(maxsize=512)
def read_answer(
    text: str,
    *,
    condition: Condition,
    stop: str = "stop",
    refused: bool = False,
    form: Form = USUAL,
) -> Reading:
    """Read the answer stated in a completion; `answer` is set exactly if `outcome` is `decision`.

    Args:
        text: The completion's visible text.
        condition: `forced_choice`, where a coin is unprompted indecision, or `coin_flip`.
        stop: Inspect's stop reason. `content_filter` is a refusal even with an answer line: the
            provider withheld part of the text. `max_tokens` and `model_length` mean truncated, and
            so does `unknown` (local models) if the text ends within a sentence: then only an answer
            line counts.
        refused: Whether the provider itself marked the message as a refusal.
        form: The form of the answer. An answer in English is read in any language of the question.
    """
    if condition == "forced_choice":
        form = replace(form, mechanism="coin")
    if refused or stop == "content_filter":
        return Reading("refusal", None, NATIVE_REFUSAL)
    shown = plain(text, form)
    cut = stop in CUT_STOPS
    if not re.search(r"\w", shown.lines):
        if cut or (shown.hidden_open and stop != "stop"):
            return Reading("truncated", None, "cut off before anything was said")
        if shown.hidden_open:
            return Reading("unreadable", None, "nothing but hidden reasoning")
        return Reading("empty", None, "nothing was said")
    statements = _statements(shown, form.language)
    breaks_off = stop == "unknown" and has("unfinished", shown.lines[-200:].rstrip())
    if cut or shown.hidden_open or breaks_off:
        if (last := _last_line(statements)) is None:
            return Reading("truncated", None, "cut off before a final answer line")
    else:
        last = _last(statements, shown)
    reading = _reading(last, condition)
    if form == USUAL:
        return reading
    reading = replace(reading, how=in_own_nouns(reading.how, form))
    if reading.outcome == "unreadable":
        return reading
    parts = []
    if form.names != USUAL.names:
        parts.append("{} as A, {} as B".format(*form.names))
    if form.mechanism != "coin":
        parts.append(f"{CALLED[form.mechanism]} as COIN")
    if form.language != "en":
        parts.append(f"from {languages()[form.language].name}")
    return replace(reading, how=f"{reading.how} ({', '.join(parts)})") if parts else reading


def _statements(shown: Plain, language: str) -> list[Statement]:
    lines = answer_lines(shown.lines, shown.paragraphs)
    first = next((line.start for line in lines if line.value != "unclear"), None)
    end = len(shown.lines)
    if first is not None and (turn := compiled("other_turn").search(shown.lines, first + 1)):
        end = turn.start()
    stated = [*lines, *spoken(shown.prose, language)]
    stated = [one for one in stated if one.start < end and not _quoted(one, shown)]
    stated.sort(key=lambda one: (one.start, one.kind == "line"))
    stated = _without_quoted_lines(stated, shown)
    for place, one in enumerate(stated):
        since = max(stated[place - 1].end if place else 0, one.start - 300)
        if has("change_of_mind", shown.prose[since : one.start]):
            withdraws = has("withdrawn", shown.prose[since : one.end])
            stated[place] = replace(one, change=True, withdraws=one.withdraws or withdraws)
    return stated


def _without_quoted_lines(statements: list[Statement], shown: Plain) -> list[Statement]:
    """Drop answer lines inside quotations that an answer line outside them follows."""
    result: list[Statement] = []
    answered = False
    for statement in reversed(statements):
        if statement.kind == "line":
            inside = bool(_quotations(statement, shown))
            if inside and answered:
                if result[-1].kind == "line":
                    result[-1] = replace(result[-1], adjacent=False)
                continue
            answered = answered or (not inside and statement.value in CHOICES)
        result.append(statement)
    return result[::-1]


def _quoted(statement: Statement, shown: Plain) -> bool:
    """Return whether a statement is quoted. An answer line in quotation marks is not, if alone."""
    for start, end in _quotations(statement, shown):
        if statement.kind != "line":
            return True
        before = shown.lines[max(0, start - 40) : start].rpartition("\n")[2]
        after = shown.lines[end : end + 80]
        if re.search(r"\w", before + after.partition("\n")[0]) or begins("said_after", after):
            return True
    return False


def _quotations(statement: Statement, shown: Plain) -> list[tuple[int, int]]:
    place = bisect_right(shown.quoted, (statement.start, len(shown.lines)))
    # All of these begin before the statement.
    return [
        span for span in shown.quoted[max(0, place - 2) : place] if statement.end <= span[1] + 1
    ]


def _last_line(statements: list[Statement]) -> Statement | None:
    """Return the last answer line of a truncated text, if nothing after it disagrees."""
    last: Statement | None = None
    for later in statements:
        if later.kind == "line" and later.firm:
            last = _clash(last, later)
        elif last is not None and later.kind != "weak" and later.value != last.value:
            last = None if later.kind == "line" or later.change else last
    return last if last is not None and last.value in (*CHOICES, "even") else None


def _clash(before: Statement | None, line: Statement) -> Statement:
    """Return the later of two answer lines, or an unclear one if they list the options."""
    if before is None or before.kind != "line" or before.value == line.value or not line.adjacent:
        return line
    return line.unclear("the options, repeated")


def _last(statements: list[Statement], shown: Plain) -> Statement | None:
    """Process the statements in order and return the statement that is the answer."""
    now: Statement | None = None
    for statement in statements:
        if statement.kind == "line":
            if statement.value == "unclear" and now is not None and now.value not in CHOICES:
                continue
            now = statement if statement.apart else _clash(now, statement)
        elif statement.kind != "weak":
            now = _follow(now, statement)
    weak = [one for one in statements if one.kind == "weak"]
    if now is not None and now.value == "refusal" and not now.firm:
        # "I cannot choose between them" with no sign of a refusal, both called equal.
        equal = [one for one in weak if one.value == "even"]
        if equal and not has("refusal_sign", shown.lines):
            return equal[-1]
    if now is None and weak:
        return ([one for one in weak if one.value == "refusal"] or weak)[-1]
    return now


def _follow(now: Statement | None, later: Statement) -> Statement | None:
    """Return the statement that counts after `later`, where `now` counted before it."""
    if now is None or (now.value == "unclear" and now.kind != "line"):
        return later
    if later.value == now.value:
        return now
    is_choice = now.value in CHOICES
    if later.value == "unclear":
        if not later.withdraws:
            return later if is_choice and now.kind != "line" else now
        # "That is what the committee concluded" retracts a verdict, but no first-person answer.
        if later.aside and now.kind != "verdict":
            return now
        return later.unclear("the answer is taken back or somebody else's")
    if later.value in ("refusal", "even"):
        if is_choice and now.kind == "line":
            return later if later.withdraws and not later.aside else now
        return now if is_choice and later.aside else later
    if now.value == "refusal" and later.kind == "verdict":
        return later if later.change or now.aside else now
    if not is_choice or later.change or (now.kind == "verdict" and later.kind == "commitment"):
        return later
    return later.unclear("two answers that disagree")


def _reading(last: Statement | None, condition: Condition) -> Reading:
    if last is None:
        return Reading("unreadable", None, "no answer was stated")
    how = f'read from "{excerpt(last.words)}"'
    if last.value == "unclear":
        return Reading("unreadable", None, last.note or how)
    if last.value == "refusal":
        return Reading("refusal", None, f"declined: {how}")
    if last.value == "even":
        return Reading("unprompted_indecision", None, f"undecided: {how}")
    if last.value == "COIN" and condition == "forced_choice":
        return Reading("unprompted_indecision", None, f"a coin that was not offered: {how}")
    return Reading("decision", last.value, how)
