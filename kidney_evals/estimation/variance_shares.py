"""Variance components of answers: dilemma, wording, order and repetition.

The components are differences between mean products of two answers, as in the method of moments. C
is the mean product over pairs of answers to one dilemma, B over pairs of answers to different
dilemmas. "Other" means different wordings, "any" the mean over same and different orders.

    dilemma     C(other wording, any order) - B(other wording, any order)
    wording     C(same wording, any order) - C(other wording, any order)
    order       C(other wording, same order) - C(other wording, any order)
    repetition  mean square of one answer - C(same wording, same order)

The shares are those of the variance of an answer, mean square - B. The rest of this variance, which
has no share here, is the effect of one wording in one order of a dilemma beyond wording and order.
Sampling errors of different answers are independent, so every component is unbiased without an
assumed distribution (Henderson 1953).

Wording is a random factor; order is a fixed factor with two levels. The order has opposite effects
on a dilemma in its two orders, so pairs of opposite orders alone would subtract its effect from the
dilemma and count it twice for the order. The components of wording and order include main effects
and interactions with the dilemma. With two wordings the share of the order is negative if its
effect has opposite signs in the two wordings, and the share of the dilemma is negative if answers
to the two wordings are opposite.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks, intervals
from kidney_evals.estimation._fit import cluster_sums
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import DRAWS, NAN, Interval
from kidney_evals.estimation.quantity import Quantity, undefined

Part = Literal["dilemma", "wording", "order", "repetition"]
"""A source of the variance of answers."""

PARTS: tuple[Part, ...] = get_args(Part)

_NOT_CROSSED = "wordings, orders and repetitions are not crossed within dilemmas"


class VarianceShares(NamedTuple):
    """How the variance of an answer divides into parts.

    Attributes:
        shares: Share of the variance by part, for the parts that the design identifies. A share is
            unbiased, so it may be negative if the true share is near 0. `n` counts dilemmas.
        reasons: By part without a share, why it has none.
        total: Variance of an answer, with equal weights for all cells of wording and order, summed
            over the columns of outcomes; NaN if nothing is identified.
    """

    shares: Mapping[Part, Quantity]
    reasons: Mapping[Part, str]
    total: float

    def share(self, part: Part) -> Quantity:
        """Return the share of one part, NaN with n = 0 where it is not identified."""
        return self.shares.get(part, undefined())


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
    repeatedly, fully crossed. Without repetitions, only dilemma and order are identified; with
    repetitions but without this crossing, only repetition. The total is the variance among the
    wordings and orders that were asked. No part has a share if all answers are alike or there are
    fewer than two dilemmas.

    The interval resamples dilemmas, for the given wordings. Pairs of copies of one dilemma in a
    resample do not count as pairs of different dilemmas. If all resamples are equal, the half width
    is derived from Wilson's interval of a zero count among the dilemmas.

    Args:
        dilemma: Label of each answer's dilemma, shape (n,).
        wording: Label of each answer's wording, shape (n,).
        order: Label of the order in which the patients were shown, shape (n,).
        epoch: Label of the repetition, shape (n,).
        outcomes: The answers in terms of the dilemma as listed, from `one_hot` or as numbers in one
            column, shape (n, columns). Components are summed over columns.
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
    if (keys[:, 1:] == keys[:, :-1]).all(axis=0).any():
        raise InputError(
            "two answers have one dilemma, wording, order and epoch: number the epochs"
        )
    dilemmas = coded[0][1]
    design = _Design(keys, y - y.mean(axis=0))
    values, totals = design.components(np.ones((1, dilemmas)))
    total, why = float(totals[0]), design.defect
    if not why and not total > 1e-12 * max(float((y**2).mean()), 1e-300):
        why = "the answers do not vary"
    if why:
        return VarianceShares({}, dict.fromkeys(PARTS, why), NAN)
    # The largest variance of such answers: 1 for choices, since at most two one-hot columns differ
    # between two answers.
    reach = float(np.sort(np.ptp(y, axis=0) ** 2)[-2:].sum() / 2) / total
    drawn = list(design.resampled(draws))
    shares: dict[Part, Quantity] = {}
    for part, value in values.items():
        share = float(value[0]) / total
        resampled = np.concatenate([np.empty(0), *(one[part] for one in drawn)])
        ends = intervals.percentile(resampled, dilemmas)
        if ends.high - ends.low < 1e-9:
            half = reach * intervals.wilson(0.0, dilemmas).high
            ends = Interval(share - half, share + half)
        shares[part] = Quantity(share, *ends, n=dilemmas)
    reasons = {part: _NOT_CROSSED for part in PARTS if part not in shares}
    return VarianceShares(shares, reasons, total)


def _products(values: Floats) -> Floats:
    """Return the inner products of all pairs of cells, (..., M, M), of values (..., M, K)."""
    return np.asarray(values @ np.swapaxes(values, -1, -2))


class _Design:
    """Sums of answers by dilemma and cell of wording and order, and the parts that they identify.

    `sizes` are numbers of answers, (G, M), `totals` sums of outcomes, (G, M, K), and `squares` of
    squared outcomes, (G, M). `wording` and `order` say whether two cells agree in them, (M, M);
    `crossed` whether all wordings occur in all orders, and all these cells within dilemmas.
    `defect` is the reason why nothing is identified, or empty.
    """

    def __init__(self, keys: Ints, y: Floats) -> None:
        """Take the codes of dilemma, wording and order, (3 or more, n), and centred outcomes."""
        dilemma, wording, order = keys[:3]
        count, orders = int(dilemma.max()) + 1, int(order.max()) + 1
        codes, cell = np.unique(wording * orders + order, return_inverse=True)
        cells = len(codes)
        place = dilemma * cells + cell.reshape(-1)
        ones = np.ones(len(y))
        columns = np.column_stack([ones, (y**2).sum(axis=1), y])
        sums = cluster_sums(columns, place, count * cells).reshape(count, cells, -1)
        self.sizes, self.squares, self.totals = sums[..., 0], sums[..., 1], sums[..., 2:]
        self.wording = codes[:, None] // orders == codes // orders
        self.order = codes[:, None] % orders == codes % orders
        within = self.sizes.T @ self.sizes
        met = bool((within[~np.eye(cells, dtype=bool)] > 0).all())
        complete = cells == len(np.unique(codes // orders)) * len(np.unique(codes % orders))
        self.crossed = met and complete and cells > 1
        self.repeated = bool((self.sizes > 1).any(axis=0).all())
        self.full = self.crossed and not self.wording.all() and not self.order.all()
        each = self.sizes.sum(axis=0)
        self.defect = ""
        if count < 2:
            self.defect = "there is one dilemma only"
        elif not (each[:, None] * each > within).all():
            self.defect = "no two dilemmas share a cell"
        elif not self.full and not self.repeated:
            self.defect = _NOT_CROSSED

    def components(self, weights: Floats) -> tuple[dict[Part, Floats], Floats]:
        """Return the identified components, (b,) each, and their total, (b,), in resamples.

        `weights`, (b, G), is how often each dilemma is in each resample. A component is NaN if a
        resample lacks a kind of pairs that the answers contain.
        """

        def added(values: Floats, by: Floats = weights) -> Floats:
            return (by @ values.reshape(len(values), -1)).reshape(len(weights), *values.shape[1:])

        # Pairs within a dilemma, an answer being no pair with itself; then pairs of two dilemmas.
        alone = np.eye(len(self.order))
        products, pairs = _products(self.totals), _products(self.sizes[:, :, None])
        itself, each = added(self.squares), added(self.sizes)
        apart = _products(added(self.totals)) - added(products, weights**2)
        apart_pairs = _products(each[:, :, None]) - added(pairs, weights**2)
        with np.errstate(invalid="ignore", divide="ignore"):
            others = added(pairs) - each[:, :, None] * alone
            same = np.where(
                others > 0, (added(products) - itself[:, :, None] * alone) / others, NAN
            )
            between = np.where(apart_pairs > 0, apart / apart_pairs, NAN)
            length = np.where(each > 0, itself / each, NAN).mean(axis=1)

        def mean(values: Floats, mask: Bools) -> Floats:
            return np.asarray(values[:, mask].mean(axis=1))

        wording, order = self.wording, self.order
        # With one wording, or if the design is not crossed, pairs of all wordings count.
        other = ~wording if self.crossed and not wording.all() else np.ones_like(wording)
        ground = mean(between, other)
        known: dict[Part, Floats] = {}
        if self.full:
            known["dilemma"] = mean(same, other) - ground
            known["order"] = mean(same, other & order) - mean(same, other)
            if self.repeated:
                known["wording"] = mean(same, wording) - mean(same, other)
        if self.repeated:
            known["repetition"] = length - mean(same, wording & order)
        return known, length - ground

    def resampled(self, draws: int) -> Iterator[dict[Part, Floats]]:
        """Yield the shares in some of the `draws` resamples of the dilemmas, (b,) each."""
        # Blocks small enough for their products of cells.
        wide = self.totals.shape[1] * max(self.totals.shape[1:])
        for _, weights in intervals.weight_blocks(len(self.sizes), draws):
            for rows in intervals.blocks(len(weights), wide):
                values, total = self.components(weights[rows])
                # A resample in which all answers are alike has no shares.
                total = np.where(total > 0, total, np.nan)
                yield {part: value / total for part, value in values.items()}
