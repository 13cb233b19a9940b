"""Checks of arguments. Each error names the argument and the first row that is not allowed."""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.errors import FitError, InputError

LARGEST: Final = 1e50
"""Largest allowed absolute value: its fourth power is still a finite double."""


def numbers(values: ArrayLike, name: str) -> Floats:
    """Return `values` as an array of numbers of any shape."""
    return np.asarray(_array(values, name, np.float64))


def matrix(values: ArrayLike, name: str, least: int = 1) -> Floats:
    """Return `values` as a finite (n, k) array with at least `least` rows."""
    array = numbers(values, name)
    if array.ndim != 2:
        raise InputError(f"{name} must have shape (rows, columns), not {array.shape}")
    if len(array) < least:
        raise InputError(f"{name} has no rows: there is no answer to fit")
    bad = ~(np.abs(array) <= LARGEST).all(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        finite = bool(np.isfinite(array[row]).all())
        why = f"too large, at most {LARGEST:g} is allowed" if finite else "not finite"
        raise InputError(f"{name} row {row} is {why}: {array[row].tolist()}")
    return array


def pair(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    """Return the values of both patients of each answer or dilemma, two arrays of shape (n, k)."""
    one, two = matrix(first, "first"), matrix(second, "second")
    if one.shape != two.shape:
        raise InputError(f"first {one.shape} and second {two.shape} must have one shape (n, k)")
    return one, two


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
    """Return `values` as an array of `shape`, NaN only if `missing`, in [low, high] ± `slack`."""
    array = numbers(values, name)
    if array.shape != shape:
        raise InputError(f"{name} must have shape {shape}, not {array.shape}")
    bad = ~((array >= max(low - slack, -LARGEST)) & (array <= min(high + slack, LARGEST)))
    if missing:
        bad &= ~np.isnan(array)
    why = f"outside {low:g} to {high:g}"
    if not (np.isfinite(low) and np.isfinite(high)):
        span = f" of {low:g} or more" if np.isfinite(low) else ""
        why = f"not a finite number{span} (at most {LARGEST:g})"
    raise_if_any(np.asarray(bad if bad.ndim < 2 else bad.any(axis=-1)), array, name, why)
    return array


def shares(values: ArrayLike, shape: tuple[int, ...], name: str) -> Floats:
    """Return shares of answers, 0 to 1 (up to rounding) or NaN."""
    return shaped(values, shape, name, 0, 1, missing=True, slack=1e-4)


def column(
    values: ArrayLike, n: int, name: str, low: float = -np.inf, high: float = np.inf
) -> Floats:
    """Return `values` as an (n,) array within [low, high]."""
    return shaped(values, (n,), name, low, high)


def vector(
    values: ArrayLike, name: str, low: float = -np.inf, high: float = np.inf, slack: float = 0.0
) -> Floats:
    """Return `values` as an array of any length within [low, high] ± `slack`, or NaN."""
    return shaped(values, (length(values, name, 0),), name, low, high, missing=True, slack=slack)


def row_weights(values: ArrayLike | None, n: int, name: str) -> Floats:
    """Return `values` as (n,) numbers of 0 or more; ones for None."""
    return np.ones(n) if values is None else column(values, n, name, 0, np.inf)


def resample_counts(values: ArrayLike, n: int) -> Floats:
    """Return `frequencies`, how often each of n rows is in each resample, shape (draws, n)."""
    counts = numbers(values, "frequencies")
    draws = len(counts) if counts.ndim == 2 else 1
    return shaped(counts, (draws, n), "frequencies", 0, np.inf)


def length(values: ArrayLike, name: str, least: int = 1) -> int:
    """Return the length of a one-dimensional array, at least `least`."""
    array = _array(values, name)
    if array.ndim != 1:
        raise InputError(f"{name} must have shape (n,), not {array.shape}")
    if len(array) < least:
        raise InputError(f"{name} has no rows")
    return len(array)


def codes(values: ArrayLike, n: int, name: str, allowed: tuple[int, ...]) -> Ints:
    """Return `values` as (n,) integers out of `allowed`."""
    array = _sized(values, n, name)
    bad = _missing(array)
    bad[~bad] = ~np.isin(array[~bad], allowed)
    raise_if_any(bad, array, name, f"allowed are {list(allowed)}")
    return array.astype(np.int64)


def places(values: ArrayLike, n: int, name: str, count: int | None = None, least: int = 0) -> Ints:
    """Return `values` as (n,) integers from `least` to `count` - 1; None for no upper limit."""
    array = column(values, n, name, least, np.inf if count is None else count - 1)
    raise_if_any((array != np.floor(array)) | (array > 2**53), array, name, "not a whole number")
    return array.astype(np.int64)


def answers_with_coin(values: ArrayLike, n: int, model: str) -> Ints:
    """Return (n,) codes 0 first, 1 second, 2 coin; `FitError` if all or none are coins."""
    choice = codes(values, n, "choices", (0, 1, 2))
    coins = int((choice == 2).sum())
    if coins in (0, n):
        which = "every" if coins else "no"
        raise FitError(f"{which} answer is the coin: {model} needs coins and decisions")
    return choice


def groups(values: ArrayLike, n: int, name: str = "clusters") -> tuple[Ints, int]:
    """Return cluster labels recoded to 0..G-1 in the order of their values, and G."""
    array = _sized(values, n, name)
    if n == 0:
        raise InputError(f"{name} has no rows")
    raise_if_any(_missing(array), array, name, "not a label")
    try:
        _, index = np.unique(array, return_inverse=True)
    except TypeError:
        raise InputError(f"{name} must be all numbers or all text, to be put in order") from None
    index = index.astype(np.int64).reshape(n)
    return index, int(index.max()) + 1


def coverage(level: float, name: str = "level") -> None:
    """Raise `InputError` unless `level`, the coverage of an interval, is between 0 and 1."""
    if not 0 < level < 1:
        raise InputError(f"{name} is {level}, allowed are numbers between 0 and 1")


def whole(value: Any, name: str, least: int) -> int:
    """Return a whole number of at least `least`."""
    if not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} is {value}, allowed are whole numbers of {least} or more")
    return int(value)


def raise_if_any(bad: Bools, array: NDArray[Any], name: str, why: str) -> None:
    """Raise `InputError` for the first true entry of `bad`, a mask of `array`'s leading axes."""
    if bad.any():
        place = tuple(int(index) for index in np.unravel_index(np.argmax(bad), bad.shape))
        row = f" row {place[0] if len(place) == 1 else place}" if place else ""
        raise InputError(f"{name}{row} is {np.asarray(array[place]).tolist()}, {why}")


def _array(values: Any, name: str, dtype: Any = None) -> NDArray[Any]:
    """Return `values` as an array; the error names the row that does not fit into it."""
    try:
        return np.asarray(values, dtype=dtype)
    except (TypeError, ValueError, OverflowError):
        pass
    shape: tuple[int, ...] | None = None
    for row, value in enumerate(list(values) if np.iterable(values) else [values]):
        try:
            own = np.asarray(value, dtype=np.float64).shape
        except (TypeError, ValueError):
            raise InputError(f"{name} row {row} is {value!r}, not a number") from None
        except OverflowError:
            why = f"too large, at most {LARGEST:g} is allowed"
            raise InputError(f"{name} row {row} is {why}") from None
        shape = own if shape is None else shape
        if own != shape:
            raise InputError(f"{name} row {row} has shape {own}, the rows before it {shape}")
    raise InputError(f"{name} must be an array of numbers")


def _missing(array: NDArray[Any]) -> Bools:
    """Return which labels or codes are None, NaN or another missing value (`pandas.NA`)."""

    def is_missing(value: Any) -> bool:
        try:
            return value is None or bool(value != value)
        except (TypeError, ValueError):  # `pandas.NA` is neither equal nor unequal to itself
            return True

    if array.dtype != object:
        return np.asarray(array != array, dtype=bool)
    return np.fromiter(map(is_missing, array), bool, len(array))


def _sized(values: ArrayLike, n: int, name: str) -> NDArray[Any]:
    array = _array(values, name)
    if array.shape != (n,):
        raise InputError(f"{name} must have shape ({n},), not {array.shape}")
    return array
