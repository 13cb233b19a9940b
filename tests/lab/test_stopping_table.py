"""The table of runs that stop early: what it holds, and that it can be made."""

from __future__ import annotations

import math

import pytest

from kidney_evals.lab.stopping_table import (
    FLIP_RATES,
    LONG,
    PRECISIONS,
    RESPONDENTS,
    USUAL,
    Case,
    Line,
    cases,
    simulate,
    true_rate,
)
from kidney_evals.planning.change import read_lines
from kidney_evals.tasks.stopping import RATES, looks

LEAST = 0.92
"""Coverage that a final interval must have."""


def key(case: Case, precision: float) -> tuple[str, ...]:
    rate = f"{true_rate(case):.4f}"
    return (case.condition, case.respondent, f"{case.consistency:g}", rate, f"{precision:g}")


def told(case: Case, precision: float) -> dict[str, str]:
    columns = ("condition", "respondent", "consistency", "value", "precision")
    (line,) = (
        line
        for line in read_lines("stopping")
        if tuple(line[name] for name in columns) == key(case, precision)
    )
    return line


def test_the_looks_are_those_that_were_asked_for() -> None:
    assert looks(400) == (50, *range(75, 400, 25), 400)
    assert looks(60) == (50, 60) and looks(50) == (50,) and looks(20) == (20,)


def test_the_table_holds_every_case_once() -> None:
    assert len(read_lines("stopping")) == sum(len(precisions) for _, precisions in cases())
    for case, precisions in cases():
        for precision in precisions:
            line = told(case, precision)
            assert line["row"] == RATES[case.condition]
            assert int(line["most"]) == case.most
            assert 50 <= float(line["asked"]) <= case.most
            assert float(line["spared"]) == pytest.approx(
                1 - float(line["asked"]) / case.most, abs=6e-4
            )


def test_the_final_interval_holds_the_rate_often_enough() -> None:
    short = [line for line in read_lines("stopping") if float(line["coverage"]) < LEAST]
    # A finding, kept in sight: Wilson's interval of 100 answers at a rate of .005 misses as soon
    # as 2 of them are coins, and these runs end at the first look; the looking adds little.
    found = [(line["value"], line["precision"], line["consistency"]) for line in short]
    assert found == [("0.0050", "0.05", "0"), ("0.0050", "0.05", "0.3")]
    for line in short:
        assert float(line["coverage"]) >= float(line["coverage_first"]) - 0.015, line
        assert float(line["asked"]) < 55, line


@pytest.mark.parametrize("name", ["never_flips", "majority", "first"])
def test_who_never_flips_is_known_at_once(name: str) -> None:
    # No coin in 100 answers worth 50 at the least: 3.8415 / (50 + 3.8415) / 2 = .0357, and with
    # the design effect unknown no run can be worth more.
    (line,) = simulate(Case("coin_flip", name), (0.05,), 2)
    assert line.value == 0 and line.asked == 50 and line.spared == 0.75
    assert line.half == pytest.approx(0.0357, abs=5e-5)
    assert line.coverage == line.reached == 1
    stated = told(Case("coin_flip", name), 0.05)
    same = ("value", "asked", "spared", "reached", "half", "coverage", "coverage_all")
    assert {one: float(stated[one]) for one in same} == pytest.approx(
        {one: getattr(line, one) for one in same}, abs=6e-5
    )


def test_tossing_for_every_answer_takes_what_wilson_says() -> None:
    # Half of the dilemmas differ between orders: 1.96 √(.25 / 200) = .069, never below .05.
    (line,) = simulate(Case("forced_choice", "uniform"), (0.05,), 3)
    assert line.value == pytest.approx(0.5)
    assert line.asked == USUAL and line.reached == 0
    assert line.half == pytest.approx(1.96 * math.sqrt(0.25 / USUAL), abs=0.002)


def test_the_moved_people_flip_at_the_rate() -> None:
    for rate in FLIP_RATES:
        assert true_rate(Case("coin_flip", "people_at", rate)) == pytest.approx(rate, abs=1e-9)


def test_the_same_seed_gives_the_same_line() -> None:
    case = Case("coin_flip", "people_at", 0.3, 0.9, 100)
    assert simulate(case, (0.1,), 3) == simulate(case, (0.1,), 3)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("case", "precisions"),
    [
        (Case("coin_flip", "people_at", 0.005, 0.9, LONG), PRECISIONS),
        (Case("forced_choice", "human"), PRECISIONS[:1]),
        (Case("coin_flip", "lexicographic"), PRECISIONS[:1]),
    ],
)
def test_the_table_is_what_the_simulation_gives(case: Case, precisions: tuple[float, ...]) -> None:
    # The same seed, so nothing but the table's digits is left for a tolerance.
    for precision, line in zip(precisions, simulate(case, precisions), strict=True):
        stated = told(case, precision)
        for name in Line._fields:
            digits = 0.06 if name == "asked" else 6e-5
            assert float(stated[name]) == pytest.approx(getattr(line, name), abs=digits), name


def test_the_respondents_are_those_of_the_provider() -> None:
    from kidney_evals.respondents.definitions import find_respondent

    assert [find_respondent(name).name for name in RESPONDENTS] == list(RESPONDENTS)
