"""Agreement of a model's choices with people's: agreement over its ceiling, and log-score."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._resample import (
    Shares,
    bootstrap,
    bootstrap_sums,
    dot,
    largest,
    observed,
)
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import percentile, recentred, wilson
from kidney_evals.estimation.quantity import Quantity, undefined

_LEAST_SHARE = 1e-4


def comparable(decisions: Decisions) -> Decisions:
    """Return the run on the dilemmas that have both an answer and people's shares."""
    return decisions.at(decisions.answered & decisions.known)


def agreement(decisions: Decisions) -> Quantity:
    """Return agreement over ceiling, Σ_i Σ_c q_i(c) p_i(c) / Σ_i max_c p_i(c).

    q are the model's answer shares and p people's, over the answered dilemmas. Coin answers are
    dropped and p are the shares among people who decided: the coin is never people's most frequent
    answer, so a statistic with three answers would reward a model that never takes the coin.
    `human` is the expected value of one random person, Σ p² / Σ max p; `n` counts dilemmas.
    """
    return _agreement(decisions, lambda met, best, even: met / best)


def chance_corrected_agreement(decisions: Decisions) -> Quantity:
    """Return (A - U) / (1 - U), with A the `agreement` and U that of uniform random answers.

    `human` and `n` as in `agreement`; NaN where people are split evenly on every dilemma.
    """
    return _agreement(
        decisions,
        lambda met, best, even: (met - even) / np.where(best - even > 1e-12, best - even, np.nan),
    )


def smooth_shares(shares: ArrayLike, people: ArrayLike) -> Shares:
    """Return (count + ½) / (n + K/2) from shares (..., D, K) and people's number n, (D,)."""
    p = _checks.numbers(shares, "shares")
    if p.ndim < 2 or p.shape[-1] == 0:
        raise InputError(f"shares must have shape (..., D, K), not {p.shape}")
    p = _checks.shares(p, p.shape, "shares")
    n = _checks.column(people, p.shape[-2], "people", 0, np.inf)[:, None]
    return np.asarray((p * n + 0.5) / (n + p.shape[-1] / 2))


def log_score(decisions: Decisions, people: ArrayLike | None = None) -> Quantity:
    """Return mean log p(answer) plus mean entropy of p, in nats, over all answers.

    The expected value is 0 for a respondent who draws each answer from people's shares, above 0 for
    a respondent who gives people's frequent answers more often. Larger is not more human. `n`
    counts answers, coins included. `people` is the number of people who answered each dilemma,
    (D,), if the shares are relative frequencies, which are then smoothed; None if they come from a
    model, when they are bounded below by 1e-4.
    """
    if people is not None:
        draws = decisions.share_draws
        decisions = decisions.against(
            smooth_shares(decisions.shares, people).astype(np.float64),
            None if draws is None else smooth_shares(draws, people),
        )
    run = comparable(decisions)
    if run.dilemmas == 0:
        return undefined()
    size = run.counts.sum(axis=(1, 2)).astype(np.float64)

    def terms(q: Shares, p: Shares) -> tuple[Shares, ...]:
        return size * dot(q - p, np.log(np.maximum(p, _LEAST_SHARE))), size[None]

    value = observed(run, terms)
    redrawn = recentred(bootstrap(run, terms), value)
    ends = percentile(redrawn, None if run.fixed else run.dilemmas)
    return Quantity(value, *ends, n=len(run))


def _agreement(decisions: Decisions, combine: Callable[..., Floats]) -> Quantity:
    """Return the statistic that `combine` computes from the sums of `_terms`."""
    sums = _sums(decisions)
    value = float(combine(*sums.observed)) if sums.dilemmas else np.nan
    if np.isnan(value):
        return undefined()
    draws = recentred(combine(*sums.redrawn), value) if sums.redrawn else np.empty(0)
    ends = percentile(draws, None if decisions.fixed else sums.dilemmas)
    low, high = min(ends.low, 1.0), min(ends.high, 1.0)
    if low == high and not decisions.fixed:
        # If all answers are people's most frequent ones, resampling never yields another answer,
        # so the interval is that of a proportion of dilemmas.
        met, best, even = sums.observed
        share = min(max(float(met / best), 0.0), 1.0)
        low, high = (float(combine(end * best, best, even)) for end in wilson(share, sums.dilemmas))
    return Quantity(value, low, high, float(combine(*sums.person)), sums.dilemmas)


class _Sums(NamedTuple):
    """Sums of `_terms` in the run, for one random person, and in resampled runs."""

    dilemmas: int
    observed: list[Shares]
    person: list[Shares]
    redrawn: tuple[Floats, ...]


@lru_cache(maxsize=2)
def _sums(decisions: Decisions) -> _Sums:
    """Return the sums behind both statistics; cached, since both use the same resamples."""
    run = comparable(decisions.decided)
    sums = [
        [part.sum(axis=1)[0] for part in _terms(shares[None], run.shares[None])]
        for shares in (run.strata.shares, run.shares)
    ]
    redrawn = bootstrap_sums(run, _terms) if run.dilemmas else ()
    return _Sums(run.dilemmas, sums[0], sums[1], redrawn)


def _terms(q: Shares, p: Shares) -> tuple[Shares, ...]:
    return dot(q, p), largest(p), np.full((1, p.shape[1]), 1 / p.shape[2])
