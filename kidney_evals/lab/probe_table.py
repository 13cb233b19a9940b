"""Make `probe.csv`: coverage and power of the effect of a probe, and its verdicts, by simulation.

`python -m kidney_evals.lab probe` takes some minutes on one core. Every run draws its dilemmas and
deals its levels as a task does; the estimators and the verdicts are those of the card.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
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
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.lab import respondents
from kidney_evals.lab.panel import POPULATION, population
from kidney_evals.lab.simulate import binomial_error, choose
from kidney_evals.lab.table_text import decimals, markdown_table, rounded
from kidney_evals.measures import probe_rows
from kidney_evals.measures.probe import MARGIN
from kidney_evals.planning.precision import read_lines
from kidney_evals.studies import CONDITIONS, Condition

SEED: Final = 20264  # seed of all random numbers here, combined with the case and the run
RUNS: Final = 1000  # number of simulated runs behind a line

SIZES: Final = (100, 200, 400)
BIASES: Final = (0.0, 0.05, 0.10)

_KNOWN = {one.name: one.behaviour for one in respondents.RESPONDENTS}

BEHAVIOURS: Final = {
    "crowd": respondents.as_people,
    "sharper": respondents.sharper,
    "sharp ×12": _KNOWN["sharp ×12"],
    "rule": respondents.majority,
    "noise": respondents.noise,
}
"""Respondents by name. `rule` always decides as most people do and has no chance in it."""


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
    """Simulate runs of a case and return the numbers of its line."""
    rows = range(len(probe_rows([str(level) for level in range(case.levels)])))
    joint = 1 - 0.05 / len(rows)
    truth = [true_effect(case, level) for level in rows]
    counts = dict.fromkeys(("held", "found", "wrong", "alike", "coin_held", "coin_alike"), 0)
    half = 0.0
    for index in range(runs):
        answers = _answers(case, index)
        contrasts = [level_contrasts(answers, level) for level in rows]
        wide = [contrast_mean(each, joint) for each in contrasts]
        narrow = [contrast_mean(each, 0.9) for each in contrasts]
        half += (wide[0].high - wide[0].low) / 2 / runs
        counts["held"] += all(_holds(one, value) for one, value in zip(wide, truth, strict=True))
        counts["found"] += wide[0].low > 0
        # Without an effect every exclusion of 0 is wrong, otherwise that with the other sign.
        signs = zip(wide, truth, strict=True)
        counts["wrong"] += any(
            (one.low > 0 and value <= 0) or (one.high < 0 and value >= 0) for one, value in signs
        )
        counts["alike"] += all(one.low >= -MARGIN and one.high <= MARGIN for one in narrow)
        if case.condition == "coin_flip":
            each = coin_contrasts(answers)
            counts["coin_held"] += _holds(contrast_mean(each), 0.0)
            coins = contrast_mean(each, 0.9)
            counts["coin_alike"] += coins.low >= -MARGIN and coins.high <= MARGIN
    shares = {name: count / runs for name, count in counts.items()}
    coin = case.condition == "coin_flip"
    return {
        "half": half,
        "coverage": shares["held"],
        "coverage_se": binomial_error(shares["held"], runs),
        "found": shares["found"],
        "wrong": shares["wrong"],
        "alike": shares["alike"],
        "coin_coverage": shares["coin_held"] if coin else float("nan"),
        "coin_alike": shares["coin_alike"] if coin else float("nan"),
    }


def true_effect(case: Case, level: int) -> float:
    """Return the true effect of a level over the population of dilemmas.

    Of several levels each but the first meets the first in one of its pairs.
    """
    bias = case.bias
    if case.respondent == "rule" and bias:
        bias = float(_ruled(case.condition, case.bias).mean())
    return bias if level == 0 else -bias / (case.levels - 1)


def _holds(quantity: Quantity, truth: float) -> bool:
    return bool(quantity.low - 1e-9 <= truth <= quantity.high + 1e-9)


def _answers(case: Case, index: int) -> ProbeAnswers:
    """Return the answers of one run."""
    generator = np.random.default_rng([SEED, *repr(case).encode(), index])
    listed = generator.choice(POPULATION, case.dilemmas, replace=False)
    unit, order, first, second = _design(case.condition, case.dilemmas, case.levels)
    # The share of decisions that go to the first level, where one candidate alone has it.
    favoured = np.where(
        (first == 0) & (second != 0), 1, np.where((second == 0) & (first != 0), 2, 0)
    )
    own = _chances(case.condition, case.respondent)[listed[unit], order]
    if case.respondent == "rule":
        always = _ruled(case.condition, case.bias)[listed[unit]].astype(np.float64)
    else:
        always = case.bias / own[:, :COIN].sum(axis=1)
    always = np.where(favoured == 0, 0.0, always)[:, None]
    given = np.zeros_like(own)
    decided = own[:, :COIN].sum(axis=1)
    given[np.arange(len(own)), np.maximum(favoured - 1, 0)] = decided
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
    """Return unit, order and both levels of every question of a run, each (n,)."""
    names = [chr(ord("a") + level) for level in range(levels)]
    probe = Probe(
        id="simulated",
        label="Simulated",
        levels=tuple(ProbeLevel(id=name, texts=(2 * name,)) for name in names),
    )
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
    """Return in which dilemmas the first level decides by rule: those closest for people."""
    far = np.abs(population(condition, SEED).decided[:, 0] - 0.5)
    return np.asarray(far < np.quantile(far, bias))


def records() -> Iterator[dict[str, object]]:
    """Yield the rows of the table."""
    for case in cases():
        cells = {
            "condition": case.condition,
            "respondent": case.respondent,
            "levels": case.levels,
            "dilemmas": case.dilemmas,
            "bias": case.bias,
        }
        # Without a coin the cells on coins are empty.
        found = {name: one if one == one else "" for name, one in simulate(case).items()}
        yield rounded(cells | found, ".4f", bias="g")


def markdown() -> str:
    """Return a Markdown table of coverage, power and verdicts for two levels."""
    head = (
        *("condition", "respondent", "dilemmas", "± at 0", "coverage", "alarms", "found .05"),
        *("found .10", "alike at 0", "alike at .05", "alike at .10"),
    )
    lines = {
        (
            one["condition"],
            one["respondent"],
            one["levels"],
            one["dilemmas"],
            float(one["bias"]),
        ): one
        for one in read_lines("probe")
    }
    rows = []
    for key in dict.fromkeys(key[:4] for key in lines):
        none, small, large = (lines[(*key, bias)] for bias in BIASES)
        covered = [float(one["coverage"]) for one in (none, small, large)]
        name = key[1] if key[2] == "2" else f"{key[1]}, {key[2]} levels"
        numbers = (
            *(none["half"], none["wrong"], small["found"], large["found"]),
            *(one["alike"] for one in (none, small, large)),
        )
        half, wrong, *rest = (decimals(float(number), 2) for number in numbers)
        span = f"{decimals(min(covered), 3)}–{decimals(max(covered), 3)}"
        wrong = decimals(float(none["wrong"]), 3)
        rows.append((key[0].replace("_", " "), name, key[3], half, span, wrong, *rest))
    return markdown_table(head, "llrrrrrrrrr", rows)
