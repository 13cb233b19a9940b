"""Code reasons by word lists, without a model.

`code` is a pure function of a text and the two patients. It covers only English and reports other
languages as not covered. It matches the words of `rules.yaml` without their meaning; `measured.md`
reports its errors on the texts of `coded.jsonl`. Known limits:

- It assumes that a text's comparisons of the two patients are true. Only simple statements such as
  "A is younger" are taken literally where they contradict the patients' values.
- Few phrasings are recognised in which an attribute counts against people's preference ("older, so
  first"); otherwise an attribute is coded in the direction that most people favour.
- It does not determine which of several considerations was decisive. Where reasons support both
  patients without a conclusion, any word of weighing counts as leading to the answer.
- Facts that are repeated in full sentences with changed words may be taken for reasons.
- Irony, quotations and views of others are taken literally. Attributes of a user's own study are
  matched only by label and id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.errors import unknown
from kidney_evals.reasons.codes import (
    ARGUMENTS,
    CHOICES,
    Agree,
    Argument,
    Choice,
    Codes,
    Use,
    Where,
    codes_of,
    no_codes,
)
from kidney_evals.reasons.passages import Passage, has_english, in_english, is_bare, passages
from kidney_evals.reasons.rules import KINDS, Pattern, mentions_of, rules
from kidney_evals.studies import Attribute, Patient, Study

Side = Literal["A", "B"]

_OTHER: Mapping[Side, Side] = {"A": "B", "B": "A"}
_CLAIM = re.compile(
    r"(?:^|[,:]\s+|\b(?:and|but|while|whereas|since|because|as|that|patient)\s+)(?:patient\s+)?"
    r"([AB])(?:'s| is| was| has been)(?: \w+){0,2}$",
    re.IGNORECASE,
)
"""Matches a text that ends with a patient as the subject of the words that follow."""

_AFTER = r"(?:\W*(?:\w+\W+){0,2}?(?:patient )?([AB])(?:'s)?(?!\w))"
_LEAD = re.compile(
    r"^\W*(?:pros?(?: for)?|for|in favou?r of|(?:arguments?|points?) for)\W+(?:patient )?([AB])\b",
    re.IGNORECASE,
)
_IF = re.compile(r"\bif\b(?<!even if)(?<!as if)[^,]*\b(?:had|were|was|did)\b", re.IGNORECASE)
_NAMED = re.compile(r"\b[AB]\b")
_NOTHING = re.compile(r"\b(?:no|not|nothing|little|hardly|neither)\b|n't\b", re.IGNORECASE)
_SHORT = 5
"""A clause with fewer words that dismisses an attribute refers to the preceding clause."""

_BEFORE = re.compile(r"(?<!\w)([AB])\s*$")
_BULLET = re.compile(r"^\W*(?:[\w-]+ly )?(?:patient )?([AB])(?:\s*$|\s*[,.(;])", re.IGNORECASE)


def code(
    text: str,
    study: Study,
    a: Patient,
    b: Patient,
    choice: Choice,
    *,
    where: Where = "answer",
    form: Form = USUAL,
) -> Codes:
    """Return the codes of a text.

    Args:
        text: A reply with its answer line, or a model's reasoning.
        study: The study of the dilemma.
        a: The patient shown first.
        b: The patient shown second.
        choice: The answer with which the reasons are compared.
        where: The origin of the text, for the codes.
        form: The form of the answer, with the patients' labels.

    Raises:
        UserError: The choice is none of A, B, COIN and none.
    """
    if choice not in CHOICES:
        raise unknown("choice", choice, CHOICES)
    found = passages(text, form)
    pairs = list(zip(study.attributes, a.values, b.values, strict=True))
    mentions = {one.id: mentions_of(one, (x, y)) for one, x, y in pairs}
    values, topics = (
        tuple(kinds[kind] for kinds in mentions.values() if kind in kinds)
        for kind in ("value", "topic")
    )
    telling = tuple(
        one
        for one in found
        if not is_bare(one.text, values, topics)
        or _LEAD.match(one.text)
        or _is_bullet(one, mentions)
        or any(_argued(name, (one,)) for name in ARGUMENTS)
    )
    if not telling:
        return no_codes(study, choice, "no reasons")
    if not in_english(telling):
        return no_codes(study, choice, "language not covered", where)
    sides = {one.id: _favoured(one, x, y) for one, x, y in pairs}
    uses = _uses(study, found, telling, mentions, sides)
    arguments = tuple(name for name in ARGUMENTS if _argued(name, telling))
    if not uses and not arguments and not has_english(telling):
        return no_codes(study, choice, "language not covered", where)
    return codes_of(
        study,
        a,
        b,
        choice,
        uses=uses,
        arguments=arguments,
        agree=_agree(choice, uses, arguments, found, telling, mentions),
        where=where,
    )


def code_reply(
    answer: str,
    reasoning: str,
    study: Study,
    a: Patient,
    b: Patient,
    choice: Choice,
    *,
    form: Form = USUAL,
) -> Codes:
    """Return the codes of a reply and its reasoning, including which of the two holds reasons.

    If both hold reasons in English, they are coded as one text, the reasoning first. The other
    arguments are those of `code`.
    """
    places: tuple[tuple[Where, str], ...] = (("answer", answer), ("reasoning", reasoning))
    held = {
        place: (text, coded)
        for place, text in places
        for coded in (code(text, study, a, b, choice, where=place, form=form),)
        if coded.status != "no reasons"
    }
    covered = [coded for _, coded in held.values() if coded.status == "coded"]
    if len(covered) == 2:
        whole = f"{reasoning}\n\n{answer}"
        return code(whole, study, a, b, choice, where="both", form=form)
    if covered:
        return covered[0]
    if not held:
        return no_codes(study, choice, "no reasons")
    where: Where = "both" if len(held) == 2 else next(iter(held))
    return no_codes(study, choice, "language not covered", where)


def _favoured(attribute: Attribute, x: float, y: float) -> Side | None:
    lead = attribute.favour(x) - attribute.favour(y)
    return None if lead == 0 else ("A" if lead > 0 else "B")


def _is_bullet(one: Passage, mentions: Mapping[str, Mapping[str, Pattern]]) -> bool:
    """Return whether a line consists of an attribute's name and one patient ("Work: B")."""
    head, colon, rest = one.text.partition(":") if ":" in one.text else one.text.partition(" - ")
    return (
        bool(colon)
        and len(set(_NAMED.findall(rest))) == 1
        and any("topic" in kinds and kinds["topic"].search(head) for kinds in mentions.values())
    )


def _uses(
    study: Study,
    found: tuple[Passage, ...],
    telling: tuple[Passage, ...],
    mentions: Mapping[str, Mapping[str, Pattern]],
    sides: Mapping[str, Side | None],
) -> dict[str, Use]:
    """Return the patient whom each attribute supports; the last mention decides."""
    uses: dict[str, Use] = {}
    firm: dict[str, bool] = {}
    before: set[str] = set()
    table = rules()
    for passage in found:
        lead = _LEAD.match(passage.text)
        for clause in passage.clauses:
            here: set[str] = set()
            for attribute in study.attributes:
                use, is_firm = _use(attribute, clause, mentions[attribute.id], sides[attribute.id])
                if use == "":
                    continue
                here.add(attribute.id)
                if passage not in telling:
                    continue
                if lead and use != "neither":
                    use, is_firm = ("A" if lead[1].upper() == "A" else "B"), True
                if is_firm or not firm.get(attribute.id):
                    uses[attribute.id] = use
                    firm[attribute.id] = is_firm
            if not here and table.neither.search(clause):
                short = len(clause.split()) < _SHORT
                if short or table.refers_back.search(clause):
                    for name in before:
                        uses[name], firm[name] = "neither", True
            before = here or before
    return uses


def _use(
    attribute: Attribute, clause: str, kinds: Mapping[str, Pattern], favoured: Side | None
) -> tuple[Use, bool]:
    """Return the patient whom a clause uses an attribute for, and whether the use is explicit."""
    if _IF.search(clause):
        return "", False
    hits = [
        (kind, hit)
        for kind in KINDS
        if kind in kinds and not (kind == "value" and _is_beside(clause, kinds))
        for hit in kinds[kind].finditer(clause)
    ]
    if not hits:
        return "", False
    table = rules()
    kind, hit = hits[0]
    if kind == "reversed":
        return (_OTHER[favoured] if favoured else "neither"), True
    if table.neither.search(clause):
        return "neither", True
    pointed = _pointed(clause, hit.end())
    if pointed:
        return pointed, True
    if kind in ("low", "high"):
        claim = _CLAIM.search(clause[: hit.start()].rstrip())
        if claim:
            holder: Side = "A" if claim[1].upper() == "A" else "B"
            good = (kind == "low") == (attribute.favoured == "low")
            return (holder if good else _OTHER[holder]), True
    if favoured is None:
        return "neither", False
    return favoured, kind in ("low", "high")


def _is_beside(clause: str, kinds: Mapping[str, Pattern]) -> bool:
    """Return whether a clause is about another topic whose values look like the attribute's."""
    return "not_beside" in kinds and bool(kinds["not_beside"].search(clause))


def _pointed(clause: str, at: int) -> Side | None:
    """Return the patient whom the clause, from position `at`, names as supported; None for none."""
    rest = clause[at:]
    table = rules()
    for pattern, turned in ((table.points_to, False), (table.points_from, True)):
        for hit in pattern.finditer(rest):
            named = re.match(_AFTER, rest[hit.end() :])
            if named:
                side: Side = "A" if named[1] == "A" else "B"
                return _OTHER[side] if turned else side
    bullet = _BULLET.match(rest.lstrip(" :-")) if re.match(r"\s*[:-]", rest) else None
    if bullet:
        return "A" if bullet[1].upper() == "A" else "B"
    return None


def _argued(name: Argument, telling: tuple[Passage, ...]) -> bool:
    table = rules()
    undone = [table.unless[name]] if name in table.unless else []
    undone += [table.neither] if name == "medical_utility" else []
    return any(
        table.says[name].search(clause) and not any(one.search(clause) for one in undone)
        for passage in telling
        for clause in passage.clauses
    )


def _agree(
    choice: Choice,
    uses: Mapping[str, Use],
    arguments: tuple[Argument, ...],
    found: tuple[Passage, ...],
    telling: tuple[Passage, ...],
    mentions: Mapping[str, Mapping[str, Pattern]],
) -> Agree:
    """Return whether the reasons lead to the answer, by their conclusion or else by their codes."""
    if choice == "none":
        return "unclear"
    table = rules()
    text = " ".join(one.text for one in telling)
    if table.arbitrary.search(text):
        return "unclear"
    concluded = _conclusion(found, mentions)
    if concluded:
        return "yes" if concluded == choice else "no"
    pulls = {use for use in uses.values() if use in ("A", "B")}
    doubts = {"fairness", "uncertainty", "refusal_to_play"} & set(arguments)
    even = bool(doubts) or "neither" in uses.values() or bool(table.even.search(text))
    if choice == "COIN":
        if len(pulls) == 1 and not doubts:
            return "no"
        return "yes" if even or len(pulls) == 2 else "unclear"
    if len(pulls) == 2:
        return "yes" if table.weighs.search(text) else "unclear"
    if pulls:
        return "yes" if choice in pulls else "no"
    return "unclear"


def _conclusion(
    found: tuple[Passage, ...], mentions: Mapping[str, Mapping[str, Pattern]]
) -> Choice | None:
    """Return the answer that the reasons conclude with; None without a conclusion."""
    told = read_answer("\n".join(one.text for one in found), condition="coin_flip")
    if told.outcome == "decision":
        return told.answer
    table = rules()
    for passage in reversed(found):
        hit = table.concludes.search(passage.text)
        named = re.match(_AFTER, passage.text[hit.end() :]) if hit else None
        if named:
            return "A" if named[1] == "A" else "B"
        given = table.gives.search(passage.text)
        giver = _BEFORE.search(passage.text[: given.start()]) if given else None
        if giver and not _NOTHING.search(passage.text):
            return "A" if giver[1] == "A" else "B"
        of_attributes = any(
            one.search(passage.text) for kinds in mentions.values() for one in kinds.values()
        )
        if not of_attributes and not _NOTHING.search(passage.text):
            pointed = _pointed(passage.text, 0)
            if pointed:
                return pointed
    return None
