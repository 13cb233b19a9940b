"""Make `precision.csv`: interval widths of known respondents, by the scorers' own functions.

`python -m kidney_evals.lab precision` takes half an hour on one core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import draw
from kidney_evals.lab.simulate import choose, run_of
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

REPEATS = 4
"""Number of runs by one simulated respondent if the dilemmas are a fixed list."""

MEASURED = ("agreement", "distance", "swap_diff", "flip_rate", "flip_calib")
"""Simulated measures, before the importance shares; `plan` does not use all of them."""

NUMBERS = ("value", "half", "half_model", "sd", "defined")
"""Columns with three significant digits."""


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
    people: Respondent = "people"
    levels = [(people, consistency) for consistency in (0.0, *CONSISTENCY)]
    for respondent, consistency in (*levels, (zero, ZERO_CONSISTENCY[zero])):
        for answers in ANSWERS:
            yield Cell(study, condition, respondent, consistency, answers)


def simulate(
    cell: Cell, *, runs: int = 300, intervals: int = 30, dilemmas: int | None = None
) -> list[dict[str, Any]]:
    """Return `dilemmas`, `row` and `NUMBERS` of each measure with a value in half of the runs.

    A run has `BASE` drawn dilemmas, or the whole fixed list; intervals are computed in `intervals`
    runs.
    """
    study = load_study(cell.study)
    reference = load_reference(study, cell.condition)
    exact = ExactPeople(
        **{field.name: getattr(reference, field.name) for field in fields(reference)}
    )
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
    lines = []
    for row, pairs in values.items():
        widths = np.array([pair for pair in halves.get(row, []) if np.isfinite(pair).all()])
        if len(widths) == 0 or len(pairs) < 0.5 * runs:
            continue
        groups, value = (np.array(column) for column in zip(*pairs, strict=True))
        numbers = (value.mean(), *widths.mean(axis=0), _spread(groups, value), len(value) / runs)
        lines.append(
            {"dilemmas": len(listed), "row": row}
            | dict(zip(NUMBERS, map(float, numbers), strict=True))
        )
    return lines


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


def _spread(groups: Floats, values: Floats) -> float:
    """Return the standard deviation of values, within groups if any has several values."""
    labels, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(labels) == len(values):
        return float(values.std(ddof=1))
    means = np.bincount(index, weights=values) / sizes
    return float((((values - means[index]) ** 2).sum() / (len(values) - len(labels))) ** 0.5)


def records() -> Iterator[dict[str, object]]:
    """Yield the rows of the table."""
    for name in study_names():
        for condition in CONDITIONS:
            if not load_reference(load_study(name), condition).has_people:
                continue
            for cell in cells(name, condition):
                for line in simulate(cell):
                    yield {
                        "study": name,
                        "condition": condition,
                        "respondent": cell.respondent,
                        "consistency": f"{cell.consistency:g}",
                        "answers": cell.answers,
                        **line,
                        **{number: f"{line[number]:.3g}" for number in NUMBERS},
                    }
