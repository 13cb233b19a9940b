"""The plan of a person's interview, and the texts of its questions."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kidney_evals.elicitation.prompt import Row, render_question
from kidney_evals.elicitation.wording import wordings
from kidney_evals.studies import (
    CHOICES,
    Choice,
    Condition,
    Dilemma,
    Order,
    Study,
    draw_orders,
    in_language,
)
from kidney_evals.studies.draw import in_random_order
from kidney_evals.survey.settings import DISTANCE, SurveySettings, attention_checks, pool

PLAN_VERSION: Final = 1
"""Increased when the plan for a seed changes; a store of another version is refused."""

_SWAPPED: Final[dict[Order, Order]] = {"ab": "ba", "ba": "ab"}


@dataclass(frozen=True)
class Item:
    """A question of an interview.

    Attributes:
        position: Place in the interview, from 0.
        repeat: Whether the dilemma was asked before, in the opposite order.
    """

    position: int
    dilemma: Dilemma
    order: Order
    repeat: bool = False

    def chosen(self, place: int) -> Choice:
        """Return the answer that chooses the candidate shown first (`place` 0) or second (1)."""
        return CHOICES[place if self.order == "ab" else 1 - place]


def plan_interview(study: Study, settings: SurveySettings, seed: int) -> tuple[Item, ...]:
    """Return the questions of the person with a seed, in the order asked.

    `settings.questions` dilemmas are a uniform random sample, in random order, from the study's
    list or its default draw. The controls are spread among these dilemmas: the interview without
    repeats is divided into as many equal parts as there are controls, and each part has one control
    at a random place. Of questions 1 and 2, 3 and 4, and so on, without repeats, one is shown as
    listed.

    The repeats are spread in the same way over the second half of the interview. They begin later
    if too few dilemmas come before. Each repeat shows, with the sides swapped, a random dilemma
    that was asked at least `DISTANCE` positions earlier. A dilemma is repeated at most once;
    controls are not repeated.
    """
    generator = random.Random(f"survey:{PLAN_VERSION}:{study.id}:{seed}")
    dilemmas = in_random_order(pool(study), generator)[: settings.questions]
    controls = in_random_order(attention_checks(study), generator)[: settings.controls]
    orders = iter(draw_orders(len(dilemmas) + len(controls), seed))
    first = len(dilemmas) + len(controls)
    control_at = set(_spread(0, first, len(controls), generator))
    waiting, checks = iter(dilemmas), iter(controls)
    asked = [next(checks if place in control_at else waiting) for place in range(first)]
    total = first + settings.repeats
    # From this place on there is always a dilemma to repeat, even if all controls, all repeats and
    # the dilemmas that they repeat are earlier.
    start = max(total // 2, DISTANCE - 1 + len(controls) + 2 * settings.repeats)
    repeat_at = set(_spread(start, total, settings.repeats, generator))
    upcoming = iter(asked)
    items: list[Item] = []
    repeated: set[str] = set()
    for position in range(total):
        if position not in repeat_at:
            items.append(Item(position, next(upcoming), next(orders)))
            continue
        earlier = [
            one
            for one in items[: position - DISTANCE + 1]
            if not (one.repeat or one.dilemma.is_control or one.dilemma.id in repeated)
        ]
        one = in_random_order(earlier, generator)[0]
        repeated.add(one.dilemma.id)
        items.append(Item(position, one.dilemma, _SWAPPED[one.order], repeat=True))
    return tuple(items)


def _spread(start: int, stop: int, count: int, generator: random.Random) -> Iterator[int]:
    """Yield a random whole number from each of `count` equal parts of [start, stop)."""
    for part in range(count):
        low = start + part * (stop - start) // count
        high = start + (part + 1) * (stop - start) // count
        yield low + int(generator.random() * (high - low))


@dataclass(frozen=True)
class Question:
    """The texts of a question.

    Attributes:
        situation: The sentences before the candidates.
        rows: The values of both candidates, by attribute.
        closing: The sentence after the candidates.
        question: The sentence that asks for a choice.
        names: The names of the candidates shown first and second ("A", "B").
        text: The whole question, for a terminal.
    """

    situation: str
    rows: tuple[Row, ...]
    closing: str
    question: str
    names: tuple[str, str]
    text: str


def question_of(study: Study, item: Item, condition: Condition, language: str) -> Question:
    """Return the texts of a question, in the default wording of the language.

    The line on how to reply is left out.

    Raises:
        UserError: The study has no words in the language.
    """
    # The first wording with a coin in each language is its default.
    wording = next(
        one for one in wordings().values() if (one.language, one.mechanism) == (language, "coin")
    )
    spoken = in_language(study, language)
    pairs = zip(*(one.values for one in item.dilemma.shown(item.order)), strict=True)
    a, b = wording.form.names
    whose = f"wording {wording.id!r}"
    return Question(
        situation=spoken.words.situation,
        rows=tuple(
            Row(attribute.label, *map(attribute.describe, pair))
            for attribute, pair in zip(spoken.attributes, pairs, strict=True)
        ),
        closing=spoken.words.closing,
        question=spoken.words.fill(wording.question[condition], whose).format(a=a, b=b).strip(),
        names=wording.form.names,
        text=render_question(wording, study, item.dilemma, item.order, condition, explain=None),
    )
