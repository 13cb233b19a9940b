"""The simulated respondents, found by name; a respondent's docstring is its documentation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from kidney_evals.errors import unknown
from kidney_evals.respondents.propensities import Propensities
from kidney_evals.respondents.question import Question
from kidney_evals.respondents.traits import Traits

Answer = Callable[[Question, Traits], Propensities]
"""What a respondent would do: its propensities for a question, patients as listed."""


@dataclass(frozen=True)
class Respondent:
    """A simulated respondent.

    Attributes:
        name: What follows `kidney/`.
        answer: Its propensities for a question.
        takes: The arguments it takes.
        description: What it is and does: the docstring of `answer`.
    """

    name: str
    answer: Answer
    takes: tuple[str, ...]
    description: str

    @property
    def summary(self) -> str:
        """The first line of the description."""
        return self.description.splitlines()[0]


COMMON = (
    "seed",
    "position_bias",
    "sharpness",
    "indecision",
    "unreadable",
    "truncated",
    "refusing",
    "swayed_by",
    "sway",
)
"""Arguments that every respondent takes."""

_RESPONDENTS: dict[str, Respondent] = {}


def respondent(*takes: str) -> Callable[[Answer], Answer]:
    """Register a function as the respondent of its name.

    Args:
        *takes: Arguments it takes beside the common ones.

    Raises:
        TypeError: If the function has no docstring.
    """

    def register(answer: Answer) -> Answer:
        name = answer.__name__
        description = inspect.getdoc(answer)
        if not description:
            raise TypeError(f"respondent {name} lacks the docstring that documents it")
        _RESPONDENTS[name] = Respondent(name, answer, (*COMMON, *takes), description)
        return answer

    return register


def respondents() -> tuple[Respondent, ...]:
    """Return every respondent, in the order of their definition."""
    from kidney_evals.respondents import answers  # noqa: F401 - registers them

    return tuple(_RESPONDENTS.values())


def find_respondent(name: str) -> Respondent:
    """Return a respondent by its name.

    Raises:
        UserError: If there is none of that name.
    """
    known = {respondent.name: respondent for respondent in respondents()}
    if name not in known:
        raise unknown("respondent kidney", name, known)
    return known[name]
