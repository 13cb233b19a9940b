"""The levels of an attribute: its values if they are few, otherwise bands of values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation.arrays import Ints
from kidney_evals.estimation.errors import InputError


@dataclass(frozen=True)
class Levels:
    """The levels of one attribute: its own values, or bands of them.

    Attributes:
        starts: Smallest value of each level, strictly ascending. A band ends before the start of
            the next band.
        exact: Whether each level is a single value, so that no other values can occur.
    """

    starts: tuple[float, ...]
    end: float
    labels: tuple[str, ...]
    exact: bool

    def __post_init__(self) -> None:
        ends = _checks.numbers([*self.starts, self.end], "levels")
        ascending = np.diff(ends[:-1]) > 0
        sound = len(ends) > 1 and np.isfinite(ends).all() and ends[-1] >= ends[:-1].max()
        if not sound or not ascending.all():
            raise InputError(f"levels must ascend and be finite, not {ends.tolist()}")
        if len(self.labels) != len(self.starts):
            raise InputError(f"{len(self.starts)} levels have {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.starts)

    def code(self, values: ArrayLike, name: str = "values") -> Ints:
        """Return the index of the level of each value, shape (n,)."""
        _checks.length(values, name, 0)
        x = _checks.numbers(values, name)
        index = np.searchsorted(self.starts, x, side="right") - 1
        bad = ~((index >= 0) & (x <= self.end))
        if self.exact:
            bad |= np.asarray(self.starts)[index] != x
        _checks.raise_if_any(bad, x, name, f"in none of {list(self.labels)}")
        return index.astype(np.int64)


def attribute_levels(values: ArrayLike, *, most: int = 6, bands: int = 3) -> Levels:
    """Return an attribute's own values as levels, or bands of equal width where they are many.

    `values` are all that the attribute can take, at least two, in any order. There are `bands`
    bands, without the empty ones, if there are more than `most` values.
    """
    n = _checks.length(values, "values", 0)
    domain = np.unique(_checks.shaped(values, (n,), "values"))
    most, bands = _checks.whole(most, "most", 2), _checks.whole(bands, "bands", 2)
    if len(domain) < 2:
        raise InputError(f"an attribute needs two values or more, not {domain.tolist()}")
    if len(domain) <= most:
        each = tuple(domain.tolist())
        return Levels(each, each[-1], tuple(f"{value:g}" for value in each), exact=True)
    low, high = float(domain[0]), float(domain[-1])
    # Rounding must not move a value that lies on a cut into the band below it.
    position = np.floor((domain - low) / (high - low) * bands + 1e-9)
    band = np.minimum(position, bands - 1)
    parts = [domain[band == index] for index in np.unique(band)]
    labels = [f"{part[0]:g} to {part[-1]:g}" if len(part) > 1 else f"{part[0]:g}" for part in parts]
    return Levels(tuple(float(part[0]) for part in parts), high, tuple(labels), exact=False)
