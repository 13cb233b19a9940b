"""95 % intervals for small, clustered samples of answers, in which often all answers are equal.

Proportions have Wilson's interval on the effective sample size, whose width is positive at 0 and 1;
means have Student's; other statistics have bootstrap intervals clustered by dilemma. Resamples use
fixed seeds, so every call returns the same digits.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from kidney_evals.estimation import _checks
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.quantity import Quantity

DRAWS: Final = 1000
"""Number of resamples for an interval."""

Z95: Final = 1.959963984540054
"""97.5 % quantile of the normal distribution."""

NAN: Final = float("nan")

_ROUNDING: Final = 1e-9
_SEED: Final = 20210208
_BLOCK: Final = 2_000_000
"""Largest number of array elements in one block of resamples, to bound memory."""


class Interval(NamedTuple):
    """The two ends of an interval, of 95 % unless a `level` is given; NaN if there is none."""

    low: float
    high: float


NO_INTERVAL: Final = Interval(NAN, NAN)


def wilson(rate: float, size: float, z: float = Z95) -> Interval:
    """Return Wilson's score interval (JASA 1927) of a rate from 0 to 1; NaN without answers.

    Args:
        rate: The observed rate.
        size: Effective number of independent answers, not always an integer.
        z: Normal quantile that gives the coverage, 1.96 for 95 %.
    """
    if not 0 < z < np.inf:
        raise InputError(f"z is {z}, allowed are finite numbers above 0")
    if rate < -_ROUNDING or rate > 1 + _ROUNDING:
        raise InputError(f"rate is {rate}, outside 0 to 1")
    if not size > 0 or np.isnan(rate):
        return NO_INTERVAL
    rate = min(max(rate, 0.0), 1.0)
    spread = z * z / size
    centre = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * float(np.sqrt(rate * (1 - rate) / size + spread / (4 * size)))
    # The ends are exactly 0 and 1 at these rates; rounding must not move them past the rate.
    return Interval(min(max(centre - half, 0.0), rate), max(min(centre + half, 1.0), rate))


def wilson_at(rate: float, low: float, high: float, level: float) -> Interval:
    """Return Wilson's interval with coverage `level` from the 95 % interval of the same rate.

    `low` and `high` are the ends of the 95 % interval. With s = z² / size the ends x solve (1 + s)
    x² - (2 rate + s) x + rate² = 0, so their product determines the size.
    """
    _checks.coverage(level)
    if np.isnan([rate, low, high]).any():
        return NO_INTERVAL
    if not 0 <= low <= rate <= high <= 1:
        raise InputError(f"rate {rate} with the ends {low} and {high}: not an interval of a rate")
    if low == high:
        return Interval(low, high)
    # The end nearer to ½ is the more precise of the two.
    far, ends = (rate, low * high) if rate >= 0.5 else (1 - rate, (1 - low) * (1 - high))
    size = Z95**2 / (far**2 / ends - 1)
    return wilson(rate, size, float(special.ndtri((1 + level) / 2)))


def effective_size(hits: ArrayLike, trials: ArrayLike, *, least_effect: float = 1.0) -> float:
    """Return the effective sample size of clustered answers: their number over the design effect.

    The design effect (Kish 1965) is the clustered variance of the rate Σ hits / Σ trials divided by
    its binomial variance. It lies between `least_effect` and Σ n² / Σ n, with n the trials of a
    cluster. This upper limit is the design effect of clusters whose answers are all equal, and is
    used if the rate is 0 or 1 or with one cluster. With an estimated effect the size is multiplied
    by (z/t)², with z and t the 97.5 % quantiles of the normal distribution and of Student's t with
    G - 1 degrees of freedom for G clusters (Korn and Graubard 1998). 0 without trials.

    Args:
        hits: Number of hits by cluster, shape (G,); fractions are allowed.
        trials: Number of answers by cluster, shape (G,); clusters without trials do not count.
        least_effect: Lower limit of the design effect; below 1 only if answers within a cluster are
            known to be negatively correlated.
    """
    x, n = _clusters(hits, trials)
    if len(n) == 0:
        return 0.0
    total = float(n.sum())
    rate = float(x.sum()) / total
    worst = float((n**2).sum()) / total
    binomial = rate * (1 - rate) / total
    if len(n) < 2 or not binomial > 1e-15:
        return total / worst
    residual = x - n * (float(x.sum()) / total)
    variance = len(n) / (len(n) - 1) * float((residual**2).sum()) / total**2
    effect = min(max(variance / binomial, least_effect), max(worst, least_effect))
    return total / effect * (Z95 / student(len(n) - 1)) ** 2


def proportion(hits: ArrayLike, trials: ArrayLike, *, least_effect: float = 1.0) -> Interval:
    """Return Wilson's interval of the rate Σ hits / Σ trials; arguments as in `effective_size`."""
    x, n = _clusters(hits, trials)
    if len(n) == 0:
        return NO_INTERVAL
    size = effective_size(x, n, least_effect=least_effect)
    return wilson(min(float(x.sum() / n.sum()), 1.0), size)


def stratified_proportion(hits: ArrayLike, trials: ArrayLike) -> Interval:
    """Return Wilson's interval of the rate Σ hits / Σ trials over a fixed list of questions.

    Only the answers within question and order are random, so the effective size is p(1-p)/V, at
    least the number of answers, with p the rate and V its stratified variance. In p and V the
    shares within strata are smoothed, (hits + ½)/(trials + 1), so that V is positive if all answers
    are equal. The two orders are strata if each has two answers or more; otherwise the answers to a
    question are one stratum.

    Args:
        hits: Number of hits by question and order, shape (D, 2).
        trials: Number of answers by question and order, shape (D, 2).
    """
    x, n = _checks.numbers(hits, "hits"), _checks.numbers(trials, "trials")
    if n.ndim != 2 or x.shape != n.shape:
        raise InputError(f"hits {x.shape} and trials {n.shape} must have one shape (D, orders)")
    x, n = _counted(x, n)
    apart = (n >= 2).all(axis=1)
    x = np.concatenate([x[apart].ravel(), x[~apart].sum(axis=1)])
    n = np.concatenate([n[apart].ravel(), n[~apart].sum(axis=1)])
    x, n = _clusters(x, n)
    if len(n) == 0:
        return NO_INTERVAL
    weight = n / n.sum()
    smooth = (x + 0.5) / (n + 1)
    variance = float((weight**2 * smooth * (1 - smooth) / n).sum())
    level = float((weight * smooth).sum())
    size = max(level * (1 - level) / variance, float(n.sum()))
    return wilson(float(x.sum() / n.sum()), size)


def mean_interval(values: ArrayLike) -> Interval:
    """Return Student's interval of the mean of independent values, (n,); NaN are left out.

    If all values are equal, the half width is the upper end of Wilson's interval of a zero count,
    which suits values between 0 and 1. NaN with fewer than two values.
    """
    x = _checks.vector(values, "values")
    x = x[~np.isnan(x)]
    if len(x) < 2:
        return NO_INTERVAL
    mean, spread = float(x.mean()), float(x.std(ddof=1))
    half = student(len(x) - 1) * spread / float(np.sqrt(len(x)))
    if spread <= 1e-12:
        half = wilson(0.0, len(x)).high
    return Interval(mean - half, mean + half)


def difference(first: Quantity, second: Quantity) -> Interval:
    """Return the interval of first - second from the intervals of two independent estimates.

    For each end, the squared distances of the two estimates to their ends are added (Newcombe 1998,
    method 10; Zou and Donner 2008), so that the result is asymmetric where the intervals are. An
    interval of NaN counts as an estimate without error; if both are NaN the result is NaN.
    """
    unknown = np.isnan([first.low, second.low])
    if unknown.all():
        return NO_INTERVAL
    a, b = first.value, second.value
    one = Quantity(a, a, a) if unknown[0] else first
    two = Quantity(b, b, b) if unknown[1] else second
    below = float(np.hypot(a - one.low, two.high - b))
    above = float(np.hypot(one.high - a, b - two.low))
    return Interval(a - b - below, a - b + above)


def percentile(draws: ArrayLike, clusters: int | None = None, level: float = 0.95) -> Interval:
    """Return the percentile interval of resampled statistics; NaN without finite draws.

    Args:
        draws: The statistic in each resample, shape (draws,).
        clusters: Number G of resampled clusters. The tail probabilities are adjusted to Student's t
            with G - 1 degrees of freedom (Hesterberg 2015, section 4.3.1); NaN if G < 2. None for
            no adjustment.
        level: Coverage of the interval.
    """
    _checks.length(draws, "draws", 0)
    values = _checks.numbers(draws, "draws")
    _checks.coverage(level)
    if clusters is not None:
        _checks.whole(clusters, "clusters", 0)
    values = values[np.isfinite(values)]
    if len(values) == 0 or (clusters is not None and clusters < 2):
        return NO_INTERVAL
    tail = (1 - level) / 2
    if clusters is not None:
        tail = float(special.ndtr(-student(clusters - 1, level)))
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))


def recentred(draws: Floats, value: float) -> Floats:
    """Return draws + 2 (value - mean of draws), a correction of bias; NaN draws stay NaN.

    `value` is the estimate. The correction assumes that the mean of the draws is as far from the
    estimate as the estimate is from the true value, in the same direction (Efron and Tibshirani
    1993, section 10.2).
    """
    draws = _checks.vector(draws, "draws")
    known = draws[~np.isnan(draws)]
    return draws + 2 * (value - float(known.mean())) if len(known) else draws


@lru_cache(maxsize=256)
def student(freedom: int, level: float = 0.95) -> float:
    """Return the (1 + `level`) / 2 quantile of Student's t with `freedom` degrees of freedom.

    NaN for 0 degrees of freedom.
    """
    _checks.coverage(level)
    return float(special.stdtrit(freedom, (1 + level) / 2))


def weight_blocks(
    clusters: int, draws: int = DRAWS, *, key: int = 0
) -> Iterator[tuple[slice, Floats]]:
    """Yield blocks of a cluster bootstrap: the slice of resamples, and their weights.

    Each resample draws G - 1 of the G clusters with replacement, which makes the variance of a
    resampled mean unbiased (Rao and Wu 1988 with m = n - 1). A weight is how often a cluster was
    drawn; the weights of a block have shape (resamples of the block, G). The same arguments give
    the same weights; different keys give independent weights. Nothing is yielded with fewer than
    two clusters.

    Args:
        clusters: Number G of clusters.
        draws: Number of resamples.
        key: Number that selects independent weights.
    """
    if _checks.whole(clusters, "clusters", 0) < 2:
        return
    for rows in blocks(draws, clusters):
        yield rows, weight_rows(clusters, rows, draws, key=key)


def weight_rows(clusters: int, rows: slice, draws: int = DRAWS, *, key: int = 0) -> Floats:
    """Return the weights of the resamples `rows` out of `draws`, shape (rows, clusters).

    They are those of `weight_blocks` if `rows` is a slice of `blocks(draws, clusters)`. If all
    weights together fit into a block, `rows` may be any slice; otherwise another start gives other
    weights.
    """
    clusters, draws = _checks.whole(clusters, "clusters", 2), _checks.whole(draws, "draws", 0)
    key = _checks.whole(key, "key", 0)
    if draws * clusters <= _BLOCK:
        return _weights(clusters, 0, draws, key)[rows].astype(np.float64)
    return _weights(clusters, rows.start, rows.stop, key).astype(np.float64)


def blocks(draws: int, width: int) -> Iterator[slice]:
    """Yield consecutive slices that cover the range from 0 to `draws`.

    With `width` array elements for each draw, a slice has at most `_BLOCK` elements, but at least
    one draw.
    """
    size = max(1, _BLOCK // max(_checks.whole(width, "width", 0), 1))
    for start in range(0, _checks.whole(draws, "draws", 0), size):
        yield slice(start, min(start + size, draws))


def generator(*key: int) -> np.random.Generator:
    """Return a random generator that depends on the key alone."""
    return np.random.Generator(np.random.PCG64([_SEED, *key]))


@lru_cache(maxsize=32)
def _weights(clusters: int, start: int, stop: int, key: int) -> NDArray[np.uint8]:
    # 32 blocks of bytes take at most 64 MB and hold the resamples of all quantities of a run.
    # A count fits a byte: for large G it is nearly Poisson with mean 1.
    rows = stop - start
    # Uniform doubles are the same in all numpy versions; other distributions may change.
    uniform = generator(clusters, key, start).random((rows, clusters - 1))
    picks = (uniform * clusters).astype(np.int64) + np.arange(rows)[:, None] * clusters
    counts = np.bincount(picks.ravel(), minlength=rows * clusters)
    return counts.astype(np.uint8).reshape(rows, clusters)


def _counted(hits: ArrayLike, trials: ArrayLike) -> tuple[Floats, Floats]:
    n = _checks.numbers(trials, "trials")
    n = _checks.shaped(n, n.shape, "trials", 0, np.inf)
    x = _checks.shaped(hits, n.shape, "hits", 0, np.inf)
    _checks.raise_if_any(x > n + _ROUNDING, x, "hits", "more than its trials")
    return x, n


def _clusters(hits: ArrayLike, trials: ArrayLike) -> tuple[Floats, Floats]:
    """Return hits and trials of the clusters with answers."""
    _checks.length(trials, "trials", 0)
    x, n = _counted(hits, trials)
    return x[n > 0], n[n > 0]
