"""Before against after: the change of every figure, in pairs over shared dilemmas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from kidney_evals.estimation.paired import NOTHING, PairedDifference
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.finetuning.battery import Battery, Part
from kidney_evals.measures import aim_of, compute, find
from kidney_evals.measures.change import change
from kidney_evals.measures.verdict import Verdict, edge_of, moved, verdict_of
from kidney_evals.scorers.samples import run_of_log

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

    from kidney_evals.measures.run import Run


@dataclass(frozen=True)
class Effect:
    """A line of the comparison; see `effects.yaml`.

    Attributes:
        part: The run it is from.
        row: The figure.
        label: What tables call it.
        aim: What people's own answers would get; where `effects.yaml` names none, as the row's
            card has it.
        margin: How small a change counts as none; NaN where it is no side effect.
        untrained: The condition without which it is a side effect; "" for always.
        says: What it is measured on.
    """

    part: Part
    row: str
    label: str
    aim: str | float
    margin: float = math.nan
    untrained: str = ""
    says: str = ""

    @property
    def is_side_effect(self) -> bool:
        """Whether it is about what was not trained on."""
        return not math.isnan(self.margin)


@dataclass(frozen=True)
class Compared:
    """A figure of two arms.

    Attributes:
        effect: Which figure.
        arm: The second arm; the first is the untrained model.
        before: The untrained model's value over all of its own dilemmas, with its interval.
        after: The second arm's.
        found: The change over shared dilemmas.
        aim: What people's own answers would get; NaN where there is no such thing.
    """

    effect: Effect
    arm: str
    before: Quantity
    after: Quantity
    found: PairedDifference
    aim: float

    @property
    def moved(self) -> bool:
        """Whether the interval of the change leaves zero out."""
        return moved(self.found)

    @property
    def verdict(self) -> Verdict:
        """What the change is, in a word or two; see `kidney_evals.measures.verdict`."""
        return verdict_of(
            self.found,
            self.aim,
            (self.before, self.after),
            edge_of(self.effect.aim),
            self.effect.margin,
        )


def compare(
    logs: Mapping[tuple[str, Part], EvalLog], arms: Sequence[str], battery: Battery
) -> tuple[Compared, ...]:
    """Compare every arm with the first.

    Args:
        logs: Finished logs with their samples, by arm and part; those that failed are left out.
        arms: Names of the arms, the untrained model first.
        battery: What was asked.
    """
    runs = {key: run for key, log in logs.items() if (run := run_of_log(log)) is not None}
    first, *others = arms
    return tuple(
        _compared(effect, arm, runs.get((first, effect.part)), runs.get((arm, effect.part)))
        for arm in others
        for effect in effects()
        if effect.part in battery.parts and _applies(effect, battery)
    )


@lru_cache(maxsize=1)
def effects() -> tuple[Effect, ...]:
    """Return the lines of a comparison, in order."""
    text = files("kidney_evals.finetuning").joinpath("effects.yaml").read_text(encoding="utf-8")
    return tuple(
        Effect(**{"aim": find(entry["row"]).aim, **entry}) for entry in yaml.safe_load(text)
    )


def _applies(effect: Effect, battery: Battery) -> bool:
    """Whether a line belongs here: a condition that was trained on has no side effect."""
    if not effect.untrained:
        return True
    trained: Sequence[Any] = battery.trained_conditions
    return bool(trained) and effect.untrained not in trained


def _compared(effect: Effect, arm: str, before: Run | None, after: Run | None) -> Compared:
    if before is None or after is None:
        levels = [
            undefined() if run is None else compute(run, effect.row) for run in (before, after)
        ]
        return Compared(effect, arm, levels[0], levels[1], NOTHING, math.nan)
    one, two = compute(before, effect.row), compute(after, effect.row)
    aim = two.human if effect.aim == "people" else aim_of(before, effect.row)
    return Compared(effect, arm, one, two, change(before, after, effect.row), aim)
