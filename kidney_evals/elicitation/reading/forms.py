"""Answers in other labels, languages, mechanisms and nouns, in terms of a kidney for A or B.

Only names, labels, nouns and joining words are replaced. `sentences_in` reads the sentences of
another language: a sentence with any sign of a negation, a condition or another person's view
states no choice. The tables are in `forms.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from kidney_evals.elicitation.form import USUAL, Form, table
from kidney_evals.elicitation.reading.sentences import is_question
from kidney_evals.elicitation.reading.statements import (
    Kind,
    Statement,
    Value,
    letters_in,
    lists_another,
    patient,
)
from kidney_evals.elicitation.reading.vocabulary import PATTERNS, expand, lines_of
from kidney_evals.studies import DEFAULT_STUDY, ENGLISH, in_language, load_study

_KINDS: tuple[tuple[str, Kind, Value], ...] = (
    ("even", "commitment", "even"),
    ("declined", "commitment", "refusal"),
    ("equal", "weak", "even"),
)
"""Patterns of whole sentences that state no choice, with the kind and value of the statement."""


def in_usual_form(text: str, form: Form) -> str:
    """Return a text with the names, labels and mechanism of `form` replaced by those of `USUAL`."""
    for pattern, replacement in _replacements(form):
        text = pattern.sub(replacement, text)
    return text


@cache
def _replacements(form: Form) -> tuple[tuple[re.Pattern[str], str], ...]:
    forms, mechanism = table("reading/forms"), form.mechanism
    blocks = [_nouns(form), forms["languages"].get(form.language, {}).get("exchange", "")]
    if mechanism != "coin":
        offered = forms["mechanisms"]
        tokens = offered["tokens"][form.language].get(mechanism, "")
        blocks += [offered["coin_not_offered"], tokens, offered["way_out"][mechanism]]
    if form.names != USUAL.names:
        blocks += [forms["names"]["nobody"]]
        for name, letter in zip(form.names, "AB", strict=True):
            block = forms["names"]["number" if name.isdigit() else "letter"]
            block = block.replace("<name>", name).replace("<small>", name.lower())
            blocks += [block.replace("<letter>", letter)]
    lines = [line for block in blocks if block for line in lines_of(block)]
    pairs = [line.split("  →  ") for line in lines]
    return tuple((re.compile(expand(old)), new.replace("␣", " ")) for old, new in pairs)


def _nouns(form: Form) -> str:
    """Return the block that replaces the study's nouns by "patient" and "kidney".

    Of a good in several words, its last word alone counts after an article ("the bed").
    """
    usual = in_language(load_study(DEFAULT_STUDY), form.language).words
    lines = []
    for old, new in zip(form.candidate, (usual.candidate, usual.candidates), strict=False):
        for cased in (str, str.capitalize, str.upper):
            lines.append(rf"\b{re.escape(cased(old))}(?=_|[AB]?\b)  →  {cased(new)}")
    if form.good:
        parts = re.split(r"[\s-]+", form.good)
        whole = r"[\s-]".join(map(re.escape, parts))
        lines.append(rf"(?i:\b{whole})\b  →  {usual.good}")
        if form.language == ENGLISH and len(parts) > 1:
            article = r"(?i:\b(the|this|that|a|an|one)\s(?:[\w-]{1,12}\s)?"
            lines.append(rf"{article}{re.escape(parts[-1])})\b  →  \1 {usual.good}")
    if lines and form.language == ENGLISH:
        lines += lines_of(table("reading/forms")["names"]["other_goods"])
    return "\n".join(lines)


def in_own_nouns(text: str, form: Form) -> str:
    """Return a quotation from a text of `in_usual_form` with the nouns of `form` again."""
    usual = in_language(load_study(DEFAULT_STUDY), form.language).words
    pairs = [(usual.candidates, form.candidate[1])] if form.candidate else []
    pairs += [(usual.candidate, form.candidate[0])] if form.candidate else []
    pairs += [(usual.good, form.good)] if form.good else []
    nouns = {
        cased(old): cased(new) for old, new in pairs for cased in (str, str.capitalize, str.upper)
    }
    if not nouns:
        return text
    # In one pass: a study's noun may hold the usual one ("patient group").
    return re.sub(rf"\b(?:{'|'.join(nouns)})", lambda found: nouns[found[0]], text)


@cache
def _sentence_patterns(language: str) -> dict[str, list[re.Pattern[str]]]:
    sentences = table("reading/forms")["languages"][language]["sentences"]
    return {
        name: [re.compile(expand(one)) for one in blocks]
        if isinstance(blocks, list)
        else [re.compile(expand(blocks), re.IGNORECASE)]
        for name, blocks in sentences.items()
    }


def sentences_in(language: str, prose: str) -> Iterator[Statement]:
    """Yield the statements in the sentences of another language; none in English."""
    if language != "en":
        for sentence in PATTERNS["sentence"].finditer(prose):
            if not is_question(sentence[0]):
                yield from _in_sentence(_sentence_patterns(language), sentence.start(), sentence[0])


def _in_sentence(
    patterns: dict[str, list[re.Pattern[str]]], start: int, sentence: str
) -> Iterator[Statement]:
    for name, kind, value in _KINDS:
        if patterns[name][0].search(sentence):
            yield Statement(start, start + len(sentence), kind, value, sentence)
            break
    if patterns["doubt"][0].search(sentence):
        return
    if coin := patterns["coin"][0].search(sentence):
        yield Statement(start + coin.start(), start + coin.end(), "commitment", "COIN", coin[0])
    if len(letters_in(sentence)) > 1:
        return
    for pattern in patterns["chosen"]:
        match = pattern.search(sentence)
        if match and not lists_another(sentence[match.end() :], patient(match["who"])):
            span = start + match.start(), start + match.end()
            yield Statement(*span, "commitment", patient(match["who"]), sentence)
