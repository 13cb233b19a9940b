"""Make `readout.csv`: calls needed for a given interval width, for sampled and read-out answers.

`python -m kidney_evals.lab readout` takes two minutes on one core.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from kidney_evals.lab.panel import STUDY, people
from kidney_evals.lab.simulate import choose, run_of
from kidney_evals.lab.table_text import markdown_table, rounded
from kidney_evals.measures import compute
from kidney_evals.measures.run import Run
from kidney_evals.planning.precision import read_lines
from kidney_evals.studies import dilemmas_of, load_study

TARGETS: Final[Mapping[str, float]] = {"flip_rate": 0.03, "swap_diff": 0.05, "imp_age": 0.03}
"""Target half width by measure.

The intervals exclude people's sampling error, so more calls always help.
"""

RESPONDENTS: Final[Mapping[str, float]] = {"human": 1.0, "sharp": 4.0, "uniform": 0.0}
"""A power by respondent: answer probabilities are proportional to people's shares to the power."""

FIRST_GUESS: Final = 200
LEAST: Final = 25
MOST: Final = 3000
SEEDS: Final = 8


def calls_needed(respondent: str, row: str, *, read_out: bool) -> int:
    """Return the number of calls, two per dilemma, at which a mean half width meets its target.

    The half width is simulated for a number of dilemmas. The number is then rescaled by the
    square-root law and kept within `LEAST` and `MOST`. Both steps are done three times.

    Args:
        respondent: A key of `RESPONDENTS`.
        row: The measure, a key of `TARGETS`.
        read_out: Whether probabilities are read out; otherwise answers are sampled.
    """
    count = FIRST_GUESS
    for _ in range(3):
        width = half_width(respondent, row, count, read_out=read_out)
        count = math.ceil(count * (width / TARGETS[row]) ** 2)
        count = min(max(count, LEAST), MOST)
    return 2 * count


def half_width(respondent: str, row: str, dilemmas: int, *, read_out: bool) -> float:
    """Return the mean half width of a measure's interval over runs on independent dilemmas.

    The arguments are as in `calls_needed`; `dilemmas` is the number in each run.
    """
    runs = (simulated(respondent, dilemmas, seed, read_out=read_out) for seed in range(SEEDS))
    widths = [(got.high - got.low) / 2 for got in (compute(run, row) for run in runs)]
    return float(np.nanmean(widths))


def simulated(respondent: str, dilemmas: int, seed: int, *, read_out: bool) -> Run:
    """Return a simulated run on newly drawn dilemmas, in both orders.

    The arguments are as in `calls_needed`; `seed` is that of dilemmas and answers.
    """
    reference = people("coin_flip")
    drawn = dilemmas_of(load_study(STUDY), dilemmas, 1000 + seed)
    listed = tuple(sorted(drawn, key=lambda dilemma: dilemma.id))
    power = reference.shares(listed) ** RESPONDENTS[respondent]
    # All dilemmas in the first order, then all in the second.
    chances = np.tile(power / power.sum(axis=1, keepdims=True), (2, 1))
    sampled = choose(chances, np.random.default_rng((20265, seed, dilemmas)))
    choice = (chances.argmax(axis=1) if read_out else sampled).reshape(2, dilemmas).T
    by_dilemma = chances.reshape(2, dilemmas, 3).swapaxes(0, 1).reshape(-1, 3)
    return run_of(reference, listed, choice, chances=by_dilemma if read_out else None)


def records() -> Iterator[dict[str, object]]:
    """Yield the rows of `readout.csv`, by column; a measure without a value has no row."""
    for respondent in RESPONDENTS:
        for row, target in TARGETS.items():
            if respondent == "uniform" and row.startswith("imp"):
                continue
            sampled, read = (calls_needed(respondent, row, read_out=how) for how in (False, True))
            line = {"respondent": respondent, "row": row, "half_width": target}
            line |= {"sampled": sampled, "read_out": read, "ratio": sampled / read}
            yield rounded(line, "g", ratio=".1f")


def markdown() -> str:
    """Return the shipped table as Markdown, for the documentation."""
    head = ("respondent", "row", "half width", "calls, sampled", "calls, read out")
    lines = (list(line.values()) for line in read_lines("readout"))
    rows = ([line[0], f"`{line[1]}`", f"±{line[2]}", *line[3:5]] for line in lines)
    return markdown_table(head, "lllll", rows)
