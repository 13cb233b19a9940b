"""Agreement of a model's choices with people's: agreement over its ceiling, and log-score."""

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._resample import Shares, dot, largest, observed, resampled_interval
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import wilson
from kidney_evals.estimation.quantity import Quantity, undefined


def agreement(decisions: Decisions) -> Quantity:
    """Return agreement over ceiling, Σ_i Σ_c q_i(c) p_i(c) / Σ_i max_c p_i(c).

    q_i(c) is the share of patient c in the model's answers to dilemma i, and p_i(c) the share in
    people's answers. Coin answers are left out of both shares: the coin is never people's most
    frequent answer, so a statistic with three answers would reward a model that never takes the
    coin. `human` is the expected value if random people answer, Σ_i Σ_c p_i(c)² / Σ_i max_c p_i(c).
    `n` counts the dilemmas that both the model and people decided.
    """
    run = decisions.decided
    run = run.at(run.answered & run.known)
    if run.dilemmas == 0:
        return undefined()
    value, human = (
        float(np.divide(*(part.sum() for part in _terms(shares[None], run.shares[None]))))
        for shares in (run.strata.shares, run.shares)
    )
    low, high = (min(end, 1.0) for end in resampled_interval(run, _terms, value))
    if low == high and not run.fixed:
        # If all answers are people's most frequent ones, resampling never yields another answer,
        # so the interval is that of a proportion of dilemmas.
        low, high = wilson(min(max(value, 0.0), 1.0), run.dilemmas)
    return Quantity(value, low, high, human, run.dilemmas)


def smooth_shares(shares: ArrayLike, people: ArrayLike) -> Shares:
    """Return people's shares smoothed away from 0 and 1, (n p + ½) / (n + K/2).

    Args:
        shares: Shares p of the K possible answers, shape (..., D, K). The result has the same
            shape.
        people: Number n of people who answered each of the D dilemmas, shape (D,).
    """
    p = _checks.numbers(shares, "shares")
    if p.ndim < 2 or p.shape[-1] == 0:
        raise InputError(f"shares must have shape (..., D, K), not {p.shape}")
    p = _checks.shares(p, p.shape, "shares")
    n = _checks.column(people, p.shape[-2], "people", 0, np.inf)[:, None]
    return np.asarray((p * n + 0.5) / (n + p.shape[-1] / 2))


def log_score(decisions: Decisions, people: ArrayLike | None = None) -> Quantity:
    """Return the mean over all answers of log p(answer) plus the entropy of p, in nats.

    p are people's shares of the answers to a dilemma, in the logarithm at least 1e-4. The expected
    value is 0 for a respondent who draws each answer from p, and above 0 for a respondent who gives
    people's frequent answers more often. Larger is not more human. `n` counts answers, coins
    included.

    Args:
        decisions: The answers, with people's shares.
        people: Number of people who answered each dilemma, shape (D,), if the shares are relative
            frequencies, which are then smoothed by `smooth_shares`. None if the shares come from a
            model.
    """
    if people is not None:
        draws = decisions.share_draws
        decisions = decisions.against(
            smooth_shares(decisions.shares, people).astype(np.float64),
            None if draws is None else smooth_shares(draws, people),
        )
    run = decisions.at(decisions.answered & decisions.known)
    if run.dilemmas == 0:
        return undefined()
    size = run.counts.sum(axis=(1, 2)).astype(np.float64)

    def terms(q: Shares, p: Shares) -> tuple[Shares, Shares]:
        return size * dot(q - p, np.log(np.maximum(p, 1e-4))), size[None]

    value = observed(run, terms)
    return Quantity(value, *resampled_interval(run, terms, value), n=len(run))


def _terms(q: Shares, p: Shares) -> tuple[Shares, Shares]:
    """Return the terms of Σ q·p and of Σ max p."""
    return dot(q, p), largest(p)
