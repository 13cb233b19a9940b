"""Which known respondent the answers of a run are most like, if any.

In this module a candidate is a known respondent, which gives a probability for every answer.
Candidates are compared by the log-likelihood of each dilemma's answers. A candidate has unknown
parameters, such as its share of answers at random. The likelihood of the answers to a dilemma is a
mean over them, weighted by the likelihood of the answers to all other dilemmas.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import permutations, product
from typing import Final, Literal, NamedTuple

import numpy as np
from scipy import special

from kidney_evals.estimation.arrays import Bools, Floats
from kidney_evals.estimation.decisions import COIN, FIRST, SECOND, Decisions
from kidney_evals.measures.run import Run
from kidney_evals.respondents import definitions
from kidney_evals.respondents.definitions import Dilemmas
from kidney_evals.respondents.people import answers_of_persons
from kidney_evals.studies import Dilemma

AHEAD: Final = 2.4
"""A candidate counts as likelier than another if its lead in log-likelihood is more standard
errors than this.
"""

_LEVEL: Final = 0.05  # significance level of the test of fit
_FACTORS: Final = (2.0, 3.0, 5.0, 10.0)  # on people's log odds, of the candidate `sharper`
_LAPSES: Final = (0.001, 0.005, 0.02)  # shares of answers at random
_MOST_ORDERS: Final = 24  # largest number of orders of the attributes tried for `lexicographic`

NAMES: Final[Mapping[str, str]] = {
    "human": "the crowd",
    "sharper": "a sharper crowd",
    "person": "one simulated person",
    "majority": "the majority of people",
    "never_flips": "people who never take the coin",
    "constant": "people's decisions with coins at random",
    "lexicographic": "a rule that lets one attribute decide",
    "uniform": "answers at random",
    "anti_human": "people reversed",
    "first": "always Patient A",
    "coin": "always the coin",
}
"""The known respondents (candidates) in words, by id."""

Outcome = Literal["named", "none of these", "cannot tell"]


class Nearest(NamedTuple):
    """The known respondent that a run's answers are most like.

    A candidate is a known respondent. The likeliest candidate is near, and so is every other that
    it leads by at most `AHEAD` standard errors. The outcome is "none of these" if no near candidate
    passes a test of fit (at level .05), "named" if the likeliest candidate alone is near and
    passes, otherwise "cannot tell".
    """

    outcome: Outcome
    name: str  # of the candidate with the highest likelihood, named or not; empty without any
    runner_up: str  # the candidate that is the fewest standard errors behind; may be empty
    z: float  # that number of standard errors, clustered by dilemma; infinite without a runner-up
    candidates: tuple[str, ...]  # those that are not rejected, the likeliest first
    log_likelihood: Mapping[str, float]  # mean log-probability of an answer, by candidate
    answers: int


def nearest_respondent(run: Run) -> Nearest:
    """Return which known respondent a run's answers are most like, or that it is none of them.

    The outcome is "cannot tell", without candidates, if fewer than two dilemmas can be used, or if
    the run offered something other than the coin that people had. A dilemma can be used if the run
    answered it and, in a study with people, people did too.

    Shares of runs named correctly with 200 dilemmas in both orders: a rule 1.00, people reversed
    .92 to .96, the crowd .23 to .33 (400 dilemmas: .67 to .87), a simulated person .90 to .96. A
    person who is not among the simulated persons is named in .12 to .50 of runs, otherwise mostly
    "none of these".
    """
    answers = run.decisions.drawn
    used = answers.answered & (answers.known if run.has_people else True)
    answers = answers.at(used)
    if answers.dilemmas < 2 or run.borrows_coin:
        return Nearest("cannot tell", "", "", float("nan"), (), {}, len(answers))
    listed = [dilemma for dilemma, is_used in zip(run.dilemmas, used, strict=True) if is_used]
    counts = answers.counts.astype(np.float64)
    chances, logs = {}, {}
    for name, versions in _candidates(run, answers, listed):
        chances[name], logs[name] = _fitted(versions, counts)
    total = {name: float(each.sum()) for name, each in logs.items()}
    best, *others = sorted(total, key=lambda name: -total[name])
    behind = {name: _lead(logs[best], logs[name]) for name in others}
    runner_up = min(others, key=lambda name: behind[name], default="")
    z = behind.get(runner_up, float("inf"))
    near = [best, *(name for name in others if behind[name] <= AHEAD)]
    candidates = tuple(name for name in near if _fit(chances[name], counts, answers) >= _LEVEL)
    outcome: Outcome = "cannot tell" if candidates else "none of these"
    if z > AHEAD and candidates:
        outcome = "named"
    means = {name: total[name] / counts.sum() for name in (best, *others)}
    return Nearest(outcome, best, runner_up, z, candidates, means, len(answers))


def _candidates(
    run: Run, answers: Decisions, listed: list[Dilemma]
) -> Iterator[tuple[str, Floats]]:
    """Yield each candidate's answer probabilities by version, (V, D, 2, K)."""
    known, width = Dilemmas(answers.shares, answers.differences), answers.shares.shape[1]

    def of(define: Callable[[Dilemmas], Floats], dilemmas: Dilemmas = known) -> Floats:
        return define(dilemmas)[None, :, :, :width]

    for define in (definitions.uniform, definitions.first):
        yield define.__name__, of(define)
    k = answers.differences.shape[1]
    orders = [order for order, _ in zip(permutations(range(k)), range(_MOST_ORDERS), strict=False)]
    turned = [Dilemmas(known.shares, known.differences[:, order]) for order in orders]
    versions = [of(definitions.lexicographic, dilemmas) for dilemmas in turned]
    yield "lexicographic", np.concatenate(versions)
    if width > COIN:
        yield "coin", of(definitions.coin)
    if not run.has_people:
        return
    for define in (definitions.human, definitions.anti_human):
        yield define.__name__, of(define)
    # With a coin: people's most frequent answer, or the patient whom most people choose.
    among = known.shares.copy()
    among[:, COIN:] = 0
    majorities = known, Dilemmas(among, known.differences)
    yield "majority", np.concatenate([of(definitions.majority, one) for one in majorities])
    yield "sharper", _both_orders(np.stack([_sharper(known.shares, by) for by in _FACTORS]))
    persons = answers_of_persons(run.reference, listed)
    yield "person", _both_orders(persons.transpose(1, 0, 2))
    if width > COIN:
        yield "never_flips", of(definitions.never_flips)
        rate = float(known.shares[:, COIN].mean())
        constant = (1 - rate) * definitions.never_flips(known)[:, 0, :width]
        constant[:, COIN] = rate
        yield "constant", _both_orders(constant[None])


def _both_orders(shares: Floats) -> Floats:
    """Return the same shares in both orders, (V, D, 2, K), from (V, D, K)."""
    versions, dilemmas, width = shares.shape
    return np.broadcast_to(shares[:, :, None], (versions, dilemmas, 2, width))


def _sharper(shares: Floats, factor: float) -> Floats:
    """Return people's shares, (D, K), with the log odds of the decided answers times a factor."""
    result = shares.copy()
    decided = shares[:, [FIRST, SECOND]]
    powers = (decided / np.maximum(decided.sum(axis=1, keepdims=True), 1e-12)) ** factor
    powers /= np.maximum(powers.sum(axis=1, keepdims=True), 1e-300)
    result[:, :COIN] = powers * decided.sum(axis=1, keepdims=True)
    return result


def _fitted(versions: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return a candidate's chances, (D, 2, K), and its log-likelihood of each dilemma, (D,).

    Versions and lapses are equally likely beforehand. The probability of a dilemma's answers is the
    mean over them, weighted by the likelihood of the answers to the other dilemmas; in the chances
    by that of all answers, since the many answers to one dilemma are all of one version.
    """
    width = counts.shape[2]

    def mixed() -> Iterator[Floats]:
        # One at a time: of the persons in a long run, all at once take hundreds of megabytes.
        for version, lapse in product(versions, _LAPSES):
            yield (1 - lapse) * version + lapse / width

    each = np.array([(counts * np.log(one)).sum(axis=(1, 2)) for one in mixed()])
    total = each.sum(axis=1)
    blocks = np.array_split(total[:, None] - each, 16, axis=1)
    others = np.concatenate([special.logsumexp(block, axis=0) for block in blocks])
    chances = np.zeros_like(counts)
    for weight, one in zip(special.softmax(total), mixed(), strict=True):
        chances += weight * one
    return chances, special.logsumexp(total) - others


def _lead(first: Floats, second: Floats) -> float:
    """Return the difference of two log-likelihoods by dilemma in its standard errors."""
    gap = first - second
    total, error = float(gap.sum()), float(np.sqrt(len(gap) * gap.var(ddof=1)))
    # Equal candidates cannot be told apart; a lead that is the same in every dilemma is certain.
    if error < 1e-9:
        return 0.0 if abs(total) < 1e-9 else float("inf") * np.sign(total)
    return total / error


def _fit(chances: Floats, counts: Floats, answers: Decisions) -> float:
    """Return the p-value of the test that the answers have these probabilities, (D, 2, K).

    The smallest of three, times three: of the mean log-probability, of the agreement of the answers
    between orders, and of score tests whether decisions also depend on the attributes or the side
    and coins on closeness.
    """
    size = counts.sum(axis=2)
    logs = np.log(chances)
    expected = (chances * logs).sum(axis=2)
    spread = (chances * logs**2).sum(axis=2) - expected**2
    surprise = (counts * logs).sum() - (size * expected).sum()
    p_values = [_normal_p(float(surprise), float((size * spread).sum()))]
    both = (size > 0).all(axis=1)
    means = counts[both] / size[both][:, :, None]
    same, chance = means.prod(axis=1).sum(axis=1), chances[both].prod(axis=1).sum(axis=1)
    pairs = size[both].prod(axis=1)
    # Pairs of repeated answers share an answer: the terms beyond that of one pair.
    shared = (chances[both] * chances[both][:, ::-1] ** 2).sum(axis=2) - chance[:, None] ** 2
    shared = ((size[both][:, ::-1] - 1) * shared).sum(axis=1)
    more, spread = (pairs * (same - chance)).sum(), (pairs * (chance - chance**2 + shared)).sum()
    p_values.append(_normal_p(float(more), float(spread)))
    side = np.broadcast_to([1.0, -1.0], size.shape)
    gaps = np.repeat(answers.differences[:, None], 2, axis=1)
    decided = counts[..., :COIN].sum(axis=2)
    first = chances[..., FIRST] / chances[..., :COIN].sum(axis=2)
    statistic, freedom = _score(
        np.concatenate([gaps, side[..., None]], axis=2), counts[..., FIRST], decided, first
    )
    if answers.has_coin:
        far = np.nan_to_num(answers.closeness)
        near = np.stack([np.ones(len(far)), far], axis=1)
        near = np.broadcast_to(near[:, None], (*size.shape, 2))
        coins = _score(near, counts[..., COIN], size, chances[..., COIN])
        statistic, freedom = statistic + coins[0], freedom + coins[1]
    p_values.append(float(special.chdtrc(freedom, statistic)) if freedom else 1.0)
    return min(1.0, 3 * min(p_values))


def _score(x: Floats, hits: Floats, trials: Floats, chance: Floats) -> tuple[float, int]:
    """Return the score statistic of no effect of x, (D, 2, q), on a known chance, and its rank."""
    total = np.einsum("dok,do->k", x, hits - trials * chance)
    variance = np.einsum("dok,dol,do->kl", x, x, trials * chance * (1 - chance))
    scale = np.sqrt(np.maximum(np.diag(variance), 1e-300))
    values, vectors = np.linalg.eigh(variance / np.outer(scale, scale))
    kept: Bools = values > 1e-8
    turned = vectors[:, kept].T @ (total / scale)
    return float((turned**2 / values[kept]).sum()), int(kept.sum())


def _normal_p(value: float, variance: float) -> float:
    return float(2 * special.ndtr(-abs(value) / np.sqrt(variance))) if variance > 0 else 1.0
