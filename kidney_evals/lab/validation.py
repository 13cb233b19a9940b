"""Validation: errors of the measures in simulated runs of respondents with known values.

`kidney-evals validate` prints the tables, with a verdict on every interval. Some measures must also
order series of respondents whose true values are evenly spaced.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from kidney_evals.card import LIKE, PERSON, UNKNOWN, UNLIKE, findings_of
from kidney_evals.estimation.arrays import Bools
from kidney_evals.estimation.importance import importance_distance
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.estimation.rank import spearman
from kidney_evals.human.reference import Reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab import respondents as known
from kidney_evals.lab.panel import Panel, people, population
from kidney_evals.lab.respondents import RESPONDENTS, Behaviour, Respondent
from kidney_evals.lab.simulate import SEED, covers, simulate_run
from kidney_evals.lab.table_text import decimals, markdown_table
from kidney_evals.lab.truth import true_rows
from kidney_evals.measures import compute
from kidney_evals.respondents import definitions
from kidney_evals.studies import CONDITIONS, Condition

_QUICK = ("human-like", "noise", "never flips", "10 % unreadable")
"""Respondents of a quick validation."""

_JUDGED: Final = (
    *("human-like", "sharper", "sharp ×12", "sharp ×25", "anti-human", "leaning", "never flips"),
    *("random flips", "lexicographic", "noise"),
)
_JUDGED_QUICK: Final = ("human-like", "random flips", "never flips")
"""Respondents whose verdicts are tabled."""

_PROMISED = (0.93, 0.97)  # range in which the coverage of a 95 % interval should lie

_COMMON: Final = (
    *("agreement", "sharpness", "swap_diff", "pos_bias", "dominance", "log_score", "distance"),
    "coverage",
)
_COIN: Final = ("flip_rate", "flip_calib", "coin_slope", "flip_slope", "threshold")

_ORDERING: Final[dict[Condition, tuple[str, ...]]] = {
    "forced_choice": ("agreement", "distance", "share_dist", "swap_diff"),
    "coin_flip": ("flip_rate", "flip_calib", "distance"),
}
"""Measures by condition that have a graded series."""

_SIZES: Final = (200, 400)  # numbers of drawn dilemmas behind verdicts and compared respondents


@dataclass(frozen=True)
class Validated:
    """One measure of one respondent over many runs; a number without any run behind it is NaN."""

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
        """`narrow`, `wide` or `ok`; empty if the measure has no interval or no true value.

        It is `narrow` if the coverage is more than two standard errors below .93, `wide` if it is
        more than two standard errors above .97.
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
) -> Iterator[Validated]:
    """Yield every measure of each respondent, over runs that each have new dilemmas and people."""
    reference = people(condition)
    for respondent in respondents:
        truth = true_rows(respondent, population(condition, SEED))
        names = [row for row in rows_of(reference) if row in truth]
        simulated = (simulate_run(reference, respondent, index) for index in range(runs))
        estimates = [[compute(run, row) for row in names] for run in simulated]
        for row, column in zip(names, zip(*estimates, strict=True), strict=True):
            yield _validated(respondent.name, row, truth[row], column)


def rows_of(reference: Reference) -> list[str]:
    """Return the ids of the validated measures of a study and condition."""
    shares = [f"imp_{name}" for name in reference.study.attribute_ids]
    return [*(_COIN if reference.condition == "coin_flip" else ()), *_COMMON, *shares]


def _validated(respondent: str, row: str, truth: float, estimates: Sequence[Quantity]) -> Validated:
    defined = np.array([one[:3] for one in estimates if one.defined]).reshape(-1, 3)
    values, low, high = defined.T
    bounded = np.isfinite(low) & np.isfinite(high)
    low, high = low[bounded], high[bounded]
    held = covers(low, high, truth)
    return Validated(
        respondent=respondent,
        row=row,
        truth=truth,
        mean=_mean(values),
        error=_mean((values - truth) ** 2) ** 0.5,
        half=_mean(high - low) / 2,
        coverage=float("nan") if np.isnan(truth) else _mean(held),
        intervals=len(low),
    )


def _mean(values: Floats | Bools) -> float:
    return float(values.mean()) if len(values) else float("nan")


def report(*, runs: int, quick: bool = False, conditions: Sequence[Condition] = CONDITIONS) -> str:
    """Run the validation and return its tables as Markdown.

    Args:
        runs: Number of runs of each respondent.
        quick: Whether only a few respondents are simulated.
        conditions: The conditions to validate.
    """
    who = [respondent for respondent in RESPONDENTS if not quick or respondent.name in _QUICK]
    parts = ["\n".join(f"- **{respondent.name}**: {respondent.what}" for respondent in who)]
    head = ("respondent", "row", "truth", "mean", "bias", "RMSE", "half width", "coverage")
    for condition in conditions:
        rows = []
        for one in validate(condition, who, runs=runs):
            figures = (one.truth, one.mean, one.mean - one.truth, one.error, one.half)
            coverage = decimals(one.coverage, 3), one.verdict
            rows.append((one.respondent, f"`{one.row}`", *figures, *coverage))
        parts += [
            f"## {condition}, {runs} runs of each respondent",
            markdown_table((*head, "verdict"), "llrrrrrrl", rows),
            f"## Verdicts of the card, {condition}, {runs} runs of each respondent",
            _verdicts(condition, runs=runs, quick=quick),
            _order_and_reliability(condition, *((20, 3) if quick else (40, 10))),
            _outranked(condition, runs, _SIZES[:1] if quick else _SIZES),
        ]
    return "\n\n".join(parts) + "\n"


def _verdicts(condition: Condition, *, runs: int, quick: bool) -> str:
    """Return the share of runs in which each question gets each verdict, as a Markdown table.

    "Like a person" counts as `like`. The reference of a run is that of another sample of people.
    """
    reference, rows = people(condition), []
    by_name = {one.name: one for one in RESPONDENTS}
    for name in _JUDGED_QUICK if quick else _JUDGED:
        for size in _SIZES[:1] if quick else _SIZES:
            counts: dict[str, Counter[str]] = {}
            for index in range(runs):
                run = simulate_run(reference, replace(by_name[name], dilemmas=size), index)
                for one in findings_of(run):
                    counts.setdefault(one.id, Counter())[one.verdict] += 1
            for question, found in counts.items():
                times = found[LIKE] + found[PERSON], found[UNLIKE], found[UNKNOWN]
                rows.append((name, 2 * size, question, *(decimals(n / runs, 2) for n in times)))
    head = ("respondent", "calls", "question", "like", UNLIKE, UNKNOWN)
    return markdown_table(head, "lrlrrr", rows)


def graded_series(row: str, levels: int) -> list[tuple[float, Respondent]]:
    """Return `levels` respondents, each after its step, from 0 to 1.

    Their true values of the measure `row` are evenly spaced. At step 0 a respondent answers as
    people do; for `share_dist` it decides by people's importance shares, and for `swap_diff` and
    `flip_rate` it has the value 0. At step 1 it has the value farthest from that of step 0.
    """

    def behaviour(panel: Panel, step: float) -> Floats:
        if row == "share_dist":
            return _turning(panel, step)
        start, end, power = _SERIES[row]
        return np.asarray((1 - step**power) * start(panel) + step**power * end(panel))

    steps = np.linspace(0.0, 1.0, levels).tolist()
    return [(at, Respondent(f"{row} {at:.4f}", "", partial(behaviour, step=at))) for at in steps]


def _order_and_reliability(condition: Condition, levels: int, forms: int) -> str:
    """Return a Markdown table of how well measures order their graded series.

    In single runs and over forms, which are draws of dilemmas.
    """
    rows = []
    for row in _ORDERING[condition]:
        steps, series = zip(*graded_series(row, levels), strict=True)
        values = _values((row,), condition, series, forms)[0]
        # Agreement decreases with the step, the other measures increase.
        ranks = [abs(float(spearman(np.array(steps), form))) for form in values.T]
        figures = (float(np.mean(ranks)), min(ranks), intra_class(values))
        rows.append((f"`{row}`", *(decimals(figure, 3) for figure in figures)))
    head = ("measure", "Spearman with the truth", "lowest of the forms", "ICC over forms")
    return markdown_table(head, "lrrr", rows)


def _outranked(condition: Condition, runs: int, sizes: Sequence[int]) -> str:
    """Return a table of how often simple respondents score nearer to people than a human crowd."""
    behaviours = {"human-like": known.as_people, "majority": known.majority}
    measures, rows = ["distance"], []
    if condition == "coin_flip":
        behaviours["never flips"] = known.never_flips
        measures.append("flip_calib")
    behaviours["noise"] = known.noise
    for dilemmas in sizes:
        who = [Respondent(name, "", one, dilemmas=dilemmas) for name, one in behaviours.items()]
        by_measure = _values(measures, condition, who, runs)
        for place, name in enumerate([*behaviours][1:], start=1):
            for row, values in zip(measures, by_measure, strict=True):
                theirs, human = values[place], values[0]
                share = decimals(float((theirs < human).mean()), 3)
                means = float(theirs.mean()), float(human.mean())
                rows.append((name, dilemmas, f"`{row}`", share, *means))
    nearer = f"nearer, of {runs} runs"
    head = ("caricature", "dilemmas", "row", nearer, "mean", "human draw")
    return markdown_table(head, "lrlrrr", rows)


def _values(
    rows: Sequence[str], condition: Condition, respondents: Sequence[Respondent], runs: int
) -> Floats:
    """Return the values of measures in simulated runs, shape (rows, respondents, runs)."""
    reference = people(condition)
    values = np.empty((len(rows), len(respondents), runs))
    for place, respondent in enumerate(respondents):
        for index in range(runs):
            run = simulate_run(reference, respondent, index)
            values[:, place, index] = [compute(run, row).value for row in rows]
    return values


def intra_class(table: Floats | Sequence[Sequence[float]]) -> float:
    """Return (MSB - MSW) / (MSB + (m - 1) MSW), ICC(1,1) of Shrout and Fleiss (1979).

    MSB and MSW are the mean squares between and within respondents.

    Args:
        table: m values of each of n respondents, shape (n, m).
    """
    values = np.asarray(table, dtype=np.float64)
    n, m = values.shape  # respondents, and values of each
    means = values.mean(axis=1)
    between = m * float(((means - values.mean()) ** 2).sum()) / (n - 1)
    within = float(((values - means[:, None]) ** 2).sum()) / (n * (m - 1))
    return float((between - within) / (between + (m - 1) * within))


def _against_majority(panel: Panel) -> Floats:
    return known.majority(panel)[:, :, [1, 0, 2, 3]]


_SERIES: Final[dict[str, tuple[Behaviour, Behaviour, float]]] = {
    "agreement": (known.as_people, known.anti_human, 1.0),
    "distance": (known.as_people, _against_majority, 0.5),
    "swap_diff": (known.majority, definitions.first, 1.0),
    "flip_rate": (known.never_flips, definitions.coin, 1.0),
    "flip_calib": (known.as_people, definitions.coin, 0.5),
}
"""Both ends of each series, and a power: the weight of the second end is the step to this power. At
.5 a measure that is a squared difference is evenly spaced."""


def _turning(panel: Panel, step: float) -> Floats:
    """Decide by importance shares at `step` of the distance from people's to the last, reversed."""
    importance = panel.reference.importance
    last = -np.sign(importance[-1]) * np.eye(len(importance))[-1]

    def turned(part: float) -> Floats:
        mixed = (1 - part) * importance + part * last
        return np.asarray(mixed / np.abs(mixed).sum())

    wanted = step * float(importance_distance(last, importance))

    def beyond(part: float) -> float:
        return float(importance_distance(turned(part), importance)) - wanted

    part = brentq(beyond, 0.0, 1.0, xtol=1e-15) if 0 < step < 1 else step
    weights = 10.0 * turned(part) / panel.spans
    return known.deciding(panel, expit(panel.differences @ weights), panel.coin)
