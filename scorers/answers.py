"""What came back, sample by sample: the scorer that scores everything, so that nothing is lost."""

from __future__ import annotations

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from kidney_evals.measures.names import (
    CROSSED_ROWS,
    FLAGS,
    IMPORTANCE,
    PARTS,
    READOUT_ROWS,
    RUN_ROWS,
    STUDY_ROWS,
)
from kidney_evals.scorers._estimate import rows
from kidney_evals.scorers._facts import (
    BLANK,
    Facts,
    KeptScore,
    facts_of,
    score_metadata,
)


def _patterns(*groups: tuple[str, ...]) -> list[str]:
    """Return a pattern for each row that not every run has.

    Inspect takes the rows of a pattern from the keys of the samples' values and drops one that
    matches nothing; a name without a wildcard would have to be in every sample.
    """
    return [f"{name}*" for name in dict.fromkeys(name for group in groups for name in group)]


_CALLED = {"unprompted_indecision": "undecided"}
"""Outcomes whose name is too long for a cell."""


@scorer(
    metrics=rows(
        IMPORTANCE,
        *_patterns(*STUDY_ROWS.values()),
        "coverage",
        *PARTS.values(),
        *_patterns(*RUN_ROWS.values(), CROSSED_ROWS, READOUT_ROWS),
        *FLAGS,
    )
)
def answers(any_reference: bool = False) -> Scorer:
    """Score every sample, whatever came back: its kind of answer and what that answer favoured.

    Metrics never see an unscored sample, so the rows that count those stand here, as do the
    rows named from the study, which Inspect takes from the keys of a sample's value. A control
    is unscored here: it has an answer, and counts in no row but those of `controls`.

    Args:
        any_reference: Whether to score a log against other human tables than its own.
    """

    async def score(state: TaskState, target: Target) -> Score | None:
        facts = facts_of(state, any_reference=any_reference)
        answer = facts.reading.answer if facts.reading else None
        if facts.dilemma.is_control:
            # In no row of this scorer: Inspect leaves an unscored sample out of every metric.
            return KeptScore.unscored(
                reason="control",
                answer=answer,
                explanation=facts.reading_line,
                metadata=score_metadata(facts, state.epoch),
            )
        # What most people chose stands under `people` too, where the sample list can name it.
        value = {"choice": answer or _CALLED.get(facts.outcome, facts.outcome)}
        value |= {"people": target.text}
        value |= dict(_favoured(facts))
        names = (
            *STUDY_ROWS.get(facts.dilemma.kind, ()),
            "coverage",
            *PARTS.values(),
            *RUN_ROWS[facts.condition],
            *(CROSSED_ROWS if state.metadata.get("crossed") else ()),
            *(READOUT_ROWS if state.metadata.get("readout") == "logprobs" else ()),
            *FLAGS,
        )
        value |= dict.fromkeys(names, BLANK)
        return KeptScore(
            value=value,
            answer=answer,
            explanation=facts.reading_line,
            metadata=score_metadata(facts, state.epoch),
        )

    return score


def _favoured(facts: Facts) -> list[tuple[str, str]]:
    """Say for each attribute whether the chosen patient has what most people favour: + or −.

    The first word names the attribute: the metric of a family of rows sees the values of one
    row and must know whose they are. Without a sign the attribute spoke for neither choice.
    """
    sign = {"first": 1, "second": -1}.get(facts.choice or "", 0)
    entries = []
    for name, difference in zip(
        facts.study.attribute_ids, facts.study.differences(facts.dilemma), strict=True
    ):
        toward = sign * difference
        mark = " +" if toward > 0 else " −" if toward < 0 else ""
        entries.append((IMPORTANCE.replace("*", name), name + mark))
    return entries
