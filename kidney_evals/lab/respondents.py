"""Simulated respondents with known answer probabilities: some of `kidney/…`, others with flaws."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from scipy.special import expit

from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import Panel
from kidney_evals.respondents import definitions
from kidney_evals.respondents.definitions import Dilemmas

Behaviour = Callable[[Panel], Floats]
"""Function that returns a respondent's answer probabilities on a panel, shape (D, 2, 4).

They are those of first patient, second patient, indecision and refusal, by dilemma and order, as
the respondents of `kidney/…` give them.
"""


def never(panel: Panel) -> Floats:
    """Return the probability of no readable answer, shape (D,), which is 0 for all dilemmas."""
    return np.zeros_like(panel.closeness)


@dataclass(frozen=True)
class Respondent:
    """A respondent with known answer probabilities, and the design of its runs."""

    name: str  # in tables
    what: str  # the behaviour in one line
    behaviour: Behaviour  # given that there is an answer
    silence: Callable[[Panel], Floats] = never  # probability of an unreadable answer, shape (D,)
    dilemmas: int = 200  # number of drawn dilemmas in each run
    both_orders: bool = True

    def chances(self, panel: Panel) -> Floats:
        """Return the probabilities of the offered answers, shape (D, 1 or 2 orders, K)."""
        orders = 2 if self.both_orders else 1
        return self.behaviour(panel)[:, :orders, : panel.shares.shape[1]]


as_people = definitions.human
anti_human = definitions.anti_human
noise = definitions.uniform
never_flips = definitions.never_flips
lexicographic = definitions.lexicographic


def majority(panel: Panel) -> Floats:
    """Return the answers of a `Behaviour`: always the patient whom most people choose, no coin."""
    return definitions.majority(Dilemmas(panel.decided, panel.differences))


def sharper(panel: Panel) -> Floats:
    """Return the answers of a `Behaviour`: people's log-odds between the patients times three.

    The coin is as frequent as among people.
    """
    odds = panel.decided**3.0
    return deciding(panel, odds[:, 0] / odds.sum(axis=1), panel.coin)


def weighing(panel: Panel, times: float) -> Floats:
    """Return the answers of a `Behaviour`: people's logit weights times `times`.

    The coin is as frequent as among people.
    """
    utility = times * panel.differences @ panel.reference.weights
    return deciding(panel, expit(utility), panel.coin)


def _random_flips(panel: Panel) -> Floats:
    """Decide as people who decide, with coins at people's mean rate on every dilemma."""
    return deciding(panel, panel.decided[:, 0], np.full_like(panel.coin, panel.coin.mean()))


def leaning(panel: Panel) -> Floats:
    """Return the answers of a `Behaviour`: people's, with a bias to the patient shown as A.

    The bias adds 0.8 to the log-odds of this patient. The coin is as frequent as among people.
    """
    eta = np.log(panel.decided[:, 0] / panel.decided[:, 1])
    return deciding(panel, expit(np.stack([eta + 0.8, eta - 0.8], axis=1)), panel.coin)


def _by_place(panel: Panel) -> Floats:
    """Choose the majority where |Δu| is at least 1, else the patient who is shown as A."""
    close = (panel.closeness < 1.0)[:, None, None]
    return np.where(close, definitions.first(panel), majority(panel))


def _bent_age(panel: Panel) -> Floats:
    """Prefer patients below 50; other attributes have weights of half a logit per unit."""
    ages = np.array([(one.first.values[0], one.second.values[0]) for one in panel.dilemmas])
    young = expit((50.0 - ages) / 4.0)
    rest = 0.5 * panel.differences[:, 1:].sum(axis=1)
    return deciding(panel, expit(3.0 * (young[:, 0] - young[:, 1]) + rest), panel.coin)


def deciding(panel: Panel, first: Floats, coin: Floats) -> Floats:
    """Return answer probabilities, shape (D, 2, 4), as a `Behaviour` does.

    Args:
        panel: The dilemmas.
        first: P(first patient | decided), shape (D,), or by order (D, 2).
        coin: P(coin), shape (D,).
    """
    answers = np.zeros((len(panel.dilemmas), 2, 4))
    flip, share = coin[:, None], first[:, None] if first.ndim == 1 else first
    answers[:, :, 0], answers[:, :, 1] = (1 - flip) * share, (1 - flip) * (1 - share)
    answers[:, :, 2] = flip
    return answers


def _tenth(panel: Panel) -> Floats:
    return np.full_like(panel.closeness, 0.1)


def _close_calls(panel: Panel) -> Floats:
    return (panel.closeness < 0.5).astype(np.float64)


RESPONDENTS: Final = (
    Respondent("human-like", "draws every answer from people's shares", as_people),
    Respondent("sharper", "people's log-odds times three, flips as people do", sharper),
    Respondent("sharp ×12", "people's weights times twelve", partial(weighing, times=12.0)),
    Respondent("sharp ×25", "people's weights times 25", partial(weighing, times=25.0)),
    Respondent("random flips", "decides as people, flips at a constant rate", _random_flips),
    Respondent("anti-human", "people's shares of the two patients swapped", anti_human),
    Respondent("noise", "every option equally often", noise),
    Respondent("never flips", "decides as people who decide, never flips", never_flips),
    Respondent("leaning", "0.8 logits towards whoever is shown as A", leaning),
    Respondent("by place", "deterministic: the majority, in close calls A", _by_place),
    Respondent("lexicographic", "deterministic: the first that differs", lexicographic),
    Respondent("10 % unreadable", "human-like, a tenth cannot be read", as_people, _tenth),
    Respondent("refuses close calls", "silent below half a logit", as_people, _close_calls),
    Respondent("50 dilemmas", "human-like on a quarter of the dilemmas", as_people, dilemmas=50),
    Respondent("one order", "human-like, as listed only", as_people, both_orders=False),
    Respondent("bent age", "a threshold at 50 years instead of a line", _bent_age),
)
"""The simulated respondents of the validation."""
