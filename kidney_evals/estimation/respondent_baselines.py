"""Expected statistics of simple respondents on the dilemmas of a run, in closed form.

The agreement of a model is compared with that of uniform answers, of people's majority and of one
random person on the same dilemmas. These respondents have known answer shares, so their expected
statistics need no simulation.
"""

from typing import Final, Literal, NamedTuple, get_args

import numpy as np

from kidney_evals.estimation import _checks
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.calibration import expected_flip_calibration
from kidney_evals.estimation.consistency import expected_swap_disagreement
from kidney_evals.estimation.decisions import COIN, Decisions
from kidney_evals.estimation.distance import expected_distance
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.intervals import NAN

Answerer = Literal["majority", "uniform", "one_person", "never_flips", "always_coin"]
"""`majority` gives people's most frequent answer (in a tie the first-listed patient), `uniform`
every answer with the same probability, `one_person` the answer of a person drawn independently
each time, `never_flips` the answer of a person who decided, `always_coin` the coin."""

ANSWERERS: Final[tuple[Answerer, ...]] = get_args(Answerer)


class Baseline(NamedTuple):
    """Expected statistics of a simple respondent; NaN if a statistic is not defined."""

    agreement: float
    choice_distance: float
    indecision_rate: float
    swap_disagreement: float
    flip_calibration: float


def baselines(decisions: Decisions) -> dict[Answerer, Baseline]:
    """Return the expected statistics of every simple respondent on the dilemmas of a run, by name.

    Each statistic is over the dilemmas that the run's own estimate uses; otherwise the run's
    choices do not matter. Without a coin on offer `never_flips` and `always_coin` are left out.
    """
    coin, known = decisions.has_coin, decisions.known
    size = decisions.counts.sum(axis=(1, 2))[known]
    result: dict[Answerer, Baseline] = {}
    for name in ANSWERERS if coin else ANSWERERS[:3]:
        answers = answer_shares(decisions.shares, name)
        coins = size * answers[known, -1]
        result[name] = Baseline(
            agreement=_agreement(decisions, answers),
            choice_distance=expected_distance(decisions, answers),
            indecision_rate=float(coins.sum() / size.sum()) if coin and size.any() else NAN,
            swap_disagreement=expected_swap_disagreement(decisions, answers),
            flip_calibration=expected_flip_calibration(decisions, answers[:, -1]) if coin else NAN,
        )
    return result


def answer_shares(shares: Floats, answerer: Answerer) -> Floats:
    """Return a simple respondent's shares of the answers to each dilemma, shape (D, K).

    Args:
        shares: People's shares of the K answers to D dilemmas, shape (D, K): first, second and, if
            offered, coin. The result is NaN in a row with NaN.
        answerer: The respondent.
    """
    if answerer not in ANSWERERS:
        raise InputError(f"unknown answerer {answerer!r}; allowed: {', '.join(ANSWERERS)}")
    shares = _checks.numbers(shares, "shares")
    if shares.ndim != 2 or shares.shape[1] not in (2, 3):
        raise InputError(f"shares must have shape (D, 2 or 3), not {shares.shape}")
    shares = _checks.shares(shares, shares.shape, "shares")
    if answerer in ("never_flips", "always_coin") and shares.shape[1] <= COIN:
        raise InputError(f"{answerer!r} needs a coin on offer")
    result = shares
    if answerer == "majority":
        # The first answer in a tie: a patient before the coin, the first-listed before the second.
        result = np.eye(shares.shape[1])[np.round(np.nan_to_num(shares), 9).argmax(axis=1)]
    elif answerer == "uniform":
        result = np.full_like(shares, 1 / shares.shape[1])
    elif answerer == "never_flips":
        total = shares[:, :COIN].sum(axis=1, keepdims=True)
        decided = np.where(total > 0, shares[:, :COIN] / np.where(total > 0, total, 1), 0.5)
        result = np.column_stack([decided, np.zeros(len(shares))])
    elif answerer == "always_coin":
        result = np.tile([0.0, 0.0, 1.0], (len(shares), 1))
    return np.where(np.isnan(shares).any(axis=1, keepdims=True), np.nan, result)


def _agreement(decisions: Decisions, answers: Floats) -> float:
    run = decisions.decided
    decides = answers[:, :COIN].sum(axis=1)
    mask = run.answered & run.known & (decides > 0)
    if not mask.any():
        return NAN
    q, p = answers[mask, :COIN] / decides[mask, None], run.shares[mask]
    return float((q * p).sum() / p.max(axis=1).sum())
