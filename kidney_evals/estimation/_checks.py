"""Checks of arguments that the estimators share; each failure names the first offending row."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kidney_evals.estimation.errors import FitError, InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGEST: Final = 1e50
"""Numbers beyond this are refused: the fourth power of what is below is still a number."""

_ROUNDING = 1e-4


def numbers(values: ArrayLike, name: str) -> Floats:
    """Return `values` as an array of numbers of any shape, or raise `InputError`."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise _odd_row(values, name) from None


def matrix(values: ArrayLike, name: str) -> Floats:
    """Return `values` as a finite (n, k) array with at least one row, or raise `InputError`."""
    array = numbers(values, name)
    if array.ndim != 2:
        raise InputError(f"{name} must have shape (answers, attributes), not {array.shape}")
    if len(array) == 0:
        raise InputError(f"{name} has no rows: there is no answer to fit")
    bad = ~(np.abs(array) <= LARGEST).all(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        finite = bool(np.isfinite(array[row]).all())
        why = f"too large, at most {LARGEST:g} is allowed" if finite else "not finite"
        raise InputError(f"{name} row {row} is {why}: {array[row].tolist()}")
    return array


def shaped(
    values: ArrayLike,
    shape: tuple[int, ...],
    name: str,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    missing: bool = False,
    slack: float = 0.0,
) -> Floats:
    """Return `values` as an array of `shape` within [low, high], or raise `InputError`.

    Infinite bounds still ask for finite numbers; `missing` lets NaN pass, and `slack` what rounding
    puts so far outside.
    """
    array = numbers(values, name)
    if array.shape != shape:
        raise InputError(f"{name} must have shape {shape}, not {array.shape}")
    bad = ~((array >= max(low - slack, -LARGEST)) & (array <= min(high + slack, LARGEST)))
    if missing:
        bad &= ~np.isnan(array)
    if bad.any():
        rows = bad if bad.ndim == 1 else bad.any(axis=-1)
        place = tuple(int(index) for index in np.unravel_index(np.argmax(rows), rows.shape))
        row = place[0] if len(place) == 1 else place
        raise InputError(f"{name} row {row} is {array[place].tolist()}, {_outside(low, high)}")
    return array


def shares(values: ArrayLike, shape: tuple[int, ...], name: str) -> Floats:
    """Return shares of answers, 0 to 1 but for rounding or NaN, or raise `InputError`."""
    return shaped(values, shape, name, 0, 1, missing=True, slack=_ROUNDING)


def column(values: ArrayLike, n: int, name: str, low: float, high: float) -> Floats:
    """Return `values` as an (n,) array within [low, high], or raise `InputError`."""
    return shaped(values, (n,), name, low, high)


def length(values: ArrayLike, name: str, least: int = 1) -> int:
    """Return how many rows a one-dimensional array has, or raise `InputError`."""
    array = _array(values, name)
    if array.ndim != 1:
        raise InputError(f"{name} must have shape (n,), not {array.shape}")
    if len(array) < least:
        raise InputError(f"{name} has no rows")
    return len(array)


def codes(values: ArrayLike, n: int, name: str, allowed: tuple[int, ...]) -> Ints:
    """Return `values` as (n,) integers out of `allowed`, or raise `InputError`."""
    array = _array(values, name)
    if array.shape != (n,):
        raise InputError(f"{name} must have shape ({n},), not {array.shape}")
    bad = ~np.isin(array, allowed)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} row {row} is {array[row]}, allowed are {list(allowed)}")
    return array.astype(np.int64)


def places(values: ArrayLike, n: int, name: str, count: int) -> Ints:
    """Return `values` as (n,) indices from 0 to `count` - 1, or raise `InputError`."""
    array = column(values, n, name, 0, count - 1)
    bad = array != np.floor(array)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} row {row} is {array[row]}, not a whole number")
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
    array = _array(values, name)
    if array.shape != (n,):
        raise InputError(f"{name} must have shape ({n},), not {array.shape}")
    if n == 0:
        raise InputError(f"{name} has no rows")
    # NaN is the label that does not equal itself.
    bad = np.asarray(array != array, dtype=bool) | np.asarray(array == None, dtype=bool)  # noqa: E711
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"{name} row {row} is {array[row]}, not a label")
    try:
        _, index = np.unique(array, return_inverse=True)
    except TypeError:
        raise InputError(f"{name} must be all numbers or all text, to be put in order") from None
    index = index.astype(np.int64).reshape(n)
    return index, int(index.max()) + 1


def whole(value: Any, name: str, least: int) -> int:
    """Return a whole number of at least `least`, or raise `InputError`."""
    if not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} is {value}, allowed are whole numbers of {least} or more")
    return int(value)


def _array(values: ArrayLike, name: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError:
        raise _odd_row(values, name) from None


def _odd_row(values: Any, name: str) -> InputError:
    """Say which row cannot stand in an array of numbers."""
    rows = list(values) if np.iterable(values) else [values]
    shape: tuple[int, ...] | None = None
    for row, value in enumerate(rows):
        try:
            found = np.asarray(value, dtype=np.float64).shape
        except (TypeError, ValueError):
            return InputError(f"{name} row {row} is {value!r}, not a number")
        shape = found if shape is None else shape
        if found != shape:
            return InputError(f"{name} row {row} has shape {found}, the rows before it {shape}")
    return InputError(f"{name} must be an array of numbers")


def _outside(low: float, high: float) -> str:
    if np.isfinite(low) and np.isfinite(high):
        return f"outside {low:g} to {high:g}"
    span = f" of {low:g} or more" if np.isfinite(low) else ""
    return f"not a finite number{span} (at most {LARGEST:g})"
