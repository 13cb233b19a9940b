"""Put answers in other labels, languages and ways out in the terms that the reader knows.

Those terms are English, A, B and the coin. Only names, labels and joining words are exchanged;
`sentences_in` reads the sentences of another language. It knows fewer sentences than there are in
English: a sentence with any sign of a negation, a condition or somebody else's view states no
choice, and an answer that is missed is unreadable and asked for again. The tables are in
`forms.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reading.sentences import is_question
from kidney_evals.elicitation.reading.statements import (
    Statement,
    letters_in,
    lists_another,
    patient,
)
from kidney_evals.elicitation.reading.vocabulary import PATTERNS, expand, lines_of
from kidney_evals.elicitation.tables import table

_Exchange = tuple[re.Pattern[str], str]


def in_usual_form(text: str, form: Form) -> str:
    """Return a text with the names, labels and way out of `form` exchanged for the usual ones."""
    for pattern, replacement in _exchanges(form):
        text = pattern.sub(replacement, text)
    return text


@cache
def _exchanges(form: Form) -> tuple[_Exchange, ...]:
    blocks: list[str] = []
    mechanisms = table("reading/forms")["mechanisms"]
    if form.language != "en":
        blocks += [table("reading/forms")["languages"][form.language]["exchange"]]
    if form.mechanism != "coin":
        blocks += [mechanisms["coin_not_offered"]]
        blocks += [mechanisms["tokens"][form.language].get(form.mechanism, "")]
        blocks += [mechanisms["way_out"][form.mechanism]]
    if form.names != USUAL.names:
        names = table("reading/forms")["names"]
        blocks += [names["nobody"]]
        for name, letter in zip(form.names, "AB", strict=True):
            block = names["number" if name.isdigit() else "letter"]
            for place, word in (("name", name), ("small", name.lower()), ("letter", letter)):
                block = block.replace(f"<{place}>", word)
            blocks += [block]
    lines = [line for block in blocks if block for line in lines_of(block)]
    pairs = [line.split("  →  ") for line in lines]
    return tuple((re.compile(expand(found)), put.replace("␣", " ")) for found, put in pairs)


@cache
def _sentence_patterns(language: str) -> dict[str, list[re.Pattern[str]]]:
    sentences = table("reading/forms")["languages"][language]["sentences"]
    return {
        name: [re.compile(expand("|".join(lines_of(one)))) for one in blocks]
        if isinstance(blocks, list)
        else [re.compile("|".join(lines_of(blocks)), re.IGNORECASE)]
        for name, blocks in sentences.items()
    }


def sentences_in(language: str, prose: str) -> list[Statement]:
    """Return the statements in the sentences of another language; none in English."""
    if language == "en":
        return []
    return [
        one
        for sentence in PATTERNS["sentence"].finditer(prose)
        if not is_question(sentence[0])
        for one in _in_sentence(_sentence_patterns(language), sentence.start(), sentence[0])
    ]


def _in_sentence(
    patterns: dict[str, list[re.Pattern[str]]], start: int, sentence: str
) -> Iterator[Statement]:
    end = start + len(sentence)
    if patterns["even"][0].search(sentence):
        yield Statement(start, end, "commitment", "even", sentence)
    elif patterns["declined"][0].search(sentence):
        yield Statement(start, end, "commitment", "refusal", sentence)
    elif patterns["equal"][0].search(sentence):
        yield Statement(start, end, "weak", "even", sentence)
    if patterns["doubt"][0].search(sentence):
        return
    if coin := patterns["coin"][0].search(sentence):
        span = start + coin.start(), start + coin.end()
        yield Statement(*span, "commitment", "COIN", coin[0])
    if len(letters_in(sentence)) > 1:
        return
    for pattern in patterns["chosen"]:
        found = pattern.search(sentence)
        if found and not lists_another(sentence[found.end() :], patient(found["who"])):
            span = start + found.start(), start + found.end()
            yield Statement(*span, "commitment", patient(found["who"]), sentence)
