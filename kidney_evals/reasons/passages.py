"""Split a text into sentences and clauses, the units in which reasons are searched."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kidney_evals.elicitation.form import Form, Mechanism, languages
from kidney_evals.elicitation.reading import without_delimiters
from kidney_evals.reasons.rules import NUMBER, Pattern, pattern, words

_ALIKE = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-"})
_MARKUP = re.compile(r"[*_`#>]{1,3}|^\s*(?:[-•+]|\d+[.)])\s+", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?;])(?<!\bvs\.)(?<!\be\.g\.)(?<!\bi\.e\.)\s+|\n+")
_CLAUSE = re.compile(
    r"(?<!\bnot)(?:,\s*|\s+)(?=(?:but|yet|whereas|while|although|though|even though|so|because|"
    r"since|therefore|whatever|regardless|irrespective)\b)|,\s+(?=(?:and|not|which|or)\b)|;\s*",
    re.IGNORECASE,
)
_WAYS_OUT: Mapping[Mechanism, Pattern] = {
    "committee": re.compile(r"\b(?:leave|left) (?:\w+ ){0,3}to (?:a|the) committee\b", re.I),
    "list": re.compile(r"\b(?:let|have|leave) (?:\w+ ){0,4}waiting list(?: \w+)?\b", re.I),
}
"""Phrases that choose the offered mechanism: neither a refusal nor a use of an attribute."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_LABELS = re.compile(
    r"\b(?:patients?|candidates?|persons?|options?) [A-Z1-9]\b|"
    r"\bthe (?:first|second|former|latter)\b|"
    r"\b(?:first|second) (?:patient|person|candidate|one)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[AB]\b")
_NUMBER = re.compile(rf"\b{NUMBER}\b|\d+(?:st|nd|rd|th)", re.IGNORECASE)

_ENOUGH, _SHARE = 8, 0.12
"""An English text of at least 8 words has at least this share of words from `english`."""

_SHARED = {"a", "me", "an", "on", "as", "in", "patient", "patients", "person", "no", "i"}
"""Words in `english` that also occur in other languages."""


@dataclass(frozen=True)
class Passage:
    """A sentence and its clauses, with the patients' labels replaced by A and B."""

    text: str
    clauses: tuple[str, ...]


def passages(text: str, form: Form) -> tuple[Passage, ...]:
    """Return the sentences of a reply or of reasoning, without markup, tables and answer lines.

    A truncated last sentence is left out unless it is alone on its line.

    Args:
        text: The reply or the reasoning.
        form: The form of the answer, which has the patients' labels.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_ALIKE)
    plain = _renamed(without_delimiters(plain), form)
    if form.mechanism in _WAYS_OUT:
        plain = _WAYS_OUT[form.mechanism].sub("flip a coin", plain)
    answer = "|".join({re.escape(one.answer.strip(" :").lower()) for one in languages().values()})
    line = re.compile(rf"\W*(?:(?:my|the) )?(?:final )?(?:{answer})\W{{0,4}}[:=]?.{{0,30}}", re.I)
    lines = [
        one
        for one in plain.split("\n")
        if one.strip() and not one.lstrip().startswith("|") and not line.fullmatch(one.strip())
    ]
    lines = _MARKUP.sub("", "\n".join(lines)).split("\n")
    sentences = [one.strip() for line in lines for one in _SENTENCE.split(line)]
    # A truncated sentence is dropped, unless it is the only sentence of its line.
    if re.search(r"[\w,]$", sentences[-1]) and len(_SENTENCE.split(lines[-1])) > 1:
        sentences.pop()
    return tuple(
        Passage(one, tuple(part.strip() for part in _CLAUSE.split(one) if part.strip()))
        for one in sentences
        if _WORD.search(one)
    )


def _renamed(text: str, form: Form) -> str:
    """Replace the patients' labels by A and B."""
    if form.names == ("A", "B"):
        return text
    for name, by in zip(form.names, "AB", strict=True):
        # A digit counts as a label only after a noun such as "patient".
        behind = rf"((?i:patients?|candidates?|persons?|options?)\s+){name}\b"
        text = re.sub(behind, rf"\g<1>{by}", text)
        if not name.isdigit():
            text = re.sub(rf"(?<!\w){name}(?!\w)", by, text)
    return text


def in_english(sentences: Iterable[Passage]) -> bool:
    """Return whether sentences are in English, by their function words and letters."""
    text = _LABELS.sub(" ", " ".join(one.text for one in sentences))
    letters = [one for one in text if one.isalpha()]
    if sum(bool(re.match(r"[A-Za-zÀ-ɏ]", one)) for one in letters) < len(letters) / 2:
        return False
    found = [one.lower() for one in _WORD.findall(text)]
    english, other = (sum(word in words(name) for word in found) for name in ("english", "other"))
    if other:
        return english > other
    if english == 0 and not text.isascii():
        return False
    return len(found) < _ENOUGH or english >= _SHARE * len(found)


def has_english(sentences: Iterable[Passage]) -> bool:
    """Return whether any word identifies the sentences as English."""
    found = {word.lower() for one in sentences for word in _WORD.findall(one.text)}
    return bool(found & ((words("english") | words("filler")) - _SHARED))


def is_bare(text: str, values: Sequence[Pattern], topics: Sequence[Pattern]) -> bool:
    """Return whether a sentence holds only facts or an answer, and no reason.

    The name of an attribute is no reason in a sentence that lists what to weigh, or that names both
    patients. Words such as "drinking" are no reason beside the values of two attributes or more.

    Args:
        text: The sentence.
        values: Patterns of the attributes' values.
        topics: Patterns of the attributes' names.
    """
    lists = pattern("lists")
    listing = set(_NAME.findall(text)) == {"A", "B"} or lists.search(text)
    left = re.sub(r"^[^:.]{1,45}:(?=.)", "", text)
    for one in (*values, *(topics if listing else ()), lists, _LABELS, _NAME, _NUMBER):
        left = one.sub(" ", left)
    named = sum(bool(one.search(text)) for one in values)
    idle = words("filler") | words("facts") if named >= 2 else words("filler")
    return all(word.lower() in idle for word in _WORD.findall(left))
