"""Before against after: the change of every figure, in pairs over shared dilemmas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

from kidney_evals.estimation._pairs import NOTHING, changed
from kidney_evals.estimation.consistency import retest_disagreement
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.intervals import Interval, difference, proportion, wilson
from kidney_evals.estimation.paired import PairedDifference, retest_change, share_change
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.finetuning.battery import Battery, Part
from kidney_evals.measures.change import aligned, change
from kidney_evals.measures.rows import measure
from kidney_evals.scorers._run import run_of_log

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

    from kidney_evals.measures.run import Run

Floats = NDArray[np.float64]

SHARES: Final = ("coverage", "answer_mass", "dominated_flips")
"""Figures that are means over dilemmas and have no paired difference of their own."""


Verdict = Literal[
    "nearer", "farther", "higher", "lower", "unclear", "unchanged", "not known", "not measured"
]
"""What a change is, in a word."""


@dataclass(frozen=True)
class Effect:
    """A line of the comparison; see `effects.yaml`.

    Attributes:
        part: The run it is from.
        row: The figure.
        label: What tables call it.
        aim: "people", "none", or the value that people's own answers would get.
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
        change = self.found.change
        return change.low > 0 or change.high < 0

    @property
    def verdict(self) -> Verdict:
        """Say in a word or two what the change is.

        Within its margin a side effect is "unchanged", and otherwise "not known" where its
        interval holds zero. Nearer and farther are from what people's own answers would get.
        """
        change, effect = self.found.change, self.effect
        if math.isnan(change.value):
            return "not measured"
        if effect.is_side_effect and -effect.margin <= change.low and change.high <= effect.margin:
            return "unchanged"
        if not self.moved:
            return "not known" if effect.is_side_effect else "unclear"
        if math.isnan(self.aim):
            return "higher" if change.value > 0 else "lower"
        nearer = abs(self.found.second - self.aim) < abs(self.found.first - self.aim)
        return "nearer" if nearer else "farther"


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


def level(run: Run, row: str) -> Quantity:
    """Return a figure of one run, with people's value where there is one."""
    if row == "retest":
        return retest_disagreement(run.decisions, measure(run, "swap_diff").human)
    if row in SHARES:
        each, answers = _shares(run, row)
        known = ~np.isnan(each)
        if not known.any():
            return undefined()
        value = float(each[known].mean())
        if run.study.draw is None:
            ends = wilson(value, int(answers[known].sum()))
        else:
            ends = proportion(each[known], np.ones(int(known.sum())))
        return Quantity(value, ends.low, ends.high, n=int(known.sum()))
    return measure(run, row)


@lru_cache(maxsize=1)
def effects() -> tuple[Effect, ...]:
    """Return the lines of a comparison, in order."""
    text = files("kidney_evals.finetuning").joinpath("effects.yaml").read_text(encoding="utf-8")
    return tuple(Effect(**entry) for entry in yaml.safe_load(text))


def _applies(effect: Effect, battery: Battery) -> bool:
    """Whether a line belongs here: a condition that was trained on has no side effect."""
    if not effect.untrained:
        return True
    trained: Sequence[Any] = battery.trained_conditions
    return bool(trained) and effect.untrained not in trained


def _compared(effect: Effect, arm: str, before: Run | None, after: Run | None) -> Compared:
    if before is None or after is None:
        levels = [undefined() if run is None else level(run, effect.row) for run in (before, after)]
        return Compared(effect, arm, levels[0], levels[1], NOTHING, math.nan)
    one, two = level(before, effect.row), level(after, effect.row)
    aim = _aim(effect, before, two)
    return Compared(effect, arm, one, two, _change(before, after, effect.row), aim)


def _aim(effect: Effect, run: Run, after: Quantity) -> float:
    if effect.aim == "none":
        return math.nan
    if effect.aim != "people":
        return float(effect.aim)
    if effect.row == "agreement":
        # What one person gets who is drawn anew for every dilemma: nobody scores 1.
        return measure(run, "agr_person").value
    return after.human


def _change(before: Run, after: Run, row: str) -> PairedDifference:
    if row == "retest":
        return retest_change(*aligned(before, after))
    if row not in SHARES:
        return change(before, after, row)
    names = [one.id for one in before.dilemmas]
    theirs = {one.id: index for index, one in enumerate(after.dilemmas)}
    both = [index for index, name in enumerate(names) if name in theirs]
    there = [theirs[names[index]] for index in both]
    if before.study.draw is None:
        # On a fixed list only the answers could have been others.
        one, two = level(before, row), level(after, row)
        ends = difference(
            two.value, Interval(two.low, two.high), one.value, Interval(one.low, one.high)
        )
        return changed(one.value, two.value, ends, len(both))
    return share_change(_shares(before, row)[0][both], _shares(after, row)[0][there])


def _shares(run: Run, row: str) -> tuple[Floats, NDArray[np.int64]]:
    """Return a figure of every dilemma of a run and its answers, (D,); NaN where it has none."""
    kept = np.ones(len(run.choice), dtype=np.bool_)
    if row == "coverage":
        values = (run.choice >= 0).astype(np.float64)
    elif row == "dominated_flips":
        values = (run.choice == COIN).astype(np.float64)
        dominated = [run.study.dominating(one) is not None for one in run.dilemmas]
        kept = np.array(dominated, dtype=np.bool_)[run.dilemma] & (run.choice >= 0)
    else:
        assert run.outside is not None, "only a readout tells the mass on answers"
        values = 1 - run.outside
        kept = ~np.isnan(values)
    size = len(run.dilemmas)
    count = np.bincount(run.dilemma[kept], minlength=size)
    total = np.bincount(run.dilemma[kept], weights=values[kept], minlength=size)
    with np.errstate(invalid="ignore"):
        shares: Floats = np.clip(total / np.where(count > 0, count, np.nan), 0, 1)
    return shares, count.astype(np.int64)
