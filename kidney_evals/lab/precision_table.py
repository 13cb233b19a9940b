"""Make `precision.csv`: interval widths of known respondents, by the scorers' own functions.

`python -m kidney_evals.lab precision` makes it in half an hour on one core. The card beside the
table describes its content.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import draw
from kidney_evals.lab.simulate import choose, run_of
from kidney_evals.lab.table_text import Record
from kidney_evals.measures import compute
from kidney_evals.measures.run import Run
from kidney_evals.planning.precision import (
    CONSISTENCY,
    ZERO,
    ZERO_CONSISTENCY,
    Respondent,
)
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    dilemmas_of,
    load_study,
    study_names,
)

RESPONDENTS: tuple[Respondent, ...] = ("people", "steady", "never_flips")

ANSWERS = (1, 2, 4, 20)
"""Numbers of answers per dilemma."""

BASE = 200
"""Number of drawn dilemmas in a simulated run."""

SEED = 20261
"""Seed of all random numbers of this module, combined with the cell."""

RUNS = 300
"""Number of simulated runs behind a line of the table."""

INTERVALS = 30
"""Number of these runs in which intervals are computed."""

REPEATS = 4
"""Number of runs by one simulated respondent if the dilemmas are a fixed list."""

DIGITS = 3
"""Significant digits of the table."""

MEASURED = ("agreement", "distance", "swap_diff", "flip_rate", "flip_calib")
"""Simulated measures, before the importance shares; `plan` does not use all of them."""


class Line(NamedTuple):
    """One measure in one cell: means over the runs in which the measure has a value.

    Attributes:
        dilemmas: Number of dilemmas in a run.
        row: The measure's name in the scorers.
        value: Mean value.
        half: Mean half width of the 95 % interval.
        half_model: Mean half width without the sampling error of people's shares.
        sd: Standard deviation of the value between runs, without the error of people's shares.
        defined: Share of runs in which the measure has a value.
    """

    dilemmas: int
    row: str
    value: float
    half: float
    half_model: float
    sd: float
    defined: float


@dataclass(frozen=True)
class Cell:
    """A respondent and a design, which are simulated repeatedly."""

    study: str
    condition: Condition
    respondent: Respondent
    consistency: float
    answers: int


def cells(study: str, condition: Condition) -> Iterator[Cell]:
    """Yield the cells of one study and condition."""
    zero = ZERO[condition]
    levels: tuple[tuple[Respondent, float], ...] = (
        *(("people", consistency) for consistency in (0.0, *CONSISTENCY)),
        (zero, ZERO_CONSISTENCY[zero]),
    )
    for respondent, consistency in levels:
        for answers in ANSWERS:
            yield Cell(study, condition, respondent, consistency, answers)


def simulate(
    cell: Cell, *, runs: int = RUNS, intervals: int = INTERVALS, dilemmas: int | None = None
) -> list[Line]:
    """Simulate one cell.

    Args:
        cell: The respondent and the design.
        runs: Number of runs.
        intervals: Number of runs in which intervals are computed.
        dilemmas: Number of dilemmas; None for `BASE` drawn dilemmas or the whole fixed list.

    Returns:
        One line for each measure that has a value in any run.
    """
    study = load_study(cell.study)
    reference = load_reference(study, cell.condition)
    exact = ExactPeople(**{one.name: getattr(reference, one.name) for one in fields(reference)})
    drawn = study.draw is not None
    generator = np.random.default_rng(_key(cell))
    values: dict[str, list[tuple[int, float]]] = {}
    halves: dict[str, list[tuple[float, float]]] = {}
    listed = dilemmas_of(study, dilemmas or (BASE if drawn else None), None)
    own = _own_shares(cell, reference.shares(listed), generator)
    for index in range(runs):
        group = index if drawn else index // REPEATS
        if drawn:
            # Each run draws its dilemmas with its own seed, unlikely to be used elsewhere.
            listed = draw(cell.study, dilemmas or BASE, SEED * 1000 + index)
        if drawn or index % REPEATS == 0:
            own = _own_shares(cell, reference.shares(listed), generator)
        choice = choose(np.repeat(own, cell.answers, axis=0), generator)
        order = np.arange(len(listed))[:, None] % 2 if cell.answers == 1 else None
        run = run_of(exact, listed, choice.reshape(len(listed), cell.answers), order=order)
        known = _rows(run)
        for row, quantity in known.items():
            values.setdefault(row, []).append((group, quantity.value))
        if index * intervals // runs != (index - 1) * intervals // runs:
            for row, quantity in _rows(replace(run, reference=reference)).items():
                halves.setdefault(row, []).append((_half(quantity), _half(known[row])))
    lines = (_line(len(listed), row, values[row], halves.get(row, []), runs) for row in values)
    return [line for line in lines if line is not None]


@dataclass(frozen=True, eq=False)
class ExactPeople(Reference):
    """A reference whose shares have no sampling error."""

    def share_draws(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the shares themselves as the only draw, shape (1, n, K)."""
        return self.shares(dilemmas)[None]


def _key(cell: Cell) -> list[int]:
    return [
        SEED,
        study_names().index(cell.study),
        CONDITIONS.index(cell.condition),
        RESPONDENTS.index(cell.respondent),
        round(100 * cell.consistency),
        cell.answers,
    ]


def _own_shares(cell: Cell, shares: Floats, generator: np.random.Generator) -> Floats:
    """Draw the respondent's own answer probabilities around people's shares, shape (D, K).

    `cell.consistency` is the correlation of two answers to a dilemma. For 0 the probabilities are
    people's shares p (for `never_flips` without the coin); for 1 a single answer has probability 1;
    in between they are Dirichlet with mean p and concentration s: the correlation is 1 / (1 + s).
    """
    mean = shares.copy()
    if cell.respondent == "never_flips":
        mean[:, 2] = 0.0
        mean /= mean.sum(axis=1, keepdims=True)
    if cell.consistency <= 0:
        return mean
    if cell.consistency >= 1:
        certain: Floats = np.eye(mean.shape[1])[choose(mean, generator)]
        return certain
    spread = generator.standard_gamma(mean * (1 / cell.consistency - 1))
    total = spread.sum(axis=1, keepdims=True)
    # If s is near 0, all gammas of a row can underflow to zero.
    result: Floats = np.where(total > 0, spread / np.where(total > 0, total, 1), mean)
    return result


def _rows(run: Run) -> dict[str, Quantity]:
    """Return the measures that have a value, by the functions that the scorers call."""
    shares = (f"imp_{name}" for name in run.study.attribute_ids)
    rows = {row: compute(run, row) for row in (*MEASURED, *shares)}
    return {row: quantity for row, quantity in rows.items() if quantity.defined}


def _half(quantity: Quantity) -> float:
    return (quantity.high - quantity.low) / 2


def _line(
    dilemmas: int,
    row: str,
    values: Sequence[tuple[int, float]],
    halves: Sequence[tuple[float, float]],
    runs: int,
) -> Line | None:
    widths = np.array([pair for pair in halves if np.isfinite(pair).all()])
    if len(widths) == 0 or len(values) < 0.5 * runs:
        return None
    group, value = (np.array(column) for column in zip(*values, strict=True))
    labels, index, sizes = np.unique(group, return_inverse=True, return_counts=True)
    if len(labels) == len(value):
        variance = float(value.var(ddof=1))
    else:
        means = np.bincount(index, weights=value) / sizes
        variance = float(((value - means[index]) ** 2).sum() / (len(value) - len(labels)))
    half, half_model = (float(mean) for mean in widths.mean(axis=0))
    spread = variance**0.5
    return Line(dilemmas, row, float(value.mean()), half, half_model, spread, len(value) / runs)


def records(studies: Sequence[str] | None = None, **options: int) -> Iterator[Record]:
    """Yield the rows of the table.

    Args:
        studies: Names of shipped studies; None for all.
        **options: Passed to `simulate`.
    """
    for name in studies or study_names():
        for condition in CONDITIONS:
            if not load_reference(load_study(name), condition).has_people:
                continue
            for cell in cells(name, condition):
                for line in simulate(cell, **options):
                    yield {
                        "study": name,
                        "condition": condition,
                        "respondent": cell.respondent,
                        "consistency": f"{cell.consistency:g}",
                        "answers": cell.answers,
                        "dilemmas": line.dilemmas,
                        "row": line.row,
                        **{one: f"{getattr(line, one):.{DIGITS}g}" for one in Line._fields[2:]},
                    }
