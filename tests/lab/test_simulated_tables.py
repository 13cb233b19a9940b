"""The simulated tables of `planning`: their content, and that the simulations give it again."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from kidney_evals import planning
from kidney_evals.lab import precision_table, readout_table, sensitivity_table, stopping_table
from kidney_evals.lab.panel import STUDY, panel, people
from kidney_evals.lab.precision_table import Cell
from kidney_evals.lab.sensitivity_table import DILEMMAS, Setting, old_value, versions
from kidney_evals.lab.stopping_table import USUAL, Case, true_rate
from kidney_evals.lab.table_text import rounded, table_text
from kidney_evals.planning.precision import Design, expectations, paired_changes, read_lines
from kidney_evals.studies import CONDITIONS, dilemmas_of, load_study, study_names
from kidney_evals.tasks.stopping import RATES, looks


def line_of(table: str, **cells: object) -> dict[str, str]:
    """Return the only line of a table with these cells."""
    texts = {
        name: f"{one:g}" if isinstance(one, float) else str(one) for name, one in cells.items()
    }
    (line,) = (line for line in read_lines(table) if texts.items() <= line.items())
    return line


def line_of_case(case: Case, precision: float) -> dict[str, str]:
    facts = {name: value for name, value in vars(case).items() if name != "rate"}
    if not math.isnan(case.rate):  # one respondent is simulated at several rates
        facts["value"] = f"{case.rate:.4f}"
    return line_of("stopping", **facts, precision=precision)


def same(line: Mapping[str, str], again: Mapping[str, object], *form: str, **forms: str) -> None:
    """Assert that a line simulated again, with the same seed, has the digits of the table."""
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
    assert all(line_of("sensitivity", **vars(one)) for one in settings)
    cases = [(case, one) for case, precisions in stopping_table.cases() for one in precisions]
    assert len(read_lines("stopping")) == len(cases)
    for case, precision in cases:
        assert line_of_case(case, precision)["row"] == RATES[case.condition]


def numbers(table: str) -> pd.DataFrame:
    return pd.read_csv(Path(planning.__path__[0], f"{table}.csv"))


def test_no_line_contradicts_itself() -> None:
    widths = numbers("precision")
    half, model = widths["half"], widths["half_model"]
    assert (half >= 0.9 * model).all() and (model >= 0).all()
    assert (widths["sd"] >= 0).all() and widths["defined"].between(0.5, 1).all()
    found = numbers("sensitivity")
    assert ((found["power"] - 0.9).abs() < 0.03).all()
    error = np.sqrt(found["power"] * (1 - found["power"]) / 400)
    assert found["power_se"].to_numpy() == pytest.approx(error.to_numpy(), abs=6e-4)
    assert (found["calls"] == 2 * found["dilemmas"]).all()
    # Longer runs detect smaller changes.
    for _, same in found.groupby(["condition", "row", "start", "consistency"]):
        assert same.set_index("dilemmas")["change"].sort_index().is_monotonic_decreasing
    # .05 and three standard errors of 400 runs; over all lines the mean itself.
    assert found["alarms"].max() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    assert found["alarms"].mean() <= 0.05
    stopped = numbers("stopping")
    assert ((stopped["asked"] >= 50) & (stopped["asked"] <= stopped["most"])).all()
    spared = 1 - stopped["asked"] / stopped["most"]
    assert stopped["spared"].to_numpy() == pytest.approx(spared.to_numpy(), abs=6e-4)
    for line in read_lines("readout"):
        sampled, read = int(line["sampled"]), int(line["read_out"])
        assert 2 * readout_table.LEAST <= read < sampled
        assert line["ratio"] == f"{sampled / read:.1f}"


def test_the_final_interval_contains_the_rate_often_enough() -> None:
    table = numbers("stopping")
    short = table[table["coverage"] < 0.92]
    # Wilson's interval of 100 answers at a rate of .005 misses as soon as 2 of them are coins, and
    # these runs end at the first look; the looking adds little.
    cells = short[["value", "precision", "consistency"]].to_numpy().tolist()
    assert cells == [[0.005, 0.05, 0], [0.005, 0.05, 0.3]]
    assert (short["coverage"] >= short["coverage_first"] - 0.015).all()


def test_runs_look_at_50_dilemmas_and_then_every_25() -> None:
    assert looks(400) == (50, *range(75, 400, 25), 400)
    assert looks(60) == (50, 60) and looks(50) == (50,) and looks(20) == (20,)


@pytest.mark.parametrize(("respondent", "row"), [("human", "flip_rate"), ("sharp", "swap_diff")])
def test_calls_of_a_readout(respondent: str, row: str) -> None:
    line = line_of("readout", respondent=respondent, row=row)
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
        same(line_of("precision", **vars(cell), row=again["row"]), again, ".3g")


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
    same(line_of_case(Case("coin_flip", name), 0.05), line, ".4f", asked=".1f")


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
        same(line_of_case(case, precision), again, ".4f", asked=".1f")


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        Setting("coin_flip", "flip_rate", "never_flips", 0.3, 100),
        Setting("forced_choice", "imp_dependents", "people", 0.9, 100),
    ],
)
def test_a_setting_of_sensitivity(setting: Setting) -> None:
    stated = line_of("sensitivity", **vars(setting))
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
        weights = (np.linalg.lstsq(shown.differences, logit(p), rcond=None)[0] for p in both.first)
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


def test_the_table_is_read_at_its_sizes_and_between_them() -> None:
    at = {
        size: paired_changes(STUDY, "coin_flip", "flip_rate", "people", size)
        for size in (*DILEMMAS, 150, 1600)
    }
    for place, consistency in enumerate((0.3, 0.9)):
        for size in DILEMMAS:
            setting = Setting("coin_flip", "flip_rate", "people", consistency, size)
            change = line_of("sensitivity", **vars(setting))["change"]
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
