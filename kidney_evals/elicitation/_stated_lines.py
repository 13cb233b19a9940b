"""Answer lines of stated values: names, ends, numbers, ranks and letters in plain lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

LONGEST = 400
"""Characters of an entry that are looked at; what is longer is prose."""


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
        raise Fault(f"“{_short(words)}” is no number for {name}")
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
        raise Fault(f"“{_short(words)}” names both ends of {named.name}")
    end = letter[1] if letter else spoken
    if end is None and (neither := _NONE.match(rest)):
        end, rest = "none", rest[neither.end() :]
    if end is None:
        # What matters not at all has no end to favour.
        if number_of(named.name, rest) == 0:
            return "none", 0.0
        raise Fault(f"“{_short(words)}” names no end of {named.name}")
    value = number_of(named.name, rest)
    if end == "none" and value > 0:
        raise Fault(f"“{_short(words)}” names no end of {named.name}")
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
        return Rule(letters[alone[1]], _short(last))
    for part in parts:
        said = part.strip().split("\n", 1)[0]
        if not said:
            continue
        found = re.match(rf"{_OPTION}({one_of})(?=\W*$|\s*[).:,;(\]\"'—-])", said)
        if found is None:
            raise Fault(f"“{_short(said)}” is no letter that was offered")
        rest = said[found.end() :]
        others = re.findall(rf"(?:\bor\b|\band\b|[,/&+])\s*\(?([{''.join(letters)}])\b", rest)
        if any(other != found[1].upper() for other in others):
            raise Fault(f"“{_short(said)}” names more than one letter")
        return Rule(letters[found[1].upper()], _short(said))
    return None


def _short(text: str) -> str:
    words = " ".join(re.sub(r"[|`*<>\[\]\ue000\ue001\"]", " ", text[:160]).split())
    return words if len(words) <= 60 else words[:57].rstrip() + "..."
