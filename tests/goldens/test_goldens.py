"""The numbers of the package are those of the golden files.

A few runs are made in the default suite and all of them in the slow one. To see every difference:
`python tests/goldens/make.py --check`.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from goldens import parts, reading
from goldens.runs import CASES, CONDITIONS, RESPONDENTS, STUDIES, run_study
from goldens.tables import TOLERANCE, Table, differences, read_table, report
from kidney_evals.studies import Condition


def golden(name: str) -> Table:
    return read_table(parts.DATA / f"{name}.csv", parts.KEYS[name])


def check(name: str, now: Table, **only: str) -> None:
    """Compare a table with its golden file, or with the rows of it that `only` names."""
    found = differences(golden(name).only(only), now, TOLERANCE)
    assert not found, f"{name}: {report(found)}"


@pytest.mark.parametrize("name", parts.QUICK)
def test_without_a_run(name: str) -> None:
    check(name, parts.QUICK[name]())


def test_rows_of_one_respondent() -> None:
    study, respondent = "boerstler_2024", "human"
    now = parts.rows(study, "forced_choice", respondent)
    check(f"rows_{study}", now, condition="forced_choice", respondent=respondent)


def test_one_run_with_lost_answers() -> None:
    for name, now in parts.special_runs(["coin_faults"]).items():
        check(name, now, run="coin_faults")


def test_every_file_holds_what_it_should() -> None:
    assert {path.stem for path in parts.DATA.iterdir()} == set(parts.KEYS)
    for study in STUDIES:
        held = {(key[0], key[1]) for key in golden(f"rows_{study}").rows}
        assert held == {(name, condition) for name in RESPONDENTS for condition in CONDITIONS}
    for name in ("runs", "texts"):
        assert {key[0] for key in golden(name).rows} == set(CASES)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("study", STUDIES)
def test_rows_of_every_respondent(study: str, condition: Condition) -> None:
    now = parts.study_rows(study, [condition])
    check(f"rows_{study}", now, condition=condition)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_one_run_of_each_kind() -> None:
    for name, now in parts.special_runs().items():
        check(name, now)


@pytest.mark.slow
def test_the_log_stores_the_computed_rows_rounded(tmp_path: Path) -> None:
    log = run_study("mcelfresh_2021_fixed", "coin_flip", "human", tmp_path)
    stored, computed = reading.stored_rows(log), reading.rows_of_log(log)
    # A log also has the rows of controls where a study has none: without a value, and n = 0.
    filled = {name: cells for name, cells in stored.items() if cells["n"]}
    assert set(filled) <= set(computed)
    for name, cells in filled.items():
        assert cells == {
            column: pytest.approx(value, abs=5.1e-5, nan_ok=True)
            for column, value in computed[name].items()
        }, name


def table(**cells: object) -> Table:
    made = Table(("id",))
    for key in ("first", "second"):
        made.add((key,), cells)
    return made


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (table(value=0.25, n=3), "no difference"),
        # 1e-9 of a number, absolute below 1.
        (table(value=0.25 + 1e-10, n=3), "no difference"),
        (
            table(value=0.25 + 1e-8, n=3),
            "2 changed\nchanged: first  value: 0.25 -> 0.25000001\n"
            "changed: second  value: 0.25 -> 0.25000001",
        ),
        (
            table(value=math.nan, n=3),
            "2 changed\nchanged: first  value: 0.25 -> none\nchanged: second  value: 0.25 -> none",
        ),
        (table(value=0.25, n=3, human=1.0), "1 added\nadded: column human"),
        (table(value=0.25), "1 missing\nmissing: column n"),
        (table(value=0.25, n=3).only({"id": "first"}), "1 missing\nmissing: row second"),
    ],
)
def test_a_difference_is_told(now: Table, says: str) -> None:
    assert report(differences(table(value=0.25, n=3), now, TOLERANCE)) == says


def test_only_the_first_differences_are_listed() -> None:
    old, new = Table(("id",)), Table(("id",))
    for number in range(25):
        old.add((number,), {"value": 1.0})
        new.add((number,), {"value": 2.0})
    told = report(differences(old, new, TOLERANCE)).splitlines()
    assert told[0] == "25 changed" and len(told) == 22 and told[-1] == "and 5 more"


def test_a_file_holds_every_digit(tmp_path: Path) -> None:
    made = Table(("id", "place"))
    made.add(("b", 10), {"value": 0.1 + 0.2, "name": 'x, "y"\nz'})
    made.add(("b", 9), {"value": math.nan, "name": None})
    made.write(tmp_path / "table.csv")
    again = read_table(tmp_path / "table.csv", made.keys)
    assert again == Table(made.keys, dict(reversed(made.rows.items())))
    assert float(again.rows["b", "10"]["value"]) == 0.1 + 0.2
    with pytest.raises(ValueError, match="begins with"):
        read_table(tmp_path / "table.csv", ("id", "where"))
    with pytest.raises(ValueError, match="cannot add"):
        made.add(("b", 9), {})
