"""How much of the variance of answers belongs to the dilemma, wording, order and repetition.

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

Wordings count as drawn from many; the two orders are all there are. What the order does to a
dilemma is one pull, for one patient in one order and for the other in the other, so that answers
in opposite orders disagree by it. To call such pairs the dilemma's share would take the order's
pull off the dilemma and count it twice for the order. The components of wording and order hold
both what they do to single dilemmas and what they do to all of them alike. With two wordings, a
pull of the order that turns round from one to the other shows as a negative share of the order,
and answers that turn round from one wording to the other as one of the dilemma.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._checks import Floats, Ints
from kidney_evals.estimation._variance_components import (
    PARTS,
    Part,
    Sums,
    components,
    layout_of,
    resamples,
    sums_of,
)
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import DRAWS, NAN, Interval, percentile, wilson
from kidney_evals.estimation.quantity import Quantity, undefined

__all__ = ["PARTS", "Part", "VarianceShare", "VarianceShares", "one_hot", "variance_shares"]


class VarianceShare(NamedTuple):
    """Share of the variance of answers that belongs to one part, or to several together.

    Attributes:
        parts: One part, or those which the design cannot tell apart.
        share: Of the total, with its interval over dilemmas. Unbiased and therefore below 0 now
            and then where the truth is near 0. `n` counts dilemmas.
    """

    parts: tuple[Part, ...]
    share: Quantity


@dataclass(frozen=True)
class VarianceShares:
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
    """Return choices (0 first, 1 second, 2 coin) as outcomes, shape (n, 3).

    Raises:
        InputError: Another code.
    """
    n = _checks.length(choices, "choices", 0)
    result: Floats = np.eye(3)[_checks.codes(choices, n, "choices", (0, 1, 2))]
    return result


def variance_shares(
    dilemma: ArrayLike,
    wording: ArrayLike,
    order: ArrayLike,
    epoch: ArrayLike,
    outcomes: ArrayLike,
    *,
    draws: int = DRAWS,
) -> VarianceShares:
    """Split the variance of answers over what was varied.

    Everything is identified where each dilemma is asked in two wordings or more, both orders, and
    some repetition, all crossed (50 dilemmas x 2 x 2 x 2). Otherwise parts are put together that
    the design cannot tell apart, and `reasons` says why. A share is always one of the variance
    among the wordings and orders that were asked: what one wording does to all dilemmas alike is
    not in the total where there is one wording only. Intervals say what other dilemmas would have
    given with these wordings.

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

    Raises:
        InputError: Wrong shapes, no answers, a row that is not finite, or one that repeats the
            dilemma, wording, order and epoch of another.
    """
    y = _checks.matrix(outcomes, "outcomes")
    if y.shape[1] == 0:
        raise InputError(f"outcomes must have one column or more, not {y.shape}")
    draws = _checks.whole(draws, "draws", 0)
    labels = [
        _checks.groups(values, len(y), name)
        for name, values in (
            ("dilemma", dilemma), ("wording", wording), ("order", order), ("epoch", epoch)
        )
    ]  # fmt: skip
    keys = np.stack([index for index, _ in labels])
    # Sorted, so that the order of answers cannot change a digit.
    rank = np.lexsort(keys[::-1])
    _refuse_repeats(keys, rank)
    keys, y = keys[:, rank], y[rank]
    cells, cell = np.unique(keys[1] * labels[2][1] + keys[2], return_inverse=True)
    sums = sums_of(keys[0], cell.reshape(-1), y - y.mean(axis=0), labels[0][1], len(cells))
    layout = layout_of(sums, cells // labels[2][1], cells % labels[2][1])
    if layout.defect:
        return _nothing(layout.defect, sums, len(y))

    values, totals = components(sums, layout, np.ones((1, sums.dilemmas)))
    total = float(totals[0])
    if not total > 1e-12 * max(float((y**2).mean()), 1e-300):
        return _nothing("the answers do not vary", sums, len(y))
    drawn = [
        # A resample in which all answers are alike has no shares.
        part / np.where(whole > 0, whole, np.nan)[:, None]
        for part, whole in (components(sums, layout, weights) for weights in resamples(sums, draws))
    ]
    resampled = np.concatenate([np.empty((0, len(layout.groups))), *drawn])
    reach = _reach(y) / total
    shares = []
    for column, parts in enumerate(layout.groups):
        share = float(values[0, column]) / total
        ends = _ends(resampled[:, column], share, sums.dilemmas, reach)
        shares.append(VarianceShare(parts, Quantity(share, ends.low, ends.high, n=sums.dilemmas)))
    return VarianceShares(tuple(shares), layout.reasons, total, sums.dilemmas, len(y))


def _refuse_repeats(keys: Ints, rank: Ints) -> None:
    same = (keys[:, rank][:, 1:] == keys[:, rank][:, :-1]).all(axis=0)
    if same.any():
        place = int(np.argmax(same))
        first, second = sorted((int(rank[place]), int(rank[place + 1])))
        raise InputError(
            f"row {second} has the dilemma, wording, order and epoch of row {first}: one answer "
            "listed twice, or repetitions that need epochs of their own"
        )


def _ends(drawn: Floats, share: float, dilemmas: int, reach: float) -> Interval:
    ends = percentile(drawn, dilemmas)
    if ends.high - ends.low < 1e-9:
        half = reach * wilson(0.0, dilemmas).high
        return Interval(share - half, share + half)
    return ends


def _reach(y: Floats) -> float:
    """The largest variance that two answers of this kind can have: 1 for two choices."""
    # Of one-hot columns only two can differ at a time.
    return float(np.sort(np.ptp(y, axis=0) ** 2)[-2:].sum() / 2)


def _nothing(why: str, sums: Sums, n: int) -> VarianceShares:
    return VarianceShares(
        shares=tuple(VarianceShare((part,), undefined()) for part in PARTS),
        reasons=dict.fromkeys(PARTS, why),
        total=NAN,
        dilemmas=sums.dilemmas,
        n=n,
    )
