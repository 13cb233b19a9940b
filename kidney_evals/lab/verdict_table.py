"""Operating characteristics of the verdicts: how often each is given to a known respondent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from kidney_evals.card import LIKE, PERSON, UNKNOWN, UNLIKE, findings_of
from kidney_evals.lab.panel import people
from kidney_evals.lab.respondents import RESPONDENTS, Respondent
from kidney_evals.lab.simulate import simulate_run
from kidney_evals.lab.table_text import decimals, markdown_table
from kidney_evals.studies import Condition

_NAMES: Final = (
    *("human-like", "sharper", "sharp ×12", "sharp ×25", "anti-human", "leaning", "never flips"),
    *("random flips", "lexicographic", "noise"),
)
"""Respondents whose verdicts are tabled."""

_QUICK: Final = ("human-like", "random flips", "never flips")
"""The same in a quick validation."""


class Rates(NamedTuple):
    """Shares of runs in which a question got each verdict; "like a person" counts as `like`."""

    respondent: str
    calls: int
    question: str
    like: float
    unlike: float
    unknown: float


def verdict_rates(condition: Condition, respondent: Respondent, *, runs: int) -> Iterator[Rates]:
    """Simulate runs of a respondent and yield the shares of the verdicts on each question.

    The reference of a run is that of another sample of people, as in `validate`.
    """
    counts: dict[str, Counter[str]] = {}
    for index in range(runs):
        for one in findings_of(simulate_run(people(condition), respondent, index)):
            counts.setdefault(one.id, Counter())[one.verdict] += 1
    for question, found in counts.items():
        alike = found[LIKE] + found[PERSON]
        like, unlike, unknown = (n / runs for n in (alike, found[UNLIKE], found[UNKNOWN]))
        yield Rates(respondent.name, 2 * respondent.dilemmas, question, like, unlike, unknown)


def verdict_report(condition: Condition, *, runs: int, quick: bool = False) -> str:
    """Return the shares of the verdicts in a condition as Markdown.

    Runs have 400 and 800 calls; if quick, 400, of a few respondents.
    """
    names, sizes = (_QUICK, (200,)) if quick else (_NAMES, (200, 400))
    known = {one.name: one for one in RESPONDENTS}
    chosen = [replace(known[name], dilemmas=size) for name in names for size in sizes]
    rows = [
        (*one[:3], *(decimals(share, 2) for share in one[3:]))
        for respondent in chosen
        for one in verdict_rates(condition, respondent, runs=runs)
    ]
    head = ("respondent", "calls", "question", "like", UNLIKE, UNKNOWN)
    return markdown_table(head, "lrlrrr", rows)
