"""Checks of arrays that the estimators share; each failure names the first offending row."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kidney_evals.estimation.errors import FitError, InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def matrix(values: ArrayLike, name: str) -> Floats:
    """Return `values` as a finite (n, k) array with at least one row, or raise `InputError`."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2:
        raise InputError(f"{name} must have shape (answers, attributes), not {array.shape}")
    if len(array) == 0:
        raise InputError(f"{name} has no rows: there is no answer to fit")
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} row {row} is not finite: {array[row].tolist()}")
    return array


def column(values: ArrayLike, n: int, name: str, low: float, high: float) -> Floats:
    """Return `values` as an (n,) array within [low, high], or raise `InputError`."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (n,):
        raise InputError(f"{name} must have shape ({n},), not {array.shape}")
    bad = ~((array >= low) & (array <= high))
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} row {row} is {array[row]}, outside {low:g} to {high:g}")
    return array


def codes(values: ArrayLike, n: int, name: str, allowed: tuple[int, ...]) -> Ints:
    """Return `values` as (n,) integers out of `allowed`, or raise `InputError`."""
    array = np.asarray(values)
    if array.shape != (n,):
        raise InputError(f"{name} must have shape ({n},), not {array.shape}")
    bad = ~np.isin(array, allowed)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} row {row} is {array[row]}, allowed are {list(allowed)}")
    return array.astype(np.int64)


def answers_with_coin(values: ArrayLike, n: int, model: str) -> Ints:
    """Return (n,) codes 0 first, 1 second, 2 coin; raise `FitError` unless both kinds are there."""
    choice = codes(values, n, "choices", (0, 1, 2))
    coins = int((choice == 2).sum())
    if coins in (0, n):
        which = "every" if coins else "no"
        raise FitError(f"{which} answer is the coin: {model} needs coins and decisions")
    return choice


def groups(values: ArrayLike, n: int, name: str = "clusters") -> tuple[Ints, int]:
    """Return cluster labels recoded to 0..G-1 in the order of their values, and G."""
    array = np.asarray(values)
    if array.shape != (n,):
        raise InputError(f"{name} must have shape ({n},), not {array.shape}")
    _, index = np.unique(array, return_inverse=True)
    index = index.astype(np.int64).reshape(n)
    return index, int(index.max()) + 1
