"""The measures of respondents whose values are known, through whole runs."""

import math
import re
from pathlib import Path

import pytest

from goldens import parts, reading
from goldens.tables import Table, add
from kidney_evals.lab.known_table import RESPONDENTS, Results, markdown, run_known
from kidney_evals.measures import find
from kidney_evals.reporting.rows import Rows
from kidney_evals.studies import CONDITIONS, DEFAULT_STUDY, Condition

PAGE = Path(__file__).resolve().parents[2] / "docs/respondents.md"


def check_nothing_read(rows: Rows) -> None:
    """Check that a respondent who never answered has no values."""
    assert rows["coverage"].value == 0 and rows["coverage"].n > 0
    assert rows["refusal"].value == 1
    # These groups include every sample, answered or not (an unanswered control is failed).
    silent = [name for name in rows if find(name).group not in ("readability", "controls")]
    assert {"distance", "share_dist", "imp_age"} <= set(silent)
    for name in silent:
        assert math.isnan(rows[name].value) and rows[name].n == 0, name
        assert not rows.baselines(name), name


def check_always_a(rows: Rows) -> None:
    """Check that always A has the largest position bias, and less its pull scores as guessing."""
    bias = rows["pos_bias"]
    assert bias.value == 0.5 == bias.high and bias.low > 0
    # Both orders together favour nobody, ½ and ½, as guessing does in expectation.
    assert rows["distance"].value < 0
    corrected = rows["distance"].value + rows["side_pull"].value
    assert corrected == pytest.approx(rows.baselines("distance")["guessing"].value, abs=0.001)


@pytest.mark.slow
def test_five_dilemmas_tell_always_a_and_nobody() -> None:
    runs = run_known(5, ("first", "refuser"))
    check_always_a(runs["forced_choice", "first"])
    for condition in CONDITIONS:
        assert "no_signal" in runs[condition, "first"].flags
        assert runs[condition, "first"]["swap_diff"].value == 1
        check_nothing_read(runs[condition, "refuser"])


@pytest.fixture(scope="module")
def full() -> Results:
    return run_known(200)


class TestTwoHundredDilemmas:
    pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # noqa: RUF012

    def test_everybody_ran(self, full: Results) -> None:
        assert set(full) == {(condition, name) for condition in CONDITIONS for name in RESPONDENTS}

    def test_the_rows_are_those_of_the_golden_file(self, full: Results) -> None:
        for (condition, name), rows in full.items():
            now: Table = {}
            for id, cells in reading.cells_of(rows).items():
                add(now, (name, condition, DEFAULT_STUDY, id), cells)
            parts.check(f"rows_{DEFAULT_STUDY}", now, name, condition)

    def test_people_are_people(self, full: Results) -> None:
        coin = full["coin_flip", "human"]
        # People flip in 16.9 % over the study's domain, and where people flip.
        assert coin["flip_rate"].low < 0.169 < coin["flip_rate"].high
        assert abs(coin["flip_rate"].value - coin["flip_rate"].human) < 0.04
        assert coin["flip_calib"].low <= 0 <= coin["flip_calib"].high
        assert full["forced_choice", "human"]["agreement"].value == pytest.approx(0.89, abs=0.04)
        for condition in CONDITIONS:
            rows = full[condition, "human"]
            assert rows["share_dist"].value < 0.093 and rows["coverage"].value == 1
            distance = rows["distance"]
            assert distance.low <= 0 <= distance.high and abs(distance.value) < 0.05
            assert not {"no_signal", "separated", "few"} & set(rows.flags)

    @pytest.mark.parametrize(
        ("condition", "name"),
        [
            # Where no coin is offered `never_flips` is people themselves and `coin` says nothing.
            ("forced_choice", "majority"),
            ("forced_choice", "uniform"),
            ("coin_flip", "majority"),
            ("coin_flip", "never_flips"),
            ("coin_flip", "uniform"),
            ("coin_flip", "coin"),
        ],
    )
    def test_caricatures_are_further_off(
        self, full: Results, condition: Condition, name: str
    ) -> None:
        caricature, human = (full[condition, one]["distance"] for one in (name, "human"))
        # Not by chance: their own interval excludes people's distance, which is 0.
        assert caricature.value > human.value and caricature.low > 0

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_rules_guesses_and_reversed_people(self, full: Results, condition: Condition) -> None:
        assert full[condition, "anti_human"]["share_dist"].value > 0.9
        guessing = full[condition, "uniform"]
        assert "no_signal" in guessing.flags and math.isnan(guessing["share_dist"].value)
        assert abs(guessing["sharpness"].value) < 0.2
        # A rule is separated, with its attribute on top.
        rows = full[condition, "lexicographic"]
        assert "separated" in rows.flags and "no_signal" not in rows.flags
        shares = {id: abs(rows[id].value) for id in rows if id.startswith("imp_")}
        assert max(shares, key=lambda id: shares[id]) == "imp_age" and rows["imp_age"].value > 0.5
        check_nothing_read(full[condition, "refuser"])

    def test_always_a_is_recognized(self, full: Results) -> None:
        check_always_a(full["forced_choice", "first"])
        # Guessing has the value of the correction, within chance.
        rows, uniform = (full["forced_choice", name] for name in ("first", "uniform"))
        corrected = rows["distance"].value + rows["side_pull"].value
        assert uniform["distance"].low < corrected < uniform["distance"].high
        assert full["coin_flip", "first"]["pos_bias"].value == 0.5

    def test_the_documentation_prints_this_table(self, full: Results) -> None:
        pattern = r"<!-- known:[^\n]*-->\n(.*?)<!-- /known -->"
        block = re.search(pattern, PAGE.read_text("utf-8"), re.S)
        assert block and block[1].strip() == markdown(full).strip(), (
            "docs/respondents.md is stale: run `python docs/update_readme.py --known`"
        )
