"""A dilemma as the text that a model reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from kidney_evals.elicitation.channels import Channel, channel_texts
from kidney_evals.elicitation.form import languages
from kidney_evals.elicitation.wording import EXPLAIN, Explain, Texts, Wording
from kidney_evals.errors import unknown
from kidney_evals.studies import Condition, Dilemma, Order, Patient, Study, in_language


class Cell(NamedTuple):
    """One attribute of one patient, in words.

    Attributes:
        label: What stands before the value.
        value: The value with its unit.
    """

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
    """Return the question that puts `dilemma`: the text of the user's message.

    Args:
        wording: How to put it.
        study: The study it belongs to.
        dilemma: The two patients.
        order: Which of them is shown first.
        condition: Which answers are offered.
        explain: Whether reasons are asked for, and when.
        channel: How the answer is to be given.

    Raises:
        UserError: If `explain` is not one of the three, or the study has no words in the
            wording's language.
    """
    if explain not in EXPLAIN:
        raise unknown("explain", explain, EXPLAIN)
    spoken = in_language(study, wording.form.language)
    first, second = (cells_of(wording, spoken, patient) for patient in dilemma.shown(order))
    situation = wording.situation.strip() or spoken.scenario["situation"]
    return assemble(wording, situation, first, second, condition, explain, channel)


def render_repeat(wording: Wording, condition: Condition, channel: Channel = "text") -> str:
    """Return the one further question after an answer that could not be read."""
    repeat = wording.repeat
    if channel != "text":
        repeat = channel_texts()[wording.form.language][channel].repeat
    return repeat.format(line=_line(wording, condition, channel)).strip()


def render_system(wording: Wording) -> str:
    """Return the system message that the wording asks for; empty where it asks for none."""
    return wording.role.strip() if wording.role_in == "system" else ""


def cells_of(wording: Wording, study: Study, patient: Patient) -> list[Cell]:
    """Return a patient's attributes in the wording's order, numbers as it writes them."""
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
    """Put a question together from the words for its two patients.

    Args:
        wording: How to put it.
        situation: The words for the situation.
        first: The patient shown first.
        second: The other one, attributes in the same order.
        condition: Which answers are offered.
        explain: Whether reasons are asked for, and when.
        channel: How the answer is to be given.
    """
    a, b = wording.form.names
    shown = (
        {"table": patient_table(wording.table, (a, b), first, second)}
        if wording.table and wording.is_table
        else {
            "patient_a": patient_block(wording, a, first),
            "patient_b": patient_block(wording, b, second),
        }
    )
    parts = (
        wording.role if wording.role_in == "user" else "",
        wording.scene.format(situation=situation, **shown),
        wording.question[condition].format(a=a, b=b),
        _ask(wording, explain, channel).format(line=_line(wording, condition, channel)),
    )
    return "\n\n".join(text for part in parts if (text := part.strip()))


def patient_block(wording: Wording, name: str, cells: Sequence[Cell]) -> str:
    """Return one patient, attribute by attribute."""
    shown = [
        # Templates name one of the two forms of the label; format ignores the other.
        wording.attribute.format(
            label=cell.label, label_within=_within(cell.label), value=cell.value
        )
        for cell in cells
    ]
    return wording.patient.format(name=name, attributes=wording.separator.join(shown))


def patient_table(
    table: Texts, names: tuple[str, str], first: Sequence[Cell], second: Sequence[Cell]
) -> str:
    """Return both patients side by side, a row for each attribute."""
    a, b = names
    rows = [
        table["row"].format(label=one.label, value_a=one.value, value_b=two.value)
        for one, two in zip(first, second, strict=True)
    ]
    return "\n".join([table["head"].format(a=a, b=b).strip(), *rows])


def _within(label: str) -> str:
    """Return a label as it reads inside a sentence."""
    return label[:1].lower() + label[1:]


def _ask(wording: Wording, explain: Explain, channel: Channel) -> str:
    if channel == "text":
        return wording.ask[explain]
    return channel_texts()[wording.form.language][channel].ask[explain]


def _line(wording: Wording, condition: Condition, channel: Channel) -> str:
    """Return the wording's own line, each answer in it as the channel writes it."""
    a, b = wording.form.names
    line = wording.line[condition].format(a=a, b=b)
    if channel == "text":
        return line
    language = wording.form.language
    answer = channel_texts()[language][channel].answer
    words = "|".join(map(re.escape, wording.form.words(condition).values()))
    return re.sub(
        rf"{re.escape(languages()[language].answer)}({words})\b",
        lambda found: answer.format(word=found[1]),
        line,
    )


_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

_WHOLE = re.compile(r"(?<![\d.,])\d{1,3}(?![.,]?\d)")


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
    """Write out every whole number of up to three digits; others stay as they are."""
    return _WHOLE.sub(lambda found: spelled(int(found[0])), text)
