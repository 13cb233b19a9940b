"""Rows of values, changes and shares: what stands where, read from the SVG itself."""

from __future__ import annotations

import math
import re

import pytest

from charts.drawn import PARTS, Drawn, middle, near, number
from kidney_evals.charts import DotRow, ShareRow, dot_panel, share_panel

NAN = math.nan
ROWS = [
    DotRow("people", 0.3, 0.25, 0.35, "people"),
    DotRow("model", -0.1, -0.2, 0.05, "model"),
    DotRow("majority", 0.5, NAN, NAN, "baseline"),
]
# 0.2 higher after, by 0.1 to 0.3: around 0.6 from 0.5 to 0.7.
CHANGE = DotRow("model", 0.6, 0.1, 0.3, "model", before=0.4)
PEOPLE = ShareRow("people", (0.5, 0.3, 0.2, 0.0), "people", 118)
MODEL = ShareRow("model", (0.9, 0.02, 0.0, 0.08), "model", 1000)


def bars(found: Drawn, kind: str) -> list[tuple[float, float]]:
    """Return the ends of the intervals, without their caps."""
    ends = [(number(one, "x1"), number(one, "x2")) for one in found.of("line", kind, "bar")]
    return [(start, end) for start, end in ends if start != end]


def test_values_and_intervals_stand_where_the_axis_says() -> None:
    found = Drawn(dot_panel("Age", ROWS, low=-0.4, high=0.6))
    # People, models and baselines have marks of their own.
    marks = [
        *found.of("polygon", "people", "mark"),
        *found.of("circle", "model", "mark"),
        *found.of("circle", "baseline", "open"),
    ]
    for one, row in zip(marks, ROWS, strict=True):
        x, y = middle(one)
        assert x == near(found.across(row.value))
        # A text's base line is 4 below the middle of its letters.
        assert y + 4 == near(found.place(row.label).y)
    for row in ROWS[:2]:
        [(start, end)] = bars(found, row.kind)
        assert (start, end) == (near(found.across(row.low)), near(found.across(row.high)))
    assert not bars(found, "baseline")
    # 1.0 on the axis from -0.4 to 0.6 is its whole length: 0.4 of the values is 0.4 of it.
    [axis] = [one for one in found.of("line", "axis") if one.get("y1") == one.get("y2")]
    long = number(axis, "x2") - number(axis, "x1")
    assert middle(marks[0])[0] - middle(marks[1])[0] == near(0.4 * long)
    for row, words in zip(ROWS, ("+0.30", "-0.10", "+0.50"), strict=True):
        label, value = found.place(row.label), found.place(words)
        assert label.y == value.y and label.right < found.across(-0.4)
        assert found.across(0.6) < value.left
    assert found.titles() == [
        "people: +0.30 (+0.25 to +0.35)", "model: -0.10 (-0.20 to +0.05)", "majority: +0.50",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "decimals", "low", "words"),
    [
        (0.1239, 2, 0, "0.12"),
        (0.1239, 3, -1, "+0.124"),
        (-0.0001, 2, -1, "0.00"),
        (1.5e7, 2, 0, "1.50e+07"),
        (NAN, 2, -1, "–"),
        (math.inf, 2, 0, "–"),
    ],
)
def test_the_number_at_the_right(value: float, decimals: int, low: float, words: str) -> None:
    row = DotRow("model", value, NAN, NAN, "model")
    found = Drawn(dot_panel("Age", [row], low=low, high=1, decimals=decimals))
    assert words in found.said()
    assert found.titles() == [f"model: {words if words != '–' else 'no value'}"]
    assert len(found.of("circle")) == (words != "–")


def test_people_are_a_band_a_line_a_tick_and_dots() -> None:
    rows = [*ROWS, DotRow("own", 2.0, -3.0, 4.0, "model", people=5.0)]
    dots = [-0.3, 0.0, 0.1, NAN, 0.55]
    panel = dot_panel("Age", rows, low=-0.4, high=0.6, band=(0.25, 0.35), line=0.3, dots=dots)
    found = Drawn(panel)
    [band], [line, tick] = found.of("rect", "people", "band"), found.of("line", "people", "line")
    # The axis is extended to hold every value.
    width = found.across(0.35) - found.across(0.25)
    assert (number(band, "x"), number(band, "width")) == (near(found.across(0.25)), near(width))
    assert number(line, "x1") == number(line, "x2") == near(found.across(0.3))
    assert number(tick, "x1") == near(found.across(5))
    top, bottom = number(band, "y"), number(band, "y") + number(band, "height")
    assert (number(line, "y1"), number(line, "y2")) == (near(top), near(bottom))
    assert top < found.place("people").y - 9 and found.place("own").y < bottom
    # The tick is on its row alone.
    assert found.place("majority").y < number(tick, "y1") < found.place("own").y
    assert found.titles()[-1].endswith("; people +5.00")
    drawn = found.of("circle", "people", "dot")
    assert [middle(one)[0] for one in drawn] == [near(found.across(dots[i])) for i in (0, 1, 2, 4)]
    assert all(middle(one)[1] < found.place("people").top for one in drawn)
    bare = Drawn(dot_panel("Age", ROWS, low=-0.4, high=0.6, dots=[NAN]))
    assert not bare.of("rect", "band") and not bare.of("line", "line")
    assert "simulated people" in found.said() and "simulated people" not in bare.said()


def test_a_label_is_a_link_only_where_it_leads_somewhere_safe() -> None:
    bad = ("javascript:alert(1)", " JavaScript:x", "java\x00script:x", "data:text/html,x", "")
    good = ("logs/#/run & more", "https://example.org/a:b")
    rows = [DotRow("a", 0.1, NAN, NAN, "model", href=href) for href in (*bad, *good)]
    links = Drawn(dot_panel("Age", rows, low=0, high=1)).of("a")
    assert [(one.get("href"), "".join(one.itertext())) for one in links] == [
        (href, "a") for href in good
    ]


def test_a_label_that_is_too_wide_takes_two_lines_and_its_row_more_room() -> None:
    labels = ("one", "lexicographic, reasons after", "two")
    rows = [DotRow(label, 0.1, NAN, NAN, "model") for label in labels]
    found = Drawn(dot_panel("Age", rows, low=0, high=1))
    first, second = found.place("lexicographic,"), found.place("reasons after")
    assert first.x == second.x and not first.over(second)
    marks = [middle(one)[1] for one in found.of("circle", "model", "mark")]
    # Half of a low row and half of a high one on either side: (21 + 34) / 2.
    assert marks[1] - marks[0] == marks[2] - marks[1] == pytest.approx(27.5)
    assert (first.y + second.y) / 2 - 4 == near(marks[1])


def test_a_change_joins_before_and_after_and_is_written_with_its_interval() -> None:
    found = Drawn(dot_panel("Agreement", [CHANGE], low=0, high=1, line=0.8))
    # The second of each is in the key.
    ring, disc = found.of("circle", "open")[0], found.of("circle", "mark")[0]
    assert [middle(ring)[0], middle(disc)[0]] == [near(found.across(0.4)), near(found.across(0.6))]
    [joined] = found.of("line", "model", "line")
    assert (number(joined, "x1"), number(joined, "x2")) == (middle(ring)[0], middle(disc)[0])
    assert bars(found, "thin")[0] == (near(found.across(0.5)), near(found.across(0.7)))
    assert {"+0.20 (+0.10 to +0.30)", "before", "after", "people 0.80"} <= set(found.said())
    assert found.titles()[0] == "model: 0.40 before, 0.60 after; change +0.20 (+0.10 to +0.30)"


@pytest.mark.parametrize("panel", [dot_panel("", [], low=0, high=1), share_panel("", [], PARTS)])
def test_a_panel_without_rows_says_so(panel: str) -> None:
    assert "no values" in Drawn(panel).said()


def parts(found: Drawn, row: str) -> dict[int, tuple[float, float]]:
    """Return start and width of each part of the bar at a label's height."""
    return {
        int(match[1]): (number(one, "x"), number(one, "width"))
        for one in found.of("rect", "part")
        if (match := re.match(r"part(\d)", one.get("class", "")))
        and number(one, "y") < found.place(row).y - 4 < number(one, "y") + number(one, "height")
    }


def test_parts_are_as_wide_as_their_shares_and_follow_one_another() -> None:
    half = ShareRow("half", (0.5, 0.0, 0.0, 0.0), "model", 1)
    found = Drawn(share_panel("Dilemma 1", [PEOPLE, MODEL, half], PARTS))
    # 100 % is the width of people's bar: their shares make 1.
    whole = sum(width for _, width in parts(found, "people").values())
    for row in (PEOPLE, MODEL, half):
        drawn, start = parts(found, row.label), parts(found, "people")[0][0]
        # A share of 0 is not drawn.
        assert set(drawn) == {index for index, share in enumerate(row.shares) if share}
        for index, share in enumerate(row.shares):
            if share:
                assert drawn[index] == pytest.approx((start, share * whole), abs=0.3)
            start += share * whole
    words = found.said()
    assert {"50%", "30%", "90%", "n = 118", "n = 1,000"} <= set(words)
    assert "2%" not in words and "0%" not in words
    assert all(words.count(label) == 1 for label in PARTS)
    # The parts have patterns of their own.
    assert found.of("line", "stroke1") and found.of("line", "stroke2")


def test_missing_shares_are_named_and_a_part_without_name_is_not_in_the_key() -> None:
    labels = ("first", "second", "", "no answer")
    rows = [PEOPLE, ShareRow("model", (NAN,) * 4, "model", 0)]
    found = Drawn(share_panel("Dilemma 1", rows, labels))
    assert not parts(found, "model") and "no value" in found.said()
    assert found.titles() == [
        "people: first 50%, second 30%, no answer 0% (n = 118)", "model: no value",
    ]  # fmt: skip
    # The parts of people's bar that are not 0, and three in the key.
    assert len(found.of("rect", "part")) == 3 + 3
