"""Texts about measures, as they read for a study in which nobody was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PEOPLE = re.compile(r"\b(people|persons?|crowd|majority)\b", re.IGNORECASE)
_SAME_END = re.compile(r"the same end( of the range)? as people")


def alone(text: str) -> str:
    """Return a text without its sentences about people; a sign is explained by the study."""
    text = _SAME_END.sub("the end that the study calls favoured", text)
    text = text.replace("predictions of people", "predictions")
    kept = [one for one in re.split(r"(?<=[.?!]) ", text) if not _PEOPLE.search(one)]
    return " ".join(kept)


def with_nouns(text: str, nouns: Mapping[str, str]) -> str:
    """Return a text about patients with a study's nouns, `candidate` and `candidates`."""

    def noun(found: re.Match[str]) -> str:
        word = nouns["candidates" if found[0].lower().endswith("s") else "candidate"]
        return word[0].upper() + word[1:] if found[0][0].isupper() else word

    return re.sub(r"\bpatients?\b", noun, text, flags=re.IGNORECASE)
