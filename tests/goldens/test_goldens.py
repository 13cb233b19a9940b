"""The numbers of the package are those of the golden files.

A few runs are made in the default suite and all of them in the slow one. To see every difference:
`python tests/goldens/make.py --check`.
"""

import math
from pathlib import Path

import pytest

from goldens import parts
from goldens.runs import CASES, CONDITIONS, RESPONDENTS, STUDIES
from goldens.tables import Table, add, differences, read_table, write_table
from kidney_evals.studies import DEFAULT_STUDY, Condition


@pytest.mark.parametrize("name", parts.QUICK)
def test_without_a_run(name: str) -> None:
    parts.check(name, parts.QUICK[name]())


def test_rows_of_one_respondent() -> None:
    now = parts.rows("boerstler_2024", "forced_choice", "human")
    parts.check("rows_boerstler_2024", now, "human", "forced_choice")


def test_one_run_with_lost_answers() -> None:
    for name, now in parts.special_runs(["coin_faults"]).items():
        parts.check(name, now, "coin_faults")


def test_every_file_holds_what_it_should() -> None:
    assert {path.stem for path in parts.DATA.iterdir()} == set(parts.KEYS)
    for study in STUDIES:
        held = {(key[0], key[1]) for key in parts.golden(f"rows_{study}")}
        assert held == {(name, condition) for name in RESPONDENTS for condition in CONDITIONS}
    for name in ("runs", "texts"):
        assert {key[0] for key in parts.golden(name)} == set(CASES)


# acceptance/test_known_respondents.py has those of the default study, from runs of its own.
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("study", [name for name in STUDIES if name != DEFAULT_STUDY])
def test_rows_of_every_respondent(study: str, condition: Condition) -> None:
    for respondent in RESPONDENTS:
        now = parts.rows(study, condition, respondent)
        parts.check(f"rows_{study}", now, respondent, condition)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_one_run_of_each_kind() -> None:
    for name, now in parts.special_runs().items():
        parts.check(name, now)


def table(**cells: object) -> Table:
    made: Table = {}
    add(made, ("b", 10), cells)
    add(made, ("b", 9), cells)
    return made


def test_differences_of_tables() -> None:
    for now, lines in (
        # 1e-9 of a number, absolute below 1.
        (table(value=0.25 + 1e-10, n=3), []),
        (
            table(value=0.25 + 1e-8, n=3),
            [f"changed: b {place}  value: 0.25 -> 0.25000001" for place in (10, 9)],
        ),
        (
            table(value=math.nan, n=3),
            [f"changed: b {place}  value: 0.25 -> none" for place in (10, 9)],
        ),
        (
            table(value=0.25, n=3, human=1.0),
            [f"changed: b {place}  human: none -> 1.0" for place in (10, 9)],
        ),
        ({}, ["missing: row b 10", "missing: row b 9"]),
    ):
        assert differences(table(value=0.25, n=3), now) == lines


def test_a_file_holds_every_digit(tmp_path: Path) -> None:
    made = table(value=0.1 + 0.2, name='x, "y"\nz', empty=None)
    write_table(tmp_path / "table.csv", ("id", "place"), made)
    again = read_table(tmp_path / "table.csv", ("id", "place"))
    assert again == made and list(again) == [("b", "9"), ("b", "10")]
    assert float(again["b", "10"]["value"]) == 0.1 + 0.2
    with pytest.raises(ValueError, match="in the table already"):
        add(made, ("b", 9), {})
