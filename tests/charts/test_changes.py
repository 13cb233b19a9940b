"""Before and after, read from the SVG itself."""

from __future__ import annotations

import math

import pytest

from charts.drawn import Drawn, corners, middle, number
from kidney_evals.charts import ChangeRow, change_panel

NAN = math.nan
# 0.2 higher after, by 0.1 to 0.3: around 0.6 from 0.5 to 0.7.
ROW = ChangeRow("model", 0.4, 0.6, 0.1, 0.3)


def test_before_after_and_the_interval_stand_where_the_axis_says() -> None:
    found = Drawn(change_panel("Agreement", [ROW], low=0, high=1, people=0.8))
    rings, discs = found.of("circle", "open"), found.of("circle", "mark")
    # The second of each is in the key.
    assert [len(rings), len(discs)] == [2, 2]
    assert middle(rings[0])[0] == pytest.approx(found.across(0.4), abs=0.11)
    assert middle(discs[0])[0] == pytest.approx(found.across(0.6), abs=0.11)
    [joined] = found.of("line", "model", "line")
    assert number(joined, "x1") == middle(rings[0])[0]
    assert number(joined, "x2") == middle(discs[0])[0]
    whisker = found.of("line", "thin", "bar")[0]
    assert (number(whisker, "x1"), number(whisker, "x2")) == pytest.approx(
        (found.across(0.5), found.across(0.7)), abs=0.11
    )
    people = found.of("line", "people", "line")[0]
    assert number(people, "x1") == pytest.approx(found.across(0.8), abs=0.11)


def test_the_change_is_written_with_its_interval() -> None:
    found = Drawn(change_panel("Agreement", [ROW], low=0, high=1))
    assert "+0.20 (+0.10 to +0.30)" in found.said()
    assert found.titles() == [
        "model: 0.40 before, 0.60 after; change +0.20 (+0.10 to +0.30)",
    ]
    three = Drawn(change_panel("Agreement", [ROW], low=0, high=1, decimals=3))
    assert "+0.200 (+0.100 to +0.300)" in three.said()


def test_the_key_says_what_is_there() -> None:
    bare = ChangeRow("model", 0.4, 0.6, NAN, NAN)
    said = Drawn(change_panel("", [bare], low=0, high=1)).said()
    assert {"before", "after"} <= set(said)
    assert "interval of the change" not in said and not any("people" in one for one in said)
    said = Drawn(change_panel("", [ROW], low=0, high=1, people=0.8)).said()
    assert {"interval of the change", "people 0.80"} <= set(said)
    said = Drawn(change_panel("", [ROW], low=0, high=1, people=1.2)).said()
    assert "people 1.20, beyond the axis" in said


@pytest.mark.parametrize(
    ("before", "after", "rings", "discs"),
    [(0.4, NAN, 1, 0), (NAN, 0.6, 0, 1), (NAN, NAN, 0, 0)],
)
def test_what_is_missing_is_not_drawn(before: float, after: float, rings: int, discs: int) -> None:
    found = Drawn(change_panel("", [ChangeRow("model", before, after, 0.1, 0.3)], low=0, high=1))
    assert len(found.of("circle", "open")) - 1 == rings
    assert len(found.of("circle", "mark")) - 1 == discs
    assert not found.of("line", "line") and "–" in found.said()


def test_beyond_the_axis_an_arrow_stands_at_its_end() -> None:
    found = Drawn(change_panel("", [ChangeRow("model", -3, 4, 6, 8)], low=0, high=1))
    left, right = (corners(one)[0][0] for one in found.of("polygon", "beyond"))
    assert (left, right) == pytest.approx((found.across(0), found.across(1)), abs=0.11)


def test_lines_through_the_rows_do_not_go_through_words() -> None:
    rows = [ChangeRow(f"model {index}", 0.4, 0.6, 0.1, 0.3) for index in range(4)]
    found = Drawn(change_panel("Agreement", rows, low=-1, high=1, people=0.5))
    for line in [*found.of("line", "people", "line"), *found.of("line", "grid")]:
        for words in found.words:
            if words.left < number(line, "x1") < words.right:
                assert number(line, "y2") <= words.top or words.bottom <= number(line, "y1")


def test_a_panel_without_rows_says_so() -> None:
    assert "no values" in Drawn(change_panel("", [], low=0, high=1)).said()
