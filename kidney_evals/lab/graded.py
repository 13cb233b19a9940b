"""Rank correlation and reliability of the headline measures over respondents with known values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from kidney_evals.estimation.importance import importance_distance
from kidney_evals.estimation.rank import spearman
from kidney_evals.human.reference import load_reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab import respondents as known
from kidney_evals.lab.panel import STUDY, Panel
from kidney_evals.lab.respondents import Behaviour, Respondent
from kidney_evals.lab.simulate import simulate_run
from kidney_evals.measures import compute
from kidney_evals.studies import Condition, load_study

LEVELS: Final = 40
"""Number of respondents in a graded series."""

FORMS: Final = 10
"""Number of independent draws of dilemmas that each respondent of a series answers."""

SIZES: Final = (200, 400)
"""Numbers of drawn dilemmas in the runs that compare caricatures with a human draw."""

HEADLINES: Final[dict[Condition, tuple[str, ...]]] = {
    "forced_choice": ("agreement", "distance", "share_dist", "swap_diff"),
    "coin_flip": ("flip_rate", "flip_calib", "distance"),
}
"""Headline measures by condition; each has its own graded series."""


@dataclass(frozen=True)
class Graded:
    """How well a headline orders a graded series.

    Attributes:
        row: The headline.
        spearman: Absolute rank correlation with the true order in single runs, mean over forms.
        least: Minimum over forms.
        reliability: One-way intra-class correlation over forms, of a single run.
    """

    row: str
    spearman: float
    least: float
    reliability: float


def graded_series(row: str, levels: int = LEVELS) -> list[tuple[float, Respondent]]:
    """Return respondents whose true values of `row` are evenly spaced, each with its step.

    Step 0 is people, or the most regular respondent; step 1 is the respondent farthest from step 0.
    For the smallest difference that a run can detect, see `kidney_evals.planning`.

    Args:
        row: A headline.
        levels: Number of respondents.
    """
    steps = np.linspace(0.0, 1.0, levels)
    return [(float(step), _respondent(row, float(step))) for step in steps]


def order_and_reliability(
    condition: Condition, *, levels: int = LEVELS, forms: int = FORMS
) -> list[Graded]:
    """Simulate the graded series of a condition; return how well each headline orders its own."""
    reference = load_reference(load_study(STUDY), condition)
    found = []
    for row in HEADLINES[condition]:
        series = graded_series(row, levels)
        table = np.array(
            [
                [
                    compute(simulate_run(reference, respondent, form), row).value
                    for form in range(forms)
                ]
                for _, respondent in series
            ]
        )
        steps = np.array([step for step, _ in series])
        # Agreement decreases with the step, the other headlines increase.
        ranks = [abs(float(spearman(steps, table[:, form]))) for form in range(forms)]
        found.append(Graded(row, float(np.mean(ranks)), float(np.min(ranks)), intra_class(table)))
    return found


@dataclass(frozen=True)
class Outranked:
    """How often a caricature has a smaller distance to people than a respondent drawn from people.

    Attributes:
        respondent: Name of the caricature.
        row: The measure that is compared; lower is nearer to people.
        dilemmas: Number of drawn dilemmas in each run, in both orders.
        share: Share of single runs in which the caricature has the lower value.
        mean: Mean value of the caricature.
        people: Mean value of the human draw.
    """

    respondent: str
    row: str
    dilemmas: int
    share: float
    mean: float
    people: float


def outranked(condition: Condition, *, runs: int, sizes: Sequence[int] = SIZES) -> list[Outranked]:
    """Simulate caricatures and human draws on the same dilemmas and the same sample of people."""
    reference = load_reference(load_study(STUDY), condition)
    caricatures = {
        "majority": known.majority,
        "never flips": known.never_flips,
        "noise": known.noise,
    }
    rows = ["distance", "flip_calib"] if condition == "coin_flip" else ["distance"]
    if condition == "forced_choice":
        caricatures.pop("never flips")
    found = []
    for dilemmas in sizes:

        def values(name: str, behaviour: Behaviour, count: int = dilemmas) -> dict[str, Floats]:
            who = Respondent(name, "", behaviour, known.never, count)
            made = [simulate_run(reference, who, run) for run in range(runs)]
            return {row: np.array([compute(run, row).value for run in made]) for row in rows}

        people = values("human-like", known.as_people)
        for name, behaviour in caricatures.items():
            theirs = values(name, behaviour)
            found += [
                Outranked(
                    name, row, dilemmas,
                    float((theirs[row] < people[row]).mean()),
                    float(theirs[row].mean()), float(people[row].mean()),
                )
                for row in rows
            ]  # fmt: skip
    return found


def intra_class(table: Floats | Sequence[Sequence[float]]) -> float:
    """Return the one-way intra-class correlation ICC(1) of single values.

    (MSB - MSW) / (MSB + (m - 1) MSW) with m values for each of n respondents (Shrout and Fleiss
    1979, ICC(1,1)).

    Args:
        table: Values, shape (n, m), finite.
    """
    values = np.asarray(table, dtype=np.float64)
    n, m = values.shape
    means = values.mean(axis=1)
    between = m * float(((means - values.mean()) ** 2).sum()) / (n - 1)
    within = float(((values - means[:, None]) ** 2).sum()) / (n * (m - 1))
    return float((between - within) / (between + (m - 1) * within))


def _respondent(row: str, step: float) -> Respondent:
    def behaviour(panel: Panel) -> Floats:
        return _SERIES[row](panel, step)

    return Respondent(f"{row} {step:.4f}", "", behaviour, known.never)


def _blend(panel: Panel, step: float) -> Floats:
    """Interpolate from people (step 0) to people with the two patients swapped (step 1)."""
    return (1 - step) * known.as_people(panel) + step * known.anti_human(panel)


def _apart(panel: Panel, step: float) -> Floats:
    """Interpolate from people to the reverse of their majority, evenly in squared distance."""
    part = step**0.5
    against = known.majority(panel)[:, :, [1, 0, 2][: panel.shares.shape[1]]]
    result: Floats = (1 - part) * known.as_people(panel) + part * against
    return result


def _turning(panel: Panel, step: float) -> Floats:
    """Interpolate from people's importance shares to the reverse of the last attribute alone.

    The steps are even in importance distance.
    """
    people = panel.importance
    last = -np.sign(people[-1]) * np.eye(len(people))[-1]

    def turned(part: float) -> Floats:
        mixed = (1 - part) * people + part * last
        result: Floats = mixed / np.abs(mixed).sum()
        return result

    wanted = step * float(importance_distance(last, people))

    def beyond(part: float) -> float:
        return float(importance_distance(turned(part), people)) - wanted

    part = brentq(beyond, 0.0, 1.0, xtol=1e-15) if 0 < step < 1 else step
    weights = 10.0 * turned(part) / panel.spans
    return known.deciding(panel, expit(panel.differences @ weights), panel.coin)


def _by_place(panel: Panel, step: float) -> Floats:
    """Mix the majority (step 0) with the patient who is shown as A (step 1)."""
    shown = np.zeros_like(known.majority(panel))
    shown[:, 0, 0] = shown[:, 1, 1] = 1.0
    return (1 - step) * known.majority(panel) + step * shown


def _flipping(panel: Panel, step: float) -> Floats:
    """Take the coin with probability `step` on every dilemma."""
    return known.deciding(panel, panel.decided[:, 0], np.full(len(panel), step))


def _miscalibrated(panel: Panel, step: float) -> Floats:
    """Interpolate from people's coin shares to 1, evenly in squared difference."""
    part = step**0.5
    return known.deciding(panel, panel.decided[:, 0], (1 - part) * panel.coin + part)


_SERIES: Final = {
    "agreement": _blend,
    "distance": _apart,
    "share_dist": _turning,
    "swap_diff": _by_place,
    "flip_rate": _flipping,
    "flip_calib": _miscalibrated,
}
