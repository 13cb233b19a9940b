"""Test whether the utility of an attribute is linear in its value.

The logit of a run gets, for each attribute, a quadratic and a cubic term. With z the attribute
scaled from -1 at the end that people favour least to 1 at the end that they favour most,

    u(z) = slope · z + curvature · z² + wiggle · (z³ - z).

z² is equal at the two ends, and z³ - z is 0 at the ends and in the middle. So `slope` is half of
the effect of the whole range, and slope + curvature is the effect of its favoured half, z from 0 to
1. The share of the effect in the favoured half is ½ + curvature / (2 · slope): ½ for a straight
line. A threshold in the middle of the range is symmetric, so only z³ - z detects it.

Both terms are tested jointly, clustered by dilemma, by Wald's test and by the score test; the
larger p-value is reported. If the log-odds are large, few dilemmas are informative, and Wald's test
alone rejects straight lines up to four times too often.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._fit import cluster_sums, logistic, score_p, wald_p
from kidney_evals.estimation.arrays import Floats, Ints
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import NAN, student
from kidney_evals.estimation.logit import LogitFit, fit_logit
from kidney_evals.estimation.quantity import Quantity, undefined

_SLACK = 1e-9


class Bend(NamedTuple):
    """The estimated non-linearity of one attribute.

    With z the attribute's value, scaled from -1 at the end that people favour least to 1 at the end
    that they favour most, its utility is slope · z + curvature · z² + wiggle · (z³ - z).

    Attributes:
        levels: Number of different values of the attribute in the answers.
        slope: Half of the change in log-odds over the whole range; NaN if not determined.
        curvature: Weight of z²; NaN with fewer than three levels or if not determined.
        wiggle: Weight of z³ - z; NaN with fewer than four levels or if not determined.
        upper_share: Share of the whole effect in the favoured half of the range, outside [0, 1] if
            the effect changes sign. NaN if `slope` or `curvature` is NaN or the interval of `slope`
            includes 0; without an interval if the answers are separated. The interval is too narrow
            if log-odds are large (its coverage is .83 at six times people's log-odds). `n` counts
            answers.
        p_value: p-value of the test that curvature and wiggle are 0. NaN if neither is fitted, if
            the other terms alone separate the answers, or with too few dilemmas.
        adjusted: `p_value`, adjusted by Holm (1979) over the attributes that could be tested.
    """

    levels: int
    slope: float
    curvature: float
    wiggle: float
    upper_share: Quantity
    p_value: float
    adjusted: float


class Nonlinearity(NamedTuple):
    """The non-linearity of all attributes in a respondent's choices.

    Attributes:
        bends: The non-linearity of each attribute, in the order of the columns.
        p_value: p-value of the joint test that no attribute needs a quadratic or a cubic term.
        separated: Whether a linear rule in the terms explains every answer. Coefficients then
            depend on the penalty and have no intervals, and p-values are those of the score test.
    """

    bends: tuple[Bend, ...]
    p_value: float
    separated: bool


def nonlinearity(
    first: ArrayLike,
    second: ArrayLike,
    chose_first: ArrayLike,
    ends: ArrayLike,
    *,
    clusters: ArrayLike,
) -> Nonlinearity:
    """Fit linear, quadratic and cubic terms of all attributes; test the last two jointly.

    The fit is a Firth-penalised logit with an intercept for the side, clustered by dilemma, as for
    importance shares. An attribute with three levels has no cubic term, an attribute with fewer
    levels only the linear term. A test of q terms uses the distribution F(q, G - p), and an
    interval Student's t with G - p degrees of freedom, with G dilemmas and p fitted coefficients.

    Args:
        first: Values of the patient in the first place, as shown, shape (n, k).
        second: Values of the patient in the second place, as shown, shape (n, k).
        chose_first: 1 where the patient in the first place was chosen, else 0, shape (n,), without
            coin answers.
        ends: Each attribute's value at the end that people favour least, then at the end that they
            favour most, such as (70, 25) for age, shape (k, 2).
        clusters: Label of each answer's dilemma, shape (n,).

    Raises:
        FitError: The logit did not reach an optimum.
    """
    z1, z2 = _scaled(first, second, ends)
    n, k = z1.shape
    y = _checks.column(chose_first, n, "chose_first", 0, 1)
    index, count = _checks.groups(clusters, n)
    levels = [len(np.unique(np.round(column, 9))) for column in np.concatenate([z1, z2]).T]
    terms = [z1 - z2, z1**2 - z2**2, z1**3 - z1 - z2**3 + z2]
    columns = [(d, j) for d in range(3) for j in range(k) if d == 0 or levels[j] >= d + 2]
    place = {column: i for i, column in enumerate(columns)}
    design = np.column_stack([terms[d][:, j] for d, j in columns])
    fit = fit_logit(design, y, clusters=index)
    weights = np.where(fit.determined, fit.weights, NAN)
    freedom = count - fit.parameters

    def test(tested: list[int]) -> float:
        tested = [i for i in tested if fit.determined[i]]
        score = _score_test(design, y, index, tested, freedom)
        if fit.separated or np.isnan(score):
            return score
        # `wald_p` takes the rank off the degrees of freedom it is given.
        block = fit.covariance[np.ix_(tested, tested)]
        wald = wald_p(weights[tested], block, freedom + len(tested))
        return score if np.isnan(wald) else max(wald, score)

    p_values = [test([place[d, j] for d in (1, 2) if (d, j) in place]) for j in range(k)]
    adjusted = holm(p_values)
    bends = []
    for j in range(k):
        slope, curvature, wiggle = (
            float(weights[place[d, j]]) if (d, j) in place else NAN for d in range(3)
        )
        upper_share = _upper_share(fit, j, place.get((1, j)), freedom)
        bends.append(
            Bend(levels[j], slope, curvature, wiggle, upper_share, p_values[j], adjusted[j])
        )
    return Nonlinearity(tuple(bends), test(list(range(k, len(columns)))), fit.separated)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by Holm (Scand. J. Statist. 1979).

    The order is kept. NaN stay NaN and do not count as tests.
    """
    p = _checks.vector(p_values, "p_values", 0, 1)
    result = np.full(len(p), NAN)
    tested = np.flatnonzero(~np.isnan(p))
    rank = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[rank] * np.arange(len(rank), 0, -1)
    result[rank] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return result.tolist()


def _scaled(first: ArrayLike, second: ArrayLike, ends: ArrayLike) -> tuple[Floats, Floats]:
    """Return both patients' values from -1, least favoured, to 1, most favoured."""
    x1, x2 = _checks.pair(first, second)
    limits = _checks.numbers(ends, "ends")
    if limits.shape != (x1.shape[1], 2):
        raise InputError(f"ends must have shape ({x1.shape[1]}, 2), not {limits.shape}")
    span = limits[:, 1] - limits[:, 0]
    _checks.raise_if_any(~np.isfinite(span) | (span == 0), limits, "ends", "no range to scale by")
    z1, z2 = (2 * (x - limits[:, 0]) / span - 1 for x in (x1, x2))
    for name, x, z in (("first", x1, z1), ("second", x2, z2)):
        _checks.raise_if_any(
            np.abs(z).max(axis=1, initial=0) > 1 + _SLACK, x, name, "outside the ends"
        )
    return z1, z2


def _upper_share(fit: LogitFit, slope: int, curvature: int | None, freedom: int) -> Quantity:
    """Return ½ + c / (2b) from the places of the weights b and c in the fit."""
    if curvature is None or freedom < 1 or not fit.determined[[slope, curvature]].all():
        return undefined()
    b, c = fit.weights[[slope, curvature]].tolist()
    block = fit.covariance[np.ix_([slope, curvature], [slope, curvature])]
    if not np.isfinite(block).all():
        return undefined()
    t = student(freedom)
    # Answers that cancel between orders leave only rounding error in the slope and its error.
    if not abs(b) > max(t * max(float(block[0, 0]), 0.0) ** 0.5, _SLACK):
        return undefined()
    share = 0.5 + c / (2 * b)
    if fit.separated:
        return Quantity(share, n=fit.n)
    gradient = np.array([-c / b, 1.0]) / (2 * b)
    half = t * max(float(gradient @ block @ gradient), 0.0) ** 0.5
    return Quantity(share, share - half, share + half, n=fit.n)


def _score_test(design: Floats, y: Floats, index: Ints, tested: list[int], freedom: int) -> float:
    """Return the p-value of the score test of the columns `tested` of `design`.

    NaN if there are no such columns, or if the other columns separate the answers.
    """
    if not tested:
        return NAN
    others = np.delete(design, tested, axis=1)
    without = fit_logit(others, y, clusters=index)
    if without.separated:
        return NAN
    base = np.column_stack([others, np.ones(len(y))])
    probability = logistic(others @ without.weights + without.intercept)
    # The tested terms are replaced by their residuals of a weighted regression on the other terms.
    weighted = base * (probability * (1 - probability))[:, None]
    terms = design[:, tested]
    left = terms - base @ (np.linalg.pinv(weighted.T @ base, hermitian=True) @ (weighted.T @ terms))
    sums = cluster_sums(left * (y - probability)[:, None], index, int(index.max()) + 1)
    return score_p(sums, freedom)
