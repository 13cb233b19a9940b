"""`sensitivity.csv`: which change between two versions of a model a run finds.

`python -m kidney_evals.lab sensitivity` makes it in half an hour of one core. Both versions answer
the same drawn dilemmas once in each order, and the paired tests of `kidney_evals.estimation.paired`
compare them. The card beside the table says what it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np

from kidney_evals.estimation._functions import logistic
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.paired import (
    PairedDifference,
    agreement_change,
    indecision_change,
    swap_change,
)
from kidney_evals.estimation.paired_importance import importance_changes
from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import STUDY, Panel, another_crowd, draw, panel, population
from kidney_evals.lab.resampling import binomial_error
from kidney_evals.lab.table_text import Record
from kidney_evals.planning.change import read_lines
from kidney_evals.planning.precision import ALARM, CONSISTENCY, IMPORTANCE, POWER
from kidney_evals.studies import CONDITIONS, Condition, load_study

SEED: Final = 20262
"""Seed of every random number here, with the setting and the run."""

RUNS: Final = 400
"""Pairs of runs behind a stated power and behind a stated rate of false alarms."""

FORMS: Final = 50
"""Lists of dilemmas, each with a crowd of people of its own, that the runs take turns on."""

DILEMMAS: Final = (100, 200, 400)
"""In both orders: 200, 400 and 800 calls."""

SLACK: Final = 0.025
"""A change is taken where the power found is this near to .90, or nearest after `TRIES`."""

TRIES: Final = 5

DIGITS: Final = 4
"""Decimals of the changes that are tried."""

Start = Literal["people", "never_flips", "half_flips", "steady"]
"""The old version: `people` answers around people's shares, `never_flips` as people who decide,
`half_flips` flips every second answer, `steady` never answers a dilemma in two ways."""


@dataclass(frozen=True)
class Setting:
    """Two versions of a respondent on the same dilemmas.

    Attributes:
        condition: What is offered.
        start: The old version.
        consistency: Share of the dilemmas on which it always gives one answer, which is the
            correlation of its answers to one dilemma; elsewhere every answer is drawn afresh.
        dilemmas: How many, each in both orders.
    """

    condition: Condition
    start: Start
    consistency: float
    dilemmas: int


class Line(NamedTuple):
    """One row of the table.

    Attributes:
        value: What the old version gets, over the population of dilemmas.
        change: The change that is found.
        power: How often it is found.
        power_se: Standard error of `power`.
        alarms: How often one is found where nothing changed.
        alarms_se: Standard error of `alarms`.
    """

    value: float
    change: float
    power: float
    power_se: float
    alarms: float
    alarms_se: float


class Versions(NamedTuple):
    """Answer probabilities of both versions by dilemma, shape (D,).

    Attributes:
        first: P(first-listed patient | a decision), old and new.
        coin: P(coin), old and new.
        lean: Share of the dilemmas on which the new version takes whoever is shown as A.
    """

    first: tuple[Floats, Floats]
    coin: tuple[Floats, Floats]
    lean: float


def settings() -> Iterator[tuple[Setting, str]]:
    """Yield every simulated setting and row."""
    consistency = (0.0, *CONSISTENCY)
    for condition in CONDITIONS:
        shares = [IMPORTANCE + name for name in load_study(STUDY).attribute_ids]
        starts: list[tuple[str, Start, tuple[float, ...]]] = [
            (row, "people", consistency) for row in ("agreement", *shares)
        ]
        if condition == "coin_flip":
            flipping: tuple[Start, ...] = ("people", "never_flips", "half_flips")
            starts += [("flip_rate", start, consistency) for start in flipping]
        else:
            starts += [("swap_diff", "people", consistency), ("swap_diff", "steady", (1.0,))]
        for row, start, levels in starts:
            for level in levels:
                for dilemmas in DILEMMAS:
                    yield Setting(condition, start, level, dilemmas), row


def find(setting: Setting, row: str, runs: int = RUNS) -> Line:
    """Return the smallest change that is found with 90 % power at 5 % false alarms.

    The first guess is (z_.975 + z_.90) standard deviations of the difference where nothing
    changed; each simulated power then moves it, as if the power were that of a normal test.

    Args:
        setting: Who answers what.
        row: The row that changes.
        runs: Pairs of runs at each change that is tried.
    """
    from scipy.special import ndtri

    index = together(row).index(row)
    same = _nothing_changed(setting, together(row), runs)[:, index]
    spread = float(np.nanstd(same[:, 0]))
    # Where neither version ever moves there is no spread: one dilemma of many is a start.
    change = (ALARM + POWER) * max(spread, 1 / setting.dilemmas)
    tried: list[tuple[float, float]] = []
    for attempt in range(TRIES + 1):
        change = round(change, DIGITS)
        # The first guess may be far off and is not stated.
        count = runs if attempt else max(runs // 4, 1)
        power = float((simulate(setting, row, change, count)[:, index, 1] < 0.05).mean())
        if attempt:
            tried.append((change, power))
            if abs(power - 0.9) <= SLACK:
                break
        inside = min(max(power, 0.5 / count), 1 - 0.5 / count)
        change *= (ALARM + POWER) / max(ALARM + float(ndtri(inside)), 0.5)
    change, power = min(tried, key=lambda one: abs(one[1] - 0.9))
    alarms = float((same[:, 1] < 0.05).mean())
    return Line(
        value=old_value(setting, row),
        change=change,
        power=power,
        power_se=binomial_error(power, runs),
        alarms=alarms,
        alarms_se=binomial_error(alarms, runs),
    )


def together(row: str) -> tuple[str, ...]:
    """Return the rows that are tested together: all importance shares, or the row alone."""
    if not row.startswith(IMPORTANCE):
        return (row,)
    return tuple(IMPORTANCE + name for name in load_study(STUDY).attribute_ids)


def simulate(setting: Setting, row: str, change: float, runs: int) -> Floats:
    """Simulate pairs of runs and test their difference.

    Args:
        setting: Who answers what.
        row: The row that changes.
        change: By how much, over the population of dilemmas.
        runs: How many pairs.

    Returns:
        Difference and p-value of each pair and each row of `together`, shape (runs, rows, 2).
    """
    found = np.full((runs, len(together(row)), 2), np.nan)
    for index in range(runs):
        form = _form(setting.condition, setting.dilemmas, index % FORMS)
        both = versions(form.shown, setting, row, change)
        for place, one in enumerate(_test(row, *_answered(form, setting, both, index))):
            found[index, place] = one.change.value, one.p_value
    return found


def versions(shown: Panel, setting: Setting, row: str, change: float) -> Versions:
    """Return both versions' answer probabilities.

    A rate of coins rises where the new version takes the coin with a probability m more of not
    taking it: c' = c + m (1 - c). Agreement falls where it decides evenly with probability m.
    Swap disagreement rises where it takes whoever is shown as A on a share m of the dilemmas.
    Importance shares change where weight goes to one attribute from the others, in proportion,
    Σ_k |weight_k range_k| staying as it is; both versions are then logits, the old one with
    people's weights. m follows from the change over the population of dilemmas.

    Args:
        shown: The dilemmas.
        setting: Who answers.
        row: The row that changes.
        change: By how much.
    """
    everything = population(setting.condition, SEED)
    coin = _starting_coin(shown, setting)
    first = shown.decided[:, 0]
    old = old_value(setting, row)
    if row == "flip_rate":
        return Versions((first, first), (coin, coin + change / (1 - old) * (1 - coin)), 0.0)
    if row == "agreement":
        part = change / (old - _agreement(everything, np.full((len(everything), 2), 0.5)))
        return Versions((first, (1 - part) * first + part / 2), (coin, coin), 0.0)
    if row == "swap_diff":
        return Versions((first, first), (coin, coin), change / (1 - old))
    shares = _people(setting.condition).importance
    moved = shares * (1 - change / (1 - old))
    moved[together(row).index(row)] = old + change
    reach = float(np.abs(_people(setting.condition).weights * shown.spans).sum())
    before, after = (
        logistic(shown.differences @ (one * reach / shown.spans)) for one in (shares, moved)
    )
    return Versions((before, after), (coin, coin), 0.0)


@lru_cache(maxsize=256)
def old_value(setting: Setting, row: str) -> float:
    """Return the old version's value of a row over the population of dilemmas."""
    everything = population(setting.condition, SEED)
    if row == "flip_rate":
        return float(_starting_coin(everything, setting).mean())
    if row == "agreement":
        return _agreement(everything, everything.decided)
    if row == "swap_diff":
        differ = 1 - (everything.decided**2).sum(axis=1)
        return (1 - setting.consistency) * float(differ.mean())
    reference = _people(setting.condition)
    shares = importance_shares(reference.weights, everything.spans)
    return float(shares[together(row).index(row)])


class _Form(NamedTuple):
    """Dilemmas, and a run that gives every answer to each of them in both orders."""

    shown: Panel
    every: Decisions


@lru_cache(maxsize=FORMS * len(DILEMMAS))
def _form(condition: Condition, dilemmas: int, index: int) -> _Form:
    reference = _people(condition)
    shown = panel(reference, draw(STUDY, dilemmas, SEED * 1000 + index))
    crowd = another_crowd(reference, index)
    shares = crowd.shares(shown.dilemmas)
    width = shares.shape[1]
    every = Decisions(
        dilemma=np.repeat(np.arange(dilemmas), 2 * width),
        order=np.tile(np.repeat([0, 1], width), dilemmas),
        epoch=np.zeros(2 * width * dilemmas, dtype=np.int64),
        choice=np.tile(np.arange(width), 2 * dilemmas),
        differences=shown.differences,
        shares=shares,
        share_draws=crowd.share_draws(shown.dilemmas),
        closeness=shown.closeness,
    )
    return _Form(shown, every)


@lru_cache(maxsize=16)
def _nothing_changed(setting: Setting, tested: tuple[str, ...], runs: int) -> Floats:
    return simulate(setting, tested[0], 0.0, runs)


def _answered(
    form: _Form, setting: Setting, both: Versions, index: int
) -> tuple[Decisions, Decisions]:
    """Simulate both versions; on dilemmas with a constant answer one draw decides for both."""
    place = CONDITIONS.index(setting.condition)
    consistency = round(100 * setting.consistency)
    # The same numbers whatever the change, so that power rises smoothly with it.
    generator = np.random.default_rng([SEED, place, setting.dilemmas, consistency, index])
    count = setting.dilemmas
    standing = generator.random((2, count, 1))
    steady = generator.random((count, 1)) < setting.consistency
    leaning = (generator.random(count) < both.lean)[:, None]
    runs = []
    for version in (0, 1):
        fresh = generator.random((2, count, 2))
        u, v = np.where(steady, standing, fresh)
        decision = np.where(v < both.first[version][:, None], 0, 1)
        # Shown as A: the first-listed patient in the one order, the second-listed in the other.
        decision = np.where(leaning & (version == 1), [0, 1], decision)
        choice = np.where(u < both.coin[version][:, None], 2, decision)
        width = form.every.shares.shape[1]
        runs.append(form.every.take(np.arange(2 * count) * width + choice.ravel()))
    return runs[0], runs[1]


def _test(row: str, old: Decisions, new: Decisions) -> tuple[PairedDifference, ...]:
    if row.startswith(IMPORTANCE):
        return importance_changes(old, new, load_study(STUDY).spans)
    tests = {
        "flip_rate": indecision_change,
        "agreement": agreement_change,
        "swap_diff": swap_change,
    }
    return (tests[row](old, new),)


def _starting_coin(shown: Panel, setting: Setting) -> Floats:
    if setting.start == "never_flips":
        return np.zeros(len(shown))
    if setting.start == "half_flips":
        people = float(population(setting.condition, SEED).coin.mean())
        half: Floats = shown.coin + (0.5 - people) / (1 - people) * (1 - shown.coin)
        return half
    return shown.coin


def _agreement(shown: Panel, decisions: Floats) -> float:
    return float((decisions * shown.decided).sum() / shown.decided.max(axis=1).sum())


def _people(condition: Condition) -> Reference:
    return load_reference(load_study(STUDY), condition)


def records() -> Iterator[Record]:
    """Yield the rows of the table."""
    for setting, row in settings():
        line = find(setting, row)
        yield {
            "study": STUDY,
            "condition": setting.condition,
            "row": row,
            "start": setting.start,
            "consistency": f"{setting.consistency:g}",
            "calls": 2 * setting.dilemmas,
            "dilemmas": setting.dilemmas,
            "value": f"{line.value:.3f}",
            "change": f"{line.change:.{DIGITS}f}",
            **{one: f"{getattr(line, one):.3f}" for one in Line._fields[2:]},
        }


def markdown() -> str:
    """Return the simulated changes as a Markdown table, a line for each row and old version."""
    found: dict[tuple[str, str, str, str], dict[int, str]] = {}
    alarms: dict[tuple[str, str, str, str], list[float]] = {}
    for line in read_lines("sensitivity"):
        key = (line["condition"], line["row"], line["start"], line["consistency"])
        found.setdefault(key, {})[int(line["calls"])] = line["change"]
        alarms.setdefault(key, []).append(float(line["alarms"]))
    calls = sorted({size for sizes in found.values() for size in sizes})
    head = ["condition", "row", "old version", "consistency", *(f"{n} calls" for n in calls)]
    lines = [
        "| " + " | ".join([*head, "most false alarms"]) + " |",
        "|" + " --- |" * 4 + " --: |" * (len(calls) + 1),
    ]
    for (condition, row, start, consistency), sizes in found.items():
        cells = [condition, f"`{row}`", start.replace("_", " "), consistency]
        cells += [f"{float(sizes[n]):.3f}" if n in sizes else "–" for n in calls]
        worst = max(alarms[condition, row, start, consistency])
        lines.append("| " + " | ".join([*cells, f"{worst:.3f}"]) + " |")
    return "\n".join(lines)
