"""Simulate runs of respondents whose answer probabilities are known."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.human.reference import Reference
from kidney_evals.lab.panel import draw, panel, resampled_reference
from kidney_evals.lab.respondents import Respondent
from kidney_evals.measures.run import Run
from kidney_evals.studies import Dilemma

SEED: Final = 8128  # seed of all random numbers of a validation, with the respondent and the run


def choose(chances: Floats, generator: np.random.Generator) -> Ints:
    """Draw an answer for each row of probabilities, shape (n, K); return its index, shape (n,)."""
    points = generator.random((len(chances), 1))
    return np.asarray((points > chances.cumsum(axis=1)[:, :-1]).sum(axis=1), dtype=np.int64)


def run_of(
    reference: Reference,
    dilemmas: Sequence[Dilemma],
    choice: Ints,
    *,
    order: Ints | None = None,
    chances: Floats | None = None,
) -> Run:
    """Return the run that a log with these answers would give: m answers to each of D dilemmas.

    `choice`, (D, m), is 0 for first, 1 for second, 2 for the coin and -1 for no answer. `order`,
    (D, m), is 0 as listed and 1 swapped, by default in turns. `chances`, (D * m, K), are the answer
    probabilities of a readout.
    """
    count, answers = choice.shape
    place = np.tile(np.arange(answers), (count, 1))
    codes = choice.ravel()
    return Run(
        study=reference.study,
        reference=reference,
        dilemmas=tuple(dilemmas),
        dilemma=np.repeat(np.arange(count), answers),
        order=(place % 2 if order is None else order).ravel(),
        epoch=(place // 2 + 1).ravel(),
        choice=codes,
        first_choice=codes,
        outcomes=np.where(codes < 0, "unreadable", "decision"),
        departures=np.zeros(len(codes), dtype=np.bool_),
        chances=chances,
    )


def simulate_run(reference: Reference, respondent: Respondent, index: int) -> Run:
    """Return a run of a respondent; `index` seeds its dilemmas and answers, and other people.

    The reference of the run is that of another sample of people (`resampled_reference`).
    """
    listed = draw(reference.study.source, respondent.dilemmas, SEED * 1000 + index)
    shown = panel(reference, listed)
    generator = np.random.default_rng([SEED, index, *respondent.name.encode()])
    chances = respondent.chances(shown)
    count, orders, width = chances.shape
    choice = choose(chances.reshape(-1, width), generator)
    silent = generator.random(len(choice)) < np.repeat(respondent.silence(shown), orders)
    answers = np.where(silent, -1, choice).reshape(count, orders)
    return run_of(resampled_reference(reference, index), listed, answers)


def covers(low: Floats, high: Floats, truth: float | Floats) -> Bools:
    """Return a mask of the intervals that contain the truth, with a tolerance of 1e-9."""
    return np.asarray((low <= truth + 1e-9) & (truth - 1e-9 <= high))


def binomial_error(share: float, runs: int) -> float:
    """Return the standard error of a share of `runs` runs.

    For a share of 0 or 1 it is that of 1/runs, so that it is not 0.
    """
    inside = min(max(share, 1 / runs), 1 - 1 / runs)
    return float((inside * (1 - inside) / runs) ** 0.5)
