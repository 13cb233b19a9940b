"""Read the values that a model states: ratings, a ranking, a rule, percentages.

The reader never guesses, and never reads hidden reasoning. The last answer line counts; a rating or
percentage that it lacks is taken from an earlier answer line. Without an answer line, only a text
in the requested form counts. An answer that lacks an attribute or option that was asked for, has a
number outside 0 to 100 or gives two values for one of them is unreadable, or truncated if the
output was cut off. In truncated output, ratings or percentages that end in a digit do not count,
since their last number may be half a number.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

from kidney_evals.elicitation.reading.answers import CUT_STOPS, read_answer
from kidney_evals.elicitation.reading.text import excerpt, plain
from kidney_evals.elicitation.stated_questions import LETTERS, StatedKind, attribute_named
from kidney_evals.studies import Study

_LONGEST = 400
"""Maximum number of characters of an entry; a longer entry is prose."""


class _Fault(ValueError):
    """An answer that cannot be read; the message is the reason, in a short phrase."""


@dataclass(frozen=True)
class StatedQuestion:
    """A question about values."""

    kind: StatedKind
    # The attributes, kinds of pairs or rules by the words that name each (a rule: its letter).
    words: Mapping[str, str]
    # For `swings` and `ranking`, the ends (a) and (b) of each attribute in words.
    ends: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @cached_property
    def names(self) -> list[str]:
        """The names of the attributes or options, each once."""
        return list(dict.fromkeys(self.words.values()))

    @cached_property
    def any_name(self) -> str:
        """A regular expression that matches the words of any name, longer words first.

        Group 1 is the match. Spaces, hyphens or underscores may separate its words.
        """
        words = sorted(self.words, key=len, reverse=True)
        return "(?i:(?<![\\w])(" + "|".join(map(_spelt, words)) + ")(?![\\w]))"

    def named(self, text: str) -> str:
        """Return the attribute or option whose words are `text`, a match of `any_name`."""
        matches = (re.fullmatch(_spelt(words), text, re.IGNORECASE) for words in self.words)
        return next(name for name, match in zip(self.words.values(), matches, strict=True) if match)


@dataclass(frozen=True)
class StatedReading:
    """The stated values read from one completion.

    Attributes:
        outcome: "unreadable" is text without an answer in the requested form.
        how: The text that was read, or the reason why nothing was read, in a short phrase.
        numbers: The numbers of an answer, by attribute or kind of pair. For the question `swings`,
            the rating, 0 to 100; for `ranking`, the rank, from 1, where tied attributes share the
            mean of their ranks; for `flip`, the percentage. Empty for `rule`.
        ends: For `swings`, the favoured end by attribute: "a", "b" or "none" (with rating 0 only).
        rule: For `rule`, the id of the rule.
    """

    outcome: Literal["answer", "refusal", "truncated", "empty", "unreadable"]
    how: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""


def stated_question(metadata: Mapping[str, Any], study: Study) -> StatedQuestion:
    """Return the question of a sample, with the names that its answer may hold.

    Args:
        metadata: The sample's metadata.
        study: The study of the question.
    """
    kind: StatedKind = metadata["question"]
    if kind in ("rule", "flip"):
        options = str(metadata.get("options", "")).split()
        named = LETTERS if kind == "rule" else options
        return StatedQuestion(kind, dict(zip(named, options, strict=False)))
    words: dict[str, str] = {}
    ends: dict[str, tuple[str, str]] = {}
    for name in str(metadata["shown"]).split():
        attribute = attribute_named(study, name)
        words |= {one: name for one in (name, attribute.label) if one not in words}
        a, b = (attribute.describe(float(metadata[f"end_{end}_{name}"])) for end in "ab")
        ends[name] = a, b
    return StatedQuestion(kind, words, ends)


def read_stated(text: str, asked: StatedQuestion, *, stop: str = "stop") -> StatedReading:
    """Read the values stated in a completion.

    Args:
        text: The completion's visible text.
        asked: The question.
        stop: Inspect's stop reason; see `read_answer`.
    """
    shown = plain(text)
    cut = stop in CUT_STOPS or shown.hidden_open
    read = {"rule": _rule, "ranking": _ranking, "swings": _numbers, "flip": _numbers}[asked.kind]
    try:
        reading = read(shown.lines, asked, cut)
    except _Fault as fault:
        return StatedReading("truncated" if cut else "unreadable", str(fault))
    if reading is not None:
        return reading
    # Without an answer line, the reader of choices recognizes refusals, cuts and empty texts.
    other = read_answer(text, condition="forced_choice", stop=stop)
    if other.outcome in ("refusal", "truncated", "empty"):
        return StatedReading(other.outcome, other.how)
    return StatedReading("truncated" if cut else "unreadable", "no answer line")


def signed_ratings(
    reading: StatedReading, study: Study, metadata: Mapping[str, Any]
) -> dict[str, float]:
    """Return the ratings in an answer to the question `swings` by attribute, -100 to 100.

    A rating is positive if the model favours the end of the attribute's range that the study marks
    as favoured.

    Args:
        reading: The answer.
        study: The study of the question.
        metadata: Metadata of the sample, which say which end was shown as (a) and which as (b).
    """
    signed = {}
    for attribute in study.attributes:
        end, rating = reading.ends[attribute.id], reading.numbers[attribute.id]
        liked = end != "none" and metadata[f"end_{end}_{attribute.id}"] == attribute.ends[1]
        signed[attribute.id] = rating if liked else 0.0 - rating
    return signed


_MARK = re.compile(
    r"^\W*(?i:(?:(?:my|the|final|here is|here are) ){0,3}answers?)(?: ?\([^()\n]{0,40}\))?"
    r"(?i: is| are)?\W{0,3}[:=]\s*|\bANSWERS?\s{0,2}[:=]\s*",
    re.MULTILINE,
)
"""An answer mark ("ANSWER:")."""


def _blocks(lines: str) -> list[str]:
    """Return the texts after each answer mark, the last first."""
    marks = list(_MARK.finditer(lines))
    ends = [*(mark.start() for mark in marks[1:]), len(lines)]
    return [lines[mark.end() : end] for mark, end in zip(marks, ends, strict=False)][::-1]


def _spelt(word: str) -> str:
    return r"[\s_-]{1,3}".join(re.escape(part) for part in re.split(r"[\s_-]+", word))


def _numbers(lines: str, asked: StatedQuestion, cut: bool) -> StatedReading | None:
    """Read a rating, or a percentage, for every name, from the last answer mark back."""
    entries: dict[str, str] = {}
    for part in _blocks(lines) or ([] if cut else [lines]):
        own: dict[str, str] = {}
        for name, value in _entries(part, asked):
            if own.setdefault(name, value) != value:
                raise _Fault(f"two things are said of {name}")
        entries = own | entries
        if len(entries) == len(asked.names):
            break
    if not entries:
        return None
    if missing := [name for name in asked.names if name not in entries]:
        raise _Fault(f"no number for {', '.join(missing)}")
    if cut and re.search(r"\d\s*$", lines):
        raise _Fault("cut off, perhaps within a number")
    values: dict[str, tuple[str, float]] = {}
    for name in asked.names:
        entry = entries[name]
        ends = asked.ends.get(name)
        values[name] = _swing(name, ends, entry) if ends else ("", _number(name, entry))
    shown = "; ".join(
        f"{name}={end}:{value:g}" if end else f"{name}={value:g}"
        for name, (end, value) in values.items()
    )
    return StatedReading(
        "answer",
        f"read as “{shown}”",
        numbers={name: value for name, (_, value) in values.items()},
        ends={name: end for name, (end, _) in values.items() if end},
    )


def _entries(part: str, asked: StatedQuestion) -> Iterator[tuple[str, str]]:
    """Yield each name that is followed by a value, and the words of the value."""
    matches = list(re.finditer(rf"{asked.any_name}['\"\])\s]*(?:[=:]|-?>)\s*", part))
    ends = [*(match.start() for match in matches[1:]), len(part)]
    for match, end in zip(matches, ends, strict=False):
        value = re.split(r"[\n;]", part[match.end() : min(end, match.end() + _LONGEST)], maxsplit=1)
        words = value[0].strip(" ,.\t|'\"")
        # Without a number the name opens a sentence.
        if re.search(r"\d", words):
            yield asked.named(match[1]), words.lower()


_NUMBER = re.compile(
    r"(?:[\s:=,|/(\[>~@]|about|around|rating|weight|score|importance|points?|with|at|- )*"
    r"(?P<number>[-+]?\d{1,6}(?:[.,]\d{1,3})?)"
    r"\s*(?:%|percent|per cent|points?|pts?|/ ?100|(?:out )?of 100)?\W*"
)


def _number(name: str, words: str) -> float:
    """Return the number, 0 to 100, in an entry in lower case."""
    match = _NUMBER.fullmatch(re.sub(r"\s*\([^()\d]*\)\W*$", "", words))
    if match is None:
        raise _Fault(f"“{excerpt(words, 60)}” is no number for {name}")
    value = float(match["number"].replace(",", "."))
    if not 0 <= value <= 100:
        raise _Fault(f"{name} is given {value:g}, outside 0 to 100")
    return value


_FIELD = re.compile(
    r"['\"]?\b(?:end|side|extreme|favou?red|favou?rs?|prefer(?:red)?|option)\b['\"]?[\s:=]*"
)
_LETTER = re.compile(r"[\s'\"(\[]*([ab])(?![\w])['\")\]]*")
_NONE = re.compile(r"[\s'\"(\[]*(?:none|neither|no end|n/a|-)(?![\w])['\")\]]*")


def _swing(name: str, ends: tuple[str, str], words: str) -> tuple[str, float]:
    """Return the favoured end in an entry ("a", "b", "none") and the rating, 0 to 100."""
    rest = _FIELD.sub("", words)
    letter = _LETTER.match(rest)
    if letter:
        rest = rest[letter.end() :]
    spoken, rest = _spoken_end(ends, rest)
    if letter and spoken and letter[1] != spoken:
        raise _Fault(f"“{excerpt(words, 60)}” names both ends of {name}")
    end = letter[1] if letter else spoken
    if end is None and (neither := _NONE.match(rest)):
        end, rest = "none", rest[neither.end() :]
    value = _number(name, rest)
    # An attribute that does not matter has no favoured end.
    if end in (None, "none") and value > 0:
        raise _Fault(f"“{excerpt(words, 60)}” names no end of {name}")
    return end or "none", value


def _spoken_end(ends: tuple[str, str], rest: str) -> tuple[str | None, str]:
    """Return the end whose words an entry begins with, and the text after it."""
    spelt = [(letter, text.lower()) for letter, text in zip("ab", ends, strict=True)]
    for letter, text in sorted(spelt, key=lambda end: -len(end[1])):
        numeral = re.match(r"\d+", text)
        forms = [_spelt(text)] + ([re.escape(numeral[0]) + r"(?=\s*[:=,|])"] if numeral else [])
        for form in forms:
            # A number without a following number is a rating, not an end.
            if match := re.match(rf"[\s:=,(\[|'\"-]*(?:{form})(?![\w])[)\]'\"]*(?=.*\d)", rest):
                return letter, rest[match.end() :]
    return None, rest


def _ranking(lines: str, asked: StatedQuestion, cut: bool) -> StatedReading | None:
    """Read ranks by name; without a mark, only from a line with every name once and ">" between."""
    count = len(asked.names)
    parts = _blocks(lines)
    if not parts and not cut:
        parts = [line for line in lines.split("\n")[::-1] if ">" in line]
        parts = [line for line in parts if len(_mentions(line, asked)) == count]
    for part in parts:
        first = part.split("\n", 1)[0]
        text = first if len(_mentions(first, asked)) == count else part
        if mentions := _mentions(text, asked):
            ranks = _ranks(text, mentions, asked)
            order = sorted(ranks, key=lambda name: ranks[name])
            chain = order[0]
            for above, name in pairwise(order):
                chain += f" {'=' if ranks[above] == ranks[name] else '>'} {name}"
            return StatedReading("answer", f"read as “{chain}”", ranks)
    return None


def _mentions(text: str, asked: StatedQuestion) -> dict[str, re.Match[str]]:
    """Return each name's first mention, in the order of the text."""
    mentions: dict[str, re.Match[str]] = {}
    for match in re.finditer(asked.any_name, text):
        mentions.setdefault(asked.named(match[1]), match)
    return mentions


def _ranks(
    text: str, mentions: Mapping[str, re.Match[str]], asked: StatedQuestion
) -> dict[str, float]:
    if missing := [name for name in asked.names if name not in mentions]:
        raise _Fault(f"the ranking lacks {', '.join(missing)}")
    places = list(mentions.values())
    numbers = [re.match(r"['\"\])\s]*[=:]\s*(\d+)\b(?!\s*%)", text[one.end() :]) for one in places]
    if all(numbers):
        stated = [int(number[1]) for number in numbers if number]
        if sorted(stated) != list(range(1, len(places) + 1)):
            raise _Fault("the numbers behind the names are no ranks")
        return dict(zip(mentions, map(float, stated), strict=True))
    order = list(mentions)
    gaps = [text[one.end() : two.start()] for one, two in pairwise(places)]
    if any("<" in gap for gap in gaps):
        if any(">" in gap for gap in gaps):
            raise _Fault("the ranking runs both ways")
        order, gaps = order[::-1], gaps[::-1]
    levels = [0]
    for gap in gaps:
        tied = re.search(r"[=~≈]", gap) is not None and ">" not in gap and "<" not in gap
        levels.append(levels[-1] if tied else len(levels))
    # Tied names share the mean of their ranks.
    return {
        name: level + (levels.count(level) + 1) / 2
        for name, level in zip(order, levels, strict=True)
    }


_OPTION = r"\W{0,20}(?i:(?:option|rule|letter|choice) )?\W{0,20}"


def _rule(lines: str, asked: StatedQuestion, cut: bool) -> StatedReading | None:
    """Read the letter of a rule. Without a mark, only a last line counts that is only a letter."""
    every = "".join(asked.words)
    if parts := _blocks(lines):
        firsts = (part.strip().split("\n", 1)[0] for part in parts)
        text = next(filter(None, firsts), "")
        if not text:
            return None
        match = re.match(rf"{_OPTION}([{every}{every.lower()}])(?=\W*$|\s*[).:,;(\]\"'—-])", text)
        if match is None:
            raise _Fault(f"“{excerpt(text, 60)}” is no letter that was offered")
        others = re.findall(rf"(?:\bor\b|\band\b|[,/&+])\s*\(?([{every}])\b", text[match.end() :])
        if any(other != match[1].upper() for other in others):
            raise _Fault(f"“{excerpt(text, 60)}” names more than one letter")
    else:
        text = lines.rstrip().rsplit("\n", 1)[-1]
        match = re.fullmatch(rf"{_OPTION}([{every}])\W*", text)
        if match is None or cut:
            return None
    rule = asked.words[match[1].upper()]
    return StatedReading("answer", f"read from “{excerpt(text, 60)}”", rule=rule)
