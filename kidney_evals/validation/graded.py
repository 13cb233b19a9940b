"""Do the headline quantities order respondents as the truth does, and again on other dilemmas?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.importance import importance_distance
from kidney_evals.estimation.rank import spearman
from kidney_evals.human.reference import load_reference
from kidney_evals.measures.rows import measure
from kidney_evals.studies import Condition, load_study
from kidney_evals.validation import respondents as known
from kidney_evals.validation.panel import Panel
from kidney_evals.validation.respondents import Behaviour, Respondent
from kidney_evals.validation.simulate import simulate_run

LEVELS: Final = 40
"""Respondents of a graded series."""

FORMS: Final = 10
"""Fresh draws of dilemmas that each of them answers."""

SIZES: Final = (200, 400)
"""Drawn dilemmas of the runs in which caricatures are compared with a human draw."""

HEADLINES: Final[dict[Condition, tuple[str, ...]]] = {
    "forced_choice": ("agreement", "distance", "share_dist", "swap_diff"),
    "coin_flip": ("flip_rate", "flip_calib", "distance"),
}
"""Rows that are to order respondents; each has a graded series of its own."""


@dataclass(frozen=True)
class Graded:
    """How one headline orders a graded series.

    Attributes:
        row: The headline.
        spearman: Rank correlation with the truth in single runs, mean over forms.
        least: The lowest of the forms.
        reliability: Intra-class correlation over forms, one-way, of a single run.
    """

    row: str
    spearman: float
    least: float
    reliability: float


def graded_series(row: str, levels: int = LEVELS) -> list[tuple[float, Respondent]]:
    """Return respondents whose true value of `row` runs evenly over its range, and the step.

    The range begins where people or the most regular respondent stand and ends where nobody could
    be farther, so that a rank correlation says how a run orders respondents of every kind. How
    small a difference it can tell is another question: see `kidney_evals.planning`.

    Args:
        row: A headline.
        levels: How many.
    """
    steps = np.linspace(0.0, 1.0, levels)
    return [(float(step), _respondent(row, float(step))) for step in steps]


def order_and_reliability(
    study: str, condition: Condition, *, levels: int = LEVELS, forms: int = FORMS
) -> list[Graded]:
    """Let graded respondents answer fresh forms, and see how each headline orders them."""
    reference = load_reference(load_study(study), condition)
    found = []
    for row in HEADLINES[condition]:
        series = graded_series(row, levels)
        table = np.array(
            [
                [
                    measure(simulate_run(reference, respondent, form), row).value
                    for form in range(forms)
                ]
                for _, respondent in series
            ]
        )
        steps = np.array([step for step, _ in series])
        # Agreement falls as the others rise.
        ranks = [abs(float(spearman(steps, table[:, form]))) for form in range(forms)]
        found.append(Graded(row, float(np.mean(ranks)), float(np.min(ranks)), intra_class(table)))
    return found


@dataclass(frozen=True)
class Outranked:
    """How often somebody who is far from people comes out nearer to them than a human draw.

    Attributes:
        respondent: Their name.
        row: The row that is compared; lower is nearer.
        dilemmas: Drawn dilemmas of each run, in both orders.
        share: Share of single runs in which theirs is the lower value.
        mean: Mean value.
        people: Mean value of the human draw.
    """

    respondent: str
    row: str
    dilemmas: int
    share: float
    mean: float
    people: float


def outranked(
    study: str, condition: Condition, *, runs: int, sizes: Sequence[int] = SIZES
) -> list[Outranked]:
    """Let caricatures and a human draw answer the same dilemmas, beside the same crowd."""
    reference = load_reference(load_study(study), condition)
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
            return {row: np.array([measure(run, row).value for run in made]) for row in rows}

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
        table: Shape (n, m), finite.
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
    """People at 0, people with the patients swapped at 1; agreement falls evenly."""
    return (1 - step) * known.as_people(panel) + step * known.anti_human(panel)


def _apart(panel: Panel, step: float) -> Floats:
    """From people to whoever most people pass over, at even steps of the squared distance."""
    part = step**0.5
    against = known.majority(panel)[:, :, [1, 0, 2][: panel.shares.shape[1]]]
    result: Floats = (1 - part) * known.as_people(panel) + part * against
    return result


def _turning(panel: Panel, step: float) -> Floats:
    """From people's importance shares to the last attribute alone, counted against people.

    At even steps of the importance distance; the weights keep one sum of absolute shares.
    """
    people = panel.importance
    last = -np.sign(people[-1]) * np.eye(len(people))[-1]

    def turned(part: float) -> Floats:
        mixed = (1 - part) * people + part * last
        result: Floats = mixed / np.abs(mixed).sum()
        return result

    wanted = step * importance_distance(last, people)
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        short = importance_distance(turned(middle), people) < wanted
        low, high = (middle, high) if short else (low, middle)
    weights = 10.0 * turned(high) / panel.spans
    first = 0.5 * (1 + np.tanh(0.5 * panel.differences @ weights))
    return known.deciding(panel, first, panel.coin)


def _by_place(panel: Panel, step: float) -> Floats:
    """The majority at 0, whoever is shown as A at 1; in between that share of answers."""
    shown = np.zeros_like(known.majority(panel))
    shown[:, 0, 0] = shown[:, 1, 1] = 1.0
    return (1 - step) * known.majority(panel) + step * shown


def _flipping(panel: Panel, step: float) -> Floats:
    """Flip never at 0, always at 1, whatever the patients."""
    return known.deciding(panel, panel.decided[:, 0], np.full(len(panel), step))


def _miscalibrated(panel: Panel, step: float) -> Floats:
    """Flip where people flip at 0, and at 1 everywhere, at even steps of the squared gap."""
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
