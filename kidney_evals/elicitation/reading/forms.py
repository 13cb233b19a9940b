"""Rewrite an answer in any form as an answer in the form `USUAL`: patients A and B, kidney, coin.

Only names, labels, nouns and joining words are replaced; the tables are in `forms.yaml`.
"""

import re
from functools import cache

from kidney_evals.elicitation.form import USUAL, Form, table
from kidney_evals.elicitation.reading.vocabulary import expand, lines_of
from kidney_evals.studies import DEFAULT_STUDY, ENGLISH, in_language, load_study

_CASES = (str, str.capitalize, str.upper)


def in_usual_form(text: str, form: Form) -> str:
    """Return a text with the labels, nouns and words for the mechanism of `form` replaced.

    Their place is taken by those of `USUAL`. In another language than English, words that join or
    introduce answers are replaced by English words, too.
    """
    for pattern, replacement in _replacements(form):
        text = pattern.sub(replacement, text)
    return text


@cache
def _replacements(form: Form) -> tuple[tuple[re.Pattern[str], str], ...]:
    forms, mechanism = table("reading/forms"), form.mechanism
    blocks = [forms["languages"].get(form.language, {}).get("exchange", "")]
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
    pairs = [line.split("  →  ") for line in (*_nouns(form), *lines)]
    return tuple((re.compile(expand(old)), new.replace("␣", " ")) for old, new in pairs)


def _nouns(form: Form) -> list[str]:
    """Return the lines that replace the study's nouns by "patient" and "kidney".

    Of a good in several words, its last word alone counts after an article ("the bed").
    """
    usual = in_language(load_study(DEFAULT_STUDY), form.language).words
    lines = []
    for old, new in zip(form.candidate, (usual.candidate, usual.candidates), strict=False):
        for cased in _CASES:
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
    return lines


def in_own_nouns(text: str, form: Form) -> str:
    """Return a quotation from a text of `in_usual_form` with the nouns of `form` restored.

    Labels and the words for the mechanism are not restored.
    """
    usual = in_language(load_study(DEFAULT_STUDY), form.language).words
    # The plural first, which begins with the singular.
    pairs = list(zip((usual.candidates, usual.candidate), form.candidate[::-1], strict=False))
    pairs += [(usual.good, form.good)] if form.good else []
    nouns = {cased(old): cased(new) for old, new in pairs for cased in _CASES}
    if not nouns:
        return text
    # In one pass: a study's noun may hold the usual one ("patient group").
    return re.sub(rf"\b(?:{'|'.join(nouns)})", lambda found: nouns[found[0]], text)
