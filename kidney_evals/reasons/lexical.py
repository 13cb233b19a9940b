"""Code reasons by word lists, without a model.

`code` is a pure function of its arguments: the text, the study, the two patients, and the answer
with which the reasons are compared. It covers only English and reports other languages as not
covered. It matches the words of `rules.yaml` without their meaning; `measured.md`
reports its errors on the texts of `coded.jsonl`. Known limits:

- It assumes that a text's comparisons of the two patients are true. Only simple statements such as
  "A is younger" are taken literally where they contradict the patients' values.
- Few phrasings are recognised in which an attribute counts against people's preference ("older, so
  first"); otherwise an attribute is coded in the direction that most people favour.
- It does not determine which of several considerations was decisive. Where reasons support both
  patients and no conclusion is stated, a word such as "outweighs" is enough for the reasons to
  count as leading to the given answer.
- Facts that are repeated in full sentences with changed words may be taken for reasons.
- Irony, quotations and views of others are taken literally.

The scanner `rationale` refuses a study with an attribute that the rules do not know
(`rules.check_attributes`).
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Literal

from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reading import read_answer
from kidney_evals.errors import check_known
from kidney_evals.reasons import codes
from kidney_evals.reasons.codes import ARGUMENTS, CHOICES, Argument, Choice, Codes, Use, Where
from kidney_evals.reasons.passages import Passage, has_english, in_english, is_bare, passages
from kidney_evals.reasons.rules import KINDS, Pattern, argument, mentions_of, pattern
from kidney_evals.studies import Attribute, Patient, Study

Side = Literal["A", "B"]

_OTHER: Mapping[Side, Side] = {"A": "B", "B": "A"}
_CLAIM = re.compile(
    r"(?:^|[,:]\s+|\b(?:and|but|while|whereas|since|because|as|that|patient)\s+)(?:patient\s+)?"
    r"([AB])(?:'s| is| was| has been)(?: \w+){0,2}$",
    re.IGNORECASE,
)
"""Matches a text that ends with a patient as the subject of the words that follow."""

_AFTER = re.compile(r"(?:\W*(?:\w+\W+){0,2}?(?:patient )?([AB])(?:'s)?(?!\w))")
_BEFORE = re.compile(r"(?<!\w)([AB])\s*$")
_LEAD = re.compile(
    r"^\W*(?:pros?(?: for)?|for|in favou?r of|(?:arguments?|points?) for)\W+(?:patient )?([AB])\b",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\W*(?:[\w-]+ly )?(?:patient )?([AB])(?:\s*$|\s*[,.(;])", re.IGNORECASE)
_IF = re.compile(r"\bif\b(?<!even if)(?<!as if)[^,]*\b(?:had|were|was|did)\b", re.IGNORECASE)
_NOTHING = re.compile(r"\b(?:no|not|nothing|little|hardly|neither)\b|n't\b", re.IGNORECASE)
_SHORT = 5  # a clause with fewer words that dismisses an attribute refers to the preceding clause


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
    """Return the codes of a text: a reply with its answer line, or a model's reasoning.

    Attributes without rules are matched by label and id only: see `rules.check_attributes`.

    Args:
        text: The text.
        study: The study of the dilemma.
        a: The patient shown first.
        b: The patient shown second.
        choice: The answer with which the reasons are compared.
        where: The part of the reply that the text is.
        form: The form of the answer, which has the patients' labels.

    Raises:
        UserError: The choice is none of A, B, COIN and none.
    """
    check_known("choice", choice, CHOICES)
    reasons = _Reasons(text, study, a, b, form)
    if not reasons.sentences:
        return codes.no_codes(study, choice, "no reasons")
    uses, arguments = reasons.uses, reasons.arguments
    covered = bool(uses or arguments) or has_english(reasons.sentences)
    if not in_english(reasons.sentences) or not covered:
        return codes.no_codes(study, choice, "language not covered", where)
    agree = reasons.agree(choice)
    return codes.codes_of(
        study, a, b, choice, uses=uses, arguments=arguments, agree=agree, where=where
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

    If both hold reasons in English, they are coded as one text, the reasoning first.

    Args:
        answer: The reply with its answer line.
        reasoning: The model's reasoning; may be empty.
        study: As in `code`.
        a: As in `code`.
        b: As in `code`.
        choice: As in `code`.
        form: As in `code`.

    Raises:
        UserError: The choice is none of A, B, COIN and none.
    """
    places: tuple[tuple[Where, str], ...] = (("answer", answer), ("reasoning", reasoning))
    parts = [code(text, study, a, b, choice, where=place, form=form) for place, text in places]
    parts = [one for one in parts if one.status != "no reasons"]
    coded = [one for one in parts if one.status == "coded"]
    if len(coded) == 2:
        whole = f"{reasoning}\n\n{answer}"
        return code(whole, study, a, b, choice, where="both", form=form)
    if coded or len(parts) == 1:
        return (coded or parts)[0]
    if parts:
        return codes.no_codes(study, choice, "language not covered", "both")
    return codes.no_codes(study, choice, "no reasons")


class _Reasons:
    """The sentences of a text about two patients (`passages`), and those with a reason."""

    def __init__(self, text: str, study: Study, a: Patient, b: Patient, form: Form) -> None:
        pairs = list(zip(study.attributes, a.values, b.values, strict=True))
        self._attributes = study.attributes
        self._mentions = {one.id: mentions_of(one, (x, y)) for one, x, y in pairs}
        self._favoured = {one.id: _favoured(one, x, y) for one, x, y in pairs}
        self.passages = passages(text, form)
        self.sentences = tuple(filter(self._has_reason, self.passages))

    def _patterns(self, kind: str) -> list[Pattern]:
        return [kinds[kind] for kinds in self._mentions.values() if kind in kinds]

    def _has_reason(self, one: Passage) -> bool:
        return bool(
            not is_bare(one.text, self._patterns("value"), self._patterns("topic"))
            or _LEAD.match(one.text)
            or self._is_bullet(one.text)
            or any(_argues(name, one) for name in ARGUMENTS)
        )

    def _is_bullet(self, text: str) -> bool:
        """Return whether a line consists of an attribute's name and one patient ("Work: B")."""
        head, colon, rest = text.partition(":") if ":" in text else text.partition(" - ")
        single = len(set(re.findall(r"\b[AB]\b", rest))) == 1
        return bool(colon) and single and any(one.search(head) for one in self._patterns("topic"))

    @cached_property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments in the reasons."""
        return tuple(
            name for name in ARGUMENTS if any(_argues(name, one) for one in self.sentences)
        )

    @cached_property
    def uses(self) -> dict[str, Use]:
        """The patient whom each attribute supports; the last mention decides."""
        uses: dict[str, Use] = {}
        firm: dict[str, bool] = {}
        before: set[str] = set()
        for passage in self.passages:
            lead = _LEAD.match(passage.text)
            for clause in passage.clauses:
                found = list(self._uses_in(clause))
                here = {name for name, _, _ in found}
                if passage not in self.sentences:
                    found = []
                if not here and pattern("neither").search(clause):
                    short = len(clause.split()) < _SHORT
                    if short or pattern("refers_back").search(clause):
                        found = [(name, "neither", True) for name in before]
                for name, use, is_firm in found:
                    if lead and use != "neither":
                        use, is_firm = _side(lead), True
                    if is_firm or not firm.get(name):
                        uses[name], firm[name] = use, is_firm
                before = here or before
        return uses

    def _uses_in(self, clause: str) -> Iterator[tuple[str, Use, bool]]:
        """Yield each attribute of a clause, the patient it supports, and whether explicitly."""
        if _IF.search(clause):
            return
        for attribute in self._attributes:
            kinds = self._mentions[attribute.id]
            # Beside some words, a number is the value of another attribute.
            beside = "not_beside" in kinds and kinds["not_beside"].search(clause)
            for kind in KINDS:
                if kind not in kinds or (kind == "value" and beside):
                    continue
                if hit := kinds[kind].search(clause):
                    yield attribute.id, *self._use(attribute, clause, kind, hit)
                    break

    def _use(
        self, attribute: Attribute, clause: str, kind: str, hit: re.Match[str]
    ) -> tuple[Use, bool]:
        favoured = self._favoured[attribute.id]
        if kind == "reversed":
            return (_OTHER[favoured] if favoured else "neither"), True
        if pattern("neither").search(clause):
            return "neither", True
        if side := _pointed(clause[hit.end() :]):
            return side, True
        is_end = kind in ("low", "high")
        if is_end and (claim := _CLAIM.search(clause[: hit.start()].rstrip())):
            good = (kind == "low") == (attribute.favoured == "low")
            return (_side(claim) if good else _OTHER[_side(claim)]), True
        return favoured or "neither", bool(favoured) and is_end

    def agree(self, choice: Choice) -> codes.Agree:
        """Return whether the reasons lead to the answer: by a conclusion, or else by the codes."""
        text = " ".join(one.text for one in self.sentences)
        if choice == "none" or pattern("arbitrary").search(text):
            return "unclear"
        if conclusion := self._conclusion():
            return "yes" if conclusion == choice else "no"
        pulls = {use for use in self.uses.values() if use in ("A", "B")}
        if choice == "COIN":
            doubts = {"fairness", "uncertainty", "refusal_to_play"} & set(self.arguments)
            if len(pulls) == 1 and not doubts:
                return "no"
            even = doubts or "neither" in self.uses.values() or pattern("even").search(text)
            return "yes" if even or len(pulls) == 2 else "unclear"
        if len(pulls) == 1:
            return "yes" if choice in pulls else "no"
        return "yes" if pulls and pattern("weighs").search(text) else "unclear"

    def _conclusion(self) -> Choice | None:
        """Return the answer that the reasons conclude with; None without a conclusion."""
        texts = [one.text for one in self.passages]
        reading = read_answer("\n".join(texts), condition="coin_flip")
        if reading.outcome == "decision":
            return reading.answer
        of_attributes = [one for kinds in self._mentions.values() for one in kinds.values()]
        for text in reversed(texts):
            hit = pattern("concludes").search(text)
            if hit and (named := _AFTER.match(text, hit.end())):
                return _side(named)
            if _NOTHING.search(text):
                continue
            gives = pattern("gives").search(text)
            if gives and (giver := _BEFORE.search(text[: gives.start()])):
                return _side(giver)
            if not any(one.search(text) for one in of_attributes) and (side := _pointed(text)):
                return side
        return None


def _favoured(attribute: Attribute, x: float, y: float) -> Side | None:
    lead = attribute.favour(x) - attribute.favour(y)
    return None if lead == 0 else ("A" if lead > 0 else "B")


def _side(named: re.Match[str]) -> Side:
    return "A" if named[1].upper() == "A" else "B"


def _pointed(text: str) -> Side | None:
    """Return the patient whom a text names as supported; None for none."""
    for name, turned in (("points_to", False), ("points_from", True)):
        for hit in pattern(name).finditer(text):
            if named := _AFTER.match(text, hit.end()):
                return _OTHER[_side(named)] if turned else _side(named)
    bullet = re.match(r"\s*[:-]", text) and _BULLET.match(text.lstrip(" :-"))
    return _side(bullet) if bullet else None


def _argues(name: Argument, passage: Passage) -> bool:
    says, unless = argument(name, "says"), argument(name, "unless")
    undone = [unless, pattern("neither") if name == "medical_utility" else None]
    return any(
        bool(says and says.search(clause)) and not any(one and one.search(clause) for one in undone)
        for clause in passage.clauses
    )
