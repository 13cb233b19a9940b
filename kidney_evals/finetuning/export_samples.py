"""Answers as samples: order, wording and words, exactly those of the tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kidney_evals.elicitation.prompt import render_question, render_system
from kidney_evals.elicitation.wording import Wording
from kidney_evals.finetuning.data import Example, Part
from kidney_evals.finetuning.sources import Answered, generator_of, shuffled
from kidney_evals.studies import Condition, Order, Study
from kidney_evals.tasks._wordings import id_suffix

SMALLEST = 8
"""The smallest nested size; the others double."""

Shown = tuple[Answered, Order, Wording, str]
"""An answer, how its dilemma is put, and the answer as shown (A, B or COIN)."""


def nested_sizes(samples: int) -> list[int]:
    """Return 8, 16, 32 … up to the number of samples."""
    sizes = []
    size = SMALLEST
    while size <= samples:
        sizes.append(size)
        size *= 2
    return sizes


def show(
    answered: Sequence[Answered],
    wordings: Sequence[Wording],
    part: Part,
    seed: int,
    *,
    shuffle: bool = False,
) -> list[Shown]:
    """Give every answer an order and a wording, balanced in any first n of each condition.

    Args:
        answered: In the order of the samples.
        wordings: The wordings that take part.
        part: Which file they are for; each deals for itself.
        seed: Of the export.
        shuffle: Whether the answers, as shown, change places; see `_change_places`.
    """
    dealt: dict[Condition, list[tuple[Order, Wording]]] = {}
    for condition in dict.fromkeys(one.condition for one in answered):
        count = sum(one.condition == condition for one in answered)
        dealt[condition] = deal(wordings, count, seed, part, condition)[::-1]
    shown = []
    for one in answered:
        order, wording = dealt[one.condition].pop()
        shown.append((one, order, wording, _as_shown(one, order)))
    return _change_places(shown, part, seed) if shuffle else shown


def deal(wordings: Sequence[Wording], count: int, *key: object) -> list[tuple[Order, Wording]]:
    """Deal orders and wordings to samples, evenly together as well as each alone.

    Twice as many samples as there are wordings get every wording once in each order. Orders
    alternate within a half, and the second half repeats the wordings of the first in the other
    order: of any first n, two orders, two wordings or two pairs of both differ by one at most.

    Args:
        wordings: The wordings that take part.
        count: How many samples.
        *key: Decides the draw.
    """
    dealt: list[tuple[Order, Wording]] = []
    block = 0
    while len(dealt) < count:
        hand = shuffled(range(len(wordings)), *key, "wordings", block)
        start = generator_of(*key, "orders", block).random() < 0.5
        for turn in (False, True):
            for place, index in enumerate(hand):
                swapped = start ^ turn ^ bool(place % 2)
                dealt.append(("ba" if swapped else "ab", wordings[index]))
        block += 1
    return dealt[:count]


def examples(shown: Sequence[Shown], study: Study) -> tuple[Example, ...]:
    """Put samples in words.

    Args:
        shown: The answers and how their dilemmas are put.
        study: The study.
    """
    put_in = {wording.id: wording for _, _, wording, _ in shown}
    suffixes = {name: id_suffix(wording, study) for name, wording in put_in.items()}
    told_apart = any(one.person for one, *_ in shown)
    times: dict[str, int] = {}
    made = []
    for one, order, wording, answer in shown:
        name = study.sample_id(one.dilemma, order) + suffixes[wording.id]
        times[name] = times.get(name, 0) + 1
        facts = {
            "sample": name if times[name] == 1 else f"{name}-{times[name]}",
            "condition": one.condition,
            "dilemma": one.dilemma.id,
            "order": order,
            "wording": wording.id,
            "answer": answer,
        }
        facts |= {"person": one.person} if told_apart else {}
        for side, patient in zip("ab", one.dilemma.shown(order), strict=True):
            facts |= {
                f"{side}_{attribute}": f"{value:g}"
                for attribute, value in zip(study.attribute_ids, patient.values, strict=True)
            }
        made.append(Example(_messages(one, order, wording, answer, study), facts))
    return tuple(made)


def balance(shown: Sequence[Shown]) -> dict[str, Any]:
    """Count samples by condition, and in each by order, wording and answer."""
    counts: dict[str, Any] = {}
    for one, order, wording, answer in shown:
        of = counts.setdefault(
            one.condition, {"samples": 0, "order": {}, "wording": {}, "answer": {}}
        )
        of["samples"] += 1
        for name, value in (("order", order), ("wording", wording.id), ("answer", answer)):
            of[name][value] = of[name].get(value, 0) + 1
    return {
        condition: {
            name: dict(sorted(value.items())) if isinstance(value, dict) else value
            for name, value in of.items()
        }
        for condition, of in sorted(counts.items())
    }


def _messages(
    one: Answered, order: Order, wording: Wording, answer: str, study: Study
) -> tuple[Mapping[str, str], ...]:
    role = render_system(wording)
    question = render_question(wording, study, one.dilemma, order, one.condition)
    # What the question asks for is one final line and nothing else.
    line = wording.form.answer + wording.form.words(one.condition)[answer]
    return (
        *([{"role": "system", "content": role}] if role else []),
        {"role": "user", "content": question},
        {"role": "assistant", "content": line},
    )


def _as_shown(one: Answered, order: Order) -> str:
    if one.choice == "coin":
        return "COIN"
    return "A" if (one.choice == "first") == (order == "ab") else "B"


def _change_places(shown: Sequence[Shown], part: Part, seed: int) -> list[Shown]:
    """Let the answers of a condition change places, so that they say nothing of the patients.

    They do so within the first 8 samples, the next 8, the next 16 and so on: each nested size
    keeps the answers it had, and its first samples do not depend on how many follow.
    """
    result = list(shown)
    start = 0
    while start < len(result):
        end = min(max(SMALLEST, 2 * start), len(result))
        for condition in dict.fromkeys(one.condition for one, *_ in result[start:end]):
            places = [at for at in range(start, end) if shown[at][0].condition == condition]
            moved = shuffled(places, seed, part, condition, "control", start)
            for at, source in zip(places, moved, strict=True):
                one, order, wording, _ = shown[at]
                # Whose answer it was is no longer true of the sample.
                result[at] = (replace(one, person=""), order, wording, shown[source][3])
        start = end
    return result
