"""Put answers of another form in the terms that the reader knows: English, A, B and the coin.

Only names, labels and joining words are exchanged. What a sentence of another language says is
read by `_tongues`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from kidney_evals.elicitation.form import USUAL, Form, Mechanism

_Step = Callable[[str], str]

_NOUN = r"(?i:patient|option|candidate|person|recipient|individual|pt\.?|choice|number|no\.?|#)"
_LABEL = r"(?i:answer|choice|decision|verdict|selection|pick|recommendation|conclusion|vote|final)"
_GIVES = (
    r"(?i:choose|chose|choosing|pick|picking|select|selecting|go with|going with|favou?r|prefer|"
    r"kidney (?:should |must |would )?(?:go )?to)"
)
_NO_NAME = "zz"
"""Stands for a name that no patient has: an answer that gives it is unreadable."""


@lru_cache(maxsize=64)
def retelling(form: Form) -> _Step | None:
    """Return what retells an answer of this form; None where there is nothing to retell."""
    if form == USUAL:
        return None
    steps: list[_Step] = []
    if form.language != "en":
        steps += _exchange(_WORDS[form.language])
    if form.mechanism != "coin":
        steps += _exchange(_NO_COIN)
        steps += _exchange(_TOKENS[form.language][form.mechanism])
        steps += _exchange(_WAYS_OUT[form.mechanism])
    if form.names != USUAL.names:
        steps += _exchange(_rename(form.names))

    def retell(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return retell


def _exchange(table: Mapping[str, str]) -> list[_Step]:
    return [
        lambda text, pattern=re.compile(found), by=by: pattern.sub(by, text)  # type: ignore[misc]
        for found, by in table.items()
    ]


def _rename(names: tuple[str, str]) -> dict[str, str]:
    table = {
        # A and B name nobody here. A capital A before a small word is an article.
        rf"({_NOUN}[\s\"'(\[:-]{{0,3}})[ABab]\b(?!')": rf"\1{_NO_NAME}",
        rf"({_LABEL}(?:\sis)?[\s\"'(\[:=*_`>-]{{1,8}})[ABab]\b(?![' ]\w)": rf"\1{_NO_NAME}",
        r"\b[AB]\b(?!'|\s+[a-z])": _NO_NAME,
    }
    for name, letter in zip(names, "AB", strict=True):
        if name.isdigit():
            # A number is a name only where no number of years or drinks can stand.
            table |= {
                rf"({_NOUN}[\s\"'(\[:#*_`-]{{0,4}}){name}\b(?![.,]\d)": rf"\1{letter}",
                rf"({_LABEL}(?:\sis)?[\"')\]]?[\s\"'(\[{{:=*_`>#-]{{1,8}}(?:(?i:patient|option)\s)?)"
                rf"{name}\b(?![.,]?\d|\s\w)": rf"\1{letter}",
                rf"({_GIVES}\s[\"'(*_`]{{0,3}}){name}\b(?![.,]?\d|\s(?:or|and)\b)": rf"\1{letter}",
                rf"(?m)^([\s\"'(\[{{*_`>#$\\-]{{0,6}}){name}([\s\"')\]}}*_`.,!$]{{0,6}})$": (
                    rf"\1{letter}\2"
                ),
                rf"(boxed\s?\{{\s?){name}(?=\s?\}})": rf"\1{letter}",
                # The second of two names, as in "1 or 2".
                rf"(?<=[AB])(\s?(?:/|,|or|and)\s?){name}\b(?![.,]?\d|\s\w)": rf"\1{letter}",
            }
        else:
            table |= {
                rf"\b{name}\b": letter,
                rf"({_NOUN}\s){name.lower()}\b": rf"\1{letter}",
                rf"({_LABEL}[\s\"'(\[:=*_`>-]{{1,8}}){name.lower()}\b": rf"\1{letter}",
            }
    return table


_NO_COIN = {
    r"(?i:(?:flip|toss)(?:ping|ing)?\s(?:a|the)\s(?:fair\s)?coin)": "use a lottery",
    r"(?i:\b(?:a |the )?(?:fair )?coin(?:[ -]?(?:flip|toss)(?:ping|ing)?)?\b)": "a lottery",
}
"""A coin that was not offered is indecision of the model's own."""

_TOKENS: Mapping[str, Mapping[Mechanism, Mapping[str, str]]] = {
    "en": {
        "undecided": {},
        "committee": {},
        "list": {
            r"(?i:\bwait(?:ing)?[ -]?list\b)": "coin",
            r"\bLIST\b": "COIN",
            r"(?i:\b(answer\W{1,6}(?:the )?)list\b)": r"\1COIN",
        },
    },
    "de": {
        "undecided": {r"(?i:\bunentschieden\b)": "undecided"},
        "committee": {r"(?i:\bKommission\b)": "committee"},
        "list": {r"(?i:\bWarteliste\b)": "waiting list", r"\bLISTE\b": "COIN"},
    },
    "fr": {
        "undecided": {r"(?i:\bind[eé]cise?\b)": "undecided"},
        "committee": {r"(?i:\bcomit[eé]\b)": "committee"},
        "list": {r"(?i:\bliste d'attente\b)": "waiting list", r"\bLISTE\b": "COIN"},
    },
    "es": {
        "undecided": {r"(?i:\bindecis[oa]\b)": "undecided"},
        "committee": {r"(?i:\bcomit[eé]\b)": "committee"},
        "list": {r"(?i:\blista de espera\b)": "waiting list", r"\bLISTA\b": "COIN"},
    },
}

_HAND = (
    r"(?i:\b(?:refer|defer|hand|pass|entrust|delegate|leave|give|submit)(?:ring|ing|ting)?\s"
    r"(?:(?:it|(?:this|that|the)(?: (?:decision|case|choice|matter))?)\s)?(?:over |up |on )?to "
    r"(?=(?:a|the)\b))"
)

_WAYS_OUT: Mapping[Mechanism, Mapping[str, str]] = {
    "undecided": {
        r"(?i:\bi(?:'m|\sam|\sremain|\sstay)\s(?:\w+\s){0,2}undecided\b)": "I choose the coin",
        r"(?i:\bundecided\b)": "coin",
    },
    "committee": {
        _HAND: "leave it to ",
        r"(?i:\b(?:(?:transplant|ethics|hospital|medical|allocation|expert|review|independent)"
        r"\s){0,3}committee\b)": "coin",
    },
    "list": {r"(?i:\bwait(?:ing)?[ -]?list\b)": "coin"},
}
"""The way out that was offered, as the coin: the reader then holds it to the same rules."""

_OPTION = (
    r"(?=[\s`\"'(*]{0,3}(?:(?:the\s)?patient\s)?(?:[AB]\b|coin\b|COIN\b|[1-9XY]\b|(?i:answer)))"
)

_WORDS: Mapping[str, Mapping[str, str]] = {
    "de": {
        r"(?i:\b(?:meine|die|unsere)\s(?:(?:endgültige|abschließende|finale|letzte|klare)\s)?"
        r"(?:antwort|wahl|entscheidung)(?:\s(?:ist|lautet|wäre|bleibt|fällt auf))?"
        r"(?:\s(?:daher|also|somit))?\b)": "My answer is",
        r"(?i:\b(?:(?:endgültige|abschließende|finale)\s)?antwort\b)": "Answer",
        r"(?i:\b(?:endgültige|finale)\s(?:entscheidung|wahl)\b)": "Final answer",
        r"(?i:\b(?:entscheidung|wahl)(?=\W{0,3}:))": "Decision",
        r"(?i:\b(?:patient(?:in|en)?|person|kandidat(?:in|en)?)\s(?=[ABXY1-9]\b))": "Patient ",
        r"(?i:\b(?:(?:eine[rnm]?|die|der|per)\s)?(?:faire[nr]?\s)?"
        r"m(?:ü|u|ue)nz(?:e|wurf|entscheid)\b)": "coin",
        rf"(?i:\b(?:oder|bzw\.)){_OPTION}": "or",
        rf"(?i:\bund){_OPTION}": "and",
    },
    "fr": {
        r"(?i:\b(?:ma|la|notre)\s(?:r[eé]ponse|d[eé]cision)(?:\s(?:finale|d[eé]finitive))?"
        r"(?:\s(?:est|reste|serait))?(?:\s(?:donc|alors))?\b)": "My answer is",
        r"(?i:\bmon\schoix(?:\sfinal)?(?:\s(?:est|reste|serait|se porte sur))?\b)": "My answer is",
        r"(?i:\br[eé]ponse(?:\sfinale)?\b)": "Answer",
        r"(?i:\b(?:choix final|d[eé]cision finale)\b)": "Final answer",
        r"(?i:\b(?:choix|d[eé]cision)(?=\W{0,3}:))": "Decision",
        # "a" is "has" in French, and no name.
        r"(?<!Answer : )(?<!Answer: )(?<!Answer:)\b[aà]\b": "ha",
        r"(?i:\b(?:(?:le|la|du|au|un|une)\s)?(?:patiente?|personne|candidate?)\s(?=[ABXY1-9]\b))": (
            "Patient "
        ),
        r"(?i:\b(?:pile ou face|(?:(?:la|une)\s)?pi[eè]ce(?:\sde monnaie)?"
        r"(?:\snon truqu[eé]e)?))\b": "coin",
        rf"(?i:\bou){_OPTION}": "or",
        rf"(?i:\bet){_OPTION}": "and",
    },
    "es": {
        r"(?i:\b(?:mi|la|nuestra)\s(?:respuesta|elecci[oó]n|decisi[oó]n)"
        r"(?:\s(?:final|definitiva))?(?:\s(?:es|sigue siendo|sería))?"
        r"(?:\s(?:entonces|por tanto))?\b)": "My answer is",
        r"(?i:\brespuesta(?:\s(?:final|definitiva))?\b)": "Answer",
        r"(?i:\b(?:elecci[oó]n|decisi[oó]n) (?:final|definitiva)\b)": "Final answer",
        r"(?i:\b(?:elecci[oó]n|decisi[oó]n)(?=\W{0,3}:))": "Decision",
        # "a" is "to" in Spanish, and no name.
        r"(?<!Answer : )(?<!Answer: )(?<!Answer:)\ba\b": "ha",
        r"\bA(?=\s(?:la|el|los|las|mi|mí|pesar|ambos|partir|favor|cada|su)\b)": "Ha",
        r"(?i:\b(?:(?:el|la|del|al)\s)?(?:paciente|persona|candidat[oa])\s(?=[ABXY1-9]\b))": (
            "Patient "
        ),
        r"(?i:\b(?:cara o cruz|(?:(?:la|una)\s)?moneda(?:\s(?:al aire|sin trucar))?))\b": "coin",
        rf"(?i:\b[ou]){_OPTION}": "or",
        rf"(?i:\b[ye]){_OPTION}": "and",
    },
}
"""By language: answer labels, nouns, the coin, and the words that join two options."""
