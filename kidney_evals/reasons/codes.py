"""The codes of one transcript's reasons; `codebook.md` defines each code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal, get_args

from kidney_evals.elicitation.form import each_text, table
from kidney_evals.limits import KIDNEY
from kidney_evals.studies import Patient, Study

Status = Literal["coded", "no reasons", "language not covered"]
"""Whether a transcript has codes; only `coded` has them."""

Use = Literal["", "A", "B", "neither"]
"""The patient whom an attribute supports in the reasons.

`neither` if the reasons mention that the attribute does not decide, empty if they do not mention
the attribute.
"""

Argument = Literal["fairness", "uncertainty", "medical_utility", "desert", "refusal_to_play"]
"""An argument that refers to no attribute."""

Agree = Literal["yes", "no", "unclear"]
"""Whether the reasons lead to the answer."""

Where = Literal["answer", "reasoning", "both", "none"]
"""The part of the reply that holds the reasons; `none` without reasons."""

Choice = Literal["A", "B", "COIN", "none"]
"""The answer as shown; `COIN` is any offered mechanism, `none` is no answer."""

ForPeople = Literal["", "toward", "against", "neither"]
"""Whether an attribute supports the patient whose value most people favour.

`toward` if it supports this patient, `against` if it supports the other patient, `neither` if both
have the same value or the attribute supports neither patient, empty if it is not mentioned.
"""

STATUSES: tuple[Status, ...] = get_args(Status)
ARGUMENTS: tuple[Argument, ...] = get_args(Argument)
AGREE: tuple[Agree, ...] = get_args(Agree)
CHOICES: tuple[Choice, ...] = get_args(Choice)


@dataclass(frozen=True)
class Codes:
    """The codes of one transcript.

    Unless `status` is `coded`, the fields other than `status`, `choice` and `where` have no codes.
    """

    status: Status
    choice: Choice  # the answer that the reasons are compared with
    attributes: Mapping[str, Use]  # by attribute of the study, the patient whom it supports
    people: Mapping[str, ForPeople]  # by attribute, the use relative to people's favoured value
    arguments: frozenset[Argument]  # in the reasons
    agree: Agree | None  # whether the reasons lead to the answer
    where: Where  # the part of the reply that holds the reasons

    def values(self) -> dict[str, str | bool | None]:
        """Return the codes as a flat mapping, with the same names for every transcript of a study.

        The names are `status`, `where`, `choice` and `agree`; the name of each argument, with a
        boolean; and for each attribute `uses_<id>` (A, B, neither, or empty) and `people_<id>`
        (toward, against, neither, or empty). Unless `status` is `coded`, all values but those of
        `status`, `where` and `choice` are None.
        """
        codes: dict[str, str | bool | None] = {name: name in self.arguments for name in ARGUMENTS}
        for name in self.attributes:
            codes |= {f"uses_{name}": self.attributes[name], f"people_{name}": self.people[name]}
        if self.status != "coded":
            codes = dict.fromkeys(codes)
        flat = {"status": self.status, "where": self.where, "choice": self.choice}
        return {**flat, "agree": self.agree, **codes}


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
        choice: The answer with which the reasons are compared.
        uses: The patient whom each attribute supports, by the attribute's id. Attributes that are
            left out were not mentioned.
        arguments: The arguments in the reasons.
        agree: Whether the reasons lead to the answer.
        where: The part of the reply that holds the reasons.
    """
    attributes: dict[str, Use] = {name: uses.get(name, "") for name in study.attribute_ids}
    people: dict[str, ForPeople] = {}
    for attribute, x, y in zip(study.attributes, a.values, b.values, strict=True):
        use = attributes[attribute.id]
        if use == "" or use == "neither":
            people[attribute.id] = use
            continue
        lead = (attribute.favour(x) - attribute.favour(y)) * (1 if use == "A" else -1)
        people[attribute.id] = "toward" if lead > 0 else "against" if lead < 0 else "neither"
    return Codes("coded", choice, attributes, people, frozenset(arguments), agree, where)


def no_codes(study: Study, choice: Choice, status: Status, where: Where = "none") -> Codes:
    """Return the codes of a transcript without codable reasons.

    Args:
        study: The study of the dilemma.
        choice: The answer.
        status: Why there are no codes: `no reasons` or `language not covered`.
        where: The part of the reply that holds the reasons.
    """
    attributes: dict[str, Use] = dict.fromkeys(study.attribute_ids, "")
    people: dict[str, ForPeople] = dict.fromkeys(study.attribute_ids, "")
    return Codes(status, choice, attributes, people, frozenset(), None, where)


def coding_prompt(study: Study) -> Mapping[str, Any]:
    """Return the texts of `prompt.yaml` for a coding model, by key, in a study's words.

    The key `codebook` has the codebook from the section on attributes on. The texts are written for
    the kidney. For another good, `other_goods` in `prompt.yaml` is applied.
    """
    codebook = files("kidney_evals.reasons").joinpath("codebook.md").read_text(encoding="utf-8")
    # The question explains the status itself; include only the codes that follow it.
    rest = codebook[codebook.index("## Attributes") :].strip()
    texts: Mapping[str, Any] = {**table("prompt", "kidney_evals.reasons"), "codebook": rest}

    def reworded(text: str) -> str:
        for old, new in texts["other_goods"]:
            text = text.replace(old, new)
        return study.words.fill(text)

    return texts if study.words.good == KIDNEY else each_text(texts, reworded)
