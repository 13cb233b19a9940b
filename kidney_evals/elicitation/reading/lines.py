"""Find the answer lines of a completion: labels, marks, lines that are an option's name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from kidney_evals.elicitation.reading.statements import (
    CHOICES,
    Statement,
    Value,
    after_last,
    in_doubt,
    letters_in,
    lists_another,
    not_meant,
    patient,
)
from kidney_evals.elicitation.reading.text import CLOSE, OPEN
from kidney_evals.elicitation.reading.vocabulary import PATTERNS, begins, has

NEAR = 400
"""Number of characters around an answer that are searched for doubts."""

_MARK = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")
_NO_WORDS = re.compile(r"(?i:\W*(?:(?:or|and)\W*)?)")
_LISTED = re.compile(rf"(?i:\W{{0,3}}(?:or|and|/|,)\W{{0,3}}(?:in )?){OPEN}")


def answer_lines(text: str, paragraphs: Collection[int]) -> list[Statement]:
    """Return the answer lines of a completion.

    Args:
        text: The lines of the completion.
        paragraphs: Where the lines begin that follow a blank line.
    """
    rows: list[tuple[int, str]] = []
    at = 0
    for line in text.split("\n"):
        rows.append((at, line))
        at += len(line) + 1
    found: list[Statement] = []
    for number, (at, line) in enumerate(rows):
        above = rows[number - 1][1] if number else ""
        if _answers(above):
            # A line that states an answer does not introduce the next one.
            above = ""
        below = rows[number + 1][1] if number + 1 < len(rows) else ""
        introduces = has("introduces_next_line", above[-NEAR:])
        lead = after_last("sentence_end", above[-NEAR:]) if introduces else ""
        for one in _without_lists(line, list(_in_line(line, lead, above, below))):
            one = replace(one, start=at + one.start, end=at + one.end)
            last = found[-1].end if found else 0
            between = max(last, one.start - NEAR), one.start
            if found and not PATTERNS["change_of_mind"].search(text, *between):
                gap = text[last : one.start] if one.start - last < NEAR else "far"
                gap = gap.partition("\n")[2]
                one = replace(
                    one,
                    adjacent=bool(_NO_WORDS.fullmatch(gap)),
                    apart=at in paragraphs and OPEN not in line and not re.search(r"\w", gap),
                )
            found.append(one)
    return [*found, *_lone_lines(rows, found)]


def _answers(line: str) -> bool:
    """Return whether a line states an answer: by a label, a mark or an option's name alone."""
    return (
        OPEN in line
        or has("inner_label", line[:NEAR])
        or PATTERNS["option_line"].fullmatch(line) is not None
    )


def _without_lists(line: str, found: list[Statement]) -> list[Statement]:
    """Drop the options that a line lists: answers that differ, with no conclusion between them."""
    runs: list[list[Statement]] = []
    for one in found:
        between = line[max(runs[-1][-1].end, one.start - NEAR) : one.start] if runs else ""
        if runs and not has("change_of_mind", between) and not has("concludes", between):
            runs[-1].append(one)
        else:
            runs.append([one])
    return [
        one
        for run in runs
        if len({each.value for each in run}) == 1 and not any(each.note for each in run)
        for one in run
    ]


def _in_line(line: str, lead: str, above: str, below: str) -> Iterator[Statement]:
    """Yield the answers of one line, with offsets relative to the line."""
    if OPEN in line:
        for mark in _MARK.finditer(line):
            value = _read_value(mark[1], short=True)
            before = lead + " " + _before(line, mark.start()).replace(OPEN, "")
            if value:
                one = Statement(mark.start(), mark.end(), "line", value, mark[1])
                listed = _LISTED.match(line, mark.end()) or in_doubt(before[-200:])
                yield one.unclear("not an answer") if listed else one
        return
    start = 0
    label = PATTERNS["label"].match(line)
    if label and begins("perspective_heading", above):
        return
    if label and not in_doubt(lead[-200:]):
        own = line[label.end() :].strip(" :.-")
        if not own or label["bare"] is not None:
            # The value stands on the next line, alone.
            if value := _whole_line(below):
                yield Statement(0, len(line) + 1 + len(below), "line", value, f"{line} {below}")
            return
        value = _read_value(_value_of(line, label.end()), short=label["answer"] is not None)
        if value:
            if has("alternative", lead[-100:]):
                value = "unclear"
            firm = label["answer"] is not None and label["mark"] is not None
            yield Statement(0, label.end() + 1, "line", value, line, firm=firm)
            start = label.end() + 1
    for inner in PATTERNS["inner_label"].finditer(line, start):
        before = lead + " " + _before(line, inner.start())
        rest = _value_of(line, inner.end())
        stop = PATTERNS["sentence_end"].search(rest)
        value = _read_value(rest[: stop.start() + 1] if stop else rest, short=False)
        if value is None:
            continue
        words = line[inner.start() : inner.end() + NEAR]
        one = Statement(inner.start(), inner.end() + 1, "line", value, words, firm=False)
        if (
            (stop and rest[stop.start()] == "?")
            or rest[:2].endswith("?")
            or value == "unclear"
            or in_doubt(before[-200:])
            or has("alternative", before[-100:])
            or begins("if_after", rest)
        ):
            one = one.unclear("not an answer")
        yield one


def _value_of(line: str, start: int) -> str:
    """Return the text after a label, up to the next label."""
    rest = line[start : start + NEAR]
    following = PATTERNS["inner_label"].search(rest)
    return rest[: following.start()] if following else rest


def _before(line: str, end: int) -> str:
    """Return the part of a sentence before an offset, from the `NEAR` characters before it."""
    return after_last("sentence_end", line[max(0, end - NEAR) : end])


def _whole_line(line: str) -> Value | None:
    """Return the value of a line that consists of a value, or of a value and its reason."""
    if OPEN in line:
        return None
    if found := PATTERNS["option_line"].fullmatch(line):
        return _option(found)
    if re.match(r"(?i:(?:the )?(?:patient )?[ab]\b|i |give|choose|flip)", line) and len(line) < 300:
        value = _read_value(line, short=False)
        headed = begins("description_head", line) or re.match(r"[ABab]\s?[:(-]", line)
        return value if value != "unclear" and not headed else None
    return None


def _option(found: re.Match[str]) -> Value:
    if found["coin"]:
        return "COIN"
    if found["even"]:
        return "even"
    return patient(found["letter"] or found["named"] or found["glued"])


def _lone_lines(rows: list[tuple[int, str]], found: list[Statement]) -> list[Statement]:
    """Read a first or last line that is an option's name, unless it heads a description."""
    named = [
        (at, line, _option(one))
        for at, line in rows
        if (one := PATTERNS["option_line"].fullmatch(line))
    ]
    if not named and len(rows) == 1 and not found:
        return _one_liner(rows[0][1])
    if not named or len({value for _, _, value in named}) > 1:
        return []
    at, line, value = named[-1] if named[-1][0] == rows[-1][0] else named[0]
    if at not in (rows[0][0], rows[-1][0]) or (value == "even" and len(rows) > 1):
        return []
    heads = [PATTERNS["description_head"].match(row) for _, row in rows]
    if len(rows) > 1 and at == rows[0][0] and {one["letter"] for one in heads if one} - {value}:
        return []
    if (found and at < found[-1].start) or any(one.start == at for one in found):
        return []
    adjacent = bool(found) and len(rows) > 1 and found[-1].start == rows[-2][0]
    return [Statement(at, at + len(line), "line", value, line, firm=False, adjacent=adjacent)]


def _one_liner(line: str) -> list[Statement]:
    """Read a text of one line that opens with an option.

    An option that is a sentence of its own is the answer, unless another sentence is the other
    option's name or heads its description. In any other text the other option must not be named.
    """
    if not begins("one_liner", line) or "?" in line:
        return []
    first, _, rest = line.partition(". ")
    alone = PATTERNS["option_line"].fullmatch(first)
    if alone and begins("reason_follows", rest):
        chosen = _option(alone)
        others = PATTERNS["option_sentence"].finditer(rest)
        if all(patient(other["letter"]) == chosen for other in others):
            return [Statement(0, len(first), "line", chosen, first, firm=False)]
    if not_meant("", line):
        return []
    value = _read_value(line, short=False)
    if value not in CHOICES or letters_in(line) - {value}:
        return []
    return [Statement(0, len(line), "line", value, line, firm=False)]


def _read_value(rest: str, *, short: bool) -> Value | None:
    """Return the value at the start of `rest`, or None if `rest` starts with other prose.

    With `short`, a value of few words that names no option is unclear.
    """
    found = PATTERNS["value"].match(rest)
    if found is None:
        bare = rest.strip(" .\"'()[]")
        return "unclear" if short and 0 < len(bare) <= 25 else None
    after = rest[found.end() :]
    if found["even"]:
        if found["even"].lower() == "either" and re.match(r"[\s\w]{0,9}\b[AB]\b", after):
            return "unclear"
        return None if re.search(r"(?i:\bbut\b|\bhowever\b)", after) else "even"
    if found["no"]:
        return "refusal"
    if begins("unfit_after_value", after):
        return "unclear" if re.match(r"\W*(?i:if|unless|\?)", after) else None
    value: Value = "COIN" if found["coin"] else patient(found["letter"] or found["glued"])
    sentence = re.split(r"[.;!?](?:\s|$)|\b(?:because|since)\b", after[:200], maxsplit=1)[0]
    if (
        has("condition", PATTERNS["if_forced"].sub("", sentence))
        or begins("denied_after", after)
        or (begins("broken_off", after) and re.search(r"\b[AB]\W*$", after[:120]))
        or lists_another(after, value)
        or re.match(r"\W{0,4}(?i:or)\b", after)
    ):
        return "unclear"
    if value == "COIN":
        return value
    if any(second["letter"] != value for second in PATTERNS["second_condition"].finditer(after)):
        return "unclear"
    named = found["glued"] or PATTERNS["noun_before"].search(rest, 0, found.start("letter"))
    return value if named or begins("after_letter", after) else None
