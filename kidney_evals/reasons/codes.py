"""The codes of one transcript's reasons; `codebook.md` defines each code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from kidney_evals.studies import Attribute, Patient, Study

Status = Literal["coded", "no reasons", "language not covered"]
"""Whether a transcript has codes; only `coded` has them."""

STATUSES: tuple[Status, ...] = get_args(Status)

Use = Literal["", "A", "B", "neither"]
"""The patient whom an attribute supports in the reasons; empty for an unmentioned attribute."""

Argument = Literal["fairness", "uncertainty", "medical_utility", "desert", "refusal_to_play"]
"""An argument that refers to no attribute."""

ARGUMENTS: tuple[Argument, ...] = get_args(Argument)

Agree = Literal["yes", "no", "unclear"]
"""Whether the reasons lead to the answer."""

AGREE: tuple[Agree, ...] = get_args(Agree)

Where = Literal["answer", "reasoning", "both", "none"]
"""The part of the reply that holds the reasons; `none` without reasons."""

Choice = Literal["A", "B", "COIN", "none"]
"""The answer as shown; `COIN` is any offered mechanism, `none` is no answer."""

CHOICES: tuple[Choice, ...] = get_args(Choice)

ForPeople = Literal["", "toward", "against", "neither"]
"""Whether an attribute is used toward or against the value that most people favour."""


@dataclass(frozen=True)
class Codes:
    """The codes of one transcript.

    Attributes:
        status: Whether there are codes. Unless `coded`, all other fields except `choice` are empty.
        choice: The answer that the reasons are compared with.
        attributes: By attribute of the study, the patient whom the attribute supports.
        people: By attribute, the use relative to the value that most people favour.
        arguments: The arguments in the reasons.
        agree: Whether the reasons lead to the answer; None unless `coded`.
        where: The part of the reply that holds the reasons.
    """

    status: Status
    choice: Choice
    attributes: Mapping[str, Use]
    people: Mapping[str, ForPeople]
    arguments: frozenset[Argument]
    agree: Agree | None
    where: Where

    def values(self) -> dict[str, str | bool | None]:
        """Return the codes as a flat mapping, with the same names for every transcript of a study.

        `status`, `where`, `choice`, `agree`; a boolean for each argument by its name; for each
        attribute `uses_<id>` (A, B, neither, or empty) and `people_<id>` (toward, against,
        neither, or empty). Values without a code are None.
        """
        coded = self.status == "coded"
        flat: dict[str, str | bool | None] = {
            "status": self.status,
            "where": self.where,
            "choice": self.choice,
            "agree": self.agree,
        }
        flat |= {name: name in self.arguments if coded else None for name in ARGUMENTS}
        for name in self.attributes:
            flat[f"uses_{name}"] = self.attributes[name] if coded else None
            flat[f"people_{name}"] = self.people[name] if coded else None
        return flat

    def sentence(self) -> str:
        """Return a sentence that describes the codes."""
        if self.status != "coded":
            return self.status
        suffixes = {"toward": " (as people favour)", "against": " (against what people favour)"}
        parts = [
            f"{name} does not decide"
            if use == "neither"
            else f"{name} for {use}{suffixes.get(self.people[name], '')}"
            for name, use in self.attributes.items()
            if use
        ]
        parts += [name.replace("_", " ") for name in ARGUMENTS if name in self.arguments]
        agree = {
            "yes": f"the reasons lead to {self.choice}",
            "no": f"the reasons do not lead to {self.choice}",
            "unclear": "whether the reasons lead to the answer is unclear",
        }
        return "; ".join([*parts, agree[self.agree or "unclear"]])


def codes_of(
    study: Study,
    a: Patient,
    b: Patient,
    choice: Choice,
    *,
    uses: Mapping[str, Use],
    arguments: Iterable[Argument],
    agree: Agree,
    where: Where = "answer",
) -> Codes:
    """Return the codes of a transcript with reasons.

    Args:
        study: The study of the dilemma.
        a: The patient shown first.
        b: The patient shown second.
        choice: The answer.
        uses: The patient whom each attribute supports; omitted attributes were not mentioned.
        arguments: The arguments in the reasons.
        agree: Whether the reasons lead to the answer.
        where: The part of the reply that holds the reasons.
    """
    attributes: dict[str, Use] = {name: uses.get(name, "") for name in study.attribute_ids}
    values = zip(study.attributes, a.values, b.values, strict=True)
    people = {one.id: _for_people(attributes[one.id], one, x, y) for one, x, y in values}
    return Codes("coded", choice, attributes, people, frozenset(arguments), agree, where)


def no_codes(study: Study, choice: Choice, status: Status, where: Where = "none") -> Codes:
    """Return the codes of a transcript without codable reasons; `status` gives the cause."""
    attributes: dict[str, Use] = dict.fromkeys(study.attribute_ids, "")
    people: dict[str, ForPeople] = dict.fromkeys(study.attribute_ids, "")
    return Codes(status, choice, attributes, people, frozenset(), None, where)


def _for_people(use: Use, attribute: Attribute, a: float, b: float) -> ForPeople:
    if use in ("", "neither"):
        return use
    chosen, other = (a, b) if use == "A" else (b, a)
    lead = attribute.favour(chosen) - attribute.favour(other)
    if lead == 0:
        return "neither"
    return "toward" if lead > 0 else "against"
