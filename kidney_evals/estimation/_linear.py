"""Dense linear algebra with the types of this package."""

from __future__ import annotations

import numpy as np

from kidney_evals.estimation._checks import Floats
from kidney_evals.estimation.errors import FitError


def inverse(matrix: Floats) -> Floats:
    """Return the inverse of an information matrix.

    Raises:
        FitError: The matrix is singular.
    """
    try:
        return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise FitError(
            "the information matrix is singular, so the answers do not determine every weight: "
            "use more answers or fewer attributes"
        ) from None


def solve(matrix: Floats, vector: Floats) -> Floats:
    """Return the solution of matrix · x = vector; raises `numpy.linalg.LinAlgError`."""
    return np.asarray(np.linalg.solve(matrix, vector), dtype=np.float64)
