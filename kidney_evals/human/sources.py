"""Human shares of a dilemma: from a fitted model, counts, profile scores or a published table.

K is the number of possible answers: 2 in forced choice (first, second) and 3 with a coin (first,
second, coin). Dilemmas without data in a source are NaN.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr

from kidney_evals.estimation.lapse import predict_shares
from kidney_evals.human.tables import Floats
from kidney_evals.studies import Attribute, Dilemma, Patient, Study

DRAWS = 300
"""Number of participant-bootstrap draws in every table."""

NEAR = 0.25 + 1e-9
"""Largest difference of nearly alike patients, as a share of each attribute's range."""

LAPSE, DOMINANCE = "lapse", "dominance"
"""Names of parameters of the models of shares and of the coin."""

PEOPLE_TERMS = ("people_closeness", "people_variance")
"""Terms of a model of the coin for people who differ: mean and variance over people of |Δu|.

|Δu| is the absolute difference of utility between the patients.
"""

# Coin share between identical patients: 7 of 7 answers, smoothed by half an answer each way.
_IDENTICAL_FLIP = (7 + 0.5) / (7 + 1)
_PUBLISHED_SEED = 20214
_COUNTED_SEED = 20215
# Number of dilemmas whose draws are computed together, which limits memory.
_AT_ONCE = 1000


@dataclass(frozen=True)
class Parameters:
    """The p parameters of a fitted model.

    Attributes:
        parameters: Names, in the order of the numbers.
        estimate: Estimates, shape (p,).
        draws: Estimates in resamples of people, shape (draws, p).
    """

    parameters: tuple[str, ...]
    estimate: Floats
    draws: Floats


@dataclass(frozen=True)
class ModelShares:
    """Shares from a model of people's answers, and from a model of the coin if it was offered.

    P(first | decided) = λ/2 + (1 - λ) · logistic(Σ_t b_t x_t) and P(coin) = logistic(Σ_t a_t z_t).
    λ is the parameter `lapse`, 0 without it. b and a are the other parameters; x and z are the
    `choice_features` and `flip_features` with the same names. Identical patients have a fixed coin
    share. If z has `PEOPLE_TERMS`, the parameters of the coin include the distribution of weights
    that these terms need (`people_parameters`). Each draw of the parameters then has its own
    distribution.

    Attributes:
        choice: Parameters of the decided answers.
        strict_weights: Weights of the utility difference Δu, whose absolute value is the term
            `closeness`, shape (k,).
        flip: Parameters of the coin; None in forced choice.
    """

    study: Study
    choice: Parameters
    strict_weights: Floats
    flip: Parameters | None = None

    def shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the model's shares, shape (n, K)."""
        return self.predict(*patient_values(self.study, dilemmas))

    def draws(self, dilemmas: Sequence[Dilemma]) -> NDArray[np.floating]:
        """Return the shares under each draw of the parameters, (draws, n, K), as float32."""
        first, second = patient_values(self.study, dilemmas)
        answers = 2 if self.flip is None else 3
        result = np.empty((len(self.choice.draws), len(first), answers), dtype=np.float32)
        for start in range(0, len(first), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            result[:, part] = self.predict(first[part], second[part], draws=True)
        return result

    @property
    def people(self) -> Parameters | None:
        """The distribution of weights over people that `PEOPLE_TERMS` need; None without them."""
        if self.flip is None or PEOPLE_TERMS[0] not in self.flip.parameters:
            return None
        names = people_parameters(self.study.attribute_ids)
        own = [self.flip.parameters.index(name) for name in names]
        return Parameters(names, self.flip.estimate[own], self.flip.draws[:, own])

    def predict(self, first: Floats, second: Floats, *, draws: bool = False) -> Floats:
        """Return the shares of the answers, shape (n, K).

        Args:
            first: Values of the first patients in favoured scale units, shape (n, k).
            second: Values of the second patients, shape (n, k).
            draws: Whether to return the shares under each draw of the parameters instead, shape
                (draws, n, K).
        """
        names = self.choice.parameters
        theta = self.choice.draws if draws else self.choice.estimate
        terms = [name for name in names if name != LAPSE]
        known = choice_features(self.study, first, second)
        x = np.column_stack([known[name] for name in terms])
        weights = theta[..., [names.index(name) for name in terms]]
        none = np.zeros_like(theta[..., :1])
        lapse = theta[..., [names.index(LAPSE)]] if LAPSE in names else none
        decided = predict_shares(np.concatenate([weights, lapse], axis=-1), x)
        if self.flip is None:
            return np.stack([decided, 1 - decided], axis=-1)
        known = flip_features(self.study, first, second, self.strict_weights)
        names, theta = self.flip.parameters, self.flip.draws if draws else self.flip.estimate
        if people := self.people:
            moments = people_features(first - second, people.draws if draws else people.estimate)
            known |= dict(zip(PEOPLE_TERMS, moments, strict=True))
            own = [theta[..., [k]] * known[name] for k, name in enumerate(names) if name in known]
            odds = np.sum(own, axis=0)
        else:
            odds = theta @ np.column_stack([known[name] for name in names]).T
        coin = 0.5 * (1 + np.tanh(0.5 * odds))
        coin = np.where((first == second).all(axis=1), _IDENTICAL_FLIP, coin)
        return np.stack([(1 - coin) * decided, (1 - coin) * (1 - decided), coin], axis=-1)


@dataclass(frozen=True)
class ListedShares:
    """Shares from answers to a fixed list of questions; without entries if nobody was asked.

    Attributes:
        counts: By dilemma id, numbers in proportion to the shares, shape (K,).
        count_draws: By dilemma id, these numbers for resampled people, shape (draws, K).
        answers: Number K of possible answers.
        counted: Whether `counts` are numbers of people.
    """

    counts: Mapping[str, Floats]
    count_draws: Mapping[str, Floats]
    answers: int
    counted: bool = True

    def shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the shares of the answers, shape (n, K)."""
        counts = _listed(self.counts, dilemmas, self.answers)
        result: Floats = counts / counts.sum(axis=1, keepdims=True)
        return result

    def draws(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the shares under each draw of people, shape (draws, n, K)."""
        drawn = _listed(self.count_draws, dilemmas, DRAWS, self.answers)
        return np.swapaxes(drawn / drawn.sum(axis=2, keepdims=True), 0, 1)

    def people(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return how many people gave each answer, shape (n, K); NaN if this was not published."""
        return _listed(self.counts if self.counted else {}, dilemmas, self.answers)


def _listed(known: Mapping[str, Floats], dilemmas: Sequence[Dilemma], *shape: int) -> Floats:
    """Return an array of `shape` for each dilemma; NaN where it is not known."""
    unknown = np.full(shape, np.nan)
    rows = [known.get(dilemma.id, unknown) for dilemma in dilemmas]
    return np.array(rows).reshape(len(dilemmas), *shape)


def published_shares(first: Mapping[str, float], effective: Mapping[str, float]) -> ListedShares:
    """Return published shares of the first patient, with draws, as `ListedShares`.

    A draw of a share p is from Beta(n p, n (1-p)), independently of other dilemmas; a share of 0 or
    1 is the same in every draw.

    Args:
        first: Share p of the first patient, by dilemma id.
        effective: Effective number n of answers, by dilemma id: their number divided by the design
            effect, because one person gave several.
    """
    names = sorted(first)
    drawn = {}
    for name, base in zip(names, uniforms(_PUBLISHED_SEED, (DRAWS, len(names))).T, strict=True):
        p, n = first[name], effective[name]
        share = betaincinv(n * p, n * (1 - p), base) if 0 < p < 1 else np.full(DRAWS, p)
        drawn[name] = np.column_stack([share, 1 - share])
    shares = {name: np.array([p, 1 - p]) for name, p in first.items()}
    return ListedShares(shares, drawn, answers=2, counted=False)


def counted_draws(counts: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return draws of the shares by dilemma id, shape (draws, K), from counts alone.

    Each dilemma's shares are from the Dirichlet distribution of its counts, as if other people had
    answered every dilemma. An answer that nobody gave has the share 0 in every draw.

    Args:
        counts: Number of each answer by dilemma id, shape (K,).
    """
    names, result = sorted(counts), {}
    for name, base in zip(names, uniforms(_COUNTED_SEED, (len(names), 2, DRAWS)), strict=True):
        numbers, shares, left = counts[name], [], np.ones(DRAWS)
        for place, uniform in enumerate(base[: len(numbers) - 1]):
            own, others = numbers[place], numbers[place + 1 :].sum()
            part = betaincinv(own, others, uniform) if own and others else float(own > 0)
            shares.append(left * part)
            left = left * (1 - part)
        result[name] = np.column_stack([*shares, left])
    return result


@dataclass(frozen=True)
class ProfileShares:
    """Shares from published Bradley–Terry scores of whole patients, with K = 2.

    P(first) = w_1 / (w_1 + w_2), with w_1 and w_2 the scores of the first and the second patient.

    Attributes:
        scores: Scores by the patient's values.
    """

    scores: Mapping[tuple[float, ...], float]

    def shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the shares of the first and the second patient, shape (n, 2)."""
        first, second = self._scores(dilemmas)
        share = first / (first + second)
        return np.column_stack([share, 1 - share])

    def draws(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return `DRAWS` copies of the shares, (DRAWS, n, 2): no sampling error was published."""
        return np.broadcast_to(self.shares(dilemmas), (DRAWS, len(dilemmas), 2))

    def utility(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the log-odds of the first against the second patient, shape (n,)."""
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
"""Where people's shares of the answers come from.

Each has `shares` of dilemmas as listed, (n, K), and `draws` of them from resampled people, (draws,
n, K).
"""


def differences(study: Study, dilemmas: Sequence[Dilemma]) -> Floats:
    """Return first minus second patient in favoured scale units, shape (n, k).

    A number is positive where the first patient is nearer to the end that the study marks as
    favoured.
    """
    rows = [study.differences(dilemma) for dilemma in dilemmas]
    return np.array(rows, dtype=np.float64).reshape(len(dilemmas), len(study.attributes))


def patient_values(study: Study, dilemmas: Sequence[Dilemma]) -> tuple[Floats, Floats]:
    """Return the values of the first and of the second patients, each of shape (n, k).

    They are in favoured scale units: larger values are nearer to the end that the study marks as
    favoured.
    """

    def values(patients: Iterable[Patient]) -> Floats:
        rows = [list(map(Attribute.favour, study.attributes, one.values)) for one in patients]
        return np.array(rows, dtype=np.float64).reshape(len(dilemmas), len(study.attributes))

    return values(one.first for one in dilemmas), values(one.second for one in dilemmas)


def choice_features(study: Study, first: Floats, second: Floats) -> dict[str, Floats]:
    """Return the terms that a model of decided answers may have, (n,) each, by parameter name.

    For each attribute these are the difference, by the attribute's id, and `bend_<id>`, the
    difference beyond the middle of the range (towards the favoured end). `dominance` is 1 if the
    first patient is at least as favoured on every attribute and more on one, -1 if the second
    patient is, else 0. `first` and `second` are from `patient_values`.
    """
    x = first - second
    middle = np.array([sum(map(one.favour, one.ends)) / 2 for one in study.attributes])
    bends = np.maximum(first - middle, 0.0) - np.maximum(second - middle, 0.0)
    columns = {
        f"{kind}{name}": values[:, k]
        for kind, values in (("", x), ("bend_", bends))
        for k, name in enumerate(study.attribute_ids)
    }
    return {DOMINANCE: dominance(x), **columns}


def flip_features(
    study: Study, first: Floats, second: Floats, strict_weights: Floats
) -> dict[str, Floats]:
    """Return the terms that a model of the coin may have, shape (n,) each, by parameter name.

    - `intercept`: 1.
    - `closeness`: |Δu|, the absolute difference of utility between the patients, by
      `strict_weights`.
    - `dominance`: 1 if one patient is at least as favoured on every attribute and more on one, else
      0.
    - `similarity`: log(Σ_k |d_k| / range_k + .1), with d_k the difference in attribute k.
    - `near`: 1 if no attribute differs by more than a quarter of its range, else 0.

    `first` and `second` are from `patient_values`.
    """
    x = first - second
    relative = np.abs(x) / np.array(study.spans)
    return {
        "closeness": np.abs(x @ strict_weights),
        DOMINANCE: np.abs(dominance(x)),
        "similarity": np.log(relative.sum(axis=1) + 0.1),
        "near": np.asarray((relative <= NEAR).all(axis=1), dtype=np.float64),
        "intercept": np.ones(len(x)),
    }


def people_parameters(attributes: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the parameters of the distribution of weights over people.

    They are the means of all weights, then the standard deviations of all weights.
    """
    return tuple(f"{kind}_{name}" for kind in ("mean", "spread") for name in attributes)


def people_features(x: Floats, people: Floats) -> tuple[Floats, Floats]:
    """Return the mean and the variance over people of |Δu|, each of shape ([draws,] n).

    Δu is the first patient's utility minus the second's. The k weights of a person are normal and
    independent, so that Δu is normal with the mean m = Σ_k mean_k x_k and the variance s² = Σ_k
    spread_k² x_k². |Δu| is folded normal (Leone, Nelson and Nottingham 1961): its mean is s √(2/π)
    exp(-m²/2s²) + m (1 - 2Φ(-m/s)), its variance m² + s² minus the squared mean.

    Args:
        x: Attribute differences, shape (n, k).
        people: The k means, then the k standard deviations (spreads) of the weights, shape
            ([draws,] 2k); see `people_parameters`.
    """
    means, spreads = np.split(people, 2, axis=-1)
    m, s = means @ x.T, np.sqrt(spreads**2 @ x.T**2)
    ratio = m / np.maximum(s, 1e-9)
    mean: Floats = s * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + m * (2 * ndtr(ratio) - 1)
    return mean, m**2 + s**2 - mean**2


def dominance(x: Floats) -> Floats:
    """Return which patient is at least as good on every attribute and better on one, shape (n,).

    1 is the first patient, -1 the second, 0 neither. `x` are the differences, first minus second,
    (n, k).
    """
    signs = np.sign(x)
    lead: Floats = signs.sum(axis=1)
    return np.where(np.abs(lead) == np.abs(signs).sum(axis=1), np.sign(lead), 0.0)


def uniforms(seed: int, shape: tuple[int, ...]) -> Floats:
    """Return uniform random numbers in [0, 1), the same in all versions of numpy."""
    # Numpy promises the same numbers in all versions for these only.
    return np.random.Generator(np.random.PCG64(seed)).random(shape)
