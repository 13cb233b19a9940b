"""Expected interval widths of a run, and the detectable changes between two models.

The widths come from a simulated table (`precision.csv`; see the card beside it): known respondents
answered runs of 200 drawn dilemmas, or a fixed list. A width has two parts: the model's, which
shrinks with the square root of the number of dilemmas, and people's sampling error, which does not
depend on the run.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.intervals import NAN, NO_INTERVAL, Z95, Interval
from kidney_evals.studies.model import Condition

Respondent = Literal["people", "steady", "never_flips"]
"""A simulated respondent: `people` samples from people's shares, `steady` does too but gives the
same answer whenever a dilemma is repeated, `never_flips` samples from the shares of decided people.
"""

ZERO: Final[Mapping[Condition, Respondent]] = {
    "forced_choice": "steady",
    "coin_flip": "never_flips",
}
"""Respondent whose rate is 0: without a coin no swap disagreement, with a coin no coin."""

CONSISTENCY: Final = (0.3, 0.9)
"""Correlation of the answers to one dilemma: a noisy model, and a nearly deterministic model."""

ZERO_CONSISTENCY: Final[Mapping[Respondent, float]] = {"steady": 1.0, "never_flips": 0.9}

_ROWS: Final[Mapping[Condition, tuple[str, ...]]] = {
    "forced_choice": ("agreement", "swap_diff", "distance"),
    "coin_flip": ("flip_rate", "flip_calib", "distance", "agreement"),
}
"""Planned measures by condition; the importance shares of the study are added to them."""

IMPORTANCE: Final = "imp_"

ALARM: Final = Z95  # normal quantile of a two-sided 5 % false-alarm rate
POWER: Final = 1.2815515655446004  # normal quantile of 90 % power


@lru_cache(maxsize=8)
def read_lines(table: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a CSV file in this sub-package, such as "stopping", by column name."""
    with Path(__file__).with_name(f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@dataclass(frozen=True)
class Design:
    """The design of a run without its controls."""

    study: str  # name of a shipped study, or folder of another study
    condition: Condition
    dilemmas: int  # number of different dilemmas
    both_orders: int  # number of dilemmas that are shown in both orders
    epochs: int  # number of repetitions of the whole design
    drawn: bool  # whether the dilemmas are a sample of the study's domain, and not a fixed list

    @property
    def answers(self) -> float:
        """Answers per dilemma."""
        return self.epochs * (1 + self.both_orders / self.dilemmas)


class Expectation(NamedTuple):
    """Expected precision of one measure; NaN where unknown."""

    row: str  # the measure's name in the log
    value: float  # of a respondent who samples each answer from people's shares
    half: float  # half width of its 95 % interval
    half_consistent: Interval  # half widths with the same shares and correlations of `CONSISTENCY`
    zero_value: float  # of the respondent in `ZERO`
    zero: Interval  # interval of `zero_value`
    change: Interval  # detectable changes between two models over `CONSISTENCY`
    # Whether `change` was simulated for paired runs on the same dilemmas. If not, it assumes
    # independent runs, and paired runs detect smaller changes.
    paired: bool
    change_from_zero: Interval  # as `change`, but from the respondent in `ZERO`


class _Entry(NamedTuple):
    """A line of the table; `half_model` is `half` without people's sampling error."""

    value: float
    half: float
    half_model: float
    sd: float


_NO_ENTRY: Final = _Entry(NAN, NAN, NAN, NAN)


def expectations(design: Design) -> tuple[Expectation, ...]:
    """Return the expected precision of a run's measures; NaN for a design without a simulation."""
    importance = dict.fromkeys(
        row
        for study, condition, _, _, row in _table()
        if (study, condition) == (design.study, design.condition) and row.startswith(IMPORTANCE)
    )
    return tuple(_expect(design, row) for row in (*_ROWS[design.condition], *importance))


def expected_end(design: Design, row: str, precision: float, looks: Sequence[int]) -> int:
    """Return the first of `looks`, numbers of dilemmas, with a half width below `precision`.

    The half width of `row` is that expected if the model answers as people do. Returns the last of
    `looks` if none is below.
    """
    for dilemmas in looks:
        both = round(dilemmas * design.both_orders / design.dilemmas)
        if _expect(replace(design, dilemmas=dilemmas, both_orders=both), row).half < precision:
            return dilemmas
    return looks[-1]


def detectable(sd: float) -> float:
    """Return the change between two independent runs with standard errors `sd` that is detected.

    (z_.975 + z_.90) √2 sd, for a two-sided test at 5 % with 90 % power.
    """
    return (ALARM + POWER) * math.sqrt(2) * sd


def detectable_rise(rate: float, size: float) -> float:
    """Return the increase of a proportion that a two-sided test at 5 % detects with 90 % power.

    The smallest d with d = z_.975 √(2 p̄(1 - p̄)/n) + z_.90 √((p(1 - p) + q(1 - q))/n), q = p + d
    and p̄ their mean (Fleiss, Levin and Paik 2003, section 4.2, no continuity correction), for a
    proportion p = `rate` and `size` independent answers n; NaN if no increase up to 1 is detected.
    """
    from scipy.optimize import brentq

    def missing(after: float) -> float:
        mean = (rate + after) / 2
        alarm = ALARM * math.sqrt(2 * mean * (1 - mean) / size)
        power = POWER * math.sqrt((rate * (1 - rate) + after * (1 - after)) / size)
        return alarm + power - (after - rate)

    if not size > 0 or missing(1.0) > 0:
        return NAN
    return float(brentq(missing, rate, 1.0, xtol=1e-14)) - rate


def paired_changes(
    study: str, condition: Condition, row: str, start: str, dilemmas: int
) -> list[float]:
    """Return the change of `row` that is detected with 90 % power, by correlation of the answers.

    `start` is the simulated old version ("people"); a correlation of 0 is left out. Each dilemma is
    asked once in both orders. Between simulated sizes, change × √dilemmas is interpolated linearly;
    above the largest size it is constant. Empty below the smallest size.
    """
    grids: dict[str, list[tuple[int, float]]] = {}
    for line in _lines(study, condition, row):
        if line["start"] == start and float(line["consistency"]) > 0:
            size = int(line["dilemmas"])
            level = float(line["change"]) * math.sqrt(size)
            grids.setdefault(line["consistency"], []).append((size, level))
    tables = (np.array(sorted(grid)) for grid in grids.values())
    return [
        float(np.interp(dilemmas, table[:, 0], table[:, 1])) / math.sqrt(dilemmas)
        for table in tables
        if dilemmas >= table[0, 0]
    ]


def nearest_start(study: str, condition: Condition, row: str, value: float) -> str:
    """Return the simulated old version with the nearest `value` of `row`; "" if none or for NaN."""
    starts = [
        (abs(float(line["value"]) - value), line["start"]) for line in _lines(study, condition, row)
    ]
    return min(starts)[1] if starts and not math.isnan(value) else ""


def _lines(*names: str) -> list[dict[str, str]]:
    """Return the simulated changes of a study, a condition and a row."""
    lines = read_lines("sensitivity")
    return [line for line in lines if (line["study"], line["condition"], line["row"]) == names]


def probe_widths(condition: str, levels: int, dilemmas: int) -> dict[str, float]:
    """Return the half widths of a probe's effect whose true value is 0, by respondent.

    `crowd` answers as randomly as people, `rule` without chance. From the nearest simulated number
    of dilemmas, the width of `crowd` is scaled by the inverse root of the number, that of `rule` by
    its inverse. Empty for a number of levels that was not simulated.
    """
    found = {}
    # All answers of a rule without an effect are equal, and its width falls with the number.
    for respondent, power in (("crowd", 0.5), ("rule", 1)):
        halves = {
            int(line["dilemmas"]): float(line["half"])
            for line in read_lines("probe")
            if (line["condition"], line["respondent"]) == (condition, respondent)
            and (int(line["levels"]), float(line["bias"])) == (levels, 0)
        }
        if halves:
            nearest = min(halves, key=lambda size: abs(size - dilemmas))
            found[respondent] = halves[nearest] * (nearest / dilemmas) ** power
    return found


def effective_answers(design: Design, correlation: float) -> float:
    """Return the effective number of independent answers behind a rate: N / (1 + (m - 1) ρ).

    N is the number of answers, m that per dilemma, ρ the `correlation` (Kish 1965). N / (1 - ρ) on
    a fixed list, where differences between questions are not sampling error.
    """
    total = design.dilemmas * design.answers
    if design.drawn:
        return total / (1 + (design.answers - 1) * correlation)
    return total / (1 - correlation)


def _expect(design: Design, row: str) -> Expectation:
    zero = ZERO[design.condition]
    as_people = _find(design, row, "people", 0.0) or _NO_ENTRY
    last = _find(design, row, zero, ZERO_CONSISTENCY[zero]) or _NO_ENTRY
    known = [entry for rho in CONSISTENCY if (entry := _find(design, row, "people", rho))]
    zero_value, zero_ends = last.value, Interval(last.value - last.half, last.value + last.half)
    if (row, zero) in (("flip_rate", "never_flips"), ("swap_diff", "steady")):
        zero_value, zero_ends = _all_zero(design, row)
    paired = _paired(design, row, "people")
    changes = paired or [detectable(entry.sd) for entry in known]
    if row == "flip_rate" and not paired and not math.isnan(as_people.value):
        changes = [
            detectable_rise(as_people.value, effective_answers(design, rho)) for rho in CONSISTENCY
        ]
    elif row == "flip_calib" and not paired:
        # A squared gap near zero: its standard error grows with the change that is to be detected.
        changes = []
    return Expectation(
        row=row,
        value=as_people.value,
        half=as_people.half,
        half_consistent=_range([entry.half for entry in known]),
        zero_value=zero_value,
        zero=zero_ends,
        change=_range(changes),
        paired=bool(paired),
        change_from_zero=_range(_paired(design, row, zero)),
    )


def _paired(design: Design, row: str, start: Respondent) -> list[float]:
    """Return the simulated changes; empty unless both orders and one epoch are used."""
    if not design.drawn or design.both_orders < design.dilemmas or design.epochs > 1:
        return []
    return paired_changes(design.study, design.condition, row, start, design.dilemmas)


def _range(values: Sequence[float]) -> Interval:
    return Interval(min(values), max(values)) if values else NO_INTERVAL


def _find(design: Design, row: str, respondent: Respondent, consistency: float) -> _Entry | None:
    """Return an entry of the table, scaled to the design's size; None if there is no entry."""
    grid = _table().get((design.study, design.condition, respondent, consistency, row))
    dilemmas, answers = design.dilemmas, design.answers
    if row == "swap_diff" or (row == "distance" and design.epochs == 1):
        # Only dilemmas with an answer in both orders count.
        dilemmas, answers = design.both_orders, 2.0 * design.epochs
    if grid is None or dilemmas < 1 or answers < min(grid):
        return None
    simulated, value, half, half_model, sd = _between(grid, answers)
    shrink = math.sqrt(simulated / dilemmas)
    people = math.sqrt(max(half**2 - half_model**2, 0.0))
    return _Entry(value, math.hypot(half_model * shrink, people), half_model * shrink, sd * shrink)


def _between(grid: Mapping[int, NDArray[np.float64]], answers: float) -> list[float]:
    """Interpolate over the answers per dilemma, m: variances are linear in 1/m."""
    known = sorted(grid)
    if len(known) == 1:
        return list(map(float, grid[known[0]]))
    pairs = list(pairwise(known))
    left, right = next((pair for pair in pairs if pair[1] >= answers), pairs[-1])
    one, two = grid[left], grid[right]
    share = (1 / left - 1 / answers) / (1 / left - 1 / right)
    value = one[1] + min(share, 1.0) * (two[1] - one[1])
    # Beyond the largest m the line continues, but no variance falls faster than 1/m.
    floor = min(1.0, right / answers) * two[2:] ** 2 * (share > 1)
    widths = np.sqrt(np.maximum(one[2:] ** 2 + share * (two[2:] ** 2 - one[2:] ** 2), floor))
    return [float(one[0]), float(value), *widths.tolist()]


def _all_zero(design: Design, row: str) -> tuple[float, Interval]:
    """Return the scorers' rate and interval if every answer is the first-listed patient."""
    from kidney_evals.estimation.consistency import swap_disagreement
    from kidney_evals.estimation.decisions import Decisions
    from kidney_evals.estimation.indecision import indecision_rate

    count, epochs = design.dilemmas, design.epochs
    dilemma = np.concatenate([np.arange(count), np.arange(design.both_orders)])
    order = np.repeat([0, 1], [count, design.both_orders])
    run = Decisions(
        dilemma=np.tile(dilemma, epochs),
        order=np.tile(order, epochs),
        epoch=np.repeat(np.arange(epochs), len(dilemma)),
        choice=np.zeros(epochs * len(dilemma), dtype=np.int64),
        differences=np.zeros((count, 1)),
        shares=np.full((count, 3 if design.condition == "coin_flip" else 2), np.nan),
        share_draws=None,
        closeness=np.full(count, np.nan),
        fixed=not design.drawn,
    )
    value, low, high, *_ = (indecision_rate if row == "flip_rate" else swap_disagreement)(run)
    return value, Interval(low, high)


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str, str, float, str], dict[int, NDArray[np.float64]]]:
    """Return the table: by answers per dilemma, the number of dilemmas and those of `_Entry`."""
    table: dict[tuple[str, str, str, float, str], dict[int, NDArray[np.float64]]] = {}
    for line in read_lines("precision"):
        study, condition, respondent = line["study"], line["condition"], line["respondent"]
        key = (study, condition, respondent, float(line["consistency"]), line["row"])
        entry = np.array([float(line[name]) for name in ("dilemmas", *_Entry._fields)])
        table.setdefault(key, {})[int(line["answers"])] = entry
    return table
