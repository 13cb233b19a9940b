"""`kidney-evals sft export`: write a folder of training samples from answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from kidney_evals.elicitation.prompt import render_question, render_system
from kidney_evals.elicitation.run_wordings import id_suffix, wordings_for
from kidney_evals.elicitation.wording import Wording
from kidney_evals.errors import UserError, unknown
from kidney_evals.finetuning.data import PARTS, Example, Part, TrainingData, write_data
from kidney_evals.finetuning.export_card import SMALLEST, make_card, make_readme
from kidney_evals.finetuning.sources import (
    Answered,
    Request,
    evaluated,
    generator_of,
    shuffled,
)
from kidney_evals.finetuning.sources_given import from_answers, from_log, from_rows, read_design
from kidney_evals.finetuning.sources_reference import HELDOUT_MOST, from_reference
from kidney_evals.output_files import check_new_folder
from kidney_evals.studies import CONDITIONS, DEFAULT_STUDY, Condition, Order, Study, load_study

_BOTH: Final = "both"

_SOURCES: Final = {"data": from_rows, "answers": from_answers, "log": from_log}
"""The functions that read the sources of a request, by its attributes."""

_FEWEST, _MOST = 8, 10_000
"""Smallest and largest number of training samples in a folder."""


def export(folder: Path, request: Request) -> TrainingData:
    """Write a folder of training samples; the same request gives the same bytes.

    The folder must be empty or not exist yet.

    Raises:
        UserError: An input is missing or not allowed; nothing was written.
    """
    named = _check(request)
    check_new_folder(folder)
    conditions: tuple[Condition, ...] = tuple(
        name for name in CONDITIONS if request.condition in (None, _BOTH, name)
    )
    if request.log is not None:
        study, condition, mechanism = read_design(request)
        conditions = (condition,)
    else:
        study, mechanism = load_study(request.study or DEFAULT_STUDY), "coin"
    wordings = wordings_for(request.wording, study)
    for wording in wordings if request.answers is None and "coin_flip" in conditions else ():
        if wording.form.mechanism != mechanism:
            raise UserError(
                f"wording {wording.id!r} offers another way out ({wording.form.mechanism}) than "
                f"the source ({mechanism}); use another wording, or --condition forced_choice"
            )
    evaluation = evaluated(study)
    read = _SOURCES[named[0]] if named else from_reference
    source = read(study, conditions, request, evaluation)
    samples = {
        part: _examples(answers, study, wordings, part, request)
        for part, answers in zip(PARTS, (source.train, source.heldout), strict=True)
    }
    card = make_card(study, source, samples, wordings, evaluation, request)
    readme = make_readme(card, study, wordings)
    return write_data(folder, card, readme, *samples.values())


def _check(request: Request) -> list[str]:
    """Check a request; return the named sources of answers, at most one."""
    named = [name for name in _SOURCES if getattr(request, name) is not None]
    if len(named) > 1:
        raise UserError("--data, --answers and --log are three sources; give one of them")
    if named and (request.target or request.person is not None):
        raise UserError("--target and --person choose answers of the human reference alone")
    for option, count, low, high in (
        ("--samples", request.samples, _FEWEST, _MOST),
        ("--heldout", request.held, 1, HELDOUT_MOST),
    ):
        if not low <= count <= high:
            raise UserError(f"{option} must be a number from {low} to {high}, not {count}")
    if request.seed < 0:
        raise UserError(f"--seed must be 0 or more, not {request.seed}")
    if request.condition not in (None, *CONDITIONS, _BOTH):
        raise unknown("condition", request.condition, (*CONDITIONS, _BOTH))
    return named


def _examples(
    answers: Sequence[Answered],
    study: Study,
    wordings: Sequence[Wording],
    part: Part,
    request: Request,
) -> list[Example]:
    """Return answers as conversations, with the order, wording and text of the evaluation tasks."""
    conditions = [one.condition for one in answers]
    designs = {name: _deal(wordings, request.seed, part, name) for name in set(conditions)}
    dealt = [next(designs[condition]) for condition in conditions]
    letters = [
        "COIN"
        if one.choice == "coin"
        else "A"
        if (one.choice == "first") == (order == "ab")
        else "B"
        for one, (order, _) in zip(answers, dealt, strict=True)
    ]
    if request.shuffle:
        letters = _exchanged(letters, conditions, part, request.seed)
    # An exchanged answer is not this person's answer.
    people_known = not request.shuffle and any(one.person for one in answers)
    suffixes = {wording.id: id_suffix(wording, study) for wording in wordings}
    times: Counter[str] = Counter()
    examples = []
    for one, (order, wording), letter in zip(answers, dealt, letters, strict=True):
        name = study.sample_id(one.dilemma, order) + suffixes[wording.id]
        times[name] += 1
        facts = {
            "sample": name if times[name] == 1 else f"{name}-{times[name]}",
            "condition": one.condition,
            "dilemma": one.dilemma.id,
            "order": order,
            "wording": wording.id,
            "answer": letter,
        }
        facts |= {"person": one.person} if people_known else {}
        for side, patient in zip("ab", one.dilemma.shown(order), strict=True):
            values = zip(study.attribute_ids, patient.values, strict=True)
            facts |= {f"{side}_{attribute}": f"{value:g}" for attribute, value in values}
        role = render_system(wording)
        question = render_question(wording, study, one.dilemma, order, one.condition)
        # The question asks for one final line and nothing else.
        line = wording.form.answer + wording.form.words(one.condition)[letter]
        messages = (
            *([{"role": "system", "content": role}] if role else []),
            {"role": "user", "content": question},
            {"role": "assistant", "content": line},
        )
        examples.append(Example(messages, facts))
    return examples


def _deal(wordings: Sequence[Wording], *key: object) -> Iterator[tuple[Order, Wording]]:
    """Yield an order and a wording for each sample, balanced jointly; `key` seeds the draw.

    With W wordings, each block of 2 W samples holds every wording once in each order. Among any
    first n samples, the counts of two orders, wordings or pairs of both differ by at most one.
    """
    block = 0
    while True:
        hand = shuffled(range(len(wordings)), *key, "wordings", block)
        start = generator_of(*key, "orders", block).random() < 0.5
        for turn in (False, True):
            for place, index in enumerate(hand):
                swapped = start ^ turn ^ bool(place % 2)
                yield "ba" if swapped else "ab", wordings[index]
        block += 1


def _exchanged(
    letters: Sequence[str], conditions: Sequence[Condition], part: Part, seed: int
) -> list[str]:
    """Permute the answers of each condition, so that answers are independent of the patients.

    Answers are permuted within the first 8 samples, the next 8, the next 16 and so on, so that each
    nested size keeps its answers.
    """
    result = list(letters)
    start, end = 0, SMALLEST
    while start < len(letters):
        block = range(start, min(end, len(letters)))
        for condition in dict.fromkeys(conditions[at] for at in block):
            places = [at for at in block if conditions[at] == condition]
            moved = shuffled(places, seed, part, condition, "control", start)
            for at, source in zip(places, moved, strict=True):
                result[at] = letters[source]
        start, end = end, 2 * end
    return result
