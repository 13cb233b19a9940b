"""Make `probe.csv`: coverage, power and verdicts of the effect of a probe, by simulation.

A probe is an attribute that must not matter. `python -m kidney_evals.lab probe` takes some minutes
on one core. Every run draws its dilemmas and assigns the probe's levels as a task does; the
estimators and the verdicts are those of the card.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

import numpy as np

from kidney_evals.elicitation.probes import Probe, ProbeLevel, probe_questions
from kidney_evals.estimation.arrays import Bools, Floats, Ints
from kidney_evals.estimation.decisions import COIN
from kidney_evals.estimation.probes import (
    ProbeAnswers,
    coin_contrasts,
    contrast_mean,
    level_contrasts,
)
from kidney_evals.lab import respondents
from kidney_evals.lab.panel import POPULATION, population
from kidney_evals.lab.simulate import binomial_error, choose, covers
from kidney_evals.lab.table_text import decimals, markdown_table, rounded
from kidney_evals.measures import probe_rows
from kidney_evals.measures.probe import MARGIN
from kidney_evals.planning.precision import read_lines
from kidney_evals.studies import CONDITIONS, Condition

SEED: Final = 20264  # seed of all random numbers here, combined with the case and the run
RUNS: Final = 1000  # number of simulated runs behind a line

SIZES: Final = (100, 200, 400)
BIASES: Final = (0.0, 0.05, 0.10)

BEHAVIOURS: Final[dict[str, respondents.Behaviour]] = {
    "crowd": respondents.as_people,
    "sharper": respondents.sharper,
    "sharp ×12": partial(respondents.weighing, times=12.0),
    "rule": respondents.majority,
    "noise": respondents.noise,
}
"""Respondents by name. `rule` always decides as most people do."""


@dataclass(frozen=True)
class Case:
    """A simulated respondent with a planted effect `bias` of the first level, and a design."""

    condition: Condition
    respondent: str
    bias: float
    dilemmas: int
    levels: int = 2


def cases() -> Iterator[Case]:
    """Yield every simulated case."""
    for condition in CONDITIONS:
        for name in BEHAVIOURS:
            for size in SIZES:
                for bias in BIASES:
                    yield Case(condition, name, bias, size)
        for size in SIZES:
            for bias in BIASES:
                yield Case(condition, "crowd", bias, size, levels=3)


def simulate(case: Case, runs: int = RUNS) -> dict[str, float]:
    """Simulate runs of a case and return the numbers of its line, by column of `probe.csv`."""
    rows = range(len(probe_rows([str(level) for level in range(case.levels)])))
    answers = [_answers(case, index) for index in range(runs)]
    contrasts = [[level_contrasts(one, level) for level in rows] for one in answers]
    low, high = _ends(contrasts, 1 - 0.05 / len(rows))
    truth = np.array([true_effect(case, level) for level in rows])
    # Without an effect every exclusion of 0 is wrong, otherwise that with the other sign.
    wrong = ((low > 0) & (truth <= 0)) | ((high < 0) & (truth >= 0))
    coverage = float(covers(low, high, truth).all(axis=1).mean())
    line = {
        "half": float((high - low)[:, 0].mean() / 2),
        "coverage": coverage,
        "coverage_se": binomial_error(coverage, runs),
        "found": float((low[:, 0] > 0).mean()),
        "wrong": float(wrong.any(axis=1).mean()),
        "alike": _alike(contrasts),
        "coin_coverage": float("nan"),
        "coin_alike": float("nan"),
    }
    if case.condition == "coin_flip":
        coins = [[coin_contrasts(one)] for one in answers]
        low, high = _ends(coins, 0.95)
        line["coin_coverage"] = float(covers(low, high, 0.0).mean())
        line["coin_alike"] = _alike(coins)
    return line


def _ends(contrasts: Sequence[Sequence[Floats]], coverage: float) -> Floats:
    """Return the lower and the upper ends of the means' intervals, shape (2, runs, rows)."""
    ends = [[contrast_mean(each, coverage)[1:3] for each in run] for run in contrasts]
    return np.moveaxis(np.array(ends), 2, 0)


def _alike(contrasts: Sequence[Sequence[Floats]]) -> float:
    """Return the share of runs whose 90 % intervals all lie within the margin."""
    low, high = _ends(contrasts, 0.9)
    return float(((low >= -MARGIN) & (high <= MARGIN)).all(axis=1).mean())


def true_effect(case: Case, level: int) -> float:
    """Return the true effect of a level over the population of dilemmas.

    `level` is the index of the level among those of the probe.
    """
    bias = case.bias
    if case.respondent == "rule" and bias:
        bias = float(_ruled(case.condition, case.bias).mean())
    # Of several levels each but the first meets the first in one of its pairs.
    return bias if level == 0 else -bias / (case.levels - 1)


def _answers(case: Case, index: int) -> ProbeAnswers:
    """Return the answers of one run."""
    generator = np.random.default_rng([SEED, *repr(case).encode(), index])
    listed = generator.choice(POPULATION, case.dilemmas, replace=False)
    unit, order, first, second = _design(case.condition, case.dilemmas, case.levels)
    own = _chances(case.condition, case.respondent)[listed[unit], order]
    decided = own[:, :COIN].sum(axis=1)
    # The share of decisions that go to the first level, where one candidate alone has it.
    if case.respondent == "rule":
        always = _ruled(case.condition, case.bias)[listed[unit]].astype(np.float64)
    else:
        always = case.bias / decided
    always = np.where((first == 0) != (second == 0), always, 0.0)[:, None]
    given = np.zeros_like(own)
    given[np.arange(len(own)), (first != 0).astype(np.int64)] = decided
    mixed = own.copy()
    mixed[:, :COIN] = ((1 - always) * own + always * given)[:, :COIN]
    choice = choose(mixed, generator)
    return ProbeAnswers(
        unit=unit,
        order=order,
        first=first,
        second=second,
        score=np.array([1.0, 0.0, 0.5])[choice],
        coin=(choice == COIN).astype(np.float64),
    )


@lru_cache(maxsize=16)
def _design(condition: Condition, dilemmas: int, levels: int) -> tuple[Ints, ...]:
    """Return dilemma, order and both candidates' levels of every question of a run, (n,) each."""
    names = "abc"[:levels]
    texts = tuple(ProbeLevel(id=name, texts=(2 * name,)) for name in names)
    probe = Probe(id="simulated", label="Simulated", levels=texts)
    asked = [
        (unit, question.order == "ba", *map(names.index, question.levels))
        for unit in range(dilemmas)
        for question in probe_questions(probe, unit, condition)
    ]
    return tuple(np.array(asked, dtype=np.int64).T)


@lru_cache(maxsize=16)
def _chances(condition: Condition, name: str) -> Floats:
    """Return the unbiased answer probabilities over the population, shape (D, 2, K)."""
    shown = population(condition, SEED)
    return BEHAVIOURS[name](shown)[:, :, : shown.shares.shape[1]]


@lru_cache(maxsize=8)
def _ruled(condition: Condition, bias: float) -> Bools:
    """Return where `rule` follows the first level: the share `bias` of dilemmas closest to even."""
    far = np.abs(population(condition, SEED).decided[:, 0] - 0.5)
    return np.asarray(far < np.quantile(far, bias))


def records() -> Iterator[dict[str, object]]:
    """Yield the rows of `probe.csv`, by column."""
    for case in cases():
        columns = ("condition", "respondent", "levels", "dilemmas", "bias")
        cells = {name: getattr(case, name) for name in columns}
        yield rounded(cells | simulate(case), ".4f", bias="g")


def markdown() -> str:
    """Return a Markdown table of `probe.csv`, a row for each respondent and design.

    It has the half width and the false alarms without an effect, the coverage, the share of runs in
    which an effect is found, and the share of runs with the verdict "treated alike".
    """
    head = (
        *("condition", "respondent", "dilemmas", "± at 0", "coverage", "alarms", "found .05"),
        *("found .10", "alike at 0", "alike at .05", "alike at .10"),
    )
    lines, rows = read_lines("probe"), []
    # The lines of a respondent and a design stand together, one for each bias.
    for none, small, large in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        name, levels, biased = none["respondent"], none["levels"], (none, small, large)
        covered = [decimals(float(one["coverage"]), 3) for one in biased]
        shares = (small["found"], large["found"], *(one["alike"] for one in biased))
        rows.append(
            (
                none["condition"].replace("_", " "),
                name if levels == "2" else f"{name}, {levels} levels",
                none["dilemmas"],
                decimals(float(none["half"]), 2),
                f"{min(covered)}–{max(covered)}",
                decimals(float(none["wrong"]), 3),
                *(decimals(float(share), 2) for share in shares),
            )
        )
    return markdown_table(head, "llrrrrrrrrr", rows)
