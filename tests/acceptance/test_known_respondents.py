"""What respondents with known values score: the proof that the rows mean what they say."""

import math
import re
from pathlib import Path

import pytest

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.lab.known_table import (
    RESPONDENTS,
    Results,
    markdown,
    run_known,
)
from kidney_evals.measures import find
from kidney_evals.reporting.rows import Rows
from kidney_evals.studies import CONDITIONS, Condition

README = Path(__file__).resolve().parents[2] / "README.md"

ANYWAY = ("readability", "controls")
"""Groups of rows that speak of every sample, answered or not (an unanswered control is failed)."""


def flipped(rows: Rows) -> None:
    """Check that the share of flips is people's: 16.9 % over the study's domain."""
    rate = rows["flip_rate"]
    assert rate.low < 0.169 < rate.high
    assert abs(rows["flip_gap"].value) < 0.04


def near_nothing(row: Quantity) -> bool:
    """Whether a distance is that of people themselves, within chance."""
    return row.low <= 0 <= row.high and abs(row.value) < 0.05


def reads_nothing(rows: Rows) -> None:
    """Check that nothing is said of a respondent who never answered."""
    assert rows["coverage"].value == 0 and rows["coverage"].n > 0
    assert rows["refusal"].value == 1
    silent = {name: row for name, row in rows.items() if find(name).group not in ANYWAY}
    assert {"distance", "share_dist", "imp_age"} <= set(silent)
    for name, row in silent.items():
        assert math.isnan(row.value) and row.n == 0 and not rows.baselines(name), name


def pulled_to_a_side(rows: Rows) -> None:
    """Check that always A is told, and gains nothing once its pull is put right."""
    bias = rows["pos_bias"]
    assert bias.value == 0.5 == bias.high and bias.low > 0
    # Both orders together favour nobody, ½ and ½, and that is what guessing gets in expectation.
    assert rows["distance"].value < 0
    righted = rows["distance"].value + rows["side_pull"].value
    assert righted == pytest.approx(rows.baselines("distance")["guessing"].value, abs=0.001)


@pytest.mark.slow
def test_forty_dilemmas_tell_people() -> None:
    runs = run_known(40, ("human",))
    flipped(runs["coin_flip", "human"])
    for condition in CONDITIONS:
        rows = runs[condition, "human"]
        # Of 40 dilemmas the distance is known to about ±.08, agreement to ±.06.
        assert rows["distance"].low <= 0 <= rows["distance"].high
        assert rows["agreement"].value == pytest.approx(0.9, abs=0.06)
        assert rows["share_dist"].value < 0.2
        assert rows["coverage"].value == 1
        assert not {"no_signal", "separated", "few"} & set(rows.flags)


def test_five_dilemmas_tell_always_a_and_nobody() -> None:
    runs = run_known(5, ("first", "refuser"))
    pulled_to_a_side(runs["forced_choice", "first"])
    for condition in CONDITIONS:
        assert "no_signal" in runs[condition, "first"].flags
        assert runs[condition, "first"]["swap_diff"].value == 1
        reads_nothing(runs[condition, "refuser"])


@pytest.fixture(scope="module")
def full() -> Results:
    return run_known(200)


slow = [pytest.mark.slow, pytest.mark.timeout(1800)]


class TestTwoHundredDilemmas:
    pytestmark = slow

    def test_everybody_ran(self, full: Results) -> None:
        assert set(full) == {(condition, name) for condition in CONDITIONS for name in RESPONDENTS}

    def test_people_are_people(self, full: Results) -> None:
        flipped(full["coin_flip", "human"])
        assert full["forced_choice", "human"]["agreement"].value == pytest.approx(0.89, abs=0.04)
        for condition in CONDITIONS:
            rows = full[condition, "human"]
            assert rows["share_dist"].value < 0.093
            assert near_nothing(rows["distance"])
            assert rows["coverage"].value == 1
        # Flips where people flip.
        calibration = full["coin_flip", "human"]["flip_calib"]
        assert calibration.low <= 0 <= calibration.high

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
        assert caricature.value > human.value
        # Not by chance: their own interval excludes people's distance, which is 0.
        assert caricature.low > 0

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_reversed_people_are_found_reversed(self, full: Results, condition: Condition) -> None:
        assert full[condition, "anti_human"]["share_dist"].value > 0.9

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_guessing_has_no_signal(self, full: Results, condition: Condition) -> None:
        rows = full[condition, "uniform"]
        assert "no_signal" in rows.flags
        assert math.isnan(rows["share_dist"].value)
        assert abs(rows["agree_adj"].value) < 0.1

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_a_rule_is_separated_with_its_attribute_on_top(
        self, full: Results, condition: Condition
    ) -> None:
        rows = full[condition, "lexicographic"]
        assert "separated" in rows.flags and "no_signal" not in rows.flags
        shares = {id: abs(rows[id].value) for id in rows if id.startswith("imp_")}
        assert max(shares, key=lambda id: shares[id]) == "imp_age" and rows["imp_age"].value > 0.5

    def test_always_a_is_told(self, full: Results) -> None:
        pulled_to_a_side(full["forced_choice", "first"])
        # And somebody who guesses has what the correction gives, within chance.
        rows, uniform = (full["forced_choice", name] for name in ("first", "uniform"))
        righted = rows["distance"].value + rows["side_pull"].value
        assert uniform["distance"].low < righted < uniform["distance"].high
        assert full["coin_flip", "first"]["pos_bias"].value == 0.5

    @pytest.mark.parametrize("condition", CONDITIONS)
    def test_nothing_is_said_of_a_refuser(self, full: Results, condition: Condition) -> None:
        reads_nothing(full[condition, "refuser"])

    def test_the_readme_prints_this_table(self, full: Results) -> None:
        block = re.search(
            r"<!-- known:[^\n]*-->\n(.*?)<!-- /known -->", README.read_text("utf-8"), re.S
        )
        assert block
        assert block[1].strip() == markdown(full).strip(), (
            "README.md is stale: run `python docs/update_readme.py --known`"
        )
