"""Estimated tokens of a run, from the prompts it will send.

No tokenizer is asked: each provider has its own, and some must be fetched. English prompts run at
some four characters a token, which is the expected figure; the range allows for tokenizers from
three to five characters a token, for the frame that a provider puts around a message, and for
answers longer than was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from kidney_evals.elicitation.wording import Explain

if TYPE_CHECKING:
    from inspect_ai.dataset import Sample


class Estimate(NamedTuple):
    """A number of tokens.

    Attributes:
        low: Every sample asked once, short tokens, short answers.
        expected: Every sample asked once.
        high: Every sample asked twice, long tokens, long answers.
    """

    low: float
    expected: float
    high: float

    @staticmethod
    def total(parts: Iterable[Estimate]) -> Estimate:
        """Return the sum."""
        listed = list(parts)
        return Estimate(*(sum(part[i] for part in listed) for i in range(3)))


CHARACTERS: Final = Estimate(5.0, 4.0, 3.0)
"""Characters a token: the more, the fewer tokens."""

FRAME: Final = Estimate(0, 4, 10)
"""Tokens that a provider puts around a message."""

ANSWER: Final[Mapping[Explain, Estimate]] = {
    "none": Estimate(3, 6, 150),
    "before": Estimate(40, 120, 500),
    "after": Estimate(40, 120, 500),
}
"""Tokens of an answer: the line alone, which some models will explain unasked, or with reasons."""

REPEATED: Final = ANSWER["none"]
"""Tokens of the answer to a repeat question, which asks for the line alone."""

ASSUMPTIONS: Final = (
    "Calls: at least one a sample and epoch; at most one more, where an answer cannot be read.",
    "Tokens are estimated from the prompts as they will be sent: 4 characters a token, from 5 to "
    "3 in the range. Answers: "
    + "; ".join(
        f"{tokens.expected} tokens ({tokens.low} to {tokens.high}) {words}"
        for words, tokens in (
            ("for the answer line alone", ANSWER["none"]),
            ("with reasons", ANSWER["before"]),
        )
    )
    + ". Reasoning tokens, which most providers bill as output, cannot be foreseen and are not "
    "counted.",
)
"""What the estimates take for granted, in sentences."""


class Tokens(NamedTuple):
    """Tokens of a run, in and out, without reasoning."""

    input: Estimate
    output: Estimate


def measure(
    samples: Sequence[Sample],
    epochs: int,
    explain: Explain,
    wording: str | Sequence[str] = "default",
) -> Tokens:
    """Estimate the tokens of a run.

    Args:
        samples: The samples it asks.
        epochs: How often.
        explain: Whether reasons are asked for, and when.
        wording: What the tasks were asked to put their dilemmas in.
    """
    answer = ANSWER[explain]
    used = [
        _input(messages, repeat, answer) for messages, repeat in prompts(samples, explain, wording)
    ]
    count = len(samples) * epochs
    made = Estimate(answer.low, answer.expected, answer.high + REPEATED.high)
    return Tokens(
        input=Estimate(*(epochs * part for part in Estimate.total(used))),
        output=Estimate(*(count * part for part in made)),
    )


def prompts(
    samples: Sequence[Sample], explain: Explain, wording: str | Sequence[str] = "default"
) -> list[tuple[list[str], str]]:
    """Return for each sample the texts of the first call's messages, and the repeat question.

    They are put in words as the tasks' own solvers do.
    """
    from inspect_ai.model import ChatMessageSystem

    from kidney_evals.elicitation.prompt import render_question, render_repeat, render_system
    from kidney_evals.elicitation.wording import wordings_asked
    from kidney_evals.studies import load_study

    asked = {one.id: one for one in wordings_asked(wording)}
    # Loading a study again looks at its files again, which is once too often per sample.
    load = lru_cache(maxsize=None)(load_study)
    texts = []
    for sample in samples:
        facts = sample.metadata or {}
        study = load(facts["study_source"])
        dilemma = study.dilemma_from(facts)
        put = asked[facts["wording"]]
        question = render_question(put, study, dilemma, facts["order"], facts["condition"], explain)
        given = [] if isinstance(sample.input, str) else sample.input
        system = [one.text for one in given if isinstance(one, ChatMessageSystem)]
        system += [role for role in (render_system(put),) if role]
        texts.append(([*system, question], render_repeat(put, facts["condition"])))
    return texts


def _input(messages: Sequence[str], repeat: str, answer: Estimate) -> Estimate:
    once, again = sum(map(len, messages)), len(repeat)
    low, expected, high = (
        once / characters + len(messages) * frame
        for characters, frame in zip(CHARACTERS, FRAME, strict=True)
    )
    # The second call sends everything once more, with the first answer and the repeat question.
    second = high + answer.high + again / CHARACTERS.high + 2 * FRAME.high
    return Estimate(low, expected, high + second)
