"""Find the answer lines of a completion: labels, marks, lines that are an option's name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from kidney_evals.elicitation import _commitments as commitments
from kidney_evals.elicitation import _doubts as doubts
from kidney_evals.elicitation import _options as options
from kidney_evals.elicitation._statement import (
    SENTENCE_END,
    Statement,
    Value,
    in_doubt,
    last_sentence,
    lists_another,
    not_meant,
    patient,
)
from kidney_evals.elicitation._text import CLOSE, OPEN

_MARK = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")
_LEADS_IN = re.compile(r"(?i::$|^\W*(?:if|when|under|from|by|on|for)\b[^.!?]{0,80}$)")
"""A line that introduces the answer on the next line."""
_VIEW = re.compile(
    r"(?i:(?!.{0,60}\b(?:my|final|overall|conclu|select|chosen))[^.!?]{0,60}\b(?:view|"
    r"perspective|lens|approach|"
    r"framework|scenario|reading|option|case)\b[^.!?]{0,20}$)"
)
"""A heading of one perspective or scenario; the answer below it is one of several."""
NEAR = 400
"""Number of characters around an answer that are searched for doubts."""
_NO_WORDS = re.compile(r"(?i:\W*(?:(?:or|and)\W*)?)")
_CONCLUDES = re.compile(r"(?i:(?!.*\bor\b).*\b(?:i|i'd|i'll|my)\b)")
_IF_AFTER = re.compile(r"[^.;]{0,60}\b(?i:if|unless|were)\b")
_LISTED = re.compile(rf"(?i:\W{{0,3}}(?:or|and|/|,)\W{{0,3}}(?:in )?){OPEN}")


def answer_lines(text: str, paragraphs: Collection[int] = ()) -> list[Statement]:
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
        lead = last_sentence(above[-NEAR:]) if _LEADS_IN.search(above[-NEAR:]) else ""
        for one in _chosen(line, list(_in_line(line, lead, above, below))):
            one = replace(one, at=at + one.at, end=at + one.end)
            if found and not doubts.CHANGE.search(text, max(found[-1].end, one.at - NEAR), one.at):
                gap = text[found[-1].end : one.at] if one.at - found[-1].end < NEAR else "far"
                between = _after_line(gap)
                one = replace(
                    one,
                    adjacent=bool(_NO_WORDS.fullmatch(between)),
                    apart=at in paragraphs and OPEN not in line and not re.search(r"\w", between),
                )
            found.append(one)
    return [*found, *_lone_lines(rows, found)]


def _answers(line: str) -> bool:
    """Return whether a line states an answer: by a label, a mark or an option's name alone."""
    return (
        OPEN in line
        or options.MID_LABEL.search(line[:NEAR]) is not None
        or options.LINE_OPTION.fullmatch(line) is not None
    )


def _after_line(gap: str) -> str:
    """Return the text between two answers that follows the line of the first."""
    return gap.partition("\n")[2]


def _chosen(line: str, found: list[Statement]) -> list[Statement]:
    """Drop the options that a line lists: answers that differ, with no conclusion between them."""
    runs: list[list[Statement]] = []
    for one in found:
        between = line[max(runs[-1][-1].end, one.at - NEAR) : one.at] if runs else ""
        if runs and not doubts.CHANGE.search(between) and not _CONCLUDES.search(between):
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
    label = options.LABEL.match(line)
    if label and _VIEW.match(above):
        return
    if label and not in_doubt(lead[-200:]):
        rest = _value_of(line, label.end())
        own = line[label.end() :].strip(" :.-")
        if not own or label["bare"] is not None:
            # The value stands on the next line, alone.
            whole = _whole_line(below)
            if whole:
                yield Statement(0, len(line) + 1 + len(below), "line", whole, f"{line} {below}")
            return
        value = _read_value(rest, short=label["answer"] is not None)
        if value:
            if value != "unclear" and doubts.ALTERNATIVE.search(lead[-100:]):
                value = "unclear"
            firm = label["answer"] is not None and label["mark"] is not None
            yield Statement(0, label.end() + 1, "line", value, line, firm=firm)
            start = label.end() + 1
    for inner in options.MID_LABEL.finditer(line, start):
        before = lead + " " + _before(line, inner.start())
        rest = _value_of(line, inner.end())
        stop = SENTENCE_END.search(rest)
        value = _read_value(rest[: stop.start() + 1] if stop else rest, short=False)
        if value is None:
            continue
        words = line[inner.start() : inner.end() + NEAR]
        one = Statement(inner.start(), inner.end() + 1, "line", value, words, firm=False)
        asked = (stop and rest[stop.start()] == "?") or rest[:2].endswith("?")
        if (
            asked
            or value == "unclear"
            or in_doubt(before[-200:])
            or doubts.ALTERNATIVE.search(before[-100:])
            or _IF_AFTER.match(rest)
        ):
            one = one.unclear("not an answer")
        yield one


def _value_of(line: str, start: int) -> str:
    """Return the text after a label, up to the next label."""
    rest = line[start : start + NEAR]
    following = options.MID_LABEL.search(rest)
    return rest[: following.start()] if following else rest


def _before(line: str, end: int) -> str:
    """Return the part of a sentence before an offset, from the `NEAR` characters before it."""
    return last_sentence(line[max(0, end - NEAR) : end])


def _whole_line(line: str) -> Value | None:
    """Return the value of a line that consists of a value, or of a value and its reason."""
    if OPEN in line:
        return None
    if found := options.LINE_OPTION.fullmatch(line):
        return _option(found)
    if re.match(r"(?i:(?:the )?(?:patient )?[ab]\b|i |give|choose|flip)", line) and len(line) < 300:
        value = _read_value(line, short=False)
        headed = options.HEADED.match(line) or re.match(r"[ABab]\s?[:(-]", line)
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
        if (one := options.LINE_OPTION.fullmatch(line))
    ]
    if not named and len(rows) == 1 and not found:
        return _one_liner(rows[0][1])
    if not named or len({value for _, _, value in named}) > 1:
        return []
    at, line, value = named[-1] if named[-1][0] == rows[-1][0] else named[0]
    if at not in (rows[0][0], rows[-1][0]) or (value == "even" and len(rows) > 1):
        return []
    described = {head["letter"] for _, row in rows if (head := options.HEADED.match(row))}
    if len(rows) > 1 and at == rows[0][0] and described - {value}:
        return []
    if (found and at < found[-1].at) or any(one.at == at for one in found):
        return []
    adjacent = bool(found) and len(rows) > 1 and found[-1].at == rows[-2][0]
    return [Statement(at, at + len(line), "line", value, line, firm=False, adjacent=adjacent)]


def _one_liner(line: str) -> list[Statement]:
    """Read a text of one line that opens with an option.

    An option that is a sentence of its own is the answer, unless another sentence is the other
    option's name or heads its description. In any other text the other option must not be named.
    """
    if not options.ONE_LINER.match(line) or "?" in line:
        return []
    first, _, rest = line.partition(". ")
    alone = options.LINE_OPTION.fullmatch(first)
    if alone and options.GOES_ON.match(rest):
        chosen = _option(alone)
        if all(patient(other["letter"]) == chosen for other in options.OPENS.finditer(rest)):
            return [Statement(0, len(first), "line", chosen, first, firm=False)]
    if not_meant("", line):
        return []
    letters = set(re.findall(r"\b[AB]\b", line))
    value = _read_value(line, short=False)
    if value not in ("A", "B", "COIN") or letters - {value}:
        return []
    return [Statement(0, len(line), "line", value, line, firm=False)]


def _read_value(rest: str, *, short: bool) -> Value | None:
    """Return the value at the start of `rest`, or None if `rest` starts with other prose.

    With `short`, a value of few words that names no option is unclear.
    """
    found = options.VALUE.match(rest)
    if found is None:
        bare = rest.strip(" .\"'()[]")
        return "unclear" if short and 0 < len(bare) <= 25 else None
    after = rest[found.end() :]
    if found["even"]:
        word = found["even"].lower()
        if word == "either" and re.match(r"[\s\w]{0,9}\b[AB]\b", after):
            return "unclear"
        return None if re.search(r"(?i:\bbut\b|\bhowever\b)", after) else "even"
    if found["no"]:
        return "refusal"
    if options.UNFIT_AFTER.match(after):
        return "unclear" if re.match(r"\W*(?i:if|unless|\?)", after) else None
    sentence = re.split(r"[.;!?](?:\s|$)|\b(?:because|since)\b", after[:200], maxsplit=1)[0]
    if doubts.CONDITION.search(commitments.FORCED_IF.sub("", sentence)):
        return "unclear"
    value: Value = "COIN" if found["coin"] else patient(found["letter"] or found["glued"])
    if doubts.DENIED_AFTER.match(after):
        return "unclear"
    if doubts.BROKEN_OFF.match(after) and re.search(r"\b[AB]\W*$", after[:120]):
        return "unclear"
    if lists_another(after, value) or re.match(r"\W{0,4}(?i:or)\b", after):
        return "unclear"
    if value == "COIN":
        return value
    if any(second["letter"] != value for second in options.SPLIT.finditer(after)):
        return "unclear"
    named = found["glued"] or options.NAMED_BEFORE.search(rest, 0, found.start("letter"))
    return value if named or options.AFTER_BARE.match(after) else None
