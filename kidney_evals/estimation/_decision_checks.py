"""Checks of the arrays that make a run of answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kidney_evals.estimation import _checks
from kidney_evals.estimation._checks import Floats, Ints
from kidney_evals.estimation.errors import InputError

_SUM_TOLERANCE = 1e-4
_MOST = 2**53


def selection(rows: ArrayLike, count: int, name: str) -> NDArray[np.bool_] | Ints:
    """Return which answers or dilemmas are meant: a mask, or indices put in order."""
    chosen = np.asarray(rows) if _checks.length(rows, name, 0) else np.zeros(0, dtype=np.int64)
    if chosen.dtype != bool:
        # Sorted, so that answers stay in the order in which a run keeps them.
        return np.sort(_checks.places(chosen, len(chosen), name, count))
    if len(chosen) != count:
        raise InputError(f"{name} must have shape ({count},), not {chosen.shape}")
    return chosen


def table(values: ArrayLike, name: str) -> Floats:
    """Return an array with rows and columns, or raise `InputError`."""
    array = _checks.numbers(values, name)
    if array.ndim != 2:
        raise InputError(f"{name} must have shape (dilemmas, columns), not {array.shape}")
    return array


def known_shares(shares: Floats, count: int) -> Floats:
    """Return people's shares of two or three answers, a row NaN where nobody was asked."""
    if shares.shape[0] != count or shares.shape[1] not in (2, 3):
        raise InputError(f"shares must have shape ({count}, 2 or 3), not {shares.shape}")
    bad = _not_shares(shares)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"shares row {row} is {shares[row].tolist()}: neither shares that sum to 1 nor all NaN"
        )
    return shares


def answer_chances(given: ArrayLike, choice: Ints, width: int) -> Floats:
    """Return probabilities of answers, the largest of each row being that of its choice."""
    chances = _checks.shares(given, (len(choice), width), "chances")
    total = chances.sum(axis=1)
    best = chances[np.arange(len(choice)), choice] >= chances.max(axis=1, initial=0.0)
    bad = ~((total > 0) & (total < 1 + _SUM_TOLERANCE) & best)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"chances row {row} is {chances[row].tolist()} with choice {choice[row]}: not "
            "probabilities of which that of the choice is the largest"
        )
    return chances


def share_draws(given: NDArray[np.floating], shares: Floats) -> NDArray[np.floating]:
    """Return redrawn shares, each as sound as the shares of record."""
    draws = given if isinstance(given, np.ndarray) else _checks.numbers(given, "share_draws")
    if not np.issubdtype(draws.dtype, np.floating):
        draws = _checks.numbers(draws, "share_draws")
    if draws.ndim != 3 or draws.shape[1:] != shares.shape or len(draws) == 0:
        raise InputError(f"share_draws must have shape (draws, *{shares.shape}), not {draws.shape}")
    known = np.isfinite(shares).all(axis=1)
    for draw, values in enumerate(draws):
        bad = _not_shares(values) | (np.isnan(values).any(axis=1) & known)
        if bad.any():
            row = int(np.argmax(bad))
            raise InputError(
                f"share_draws draw {draw} row {row} is {values[row].tolist()}, not shares"
            )
    return draws


def _not_shares(values: NDArray[np.floating]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        sound = (values >= -1e-9).all(axis=-1) & (np.abs(values.sum(axis=-1) - 1) < _SUM_TOLERANCE)
    result: NDArray[np.bool_] = ~(sound | np.isnan(values).all(axis=-1))
    return result


def integers(values: ArrayLike, n: int | None, name: str, low: int, high: int | None) -> Ints:
    """Return whole numbers between `low` and `high` (None: no limit), or raise `InputError`."""
    size = _checks.length(values, name, 0)
    if n is not None and size != n:
        raise InputError(f"{name} must have shape ({n},), not {(size,)}")
    array = np.asarray(values)
    if size == 0:
        return np.zeros(0, dtype=np.int64)
    if not np.issubdtype(array.dtype, np.integer):
        real = _checks.column(_checks.numbers(values, name), size, name, -np.inf, np.inf)
        bad = (real != np.round(real)) | (np.abs(real) > _MOST)
        if bad.any():
            row = int(np.argmax(bad))
            raise InputError(f"{name} row {row} is {array[row]}, not a whole number")
    array = array.astype(np.int64)
    outside = (array < low) | (array > high if high is not None else False)
    if outside.any():
        row = int(np.argmax(outside))
        span = f"{low} or more" if high is None else f"{low} to {high}"
        raise InputError(f"{name} row {row} is {array[row]}, allowed is {span}")
    return array
