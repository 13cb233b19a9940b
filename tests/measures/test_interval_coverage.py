"""How often the intervals of the importance distance, sharpness and coin slope hold the truth."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from kidney_evals.estimation.importance import importance_distance
from kidney_evals.lab import respondents as known
from kidney_evals.lab.panel import Panel, population
from kidney_evals.lab.respondents import Behaviour, Respondent, deciding
from kidney_evals.lab.simulate import simulate_run
from kidney_evals.lab.truth import true_rows
from kidney_evals.measures import compute
from kidney_evals.measures.run import Run
from kidney_evals.studies import Condition
from measures.simulated import people

RUNS = 120

LEAST = 0.95 - 2.5 * (0.95 * 0.05 / RUNS) ** 0.5
"""Coverage that an interval of 95 % reaches in all but one of 160 tests: .900."""

Floats = np.ndarray


def weighing(factors: tuple[float, float, float]) -> Behaviour:
    """Decide by a logit with people's weights times factors; flip as people do."""

    def behaviour(panel: Panel) -> Floats:
        utility = panel.differences @ (panel.reference.weights * factors)
        return deciding(panel, expit(utility), panel.coin)

    return behaviour


def at_random(rate: float) -> Behaviour:
    """Decide as people; flip at one rate on every dilemma."""
    return lambda panel: deciding(panel, panel.decided[:, 0], np.full(len(panel.coin), rate))


def another_crowd(run: Run, index: int) -> Run:
    """Return a run of `simulate_run` whose human importance shares are also of another sample."""
    human = run.reference
    draw = human.importance_draws[index % len(human.importance_draws)]
    draws = np.clip(human.importance_draws + draw - human.importance, -1, 1)
    return replace(run, reference=replace(human, importance=draw, importance_draws=draws))


ALL, COIN = ("share_dist", "sharpness"), ("coin_slope",)

CASES: dict[str, tuple[Callable[[Panel], Floats], tuple[str, ...], tuple[Condition, ...]]] = {
    "crowd": (known.as_people, (*ALL, *COIN), ("forced_choice", "coin_flip")),
    "three times as sharp": (known.sharper, ALL, ("forced_choice", "coin_flip")),
    "leaning to A": (known.leaning, ALL, ("forced_choice",)),
    "coins at random": (at_random(0.17), COIN, ("coin_flip",)),
    "four coins at random": (at_random(0.01), COIN, ("coin_flip",)),
    "wrong sign": (weighing((1, -1, 1)), ALL, ("forced_choice",)),
    # Wald's intervals of single shares cover .78 to .88 here, and that of sharpness .86 to .94.
    "weights × 12": (weighing((12, 12, 12)), ("share_dist",), ("forced_choice",)),
    "weights × 25, wrong sign": (weighing((25, -25, 25)), ("share_dist",), ("forced_choice",)),
}
"""A respondent, the measures whose intervals are checked, and in which conditions."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "condition"), [(name, one) for name, case in CASES.items() for one in case[2]]
)
def test_intervals_hold_the_truth_as_often_as_they_say(name: str, condition: Condition) -> None:
    behaviour, ids, _ = CASES[name]
    ids = tuple(id for id in ids if condition == "coin_flip" or id != "coin_slope")
    respondent = Respondent(name, "", behaviour)
    far = population(condition, 5)
    truth = true_rows(respondent, far)
    shares = [value for id, value in truth.items() if id.startswith("imp_")]
    truth["share_dist"] = float(importance_distance(shares, far.reference.importance))
    held: dict[str, list[bool]] = {id: [] for id in ids}
    for index in range(RUNS):
        run = another_crowd(simulate_run(people(condition), respondent, index), index)
        for id in ids:
            found = compute(run, id)
            if not found.defined:
                # Without a coin among 400 answers there is no slope.
                continue
            held[id].append(found.low - 1e-9 <= truth[id] <= found.high + 1e-9)
    for id, hits in held.items():
        assert np.mean(hits) >= LEAST, (id, np.mean(hits))
