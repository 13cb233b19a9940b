"""Make `precision.csv`: interval widths of known respondents, by the scorers' own functions.

`python -m kidney_evals.lab precision` takes half an hour on one core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import draw
from kidney_evals.lab.simulate import choose, run_of
from kidney_evals.lab.table_text import rounded
from kidney_evals.measures import compute
from kidney_evals.planning.precision import CONSISTENCY, ZERO, ZERO_CONSISTENCY, Respondent
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    dilemmas_of,
    load_study,
    study_names,
)

RESPONDENTS: tuple[Respondent, ...] = ("people", "steady", "never_flips")

ANSWERS = (1, 2, 4, 20)  # numbers of answers per dilemma
BASE = 200  # number of drawn dilemmas in a simulated run
SEED = 20261  # seed of all random numbers here, combined with the cell
REPEATS = 4  # number of runs by one simulated respondent if the dilemmas are a fixed list

MEASURED = ("agreement", "distance", "swap_diff", "flip_rate", "flip_calib")
"""Simulated measures besides the importance shares; `plan` omits `swap_diff` with a coin."""


@dataclass(frozen=True)
class Cell:
    """A respondent and a design, which are simulated repeatedly.

    Attributes:
        consistency: Correlation of two answers to the same dilemma.
        answers: Number of answers per dilemma.
    """

    study: str
    condition: Condition
    respondent: Respondent
    consistency: float
    answers: int


def cells(study: str, condition: Condition) -> Iterator[Cell]:
    """Yield the cells of one study and condition."""
    zero = ZERO[condition]
    levels: list[tuple[Respondent, float]] = [("people", rho) for rho in (0.0, *CONSISTENCY)]
    for respondent, consistency in (*levels, (zero, ZERO_CONSISTENCY[zero])):
        for answers in ANSWERS:
            yield Cell(study, condition, respondent, consistency, answers)


def simulate(
    cell: Cell, *, runs: int = 300, intervals: int = 30, dilemmas: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a line of the table for each measure with a value in at least half of the runs.

    Args:
        cell: The respondent and the design.
        runs: Number of runs.
        intervals: Number of these runs with intervals that include people's sampling error.
        dilemmas: Number drawn for each run, by default `BASE`; a fixed list is asked as a whole.
    """
    study = load_study(cell.study)
    reference = load_reference(study, cell.condition)
    exact = ExactPeople(
        **{field.name: getattr(reference, field.name) for field in fields(reference)}
    )
    # The seeds of the shipped table: a study without people must not move them.
    asked = [name for name in study_names() if any(load_study(name).people.values())]
    place = (asked.index(cell.study), CONDITIONS.index(cell.condition))
    who = (RESPONDENTS.index(cell.respondent), round(100 * cell.consistency), cell.answers)
    generator = np.random.default_rng([SEED, *place, *who])
    drawn = study.draw is not None
    listed = dilemmas_of(study, dilemmas or (BASE if drawn else None), None)
    own = _own_shares(cell, reference.shares(listed), generator)
    names = (*MEASURED, *(f"imp_{name}" for name in study.attribute_ids))
    measured = []
    for index in range(runs):
        if drawn:
            # Each run draws its dilemmas with its own seed, unlikely to be used elsewhere.
            listed = draw(cell.study, dilemmas or BASE, SEED * 1000 + index)
        if drawn or index % REPEATS == 0:
            own = _own_shares(cell, reference.shares(listed), generator)
        choice = choose(np.repeat(own, cell.answers, axis=0), generator)
        order = np.arange(len(listed))[:, None] % 2 if cell.answers == 1 else None
        run = run_of(exact, listed, choice.reshape(len(listed), cell.answers), order=order)
        whole = None
        if index * intervals // runs != (index - 1) * intervals // runs:
            whole = replace(run, reference=reference)
        for name in names:
            known = compute(run, name)
            if known.defined:
                full = np.nan if whole is None else _half(compute(whole, name))
                group = index if drawn else index // REPEATS
                measured.append((name, group, known.value, full, _half(known)))
    table = pd.DataFrame(measured, columns=["row", "group", "value", "half", "half_model"])
    for row, rows in table.groupby("row", sort=False):
        widths = rows[["half", "half_model"]].to_numpy()
        widths = widths[np.isfinite(widths).all(axis=1)]
        if len(widths) == 0 or len(rows) < 0.5 * runs:
            continue
        half, half_model = widths.mean(axis=0).tolist()
        yield {
            "dilemmas": len(listed),
            "row": row,
            "value": float(rows["value"].mean()),
            "half": half,
            "half_model": half_model,
            "sd": _spread(rows["group"], rows["value"]),
            "defined": len(rows) / runs,
        }


@dataclass(frozen=True, eq=False)
class ExactPeople(Reference):
    """A reference whose shares have no sampling error."""

    def share_draws(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the shares themselves as the only draw, shape (1, n, K)."""
        return self.shares(dilemmas)[None]


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
    return np.where(total > 0, spread / np.where(total > 0, total, 1), mean)


def _half(quantity: Quantity) -> float:
    return (quantity.high - quantity.low) / 2


def _spread(groups: pd.Series[int], values: pd.Series[float]) -> float:
    """Return the standard deviation of values, within groups if any has several values."""
    count = groups.nunique()
    if count == len(values):
        return float(values.std())
    within = values - values.groupby(groups).transform("mean")
    return float(((within**2).sum() / (len(values) - count)) ** 0.5)


def records() -> Iterator[dict[str, object]]:
    """Yield the rows of `precision.csv`, by column."""
    for name in study_names():
        for condition in CONDITIONS:
            if load_reference(load_study(name), condition).has_people:
                for cell in cells(name, condition):
                    for line in simulate(cell):
                        yield rounded(vars(cell) | line, ".3g", consistency="g")
