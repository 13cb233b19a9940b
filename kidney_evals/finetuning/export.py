"""`kidney-evals sft export`: write a folder of training samples from answers, with its card."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kidney_evals import __version__
from kidney_evals.elicitation.prompt import render_question, render_system
from kidney_evals.elicitation.run_wordings import id_suffix, wordings_for
from kidney_evals.elicitation.wording import Wording, put
from kidney_evals.errors import UserError, printable, unknown
from kidney_evals.finetuning.data import PARTS, Example, Part, TrainingData, write_data
from kidney_evals.finetuning.sources import (
    HELDOUT_MOST,
    Answered,
    Evaluated,
    Request,
    Source,
    evaluated,
    from_reference,
    generator_of,
    shuffled,
)
from kidney_evals.finetuning.sources_given import from_answers, from_log, from_rows, read_design
from kidney_evals.finetuning.texts import filled
from kidney_evals.human.reference import REFERENCE_FOLDER
from kidney_evals.limits import limits_and_use
from kidney_evals.output_files import check_new_folder
from kidney_evals.studies import (
    CONDITIONS,
    DEFAULT_STUDY,
    Choice,
    Condition,
    Order,
    Study,
    load_study,
)

_SOURCES: Final = {"data": from_rows, "answers": from_answers, "log": from_log}
"""The functions that read the named sources of a request, by its attributes."""

_SMALLEST, _MOST = 8, 10_000
"""Range of the number of training samples; each nested size is twice the size before it."""

_ANSWERS: Final = ("A", "B", "COIN")
_LETTERS: Final[Mapping[Order, Mapping[Choice, str]]] = {
    "ab": {"first": "A", "second": "B", "coin": "COIN"},
    "ba": {"first": "B", "second": "A", "coin": "COIN"},
}
"""The answer as shown for each choice, by order."""


def export(folder: Path, request: Request) -> TrainingData:
    """Write a folder of training samples and return its content.

    The same request gives the same bytes. The folder must be empty or not exist yet.

    Raises:
        UserError: An input is missing or not allowed; nothing was written.
    """
    named = _check(request)
    check_new_folder(folder)
    conditions: tuple[Condition, ...] = tuple(
        name for name in CONDITIONS if request.condition in (None, "both", name)
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
    card = _card(study, source, samples, wordings, evaluation, request)
    return write_data(folder, card, _readme(card, study, wordings), *samples.values())


def _check(request: Request) -> list[str]:
    """Check a request; return the named sources of answers, at most one."""
    named = [name for name in _SOURCES if getattr(request, name) is not None]
    if len(named) > 1:
        raise UserError("--data, --answers and --log are three sources; give one of them")
    if named and (request.target or request.person is not None):
        raise UserError("--target and --person choose answers of the human reference alone")
    for option, count, low, high in (
        ("--samples", request.samples, _SMALLEST, _MOST),
        ("--heldout", request.held, 1, HELDOUT_MOST),
    ):
        if not low <= count <= high:
            raise UserError(f"{option} must be a number from {low} to {high}, not {count}")
    if request.seed < 0:
        raise UserError(f"--seed must be 0 or more, not {request.seed}")
    if request.condition not in (None, *CONDITIONS, "both"):
        raise unknown("condition", request.condition, (*CONDITIONS, "both"))
    return named


def _examples(
    answers: Sequence[Answered],
    study: Study,
    wordings: Sequence[Wording],
    part: Part,
    request: Request,
) -> list[Example]:
    """Return answers as conversations, in the words of the evaluation tasks."""
    conditions = [one.condition for one in answers]
    designs = {name: _deal(wordings, request.seed, part, name) for name in set(conditions)}
    dealt = [next(designs[condition]) for condition in conditions]
    letters = [_LETTERS[order][one.choice] for one, (order, _) in zip(answers, dealt, strict=True)]
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
        texts = {
            "system": render_system(wording, study),
            "user": render_question(wording, study, one.dilemma, order, one.condition),
            # The question asks for one final line and nothing else.
            "assistant": wording.form.answer + wording.form.words(one.condition)[letter],
        }
        messages = tuple({"role": role, "content": text} for role, text in texts.items() if text)
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
    start, end = 0, _SMALLEST
    while start < len(letters):
        block = range(start, min(end, len(letters)))
        for condition in dict.fromkeys(conditions[at] for at in block):
            places = [at for at in block if conditions[at] == condition]
            moved = shuffled(places, seed, part, condition, "control", start)
            for at, source in zip(places, moved, strict=True):
                result[at] = letters[source]
        start, end = end, 2 * end
    return result


def _card(
    study: Study,
    source: Source,
    samples: Mapping[Part, Sequence[Example]],
    wordings: Sequence[Wording],
    evaluation: Evaluated,
    request: Request,
) -> dict[str, Any]:
    """Return the content of `card.json`."""
    answers = (*source.train, *source.heldout)
    count = len(samples["train"])
    return {
        "package": __version__,
        "study": {name: getattr(study, name) for name in ("id", "source", "version", "hash")},
        "conditions": list(source.conditions),
        "source": dict(source.about),
        "wordings": {wording.id: put(wording, study).digest for wording in wordings},
        "wording": request.wording,
        "seed": request.seed,
        "samples": {part: len(examples) for part, examples in samples.items()},
        "balance": {part: _balance(examples) for part, examples in samples.items()},
        "excluded": {
            "evaluation": list(evaluation.about),
            "overlap": sum(evaluation.holds(one.dilemma) for one in answers),
            "left_out": dict(source.left_out),
        },
        "shuffled": request.shuffle,
        "nested": [_SMALLEST << power for power in range((count // _SMALLEST).bit_length())],
        "canary": study.canary,
        "limits": limits_and_use(study.words.good),
    }


def _readme(card: Mapping[str, Any], study: Study, wordings: Sequence[Wording]) -> str:
    """Return the card as Markdown for a reader, from the template `export_card.md`."""
    path = study.path / REFERENCE_FOLDER / "reference.json"
    source = card["source"].items()
    shown = {key: printable(one) if isinstance(one, str) else one for key, one in source}
    text = filled(
        "export_card.md",
        card={**card, "source": shown},
        study=study,
        wordings=[put(one, study) for one in wordings],
        no_people=list(dict.fromkeys(filter(None, (one.no_human_reference for one in wordings)))),
        answers=_ANSWERS,
        offered=_offered,
        reference=json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {},
    )
    # Remove the blank lines of empty paragraphs.
    return re.sub(r"\n{3,}", "\n\n", text)


def summary(card: Mapping[str, Any]) -> list[str]:
    """Return the lines that the terminal shows after an export.

    Args:
        card: The card of the exported folder.
    """
    return filled("export_summary.md", card=card, offered=_offered).strip().split("\n")


def _balance(examples: Sequence[Example]) -> dict[str, Any]:
    """Count samples by condition, and within each condition by order, wording and answer."""
    counts: dict[str, Any] = {}
    for condition in sorted({one.facts["condition"] for one in examples}):
        own = [one.facts for one in examples if one.facts["condition"] == condition]
        counts[condition] = {"samples": len(own)} | {
            name: dict(sorted(Counter(facts[name] for facts in own).items()))
            for name in ("order", "wording", "answer")
        }
    return counts


def _offered(condition: str) -> tuple[str, ...]:
    return _ANSWERS if condition == "coin_flip" else _ANSWERS[:2]
