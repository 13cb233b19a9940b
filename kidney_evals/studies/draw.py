"""Draw dilemmas uniformly over attribute values; a shorter draw is a prefix of a longer draw."""

import math
import random
import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from kidney_evals.studies.model import Attribute, Dilemma, Order, Patient

T = TypeVar("T")

_MAX_DILEMMAS = 100_000
"""Maximum number of dilemmas in a draw."""

_BLOCK = 10
"""Block size of the stratification, so that any prefix of a draw covers the domain evenly."""


def draw_dilemmas(
    study_id: str, attributes: tuple[Attribute, ...], count: int, seed: int
) -> tuple[Dilemma, ...]:
    """Draw the first `count` dilemmas of the sequence for `seed`.

    Every candidate's values are independent and uniform over the attribute's values, as in
    McElfresh et al. (2021). Within a block of ten dilemmas each attribute of each candidate is
    stratified (a Latin hypercube: McKay, Beckman and Conover 1979). Stratification does not change
    the distribution of each candidate, and spreads a short run over the whole range. A pair of
    identical candidates (about 1 in 700 for the default study), or a pair drawn before in either
    order, is left out. The sequence does not depend on `count`: shorter sets are prefixes of longer
    sets. `study_id` is part of the seed, so that two studies never share a sequence. `count` must
    be at least 1, and less than the number of pairs.

    Returns:
        The dilemmas, with the ids "d000", "d001", ….
    """
    drawn: list[Dilemma] = []
    seen: set[frozenset[tuple[float, ...]]] = set()
    for first, second in _pairs(attributes, random.Random(f"{study_id}:{seed}")):
        key = frozenset({first.values, second.values})
        if len(key) == 2 and key not in seen:
            seen.add(key)
            drawn.append(Dilemma(f"d{len(drawn):03d}", first, second, "drawn"))
        if len(drawn) == count:
            break
    return tuple(drawn)


def is_drawn_id(name: str) -> bool:
    """Return whether some draw has a dilemma of this id."""
    return re.fullmatch(r"d\d{3,}", name) is not None


def draw_limit(attributes: tuple[Attribute, ...]) -> int:
    """Return the largest allowed number of dilemmas in a draw with these attributes."""
    profiles = math.prod(len(attribute.values) for attribute in attributes)
    # With a tenth of all pairs, drawing without replacement stays close to a uniform draw.
    return min(_MAX_DILEMMAS, max(1, profiles * (profiles - 1) // 20))


def draw_orders(count: int, seed: int) -> tuple[Order, ...]:
    """Draw an order for each of `count` dilemmas.

    Dilemmas 1 and 2 have different orders, dilemmas 3 and 4 too, and so on.
    """
    generator = random.Random(f"orders:{seed}")
    orders: list[Order] = []
    while len(orders) < count:
        orders += ("ab", "ba") if generator.random() < 0.5 else ("ba", "ab")
    return tuple(orders[:count])


def _pairs(
    attributes: tuple[Attribute, ...], generator: random.Random
) -> Iterator[tuple[Patient, Patient]]:
    while True:
        # Columns: the first candidate's attributes, then the second's.
        columns = [
            [
                _pick(attribute.values, (stratum + generator.random()) / _BLOCK)
                for stratum in in_random_order(range(_BLOCK), generator)
            ]
            for attribute in (*attributes, *attributes)
        ]
        for row in zip(*columns, strict=True):
            yield Patient(row[: len(attributes)]), Patient(row[len(attributes) :])


def _pick(values: tuple[float, ...], position: float) -> float:
    return values[min(int(position * len(values)), len(values) - 1)]


def in_random_order(items: Iterable[T], generator: random.Random) -> list[T]:
    """Return `items` in random order, the same in every Python version."""
    # `random.shuffle` may change between Python versions; `random.random` is promised not to.
    return sorted(items, key=lambda _: generator.random())
