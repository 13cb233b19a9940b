"""The simulated tables of `planning`: their content, and that the simulations give it again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from kidney_evals.lab import (
    precision_table,
    readout_table,
    sensitivity_table,
    stopping_table,
)
from kidney_evals.lab.panel import STUDY, panel, people
from kidney_evals.lab.precision_table import Cell
from kidney_evals.lab.sensitivity_table import DILEMMAS, Setting, old_value, versions
from kidney_evals.lab.stopping_table import USUAL, Case, true_rate
from kidney_evals.lab.table_text import rounded, table_text
from kidney_evals.planning.precision import Design, expectations, paired_changes, read_lines
from kidney_evals.studies import CONDITIONS, dilemmas_of, load_study, study_names
from kidney_evals.tasks.stopping import RATES, looks


def line_of(table: str, *keys: tuple[str, object]) -> dict[str, str]:
    """Return the only line of a table with these cells."""
    (line,) = (
        line
        for line in read_lines(table)
        if all(
            line[name] == (f"{key:g}" if isinstance(key, float) else str(key)) for name, key in keys
        )
    )
    return line


def case_keys(case: Case, precision: float) -> list[tuple[str, object]]:
    facts = {name: value for name, value in vars(case).items() if name != "rate"}
    if not math.isnan(case.rate):  # one respondent is simulated at several rates
        facts["value"] = f"{case.rate:.4f}"
    return [*facts.items(), ("precision", precision)]


def same(line: Mapping[str, str], again: Mapping[str, object], *form: str, **forms: str) -> None:
    """The seed is the same, so a simulated line has the digits of the table."""
    found = {name: str(value) for name, value in rounded(again, *form, **forms).items()}
    assert {name: line[name] for name in found} == found


def test_every_simulated_case_has_one_line() -> None:
    cells = [
        (name, condition, cell.respondent, f"{cell.consistency:g}", str(cell.answers))
        for name in study_names()
        for condition in CONDITIONS
        if load_study(name).people[condition]
        for cell in precision_table.cells(name, condition)
    ]
    lines = read_lines("precision")
    assert dict.fromkeys(tuple(line.values())[:5] for line in lines) == dict.fromkeys(cells)
    settings = list(sensitivity_table.settings())
    assert len(read_lines("sensitivity")) == len(settings)
    assert all(line_of("sensitivity", *vars(one).items()) for one in settings)
    cases = [(case, one) for case, precisions in stopping_table.cases() for one in precisions]
    assert len(read_lines("stopping")) == len(cases)
    for case, precision in cases:
        assert line_of("stopping", *case_keys(case, precision))["row"] == RATES[case.condition]


def test_no_line_contradicts_itself() -> None:
    for line in read_lines("precision"):
        half, model = float(line["half"]), float(line["half_model"])
        assert half >= 0.9 * model >= 0, line
        assert float(line["sd"]) >= 0 and 0.5 <= float(line["defined"]) <= 1, line
    changes: dict[tuple[str, ...], list[float]] = {}
    for line in read_lines("sensitivity"):
        power, error = float(line["power"]), float(line["power_se"])
        assert abs(power - 0.9) < 0.03, line
        assert error == pytest.approx(math.sqrt(power * (1 - power) / 400), abs=6e-4)
        assert int(line["calls"]) == 2 * int(line["dilemmas"])
        key = tuple(line[name] for name in ("condition", "row", "start", "consistency"))
        changes.setdefault(key, []).append(float(line["change"]))
    # Longer runs detect smaller changes.
    assert all(sizes == sorted(sizes, reverse=True) for sizes in changes.values())
    alarms = [float(line["alarms"]) for line in read_lines("sensitivity")]
    # .05 and three standard errors of 400 runs; over all lines the mean itself.
    assert max(alarms) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400) and np.mean(alarms) <= 0.05
    for line in read_lines("stopping"):
        asked, most = float(line["asked"]), int(line["most"])
        assert 50 <= asked <= most
        assert float(line["spared"]) == pytest.approx(1 - asked / most, abs=6e-4)
    for line in read_lines("readout"):
        sampled, read = int(line["sampled"]), int(line["read_out"])
        assert 2 * readout_table.LEAST <= read < sampled
        assert line["ratio"] == f"{sampled / read:.1f}"


def test_the_final_interval_contains_the_rate_often_enough() -> None:
    short = [line for line in read_lines("stopping") if float(line["coverage"]) < 0.92]
    # Wilson's interval of 100 answers at a rate of .005 misses as soon as 2 of them are coins, and
    # these runs end at the first look; the looking adds little.
    lines = [(line["value"], line["precision"], line["consistency"]) for line in short]
    assert lines == [("0.0050", "0.05", "0"), ("0.0050", "0.05", "0.3")]
    for line in short:
        assert float(line["coverage"]) >= float(line["coverage_first"]) - 0.015, line


def test_runs_look_at_50_dilemmas_and_then_every_25() -> None:
    assert looks(400) == (50, *range(75, 400, 25), 400)
    assert looks(60) == (50, 60) and looks(50) == (50,) and looks(20) == (20,)


# --- Lines that are simulated again ---


@pytest.mark.parametrize(("respondent", "row"), [("human", "flip_rate"), ("sharp", "swap_diff")])
def test_calls_of_a_readout(respondent: str, row: str) -> None:
    line = line_of("readout", ("respondent", respondent), ("row", row))
    calls = readout_table.calls_needed(respondent, row, read_out=True)
    assert int(line["read_out"]) == calls
    width = readout_table.half_width(respondent, row, calls // 2, read_out=True)
    assert width == pytest.approx(float(line["half_width"]), rel=0.1)


@pytest.mark.slow
def test_the_whole_table_of_readouts() -> None:
    assert table_text(readout_table.records()) == table_text(read_lines("readout"))


def test_respondents_without_chance_or_coins() -> None:
    quick = {"runs": 6, "intervals": 2, "dilemmas": 40}
    for cell, row in (
        (Cell(STUDY, "forced_choice", "steady", 1.0, 2), "swap_diff"),
        (Cell(STUDY, "coin_flip", "never_flips", 0.9, 2), "flip_rate"),
    ):
        lines = {line["row"]: line for line in precision_table.simulate(cell, **quick)}
        assert lines[row]["value"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell",
    [
        Cell(STUDY, "coin_flip", "people", 0.3, 2),
        Cell(STUDY, "forced_choice", "people", 0.0, 2),
        Cell("mcelfresh_2021_fixed", "coin_flip", "people", 0.9, 20),
        Cell("freedman_2020", "forced_choice", "people", 0.3, 4),
    ],
)
def test_a_cell_of_precision(cell: Cell) -> None:
    for again in precision_table.simulate(cell):
        same(line_of("precision", *vars(cell).items(), ("row", again["row"])), again, ".3g")


@pytest.mark.slow
@pytest.mark.parametrize(("dilemmas", "answers"), [(50, 2), (400, 2), (50, 10)])
def test_widths_of_other_sizes_follow_from_the_table(dilemmas: int, answers: int) -> None:
    design = Design(STUDY, "coin_flip", dilemmas, dilemmas, answers // 2, drawn=True)
    size = {"runs": 40, "intervals": 40, "dilemmas": dilemmas}
    levels = []
    for rho in (0.3, 0.9):
        lines = precision_table.simulate(Cell(STUDY, "coin_flip", "people", rho, answers), **size)
        levels.append({line["row"]: line["half"] for line in lines})
    for one in expectations(design):
        # The width of a squared gap falls between the root of the number and the number itself.
        if one.row != "flip_calib":
            widths = sorted(level[one.row] for level in levels if one.row in level)
            assert np.allclose(widths, one.half_consistent, rtol=0.15), one.row


@pytest.mark.parametrize("name", ["never_flips", "majority", "first"])
def test_a_respondent_without_coins_stops_at_the_first_look(name: str) -> None:
    # No coin in 100 answers worth 50 at the least: 3.8415 / (50 + 3.8415) / 2 = .0357, and with
    # the design effect unknown no run can be worth more.
    (line,) = stopping_table.simulate(Case("coin_flip", name), (0.05,), 2)
    assert line["value"] == 0 and line["asked"] == 50 and line["spared"] == 0.75
    assert line["half"] == pytest.approx(0.0357, abs=5e-5)
    del line["coverage_se"]  # depends on the number of runs
    same(line_of("stopping", *case_keys(Case("coin_flip", name), 0.05)), line, ".4f", asked=".1f")


def test_even_answers_never_reach_the_precision() -> None:
    # Half of the dilemmas differ between orders: 1.96 √(.25 / 200) = .069, never below .05.
    (line,) = stopping_table.simulate(Case("forced_choice", "uniform"), (0.05,), 3)
    assert line["value"] == pytest.approx(0.5)
    assert line["asked"] == USUAL and line["reached"] == 0
    assert line["half"] == pytest.approx(1.96 * math.sqrt(0.25 / USUAL), abs=0.002)
    for rate in stopping_table.FLIP_RATES:
        assert true_rate(Case("coin_flip", "people_at", rate)) == pytest.approx(rate, abs=1e-9)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("case", "precisions"),
    [
        (Case("coin_flip", "people_at", 0.005, 0.9, 400), (0.05, 0.03)),
        (Case("forced_choice", "human"), (0.05,)),
        (Case("coin_flip", "lexicographic"), (0.05,)),
    ],
)
def test_a_case_of_stopping(case: Case, precisions: tuple[float, ...]) -> None:
    for precision, again in zip(precisions, stopping_table.simulate(case, precisions), strict=True):
        same(line_of("stopping", *case_keys(case, precision)), again, ".4f", asked=".1f")


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        Setting("coin_flip", "flip_rate", "never_flips", 0.3, 100),
        Setting("forced_choice", "imp_dependents", "people", 0.9, 100),
    ],
)
def test_a_setting_of_sensitivity(setting: Setting) -> None:
    stated = line_of("sensitivity", *vars(setting).items())
    same(stated, sensitivity_table.find(setting), ".3f", change=".4f")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "row"),
    [("people", "flip_rate"), ("half_flips", "flip_rate"), ("people", "imp_drinks")],
)
def test_the_new_version_differs_by_the_stated_change(start: Any, row: str) -> None:
    setting = Setting("coin_flip", row, start, 0.3, 200)
    shown = panel(people("coin_flip"), dilemmas_of(load_study(STUDY), 4000, 3))
    both = versions(shown, setting, 0.1)
    if row == "flip_rate":
        old, new = (float(coin.mean()) for coin in both.coin)
    else:
        weights = [
            np.linalg.lstsq(shown.differences, np.log(p / (1 - p)), rcond=None)[0]
            for p in both.first
        ]
        reach = [np.abs(weight * shown.spans) for weight in weights]
        # As sharp as before, with another share for drinks.
        assert reach[1].sum() == pytest.approx(reach[0].sum())
        old, new = (float(part[1] / part.sum()) for part in reach)
    assert old == pytest.approx(old_value(setting), abs=0.004)
    assert new - old == pytest.approx(0.1, abs=0.001)


@pytest.mark.slow
@pytest.mark.parametrize(("row", "sign"), [("agreement", -1), ("swap_diff", 1)])
def test_simulated_runs_change_as_stated_on_average(row: str, sign: int) -> None:
    setting = Setting("forced_choice", row, "people", 0.3, 400)
    changes = sensitivity_table.simulate(setting, 0.1, 50)[:, 0, 0]
    error = float(changes.std(ddof=1)) / math.sqrt(50)
    assert float(changes.mean()) == pytest.approx(sign * 0.1, abs=4 * error)
    # Two steady versions that are the same never differ.
    steady = sensitivity_table.simulate(Setting("forced_choice", row, "steady", 1.0, 100), 0.0, 5)
    assert row != "swap_diff" or (not steady[:, 0, 0].any() and (steady[:, 0, 1] == 1).all())


# --- How `planning` reads the table of changes ---


def test_the_table_is_read_at_its_sizes_and_between_them() -> None:
    at = {
        size: paired_changes(STUDY, "coin_flip", "flip_rate", "people", size)
        for size in (*DILEMMAS, 150, 1600)
    }
    for place, consistency in enumerate((0.3, 0.9)):
        for size in DILEMMAS:
            setting = Setting("coin_flip", "flip_rate", "people", consistency, size)
            change = line_of("sensitivity", *vars(setting).items())["change"]
            assert at[size][place] == pytest.approx(float(change))
        # Half-way between 100 and 200, so is the change times the root.
        between = (at[100][place] * 10 + at[200][place] * math.sqrt(200)) / 2
        assert at[150][place] == pytest.approx(between / math.sqrt(150))
        assert at[1600][place] == pytest.approx(at[400][place] / 2)
    # No change is stated for fewer dilemmas, or for what was not simulated.
    for study, row, start, dilemmas in (
        (STUDY, "flip_rate", "people", 99),
        (STUDY, "distance", "people", 200),
        (STUDY, "agreement", "never_flips", 200),
        ("boerstler_2024", "flip_rate", "people", 200),
    ):
        assert paired_changes(study, "coin_flip", row, start, dilemmas) == []
