"""The rows of `random_coefficients.csv`: how the weights of single people are spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kidney_evals.estimation.intervals import Z95
from kidney_evals.estimation.random_coefficients import RandomCoefficientFit
from kidney_evals.human.people_tables import MEAN, ROOT
from kidney_evals.lab.table_text import Cell
from kidney_evals.studies import Condition

RANDOM_HEADER = (
    "condition", "model", "form", "used", "bic", "element", "row", "column", "estimate", "se",
    "low", "high", "people", "answers", "draws", "seed",
)  # fmt: skip

FIT_SEED = 0
"""Of the draws in the fits; 1 in its place moves no used parameter by a tenth of its error."""

COIN_PARAMETER = "coin"
"""Name of τ, the readiness to take the coin, beside the attributes."""


def random_rows(
    condition: Condition, attributes: Sequence[str], fits: Sequence[RandomCoefficientFit]
) -> list[list[Cell]]:
    """Return the rows of `RANDOM_HEADER`; the fit with the lowest BIC is marked as used.

    BIC counts people, who are the independent units. Standard errors are those of the sandwich
    with people as the units, intervals are estimate ± 1.96 of them.

    Args:
        condition: What the people were offered.
        attributes: Ids, in the study's order.
        fits: Of the same answers with the same seed.
    """
    best = min(fits, key=lambda fit: fit.bic)
    rows: list[list[Cell]] = []
    for fit in fits:
        names = [*attributes, COIN_PARAMETER][: len(fit.means)]
        places = zip(
            *(np.tril_indices if fit.correlated else np.diag_indices)(len(names)), strict=True
        )
        elements = [(MEAN, name, "") for name in names]
        elements += [(ROOT, names[i], names[j]) for i, j in places]
        errors = np.sqrt(np.diag(fit.covariance))
        form = "correlated" if fit.correlated else "diagonal"
        for element, value, error in zip(elements, fit.theta, errors, strict=True):
            rows.append(
                [
                    condition, fit.model, form, int(fit is best), round(fit.bic, 1), *element,
                    float(value), float(error), float(value - Z95 * error),
                    float(value + Z95 * error), fit.people, fit.n, fit.draws, FIT_SEED,
                ]
            )  # fmt: skip
    return rows
