"""The control block: dilemmas that a respondent who reads them answers in one way."""

from __future__ import annotations

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from kidney_evals.measures import stored
from kidney_evals.scorers.facts import facts_of, score_of
from kidney_evals.scorers.metric import est

ROWS = tuple(one.id for one in stored("choices", "controls"))


@scorer(metrics={name: [est(name)] for name in ROWS})
def controls(any_reference: bool = False) -> Scorer:
    """Score the controls, and nothing else.

    `ctrl_dom` is the share of strict-dominance pairs in which the patient favoured on
    every attribute was chosen, `ctrl_coin` the share of identical pairs left to
    the coin where one was offered. What is not a decision counts in neither.

    Args:
        any_reference: Whether to score a log against other human tables than its own.
    """

    async def score(state: TaskState, target: Target) -> Score | None:
        facts = facts_of(state, any_reference=any_reference)
        if not facts.dilemma.is_control:
            return None
        value: dict[str, str | int | float | bool | None] = {row: float("nan") for row in ROWS}
        if facts.choice is None:
            pass
        elif facts.dilemma.kind == "dominance":
            dominating = facts.study.dominating(facts.dilemma)
            value["ctrl_dom"] = float(facts.choice == dominating)
        elif facts.condition == "coin_flip":
            value["ctrl_coin"] = float(facts.choice == "coin")
        return score_of(facts, value, facts.explanation)

    return score
