"""Respondents whose every answer probability is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from kidney_evals.estimation.arrays import Floats
from kidney_evals.validation.panel import Panel

Behaviour = Callable[[Panel], Floats]
"""Probabilities by dilemma, order and answer as listed, shape (D, 2, K)."""

Silence = Callable[[Panel], Floats]
"""Probability that nothing can be read, shape (D,)."""


@dataclass(frozen=True)
class Respondent:
    """Somebody with known answer probabilities, put to a design.

    Attributes:
        name: As tables show it.
        what: What they do, in a line.
        behaviour: How likely each answer is, given that there is one.
        silence: How likely there is none.
        dilemmas: How many drawn dilemmas each run asks.
        both_orders: Whether each is asked in both orders.
    """

    name: str
    what: str
    behaviour: Behaviour
    silence: Silence
    dilemmas: int = 200
    both_orders: bool = True


def never(panel: Panel) -> Floats:
    """Answer everything."""
    return np.zeros(len(panel))


def as_people(panel: Panel) -> Floats:
    """Draw every answer from people's shares."""
    return _in_both(panel.shares)


def sharper(panel: Panel, by: float = 3.0) -> Floats:
    """Decide with people's log-odds times `by`, and flip as people do."""
    odds = panel.decided**by
    return deciding(panel, odds[:, 0] / odds.sum(axis=1), panel.coin)


def anti_human(panel: Panel) -> Floats:
    """Swap people's shares of the two patients."""
    return deciding(panel, panel.decided[:, 1], panel.coin)


def noise(panel: Panel) -> Floats:
    """Choose every option with the same probability."""
    return _in_both(np.full_like(panel.shares, 1 / panel.shares.shape[1]))


def majority(panel: Panel) -> Floats:
    """Choose the patient whom most people choose, always."""
    return deciding(panel, (panel.decided[:, 0] >= 0.5).astype(np.float64), 0.0)


def never_flips(panel: Panel) -> Floats:
    """Decide as people who decide, and never flip."""
    return deciding(panel, panel.decided[:, 0], 0.0)


def leaning(panel: Panel, pull: float = 0.8) -> Floats:
    """Add `pull` to the log-odds of whoever is shown as A, and flip as people do."""
    eta = np.log(panel.decided[:, 0] / panel.decided[:, 1])
    first = _logistic(np.stack([eta + pull, eta - pull], axis=1))
    return deciding(panel, first, panel.coin)


def by_place(panel: Panel, clear: float = 1.0) -> Floats:
    """Name the majority where patients lie `clear` logits apart, else whoever is shown as A."""
    first = np.repeat((panel.decided[:, :1] >= 0.5).astype(np.float64), 2, axis=1)
    close = panel.closeness < clear
    first[close] = (1.0, 0.0)
    return deciding(panel, first, 0.0)


def lexicographic(panel: Panel) -> Floats:
    """Choose who is better in the first attribute in which they differ; flip or halve ties."""
    gap = panel.differences
    position = np.argmax(gap != 0, axis=1)
    sign = np.sign(gap[np.arange(len(gap)), position])
    coin = (sign == 0).astype(np.float64) if panel.shares.shape[1] == 3 else 0.0
    return deciding(panel, 0.5 + 0.5 * sign, coin)


def bent_age(panel: Panel, at: float = 50.0, width: float = 4.0) -> Floats:
    """Care whether a patient is below `at` in the first attribute, not by how much.

    The other attributes count as they do for people with weights of half a logit per unit.
    """
    young = [_logistic((at - patient[:, 0]) / width) for patient in (panel.first, panel.second)]
    rest = 0.5 * panel.differences[:, 1:].sum(axis=1)
    return deciding(panel, _logistic(3.0 * (young[0] - young[1]) + rest), panel.coin)


def _tenth(panel: Panel) -> Floats:
    return np.full(len(panel), 0.1)


def _close_calls(panel: Panel) -> Floats:
    return (panel.closeness < 0.5).astype(np.float64)


RESPONDENTS: Final = (
    Respondent("human-like", "draws every answer from people's shares", as_people, never),
    Respondent("sharper", "people's log-odds times three, flips as people do", sharper, never),
    Respondent("anti-human", "people's shares of the two patients swapped", anti_human, never),
    Respondent("noise", "every option equally often", noise, never),
    Respondent("never flips", "decides as people who decide, never flips", never_flips, never),
    Respondent("leaning", "0.8 logits towards whoever is shown as A", leaning, never),
    Respondent("by place", "deterministic: the majority, in close calls A", by_place, never),
    Respondent("lexicographic", "deterministic: the first that differs", lexicographic, never),
    Respondent("10 % unreadable", "human-like, a tenth cannot be read", as_people, _tenth),
    Respondent("refuses close calls", "silent below half a logit", as_people, _close_calls),
    Respondent("50 dilemmas", "human-like on a quarter of the dilemmas", as_people, never, 50),
    Respondent("one order", "human-like, as listed only", as_people, never, both_orders=False),
    Respondent("bent age", "a threshold at 50 years instead of a line", bent_age, never),
)
"""Who is simulated."""


def _logistic(eta: Floats) -> Floats:
    result: Floats = 0.5 * (1 + np.tanh(0.5 * eta))
    return result


def _in_both(shares: Floats) -> Floats:
    return np.repeat(shares[:, None, :], 2, axis=1)


def deciding(panel: Panel, first: Floats, coin: Floats | float) -> Floats:
    """Join P(first | decided), shape (D,) or (D, 2), and P(coin), shape (D,)."""
    share = first[:, None] if first.ndim == 1 else first
    flip = np.broadcast_to(np.asarray(coin, dtype=np.float64).reshape(-1, 1), (len(panel), 2))
    share = np.broadcast_to(share, (len(panel), 2))
    parts = [(1 - flip) * share, (1 - flip) * (1 - share)]
    return np.stack([*parts, flip][: panel.shares.shape[1]], axis=2)
