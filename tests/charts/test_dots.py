"""Dot plots: what stands where, read from the SVG itself."""

from __future__ import annotations

import math

import pytest

from charts.drawn import Drawn, corners, middle, number
from kidney_evals.charts import DotRow, dot_panel

NAN = math.nan
ROWS = [
    DotRow("people", 0.3, 0.25, 0.35, "people"),
    DotRow("model", -0.1, -0.2, 0.05, "model"),
    DotRow("majority", 0.5, NAN, NAN, "baseline"),
]


def test_values_and_intervals_stand_where_the_axis_says() -> None:
    found = Drawn(dot_panel("Age", ROWS, low=-0.4, high=0.6))
    [people] = found.of("polygon", "people", "mark")
    [model] = found.of("circle", "model", "mark")
    [baseline] = found.of("circle", "baseline", "open")
    for one, row in zip((people, model, baseline), ROWS, strict=True):
        assert middle(one)[0] == pytest.approx(found.across(row.value), abs=0.15)
    bars = found.of("line", "bar")
    ends = [(number(one, "x1"), number(one, "x2")) for one in bars]
    expected = [(found.across(row.low), found.across(row.high)) for row in ROWS[:2]]
    assert ends == [pytest.approx(one, abs=0.15) for one in expected]
    # 1.0 on the axis from -0.4 to 0.6 is its whole length: 0.4 of the values is 0.4 of it.
    [axis] = [one for one in found.of("line", "axis") if one.get("y1") == one.get("y2")]
    long = number(axis, "x2") - number(axis, "x1")
    assert middle(people)[0] - middle(model)[0] == pytest.approx(0.4 * long, abs=0.15)


def test_each_row_is_one_line_with_its_label_left_and_its_number_right() -> None:
    found = Drawn(dot_panel("Age", ROWS, low=-0.4, high=0.6, signed=True))
    for row, said in zip(ROWS, ("+0.30", "-0.10", "+0.50"), strict=True):
        label, value = found.place(row.label), found.place(said)
        assert label.y == value.y
        assert label.right < found.across(-0.4) and found.across(0.6) < value.left
    assert found.place("people").y < found.place("model").y < found.place("majority").y
    marks = [*found.of("polygon", "mark"), *found.of("circle", "mark"), *found.of("circle", "open")]
    # A text's base line is 4 below the middle of its letters.
    assert [middle(one)[1] + 4 for one in marks] == pytest.approx(
        [found.place(row.label).y for row in ROWS], abs=0.11
    )


@pytest.mark.parametrize(
    ("value", "decimals", "signed", "said"),
    [
        (0.1239, 2, False, "0.12"),
        (0.1239, 3, True, "+0.124"),
        (-0.0001, 2, True, "0.00"),
        (NAN, 2, True, "–"),
        (math.inf, 2, False, "–"),
    ],
)
def test_the_number_at_the_right(value: float, decimals: int, signed: bool, said: str) -> None:
    row = DotRow("model", value, NAN, NAN, "model")
    drawn = dot_panel("Age", [row], low=-1, high=1, decimals=decimals, signed=signed)
    assert said in Drawn(drawn).said()


def test_without_a_value_nothing_is_drawn_and_pointing_says_so() -> None:
    found = Drawn(dot_panel("Age", [DotRow("model", NAN, 0.1, 0.2, "model")], low=0, high=1))
    assert not found.of("circle") and not found.of("line", "bar")
    assert found.titles() == ["model: no value"]


@pytest.mark.parametrize(("value", "right"), [(2.0, True), (-2.0, False)])
def test_beyond_the_axis_an_arrow_stands_at_its_end(value: float, right: bool) -> None:
    row = DotRow("model", value, value - 1.5, value + 1.5, "model")
    found = Drawn(dot_panel("Age", [row], low=-1, high=1))
    [arrow] = found.of("polygon", "beyond")
    (tip, _), (foot, _), _ = corners(arrow)
    assert tip == pytest.approx(found.across(1 if right else -1), abs=0.11)
    assert (foot < tip) == right
    # The number is still the value's own, and the interval ends where the axis does.
    assert f"{value:.2f}" in found.said()
    ends = [number(one, end) for one in found.of("line", "bar") for end in ("x1", "x2")]
    assert min(ends) >= found.across(-1) - 0.11 and max(ends) <= found.across(1) + 0.11


def test_peoples_interval_is_a_band_and_their_value_a_line_through_all_rows() -> None:
    found = Drawn(dot_panel("Age", ROWS, low=-0.4, high=0.6, band=(0.25, 0.35), line=0.3))
    [band] = found.of("rect", "people", "band")
    assert number(band, "x") == pytest.approx(found.across(0.25), abs=0.11)
    # 0.1 of a length of 1.
    long = found.across(0.6) - found.across(-0.4)
    assert number(band, "width") == pytest.approx(0.1 * long, abs=0.15)
    [line] = found.of("line", "people", "line")
    assert number(line, "x1") == number(line, "x2") == pytest.approx(found.across(0.3), abs=0.11)
    for top, bottom in (
        (number(band, "y"), number(band, "y") + number(band, "height")),
        (number(line, "y1"), number(line, "y2")),
    ):
        assert top < found.place("people").y - 9 and found.place("majority").y < bottom


@pytest.mark.parametrize("band", [None, (NAN, 0.2), (0.7, 0.8), (-0.9, -0.5)])
def test_no_band_where_there_is_none_on_the_axis(band: tuple[float, float] | None) -> None:
    drawn = dot_panel("Age", ROWS, low=-0.4, high=0.6, band=band, line=0.7)
    assert not Drawn(drawn).of("rect", "band") and not Drawn(drawn).of("line", "line")


def test_a_band_that_goes_on_beyond_the_axis_ends_with_it() -> None:
    [band] = Drawn(dot_panel("", ROWS, low=0, high=1, band=(0.5, 7))).of("rect", "band")
    found = Drawn(dot_panel("", ROWS, low=0, high=1))
    assert number(band, "x") + number(band, "width") == pytest.approx(found.across(1), abs=0.15)


def test_simulated_people_are_dots_above_the_rows_and_called_so() -> None:
    dots = [-0.3, 0.0, 0.1, 0.55, NAN, 0.9, 1.0, -0.5]
    found = Drawn(dot_panel("Age", ROWS, low=-0.4, high=0.6, dots=dots))
    drawn = found.of("circle", "people", "dot")
    assert [middle(one)[0] for one in drawn] == pytest.approx(
        [found.across(one) for one in dots[:4]], abs=0.15
    )
    above = found.place("simulated people").y
    assert above < found.place("people").top
    assert all(middle(one)[1] < found.place("people").top for one in drawn)
    # 0.9 and 1.0 lie to the right, -0.5 to the left; NaN is nobody.
    assert len(found.of("polygon", "beyond")) == 2
    assert {
        "2 of 7 simulated people lie beyond the axis",
        "1 of 7 simulated people lie beyond the axis",
    } <= set(found.titles())


def test_no_strip_without_simulated_people() -> None:
    assert "simulated people" not in Drawn(dot_panel("Age", ROWS, low=0, high=1, dots=[NAN])).said()


def test_a_label_is_a_link_only_where_it_leads_somewhere() -> None:
    rows = [
        DotRow("one", 0.1, NAN, NAN, "model", href="logs/#/run & more"),
        DotRow("two", 0.1, NAN, NAN, "model"),
        *(
            DotRow(f"bad {index}", 0.1, NAN, NAN, "model", href=href)
            for index, href in enumerate(
                ("javascript:alert(1)", " JavaScript:x", "java\x00script:x", "data:text/html,x")
            )
        ),
        DotRow("web", 0.1, NAN, NAN, "model", href="https://example.org/a:b"),
    ]
    found = Drawn(dot_panel("Age", rows, low=0, high=1))
    links = [(one.get("href"), "".join(one.itertext())) for one in found.of("a")]
    assert links == [("logs/#/run & more", "one"), ("https://example.org/a:b", "web")]


def test_pointing_at_a_row_reads_it_with_its_interval() -> None:
    assert Drawn(dot_panel("Age", ROWS, low=-0.4, high=0.6)).titles() == [
        "people: 0.30 (0.25 to 0.35)",
        "model: -0.10 (-0.20 to 0.05)",
        "majority: 0.50",
    ]


def test_ticks_are_as_given_as_far_as_they_are_on_the_axis_and_fit() -> None:
    found = Drawn(dot_panel("Age", ROWS, low=0, high=1, ticks=[-1, 0, 0.01, 0.5, 1, 2]))
    foot = max(one.y for one in found.words)
    assert [one.said for one in found.words if one.y == foot] == ["0", "0.5", "1"]


def test_a_panel_without_rows_says_so() -> None:
    assert "no values" in Drawn(dot_panel("Age", [], low=0, high=1)).said()


@pytest.mark.parametrize(("low", "high"), [(1, 1), (1, 0), (NAN, 1), (0, math.inf)])
def test_an_axis_without_length_is_an_error(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=r"the first must be below the second"):
        dot_panel("Age", ROWS, low=low, high=high)


LONG = "lexicographic, reasons after"


def test_a_label_that_is_too_long_takes_two_lines_and_its_row_more_room() -> None:
    rows = [DotRow(label, 0.1, NAN, NAN, "model") for label in ("one", LONG, "two")]
    found = Drawn(dot_panel("Age", rows, low=0, high=1))
    first, second = found.place("lexicographic,"), found.place("reasons after")
    assert first.x == second.x and not first.over(second)
    marks = [middle(one)[1] for one in found.of("circle", "model", "mark")]
    # Half of a low row and half of a high one on either side: (21 + 32) / 2.
    assert marks[1] - marks[0] == marks[2] - marks[1] == pytest.approx(26.5)
    assert (first.y + second.y) / 2 - 4 == pytest.approx(marks[1], abs=0.11)
    assert any(said.startswith(f"{LONG}: 0.10") for said in found.titles())


def test_people_of_one_row_are_a_tick_on_it_alone() -> None:
    rows = [
        DotRow("a", 0.1, NAN, NAN, "model", people=0.4),
        DotRow("b", 0.2, NAN, NAN, "model", people=0.6),
        DotRow("c", 0.3, NAN, NAN, "model"),
        DotRow("d", 0.3, NAN, NAN, "model", people=2.0),
    ]
    found = Drawn(dot_panel("Age", rows, low=0, high=1))
    ticks = found.of("line", "people", "line")
    heights = [middle(one)[1] for one in found.of("circle", "model", "mark")]
    # None for nobody, none beyond the axis; what is beyond is said.
    assert [number(one, "x1") for one in ticks] == [
        pytest.approx(found.across(value), abs=0.15) for value in (0.4, 0.6)
    ]
    for tick, height in zip(ticks, heights[:2], strict=True):
        assert number(tick, "y1") < height < number(tick, "y2") < number(tick, "y1") + 21
    assert "d: 0.30; people 2.00" in found.titles()
