"""Test whether the utility of an attribute is linear in its value.

The logit of a run gets, for each attribute, a quadratic and a cubic term in addition to the linear
term. With z the attribute scaled from -1 at the end that people favour least to 1 at the end that
they favour most,

    u(z) = slope · z + curvature · z² + wiggle · (z³ - z).

z² is equal at the two ends, and z³ - z is 0 at the ends and in the middle. So `slope` is half of
the effect of the whole range, and slope + curvature is the effect of its favoured half, z from 0 to
1. The share of the effect in the favoured half is ½ + curvature / (2 · slope): ½ for a straight
line. A threshold in the middle of the range is symmetric, so only z³ - z detects it.

Both terms are tested jointly, clustered by dilemma, by Wald's test and by the score test; the
larger p-value is reported. If the log-odds are large, few dilemmas are informative, and Wald's test
alone rejects straight lines up to four times too often.
"""

from __future__ import annotations

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

    Attributes:
        slope: Half of the change in log-odds over the whole range.
        curvature: Coefficient of z²; NaN with fewer than three levels, or not determined.
        wiggle: Coefficient of z³ - z; NaN with fewer than four levels, or not determined.
        upper_share: Share of the whole effect in the favoured half of the range; ½ for a straight
            line, outside [0, 1] if the effect changes sign. NaN if the interval of `slope` includes
            0; without an interval if the answers are separated. The interval is too narrow if
            log-odds are large (its coverage is .83 at six times people's log-odds).
        p_value: p-value of the test that curvature and wiggle are 0; NaN if neither is fitted, if
            the answers are separated without them, or with too few dilemmas.
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
    """Whether straight lines describe a respondent's choices: a bend for each attribute.

    Attributes:
        p_value: Of the joint test that no attribute needs any of the terms; NaN as in `Bend`.
        separated: A rule in these terms explains every answer: the coefficients depend on the
            penalty and have no intervals, and p-values are those of the score test.
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
    """Fit lines and bends of all attributes and test the bends.

    A Firth-penalised logit with an intercept for the side and a covariance clustered by dilemma, as
    for importance shares. An attribute with three levels has only z², an attribute with fewer only
    the linear term. Statistics of q terms are referred to F(q, G - p) with G dilemmas and p terms
    in the fit, and intervals to Student's t with G - p degrees of freedom.

    Args:
        first: Values of the patient in the first place, as shown, shape (n, k).
        second: Values of the patient in the second place, shape (n, k).
        chose_first: 1 where the first place was chosen, else 0, shape (n,); coin answers left out.
        ends: Value of each attribute at the end people favour least and at the end they favour
            most, in the units of `first`, shape (k, 2): (70, 25) for age.
        clusters: Label of each answer's dilemma, shape (n,).
    """
    z1, z2 = _scaled(first, second, ends)
    n, k = z1.shape
    y = _checks.column(chose_first, n, "chose_first", 0, 1)
    index, count = _checks.groups(clusters, n)
    levels = [len(np.unique(np.round(column, 9))) for column in np.concatenate([z1, z2]).T]
    squares = [j for j in range(k) if levels[j] >= 3]
    cubes = [j for j in range(k) if levels[j] >= 4]
    terms = [z1 - z2, (z1**2 - z2**2)[:, squares], (z1**3 - z1 - z2**3 + z2)[:, cubes]]
    design = np.concatenate(terms, axis=1)
    fit = fit_logit(design, y, clusters=index)
    determined = fit.determined
    weights = np.where(determined, fit.weights, NAN)
    freedom = count - fit.parameters

    def test(terms: list[int]) -> float:
        tested = [term for term in terms if determined[term]]
        score = _score_test(design, y, index, tested, freedom)
        if fit.separated or np.isnan(score):
            return score
        # `wald_p` takes the rank off the degrees of freedom it is given.
        block = fit.covariance[np.ix_(tested, tested)]
        wald = wald_p(weights[tested], block, freedom + len(tested))
        return score if np.isnan(wald) else max(wald, score)

    bends = []
    for j in range(k):
        square = k + squares.index(j) if j in squares else None
        cube = k + len(squares) + cubes.index(j) if j in cubes else None
        share = undefined() if square is None else _upper_share(weights, fit, [j, square], freedom)
        bends.append(
            Bend(
                levels=levels[j],
                slope=float(weights[j]),
                curvature=NAN if square is None else float(weights[square]),
                wiggle=NAN if cube is None else float(weights[cube]),
                upper_share=share,
                p_value=test([term for term in (square, cube) if term is not None]),
                adjusted=NAN,
            )
        )
    adjusted = holm([bend.p_value for bend in bends])
    return Nonlinearity(
        bends=tuple(bend._replace(adjusted=p) for bend, p in zip(bends, adjusted, strict=True)),
        p_value=test(list(range(k, len(weights)))),
        separated=fit.separated,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by Holm (Scand. J. Statist. 1979); NaN stay NaN."""
    m = _checks.length(p_values, "p_values", 0)
    p = _checks.shaped(p_values, (m,), "p_values", 0, 1, missing=True)
    result = np.full(len(p), NAN)
    tested = np.flatnonzero(~np.isnan(p))
    rank = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[rank] * np.arange(len(rank), 0, -1)
    result[rank] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in result]


def _scaled(first: ArrayLike, second: ArrayLike, ends: ArrayLike) -> tuple[Floats, Floats]:
    """Return both patients' values from -1, least favoured, to 1, most favoured."""
    x1, x2 = _checks.pair(first, second)
    limits = _checks.numbers(ends, "ends")
    if limits.shape != (x1.shape[1], 2):
        raise InputError(f"ends must have shape ({x1.shape[1]}, 2), not {limits.shape}")
    span = limits[:, 1] - limits[:, 0]
    bad = ~(np.isfinite(span) & (span != 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"ends row {row} is {limits[row].tolist()}: no range to scale by")
    scaled = []
    for name, x in (("first", x1), ("second", x2)):
        z = 2 * (x - limits[:, 0]) / span - 1
        outside = (np.abs(z) > 1 + _SLACK).any(axis=1)
        if outside.any():
            row = int(np.argmax(outside))
            raise InputError(f"{name} row {row} is {x[row].tolist()}, outside the ends")
        scaled.append(z)
    return scaled[0], scaled[1]


def _upper_share(weights: Floats, fit: LogitFit, terms: list[int], freedom: int) -> Quantity:
    """Return ½ + c / (2b) from the weights (b, c) of two terms of the fit."""
    slope, curvature = weights[terms].tolist()
    block = fit.covariance[np.ix_(terms, terms)]
    if freedom < 1 or not np.isfinite([*block.ravel(), slope, curvature]).all():
        return undefined()
    t = student(freedom)
    # Answers that cancel between orders leave only rounding error in the slope and its error.
    if not abs(slope) > max(t * max(float(block[0, 0]), 0.0) ** 0.5, _SLACK):
        return undefined()
    share = 0.5 + curvature / (2 * slope)
    if fit.separated:
        return Quantity(share, n=fit.n)
    gradient = np.array([-curvature / slope, 1.0]) / (2 * slope)
    half = t * max(float(gradient @ block @ gradient), 0.0) ** 0.5
    return Quantity(share, share - half, share + half, n=fit.n)


def _score_test(design: Floats, y: Floats, index: Ints, tested: list[int], freedom: int) -> float:
    """Return the p-value of the score test that the tested terms are not needed.

    They are replaced by their residuals of a weighted regression on the other terms. NaN if the
    other terms separate the answers.
    """
    if not tested:
        return NAN
    others = np.delete(design, tested, axis=1)
    without = fit_logit(others, y, clusters=index)
    if without.separated:
        return NAN
    base = np.column_stack([others, np.ones(len(y))])
    probability = logistic(others @ without.weights + without.intercept)
    weighted = base * (probability * (1 - probability))[:, None]
    terms = design[:, tested]
    left = terms - base @ (np.linalg.pinv(weighted.T @ base, hermitian=True) @ (weighted.T @ terms))
    sums = cluster_sums(left * (y - probability)[:, None], index, int(index.max()) + 1)
    return score_p(sums, freedom)
