"""Human shares of a dilemma: from a fitted model, counts, profile scores or a published table.

`K` is 2 in forced choice (first, second) and 3 with a coin (first, second, coin). Dilemmas without
data in a source are NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from kidney_evals.estimation.lapse import predict_shares
from kidney_evals.human.tables import Floats
from kidney_evals.studies import Dilemma, Study

DRAWS = 300
"""Participant-bootstrap draws in every shipped table."""

FLIP_FEATURES = ("closeness", "ties", "dominance")
"""Predictors of the coin's share: |Δu| in logits of the forced-choice group, the number of equal
attributes, and whether one patient is at least as favoured on every attribute."""

# Coin share between identical patients: 7 of 7 answers, smoothed by half an answer each way.
_IDENTICAL_FLIP = (7 + 0.5) / (7 + 1)
_PUBLISHED_SEED = 20214
# Number of dilemmas whose draws are computed together, which limits memory.
_AT_ONCE = 1000


@dataclass(frozen=True)
class ModelShares:
    """Shares from the calibrated share model, and from the flip model if a coin was offered.

    The share model has the parameters `theta`, shape (2k+2,), the flip model `flip`, shape (4,);
    closeness is the |Δu| of `strict_weights`, shape (k,).
    """

    study: Study
    theta: Floats
    theta_draws: Floats
    strict_weights: Floats
    flip: Floats | None = None
    flip_draws: Floats | None = None

    def shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the model's shares."""
        return self._predict(differences(self.study, dilemmas), self.theta, self.flip)

    def draws(self, dilemmas: Sequence[Dilemma]) -> NDArray[np.floating]:
        """Return the shares under each draw of the parameters, in single precision."""
        x = differences(self.study, dilemmas)
        answers = 2 if self.flip is None else 3
        result = np.empty((len(self.theta_draws), len(x), answers), dtype=np.float32)
        for start in range(0, len(x), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            result[:, part] = self._predict(x[part], self.theta_draws, self.flip_draws)
        return result

    def _predict(self, x: Floats, theta: Floats, flip: Floats | None) -> Floats:
        first = predict_shares(theta, x)
        if flip is None:
            return np.stack([first, 1 - first], axis=-1)
        return with_coin(first, flip_share(flip, x, np.abs(x @ self.strict_weights)))


@dataclass(frozen=True)
class ListedShares:
    """Shares from answers to a fixed list of questions; empty if nobody was asked.

    Attributes:
        counts: By dilemma id, numbers in proportion to the shares, shape (K,).
        count_draws: The same for people resampled jointly over all questions, shape (draws, K).
        counted: Whether `counts` are numbers of people.
    """

    counts: Mapping[str, Floats]
    count_draws: Mapping[str, Floats]
    answers: int
    counted: bool = True

    def shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return count / n."""
        counts = _listed(self.counts, dilemmas, self.answers)
        result: Floats = counts / counts.sum(axis=1, keepdims=True)
        return result

    def draws(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return count / n under each draw of people."""
        drawn = _listed(self.count_draws, dilemmas, DRAWS, self.answers)
        return np.swapaxes(drawn / drawn.sum(axis=2, keepdims=True), 0, 1)

    def people(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the numbers of people, shape (n, K); NaN if they were not published."""
        return _listed(self.counts if self.counted else {}, dilemmas, self.answers)


def _listed(known: Mapping[str, Floats], dilemmas: Sequence[Dilemma], *shape: int) -> Floats:
    """Return an array of `shape` for each dilemma; NaN where it is not known."""
    unknown = np.full(shape, np.nan)
    rows = [known.get(dilemma.id, unknown) for dilemma in dilemmas]
    return np.array(rows).reshape(len(dilemmas), *shape)


def published_shares(first: Mapping[str, float], effective: Mapping[str, float]) -> ListedShares:
    """Return the source of published shares of the first patient by dilemma id.

    Draws are from Beta(n p, n (1-p)), n being the `effective` number of answers: their number over
    the design effect of several answers by one person.
    """
    names = sorted(first)
    drawn = {}
    for name, base in zip(names, uniforms(_PUBLISHED_SEED, (DRAWS, len(names))).T, strict=True):
        p, n = first[name], effective[name]
        share = betaincinv(n * p, n * (1 - p), base)
        drawn[name] = np.column_stack([share, 1 - share])
    shares = {name: np.array([p, 1 - p]) for name, p in first.items()}
    return ListedShares(shares, drawn, answers=2, counted=False)


@dataclass(frozen=True)
class ProfileShares:
    """Shares from published Bradley–Terry scores of whole patients; P(first) = w_1 / (w_1 + w_2).

    `scores` are by the patient's values.
    """

    scores: Mapping[tuple[float, ...], float]

    def shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the published shares."""
        first, second = self._scores(dilemmas)
        share = first / (first + second)
        return np.column_stack([share, 1 - share])

    def draws(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return `DRAWS` copies of the shares, since no sampling error was published."""
        return np.broadcast_to(self.shares(dilemmas), (DRAWS, len(dilemmas), 2))

    def utility(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the log-odds for the first patient, shape (n,)."""
        first, second = np.log(self._scores(dilemmas))
        result: Floats = first - second
        return result

    def _scores(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the scores of the first and the second patients, shape (2, n)."""
        pairs = [
            [self.scores.get(patient.values, np.nan) for patient in (dilemma.first, dilemma.second)]
            for dilemma in dilemmas
        ]
        return np.array(pairs, dtype=np.float64).reshape(-1, 2).T


ShareSource = ModelShares | ListedShares | ProfileShares
"""Human shares of dilemmas as listed, (n, K), and draws under resampled people, (draws, n, K)."""


def differences(study: Study, dilemmas: Sequence[Dilemma]) -> Floats:
    """Return first minus second in favoured scale units, shape (n, k)."""
    rows = [study.differences(dilemma) for dilemma in dilemmas]
    return np.array(rows, dtype=np.float64).reshape(len(dilemmas), len(study.attributes))


def flip_features(differences: ArrayLike, closeness: ArrayLike) -> Floats:
    """Return (closeness, number of equal attributes, 1 if one patient dominates), shape (n, 3)."""
    signs = np.sign(np.asarray(differences, dtype=np.float64))
    unequal = (signs != 0).sum(axis=1)
    dominance = (np.abs(signs.sum(axis=1)) == unequal) & (unequal > 0)
    return np.column_stack([np.asarray(closeness, float), signs.shape[1] - unequal, dominance])


def flip_share(theta: ArrayLike, differences: ArrayLike, closeness: ArrayLike) -> Floats:
    """Return P(coin) of each dilemma, shape (n,) or (draws, n).

    `theta` holds the weights of `FLIP_FEATURES` and, last, the intercept, (4,) or (draws, 4);
    `closeness` is |Δu| in logit units of the forced-choice group, (n,).
    """
    x = np.asarray(differences, dtype=np.float64)
    features = np.column_stack([flip_features(x, closeness), np.ones(len(x))])
    share = 0.5 * (1 + np.tanh(0.5 * (np.asarray(theta, dtype=np.float64) @ features.T)))
    return np.where((x == 0).all(axis=1), _IDENTICAL_FLIP, share)


def with_coin(first: ArrayLike, coin: ArrayLike) -> Floats:
    """Return (first, second, coin), from the first patient's decided share and the coin's share."""
    one, flip = np.asarray(first, dtype=np.float64), np.asarray(coin, dtype=np.float64)
    return np.stack([(1 - flip) * one, (1 - flip) * (1 - one), flip], axis=-1)


def uniforms(seed: int, shape: tuple[int, ...]) -> Floats:
    """Return uniform numbers, the only random source of the tables."""
    # Numpy promises the same numbers in all versions for these only.
    return np.random.Generator(np.random.PCG64(seed)).random(shape)
