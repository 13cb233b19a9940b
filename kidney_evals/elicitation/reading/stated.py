"""Read what a model states of its own values: ratings, a ranking, a rule, percentages.

As with a choice between patients, the reader never guesses. Native refusals come first, hidden
reasoning is never read, and only an answer line counts: the last one, or a reply that is nothing
but one. A line that lacks a name, has a number outside 0 to 100 or gives two values for one name is
unreadable. In output that was cut off, a number at the very end may be half a number and does not
count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

from kidney_evals.elicitation.reading.answers import CUT_STOPS, NATIVE_REFUSAL, read_answer
from kidney_evals.elicitation.reading.text import excerpt, plain
from kidney_evals.elicitation.stated_questions import LETTERS, StatedKind, attribute_named
from kidney_evals.studies import Study

StatedOutcome = Literal["answer", "refusal", "truncated", "empty", "unreadable"]
"""The outcome of one question; `unreadable`: there is text, and no answer in the form asked for."""

LONGEST = 400
"""Number of characters of an entry that are read; a longer one is prose."""


class Fault(ValueError):
    """An answer line that cannot be taken as it stands; says why in a short phrase."""


@dataclass(frozen=True)
class Named:
    """Something that an answer names.

    Attributes:
        name: Its id.
        words: What it may be called in an answer: its id and its label; a rule's letter.
        ends: The two ends of an attribute in words, (a) and (b); empty where none are asked for.
    """

    name: str
    words: tuple[str, ...]
    ends: tuple[str, str] | tuple[()] = ()


@dataclass(frozen=True)
class Rule:
    """A rule that was named, and the words that named it."""

    name: str
    words: str


@dataclass(frozen=True)
class Asked:
    """What one question asked for.

    Attributes:
        kind: Which of the four questions.
        names: What is rated, ranked or put a percentage to; for `rule`, the rules by letter.
    """

    kind: StatedKind
    names: tuple[Named, ...]


@dataclass(frozen=True)
class StatedReading:
    """What was read from one answer.

    Attributes:
        outcome: What became of the question.
        how: What was read and why, in a short phrase.
        numbers: By name, in an answer: for `swings` the rating, 0 to 100; for `ranking` the rank,
            from 1, tied names sharing the mean of theirs; for `flip` the percentage.
        ends: For `swings`, which end is favoured: "a", "b" or "none" (with rating 0 only).
        rule: For `rule`, the name of the rule.
    """

    outcome: StatedOutcome
    how: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""


def asked_of(metadata: Mapping[str, Any], study: Study) -> Asked:
    """Return what a sample asked for, from its metadata and its study's words alone."""
    kind: StatedKind = metadata["question"]
    if kind == "rule":
        options = str(metadata["options"]).split()
        named = zip(LETTERS[: len(options)], options, strict=True)
        return Asked(kind, tuple(Named(name, (letter,)) for letter, name in named))
    if kind == "flip":
        return Asked(kind, tuple(Named(name, (name,)) for name in metadata["options"].split()))
    names = []
    for name in str(metadata["shown"]).split():
        attribute = attribute_named(study, name)
        ends = tuple(attribute.describe(float(metadata[f"end_{end}_{name}"])) for end in "ab")
        names.append(Named(name, (name, attribute.label), (ends[0], ends[1])))
    return Asked(kind, tuple(names))


# The solver and the scorer read the same completion in turn.
@lru_cache(maxsize=256)
def read_stated(
    text: str, asked: Asked, *, stop: str = "stop", refused: bool = False
) -> StatedReading:
    """Read the answer stated in a completion.

    Args:
        text: The completion's visible text.
        asked: What the question asked for.
        stop: Inspect's reason why the model stopped, as in `read_answer`.
        refused: Whether the provider itself marked the message as a refusal.

    Returns:
        The reading, with numbers or a rule exactly where `outcome` is `answer`.
    """
    if refused or stop == "content_filter":
        return StatedReading("refusal", NATIVE_REFUSAL)
    shown = plain(text)
    cut = stop in CUT_STOPS or shown.hidden_open
    try:
        found = _answer(shown.lines, asked, cut)
    except Fault as fault:
        return StatedReading("truncated" if cut else "unreadable", str(fault))
    if found is not None:
        return found
    # Without an answer line the reader of choices tells refusals, cuts and silence apart.
    other = read_answer(text, condition="forced_choice", stop=stop)
    if other.outcome in ("refusal", "truncated", "empty"):
        return StatedReading(other.outcome, other.how)
    return StatedReading("truncated" if cut else "unreadable", "no answer line")


def _answer(lines: str, asked: Asked, cut: bool) -> StatedReading | None:
    """Return the answer that a text states; None where nothing in it looks like one.

    Raises:
        Fault: Something does, and cannot be taken as it stands.
    """
    if asked.kind == "rule":
        rule = choice_in(lines, asked.names, marked_only=cut)
        if rule is None:
            return None
        return StatedReading("answer", f"read from “{rule.words}”", rule=rule.name)
    if asked.kind == "ranking":
        ranks = ranks_in(lines, asked.names, marked_only=cut)
        if ranks is None:
            return None
        return StatedReading("answer", f"read as “{_chain(ranks)}”", ranks)
    entries = entries_in(blocks(lines, marked_only=cut), asked.names)
    if not entries:
        return None
    missing = [one.name for one in asked.names if one.name not in entries]
    if missing:
        raise Fault(f"no number for {', '.join(missing)}")
    if cut and re.search(r"\d\s*$", lines):
        raise Fault("cut off, perhaps within a number")
    numbers: dict[str, float] = {}
    ends: dict[str, str] = {}
    for one in asked.names:
        if asked.kind == "flip":
            numbers[one.name] = number_of(one.name, entries[one.name])
        else:
            ends[one.name], numbers[one.name] = swing_of(one, entries[one.name])
    said = [
        f"{name}={ends[name]}:{value:g}" if ends else f"{name}={value:g}"
        for name, value in numbers.items()
    ]
    return StatedReading("answer", f"read as “{'; '.join(said)}”", numbers, ends)


def _chain(ranks: Mapping[str, float]) -> str:
    """Return ranks as an answer states them ("age > drinks = dependents")."""
    order = sorted(ranks, key=lambda name: ranks[name])
    words = order[0]
    for before, name in pairwise(order):
        words += (" = " if ranks[before] == ranks[name] else " > ") + name
    return words


def signed_ratings(
    reading: StatedReading, study: Study, metadata: Mapping[str, Any]
) -> dict[str, float]:
    """Return ratings of swings, positive where the end that most people favour is favoured.

    Args:
        reading: An answer to `swings`.
        study: The study; its order of attributes is that of the result.
        metadata: Of the sample: which end was (a) and which (b).
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
"""What stands before an answer."""


def blocks(lines: str, *, marked_only: bool) -> list[str]:
    """Return the parts of a text that may hold an answer, the last first.

    Each begins after an answer mark and ends at the next; where there is no mark, the whole text
    is one, unless `marked_only`.
    """
    marks = list(_MARK.finditer(lines))
    if not marks:
        return [] if marked_only else [lines]
    ends = [*(mark.start() for mark in marks[1:]), len(lines)]
    return [lines[mark.end() : end] for mark, end in zip(marks, ends, strict=True)][::-1]


def entries_in(parts: Sequence[str], names: Sequence[Named]) -> dict[str, str]:
    """Return what is said of each name, from the last part back until every name is met.

    Going back joins answers that have a line, and a mark, for each name.

    Raises:
        Fault: One part says two things of one name.
    """
    found: dict[str, str] = {}
    for part in parts:
        own: dict[str, str] = {}
        for name, value in _entries(part, names):
            if name in own and own[name] != value:
                raise Fault(f"two things are said of {name}")
            own[name] = value
        found = {**own, **found}
        if len(found) == len(names):
            break
    return found


def _entries(part: str, names: Sequence[Named]) -> Iterator[tuple[str, str]]:
    """Yield each name that is given a value, and the value's words."""
    found = list(_assigned(tuple(names)).finditer(part))
    for place, one in enumerate(found):
        end = found[place + 1].start() if place + 1 < len(found) else len(part)
        value = re.split(r"[\n;]", part[one.end() : min(end, one.end() + LONGEST)], maxsplit=1)[0]
        value = value.strip(" ,.\t|'\"")
        # A name with nothing but words behind it opens a sentence: no number, no entry.
        if re.search(r"\d", value):
            yield _whose(one[1], names), value.lower()


@lru_cache(maxsize=64)
def _assigned(names: tuple[Named, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?i:{_any_of(names)})['\"\])\s]*(?:[=:]|-?>)\s*")


def _any_of(names: Sequence[Named]) -> str:
    """Return a group that matches any name, longest first, whatever joins its words."""
    words = sorted({word for one in names for word in one.words}, key=len, reverse=True)
    return "(?<![\\w])(" + "|".join(_spelt(word) for word in words) + ")(?![\\w])"


def _spelt(word: str) -> str:
    return r"[\s_-]{1,3}".join(re.escape(part) for part in re.split(r"[\s_-]+", word))


def _whose(said: str, names: Sequence[Named]) -> str:
    for one in names:
        if any(re.fullmatch(_spelt(word), said, re.IGNORECASE) for word in one.words):
            return one.name
    raise AssertionError(f"{said!r} was matched and is nobody's")


_NUMBER = re.compile(
    r"(?:[\s:=,|/(\[>~@]|about|around|rating|weight|score|importance|points?|with|at|- )*"
    r"(?P<number>[-+]?\d{1,6}(?:[.,]\d{1,3})?)"
    r"\s*(?:%|percent|per cent|points?|pts?|/ ?100|(?:out )?of 100)?\W*"
)


def number_of(name: str, words: str) -> float:
    """Return the number that an entry is, 0 to 100.

    Args:
        name: Whose it is, for the message.
        words: The entry, lower case.

    Raises:
        Fault: It is not one number, or lies outside.
    """
    bare = re.sub(r"\s*\([^()\d]*\)\W*$", "", words)
    found = _NUMBER.fullmatch(bare)
    if found is None:
        raise Fault(f"“{excerpt(words, 60)}” is no number for {name}")
    value = float(found["number"].replace(",", "."))
    if not 0 <= value <= 100:
        raise Fault(f"{name} is given {value:g}, outside 0 to 100")
    return value


_FIELD = re.compile(
    r"['\"]?\b(?:end|side|extreme|favou?red|favou?rs?|prefer(?:red)?|option)\b['\"]?[\s:=]*"
)
_LETTER = re.compile(r"[\s'\"(\[]*([ab])(?![\w])['\")\]]*")
_NONE = re.compile(r"[\s'\"(\[]*(?:none|neither|no end|n/a|-)(?![\w])['\")\]]*")


def swing_of(named: Named, words: str) -> tuple[str, float]:
    """Return which end an entry favours ("a", "b", "none") and its rating, 0 to 100.

    The end is named by its letter or in its own words; both may stand there and must agree.

    Raises:
        Fault: It names no end or two, or its rating is none.
    """
    rest = _FIELD.sub("", words)
    letter = _LETTER.match(rest)
    if letter:
        rest = rest[letter.end() :]
    spoken, rest = _spoken_end(named, rest)
    if letter and spoken and letter[1] != spoken:
        raise Fault(f"“{excerpt(words, 60)}” names both ends of {named.name}")
    end = letter[1] if letter else spoken
    if end is None and (neither := _NONE.match(rest)):
        end, rest = "none", rest[neither.end() :]
    if end is None:
        # What matters not at all has no end to favour.
        if number_of(named.name, rest) == 0:
            return "none", 0.0
        raise Fault(f"“{excerpt(words, 60)}” names no end of {named.name}")
    value = number_of(named.name, rest)
    if end == "none" and value > 0:
        raise Fault(f"“{excerpt(words, 60)}” names no end of {named.name}")
    return end, value


def _spoken_end(named: Named, rest: str) -> tuple[str | None, str]:
    """Return the end whose words an entry begins with, and what follows them."""
    spelt = [(letter, text.lower()) for letter, text in zip("ab", named.ends, strict=True)]
    for letter, text in sorted(spelt, key=lambda one: -len(one[1])):
        numeral = re.match(r"\d+", text)
        forms = [_spelt(text)] + ([re.escape(numeral[0]) + r"(?=\s*[:=,|])"] if numeral else [])
        for form in forms:
            # A number alone is a rating, not an end: something must follow.
            if found := re.match(rf"[\s:=,(\[|'\"-]*(?:{form})(?![\w])[)\]'\"]*(?=.*\d)", rest):
                return letter, rest[found.end() :]
    return None, rest


def ranks_in(
    lines: str, names: Sequence[Named], *, marked_only: bool
) -> Mapping[str, float] | None:
    """Return the ranks, from 1, that a text states: names in order, or a rank for each name.

    Without a mark only a line counts that holds every name once, with ">" between them.

    Raises:
        Fault: An answer that lacks a name, or runs both ways.
    """
    parts = blocks(lines, marked_only=True)
    if not parts:
        chains = [line for line in lines.split("\n") if ">" in line and not marked_only]
        full = [line for line in chains if len(_order(line, names)) == len(names)]
        return _ranked(full[-1], names) if full else None
    for part in parts:
        first = part.split("\n", 1)[0]
        said = first if len(_order(first, names)) == len(names) else part
        if _order(said, names):
            return _ranked(said, names)
    return None


def _order(text: str, names: Sequence[Named]) -> list[tuple[str, int, int]]:
    """Return each name's first mention: name, start and end, in the order of the text."""
    found: dict[str, tuple[str, int, int]] = {}
    for one in re.finditer(rf"(?i:{_any_of(names)})", text):
        found.setdefault(_whose(one[1], names), (_whose(one[1], names), one.start(), one.end()))
    return list(found.values())


def _ranked(text: str, names: Sequence[Named]) -> Mapping[str, float]:
    order = _order(text, names)
    if missing := [one.name for one in names if one.name not in {found[0] for found in order}]:
        raise Fault(f"the ranking lacks {', '.join(missing)}")
    behind = [re.match(r"['\"\])\s]*[=:]\s*(\d+)\b(?!\s*%)", text[found[2] :]) for found in order]
    if all(behind):
        given = [int(one[1]) for one in behind if one]
        if sorted(given) != list(range(1, len(names) + 1)):
            raise Fault("the numbers behind the names are no ranks")
        return {one[0]: float(rank) for one, rank in zip(order, given, strict=True)}
    gaps = [text[one[2] : two[1]] for one, two in pairwise(order)]
    if any("<" in gap for gap in gaps):
        if any(">" in gap for gap in gaps):
            raise Fault("the ranking runs both ways")
        order, gaps = order[::-1], gaps[::-1]
    levels = [0]
    for gap in gaps:
        tied = re.search(r"[=~≈]", gap) is not None and ">" not in gap and "<" not in gap
        levels.append(levels[-1] if tied else len(levels))
    # Tied names share the mean of the ranks that they take up.
    return {
        one[0]: level + (levels.count(level) + 1) / 2
        for one, level in zip(order, levels, strict=True)
    }


_OPTION = r"\W{0,20}(?i:(?:option|rule|letter|choice) )?\W{0,20}"


def choice_in(lines: str, names: Sequence[Named], *, marked_only: bool) -> Rule | None:
    """Return the rule whose letter a text states.

    Without a mark only a last line counts that is nothing but a letter.

    Raises:
        Fault: An answer that names more than one letter, or none that is offered.
    """
    letters = {one.words[0]: one.name for one in names}
    one_of = f"[{''.join(letters)}{''.join(letters).lower()}]"
    parts = blocks(lines, marked_only=True)
    if not parts:
        last = lines.rstrip().rsplit("\n", 1)[-1]
        alone = re.fullmatch(rf"{_OPTION}({one_of.upper()})\W*", last)
        if alone is None or marked_only:
            return None
        return Rule(letters[alone[1]], excerpt(last, 60))
    for part in parts:
        said = part.strip().split("\n", 1)[0]
        if not said:
            continue
        found = re.match(rf"{_OPTION}({one_of})(?=\W*$|\s*[).:,;(\]\"'—-])", said)
        if found is None:
            raise Fault(f"“{excerpt(said, 60)}” is no letter that was offered")
        rest = said[found.end() :]
        others = re.findall(rf"(?:\bor\b|\band\b|[,/&+])\s*\(?([{''.join(letters)}])\b", rest)
        if any(other != found[1].upper() for other in others):
            raise Fault(f"“{excerpt(said, 60)}” names more than one letter")
        return Rule(letters[found[1].upper()], excerpt(said, 60))
    return None
