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

from collections.abc import Mapping
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

_UNREPEATED: set[Part] = {"wording", "joint", "repetition"}
"""Parts that are identified separately only if wording and order are repeated."""


class VarianceShare(NamedTuple):
    """Share of the variance of answers that belongs to one part, or to several together.

    The share is unbiased, so it may be negative if the true share is near 0. The interval is over
    dilemmas, which `n` counts.
    """

    parts: tuple[Part, ...]
    share: Quantity


class VarianceShares(NamedTuple):
    """Shares of all parts.

    Attributes:
        shares: Shares in the order of `PARTS`, each part in exactly one of them; they sum to 1.
        reasons: By part, why the part has no share of its own; all other parts are identified.
        total: Variance of an answer, with equal weights for all cells of wording and order, summed
            over the columns of outcomes; NaN if nothing is identified.
    """

    shares: tuple[VarianceShare, ...]
    reasons: Mapping[Part, str]
    total: float

    def share(self, part: Part) -> Quantity:
        """Return the share of one part, NaN with n = 0 where it is not identified."""
        return dict(self.shares).get((part,), undefined())


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
    repeatedly, fully crossed. Otherwise parts that the design does not separate have one share, and
    `reasons` gives the reason. The total is the variance among the wordings and orders that were
    asked: with a single wording its main effect is not included.

    The interval resamples dilemmas, for the given wordings. Pairs of copies of one dilemma in a
    resample do not count as pairs of different dilemmas. If all resamples are equal, the half width
    is derived from Wilson's interval of 0 in G dilemmas. NaN where all answers are alike or there
    are fewer than two dilemmas.

    Args:
        dilemma: Label of each answer's dilemma, shape (n,).
        wording: Label of its wording, shape (n,).
        order: Label of the order in which the patients were shown, shape (n,).
        epoch: Label of the repetition, shape (n,).
        outcomes: The answer in terms of the dilemma as listed, shape (n, K): from `one_hot`, or a
            number in one column. Components are summed over columns.
        draws: Number of resamples.
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
    keys, y = keys[:, rank], y[rank]
    _refuse_repeats(keys, rank)
    dilemmas, orders = coded[0][1], coded[2][1]
    cells, cell = np.unique(keys[1] * orders + keys[2], return_inverse=True)
    sums = _sums(keys[0], cell.reshape(-1), y - y.mean(axis=0), dilemmas, len(cells))
    layout = _layout(sums, cells // orders, cells % orders)
    values, totals = _components(sums, layout, np.ones((1, dilemmas)))
    total, why = float(totals[0]), layout.defect
    if not why and not total > 1e-12 * max(float((y**2).mean()), 1e-300):
        why = "the answers do not vary"
    if why:
        nothing = tuple(VarianceShare((part,), undefined()) for part in PARTS)
        return VarianceShares(nothing, dict.fromkeys(PARTS, why), NAN)
    # The largest variance of such answers: 1 for choices, since at most two one-hot columns differ
    # between two answers.
    reach = float(np.sort(np.ptp(y, axis=0) ** 2)[-2:].sum() / 2) / total
    drawn = _resampled(sums, layout, draws)
    shares = []
    for column, parts in enumerate(layout.groups):
        share = float(values[0, column]) / total
        ends = percentile(drawn[:, column], dilemmas)
        if ends.high - ends.low < 1e-9:
            half = reach * wilson(0.0, dilemmas).high
            ends = Interval(share - half, share + half)
        shares.append(VarianceShare(parts, Quantity(share, *ends, n=dilemmas)))
    return VarianceShares(tuple(shares), layout.reasons, total)


def _refuse_repeats(keys: Ints, rank: Ints) -> None:
    """Raise `InputError` if two of the sorted answers have equal keys, (4, n)."""
    same = (keys[:, 1:] == keys[:, :-1]).all(axis=0)
    if same.any():
        first, second = sorted(rank[np.argmax(same) :][:2].tolist())
        raise InputError(
            f"row {second} has the dilemma, wording, order and epoch of row {first}: one answer "
            "listed twice, or repetitions that need epochs of their own"
        )


class _Sums(NamedTuple):
    """Sums by dilemma and cell of wording and order: of ones, outcomes and squared lengths."""

    sizes: Floats  # (G, M)
    totals: Floats  # (G, M, K)
    squares: Floats  # (G, M)


def _sums(dilemma: Ints, cell: Ints, y: Floats, dilemmas: int, cells: int) -> _Sums:
    place, length = dilemma * cells + cell, dilemmas * cells

    def added(weights: Floats) -> Floats:
        flat: Floats = np.bincount(place, weights=weights, minlength=length).astype(np.float64)
        return flat.reshape(dilemmas, cells)

    totals = np.stack([added(column) for column in y.T], axis=2)
    return _Sums(added(np.ones(len(y))), totals, added((y**2).sum(axis=1)))


def _products(values: Floats) -> Floats:
    """Return the inner products of all pairs of cells, (..., M, M), of values (..., M, K)."""
    return np.asarray(values @ np.swapaxes(values, -1, -2))


class _Layout(NamedTuple):
    """The parts that a design identifies; `defect` says why there are none, or is empty.

    `groups` holds the parts that the design does not separate. `crossed`: all wordings occur in all
    orders, and all these cells within dilemmas. `wording` and `order` of two cells agree, (M, M).
    """

    groups: list[tuple[Part, ...]]
    reasons: dict[Part, str]
    defect: str
    crossed: bool
    repeated: bool
    wording: Bools
    order: Bools


def _layout(sums: _Sums, wording: Ints, order: Ints) -> _Layout:
    """Return the parts that a design identifies, from the wording and order of each cell, (M,)."""
    cells, wordings, orders = len(wording), len(np.unique(wording)), len(np.unique(order))
    within = sums.sizes.T @ sums.sizes
    met = bool((within[~np.eye(cells, dtype=bool)] > 0).all())
    crossed = met and 1 < cells == wordings * orders
    repeated = bool((sums.sizes > 1).any(axis=0).all())
    groups: list[set[Part]]
    if not crossed:
        groups = [{"dilemma", "wording", "order", "joint"}]
        why = "wordings and orders are not crossed within dilemmas"
        if cells == 1:
            why = "only one wording and one order were asked"
    elif wordings == 1:
        why, groups = "only one wording was asked", [{"dilemma", "wording"}, {"order", "joint"}]
    elif orders == 1:
        why, groups = "only one order was asked", [{"dilemma", "order"}, {"wording", "joint"}]
    else:
        why, groups = "", [{"dilemma"}, {"wording"}, {"order"}, {"joint"}]
    reasons = dict.fromkeys((part for group in groups if len(group) > 1 for part in group), why)
    groups.append({"repetition"})
    if not repeated:
        # Pairs of one wording are then of opposite orders, in which the order has opposite effects.
        mixed = set[Part]().union(*(group for group in groups if group & _UNREPEATED))
        groups = [*(group for group in groups if not group & _UNREPEATED), mixed]
        for part in mixed:
            reasons.setdefault(part, "not every wording and order was asked again of a dilemma")
    ordered = [tuple(part for part in PARTS if part in group) for group in groups]
    ordered.sort(key=lambda group: PARTS.index(group[0]))
    each = sums.sizes.sum(axis=0)
    defect = "; ".join(dict.fromkeys(reasons.values())) if len(groups) == 1 else ""
    if not (each[:, None] * each > within).all():
        defect = "no two dilemmas share a cell"
    if len(sums.sizes) < 2:
        defect = "there is one dilemma only"
    alike = wording[:, None] == wording, order[:, None] == order
    return _Layout(ordered, reasons, defect, crossed, repeated, *alike)


def _components(sums: _Sums, layout: _Layout, weights: Floats) -> tuple[Floats, Floats]:
    """Return the components by group, (b, groups), and their total, (b,), in resamples.

    `weights`, (b, G), is how often each dilemma is in each resample. A component is NaN if a
    resample lacks a kind of pairs that the answers contain.
    """

    def added(values: Floats, by: Floats = weights) -> Floats:
        return (by @ values.reshape(len(values), -1)).reshape(len(weights), *values.shape[1:])

    # Pairs within a dilemma, an answer being no pair with itself; then pairs of two dilemmas.
    alone = np.eye(len(layout.order))
    products, pairs = _products(sums.totals), _products(sums.sizes[:, :, None])
    itself, each = added(sums.squares), added(sums.sizes)
    apart = _products(added(sums.totals)) - added(products, weights**2)
    apart_pairs = _products(each[:, :, None]) - added(pairs, weights**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        others = added(pairs) - each[:, :, None] * alone
        same = np.where(others > 0, (added(products) - itself[:, :, None] * alone) / others, NAN)
        between = np.where(apart_pairs > 0, apart / apart_pairs, NAN)
        length = np.where(each > 0, itself / each, NAN).mean(axis=1)

    def mean(values: Floats, mask: Bools) -> Floats:
        return np.asarray(values[:, mask].mean(axis=1))

    wording, order = layout.wording, layout.order
    full = layout.crossed and not wording.all() and not order.all()
    # With one wording, or if the design is not crossed, pairs of all wordings count.
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
    columns = [
        next((known[part] for part in group if part in known), rest) for group in layout.groups
    ]
    return np.stack(columns, axis=1), whole


def _resampled(sums: _Sums, layout: _Layout, draws: int) -> Floats:
    """Return the shares in resamples of the dilemmas, shape (draws, groups)."""
    # Blocks small enough for their products of cells.
    wide = sums.totals.shape[1] * max(sums.totals.shape[1:])
    found = [np.empty((0, len(layout.groups)))]
    for _, weights in weight_blocks(len(sums.sizes), draws):
        for rows in blocks(len(weights), wide):
            values, total = _components(sums, layout, weights[rows])
            # A resample in which all answers are alike has no shares.
            found.append(values / np.where(total > 0, total, np.nan)[:, None])
    return np.concatenate(found)
