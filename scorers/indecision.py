"""How often, and where, a model leaves the decision to a coin, beside where people do."""

from __future__ import annotations

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from kidney_evals.measures import find
from kidney_evals.scorers.facts import BLANK, facts_of, score_of
from kidney_evals.scorers.metric import est

ROWS = ("flip_rate", "flip_calib", "distance")


@scorer(metrics={name: [est(find(name).id)] for name in ROWS})
def indecision(any_reference: bool = False) -> Scorer:
    """Score a sample by whether the coin was chosen; the run by its rows.

    Where no coin is offered nothing is scored here; indecision without an offer is counted by the
    scorer `answers`.

    Args:
        any_reference: Whether to score a log against other human tables than its own.
    """

    async def score(state: TaskState, target: Target) -> Score | None:
        facts = facts_of(state, any_reference=any_reference)
        if facts.dilemma.is_control or facts.condition != "coin_flip":
            return None
        if facts.choice is None:
            return score_of(facts, None, facts.coin_line)
        flipped = float(facts.choice == "coin")
        if facts.chances is not None:
            flipped = round(facts.chances[-1], 3)
        return score_of(facts, dict.fromkeys(ROWS, BLANK) | {"flip_rate": flipped}, facts.coin_line)

    return score
