"""The scorer of `predict_people`, which compares predictions with people's answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from kidney_evals.elicitation.transcripts import prediction_reader, readings_of
from kidney_evals.measures import Measure, stored
from kidney_evals.measures.registry import members
from kidney_evals.scorers.metric import rows
from kidney_evals.scorers.shared import BLANK, Values, people_of, reading_text, table, turned

_ROWS = stored("predict_people")


def predicted_measures(metadata: Mapping[str, Any], *, people: bool = True) -> list[Measure]:
    """Return the measures in the log of a run of `predict_people`, in the order of its rows.

    Args:
        metadata: Metadata of any sample of the run.
        people: Whether people were asked.
    """
    drawn = bool(metadata["drawn_dilemmas"])
    held = {
        "drawn": drawn,
        # The two studies that are asked by default are both in a log; another study is alone.
        "fixed": not (drawn and metadata.get("given_study")),
        "people": people,
        "nobody": not people,
        "coin": metadata["condition"] == "coin_flip",
    }
    own = [f"own_{block}" for block in str(metadata.get("revealed_blocks", "")).split()]
    return members(_ROWS, [*own, *(name for name in held if held[name])], ())


@scorer(metrics=rows(_ROWS))
def predictions(any_reference: bool = False) -> Scorer:
    """Score a sample by half the sum of absolute differences between predicted and people's shares.

    A sample without a prediction has its outcome instead; without people there is no distance.

    Args:
        any_reference: Whether to score a log with another version of its study or human tables;
            otherwise such a log is refused with a `UserError`.
    """

    async def score(state: TaskState, target: Target) -> Score | None:
        metadata = state.metadata
        study, reference = people_of(metadata, any_reference)
        dilemma, order = study.dilemma_from(metadata), metadata["order"]
        asked = reference.has_people
        people = turned(reference.shares_of(dilemma), order)
        readings = readings_of(state, prediction_reader(metadata))
        final = readings.final if readings else None
        outcome, predicted = (final.outcome, final.shares) if final else ("error", None)
        value: Values = {"people": _cell(people)} if asked else {}
        value["predicted"] = _cell(predicted) if predicted else outcome
        kept: dict[str, Any] = {"outcome": outcome, "epoch": state.epoch, "predicted": None}
        off: str | float = BLANK
        answer, own = None, [("–", "–")] * 3
        if predicted:
            differences = [a - b for a, b in zip(predicted, people, strict=True)]
            off = round(0.5 * sum(map(abs, differences)), 3)
            kept["predicted"] = [round(share, 6) for share in turned(predicted, order)]
            named = zip(("A", "B", "COIN"), predicted, strict=False)
            answer = " ".join(f"{name}={100 * share:.4g}" for name, share in named)
            own = [
                (f"{100 * share:.1f} %", f"{100 * difference:+.1f}")
                for share, difference in zip(predicted, differences, strict=True)
            ]
        value |= {"off": off} if asked else {}
        if "revealed_model" in metadata:
            kept["other_model"] = str(state.model) != metadata["revealed_model"]
        value |= {row.id: BLANK for row in predicted_measures(metadata, people=asked)}
        called = study.words.fill("{Candidate}")
        names = []
        for name, patient in zip("AB", dilemma.shown(order), strict=True):
            pairs = zip(study.attributes, patient.values, strict=True)
            facts = ", ".join(f"{one.label}: {one.describe(number)}" for one, number in pairs)
            names.append(f"**{called} {name}** {facts}")
        lines = [
            [name, says, f"{100 * share:.1f} %", difference]
            for name, share, (says, difference) in zip(
                [*names, "**Coin**"], people, own, strict=False
            )
        ]
        heads = ["", "predicted", "people", "difference"]
        if not asked:
            heads, lines = heads[:2], [line[:2] for line in lines]
        cells = table([heads, *lines], "|---" + "|--:" * len(heads[1:]) + "|")
        text = reading_text(outcome, final.how if final else "", readings)
        return Score(value=value, answer=answer, explanation=f"{cells}\n\n{text}", metadata=kept)

    return score


def _cell(shares: Sequence[float]) -> str:
    return " / ".join(f"{100 * share:.0f}" for share in shares)
