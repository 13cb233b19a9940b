"""Render the question about a dilemma: whom to choose, or what share of people chose whom.

The functions that take a study raise `UserError` if it lacks a word or the language of the wording.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from kidney_evals.elicitation.form import each_text, table
from kidney_evals.elicitation.wording import DEFAULT, Explain, Wording, put, wording_named
from kidney_evals.studies import Condition, Dilemma, Order, Study, in_language

if TYPE_CHECKING:
    # Not at run time: it imports Inspect, for which a survey would wait at every start.
    from kidney_evals.elicitation.channels import Channel

PREDICT = "predict_people"
"""Value of `asks` that tells simulated respondents to predict people's answers."""


class Row(NamedTuple):
    """The label of an attribute, and its value with the unit for candidates A and B as shown."""

    label: str
    a: str
    b: str


def render_question(
    wording: Wording,
    study: Study,
    dilemma: Dilemma,
    order: Order,
    condition: Condition,
    explain: Explain | None = "none",
    channel: Channel = "text",
    probe: tuple[str, str, str] | None = None,
) -> str:
    """Return the text of the user's message that asks about `dilemma`.

    Args:
        wording: The wording, with or without the study's words in it.
        study: The study of the dilemma.
        dilemma: The two candidates.
        order: The order in which they are shown.
        condition: The condition, which determines the question and the offered answers.
        explain: Whether and where to give reasons. None for people: the text does not say how to
            reply.
        channel: The channel of the answer.
        probe: A last line for both candidates: its label, the text for A and the text for B.
    """
    spoken, wording = in_language(study, wording.form.language), put(wording, study)
    situation = wording.situation.strip() or spoken.words.situation
    rows = _rows(wording, spoken, dilemma, order)
    rows += [Row(*probe)] if probe else []
    return assemble(wording, situation, rows, condition, explain, channel)


def render_repeat(
    wording: Wording, study: Study, condition: Condition, channel: Channel = "text"
) -> str:
    """Return the repeat question after an answer that could not be parsed."""
    wording = put(wording, study)
    repeat = wording.repeat if channel == "text" else _texts(wording, channel)["repeat"]
    return str(repeat.format(line=_line(wording, condition, channel))).strip()


def render_system(wording: Wording, study: Study) -> str:
    """Return the system message of the wording; empty if the wording has none."""
    return put(wording, study).role.strip() if wording.role_in == "system" else ""


def render_prediction(
    study: Study, dilemma: Dilemma, order: Order, condition: Condition
) -> tuple[str, str]:
    """Return the question about people's answers to a dilemma, and its repeat question.

    The repeat question is for an answer that could not be parsed.
    """
    from kidney_evals.human.reference import load_reference

    words = each_text(table("predict"), partial(study.words.fill, whose=PREDICT))
    wording = put(wording_named(DEFAULT), study)
    kind = "fixed" if study.draw is None else "drawn"
    a, b = wording.form.names
    shown = _scene(wording, study.words.situation, _rows(wording, study, dilemma, order))
    question = wording.question[condition].format(a=a, b=b)
    people = load_reference(study, condition).people
    if not people:
        asked, kind = words["people"]["nobody"], "drawn"
    else:
        # Below 0, the number of people was not published.
        count = f"{people} people" if people > 0 else "people"
        asked = words["people"][kind].replace("{people} people", count)
    parts = (
        asked,
        words["dilemma"].format(scene=shown.strip(), question=question.strip()),
        words["ask"][kind][condition],
        words["reply"].format(line=words["line"][condition]),
    )
    repeat = words["repeat"].format(line=words["line"][condition])
    return "\n\n".join(part.strip() for part in parts), repeat.strip()


def assemble(
    wording: Wording,
    situation: str,
    rows: Sequence[Row],
    condition: Condition,
    explain: Explain | None,
    channel: Channel = "text",
) -> str:
    """Return a question about a dilemma, as `render_question` does.

    Args:
        wording: The wording, already with the study's words (`put`).
        situation: The text before the candidates.
        rows: The attributes of both candidates, in the order shown.
        condition: As in `render_question`.
        explain: As in `render_question`.
        channel: As in `render_question`.
    """
    a, b = wording.form.names
    ask = wording.ask if channel == "text" else _texts(wording, channel)["ask"]
    parts = (
        wording.role if wording.role_in == "user" else "",
        _scene(wording, situation, rows),
        wording.question[condition].format(a=a, b=b),
        ask[explain].format(line=_line(wording, condition, channel)) if explain else "",
    )
    return "\n\n".join(text for part in parts if (text := part.strip()))


def _rows(wording: Wording, study: Study, dilemma: Dilemma, order: Order) -> list[Row]:
    """Return the attributes in the wording's order and number format."""
    first, second = (patient.values for patient in dilemma.shown(order))
    written = spell_out if wording.numbers == "words" else str
    rows = [
        Row(attribute.label, written(attribute.describe(a)), written(attribute.describe(b)))
        for attribute, a, b in zip(study.attributes, first, second, strict=True)
    ]
    return rows[::-1] if wording.attribute_order == "reversed" else rows


def _scene(wording: Wording, situation: str, rows: Sequence[Row]) -> str:
    """Return the situation and both candidates."""
    a, b = wording.form.names
    if wording.table and wording.is_table:
        line = wording.table["row"]
        lines = [line.format(label=row.label, value_a=row.a, value_b=row.b) for row in rows]
        head = wording.table["head"].format(a=a, b=b).strip()
        return wording.scene.format(situation=situation, table="\n".join([head, *lines]))
    return wording.scene.format(
        situation=situation,
        patient_a=_patient(wording, a, [(row.label, row.a) for row in rows]),
        patient_b=_patient(wording, b, [(row.label, row.b) for row in rows]),
    )


def _patient(wording: Wording, name: str, values: Sequence[tuple[str, str]]) -> str:
    shown = [
        # A template uses one of the two forms of the label; `format` ignores the other form.
        wording.attribute.format(
            label=label, label_within=label[:1].lower() + label[1:], value=value
        )
        for label, value in values
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


def _spelled(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{_SMALL[hundreds]} hundred" + (f" and {_spelled(rest)}" if rest else "")


def spell_out(text: str) -> str:
    """Return a text with whole numbers below 1,000 in English words; other numbers stay."""
    return re.sub(r"(?<![\d.,])\d{1,3}(?![.,]?\d)", lambda number: _spelled(int(number[0])), text)
