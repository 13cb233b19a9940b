"""The number of bootstrap draws in every table, and reproducible uniform numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 300
"""Participant-bootstrap draws in every shipped table."""


def uniforms(seed: int, shape: tuple[int, ...]) -> Floats:
    """Return uniform numbers; the only random source of the tables.

    Plain doubles of PCG64 keep their values across numpy versions, which numpy does not promise
    for its other distributions.
    """
    return np.random.Generator(np.random.PCG64(seed)).random(shape)
