"""The rules that every wording must meet, so that its answers depend only on the patients."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from kidney_evals.elicitation.channels import CHANNELS, channel_texts
from kidney_evals.elicitation.form import languages
from kidney_evals.elicitation.prompt import (
    Cell,
    assemble,
    cells_of,
    render_question,
    render_repeat,
)
from kidney_evals.elicitation.wording import EXPLAIN, Explain, Wording
from kidney_evals.errors import UserError
from kidney_evals.input_files import ANSWER_LINE
from kidney_evals.studies import CONDITIONS, Condition, Dilemma, Study, in_language

_PLACE = re.compile(r"\{\w+\}")
_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")


def check_wording(wording: Wording, study: Study, dilemma: Dilemma) -> None:
    """Check a wording against the rules that make its answers comparable.

    Args:
        wording: The wording.
        study: The study whose attributes the wording must show.
        dilemma: A dilemma whose patients differ on every attribute.

    Raises:
        UserError: An attribute of a patient is missing or repeated; the text treats the patients
            differently; a word beside a patient is not neutral; an answer is not offered exactly
            once, in its form, in each channel; or the mechanism of indecision is named where it
            is not offered, or not named where it is.
    """
    _check_neutral(wording)
    for condition in CONDITIONS:
        for explain in EXPLAIN:
            where = f"wording {wording.id!r}, {condition}, explain={explain}"
            _check_patients(where, wording, study, dilemma, condition, explain)
            _check_answers(where, wording, study, condition, explain)
            _check_channels(where, wording, condition, explain)


def _check_patients(
    where: str,
    wording: Wording,
    study: Study,
    dilemma: Dilemma,
    condition: Condition,
    explain: Explain,
) -> None:
    """Check that each attribute is shown once per patient, and a swap changes only the patients."""
    marks = [
        [Cell(f"\ue010{index}\ue011", f"\ue012{side}{index}\ue011") for index in range(len(cells))]
        for side, cells in zip(
            "xy", [cells_of(wording, study, one) for one in dilemma.shown("ab")], strict=True
        )
    ]
    text = assemble(wording, "", marks[0], marks[1], condition, explain)
    for name, cells in zip(wording.form.names, marks, strict=True):
        for attribute, cell in zip(study.attributes, cells, strict=True):
            if text.count(cell.value) != 1:
                raise UserError(f"{where}: {attribute.id} of {name} is not shown exactly once")
    labels = 1 if wording.is_table else 2
    for attribute, cell in zip(study.attributes, marks[0], strict=True):
        if text.count(cell.label) != labels:
            raise UserError(f"{where}: {attribute.id} is not named once for each patient")
    places = [
        (text.index(one.value), text.index(two.value)) for one, two in zip(*marks, strict=True)
    ]
    if wording.is_table and wording.table:
        head = wording.table["head"]
        apart = head.index("{a}") < head.index("{b}") and all(one < two for one, two in places)
    else:
        names_first = wording.patient.index("{name}") < wording.patient.index("{attributes}")
        apart = names_first and max(one for one, _ in places) < min(two for _, two in places)
    if not apart:
        raise UserError(f"{where}: the patients' attributes are not kept apart")
    if assemble(wording, "", marks[1], marks[0], condition, explain) != _swap(text):
        raise UserError(f"{where}: swapping the patients changes more than the patients")
    swapped = Dilemma(dilemma.id, dilemma.second, dilemma.first, dilemma.kind)
    if render_question(wording, study, dilemma, "ba", condition, explain) != render_question(
        wording, study, swapped, "ab", condition, explain
    ):
        raise UserError(f"{where}: the other order is not the swapped dilemma")
    for sentence in _rest(wording, condition, explain):
        counts = [len(_mentions(name, sentence)) for name in wording.form.names]
        if counts[0] != counts[1]:
            raise UserError(f"{where}: one patient is named without the other in {sentence!r}")


def _swap(text: str) -> str:
    return re.sub("\ue012([xy])", lambda mark: "\ue012" + ("y" if mark[1] == "x" else "x"), text)


def _mentions(name: str, sentence: str) -> list[str]:
    # A capital letter at the start of a sentence is an article, not a label.
    return re.findall(rf"(?<=\w[\s:]){name}\b", sentence)


def _rest(wording: Wording, condition: Condition, explain: Explain) -> Iterator[str]:
    """Yield the sentences outside of the patients' descriptions."""
    a, b = wording.form.names
    line = wording.line[condition].format(a=a, b=b)
    parts = (
        wording.role,
        wording.situation,
        _PLACE.sub("\n", wording.scene),
        wording.question[condition].format(a=a, b=b),
        wording.ask[explain].format(line=line),
        wording.repeat.format(line=line),
    )
    for part in parts:
        yield from (sentence for sentence in _SENTENCE.split(part) if sentence.strip())


def _check_neutral(wording: Wording) -> None:
    """Check that only neutral words occur beside a patient's label, attributes and values."""
    templates = [wording.patient, wording.attribute, wording.separator]
    if wording.is_table and wording.table:
        templates = [*wording.table.values()]
    found = Counter(
        word.lower() for text in templates for word in _WORD.findall(_PLACE.sub(" ", text))
    )
    neutral = languages()[wording.form.language].neutral
    if others := sorted(found.keys() - neutral):
        raise UserError(
            f"wording {wording.id!r} says {', '.join(others)} of a patient; allowed are "
            f"{', '.join(sorted(neutral))}"
        )


def _check_answers(
    where: str, wording: Wording, study: Study, condition: Condition, explain: Explain
) -> None:
    """Check that each answer is offered once in its form, and the mechanism only where offered."""
    form, language = wording.form, languages()[wording.form.language]
    text = assemble(wording, wording.situation, [], [], condition, explain)
    parts = {"question": text, "repeat question": render_repeat(wording, condition)}
    for answer, word in form.words("coin_flip").items():
        offered = answer != "COIN" or condition == "coin_flip"
        _check_offered(where, parts, language.answer + word, offered)
    offered_answers = len(form.words(condition))
    for part, said in parts.items():
        if (found := len(ANSWER_LINE.findall(said))) != offered_answers:
            raise UserError(
                f"{where}: the {part} must hold {offered_answers} answer lines, not {found}"
            )
    # A role may mention a committee although the wording offers a coin: `asked` omits the role.
    asked = " ".join(
        (wording.scene, wording.question[condition], *wording.ask.values(), wording.repeat)
    ).lower()
    for name, terms in language.terms.items():
        offered = name == form.mechanism and condition == "coin_flip"
        if any(term in asked for term in terms) != offered:
            only = "in coin_flip only" if name == form.mechanism else "in wordings that offer it"
            raise UserError(f"{where}: the {', '.join(terms)} must be named {only}")
        if not offered and language.answer + language.tokens[name] in text:
            raise UserError(f"{where}: {language.tokens[name]} is not among its answers")
    situation = in_language(study, form.language).scenario["situation"]
    given = " ".join((wording.role, wording.situation, situation)).lower()
    if form.mechanism == "coin" and any(term in given for term in language.terms["coin"]):
        raise UserError(f"{where}: the coin must be named in coin_flip only")


def _check_channels(where: str, wording: Wording, condition: Condition, explain: Explain) -> None:
    """Check that the other channels offer the same answers once and name no patient elsewhere."""
    language = languages()[wording.form.language]
    for channel in CHANNELS[1:]:
        texts = channel_texts()[wording.form.language][channel]
        place = f"{where}, channel={channel}"
        parts = {
            "question": assemble(wording, "", [], [], condition, explain, channel),
            "repeat question": render_repeat(wording, condition, channel),
        }
        for answer, word in wording.form.words("coin_flip").items():
            offered = answer != "COIN" or condition == "coin_flip"
            _check_offered(place, parts, texts.answer.format(word=word), offered)
            if any(language.answer + word in said for said in parts.values()):
                raise UserError(f"{place}: {language.answer + word!r} too")
        own = " ".join(texts.all)
        for name, terms in language.terms.items():
            if any(term in own.lower() for term in terms) or language.tokens[name] in own:
                raise UserError(f"channel {channel} names {', '.join(terms)} in every condition")
        if any(_mentions(name, own) for name in wording.form.names):
            raise UserError(f"{place}: a patient is named in its own texts")


def _check_offered(where: str, parts: Mapping[str, str], answer: str, offered: bool) -> None:
    """Check that an answer occurs once in every part, or in no part if it is not offered."""
    for part, said in parts.items():
        if len(re.findall(rf"{re.escape(answer)}(?!\w)", said)) != offered:
            times = "once" if offered else "not at all (no coin is offered)"
            raise UserError(f"{where}: the {part} must hold {answer!r} {times}")
