"""`reference verify`: every stated figure computed again. Needs the raw rows (see `conftest`)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from kidney_evals.cli.main import main
from kidney_evals.lab.verify import Figure, note


def figure(sample: str, stated: str, ours: float, form: str = "authors") -> Figure:
    return Figure(
        sample, "authors" if form == "authors" else "free", "dom", "per_answer", stated, ours
    )


@pytest.mark.parametrize(
    ("stated", "ours", "meets"),
    [("-0.948", -0.9489, True), ("-0.948", -0.9502, False), ("0.69", 0.68, True)],
)
def test_a_figure_is_met_within_a_unit_of_its_last_decimal(
    stated: str, ours: float, meets: bool
) -> None:
    assert figure("train", stated, ours).meets is meets


def test_a_difference_is_put_down_to_the_fit_only_where_ours_is_the_higher() -> None:
    off = figure("new_people", "-0.948", -0.9502)
    assert "higher maximum" in note(off, [figure("train", "-0.908", -0.9072), off])
    assert note(off, [figure("train", "-0.907", -0.9072), off]) == "does not come out"
    assert note(figure("test", "-0.930", -0.9306), []) == ""


@pytest.mark.slow
def test_every_table_is_identical_and_every_model_comes_out_but_one(raw_dir: Path) -> None:
    result = CliRunner().invoke(main, ["reference", "verify", "--data", str(raw_dir)])
    assert result.exit_code == 0, result.output
    last = result.output.strip().splitlines()[-1]
    assert re.match(r"17 of 17 tables identical; 53 of 54 model figures", last)
    # The boxed Max-δ on new people, and our fit of it is the higher one.
    assert result.output.count("  ^ ") == 1
    assert "ours is the higher maximum" in result.output


def test_missing_rows_are_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["reference", "verify", "--data", str(tmp_path)])
    assert result.exit_code != 0
    assert "study_1.csv is missing" in result.output
