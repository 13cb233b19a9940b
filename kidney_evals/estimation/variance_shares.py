"""Variance components of answers: dilemma, wording, order and repetition.

The components are differences between mean products of two answers, as in the method of moments. C
is the mean product over pairs of answers to one dilemma, B over pairs of answers to different
dilemmas. "Other" means different wordings, "any" the mean over same and different orders.

    dilemma     C(other wording, any order) - B(other wording, any order)
    wording     C(same wording, any order) - C(other wording, any order)
    order       C(other wording, same order) - C(other wording, any order)
    joint       the rest of C(same wording, same order)
    repetition  mean square of one answer - C(same wording, same order)

They sum to mean square - B, the variance of an answer. The sampling errors of two different answers
are independent, so every component is unbiased, and no distribution is assumed (as in Henderson,
Biometrics 1953).

Wording is a random factor; order is a fixed factor with two levels. The order has opposite effects
on a dilemma in its two orders, so the component of the dilemma is computed from pairs of both
orders: pairs of opposite orders alone would subtract the effect of the order from the dilemma and
count it twice for the order. The components of wording and order include main effects and
interactions with the dilemma. With two wordings the share of the order is negative if its effect
has opposite signs in the two wordings, and the share of the dilemma is negative if answers to the
two wordings are opposite.
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
"""Parts that are identified separately from repetition only if wording and order are repeated."""


class VarianceShare(NamedTuple):
    """Share of the variance of answers that belongs to one part, or to several together.

    Attributes:
        parts: One part, or several parts that the design does not separate.
        share: Share of the total, with its interval over dilemmas. The estimate is unbiased and may
            be negative if the true share is near 0. `n` counts dilemmas.
    """

    parts: tuple[Part, ...]
    share: Quantity


class VarianceShares(NamedTuple):
    """Shares of all parts.

    Attributes:
        shares: Shares in the order of `PARTS`, each part in exactly one of them; they sum to 1 if
            defined.
        reasons: By part, why the part has no share of its own; all other parts are identified.
        total: Variance of an answer, with equal weights for all cells of wording and order, summed
            over the K columns of outcomes; NaN if nothing is identified.
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

    All parts are identified if each dilemma is asked in two wordings or more, in both orders and
    repeatedly, fully crossed (50 dilemmas x 2 x 2 x 2). Otherwise parts that the design does not
    separate have one share, and `reasons` gives the reason. The total is the variance among the
    wordings and orders that were asked: with a single wording its main effect is not included.

    The interval resamples dilemmas, for the given wordings. Pairs of copies of one dilemma in a
    resample do not count as pairs of different dilemmas. If all resamples are equal, the half width
    is derived from Wilson's interval of 0 in G dilemmas.

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
    # The largest variance of such answers: 1 for choices, since at most two one-hot columns differ
    # between two answers.
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
        groups: Groups of parts that the design does not separate.
        reasons: By part, why it is not in a group of its own.
        wording: Wording of each cell, shape (M,).
        order: Order of each cell, shape (M,).
        crossed: Whether all wordings occur in all orders, and all these cells within dilemmas.
        repeated: Whether every cell has repetitions.
        defect: Why no part is identified, or empty.
    """

    groups: tuple[tuple[Part, ...], ...]
    reasons: dict[Part, str]
    wording: Ints
    order: Ints
    crossed: bool
    repeated: bool
    defect: str


def _sums(dilemma: Ints, cell: Ints, y: Floats, dilemmas: int, cells: int) -> _Sums:
    """Return sums of the centred outcomes y, shape (n, K), by dilemma and cell."""
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
        # Pairs of one wording are then of opposite orders, in which the order has opposite effects.
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
    """Return the components in resamples of the dilemmas.

    Args:
        sums: Sums of the answers.
        layout: The parts that the design identifies.
        weights: How often each dilemma is in each resample, shape (b, G).

    Returns:
        Components by group, shape (b, groups), and their total, shape (b,); NaN if a resample lacks
        a kind of pairs that the answers contain.
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
    # No group contains two of these parts, and one group contains none.
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
