"""The change of every measure from before to after training, paired over shared dilemmas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kidney_evals.estimation.paired import NOTHING
from kidney_evals.estimation.quantity import undefined
from kidney_evals.finetuning.battery import Battery, Part
from kidney_evals.finetuning.texts import table_of
from kidney_evals.measures import compute
from kidney_evals.reporting.comparing.changes import Pairing, RowChange
from kidney_evals.scorers.samples import run_of_log

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

    from kidney_evals.measures.run import Run


@dataclass(frozen=True)
class Effect:
    """A line of the comparison; see `effects.yaml`.

    Attributes:
        part: The run.
        row: The measure.
        label: Name of the measure in tables.
        margin: Largest change that counts as no change; NaN if the line is no side effect.
        untrained: The line applies only if this condition was not trained on; "" for always.
        says: Description of the data behind the measure.
    """

    part: Part
    row: str
    label: str
    margin: float = math.nan
    untrained: str = ""
    says: str = ""

    @property
    def is_side_effect(self) -> bool:
        """Whether the line measures behaviour outside of the training."""
        return not math.isnan(self.margin)


@dataclass(frozen=True)
class Compared:
    """A measure compared between two arms.

    Attributes:
        effect: The line of the comparison.
        arm: The second arm; the first arm is the untrained model.
        row: The change from the first arm to the second.
    """

    effect: Effect
    arm: str
    row: RowChange


def compare(
    logs: Mapping[tuple[str, Part], EvalLog], arms: Sequence[str], battery: Battery
) -> tuple[Compared, ...]:
    """Compare every arm with the first arm.

    Args:
        logs: Successful logs with their samples, by arm and part.
        arms: Names of the arms, the untrained model first.
        battery: The runs.
    """
    runs = {key: run for key, log in logs.items() if (run := run_of_log(log)) is not None}
    first, *others = arms
    found = []
    for arm in others:
        pairings = {
            part: Pairing(runs[first, part], runs[arm, part])
            for part in battery.parts
            if (first, part) in runs and (arm, part) in runs
        }
        for effect in effects():
            part = effect.part
            if part not in battery.parts or not _applies(effect, battery):
                continue
            if part in pairings:
                row = pairings[part].row(effect.row, effect.margin)
            else:
                row = _not_run(effect.row, runs.get((first, part)), runs.get((arm, part)))
            found.append(Compared(effect, arm, row))
    return tuple(found)


def _not_run(row: str, before: Run | None, after: Run | None) -> RowChange:
    one, two = (undefined() if run is None else compute(run, row) for run in (before, after))
    return RowChange(row, (one, two), NOTHING, math.nan, math.nan, why="not run")


@lru_cache(maxsize=1)
def effects() -> tuple[Effect, ...]:
    """Return the lines of a comparison, in order."""
    return tuple(Effect(**entry) for entry in table_of("effects.yaml"))


def _applies(effect: Effect, battery: Battery) -> bool:
    """Return whether a line applies: no side effect is reported for a condition in the training."""
    if not effect.untrained:
        return True
    trained: Sequence[Any] = battery.trained_conditions
    return bool(trained) and effect.untrained not in trained
