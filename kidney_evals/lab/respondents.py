"""Respondents with known answer probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit

from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import Panel
from kidney_evals.respondents.definitions import Dilemmas, find_respondent

Behaviour = Callable[[Panel], Floats]
"""Probabilities by dilemma, order and answer as listed, shape (D, 2, K)."""

Silence = Callable[[Panel], Floats]
"""Probability that an answer cannot be read, shape (D,)."""


@dataclass(frozen=True)
class Respondent:
    """A respondent with known answer probabilities, and the design of its runs.

    Attributes:
        name: Name in tables.
        what: Description of the behaviour in one line.
        behaviour: Function that returns the probability of each answer, given that there is one.
        silence: Function that returns the probability of no answer.
        dilemmas: Number of drawn dilemmas in each run.
        both_orders: Whether each dilemma is asked in both orders.
    """

    name: str
    what: str
    behaviour: Behaviour
    silence: Silence
    dilemmas: int = 200
    both_orders: bool = True


def never(panel: Panel) -> Floats:
    """Return the probability of silence for a respondent who answers every dilemma: 0."""
    return np.zeros(len(panel))


def _of_provider(name: str) -> Behaviour:
    """Return the behaviour of a respondent of the simulated provider."""
    define = find_respondent(name).define

    def behave(panel: Panel) -> Floats:
        answers = define(Dilemmas(panel.shares, panel.differences))
        return answers[:, :, : panel.shares.shape[1]]

    return behave


as_people = _of_provider("human")
"""Draw every answer from people's shares."""

anti_human = _of_provider("anti_human")
"""Swap people's shares of the two patients."""

noise = _of_provider("uniform")
"""Choose every option with the same probability."""

never_flips = _of_provider("never_flips")
"""Sample from the shares of people who decide, and never flip."""


def sharper(panel: Panel, by: float = 3.0) -> Floats:
    """Multiply people's log-odds between the patients by `by`; flip as people do."""
    odds = panel.decided**by
    return deciding(panel, odds[:, 0] / odds.sum(axis=1), panel.coin)


def majority(panel: Panel) -> Floats:
    """Always choose the patient whom most people choose."""
    return deciding(panel, (panel.decided[:, 0] >= 0.5).astype(np.float64), 0.0)


def leaning(panel: Panel, pull: float = 0.8) -> Floats:
    """Add `pull` to the log-odds of the patient who is shown as A; flip as people do."""
    eta = np.log(panel.decided[:, 0] / panel.decided[:, 1])
    first = expit(np.stack([eta + pull, eta - pull], axis=1))
    return deciding(panel, first, panel.coin)


def by_place(panel: Panel, clear: float = 1.0) -> Floats:
    """Choose the majority where |Δu| is at least `clear`, else the patient who is shown as A."""
    first = np.repeat((panel.decided[:, :1] >= 0.5).astype(np.float64), 2, axis=1)
    close = panel.closeness < clear
    first[close] = (1.0, 0.0)
    return deciding(panel, first, 0.0)


def lexicographic(panel: Panel) -> Floats:
    """Choose the better patient on the first attribute that differs; flip or halve ties."""
    gap = panel.differences
    position = np.argmax(gap != 0, axis=1)
    sign = np.sign(gap[np.arange(len(gap)), position])
    coin = (sign == 0).astype(np.float64) if panel.shares.shape[1] == 3 else 0.0
    return deciding(panel, 0.5 + 0.5 * sign, coin)


def bent_age(panel: Panel, at: float = 50.0, width: float = 4.0) -> Floats:
    """Prefer, on the first attribute, patients below `at`; other differences there do not count.

    The other attributes count as they do for people with weights of half a logit per unit.
    """
    young = [expit((at - patient[:, 0]) / width) for patient in (panel.first, panel.second)]
    rest = 0.5 * panel.differences[:, 1:].sum(axis=1)
    return deciding(panel, expit(3.0 * (young[0] - young[1]) + rest), panel.coin)


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
"""The simulated respondents."""


def deciding(panel: Panel, first: Floats, coin: Floats | float) -> Floats:
    """Return answer probabilities from P(first | decided), (D,) or (D, 2), and P(coin), (D,)."""
    share = first[:, None] if first.ndim == 1 else first
    flip = np.broadcast_to(np.asarray(coin, dtype=np.float64).reshape(-1, 1), (len(panel), 2))
    share = np.broadcast_to(share, (len(panel), 2))
    parts = [(1 - flip) * share, (1 - flip) * (1 - share)]
    return np.stack([*parts, flip][: panel.shares.shape[1]], axis=2)
