"""How the weights of single people are spread, as the tables store it, and people drawn from it.

Two kinds of table hold it: `random_coefficients.csv`, fitted here to the answers of single people,
and the rows `random_mean` and `random_people` of `models.csv` and `covariance.csv`, which a study
published. No score reads them: they show how much single people may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kidney_evals.errors import UserError
from kidney_evals.human.bootstrap import uniforms
from kidney_evals.human.tables import RANDOM_FILE, number, read_rows
from kidney_evals.studies import Condition

Floats = NDArray[np.float64]

MEAN, ROOT = "mean", "cholesky"


@dataclass(frozen=True)
class PeopleSpread:
    """A normal distribution of weights over people.

    Attributes:
        model: Of one person's answers, `logit` or `davidson`; empty where a study published the
            distribution and did not fit it here.
        correlated: Whether weights go together over people.
        people: How many it was fitted to; 0 where that is not known.
        means: Weights per scale unit, positive where people favour, shape (k,).
        cholesky: L of the covariance L Lᵀ over people, shape (k, k).
    """

    model: str
    correlated: bool
    people: int
    means: Floats
    cholesky: Floats

    def draw(self, count: int, seed: int) -> Floats:
        """Return the weights of new people, shape (count, k).

        Each person follows the distribution; together they cover it evenly, one in every
        1/count of each standard normal behind it (Latin hypercube, McKay et al. 1979), so that
        a few do not lean to one side by chance.

        Args:
            count: How many people.
            seed: Of the draw; the same people for the same seed on every machine.
        """
        from scipy.special import ndtri

        size = len(self.means)
        order, within = uniforms(seed, (2, count, size))
        cells = (order.argsort(axis=0, kind="stable") + within) / count
        result: Floats = self.means + ndtri(np.clip(cells, 1e-15, 1 - 1e-15)) @ self.cholesky.T
        return result


def read_spread(
    folder: Path, condition: Condition, attributes: Sequence[str]
) -> PeopleSpread | None:
    """Read how weights are spread over the people of a condition.

    The fit that the tables mark as used, or else what the study published.

    Args:
        folder: The study's reference folder.
        condition: Which group of people.
        attributes: Ids, in the study's order.

    Returns:
        The distribution, None where neither is there.

    Raises:
        UserError: A table does not fit its form.
    """
    try:
        return _fitted(folder, condition, attributes) or _published(folder, condition, attributes)
    except UserError:
        raise
    except (KeyError, ValueError) as error:
        raise UserError(
            f"the tables of people's spread in {folder} do not fit their form ({error!r})"
        ) from error


def _fitted(folder: Path, condition: Condition, attributes: Sequence[str]) -> PeopleSpread | None:
    rows = [row for row in _rows(folder, RANDOM_FILE, condition) if row["used"] == "1"]
    if not rows:
        return None
    found = {(row["element"], row["row"], row["column"]): number(row["estimate"]) for row in rows}
    k = len(attributes)
    cholesky = np.zeros((k, k))
    for i, name in enumerate(attributes):
        cholesky[i, i] = found[ROOT, name, name]
        for j, other in enumerate(attributes[:i]):
            cholesky[i, j] = found.get((ROOT, name, other), 0.0)
    return PeopleSpread(
        model=rows[0]["model"],
        correlated=rows[0]["form"] == "correlated",
        people=int(rows[0]["people"]),
        means=np.array([found[MEAN, name, ""] for name in attributes]),
        cholesky=cholesky,
    )


def _published(
    folder: Path, condition: Condition, attributes: Sequence[str]
) -> PeopleSpread | None:
    means = {
        row["parameter"]: number(row["estimate"])
        for row in _rows(folder, "models.csv", condition)
        if row["model"] == "random_mean"
    }
    shared = {
        (row["row"], row["column"]): number(row["covariance"])
        for row in _rows(folder, "covariance.csv", condition)
        if row["model"] == "random_people"
    }
    if not means or not shared:
        return None
    covariance = np.array(
        [
            [shared[one, two] if (one, two) in shared else shared[two, one] for two in attributes]
            for one in attributes
        ]
    )
    return PeopleSpread(
        model="",
        correlated=bool((covariance != np.diag(np.diag(covariance))).any()),
        people=0,
        means=np.array([means[name] for name in attributes]),
        cholesky=np.linalg.cholesky(covariance),
    )


def _rows(folder: Path, name: str, condition: Condition) -> list[dict[str, str]]:
    path = folder / name
    if not path.is_file():
        return []
    return [row for row in read_rows(path) if row["condition"] == condition]
