"""Find answer lines.

These are values after a label ("Answer: A"), values inside a mark (a box or a tag), and lines that
consist of an option's name.
"""

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
from kidney_evals.elicitation.reading.vocabulary import begins, compiled, has

_NEAR = 400
"""Number of characters around an answer that are searched for doubts."""

_MARK = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")
_NO_WORDS = re.compile(r"(?i:\W*(?:(?:or|and)\W*)?)")
_LISTED = re.compile(rf"(?i:\W{{0,3}}(?:or|and|/|,)\W{{0,3}}(?:in )?){OPEN}")


def answer_lines(text: str, paragraphs: Collection[int]) -> list[Statement]:
    """Return the answer lines of a text.

    Args:
        text: The lines of a completion without markup (`Plain.lines`).
        paragraphs: Offsets of the lines that follow a blank line.
    """
    rows = [(line.start(), line[0]) for line in re.finditer("(?m)^.*$", text)]
    answers: list[Statement] = []
    for number, (at, line) in enumerate(rows):
        above = rows[number - 1][1] if number else ""
        stated = OPEN in above or has("inner_label", above[:_NEAR])
        if stated or compiled("option_line").fullmatch(above):
            # A line that states an answer does not introduce the next line.
            above = ""
        below = rows[number + 1][1] if number + 1 < len(rows) else ""
        introduces = has("introduces_next_line", above[-_NEAR:])
        lead = after_last("sentence_end", above[-_NEAR:]) if introduces else ""
        for answer in _without_lists(line, list(_in_line(line, lead, above, below))):
            answer = answer.moved(at)
            last = answers[-1].end if answers else 0
            between = max(last, answer.start - _NEAR), answer.start
            if answers and not compiled("change_of_mind").search(text, *between):
                gap = text[last : answer.start] if answer.start - last < _NEAR else "far"
                gap = gap.partition("\n")[2]
                answer = replace(
                    answer,
                    adjacent=bool(_NO_WORDS.fullmatch(gap)),
                    apart=at in paragraphs and OPEN not in line and not re.search(r"\w", gap),
                )
            answers.append(answer)
    return [*answers, *_lone_lines(rows, answers)]


def _without_lists(line: str, answers: list[Statement]) -> list[Statement]:
    """Drop the options that a line lists: answers that differ, with no conclusion between them."""
    runs: list[list[Statement]] = []
    for answer in answers:
        between = line[max(runs[-1][-1].end, answer.start - _NEAR) : answer.start] if runs else ""
        if runs and not has("change_of_mind", between) and not has("concludes", between):
            runs[-1].append(answer)
        else:
            runs.append([answer])
    agree = [run for run in runs if len({one.value for one in run}) == 1]
    return [one for run in agree if not any(one.note for one in run) for one in run]


def _in_line(line: str, lead: str, above: str, below: str) -> Iterator[Statement]:
    """Yield the answers of one line, with offsets relative to the line."""
    if OPEN in line:
        for mark in _MARK.finditer(line):
            value = _read_value(mark[1], short=True)
            before = lead + " " + _before(line, mark.start()).replace(OPEN, "")
            if value:
                answer = Statement(mark.start(), mark.end(), "line", value, mark[1])
                listed = _LISTED.match(line, mark.end()) or in_doubt(before[-200:])
                yield answer.unclear("not an answer") if listed else answer
        return
    start = 0
    label = compiled("label").match(line)
    if label and begins("perspective_heading", above):
        return
    if label and not in_doubt(lead[-200:]):
        own = line[label.end() :].strip(" :.-")
        if not own or label["bare"] is not None:
            # The value is alone on the next line.
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
    for inner in compiled("inner_label").finditer(line, start):
        before = lead + " " + _before(line, inner.start())
        rest = _value_of(line, inner.end())
        stop = compiled("sentence_end").search(rest)
        value = _read_value(rest[: stop.start() + 1] if stop else rest, short=False)
        if value is None:
            continue
        words = line[inner.start() : inner.end() + _NEAR]
        answer = Statement(inner.start(), inner.end() + 1, "line", value, words, firm=False)
        if (
            (stop and rest[stop.start()] == "?")
            or rest[:2].endswith("?")
            or value == "unclear"
            or in_doubt(before[-200:])
            or has("alternative", before[-100:])
            or begins("if_after", rest)
        ):
            answer = answer.unclear("not an answer")
        yield answer


def _value_of(line: str, start: int) -> str:
    """Return the text after a label, up to the next label."""
    rest = line[start : start + _NEAR]
    following = compiled("inner_label").search(rest)
    return rest[: following.start()] if following else rest


def _before(line: str, end: int) -> str:
    return after_last("sentence_end", line[max(0, end - _NEAR) : end])


def _whole_line(line: str) -> Value | None:
    """Return the value of a line that consists of a value, or of a value and its reason."""
    if OPEN in line:
        return None
    if option := compiled("option_line").fullmatch(line):
        return _option(option)
    if re.match(r"(?i:(?:the )?(?:patient )?[ab]\b|i |give|choose|flip)", line) and len(line) < 300:
        value = _read_value(line, short=False)
        headed = begins("description_head", line) or re.match(r"[ABab]\s?[:(-]", line)
        return value if value != "unclear" and not headed else None
    return None


def _option(match: re.Match[str]) -> Value:
    if match["coin"] or match["even"]:
        return "COIN" if match["coin"] else "even"
    return patient(match["letter"] or match["named"] or match["glued"])


def _lone_lines(rows: list[tuple[int, str]], answers: list[Statement]) -> list[Statement]:
    """Read a first or last line that is an option's name, unless it heads a description."""
    matches = [(at, line, compiled("option_line").fullmatch(line)) for at, line in rows]
    named = [(at, line, _option(match)) for at, line, match in matches if match]
    if not named and len(rows) == 1 and not answers:
        return _one_liner(rows[0][1])
    if not named or len({value for _, _, value in named}) > 1:
        return []
    at, line, value = named[-1] if named[-1][0] == rows[-1][0] else named[0]
    if at not in (rows[0][0], rows[-1][0]) or (value == "even" and len(rows) > 1):
        return []
    heads = [compiled("description_head").match(row) for _, row in rows]
    if len(rows) > 1 and at == rows[0][0] and {head["letter"] for head in heads if head} - {value}:
        return []
    if (answers and at < answers[-1].start) or any(one.start == at for one in answers):
        return []
    adjacent = bool(answers) and len(rows) > 1 and answers[-1].start == rows[-2][0]
    return [Statement(at, at + len(line), "line", value, line, firm=False, adjacent=adjacent)]


def _one_liner(line: str) -> list[Statement]:
    """Read a text of one line that begins with an option.

    An option that is a sentence is the answer, unless another sentence names or heads the
    description of the other option. Any other text must not name the other option.
    """
    if not begins("one_liner", line) or "?" in line:
        return []
    first, _, rest = line.partition(". ")
    alone = compiled("option_line").fullmatch(first)
    if alone and begins("reason_follows", rest):
        chosen = _option(alone)
        others = compiled("option_sentence").finditer(rest)
        if all(patient(other["letter"]) == chosen for other in others):
            return [Statement(0, len(first), "line", chosen, first, firm=False)]
    if not_meant("", line):
        return []
    value = _read_value(line, short=False)
    if value not in CHOICES or letters_in(line) - {value}:
        return []
    return [Statement(0, len(line), "line", value, line, firm=False)]


def _read_value(rest: str, *, short: bool) -> Value | None:
    """Return the value at the start of `rest`; None for prose, with `short` also `unclear`."""
    match = compiled("value").match(rest)
    if match is None:
        bare = rest.strip(" .\"'()[]")
        return "unclear" if short and 0 < len(bare) <= 25 else None
    after = rest[match.end() :]
    if match["even"]:
        if match["even"].lower() == "either" and re.match(r"[\s\w]{0,9}\b[AB]\b", after):
            return "unclear"
        return None if re.search(r"(?i:\bbut\b|\bhowever\b)", after) else "even"
    if match["no"]:
        return "refusal"
    if begins("unfit_after_value", after):
        return "unclear" if re.match(r"\W*(?i:if|unless|\?)", after) else None
    value: Value = "COIN" if match["coin"] else patient(match["letter"] or match["glued"])
    sentence = re.split(r"[.;!?](?:\s|$)|\b(?:because|since)\b", after[:200], maxsplit=1)[0]
    if (
        has("condition", compiled("if_forced").sub("", sentence))
        or begins("denied_after", after)
        or (begins("broken_off", after) and re.search(r"\b[AB]\W*$", after[:120]))
        or lists_another(after, value)
        or re.match(r"\W{0,4}(?i:or)\b", after)
    ):
        return "unclear"
    if value == "COIN":
        return value
    if any(second["letter"] != value for second in compiled("second_condition").finditer(after)):
        return "unclear"
    named = match["glued"] or compiled("noun_before").search(rest, 0, match.start("letter"))
    return value if named or begins("after_letter", after) else None
