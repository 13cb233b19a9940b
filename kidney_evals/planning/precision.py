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
"""A simulated respondent.

- `people`: each answer is drawn from people's shares.
- `steady`: as `people`, but all answers to one dilemma are the same.
- `never_flips`: each answer is drawn from the shares of people who decided.
"""

ZERO: Final[Mapping[Condition, Respondent]] = {
    "forced_choice": "steady",
    "coin_flip": "never_flips",
}
"""By condition, the respondent with a rate of 0.

The rate is swap disagreement in `forced_choice` and the coin rate in `coin_flip`.
"""

CONSISTENCY: Final = (0.3, 0.9)
"""Correlations of the answers to one dilemma: of a noisy and of a nearly deterministic model."""

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
    """Return the rows of a table in this folder, each with the text of its cells by column.

    Args:
        table: Name of the CSV file without its ending, such as "stopping".
    """
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
        """Mean number of answers per dilemma."""
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
    """Return the number of dilemmas after which a run with `-T precision` is expected to end.

    It is the first of `looks` at which the half width expected of a model that answers as people do
    is below `precision`, or the last of `looks` if there is none.

    Args:
        design: The design of the run if all dilemmas are asked.
        row: The measure whose interval must reach the precision.
        precision: The target half width.
        looks: Ascending numbers of dilemmas after which the run may end.
    """
    for dilemmas in looks:
        both = round(dilemmas * design.both_orders / design.dilemmas)
        if _expect(replace(design, dilemmas=dilemmas, both_orders=both), row).half < precision:
            return dilemmas
    return looks[-1]


def detectable(sd: float) -> float:
    """Return the smallest change between two independent runs that is detected.

    It is (z_.975 + z_.90) √2 sd for a two-sided test at 5 % with 90 % power, where `sd` is the
    standard error in each run.
    """
    return (ALARM + POWER) * math.sqrt(2) * sd


def detectable_rise(rate: float, size: float) -> float:
    """Return the smallest increase of a proportion that is detected with 90 % power.

    The test is two-sided at 5 %. The increase is the smallest d with d = z_.975 √(2 p̄(1 - p̄)/n) +
    z_.90 √((p(1 - p) + q(1 - q))/n), where the proportion p is `rate`, q = p + d, p̄ is the mean of
    p and q, and n is `size`, the number of independent answers (Fleiss, Levin and Paik 2003,
    section 4.2, no continuity correction). NaN if no increase up to 1 is detected.
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
    """Return the changes of `row` that are detected with 90 % power, one for each correlation.

    The simulated correlations of the answers to one dilemma are those above 0. `start` is the
    simulated old version ("people"). Each dilemma is asked once in both orders. Between simulated
    sizes, change × √dilemmas is interpolated linearly; above the largest size it is constant. Empty
    below the smallest size.
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
    """Return the simulated old version whose value of `row` is nearest to `value`.

    Empty if none was simulated or `value` is NaN.
    """
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

    The respondent `crowd` answers as randomly as people, `rule` without chance. A width is scaled
    from the nearest simulated number of dilemmas to `dilemmas`: for `crowd` it falls with the root
    of the number, for `rule` with the number. Empty if the number of `levels` was not simulated.
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

    N is the number of answers, m the number of answers per dilemma and ρ the `correlation` of the
    answers to one dilemma (Kish 1965). On a fixed list the result is N / (1 - ρ), because
    differences between its questions are not sampling error.
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
