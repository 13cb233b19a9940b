"""The predictions of a run of `predict_people` and people's answers, as arrays, and their scores.

The scores are squared distances of predictions from people's shares. The true share p_c of an
answer c is unknown; its estimate p̂_c comes from the answers of sixty to a hundred people. For a
prediction q that is independent of these people, E Σ_c (q_c - p̂_c)² = Σ_c (q_c - p_c)² + Σ_c
Var(p̂_c). The variance is subtracted, so that a prediction of the true shares scores 0 on average,
and the observed shares score below 0.

If each order was asked twice or more, the variance of the mean prediction over repetitions is
subtracted too. With one prediction in each order this variance cannot be separated from an effect
of the order: the distance is then an upper bound. Products of the two orders, as in the choice
distance, would favour a model whose predictions have a position bias.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.distance import choice_distance, fixed_distance
from kidney_evals.estimation.indecision import outcome_share
from kidney_evals.estimation.intervals import (
    DRAWS,
    NAN,
    NO_INTERVAL,
    Z95,
    generator,
    mean_interval,
    percentile,
    student,
    weight_rows,
)
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.estimation.respondent_baselines import Answerer, answer_shares
from kidney_evals.measures.registry import AnyRun

Block = Literal["fixed", "drawn"]
"""The fixed questions, or the drawn dilemmas."""

_KEY = 11  # of the random numbers of `redrawn`


@dataclass(frozen=True, eq=False)
class Predictions:
    """A model's n predictions of people's shares of K answers to D dilemmas, and people's shares.

    All dilemmas are of one study. Shares are as listed: first, second and, with a coin, coin. In a
    quantity `n` counts the dilemmas with a prediction, or, if it uses the model's own choices, the
    dilemmas that are `shared`. A quantity is NaN with n = 0 if there are none.
    """

    dilemma: Ints  # index of each prediction's dilemma, (n,)
    order: Ints  # 0 as listed, 1 swapped, (n,)
    shares: Floats  # predicted, (n, K)
    people: Floats  # (D, K)
    draws: NDArray[np.floating]  # of resampled people, jointly over dilemmas, (B, D, K), B ≥ 2
    # People who answered, (D,), 2 or more; None if `people` is a model's, with the variance of
    # `draws`.
    asked: Floats | None
    fixed: bool  # whether the dilemmas are a fixed list, which is not resampled
    elsewhere: Floats | None = None  # predicted from the people of the other study, (D, K)
    # Own choices by dilemma, order and choice as listed, (D, 2, K), 0 for dilemmas without any;
    # None without a log of choices.
    chosen: Ints | None = None
    other_model: bool = False  # whether the log of choices is of another model

    def __post_init__(self) -> None:
        # Sorted, so that results do not depend on the order in which samples finished.
        rank = np.lexsort((*self.shares.T, self.order, self.dilemma))
        for name in ("dilemma", "order", "shares"):
            object.__setattr__(self, name, getattr(self, name)[rank])

    @cached_property
    def sizes(self) -> Ints:
        """Number of predictions by dilemma and order, shape (D, 2)."""
        flat = np.bincount(self.dilemma * 2 + self.order, minlength=2 * len(self.people))
        return flat.reshape(-1, 2)

    @cached_property
    def predicted(self) -> Bools:
        """Which dilemmas have a prediction, shape (D,)."""
        return np.asarray(self.sizes.sum(axis=1) > 0)

    @cached_property
    def by_order(self) -> Floats:
        """Mean prediction by dilemma and order, shape (D, 2, K); NaN without any."""
        total = np.zeros((len(self.people), 2, self.people.shape[1]))
        np.add.at(total, (self.dilemma, self.order), self.shares)
        sizes = self.sizes[:, :, None]
        return np.asarray(total / np.where(sizes > 0, sizes, np.nan))

    @cached_property
    def _weights(self) -> Floats:
        """Weights of the two orders in a mean prediction, equal for those asked, shape (D, 2)."""
        there = self.sizes > 0
        return np.asarray(there / np.maximum(there.sum(axis=1, keepdims=True), 1))

    @cached_property
    def mean(self) -> Floats:
        """Mean prediction, with equal weights for the orders asked, shape (D, K); NaN if none."""
        result: Floats = (self._weights[:, :, None] * np.nan_to_num(self.by_order)).sum(axis=1)
        result[~self.predicted] = np.nan
        return result

    @property
    def _repeated(self) -> Bools:
        """Dilemmas whose every order that was asked has two predictions or more."""
        return np.asarray(self.predicted & (self.sizes != 1).all(axis=1))

    @cached_property
    def noise(self) -> Floats:
        """Variance of the mean prediction over repetitions, summed over answers, shape (D,).

        0 for a dilemma with an order that was asked only once, where the variance is unknown.
        """
        within = self.shares - self.by_order[self.dilemma, self.order]
        squares = np.zeros((len(self.people), 2))
        np.add.at(squares, (self.dilemma, self.order), (within**2).sum(axis=1))
        m = np.maximum(self.sizes, 2)
        variance = (self._weights**2 * squares / (m * (m - 1))).sum(axis=1)
        return np.where(self._repeated, variance, 0.0)

    @cached_property
    def spread(self) -> Floats:
        """Variance of people's shares over `draws`, summed over answers, shape (D,)."""
        return np.asarray(self.draws.var(axis=0, ddof=1, dtype=np.float64).sum(axis=1))

    @cached_property
    def crowd(self) -> Floats:
        """Sampling variance of people's shares, summed over answers, shape (D,).

        Σ_c p_c (1 - p_c) / (n - 1) for the shares p_c of n people; `spread` if n is not known.
        """
        if self.asked is None:
            return self.spread
        return np.asarray((self.people * (1 - self.people)).sum(axis=1) / (self.asked - 1))

    def redrawn(self, draws: int = DRAWS) -> Floats:
        """Return mean predictions with repetitions resampled, shape (draws, D, K).

        The shape is (1, D, K) if no dilemma has repetitions. Of an order's m predictions m - 1 are
        drawn, so that the variance of the mean is unbiased.
        """
        if not self._repeated.any():
            return self.mean[None]
        result = np.repeat(self.mean[None], draws, axis=0)
        for row in np.flatnonzero(self._repeated):
            for side in np.flatnonzero(self.sizes[row]):
                shares = self.shares[(self.dilemma == row) & (self.order == side)]
                m = len(shares)
                picks = generator(_KEY, int(row), int(side)).integers(0, m, size=(draws, m - 1))
                off = shares[picks].mean(axis=1) - shares.mean(axis=0)
                result[:, row] += self._weights[row, side] * off
        return result

    def always(self, shares: Floats) -> Predictions:
        """Return the predictions of a respondent who always predicts `shares`, shape (D, K).

        They are of the dilemmas with a prediction.
        """
        rows = np.flatnonzero(self.predicted)
        return replace(self, dilemma=rows, order=np.zeros_like(rows), shares=shares[rows])

    def always_of(self, answerer: Answerer) -> Predictions:
        """Return the predictions of a respondent who predicts the shares of a simple respondent.

        Args:
            answerer: The simple respondent, such as "majority".

        Raises:
            InputError: The simple respondent is unknown, or needs a coin and there is none.
        """
        return self.always(answer_shares(self.people, answerer))

    @property
    def floor(self) -> Quantity:
        """Expected `distance` of a prediction by the shares of a random half of the people.

        It is twice the mean of `crowd` over the dilemmas with a prediction.
        """
        rows = self.predicted
        value = 2 * float(self.crowd[rows].mean()) if rows.any() else NAN
        return Quantity(value, n=int(rows.sum()))

    @property
    def distance(self) -> Quantity:
        """Mean squared distance of predicted shares from people's shares; `human` is `floor`.

        In each dilemma it is Σ_c [(q_c - p_c)² - Var(q_c) - Var(p_c)], where q_c is the mean
        prediction of answer c and p_c people's share. The interval is for the distance to the true
        shares: people, repetitions and, unless they are a fixed list, dilemmas are resampled. Every
        variance term is subtracted once more, since resampling increases the distance by these
        variances.
        """
        return self._quantity(self._distance)._replace(human=self.floor.value)

    @property
    def skill(self) -> Quantity:
        """1 - `distance` / (`distance` of a uniform prediction).

        1 is expected of the true shares; 0 is guessing.
        """
        return self._quantity(self.skill_draws)

    @property
    def flips(self) -> Quantity:
        """Mean over dilemmas of the predicted coin share; `human` is people's mean share.

        The interval is Student's over drawn dilemmas. On a fixed list repetitions alone are
        resampled, and without repetitions the interval is NaN. There must be a coin.
        """
        rows = self.predicted
        found = _mean_share(self.mean[rows, 2])
        if not found.defined:
            return found
        found = found._replace(human=float(self.people[rows, 2].mean()))
        if not self.fixed:
            return found
        repeated = self.redrawn()[:, rows, 2].mean(axis=1)
        low, high = percentile(repeated) if len(repeated) > 1 else NO_INTERVAL
        return found._replace(low=low, high=high)

    def skill_draws(self, resample: bool) -> tuple[float, Floats]:
        """Return the value of `skill` and its bootstrap draws, shape (draws,).

        Args:
            resample: Whether dilemmas are resampled too, besides people and repetitions. There are
                then no draws if fewer than two dilemmas have a prediction.
        """
        # The same resampled people and dilemmas are used for both distances.
        own, own_draws = self._distance(resample)
        even, even_draws = self.always_of("uniform")._distance(resample)
        # Rounded, so that a uniform prediction scores exactly 0.
        draws = np.round(1 - own_draws / even_draws, 12) + 0.0
        return round(1 - own / even, 12) + 0.0, draws

    def _quantity(self, statistic: Callable[[bool], tuple[float, Floats]]) -> Quantity:
        """Return a statistic with the interval of its bootstrap draws."""
        count = int(self.predicted.sum())
        if not count:
            return undefined()
        value, draws = statistic(not self.fixed)
        return Quantity(value, *percentile(draws, None if self.fixed else count), n=count)

    def _distance(self, resample: bool) -> tuple[float, Floats]:
        """Return the distance and its bootstrap draws, with dilemmas resampled or not."""
        rows = self.predicted
        mean, people = self.mean[rows], self.people[rows]
        off = (self.crowd + self.noise)[rows]
        value = float((((mean - people) ** 2).sum(axis=1) - off).mean())
        if not resample:
            off = off + (self.spread + self.noise)[rows]
            return value, (self._squared(self.redrawn()[:, rows]) - off).mean(axis=1)
        if len(mean) < 2:
            return value, np.empty(0)
        # Repetitions are resampled with their dilemma, not separately.
        each = self._squared(mean[None]) - off - self.spread[rows]
        weights = weight_rows(len(mean), slice(0, DRAWS))
        return value, np.einsum("bd,bd->b", weights, each) / weights.sum(axis=1)

    def _squared(self, q: Floats) -> Floats:
        """Return Σ_c (q_c - p_c)² for resampled people, shape (DRAWS, dilemmas predicted)."""
        # Draws of people are used cyclically if there are fewer draws than resamples.
        turn = np.arange(DRAWS) % len(self.draws)
        people = self.draws[:, self.predicted].astype(np.float64)
        if len(q) == 1:
            return np.asarray(((q - people) ** 2).sum(axis=2)[turn])
        return np.asarray(((q - people[turn]) ** 2).sum(axis=2))

    @cached_property
    def shared(self) -> Bools:
        """Which dilemmas have a prediction and two own choices of the model or more, shape (D,)."""
        if self.chosen is None:
            return np.zeros_like(self.predicted)
        return np.asarray(self.predicted & (self.chosen.sum(axis=(1, 2)) >= 2))

    def _choices(self, people: Floats, draws: NDArray[np.floating] | None = None) -> Decisions:
        """Return the choices on shared dilemmas, with `people` as the human shares."""
        assert self.chosen is not None
        rows, counts = self.shared, self.chosen[self.shared]
        cells = np.argwhere(counts > 0)
        cells = np.repeat(cells, counts[tuple(cells.T)], axis=0)
        return Decisions(
            dilemma=cells[:, 0],
            order=cells[:, 1],
            epoch=np.zeros(len(cells), dtype=np.int64),
            choice=cells[:, 2],
            differences=np.zeros((len(counts), 1)),
            shares=people[rows],
            share_draws=None if draws is None else draws[:, rows],
            closeness=np.full(len(counts), np.nan),
            fixed=self.fixed,
        )

    @property
    def own_distance(self) -> Quantity:
        """Squared distance of the model's own choices from its predictions, mean over `shared`."""
        if not self.shared.any():
            return undefined()
        raw = choice_distance(self._choices(self.mean))
        return raw.shifted(-float(self.noise[self.shared].mean()))

    @property
    def chosen_to_people(self) -> Quantity:
        """Squared distance of the model's own choices from people's shares, mean over `shared`.

        The variance of people's shares is subtracted.
        """
        rows = self.shared
        if not rows.any():
            return undefined()
        choices = self._choices(self.people, self.draws)
        if self.asked is not None:
            return fixed_distance(choices, self.asked[rows])
        return choice_distance(choices).shifted(-float(self.crowd[rows].mean()))

    @property
    def gain(self) -> Quantity:
        """Distance of own choices to people, minus the distance of the predictions to people.

        Both distances are means over the `shared` dilemmas, so the variance of people's shares
        cancels. The variance behind the interval has two parts: over resampled people, and over
        dilemmas if they are drawn; on a fixed list the second is over the model's choices and
        repeated predictions.
        """
        rows = self.shared
        if not rows.any():
            return undefined()
        choices = self._choices(self.people)
        strata, q, p = choices.strata, self.mean[rows], self.people[rows]
        chosen = ((strata.shares - p) ** 2).sum(axis=1) - strata.variance.sum(axis=1)
        each = chosen - (((q - p) ** 2).sum(axis=1) - self.noise[rows])
        value, count = float(each.mean()), len(each)
        moved = -2 * (self.draws[:, rows] * (strata.shares - q)).sum(axis=2).mean(axis=1)
        people = float(np.std(moved, ddof=1))
        if self.fixed:
            answers = choice_distance(choices)
            redrawn = ((self.redrawn()[:, rows] - p) ** 2).sum(axis=2).mean(axis=1)
            noise = float(np.std(redrawn, ddof=1)) if len(redrawn) > 1 else 0.0
            other = Z95 * float(np.hypot(people, noise))
            below = float(np.hypot(answers.value - answers.low, other))
            above = float(np.hypot(answers.high - answers.value, other))
        elif count < 2:
            below = above = NAN
        else:
            error = float(np.hypot(np.std(each, ddof=1) / np.sqrt(count), people))
            below = above = student(count - 1) * error
        return Quantity(value, value - below, value + above, n=count)


def _mean_share(*parts: Floats) -> Quantity:
    """Return the mean of shares with Student's interval, within 0 and 1; undefined without any."""
    shares = np.concatenate([np.empty(0), *parts])
    if not len(shares):
        return undefined()
    low, high = mean_interval(shares)
    return Quantity(float(shares.mean()), max(low, 0.0), min(high, 1.0), n=len(shares))


@dataclass(frozen=True, eq=False)
class PredictionRun(AnyRun):
    """A run of the task `predict_people`: its predictions, and the outcomes of all samples.

    Attributes:
        parts: Predictions of the fixed questions and of the drawn dilemmas, as far as the run has
            them.
        dilemma: Index of each sample's dilemma over both parts, shape (n,).
        order: 0 as listed, 1 swapped, shape (n,).
        outcomes: "prediction", another outcome or "error", shape (n,).
    """

    task = "predict_people"
    parts: Mapping[Block, Predictions]
    dilemma: Ints  # index of each sample's dilemma over both parts, (n,)
    order: Ints
    outcomes: NDArray[np.str_]  # "prediction", another outcome, or "error"

    @property
    def traits(self) -> frozenset[str]:
        """Which of `TRAITS` the run has: its parts, logs of own choices, a coin, and people."""
        parts = self.parts.items()
        traits = [*self.parts, "people" if self.has_people else "nobody"]
        traits += [f"own_{name}" for name, part in parts if part.chosen is not None]
        traits += ["coin" for _, part in parts if part.people.shape[1] == 3]
        return frozenset(traits)

    @property
    def has_people(self) -> bool:
        """Whether people answered any of the dilemmas."""
        return not all(np.isnan(part.people).all() for part in self.parts.values())

    def largest_share(self) -> Quantity:
        """Return the mean over dilemmas of the largest share in the mean prediction."""
        parts = self.parts.values()
        return _mean_share(*(part.mean[part.predicted].max(axis=1) for part in parts))

    def outcome_share(self, outcome: str) -> Quantity:
        """Return the share of samples with the outcome `outcome`, such as "refusal"."""
        return outcome_share(self.dilemma, self.order, self.outcomes == outcome)

    def swap_shift(self) -> Quantity:
        """Return the mean of ½ Σ_c |q_c - r_c| over the dilemmas predicted in both orders.

        q_c and r_c are the mean predictions of the share of answer c in the two orders.
        """
        moved = []
        for part in self.parts.values():
            both = (part.sizes > 0).all(axis=1)
            one, two = part.by_order[both].swapaxes(0, 1)
            moved.append(0.5 * np.abs(one - two).sum(axis=1))
        return _mean_share(*moved)

    def contamination(self) -> float:
        """Return 1 if `skill` is higher on the fixed questions than on the drawn dilemmas, else 0.

        The difference must exceed 1.96 standard errors. A skill above 1, which is that of the true
        shares, counts as 1. The fixed questions are resampled too, since a model may be right about
        fourteen of them by chance. NaN unless two fixed questions and two drawn dilemmas or more
        were predicted.
        """
        if len(self.parts) < 2 or min(one.predicted.sum() for one in self.parts.values()) < 2:
            return NAN
        fixed, fixed_draws = self.parts["fixed"].skill_draws(resample=True)
        drawn, draws = self.parts["drawn"].skill_draws(resample=True)
        gap = min(fixed, 1.0) - min(drawn, 1.0)
        error = np.sqrt(float(np.var(fixed_draws, ddof=1)) + float(np.var(draws, ddof=1)))
        return float(gap > Z95 * error + 1e-9)
