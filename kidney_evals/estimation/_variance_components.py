"""Components of the variance of answers, and which of them a design identifies.

The formulas, and what they rest on, stand at the top of `variance_shares`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation._checks import Floats, Ints
from kidney_evals.estimation.intervals import NAN, blocks, weight_blocks

Part = Literal["dilemma", "wording", "order", "joint", "repetition"]
"""`joint` is what one wording does in one order of a dilemma, beyond wording and order."""

PARTS: tuple[Part, ...] = ("dilemma", "wording", "order", "joint", "repetition")

_SWAYED: set[Part] = {"wording", "joint"}
"""Parts that take pairs of the same wording and order to be told from repetition."""


class Sums(NamedTuple):
    """What the components are made of, by dilemma; M cells of wording and order.

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

    @property
    def dilemmas(self) -> int:
        """Number of dilemmas G."""
        return len(self.sizes)


class Layout(NamedTuple):
    """What a design identifies.

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


def sums_of(dilemma: Ints, cell: Ints, y: Floats, dilemmas: int, cells: int) -> Sums:
    """Add answers up by dilemma and cell.

    Args:
        dilemma: Place of each answer's dilemma, shape (n,).
        cell: Place of its cell, shape (n,).
        y: Outcomes about their mean, shape (n, K).
        dilemmas: Number of dilemmas G.
        cells: Number of cells M.
    """
    place, length = dilemma * cells + cell, dilemmas * cells

    def added(weights: Floats) -> Floats:
        flat: Floats = np.bincount(place, weights=weights, minlength=length).astype(np.float64)
        return flat.reshape(dilemmas, cells)

    sizes = added(np.ones(len(y)))
    totals = np.stack([added(column) for column in y.T], axis=2)
    return Sums(
        sizes=sizes,
        totals=totals,
        squares=added((y**2).sum(axis=1)),
        products=totals @ totals.transpose(0, 2, 1),
        pairs=sizes[:, :, None] * sizes[:, None, :],
    )


def layout_of(sums: Sums, wording: Ints, order: Ints) -> Layout:
    """Say what a design identifies, from the wording and the order of each cell, shape (M,)."""
    cells, wordings, orders = len(wording), len(np.unique(wording)), len(np.unique(order))
    within = sums.pairs.sum(axis=0)
    met = bool((within[~np.eye(cells, dtype=bool)] > 0).all())
    crossed = met and 1 < cells == wordings * orders
    repeated = bool((sums.sizes > 1).any(axis=0).all())
    each = sums.sizes.sum(axis=0)
    defect = "" if (each[:, None] * each > within).all() else "no two dilemmas share a cell"
    if sums.dilemmas < 2:
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
    return Layout(
        groups=tuple(tuple(group) for group in groups),
        reasons=reasons,
        wording=wording,
        order=order,
        crossed=crossed,
        repeated=repeated,
        defect=defect,
    )


def components(sums: Sums, layout: Layout, weights: Floats) -> tuple[Floats, Floats]:
    """Components of resamples that hold each dilemma so many times.

    Args:
        sums: The answers.
        layout: What they identify.
        weights: Shape (b, G).

    Returns:
        Components by group, shape (b, groups), and their total, shape (b,); NaN where a resample
        lacks pairs that the answers have.
    """
    draws, cells = len(weights), len(layout.wording)
    shape = (draws, cells, cells)

    def added(values: Floats, by: Floats) -> Floats:
        return (by @ values.reshape(len(values), -1)).reshape(draws, *values.shape[1:])

    # Pairs within a dilemma, an answer being no pair with itself; then pairs of two dilemmas.
    alone = np.eye(cells)
    products, pairs = added(sums.products, weights), added(sums.pairs, weights)
    itself, each = added(sums.squares, weights), added(sums.sizes, weights)
    total = added(sums.totals, weights)
    apart = total @ total.transpose(0, 2, 1) - added(sums.products, weights**2)
    apart_pairs = each[:, :, None] * each[:, None, :] - added(sums.pairs, weights**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        others = pairs - each[:, :, None] * alone
        same = np.where(others > 0, (products - itself[:, :, None] * alone) / others, NAN)
        between = np.where(apart_pairs > 0, apart / apart_pairs, NAN).reshape(shape)
        length = np.where(each > 0, itself / each, NAN).mean(axis=1)

    def mean(values: Floats, mask: NDArray[np.bool_]) -> Floats:
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


def resamples(sums: Sums, draws: int) -> Iterator[Floats]:
    """Yield resamples in blocks small enough for their products of cells."""
    wide = sums.totals.shape[1] * max(sums.totals.shape[1:])
    for _, weights in weight_blocks(sums.dilemmas, draws):
        for rows in blocks(len(weights), wide):
            yield weights[rows]
