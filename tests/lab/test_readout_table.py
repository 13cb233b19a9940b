"""The table of calls, sampled and read out."""

from __future__ import annotations

import pytest

from kidney_evals.lab import readout_table
from kidney_evals.lab.table_text import table_text
from kidney_evals.planning.change import read_lines


@pytest.mark.parametrize(
    ("respondent", "row"), [("human", "flip_rate"), ("sharp", "swap_diff"), ("human", "imp_age")]
)
def test_a_line_is_what_its_simulation_gives(respondent: str, row: str) -> None:
    line = next(
        one for one in read_lines("readout") if (one["respondent"], one["row"]) == (respondent, row)
    )
    assert int(line["read_out"]) == readout_table.calls_needed(respondent, row, read_out=True)


@pytest.mark.slow
def test_the_whole_table_is_what_it_says() -> None:
    made = table_text(readout_table.records())
    assert made == table_text(read_lines("readout"))


def test_a_readout_never_needs_more_and_the_widths_are_met() -> None:
    for line in read_lines("readout"):
        assert int(line["read_out"]) < int(line["sampled"])
        assert float(line["ratio"]) == round(int(line["sampled"]) / int(line["read_out"]), 1)
        assert int(line["read_out"]) >= 2 * readout_table.LEAST
    human = next(one for one in read_lines("readout") if one["row"] == "flip_rate")
    count = int(human["read_out"]) // 2
    width = readout_table.half_width("human", "flip_rate", count, read_out=True)
    assert width == pytest.approx(0.03, rel=0.1)
