"""The table of changes that are found: what it holds, how it is read, and that it can be made."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest

from kidney_evals.human.reference import load_reference
from kidney_evals.lab.panel import STUDY, panel
from kidney_evals.lab.sensitivity_table import (
    DILEMMAS,
    RUNS,
    Setting,
    find,
    old_value,
    settings,
    simulate,
    versions,
)
from kidney_evals.planning.change import paired_changes, read_lines
from kidney_evals.studies import dilemmas_of, load_study


def key(setting: Setting, row: str) -> tuple[str, ...]:
    return (
        setting.condition,
        row,
        setting.start,
        f"{setting.consistency:g}",
        str(setting.dilemmas),
    )


def told(setting: Setting, row: str) -> dict[str, float]:
    columns = ("condition", "row", "start", "consistency", "dilemmas")
    (line,) = (
        line
        for line in read_lines("sensitivity")
        if tuple(line[name] for name in columns) == key(setting, row)
    )
    return {name: float(cell) for name, cell in list(line.items())[7:]}


def test_the_table_holds_every_setting_once() -> None:
    found = [
        (line["condition"], line["row"], line["start"], line["consistency"], line["dilemmas"])
        for line in read_lines("sensitivity")
    ]
    assert found == [key(setting, row) for setting, row in settings()]
    assert all(line["study"] == STUDY for line in read_lines("sensitivity"))
    assert all(
        int(line["calls"]) == 2 * int(line["dilemmas"]) for line in read_lines("sensitivity")
    )


def test_every_change_was_found_nine_times_in_ten() -> None:
    for line in read_lines("sensitivity"):
        power, error = float(line["power"]), float(line["power_se"])
        assert abs(power - 0.9) < 0.03, line
        assert error == pytest.approx(math.sqrt(power * (1 - power) / RUNS), abs=6e-4)


def test_no_more_than_a_twentieth_of_alarms_is_false() -> None:
    alarms = [float(line["alarms"]) for line in read_lines("sensitivity")]
    # .05 and three standard errors of 400 runs; over all lines the mean itself.
    assert max(alarms) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / RUNS)
    assert np.mean(alarms) <= 0.05


def test_longer_runs_find_smaller_changes() -> None:
    sizes = defaultdict(list)
    for line in read_lines("sensitivity"):
        setting = (line["condition"], line["row"], line["start"], line["consistency"])
        sizes[setting].append(float(line["change"]))
    for setting, changes in sizes.items():
        assert len(changes) == len(DILEMMAS)
        assert changes == sorted(changes, reverse=True), setting


def test_a_model_that_never_flips_shows_less_change_than_one_that_does() -> None:
    for consistency in (0.0, 0.3, 0.9):
        for dilemmas in DILEMMAS:
            people, never = (
                told(Setting("coin_flip", start, consistency, dilemmas), "flip_rate")["change"]
                for start in ("people", "never_flips")
            )
            assert never < people


def test_the_table_is_read_at_its_sizes_and_between_them() -> None:
    at = {
        size: paired_changes(STUDY, "coin_flip", "flip_rate", "people", size)
        for size in (*DILEMMAS, 150, 1600)
    }
    for place, consistency in enumerate((0.3, 0.9)):
        for size in DILEMMAS:
            setting = Setting("coin_flip", "people", consistency, size)
            assert at[size][place] == pytest.approx(told(setting, "flip_rate")["change"])
        # Half-way between 100 and 200, so is the change times the root.
        between = (at[100][place] * 10 + at[200][place] * math.sqrt(200)) / 2
        assert at[150][place] == pytest.approx(between / math.sqrt(150))
        assert at[1600][place] == pytest.approx(at[400][place] / 2)


@pytest.mark.parametrize(
    ("study", "row", "start", "dilemmas"),
    [
        (STUDY, "flip_rate", "people", 99),
        (STUDY, "distance", "people", 200),
        (STUDY, "agreement", "never_flips", 200),
        ("boerstler_2024", "flip_rate", "people", 200),
    ],
)
def test_what_was_not_simulated_is_not_told(
    study: str, row: str, start: str, dilemmas: int
) -> None:
    assert paired_changes(study, "coin_flip", row, start, dilemmas) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "row"),
    [("people", "flip_rate"), ("half_flips", "flip_rate"), ("people", "imp_drinks")],
)
def test_the_new_version_differs_by_the_stated_change(start: str, row: str) -> None:
    setting = Setting("coin_flip", start, 0.3, 200)  # type: ignore[arg-type]
    reference = load_reference(load_study(STUDY), "coin_flip")
    shown = panel(reference, dilemmas_of(reference.study, 4000, 3))
    both = versions(shown, setting, row, 0.1)
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
    assert old == pytest.approx(old_value(setting, row), abs=0.004)
    assert new - old == pytest.approx(0.1, abs=0.001)


@pytest.mark.slow
def test_agreement_and_swaps_change_as_stated_on_average() -> None:
    for row, start, change in (("agreement", "people", 0.1), ("swap_diff", "people", 0.1)):
        setting = Setting("forced_choice", start, 0.3, 400)  # type: ignore[arg-type]
        found = simulate(setting, row, change, 50)[:, 0, 0]
        error = float(found.std(ddof=1)) / math.sqrt(50)
        sign = -1 if row == "agreement" else 1
        assert float(found.mean()) == pytest.approx(sign * change, abs=4 * error)


@pytest.mark.slow
def test_steady_versions_never_change() -> None:
    found = simulate(Setting("forced_choice", "steady", 1.0, 100), "swap_diff", 0.0, 5)
    assert not found[:, 0, 0].any()
    assert (found[:, 0, 1] == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "row"),
    [
        (Setting("coin_flip", "never_flips", 0.3, 100), "flip_rate"),
        (Setting("forced_choice", "people", 0.9, 100), "imp_dependents"),
    ],
)
def test_the_table_is_what_the_simulation_gives(setting: Setting, row: str) -> None:
    # The same seed, so nothing but the table's digits is left for a tolerance.
    again, stated = find(setting, row)._asdict(), told(setting, row)
    assert {name: stated[name] for name in again} == pytest.approx(again, abs=6e-4)
