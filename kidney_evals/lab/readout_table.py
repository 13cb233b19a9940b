"""Make `readout.csv`: calls needed for a given interval width, for sampled and read-out answers.

`python -m kidney_evals.lab readout` makes it in two minutes on one core. The card beside the table
describes its content.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from kidney_evals.estimation.respondent_baselines import answer_shares
from kidney_evals.human.reference import load_reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import STUDY
from kidney_evals.lab.simulate import choose, run_of
from kidney_evals.lab.table_text import Record, markdown_table
from kidney_evals.measures import compute
from kidney_evals.measures.run import Run
from kidney_evals.planning.change import read_lines
from kidney_evals.studies import Condition, dilemmas_of, load_study

TARGETS: Final[Mapping[str, float]] = {"flip_rate": 0.03, "swap_diff": 0.05, "imp_age": 0.03}
"""Target half widths. The intervals exclude people's sampling error, so more calls always help."""

RESPONDENTS: Final[Mapping[str, str]] = {
    "human": "draws each answer from people's shares",
    "sharp": "the same with odds to the power of four: nearly steady",
    "uniform": "every answer alike, whoever the patients are",
}
CONDITION: Final[Condition] = "coin_flip"
FIRST_GUESS: Final = 200
LEAST: Final = 25
MOST: Final = 3000
SEEDS: Final = 8


def calls_needed(respondent: str, row: str, *, read_out: bool) -> int:
    """Return the number of calls at which an interval's mean half width meets its target.

    There are two calls per dilemma. The width is simulated for a number of dilemmas, which is then
    rescaled by the square-root law; this is repeated twice.

    Args:
        respondent: One of `RESPONDENTS`.
        row: One of `TARGETS`.
        read_out: Whether answer probabilities are read out instead of sampled.
    """
    count = FIRST_GUESS
    for _ in range(3):
        width = half_width(respondent, row, count, read_out=read_out)
        count = math.ceil(count * (width / TARGETS[row]) ** 2)
        count = min(max(count, LEAST), MOST)
    return 2 * count


def half_width(respondent: str, row: str, dilemmas: int, *, read_out: bool) -> float:
    """Return the mean half width of a measure's interval over runs on independent dilemmas."""
    found = []
    for seed in range(SEEDS):
        got = compute(simulated(respondent, dilemmas, seed, read_out=read_out), row)
        found.append((got.high - got.low) / 2)
    return float(np.nanmean(found))


def simulated(respondent: str, dilemmas: int, seed: int, *, read_out: bool) -> Run:
    """Return a simulated run on newly drawn dilemmas, in both orders."""
    study = load_study(STUDY)
    reference = load_reference(study, CONDITION)
    listed = tuple(sorted(dilemmas_of(study, dilemmas, 1000 + seed), key=lambda one: one.id))
    chances = np.tile(_answers(reference.shares(listed), respondent), (2, 1))
    drawn = choose(chances, np.random.default_rng((20265, seed, dilemmas)))
    choice = chances.argmax(axis=1) if read_out else drawn
    # All dilemmas in the first order, then all in the second.
    return run_of(
        reference,
        listed,
        choice.reshape(2, dilemmas).T,
        chances=chances.reshape(2, dilemmas, 3).swapaxes(0, 1).reshape(-1, 3) if read_out else None,
    )


def _answers(shares: Floats, respondent: str) -> Floats:
    if respondent == "sharp":
        power = shares**4
        return np.asarray(power / power.sum(axis=1, keepdims=True), dtype=np.float64)
    return answer_shares(shares, "uniform" if respondent == "uniform" else "one_person")


def records() -> Iterator[Record]:
    """Yield the rows of the table, without measures that have no value for a respondent."""
    for respondent in RESPONDENTS:
        for row, target in TARGETS.items():
            if respondent == "uniform" and row.startswith("imp"):
                continue
            sampled, read = (calls_needed(respondent, row, read_out=how) for how in (False, True))
            yield {
                "respondent": respondent,
                "row": row,
                "half_width": target,
                "sampled": sampled,
                "read_out": read,
                "ratio": f"{sampled / read:.1f}",
            }


def markdown() -> str:
    """Return the shipped table as Markdown, for the documentation."""
    head = ("respondent", "row", "half width", "calls, sampled", "calls, read out")
    rows = (
        (
            one["respondent"],
            f"`{one['row']}`",
            f"±{one['half_width']}",
            one["sampled"],
            one["read_out"],
        )
        for one in read_lines("readout")
    )
    return markdown_table(head, "lllll", rows)
