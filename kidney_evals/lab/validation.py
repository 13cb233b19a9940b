"""Validation: errors of the measures in simulated runs of respondents with known values.

`kidney-evals validate` prints the tables, with a verdict on every interval. The headline measures
must also order series of respondents whose true values are evenly spaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from kidney_evals.estimation.importance import importance_distance
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.estimation.rank import spearman
from kidney_evals.human.reference import Reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab import respondents as known
from kidney_evals.lab.panel import Panel, people, population
from kidney_evals.lab.respondents import RESPONDENTS, Behaviour, Respondent
from kidney_evals.lab.simulate import SEED, simulate_run
from kidney_evals.lab.table_text import decimals, markdown_table
from kidney_evals.lab.truth import true_rows
from kidney_evals.measures import compute
from kidney_evals.respondents import definitions
from kidney_evals.studies import CONDITIONS, Condition

_QUICK = ("human-like", "noise", "never flips", "10 % unreadable")
"""Respondents of a quick validation."""

_PROMISED = (0.93, 0.97)
"""Range in which the coverage of a 95 % interval should lie."""

_COMMON: Final = (
    *("agreement", "agree_adj", "swap_diff", "pos_bias", "dominance", "log_score", "distance"),
    "coverage",
)
_COIN: Final = ("flip_rate", "flip_gap", "flip_calib", "flip_slope", "threshold")


@dataclass(frozen=True)
class Validated:
    """One measure of one respondent over many runs."""

    respondent: str
    row: str
    truth: float  # value over the population of dilemmas
    mean: float
    error: float  # root mean square error
    half: float  # mean half width of the intervals
    coverage: float  # share of intervals that contain the truth
    intervals: int  # number of runs in which the measure had an interval

    @property
    def verdict(self) -> str:
        """The class of the coverage; empty if there is no interval or no true value.

        `ok` if it is within two standard errors of .93 to .97, `wide` above, `narrow` below.
        """
        if not self.intervals or self.coverage != self.coverage:
            return ""
        slack = 2 * float((0.95 * 0.05 / self.intervals) ** 0.5)
        low, high = _PROMISED
        if self.coverage < low - slack:
            return "narrow"
        return "wide" if self.coverage > high + slack else "ok"


def validate(
    condition: Condition, respondents: Sequence[Respondent], *, runs: int
) -> Iterator[list[Validated]]:
    """Simulate runs of each respondent, each with new dilemmas and people; yield its measures."""
    reference = people(condition)
    for respondent in respondents:
        truth = true_rows(respondent, population(condition, SEED))
        names = [row for row in rows_of(reference) if row in truth]
        estimates = []
        for index in range(runs):
            run = simulate_run(reference, respondent, index)
            estimates.append([compute(run, row) for row in names])
        yield [
            _validated(respondent.name, row, truth[row], column)
            for row, column in zip(names, zip(*estimates, strict=True), strict=True)
        ]


def rows_of(reference: Reference) -> list[str]:
    """Return the validated measures of a study and condition."""
    shares = [f"imp_{name}" for name in reference.study.attribute_ids]
    return [*(_COIN if reference.condition == "coin_flip" else ()), *_COMMON, *shares]


def report(*, runs: int, quick: bool = False, conditions: Sequence[Condition] = CONDITIONS) -> str:
    """Run the validation and return its tables as Markdown; if quick, of a few respondents."""
    who = [respondent for respondent in RESPONDENTS if not quick or respondent.name in _QUICK]
    parts = ["\n".join(f"- **{respondent.name}**: {respondent.what}" for respondent in who)]
    head = ("respondent", "row", "truth", "mean", "bias", "RMSE", "half width", "coverage")
    for condition in conditions:
        rows = [
            (
                *(
                    measure.respondent,
                    f"`{measure.row}`",
                    measure.truth,
                    measure.mean,
                    measure.mean - measure.truth,
                ),
                *(measure.error, measure.half, decimals(measure.coverage, 3), measure.verdict),
            )
            for measures in validate(condition, who, runs=runs)
            for measure in measures
        ]
        size = {"levels": 20, "forms": 3} if quick else {}
        parts += [
            f"## {condition}, {runs} runs of each respondent",
            markdown_table((*head, "verdict"), "llrrrrrrl", rows),
            _order_and_reliability(condition, **size),
            _outranked(condition, runs=runs, quick=quick),
        ]
    return "\n\n".join(parts) + "\n"


def _validated(respondent: str, row: str, truth: float, estimates: Sequence[Quantity]) -> Validated:
    defined = [quantity for quantity in estimates if quantity.defined]
    values = np.array([quantity.value for quantity in defined])
    ends: Floats = np.array([(quantity.low, quantity.high) for quantity in defined]).reshape(-1, 2)
    ends = ends[np.isfinite(ends).all(axis=1)]
    # The tolerance keeps a bound that equals the truth, as for a coverage of 1, despite rounding.
    held = (ends[:, 0] <= truth + 1e-9) & (truth - 1e-9 <= ends[:, 1])
    nan = float("nan")
    return Validated(
        respondent=respondent,
        row=row,
        truth=truth,
        mean=float(values.mean()) if len(values) else nan,
        error=float(((values - truth) ** 2).mean() ** 0.5) if len(values) else nan,
        half=float((ends[:, 1] - ends[:, 0]).mean() / 2) if len(ends) else nan,
        coverage=float(held.mean()) if len(ends) and not np.isnan(truth) else nan,
        intervals=len(ends),
    )


HEADLINES: Final[dict[Condition, tuple[str, ...]]] = {
    "forced_choice": ("agreement", "distance", "share_dist", "swap_diff"),
    "coin_flip": ("flip_rate", "flip_calib", "distance"),
}
"""Headline measures by condition; each has its own graded series."""

_SIZES: Final = (200, 400)
"""Numbers of drawn dilemmas in the runs that compare simple respondents with a sampler."""


def graded_series(row: str, levels: int) -> list[tuple[float, Respondent]]:
    """Return respondents whose true values of a headline are evenly spaced, each with its step.

    Step 0 is people, or the most regular respondent; step 1 is the farthest from step 0.
    """

    def respondent(step: float) -> Respondent:
        name = f"{row} {step:.4f}"
        return Respondent(name, "", lambda panel: _SERIES[row](panel, step), known.never)

    return [(step, respondent(step)) for step in np.linspace(0.0, 1.0, levels).tolist()]


def _order_and_reliability(condition: Condition, *, levels: int = 40, forms: int = 10) -> str:
    """Return a Markdown table of how well each headline orders its graded series.

    It has the absolute rank correlation with the true order in single runs, and the intra-class
    correlation over forms. A form is a draw of dilemmas.
    """
    reference = people(condition)
    rows = []
    for row in HEADLINES[condition]:
        series = graded_series(row, levels)
        values = np.array(
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
        ranks = [abs(float(spearman(steps, values[:, form]))) for form in range(forms)]
        figures = (float(np.mean(ranks)), min(ranks), intra_class(values))
        rows.append((f"`{row}`", *(decimals(figure, 3) for figure in figures)))
    head = ("headline", "Spearman with the truth", "lowest of the forms", "ICC over forms")
    return markdown_table(head, "lrrr", rows)


def _outranked(condition: Condition, *, runs: int, quick: bool) -> str:
    """Return a Markdown table of how often simple respondents are nearer to people than a sampler.

    The sampler draws each answer from people's shares. Both answer the same dilemmas.
    """
    reference = people(condition)
    caricatures = {"majority": known.majority, "never flips": known.never_flips}
    measures = ["distance", "flip_calib"]
    if condition == "forced_choice":
        del caricatures["never flips"], measures[1]
    caricatures["noise"] = known.noise

    def values(name: str, behaviour: Behaviour, dilemmas: int) -> Floats:
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

    (MSB - MSW) / (MSB + (m - 1) MSW), m values of each respondent (Shrout and Fleiss 1979,
    ICC(1,1)).
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
    """Interpolate from people's importance shares to a reversed last one, evenly in distance."""
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
