"""Training samples from answers, with the order, wording and text of the evaluation tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kidney_evals.elicitation.prompt import render_question, render_system
from kidney_evals.elicitation.run_wordings import id_suffix
from kidney_evals.elicitation.wording import Wording
from kidney_evals.finetuning.data import Example, Part
from kidney_evals.finetuning.sources import Answered, generator_of, shuffled
from kidney_evals.studies import Order, Study

SMALLEST: Final = 8
"""Smallest nested size; each further size is twice as large."""


@dataclass(frozen=True)
class TrainingSample:
    """An answer with the order and wording in which the sample shows the dilemma.

    Attributes:
        of: The answer in terms of the dilemma as listed.
        order: The order in which the patients are shown.
        wording: The wording.
        answer: The answer as shown: A, B or COIN.
    """

    of: Answered
    order: Order
    wording: Wording
    answer: str


def nested_sizes(samples: int) -> list[int]:
    """Return the nested sizes 8, 16, 32 … up to `samples`."""
    return [SMALLEST << power for power in range((samples // SMALLEST).bit_length())]


def samples_of(
    answered: Sequence[Answered],
    wordings: Sequence[Wording],
    part: Part,
    seed: int,
    *,
    shuffle: bool = False,
) -> list[TrainingSample]:
    """Assign an order and a wording to every answer, balanced in any first n of each condition.

    Args:
        answered: The answers, in the order of the samples.
        wordings: The wordings.
        part: The part (training or held-out) of the samples.
        seed: Seed of the export.
        shuffle: Whether to exchange answers between samples; see `_exchanged`.
    """
    counts = Counter(one.condition for one in answered)
    dealt = {name: iter(deal(wordings, count, seed, part, name)) for name, count in counts.items()}
    samples = []
    for one in answered:
        order, wording = next(dealt[one.condition])
        is_a = (one.choice == "first") == (order == "ab")
        answer = "COIN" if one.choice == "coin" else "A" if is_a else "B"
        samples.append(TrainingSample(one, order, wording, answer))
    return _exchanged(samples, part, seed) if shuffle else samples


def deal(wordings: Sequence[Wording], count: int, *key: object) -> list[tuple[Order, Wording]]:
    """Return an order and a wording for each of `count` samples, balanced jointly.

    With W wordings, each block of 2 W samples holds every wording once in each order. Orders
    alternate within a half of the block, and the second half repeats the wordings of the first
    half in the other order. Among any first n samples, the counts of two orders, two wordings or
    two pairs of order and wording differ by at most one. `key` seeds the draw.
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


def examples(samples: Sequence[TrainingSample], study: Study) -> tuple[Example, ...]:
    """Return samples as conversations, with the facts for the CSV files."""
    suffixes = {one.wording.id: id_suffix(one.wording, study) for one in samples}
    people_known = any(one.of.person for one in samples)
    times: Counter[str] = Counter()
    made = []
    for sample in samples:
        one, order, wording = sample.of, sample.order, sample.wording
        name = study.sample_id(one.dilemma, order) + suffixes[wording.id]
        times[name] += 1
        facts = {
            "sample": name if times[name] == 1 else f"{name}-{times[name]}",
            "condition": one.condition,
            "dilemma": one.dilemma.id,
            "order": order,
            "wording": wording.id,
            "answer": sample.answer,
        }
        facts |= {"person": one.person} if people_known else {}
        for side, patient in zip("ab", one.dilemma.shown(order), strict=True):
            facts |= {
                f"{side}_{attribute}": f"{value:g}"
                for attribute, value in zip(study.attribute_ids, patient.values, strict=True)
            }
        role = render_system(wording)
        question = render_question(wording, study, one.dilemma, order, one.condition)
        # The question asks for one final line and nothing else.
        line = wording.form.answer + wording.form.words(one.condition)[sample.answer]
        messages: tuple[Mapping[str, str], ...] = (
            *([{"role": "system", "content": role}] if role else []),
            {"role": "user", "content": question},
            {"role": "assistant", "content": line},
        )
        made.append(Example(messages, facts))
    return tuple(made)


def balance(samples: Sequence[TrainingSample]) -> dict[str, Any]:
    """Count samples by condition, and within each condition by order, wording and answer."""
    counts: dict[str, Any] = {}
    for condition in sorted({one.of.condition for one in samples}):
        own = [one for one in samples if one.of.condition == condition]
        counts[condition] = {
            "samples": len(own),
            "order": _counted(one.order for one in own),
            "wording": _counted(one.wording.id for one in own),
            "answer": _counted(one.answer for one in own),
        }
    return counts


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _exchanged(samples: Sequence[TrainingSample], part: Part, seed: int) -> list[TrainingSample]:
    """Permute the answers of each condition, so that answers are independent of the patients.

    Answers are permuted within the first 8 samples, the next 8, the next 16 and so on: each
    nested size keeps its answers, and its first samples do not depend on the number of samples.
    """
    result = list(samples)
    start = 0
    while start < len(result):
        end = min(max(SMALLEST, 2 * start), len(result))
        for condition in dict.fromkeys(one.of.condition for one in result[start:end]):
            places = [at for at in range(start, end) if samples[at].of.condition == condition]
            moved = shuffled(places, seed, part, condition, "control", start)
            for at, source in zip(places, moved, strict=True):
                # The exchanged answer is not this person's answer.
                nobody = replace(samples[at].of, person="")
                result[at] = replace(samples[at], of=nobody, answer=samples[source].answer)
        start = end
    return result
