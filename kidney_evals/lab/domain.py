"""Every dilemma a study can draw, for averages over its domain without sampling error."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from kidney_evals.studies import Study


def domain_differences(study: Study) -> NDArray[np.float64]:
    """Return first minus second over all unordered pairs of different patients, shape (n, k).

    The pairs are equally likely, as in the study's draw.
    """
    profiles = np.array(
        [
            [
                attribute.favour(value)
                for attribute, value in zip(study.attributes, row, strict=True)
            ]
            for row in product(*(attribute.values for attribute in study.attributes))
        ]
    )
    first, second = np.triu_indices(len(profiles), 1)
    differences: NDArray[np.float64] = profiles[first] - profiles[second]
    return differences
