from __future__ import annotations

import numpy as np
import pytest

from kidney_evals.human.reference import load_reference
from kidney_evals.lab.precision_table import Cell, cells, simulate
from kidney_evals.planning.change import read_lines
from kidney_evals.planning.precision import Design, expectations
from kidney_evals.studies import CONDITIONS, load_study, study_names


def test_the_table_covers_every_study_that_people_answered() -> None:
    wanted = {
        (cell.study, cell.condition, cell.respondent, f"{cell.consistency:g}", str(cell.answers))
        for name in study_names()
        for condition in CONDITIONS
        if load_reference(load_study(name), condition).has_people
        for cell in cells(name, condition)
    }
    found = {tuple(line.values())[:5] for line in read_lines("precision")}
    assert found == wanted


def test_no_line_contradicts_itself() -> None:
    for line in read_lines("precision"):
        half, model = float(line["half"]), float(line["half_model"])
        assert half >= 0.9 * model >= 0, line
        assert float(line["sd"]) >= 0, line
        assert 0.5 <= float(line["defined"]) <= 1, line


def test_respondents_do_what_they_are_for() -> None:
    quick = {"runs": 6, "intervals": 2, "dilemmas": 40}
    steady = simulate(Cell("mcelfresh_2021", "forced_choice", "steady", 1.0, 2), **quick)
    never = simulate(Cell("mcelfresh_2021", "coin_flip", "never_flips", 0.9, 2), **quick)
    assert {line.row: line.value for line in steady}["swap_diff"] == 0
    assert {line.row: line.value for line in never}["flip_rate"] == 0


def test_the_same_seed_gives_the_same_line() -> None:
    cell = Cell("boerstler_2024", "forced_choice", "people", 0.3, 2)
    first, second = (simulate(cell, runs=4, intervals=1) for _ in range(2))
    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell",
    [
        Cell("mcelfresh_2021", "coin_flip", "people", 0.3, 2),
        Cell("mcelfresh_2021", "forced_choice", "people", 0.0, 2),
        Cell("mcelfresh_2021_fixed", "coin_flip", "people", 0.9, 20),
        Cell("freedman_2020", "forced_choice", "people", 0.3, 4),
    ],
)
def test_the_table_is_what_the_simulation_gives(cell: Cell) -> None:
    told = {line["row"]: line for line in read_lines("precision") if _is(line, cell)}
    # The same seed, so nothing but the table's three digits is left for a tolerance.
    again = {line.row: line for line in simulate(cell)}
    assert set(told) == set(again)
    for row, line in again.items():
        for name in ("value", "half", "half_model", "sd", "defined"):
            assert getattr(line, name) == pytest.approx(
                float(told[row][name]), rel=0.01, abs=1e-12
            ), (row, name)


@pytest.mark.slow
@pytest.mark.parametrize(("dilemmas", "answers"), [(50, 2), (400, 2), (50, 10)])
def test_widths_of_other_sizes_follow_from_the_table(dilemmas: int, answers: int) -> None:
    design = Design("mcelfresh_2021", "coin_flip", dilemmas, dilemmas, answers // 2, drawn=True)
    planned = {one.row: one for one in expectations(design)}
    levels = [
        {
            line.row: line.half
            for line in simulate(
                Cell("mcelfresh_2021", "coin_flip", "people", rho, answers),
                runs=40,
                intervals=40,
                dilemmas=dilemmas,
            )
        }
        for rho in (0.3, 0.9)
    ]
    for row, one in planned.items():
        if row == "flip_calib":
            continue  # a squared gap: its width falls between the root and the number itself
        widths = sorted(level[row] for level in levels if row in level)
        assert np.allclose(widths, one.half_consistent, rtol=0.15), row


def _is(line: dict[str, str], cell: Cell) -> bool:
    return (
        line["study"] == cell.study
        and line["condition"] == cell.condition
        and line["respondent"] == cell.respondent
        and float(line["consistency"]) == cell.consistency
        and int(line["answers"]) == cell.answers
    )
