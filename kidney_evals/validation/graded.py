"""Do the headline quantities order respondents as the truth does, and again on other dilemmas?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kidney_evals.estimation._checks import Floats
from kidney_evals.estimation.rank import spearman
from kidney_evals.human.reference import load_reference
from kidney_evals.measures.rows import measure
from kidney_evals.studies import Condition, load_study
from kidney_evals.validation import respondents as known
from kidney_evals.validation.panel import Panel
from kidney_evals.validation.respondents import Respondent
from kidney_evals.validation.simulate import simulate_run

LEVELS: Final = 40
"""Respondents of a graded series."""

FORMS: Final = 10
"""Fresh draws of dilemmas that each of them answers."""

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
    """Return respondents whose true value of `row` moves steadily away from people's, and the step.

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


def outranked(
    study: str, condition: Condition, *, runs: int
) -> dict[str, tuple[float, float, float]]:
    """Return for each caricature how often it comes out nearer to people than a human draw.

    Both answer the same dilemmas and are compared with the same crowd.

    Returns:
        By respondent: the share of single runs in which its choice distance is the lower one, its
        mean distance, and the mean distance of the human draw.
    """
    reference = load_reference(load_study(study), condition)
    caricatures = {
        "majority": known.majority,
        "never flips": known.never_flips,
        "noise": known.noise,
    }
    if condition == "forced_choice":
        caricatures.pop("never flips")
    people = Respondent("human-like", "", known.as_people, known.never)
    nearest = np.array(
        [measure(simulate_run(reference, people, run), "distance").value for run in range(runs)]
    )
    result = {}
    for name, behaviour in caricatures.items():
        who = Respondent(name, "", behaviour, known.never)
        values = np.array(
            [measure(simulate_run(reference, who, run), "distance").value for run in range(runs)]
        )
        result[name] = (
            float((values < nearest).mean()),
            float(values.mean()),
            float(nearest.mean()),
        )
    return result


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
    """The same, at even steps of the squared distance, which is the square of the blend."""
    return _blend(panel, step**0.5)


def _narrowing(panel: Panel, step: float) -> Floats:
    """Decide by people's importance shares at 0, by the first attribute alone at 1.

    The importance distance is `step` times one less people's share of that attribute.
    """
    alone = np.eye(len(panel.importance))[0]
    weights = 10.0 * ((1 - step) * panel.importance + step * alone) / panel.spans
    first = 0.5 * (1 + np.tanh(0.5 * panel.differences @ weights))
    return known.deciding(panel, first, panel.coin)


def _noisier(panel: Panel, step: float) -> Floats:
    """The majority at 0, either patient evenly at 1."""
    sure = known.majority(panel)
    even = known.deciding(panel, np.full(len(panel), 0.5), 0.0)
    return (1 - step) * sure + step * even


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
    "share_dist": _narrowing,
    "swap_diff": _noisier,
    "flip_rate": _flipping,
    "flip_calib": _miscalibrated,
}
