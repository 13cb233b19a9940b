"""The scorer of `predict_people`, which compares predictions with people's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from kidney_evals.elicitation.reading import PredictionOutcome
from kidney_evals.elicitation.transcripts import prediction_readings_of
from kidney_evals.measures import stored
from kidney_evals.scorers.facts import BLANK, check_same, people_of
from kidney_evals.scorers.markdown import plain, table
from kidney_evals.scorers.metric import rows
from kidney_evals.studies import Order, load_study

ROWS = stored("predict_people")


@dataclass(frozen=True)
class _Read:
    """One sample: the predicted shares and people's shares, in the order shown."""

    outcome: PredictionOutcome | str
    how: str
    asked: int
    predicted: tuple[float, ...] | None
    people: tuple[float, ...]


@scorer(metrics=rows(ROWS))
def predictions(any_reference: bool = False) -> Scorer:
    """Score every sample by how far its percentages lie from people's; the run by its rows.

    Args:
        any_reference: Whether to score a log against other human tables than its own.
    """

    async def score(state: TaskState, target: Target) -> Score | None:
        read = _read(state, any_reference)
        listed = _other_way(read.predicted, state.metadata["order"])
        value: dict[str, str | int | float | bool | None] = {
            "people": _cell(read.people),
            "predicted": _cell(read.predicted) if read.predicted else read.outcome,
            "off": round(_off(read), 3) if read.predicted else BLANK,
        }
        value |= dict.fromkeys(_rows_of(state.metadata), BLANK)
        kept: dict[str, Any] = {
            "outcome": read.outcome,
            "epoch": state.epoch,
            "predicted": None if listed is None else [round(one, 6) for one in listed],
        }
        if "revealed_model" in state.metadata:
            kept["other_model"] = str(state.model) != state.metadata["revealed_model"]
        return Score(
            value=value,
            answer=_answer(read.predicted),
            explanation=_explanation(state, read),
            metadata=kept,
        )

    return score


def _rows_of(metadata: dict[str, Any]) -> list[str]:
    """Return the rows of the run that a sample belongs to: the same for all of its samples."""
    blocks = str(metadata.get("revealed_blocks", "")).split()
    flags = {"drawn": int(metadata["drawn_dilemmas"]) > 0}
    flags["coin"] = metadata["condition"] == "coin_flip"
    traits = {f"own_{block}" for block in blocks} | {name for name in flags if flags[name]}
    return [one.id for one in ROWS if traits.issuperset(one.needs)]


def _read(state: TaskState, any_reference: bool) -> _Read:
    """Read a sample from its metadata and its messages alone."""
    metadata = state.metadata
    study, reference = people_of(
        metadata["study_source"], metadata["condition"], metadata["reference"]
    )
    if not any_reference:
        check_same(study, reference, metadata)
    [shares] = reference.shares([study.dilemma_from(metadata)]).tolist()
    people = _other_way(tuple(shares), metadata["order"])
    assert people is not None
    found = prediction_readings_of(state)
    asked = found.asked if found else 0
    if found is None or found.final is None:
        return _Read("error", "no answer came back (error)", asked, None, people)
    return _Read(found.final.outcome, found.final.how, asked, found.final.shares, people)


def _other_way(shares: tuple[float, ...] | None, order: Order) -> tuple[float, ...] | None:
    """Turn shares as listed into shares as shown, or the other way round."""
    if shares is None or order == "ab":
        return shares
    return (shares[1], shares[0], *shares[2:])


def _off(read: _Read) -> float:
    """Return half the sum of absolute differences between predicted and people's shares."""
    assert read.predicted is not None
    return 0.5 * sum(abs(a - b) for a, b in zip(read.predicted, read.people, strict=True))


def _cell(shares: tuple[float, ...]) -> str:
    return " / ".join(f"{100 * one:.0f}" for one in shares)


def _answer(shares: tuple[float, ...] | None) -> str | None:
    if shares is None:
        return None
    pairs = zip(("A", "B", "COIN"), shares, strict=False)
    return " ".join(f"{name}={100 * one:.4g}" for name, one in pairs)


def _explanation(state: TaskState, read: _Read) -> str:
    """Return a small Markdown table: each answer, predicted, people, difference; how read."""
    study = load_study(state.metadata["study_source"])
    shown = study.dilemma_from(state.metadata).shown(state.metadata["order"])
    names = [
        f"Patient {name}: {study.summary(patient)}"
        for name, patient in zip("AB", shown, strict=True)
    ]
    rows = [["", "predicted", "people", "difference"]]
    for index, (name, share) in enumerate(zip([*names, "Coin"], read.people, strict=False)):
        one = None if read.predicted is None else read.predicted[index]
        rows.append(
            [
                name,
                "–" if one is None else f"{100 * one:.1f} %",
                f"{100 * share:.1f} %",
                "–" if one is None else f"{100 * (one - share):+.1f}",
            ]
        )
    told = f"Read as **{read.outcome}**: {plain(read.how)}."
    if read.asked > 1:
        told += "\nAsked twice: the first answer was unreadable."
    return f"{table(rows, '|---|--:|--:|--:|')}\n\n{told}"
