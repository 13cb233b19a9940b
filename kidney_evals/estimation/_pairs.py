"""Paired differences between two runs, with intervals that stay valid if few dilemmas differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from kidney_evals.estimation.arrays import Bools, Floats
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import (
    NAN,
    NO_INTERVAL,
    Z95,
    Interval,
    difference,
    student,
    wilson,
)
from kidney_evals.estimation.quantity import Quantity, undefined

_PRIOR = 0.5


class PairedDifference(NamedTuple):
    """The difference of a statistic between two runs on the same dilemmas.

    Attributes:
        change: Second run minus first, with its 95 % interval; n counts the shared dilemmas. NaN
            with n = 0 where either run has no value.
        p_value: Two-sided p-value of no difference; NaN without an interval.
    """

    change: Quantity
    first: float
    second: float
    p_value: float


NOTHING = PairedDifference(undefined(), NAN, NAN, NAN)
"""The result if the runs share no dilemma on which the statistic is defined."""


def changed(
    first: float, second: float, ends: Interval, dilemmas: int, p: float | None = None
) -> PairedDifference:
    """Return second minus first with the interval `ends` and the two-sided p-value `p`.

    Without `p`, the p-value is that of the interval: the distance from the difference to the end on
    the side of zero counts as 1.96 standard errors. NaN without an interval.
    """
    value = second - first
    if p is None:
        side = value - ends.low if value > 0 else ends.high - value
        if np.isnan(ends.low) or np.isnan(value):
            p = NAN
        elif value == 0:
            p = 1.0
        else:
            p = float(2 * ndtr(-Z95 * abs(value) / side)) if side > 0 else 0.0
    return PairedDifference(Quantity(value, *ends, n=dilemmas), first, second, p)


def independent_change(before: Quantity, after: Quantity, dilemmas: int) -> PairedDifference:
    """Return the change between independent estimates, with the interval of `difference`."""
    return changed(before.value, after.value, difference(after, before), dilemmas)


def on_both(
    first: Decisions, second: Decisions, usable: Callable[[Decisions], Bools]
) -> tuple[Decisions, Decisions]:
    """Return both runs on the dilemmas that are `usable`, (D,), in both.

    Raises:
        InputError: The runs do not list the same dilemmas with the same people.
    """
    for name in ("differences", "shares", "closeness", "share_draws"):
        one, two = getattr(first, name), getattr(second, name)
        if one is two:
            continue
        if one is None or two is None or one.shape != two.shape:
            shapes = " and ".join(str(None if it is None else it.shape) for it in (one, two))
            raise InputError(f"{name} of the two runs have the shapes {shapes}, not the same")
        unequal = np.argwhere((one != two) & ~(np.isnan(one) & np.isnan(two)))
        if len(unequal):
            row = int(unequal[:, 1 if name == "share_draws" else 0].min())
            raise InputError(f"{name} row {row} differs between the two runs: list both alike")
    if first.fixed != second.fixed:
        raise InputError("fixed differs between the two runs: one is drawn, one a fixed list")
    mask = usable(first) & usable(second)
    return first.at(mask), second.at(mask)


def score_interval(each: Floats, level: float = 0.95) -> tuple[Interval, float]:
    """Return the interval and p-value of a mean of differences, each between -1 and 1.

    `level` is the coverage of the interval.

    Tango's score interval of a difference of paired proportions (Statistics in Medicine 1998, 17:
    891-908), whose test is McNemar's, for differences of -1, 0 and 1. Fractional differences count
    as Σ|d| / s differences of size s = (Σ d² + ½) / (Σ |d| + ½): the sum of squares is that of the
    data, except for the added ½, since a few small differences do not exclude large ones. If all
    are 0 the ends are ± z² / (n + z²), as in Wilson's interval. The number of pairs is multiplied
    by (z/t)², as in `effective_size`. NaN with fewer than two pairs.
    """
    count = len(each)
    if count < 2:
        return NO_INTERVAL, NAN
    moved = np.abs(each)
    size = (float((moved**2).sum()) + _PRIOR) / (float(moved.sum()) + _PRIOR)
    z = Z95 if level == 0.95 else float(ndtri((1 + level) / 2))
    shrink = (z / student(count - 1, level)) ** 2
    n = count * shrink
    gains = float(each[each > 0].sum()) / size * shrink
    losses = -float(each[each < 0].sum()) / size * shrink
    discordant = gains + losses
    score = (gains - losses) / np.sqrt(discordant) if discordant > 0 else 0.0
    low, high = (_end(gains, losses, n, towards, z) for towards in (-1.0, 1.0))
    return Interval(size * low, size * high), float(2 * ndtr(-abs(score)))


def _end(gains: float, losses: float, n: float, towards: float, z: float) -> float:
    """Return the difference between the estimate and -1 or 1 at which Tango's score is z."""
    from scipy.optimize import brentq

    def excess(difference: float) -> float:
        # The share of losses is its maximum-likelihood value at that difference.
        linear = -gains - losses + (2 * n - gains + losses) * difference
        constant = -losses * difference * (1 - difference)
        share = (np.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = n * (2 * share + difference * (1 - difference))
        # Multiplied by the standard error, which may be 0, to make the function continuous.
        return abs(gains - losses - n * difference) - z * float(np.sqrt(max(variance, 0.0)))

    value = (gains - losses) / n
    # If all differences are 0, both terms are 0 at the estimate itself.
    inside = value + 1e-12 * (towards - value)
    if excess(inside) * excess(towards) >= 0:
        return towards
    return float(brentq(excess, inside, towards, xtol=1e-15))


def widened(ends: Interval, value: float, unseen: float, most: float = np.inf) -> Interval:
    """Return the interval, half widths h replaced by sqrt(h² + unseen²), within ±`most`."""
    low = value - float(np.hypot(value - ends.low, unseen))
    high = value + float(np.hypot(ends.high - value, unseen))
    return Interval(max(low, -most), min(high, most))


def unseen_changes(each: Floats, reach: float) -> float:
    """Return the change of a mean over dilemmas that rare, unobserved changes could make.

    The share of further changed dilemmas is the upper end of Wilson's interval of a zero count;
    their size is the root mean square of the observed changes and half a change of the largest size
    `reach`.
    """
    seen = int(np.count_nonzero(each))
    size = (float((each**2).sum()) + _PRIOR * reach**2) / (seen + _PRIOR)
    return float(np.sqrt(size)) * wilson(0.0, len(each)).high
