"""The hand-coded texts that ship with the package; `coded.md` is their card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, get_args

from kidney_evals.errors import UserError
from kidney_evals.rationale.codes import Choice, Codes, codes_of, no_codes
from kidney_evals.studies import Condition, Patient, Study, load_study

Part = Literal["development", "test"]
"""`development` was looked at while the rules were written, errors on `test` were not."""

PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class CodedText:
    """One text with its dilemma and its codes.

    Attributes:
        id: Its name ("r017").
        study: The study that the dilemma is of.
        condition: Which answers were offered.
        a: The patient shown first.
        b: The patient shown second.
        choice: The answer given.
        text: The reply.
        codes: What the coder said of it.
        part: Which half of the corpus it is in.
    """

    id: str
    study: Study
    condition: Condition
    a: Patient
    b: Patient
    choice: Choice
    text: str
    codes: Codes
    part: Part


@lru_cache(maxsize=1)
def coded_texts() -> tuple[CodedText, ...]:
    """Return all hand-coded texts.

    Raises:
        UserError: If an entry has a code that the codebook lacks, or a value its study lacks.
    """
    text = files("kidney_evals.rationale").joinpath("coded.jsonl").read_text(encoding="utf-8")
    return tuple(_read(json.loads(line)) for line in text.splitlines())


def _read(entry: dict[str, Any]) -> CodedText:
    study = load_study(entry["study"])
    a, b = (
        Patient(tuple(float(entry[side][name]) for name in study.attribute_ids)) for side in "ab"
    )
    for patient in (a, b):
        for attribute, value in zip(study.attributes, patient.values, strict=True):
            if value not in attribute.values:
                raise UserError(f"{entry['id']}: {attribute.id} {value:g} is outside the study")
    codes, choice = entry["codes"], entry["choice"]
    return CodedText(
        id=entry["id"],
        study=study,
        condition=entry["condition"],
        a=a,
        b=b,
        choice=choice,
        text=entry["text"],
        codes=(
            codes_of(
                study,
                a,
                b,
                choice,
                uses=codes["attributes"],
                arguments=codes["arguments"],
                agree=codes["agree"],
            )
            if codes["status"] == "coded"
            else no_codes(study, choice, codes["status"])
        ),
        part=entry["split"],
    )
