"""Render a dilemma as the text of a question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kidney_evals.elicitation.channels import Channel
from kidney_evals.elicitation.form import table
from kidney_evals.elicitation.wording import EXPLAIN, Explain, Wording
from kidney_evals.errors import unknown
from kidney_evals.studies import Condition, Dilemma, Order, Patient, Study, in_language


class Cell(NamedTuple):
    """The label of an attribute, and a patient's value with its unit."""

    label: str
    value: str


def render_question(
    wording: Wording,
    study: Study,
    dilemma: Dilemma,
    order: Order,
    condition: Condition,
    explain: Explain = "none",
    channel: Channel = "text",
) -> str:
    """Return the text of the user's message that asks about `dilemma`.

    `condition` decides the offered answers; `explain` whether reasons are requested, and on which
    side of the answer.

    Raises:
        UserError: `explain` is not one of the three values, or the study has no words in the
            wording's language.
    """
    if explain not in EXPLAIN:
        raise unknown("explain", explain, EXPLAIN)
    spoken = in_language(study, wording.form.language)
    first, second = (cells_of(wording, spoken, patient) for patient in dilemma.shown(order))
    situation = wording.situation.strip() or spoken.scenario["situation"]
    return assemble(wording, situation, first, second, condition, explain, channel)


def render_repeat(wording: Wording, condition: Condition, channel: Channel = "text") -> str:
    """Return the repeat question after an answer that could not be parsed."""
    repeat = wording.repeat if channel == "text" else _texts(wording, channel)["repeat"]
    return str(repeat.format(line=_line(wording, condition, channel))).strip()


def render_system(wording: Wording) -> str:
    """Return the system message of the wording; empty if the wording has none."""
    return wording.role.strip() if wording.role_in == "system" else ""


def cells_of(wording: Wording, study: Study, patient: Patient) -> list[Cell]:
    """Return a patient's attributes in the wording's order and number format."""
    cells = [
        Cell(attribute.label, attribute.describe(value))
        for attribute, value in zip(study.attributes, patient.values, strict=True)
    ]
    if wording.attribute_order == "reversed":
        cells.reverse()
    if wording.numbers == "words":
        cells = [Cell(cell.label, spell_out(cell.value)) for cell in cells]
    return cells


def assemble(
    wording: Wording,
    situation: str,
    first: Sequence[Cell],
    second: Sequence[Cell],
    condition: Condition,
    explain: Explain,
    channel: Channel = "text",
) -> str:
    """Return a question, assembled from the cells of the patients shown first and second."""
    a, b = wording.form.names
    ask = wording.ask if channel == "text" else _texts(wording, channel)["ask"]
    parts = (
        wording.role if wording.role_in == "user" else "",
        scene(wording, situation, first, second),
        wording.question[condition].format(a=a, b=b),
        ask[explain].format(line=_line(wording, condition, channel)),
    )
    return "\n\n".join(text for part in parts if (text := part.strip()))


def scene(wording: Wording, situation: str, first: Sequence[Cell], second: Sequence[Cell]) -> str:
    """Return the situation and both patients."""
    a, b = wording.form.names
    if wording.table and wording.is_table:
        row = wording.table["row"]
        rows = [
            row.format(label=one.label, value_a=one.value, value_b=two.value)
            for one, two in zip(first, second, strict=True)
        ]
        lines = "\n".join([wording.table["head"].format(a=a, b=b).strip(), *rows])
        return wording.scene.format(situation=situation, table=lines)
    return wording.scene.format(
        situation=situation,
        patient_a=_patient(wording, a, first),
        patient_b=_patient(wording, b, second),
    )


def _patient(wording: Wording, name: str, cells: Sequence[Cell]) -> str:
    shown = [
        # A template uses one of the two forms of the label; `format` ignores the other form.
        wording.attribute.format(
            label=cell.label,
            label_within=cell.label[:1].lower() + cell.label[1:],
            value=cell.value,
        )
        for cell in cells
    ]
    return wording.patient.format(name=name, attributes=wording.separator.join(shown))


def _line(wording: Wording, condition: Condition, channel: Channel) -> str:
    """Return the wording's answer line, with each answer in the channel's format."""
    a, b = wording.form.names
    line = wording.line[condition].format(a=a, b=b)
    if channel == "text":
        return line
    answer = _texts(wording, channel)["answer"]
    words = "|".join(map(re.escape, wording.form.words(condition).values()))
    pattern = rf"{re.escape(wording.form.answer)}({words})\b"
    return re.sub(pattern, lambda match: str(answer.format(word=match[1])), line)


def _texts(wording: Wording, channel: Channel) -> Mapping[str, Any]:
    """Return the texts of a channel in the wording's language, described in `channels.yaml`."""
    texts: Mapping[str, Any] = table("channels")[wording.form.language][channel]
    return texts


_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def spelled(number: int) -> str:
    """Return a whole number from 0 to 999 in words ("thirty-two")."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{_SMALL[hundreds]} hundred" + (f" and {spelled(rest)}" if rest else "")


def spell_out(text: str) -> str:
    """Replace whole numbers of up to three digits by words; larger numbers keep their digits."""
    return re.sub(r"(?<![\d.,])\d{1,3}(?![.,]?\d)", lambda number: spelled(int(number[0])), text)
