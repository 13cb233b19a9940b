"""Rank correlation and reliability of the headline measures over respondents with known values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from kidney_evals.estimation.importance import importance_distance
from kidney_evals.estimation.rank import spearman
from kidney_evals.human.tables import Floats
from kidney_evals.lab import respondents as known
from kidney_evals.lab.panel import Panel, people
from kidney_evals.lab.respondents import Respondent
from kidney_evals.lab.simulate import simulate_run
from kidney_evals.lab.table_text import decimals, markdown_table
from kidney_evals.measures import compute
from kidney_evals.respondents import definitions
from kidney_evals.studies import Condition

HEADLINES: Final[dict[Condition, tuple[str, ...]]] = {
    "forced_choice": ("agreement", "distance", "share_dist", "swap_diff"),
    "coin_flip": ("flip_rate", "flip_calib", "distance"),
}
"""Headline measures by condition; each has its own graded series."""

_SIZES: Final = (200, 400)
"""Numbers of drawn dilemmas in the runs that compare caricatures with a human draw."""


def graded_series(row: str, levels: int) -> list[tuple[float, Respondent]]:
    """Return respondents whose true values of a headline are evenly spaced, each with its step.

    Step 0 is people, or the most regular respondent; step 1 is the respondent farthest from step 0.
    For the smallest difference that a run can detect, see `kidney_evals.planning`.
    """

    def respondent(step: float) -> Respondent:
        name = f"{row} {step:.4f}"
        return Respondent(name, "", lambda panel: _SERIES[row](panel, step), known.never)

    return [(step, respondent(step)) for step in np.linspace(0.0, 1.0, levels).tolist()]


def order_and_reliability(condition: Condition, *, levels: int = 40, forms: int = 10) -> str:
    """Return a Markdown table of how well each headline orders its graded series.

    It has the absolute rank correlation with the true order in single runs (mean and minimum over
    forms), and the intra-class correlation over forms. A form is a draw of dilemmas.
    """
    reference = people(condition)
    rows = []
    for row in HEADLINES[condition]:
        series = graded_series(row, levels)
        values = np.array(
            [
                [compute(simulate_run(reference, one, form), row).value for form in range(forms)]
                for _, one in series
            ]
        )
        steps = np.array([step for step, _ in series])
        # Agreement decreases with the step, the other headlines increase.
        ranks = [abs(float(spearman(steps, values[:, form]))) for form in range(forms)]
        figures = (float(np.mean(ranks)), min(ranks), intra_class(values))
        rows.append((f"`{row}`", *(decimals(figure, 3) for figure in figures)))
    head = ("headline", "Spearman with the truth", "lowest of the forms", "ICC over forms")
    return markdown_table(head, "lrrr", rows)


def outranked(condition: Condition, *, runs: int, quick: bool) -> str:
    """Return a Markdown table of how often a caricature is nearer to people than a human draw.

    Both answer the same dilemmas and are compared with the same sample of people.
    """
    reference = people(condition)
    caricatures = {"majority": known.majority, "never flips": known.never_flips}
    measures = ["distance", "flip_calib"]
    if condition == "forced_choice":
        del caricatures["never flips"], measures[1]
    caricatures["noise"] = known.noise

    def values(name: str, behaviour: known.Behaviour, dilemmas: int) -> Floats:
        """Return the values of the measures, shape (measures, runs)."""
        who = Respondent(name, "", behaviour, known.never, dilemmas)
        made = (simulate_run(reference, who, index) for index in range(runs))
        return np.array([[compute(run, row).value for row in measures] for run in made]).T

    rows = []
    for dilemmas in _SIZES[:1] if quick else _SIZES:
        human = values("human-like", known.as_people, dilemmas)
        for name, behaviour in caricatures.items():
            theirs = values(name, behaviour, dilemmas)
            for row, ours, human_values in zip(measures, theirs, human, strict=True):
                share = decimals(float((ours < human_values).mean()), 3)
                means = float(ours.mean()), float(human_values.mean())
                rows.append((name, dilemmas, f"`{row}`", share, *means))
    nearer = f"nearer, of {runs} runs"
    head = ("caricature", "dilemmas", "row", nearer, "mean", "human draw")
    return markdown_table(head, "lrlrrr", rows)


def intra_class(table: Floats | Sequence[Sequence[float]]) -> float:
    """Return the one-way intra-class correlation ICC(1) of single values.

    (MSB - MSW) / (MSB + (m - 1) MSW) with m values for each of n respondents (Shrout and Fleiss
    1979, ICC(1,1)).
    """
    values = np.asarray(table, dtype=np.float64)
    n, m = values.shape
    means = values.mean(axis=1)
    between = m * float(((means - values.mean()) ** 2).sum()) / (n - 1)
    within = float(((values - means[:, None]) ** 2).sum()) / (n * (m - 1))
    return float((between - within) / (between + (m - 1) * within))


def _blend(panel: Panel, step: float) -> Floats:
    """Interpolate from people (step 0) to people with the two patients swapped (step 1)."""
    return (1 - step) * known.as_people(panel) + step * known.anti_human(panel)


def _apart(panel: Panel, step: float) -> Floats:
    """Interpolate from people to the reverse of their majority, evenly in squared distance."""
    part = float(step**0.5)
    against = known.majority(panel)[:, :, [1, 0, 2, 3]]
    return (1 - part) * known.as_people(panel) + part * against


def _turning(panel: Panel, step: float) -> Floats:
    """Interpolate from people's importance shares to the reverse of the last attribute alone.

    The steps are even in importance distance.
    """
    importance = panel.reference.importance
    last = -np.sign(importance[-1]) * np.eye(len(importance))[-1]

    def turned(part: float) -> Floats:
        mixed = (1 - part) * importance + part * last
        result: Floats = mixed / np.abs(mixed).sum()
        return result

    wanted = step * float(importance_distance(last, importance))

    def beyond(part: float) -> float:
        return float(importance_distance(turned(part), importance)) - wanted

    part = brentq(beyond, 0.0, 1.0, xtol=1e-15) if 0 < step < 1 else step
    weights = 10.0 * turned(part) / panel.spans
    return known.deciding(panel, expit(panel.differences @ weights), panel.coin)


def _by_place(panel: Panel, step: float) -> Floats:
    """Mix the majority (step 0) with the patient who is shown as A (step 1)."""
    return (1 - step) * known.majority(panel) + step * definitions.first(panel)


def _flipping(panel: Panel, step: float) -> Floats:
    """Take the coin with probability `step` on every dilemma."""
    return known.deciding(panel, panel.decided[:, 0], step)


def _miscalibrated(panel: Panel, step: float) -> Floats:
    """Interpolate from people's coin shares to 1, evenly in squared difference."""
    part = float(step**0.5)
    return known.deciding(panel, panel.decided[:, 0], (1 - part) * panel.coin + part)


_SERIES: Final[dict[str, Callable[[Panel, float], Floats]]] = {
    "agreement": _blend,
    "distance": _apart,
    "share_dist": _turning,
    "swap_diff": _by_place,
    "flip_rate": _flipping,
    "flip_calib": _miscalibrated,
}
