"""Expected interval widths of a run, and the detectable changes between two models.

The widths come from a simulated table (`precision.csv`; see the card beside it): known respondents
answered runs of 200 drawn dilemmas, or a fixed list, and the functions behind the scorers computed
the intervals. A width has two parts: the model's, which shrinks with the square root of the number
of dilemmas, and people's sampling error, which does not depend on the run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from kidney_evals.planning.change import paired_changes, read_lines
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

ROUGH: Final = 30
"""Number of drawn dilemmas below which intervals are unreliable: the scorers raise `few`."""

ROWS: Final[Mapping[Condition, tuple[str, ...]]] = {
    "forced_choice": ("agreement", "swap_diff", "distance"),
    "coin_flip": (
        "flip_rate",
        "flip_calib",
        "distance",
        "agreement",
    ),
}
"""Planned measures by condition; the importance shares of the study are added to them."""

IMPORTANCE: Final = "imp_"

ALARM: Final = 1.959963984540054
"""Normal quantile of a two-sided 5 % false-alarm rate."""

POWER: Final = 1.2815515655446004
"""Normal quantile of 90 % power."""

NAN: Final = float("nan")


@dataclass(frozen=True)
class Design:
    """The design of a run without its controls.

    Attributes:
        study: Name of a shipped study, or folder of another study.
        condition: The answers offered.
        dilemmas: Number of different dilemmas.
        both_orders: Number of dilemmas that are shown in both orders.
        epochs: Number of repetitions of the whole design.
        drawn: Whether the dilemmas are a sample of the study's domain, and not a fixed list.
    """

    study: str
    condition: Condition
    dilemmas: int
    both_orders: int
    epochs: int
    drawn: bool

    @property
    def answers(self) -> float:
        """Answers per dilemma."""
        return self.epochs * (1 + self.both_orders / self.dilemmas)


class Range(NamedTuple):
    """A lower and an upper end; NaN if unknown."""

    low: float
    high: float


UNKNOWN: Final = Range(NAN, NAN)


class Expectation(NamedTuple):
    """Expected precision of one measure.

    Attributes:
        row: The measure's name in the log.
        value: Expected value of a respondent who samples each answer from people's shares.
        half: Half width of the 95 % interval for that respondent.
        half_consistent: Smallest and largest half width for respondents with the same shares whose
            answers to one dilemma correlate by `CONSISTENCY`.
        zero_value: Expected value of the respondent in `ZERO`.
        zero: Interval of `zero_value`.
        change: Smallest and largest detectable change between two models over `CONSISTENCY`.
        paired: Whether `change` was simulated for paired runs on the same dilemmas. If not, it
            assumes independent runs, and paired runs detect smaller changes.
        change_from_zero: As `change`, but from the respondent in `ZERO`; unknown if not simulated.
    """

    row: str
    value: float = NAN
    half: float = NAN
    half_consistent: Range = UNKNOWN
    zero_value: float = NAN
    zero: Range = UNKNOWN
    change: Range = UNKNOWN
    paired: bool = False
    change_from_zero: Range = UNKNOWN


class _Entry(NamedTuple):
    dilemmas: int
    value: float
    half: float
    half_model: float
    sd: float


def expectations(design: Design) -> tuple[Expectation, ...]:
    """Return the expected precision of a task's measures.

    Measures that the design does not support (a choice distance with one answer per dilemma) are
    NaN, as are the widths for a study that is not in the table.
    """
    rows = [*ROWS[design.condition], *_importance_rows(design)]
    return tuple(_expect(design, row) for row in rows)


def expected_end(design: Design, row: str, precision: float, looks: Sequence[int]) -> int:
    """Return the number of dilemmas after which a run with `-T precision` ends for human answers.

    Args:
        design: The design of the run without an early end.
        row: The measure whose interval must reach the target.
        precision: The target half width.
        looks: Numbers of dilemmas at which the run checks its interval; the last is all of them.

    Returns:
        The first look at which the target is reached; the last look if it never is.
    """
    for dilemmas in looks:
        both = round(dilemmas * design.both_orders / design.dilemmas)
        if _expect(replace(design, dilemmas=dilemmas, both_orders=both), row).half < precision:
            return dilemmas
    return looks[-1]


def detectable(sd: float) -> float:
    """Return the change that a two-sided test at 5 % detects with 90 % power.

    (z_.975 + z_.90) times the standard error of the difference of two independent runs. This is an
    upper bound: a paired comparison on the same dilemmas detects smaller changes.

    Args:
        sd: Standard deviation of the quantity in one run.
    """
    return (ALARM + POWER) * math.sqrt(2) * sd


def detectable_rise(rate: float, size: float) -> float:
    """Return the increase of a proportion that a two-sided test at 5 % detects with 90 % power.

    The smallest d with d = z_.975 √(2 p̄(1 - p̄)/n) + z_.90 √((p(1 - p) + q(1 - q))/n), q = p + d
    and p̄ their mean (Fleiss, Levin and Paik 2003, section 4.2, no continuity correction).

    Args:
        rate: The initial proportion p.
        size: Effective number n of independent answers in one run.

    Returns:
        The increase; NaN if no increase up to 1 is detected.
    """

    def missing(after: float) -> float:
        mean = (rate + after) / 2
        alarm = ALARM * math.sqrt(2 * mean * (1 - mean) / size)
        power = POWER * math.sqrt((rate * (1 - rate) + after * (1 - after)) / size)
        return alarm + power - (after - rate)

    from scipy.optimize import brentq

    if not size > 0 or missing(1.0) > 0:
        return NAN
    return float(brentq(missing, rate, 1.0, xtol=1e-14)) - rate


def worth(design: Design, correlation: float) -> float:
    """Return the effective number of independent answers behind a rate.

    N / (1 + (m - 1) ρ) for a sample of dilemmas (Kish 1965), m answers each; N / (1 - ρ) for a
    fixed list, where differences between questions are not sampling error.
    """
    total = design.dilemmas * design.answers
    if design.drawn:
        return total / (1 + (design.answers - 1) * correlation)
    return total / (1 - correlation)


def _expect(design: Design, row: str) -> Expectation:
    plain = _find(design, row, "people", 0.0)
    levels = [_find(design, row, "people", rho) for rho in CONSISTENCY]
    zero = ZERO[design.condition]
    last = _find(design, row, zero, ZERO_CONSISTENCY[zero])
    zero_value, zero_ends = NAN, UNKNOWN
    if (row, zero) in (("flip_rate", "never_flips"), ("swap_diff", "steady")):
        zero_value, zero_ends = _all_zero(design, row)
    elif last is not None:
        zero_value, zero_ends = last.value, Range(last.value - last.half, last.value + last.half)
    known = [entry for entry in levels if entry is not None]
    paired = _paired(design, row, "people")
    if paired:
        changes = paired
    elif row == "flip_rate" and plain is not None:
        changes = [detectable_rise(plain.value, worth(design, rho)) for rho in CONSISTENCY]
    elif row == "flip_calib":
        # A squared gap near zero: its standard error grows with the change that is to be detected.
        changes = []
    else:
        changes = [detectable(entry.sd) for entry in known]
    return Expectation(
        row=row,
        value=NAN if plain is None else plain.value,
        half=NAN if plain is None else plain.half,
        half_consistent=_range([entry.half for entry in known]),
        zero_value=zero_value,
        zero=zero_ends,
        change=_range(changes),
        paired=bool(paired),
        change_from_zero=_range(_paired(design, row, zero)),
    )


def _paired(design: Design, row: str, start: Respondent) -> list[float]:
    """Return the simulated detectable changes; empty unless both orders and one epoch are used."""
    if not design.drawn or design.both_orders < design.dilemmas or design.epochs > 1:
        return []
    return paired_changes(design.study, design.condition, row, start, design.dilemmas)


def _range(values: Sequence[float]) -> Range:
    return Range(min(values), max(values)) if values else UNKNOWN


def _find(design: Design, row: str, respondent: Respondent, consistency: float) -> _Entry | None:
    """Return an entry of the table, scaled to the design's size; None if there is no entry."""
    grid = _table().get((design.study, design.condition, respondent, consistency, row))
    dilemmas, answers = design.dilemmas, design.answers
    if row == "swap_diff" or (row == "distance" and design.epochs == 1):
        # Only dilemmas with an answer in both orders count.
        dilemmas, answers = design.both_orders, 2.0 * design.epochs
    if grid is None or dilemmas < 1 or answers < min(grid):
        return None
    entry = _between(grid, answers)
    shrink = math.sqrt(entry.dilemmas / dilemmas)
    people = max(entry.half**2 - entry.half_model**2, 0.0)
    model = entry.half_model * shrink
    return _Entry(
        dilemmas, entry.value, math.hypot(model, math.sqrt(people)), model, entry.sd * shrink
    )


def _between(grid: Mapping[int, _Entry], answers: float) -> _Entry:
    """Interpolate over m, the answers per dilemma: variances are linear in 1/m.

    There is no extrapolation below the smallest m, where a measure may have no value.
    """
    known, m = sorted(grid), answers
    if len(known) == 1:
        return grid[known[0]]
    right = next((i for i in range(1, len(known)) if known[i] >= m), len(known) - 1)
    one, two = grid[known[right - 1]], grid[known[right]]
    share = (1 / known[right - 1] - 1 / m) / (1 / known[right - 1] - 1 / known[right])
    floor = min(1.0, known[right] / m)

    def squares(a: float, b: float) -> float:
        # Beyond the largest m the line continues, but no variance falls faster than 1/m.
        return math.sqrt(max(a * a + share * (b * b - a * a), floor * b * b * (share > 1), 0.0))

    return _Entry(
        one.dilemmas,
        one.value + min(share, 1.0) * (two.value - one.value),
        squares(one.half, two.half),
        squares(one.half_model, two.half_model),
        squares(one.sd, two.sd),
    )


def _all_zero(design: Design, row: str) -> tuple[float, Range]:
    """Return the scorers' rate and interval if every answer is the first-listed patient."""
    import numpy as np

    from kidney_evals.estimation.consistency import swap_disagreement
    from kidney_evals.estimation.decisions import Decisions
    from kidney_evals.estimation.indecision import indecision_rate

    count = design.dilemmas
    orders = np.zeros((count, 2), dtype=bool)
    orders[:, 0] = True
    orders[: design.both_orders, 1] = True
    dilemma, order = np.nonzero(orders)
    epochs = np.repeat(np.arange(design.epochs), len(dilemma))
    width = 3 if design.condition == "coin_flip" else 2
    run = Decisions(
        dilemma=np.tile(dilemma, design.epochs),
        order=np.tile(order, design.epochs),
        epoch=epochs,
        choice=np.zeros(len(epochs), dtype=np.int64),
        differences=np.zeros((count, 1)),
        shares=np.full((count, width), np.nan),
        share_draws=None,
        closeness=np.full(count, np.nan),
        fixed=not design.drawn,
    )
    found = (indecision_rate if row == "flip_rate" else swap_disagreement)(run)
    return found.value, Range(found.low, found.high)


def _importance_rows(design: Design) -> list[str]:
    rows: list[str] = []
    for study, condition, _, _, row in _table():
        known = (study, condition) == (design.study, design.condition)
        if known and row.startswith(IMPORTANCE) and row not in rows:
            rows.append(row)
    return rows


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str, str, float, str], dict[int, _Entry]]:
    table: dict[tuple[str, str, str, float, str], dict[int, _Entry]] = {}
    for line in read_lines("precision"):
        names = ("study", "condition", "respondent", "consistency", "row")
        study, condition, respondent, consistency, row = (line[name] for name in names)
        key = (study, condition, respondent, float(consistency), row)
        table.setdefault(key, {})[int(line["answers"])] = _Entry(
            int(line["dilemmas"]),
            *(float(line[name]) for name in ("value", "half", "half_model", "sd")),
        )
    return table
