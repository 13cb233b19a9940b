"""Make `sensitivity.csv`: the change between two versions of a model that a run detects.

`python -m kidney_evals.lab sensitivity` takes half an hour on one core. Both versions answer the
same drawn dilemmas once in each order; `kidney_evals.estimation.paired` compares them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final, Literal, NamedTuple

import numpy as np
from scipy.special import expit, ndtri

from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.paired import (
    agreement_change,
    importance_changes,
    indecision_change,
    swap_change,
)
from kidney_evals.human.tables import Floats
from kidney_evals.lab.panel import (
    STUDY,
    Panel,
    draw,
    panel,
    people,
    population,
    resampled_reference,
)
from kidney_evals.lab.simulate import binomial_error
from kidney_evals.lab.table_text import decimals, markdown_table, rounded
from kidney_evals.planning.precision import ALARM, CONSISTENCY, IMPORTANCE, POWER, read_lines
from kidney_evals.studies import CONDITIONS, Condition, load_study
from kidney_evals.tasks.stopping import RATES

SEED: Final = 20262  # seed of all random numbers here, combined with the setting and the run
RUNS: Final = 400  # simulated pairs of runs for a reported power or false-alarm rate
FORMS: Final = 50  # lists of dilemmas, each with its own people; the runs cycle through them
DILEMMAS: Final = (100, 200, 400)  # in both orders: 200, 400 and 800 calls
SLACK, TRIES = 0.025, 5  # stop at a power of .90 ± `SLACK`; after `TRIES` take the nearest

Start = Literal["people", "never_flips", "half_flips", "steady"]
"""The old version of a model.

- `people`: each answer is drawn from people's shares.
- `never_flips`: each answer is drawn from the shares of people who decided.
- `half_flips`: half of the answers are the coin.
- `steady`: as `people`, but both answers to a dilemma are the same.
"""

_RATE_STARTS: Final[dict[Condition, tuple[Start, ...]]] = {
    "forced_choice": ("people", "steady"),
    "coin_flip": ("people", "never_flips", "half_flips"),
}
_SHARES = tuple(IMPORTANCE + name for name in load_study(STUDY).attribute_ids)
_TESTS: Final = {
    "agreement": agreement_change,
    "flip_rate": indecision_change,
    "swap_diff": swap_change,
}


@dataclass(frozen=True)
class Setting:
    """Two versions of a respondent on the same dilemmas, each asked in both orders."""

    condition: Condition
    row: str  # the measure that changes
    start: Start
    # Share of the dilemmas that always get the same answer, equal to the correlation of the answers
    # to one dilemma; on others every answer is drawn independently.
    consistency: float
    dilemmas: int

    @property
    def tested(self) -> tuple[str, ...]:
        """The measures that are tested together: all importance shares, or `row` alone."""
        return _SHARES if self.row in _SHARES else (self.row,)


class Versions(NamedTuple):
    """Answer probabilities of the old and the new version by dilemma, each of shape (D,)."""

    first: tuple[Floats, Floats]  # P(first-listed patient | a decision)
    coin: tuple[Floats, Floats]
    lean: float = 0.0  # share of the dilemmas on which the new version takes the patient shown as A


def settings() -> Iterator[Setting]:
    """Yield every simulated setting."""
    for condition in CONDITIONS:
        starts: list[tuple[str, Start]] = [(row, "people") for row in ("agreement", *_SHARES)]
        starts += [(RATES[condition], start) for start in _RATE_STARTS[condition]]
        for row, start in starts:
            levels = (1.0,) if start == "steady" else (0.0, *CONSISTENCY)
            for consistency, dilemmas in product(levels, DILEMMAS):
                yield Setting(condition, row, start, consistency, dilemmas)


def find(setting: Setting, runs: int = RUNS) -> dict[str, float]:
    """Find the smallest change that is detected with 90 % power at 5 % false alarms.

    Return the numbers of the table's line by column, with the change in `change`. The first guess
    is (z_.975 + z_.90) standard deviations of the difference without a change; each simulated power
    then rescales the change, as if the test were normal.
    """
    index = setting.tested.index(setting.row)
    same = simulate(setting, 0.0, runs)[:, index]
    # If neither version varies, the spread is 0: start from a change on one dilemma.
    change = (ALARM + POWER) * max(float(np.nanstd(same[:, 0])), 1 / setting.dilemmas)
    tried: list[tuple[float, float]] = []
    for attempt in range(TRIES + 1):
        change = round(change, 4)
        # The first guess may be far off and is never reported.
        count = runs if attempt else max(runs // 4, 1)
        power = float((simulate(setting, change, count)[:, index, 1] < 0.05).mean())
        if attempt:
            tried.append((change, power))
            if abs(power - 0.9) <= SLACK:
                break
        inside = min(max(power, 0.5 / count), 1 - 0.5 / count)
        change *= (ALARM + POWER) / max(ALARM + float(ndtri(inside)), 0.5)
    change, power = min(tried, key=lambda pair: abs(pair[1] - 0.9))
    alarms = float((same[:, 1] < 0.05).mean())
    return {
        "value": old_value(setting),
        "change": change,
        "power": power,
        "power_se": binomial_error(power, runs),
        "alarms": alarms,
        "alarms_se": binomial_error(alarms, runs),
    }


def simulate(setting: Setting, change: float, runs: int) -> Floats:
    """Return difference and p-value of each test in simulated pairs of runs, shape (runs, rows, 2).

    The rows are the measures `setting.tested`. `change` is the true change of `setting.row`.
    """
    results = []
    for index in range(runs):
        shown, every = _form(setting.condition, setting.dilemmas, index % FORMS)
        old, new = _answered(every, setting, versions(shown, setting, change), index)
        if setting.row in _SHARES:
            tests = importance_changes(old, new, shown.spans)
        else:
            tests = (_TESTS[setting.row](old, new),)
        results.append([(test.change.value, test.p_value) for test in tests])
    return np.array(results, dtype=np.float64)


def versions(shown: Panel, setting: Setting, change: float) -> Versions:
    """Return the answer probabilities of the old and the new version of a respondent.

    The versions differ in the measure `setting.row` by `change`. A share m is set so that the new
    version has this change:

    - Flip rate: the coin's probability is c + m (1 - c) instead of c.
    - Agreement: with probability m a decision is random, each patient with probability 1/2.
    - Swap disagreement: on a share m of the dilemmas the patient shown as A is taken.

    For an importance share, weight moves to one attribute from the others, in proportion to theirs,
    with Σ_k |weight_k range_k| constant. Both versions are then logits; the old one has people's
    weights.
    """
    coin, first, old = _starting_coin(shown, setting), shown.decided[:, 0], old_value(setting)
    if setting.row == "flip_rate":
        return Versions((first, first), (coin, coin + change / (1 - old) * (1 - coin)))
    if setting.row == "agreement":
        everything = population(setting.condition, SEED)
        part = change / (old - _agreement(everything, np.full_like(everything.decided, 0.5)))
        return Versions((first, (1 - part) * first + part / 2), (coin, coin))
    if setting.row == "swap_diff":
        return Versions((first, first), (coin, coin), change / (1 - old))
    reference = people(setting.condition)
    shares = reference.importance
    moved = shares * (1 - change / (1 - old))
    moved[_SHARES.index(setting.row)] = old + change
    reach = float(np.abs(reference.weights * shown.spans).sum())
    before, after = (
        expit(shown.differences @ (version * reach / shown.spans)) for version in (shares, moved)
    )
    return Versions((before, after), (coin, coin))


@lru_cache(maxsize=256)
def old_value(setting: Setting) -> float:
    """Return the old version's value of the measure over the population of dilemmas."""
    everything = population(setting.condition, SEED)
    if setting.row == "flip_rate":
        return float(_starting_coin(everything, setting).mean())
    if setting.row == "agreement":
        return _agreement(everything, everything.decided)
    if setting.row == "swap_diff":
        differ = 1 - (everything.decided**2).sum(axis=1)
        return (1 - setting.consistency) * float(differ.mean())
    shares = importance_shares(people(setting.condition).weights, everything.spans)
    return float(shares[_SHARES.index(setting.row)])


@lru_cache(maxsize=FORMS * len(DILEMMAS))
def _form(condition: Condition, dilemmas: int, index: int) -> tuple[Panel, Decisions]:
    """Return dilemmas, and a run with every possible answer to each of them in both orders."""
    reference = people(condition)
    shown = panel(reference, draw(STUDY, dilemmas, SEED * 1000 + index))
    crowd = resampled_reference(reference, index)
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
    return shown, every


def _answered(
    every: Decisions, setting: Setting, both: Versions, index: int
) -> tuple[Decisions, Decisions]:
    """Simulate both versions; on dilemmas with a constant answer, both versions share one draw."""
    count, place = setting.dilemmas, CONDITIONS.index(setting.condition)
    consistency = round(100 * setting.consistency)
    # The same random numbers for every change, so that the power is a smooth function of it.
    generator = np.random.default_rng([SEED, place, count, consistency, index])
    standing = generator.random((2, count, 1))
    steady = generator.random((count, 1)) < setting.consistency
    leaning = (generator.random(count) < both.lean)[:, None]

    def answers(version: int) -> Decisions:
        u, v = np.where(steady, standing, generator.random((2, count, 2)))
        decision = np.where(v < both.first[version][:, None], 0, 1)
        # The patient shown as A is first-listed in one order and second-listed in the other.
        decision = np.where(leaning & (version == 1), [0, 1], decision)
        choice = np.where(u < both.coin[version][:, None], 2, decision)
        return every.take(np.arange(2 * count) * every.shares.shape[1] + choice.ravel())

    return answers(0), answers(1)


def _starting_coin(shown: Panel, setting: Setting) -> Floats:
    if setting.start == "never_flips":
        return np.zeros_like(shown.coin)
    if setting.start == "half_flips":
        mean = float(population(setting.condition, SEED).coin.mean())
        return np.asarray(shown.coin + (0.5 - mean) / (1 - mean) * (1 - shown.coin))
    return shown.coin


def _agreement(shown: Panel, decisions: Floats) -> float:
    return float((decisions * shown.decided).sum() / shown.decided.max(axis=1).sum())


def records() -> Iterator[dict[str, object]]:
    """Yield the rows of `sensitivity.csv`, by column."""
    for setting in settings():
        line: dict[str, object] = {"study": STUDY, **vars(setting)}
        # The number of calls stands before the number of dilemmas.
        line |= {"calls": 2 * setting.dilemmas, "dilemmas": line.pop("dilemmas")}
        yield rounded(line | find(setting), ".3f", consistency="g", change=".4f")


def markdown() -> str:
    """Return the shipped table as Markdown, a row for each setting but the number of dilemmas.

    The numbers of dilemmas have a column each, headed by the number of calls.
    """
    lines, calls, rows = read_lines("sensitivity"), [2 * size for size in DILEMMAS], []
    # The lines of a measure and an old version stand together, one for each number of dilemmas.
    for same in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        one = same[0]
        about = one["condition"], f"`{one['row']}`", one["start"].replace("_", " ")
        changes = (decimals(float(line["change"]), 3) for line in same)
        alarms = max(decimals(float(line["alarms"]), 3) for line in same)
        rows.append((*about, one["consistency"], *changes, alarms))
    head = ["condition", "row", "old version", "consistency", *(f"{n} calls" for n in calls)]
    return markdown_table([*head, "most false alarms"], "llll" + "r" * (len(calls) + 1), rows)
