"""Shares of the variance of answers: dilemma, wording, order and repetition.

Covariance components from mean products of two answers, by what the two share. With C of pairs of
one dilemma, B of pairs of different dilemmas, "other" a different wording and "any" both orders
alike:

    dilemma     C(other wording, any order) - B(other wording, any order)
    wording     C(same wording, any order) - C(other wording, any order)
    order       C(other wording, same order) - C(other wording, any order)
    joint       the rest of C(same wording, same order)
    repetition  mean square of one answer - C(same wording, same order)

They sum to mean square - B, the variance of an answer. Products of different answers hold no
noise, so that every component is unbiased, and no distribution is assumed (in the manner of
Henderson, Biometrics 1953).

Wordings count as drawn from many; the two orders are all there are. The order moves a dilemma by
one pull, for one patient in one order and for the other in the other, so that answers in opposite
orders disagree by it. To call such pairs the dilemma's share would take the order's pull off the
dilemma and count it twice for the order. The components of wording and order hold their effects
both on single dilemmas and on all of them alike. With two wordings, a pull of the order that turns
round from one to the other shows as a negative share of the order, and answers that turn round
from one wording to the other as one of the dilemma.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import (
    DRAWS,
    NAN,
    Interval,
    blocks,
    percentile,
    weight_blocks,
    wilson,
)
from kidney_evals.estimation.quantity import Quantity, undefined

Part = Literal["dilemma", "wording", "order", "joint", "repetition"]
"""`joint` is the effect of one wording in one order of a dilemma, beyond wording and order."""

PARTS: tuple[Part, ...] = ("dilemma", "wording", "order", "joint", "repetition")

_SWAYED: set[Part] = {"wording", "joint"}
"""Parts that only pairs of the same wording and order can tell from repetition."""


class VarianceShare(NamedTuple):
    """Share of the variance of answers that belongs to one part, or to several together.

    Attributes:
        parts: One part, or those which the design cannot tell apart.
        share: Of the total, with its interval over dilemmas. Unbiased and therefore below 0 now
            and then where the truth is near 0. `n` counts dilemmas.
    """

    parts: tuple[Part, ...]
    share: Quantity


class VarianceShares(NamedTuple):
    """Shares of all parts.

    Attributes:
        shares: Every part in exactly one of them, in the order of `PARTS`; they sum to 1 where
            they are defined.
        reasons: Why a part has no share of its own, by part; the others are identified.
        total: Variance of an answer, all cells of wording and order counting alike, summed over
            the K columns of outcomes; NaN where nothing is identified.
        dilemmas: Number of dilemmas G, the units of the intervals.
        n: Number of answers.
    """

    shares: tuple[VarianceShare, ...]
    reasons: Mapping[Part, str]
    total: float
    dilemmas: int
    n: int

    @property
    def identified(self) -> tuple[Part, ...]:
        """Parts with a share of their own."""
        return tuple(part for part in PARTS if part not in self.reasons)

    def share(self, part: Part) -> Quantity:
        """Return the share of one part, NaN with n = 0 where it is not identified."""
        for parts, share in self.shares:
            if parts == (part,):
                return share
        return undefined()


def one_hot(choices: ArrayLike) -> Floats:
    """Return choices (0 first, 1 second, 2 coin) as outcomes, shape (n, 3)."""
    n = _checks.length(choices, "choices", 0)
    return np.eye(3)[_checks.codes(choices, n, "choices", (0, 1, 2))]


def variance_shares(
    dilemma: ArrayLike,
    wording: ArrayLike,
    order: ArrayLike,
    epoch: ArrayLike,
    outcomes: ArrayLike,
    *,
    draws: int = DRAWS,
) -> VarianceShares:
    """Split the variance of answers by dilemma, wording, order and repetition.

    Everything is identified where each dilemma is asked in two wordings or more, both orders, and
    some repetition, all crossed (50 dilemmas x 2 x 2 x 2). Otherwise parts are put together that
    the design cannot tell apart, and `reasons` says why. A share is always one of the variance
    among the wordings and orders that were asked: the effect of a single wording on all dilemmas
    alike is not in the total. Intervals are over other dilemmas with these wordings.

    The interval resamples dilemmas. Pairs of one dilemma's copies are no pairs of different
    dilemmas and do not count. Where no resample differs from the others, a component is as steady
    as G dilemmas can show, and the interval allows for a departure as rare as Wilson's interval of
    0 in G does.

    Args:
        dilemma: Label of each answer's dilemma, shape (n,).
        wording: Label of its wording, shape (n,).
        order: Label of the order in which the patients were shown, shape (n,).
        epoch: Label of the repetition, shape (n,).
        outcomes: The answer in terms of the dilemma as listed, shape (n, K): from `one_hot`, or a
            number in one column. Components are summed over columns.
        draws: Number of resamples.

    Returns:
        Shares of NaN where all answers are alike or there are fewer than two dilemmas.
    """
    y = _checks.matrix(outcomes, "outcomes")
    if y.shape[1] == 0:
        raise InputError(f"outcomes must have one column or more, not {y.shape}")
    draws = _checks.whole(draws, "draws", 0)
    labels = {"dilemma": dilemma, "wording": wording, "order": order, "epoch": epoch}
    coded = [_checks.groups(values, len(y), name) for name, values in labels.items()]
    keys = np.stack([index for index, _ in coded])
    # Sorted, so that the order of answers cannot change a digit.
    rank = np.lexsort(keys[::-1])
    _refuse_repeats(keys, rank)
    keys, y = keys[:, rank], y[rank]
    dilemmas, orders = coded[0][1], coded[2][1]
    cells, cell = np.unique(keys[1] * orders + keys[2], return_inverse=True)
    sums = _sums(keys[0], cell.reshape(-1), y - y.mean(axis=0), dilemmas, len(cells))
    layout = _layout(sums, cells // orders, cells % orders)
    why = layout.defect
    if not why:
        values, totals = _components(sums, layout, np.ones((1, dilemmas)))
        total = float(totals[0])
        if not total > 1e-12 * max(float((y**2).mean()), 1e-300):
            why = "the answers do not vary"
    if why:
        nothing = tuple(VarianceShare((part,), undefined()) for part in PARTS)
        return VarianceShares(nothing, dict.fromkeys(PARTS, why), NAN, dilemmas, len(y))
    drawn = [
        # A resample in which all answers are alike has no shares.
        part / np.where(whole > 0, whole, np.nan)[:, None]
        for part, whole in (_components(sums, layout, each) for each in _resamples(sums, draws))
    ]
    resampled = np.concatenate([np.empty((0, len(layout.groups))), *drawn])
    # The largest variance that two answers of this kind can have: 1 for two choices, as of one-hot
    # columns only two can differ at a time.
    reach = float(np.sort(np.ptp(y, axis=0) ** 2)[-2:].sum() / 2) / total
    shares = []
    for column, parts in enumerate(layout.groups):
        share = float(values[0, column]) / total
        ends = percentile(resampled[:, column], dilemmas)
        if ends.high - ends.low < 1e-9:
            half = reach * wilson(0.0, dilemmas).high
            ends = Interval(share - half, share + half)
        shares.append(VarianceShare(parts, Quantity(share, ends.low, ends.high, n=dilemmas)))
    return VarianceShares(tuple(shares), layout.reasons, total, dilemmas, len(y))


def _refuse_repeats(keys: Ints, rank: Ints) -> None:
    same = (keys[:, rank][:, 1:] == keys[:, rank][:, :-1]).all(axis=0)
    if same.any():
        place = int(np.argmax(same))
        first, second = sorted((int(rank[place]), int(rank[place + 1])))
        raise InputError(
            f"row {second} has the dilemma, wording, order and epoch of row {first}: one answer "
            "listed twice, or repetitions that need epochs of their own"
        )


class _Sums(NamedTuple):
    """Sums of the answers by dilemma; M cells of wording and order.

    Attributes:
        sizes: Number of answers, shape (G, M).
        totals: Sums of outcomes, shape (G, M, K).
        squares: Sums of squared lengths, shape (G, M).
        products: Products of sums of all pairs of cells, shape (G, M, M).
        pairs: Numbers of answers in those products, shape (G, M, M).
    """

    sizes: Floats
    totals: Floats
    squares: Floats
    products: Floats
    pairs: Floats


class _Layout(NamedTuple):
    """The parts that a design identifies.

    Attributes:
        groups: The parts that go together.
        reasons: Why, for each part that is not alone.
        wording: Wording of each cell, shape (M,).
        order: Order of each cell, shape (M,).
        crossed: All wordings meet all orders, and all these cells meet within dilemmas.
        repeated: Every cell holds repetitions.
        defect: Why nothing is identified at all, or empty.
    """

    groups: tuple[tuple[Part, ...], ...]
    reasons: dict[Part, str]
    wording: Ints
    order: Ints
    crossed: bool
    repeated: bool
    defect: str


def _sums(dilemma: Ints, cell: Ints, y: Floats, dilemmas: int, cells: int) -> _Sums:
    """Add the outcomes y about their mean, shape (n, K), up by dilemma and cell."""
    place, length = dilemma * cells + cell, dilemmas * cells

    def added(weights: Floats) -> Floats:
        flat: Floats = np.bincount(place, weights=weights, minlength=length).astype(np.float64)
        return flat.reshape(dilemmas, cells)

    sizes = added(np.ones(len(y)))
    totals = np.stack([added(column) for column in y.T], axis=2)
    return _Sums(
        sizes=sizes,
        totals=totals,
        squares=added((y**2).sum(axis=1)),
        products=totals @ totals.transpose(0, 2, 1),
        pairs=sizes[:, :, None] * sizes[:, None, :],
    )


def _layout(sums: _Sums, wording: Ints, order: Ints) -> _Layout:
    """Return the parts that a design identifies, from each cell's wording and order, shape (M,)."""
    cells, wordings, orders = len(wording), len(np.unique(wording)), len(np.unique(order))
    within = sums.pairs.sum(axis=0)
    met = bool((within[~np.eye(cells, dtype=bool)] > 0).all())
    crossed = met and 1 < cells == wordings * orders
    repeated = bool((sums.sizes > 1).any(axis=0).all())
    each = sums.sizes.sum(axis=0)
    defect = "" if (each[:, None] * each > within).all() else "no two dilemmas share a cell"
    if len(sums.sizes) < 2:
        defect = "there is one dilemma only"

    groups: list[list[Part]]
    if not crossed:
        groups = [["dilemma", "wording", "order", "joint"]]
        why = "wordings and orders are not crossed within dilemmas"
        if cells == 1:
            why = "only one wording and one order were asked"
    elif wordings == 1:
        why, groups = "only one wording was asked", [["dilemma", "wording"], ["order", "joint"]]
    elif orders == 1:
        why, groups = "only one order was asked", [["dilemma", "order"], ["wording", "joint"]]
    else:
        why, groups = "", [["dilemma"], ["wording"], ["order"], ["joint"]]
    reasons = dict.fromkeys((part for group in groups if len(group) > 1 for part in group), why)
    if repeated:
        groups.append(["repetition"])
    else:
        # Pairs of one wording are then of opposite orders, whose pulls are opposite too.
        mixed = [*(part for group in groups if _SWAYED & {*group} for part in group), "repetition"]
        groups = [group for group in groups if not _SWAYED & {*group}]
        groups.append([part for part in PARTS if part in mixed])
        for part in groups[-1]:
            reasons.setdefault(part, "not every wording and order was asked again of a dilemma")
    if len(groups) == 1:
        defect = defect or "; ".join(dict.fromkeys(reasons.values()))
    groups.sort(key=lambda group: PARTS.index(group[0]))
    together = tuple(tuple(group) for group in groups)
    return _Layout(together, reasons, wording, order, crossed, repeated, defect)


def _components(sums: _Sums, layout: _Layout, weights: Floats) -> tuple[Floats, Floats]:
    """Return the components of resamples that hold each dilemma so many times.

    Args:
        sums: Of the answers.
        layout: Of the parts that they identify.
        weights: Shape (b, G).

    Returns:
        Components by group, shape (b, groups), and their total, shape (b,); NaN where a resample
        lacks pairs that the answers have.
    """

    def added(values: Floats, by: Floats = weights) -> Floats:
        return (by @ values.reshape(len(values), -1)).reshape(len(weights), *values.shape[1:])

    # Pairs within a dilemma, an answer being no pair with itself; then pairs of two dilemmas.
    alone = np.eye(len(layout.wording))
    products, pairs = added(sums.products), added(sums.pairs)
    itself, each, total = added(sums.squares), added(sums.sizes), added(sums.totals)
    apart = total @ total.transpose(0, 2, 1) - added(sums.products, weights**2)
    apart_pairs = each[:, :, None] * each[:, None, :] - added(sums.pairs, weights**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        others = pairs - each[:, :, None] * alone
        same = np.where(others > 0, (products - itself[:, :, None] * alone) / others, NAN)
        between = np.where(apart_pairs > 0, apart / apart_pairs, NAN)
        length = np.where(each > 0, itself / each, NAN).mean(axis=1)

    def mean(values: Floats, mask: Bools) -> Floats:
        result: Floats = values[:, mask].mean(axis=1)
        return result

    wording = layout.wording[:, None] == layout.wording
    order = layout.order[:, None] == layout.order
    full = layout.crossed and not wording.all() and not order.all()
    # With one wording there is no other, and where nothing is crossed all pairs count.
    other = ~wording if layout.crossed and not wording.all() else np.ones_like(wording)
    ground = mean(between, other)
    whole = length - ground
    known: dict[Part, Floats] = {}
    if layout.crossed:
        known["dilemma"] = mean(same, other) - ground
    if full:
        known["order"] = mean(same, other & order) - mean(same, other)
    if full and layout.repeated:
        known["wording"] = mean(same, wording) - mean(same, other)
    if layout.repeated:
        known["repetition"] = length - mean(same, wording & order)
    # No group holds two of these, and one group none.
    rest: Floats = whole - sum(known.values())
    found = [
        next((known[part] for part in group if part in known), rest) for group in layout.groups
    ]
    return np.stack(found, axis=1), whole


def _resamples(sums: _Sums, draws: int) -> Iterator[Floats]:
    """Yield resamples in blocks small enough for their products of cells."""
    wide = sums.totals.shape[1] * max(sums.totals.shape[1:])
    for _, weights in weight_blocks(len(sums.sizes), draws):
        for rows in blocks(len(weights), wide):
            yield weights[rows]
