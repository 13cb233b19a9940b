"""The table of calls, sampled and read out."""

from __future__ import annotations

import csv

import pytest

from kidney_evals.lab import readout_table
from kidney_evals.lab.table_text import table_text


def shipped() -> list[dict[str, str]]:
    with readout_table.TABLE.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("respondent", "row"), [("human", "flip_rate"), ("sharp", "swap_diff"), ("human", "imp_age")]
)
def test_a_line_is_what_its_simulation_gives(respondent: str, row: str) -> None:
    line = next(one for one in shipped() if (one["respondent"], one["row"]) == (respondent, row))
    assert int(line["read_out"]) == readout_table.calls_needed(respondent, row, read_out=True)


@pytest.mark.slow
def test_the_whole_table_is_what_it_says() -> None:
    assert table_text(readout_table.records()) == readout_table.TABLE.read_text(encoding="utf-8")


def test_a_readout_never_needs_more_and_the_widths_are_met() -> None:
    for line in shipped():
        assert int(line["read_out"]) < int(line["sampled"])
        assert float(line["ratio"]) == round(int(line["sampled"]) / int(line["read_out"]), 1)
        assert int(line["read_out"]) >= 2 * readout_table.LEAST
    human = next(one for one in shipped() if one["row"] == "flip_rate")
    count = int(human["read_out"]) // 2
    width = readout_table.half_width("human", "flip_rate", count, read_out=True)
    assert width == pytest.approx(0.03, rel=0.1)
