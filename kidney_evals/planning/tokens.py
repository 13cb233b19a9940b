"""Estimate the tokens of a run from its prompts, as `ASSUMPTIONS` says.

No tokenizer is used, because each provider has its own and some must be downloaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from kidney_evals.elicitation.wording import Explain

if TYPE_CHECKING:
    from inspect_ai.dataset import Sample


class Estimate(NamedTuple):
    """A low, an expected and a high estimate: of a number of tokens, unless stated otherwise."""

    low: float  # of tokens: one question per sample, short prompts in tokens, short answers
    expected: float  # of tokens: one question per sample
    high: float  # of tokens: two questions per sample, long prompts in tokens, long answers

    @staticmethod
    def total(parts: Iterable[Estimate]) -> Estimate:
        """Return the sums of the low, expected and high estimates."""
        return Estimate(*map(sum, zip(*parts, strict=True)))


CHARACTERS: Final = Estimate(5.0, 4.0, 3.0)
"""Characters per token that give the low, expected and high number of tokens."""

FRAME: Final = Estimate(0, 4, 10)  # tokens that a provider adds to a message

ANSWER: Final[Mapping[Explain, Estimate]] = {
    "none": Estimate(3, 6, 150),
    "before": Estimate(40, 120, 500),
    "after": Estimate(40, 120, 500),
}
"""Tokens of an answer, by the task's argument `explain`.

For `none` it is an answer line, to which some models add an explanation; otherwise also reasons.
"""


def _range(tokens: Estimate) -> str:
    return f"{tokens.expected} tokens ({tokens.low} to {tokens.high})"


ASSUMPTIONS: Final = (
    "Calls: at least one a sample and epoch; at most one more, where an answer cannot be read.",
    "Tokens are estimated from the prompts as they will be sent: 4 characters a token, from 5 to "
    f"3 in the range. Answers: {_range(ANSWER['none'])} for the answer line alone; "
    f"{_range(ANSWER['before'])} with reasons. Reasoning tokens, which most providers bill as "
    "output, cannot be foreseen and are not counted.",
)
"""Assumptions of the estimates, in sentences."""


def measure(
    samples: Sequence[Sample], epochs: int, explain: Explain, wording: str | Sequence[str]
) -> tuple[Estimate, Estimate]:
    """Estimate the tokens of a run: those of its input and those of its output.

    Args:
        samples: The samples of the task.
        epochs: Number of times that each sample is asked.
        explain: The task's argument.
        wording: The task's argument.

    Raises:
        UserError: A wording is unknown, or a study cannot be loaded.
    """
    answer = ANSWER[explain]
    asked = [_input(*texts, answer) for texts in prompts(samples, explain, wording)]
    # A repeat question asks for the answer line only.
    made = answer._replace(high=answer.high + ANSWER["none"].high)
    used = Estimate(*(epochs * part for part in Estimate.total(asked)))
    return used, Estimate(*(len(samples) * epochs * part for part in made))


def prompts(
    samples: Sequence[Sample], explain: Explain, wording: str | Sequence[str] = "default"
) -> list[tuple[list[str], str]]:
    """Return two things for each sample: the texts of the first call's messages, and a question.

    The question is the repeat question, which a model gets after an answer that cannot be read.

    Raises:
        UserError: A wording is unknown, or a study cannot be loaded.
    """
    from inspect_ai.model import ChatMessageSystem

    from kidney_evals.elicitation.probes import probe_line
    from kidney_evals.elicitation.prompt import render_question, render_repeat, render_system
    from kidney_evals.elicitation.wording import wordings_asked
    from kidney_evals.studies import load_study

    # Cached, because each call of `load_study` checks the study's files.
    load = lru_cache(maxsize=None)(load_study)
    first = load((samples[0].metadata or {})["study_source"]) if samples else None
    wordings = {each.id: each for each in wordings_asked(wording, first)}
    texts = []
    for sample in samples:
        facts = sample.metadata or {}
        study, used = load(facts["study_source"]), wordings[facts["wording"]]
        order, condition = facts["order"], facts["condition"]
        dilemma = study.dilemma_from(facts)
        question = render_question(
            *(used, study, dilemma, order, condition, explain), probe=probe_line(facts)
        )
        messages = [] if isinstance(sample.input, str) else sample.input
        system = [each.text for each in messages if isinstance(each, ChatMessageSystem)]
        system += filter(None, [render_system(used, study)])
        texts.append(([*system, question], render_repeat(used, study, condition)))
    return texts


def tokens_of(messages: Sequence[str]) -> Estimate:
    """Estimate the tokens of messages, including those that a provider adds to each message."""
    characters = sum(map(len, messages))
    return Estimate(
        *(
            characters / per_token + len(messages) * frame
            for per_token, frame in zip(CHARACTERS, FRAME, strict=True)
        )
    )


def _input(messages: Sequence[str], repeat: str, answer: Estimate) -> Estimate:
    once = tokens_of(messages)
    # The second call sends all messages again, with the first answer and the repeat question.
    second = once.high + answer.high + len(repeat) / CHARACTERS.high + 2 * FRAME.high
    return once._replace(high=once.high + second)
